"""What programs import at start-up. This keeps the start quick without measuring a time."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

OPTIONAL_PACKAGES = (
    "tensorboard",
    "torch.utils.tensorboard",
    "implicit",
    "lightgbm",
    "matplotlib",
    "optuna",
    "redis",
    "asyncpg",
    "pooch",
    "ray",
)
"""Packages that a server needs only with certain settings, or never."""

TEXT_PACKAGES = ("sklearn", "scipy")
"""Packages that a server needs only if its schema has text."""


def imported_by(code: str) -> set[str]:
    """The modules that a new Python process has imported after it has run the code."""
    ending = "import json, sys; sys.stderr.write(json.dumps(list(sys.modules)))"
    command = [sys.executable, "-c", f"{code}\n{ending}"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(finished.stderr))


@pytest.fixture(scope="module")
def server_modules() -> set[str]:
    return imported_by("import app.main")


@pytest.mark.parametrize("package", OPTIONAL_PACKAGES)
def test_server_imports_no_slow_optional_package(server_modules: set[str], package: str) -> None:
    assert package not in server_modules


@pytest.mark.parametrize("package", TEXT_PACKAGES)
def test_server_without_text_fields_imports_no_text_package(server_modules: set[str], package: str) -> None:
    assert package not in server_modules


def test_server_imports_no_module_of_a_baseline(server_modules: set[str]) -> None:
    assert {name for name in server_modules if name.startswith("models.baselines.")} == {
        "models.baselines.base",
        "models.baselines.lists",
        "models.baselines.lists.base",
    }


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
