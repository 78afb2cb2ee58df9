"""Questions about items, groups, attributes and pairs."""

from dataclasses import replace

import pytest

from models.artifact import TrainedModel
from models.data.answers import AttributeAnswer
from models.elicitation.question import Question, QuestionKind, Topic
from models.ranking import RankingQuery, Recommender
from tests.unit.models.ranking.two_tastes import COMEDY_FAN

STRANGER = RankingQuery({}, [], 10)
FAN = RankingQuery({}, COMEDY_FAN, 10)


@pytest.fixture(scope="module")
def recommender(model: TrainedModel) -> Recommender:
    return Recommender(model, model.items)


def about(questions: list[Question]) -> set[tuple[str | None, str | None]]:
    return {(question.field, question.value) for question in questions}


class TestAttributes:
    def test_questions_are_about_the_values_of_fields_and_show_items_that_have_them(
        self, recommender: Recommender
    ) -> None:
        questions = recommender.ask(STRANGER, n=10, kinds=[QuestionKind.ATTRIBUTE])

        assert {("genre", "comedy"), ("genre", "horror")} <= about(questions)
        for question in questions:
            if question.field == "genre":
                rows = [recommender.items.row_of[item.item_id] for item in question.items]
                assert all(question.value in genres for genres in recommender.items.table["genre"][rows])

    def test_answered_and_skipped_values_are_not_asked_again(self, recommender: Recommender) -> None:
        answered = replace(STRANGER, answers=[AttributeAnswer("genre", "comedy", 5.0)])
        skipped = Topic(QuestionKind.ATTRIBUTE, field="genre", value="horror")

        questions = recommender.ask(answered, n=10, kinds=[QuestionKind.ATTRIBUTE], skipped=[skipped])

        assert not {("genre", "comedy"), ("genre", "horror")} & about(questions)


def test_scores_fall_and_are_at_most_1(recommender: Recommender) -> None:
    scores = [question.score for question in recommender.ask(FAN, n=10)]

    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
