"""Ratios of sums over users, such as clicks per showing, with intervals that know that one user's rows are alike.

Users are what is drawn at random, not their rows: ten showings to one person say less than one to each of ten.
"""

import math
from dataclasses import dataclass

_NORMAL_95 = 1.959964


@dataclass(frozen=True)
class RatioSums:
    """What is to be known of the users to say how sure a ratio Σt / Σn is; a database can sum it up.

    Attributes:
        users: How many there are.
        n: Σ n, of every user's rows.
        t: Σ t, of what was counted or measured in them.
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
        """Σt / Σn; there must be rows."""
        return self.t / self.n

    @property
    def variance(self) -> float:
        """Of the ratio, linearised: U/(U−1) Σ(t − r n)² / (Σn)²; of two users at least."""
        ratio = self.ratio
        residuals = self.tt - 2 * ratio * self.nt + ratio * ratio * self.nn
        return self.users / (self.users - 1) * max(residuals, 0.0) / (self.n * self.n)


def mean_interval_95(sums: RatioSums) -> tuple[float, float] | None:
    """The normal 95 % interval of a mean over all rows that cannot be negative; None of a single user."""
    if sums.users < 2:
        return None
    half = _NORMAL_95 * math.sqrt(sums.variance)
    return max(sums.ratio - half, 0.0), sums.ratio + half


def share_interval_95(sums: RatioSums) -> tuple[float, float]:
    """Wilson's 95 % interval of a share, over as many rows as are worth the same if all were of different users.

    That number is p (1 − p) / variance, at most the rows there are (as Korn & Graubard 1998 do for surveys). Where
    users cannot be compared, because there is one, or all rows agree, each user counts as one row.
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
