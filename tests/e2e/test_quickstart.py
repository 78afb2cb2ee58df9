"""Every command and snippet of docs/quickstart.md, on data that look like MovieLens 100K.

The fixtures do the installing, fetching and training of `make demo` in less time; other tests cover these steps.
"""

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest

from app.services.container import open_services
from app.settings import Settings
from app.storage.tables import KeyScope
from models.data.reader import read_dataset
from models.train import train
from models.training.preset import Preset

ROOT = Path(__file__).parents[2]
QUICKSTART = (ROOT / "docs/quickstart.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8000"

PRELUDE = """
set -euo pipefail
# A status of 400 or more is an error.
curl() { command curl --silent --show-error --fail-with-body "$@"; echo; }
# Without a network: the build tools and the dependencies are installed already.
pip() { "$PYTHON" -m pip --quiet --disable-pip-version-check "$@" --no-build-isolation --no-deps --target "$SITE"; }
"""

USERS, FILMS = 60, 300

BASH = shutil.which("bash") or "bash"


def sections() -> dict[str, str]:
    """The text below each heading, by heading."""
    _, *parts = re.split(r"^## (.+)$", QUICKSTART, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def write_movielens(directory: Path) -> None:
    """Ratings, users and films in the layout of MovieLens 100K."""
    generator = np.random.default_rng(0)
    directory.mkdir(parents=True)
    ratings = [
        f"{user}\t{film}\t{generator.integers(1, 6)}\t{881250949 + user}"
        for user in range(1, USERS + 1)
        for film in generator.permutation(FILMS)[:40] + 1
    ]
    users = [
        f"{user}|{18 + user}|{'FM'[user % 2]}|{'programmer' if user % 3 else 'artist'}|{user:05}"
        for user in range(1, USERS + 1)
    ]
    films = [
        f"{film}|Film {film} ({1950 + film % 50})|01-Jan-1996||http://x|0|" + "|".join(generator.choice(["0", "1"], 18))
        for film in range(1, FILMS + 1)
    ]
    for name, lines in (("u.data", ratings), ("u.user", users), ("u.item", films)):
        (directory / name).write_text("\n".join(lines) + "\n", encoding="latin-1")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, tiny_preset: Preset) -> Path:
    """A checkout in which `make demo` has done everything but start the server."""
    directory = tmp_path_factory.mktemp("checkout")
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy2(ROOT / name, directory)
    (directory / "client").symlink_to(ROOT / "client")
    data = directory / ".coldstart/data/ml-100k"
    write_movielens(data)
    train(
        read_dataset(data)[0], tiny_preset, directory / ".coldstart/models/ml-100k", data_path=data, research_only=True
    )
    command = directory / ".venv/bin/coldstart"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m app.cli "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    (directory / ".venv/installed").touch()
    return directory


def environment(checkout: Path, **variables: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COLDSTART_")}
    return inherited | {
        "PYTHON": sys.executable,
        "SITE": str(checkout / "site"),
        "PYTHONPATH": str(checkout / "site"),
        **variables,
    }


@contextmanager
def running(command: str, checkout: Path, **variables: str) -> Iterator[str]:
    """A command that serves; yields its address once it is ready."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [BASH, "-c", command],
        cwd=checkout,
        env=environment(checkout, PORT=str(port), **variables),
        start_new_session=True,
    ) as process:
        try:
            deadline = time.monotonic() + 300
            while not is_ready(address):
                assert process.poll() is None, "the command has ended"
                assert time.monotonic() < deadline, "the server does not become ready"
                time.sleep(0.2)
            yield address
        finally:
            os.killpg(process.pid, 15)


def is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health/ready").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def demo(checkout: Path) -> Iterator[str]:
    """The address of the service that the quickstart starts, on another port."""
    (command,) = blocks(sections()["Start the service"], "sh")
    with running(command, checkout) as address:
        yield address


def run(section: str, checkout: Path, address: str) -> str:
    """Run all blocks of a section, first those of the shell, then Python; returns what they print."""
    text = sections()[section].replace(ADDRESS, address)
    snippets = checkout / "snippets.py"
    snippets.write_text("\n".join(blocks(text, "python")), encoding="utf-8")
    script = "\n".join([PRELUDE, *blocks(text, "sh"), '"$PYTHON" snippets.py'])
    done = subprocess.run(
        [BASH, "-c", script], cwd=checkout, env=environment(checkout), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_every_block_of_the_quickstart_is_run() -> None:
    run_here = [block for text in sections().values() for kind in ("sh", "python") for block in blocks(text, kind)]

    assert len(run_here) == QUICKSTART.count("```") / 2
    assert set(sections()) == {"Start the service", "With curl", "With Python", "With a key"}


def test_quickstart_with_curl_works(checkout: Path, demo: str) -> None:
    printed = run("With curl", checkout, demo)

    assert '"user_id":"ada"' in printed
    assert '"title":"A new film"' in printed
    assert httpx.get(f"{demo}/v1/users/ada").status_code == 404


def test_quickstart_with_python_works(checkout: Path, demo: str) -> None:
    printed = run("With Python", checkout, demo)

    assert printed.count("Have you seen Film") == 5
    assert "ratings.0.rating must be on the scale from 1 to 5 in steps of 1" in printed
    assert "user-not-found" in printed
    assert "global mean" in printed


async def create_key(checkout: Path) -> None:
    """Create the first key; the service does not start without one."""
    async with open_services(Settings(state_dir=checkout / ".coldstart")) as services:
        await services.api_keys.create("first", KeyScope.ADMIN)


def test_quickstart_with_a_key_works(checkout: Path) -> None:
    asyncio.run(create_key(checkout))
    serve = "exec .venv/bin/coldstart serve --model .coldstart/models/ml-100k --port $PORT"
    with running(serve, checkout, COLDSTART_ALLOW_ANONYMOUS="false") as address:
        assert httpx.get(f"{address}/v1/schema").status_code == 401

        assert "maximum=5.0" in run("With a key", checkout, address)
