"""Questions that new users can answer, the answers, and the tastes that follow."""

from datetime import datetime

from coldstart_client.models.answer import Answer, Page
from coldstart_client.models.explanations import Taste
from coldstart_client.models.items import NamedItem
from coldstart_client.models.recommendations import RecommendationPage


class Question(Answer):
    """A question about an `item`, an `attribute`, a `group` of items or a `pair`. What does not apply is None.

    The score is comparable only within one answer.
    """

    kind: str
    field: str | None
    value: str | None
    items: list[NamedItem]
    score: float


class QuestionPage(Page[Question]):
    """Questions, best first, and the model version that chose them."""

    model_version: str


class StoredAnswer(Answer):
    """A stored answer. Where `rating` and `preferred` are None, the user cannot say."""

    question_id: str
    kind: str
    item_ids: list[str]
    field: str | None
    value: str | None
    rating: float | None
    preferred: str | None
    answered_at: datetime


class StoredAnswers(Answer):
    """The stored answers to the questions in the request, and the new recommendations."""

    user_id: str
    answers: list[StoredAnswer]
    recommendations: RecommendationPage
    model_version: str


class UserTaste(Taste):
    """A taste, and the user's answer to the question about its value; None without one."""

    rating: float | None


class UserTastes(Answer):
    """What the model concluded of a user, compared with a stranger, the strongest first."""

    user_id: str
    likes: list[UserTaste]
    dislikes: list[UserTaste]
    model_version: str
