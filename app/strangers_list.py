"""Which list a stranger gets, as settings, scenarios and requests name it. A stranger is a user without any data."""

import re
from dataclasses import dataclass
from enum import StrEnum

STRANGERS_LIST = r"^(diverse|(popular|trending|latest)(:([1-9]|[1-9][0-9]|[12][0-9]{2}|3[0-5][0-9]|36[0-5]))?)$"
"""The pattern of a text that `StrangersList.of` reads."""


class ListName(StrEnum):
    """The lists that are the same for everybody."""

    POPULAR = "popular"
    """The items that most users chose."""

    TRENDING = "trending"
    """The items that were chosen more than before."""

    LATEST = "latest"
    """The newest items."""


@dataclass(frozen=True)
class StrangersList:
    """The list that a stranger gets.

    Attributes:
        name: The list that it follows; None for what most people choose and like, of different kinds.
        days: The window of that list; None for the list's default.
    """

    name: ListName | None = None
    days: int | None = None

    @classmethod
    def of(cls, text: str) -> "StrangersList":
        """Read `diverse`, or the name of a list, such as `trending`, or with its days, such as `popular:30`.

        Raises:
            ValueError: If it is none of these.
        """
        if not re.fullmatch(STRANGERS_LIST, text):
            raise ValueError(
                "must be diverse, popular, trending or latest; the last three with 1 to 365 days if "
                "wanted, such as popular:30"
            )
        name, _, days = text.partition(":")
        return cls() if name == "diverse" else cls(ListName(name), int(days) if days else None)


def checked_strangers_list(text: str) -> str:
    """The text, if `StrangersList.of` reads it.

    Raises:
        ValueError: As there.
    """
    StrangersList.of(text)
    return text
