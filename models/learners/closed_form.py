"""A last layer that is solved for, not stepped towards: ridge regression on each user's support set."""

from dataclasses import replace
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from models.data.dataset import UNKNOWN_TIME, Dataset
from models.inputs.collaborative_inputs import CollaborativeInputs, ItemInputs, OutOfFold
from models.inputs.encoder import EncodedRows
from models.learners.answers import AnswerKind, Answers
from models.learners.base import ItemScorer, LastLayer, Learner, LearnerConfig, LearnerParts, Support
from models.learners.closed_form_rows import ClosedFormItems, ClosedFormUsers, Observed, Posterior
from models.learners.heads.base import Draw, Head, Latent, Predictions, SupportSummary
from models.learners.network import (
    EmbeddingLayers,
    hidden_layers,
    input_linear,
    inverse_softplus,
    item_inputs,
    zero_linear,
)
from models.learners.search_space import HIDDEN_WIDTHS, Between, SearchSpace
from models.learners.warm_up import LaterRatings

Positive = Annotated[float, Field(gt=0)]

_DAY = 24 * 60 * 60
"""Seconds of a day."""

_MOST_DOUBLINGS = 20.0
"""How often the noise of an old rating doubles at most. Such a rating hardly counts, and numbers stay finite."""

_ANSWER_NOISE = {AnswerKind.MEAN: 0.3, AnswerKind.PAIR: 1.0}
"""Initial variance of the noise of an answer, by kind, in squared units."""

_PAIR_DIFFERENCE = 1.0
"""Initial difference of a preferred item and the other, in units."""


class ClosedFormConfig(LearnerConfig):
    """The choices of the closed-form learner. Scales and variances are initial values, which training changes.

    A unit is a quarter of the rating scale's length: a rating point of a scale from 1 to 5.

    Attributes:
        hidden: Widths of the hidden decision layers; the units of the last one are features.
        hidden_scale: Prior standard deviation of the weights of hidden units, softplus(a).
        bias_scale: That of the user's bias, softplus(b), in units.
        input_scale: That of the weights of inputs, softplus(c).
        component_scale: That of the weights of the principal components of the attributes, softplus(d).
        noise: Variance σ² of a rating, in squared units.
        item_variance: Variance t of a new item's level that no attribute explains, in squared units.
        settling_count: Ratings c after which half of that variance is left.
        half_weight_count: Ratings after which the rated items have half of their weight in the prior mean; None for a
            prior mean that ignores which items are rated.
        half_life: Age of a support rating, in days, at which it has twice the noise σ² of a new one; None for a noise
            that does not depend on age.
        min_variance: Lower bound of a posterior variance, which rounding may make negative.
    """

    kind: Literal["closed_form"] = "closed_form"
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = (64, 64)
    hidden_scale: Positive = 0.1
    bias_scale: Positive = 0.4
    input_scale: Positive = 0.15
    component_scale: Positive = 0.3
    noise: Positive = 0.8
    item_variance: Positive = 0.15
    settling_count: Positive = 5.0
    half_weight_count: Positive | None = 3.0
    half_life: Positive | None = None
    min_variance: Positive = 1e-4

    search_space: ClassVar[SearchSpace] = {
        **LearnerConfig.search_space,
        "learner.hidden": HIDDEN_WIDTHS,
        "learner.noise": Between(low=0.3, high=2.0),
    }

    def build(self, parts: LearnerParts) -> "ClosedForm":
        """The learner."""
        return ClosedForm(parts, self)


class ClosedForm(Learner[ClosedFormUsers, ClosedFormItems, Posterior]):
    """Closed-form adaptation of the last layer (R2-D2, Bertinetto et al., ICLR 2019) with features of the item alone.

    An item's features `φ = [softplus(a) ∘ h, softplus(b), softplus(c) ∘ x, softplus(d) z]` are its hidden units h, a
    constant, its inputs x, and principal components z of its attributes, with learned prior scales. Through z a user's
    rating of one item says something about items with the same rare values. A network would memorise rare values.

    A user's last layer has the prior `N(w_0, I)`. Its mean depends on the user's attributes and on which n items the
    user rated, not on the ratings (as in SVD++, Koren, KDD 2008): `w_0 = f(u) + n/(n + c_0) g(1/n Σ_s φ_s)` with
    c_0 = `half_weight_count`. With residuals `r = y − level − Φ_s w_0` over the support set,

        K = Φ_s Φ_sᵀ + diag(σ² + τ_s),   w = w_0 + Φ_sᵀ K⁻¹ r
        m_q = level_q + φ_q · w,   v_q = φ_q · φ_q − k_qᵀ K⁻¹ k_q + τ_q

    are the posterior's weights, means and variances. The variance τ = t/(1 + n/c) is what n ratings leave unknown about
    an item for all users (t, c learned). Training differentiates through the solution. Ranking a catalogue is a maximum
    inner product search.

    An answer to a question about several items (`models.learners.answers`) is one more row of the support set, with

        level = Σ_m a_m level_m,   φ = Σ_m a_m φ_m,   τ = Σ_m a_m² τ_m

    and with a noise of its kind in place of σ². The answer y about a group observes y plus a learned shift; half of its
    noise is common to all such answers of a user, so K has it between them too. The answer about a pair observes the
    learned mean difference of a preferred item and the other.

    With a half-life H, tastes drift: a support rating of age t has the noise `σ² 2^(t/H)` in place of σ². H is learned
    as a logarithm. The age is the time from the rating to `Support.now`; it is 0 where that is unknown or negative.
    """

    takes_answers = True

    def __init__(self, parts: LearnerParts, config: ClosedFormConfig) -> None:
        super().__init__()
        self.config = config
        self.head: Head = parts.head
        self.collaborative = CollaborativeInputs.of(parts.item_encoder, parts.inputs.collaborative)
        self.mean_rating = parts.mean_rating
        self.user_fields = EmbeddingLayers(parts.user_encoder, parts.inputs)
        self.item_fields = EmbeddingLayers(parts.item_encoder, parts.inputs)
        inputs = self.item_fields.width + (self.collaborative.width if self.collaborative else 0)
        widths = (inputs, *config.hidden)
        self.decision = nn.Sequential(*hidden_layers(widths))
        self.offset = zero_linear(widths[-1], 1)
        components = self.collaborative.component_width if self.collaborative else 0
        features = widths[-1] + 1 + inputs + components
        self.prior_mean = nn.Sequential(
            input_linear(self.user_fields.width, widths[-1]), nn.ReLU(), zero_linear(widths[-1], features)
        )
        self.prior_of_rated = nn.Sequential(
            nn.Linear(features, widths[-1]), nn.ReLU(), zero_linear(widths[-1], features)
        )
        unit = (parts.scale.maximum - parts.scale.minimum) / 4
        self.hidden_scales = nn.Parameter(inverse_softplus(config.hidden_scale * unit).expand(widths[-1]).clone())
        self.bias_scale = nn.Parameter(inverse_softplus(config.bias_scale * unit))
        self.input_scales = nn.Parameter(inverse_softplus(config.input_scale).expand(inputs).clone())
        self.component_scale = nn.Parameter(inverse_softplus(config.component_scale * unit))
        self.noise = nn.Parameter(inverse_softplus(config.noise * unit**2))
        self.item_variance = nn.Parameter(inverse_softplus(config.item_variance * unit**2))
        self.settling_count = nn.Parameter(inverse_softplus(config.settling_count))
        # What answers mean. It is fitted after training (`models.elicitation.answer_noise`).
        self.answer_noise = nn.Parameter(
            torch.stack([inverse_softplus(_ANSWER_NOISE[kind] * unit**2) for kind in AnswerKind])
        )
        # Of a mean; and of a pair before softplus, because a preferred item is the better one.
        self.answer_shift = nn.Parameter(torch.stack([torch.zeros(()), inverse_softplus(_PAIR_DIFFERENCE * unit)]))
        self.log_half_life = None if config.half_life is None else nn.Parameter(torch.tensor(config.half_life).log())

    def fit_statistics(self, dataset: Dataset, training: NDArray[np.bool_], items: EncodedRows) -> None:
        """Fit the collaborative inputs and the head."""
        self.head.fit_statistics(dataset.ratings.values[training])
        if self.collaborative is not None:
            self.collaborative.fit(dataset, training, items)

    def embed_users(self, rows: EncodedRows) -> ClosedFormUsers:
        """Embed users."""
        return ClosedFormUsers(self.prior_mean(self.user_fields(rows)))

    def embed_items(self, rows: EncodedRows, *, out_of_fold: OutOfFold | None = None) -> ClosedFormItems:
        """Embed items."""
        items = item_inputs(self.item_fields, self.collaborative, rows, out_of_fold)
        return self._items_of(items, self.decision(items.inputs))

    def adapt(self, support: Support[ClosedFormUsers, ClosedFormItems], *, steps: int | None = None) -> Posterior:
        """Solve for the last layers of B users. `steps=0` ignores the support sets; other numbers change nothing."""
        rated = support.mask if steps != 0 else torch.zeros_like(support.mask)
        prior_mean = self._prior_mean(support.users, support.items.features * rated.unsqueeze(-1), rated)
        noise = F.softplus(self.noise) * self._noise_growth(support) + support.items.variance
        observed = Observed(support.items.level, support.items.features, support.ratings, noise, rated)
        if support.answers is not None and steps != 0:
            observed = observed.append(self._answered(support.answers), dim=1)
        features = observed.features * observed.mask.unsqueeze(-1)
        residuals = (observed.values - observed.level - _product(features, prior_mean)) * observed.mask
        covariance = features @ features.transpose(1, 2) + torch.diag_embed(observed.noise)
        # The noise makes K positive definite. `cholesky` would check it, and a GPU would have to wait for the answer.
        cholesky = torch.linalg.cholesky_ex(covariance).L
        identity = torch.eye(cholesky.shape[-1], dtype=cholesky.dtype, device=cholesky.device)
        inverse = torch.linalg.solve_triangular(cholesky, identity, upper=False)  # K⁻¹ = L⁻ᵀ L⁻¹
        solved = _product(inverse.mT, _product(inverse, residuals))
        # The formula is that of Gaussian processes (Rasmussen & Williams 2006, eq. 5.12).
        leave_one_out = solved / inverse.square().sum(dim=1)
        ratings = slice(rated.shape[1])
        return Posterior(
            weights=prior_mean + _product(features.transpose(1, 2), solved),
            features=features,
            cholesky=cholesky,
            summary=SupportSummary(
                ratings=support.ratings,
                residuals=residuals[:, ratings],
                leave_one_out=leave_one_out[:, ratings],
                mask=rated,
            ),
        )

    def predict(self, adapted: Posterior, users: ClosedFormUsers, items: ClosedFormItems) -> Predictions:  # noqa: ARG002
        """Posterior predictions, which the head turns into ratings."""
        return self.head.predict(self._latent(adapted, items), adapted.summary)

    def predict_drawn(
        self,
        adapted: Posterior,
        users: ClosedFormUsers,  # noqa: ARG002 - the posterior has them
        items: ClosedFormItems,
        draw: Draw,
    ) -> Predictions:
        """Predictions given a draw from each item's own posterior; its variance has τ and the user's part."""
        return self.head.predict(self._latent(adapted, items).given(draw), adapted.summary)

    def loss(
        self,
        adapted: Posterior,
        users: ClosedFormUsers,  # noqa: ARG002 - the posterior has them
        items: ClosedFormItems,
        ratings: Tensor,
    ) -> Tensor:
        """The head's loss; float32 [B, Q]."""
        return self.head.loss(self._latent(adapted, items), adapted.summary, ratings)

    def prepare(self, items: ClosedFormItems) -> ItemScorer[ClosedFormUsers, Posterior]:
        """Ranking is a maximum inner product search."""
        return _InnerProducts(items)

    def warmed_up(
        self,
        items: ClosedFormItems,
        later: LaterRatings,
        users: ClosedFormUsers,  # noqa: ARG002 - the posterior has them
        adapted: Posterior,
    ) -> ClosedFormItems:
        """The posterior of each item's level, given the n ratings with mean y that it got after training.

        A rating by an unknown user has the mean m and the variance σ² + v + τ, with the unknown part of
        the user's taste v. With the precision P = n/(σ² + v) of all n ratings,

            level ← level + τ P/(1 + τ P) (y − m),   τ ← τ/(1 + τ P)
        """
        latent = self._latent(adapted, items.expand(1))
        noise = F.softplus(self.noise) + latent.variance[0] - items.variance
        gain = items.variance * later.counts / noise
        return replace(
            items,
            level=items.level + gain / (1 + gain) * (later.means - latent.mean[0]),
            variance=items.variance / (1 + gain),
        )

    def gradient_norms(self, adapted: Posterior, users: ClosedFormUsers, items: ClosedFormItems) -> Tensor:  # noqa: ARG002
        """Norms over the last layer, which is all that is adapted: `‖φ‖`; float32 [B, Q]."""
        norms: Tensor = torch.linalg.vector_norm(items.features, dim=-1)
        return norms

    def last_layer(self, items: ClosedFormItems) -> LastLayer:
        """The features, and the noise of a rating plus what is unknown about each item."""
        return LastLayer(items.features, F.softplus(self.noise) + items.variance)

    def last_layer_of_answers(self, answers: Answers[ClosedFormItems]) -> LastLayer:
        """The features of the combinations, and the noise plus what is unknown about the items."""
        observed = self._answered(answers)
        return LastLayer(observed.features, observed.noise)

    def answer_parameters(self) -> list[nn.Parameter]:
        """The noise of each kind, the shift of means and the difference of pairs."""
        return [self.answer_noise, self.answer_shift]

    def _answered(self, answers: Answers[ClosedFormItems]) -> Observed:
        """Answers as observations."""
        items, weights = answers.items, answers.weights
        is_pair = answers.kinds == AnswerKind.PAIR
        mean_shift, pair_shift = self.answer_shift
        noise = F.softplus(self.answer_noise)[answers.kinds]
        return Observed(
            level=(weights * items.level).sum(dim=-1),
            features=(weights.unsqueeze(-2) @ items.features).squeeze(-2),
            values=torch.where(is_pair, F.softplus(pair_shift), answers.values + mean_shift),
            noise=noise + (weights.square() * items.variance).sum(dim=-1),
            mask=answers.mask,
        )

    def _items_of(self, items: ItemInputs, hidden: Tensor) -> ClosedFormItems:
        """Embedded items, given the values of their hidden units (float32 [items, hidden])."""
        features = [
            hidden * F.softplus(self.hidden_scales),
            F.softplus(self.bias_scale).expand(len(hidden), 1),
            items.inputs * F.softplus(self.input_scales),
            items.components * F.softplus(self.component_scale),
        ]
        return ClosedFormItems(
            level=self.mean_rating + items.biases + self.offset(hidden).squeeze(-1),
            variance=F.softplus(self.item_variance) / (1 + items.counts / F.softplus(self.settling_count)),
            features=torch.cat(features, dim=-1),
        )

    def _prior_mean(self, users: ClosedFormUsers, features: Tensor, mask: Tensor) -> Tensor:
        """w_0; float32 [B, features]."""
        if self.config.half_weight_count is None:
            return users.prior_mean
        count = mask.sum(dim=1, keepdim=True)
        rated: Tensor = self.prior_of_rated(features.sum(dim=1) / count.clamp(min=1))
        return users.prior_mean + count / (count + self.config.half_weight_count) * rated

    def _noise_growth(self, support: Support[ClosedFormUsers, ClosedFormItems]) -> Tensor | float:
        """The noise of the support ratings as multiples of a new rating's; float32 [B, S], or 1 for all of them."""
        if self.log_half_life is None or support.times is None or support.now is None:
            return 1.0
        now = support.now.unsqueeze(1)
        is_known = (support.times != UNKNOWN_TIME) & (now != UNKNOWN_TIME)
        days = ((now - support.times) * is_known).clamp(min=0).to(support.ratings.dtype) / _DAY
        return torch.exp2((days * torch.exp(-self.log_half_life)).clamp(max=_MOST_DOUBLINGS))

    def _latent(self, posterior: Posterior, items: ClosedFormItems) -> Latent:
        covariances = posterior.features @ items.features.transpose(1, 2)
        explained = torch.linalg.solve_triangular(posterior.cholesky, covariances, upper=False).square().sum(dim=1)
        variance = (items.features.square().sum(dim=-1) - explained).clamp(min=self.config.min_variance)
        mean = items.level + _product(items.features, posterior.weights)
        return Latent(mean, variance + items.variance)


class _InnerProducts(ItemScorer[ClosedFormUsers, Posterior]):
    """Posterior means `level + φ · w`, which rank the items."""

    def __init__(self, items: ClosedFormItems) -> None:
        self._items = items

    def scores(self, adapted: Posterior, users: ClosedFormUsers, rows: Tensor | None = None) -> Tensor:  # noqa: ARG002
        items = self._items if rows is None else self._items.take(rows)
        return torch.addmm(items.level, adapted.weights, items.features.T)


def _product(matrices: Tensor, vectors: Tensor) -> Tensor:
    """[B, n, m] × [B, m] → [B, n]."""
    return (matrices @ vectors.unsqueeze(-1)).squeeze(-1)
