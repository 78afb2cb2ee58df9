"""From a request's attributes and ratings to its ranked list, on one core, without HTTP.

`recommend` is what serving does: encode the user, adapt, score the whole catalogue, choose and describe the best 10;
`adapt and score` is the part of it between the encoded user and the scores.
`generic path` is the reference, measured in turns with it: the learner's `adapt` and `predict` for the whole catalogue,
as evaluation calls them, and a sort. `products alone` are the matrix products without which one user's scores cannot be
had; their share of the time is the share of the machine's limit that is reached.
"""

import copy
import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import torch

from benchmarks.harness import Figures, Options, medians, products_alone, run, table, use_one_core
from benchmarks.larger_catalogue import part_of
from benchmarks.rankings import matrix_products, queries_of, support_of
from models.artifact import TrainedModel
from models.data.dataset import Dataset
from models.ranking import RankingQuery, Recommender
from models.ranking.catalogue import Catalogue
from models.ranking.query import RankBy

PRESETS = ("coldstart", "melu")
MEASURED = ("recommend", "adapt and score", "generic path", "products alone")
SUPPORT = 10
SUPPORTS = (1, 3, 10, 30, 90)
SIZES = (500, 1_000, 2_000, 4_000, 8_000, 16_000)
STEPS = (1, 2, 5, 10)
BATCHES = (1, 4, 16, 32)
USERS = 32
REPEATS = 201


def measure(options: Options) -> Figures:
    """Milliseconds of everything."""
    use_one_core()
    dataset = options.dataset()
    return {preset: _of_preset(options.trained_model(preset), dataset) for preset in PRESETS}


def _of_preset(model: TrainedModel, dataset: Dataset) -> Figures:
    recommender = Recommender(model, model.items)
    queries = queries_of(dataset, model, support=SUPPORT, users=USERS)
    figures: Figures = {
        "items": len(model.items),
        "ratings": SUPPORT,
        "whole catalogue": _times(recommender, queries),
        "by catalogue": {
            str(size): _times(Recommender.over(Catalogue.of_part(part_of(model, size))), queries) for size in SIZES
        },
        "by ratings": {
            str(size): _times(recommender, queries_of(dataset, model, support=size, users=USERS)) for size in SUPPORTS
        },
        "by users at once": {
            str(size): _milliseconds({"": lambda size=size: recommender.recommend_many(queries[:size])}, 21)[""] / size
            for size in BATCHES
        },
    }
    if model.learner.step_variants():
        figures["by steps"] = {
            str(steps): _times(Recommender(_with_steps(model, steps), model.items), queries) for steps in STEPS
        }
    return figures


def _times(recommender: Recommender, queries: Sequence[RankingQuery]) -> dict[str, float]:
    model, vectors = recommender.model, recommender.catalogue.parts[0].embedded[RankBy.RATING].vectors
    turns = itertools.cycle(queries)
    supports = itertools.cycle([support_of(recommender, query) for query in queries])

    def adapt_and_score() -> object:
        with torch.inference_mode():
            support = next(supports)
            return (
                recommender.catalogue.parts[0]
                .embedded[RankBy.RATING]
                .scorer.scores(model.learner.adapt(support), support.users)
            )

    def by_the_generic_path() -> object:
        with torch.inference_mode():
            support = support_of(recommender, next(turns))
            adapted = model.learner.adapt(support)
            return model.learner.predict(adapted, support.users, vectors.expand(1)).score[0].topk(10)

    return _milliseconds(
        {
            "recommend": lambda: recommender.recommend(next(turns)),
            "adapt and score": adapt_and_score,
            "generic path": by_the_generic_path,
            "products alone": products_alone(matrix_products(recommender, queries[0])),
        },
        REPEATS,
    )


def _milliseconds(candidates: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    return {name: 1000 * own for name, own in medians(candidates, repeats=repeats, warm_up=5).items()}


def _with_steps(model: TrainedModel, steps: int) -> TrainedModel:
    learner = copy.deepcopy(model.learner)
    learner.config = learner.config.model_copy(update={"steps": steps})
    return dataclasses.replace(model, learner=learner)


def section(figures: Figures, results: Path) -> str:
    """Tables, and plots of how the time grows."""
    _plot(figures, results / "serving-latency.svg")
    rows = [
        [
            preset,
            f"{own['items']:,}",
            str(own["ratings"]),
            *(f"{own['whole catalogue'][name]:.2f}" for name in MEASURED),
            f"{own['whole catalogue']['products alone'] / own['whole catalogue']['recommend']:.0%}",
        ]
        for preset, own in figures.items()
    ]
    batches = [
        [preset, *(f"{time:.2f}" for time in own["by users at once"].values())] for preset, own in figures.items()
    ]
    return "\n\n".join(
        [
            (__doc__ or "").partition("\n\n")[2].strip(),
            table(["ms", "items", "ratings", *MEASURED, "share of the limit"], rows),
            "![growth](serving-latency.svg)",
            "Milliseconds a user where several are ranked for at once:",
            table(["users at once", *map(str, BATCHES)], batches),
        ]
    )


def _plot(figures: Figures, file: Path) -> None:
    growths = {"by catalogue": "items", "by ratings": "ratings", "by steps": "local steps"}
    figure, panels = plt.subplots(1, len(growths), figsize=(14, 4), layout="constrained")
    for panel, (growth, label) in zip(panels, growths.items(), strict=True):
        for colour, (preset, own) in enumerate(figures.items()):
            points = own.get(growth, {})
            for name, style in {"recommend": "-", "generic path": ":", "products alone": "--"}.items():
                times = [times[name] for times in points.values()]
                panel.plot([int(size) for size in points], times, style, color=f"C{colour}", label=f"{preset}, {name}")
        panel.set_xlabel(label)
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("ms")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    run(measure)
