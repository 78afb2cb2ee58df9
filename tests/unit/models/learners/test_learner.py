"""What training, evaluation and serving rely on, for learners with each head, trained on the two-tastes data."""

from collections.abc import Mapping, Sequence
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
from torch import Tensor

from models.artifact import TrainedModel, load_artifact
from models.data.dataset import Dataset, Entities, State
from models.data.episodes import Episode, EpisodeBatch
from models.data.evaluation_episodes import evaluation_episodes
from models.data.splits import Split
from models.inputs.collaborative_inputs import CollaborativeConfig, OutOfFold
from models.inputs.config import InputConfig
from models.inputs.factorisation import FactorisationConfig
from models.learners.base import Support
from models.learners.closed_form import ClosedFormConfig
from models.learners.episode_predictions import EncodedData, embed_episodes, predict_episodes
from models.learners.heads.base import Predictions
from models.learners.heads.ordinal import OrdinalConfig
from models.learners.heads.squared_error import SquaredErrorConfig
from models.learners.melu import MeLUConfig
from models.ranking import RankingQuery, Recommender
from models.ranking.query import ItemRating
from models.train import train
from models.training.preset import Preset, TrainingConfig
from tests.choice import SMALL_CHOICE
from tests.unit.models.tiny_data import tiny_episode

MELU = MeLUConfig(hidden=(16,), steps=2, rate=0.05, prior_ratings=1.0)
CLOSED_FORM = ClosedFormConfig(hidden=(16,))
TRAINING = TrainingConfig(
    epochs=8, patience=8, batch_users=8, learning_rate=1e-2, max_query=10, new_item_batches=0.3, empty_supports=0.05
)
ATTRIBUTES = InputConfig(embedding_dim=8, embedding_scale=1.0)
COLLABORATIVE = ATTRIBUTES.model_copy(
    update={"collaborative": CollaborativeConfig(factorisation=FactorisationConfig(rank=2))}
)

LEARNERS = {
    "melu": Preset(name="melu", inputs=ATTRIBUTES, learner=MELU, choice=SMALL_CHOICE, training=TRAINING),
    "melu-ordinal": Preset(
        name="melu-ordinal",
        inputs=COLLABORATIVE,
        learner=MELU,
        head=OrdinalConfig(),
        choice=SMALL_CHOICE,
        # The ordinal head's median moves a whole level at a time, so MeLU needs more epochs with it.
        training=TRAINING.model_copy(update={"epochs": 40, "patience": 40}),
    ),
    "closed-form-ordinal": Preset(
        name="closed-form-ordinal",
        inputs=COLLABORATIVE,
        learner=CLOSED_FORM,
        head=OrdinalConfig(),
        choice=SMALL_CHOICE,
        training=TRAINING,
    ),
    "closed-form": Preset(
        name="closed-form", inputs=ATTRIBUTES, learner=CLOSED_FORM, choice=SMALL_CHOICE, training=TRAINING
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
    """A trained model and its artifact."""
    output = tmp_path_factory.mktemp("learners") / request.param
    return train(two_tastes, LEARNERS[request.param], output, data_path=output.parent, research_only=True), output


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
    for ratings in (predictions.mean, predictions.median):
        assert torch.isfinite(ratings).all()
        assert ratings.min() >= scale[0] - 1e-5
        assert ratings.max() <= scale[1] + 1e-5
    if predictions.distribution is not None:
        torch.testing.assert_close(
            predictions.distribution.probabilities.sum(dim=-1), torch.ones_like(predictions.mean)
        )


def arrays_of(predictions: Predictions) -> dict[str, Tensor]:
    """All that is predicted, by name; [B, Q, …] each."""
    arrays = {"score": predictions.score, "mean": predictions.mean, "median": predictions.median}
    if predictions.distribution is not None:
        arrays["probabilities"] = predictions.distribution.probabilities
    return arrays


def require_close(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> None:
    torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-5)


def everything_rated(user: int, rating: float, dataset: Dataset) -> Episode:
    """A user who gives all items the same rating."""
    items = range(len(dataset.items))
    return tiny_episode(user=user, support=[(item, rating) for item in items], query=[(item, rating) for item in items])


class TestItemScorer:
    @given(
        sizes=st.lists(st.integers(0, 12), min_size=1, max_size=4),
        rows=st.none() | st.lists(st.integers(0, 39), max_size=50),
        seed=st.integers(0, 2**32 - 1),
    )
    def test_scores_of_any_rows_equal_the_scores_of_predictions(
        self, learned: TrainedModel, two_tastes: Dataset, sizes: list[int], rows: list[int] | None, seed: int
    ) -> None:
        learner, data, generator = learned.learner, encoded(learned, two_tastes), np.random.default_rng(seed)
        shape = len(sizes), max(sizes)
        with torch.inference_mode():
            users = learner.embed_users(data.users.take(torch.from_numpy(generator.integers(40, size=len(sizes)))))
            items = learner.embed_items(data.items)
            support = Support(
                users=users,
                items=items.take(torch.from_numpy(generator.integers(40, size=shape))),
                ratings=torch.from_numpy(generator.integers(1, 6, size=shape).astype(np.float32)),
                mask=torch.arange(max(sizes)) < torch.tensor(sizes).unsqueeze(1),
            )
            adapted = learner.adapt(support)
            chosen = None if rows is None else torch.tensor(rows, dtype=torch.int64)
            queries = items if chosen is None else items.take(chosen)
            expected = learner.predict(adapted, users, queries.expand(len(sizes))).score
            scores = learner.prepare(items).scores(adapted, users, chosen)
        torch.testing.assert_close(scores, expected, rtol=1e-5, atol=1e-5)


class TestPredictions:
    def test_predictions_without_support_are_finite_and_on_the_scale(
        self, learned: TrainedModel, two_tastes: Dataset
    ) -> None:
        require_valid(predict(learned, two_tastes, EPISODES))
        without_support = [tiny_episode(support=[], query=[(item, 3.0) for item in range(40)])]
        require_valid(predict(learned, two_tastes, without_support))

    @pytest.mark.parametrize("rating", [1.0, 5.0])
    def test_predictions_of_user_who_gives_one_rating_to_all_items_move_towards_it(
        self, learned: TrainedModel, two_tastes: Dataset, rating: float
    ) -> None:
        episode = everything_rated(3, rating, two_tastes)
        adapted, unadapted = (predict(learned, two_tastes, [episode], steps=steps) for steps in (None, 0))
        require_valid(adapted)
        # No training user likes everything or nothing. MeLU with a trained ordinal head may predict a mixture of both
        # tastes. No built-in preset combines these two.
        if learned.manifest.preset.name == "melu-ordinal":
            return
        assert (adapted.mean - rating).abs().mean() < 0.9 * (unadapted.mean - rating).abs().mean()

    def test_predictions_with_contradictory_support_are_finite_and_on_the_scale(
        self, learned: TrainedModel, two_tastes: Dataset
    ) -> None:
        support = [(1, 1.0), (1, 5.0)] * 30
        require_valid(predict(learned, two_tastes, [tiny_episode(support=support, query=[(1, 3.0), (2, 3.0)])]))

    def test_predictions_of_unknown_users_and_items_are_finite_and_on_the_scale(
        self, learned: TrainedModel, two_tastes: Dataset
    ) -> None:
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

    def test_predictions_of_a_batch_equal_those_of_its_episodes_alone(
        self, learned: TrainedModel, two_tastes: Dataset
    ) -> None:
        batch = arrays_of(predict(learned, two_tastes, EPISODES))
        for row, episode in enumerate(EPISODES):
            size = len(episode.query_items)
            from_batch = {name: values[row : row + 1, :size] for name, values in batch.items()}
            require_close(from_batch, arrays_of(predict(learned, two_tastes, [episode])))

    def test_means_and_medians_rise_with_the_score(self, learned: TrainedModel, two_tastes: Dataset) -> None:
        support = [(1, 5.0), (3, 5.0), (2, 1.0)]
        query = [(item, 3.0) for item in range(40)]
        predictions = predict(learned, two_tastes, [tiny_episode(support=support, query=query)])
        scores, means, medians = (values[0] for values in (predictions.score, predictions.mean, predictions.median))
        assert spearmanr(scores, means).statistic > 0.95
        if isinstance(learned.manifest.preset.learner, MeLUConfig):
            # A learner with variances moves uncertain predictions towards the middle of the scale, which may change the
            # order of the means. MeLU has none.
            assert (means[scores.argsort()].diff() >= -1e-5).all()
            assert (medians[scores.argsort()].diff() >= 0).all()

    def test_predictions_with_shuffled_support_stay_the_same(self, learned: TrainedModel, two_tastes: Dataset) -> None:
        support, query = [(0, 1.0), (1, 5.0), (2, 1.0), (7, 4.0)], [(5, 3.0), (6, 3.0)]
        first, second = (
            predict(learned, two_tastes, [tiny_episode(support=ratings, query=query)])
            for ratings in (support, support[::-1])
        )
        require_close(arrays_of(first), arrays_of(second))

    def test_losses_and_gradient_norms_of_a_batch_are_finite(self, learned: TrainedModel, two_tastes: Dataset) -> None:
        data, batch = encoded(learned, two_tastes), EpisodeBatch.of(EPISODES)
        as_new = [OutOfFold(1, as_new, torch.Generator().manual_seed(0)) for as_new in (False, True)]
        for out_of_fold in (None, *as_new):
            episodes = embed_episodes(learned.learner, data, batch, out_of_fold=out_of_fold)
            for losses in (episodes.query_losses(), episodes.support_losses(), episodes.support_losses(steps=0)):
                assert losses.shape == (len(EPISODES),)
                assert torch.isfinite(losses).all()
        adapted = embed_episodes(learned.learner, data, batch).adapt()
        norms = learned.learner.gradient_norms(adapted.adapted, adapted.users, adapted.query_items)
        assert norms is not None
        assert norms.shape == batch.query_mask.shape
        assert torch.isfinite(norms).all()
        assert (norms >= 0).all()


class TestArtifact:
    def test_loaded_artifact_gives_the_same_predictions(
        self, trained: tuple[TrainedModel, Path], two_tastes: Dataset
    ) -> None:
        loaded = load_artifact(trained[1])
        first, second = (arrays_of(predict(model, two_tastes, EPISODES)) for model in (trained[0], loaded))
        torch.testing.assert_close(first, second, rtol=0, atol=0)


class TestRecommending:
    COMEDY_FAN = (ItemRating("i1", 5.0), ItemRating("i3", 5.0), ItemRating("i2", 1.0), ItemRating("i4", 1.0))

    def test_list_of_a_comedy_fan_begins_with_comedies(self, learned: TrainedModel) -> None:
        ranked = Recommender(learned, learned.items).recommend(
            RankingQuery(attributes={}, ratings=self.COMEDY_FAN, n=10)
        )
        assert sum(int(item.item_id[1:]) % 2 for item in ranked) >= 9

    def test_like_probability_on_five_levels_is_that_of_the_two_highest(self, learned: TrainedModel) -> None:
        ranked = Recommender(learned, learned.items).recommend(
            RankingQuery(attributes={}, ratings=self.COMEDY_FAN, n=40)
        )
        if isinstance(learned.manifest.preset.head, SquaredErrorConfig):
            assert {item.like_probability for item in ranked} == {None}
            return
        likes = np.array([item.like_probability for item in ranked])
        means = np.array([item.predicted_rating for item in ranked])
        assert ((likes >= 0) & (likes <= 1 + 1e-6)).all()
        # A rating is 4 or 5 with this probability, otherwise 1 to 3. That bounds the mean.
        assert (means <= 3 + 2 * likes + 1e-4).all()
        assert (means >= 1 + 3 * likes - 1e-4).all()
        assert likes[0] > 0.5 > likes[-1]

    def test_order_agrees_with_the_shown_probabilities(self, learned: TrainedModel) -> None:
        ranked = Recommender(learned, learned.items).recommend(
            RankingQuery(attributes={}, ratings=self.COMEDY_FAN, n=40)
        )
        if ranked[0].like_probability is not None:
            products = [item.choice_probability * item.like_probability for item in ranked if item.like_probability]
            assert products == sorted(products, reverse=True)


class TestTwoTastes:
    """Only the ratings tell who loves comedies and who loves horror."""

    SIZES = (0, 1, 2, 5, 10)

    def held_out(self, model: TrainedModel, dataset: Dataset) -> list[Episode]:
        split = Split.of(dataset, model.split)
        return [
            episode
            for state in (State.WARM, State.USER_COLD)
            for episode in evaluation_episodes(
                dataset, split, state, query_size=5, min_ratings=15, max_ratings=100, seed=0
            )
        ]

    def error(self, model: TrainedModel, dataset: Dataset, *, size: int, steps: int | None = None) -> float:
        """Mean absolute error of held-out ratings with so many ratings in each support set."""
        episodes = [
            replace(
                episode,
                support_items=episode.support_items[:size],
                support_ratings=episode.support_ratings[:size],
            )
            for episode in self.held_out(model, dataset)
        ]
        assert len(episodes) >= 10
        batch = EpisodeBatch.of(episodes)
        medians: NDArray[np.float32] = predict(model, dataset, episodes, steps=steps).median.numpy()
        return float(np.abs(medians - batch.query_ratings)[batch.query_mask].mean())

    def test_error_after_adaptation_is_half_of_that_without(self, learned: TrainedModel, two_tastes: Dataset) -> None:
        adapted, unadapted = (self.error(learned, two_tastes, size=10, steps=steps) for steps in (None, 0))
        assert adapted < 0.5 * unadapted

    def test_error_with_more_support_does_not_rise(self, learned: TrainedModel, two_tastes: Dataset) -> None:
        curve = [self.error(learned, two_tastes, size=size) for size in self.SIZES]
        # There are few users, and a median moves a whole level at a time, so the error may rise a little.
        assert all(more <= fewer + 0.2 for fewer, more in pairwise(curve)), curve
        assert curve[-1] < 0.5 * curve[0]
