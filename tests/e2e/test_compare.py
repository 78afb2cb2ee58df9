"""`coldstart compare` as a user runs it."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.e2e.commands import Coldstart

QUICK = """
[inputs]
embedding_dim = 4

[learner]
kind = "{kind}"
hidden = [8]

[training]
epochs = 1
patience = 1
learning_rate = 1e-2

[choice]
dimensions = 4
updates = 5
"""


def test_compare_writes_a_leaderboard(coldstart: Coldstart, dataset_dir: Path, tmp_path: Path) -> None:
    for kind in ("melu", "matching"):
        (tmp_path / f"quick-{kind}.toml").write_text(QUICK.format(kind=kind), encoding="utf-8")
    learners = f"{tmp_path}/quick-melu.toml,{tmp_path}/quick-matching.toml"
    output = tmp_path / "board"
    options = ("--learners", learners, "--seeds", "1", "--no-baselines", "--processes", "1", "--out", output)
    run = coldstart("compare", "--data", dataset_dir, *options)
    assert run.code == 0
    assert "quick-melu" in run.out
    assert "quick-matching: ratings, seed 0: done" in run.err
    written = json.loads((output / "leaderboard.json").read_text(encoding="utf-8"))
    page = (output / "leaderboard.md").read_text(encoding="utf-8")
    for contestant in written["contestants"]:
        assert f"{contestant['states']['user_cold']['measures']['mae']['value']:.3f}" in page
    plots = sorted(output.glob("leaderboard-*.svg"))
    assert plots
    for plot in plots:
        assert plot.name in page
        assert ET.parse(plot).getroot().tag.endswith("svg")  # noqa: S314 - this program wrote it

    again = coldstart("compare", "--data", dataset_dir, *options, "--json")
    assert json.loads(again.out) == written
    assert "done" not in again.err


def test_mistakes_are_named_before_any_work(coldstart: Coldstart, dataset_dir: Path, tmp_path: Path) -> None:
    run = coldstart("compare", "--data", dataset_dir, "--learners", "coldstart,nope", "--out", tmp_path / "board")
    assert run.code == 2
    assert "no preset 'nope'" in run.err
    (tmp_path / "file").write_text("", encoding="utf-8")
    run = coldstart("compare", "--data", dataset_dir, "--out", tmp_path / "file")
    assert run.code == 2
    assert "--out" in run.err
    assert list(tmp_path.glob("*.work")) == []


def test_help_says_what_is_written(coldstart: Coldstart) -> None:
    run = coldstart("compare", "--help")
    assert run.code == 0
    assert "leaderboard.md" in run.out
