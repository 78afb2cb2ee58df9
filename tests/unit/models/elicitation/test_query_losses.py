import numpy as np
import pytest
import torch

from models.artifact import TrainedModel
from models.data.dataset import Dataset, State
from models.data.episodes import Episode, EpisodeBatch
from models.elicitation.query_losses import QueryLosses
from models.evaluation.lists.rankers import ModelRanker
from models.evaluation.predictors import encoded_for
from models.learners.episode_predictions import embed_episodes
from models.ranking.query import RankBy


@pytest.fixture(scope="module")
def batch(two_tastes: Dataset) -> EpisodeBatch:
    """Three users: with some support ratings, with one, and with none."""
    starts = two_tastes.ratings.offsets[:3].astype(np.int64)
    return EpisodeBatch.of(
        [
            Episode.of(
                two_tastes.ratings,
                state=State.WARM,
                user=user,
                support=start + np.arange(size),
                query=start + np.arange(size, size + 4 - user),
            )
            for user, (start, size) in enumerate(zip(starts, (3, 1, 0), strict=True))
        ]
    )


@pytest.fixture(scope="module")
def losses(model: TrainedModel, two_tastes: Dataset) -> QueryLosses:
    counts = np.bincount(two_tastes.ratings.items, minlength=len(two_tastes.items))
    return QueryLosses.of(model.learner, model.choice, encoded_for(model, two_tastes), counts)


def test_loss_of_ratings_equals_that_of_training(
    losses: QueryLosses, batch: EpisodeBatch, model: TrainedModel, two_tastes: Dataset
) -> None:
    with torch.no_grad():
        expected = embed_episodes(model.learner, encoded_for(model, two_tastes), batch).query_losses()
    np.testing.assert_allclose(losses.of_ratings(batch), expected.numpy(), rtol=1e-5)


def test_loss_of_choices_equals_the_shares_of_the_ranker(
    losses: QueryLosses, batch: EpisodeBatch, model: TrainedModel, two_tastes: Dataset
) -> None:
    choices = ModelRanker(model, two_tastes, RankBy.CHOICE)
    with torch.no_grad():
        liking = choices._log_liking(model.learner, batch).numpy()
    logits = choices.scores(batch) - liking
    liked = np.zeros_like(batch.query_mask)
    liked[0, :2] = liked[1, 1] = True
    known_items, known = np.array([30, 31]), np.array([[True, False], [True, True], [False, False]])
    expected = []
    for user, row in enumerate(logits.astype(np.float64)):
        row[known_items[known[user]]] = -np.inf
        shares = row - np.log(np.exp(row).sum())
        expected.append(-shares[batch.query_items[user][liked[user]]].mean() if liked[user].any() else 0.0)
    np.testing.assert_allclose(losses.of_choices(batch, liked, known_items, known), expected, rtol=1e-4)


def test_model_without_a_learner_has_no_loss_of_ratings(
    losses: QueryLosses, batch: EpisodeBatch, model: TrainedModel, two_tastes: Dataset
) -> None:
    counts = np.bincount(two_tastes.ratings.items, minlength=len(two_tastes.items))
    only_choices = QueryLosses.of(None, model.choice, encoded_for(model, two_tastes), counts)
    liked, nothing = batch.query_mask, np.zeros((3, 0), dtype=np.bool_)
    arguments = (batch, liked, np.zeros(0, dtype=np.int64), nothing)
    assert only_choices.of_ratings(batch).tolist() == [0.0, 0.0, 0.0]
    assert only_choices.of_choices(*arguments).tolist() == losses.of_choices(*arguments).tolist()
