"""What a question can be about, as a linear combination of items."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.elicitation.question import QuestionKind


@dataclass(frozen=True)
class Subject:
    """A group, an attribute value or a pair: the question is about `Σ_m a_m y_m` of the user's ratings y_m.

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
    def mean(
        cls,
        kind: QuestionKind,
        rows: NDArray[np.int64],
        counts: NDArray[np.int64],
        *,
        field: str | None = None,
        value: str | None = None,
    ) -> Self:
        """A mean over items, weighted by popularity: people think of the items that they know.

        Args:
            kind: What it is.
            rows: int64 [M], the rows of the items.
            counts: int64 [M], their numbers of ratings.
            field: The attribute.
            value: Its value.
        """
        shares = counts + 1.0
        return cls(kind, rows, (shares / shares.sum()).astype(np.float32), field, value)
