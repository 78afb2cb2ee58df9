import numpy as np
import pytest
import torch

from models.data.rating_scale import RatingScale
from models.learners.heads.base import Latent, SupportSummary
from models.learners.heads.likes import LikesConfig, LikesHead

FIVE = RatingScale(minimum=1, maximum=5)
NOTHING = SupportSummary(torch.zeros(1, 0), torch.zeros(1, 0), torch.zeros(1, 0), torch.zeros(1, 0, dtype=torch.bool))


def fitted(scale: RatingScale, ratings: list[float]) -> LikesHead:
    head = LikesConfig().build(scale)
    head.fit_statistics(np.array(ratings, dtype=np.float32))
    return head


def latent(*means: float) -> Latent:
    return Latent(torch.tensor([means]), torch.zeros(1, len(means)))


def test_probability_of_liking_is_logistic_in_the_latent_mean() -> None:
    head = fitted(FIVE, [1, 2, 3, 4, 5])
    distribution = head.predict(latent(2.0, 3.5, 4.5), NOTHING).distribution
    # The threshold begins half a step below the lowest liked rating, and the scale at a quarter of the scale's length.
    expected = torch.sigmoid((torch.tensor([2.0, 3.5, 4.5]) - 3.5) / 1.0)
    torch.testing.assert_close(distribution.at_least(4)[0], expected)


def test_ratings_on_each_side_keep_their_shares_in_training() -> None:
    head = fitted(FIVE, [1, 2, 2, 3, 4, 4, 4, 5])
    probabilities = head.predict(latent(3.5), NOTHING).distribution.probabilities[0, 0]
    torch.testing.assert_close(probabilities, torch.tensor([0.25, 0.5, 0.25, 0.75, 0.25]) / 2)


def test_loss_is_the_binary_cross_entropy() -> None:
    head = fitted(FIVE, [1, 5])
    losses = head.loss(latent(4.5, 4.5), NOTHING, torch.tensor([[4.0, 3.0]]))
    liked = torch.sigmoid(torch.tensor(1.0))
    torch.testing.assert_close(losses[0], -torch.stack([liked, 1 - liked]).log())


@pytest.mark.parametrize(
    "scale",
    [
        RatingScale(minimum=0, maximum=1),
        RatingScale(minimum=0, maximum=1, liked_from=0),
        RatingScale(minimum=-10, maximum=10, step=0.01, liked_from=3),
        RatingScale(minimum=0, maximum=100, continuous=True),
    ],
)
def test_any_scale_has_probabilities_that_add_up_and_ratings_on_the_scale(scale: RatingScale) -> None:
    head = fitted(scale, [scale.minimum, scale.liked_from, scale.maximum])
    predictions = head.predict(latent(scale.minimum, scale.maximum), NOTHING)
    torch.testing.assert_close(predictions.distribution.probabilities.sum(dim=-1), torch.ones(1, 2))
    liked = predictions.distribution.at_least(scale.liked_from)[0]
    expected = torch.sigmoid(
        (torch.tensor([scale.minimum, scale.maximum]) - scale.lower_end(scale.liked_from))
        / (0.25 * (scale.maximum - scale.minimum))
    )
    everything_is_liked = scale.liked_from == scale.minimum
    torch.testing.assert_close(liked, torch.ones(2) if everything_is_liked else expected.float(), rtol=1e-4, atol=1e-4)
    for ratings in (predictions.mean, predictions.median):
        assert ((ratings >= scale.minimum) & (ratings <= scale.maximum)).all()
