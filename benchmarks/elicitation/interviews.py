"""Interviews: what people answer to a strategy's questions, screen by screen."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from benchmarks.elicitation.people import Person
from models.data.answers import Answer
from models.data.dataset import UNKNOWN_TIME
from models.elicitation.asked import Asked
from models.elicitation.base import QuestionStrategy
from models.elicitation.question import QuestionKind, Topic
from models.evaluation.simulated_user import SimulatedUser
from models.ranking import ItemRating, RankingQuery, Recommender

Reply = ItemRating | Answer | None
"""What a user answers to one question; None if the user cannot answer."""

_PEOPLE_AT_ONCE = 64
"""How many people a strategy is asked about at once, which bounds the memory."""


class Interviewer(Protocol):
    """Asks people questions."""

    def interview(self, people: Sequence[Person], screens: Sequence[int]) -> list[list[Reply]]:
        """The replies of each person, in the order of the questions.

        Args:
            people: Who is asked.
            screens: How many questions each screen has. A screen is chosen by the replies to the former ones.
        """


def query_of(person: Person, replies: Sequence[Reply], *, n: int) -> RankingQuery:
    """What is known of a person after some replies, as a request for n recommendations.

    Skips are left out: half of a user's ratings are hidden, so many a skipped item is one that the user knows and would
    like. Times are left out too, because answers have none.
    """
    said = [reply for reply in replies if reply is not None]
    return RankingQuery(
        attributes=person.attributes,
        ratings=[reply for reply in said if isinstance(reply, ItemRating)],
        answers=[reply for reply in said if not isinstance(reply, ItemRating)],
        n=n,
        now=UNKNOWN_TIME,
    )


@dataclass(frozen=True)
class ItemInterviewer:
    """Asks about items, as a strategy chooses them.

    Attributes:
        strategy: The strategy, over the rows of the recommender's items.
        recommender: Has the items.
    """

    strategy: QuestionStrategy
    recommender: Recommender

    def interview(self, people: Sequence[Person], screens: Sequence[int]) -> list[list[Reply]]:
        """See `Interviewer`."""
        replies: list[list[Reply]] = []
        for start in range(0, len(people), _PEOPLE_AT_ONCE):
            replies += self._together(people[start : start + _PEOPLE_AT_ONCE], screens)
        return replies

    def _together(self, people: Sequence[Person], screens: Sequence[int]) -> list[list[Reply]]:
        items, scale = self.recommender.items, self.recommender.model.rating_scale
        known = [{items.row_of[rating.item_id]: rating for rating in person.known} for person in people]
        replies: list[list[Reply]] = [[] for _ in people]
        asked, allowed = Asked.nothing(len(people)), np.ones((len(people), len(items)), dtype=np.bool_)
        for size in screens:
            chosen, _ = self.strategy.choose(asked, allowed, size)
            for of_person, own, rows in zip(replies, known, chosen.tolist(), strict=True):
                of_person += [own.get(row) for row in rows]
            answered = np.array([[reply is not None for reply in of_person] for of_person in replies], dtype=np.bool_)
            liked = np.array(
                [
                    [isinstance(reply, ItemRating) and reply.rating >= scale.liked_from for reply in of_person]
                    for of_person in replies
                ],
                dtype=np.bool_,
            )
            asked = Asked(
                np.concatenate([asked.items, chosen], axis=1), answered, np.ones_like(answered), liked & answered
            )
        return replies


@dataclass(frozen=True)
class QuestionInterviewer:
    """Asks about items, groups, attributes and pairs (`Recommender.ask`).

    Attributes:
        recommender: Chooses the questions.
        kinds: What they may be about.
    """

    recommender: Recommender
    kinds: Collection[QuestionKind]

    def interview(self, people: Sequence[Person], screens: Sequence[int]) -> list[list[Reply]]:
        """See `Interviewer`."""
        return [self._one(person, screens) for person in people]

    def _one(self, person: Person, screens: Sequence[int]) -> list[Reply]:
        user = SimulatedUser(self.recommender.catalogue, person.known)
        replies: list[Reply] = []
        unknown_items: list[str] = []
        unanswered: list[Topic] = []
        for size in screens:
            said = query_of(person, replies, n=0)
            query = RankingQuery(
                said.attributes, said.ratings, n=0, answers=said.answers, skipped=unknown_items, now=said.now
            )
            for question in self.recommender.ask(query, n=size, kinds=self.kinds, skipped=unanswered):
                reply = user.answer(question)
                replies.append(reply)
                if reply is not None:
                    continue
                if (topic := question.topic) is None:
                    unknown_items.append(question.items[0].item_id)
                else:
                    unanswered.append(topic)
        return replies
