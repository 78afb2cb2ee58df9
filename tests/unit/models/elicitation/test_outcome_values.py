"""The greedy set on checkerboard data: two questions decide everything, and the others tell nothing more."""

import numpy as np
import pytest
from numpy.typing import NDArray

from models.data.episodes import EpisodeBatch
from models.elicitation.outcome_values import greedy_set
from models.elicitation.query_losses import QueryLosses
from models.elicitation.training_answers import TrainingAnswers
from tests.unit.models.tiny_data import tiny_dataset

ITEMS = 6
LEFT, TOP = 2, 4
"""The items that tell on which side of the board a user is, and in which half."""


def people(answerable: NDArray[np.bool_]) -> TrainingAnswers:
    users = len(answerable)
    none = np.zeros((users, 1), dtype=np.int32)
    return TrainingAnswers(
        users=np.arange(users, dtype=np.int32),
        shortlist=np.arange(ITEMS),
        answers=np.ones(answerable.shape, dtype=np.float32),
        answerable=answerable,
        kinds=None,
        query_items=none,
        query_ratings=none.astype(np.float32),
        query_kinds=None,
        query_liked=none.astype(np.bool_),
        query_mask=none.astype(np.bool_),
    )


class WrittenLosses:
    """The loss of ratings is 1 less what the answered items are worth; that of choices is constant."""

    def __init__(self, worth: dict[int, float]) -> None:
        self._worth = worth
        self.measured = 0

    def of_ratings(self, batch: EpisodeBatch) -> NDArray[np.float64]:
        self.measured += 1
        answered = [set(items[mask]) for items, mask in zip(batch.support_items, batch.support_mask, strict=True)]
        return np.array([1.0 - sum(self._worth.get(int(item), 0.0) for item in items) for items in answered])

    def of_choices(self, batch: EpisodeBatch, *_: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.ones(len(batch.users))


def chosen(answerable: NDArray[np.bool_], worth: dict[int, float], n: int) -> list[int]:
    losses: QueryLosses = WrittenLosses(worth)  # type: ignore[assignment]
    return greedy_set(people(answerable), losses, n)


def test_set_begins_with_the_questions_that_decide() -> None:
    everybody = np.ones((8, ITEMS), dtype=np.bool_)
    assert chosen(everybody, {LEFT: 0.5, TOP: 0.3}, 2) == [LEFT, TOP]


def test_question_that_few_can_answer_comes_later() -> None:
    answerable = np.ones((8, ITEMS), dtype=np.bool_)
    answerable[1:, LEFT] = False
    assert chosen(answerable, {LEFT: 0.5, TOP: 0.3}, 2) == [TOP, LEFT]


def test_set_of_more_items_than_there_are_has_all_of_them() -> None:
    assert sorted(chosen(np.ones((2, ITEMS), dtype=np.bool_), {}, 40)) == list(range(ITEMS))


def test_gains_of_earlier_rounds_spare_measurements() -> None:
    losses = WrittenLosses({item: 0.1 * (item + 1) / ITEMS for item in range(ITEMS)})
    assert greedy_set(people(np.ones((4, ITEMS), dtype=np.bool_)), losses, ITEMS) == [5, 4, 3, 2, 1, 0]  # type: ignore[arg-type]
    # Once without questions, once each in the first round, and once for each later item.
    assert losses.measured == 1 + ITEMS + (ITEMS - 1)


class TestTrainingAnswers:
    @pytest.fixture
    def drawn(self) -> TrainingAnswers:
        ratings = [(user, item, float(1 + (user + item) % 5)) for user in range(5) for item in range(3 + 2 * user)]
        dataset = tiny_dataset(ratings, users=5, items=11)
        training = np.ones(len(ratings), dtype=np.bool_)
        return TrainingAnswers.of(dataset, training, np.array([4, 0, 7]), most_users=10, seed=3)

    def test_users_with_few_ratings_are_not_asked(self, drawn: TrainingAnswers) -> None:
        assert drawn.users.tolist() == [2, 3, 4]

    def test_each_rating_is_an_answer_or_a_query_with_its_value(self, drawn: TrainingAnswers) -> None:
        for place, user in enumerate(drawn.users.tolist()):
            queried = drawn.query_items[place][drawn.query_mask[place]].tolist()
            answered = drawn.shortlist[drawn.answerable[place]].tolist()
            assert len(queried) == -(-(3 + 2 * user) // 2)
            assert not set(queried) & set(answered)
            assert drawn.query_ratings[place][drawn.query_mask[place]].tolist() == [1 + (user + i) % 5 for i in queried]
            assert drawn.answers[place][drawn.answerable[place]].tolist() == [1 + (user + i) % 5 for i in answered]

    def test_episodes_after_questions_have_the_answers(self, drawn: TrainingAnswers) -> None:
        batch = drawn.after(np.array([1]), np.array([2, 0]))
        assert batch.users.tolist() == [3]
        assert batch.support_items.tolist() == [[7, 4]]
        assert batch.support_mask.tolist() == [[bool(drawn.answerable[1, 2]), bool(drawn.answerable[1, 0])]]
