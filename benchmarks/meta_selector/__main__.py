"""Measure the selectors against their own members, and write docs/results/meta-selector.md and meta-selector.json.

    python -m benchmarks.meta_selector --data DIR [--work DIR]

1. Likes: the preset `meta-selector` and its full form. A rating of at least `liked_from` is a like.
2. Interactions: the same presets. Each rating counts as an interaction, and for each one an item that the user
   has not rated is drawn, with a fixed seed, as none.
3. Errors of predicted ratings in the four states, and lists by P(choose) · P(like): the preset `selector`.

In the simplified form each member is trained by its own loss alone, so the members inside are the single models that
a selector has to beat. Models are trained into the work directory unless they are there already.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.meta_selector.clicks import ClickFigures, Samples, click_figures
from benchmarks.meta_selector.page import Compared, Figures, Table, page
from models.artifact import TrainedModel, load_artifact
from models.data.dataset import Dataset, Ratings, State
from models.data.episodes import batches
from models.data.evaluation_episodes import evaluation_episodes
from models.data.list_episodes import list_episodes
from models.data.rating_scale import RatingScale
from models.data.reader import read_dataset
from models.data.splits import Split, SplitConfig
from models.evaluation.estimates import UserValues, compare_means, compare_measures, concatenate_users
from models.evaluation.figures import ComparedMeasure
from models.evaluation.lists.measuring import RankedCatalogue, measure_lists
from models.evaluation.lists.rankers import ModelRanker
from models.evaluation.predictors import BATCH_USERS, Predict, by_learner
from models.learners.deep_fm import DeepFMConfig
from models.learners.selector import Form, Selector, SelectorConfig
from models.metrics import MAE, measure_users
from models.metrics.lists import LIST_NDCG
from models.ranking.query import RankBy
from models.train import train
from models.training.preset import Preset, load_preset
from models.training.threads import compute_in_one_thread

RESULTS = Path(__file__).parents[2] / "docs" / "results"

_LIKES, _INTERACTIONS = "likes", "interactions"
_SIMPLIFIED, _FULL, _SELECTOR = "meta-selector", "meta-selector, full form", "selector"
_RESAMPLES = 1000
_MAX_RATINGS = 200

_CLICKS = """\
New users and known items (`user_cold`). All query samples of all users are measured together. RelaImpr is
`(AUC − 0.5)/(AUC of the best member − 0.5) − 1`. The bounds choose among the members by the outcome itself, so no
selector can reach them."""

_INTRODUCTION = {
    _LIKES: _CLICKS,
    _INTERACTIONS: f"{_CLICKS} As many items that the user has not rated are drawn as there are ratings.",
    "errors": (
        "MAE in the four states, by the protocol of `coldstart evaluate`. In parentheses: the selector's less this, "
        "with its paired bootstrap 95 % interval over users; below 0 the selector is better."
    ),
    "lists": (
        "nDCG@10 of lists by P(choose) · P(like) after so many ratings. P(choose) is the same for all. In parentheses: "
        "the selector's less this; above 0 the selector is better."
    ),
}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path(".coldstart/bench-meta-selector"))
    arguments = parser.parse_args()
    compute_in_one_thread()
    dataset, _ = read_dataset(arguments.data)
    work = arguments.work / dataset.schema.name
    model = trained(dataset, load_preset("selector"), work / "selector")
    figures = Figures(
        clicks={
            task: clicks(of_task, work / task)
            for task, of_task in ((_LIKES, dataset), (_INTERACTIONS, as_interactions(dataset)))
        },
        errors=errors(model, dataset),
        lists=lists(model, dataset),
    )
    written = json.dumps({dataset.schema.name: asdict(figures)}, indent=1)
    (RESULTS / "meta-selector.json").write_text(f"{written}\n", encoding="utf-8")
    (RESULTS / "meta-selector.md").write_text(page(dataset.schema.name, figures, _INTRODUCTION), encoding="utf-8")


def trained(dataset: Dataset, preset: Preset, directory: Path) -> TrainedModel:
    """The research model, trained unless it is there already."""
    if not (directory / "manifest.json").exists():
        train(dataset, preset, directory, data_path=None, research_only=True)
    return load_artifact(directory)


def as_interactions(dataset: Dataset) -> Dataset:
    """Every rating as 1, and for each one an item that the user has not rated as 0."""
    ratings, items = dataset.ratings, len(dataset.items)
    generator = np.random.default_rng(0)
    users, chosen = [], []
    for user in range(len(dataset.users)):
        rated = ratings.items[ratings.offsets[user] : ratings.offsets[user + 1]]
        others = np.setdiff1d(np.arange(items), rated)
        drawn = generator.permutation(others)[: len(rated)]
        users.append(np.full(len(drawn), user))
        chosen.append(drawn)
    positives = len(ratings)
    drawn_users, drawn_items = np.concatenate(users), np.concatenate(chosen)
    scale = RatingScale(minimum=0, maximum=1)
    return replace(
        dataset,
        schema=dataset.schema.model_copy(update={"rating_scale": scale}),
        ratings=Ratings.from_columns(
            user_count=len(dataset.users),
            users=np.concatenate([ratings.users, drawn_users]).astype(np.int32),
            items=np.concatenate([ratings.items, drawn_items]).astype(np.int32),
            values=np.concatenate([np.ones(positives), np.zeros(len(drawn_items))]).astype(np.float32),
            times=None,
            states=None,
        ),
    )


def clicks(dataset: Dataset, work: Path) -> dict[str, ClickFigures]:
    """The figures of the members, of the two forms of the selector and of the bounds."""
    preset = without_choice(load_preset("meta-selector"))
    simplified = trained(dataset, preset, work / "simplified")
    full = trained(dataset, in_full_form(preset), work / "full")
    members = members_of(simplified, dataset)
    predictors = {
        **members,
        _SIMPLIFIED: by_learner(simplified, dataset),
        _FULL: by_learner(full, dataset),
    }
    return click_figures(sampled(dataset, predictors).with_bounds(list(members)), list(members))


def without_choice(preset: Preset) -> Preset:
    """The preset with next to no training of the choice model, which is not measured."""
    return preset.model_copy(update={"choice": preset.choice.model_copy(update={"updates": 1, "updates_per_round": 1})})


def in_full_form(preset: Preset) -> Preset:
    """The preset in the paper's full form: the mixture's loss trains all, and the members take a local step too."""
    config = preset.learner
    assert isinstance(config, SelectorConfig)  # noqa: S101 - it is the preset `meta-selector`
    members = tuple(member.model_copy(update={"steps": 1}) for member in config.members)
    return preset.model_copy(update={"learner": config.model_copy(update={"form": Form.FULL, "members": members})})


def members_of(model: TrainedModel, dataset: Dataset) -> dict[str, Predict]:
    """The members of a selector as predictors, by name."""
    return {name: by_learner(member, dataset) for name, member in member_models(model).items()}


def member_models(model: TrainedModel) -> dict[str, TrainedModel]:
    """The model with each of its selector's members as its learner, by name."""
    learner = model.learner
    assert isinstance(learner, Selector)  # noqa: S101 - its preset says so
    names = [name_of(config) for config in learner.config.members]
    return {
        f"{name}, {names[:place].count(name) + 1}" if names.count(name) > 1 else name: replace(model, learner=member)
        for place, (name, member) in enumerate(zip(names, learner.members, strict=True))
    }


def name_of(config: Any) -> str:  # noqa: ANN401 - any learner's config
    """What a member is called on the page."""
    if isinstance(config, DeepFMConfig):
        if config.hidden:
            return "DeepFM"
        return "factorisation machine" if config.pairs else "logistic regression"
    return str(config.kind).replace("_", " ")


def sampled(dataset: Dataset, predictors: Mapping[str, Predict]) -> Samples:
    """The predictions of the query sets of new users."""
    split = Split.of(dataset, SplitConfig())
    scale = dataset.schema.rating_scale
    assert scale is not None  # noqa: S101 - there are ratings
    episodes = evaluation_episodes(dataset, split, State.USER_COLD, max_ratings=_MAX_RATINGS)
    users, happened = [], []
    predicted: dict[str, list[Any]] = {name: [] for name in predictors}
    for _, batch in batches(episodes, BATCH_USERS):
        users.append(np.broadcast_to(batch.users[:, None], batch.query_mask.shape)[batch.query_mask])
        happened.append(batch.query_ratings[batch.query_mask] >= scale.liked_from)
        for name, predict in predictors.items():
            distribution = predict(batch).distribution
            assert distribution is not None  # noqa: S101 - the head `likes` predicts one
            predicted[name].append(distribution.at_least(scale.liked_from)[batch.query_mask])
    return Samples(
        np.concatenate(users).astype(np.int64),
        np.concatenate(happened),
        {name: np.concatenate(own).astype(np.float64) for name, own in predicted.items()},
    )


def errors(model: TrainedModel, dataset: Dataset) -> Table:
    """The MAE of the selector and of its members in the four states."""
    split = Split.of(dataset, SplitConfig())
    predictors = {_SELECTOR: by_learner(model, dataset), **members_of(model, dataset)}
    columns: dict[str, dict[str, UserValues]] = {}
    for state in State:
        episodes = evaluation_episodes(dataset, split, state)
        if not episodes:
            continue
        columns[state.label] = {
            name: concatenate_users(
                [
                    measure_users(predict(batch), batch.query_ratings, batch.query_mask)
                    for _, batch in batches(episodes, BATCH_USERS)
                ]
            )
            for name, predict in predictors.items()
        }
    return compared(columns, compare_measures, MAE.name)


def lists(model: TrainedModel, dataset: Dataset) -> Table:
    """The nDCG@10 of lists of the selector and of its members."""
    split = Split.of(dataset, SplitConfig())
    episodes, catalogue = list_episodes(dataset, split), RankedCatalogue.of(dataset, split.training)
    rankers = {
        name: ModelRanker(own, dataset, RankBy.CHOICE)
        for name, own in {_SELECTOR: model, **member_models(model)}.items()
    }
    columns: dict[str, dict[str, UserValues]] = {
        f"{size}": {
            name: measure_lists(ranker, episodes.catalogue, catalogue, size=size).values
            for name, ranker in rankers.items()
        }
        for size in episodes.sizes
    }
    return compared(columns, compare_means, LIST_NDCG.name)


def compared(columns: Mapping[str, Mapping[str, UserValues]], compare: Any, measure: str) -> Table:  # noqa: ANN401
    """By predictor and column, its value, and the selector's less that.

    Args:
        columns: By column and predictor, the users' values.
        compare: `compare_measures` or `compare_means`.
        measure: The measure to show.
    """
    names: Sequence[str] = list(next(iter(columns.values())))
    found: dict[str, dict[str, Compared]] = {name: {} for name in names}
    for column, values in columns.items():
        for name in names:
            figures: ComparedMeasure = compare(values[_SELECTOR], values[name], resamples=_RESAMPLES, seed=0)[measure]
            difference = figures.difference
            is_selector = name == _SELECTOR
            found[name][column] = Compared(
                figures.active,
                None if is_selector else difference.value,
                None if is_selector else (float(difference.low or 0.0), float(difference.high or 0.0)),
            )
    return found


if __name__ == "__main__":
    main()
