"""MeLU with a closed form: the closed form on features of layers that gradient descent has adapted."""

import copy

import pytest
import torch
from pydantic import ValidationError

from models.data.rating_scale import RatingScale
from models.fields import CategoricalField
from models.inputs.config import InputConfig
from models.inputs.encoder import EncodedRows, FeatureEncoder
from models.learners.base import LearnerParts, Support
from models.learners.closed_form import ClosedForm, ClosedFormConfig
from models.learners.closed_form_rows import ClosedFormUsers
from models.learners.heads.squared_error import SquaredErrorHead
from models.learners.melu_closed_form import AdaptableItems, MeLUClosedForm, MeLUClosedFormConfig

FIELD = FeatureEncoder(fields=(CategoricalField(name="x", values=("a", "b", "c")),))
RATE, PRIOR = 0.1, 2.0
HIDDEN = ClosedFormConfig(hidden=(5, 4))


def parts() -> LearnerParts:
    scale = RatingScale(minimum=1, maximum=5)
    inputs = InputConfig(embedding_dim=3, embedding_scale=1.0)
    return LearnerParts(FIELD, FIELD, inputs, SquaredErrorHead(scale), scale, 3.0)


@pytest.fixture
def learner() -> MeLUClosedForm:
    torch.manual_seed(0)
    learner = MeLUClosedFormConfig(steps=3, rate=RATE, prior_ratings=PRIOR, closed_form=HIDDEN).build(parts())
    with torch.no_grad():
        # At first the layer is 0, and no gradient reaches the hidden layers.
        learner.offset.weight.normal_()
    return learner


def rows(*values: int) -> EncodedRows:
    return EncodedRows({"x": torch.tensor(values)}, len(values))


def support_of(learner: ClosedForm) -> Support[ClosedFormUsers, AdaptableItems]:
    """Two users: the first rated items 1 and 2, the second nothing."""
    return Support(
        users=learner.embed_users(rows(1, 2)),
        items=learner.embed_items(rows(1, 2)).expand(2),
        ratings=torch.tensor([[5.0, 1.0], [9.0, 9.0]]),
        mask=torch.tensor([[True, True], [False, False]]),
    )


def plain_copy(learner: MeLUClosedForm) -> ClosedForm:
    """The closed form without local steps, with the same weights."""
    plain = HIDDEN.build(parts())
    plain.load_state_dict(learner.state_dict(), strict=False)
    return plain


def scores(learner: ClosedForm, *, steps: int | None = None) -> torch.Tensor:
    support = support_of(learner)
    return learner.predict(
        learner.adapt(support, steps=steps), support.users, learner.embed_items(rows(3, 1)).expand(2)
    ).score


def test_predictions_are_those_of_the_closed_form_on_layers_after_gradient_descent(learner: MeLUClosedForm) -> None:
    plain = plain_copy(learner)
    own = copy.deepcopy(plain)
    optimiser = torch.optim.SGD([*own.decision.parameters(), *own.offset.parameters()], lr=RATE)
    for _ in range(3):
        optimiser.zero_grad()
        inputs = own.item_fields(rows(1, 2)).detach()
        errors = 3.0 + own.offset(own.decision(inputs)).squeeze(-1) - torch.tensor([5.0, 1.0])
        (errors.square().sum() / (2 + PRIOR)).backward()
        optimiser.step()
    actual = scores(learner)
    torch.testing.assert_close(actual[0], scores(own)[0])
    torch.testing.assert_close(actual[1], scores(plain)[1])
    assert (actual[0] - scores(plain)[0]).abs().max() > 1e-3


def test_predictions_without_steps_are_the_prior_of_the_closed_form(learner: MeLUClosedForm) -> None:
    torch.testing.assert_close(scores(learner, steps=0), scores(plain_copy(learner), steps=0))


def test_gradients_of_the_loss_reach_every_parameter(learner: MeLUClosedForm) -> None:
    for layer in (learner.prior_mean[-1], learner.prior_of_rated[-1]):
        torch.nn.init.normal_(layer.weight)
    support = support_of(learner)
    items = learner.embed_items(rows(3, 1)).expand(2)
    learner.loss(learner.adapt(support), support.users, items, torch.tensor([[1.0, 4.0], [2.0, 3.0]])).sum().backward()
    without = {name for name, parameter in learner.named_parameters() if parameter.grad is None}
    # The squared error ignores variances, and there are no principal components and no answers.
    assert without <= {"component_scale", "answer_noise", "answer_shift"}


def test_layers_without_a_hidden_one_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"closed_form\.hidden is empty"):
        MeLUClosedFormConfig(closed_form=ClosedFormConfig(hidden=()))
