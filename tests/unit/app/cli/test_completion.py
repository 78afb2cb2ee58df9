"""Tab completes names, without the imports that take long."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import completion
from app.cli.evaluate import QueryOrder
from app.cli.imports import ImportedPart
from app.cli.keys import Scope
from app.services.imports import Imported
from app.storage.tables import KeyScope
from models.data.dataset import State
from models.data.download import PUBLIC_DATASETS
from models.data.evaluation_episodes import Order
from models.training.preset import PRESETS

LINES = {
    "coldstart mod": {"model"},
    "coldstart train --preset mat": {"matching"},
    "coldstart train --dev": {"--device"},
    "coldstart compare --learners melu,mat": {"melu,matching"},
    "coldstart evaluate --states ": {"warm", "user_cold", "item_cold", "user_and_item_cold"},
    "coldstart evaluate --states warm,us": {"warm,user_cold", "warm,user_and_item_cold"},
    "coldstart evaluate --order ": {"random", "time"},
    "coldstart serve --candidate-strategy pop": {"popularity", "popularity_entropy"},
    "coldstart data fetch ml-1": {"ml-100k", "ml-1m"},
    "coldstart import r": {"ratings"},
    "coldstart init --malformed ": {"refuse", "skip"},
    "coldstart key create x --scope ": {"read", "write", "admin"},
    "coldstart key revoke ": set(),
    "coldstart model activate ": set(),
    "coldstart model c": {"challenge"},
}
"""What is typed before Tab, and what it offers."""

PROGRAM = """
import contextlib, io, json, os, sys
from app.cli.main import main

answers = {}
for line in json.loads(sys.stdin.read()):
    os.environ |= {"_COLDSTART_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    sys.argv = ["coldstart"]
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.suppress(SystemExit):
        main()
    answers[line] = printed.getvalue().split()
print(json.dumps({"answers": answers, "modules": sorted(sys.modules)}))
"""


def test_tab_offers_names_without_the_imports_that_take_long(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COLDSTART_")}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(list(LINES)),
        env={**environment, "COLDSTART_STATE_DIR": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(run.stdout)

    assert {line: set(offered) for line, offered in result["answers"].items()} == LINES
    assert {"torch", "polars", "sklearn", "sqlalchemy", "fastapi"} & set(result["modules"]) == set()
    assert not (tmp_path / "state").exists()


def test_names_for_completion_are_those_of_the_modules_that_take_long_to_import() -> None:
    assert tuple(state.label for state in State) == completion.STATES
    assert set(completion.DATASETS) == set(PUBLIC_DATASETS)
    assert completion.complete_preset("") == sorted(path.stem for path in PRESETS.glob("*.toml"))
    assert [order.value for order in QueryOrder] == [order.value for order in Order]
    assert [part.value for part in ImportedPart] == [part.value for part in Imported]
    assert [scope.value for scope in Scope] == [scope.value for scope in KeyScope]


@pytest.mark.parametrize("url", ["sqlite:////nowhere/x.db", "postgresql://u@127.0.0.1:1/x", "nonsense"])
def test_tab_offers_nothing_where_the_database_cannot_be_read(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDSTART_DATABASE_URL", url)

    assert completion.complete_model_version("") == []
    assert completion.complete_key("") == []
