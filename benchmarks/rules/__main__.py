"""Measure what the rules of lists cost, and write docs/results/rules.md, rules.json and rules.svg.

    python -m benchmarks.rules --data DIR [DIR …] [--only PART …] [--draws 3] [--seeds 3] [--work DIR]

Diversity of lists, items that fall after they were shown, and exploration of new items. The model is the preset
`coldstart`, trained into the work directory unless it is there already: the one that `benchmarks.quality` measures.
Figures of data sets and parts that are not measured stay as they are in rules.json.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter

from benchmarks.quality.contestants import REFERENCE, Contestants
from benchmarks.rules import diversity, exploration, repetition
from benchmarks.rules.page import Figures, page
from benchmarks.rules.plots import plot_rules
from models.data.reader import read_dataset
from models.data.splits import Split, SplitConfig
from models.ranking import Recommender
from models.training.threads import compute_in_one_thread

RESULTS = Path(__file__).parents[2] / "docs" / "results"
_STORED = RESULTS / "rules.json"
_FIGURES = TypeAdapter(dict[str, Figures])

_PARTS: Mapping[str, Callable[..., Any]] = {
    "diversity": lambda *data, draws, **_: diversity.measured(*data, draws=draws),
    "repetition": lambda *data, **_: repetition.measured(*data),
    "exploration": lambda *data, seeds, **_: exploration.measured(*data, seeds=seeds),
}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, nargs="+")
    parser.add_argument("--only", choices=_PARTS, nargs="+", default=list(_PARTS), help="what to measure")
    parser.add_argument("--draws", type=int, default=3, help="draws of the users' ratings, for diversity")
    parser.add_argument("--seeds", type=int, default=3, help="replays of each strength of exploration")
    parser.add_argument("--work", type=Path, default=Path(".coldstart/bench-quality"))
    arguments = parser.parse_args()
    compute_in_one_thread()
    for path in arguments.data:
        dataset, _ = read_dataset(path)
        split = Split.of(dataset, SplitConfig())
        model = Contestants(dataset, path, split, arguments.work / dataset.schema.name).trained(REFERENCE)
        recommender = Recommender(model, dataset.items)
        for part in arguments.only:
            measured = _PARTS[part](recommender, dataset, split, draws=arguments.draws, seeds=arguments.seeds)
            _store(dataset.schema.name, {part: measured})


def _store(data: str, measured: Mapping[str, Any]) -> None:
    """Replace some figures of a data set, and write the page with all that are stored."""
    stored = json.loads(_STORED.read_text(encoding="utf-8")) if _STORED.exists() else {}
    figures = _FIGURES.validate_python(stored)
    figures[data] = replace(figures.get(data, Figures()), **measured)
    text = json.dumps({name: asdict(own) for name, own in figures.items()}, indent=1, default=_plain)
    _STORED.write_text(text + "\n", encoding="utf-8")
    (RESULTS / "rules.md").write_text(page(figures), encoding="utf-8")
    plot_rules(figures, RESULTS / "rules.svg")


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever JSON does not know
    """Estimates, rounded so that a rerun on another machine changes little."""
    if isinstance(value, BaseModel):
        return {name: round(part, 6) if isinstance(part, float) else part for name, part in value.model_dump().items()}
    raise TypeError(type(value))


if __name__ == "__main__":
    main()
