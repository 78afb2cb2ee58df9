from models.elicitation.registry import STRATEGIES
from models.elicitation.strategy import Strategy


def test_every_strategy_that_the_service_offers_is_registered() -> None:
    assert list(STRATEGIES) == list(Strategy)
