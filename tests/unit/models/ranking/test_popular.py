import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.artifact import TrainedModel
from models.data.dataset import Dataset, Entities
from models.inputs.collaborative_inputs import OutOfFold
from models.inputs.encoder import ID_FIELD, EncodedRows
from models.inputs.rows import TensorRows
from models.learners.base import Learner, Support
from models.learners.heads.base import Predictions
from models.ranking import RankingQuery, Recommender
from models.ranking.filters import FieldFilter
from tests.unit.models.ranking.two_tastes import NOTHING, by_id, genres, ids


@dataclass(frozen=True)
class NoAttributes(TensorRows):
    """Users without inputs."""

    zeros: Tensor


@dataclass(frozen=True)
class Genres(TensorRows):
    """Items with their genre as the only input: int64, from 0."""

    genre: Tensor


class GenreLover(Learner[NoAttributes, Genres, None]):
    """Predicts one rating for each genre."""

    def __init__(self, ratings: Sequence[float]) -> None:
        super().__init__()
        self.ratings = torch.tensor(ratings)

    def fit_statistics(self, dataset: Dataset, training: NDArray[np.bool_], items: EncodedRows) -> None:
        pass

    def embed_users(self, rows: EncodedRows) -> NoAttributes:
        return NoAttributes(torch.zeros(len(rows)))

    def embed_items(
        self,
        rows: EncodedRows,
        *,
        out_of_fold: OutOfFold | None = None,  # noqa: ARG002 - the interface
    ) -> Genres:
        return Genres(rows.fields["genre"][:, 0] - 1)

    def adapt(self, support: Support[NoAttributes, Genres], *, steps: int | None = None) -> None:
        pass

    def predict(self, adapted: None, users: NoAttributes, items: Genres) -> Predictions:  # noqa: ARG002 - the interface
        ratings = self.ratings[items.genre]
        return Predictions(score=ratings, mean=ratings, median=ratings, distribution=None)

    def loss(self, adapted: None, users: NoAttributes, items: Genres, ratings: Tensor) -> Tensor:
        return (self.predict(adapted, users, items).mean - ratings).square()


def genre_lover(model: TrainedModel, *, comedy: float, horror: float, counts: Mapping[str, int]) -> Recommender:
    """Some two-tastes films, with a model that predicts these ratings, and choices in proportion to these counts."""
    known = model.manifest.item_encoder.fields[0].values
    items = Entities(model.items.table.filter(pl.col("id").is_in(list(counts))))
    statistics = model.statistics.filter(pl.col("id").is_in(list(counts))).with_columns(
        pl.col("id").replace_strict(counts, return_dtype=pl.Int64).alias("rating_count")
    )
    choice = copy.deepcopy(model.choice)
    index = model.manifest.item_encoder.encode(items.table).fields[ID_FIELD]
    with torch.no_grad():
        choice.vectors.weight.zero_()
        choice.biases[index] = torch.tensor([float(counts[item_id]) for item_id in items.ids]).log()
    genre_model = replace(
        model,
        learner=GenreLover([{"comedy": comedy, "horror": horror}[genre] for genre in known]),
        choice=choice,
        statistics=statistics,
    )
    return Recommender(genre_model, items)


class TestPopularList:
    """The model predicts no distribution, so P(like) is the place of the rating on the scale."""

    def test_list_with_a_slightly_lower_rated_genre_has_that_genre(self, model: TrainedModel) -> None:
        catalogue = genre_lover(model, comedy=4.2, horror=4.0, counts={f"i{item}": 1000 for item in range(40)})
        # P(like) is 0.8 or 0.75. Films of one genre and other years have similarity 1/2: a factor of 1.5^-½.
        assert genres(catalogue.recommend(RankingQuery(**NOTHING, n=4))) == ["comedy", "horror", "comedy", "comedy"]

    def test_list_with_a_much_lower_rated_genre_has_not_that_genre(self, model: TrainedModel) -> None:
        catalogue = genre_lover(model, comedy=4.6, horror=3.0, counts={f"i{item}": 1000 for item in range(40)})
        assert set(genres(catalogue.recommend(RankingQuery(**NOTHING, n=4)))) == {"comedy"}

    def test_popular_item_comes_before_a_better_item_that_few_choose(self, model: TrainedModel) -> None:
        catalogue = genre_lover(model, comedy=5.0, horror=4.0, counts={"i1": 1, "i2": 200})
        assert ids(catalogue.recommend(RankingQuery(**NOTHING, n=2))) == ["i2", "i1"]

    def test_better_item_comes_before_an_item_that_more_choose_and_fewer_like(self, model: TrainedModel) -> None:
        catalogue = genre_lover(model, comedy=4.0, horror=2.0, counts={"i1": 60, "i2": 100})
        # P(like) is 0.75 or 0.25, so that 45 like the comedy and 25 the horror film.
        assert ids(catalogue.recommend(RankingQuery(**NOTHING, n=2))) == ["i1", "i2"]

    def test_predicted_ratings_in_the_list_are_those_of_the_model(self, model: TrainedModel) -> None:
        catalogue = genre_lover(model, comedy=5.0, horror=4.0, counts={"i1": 1, "i2": 200})
        assert by_id(catalogue.recommend(RankingQuery(**NOTHING, n=2))) == {"i1": 5.0, "i2": 4.0}

    def test_items_with_equal_scores_are_ordered_by_popularity(self, model: TrainedModel) -> None:
        catalogue = genre_lover(model, comedy=3.0, horror=3.0, counts={"i1": 3, "i3": 9, "i5": 6})
        with torch.no_grad():
            catalogue.model.choice.biases.zero_()
        assert ids(Recommender(catalogue.model, catalogue.items).recommend(RankingQuery(**NOTHING, n=3))) == [
            "i3",
            "i5",
            "i1",
        ]

    def test_user_with_unknown_attributes_gets_the_same_list(self, recommender: Recommender) -> None:
        unknown = recommender.recommend(RankingQuery(attributes={"country": None, "age": None}, ratings=[], n=6))
        assert unknown == recommender.recommend(RankingQuery(**NOTHING, n=6))

    def test_list_has_no_item_twice(self, recommender: Recommender) -> None:
        assert sorted(ids(recommender.recommend(RankingQuery(**NOTHING, n=100)))) == sorted(recommender.items.ids)

    def test_list_with_a_filter_and_an_exclusion_obeys_both(self, recommender: Recommender) -> None:
        ranked = recommender.recommend(
            RankingQuery(**NOTHING, n=100, where={"genre": FieldFilter(("comedy",))}, exclude=["i1"])
        )
        assert len(ranked) == 19
        assert "i1" not in ids(ranked)

    def test_list_with_new_ratings_begins_with_the_item_that_they_raised(self, model: TrainedModel) -> None:
        catalogue = genre_lover(model, comedy=4.2, horror=4.0, counts={f"i{item}": 20 for item in range(40)})
        loved = catalogue.with_new_ratings({"i8": (60, 5.0, 60)})
        assert ids(loved.recommend(RankingQuery(**NOTHING, n=1))) == ["i8"]
        assert by_id(loved.recommend(RankingQuery(**NOTHING, n=1))) == {"i8": 4.0}

    def test_item_with_many_low_new_ratings_falls(self, model: TrainedModel) -> None:
        catalogue = genre_lover(model, comedy=4.0, horror=4.0, counts={"i1": 40, "i3": 35, "i5": 30})
        assert ids(catalogue.recommend(RankingQuery(**NOTHING, n=3)))[0] == "i1"
        hated = catalogue.with_new_ratings({"i1": (200, 1.0, 200)})
        assert ids(hated.recommend(RankingQuery(**NOTHING, n=3))) == ["i3", "i5", "i1"]
