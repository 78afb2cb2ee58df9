"""Users, items and support sets as the members of a combined learner see them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

from torch import Tensor

from models.inputs.rows import TensorRows
from models.learners.base import Support


@dataclass(frozen=True)
class MemberRows(TensorRows):
    """Embedded users or items.

    Attributes:
        inputs: float32 [width], the embedded fields, for the selector's network.
        members: The rows of each member.
    """

    inputs: Tensor
    members: tuple[TensorRows, ...]

    def tensors(self) -> list[Tensor]:
        """The inputs, then the tensors of one member after the other."""
        return [self.inputs, *chain.from_iterable(rows.tensors() for rows in self.members)]

    def of_tensors(self, tensors: Iterator[Tensor]) -> "MemberRows":
        """Rows with these tensors, in the order of `tensors`."""
        inputs = next(tensors)
        return MemberRows(inputs, tuple(rows.of_tensors(islice(tensors, len(rows.tensors()))) for rows in self.members))


def support_of_member(support: Support[Any, Any], place: int) -> Support[Any, Any]:
    """The support sets, whose rows are `MemberRows`, as one member sees them."""
    interactions, skipped = support.interaction_items, support.skipped_items
    return replace(
        support,
        users=support.users.members[place],
        items=support.items.members[place],
        interaction_items=None if interactions is None else interactions.members[place],
        skipped_items=None if skipped is None else skipped.members[place],
    )
