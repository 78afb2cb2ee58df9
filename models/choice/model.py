"""The choice model: a set encoder of what a user chose, and a softmax over the catalogue.

It is meta-learned like the rating model: trained on episodes with support sets of all sizes, so that it serves users
with no interactions as well as users with many.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from models.choice.attribute_directions import AttributeDirections
from models.choice.config import ChoiceConfig
from models.choice.trend import Trend
from models.data.dataset import UNKNOWN_TIME
from models.data.schema import DatasetSchema
from models.fields import UNKNOWN
from models.inputs.config import InputConfig
from models.inputs.encoder import ID_FIELD, EncodedRows, FeatureEncoder
from models.inputs.rows import TensorRows
from models.inputs.similarity import similarity_product, similarity_width
from models.learners.base import ItemScorer, ScoringModel, Support
from models.learners.network import EmbeddingLayers, input_linear
from models.learners.warm_up import LaterRatings

_SKIPPED = -1
"""The row of skipped items in the table of gates and shifts, behind all others."""


@dataclass(frozen=True)
class ChoiceUsers(TensorRows):
    """Embedded users.

    Attributes:
        vector: float32 [D], what the attributes say.
    """

    vector: Tensor


@dataclass(frozen=True)
class ChoiceItems(TensorRows):
    """Embedded items.

    Attributes:
        bias: float32 [], b_j: the logarithm of the item's share of all choices, up to a constant.
        vector: float32 [D + K], z_j: the inner product with a user's vector is the user's preference for it. The last K
            numbers are the attributes of a new item, times a factor, and 0 for a known item.
        attributes: float32 [K], c_j (`AttributeDirections`). In training K is 0, because all items are known.
    """

    bias: Tensor
    vector: Tensor
    attributes: Tensor


class ChoiceModel(ScoringModel[ChoiceUsers, ChoiceItems, Tensor]):
    """`P(user i chooses item j next) = softmax_j(b_j + z_j · g_i)`, a multinomial over the catalogue.

    (Mult-VAE, Liang et al., WWW 2018, has the same likelihood.) The user's vector g_i is a set encoder of the support
    set: what its items say, W z_s, changed by what the user did with them, is added up and completed by a network,

        a = u(attributes) + Σ_s (γ(y_s) ∘ W z_s + δ(y_s)) / √(n + c) + t·l + r(now)
        g = a + MLP([a, log(1 + n), log(1 + m), t])

    with a gate γ and a shift δ that are interpolated between points of the rating scale, and learned for every kind of
    interaction and for an item of which only the choice is known. The m skipped items, which the user did not know, are
    added up apart from these n items in the same way. t is 1 if all n items were chosen before the time of the request,
    and else 0: what people choose first differs from what they choose later, so "what comes next" (t = 1, as in
    serving) and "what else" (t = 0) are two questions, and l is the difference. r(now) is what people in general choose
    at the time of the request (`Trend`), if the configuration has it. So g adapts to a user by one pass.

    Known items have vectors of their own. Those of new items are predicted from the attributes by a linear regression
    on the vectors of the known items. The regression keeps little of what links between items tell. So a new item may
    also be compared by its attributes with the user's items (`AttributeDirections`), along K further dimensions,

        g′ = [g, Σ_s w(y_s) c_s / √(n + c)],   z′_j = [z_j, λ c_j] for a new item and [z_j, 0] for a known one

    with weights w from −1 for the lowest rating to 1 for the highest, 1 for a choice of which nothing else is known,
    and those of the schema for kinds. Ranking a catalogue is a maximum inner product search.
    """

    coefficients: Tensor
    intercepts: Tensor
    stated_gates: Tensor

    def __init__(
        self,
        *,
        user_encoder: FeatureEncoder,
        item_encoder: FeatureEncoder,
        inputs: InputConfig,
        schema: DatasetSchema,
        config: ChoiceConfig,
    ) -> None:
        """Allocate the model; training or a state dict fills it.

        Args:
            user_encoder: Encodes the users.
            item_encoder: Encodes the items. It must have the field `id`.
            inputs: Which attributes of users are embedded, and how.
            schema: Has the rating scale and the kinds of interactions.
            config: The choices.
        """
        super().__init__()
        self.config = config
        self._scale = schema.rating_scale
        self._kind_weights = tuple(schema.kinds.values())
        self._fields = tuple(field for field in item_encoder.fields if field.name != ID_FIELD)
        (ids,) = (field for field in item_encoder.fields if field.name == ID_FIELD)
        # One row per known id, and one for all new items.
        known_items = ids.similarity_width(config.content.similarity)
        width = config.dimensions
        self.vectors = nn.Embedding(known_items, width)
        nn.init.normal_(self.vectors.weight, std=config.initial_scale)
        self.biases = nn.Parameter(torch.zeros(known_items))
        # What an item says about its users is at first what they want: similar items.
        self.said = nn.Linear(width, width, bias=False)
        nn.init.eye_(self.said.weight)
        # The points of the rating scale, an item of which only the choice is known, the kinds, and skipped items.
        self._points = config.level_knots if self._scale is not None else 0
        rows = self._points + 1 + len(self._kind_weights) + 1
        self.gates_and_shifts = nn.Parameter(torch.cat([torch.ones(rows, width), torch.zeros(rows, width)], dim=1))
        self.later = nn.Parameter(torch.zeros(width))
        self.trend = Trend(config.trend_points, width) if config.trend_points else None
        self.settling_count = nn.Parameter(torch.tensor(config.settling_count).expm1().log())
        self.user_fields = EmbeddingLayers(user_encoder, inputs)
        self.attributes = nn.Sequential(
            input_linear(self.user_fields.width, config.user_hidden), nn.ReLU(), nn.Linear(config.user_hidden, width)
        )
        # At first the network changes nothing, and the model is an inner product of sums of vectors.
        output = nn.Linear(config.hidden, width)
        nn.init.zeros_(output.weight)
        nn.init.zeros_(output.bias)
        self.completion = nn.Sequential(nn.Linear(width + 3, config.hidden), nn.ReLU(), output)
        points = [*np.linspace(-1.0, 1.0, self._points)] if self._points else []
        stated = torch.tensor([*points, 1.0, *self._kind_weights, 0.0], dtype=torch.float32)
        self.register_buffer("stated_gates", stated.unsqueeze(1), persistent=False)
        self.item_attributes = AttributeDirections(
            self._fields,
            config.content.similarity,
            count=config.attribute_directions,
            known_items=known_items,
        )
        features = similarity_width(self._fields, config.content.similarity)
        self.register_buffer("coefficients", torch.zeros(features, width + 1))
        self.register_buffer("intercepts", torch.zeros(width + 1))

    def embed_users(self, rows: EncodedRows) -> ChoiceUsers:
        """Embed users."""
        return ChoiceUsers(self.attributes(self.user_fields(rows)))

    def embed_items(self, rows: EncodedRows) -> ChoiceItems:
        """Embed items; those of new items are predicted from their attributes."""
        index = rows.fields[ID_FIELD]
        items = self.known(index)
        new = index == UNKNOWN
        if new.any():
            for values, predicted in zip(
                items.tensors(), self._predict(rows.take(new.nonzero()[:, 0])).tensors(), strict=True
            ):
                values[new] = predicted
        if not self.item_attributes.width:
            return items
        attributes = self.item_attributes(rows)
        of_new = self.config.attribute_lift * new.unsqueeze(1) * attributes
        return ChoiceItems(items.bias, torch.cat([items.vector, of_new], dim=1), attributes)

    def known(self, index: Tensor) -> ChoiceItems:
        """Known items by their encoded ids (int64, any shape), with K = 0."""
        bias: Tensor = self.biases[index]
        return ChoiceItems(bias, self.vectors(index), bias.new_zeros(*bias.shape, 0))

    def taste(self, vectors: Tensor) -> Tensor:
        """The part of vectors of users or items that is not their attributes; float32 [..., D]."""
        return vectors[..., : self.config.dimensions]

    def unpredicted(self, rows: EncodedRows) -> Tensor:
        """The part of known items' vectors that their attributes do not predict; float32 [items, D]."""
        difference: Tensor = self.known(rows.fields[ID_FIELD]).vector - self._predict(rows).vector
        return difference

    def adapt(self, support: Support[ChoiceUsers, ChoiceItems], *, steps: int | None = None) -> Tensor:
        """The vectors g′ of B users; float32 [B, D + K]. `steps=0` ignores the support sets.

        Padding and the order of the support set change nothing.
        """
        # Serving adapts one user at a time. The call of an operation takes longer than its arithmetic on such small
        # tensors, so there are few operations.
        vector = support.users.vector
        chosen = skipped = later = vector.new_zeros(len(vector), 1)
        groups = []
        if steps != 0:
            groups = [(support.items, self._rating_rows(support.ratings), support.mask)]
            items, kinds, mask = support.interaction_items, support.interaction_kinds, support.interaction_mask
            if items is not None and kinds is not None and mask is not None:
                groups.append((items, self._points + 1 + kinds, mask))
            vector, chosen = self._moved_by(vector, groups)
            items, mask = support.skipped_items, support.skipped_mask
            if items is not None and mask is not None:
                rows = torch.full_like(mask, _SKIPPED, dtype=torch.long)
                vector, skipped = self._moved_by(vector, [(items, rows, mask)])
            later = _is_later(support, chosen)
        vector = torch.addcmul(vector, later, self.later)
        if self.trend is not None:
            now = support.ratings.new_full((len(vector),), UNKNOWN_TIME) if support.now is None else support.now
            vector = vector + self.trend(now)
        counts = torch.cat([chosen, skipped], dim=1).log1p() * self.config.count_scale
        completed: Tensor = self.completion(torch.cat([vector, counts, later], dim=1))
        if not support.items.attributes.shape[-1]:
            return vector + completed
        return torch.cat([vector + completed, self._chosen_attributes(groups, support, chosen)], dim=1)

    def start_from(self, index: Tensor, counts: NDArray[np.int64], vectors: NDArray[np.float32] | None = None) -> None:
        """Set the biases to the logarithms of the items' shares of the choices, with which training starts.

        Args:
            index: int64 [items], the encoded ids of the items.
            counts: int64 [items], how often each was chosen.
            vectors: float32 [items, D], the item vectors to start from; None to keep the random ones.
        """
        shares = (counts + 0.5) / counts.sum()
        with torch.no_grad():
            self.biases.fill_(math.log(0.5 / counts.sum()))
            self.biases[index] = torch.from_numpy(np.log(shares)).to(self.biases)
            if vectors is not None:
                self.vectors.weight[index] = torch.from_numpy(vectors).to(self.biases)

    def follow_attributes(self, rows: EncodedRows, *, log_lift: float) -> None:
        """Become the model of a catalogue without choices: inner products are similarities of attributes.

        The item vectors are a random projection of the similarity features. All known items are equally popular. A
        rating's gate goes from −1 for the lowest to 1 for the highest, and that of a kind is its weight. Attributes of
        users and skipped items say nothing.

        Args:
            rows: All items of the catalogue, encoded.
            log_lift: The mean inner product of an item's vector with itself.
        """
        similarity, width = self.config.content.similarity, self.config.dimensions
        projection = torch.randn(similarity_width(self._fields, similarity), width)
        lengths = similarity_product(self._fields, rows, projection, similarity).square().sum(dim=1)
        projection *= math.sqrt(log_lift / max(float(lengths.mean()), 1e-12))
        index = rows.fields[ID_FIELD]
        with torch.no_grad():
            self.coefficients[:, 1:] = projection
            self.intercepts[0] = -math.log(len(rows))
            self.biases.fill_(-math.log(len(rows)))
            self.vectors.weight[index] = self._predict(rows).vector
            self.gates_and_shifts[:, :width] = self.stated_gates
            for parameter in self.attributes[-1].parameters():
                parameter.zero_()

    def fill_untrained_kinds(self, counts: NDArray[np.int64]) -> None:
        """Fill the gates and shifts of the kinds of interactions that training did not see.

        A wanted kind gets those of an item of which only the choice is known. An unwanted kind gets those of the lowest
        rating. Without ratings, it gets those of a choice with the opposite sign.

        Args:
            counts: int64 [kinds], the training interactions of each kind.
        """
        table, chosen = self.gates_and_shifts, self._points
        with torch.no_grad():
            for place, (count, weight) in enumerate(zip(counts.tolist(), self._kind_weights, strict=True)):
                if count:
                    continue
                if weight > 0:
                    table[chosen + 1 + place] = table[chosen]
                else:
                    table[chosen + 1 + place] = table[0] if self._points else -table[chosen]

    def fit_new_items(self, rows: EncodedRows, counts: NDArray[np.int64]) -> None:
        """Learn to predict the vectors of new items from their attributes, and to compare them with known items.

        The predicted biases are shifted so that the predicted shares of the known items, each from the others, add up
        to their real share: the mean of an exponential is more than the exponential of a mean.

        Args:
            rows: All items of the data set, encoded.
            counts: int64 [items], how often each was chosen in training.
        """
        # scikit-learn and scipy are slow to import, and only training needs them.
        from models.inputs.content import (  # noqa: PLC0415
            ContentRegression,
            predict_out_of_fold,
            similarity_features,
        )

        content = self.config.content
        chosen = np.flatnonzero(counts)
        features = similarity_features(self._fields, rows, content.similarity)[chosen]
        index = rows.fields[ID_FIELD][torch.from_numpy(chosen).to(self.biases.device)]
        with torch.no_grad():
            known = self.known(index)
        targets = torch.cat([known.bias.unsqueeze(-1), known.vector], dim=-1).cpu().double().numpy()
        regression = ContentRegression.fit(features, targets, counts[chosen], content)
        order = np.random.default_rng(0).random(len(chosen))
        predicted = predict_out_of_fold(features, targets[:, :1], counts[chosen], order, content)
        self.item_attributes.fit(rows.take(torch.from_numpy(chosen).to(self.biases.device)))
        self.coefficients.copy_(torch.from_numpy(regression.coefficients))
        self.intercepts.copy_(torch.from_numpy(regression.intercepts))
        self.intercepts[0] += math.log(np.exp(targets[:, 0]).sum() / np.exp(predicted.astype(np.float64)).sum())

    def logits(self, adapted: Tensor, items: ChoiceItems) -> Tensor:
        """The logits of each user's own items ([B, Q], embedded); float32 [B, Q]."""
        return items.bias + (items.vector @ adapted.unsqueeze(-1)).squeeze(-1)

    def gradient_norms(self, adapted: Tensor, items: ChoiceItems) -> Tensor:
        """The norm of the gradient of each item's log P(choose) with respect to its user's vector g, for candidates.

        It is |z_j − Σ_k P(k) z_k|, with the sum over the known items. Shapes are those of `logits`; float32 [B, Q].
        """
        known = self.known(torch.arange(1, len(self.biases), device=self.biases.device))
        shares = torch.addmm(known.bias, self.taste(adapted), known.vector.T).softmax(dim=1)
        mean = (shares @ known.vector).unsqueeze(1)
        norms: Tensor = torch.linalg.vector_norm(self.taste(items.vector) - mean, dim=-1)
        return norms

    def prepare(self, items: ChoiceItems) -> ItemScorer[ChoiceUsers, Tensor]:
        """Ranking is a maximum inner product search."""
        return _InnerProducts(items)

    def warmed_up(
        self,
        items: ChoiceItems,
        later: LaterRatings,
        users: ChoiceUsers,  # noqa: ARG002 - the vector has them
        adapted: Tensor,
    ) -> ChoiceItems:
        """The biases after each item was chosen n times: the mean of a Gamma-Poisson posterior.

        The prior of the item's share of all choices is a Gamma distribution. Its mean is the share s that the model
        predicts for an unknown user. Its shape k is `popularity_prior` plus the number of training
        ratings. The item's age is unknown, so its first choice starts the clock: n − 1 of the N choices since then were
        of the item. The share becomes s (k + n − 1)/(k + N s).
        """
        known = self.known(torch.arange(1, len(self.biases), device=self.biases.device))
        total = torch.addmv(known.bias, known.vector, self.taste(adapted[0])).logsumexp(dim=0)
        share = (torch.addmv(items.bias, items.vector, adapted[0]) - total).exp()
        shape = self.config.popularity_prior + later.trained_counts
        change = torch.log((shape + later.counts - 1) / (shape + later.meanwhile * share))
        return replace(items, bias=items.bias + change)

    def _rating_rows(self, ratings: Tensor) -> Tensor:
        """Where ratings (float32 [B, S]) stand in the table of gates and shifts, between two rows; float32 [B, S]."""
        if self._scale is None:
            return torch.zeros_like(ratings)
        last = self._points - 1
        length = self._scale.maximum - self._scale.minimum
        return ((ratings - self._scale.minimum) * (last / length)).clamp(0, last)

    def _moved_by(self, vector: Tensor, groups: Sequence[tuple[ChoiceItems, Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """The users' vectors ([B, D]) after some of their items moved them, and the number of these items ([B, 1]).

        Args:
            vector: The users' vectors before.
            groups: Items ([B, S]), their rows in the table of gates and shifts ([B, S]), and a mask (bool [B, S]). A
                fractional row interpolates between two rows.
        """
        totals, counts = [], []
        for items, rows, mask in groups:
            if not mask.shape[1]:
                continue
            gates, shifts = _at(self.gates_and_shifts, rows).chunk(2, dim=2)
            said = torch.addcmul(shifts, self.said(self.taste(items.vector)), gates)
            # S is small: the mask as a row vector sums the items in one product.
            weights = mask.to(vector).unsqueeze(1)
            totals.append((weights @ said).squeeze(1))
            counts.append(weights.sum(dim=2))
        if not totals:
            return vector, vector.new_zeros(len(vector), 1)
        total, count = (functools.reduce(torch.add, parts) for parts in (totals, counts))
        shrinking = torch.rsqrt(count + F.softplus(self.settling_count))
        return torch.addcmul(vector, total, shrinking), count

    def _chosen_attributes(
        self,
        groups: Sequence[tuple[ChoiceItems, Tensor, Tensor]],
        support: Support[ChoiceUsers, ChoiceItems],
        count: Tensor,
    ) -> Tensor:
        """The mean attributes of what the users chose, shrunk towards 0; float32 [B, K].

        Args:
            groups: As in `_moved_by`.
            support: The support sets.
            count: float32 [B, 1], the number of their chosen items.
        """
        total = count.new_zeros(len(count), support.items.attributes.shape[-1])
        for items, rows, mask in groups:
            weights = _at(self.stated_gates, rows).squeeze(2) * mask
            total = total + (weights.unsqueeze(1) @ items.attributes).squeeze(1)
        return total * torch.rsqrt(count + F.softplus(self.settling_count))

    def _predict(self, rows: EncodedRows) -> ChoiceItems:
        """The vectors of new items, predicted from their attributes, with K = 0."""
        product = similarity_product(self._fields, rows, self.coefficients, self.config.content.similarity)
        predicted = (product + self.intercepts.cpu()).to(self.biases)
        return ChoiceItems(predicted[:, 0], predicted[:, 1:], predicted[:, :0])


class _InnerProducts(ItemScorer[ChoiceUsers, Tensor]):
    """The logits `b + z · g`."""

    def __init__(self, items: ChoiceItems) -> None:
        self._items = items

    def scores(self, adapted: Tensor, users: ChoiceUsers, rows: Tensor | None = None) -> Tensor:  # noqa: ARG002
        items = self._items if rows is None else self._items.take(rows)
        return torch.addmm(items.bias, adapted, items.vector.T)


def _at(table: Tensor, rows: Tensor) -> Tensor:
    """Some rows ([B, S]) of a table ([rows, W]), interpolated at fractional rows; float32 [B, S, W]."""
    if not rows.is_floating_point():
        return table[rows]
    # Behind the last point of the scale there is another row, which then has no weight.
    below = rows.long()
    return torch.lerp(F.embedding(below, table), F.embedding(below + 1, table), rows.frac().unsqueeze(2))


def _is_later(support: Support[ChoiceUsers, ChoiceItems], chosen: Tensor) -> Tensor:
    """Return 1 for users who chose all their items before the request or at its time, else 0; float32 [B, 1].

    It is 0 where a time is unknown, and for users without items.

    Args:
        support: The support sets.
        chosen: float32 [B, 1], the number of their chosen items.
    """
    if support.now is None:
        return torch.zeros_like(chosen)
    now, before = support.now.unsqueeze(1), torch.zeros_like(chosen)
    for times, mask in (
        (support.times, support.mask),
        (support.interaction_times, support.interaction_mask),
    ):
        if times is not None and mask is not None and mask.shape[1]:
            before = before + (mask & (times > UNKNOWN_TIME) & (times <= now)).sum(dim=1, keepdim=True)
    return ((before == chosen) & (chosen > 0)).to(chosen)
