"""What a simulated user answers. Odd films are comedies, even films are horror films, and film i is of 1980 + i."""

import pytest

from models.artifact import TrainedModel
from models.data.answers import Answer, AttributeAnswer, GroupAnswer, PairAnswer
from models.elicitation.question import Question, QuestionKind
from models.elicitation.strategy import Candidate
from models.evaluation.simulated_user import SimulatedUser
from models.ranking import ItemRating
from models.ranking.catalogue import Catalogue

RATINGS = [
    ItemRating("i1", 5.0),
    ItemRating("i3", 4.0),
    ItemRating("i5", 4.0),
    ItemRating("i2", 2.0),
    ItemRating("gone", 3.0),
]


def question(kind: QuestionKind, *item_ids: str, field: str | None = None, value: str | None = None) -> Question:
    return Question(kind, tuple(Candidate(item_id, None, 0.5) for item_id in item_ids), 0.5, field, value)


@pytest.fixture(scope="module")
def user(model: TrainedModel) -> SimulatedUser:
    return SimulatedUser(Catalogue.of(model, model.items), RATINGS)


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (question(QuestionKind.ITEM, "i3"), ItemRating("i3", 4.0)),
        (question(QuestionKind.ITEM, "i7"), None),
        (question(QuestionKind.ITEM, "gone"), None),
        (question(QuestionKind.GROUP, "i1", "i2", "i9"), GroupAnswer(("i1", "i2", "i9"), 3.0)),
        (question(QuestionKind.GROUP, "i1", "i9"), None),
        (question(QuestionKind.ATTRIBUTE, field="genre", value="comedy"), AttributeAnswer("genre", "comedy", 4.0)),
        (question(QuestionKind.ATTRIBUTE, field="genre", value="horror"), None),
        (question(QuestionKind.ATTRIBUTE, field="genre", value="western"), None),
        (question(QuestionKind.ATTRIBUTE, field="year", value="1980s"), AttributeAnswer("year", "1980s", 4.0)),
        (question(QuestionKind.PAIR, "i2", "i1"), PairAnswer("i1", "i2")),
        (question(QuestionKind.PAIR, "i3", "i5"), None),
        (question(QuestionKind.PAIR, "i1", "i9"), None),
    ],
)
def test_answer_follows_from_the_ratings(
    user: SimulatedUser, asked: Question, answer: ItemRating | Answer | None
) -> None:
    assert user.answer(asked) == answer


def test_user_without_ratings_cannot_answer(model: TrainedModel) -> None:
    nobody = SimulatedUser(Catalogue.of(model, model.items), [])

    assert nobody.answer(question(QuestionKind.ATTRIBUTE, field="genre", value="comedy")) is None
