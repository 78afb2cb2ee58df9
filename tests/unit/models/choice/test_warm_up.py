"""Shares of all choices after an item was chosen n times."""

import pytest
import torch
from torch import Tensor

from models.artifact import TrainedModel
from models.choice.model import ChoiceItems, ChoiceUsers
from models.learners.warm_up import LaterRatings
from models.ranking.embedded_items import unknown_user
from models.ranking.query import RankBy


def items_of(model: TrainedModel) -> ChoiceItems:
    """The items that the model was trained on."""
    known = model.items.table.filter(model.statistics["rating_count"] > 0)
    with torch.inference_mode():
        return model.choice.embed_items(model.manifest.item_encoder.encode(known))


def shares_of(model: TrainedModel, items: ChoiceItems) -> Tensor:
    """Each item's share of a stranger's choices among the trained items."""
    (_, stranger), known = unknown_user(model, RankBy.CHOICE, items), items_of(model)
    with torch.inference_mode():
        logits, all_logits = (own.bias + own.vector @ stranger[0] for own in (items, known))
        return (logits - all_logits.logsumexp(dim=0)).exp()


def warmed_up(model: TrainedModel, counts: Tensor, meanwhile: Tensor, trained_counts: Tensor) -> Tensor:
    """The shares of the first items after their choices."""
    items = items_of(model)[: len(counts)]
    later = LaterRatings(counts, torch.full_like(counts, 3.0), meanwhile, trained_counts)
    users, adapted = unknown_user(model, RankBy.CHOICE, items)
    with torch.inference_mode():
        return shares_of(model, model.choice.warmed_up(items, later, ChoiceUsers(*users.tensors()), adapted))


@pytest.fixture(scope="module")
def predicted(model: TrainedModel) -> Tensor:
    return shares_of(model, items_of(model))[:3]


def test_share_of_an_item_chosen_as_often_as_predicted_stays(model: TrainedModel, predicted: Tensor) -> None:
    meanwhile = torch.full((3,), 1000.0)
    shares = warmed_up(model, 1 + meanwhile * predicted, meanwhile, torch.tensor([0.0, 5.0, 100.0]))
    torch.testing.assert_close(shares, predicted)


def test_share_after_many_choices_is_the_share_of_these_choices(model: TrainedModel) -> None:
    counts, meanwhile = torch.tensor([2e6, 5e6, 1e5]), torch.full((3,), 1e7)
    shares = warmed_up(model, counts, meanwhile, torch.zeros(3))
    torch.testing.assert_close(shares, counts / meanwhile, rtol=1e-3, atol=0)


def test_share_after_few_choices_is_the_mean_of_the_posterior(model: TrainedModel, predicted: Tensor) -> None:
    counts, meanwhile, trained = torch.tensor([3.0, 1.0, 7.0]), torch.full((3,), 50.0), torch.tensor([0.0, 4.0, 20.0])
    shape = model.choice.config.popularity_prior + trained
    # Gamma(k, rate k/s) and n − 1 choices of N give Gamma(k + n − 1, rate k/s + N).
    expected = (shape + counts - 1) / (shape / predicted + meanwhile)
    torch.testing.assert_close(warmed_up(model, counts, meanwhile, trained), expected)


def test_share_of_a_trained_item_changes_less(model: TrainedModel, predicted: Tensor) -> None:
    counts, meanwhile = torch.full((2,), 10.0), torch.full((2,), 9.0)
    changes = [
        warmed_up(model, counts, meanwhile, torch.full((2,), trained)) / predicted[:2] for trained in (0.0, 100.0)
    ]
    assert (changes[0] > changes[1]).all()
    assert (changes[1] > 1).all()


def test_first_choice_changes_no_share(model: TrainedModel, predicted: Tensor) -> None:
    torch.testing.assert_close(warmed_up(model, torch.ones(3), torch.zeros(3), torch.zeros(3)), predicted)
