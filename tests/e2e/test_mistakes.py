"""Every mistake of a user gets one sentence that names what is wrong, before any work starts, and exit code 2."""

import logging
import os
import re
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn

from app.cli.main import main
from app.main import create_app
from app.settings import Settings

Fail = Callable[..., str]


@pytest.fixture
def fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Fail:
    """Runs a command that has to fail, and gives what it says, without line breaks and frames."""
    for name in [name for name in os.environ if name.startswith("COLDSTART_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLDSTART_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: object, **variables: object) -> str:
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))
        monkeypatch.setattr(sys, "argv", ["coldstart", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        said = capsys.readouterr()
        assert exit_.value.code == 2, said.err
        assert "Traceback" not in said.err + said.out
        assert "pydantic" not in said.err
        sentence = " ".join(re.sub("[╭─╮│╰╯]", " ", said.err).split())
        assert len(sentence) < 500, sentence
        return sentence

    return run


@pytest.fixture
def used_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("PORT", "abc", "must be a valid integer"),
        ("PORT", "70000", "must be less than or equal to 65535"),
        ("ALLOW_ANONYMOUS", "perhaps", "must be a valid boolean"),
        ("CANDIDATE_STRATEGY", "best", "must be 'gradient_popularity'"),
        ("RATE_LIMIT", "much", "must be a rate such as 600/minute"),
        ("LOG_FORMAT", "xml", "must be 'json' or 'text'"),
        ("CORS_ORIGINS", "https://shop.example", "must be JSON, such as"),
        ("CORS_ORIGINS", '["shop.example"]', "must be an origin such as https://shop.example"),
        ("ALLOWED_HOSTS", '["http://box"]', "must be a host name such as shop.example"),
        ("REDIS_URL", "http://hunter2@host", "must be a URL such as redis://"),
        ("REDIS_URL", "redis://:hunter2@host:port", "must be a URL such as redis://"),
        ("JOB_SILENCE_SECONDS", "1", "must be greater than or equal to 2"),
        ("MAX_RANKINGS", "0", "must be greater than or equal to 1"),
        ("DATABASE_URL", "hunter2", "cannot be read: use sqlite+aiosqlite:///FILE or postgresql+asyncpg://"),
        ("DATABASE_URL", "postgresql://u:hunter2@host:port/x", "cannot be read"),
        ("DATABASE_URL", "mysql://u:hunter2@host/x", "mysql is not supported: use sqlite"),
        ("DATABASE_URL", "sqlite+aiosqlite://", "SQLite needs a file"),
        ("DATABASE_URL", "sqlite+aiosqlite:////dev/null/x/coldstart.db", "the directory /dev/null/x cannot be made"),
        ("DATABASE_URL", "postgresql://u:hunter2@127.0.0.1:1/x", "correct the setting, or see that the database runs"),
        ("DATA_DIR", "/nowhere", "there is no directory /nowhere"),
        ("STATE_DIR", "/dev/null/state", "cannot be made"),
        ("DEVICE", "gpu", "device 'gpu' cannot be used here"),
        ("DEVICE", "cuda:99", "device 'cuda:99' cannot be used here"),
        ("MODEL_DIR", "/nowhere", "is /nowhere an artifact?"),
        ("HOST", "no-such-host.invalid", "correct --host or COLDSTART_HOST"),
    ],
)
def test_serve_with_a_wrong_setting_says_which(fail: Fail, variable: str, value: str, said: str) -> None:
    sentence = fail("serve", **{f"COLDSTART_{variable}": value})

    assert said in sentence
    if variable not in {"DEVICE", "MODEL_DIR"}:
        assert f"COLDSTART_{variable}" in sentence
    assert "default factory" not in sentence
    assert "hunter2" not in sentence


@pytest.mark.parametrize(
    "command",
    [
        ["worker"],
        ["migrate"],
        ["model", "list"],
        ["model", "activate", "x"],
        ["key", "list"],
        ["key", "create", "x", "--scope", "read"],
        ["import", "items", "--data", "DATA"],
        ["train", "--from-database", "--out", "OUT"],
    ],
    ids=" ".join,
)
def test_command_with_a_wrong_database_says_so_first(
    fail: Fail, dataset_dir: Path, tmp_path: Path, command: list[str]
) -> None:
    paths = {"DATA": str(dataset_dir), "OUT": str(tmp_path / "model")}
    arguments = [paths.get(each, each) for each in command]

    assert "COLDSTART_PORT: must be a valid integer" in fail(*arguments, COLDSTART_PORT="abc")
    os.environ.pop("COLDSTART_PORT")
    sentence = fail(*arguments, COLDSTART_DATABASE_URL="postgresql://u:hunter2@127.0.0.1:1/x")
    assert "the database of COLDSTART_DATABASE_URL cannot be used" in sentence
    assert "hunter2" not in sentence


def test_serve_at_a_used_port_says_how_to_choose_another(fail: Fail, used_port: int) -> None:
    assert f"port {used_port} is in use by another program" in fail("serve", "--port", used_port)


def test_serve_with_a_file_that_is_no_database_says_so(fail: Fail, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database " * 100, encoding="utf-8")
    assert "file is not a database" in fail("serve", COLDSTART_DATABASE_URL=f"sqlite:///{file}")


@pytest.mark.parametrize("option", ["--html", "--json", "--predictions"])
def test_evaluate_into_a_missing_folder_says_so_before_it_reads_anything(
    fail: Fail, dataset_dir: Path, tmp_path: Path, option: str
) -> None:
    wrong = ("evaluate", "--model", "nowhere", "--data", dataset_dir, option)

    assert f"{option}: the directory {tmp_path}/missing does not exist" in fail(*wrong, tmp_path / "missing" / "x")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--states", "warm,cold"], "--states: 'cold' is not a state: use warm"),
        (["--states", "warm,warm"], "--states: name each state once"),
        (["--steps", "1000"], "--steps: Input should be less than or equal to 100"),
        (["--device", "gpu"], "device 'gpu' cannot be used here"),
        (["--schema", "missing.toml"], "missing.toml: cannot be read: No such file or directory"),
        ([], "nowhere/manifest.json: does not exist; is nowhere an artifact?"),
    ],
)
def test_evaluate_with_a_wrong_option_says_which(
    fail: Fail, dataset_dir: Path, model_dir: Path, options: list[str], said: str
) -> None:
    model = "nowhere" if not options else model_dir
    assert said in fail("evaluate", "--model", model, "--data", dataset_dir, *options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--preset", "best"], "no preset 'best': use one of"),
        (["--preset", "missing.toml"], "no preset 'missing.toml'"),
        (["--device", "cuda:99"], "device 'cuda:99' cannot be used here"),
        (["--schema", "BAD"], "is not TOML"),
        (["--schema", "WRONG"], "rating_scale"),
    ],
)
def test_train_with_a_wrong_option_says_which(
    fail: Fail, dataset_dir: Path, tmp_path: Path, options: list[str], said: str
) -> None:
    files = {"BAD": "name =", "WRONG": 'name = "x"\n[rating_scale]\nminimum = "low"'}
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    arguments = [str(tmp_path / each) if each in files else each for each in options]

    assert said in fail("train", "--data", dataset_dir, "--out", tmp_path / "model", *arguments)


@pytest.mark.parametrize("command", [["train", "--data", "DATA", "--out"], ["data", "fetch", "ml-100k", "--to"]])
def test_output_below_a_file_is_refused(fail: Fail, dataset_dir: Path, tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    arguments = [str(dataset_dir) if each == "DATA" else each for each in command]

    assert "file is not a directory: choose another one" in fail(*arguments, tmp_path / "file" / "model")


def test_database_that_is_a_directory_is_named(fail: Fail, tmp_path: Path) -> None:
    assert "unable to open database file" in fail("migrate", COLDSTART_DATABASE_URL=f"sqlite:///{tmp_path}")


async def test_failure_while_the_application_starts_is_a_sentence_in_the_server_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With uvicorn's own command line there are no checks before the start."""
    app = create_app(Settings(state_dir=tmp_path), model_dir=tmp_path / "nowhere")
    with caplog.at_level(logging.ERROR), pytest.raises(SystemExit):
        await uvicorn.Server(uvicorn.Config(app, port=0, log_config=None)).serve()

    assert f"{tmp_path}/nowhere/manifest.json: does not exist" in caplog.text
    assert "Traceback" not in caplog.text
