"""Questions about items, groups, attributes and pairs. Odd films are comedies, even films are horror films."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.artifact import TrainedModel, load_artifact
from models.data.answers import Answer, AttributeAnswer, GroupAnswer, PairAnswer
from models.data.dataset import Dataset
from models.elicitation.question import Question, QuestionKind, Topic
from models.learners.closed_form import ClosedFormConfig
from models.ranking import ItemRating, RankingQuery, Recommender
from models.ranking.filters import FieldFilter
from models.ranking.query import RankBy
from models.ranking.supports import QuerySupports
from models.train import train
from models.training.preset import Preset, TrainingConfig
from tests.choice import SMALL_CHOICE

STRANGER = RankingQuery({}, [], 10)
COMEDY, HORROR = Topic(QuestionKind.ATTRIBUTE, field="genre", value="comedy"), AttributeAnswer("genre", "horror", 1.0)


@pytest.fixture(scope="module")
def closed_form(two_tastes: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    """A recommender whose learner has a Bayesian last layer."""
    preset = Preset(
        name="closed",
        learner=ClosedFormConfig(),
        choice=SMALL_CHOICE,
        training=TrainingConfig(epochs=5, patience=5, batch_users=16, learning_rate=1e-2, max_query=10),
    )
    output: Path = tmp_path_factory.mktemp("models") / "closed"
    model = train(two_tastes, preset, output, data_path=None, research_only=True)
    return Recommender(model, model.items)


@pytest.fixture(scope="module", params=["closed form", "no last layer"])
def recommender(request: pytest.FixtureRequest, closed_form: Recommender, model: TrainedModel) -> Recommender:
    """The same, and one whose learner has no Bayesian last layer."""
    return closed_form if request.param == "closed form" else Recommender(model, model.items)


@pytest.fixture(scope="module")
def shop(implicit_model_dir: Path) -> Recommender:
    """A recommender of a model without ratings."""
    model = load_artifact(implicit_model_dir)
    return Recommender(model, model.items)


def genres_of(recommender: Recommender, question: Question) -> set[str]:
    rows = [recommender.items.row_of[item.item_id] for item in question.items]
    return {genre for genres in recommender.items.table["genre"][rows] for genre in genres}


def topics(questions: list[Question]) -> list[Topic | None]:
    return [question.topic for question in questions]


def predicted(recommender: Recommender, query: RankingQuery) -> tuple[float, float]:
    """The predicted ratings of a comedy and of a horror film."""
    ((comedy, horror),) = recommender.predictions([query], recommender.catalogue.rows_of(["i21", "i22"])[None]).mean
    return float(comedy), float(horror)


class TestQuestionsThatDecide:
    """Users like one of the two genres; nothing else distinguishes them."""

    def test_first_attribute_is_a_genre_because_genres_decide(self, closed_form: Recommender) -> None:
        (question,) = closed_form.ask(STRANGER, n=1, kinds=[QuestionKind.ATTRIBUTE])

        assert question.field == "genre"
        assert genres_of(closed_form, question) == {question.value}

    def test_first_group_has_one_genre(self, closed_form: Recommender) -> None:
        (question,) = closed_form.ask(STRANGER, n=1, kinds=[QuestionKind.GROUP])

        assert genres_of(closed_form, question) == {question.value}

    def test_first_pair_has_both_genres(self, closed_form: Recommender) -> None:
        (question,) = closed_form.ask(STRANGER, n=1, kinds=[QuestionKind.PAIR])

        assert genres_of(closed_form, question) == {"comedy", "horror"}
        assert len(question.items) == 2


class TestQuestions:
    def test_second_question_after_an_answer_about_a_genre_is_about_something_else(
        self, recommender: Recommender
    ) -> None:
        (question,) = recommender.ask(replace(STRANGER, answers=[HORROR]), n=1, kinds=[QuestionKind.ATTRIBUTE])

        assert question.topic != Topic.of_answer(HORROR)

    def test_questions_of_a_page_differ_and_their_scores_fall(self, recommender: Recommender) -> None:
        questions = recommender.ask(STRANGER, n=12)

        about = [question.topic or question.items[0].item_id for question in questions]
        scores = [question.score for question in questions]
        assert len(set(about)) == len(questions) == 12
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)

    def test_what_was_asked_is_not_asked_again(self, recommender: Recommender) -> None:
        everything = recommender.ask(STRANGER, n=1000)
        (pair,) = recommender.ask(STRANGER, n=1, kinds=[QuestionKind.PAIR])
        answers: list[Answer] = [HORROR, PairAnswer(*(item.item_id for item in reversed(pair.items)))]
        query = replace(STRANGER, ratings=[ItemRating("i1", 5.0)], answers=answers, skipped=["i2"])

        rest = recommender.ask(query, n=1000, skipped=[COMEDY])

        asked = {question.items[0].item_id for question in rest if question.kind is QuestionKind.ITEM}
        assert {COMEDY, Topic.of_answer(HORROR), pair.topic} <= set(topics(everything))
        assert not {COMEDY, Topic.of_answer(HORROR), pair.topic} & set(topics(rest))
        assert not {"i1", "i2"} & asked

    @pytest.mark.parametrize("kind", QuestionKind)
    def test_only_the_wanted_kinds_are_asked(self, recommender: Recommender, kind: QuestionKind) -> None:
        assert {question.kind for question in recommender.ask(STRANGER, n=20, kinds=[kind])} <= {kind}

    def test_questions_show_only_items_that_fulfil_the_conditions(self, recommender: Recommender) -> None:
        query = replace(STRANGER, where={"genre": FieldFilter(any_of=("comedy",))}, exclude=["i1"])

        questions = recommender.ask(query, n=1000)

        shown = {item.item_id for question in questions for item in question.items}
        assert "i1" not in shown
        assert all(genres_of(recommender, question) == {"comedy"} for question in questions)

    def test_nothing_is_asked_about_an_empty_catalogue(self, recommender: Recommender) -> None:
        empty = recommender.with_changes(
            recommender.items.__class__(recommender.items.table[:0]), recommender.items.ids
        )

        assert empty.ask(STRANGER, n=5) == []


class TestAnswers:
    @pytest.mark.parametrize(
        "answer",
        [
            AttributeAnswer("genre", "comedy", 5.0),
            AttributeAnswer("genre", "Comedy ", 5.0),
            GroupAnswer(("i1", "i3", "i5", "unknown"), 5.0),
            PairAnswer("i1", "i2"),
        ],
        ids=repr,
    )
    def test_answer_of_a_comedy_fan_raises_comedies_above_horror_films(
        self, recommender: Recommender, answer: Answer
    ) -> None:
        before, after = predicted(recommender, STRANGER), predicted(recommender, replace(STRANGER, answers=[answer]))

        assert after[0] - after[1] > before[0] - before[1]

    @pytest.mark.parametrize(
        "answer",
        [
            AttributeAnswer("genre", "western", 5.0),
            AttributeAnswer("director", "comedy", 5.0),
            GroupAnswer(("unknown",), 5.0),
            PairAnswer("i1", "unknown"),
            PairAnswer("i1", "i1"),
        ],
        ids=repr,
    )
    def test_answer_about_unknown_items_changes_nothing(self, recommender: Recommender, answer: Answer) -> None:
        assert predicted(recommender, replace(STRANGER, answers=[answer])) == predicted(recommender, STRANGER)

    def test_decade_is_a_value_of_the_date(self, recommender: Recommender) -> None:
        answer = AttributeAnswer("year", "1980s", 5.0)

        assert predicted(recommender, replace(STRANGER, answers=[answer])) != predicted(recommender, STRANGER)

    def test_order_of_answers_and_other_users_do_not_matter(self, recommender: Recommender) -> None:
        answers = [AttributeAnswer("genre", "comedy", 4.0), PairAnswer("i1", "i2"), GroupAnswer(("i3", "i5"), 5.0)]
        queries = [replace(STRANGER, answers=answers[:1]), replace(STRANGER, answers=answers[::-1]), STRANGER]
        rows = recommender.catalogue.rows_of(["i21"]).repeat(3)[:, None]

        together = recommender.predictions(queries, rows).mean[:, 0].tolist()

        alone = [
            predicted(recommender, query)[0] for query in (queries[0], replace(STRANGER, answers=answers), STRANGER)
        ]
        assert together == pytest.approx(alone, abs=1e-4)


class TestChoiceModel:
    def test_group_that_is_liked_counts_as_ratings_of_its_best_known_items(self, recommender: Recommender) -> None:
        comedies = recommender.catalogue.best_known_with("genre", "comedy", 4)
        ids = [recommender.catalogue.name(row)[0] for row in comedies.tolist()]

        support = QuerySupports(recommender.catalogue, [replace(STRANGER, answers=[GroupAnswer(tuple(ids), 5.0)])])

        assert support.of(RankBy.CHOICE).ratings.tolist() == [[5.0, 5.0, 5.0]]
        expected = recommender.catalogue.choice_vectors(comedies[None, :3])
        torch.testing.assert_close(support.of(RankBy.CHOICE).items.vector, expected.vector)

    def test_answers_about_attributes_say_nothing_of_choices(self, recommender: Recommender) -> None:
        query = replace(STRANGER, answers=[AttributeAnswer("genre", "comedy", 5.0)])

        assert not QuerySupports(recommender.catalogue, [query]).of(RankBy.CHOICE).mask.any()

    def test_group_that_is_not_liked_says_nothing_of_choices(self, recommender: Recommender) -> None:
        query = replace(STRANGER, answers=[GroupAnswer(("i1", "i3"), 1.0)])
        support = QuerySupports(recommender.catalogue, [query]).of(RankBy.CHOICE)

        assert not support.mask.any()

    def test_rated_items_keep_their_rating(self, recommender: Recommender) -> None:
        query = replace(STRANGER, ratings=[ItemRating("i1", 2.0)], answers=[GroupAnswer(("i1", "i3"), 5.0)])

        assert QuerySupports(recommender.catalogue, [query]).of(RankBy.CHOICE).ratings.tolist() == [[2.0, 5.0]]


class TestWithoutRatings:
    """A model that predicts no ratings, and items without a rating scale."""

    def test_questions_are_about_items_and_pairs_because_other_answers_are_ratings(self, shop: Recommender) -> None:
        kinds = {question.kind for question in shop.ask(STRANGER, n=1000)}

        assert kinds == {QuestionKind.ITEM, QuestionKind.PAIR}

    def test_preferred_item_counts_as_chosen(self, shop: Recommender) -> None:
        first, second = shop.items.ids[:2]
        preferring = replace(STRANGER, answers=[PairAnswer(first, second)], now=7)

        support = QuerySupports(shop.catalogue, [preferring]).of(RankBy.CHOICE)
        chosen = QuerySupports(shop.catalogue, [replace(STRANGER, ratings=[ItemRating(first, 0.0, 7)])]).of(
            RankBy.CHOICE
        )

        torch.testing.assert_close(support.items.vector, chosen.items.vector)
        assert support.mask.tolist() == [[True]]
