import math

import pytest
import torch
from models.learners.gradient import GradientLearner

from models.data.schema import RatingScale
from models.fields import CategoricalField
from models.inputs.encoder import EncodedRows, FeatureEncoder
from models.learners.base import Support
from models.learners.heads.squared_error import SquaredErrorHead
from models.learners.network import EstimatorConfig, PreferenceEstimator
from models.training.preset import LocalUpdateConfig, Rates

FIELD = FeatureEncoder(fields=(CategoricalField(name="x", values=("a", "b", "c")),))


def learner_with(**changes: object) -> GradientLearner:
    torch.manual_seed(0)
    estimator = PreferenceEstimator(
        user_encoder=FIELD,
        item_encoder=FIELD,
        config=EstimatorConfig(embedding_dim=3, embedding_scale=1.0, hidden=(4,)),
        mean_rating=3.0,
    )
    config = LocalUpdateConfig.model_validate({"rate": 0.05, "prior_ratings": 2.0, **changes})
    return GradientLearner(estimator, config, SquaredErrorHead(RatingScale(minimum=1, maximum=5)))


def rows(*values: int) -> EncodedRows:
    return EncodedRows({"x": torch.tensor(values)}, len(values))


def support_of(learner: GradientLearner) -> Support:
    """Two users: one rated items 1 and 2, the other nothing."""
    items = learner.embed_items(rows(1, 2))
    return Support(
        users=learner.embed_users(rows(1, 2)),
        items=torch.stack([items, items]),
        ratings=torch.tensor([[5.0, 1.0], [0.0, 0.0]]),
        mask=torch.tensor([[True, True], [False, False]]),
    )


def trained_names(learner: GradientLearner) -> set[str]:
    return {name for name, parameter in learner.named_parameters() if parameter.requires_grad}


class TestRates:
    def test_begin_at_the_presets_rate_and_prior(self) -> None:
        learner = learner_with()
        for outputs, inputs in zip(learner.log_output_rates, learner.log_input_rates, strict=True):
            rates = torch.outer(outputs.exp(), inputs.exp())
            torch.testing.assert_close(rates, torch.full_like(rates, 0.05))
        assert learner.log_prior.exp().item() == pytest.approx(2.0)

    def test_are_learned_where_the_preset_says_so(self) -> None:
        assert {"log_output_rates.0", "log_input_rates.0", "log_prior"} <= trained_names(
            learner_with(rates=Rates.LEARNED)
        )

    def test_stay_where_the_preset_says_so(self) -> None:
        assert all(name.startswith("estimator.") for name in trained_names(learner_with(rates=Rates.FIXED)))

    def test_a_prior_of_0_is_never_learned(self) -> None:
        learner = learner_with(prior_ratings=0.0)
        assert "log_prior" not in trained_names(learner)
        assert learner.log_prior.item() == -math.inf


class TestAdapt:
    def test_two_steps_are_two_steps_of_gradient_descent_on_the_decision_layers(self) -> None:
        learner = learner_with(steps=2)
        support = support_of(learner)
        inputs = torch.cat(
            [learner.estimator.embed_users(rows(1, 1)), learner.estimator.embed_items(rows(1, 2))], dim=1
        ).detach()
        decision = learner.estimator.decision
        expected = {name: value.detach().clone().requires_grad_() for name, value in decision.named_parameters()}
        for _ in range(2):
            predictions = torch.func.functional_call(decision, expected, (inputs,))
            (predictions - support.ratings[0]).square().mean().backward()
            expected = {
                name: (value - 2 / (2 + 2.0) * 0.05 * value.grad).detach().requires_grad_()
                for name, value in expected.items()
            }
        query = learner.embed_items(rows(3, 1))
        user = learner.estimator.embed_users(rows(1, 1))
        query_inputs = torch.cat([user, learner.estimator.embed_items(rows(3, 1))], dim=1)
        predictions = learner.predict(learner.adapt(support), support.users, torch.stack([query, query]))
        torch.testing.assert_close(
            predictions.score[0], torch.func.functional_call(decision, expected, (query_inputs,))
        )

    def test_steps_given_go_before_the_presets(self) -> None:
        one, three = learner_with(steps=1), learner_with(steps=3)
        support = support_of(one)
        first, second = (
            learner.predict(learner.adapt(support, steps=3), support.users, support.items) for learner in (one, three)
        )
        assert torch.equal(first.score, second.score)

    def test_without_steps_or_without_ratings_the_estimators_own_prediction_remains(self) -> None:
        learner = learner_with(steps=2)
        support = support_of(learner)
        query = learner.embed_items(rows(3, 1))
        expected = torch.stack([learner.estimator(rows(user, user), rows(3, 1)) for user in (1, 2)])
        unadapted = learner.predict(learner.adapt(support, steps=0), support.users, torch.stack([query, query])).score
        adapted = learner.predict(learner.adapt(support), support.users, torch.stack([query, query])).score
        torch.testing.assert_close(unadapted, expected)
        torch.testing.assert_close(adapted[1], expected[1])
        assert (adapted[0] - expected[0]).abs().max() > 1e-3

    def test_adapting_leaves_the_global_weights_alone(self) -> None:
        learner = learner_with(steps=3)
        before = {name: value.clone() for name, value in learner.state_dict().items()}
        learner.adapt(support_of(learner))
        assert all(torch.equal(value, before[name]) for name, value in learner.state_dict().items())

    def test_predictions_move_towards_the_support_ratings(self) -> None:
        learner = learner_with(steps=1, prior_ratings=0.0)
        support = support_of(learner)
        before, after = (
            learner.predict(learner.adapt(support, steps=steps), support.users, support.items).score[0]
            - support.ratings[0]
            for steps in (0, 20)
        )
        assert after.square().sum() < 0.5 * before.square().sum()
