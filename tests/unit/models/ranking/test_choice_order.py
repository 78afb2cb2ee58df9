"""Lists in the order of P(choose) · P(like)."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from models.data.distribution import Distribution
from models.data.entity_table import entity_table
from models.data.rating_scale import RatingScale
from models.learners.base import Support
from models.learners.heads.base import Predictions
from models.ranking import ItemRating, RankingQuery, Recommender
from models.ranking.filters import FieldFilter, Filter
from models.ranking.liking import like_probabilities, log_liking
from models.ranking.query import ItemInteraction, RankBy
from models.ranking.scored import Scored
from tests.unit.models.ranking.two_tastes import COMEDY_FAN, NOTHING, genres, ids, shown_score

QUERY = RankingQuery(
    attributes={"country": "fr"},
    ratings=COMEDY_FAN,
    n=40,
    interactions=[ItemInteraction("i7", "click")],
    skipped=["i8", "i10"],
    exclude=["i0"],
)
ALLOWED = [row for row in range(40) if row not in {0, 1, 2, 3, 4, 7}]


def choice_logits(recommender: Recommender) -> torch.Tensor:
    """The logits of all items for `QUERY`, without the code that ranks."""
    model = recommender.model
    user = entity_table(model.schema.users.fields, [("", None, QUERY.attributes)])
    with torch.inference_mode():
        items = model.choice.embed_items(model.manifest.item_encoder.encode(model.items.table))
        users = model.choice.embed_users(model.manifest.user_encoder.encode(user.table))

        def of(*rows: int) -> Any:  # noqa: ANN401 - embedded items
            return items.take(torch.tensor([rows]))

        support = Support(
            users=users,
            items=of(1, 3, 2, 4),
            ratings=torch.tensor([[5.0, 5.0, 1.0, 1.0]]),
            mask=torch.ones(1, 4, dtype=torch.bool),
            interaction_items=of(7),
            interaction_kinds=torch.tensor([[list(model.schema.kinds).index("click")]]),
            interaction_mask=torch.ones(1, 1, dtype=torch.bool),
            skipped_items=of(8, 10),
            skipped_mask=torch.ones(1, 2, dtype=torch.bool),
        )
        return model.choice.logits(model.choice.adapt(support), items.expand(1))[0]


def test_choice_probabilities_are_the_softmax_over_the_allowed_items(recommender: Recommender) -> None:
    expected = choice_logits(recommender)[ALLOWED].softmax(dim=0).tolist()
    ranked = recommender.recommend(QUERY)
    shown = {int(item.item_id[1:]): item.choice_probability for item in ranked}
    assert [shown[row] for row in ALLOWED] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("known", [NOTHING, {"attributes": {"age": 30.0}, "ratings": []}, {"ratings": COMEDY_FAN}])
@pytest.mark.parametrize("rank_by", RankBy)
@pytest.mark.parametrize("where", [{}, {"genre": FieldFilter(("horror",))}])
def test_choice_probabilities_of_a_full_list_add_up_to_1(
    recommender: Recommender, known: dict[str, Any], rank_by: RankBy, where: Filter
) -> None:
    ranked = recommender.recommend(RankingQuery(**{**NOTHING, **known}, n=40, rank_by=rank_by, where=where))
    assert sum(item.choice_probability for item in ranked) == pytest.approx(1, abs=1e-5)


def test_list_is_in_the_order_of_choosing_and_liking_that_it_shows(recommender: Recommender) -> None:
    by_choice, by_rating = (recommender.recommend(replace(QUERY, rank_by=rank_by)) for rank_by in RankBy)
    expected = sorted((shown_score(item, RankBy.CHOICE) for item in by_rating), reverse=True)
    assert [shown_score(item, RankBy.CHOICE) for item in by_choice] == pytest.approx(expected, rel=1e-4)
    assert ids(by_choice) != ids(by_rating)
    figures = [
        {item.item_id: (item.predicted_rating, item.choice_probability) for item in ranked}
        for ranked in (by_choice, by_rating)
    ]
    for item_id, figure in figures[0].items():
        assert figure == pytest.approx(figures[1][item_id], rel=1e-4)


def test_list_is_chosen_among_the_items_that_the_user_most_probably_chooses(
    recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.ranking.recommender._CONSIDERED_TIMES", 2)
    monkeypatch.setattr("models.ranking.recommender._LEAST_CONSIDERED", 1)
    everything = recommender.recommend(QUERY)
    considered = sorted(everything, key=lambda item: -item.choice_probability)[:6]
    best = sorted(considered, key=lambda item: -shown_score(item, RankBy.CHOICE))[:3]
    assert ids(recommender.recommend(replace(QUERY, n=3))) == ids(best)


def test_list_for_strangers_ignores_what_it_shall_be_ranked_by(recommender: Recommender) -> None:
    by_choice, by_rating = (recommender.recommend(RankingQuery(**NOTHING, n=7, rank_by=rank_by)) for rank_by in RankBy)
    assert ids(by_choice) == ids(by_rating)
    assert len(set(genres(by_choice))) == 2


def test_only_item_is_chosen_with_probability_1(recommender: Recommender) -> None:
    (only,) = recommender.recommend(replace(QUERY, exclude=[f"i{row}" for row in range(39)]))
    assert only.choice_probability == pytest.approx(1, abs=1e-6)


def test_rounded_share_of_an_only_item_is_at_most_1(recommender: Recommender) -> None:
    model, vectors = recommender.model, recommender.catalogue.choice_vectors(np.array([[0]]))
    vector = torch.zeros(1, model.choice.config.dimensions)
    a_little_less = (model.choice.logits(vector, vectors)[0] - 1e-3).numpy()
    scored = Scored(None, vector, [(np.array([0]), a_little_less)])  # type: ignore[arg-type]
    assert scored.log_shares(model.choice, vectors).item() == 0.0


class TestLiking:
    SCALE = RatingScale(minimum=1, maximum=5, liked_from=4)

    def predictions(self, probabilities: list[float] | None, mean: float) -> Predictions:
        means = torch.tensor([[mean]])
        return Predictions(
            score=means,
            mean=means,
            median=means,
            distribution=None
            if probabilities is None
            else Distribution(self.SCALE, torch.arange(0.5, 6), torch.tensor([[probabilities]])),
        )

    def test_liking_is_the_probability_of_a_liked_rating(self) -> None:
        predictions = self.predictions([0.1, 0.1, 0.2, 0.5, 0.1], mean=3.4)
        likes = like_probabilities(predictions, self.SCALE)
        assert likes is not None
        assert likes.tolist() == [[pytest.approx(0.6)]]
        assert log_liking(predictions, self.SCALE).tolist() == [[pytest.approx(np.log(0.6))]]

    def test_liking_without_a_distribution_is_the_place_of_the_mean_on_the_scale(self) -> None:
        predictions = self.predictions(None, mean=4.0)
        assert like_probabilities(predictions, self.SCALE) is None
        assert log_liking(predictions, self.SCALE).tolist() == [[pytest.approx(np.log(0.75))]]

    def test_rounded_sum_of_the_levels_is_at_most_1(self) -> None:
        likes = like_probabilities(self.predictions([0.0, 0.0, 0.0, 0.5, 0.5001], mean=5.0), self.SCALE)
        assert likes is not None
        assert likes.item() == 1.0

    def test_impossible_liking_has_a_finite_logarithm(self) -> None:
        for predictions in (self.predictions([1.0, 0, 0, 0, 0], mean=1.0), self.predictions(None, mean=1.0)):
            assert log_liking(predictions, self.SCALE).isfinite().all()


def test_disliking_lowers_an_item_and_liking_raises_it(recommender: Recommender) -> None:
    """The rating model's part: comedies lead the list of their fan, with the same choices."""
    places = [
        ids(recommender.recommend(RankingQuery(attributes={}, ratings=ratings, n=40, include_rated=True)))
        for ratings in ([ItemRating("i1", 5.0), ItemRating("i2", 1.0)], [ItemRating("i1", 1.0), ItemRating("i2", 5.0)])
    ]
    mean_places = [np.mean([place.index(f"i{item}") for item in range(1, 40, 2)]) for place in places]
    assert mean_places[0] < 19.5 < mean_places[1]
