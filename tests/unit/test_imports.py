"""What is imported at start-up, by which its time is held without measuring it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SLOW_FOR_A_SERVER = ("tensorboard", "torch.utils.tensorboard", "lightgbm", "matplotlib", "redis", "asyncpg", "pooch")
"""Packages that no server needs, or only one whose settings ask for them."""

OF_TEXT_AND_TRAINING = ("sklearn", "scipy")
"""Packages that a server needs only if its schema has text."""


def imported_by(code: str) -> set[str]:
    """The modules that are imported after the code has run in a Python of its own."""
    ending = "import json, sys; sys.stderr.write(json.dumps(list(sys.modules)))"
    command = [sys.executable, "-c", f"{code}\n{ending}"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(finished.stderr))


@pytest.fixture(scope="module")
def of_server() -> set[str]:
    return imported_by("import app.main")


@pytest.mark.parametrize("package", SLOW_FOR_A_SERVER)
def test_server_imports_no_slow_optional_package(of_server: set[str], package: str) -> None:
    assert package not in of_server


@pytest.mark.parametrize("package", OF_TEXT_AND_TRAINING)
def test_server_without_text_fields_imports_no_text_package(of_server: set[str], package: str) -> None:
    assert package not in of_server


def test_server_imports_no_module_of_a_baseline(of_server: set[str]) -> None:
    assert {name for name in of_server if name.startswith("models.baselines.")} == {"models.baselines.base"}


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_command_line_option_imports_no_torch(option: str) -> None:
    code = f"""
from app.cli.main import app
try:
    app(["{option}"])
except SystemExit as end:
    assert end.code == 0
"""
    modules = imported_by(code)
    assert "typer" in modules
    assert not {"torch", "numpy", "sqlalchemy", "fastapi"} & modules
