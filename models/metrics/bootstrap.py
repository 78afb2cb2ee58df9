"""Bootstrap confidence intervals over users."""

import numpy as np
from numpy.typing import NDArray


def bootstrap_means(values: NDArray[np.float64], *, resamples: int, seed: int) -> NDArray[np.float64]:
    """Means of resampled users (Efron 1979).

    All columns of `values` are resampled together, so that differences between columns are paired.

    Args:
        values: float64 [users, columns], at least one user.
        resamples: How many times to draw as many users with replacement.
        seed: Of the draws.

    Returns:
        float64 [resamples, columns].
    """
    users = len(values)
    draws = np.random.default_rng(seed).multinomial(users, np.full(users, 1.0 / users), size=resamples)
    return np.asarray(draws @ values / users)


def interval_95(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """The percentile interval that holds 95 % of the samples.

    Args:
        samples: float64 [resamples, columns].

    Returns:
        float64 [2, columns]: the 2.5th and the 97.5th percentile.
    """
    return np.asarray(np.percentile(samples, [2.5, 97.5], axis=0))
