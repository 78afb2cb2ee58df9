from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor, nn

from models.data.dataset import Dataset
from models.data.rating_scale import RatingScale
from models.fields import CategoricalField
from models.inputs.collaborative_inputs import OutOfFold
from models.inputs.config import InputConfig
from models.inputs.encoder import EncodedRows, FeatureEncoder
from models.inputs.rows import TensorRows
from models.learners.base import Learner, LearnerParts, Support
from models.learners.heads.base import Head, Latent, Predictions, SupportSummary
from models.learners.heads.ordinal import OrdinalConfig
from models.learners.heads.squared_error import SquaredErrorHead
from models.learners.matching import MatchingConfig
from models.learners.member_rows import MemberRows
from models.learners.selector import Form, Selection, Selector, SelectorConfig

SCALE = RatingScale(minimum=1, maximum=5)
ITEMS = FeatureEncoder(fields=(CategoricalField(name="x", values=("a", "b")),))
USERS = FeatureEncoder(fields=())


@dataclass(frozen=True)
class Values(TensorRows):
    value: Tensor


@dataclass(frozen=True)
class Seen:
    values: Tensor
    summary: SupportSummary


class Slope(Learner[Values, Values, Seen]):
    """Predicts `3 + slope · value` for all users; one that memorises predicts the ratings that it has seen."""

    def __init__(self, head: Head, slope: float, *, memorises: bool = False) -> None:
        super().__init__()
        self.head = head
        self.slope = nn.Parameter(torch.tensor(slope))
        self.memorises = memorises

    def fit_statistics(self, dataset: Dataset, training: NDArray[np.bool_], items: EncodedRows) -> None:
        """Nothing to fit."""

    def embed_users(self, rows: EncodedRows) -> Values:
        return Values(torch.zeros(len(rows)))

    def embed_items(self, rows: EncodedRows, *, out_of_fold: OutOfFold | None = None) -> Values:  # noqa: ARG002
        return Values(rows.fields["x"].float() - 1.5)

    def adapt(self, support: Support[Values, Values], *, steps: int | None = None) -> Seen:  # noqa: ARG002
        nothing = torch.zeros_like(support.ratings)
        return Seen(support.items.value, SupportSummary(support.ratings, nothing, nothing, support.mask))

    def predict(self, adapted: Seen, users: Values, items: Values) -> Predictions:  # noqa: ARG002
        return self.head.predict(self._latent(adapted, items), adapted.summary)

    def loss(self, adapted: Seen, users: Values, items: Values, ratings: Tensor) -> Tensor:  # noqa: ARG002
        return self.head.loss(self._latent(adapted, items), adapted.summary, ratings)

    def _latent(self, adapted: Seen, items: Values) -> Latent:
        mean, summary = 3 + self.slope * items.value, adapted.summary
        if self.memorises:
            same = (items.value.unsqueeze(2) == adapted.values.unsqueeze(1)) & summary.mask.unsqueeze(1)
            seen = (same * summary.ratings.unsqueeze(1)).sum(dim=2) / same.sum(dim=2).clamp(min=1)
            mean = torch.where(same.any(dim=2), seen, mean)
        return Latent(mean, torch.zeros_like(mean))


def ordinal() -> Head:
    return OrdinalConfig(max_shift=0).build(SCALE)


def selector_of(members: Sequence[Slope], **changes: object) -> Selector:
    torch.manual_seed(0)
    parts = LearnerParts(USERS, ITEMS, InputConfig(embedding_dim=2), ordinal(), SCALE, mean_rating=3.0)
    return Selector(parts, SelectorConfig.model_validate(changes), members)


def opposites(head: type[Head] | None = None) -> list[Slope]:
    """Two members: the first expects users to prefer b, the second a."""
    return [Slope(ordinal() if head is None else head(SCALE), slope) for slope in (3.0, -3.0)]


def support_of(selector: Selector, items: list[list[int]], ratings: list[list[float]]) -> Support[Any, Any]:
    """Support sets of the same size; the items are 1 (a) or 2 (b)."""
    flat = torch.tensor(items, dtype=torch.long).flatten()
    embedded = selector.embed_items(EncodedRows({"x": flat}, len(flat)))
    shape = torch.tensor(items).shape
    users = selector.embed_users(EncodedRows({}, len(items)))
    rows = embedded.take(torch.arange(len(flat)).view(shape))
    return Support(users, rows, torch.tensor(ratings), torch.ones(shape, dtype=torch.bool))


def two_populations(count: int, generator: torch.Generator) -> tuple[list[list[int]], list[list[float]], Tensor]:
    """Users who rate b high and a low, or the other way round; which of both (0 or 1) is the last value."""
    population = torch.arange(64) % 2
    items = torch.randint(1, 3, (64, count), generator=generator)
    likes = (items == 2) == (population == 0).unsqueeze(1)
    noise = torch.randint(0, 2, (64, count), generator=generator)
    return items.tolist(), torch.where(likes, 5.0 - noise, 1.0 + noise).tolist(), population


@pytest.fixture(scope="module")
def trained() -> Selector:
    """A selector that met two populations, each best served by another member."""
    selector = selector_of(opposites())
    generator = torch.Generator().manual_seed(0)
    parameters = [value for name, value in selector.named_parameters() if not name.startswith("learners")]
    optimizer = torch.optim.Adam(parameters, lr=0.02)
    for update in range(60):
        support = support_of(selector, *two_populations(6, generator)[:2])
        seen = support.mask & (torch.arange(6) < update % 6)
        adapted = selector.adapt(replace(support, mask=seen))
        optimizer.zero_grad()
        selector.loss(adapted, support.users, support.items, support.ratings)[~seen].mean().backward()
        optimizer.step()
    return selector


class TestTwoPopulations:
    def test_few_ratings_select_the_right_member(self, trained: Selector) -> None:
        items, ratings, population = two_populations(3, torch.Generator().manual_seed(1))
        weights = trained.adapt(support_of(trained, items, ratings)).weights
        assert weights.gather(1, population.unsqueeze(1)).min() > 0.9

    def test_user_without_ratings_gets_both(self, trained: Selector) -> None:
        items, ratings, _ = two_populations(3, torch.Generator().manual_seed(1))
        weights = trained.adapt(support_of(trained, items, ratings), steps=0).weights
        torch.testing.assert_close(weights, torch.full_like(weights, 0.5), rtol=0, atol=0.1)

    def test_mixture_is_better_than_each_member(self, trained: Selector) -> None:
        items, ratings, _ = two_populations(8, torch.Generator().manual_seed(2))
        support = support_of(trained, items, ratings)
        known = replace(support, mask=support.mask & (torch.arange(8) < 4))
        adapted = trained.adapt(known)
        mixed = trained.loss(adapted, support.users, support.items, support.ratings)[:, 4:].mean()
        for place in range(2):
            alone = replace(adapted, weights=torch.eye(2)[place].expand(64, 2))
            assert mixed < 0.7 * trained.loss(alone, support.users, support.items, support.ratings)[:, 4:].mean()


class TestLocalStep:
    @pytest.mark.parametrize("head", [None, SquaredErrorHead])
    def test_first_step_raises_the_weight_of_the_member_with_less_loss(self, head: type[Head] | None) -> None:
        selector = selector_of(opposites(head))
        support = support_of(selector, [[2, 1], [1, 2]], [[5.0, 1.0], [5.0, 1.0]])
        assert (selector.adapt(support).weights.diagonal() > 0.51).all()

    def test_without_steps_an_untrained_selector_weighs_all_alike(self) -> None:
        selector = selector_of(opposites(), steps=0)
        weights = selector.adapt(support_of(selector, [[2, 1]], [[5.0, 1.0]])).weights
        torch.testing.assert_close(weights, torch.full((1, 2), 0.5))

    def test_member_that_memorises_the_support_gains_nothing_by_that(self) -> None:
        for rated in ([[2]], [[2, 1]]):
            ratings = [[1.0] * len(rated[0])]
            weights = []
            for memorises in (False, True):
                selector = selector_of([Slope(ordinal(), 1.0, memorises=memorises), Slope(ordinal(), -1.0)])
                weights.append(selector.adapt(support_of(selector, rated, ratings)).weights)
            torch.testing.assert_close(*weights)


class TestMixture:
    def test_distribution_is_the_weighted_sum_of_the_members(self) -> None:
        selector = selector_of(opposites())
        support = support_of(selector, [[2, 1]], [[5.0, 1.0]])
        adapted = Selection(selector.adapt(support).members, torch.tensor([[0.75, 0.25]]))
        mixed = selector.predict(adapted, support.users, support.items)
        each = [
            member.predict(own, rows, items)
            for member, own, rows, items in zip(
                selector.members, adapted.members, support.users.members, support.items.members, strict=True
            )
        ]
        expected = 0.75 * each[0].distribution.probabilities + 0.25 * each[1].distribution.probabilities
        torch.testing.assert_close(mixed.distribution.probabilities, expected)
        torch.testing.assert_close(mixed.mean, expected @ torch.arange(1.0, 6.0))
        median = 1 + (expected.cumsum(dim=-1) < 0.5).sum(dim=-1)
        torch.testing.assert_close(mixed.median, median.float())
        loss = selector.loss(adapted, support.users, support.items, support.ratings)
        torch.testing.assert_close(loss, -torch.stack([expected[0, 0, 4], expected[0, 1, 0]]).log().unsqueeze(0))

    def test_predictions_are_mixed_where_there_is_no_distribution(self) -> None:
        selector = selector_of(opposites(SquaredErrorHead))
        support = support_of(selector, [[2, 1]], [[5.0, 1.0]])
        adapted = Selection(selector.adapt(support).members, torch.tensor([[0.75, 0.25]]))
        predictions = selector.predict(adapted, support.users, support.items)
        torch.testing.assert_close(predictions.mean, torch.tensor([[3.75, 2.25]]))
        loss = selector.loss(adapted, support.users, support.items, support.ratings)
        torch.testing.assert_close(loss, torch.tensor([[1.25**2, 1.25**2]]))


class TestForms:
    def gradients(self, form: Form) -> tuple[Tensor, Tensor, Tensor]:
        """The gradients of the first member's slope, of its own loss for that, and of the selector's output."""
        selector = selector_of(opposites(), form=form)
        support = support_of(selector, [[2, 1]], [[5.0, 2.0]])
        selector.loss(selector.adapt(support), support.users, support.items, support.ratings).mean().backward()
        member = selector.members[0]
        found, member.slope.grad = member.slope.grad, None
        users, items = support.users.members[0], support.items.members[0]
        adapted = member.adapt(replace(support, users=users, items=items))
        member.loss(adapted, users, items, support.ratings).mean().backward()
        return found, member.slope.grad, selector.network[-1].bias.grad

    def test_simplified_form_trains_each_member_by_its_own_loss(self) -> None:
        found, alone, of_selector = self.gradients(Form.SIMPLIFIED)
        torch.testing.assert_close(found, alone)
        assert of_selector.abs().max() > 0

    def test_users_of_the_selector_train_no_member_and_the_others_train_no_selector(self) -> None:
        selector = selector_of(opposites())
        support = support_of(selector, [[2, 1], [2, 1]], [[5.0, 2.0], [5.0, 2.0]])
        adapted = selector.adapt(replace(support, trains_combinations=torch.tensor([True, False])))
        losses = selector.loss(adapted, support.users, support.items, support.ratings).mean(dim=1)
        parameters = [selector.members[0].slope, selector.network[-1].bias]
        of_selector = torch.autograd.grad(losses[0], parameters, retain_graph=True, allow_unused=True)
        of_members = torch.autograd.grad(losses[1], parameters, allow_unused=True, materialize_grads=True)
        assert of_selector[0] is None or of_selector[0] == 0
        assert of_selector[1].abs().max() > 0
        assert of_members[0] != 0
        assert of_members[1].abs().max() == 0
        torch.testing.assert_close(losses[0], losses[1])

    def test_full_form_trains_members_by_the_loss_of_the_mixture(self) -> None:
        found, alone, of_selector = self.gradients(Form.FULL)
        assert (found - alone).abs() > 1e-4
        assert of_selector.abs().max() > 0


class TestRows:
    def test_rows_of_all_members_move_together(self) -> None:
        selector = selector_of(opposites())
        rows: MemberRows = selector.embed_items(EncodedRows({"x": torch.tensor([1, 2])}, 2))
        moved = rows.append(rows).take(torch.tensor([[3], [0]]))
        assert [values.value.tolist() for values in moved.members] == [[[0.5], [-0.5]]] * 2
        torch.testing.assert_close(moved.inputs[0, 0], rows.inputs[1])


class TestConfig:
    def test_members_are_configs_of_any_learner(self) -> None:
        config = SelectorConfig.model_validate({"members": [{"kind": "matching", "hidden": [8]}, {"kind": "melu"}]})
        assert config.members[0] == MatchingConfig(hidden=(8,))
        assert SelectorConfig.model_validate_json(config.model_dump_json()) == config

    def test_wrong_setting_of_a_member_is_named(self) -> None:
        with pytest.raises(ValidationError) as caught:
            SelectorConfig.model_validate({"members": [{"kind": "matching", "layers": 2}, {"kind": "melu"}]})
        (error,) = caught.value.errors()
        assert error["loc"] == ("members", 0, "matching", "layers")
