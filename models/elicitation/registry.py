"""Which strategies the service offers, and what makes each."""

from collections.abc import Callable, Mapping

from models.elicitation.base import KnownItems, QuestionStrategy
from models.elicitation.entropy import entropy
from models.elicitation.entropy0 import entropy0
from models.elicitation.expected_gain import expected_gain
from models.elicitation.gradient_popularity import gradient_popularity
from models.elicitation.helf import helf
from models.elicitation.outcome import outcome
from models.elicitation.popularity import popularity
from models.elicitation.popularity_entropy import popularity_entropy
from models.elicitation.random_items import RandomItems
from models.elicitation.sequential import sequential
from models.elicitation.strategy import Strategy

STRATEGIES: Mapping[Strategy, Callable[[KnownItems], QuestionStrategy]] = {
    Strategy.GRADIENT_POPULARITY: gradient_popularity,
    Strategy.POPULARITY: popularity,
    Strategy.ENTROPY: entropy,
    Strategy.ENTROPY0: entropy0,
    Strategy.HELF: helf,
    Strategy.POPULARITY_ENTROPY: popularity_entropy,
    Strategy.RANDOM: RandomItems,
    Strategy.OUTCOME: outcome,
    Strategy.SEQUENTIAL: sequential,
    Strategy.EXPECTED_GAIN: expected_gain,
}
"""Every strategy that can be made from an artifact alone. Those that need the training ratings (`models.elicitation.
fitted`) are baselines of the benchmark only: an artifact holds no ratings of anybody."""
