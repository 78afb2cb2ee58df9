"""What a question is about, as a linear combination of the user's ratings of some items."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.elicitation.question import QuestionKind
from models.inputs.rows import TensorRows
from models.learners.answers import AnswerKind, Answers


@dataclass(frozen=True)
class Subject:
    """An item, a group, an attribute value or a pair: a question about `Σ_m a_m y_m` of the user's ratings y_m.

    Attributes:
        kind: What it is.
        rows: int64 [M], the rows of the items in the catalogue, the best known first; of a pair, two.
        weights: float32 [M], a: of a mean they add up to 1; of a pair they are 1 and −1.
        field: The attribute; of a group, an attribute that names it, if there is one.
        value: The value of that attribute.
    """

    kind: QuestionKind
    rows: NDArray[np.int64]
    weights: NDArray[np.float32]
    field: str | None = None
    value: str | None = None

    @classmethod
    def group(cls, rows: NDArray[np.int64], *, field: str | None = None, value: str | None = None) -> Self:
        """A group of items, all of which the user is shown, so that all count alike."""
        return cls(QuestionKind.GROUP, rows, np.full(len(rows), 1 / len(rows), dtype=np.float32), field, value)

    @classmethod
    def attribute(cls, rows: NDArray[np.int64], counts: NDArray[np.int64], *, field: str, value: str) -> Self:
        """The items with a value, weighted by their numbers of ratings: people think of the items that they know."""
        shares = counts + 1.0
        return cls(QuestionKind.ATTRIBUTE, rows, (shares / shares.sum()).astype(np.float32), field, value)

    @classmethod
    def pair(cls, first: int, second: int) -> Self:
        """Two items."""
        return cls(QuestionKind.PAIR, np.array([first, second]), np.array([1, -1], dtype=np.float32))

    @classmethod
    def item(cls, row: int) -> Self:
        """One item."""
        return cls(QuestionKind.ITEM, np.array([row]), np.ones(1, dtype=np.float32))

    @property
    def answer_kind(self) -> AnswerKind:
        """What an answer observes."""
        return AnswerKind.PAIR if self.kind is QuestionKind.PAIR else AnswerKind.MEAN


@dataclass(frozen=True)
class AnsweredSubject:
    """A subject and what a user answered.

    Attributes:
        subject: What the question was about; of a pair, the preferred item comes first.
        rating: The answer on the rating scale; 0 for a pair.
    """

    subject: Subject
    rating: float = 0.0


@dataclass(frozen=True)
class AnswerArrays:
    """The answers of B users, padded, before their items are embedded; as in `models.learners.answers.Answers`.

    Attributes:
        rows: int64 [B, A, M], rows of the items; 0 where there is padding.
        weights: float32 [B, A, M].
        values: float32 [B, A].
        kinds: int64 [B, A].
        mask: bool [B, A].
    """

    rows: NDArray[np.int64]
    weights: NDArray[np.float32]
    values: NDArray[np.float32]
    kinds: NDArray[np.int64]
    mask: NDArray[np.bool_]

    @classmethod
    def of(cls, answers: Sequence[Sequence[AnsweredSubject]]) -> Self:
        """Pad the answers of each user."""
        most = max(map(len, answers), default=0)
        width = max((len(each.subject.rows) for of_user in answers for each in of_user), default=0)
        shape = len(answers), most
        rows, weights = np.zeros((*shape, width), dtype=np.int64), np.zeros((*shape, width), dtype=np.float32)
        values, kinds = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.int64)
        mask = np.zeros(shape, dtype=np.bool_)
        for user, of_user in enumerate(answers):
            for place, each in enumerate(of_user):
                subject, count = each.subject, len(each.subject.rows)
                rows[user, place, :count], weights[user, place, :count] = subject.rows, subject.weights
                values[user, place], kinds[user, place] = each.rating, subject.answer_kind
                mask[user, place] = True
        return cls(rows, weights, values, kinds, mask)

    def embedded(self, items: TensorRows, tensor: Callable[[NDArray[Any]], Tensor]) -> Answers[Any]:
        """The answers with their items.

        Args:
            items: [B, A, M], the items of `rows`, embedded.
            tensor: Makes a tensor of an array.
        """
        return Answers(items, tensor(self.weights), tensor(self.values), tensor(self.kinds), tensor(self.mask))
