"""Every file and command of docs/click-log.md, in its order, on a shop with more items and users than shown there."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.e2e.test_quickstart import ADDRESS, BASH, ROOT, blocks, free_port, is_ready
from tests.waiting import until

GUIDE = (ROOT / "docs/click-log.md").read_text(encoding="utf-8")
ITEMS, USERS = 60, 120
CURL = 'curl() { command curl --silent --show-error --fail-with-body "$@"; echo; }\n'


class Shop:
    """A directory in which the commands of the page run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        command = directory / "bin/coldstart"
        command.parent.mkdir()
        command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m app.cli "$@"\n', encoding="utf-8")
        command.chmod(0o755)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("COLDSTART_")}
        self.environment = inherited | {
            "PATH": f"{command.parent}:{os.environ['PATH']}",
            "COLDSTART_STATE_DIR": str(directory / "state"),
            "COLDSTART_PORT": str(self.port),
        }

    def run(self, commands: str) -> str:
        """Run commands, which must succeed; what they print."""
        script = "set -euo pipefail\n" + CURL + commands.replace(ADDRESS, f"http://127.0.0.1:{self.port}")
        done = subprocess.run(
            [BASH, "-c", script],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    @contextmanager
    def serving(self, command: str) -> Iterator[None]:
        """Run a command that serves, until the service is ready and then to the end of the block."""
        with subprocess.Popen([BASH, "-c", f"exec {command}"], cwd=self.directory, env=self.environment) as process:
            try:
                until(lambda: process.poll() is not None or is_ready(f"http://127.0.0.1:{self.port}"))
                assert process.poll() is None, "the command has ended"
                yield
            finally:
                process.terminate()


def write_shop(shop: Shop, products: str, log: str, schema: str) -> None:
    """The files of the page, with more lines: half of the users buy for the kitchen, half for the office."""
    generator = np.random.default_rng(0)
    shelves = ["Kitchen", "Office"]
    more = [f"x-{item},Thing {item},{shelves[item % 2]},{1 + item % 7}.50,tag{item % 5}|new" for item in range(ITEMS)]
    (shop.directory / "products.csv").write_text(products + "\n".join(more) + "\n", encoding="utf-8")
    lines = [
        f"u{user},x-{item},{'purchase' if place % 2 else 'view'},{1735700000 + 100 * place}"
        for user in range(USERS)
        for place, item in enumerate(generator.permutation(np.arange(user % 2, ITEMS, 2))[:14].tolist())
    ]
    (shop.directory / "log").mkdir()
    (shop.directory / "log/interactions.csv").write_text(log + "\n".join(lines) + "\n", encoding="utf-8")
    (shop.directory / "log/schema.toml").write_text(schema, encoding="utf-8")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_every_line_of_the_page_works(shop: Shop) -> None:
    (products, log), (schema,) = blocks(GUIDE, "csv"), blocks(GUIDE, "toml")
    first_day, ask, send, train, register = blocks(GUIDE, "sh")
    assert len(re.findall(r"^```", GUIDE, flags=re.MULTILINE)) == 2 * 8
    write_shop(shop, products, log, schema)
    init, serve = first_day.strip().splitlines()

    shown = shop.run(init)
    assert "category: categorical" in shown
    assert "tags: multi_valued" in shown
    with shop.serving(serve):
        candidates, recommended = (json.loads(line) for line in shop.run(ask).splitlines())
        assert len(candidates["items"]) == 3
        assert {item["predicted_rating"] for item in recommended["items"]} == {None}
        sent = json.loads(shop.run(send))
        shown_ids = {item["item_id"] for item in sent["recommendations"]["items"]}
        assert shown_ids.isdisjoint({"mug-01", "pen-02"})
        # The page trains for a minute; two epochs are enough to follow it.
        assert "--out model\n" in train
        printed = shop.run(train.replace("--out model\n", "--out model --epochs 2\n"))
        assert "preset: coldstart-implicit" in printed
        version = re.search(r"coldstart-implicit-[0-9a-f]{12}", shop.run(register))
        assert version is not None
        shop.run(f"coldstart model activate {version[0]}")
        address = f"http://127.0.0.1:{shop.port}/v1/users/ada/recommendations"
        until(lambda: httpx.get(address).json()["model_version"] == version[0])
        assert {"mug-01", "pen-02"}.isdisjoint(item["item_id"] for item in httpx.get(address).json()["items"])
