"""The result of saving records that may be stored already."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Saved:
    """How many saved records were new, different from the stored ones, or the same."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0

    def __add__(self, other: "Saved") -> "Saved":
        return Saved(self.created + other.created, self.updated + other.updated, self.unchanged + other.unchanged)
