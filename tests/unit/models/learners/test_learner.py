"""What training, evaluation and serving rely on, whatever the learner: each of them trained on two-tastes."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import spearmanr

from models.artifact import TrainedModel, load_artifact
from models.data.dataset import Dataset, Entities, State
from models.data.episodes import Episode, EpisodeBatch, evaluation_episodes
from models.data.splits import Split
from models.inputs.collaborative_inputs import TrainingView
from models.learners.base import Support
from models.learners.episode_predictions import EncodedData, adapt_to_episodes, predict_episodes, query_losses
from models.learners.heads.base import Predictions
from models.learners.network import EstimatorConfig
from models.ranking import ItemRating, RankingQuery, Recommender
from models.train import train
from models.training.preset import HeadKind, LocalUpdateConfig, Preset, Rule, TrainingConfig
from tests.unit.models.tiny_data import tiny_episode

GRADIENT = LocalUpdateConfig(steps=2, rate=0.05, prior_ratings=1.0)
TRAINING = TrainingConfig(
    epochs=8, patience=8, batch_users=8, learning_rate=1e-2, max_query=10, new_item_batches=0.3, empty_supports=0.05
)
SMALL = EstimatorConfig(embedding_dim=8, embedding_scale=1.0, hidden=(16,))
WITH_RECEPTION = SMALL.model_copy(update={"collaborative_rank": 2})

LEARNERS = {
    "gradient": Preset(name="gradient", estimator=SMALL, local_update=GRADIENT, training=TRAINING),
    "gradient-ordinal": Preset(
        name="gradient-ordinal",
        estimator=WITH_RECEPTION,
        local_update=GRADIENT,
        head=HeadKind.ORDINAL,
        # Gradient steps take longer to serve the head, whose median is a level at a time.
        training=TRAINING.model_copy(update={"epochs": 40, "patience": 40}),
    ),
    "closed-form": Preset(
        name="closed-form",
        estimator=WITH_RECEPTION,
        local_update=LocalUpdateConfig(rule=Rule.CLOSED_FORM),
        head=HeadKind.ORDINAL,
        training=TRAINING,
    ),
    "closed-form-squared": Preset(
        name="closed-form-squared",
        estimator=SMALL,
        local_update=LocalUpdateConfig(rule=Rule.CLOSED_FORM),
        training=TRAINING,
    ),
}

EPISODES = [
    tiny_episode(user=0, support=[(0, 1.0), (1, 5.0), (2, 1.0)], query=[(3, 5.0)]),
    tiny_episode(user=5, support=[], query=[(4, 1.0), (5, 4.0), (6, 2.0), (39, 3.0)]),
    tiny_episode(user=9, support=[(7, 5.0)], query=[(8, 1.0), (9, 5.0)]),
]


@pytest.fixture(scope="module", params=LEARNERS)
def trained(
    request: pytest.FixtureRequest, two_tastes: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TrainedModel, Path]:
    output = tmp_path_factory.mktemp("learners") / request.param
    return train(two_tastes, LEARNERS[request.param], output, data_path=output.parent), output


@pytest.fixture(scope="module")
def learned(trained: tuple[TrainedModel, Path]) -> TrainedModel:
    return trained[0]


def encoded(model: TrainedModel, dataset: Dataset) -> EncodedData:
    return EncodedData(
        users=model.manifest.user_encoder.encode(dataset.users.table),
        items=model.manifest.item_encoder.encode(dataset.items.table),
        device=model.device,
    )


def predict(
    model: TrainedModel, dataset: Dataset, episodes: Sequence[Episode], *, steps: int | None = None
) -> Predictions:
    with torch.no_grad():
        return predict_episodes(model.learner, encoded(model, dataset), EpisodeBatch.of(episodes), steps=steps)


def require_valid(predictions: Predictions, scale: tuple[float, float] = (1.0, 5.0)) -> None:
    assert torch.isfinite(predictions.score).all()
    for decoded in (predictions.mean, predictions.median):
        assert torch.isfinite(decoded).all()
        assert decoded.min() >= scale[0] - 1e-5
        assert decoded.max() <= scale[1] + 1e-5
    if predictions.probabilities is not None:
        torch.testing.assert_close(predictions.probabilities.sum(dim=-1), torch.ones_like(predictions.mean))


def require_close(first: Predictions, second: Predictions) -> None:
    for name, value in vars(first).items():
        if value is not None:
            torch.testing.assert_close(value, getattr(second, name), rtol=1e-4, atol=1e-5)


def everything_rated(user: int, rate: float, dataset: Dataset) -> Episode:
    items = range(len(dataset.items))
    return tiny_episode(user=user, support=[(item, rate) for item in items], query=[(item, rate) for item in items])


class TestPreparedCatalogue:
    @given(
        sizes=st.lists(st.integers(0, 12), min_size=1, max_size=4),
        rows=st.none() | st.lists(st.integers(0, 39), max_size=50),
        seed=st.integers(0, 2**32 - 1),
    )
    def test_scores_are_those_that_predictions_have(
        self, learned: TrainedModel, two_tastes: Dataset, sizes: list[int], rows: list[int] | None, seed: int
    ) -> None:
        learner, data, generator = learned.learner, encoded(learned, two_tastes), np.random.default_rng(seed)
        shape = len(sizes), max(sizes)
        with torch.inference_mode():
            users = learner.embed_users(data.users.take(torch.from_numpy(generator.integers(40, size=len(sizes)))))
            items = learner.embed_items(data.items)
            support = Support(
                users=users,
                items=items[torch.from_numpy(generator.integers(40, size=shape))],
                ratings=torch.from_numpy(generator.integers(1, 6, size=shape).astype(np.float32)),
                mask=torch.arange(max(sizes)) < torch.tensor(sizes).unsqueeze(1),
            )
            adapted = learner.adapt(support)
            chosen = None if rows is None else torch.tensor(rows, dtype=torch.int64)
            queries = items if chosen is None else items[chosen]
            expected = learner.predict(adapted, users, queries.expand(len(sizes), *queries.shape)).score
            scores = learner.prepare(items).scores(adapted, users, chosen)
        torch.testing.assert_close(scores, expected, rtol=1e-5, atol=1e-5)


class TestPredictions:
    def test_are_finite_and_on_the_scale_even_without_support(self, learned: TrainedModel, two_tastes: Dataset) -> None:
        require_valid(predict(learned, two_tastes, EPISODES))
        nothing = [tiny_episode(support=[], query=[(item, 3.0) for item in range(40)])]
        require_valid(predict(learned, two_tastes, nothing))

    @pytest.mark.parametrize("rating", [1.0, 5.0])
    def test_of_somebody_who_gives_all_items_the_same_rating(
        self, learned: TrainedModel, two_tastes: Dataset, rating: float
    ) -> None:
        episode = everything_rated(3, rating, two_tastes)
        adapted, unadapted = (predict(learned, two_tastes, [episode], steps=steps) for steps in (None, 0))
        require_valid(adapted)
        # Nobody in the data likes everything, or nothing. Gradient steps, read by a head that has learned this, may
        # take the ratings for a mixture of both tastes: that is no preset.
        if learned.manifest.preset.name == "gradient-ordinal":
            return
        assert (adapted.mean - rating).abs().mean() < 0.9 * (unadapted.mean - rating).abs().mean()

    def test_of_somebody_who_contradicts_himself(self, learned: TrainedModel, two_tastes: Dataset) -> None:
        support = [(1, 1.0), (1, 5.0)] * 30
        require_valid(predict(learned, two_tastes, [tiny_episode(support=support, query=[(1, 3.0), (2, 3.0)])]))

    def test_of_users_and_items_of_whom_nothing_is_known(self, learned: TrainedModel, two_tastes: Dataset) -> None:
        unknown_users = two_tastes.users.table.with_columns(
            pl.lit("never seen").alias("country"), pl.lit(None, dtype=pl.Float64).alias("age")
        )
        unknown_items = two_tastes.items.table.with_columns(
            pl.concat_str(pl.lit("new "), "id").alias("id"),
            pl.lit(["never seen"], dtype=pl.List(pl.String)).alias("genre"),
            pl.lit(None, dtype=pl.Float64).alias("year"),
        )
        for other in (
            replace(two_tastes, users=Entities(unknown_users)),
            replace(two_tastes, items=Entities(unknown_items)),
            replace(two_tastes, users=Entities(unknown_users), items=Entities(unknown_items)),
        ):
            require_valid(predict(learned, other, EPISODES))

    def test_of_a_batch_are_those_of_its_episodes_alone(self, learned: TrainedModel, two_tastes: Dataset) -> None:
        together = predict(learned, two_tastes, EPISODES)
        for row, episode in enumerate(EPISODES):
            size = len(episode.query_items)
            own = Predictions(
                **{
                    name: None if value is None else value[row : row + 1, :size]
                    for name, value in vars(together).items()
                }
            )
            require_close(own, predict(learned, two_tastes, [episode]))

    def test_rank_in_the_order_of_the_score(self, learned: TrainedModel, two_tastes: Dataset) -> None:
        support = [(1, 5.0), (3, 5.0), (2, 1.0)]
        query = [(item, 3.0) for item in range(40)]
        predictions = predict(learned, two_tastes, [tiny_episode(support=support, query=query)])
        scores, means, medians = (own[0] for own in (predictions.score, predictions.mean, predictions.median))
        assert spearmanr(scores, means).statistic > 0.95
        if learned.manifest.preset.local_update.rule is Rule.GRADIENT:
            # Else less certain predictions lie nearer the middle of the scale, and so may means in another order.
            assert (means[scores.argsort()].diff() >= -1e-5).all()
            assert (medians[scores.argsort()].diff() >= 0).all()

    def test_order_of_the_support_does_not_matter(self, learned: TrainedModel, two_tastes: Dataset) -> None:
        support, query = [(0, 1.0), (1, 5.0), (2, 1.0), (7, 4.0)], [(5, 3.0), (6, 3.0)]
        first, second = (
            predict(learned, two_tastes, [tiny_episode(support=own, query=query)]) for own in (support, support[::-1])
        )
        require_close(first, second)

    def test_losses_and_gradient_norms_are_finite(self, learned: TrainedModel, two_tastes: Dataset) -> None:
        data, batch = encoded(learned, two_tastes), EpisodeBatch.of(EPISODES)
        for view in (None, *(TrainingView(1, new, torch.Generator().manual_seed(0)) for new in (False, True))):
            assert torch.isfinite(query_losses(learned.learner, data, batch, training=view)).all()
        episodes = adapt_to_episodes(learned.learner, data, batch)
        norms = learned.learner.gradient_norms(episodes.adapted, episodes.users, episodes.query_items)
        assert norms.shape == batch.query_mask.shape
        assert torch.isfinite(norms).all()
        assert (norms >= 0).all()


class TestArtifact:
    def test_gives_the_same_predictions(self, trained: tuple[TrainedModel, Path], two_tastes: Dataset) -> None:
        loaded = load_artifact(trained[1])
        first, second = (predict(own, two_tastes, EPISODES) for own in (trained[0], loaded))
        for name, value in vars(first).items():
            other = getattr(second, name)
            assert value is other is None or torch.equal(value, other), name


class TestRecommending:
    COMEDY_FAN = (ItemRating("i1", 5.0), ItemRating("i3", 5.0), ItemRating("i2", 1.0), ItemRating("i4", 1.0))

    def test_what_is_liked_comes_first(self, learned: TrainedModel) -> None:
        ranked = Recommender(learned, learned.items).recommend(
            RankingQuery(attributes={}, ratings=self.COMEDY_FAN, n=10)
        )
        assert sum(int(item.item_id[1:]) % 2 for item in ranked) >= 9

    def test_like_probability_is_that_of_the_two_highest_of_five_levels(self, learned: TrainedModel) -> None:
        ranked = Recommender(learned, learned.items).recommend(
            RankingQuery(attributes={}, ratings=self.COMEDY_FAN, n=40)
        )
        if learned.manifest.preset.head is HeadKind.SQUARED_ERROR:
            assert {item.like_probability for item in ranked} == {None}
            return
        likes = np.array([item.like_probability for item in ranked])
        means = np.array([item.predicted_rating for item in ranked])
        assert ((likes >= 0) & (likes <= 1 + 1e-6)).all()
        # Whoever likes rates 4 or 5, whoever does not 1 to 3.
        assert (means <= 3 + 2 * likes + 1e-4).all()
        assert (means >= 1 + 3 * likes - 1e-4).all()
        assert likes[0] > 0.5 > likes[-1]


class TestTwoTastes:
    """Nothing but the ratings tells who loves comedies and who horror."""

    SIZES = (0, 1, 2, 5, 10)

    def held_out(self, model: TrainedModel, dataset: Dataset) -> list[Episode]:
        split = Split.of(dataset, model.manifest.split)
        return [
            episode
            for state in (State.WARM, State.USER_COLD)
            for episode in evaluation_episodes(
                dataset,
                split,
                state,
                query_size=5,
                min_ratings=15,
                max_ratings=100,
                seed=0,
            )
        ]

    def errors(self, model: TrainedModel, dataset: Dataset, *, size: int, steps: int | None = None) -> float:
        episodes = [
            replace(own, support_items=own.support_items[:size], support_ratings=own.support_ratings[:size])
            for own in self.held_out(model, dataset)
        ]
        assert len(episodes) >= 10
        batch = EpisodeBatch.of(episodes)
        medians: NDArray[np.float32] = predict(model, dataset, episodes, steps=steps).median.numpy()
        return float(np.abs(medians - batch.query_ratings)[batch.query_mask].mean())

    def test_adaptation_beats_no_adaptation(self, learned: TrainedModel, two_tastes: Dataset) -> None:
        adapted, unadapted = (self.errors(learned, two_tastes, size=10, steps=steps) for steps in (None, 0))
        assert adapted < 0.5 * unadapted

    def test_more_support_never_hurts_on_average(self, learned: TrainedModel, two_tastes: Dataset) -> None:
        curve = [self.errors(learned, two_tastes, size=size) for size in self.SIZES]
        # Few users, and a median that moves a whole level at a time: a step may go a little the wrong way.
        assert all(more <= fewer + 0.2 for fewer, more in pairwise(curve)), curve
        assert curve[-1] < 0.5 * curve[0]
