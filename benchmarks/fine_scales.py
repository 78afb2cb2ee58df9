"""A fine rating scale against the same ratings on a coarse one: errors, likelihood and memory.

    python -m benchmarks.fine_scales --data DIR --out FILE.md [--work DIR]

writes the page and, beside it, the same figures as JSON. The ratings of the data set are mapped onto a scale from −10
to 10, and get noise from a fixed seed. The preset `coldstart` is trained on each scale into the work directory.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import table
from models.artifact import TrainedModel, load_artifact
from models.baselines import BASELINES, baseline_class
from models.data.dataset import Dataset, State
from models.data.episodes import batches
from models.data.evaluation_episodes import evaluation_episodes
from models.data.rating_scale import RatingScale
from models.data.reader import read_dataset
from models.data.splits import Split, SplitConfig
from models.evaluation import evaluate
from models.evaluation.config import EvaluationConfig
from models.evaluation.estimates import UserValues, compare_measures, concatenate_users, estimate_measures
from models.evaluation.predictors import BATCH_USERS, Predict, by_baseline, by_learner
from models.metrics import measure_title, measure_users
from models.train import train
from models.training.preset import load_preset
from models.training.threads import compute_in_one_thread

_PRESET = "coldstart"
_MODEL, _UNADAPTED = _PRESET, f"{_PRESET}, not adapted"
_RESAMPLES = 2000
_SHOWN = ("mae", "rmse", "nll")
_NOISE = 1.5  # standard deviation of the noise, in points of the new scale

SCALES: Mapping[str, RatingScale] = {
    "2,001 levels": RatingScale(minimum=-10, maximum=10, step=0.01),
    "21 levels": RatingScale(minimum=-10, maximum=10, step=1),
    "continuous": RatingScale(minimum=-10, maximum=10, continuous=True),
}

_PROTOCOL = f"""\
The lowest rating of the data set becomes −8 and the highest 8, with the others evenly between them. Each gets normal
noise with the standard deviation {_NOISE:g}, is cut off at −10 and 10, and is rounded to the nearest rating of the
scale. The noise is the same for all scales. States, episodes and baselines are those of `coldstart evaluate`.

In parentheses: the model less this predictor, with its paired bootstrap 95 % interval over users; below 0 the model is
better. The likelihood is that of the rating's level, so it can be compared among the predictors of one scale, not
across scales; on the continuous scale it is a density."""


Measured = dict[str, dict[str, dict[str, dict[str, float]]]]
"""By state, predictor and measure: its value; and the model's less that, with the ends of its interval."""


@dataclass(frozen=True)
class ScaleFigures:
    """What was measured on one scale.

    Attributes:
        measures: The errors and the likelihood.
        megabytes: Peak memory of a process that does nothing but a whole evaluation.
    """

    measures: Measured
    megabytes: float


def rescaled(dataset: Dataset, scale: RatingScale) -> Dataset:
    """The data set with its ratings mapped onto a scale from −10 to 10, with noise."""
    old = dataset.schema.rating_scale
    assert old is not None  # noqa: S101 - `read_dataset` of ratings
    places = (dataset.ratings.values.astype(np.float64) - old.minimum) / (old.maximum - old.minimum)
    noise = np.random.default_rng(0).normal(0.0, _NOISE, len(places))
    values = scale.nearest(np.clip(16 * places - 8 + noise, -10, 10)).astype(np.float32)
    return replace(
        dataset,
        schema=dataset.schema.model_copy(update={"rating_scale": scale}),
        ratings=replace(dataset.ratings, values=values),
    )


def trained(dataset: Dataset, directory: Path) -> TrainedModel:
    """The research model, trained unless it is there already. Its choice model is not measured and hardly trained."""
    if not (directory / "manifest.json").exists():
        preset = load_preset(_PRESET)
        brief = preset.choice.model_copy(update={"updates": 1, "updates_per_round": 1})
        train(dataset, preset.model_copy(update={"choice": brief}), directory, data_path=None, research_only=True)
    return load_artifact(directory)


def measured(model: TrainedModel, dataset: Dataset, scale: RatingScale) -> Measured:
    """By state, predictor and measure, its value and what the model's is less that."""
    split, config = Split.of(dataset, SplitConfig()), EvaluationConfig()
    predictors: dict[str, Predict] = {
        _MODEL: by_learner(model, dataset),
        _UNADAPTED: by_learner(model, dataset, steps=0),
        **{name: by_baseline(baseline_class(name).fit(dataset, split.training), scale) for name in BASELINES},
    }
    found: Measured = {}
    for state in State:
        episodes = evaluation_episodes(
            dataset,
            split,
            state,
            in_sample=False,
            order=config.order,
            query_size=config.query_size,
            min_ratings=config.min_ratings,
            max_ratings=config.max_ratings,
            seed=config.seed,
        )
        values: dict[str, UserValues] = {
            name: concatenate_users(
                [
                    measure_users(predict(batch), batch.query_ratings, batch.query_mask)
                    for _, batch in batches(episodes, BATCH_USERS)
                ]
            )
            for name, predict in predictors.items()
        }
        found[state.label] = {name: _figures(values[_MODEL], own) for name, own in values.items()}
    return found


def _figures(model: UserValues, own: UserValues) -> dict[str, dict[str, float]]:
    """The shown measures of one predictor, and what the model's are less these."""
    estimates = estimate_measures(own, resamples=_RESAMPLES, seed=0)
    compared = {} if own is model else compare_measures(model, own, resamples=_RESAMPLES, seed=0)
    found: dict[str, dict[str, float]] = {}
    for name in _SHOWN:
        if name in estimates:
            found[name] = {"value": estimates[name].value}
            if name in compared:
                difference = compared[name].difference
                found[name] |= {"difference": difference.value, "low": difference.low, "high": difference.high}
    return found


def peak_megabytes(data: Path, directory: Path, scale: str) -> float:
    """Peak memory of a process that loads the model and the data and evaluates with all quick baselines."""
    command = [sys.executable, "-m", "benchmarks.fine_scales", "--data", str(data), "--evaluate", str(directory), scale]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - this module
    return float(done.stdout)


def _own_peak_megabytes() -> float:
    """Peak memory of this process. That of `resource.getrusage` would include the process that started it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (peak,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(peak) / 1024


def page(figures: Mapping[str, ScaleFigures], name: str) -> str:
    """The page, as Markdown."""
    fine, coarse = figures["2,001 levels"].megabytes, figures["21 levels"].megabytes
    parts = [
        "# Fine rating scales",
        f"Regenerated by `python -m benchmarks.fine_scales --data DIR --out FILE.md` with {name}; all figures are in "
        "the JSON file beside it.",
        _PROTOCOL,
        "## Memory",
        f"Peak memory of a whole evaluation, model and data included. 2,001 levels need {fine / coarse:.2f} times as "
        "much as 21.",
        table(["scale", "MB"], [[scale, f"{found.megabytes:.0f}"] for scale, found in figures.items()]),
    ]
    for scale, found in figures.items():
        parts.append(f"## {scale}")
        for state, predictors in found.measures.items():
            rows = [[predictor, *(_shown(own.get(key)) for key in _SHOWN)] for predictor, own in predictors.items()]
            parts.append(table([f"`{state}`", *(measure_title(key) for key in _SHOWN)], rows))
    return "\n\n".join(parts) + "\n"


def _shown(cell: Mapping[str, float] | None) -> str:
    if cell is None:
        return ""
    value = f"{cell['value']:.3f}"
    if "difference" not in cell:
        return value
    return f"{value} ({cell['difference']:+.3f}: {cell['low']:+.3f} to {cell['high']:+.3f})"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--work", type=Path, default=Path(".coldstart/bench-fine-scales"))
    parser.add_argument(
        "--evaluate", nargs=2, metavar=("MODEL", "SCALE"), help="print the peak memory of an evaluation"
    )
    arguments = parser.parse_args()
    compute_in_one_thread()
    dataset, _ = read_dataset(arguments.data)
    if arguments.evaluate:
        directory, scale = arguments.evaluate
        evaluate(load_artifact(Path(directory)), rescaled(dataset, SCALES[scale]), EvaluationConfig())
        print(_own_peak_megabytes())
        return
    if arguments.out is None:
        parser.error("--out is needed")
    figures: dict[str, ScaleFigures] = {}
    for name, scale in SCALES.items():
        directory = arguments.work / dataset.schema.name / name.replace(" ", "-").replace(",", "")
        own = rescaled(dataset, scale)
        figures[name] = ScaleFigures(
            measured(trained(own, directory), own, scale), peak_megabytes(arguments.data, directory, name)
        )
    everything: dict[str, Any] = {name: vars(found) for name, found in figures.items()}
    arguments.out.write_text(page(figures, dataset.schema.name), encoding="utf-8")
    arguments.out.with_suffix(".json").write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
