"""MAML, Meta-SGD and Reptile: known answers for their local and outer steps."""

import copy
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from models.data.rating_scale import RatingScale
from models.fields import CategoricalField, MultiValuedField
from models.inputs.config import InputConfig
from models.inputs.encoder import EncodedRows, FeatureEncoder
from models.learners.base import LearnerConfig, LearnerParts, Support
from models.learners.gradient_steps import Adapted, GradientSteps, ItemColumns, UserColumns
from models.learners.heads.squared_error import SquaredErrorHead
from models.learners.maml import MAMLConfig
from models.learners.meta_sgd import MetaSGDConfig
from models.learners.reptile import ReptileConfig

USERS = FeatureEncoder(fields=(CategoricalField(name="country", values=("fr", "jp")),))
ITEMS = FeatureEncoder(fields=(MultiValuedField(name="genres", values=("comedy", "drama", "horror")),))
RATE = 0.05


def built(config: LearnerConfig) -> GradientSteps:
    torch.manual_seed(0)
    scale = RatingScale(minimum=1, maximum=5)
    inputs = InputConfig(embedding_dim=3, embedding_scale=1.0)
    learner = config.build(LearnerParts(USERS, ITEMS, inputs, SquaredErrorHead(scale), scale, mean_rating=3.0))
    assert isinstance(learner, GradientSteps)
    return learner


def user_rows(*countries: int) -> EncodedRows:
    return EncodedRows({"country": torch.tensor(countries)}, len(countries))


def item_rows(*genres: tuple[int, int]) -> EncodedRows:
    return EncodedRows({"genres": torch.tensor(genres)}, len(genres))


RATED, ASKED = item_rows((1, 0), (2, 3), (0, 0)), item_rows((3, 0), (1, 2))
"""Items that the users rated, and items to predict."""


def support_of(learner: GradientSteps) -> Support[UserColumns, ItemColumns]:
    """Three users: the first rated three items, the second one of them, and the third none."""
    return Support(
        users=learner.embed_users(user_rows(1, 2, 0)),
        items=learner.embed_items(RATED).expand(3),
        ratings=torch.tensor([[5.0, 1.0, 4.0], [2.0, 0.0, 0.0], [9.0, 9.0, 9.0]]),
        mask=torch.tensor([[True, True, True], [True, False, False], [False, False, False]]),
    )


def predictions(learner: GradientSteps, *, steps: int | None = None) -> Tensor:
    support = support_of(learner)
    return learner.predict(
        learner.adapt(support, steps=steps), support.users, learner.embed_items(ASKED).expand(3)
    ).score


def by_embedding(learner: GradientSteps, user: int, items: EncodedRows) -> Tensor:
    """The network by looking embeddings up, without columns."""
    network = learner.network
    users = network.inputs.embed_users(user_rows(*[user] * len(items)))
    result: Tensor = network.decision(torch.cat([users, network.inputs.embed_items(items)], dim=1))
    return result


def outer_gradients(learner: GradientSteps, query_ratings: Tensor) -> dict[str, Tensor]:
    """Gradients of the mean query loss."""
    learner.zero_grad()
    support = support_of(learner)
    items = learner.embed_items(ASKED).expand(3)
    learner.loss(learner.adapt(support), support.users, items, query_ratings).mean().backward()
    return {
        name: torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.clone()
        for name, parameter in learner.network.named_parameters()
    }


def require_close(actual: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(actual[name], value, rtol=1e-4, atol=1e-6)


QUERY_RATINGS = torch.tensor([[1.0, 4.0], [5.0, 2.0], [3.0, 1.0]])


class TestMAML:
    def test_predictions_without_steps_or_ratings_are_those_of_the_network(self) -> None:
        learner = built(MAMLConfig(hidden=(4,), steps=2, rate=RATE))
        expected = torch.stack([by_embedding(learner, user, ASKED) for user in (1, 2, 0)])
        torch.testing.assert_close(predictions(learner, steps=0), expected)
        torch.testing.assert_close(predictions(learner)[2], expected[2])

    @pytest.mark.parametrize("prior_ratings", [0.0, 2.0])
    @pytest.mark.parametrize("adapted", Adapted)
    def test_steps_equal_gradient_descent_on_the_adapted_parameters(
        self, adapted: Adapted, prior_ratings: float
    ) -> None:
        learner = built(MAMLConfig(hidden=(4,), steps=3, rate=RATE, adapted=adapted, prior_ratings=prior_ratings))
        actual = predictions(learner)
        for row, (user, count) in enumerate([(1, 3), (2, 1)]):
            own = copy.deepcopy(learner)
            optimiser = torch.optim.SGD(own.adapted_parameters().values(), lr=RATE)
            for _ in range(3):
                optimiser.zero_grad()
                errors = by_embedding(own, user, RATED)[:count] - support_of(own).ratings[row, :count]
                (errors.square().sum() / (count + prior_ratings)).backward()
                optimiser.step()
            torch.testing.assert_close(actual[row], by_embedding(own, user, ASKED))

    def test_outer_gradient_of_a_linear_model_is_the_first_order_one_times_the_identity_less_rate_times_hessian(
        self,
    ) -> None:
        options = {"hidden": (), "steps": 1, "rate": RATE, "adapted": Adapted.DECISION}
        second, first = (built(MAMLConfig(second_order=order, **options)) for order in (True, False))
        users = 3
        # One user at a time, because the Hessian is the user's: 2/n XᵀX, with a column of 1 for the bias.
        for row, (user, count) in enumerate([(1, 3), (2, 1)]):
            weights = torch.zeros(users, 2)
            weights[row] = QUERY_RATINGS[row]

            def gradient(learner: GradientSteps, row: int = row) -> Tensor:
                learner.zero_grad()
                support = support_of(learner)
                losses = learner.loss(
                    learner.adapt(support), support.users, learner.embed_items(ASKED).expand(users), QUERY_RATINGS
                )
                layer = learner.network.decision[0]
                return torch.cat(
                    [g.flatten() for g in torch.autograd.grad(losses[row].mean(), [layer.weight, layer.bias])]
                )

            network = second.network
            vectors = [network.inputs.embed_users(user_rows(*[user] * 3)), network.inputs.embed_items(RATED)]
            inputs = torch.cat([*vectors, torch.ones(3, 1)], dim=1)[:count].detach()
            hessian = 2 / count * inputs.T @ inputs
            expected = (torch.eye(len(hessian)) - RATE * hessian) @ gradient(first)
            torch.testing.assert_close(gradient(second), expected)
            assert not torch.allclose(gradient(second), gradient(first), rtol=1e-2)

    def test_embeddings_take_outer_gradients(self) -> None:
        gradients = outer_gradients(built(MAMLConfig(hidden=(4,), steps=2, rate=RATE)), QUERY_RATINGS)
        assert all(gradient.any() for gradient in gradients.values())

    def test_gradient_norms_equal_autograd_of_the_decision_layers(self) -> None:
        learner = built(MAMLConfig(hidden=(4, 3), steps=2, rate=RATE))
        support, items = support_of(learner), learner.embed_items(ASKED).expand(3)
        adapted = learner.adapt(support)
        actual = learner.gradient_norms(adapted, support.users, items)
        names = [name for name in adapted.parameters if name.startswith("decision.")]
        for user in range(3):
            for item in range(2):
                prediction = learner.means(adapted, support.users, items)[user, item]
                gradients = torch.autograd.grad(prediction, [adapted.parameters[name] for name in names])
                norm = torch.stack([gradient[user].square().sum() for gradient in gradients]).sum().sqrt()
                torch.testing.assert_close(actual[user, item], norm)


class TestMetaSGD:
    def test_equal_rates_give_the_predictions_and_outer_gradients_of_maml(self) -> None:
        options = {"hidden": (4,), "steps": 3, "rate": RATE, "prior_ratings": 1.0}
        maml, meta_sgd = built(MAMLConfig(**options)), built(MetaSGDConfig(**options))
        torch.testing.assert_close(predictions(meta_sgd), predictions(maml))
        require_close(outer_gradients(meta_sgd, QUERY_RATINGS), outer_gradients(maml, QUERY_RATINGS))

    @pytest.mark.parametrize("second_order", [False, True])
    def test_every_rate_is_learned(self, second_order: bool) -> None:
        learner = built(MetaSGDConfig(hidden=(4,), rate=RATE, second_order=second_order))
        outer_gradients(learner, QUERY_RATINGS)
        shapes = {name: value.shape for name, value in learner.adapted_parameters().items()}
        assert {name: rates.shape for name, rates in learner.rule().rates.items()} == shapes
        assert all(rates.grad is not None and rates.grad.any() for rates in learner.log_rates.values())


@dataclass(frozen=True)
class Batch:
    """What Reptile takes of a batch of episodes."""

    ratings: Support[UserColumns, ItemColumns]
    weights: Tensor

    @property
    def own_shares(self) -> Tensor:
        return self.weights / self.weights.sum()

    def all_ratings(self) -> Support[UserColumns, ItemColumns]:
        return self.ratings


def reptile_update(learner: GradientSteps, weights: Tensor) -> dict[str, Tensor]:
    """The outer update, with an objective that has no gradient."""
    batch = Batch(support_of(learner), weights)
    learner.outer_update(batch, lambda _: torch.zeros((), requires_grad=True))
    return {name: parameter.grad for name, parameter in learner.network.named_parameters()}


class TestReptile:
    def test_update_of_one_step_is_the_gradient_of_the_joint_loss_times_the_rate(self) -> None:
        learner = built(ReptileConfig(hidden=(4,), steps=1, rate=RATE))
        weights = torch.tensor([1.0, 1.0, 2.0])
        actual = reptile_update(learner, weights)
        losses = [
            (by_embedding(learner, user, RATED)[:count] - support_of(learner).ratings[row, :count]).square().mean()
            for row, (user, count) in enumerate([(1, 3), (2, 1)])
        ]
        joint = (losses[0] * weights[0] + losses[1] * weights[1]) / weights.sum()
        parameters = dict(learner.network.named_parameters())
        gradients = torch.autograd.grad(joint, list(parameters.values()), materialize_grads=True)
        require_close(actual, {name: RATE * value for name, value in zip(parameters, gradients, strict=True)})

    def test_each_step_takes_another_part_of_the_ratings(self) -> None:
        learner = built(ReptileConfig(hidden=(4,), steps=2, rate=RATE))
        actual = reptile_update(learner, torch.tensor([1.0, 0.0, 0.0]))
        own = copy.deepcopy(learner)
        optimiser = torch.optim.SGD(own.network.parameters(), lr=RATE)
        # Of the three ratings, the first step takes the first and the last, the second step the one between.
        for part in ([0, 2], [1]):
            optimiser.zero_grad()
            (by_embedding(own, 1, RATED)[part] - support_of(own).ratings[0, part]).square().mean().backward()
            optimiser.step()
        after = dict(own.network.named_parameters())
        require_close(
            actual, {name: (value - after[name]).detach() for name, value in learner.network.named_parameters()}
        )

    def test_parameters_that_are_not_adapted_have_the_gradient_of_the_objective(self) -> None:
        learner = built(ReptileConfig(hidden=(4,), adapted=Adapted.DECISION))
        table = learner.network.inputs.embed_items.layers[0].weight
        learner.outer_update(Batch(support_of(learner), torch.ones(3)), lambda _: table.sum())
        torch.testing.assert_close(table.grad, torch.ones_like(table))
        assert learner.network.decision[0].weight.grad.any()

    def test_served_users_get_steps_on_the_whole_support_set(self) -> None:
        options = {"hidden": (4,), "steps": 3, "rate": RATE}
        torch.testing.assert_close(
            predictions(built(ReptileConfig(**options))), predictions(built(MAMLConfig(**options)))
        )


def test_padding_and_other_users_do_not_count() -> None:
    learner = built(MAMLConfig(hidden=(4,), steps=2, rate=RATE))
    support = support_of(learner)
    alone = replace(
        support,
        users=support.users[1:2],
        items=support.items[1:2, :1],
        ratings=support.ratings[1:2, :1],
        mask=support.mask[1:2, :1],
    )
    asked = learner.embed_items(ASKED).expand(1)
    actual = learner.predict(learner.adapt(alone), alone.users, asked).score
    torch.testing.assert_close(actual[0], predictions(learner)[1])
