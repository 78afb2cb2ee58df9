"""What every predictor must do, whatever is inside; one function a check."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.artifact import TrainedModel
from models.data.answers import Answer
from models.data.dataset import Dataset, Entities
from models.data.episodes import Episode, EpisodeBatch
from models.data.splits import Split, SplitConfig
from models.metrics import PredictedRatings
from models.ranking import ItemRating, RankingQuery, Recommender
from tests.contracts.cases import Case, columns
from tests.unit.models.tiny_data import tiny_episode

EPISODES = [
    tiny_episode(user=0, support=[(0, 1.0), (1, 5.0), (2, 1.0)], query=[(3, 5.0)]),
    tiny_episode(user=5, support=[], query=[(4, 1.0), (5, 4.0), (6, 2.0), (39, 3.0)]),
    tiny_episode(user=9, support=[(7, 5.0)], query=[(8, 1.0), (9, 5.0)]),
]


def require_valid(predictions: PredictedRatings, *, low: float = 1.0, high: float = 5.0) -> None:
    """All values are finite; means and medians are on the scale; probabilities add up to 1."""
    assert np.isfinite(predictions.score).all()
    for decoded in (predictions.mean, predictions.median):
        assert np.isfinite(decoded).all()
        assert decoded.min() >= low - 1e-4
        assert decoded.max() <= high + 1e-4
    if predictions.distribution is not None:
        np.testing.assert_allclose(predictions.distribution.probabilities.sum(axis=-1), 1.0, rtol=1e-4)


def require_equal(first: PredictedRatings, second: PredictedRatings, *, count: int = 1) -> None:
    """Two predictions of one user are the same to float32 tolerance."""
    for one, other in zip(columns(first, 0, count), columns(second, 0, count), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def check_batch_is_valid(case: Case) -> None:
    """A batch with a support set of three, of none and of one."""
    predictions = case.predict(EpisodeBatch.of(EPISODES))
    assert predictions.score.shape == (3, 4)
    require_valid(predictions)


def check_empty_support_is_valid(case: Case) -> None:
    """A batch in which no user has any rating."""
    require_valid(case.predict(EpisodeBatch.of([tiny_episode(support=[], query=[(0, 1.0), (1, 1.0)])] * 2)))


def check_one_rating_is_valid(case: Case) -> None:
    """One rating, of each level."""
    for rating in (1.0, 2.0, 3.0, 4.0, 5.0):
        require_valid(case.one(tiny_episode(support=[(7, rating)], query=[(8, 1.0), (7, 1.0)])))


def check_same_item_twice_is_valid(case: Case) -> None:
    """Contradicting ratings of one item, many times."""
    require_valid(case.one(tiny_episode(support=[(1, 1.0), (1, 5.0)] * 30, query=[(1, 3.0), (2, 3.0)])))


def check_everything_rated_alike_is_valid(case: Case) -> None:
    """All items with the lowest or the highest rating."""
    for rating in (1.0, 5.0):
        rated = [(item, rating) for item in range(40)]
        require_valid(case.one(tiny_episode(support=rated, query=rated)))


def check_new_items_are_valid(case: Case, dataset: Dataset) -> None:
    """Items without training ratings, in the support set and in the query set."""
    training = Split.of(dataset, SplitConfig()).training
    new = np.setdiff1d(np.arange(len(dataset.items)), np.unique(dataset.ratings.items[training]))
    assert len(new) >= 2
    episode = tiny_episode(support=[(int(new[0]), 5.0)], query=[(int(new[1]), 5.0), (int(new[0]), 5.0)])
    require_valid(case.one(episode))


def check_unknown_users_and_items_are_valid(case: Case, dataset: Dataset) -> None:
    """Ids that training never saw, with unseen and with missing attribute values."""
    users = dataset.users.table.with_columns(
        pl.concat_str(pl.lit("new "), "id").alias("id"),
        pl.lit("never seen").alias("country"),
        pl.lit(None, dtype=pl.Float64).alias("age"),
    )
    items = dataset.items.table.with_columns(
        pl.concat_str(pl.lit("new "), "id").alias("id"),
        pl.lit(["never seen"], dtype=pl.List(pl.String)).alias("genre"),
        pl.lit(None, dtype=pl.Float64).alias("year"),
    )
    other = replace(dataset, users=Entities(users), items=Entities(items))
    require_valid(case.predict_for(other, EpisodeBatch.of(EPISODES)))


def check_batch_equals_alone(case: Case) -> None:
    """Users and padding of a batch do not affect each other."""
    together = case.predict(EpisodeBatch.of(EPISODES))
    for row, episode in enumerate(EPISODES):
        count = len(episode.query_items)
        alone = case.one(episode)
        for one, other in zip(columns(together, row, count), columns(alone, 0, count), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def check_support_order_does_not_matter(case: Case) -> None:
    """The support set is a set."""
    support, query = [(0, 1.0), (1, 5.0), (2, 1.0), (7, 4.0)], [(5, 3.0), (6, 3.0)]
    forwards = case.one(tiny_episode(support=support, query=query))
    backwards = case.one(tiny_episode(support=support[::-1], query=query))
    require_equal(forwards, backwards, count=2)


def check_query_order_does_not_matter(case: Case) -> None:
    """Each prediction belongs to its item."""
    episode = EPISODES[1]
    query = list(zip(episode.query_items.tolist(), episode.query_ratings.tolist(), strict=True))
    backwards = case.one(tiny_episode(user=episode.user, support=[], query=query[::-1]))
    np.testing.assert_allclose(backwards.score[0, ::-1], case.one(episode).score[0], rtol=1e-4, atol=1e-4)


def check_query_ratings_are_not_used(case: Case) -> None:
    """A prediction does not know the rating that it predicts."""
    episode = EPISODES[2]
    other = replace(episode, query_ratings=episode.query_ratings[::-1].copy())
    np.testing.assert_array_equal(case.one(other).score, case.one(episode).score)


def episode_of(user: int, size: int) -> Episode:
    """An episode with a support set of `size` ratings."""
    return tiny_episode(user=user, support=[(item, 1.0 + item % 5) for item in range(size)], query=[(39, 3.0)])


def scores_after(
    model: TrainedModel,
    answers: Sequence[Answer],
    items: Sequence[str],
    *,
    ratings: Mapping[str, float] = MappingProxyType({}),
    beside: Sequence[Sequence[Answer]] = (),
) -> NDArray[np.float32]:
    """The scores of some items for a user without known attributes; float32 [items].

    Args:
        model: The model.
        answers: The answers.
        items: The ids of the items.
        ratings: The ratings, made now, by item.
        beside: The answers of other users, who are adapted together with this one.
    """
    recommender = Recommender(model, model.items)
    rated = [ItemRating(item_id, rating, time=1000) for item_id, rating in ratings.items()]
    queries = [RankingQuery({}, rated, len(items), answers=each, now=1000) for each in (answers, *beside)]
    rows = np.array([[recommender.items.row_of[item_id] for item_id in items]] * len(queries))
    return np.asarray(recommender.predictions(queries, rows).score[0].numpy())
