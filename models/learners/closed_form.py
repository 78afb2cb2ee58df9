"""The learner whose local update is solved, not stepped towards: ridge regression of the last layer."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from models.data.dataset import Dataset
from models.inputs.collaborative_inputs import CollaborativeInputs, TrainingView
from models.inputs.features import EncodedRows
from models.learners.base import ItemScorer, LastLayer, Learner, Support
from models.learners.heads.base import Head, Latent, Predictions, SupportSummary
from models.learners.network import EmbeddingLayers

_SMALLEST_VARIANCE = 1e-4

_RATED_HALF = 3.0
"""From this many ratings on, which items they are of counts more than half of what it can."""


@dataclass(frozen=True)
class Posterior:
    """The last layer of B users, after their support sets.

    Attributes:
        weights: float32 [B, features], its mean.
        features: float32 [B, S, features], of the support items; 0 where there is padding.
        cholesky: float32 [B, S, S], lower factor of the support's covariance, noise included.
        summary: Of the support set, for the head.
    """

    weights: Tensor
    features: Tensor
    cholesky: Tensor
    summary: SupportSummary


class ClosedFormLearner(Learner[Posterior]):
    """Closed-form adaptation of the last layer (R2-D2, Bertinetto et al., ICLR 2019) with features of the item alone.

    An item's features `φ = [softplus(a) ∘ h, softplus(b), softplus(c) ∘ x, softplus(d) z]` are its hidden units h, a
    constant, its inputs x and the principal components z of all its attributes, with learned prior scales. Through z
    a user's taste for one item spreads to those with the same people in them; as inputs of the hidden layers they
    would be learned by heart. A user's last layer has the prior `N(w_0, I)`, whose mean is read from the user's
    attributes and from which items the n rated ones are, whatever the ratings (as in SVD++, Koren, KDD 2008):
    `w_0 = f(u) + n/(n + 3) g(1/n Σ_s φ_s)`. With residuals `r = y − base − Φ_s w_0` over the support set,

        K = Φ_s Φ_sᵀ + diag(σ² + τ_s),   w = w_0 + Φ_sᵀ K⁻¹ r
        m_q = base_q + φ_q · w,   v_q = φ_q · φ_q − k_qᵀ K⁻¹ k_q + τ_q

    are the posterior's weights, means and variances, with τ = t/(1 + n/c) the variance of what n ratings leave
    unknown of an item, whoever rates it (t, c learned). Training differentiates through the solution, so that
    embeddings, layers, scales and noise are learned for it. Ranking a catalogue is a maximum inner product search.
    """

    def __init__(
        self,
        *,
        embed_users: EmbeddingLayers,
        embed_items: EmbeddingLayers,
        reception: CollaborativeInputs | None,
        head: Head,
        hidden: tuple[int, ...],
        mean_rating: float,
    ) -> None:
        """Put the parts together.

        Args:
            embed_users: θ1 of the users.
            embed_items: θ1 of the items.
            reception: What is known of the items from ratings or attributes, if that is an input.
            head: Reads latent predictions as ratings.
            hidden: Widths of the hidden decision layers; the last one's units are features.
            mean_rating: Of the training ratings.
        """
        super().__init__()
        self.embed_user_fields = embed_users
        self.embed_item_fields = embed_items
        self.reception = reception
        self.head = head
        self.mean_rating = mean_rating
        inputs = embed_items.width + (reception.width if reception is not None else 0)
        widths = (inputs, *hidden)
        layers: list[nn.Module] = []
        for width, next_width in pairwise(widths):
            layers += [nn.Linear(width, next_width), nn.ReLU()]
        self.decision = nn.Sequential(*layers)
        self.offset = _zero_linear(widths[-1], 1)
        content = reception.content_width if reception is not None else 0
        features = widths[-1] + 1 + inputs + content
        self.prior_mean = nn.Sequential(
            nn.Linear(embed_users.width, widths[-1]), nn.ReLU(), _zero_linear(widths[-1], features)
        )
        self.prior_of_rated = nn.Sequential(
            nn.Linear(features, widths[-1]), nn.ReLU(), _zero_linear(widths[-1], features)
        )
        self.hidden_scales = nn.Parameter(_inverse_softplus(0.1).expand(widths[-1]).clone())
        self.bias_scale = nn.Parameter(_inverse_softplus(0.4))
        self.input_scales = nn.Parameter(_inverse_softplus(0.15).expand(inputs).clone())
        self.content_scale = nn.Parameter(_inverse_softplus(0.3))
        self.noise = nn.Parameter(_inverse_softplus(0.8))
        self.item_variance = nn.Parameter(_inverse_softplus(0.15))
        self.settling_count = nn.Parameter(_inverse_softplus(5.0))

    def fit_statistics(self, dataset: Dataset, training: NDArray[np.bool_], items: EncodedRows) -> None:
        """Estimate the collaborative inputs and what the head takes as given."""
        self.head.fit_statistics(dataset.ratings.values[training])
        if self.reception is not None:
            self.reception.fit(dataset, training, items)

    def embed_users(self, rows: EncodedRows) -> Tensor:
        """The attributes' part f(u) of the prior means of the users' last layers; float32 [rows, features]."""
        return self.prior_mean(self.embed_user_fields(rows))  # type: ignore[no-any-return]

    def embed_items(self, rows: EncodedRows, *, training: TrainingView | None = None) -> Tensor:
        """What everybody is predicted to rate, the variance τ, and the features; float32 [rows, 2 + features]."""
        inputs = self.embed_item_fields(rows)
        level = inputs.new_full((len(rows),), self.mean_rating)
        content = inputs.new_zeros(len(rows), 0)
        counts = inputs.new_zeros(len(rows))
        if self.reception is not None:
            reception = self.reception(rows, training)
            inputs = torch.cat([inputs, reception.inputs], dim=-1)
            level = level + reception.biases
            content = reception.content
            counts = reception.counts
        hidden = self.decision(inputs)
        base = level + self.offset(hidden).squeeze(-1)
        own_variance = F.softplus(self.item_variance) / (1 + counts / F.softplus(self.settling_count))
        return torch.cat(
            [
                base.unsqueeze(-1),
                own_variance.unsqueeze(-1),
                hidden * F.softplus(self.hidden_scales),
                F.softplus(self.bias_scale).expand(len(rows), 1),
                inputs * F.softplus(self.input_scales),
                content * F.softplus(self.content_scale),
            ],
            dim=-1,
        )

    def adapt(self, support: Support, *, steps: int | None = None) -> Posterior:
        """Solve for the last layers of B users; there are no steps but 0, which ignores the support sets."""
        mask = support.mask if steps != 0 else torch.zeros_like(support.mask)
        base, own_variance, features = _split(support.items)
        features = features * mask.unsqueeze(-1)
        count = mask.sum(dim=1, keepdim=True)
        rated = self.prior_of_rated(features.sum(dim=1) / count.clamp(min=1))
        prior_mean = support.users + count / (count + _RATED_HALF) * rated
        residuals = (support.ratings - base - _product(features, prior_mean)) * mask
        noise = F.softplus(self.noise) + own_variance
        covariance = features @ features.transpose(1, 2) + torch.diag_embed(noise)
        cholesky = torch.linalg.cholesky(covariance)
        solved = torch.cholesky_solve(residuals.unsqueeze(-1), cholesky).squeeze(-1)
        return Posterior(
            weights=prior_mean + _product(features.transpose(1, 2), solved),
            features=features,
            cholesky=cholesky,
            summary=SupportSummary(
                ratings=support.ratings,
                residuals=residuals,
                # Of Gaussian processes (Rasmussen & Williams 2006, eq. 5.12).
                left_out=solved / torch.cholesky_inverse(cholesky).diagonal(dim1=1, dim2=2),
                mask=mask,
            ),
        )

    def predict(self, adapted: Posterior, users: Tensor, items: Tensor) -> Predictions:  # noqa: ARG002
        """Posterior predictions, read as ratings by the head."""
        return self.head.predict(_latent(adapted, items), adapted.summary)

    def prepare(self, items: Tensor) -> ItemScorer[Posterior]:
        """Ranking is a maximum inner product search."""
        return _InnerProducts(items)

    def loss(self, adapted: Posterior, users: Tensor, items: Tensor, ratings: Tensor) -> Tensor:  # noqa: ARG002
        """The head's loss; float32 [B, Q]."""
        return self.head.loss(_latent(adapted, items), adapted.summary, ratings)

    def gradient_norms(self, adapted: Posterior, users: Tensor, items: Tensor) -> Tensor:  # noqa: ARG002
        """Norms over the last layer, which is all that is adapted: `‖φ‖`; float32 [B, Q]."""
        norms: Tensor = torch.linalg.vector_norm(_split(items)[2], dim=-1)
        return norms

    def last_layer(self, items: Tensor) -> LastLayer:
        """The features, and the learned noise with what is unknown of each item whoever rates it."""
        _, own_variance, features = _split(items)
        return LastLayer(features, F.softplus(self.noise) + own_variance)


class _InnerProducts(ItemScorer[Posterior]):
    """Posterior means `base + φ · w`, which rank the items."""

    def __init__(self, items: Tensor) -> None:
        self._items = items

    def scores(self, adapted: Posterior, users: Tensor, rows: Tensor | None = None) -> Tensor:  # noqa: ARG002
        items = self._items if rows is None else self._items[rows]
        # One product over the whole vectors, in which the base counts 1 and the item's own variance 0.
        weights = F.pad(adapted.weights, (2, 0))
        weights[:, 0] = 1.0
        return weights @ items.T


def _latent(posterior: Posterior, items: Tensor) -> Latent:
    base, own_variance, features = _split(items)
    covariances = posterior.features @ features.transpose(1, 2)
    explained = torch.linalg.solve_triangular(posterior.cholesky, covariances, upper=False).square().sum(dim=1)
    variance = (features.square().sum(dim=-1) - explained).clamp(min=_SMALLEST_VARIANCE)
    return Latent(base + _product(features, posterior.weights), variance + own_variance)


def _split(items: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Item vectors → base [B, Q], own variance [B, Q] and features [B, Q, features]."""
    return items[..., 0], items[..., 1], items[..., 2:]


def _product(matrices: Tensor, vectors: Tensor) -> Tensor:
    """[B, n, m] × [B, m] → [B, n]."""
    return (matrices @ vectors.unsqueeze(-1)).squeeze(-1)


def _zero_linear(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def _inverse_softplus(value: float) -> Tensor:
    return torch.tensor(value).expm1().log()
