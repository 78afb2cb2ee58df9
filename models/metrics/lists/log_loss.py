"""Log loss of one user's relevant items."""

import numpy as np
from numpy.typing import NDArray

from models.metrics.lists.base import ListMeasure, RankedLists
from models.metrics.lists.negatives import SAMPLE, compared_scores
from models.metrics.measure import Direction


class LogLoss(ListMeasure):
    """The mean of −log P over the relevant items. P is the probability of choosing that item rather than a negative.

    P is a softmax over the scores of the relevant item and the negatives (Mult-VAE, Liang et al., WWW 2018, eq. 2), so
    it is defined only for rankers whose scores are logarithms of probabilities. In nats.
    """

    unit = "nats"
    direction = Direction.LOWER

    def __init__(self, *, sampled: bool) -> None:
        """Compare with `SAMPLE` negatives, or with all."""
        self._sampled = sampled
        self.name = f"log_loss@{SAMPLE if sampled else 'all'}"
        self.title = f"Log loss against {f'{SAMPLE} sampled' if sampled else 'all'} negatives"

    def per_user(self, lists: RankedLists) -> NDArray[np.float64]:
        """A number of nats for each user; NaN if the scores are no logarithms of probabilities."""
        if not lists.are_logits:
            return np.full(len(lists.users), np.nan)
        values = []
        for relevant, negatives in compared_scores(lists, sampled=self._sampled):
            losses = np.logaddexp(relevant, np.logaddexp.reduce(negatives, initial=-np.inf)) - relevant
            values.append(losses.mean() if len(losses) else np.nan)
        return np.array(values, dtype=np.float64)
