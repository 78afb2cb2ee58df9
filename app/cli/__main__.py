"""`python -m app.cli` is `coldstart`."""

from app.cli.main import main

main()
