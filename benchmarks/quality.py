"""Every learner and every baseline on the same episodes: writes docs/results/quality.{md,json} and a plot.

    python -m benchmarks.quality --data DIR [--work DIR]

Users with 13 to 100 ratings in a state, 10 random query ratings, five draws; means over users of the means over draws,
bootstrap 95 % intervals over users, and paired differences to the preset `coldstart`. What is done is kept in the work
directory, so that an interrupted run goes on. Baselines get both decodings too: their `mae` is of the prediction
rounded to the nearest rating, their `mae_of_mean` of the prediction itself.
"""

import argparse
import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from app.cli.train import ProgressBar
from models.artifact import load_artifact
from models.baselines.bench import BENCH_BASELINES
from models.data.dataset import Dataset, State
from models.data.episodes import Episode, batches, evaluation_episodes
from models.data.reader import read_dataset
from models.data.splits import Split, SplitConfig
from models.meta.preset import load_preset
from models.metrics.bootstrap import bootstrap_means, interval_95
from models.predictors import Predict, by_baseline, by_learner, measure_users
from models.threads import compute_in_one_thread
from models.training import train

README = Path(__file__).parents[1] / "README.md"
RESULTS = README.parent / "docs" / "results"
PRESETS = ("coldstart", "melu")
NOT_ADAPTED = ", not adapted"
LEARNERS = tuple(preset + suffix for preset in PRESETS for suffix in ("", NOT_ADAPTED))
MARKERS = ("<!-- results: make bench-quality -->", "<!-- end of results -->")
PUBLISHED_MAE = {
    "MeLU-5 as published (Lee et al. 2019; warm in sample)": (0.785, 0.928, 0.924, 0.757),
    "MeLU's reference implementation, published settings, this split": (0.800, 0.935, 0.933, 0.846),
}
"""In the order of `STATES`: figures of others, which this program does not measure."""

REFERENCE = "coldstart"
SEEDS = range(5)
STATES = (State.USER_COLD, State.ITEM_COLD, State.USER_AND_ITEM_COLD, State.WARM)
TABLES = ("mae", "mae_of_mean", "rmse", "ndcg@1_linear", "ndcg@3_linear", "ndcg@1_exponential", "nll")
SUPPORT_SIZES = (0, 1, 2, 3, 5, 10, 20)
RESAMPLES = 2000

Values = dict[str, NDArray[np.float64]]
"""By measure, one value a user."""


@dataclass(frozen=True)
class Bench:
    """What is compared on, and where its results are kept."""

    dataset: Dataset
    data_path: Path
    split: Split
    work: Path

    def predictor(self, name: str) -> Predict:
        """Train or fit a predictor; trained models are kept."""
        if name not in LEARNERS:
            (kind,) = (baseline for baseline in BENCH_BASELINES if baseline.name == name)
            baseline = kind.fit(self.dataset, self.split.training)
            return by_baseline(baseline, self.dataset.schema.rating_scale, rounded=True)
        preset = name.removesuffix(NOT_ADAPTED)
        directory = self.work / preset
        if not directory.exists():
            with ProgressBar() as bar:
                train(self.dataset, load_preset(preset), directory, data_path=self.data_path, observer=bar)
        model = load_artifact(directory)
        steps = 0 if name.endswith(NOT_ADAPTED) else model.manifest.preset.local_update.steps
        return by_learner(model, self.dataset, steps=steps)

    def episodes(self, state: State, seed: int) -> list[Episode]:
        """The protocol's episodes of one draw."""
        return evaluation_episodes(self.dataset, self.split, state, seed=seed)

    def cells(self) -> Iterator[tuple[str, list[Episode]]]:
        """Everything that a predictor is measured on, each with its name."""
        for state in STATES:
            for seed in SEEDS:
                yield f"{state.label}-{seed}", self.episodes(state, seed)
            # The same users at every size, so that the curve is of sizes, not of users.
            long_enough = [
                episode for episode in self.episodes(state, 0) if len(episode.support_items) >= SUPPORT_SIZES[-1]
            ]
            for size in SUPPORT_SIZES:
                yield f"{state.label}-first-{size}", [_cut(episode, size) for episode in long_enough]


def main() -> None:
    """Measure what is not yet measured, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path(".coldstart/bench-quality"))
    arguments = parser.parse_args()
    compute_in_one_thread()
    dataset, _ = read_dataset(arguments.data)
    bench = Bench(dataset, arguments.data, Split.of(dataset, SplitConfig()), arguments.work)
    arguments.work.mkdir(parents=True, exist_ok=True)
    names = [*LEARNERS, *(baseline.name for baseline in BENCH_BASELINES)]
    results = {name: measured(bench, name) for name in names}
    figures = {
        "states": {state.label: state_figures(results, state) for state in STATES},
        "curves": {state.label: curves(results, state) for state in STATES},
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "quality.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    plot_curves(figures["curves"], RESULTS / "quality-curves.svg")
    (RESULTS / "quality.md").write_text(page(dataset.schema.name, figures), encoding="utf-8")
    replace_between_markers(README, readme_table(figures["states"]))


def measured(bench: Bench, name: str) -> dict[str, Values]:
    """A predictor's values in every cell, from the work directory where they are there."""
    file = bench.work / f"{name.replace(' ', '-')}.npz"
    if not file.exists():
        Console().print(f"measuring {name}")
        predict = bench.predictor(name)
        flat = {
            f"{cell}/{measure}": values
            for cell, episodes in bench.cells()
            for measure, values in measure_episodes(predict, episodes).items()
        }
        with (temporary := file.with_suffix(".new")).open("wb") as stream:
            np.savez_compressed(stream, **flat)
        temporary.replace(file)
    with np.load(file, allow_pickle=False) as stored:
        cells: dict[str, Values] = {}
        for key in stored.files:
            cell, measure = key.split("/")
            cells.setdefault(cell, {})[measure] = stored[key]
    return cells


def measure_episodes(predict: Predict, episodes: list[Episode]) -> Values:
    """Every measure of every episode, in the episodes' order."""
    collected: dict[str, NDArray[np.float64]] = {}
    for positions, batch in batches(episodes, 64):
        for measure, values in measure_users(batch, predict(batch)).items():
            collected.setdefault(measure, np.empty(len(episodes)))[positions] = values
    return collected


def state_figures(results: dict[str, dict[str, Values]], state: State) -> dict[str, dict[str, dict[str, float]]]:
    """By predictor and measure: the mean, its interval, and the paired difference of the reference to it."""
    by_predictor = {
        name: {
            measure: np.mean([cells[f"{state.label}-{seed}"][measure] for seed in SEEDS], axis=0)
            for measure in cells[f"{state.label}-0"]
        }
        for name, cells in results.items()
    }
    reference = by_predictor[REFERENCE]
    return {
        name: {measure: _figures(values, reference[measure], measure) for measure, values in own.items()}
        for name, own in by_predictor.items()
    }


def _figures(values: NDArray[np.float64], reference: NDArray[np.float64], measure: str) -> dict[str, float]:
    columns = np.stack([values, reference], axis=1)
    means, resampled = columns.mean(axis=0), bootstrap_means(columns, resamples=RESAMPLES, seed=0)
    if measure == "rmse":
        means, resampled = np.sqrt(means), np.sqrt(resampled)
    (low, difference_low), (high, difference_high) = interval_95(
        np.stack([resampled[:, 0], resampled[:, 1] - resampled[:, 0]], axis=1)
    )
    return {
        "value": float(means[0]),
        "low": float(low),
        "high": float(high),
        "reference_less_this": float(means[1] - means[0]),
        "difference_low": float(difference_low),
        "difference_high": float(difference_high),
    }


def curves(results: dict[str, dict[str, Values]], state: State) -> dict[str, list[float]]:
    """Each predictor's MAE at each support size."""
    return {
        name: [float(cells[f"{state.label}-first-{size}"]["mae"].mean()) for size in SUPPORT_SIZES]
        for name, cells in results.items()
    }


def plot_curves(by_state: dict[str, dict[str, list[float]]], file: Path) -> None:
    """MAE against the number of support ratings, one panel a state."""
    figure, panels = plt.subplots(1, len(by_state), figsize=(16, 4.5), sharex=True, layout="constrained")
    for panel, (state, by_predictor) in zip(panels, by_state.items(), strict=True):
        for name, maes in by_predictor.items():
            bold = name in PRESETS
            panel.plot(
                maes, label=name, linewidth=2.5 if bold else 1, alpha=1 if bold else 0.6, marker="." if bold else None
            )
        panel.set_title(state)
        panel.set_xticks(range(len(SUPPORT_SIZES)), [str(size) for size in SUPPORT_SIZES])
        panel.set_xlabel("support ratings")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("MAE, best decoding")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=6)
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


def page(data: str, figures: dict[str, dict[str, dict[str, dict[str, dict[str, float]]]]]) -> str:
    """The whole page."""
    parts = [
        f"# Quality: every learner and baseline on {data}",
        "Regenerated by `make bench-quality DATA=DIR`; all figures are in quality.json.",
        *(__doc__ or "").split("\n\n")[2:3],
        *(f"## {measure}\n\n{measure_table(figures['states'], measure)}" for measure in TABLES),
        f"## Paired differences in MAE\n\n`{REFERENCE}` less the row, with 95 % intervals: below 0, `{REFERENCE}` is "
        "better.\n\n" + difference_table(figures["states"], "mae"),
        "## MAE against the number of support ratings\n\n![curves](quality-curves.svg)\n\n"
        "The same users, those with 20 support ratings or more, at every size.",
        *(f"### {state}\n\n{curve_table(own)}" for state, own in figures["curves"].items()),
    ]
    return "\n\n".join(parts) + "\n"


def measure_table(states: dict[str, dict[str, dict[str, dict[str, float]]]], measure: str) -> str:
    """One measure of all predictors in all states, Markdown."""

    def cell(state: str, name: str) -> str:
        own = states[state][name].get(measure)
        return f"{own['value']:.3f} ({own['low']:.3f}–{own['high']:.3f})" if own else ""

    return _table(states, [name for name in next(iter(states.values())) if cell(next(iter(states)), name)], cell)


def readme_table(states: dict[str, dict[str, dict[str, dict[str, float]]]]) -> str:
    """The MAE of everything beside the published figures, Markdown."""
    published = [
        f"| {name} | " + " | ".join(f"{mae:.3f}" for mae in maes) + " |" for name, maes in PUBLISHED_MAE.items()
    ]
    header, line, *rows = _table(
        states, list(next(iter(states.values()))), lambda state, name: f"{states[state][name]['mae']['value']:.3f}"
    ).splitlines()
    return "\n".join([header.replace("| |", "| MAE |", 1), line, *published, *rows])


def replace_between_markers(path: Path, text: str) -> None:
    """Renew what stands between the markers of a Markdown file."""
    before, rest = path.read_text(encoding="utf-8").split(MARKERS[0])
    _, after = rest.split(MARKERS[1])
    path.write_text(f"{before}{MARKERS[0]}\n{text}\n{MARKERS[1]}{after}", encoding="utf-8")


def difference_table(states: dict[str, dict[str, dict[str, dict[str, float]]]], measure: str) -> str:
    """Paired differences of one measure, Markdown."""

    def cell(state: str, name: str) -> str:
        own = states[state][name][measure]
        return f"{own['reference_less_this']:+.4f} ({own['difference_low']:+.4f} to {own['difference_high']:+.4f})"

    return _table(states, [name for name in next(iter(states.values())) if name != REFERENCE], cell)


def _table(states: Collection[str], names: list[str], cell: Callable[[str, str], str]) -> str:
    rows = ["| | " + " | ".join(states) + " |", "|---|" + "---|" * len(states)]
    rows += [f"| {name} | " + " | ".join(cell(state, name) for state in states) + " |" for name in names]
    return "\n".join(rows)


def curve_table(by_predictor: dict[str, list[float]]) -> str:
    """One state's curves, Markdown."""
    rows = ["| MAE after | " + " | ".join(map(str, SUPPORT_SIZES)) + " |", "|---|" + "---|" * len(SUPPORT_SIZES)]
    rows += [f"| {name} | " + " | ".join(f"{mae:.3f}" for mae in maes) + " |" for name, maes in by_predictor.items()]
    return "\n".join(rows)


def _cut(episode: Episode, size: int) -> Episode:
    """The same episode with only the first support ratings."""
    return Episode(
        episode.state,
        episode.user,
        episode.support_items[:size],
        episode.support_ratings[:size],
        episode.query_items,
        episode.query_ratings,
    )


if __name__ == "__main__":
    main()
