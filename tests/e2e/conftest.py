"""Commands of `coldstart`, run in this process."""

import sys
from pathlib import Path

import pytest

from app.cli.main import main
from tests.e2e.commands import Coldstart, Run


@pytest.fixture(autouse=True)
def no_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests read from pipes, which have no width, whatever terminal they were started in."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def coldstart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Coldstart:
    """Runs commands in this process, so that torch is imported only once; their state is in `tmp_path`."""
    monkeypatch.setenv("COLDSTART_STATE_DIR", str(tmp_path))

    def run(*arguments: str | Path) -> Run:
        monkeypatch.setattr(sys, "argv", ["coldstart", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        captured = capsys.readouterr()
        return Run(int(exit_.value.code or 0), captured.out, captured.err)

    return run
