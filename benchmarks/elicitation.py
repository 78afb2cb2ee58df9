"""What asking is worth, by strategy: writes docs/results/elicitation.{md,json} and a plot.

    python -m benchmarks.elicitation --data DIR [--work DIR]

New users with 13 ratings or more. A random half of a user's ratings is what he or she can answer, and a question about
anything else is skipped; the other half is predicted from the answers. Five splits; means over users of the means over
splits, with bootstrap 95 % intervals over users, and paired differences to asking for the most popular items.

Asked by the preset `coldstart`. How stable gradient × popularity is, models of two seeds of each preset tell. They are
trained into the work directory, and what is measured is kept there, one file a strategy under the model's version, so
that an interrupted run goes on.
"""

import argparse
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from app.cli.train import ProgressBar
from models.artifact import TrainedModel, load_artifact
from models.data.dataset import Dataset, State
from models.data.episodes import Episode
from models.data.reader import read_dataset
from models.data.splits import Split
from models.elicitation.asked import Asked
from models.elicitation.base import QuestionStrategy
from models.elicitation.fixed import FixedQuestions
from models.elicitation.statistics import adapted_histories
from models.elicitation.strategy import Strategy
from models.evaluation.estimates import estimate_means
from models.evaluation.predictors import Predict, by_learner, encoded_for, measure_episodes
from models.metrics import MAE, measure_caption
from models.metrics.measure import mean_where
from models.ranking import Recommender
from models.train import train
from models.training.preset import load_preset
from models.training.threads import compute_in_one_thread

RESULTS = Path(__file__).parents[1] / "docs" / "results"
PRESETS = ("coldstart", "melu")
UNIT_ERROR = "scaled to unit error"
DIVIDED_BY_ERROR = "divided by itself"
SCALINGS = (UNIT_ERROR, DIVIDED_BY_ERROR)
NOTHING = "nothing asked"
REFERENCE = Strategy.POPULARITY
NAMES = (NOTHING, *Strategy)
QUESTIONS = (5, 10, 20)
ANSWERED = "answered"
MEASURES = (MAE.name, "ndcg@3_linear", ANSWERED)
"""Two measures of the predictions, and the share of the questions that were answered."""

SPLITS = range(5)
MIN_RATINGS = 13
BANDS = {"13 to 100 ratings": 100, "13 ratings or more": np.inf}
"""By name, the most ratings of a user."""

BATCH_USERS = 64
RESAMPLES = 2000

Values = dict[str, NDArray[np.float64]]
"""By questions and measure, such as `5/mae`: one value a user, the mean over the splits."""

Figures = dict[str, dict[str, dict[str, dict[str, float]]]]
"""By band, strategy and questions/measure: the value, its interval, and the paired difference to the reference."""


@dataclass(frozen=True)
class Person:
    """A new user in one split.

    Attributes:
        episode: The support set is all that the user can answer.
        ratings: How many ratings the user has in all.
    """

    episode: Episode
    ratings: int

    def answering(self, items: NDArray[np.int64]) -> Episode:
        """The episode after questions about these items."""
        return self.episode.with_support(np.isin(self.episode.support_items, items))


@dataclass(frozen=True)
class Bench:
    """Whom to ask, by which model."""

    dataset: Dataset
    model: TrainedModel

    @cached_property
    def recommender(self) -> Recommender:
        """The model over the data set's items."""
        return Recommender(self.model, self.dataset.items)

    @cached_property
    def predict(self) -> Predict:
        """The model's predictions."""
        return by_learner(self.model, self.dataset)

    def people(self, split: int) -> list[Person]:
        """All new users with enough ratings, each with a random half of the ratings to answer from."""
        states = Split.of(self.dataset, self.model.split).states
        ratings = self.dataset.ratings
        people = []
        for user in range(len(self.dataset.users)):
            own = slice(ratings.offsets[user], ratings.offsets[user + 1])
            rows = own.start + np.flatnonzero(states[own] == State.USER_COLD)
            if len(rows) < MIN_RATINGS:
                continue
            shuffled = np.random.default_rng([split, user]).permutation(rows)
            support, query = shuffled[: len(rows) // 2], shuffled[len(rows) // 2 :]
            episode = Episode.of(ratings, state=State.USER_COLD, user=user, support=support, query=query)
            people.append(Person(episode, len(rows)))
        return people

    def asked(self, name: str, people: list[Person], split: int) -> NDArray[np.int64]:
        """What each is asked about, in order; int64 [people, questions]."""
        if name == NOTHING:
            return np.empty((len(people), 0), dtype=np.int64)
        questions = self.recommender.questions(Strategy(name)).with_seed(split)
        if isinstance(questions, FixedQuestions):
            everything = np.ones((1, len(self.dataset.items)), dtype=np.bool_)
            return np.repeat(questions.choose(Asked.nothing(1), everything, QUESTIONS[-1])[0], len(people), axis=0)
        chunks = range(0, len(people), BATCH_USERS)
        return np.concatenate([self._asked_in_turn(questions, people[start : start + BATCH_USERS]) for start in chunks])

    def _asked_in_turn(self, questions: QuestionStrategy, people: list[Person]) -> NDArray[np.int64]:
        known = np.zeros((len(people), len(self.dataset.items)), dtype=np.bool_)
        for row, person in enumerate(people):
            known[row, person.episode.support_items] = True
        items = np.empty((len(people), 0), dtype=np.int64)
        for _ in range(QUESTIONS[-1]):
            answered = np.take_along_axis(known, items, axis=1)
            asked = Asked(items, answered, np.ones(items.shape, dtype=np.bool_))
            chosen, _ = questions.choose(asked, np.ones_like(known), 1)
            items = np.concatenate([items, chosen], axis=1)
        return items


def main() -> None:
    """Measure what is not yet measured, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path(".coldstart/bench-elicitation"))
    arguments = parser.parse_args()
    compute_in_one_thread()
    dataset, _ = read_dataset(arguments.data)
    models = {
        preset: [_trained(dataset, arguments.data, arguments.work, preset, seed) for seed in range(2)]
        for preset in PRESETS
    }
    bench = Bench(dataset, models[PRESETS[0]][0])
    results = {name: measured(bench, name, arguments.work / bench.model.version) for name in NAMES}
    counts = np.array([person.ratings for person in bench.people(0)])
    figures = {
        "users": {band: int((counts <= most).sum()) for band, most in BANDS.items()},
        "bands": {band: band_figures(results, counts <= most) for band, most in BANDS.items()},
        "overlap": {preset: overlap(dataset, *own) for preset, own in models.items()},
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "elicitation.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    plot(figures["bands"], RESULTS / "elicitation.svg")
    (RESULTS / "elicitation.md").write_text(page(dataset.schema.name, figures), encoding="utf-8")


def _trained(dataset: Dataset, data_path: Path, work: Path, preset: str, seed: int) -> TrainedModel:
    """The preset's model of a seed, trained if it is not there."""
    directory = work / f"{preset}-seed-{seed}"
    if not directory.exists():
        with ProgressBar() as bar:
            train(
                dataset,
                load_preset(preset).with_training(seed=seed),
                directory,
                data_path=data_path,
                research_only=True,
                observer=bar,
            )
    return load_artifact(directory)


def measured(bench: Bench, name: str, directory: Path) -> Values:
    """A strategy's values, from the directory where they are there."""
    file = directory / f"{name.replace(' ', '-')}.npz"
    if not file.exists():
        Console().print(f"measuring {name}")
        values = measure(bench, name)
        directory.mkdir(parents=True, exist_ok=True)
        with (temporary := file.with_suffix(".new")).open("wb") as stream:
            np.savez_compressed(stream, **values)
        temporary.replace(file)
    with np.load(file, allow_pickle=False) as stored:
        return dict(stored)


def measure(bench: Bench, name: str) -> Values:
    """Every measure of every user after each number of questions."""
    collected: dict[str, list[NDArray[np.float64]]] = {}
    for split in SPLITS:
        people = bench.people(split)
        asked = bench.asked(name, people, split)
        for questions in QUESTIONS:
            episodes = [person.answering(items[:questions]) for person, items in zip(people, asked, strict=True)]
            measures = measure_episodes(bench.predict, episodes)
            measures[ANSWERED] = np.array([len(episode.support_items) / questions for episode in episodes])
            for measure in MEASURES:
                collected.setdefault(f"{questions}/{measure}", []).append(measures[measure])
    by_cell = {cell: np.array(splits) for cell, splits in collected.items()}
    return {cell: mean_where(values, ~np.isnan(values), axis=0) for cell, values in by_cell.items()}


def band_figures(results: dict[str, Values], users: NDArray[np.bool_]) -> dict[str, dict[str, dict[str, float]]]:
    """By strategy and cell: the mean of these users, its interval, and the paired difference to the reference."""
    reference = results[REFERENCE]
    return {
        name: {cell: _figures(values[users], reference[cell][users]) for cell, values in own.items()}
        for name, own in results.items()
    }


def _figures(values: NDArray[np.float64], reference: NDArray[np.float64]) -> dict[str, float]:
    value, difference = estimate_means(np.stack([values, values - reference], axis=1), resamples=RESAMPLES, seed=0)
    return {
        "value": value.value,
        "low": value.low,
        "high": value.high,
        "undefined_users": value.undefined_users,
        "difference": difference.value,
        "difference_low": difference.low,
        "difference_high": difference.high,
    }


def overlap(dataset: Dataset, first: TrainedModel, second: TrainedModel) -> dict[str, int]:
    """How many of the 20 best items by gradient × popularity two models share, by how the loss is scaled."""
    unit_error, divided = (
        [np.argsort(-scores, kind="stable")[:20] for scores in both]
        for both in (
            [_gradient_popularity(model) for model in (first, second)],
            [_divided_by_error(dataset, model) for model in (first, second)],
        )
    )
    return {UNIT_ERROR: len(np.intersect1d(*unit_error)), DIVIDED_BY_ERROR: len(np.intersect1d(*divided))}


def _gradient_popularity(model: TrainedModel) -> NDArray[np.float64]:
    statistics = model.statistics
    return np.asarray(statistics["gradient_value"].to_numpy() * statistics["rating_count"].to_numpy())


def _divided_by_error(dataset: Dataset, model: TrainedModel) -> NDArray[np.float64]:
    """Gradient × popularity as the paper's published code has it: a squared error e² divided by itself as a constant.

    Its gradient is that of the prediction times 2/|e|, so a rating that happens to be predicted almost exactly counts
    more than all others of its item. float64 [items], up to a factor.
    """
    training = Split.of(dataset, model.split).training
    sums = np.zeros(len(dataset.items))
    for batch, episodes in adapted_histories(model.learner, encoded_for(model, dataset), dataset, training):
        with torch.no_grad():
            norms = model.learner.gradient_norms(episodes.adapted, episodes.users, episodes.query_items).numpy()
            errors = episodes.predictions().mean.numpy() - batch.query_ratings
        mask = batch.query_mask
        scaled = norms[mask] / np.maximum(np.abs(errors[mask]), np.finfo(np.float32).eps)
        sums += np.bincount(batch.query_items[mask], weights=scaled, minlength=len(sums))
    # Mean over the users who rated an item, times how many they are: their sum.
    return sums


def plot(bands: Figures, file: Path) -> None:
    """MAE against the number of questions, one panel a band."""
    figure, panels = plt.subplots(1, len(bands), figsize=(11, 4.5), layout="constrained")
    for panel, (band, own) in zip(panels, bands.items(), strict=True):
        start = own[NOTHING][f"{QUESTIONS[0]}/mae"]["value"]
        for name in Strategy:
            maes = [start, *(own[name][f"{questions}/mae"]["value"] for questions in QUESTIONS)]
            bold = name is Strategy.SEQUENTIAL
            panel.plot((0, *QUESTIONS), maes, label=name, linewidth=2.5 if bold else 1, marker=".")
        panel.set_title(f"users with {band}")
        panel.set_xticks((0, *QUESTIONS))
        panel.set_xlabel("questions asked")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel(_title(MAE.name))
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(Strategy))
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


def page(data: str, figures: dict[str, object]) -> str:
    """The whole page."""
    bands: Figures = figures["bands"]  # type: ignore[assignment]
    users: dict[str, int] = figures["users"]  # type: ignore[assignment]
    parts = [
        f"# What asking is worth, on {data}",
        "Regenerated by `make bench-quality DATA=DIR`; all figures are in elicitation.json.",
        (__doc__ or "").split("\n\n")[2],
        "![MAE against the number of questions](elicitation.svg)",
    ]
    for band, own in bands.items():
        parts.append(f"## Users with {band} ({users[band]})")
        parts += [f"### {_title(measure)}\n\n{table(own, measure)}" for measure in MEASURES]
    overlaps: dict[str, dict[str, int]] = figures["overlap"]  # type: ignore[assignment]
    rows = [
        f"| {scaling} | " + " | ".join(str(own[scaling]) for own in overlaps.values()) + " |" for scaling in SCALINGS
    ]
    parts.append(
        "## Stability\n\nHow many of the 20 best items by gradient × popularity models of two training seeds share. "
        "The paper's published code divides each rating's squared error by itself, taken as a constant, so that its "
        "gradient grows with 1/|error| and single ratings rule.\n\n"
        + "\n".join(["| loss | " + " | ".join(overlaps) + " |", "|---|" + "---|" * len(overlaps), *rows])
    )
    return "\n\n".join(parts) + "\n"


def table(strategies: dict[str, dict[str, dict[str, float]]], measure: str) -> str:
    """One measure after each number of questions, and its paired difference to the reference, Markdown."""
    heads = [f"{questions} questions | less {REFERENCE}" for questions in QUESTIONS]
    rows = ["| | " + " | ".join(heads) + " |", "|---|" + "---|" * (2 * len(QUESTIONS))]
    for name, own in strategies.items():
        cells = [own[f"{questions}/{measure}"] for questions in QUESTIONS]
        rows.append(f"| {name} | " + " | ".join(_cell(cell, compared=name != REFERENCE) for cell in cells) + " |")
    return "\n".join(rows)


def _title(measure: str) -> str:
    return "Share of the questions answered" if measure == ANSWERED else measure_caption(measure)


def _cell(figures: dict[str, float], *, compared: bool) -> str:
    value = f"{figures['value']:.4f}"
    if undefined := figures.get("undefined_users", 0):
        value += f", without {undefined:,.0f} users, for whom it is undefined"
    if not compared:
        return f"{value} | "
    return (
        f"{value} | {figures['difference']:+.4f} "
        f"({figures['difference_low']:+.4f} to {figures['difference_high']:+.4f})"
    )


if __name__ == "__main__":
    main()
