"""Items to ask about."""

from coldstart_client.models.answer import Answer, Page


class Candidate(Answer):
    """An item, and the strategy's score for asking about it, which is comparable only within one answer."""

    item_id: str
    title: str | None
    score: float


class CandidatePage(Page[Candidate]):
    """Items to ask about, best first, and the model version that chose them."""

    model_version: str
