"""The client package when it is installed without the service."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]

USE = """
from collections.abc import Coroutine
from typing import Any, assert_type

from coldstart_client import AsyncClient, Client, Evaluation, GivenRating, Rating, Ratings, Training, User


def use(client: Client) -> None:
    assert_type(client.get_user("ada"), User)
    assert_type(client.add_ratings("ada", [GivenRating("50", 5)], n=3), Ratings)
    for rating in client.list_ratings("ada"):
        assert_type(rating, Rating)
    assert_type(client.wait(client.start_evaluation()), Evaluation)
    assert_type(client.with_options(timeout_seconds=2).get_user("ada"), User)


async def use_async(client: AsyncClient) -> None:
    assert_type(await client.get_user("ada"), User)
    async for rating in client.list_ratings("ada", limit=7):
        assert_type(rating, Rating)
    assert_type(await client.wait(await client.start_training(), poll_seconds=5), Training)
    call: Coroutine[Any, Any, None] = client.delete_user("ada")
    await call
"""
MISUSE = """
from coldstart_client import Client


def use(client: Client) -> None:
    client.get_user(5)
    client.get_user()
    client.get_user("ada", number=5)
    client.wait("ada")
"""


def python(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Python with only the client of the repository on its path."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT / "client",
        env=os.environ | {"PYTHONPATH": str(ROOT / "client"), "MYPYPATH": str(ROOT / "client")},
    )


def test_package_imports_nothing_of_the_service() -> None:
    run = python("-c", "import sys, coldstart_client; print(*{name.partition('.')[0] for name in sys.modules})")

    assert run.returncode == 0, run.stderr
    assert "coldstart_client" in run.stdout.split()
    assert not {"app", "models", "torch", "numpy", "fastapi", "sqlalchemy"} & set(run.stdout.split())


def test_methods_of_both_clients_have_exact_types(tmp_path: Path) -> None:
    used, misused = tmp_path / "use.py", tmp_path / "misuse.py"
    used.write_text(USE, encoding="utf-8")
    misused.write_text(MISUSE, encoding="utf-8")

    run = python("-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", used, misused)

    errors = [line for line in run.stdout.splitlines() if ": error: " in line]
    assert len({line.split(":")[1] for line in errors}) == 4, run.stdout
    assert all(line.startswith(str(misused)) for line in errors), run.stdout
