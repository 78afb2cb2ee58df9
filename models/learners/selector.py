"""MetaSelector (Luo et al., WWW 2020): several learners, and a network that decides how much each counts for a user."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, SerializeAsAny, TypeAdapter, field_validator
from torch import Tensor, nn

from models.data.dataset import Dataset
from models.inputs.collaborative_inputs import CollaborativeInputs, OutOfFold
from models.inputs.encoder import EncodedRows
from models.learners.base import AnyLearner, ItemScorer, Learner, LearnerConfig, LearnerParts, Support
from models.learners.closed_form import ClosedFormConfig
from models.learners.deep_fm import DeepFMConfig
from models.learners.functional import call_with
from models.learners.heads.base import Predictions
from models.learners.inner_loop import Parameters, inner_loop
from models.learners.matching import MatchingConfig
from models.learners.melu import MeLUConfig
from models.learners.member_rows import MemberRows, support_of_member
from models.learners.mixture import Outcomes, mixture, weighted_sum
from models.learners.network import EmbeddingLayers, input_linear, zero_linear
from models.learners.parameter_rates import ParameterRates
from models.learners.warm_up import LaterRatings


@cache
def _any_learner() -> TypeAdapter[LearnerConfig]:
    from models.learners.registry import AnyLearnerConfig  # noqa: PLC0415 - the registry imports this module

    return TypeAdapter(AnyLearnerConfig)


Member = Annotated[SerializeAsAny[LearnerConfig], BeforeValidator(lambda value: _any_learner().validate_python(value))]
"""The config of any learner, by its `kind`."""


class Form(StrEnum):
    """What the loss of the mixture trains."""

    FULL = "full"
    """Members and selector."""
    SIMPLIFIED = "simplified"
    """The selector, on users who train no member. Each member is trained by its own loss, as if it were alone."""


class SelectorConfig(LearnerConfig):
    """The choices of the selector.

    Attributes:
        members: The learners that are mixed. Each has its own head, of the preset's kind.
        form: What the loss of the mixture trains.
        hidden: Hidden units of the selector's network.
        steps: Local steps on the selector's network.
        rate: Initial local learning rate, which training changes, one for each weight (Meta-SGD, Li et al. 2017).
        second_order: Whether the outer gradient flows through the local gradients.
        prior_ratings: Initial c: the selection without ratings counts as much as c ratings; training changes it.
    """

    kind: Literal["selector"] = "selector"
    members: tuple[Member, ...] = (ClosedFormConfig(), MeLUConfig(), MatchingConfig())
    form: Form = Form.SIMPLIFIED
    hidden: Annotated[int, Field(ge=1)] = 16
    steps: Annotated[int, Field(ge=0)] = 1
    rate: Annotated[float, Field(gt=0)] = 0.5
    second_order: bool = True
    prior_ratings: Annotated[float, Field(gt=0)] = 3.0

    paper: ClassVar[dict[str, Any]] = {
        "members": (DeepFMConfig(pairs=False, hidden=()), DeepFMConfig(hidden=()), DeepFMConfig()),
        "form": "full",
    }

    @field_validator("members")
    @classmethod
    def _there_is_a_choice(cls, members: tuple[LearnerConfig, ...]) -> tuple[LearnerConfig, ...]:
        if len(members) < 2:
            raise ValueError("name at least two members")
        return members

    def build(self, parts: LearnerParts) -> "Selector":
        """The learner and its members."""
        members = [member.build(replace(parts, head=copy.deepcopy(parts.head))) for member in self.members]
        return Selector(parts, self, members)


@dataclass(frozen=True)
class Selection:
    """What was selected for B users.

    Attributes:
        members: What each member's `adapt` returned.
        weights: float32 [B, K], λ, how much each member counts; they add up to 1.
        trains_combinations: bool [B], as in `Support`; None outside training.
    """

    members: tuple[Any, ...]
    weights: Tensor
    trains_combinations: Tensor | None = None


class Selector(Learner[MemberRows, MemberRows, Selection]):
    """`P(y) = Σ_k λ_k P_k(y)`, where the members' distributions P_k are mixed with weights λ of each user.

    Where the head predicts no distribution, the predicted ratings are mixed. A network φ gives weights for each support
    rating from the embedded user and item, and from the members' predictions and losses of that rating; the user's
    λ is their mean. As in the paper, local steps on the support loss of the mixture first adapt φ to the user.

    Five things differ from the paper:

    - A member that adapts has seen the support ratings. So members that adapted to one half of them predict the other.
    - Members' losses are inputs of φ.
    - φ also has an input row without a rating. It counts as c ratings, and alone decides for a user without ratings.
    - In the simplified form, a user trains either φ or the members. A member that memorises looks better than it is on
      the users that it was trained on.
    - In the paper's full form, the local step also changes the members, along the loss of the mixture. Here the
      members' own `adapt` changes them, along their own losses.
    """

    def __init__(self, parts: LearnerParts, config: SelectorConfig, members: Sequence[AnyLearner]) -> None:
        super().__init__()
        self.config = config
        self.learners = nn.ModuleList(members)
        inputs_of_members = [module for module in self.modules() if isinstance(module, CollaborativeInputs)]
        for later in inputs_of_members[1:]:
            later.fit_as(inputs_of_members[0])
        self.user_fields = EmbeddingLayers(parts.user_encoder, parts.inputs)
        # Ids would be memorised.
        self.item_fields = EmbeddingLayers(parts.item_encoder, parts.inputs.model_copy(update={"item_ids": False}))
        self._scale = parts.scale
        count = len(members)
        inputs = self.user_fields.width + self.item_fields.width + 3 * count + 2
        # At first all members count alike.
        output = zero_linear(config.hidden, count)
        self.network = nn.Sequential(input_linear(inputs, config.hidden), nn.ReLU(), output)
        self.log_rates = ParameterRates(dict(self.network.named_parameters()), config.rate)
        self.log_prior = nn.Parameter(torch.tensor(config.prior_ratings).log())

    @property
    def members(self) -> Sequence[AnyLearner]:
        """The K learners."""
        return cast("Sequence[AnyLearner]", self.learners)

    def fit_statistics(self, dataset: Dataset, training: NDArray[np.bool_], items: EncodedRows) -> None:
        """Fit the members."""
        for member in self.members:
            member.fit_statistics(dataset, training, items)

    def embed_users(self, rows: EncodedRows) -> MemberRows:
        """Embed users with every member."""
        return MemberRows(self.user_fields(rows), tuple(member.embed_users(rows) for member in self.members))

    def embed_items(self, rows: EncodedRows, *, out_of_fold: OutOfFold | None = None) -> MemberRows:
        """Embed items with every member."""
        embedded = tuple(member.embed_items(rows, out_of_fold=out_of_fold) for member in self.members)
        return MemberRows(self.item_fields(rows), embedded)

    def adapt(self, support: Support[MemberRows, MemberRows], *, steps: int | None = None) -> Selection:
        """Adapt the members, with `steps` local steps if given, and weigh them; 0 ignores the support sets."""
        if steps == 0:
            support = replace(support, mask=torch.zeros_like(support.mask))
        adapted = self._adapted(support, steps)
        trains_members = torch.is_grad_enabled() and self.config.form is Form.FULL
        with torch.set_grad_enabled(trains_members):
            outcomes = self._out_of_sample(support, steps)
        return Selection(adapted, self._weights(support, outcomes), support.trains_combinations)

    def predict(self, adapted: Selection, users: MemberRows, items: MemberRows) -> Predictions:
        """The mixture of the members' predictions."""
        return mixture(self._predictions(adapted.members, users, items), adapted.weights)

    def loss(self, adapted: Selection, users: MemberRows, items: MemberRows, ratings: Tensor) -> Tensor:
        """The negative log likelihood of the mixture, or the squared error without distributions; float32 [B, Q].

        In the simplified form, the mixture's loss has a gradient for the selector only, and each member gets the
        gradient of its own loss. In training, a user has one of both gradients (`Support.trains_combinations`).
        """
        is_simplified = self.config.form is Form.SIMPLIFIED
        with torch.set_grad_enabled(torch.is_grad_enabled() and not is_simplified):
            outcomes = Outcomes.of(self._predictions(adapted.members, users, items), ratings)
        mixed = outcomes.loss((outcomes.values * adapted.weights.unsqueeze(1)).sum(dim=-1))
        if not is_simplified or not torch.is_grad_enabled():
            return mixed
        # The members' losses give gradients, and no value.
        own = torch.zeros_like(mixed)
        for member, of_member, of_users, of_items in zip(
            self.members, adapted.members, users.members, items.members, strict=True
        ):
            loss = member.loss(of_member, of_users, of_items, ratings)
            own = own + (loss - loss.detach())
        chosen = adapted.trains_combinations
        return mixed + own if chosen is None else torch.where(chosen.unsqueeze(1), mixed, mixed.detach() + own)

    def prepare(self, items: MemberRows) -> ItemScorer[MemberRows, Selection]:
        """Scores of the mixture from the members' scores."""
        return _MixedScores([member.prepare(rows) for member, rows in zip(self.members, items.members, strict=True)])

    def warmed_up(self, items: MemberRows, later: LaterRatings, users: MemberRows, adapted: Selection) -> MemberRows:
        """The items of every member."""
        warm = (
            member.warmed_up(own_items, later, own_users, own)
            for member, own_items, own_users, own in zip(
                self.members, items.members, users.members, adapted.members, strict=True
            )
        )
        return replace(items, members=tuple(warm))

    def gradient_norms(self, adapted: Selection, users: MemberRows, items: MemberRows) -> Tensor | None:
        """Norms over the adapted parameters of all members that have norms: `√Σ_k (λ_k ‖∇_k‖)²`; float32 [B, Q]."""
        squares = [
            (weight.unsqueeze(1) * norms).square()
            for member, own, of_user, of_items, weight in zip(
                self.members, adapted.members, users.members, items.members, adapted.weights.unbind(dim=1), strict=True
            )
            if (norms := member.gradient_norms(own, of_user, of_items)) is not None
        ]
        return torch.stack(squares).sum(dim=0).sqrt() if squares else None

    def _adapted(self, support: Support[MemberRows, MemberRows], steps: int | None) -> tuple[Any, ...]:
        """What each member's `adapt` returns."""
        return tuple(
            member.adapt(support_of_member(support, place), steps=steps) for place, member in enumerate(self.members)
        )

    def _predictions(self, adapted: Sequence[Any], users: MemberRows, items: MemberRows) -> list[Predictions]:
        return [
            member.predict(own, of_users, of_items)
            for member, own, of_users, of_items in zip(self.members, adapted, users.members, items.members, strict=True)
        ]

    def _out_of_sample(self, support: Support[MemberRows, MemberRows], steps: int | None) -> Outcomes:
        """The members' predictions of each half of the support ratings, adapted to the other half."""
        first = _first_half(self._keys(support), support.ratings, support.mask)
        halves = [
            Outcomes.of(
                self._predictions(
                    self._adapted(replace(support, mask=support.mask & known), steps), support.users, support.items
                ),
                support.ratings,
            )
            for known in (~first, first)
        ]
        return halves[0].where(first, halves[1])

    def _keys(self, support: Support[MemberRows, MemberRows]) -> Tensor:
        """A number of each support item that only the user and the item decide; float32 [B, S]."""
        own = support_of_member(replace(support, mask=torch.zeros_like(support.mask)), 0)
        first = self.members[0]
        scores: Tensor = first.predict(first.adapt(own, steps=0), own.users, own.items).score
        return scores

    def _weights(self, support: Support[MemberRows, MemberRows], outcomes: Outcomes) -> Tensor:
        """λ of B users; float32 [B, K]."""
        mask = support.mask.to(support.ratings.dtype)
        prior = self.log_prior.exp()
        shares = mask / (mask.sum(dim=1, keepdim=True) + prior)
        user = (self._features(support, outcomes, mask, shares), shares, outcomes.values)
        weights: Parameters = dict(self.network.named_parameters())

        def selected(weights: Parameters, features: Tensor, shares: Tensor) -> Tensor:
            """λ of one user; float32 [K]."""
            each = call_with(self.network, weights, (features,)).softmax(dim=-1)
            mean: Tensor = (1 - shares.sum()) * each[0] + shares @ each[1:]
            return mean

        def local_loss(weights: Parameters, user: tuple[Tensor, Tensor, Tensor]) -> Tensor:
            features, shares, values = user
            return shares @ outcomes.loss(values @ selected(weights, features, shares))

        adapted = inner_loop(
            local_loss,
            weights,
            user,
            self.log_rates.descent(),
            steps=self.config.steps,
            second_order=self.config.second_order,
        )
        return torch.vmap(selected)(adapted, *user[:2])

    def _features(
        self, support: Support[MemberRows, MemberRows], outcomes: Outcomes, mask: Tensor, shares: Tensor
    ) -> Tensor:
        """Inputs of the network: one row without a rating, then one for each support rating; [B, 1 + S, inputs]."""
        losses = outcomes.loss(outcomes.values)
        losses = (losses - losses.mean(dim=-1, keepdim=True)) * mask.unsqueeze(-1)
        scores = (outcomes.scores - self._scale.minimum) / (self._scale.maximum - self._scale.minimum)
        of_rating = torch.cat([support.items.inputs, scores, losses], dim=-1) * mask.unsqueeze(-1)
        of_rating = torch.cat([of_rating.new_zeros(len(mask), 1, of_rating.shape[-1]), of_rating], dim=1)
        is_rating = torch.cat([mask.new_zeros(len(mask), 1), torch.ones_like(mask)], dim=1).unsqueeze(-1)
        count = torch.log1p(mask.sum(dim=1, keepdim=True)) / 4
        of_user = torch.cat([support.users.inputs, (shares.unsqueeze(1) @ losses).squeeze(1), count], dim=-1)
        return torch.cat([of_rating, is_rating, of_user.unsqueeze(1).expand(-1, of_rating.shape[1], -1)], dim=-1)


class _MixedScores(ItemScorer[MemberRows, Selection]):
    def __init__(self, scorers: Sequence[ItemScorer[Any, Any]]) -> None:
        self._scorers = scorers

    def scores(self, adapted: Selection, users: MemberRows, rows: Tensor | None = None) -> Tensor:
        scores = [
            scorer.scores(own, of_users, rows)
            for scorer, own, of_users in zip(self._scorers, adapted.members, users.members, strict=True)
        ]
        return weighted_sum(scores, adapted.weights)


def _first_half(keys: Tensor, ratings: Tensor, mask: Tensor) -> Tensor:
    """Which support ratings are in the first half: every second one, sorted by rating and then by key; bool [B, S].

    The order of the support set changes nothing.
    """
    by_key = keys.argsort(dim=1, stable=True)
    sorted_ratings = ratings.masked_fill(~mask, torch.inf).gather(1, by_key)
    order = by_key.gather(1, sorted_ratings.argsort(dim=1, stable=True))
    return order.argsort(dim=1) % 2 == 0
