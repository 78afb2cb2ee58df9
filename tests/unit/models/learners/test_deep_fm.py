import pytest
import torch

from models.data.rating_scale import RatingScale
from models.fields import CategoricalField
from models.inputs.config import InputConfig
from models.inputs.encoder import EncodedRows, FeatureEncoder
from models.learners.base import LearnerParts, Support
from models.learners.deep_fm import DeepFM, DeepFMConfig, FieldRows
from models.learners.heads.likes import LikesConfig

TWO_FIELDS = FeatureEncoder(fields=tuple(CategoricalField(name=name, values=("a", "b", "c")) for name in "xy"))
NO_FIELDS = FeatureEncoder(fields=())
SCALE = RatingScale(minimum=1, maximum=5)


def learner_with(users: FeatureEncoder = TWO_FIELDS, **changes: object) -> DeepFM:
    torch.manual_seed(0)
    inputs = InputConfig(embedding_dim=3, embedding_scale=1.0)
    config = DeepFMConfig.model_validate({"vector_dim": 4, "hidden": (5,), **changes})
    return config.build(LearnerParts(users, TWO_FIELDS, inputs, LikesConfig().build(SCALE), SCALE, mean_rating=3.0))


def rows(*values: tuple[int, int]) -> EncodedRows:
    x, y = torch.tensor(values).T
    return EncodedRows({"x": x, "y": y}, len(values))


def support_of(learner: DeepFM) -> Support[FieldRows, FieldRows]:
    """Two users: the first rated two items, the second nothing."""
    return Support(
        users=learner.embed_users(rows((1, 2), (2, 0))),
        items=learner.embed_items(rows((1, 1), (2, 3))).expand(2),
        ratings=torch.tensor([[5.0, 1.0], [0.0, 0.0]]),
        mask=torch.tensor([[True, True], [False, False]]),
    )


def scores(learner: DeepFM, *, steps: int | None = None) -> torch.Tensor:
    support = support_of(learner)
    return learner.predict(learner.adapt(support, steps=steps), support.users, support.items).score


class TestNotAdapted:
    def test_score_is_the_sum_of_the_linear_part_all_pairs_and_the_deep_part(self) -> None:
        learner = learner_with()
        users, items = learner.user_fields(rows((1, 2))), learner.item_fields(rows((1, 1)))
        fields = [*users[0].split(3), *items[0].split(3)]
        maps = [*learner.user_vectors, *learner.item_vectors]
        vectors = [own(field) for own, field in zip(maps, fields, strict=True)]
        pairs = sum(vectors[f] @ vectors[g] for g in range(4) for f in range(g))
        inputs = torch.cat(fields)
        expected = 3.0 + pairs + learner.decision.linear(inputs)[0] + learner.decision.deep(inputs)[0]
        torch.testing.assert_close(scores(learner, steps=0)[0, 0], expected)

    def test_logistic_regression_adds_up_effects_of_users_and_items(self) -> None:
        learner = learner_with(pairs=False, hidden=())
        found = scores(learner, steps=0)
        torch.testing.assert_close(found[0, 0] - found[0, 1], found[1, 0] - found[1, 1])

    def test_factorisation_machine_has_tastes_that_differ_between_users(self) -> None:
        found = scores(learner_with(hidden=()), steps=0)
        assert (found[0, 0] - found[0, 1] - found[1, 0] + found[1, 1]).abs() > 1e-3

    def test_users_without_fields_are_allowed(self) -> None:
        learner = learner_with(NO_FIELDS)
        assert torch.isfinite(learner.embed_users(EncodedRows({}, 2)).vector).all()
        assert torch.isfinite(scores(learner)).all()


class TestLocalStep:
    def test_one_step_is_a_step_along_the_gradient_of_the_mean_cross_entropy(self) -> None:
        learner = learner_with(hidden=(), rate=0.3)
        support = support_of(learner)
        means = scores(learner, steps=0)[0]
        liked = torch.tensor([1.0, 0.0])
        logits = (means - 3.5) / 1.0
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, liked)
        weight, bias = torch.autograd.grad(loss, [learner.decision.linear.weight, learner.decision.linear.bias])
        inputs = torch.cat([support.users.inputs[:1].expand(2, -1), support.items.inputs[0]], dim=-1)
        expected = means - 0.3 * (inputs @ weight[0] + bias)
        torch.testing.assert_close(scores(learner)[0], expected)

    def test_user_without_ratings_is_not_changed(self) -> None:
        learner = learner_with()
        torch.testing.assert_close(scores(learner)[1], scores(learner, steps=0)[1])

    @pytest.mark.parametrize("steps", [None, 3])
    def test_learner_without_steps_has_one_model_for_all(self, steps: int | None) -> None:
        learner = learner_with(steps=0)
        torch.testing.assert_close(scores(learner, steps=steps), scores(learner, steps=0))
