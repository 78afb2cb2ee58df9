"""Hard-task sampling: users with a large loss are drawn more often."""

import numpy as np
from numpy.typing import NDArray

_NEWEST_WEIGHT = 0.3
"""Weight of an epoch's losses in a user's running mean. One episode is noisy, and old losses are of an older model."""


class HardTasks:
    """Draws the users of an epoch in proportion to a power of their running mean query loss.

    User i is expected to be drawn `r_i^γ / mean_j r_j^γ` times an epoch, with the running mean r_i, and is drawn that
    often, rounded up or down (systematic resampling, Kitagawa, J. Comp. Graph. Stat. 5 (1996) 1). In the first epoch no
    loss is known, and every user is drawn once; the same happens with γ = 0.

    Attributes:
        losses: float64 [users], each user's running mean query loss; NaN for users who have none yet.
    """

    def __init__(self, users: NDArray[np.int64], power: float) -> None:
        """Begin without losses.

        Args:
            users: int64 [users], their rows.
            power: γ.
        """
        self._users = users
        self._power = power
        self.losses: NDArray[np.float64] = np.full(len(users), np.nan)

    def draw(self, generator: np.random.Generator) -> NDArray[np.int64]:
        """The rows of the users of an epoch, as many as there are users; int64 [users]."""
        known = self.losses[~np.isnan(self.losses)]
        if not self._power or not known.any():
            return self._users
        losses = np.where(np.isnan(self.losses), known.mean(), self.losses)
        ends = np.cumsum((losses / losses.max()) ** self._power)
        points = (np.arange(len(ends)) + generator.random()) / len(ends) * ends[-1]
        return np.asarray(self._users[np.searchsorted(ends[:-1], points, side="right")])

    def record(self, users: NDArray[np.integer], losses: NDArray[np.floating]) -> None:
        """Move the running means towards the losses of an epoch.

        Args:
            users: int [episodes], the rows of the episodes' users.
            losses: [episodes], their query losses, not negative.
        """
        places = np.searchsorted(self._users, users)
        counts = np.bincount(places, minlength=len(self._users))
        sums = np.bincount(places, weights=losses, minlength=len(self._users))
        drawn = counts > 0
        means = sums[drawn] / counts[drawn]
        former = np.where(np.isnan(self.losses[drawn]), means, self.losses[drawn])
        self.losses[drawn] = former + _NEWEST_WEIGHT * (means - former)
