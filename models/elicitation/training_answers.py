"""Training users as people to ask: what they can answer, and what is predicted from the answers."""

from dataclasses import dataclass
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch

NumberT = TypeVar("NumberT", bound=np.generic)

_LEAST_RATINGS = 6
"""A user with fewer ratings or interactions has too little to ask for and to predict."""

_MOST_QUERIES = 30
"""Most query items of a user, which bounds the time."""


@dataclass(frozen=True)
class TrainingAnswers:
    """U training users. A random half of what each rated can be asked for, and the other half is predicted.

    Attributes:
        users: int32 [U], their rows.
        shortlist: int64 [L], rows of the items that they may be asked about.
        answers: float32 [U, L], their ratings of these items; any value where they cannot answer.
        answerable: bool [U, L], whether they can answer.
        kinds: int8 [U, L], kinds of interactions as in `Ratings.kinds`; None if all are ratings.
        query_items: int32 [U, Q], padded.
        query_ratings: float32 [U, Q].
        query_kinds: int8 [U, Q], or None.
        query_liked: bool [U, Q], the query items that the users like.
        query_mask: bool [U, Q].
    """

    users: NDArray[np.int32]
    shortlist: NDArray[np.int64]
    answers: NDArray[np.float32]
    answerable: NDArray[np.bool_]
    kinds: NDArray[np.int8] | None
    query_items: NDArray[np.int32]
    query_ratings: NDArray[np.float32]
    query_kinds: NDArray[np.int8] | None
    query_liked: NDArray[np.bool_]
    query_mask: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        training: NDArray[np.bool_],
        shortlist: NDArray[np.int64],
        *,
        most_users: int,
        seed: int,
    ) -> Self:
        """Draw the users and their halves.

        Args:
            dataset: The data set.
            training: bool [ratings], the ratings that may be used.
            shortlist: int64 [L], rows of the items that they may be asked about.
            most_users: How many users to draw at most.
            seed: Of the draws.
        """
        generator = np.random.default_rng(seed)
        ratings = dataset.ratings
        rows = np.flatnonzero(training)
        counts = np.bincount(ratings.users[rows], minlength=len(dataset.users))
        enough = np.flatnonzero(counts >= _LEAST_RATINGS)
        users = np.sort(generator.permutation(enough)[:most_users]).astype(np.int32)
        places = np.full(len(dataset.users), -1)
        places[users] = np.arange(len(users))
        columns = np.full(len(dataset.items), -1)
        columns[shortlist] = np.arange(len(shortlist))

        rows = rows[places[ratings.users[rows]] >= 0]
        # The ratings of each user in random order, one user after the other.
        rows = rows[np.lexsort((generator.random(len(rows)), places[ratings.users[rows]]))]
        of_user = places[ratings.users[rows]]
        rank = np.arange(len(rows)) - np.searchsorted(of_user, of_user)
        half = counts[users][of_user] // 2
        asked = (rank < half) & (columns[ratings.items[rows]] >= 0)
        query = (rank >= half) & (rank < half + _MOST_QUERIES)
        answered = of_user[asked], columns[ratings.items[rows[asked]]]
        queried = of_user[query], (rank - half)[query]
        widest = int(queried[1].max(initial=-1)) + 1

        def spread(
            values: NDArray[NumberT], places: tuple[NDArray[np.int64], NDArray[np.int64]], width: int
        ) -> NDArray[NumberT]:
            table = np.zeros((len(users), width), dtype=values.dtype)
            table[places] = values
            return table

        kinds = ratings.kinds
        return cls(
            users=users,
            shortlist=shortlist,
            answers=spread(ratings.values[rows[asked]], answered, len(shortlist)),
            answerable=spread(np.ones(len(answered[0]), dtype=np.bool_), answered, len(shortlist)),
            kinds=None if kinds is None else spread(kinds[rows[asked]], answered, len(shortlist)),
            query_items=spread(ratings.items[rows[query]], queried, widest),
            query_ratings=spread(ratings.values[rows[query]], queried, widest),
            query_kinds=None if kinds is None else spread(kinds[rows[query]], queried, widest),
            query_liked=spread(dataset.liked[rows[query]], queried, widest),
            query_mask=spread(np.ones(len(queried[0]), dtype=np.bool_), queried, widest),
        )

    def after(self, people: NDArray[np.int64], questions: NDArray[np.int64]) -> EpisodeBatch:
        """The episodes of some of the users after some questions.

        Args:
            people: int64 [B], places in `users`.
            questions: int64 [N], places in `shortlist`.
        """
        asked = np.ix_(people, questions)
        return EpisodeBatch(
            users=self.users[people],
            support_items=np.tile(self.shortlist[questions].astype(np.int32), (len(people), 1)),
            support_ratings=self.answers[asked],
            support_mask=self.answerable[asked],
            query_items=self.query_items[people],
            query_ratings=self.query_ratings[people],
            query_mask=self.query_mask[people],
            support_kinds=None if self.kinds is None else self.kinds[asked],
            query_kinds=None if self.query_kinds is None else self.query_kinds[people],
        )
