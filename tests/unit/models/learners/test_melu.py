import pytest
import torch

from models.data.rating_scale import RatingScale
from models.fields import CategoricalField
from models.inputs.config import InputConfig
from models.inputs.encoder import EncodedRows, FeatureEncoder
from models.learners.base import LearnerParts, Support
from models.learners.heads.squared_error import SquaredErrorHead
from models.learners.melu import MeLU, MeLUConfig, MeLUItems, MeLUUsers, Rates

FIELD = FeatureEncoder(fields=(CategoricalField(name="x", values=("a", "b", "c")),))


def learner_with(**changes: object) -> MeLU:
    torch.manual_seed(0)
    scale = RatingScale(minimum=1, maximum=5)
    inputs = InputConfig(embedding_dim=3, embedding_scale=1.0)
    parts = LearnerParts(FIELD, FIELD, inputs, SquaredErrorHead(scale), scale, mean_rating=3.0)
    config = MeLUConfig.model_validate({"hidden": (4,), "rate": 0.05, "prior_ratings": 2.0, **changes})
    return config.build(parts)


def rows(*values: int) -> EncodedRows:
    return EncodedRows({"x": torch.tensor(values)}, len(values))


def items_for_two_users(learner: MeLU, *values: int) -> MeLUItems:
    """The same items for each of two users."""
    return learner.embed_items(rows(*values)).expand(2)


def support_of(learner: MeLU) -> Support[MeLUUsers, MeLUItems]:
    """Two users: the first rated items 1 and 2, the second nothing."""
    return Support(
        users=learner.embed_users(rows(1, 2)),
        items=items_for_two_users(learner, 1, 2),
        ratings=torch.tensor([[5.0, 1.0], [0.0, 0.0]]),
        mask=torch.tensor([[True, True], [False, False]]),
    )


def trained_names(learner: MeLU) -> set[str]:
    return {name for name, parameter in learner.named_parameters() if parameter.requires_grad}


class TestRates:
    def test_rates_and_prior_of_new_learner_are_those_of_the_config(self) -> None:
        learner = learner_with()
        for outputs, inputs in zip(learner.log_output_rates, learner.log_input_rates, strict=True):
            rates = torch.outer(outputs.exp(), inputs.exp())
            torch.testing.assert_close(rates, torch.full_like(rates, 0.05))
        assert learner.log_prior is not None
        assert learner.log_prior.exp().item() == pytest.approx(2.0)

    def test_rates_with_learned_config_are_trained(self) -> None:
        assert {"log_output_rates.0", "log_input_rates.0", "log_prior"} <= trained_names(
            learner_with(rates=Rates.LEARNED)
        )

    def test_rates_with_fixed_config_are_not_trained(self) -> None:
        assert all(name.startswith("network.") for name in trained_names(learner_with(rates=Rates.FIXED)))

    def test_prior_of_0_has_no_logarithm_and_is_not_trained(self) -> None:
        learner = learner_with(prior_ratings=0.0)
        assert learner.log_prior is None
        assert "log_prior" not in learner.state_dict()
        assert "log_prior" not in trained_names(learner)

    @pytest.mark.parametrize("rates", Rates)
    @pytest.mark.parametrize("prior_ratings", [0.0, 2.0])
    def test_state_of_any_config_is_finite_and_loads(self, rates: Rates, prior_ratings: float) -> None:
        learner, loaded = (learner_with(rates=rates, prior_ratings=prior_ratings) for _ in range(2))
        assert all(torch.isfinite(value).all() for value in learner.state_dict().values())
        loaded.load_state_dict(learner.state_dict())


class TestAdapt:
    @pytest.mark.parametrize("prior_ratings", [0.0, 2.0])
    def test_two_steps_equal_gradient_descent_on_the_decision_layers(self, prior_ratings: float) -> None:
        learner = learner_with(steps=2, prior_ratings=prior_ratings)
        support = support_of(learner)
        network, decision = learner.network, learner.network.decision
        inputs = torch.cat([network.embed_users(rows(1, 1)), network.embed_items(rows(1, 2))], dim=1).detach()
        expected = {name: value.detach().clone().requires_grad_() for name, value in decision.named_parameters()}
        for _ in range(2):
            predictions = torch.func.functional_call(decision, expected, (inputs,))
            (predictions - support.ratings[0]).square().mean().backward()
            expected = {
                name: (value - 2 / (2 + prior_ratings) * 0.05 * value.grad).detach().requires_grad_()
                for name, value in expected.items()
            }
        query_inputs = torch.cat([network.embed_users(rows(1, 1)), network.embed_items(rows(3, 1))], dim=1)
        predictions = learner.predict(learner.adapt(support), support.users, items_for_two_users(learner, 3, 1))
        torch.testing.assert_close(
            predictions.score[0], torch.func.functional_call(decision, expected, (query_inputs,))
        )

    def test_given_steps_replace_those_of_the_config(self) -> None:
        one, three = learner_with(steps=1), learner_with(steps=3)
        support = support_of(one)
        first, second = (
            learner.predict(learner.adapt(support, steps=3), support.users, support.items) for learner in (one, three)
        )
        assert torch.equal(first.score, second.score)

    def test_predictions_without_steps_or_ratings_are_those_of_the_network(self) -> None:
        learner = learner_with(steps=2)
        support, query = support_of(learner), items_for_two_users(learner, 3, 1)
        expected = torch.stack([learner.network(rows(user, user), rows(3, 1)) for user in (1, 2)])
        unadapted = learner.predict(learner.adapt(support, steps=0), support.users, query).score
        adapted = learner.predict(learner.adapt(support), support.users, query).score
        torch.testing.assert_close(unadapted, expected)
        torch.testing.assert_close(adapted[1], expected[1])
        assert (adapted[0] - expected[0]).abs().max() > 1e-3

    def test_adapting_does_not_change_the_global_weights(self) -> None:
        learner = learner_with(steps=3)
        before = {name: value.clone() for name, value in learner.state_dict().items()}
        learner.adapt(support_of(learner))
        assert all(torch.equal(value, before[name]) for name, value in learner.state_dict().items())

    def test_predictions_after_many_steps_move_towards_the_support_ratings(self) -> None:
        learner = learner_with(steps=1, prior_ratings=0.0)
        support = support_of(learner)
        before, after = (
            learner.predict(learner.adapt(support, steps=steps), support.users, support.items).score[0]
            - support.ratings[0]
            for steps in (0, 20)
        )
        assert after.square().sum() < 0.5 * before.square().sum()


class TestVariants:
    def test_variants_of_an_evaluation_name_their_steps(self) -> None:
        learner = learner_with(steps=3)
        assert [(variant.name("melu"), variant.steps) for variant in learner.variants()] == [
            ("melu, 3 steps", 3),
            ("melu, 0 steps", 0),
        ]
        assert [variant.steps for variant in learner.variants(7)] == [7, 0]

    def test_step_variants_include_the_steps_of_the_config_once(self) -> None:
        assert [variant.steps for variant in learner_with(steps=4).step_variants()] == [0, 1, 2, 3, 4, 5, 10]
        assert [variant.steps for variant in learner_with(steps=5).step_variants()] == [0, 1, 2, 3, 5, 10]
