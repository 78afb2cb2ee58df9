"""Expected gain: P(answer) × the expected reduction of the loss of the user's ratings."""

import numpy as np
from numpy.typing import NDArray

from models.elicitation.adaptive import AdaptiveQuestions
from models.elicitation.base import KnownItems
from models.elicitation.uncertainty import Uncertainty


class ExpectedGain(AdaptiveQuestions):
    """Worth = P(seen j) × the share of the possible gain that an answer about j brings.

    The gain is the expected reduction of the negative log likelihood of a rating y_t, mean over items t by P(seen t):

        Σ_t P(t) · ½ ln[(C_tt + σ_t²) / (C_tt − C_tj²/(C_jj + σ_j²) + σ_t²)]

    which is the mutual information of two ratings (Lindley 1956), and the possible gain is that of knowing the user's
    taste wholly, `Σ_t P(t) · ½ ln[(C_tt + σ_t²)/σ_t²]`.

    A learner without a Bayesian last layer does not know what an answer gains. Then all answers count the same, and the
    strategy asks for what the user has most probably seen: popularity that follows the answers.
    """

    def _worths(
        self,
        shortlist: NDArray[np.int64],  # noqa: ARG002 - the uncertainty has its items
        chances: NDArray[np.float64],
        uncertainty: Uncertainty | None,
    ) -> NDArray[np.float64]:
        return chances if uncertainty is None else np.asarray(chances * uncertainty.gained_shares())


def expected_gain(known: KnownItems) -> ExpectedGain:
    """The strategy over the items of a catalogue."""
    return ExpectedGain(known.exposure, known.last_layer)
