import numpy as np
import polars as pl
import pytest
import torch

from models.data.dataset import Dataset
from models.data.rating_scale import RatingScale
from models.elicitation.statistics import _entropies, item_statistics
from models.fields import CategoricalField
from models.inputs.config import InputConfig
from models.inputs.encoder import FeatureEncoder
from models.learners.base import LearnerParts
from models.learners.episode_predictions import EncodedData
from models.learners.heads.squared_error import SquaredErrorHead
from models.learners.melu import MeLU, MeLUConfig
from tests.unit.models.tiny_data import tiny_dataset

RATINGS = [(0, 0, 5.0), (0, 1, 1.0), (0, 2, 3.0), (1, 0, 2.0), (1, 1, 4.0), (3, 0, 5.0), (3, 3, 5.0)]
TRAINING = np.array([True] * 6 + [False])
"""The last rating, the only one of item 3, is not a training rating. Item 4 has no ratings."""

IDS = FeatureEncoder(fields=(CategoricalField(name="id", values=("u0", "u1", "u3", "i0", "i1", "i2")),))


@pytest.fixture
def dataset() -> Dataset:
    return tiny_dataset(RATINGS, users=4, items=5)


@pytest.fixture
def learner() -> MeLU:
    torch.manual_seed(0)
    scale = RatingScale(minimum=1, maximum=5)
    inputs = InputConfig(embedding_dim=3, embedding_scale=1.0)
    config = MeLUConfig(hidden=(5, 4), steps=2, rate=0.05, prior_ratings=1.0)
    return config.build(LearnerParts(IDS, IDS, inputs, SquaredErrorHead(scale), scale, mean_rating=3.0))


def statistics_of(learner: MeLU, dataset: Dataset) -> pl.DataFrame:
    data = EncodedData(IDS.encode(dataset.users.table), IDS.encode(dataset.items.table), torch.device("cpu"))
    return item_statistics(learner, data, dataset, TRAINING)


def gradient_norms_one_by_one(learner: MeLU, dataset: Dataset) -> dict[int, list[float]]:
    """For each training rating, the norm of its loss's gradient in the decision layers divided by the error."""
    norms: dict[int, list[float]] = {item: [] for item in range(len(dataset.items))}
    users = learner.network.embed_users(IDS.encode(dataset.users.table)).detach()
    items = learner.network.embed_items(IDS.encode(dataset.items.table)).detach()
    for user in (0, 1, 3):
        rated = [(item, value) for rater, item, value in RATINGS[:6] if rater == user]
        inputs = torch.stack([torch.cat([users[user], items[item]]) for item, _ in rated])
        ratings = torch.tensor([value for _, value in rated])
        parameters = {name: value.detach() for name, value in learner.network.decision.named_parameters()}
        for _ in range(2):
            parameters = {name: value.clone().requires_grad_() for name, value in parameters.items()}
            predictions = torch.func.functional_call(learner.network.decision, parameters, (inputs,))
            (predictions - ratings).square().mean().backward()
            rate = 0.05 * len(rated) / (len(rated) + 1.0)
            parameters = {name: (value - rate * value.grad).detach() for name, value in parameters.items()}
        for row, (item, value) in enumerate(rated):
            adapted = {name: value.clone().requires_grad_() for name, value in parameters.items()}
            error = torch.func.functional_call(learner.network.decision, adapted, (inputs[row : row + 1],)) - value
            error.square().sum().backward()
            gradient = torch.cat([tensor.grad.flatten() for tensor in adapted.values()])
            norms[item].append(float(gradient.norm() / (2 * error.abs()).detach()))
    return norms


class TestItemStatistics:
    def test_counts_means_and_entropies_are_of_training_ratings_alone(self, learner: MeLU, dataset: Dataset) -> None:
        statistics = statistics_of(learner, dataset)
        assert statistics["id"].to_list() == dataset.items.ids
        assert statistics["rating_count"].to_list() == [3, 2, 1, 0, 0]
        assert statistics["rating_mean"].to_list() == [4.0, 2.5, 3.0, None, None]
        two_of_three = -(2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 3))
        np.testing.assert_allclose(statistics["rating_entropy"], [two_of_three, np.log(2), 0.0, 0.0, 0.0])

    def test_gradient_values_equal_autograd_of_each_rating(self, learner: MeLU, dataset: Dataset) -> None:
        norms = gradient_norms_one_by_one(learner, dataset)
        means = np.array([np.mean(values) if values else 0.0 for values in norms.values()])
        actual = statistics_of(learner, dataset)["gradient_value"].to_numpy()
        np.testing.assert_allclose(actual, means / means.max(), rtol=1e-4)

    def test_gradient_values_of_the_trained_model_are_between_0_and_1(self, request: pytest.FixtureRequest) -> None:
        values = request.getfixturevalue("model").statistics["gradient_value"]
        assert values.min() >= 0.0
        assert values.max() == 1.0

    def test_gradient_values_with_other_errors_stay_the_same(self, learner: MeLU, dataset: Dataset) -> None:
        # Without a local update, the ratings change the gradient only through the error.
        with torch.no_grad():
            for log_rate in learner.log_output_rates:
                log_rate.fill_(-torch.inf)
        others = tiny_dataset([(user, item, 6.0 - value) for user, item, value in RATINGS], users=4, items=5)
        first, second = (statistics_of(learner, some)["gradient_value"].to_list() for some in (dataset, others))
        assert first == second

    def test_gradient_values_with_shuffled_users_stay_the_same(self, learner: MeLU, dataset: Dataset) -> None:
        expected = statistics_of(learner, dataset)
        shuffled = [RATINGS[row] for row in (2, 0, 1, 4, 3, 5, 6)]
        actual = statistics_of(learner, tiny_dataset(shuffled, users=4, items=5))
        np.testing.assert_allclose(actual["gradient_value"], expected["gradient_value"], rtol=1e-5)


def test_entropy_of_ratings_that_never_repeat_is_that_of_their_ranges() -> None:
    # Item 0 has ratings of all sizes, item 1 only the highest twentieth.
    values = np.arange(2000, dtype=np.float32)
    items = np.where(values < 1900, 0, 1).astype(np.int32)
    entropies = _entropies(items, values, 3)
    np.testing.assert_allclose(entropies, [np.log(19), 0.0, 0.0], atol=1e-9)
