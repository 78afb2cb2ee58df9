"""Ratios of sums over users, such as clicks per showing, with intervals for clustered samples.

The rows of one user resemble each other. So users are the sampling unit, not rows: ten showings to one person tell less
than one showing to each of ten persons.
"""

import math
from dataclasses import dataclass

_NORMAL_95 = 1.959964
"""The 97.5 % quantile of the standard normal distribution."""


@dataclass(frozen=True)
class RatioSums:
    """The sums over users from which a ratio Σt / Σn and its interval are computed; a database can compute them.

    Attributes:
        users: The number of users.
        n: Σ n, where n is the number of a user's rows.
        t: Σ t, where t is what was counted or measured in a user's rows.
        nn: Σ n².
        tt: Σ t².
        nt: Σ n t.
    """

    users: int
    n: float
    t: float
    nn: float
    tt: float
    nt: float

    @property
    def ratio(self) -> float:
        """Σt / Σn; there must be at least one row."""
        return self.t / self.n

    @property
    def variance(self) -> float:
        """The linearised variance of the ratio r: U/(U−1) Σ(t − r n)² / (Σn)²; needs two users at least."""
        ratio = self.ratio
        residuals = self.tt - 2 * ratio * self.nt + ratio * ratio * self.nn
        return self.users / (self.users - 1) * max(residuals, 0.0) / (self.n * self.n)


def mean_interval_95(sums: RatioSums) -> tuple[float, float] | None:
    """The normal 95 % interval of a mean over all rows, for values that are never negative; None for a single user."""
    if sums.users < 2:
        return None
    half = _NORMAL_95 * math.sqrt(sums.variance)
    return max(sums.ratio - half, 0.0), sums.ratio + half


def share_interval_95(sums: RatioSums) -> tuple[float, float]:
    """Wilson's 95 % interval of a share p, with the effective number of rows instead of their number.

    The effective number is p (1 − p) / variance, but not more than the number of rows (Korn & Graubard 1998). With a
    single user, or if all rows agree, there is no variance between users: each user counts as one row then.
    """
    share = sums.ratio
    if sums.users < 2 or share in (0.0, 1.0):
        rows = float(sums.users)
    else:
        binomial, clustered = share * (1 - share), sums.variance
        rows = sums.n if binomial >= sums.n * clustered else binomial / clustered
    shift = _NORMAL_95**2 / rows
    middle = (share + shift / 2) / (1 + shift)
    half = math.sqrt(shift * (share * (1 - share) + shift / 4)) / (1 + shift)
    return max(middle - half, 0.0), min(middle + half, 1.0)
