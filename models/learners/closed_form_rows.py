"""Users, items, posteriors and observations as the closed-form learner has them."""

from dataclasses import dataclass

from torch import Tensor

from models.inputs.rows import TensorRows
from models.learners.heads.base import SupportSummary


@dataclass(frozen=True)
class ClosedFormUsers(TensorRows):
    """Embedded users.

    Attributes:
        prior_mean: float32 [features], the attributes' part f(u) of the prior mean of the user's last layer.
    """

    prior_mean: Tensor


@dataclass(frozen=True)
class ClosedFormItems(TensorRows):
    """Embedded items.

    Attributes:
        level: float32 [], the predicted rating before any user is known.
        variance: float32 [], τ, what is unknown about the item for all users, in squared rating units.
        features: float32 [features], φ.
    """

    level: Tensor
    variance: Tensor
    features: Tensor


@dataclass(frozen=True)
class Posterior:
    """The last layers of B users, given their support sets.

    Attributes:
        weights: float32 [B, features], their means w.
        features: float32 [B, N, features], of the N support items and answers; 0 where there is padding.
        cholesky: float32 [B, N, N], lower factor of their covariance K, noise included.
        summary: Of the support ratings, for the head.
    """

    weights: Tensor
    features: Tensor
    cholesky: Tensor
    summary: SupportSummary


@dataclass(frozen=True)
class Observed(TensorRows):
    """What was observed of B users' ratings: N linear combinations of them, each with its noise.

    Attributes:
        level: float32 [B, N], the prediction before any user is known.
        features: float32 [B, N, features], φ.
        values: float32 [B, N], what was observed.
        noise: float32 [B, N], the variance that nothing explains.
        mask: bool [B, N], unset for padding.
    """

    level: Tensor
    features: Tensor
    values: Tensor
    noise: Tensor
    mask: Tensor
