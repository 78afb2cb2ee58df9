"""The items of the former pages of a list, as a cursor holds them."""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from app.errors import FieldError, InvalidRequestError

_BYTES = 4
"""The length of an item's mark. Of a million items, the marks of 500 hide another item in one list of nine."""

MOST_FORMER_ITEMS = 500
"""The most items that a cursor holds, so that it stays short enough for a URL."""


@dataclass(frozen=True)
class FormerItems:
    """Items that former pages of a list had. Each is a short hash of its id, because ids may be long.

    The cursor holds all of them, instead of a place in the list: a list changes while ratings arrive, and no page
    repeats an item.
    """

    marks: frozenset[bytes] = frozenset()

    @classmethod
    def of_cursor(cls, cursor: str | None) -> "FormerItems":
        """The items of a cursor; none without a cursor.

        Raises:
            InvalidRequestError: It is not a cursor of this service.
        """
        if cursor is None:
            return cls()
        try:
            content = base64.b64decode(cursor, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            content = b"?"
        if not content or len(content) % _BYTES:
            raise InvalidRequestError([FieldError("cursor", "is not a cursor of this service")])
        return cls(frozenset(content[start : start + _BYTES] for start in range(0, len(content), _BYTES)))

    def __len__(self) -> int:
        return len(self.marks)

    def __contains__(self, item_id: str) -> bool:
        return _mark(item_id) in self.marks

    def cursor_after(self, item_ids: Iterable[str]) -> str | None:
        """The cursor of the page after one with these items; None if it would hold too many items."""
        marks = self.marks | {_mark(item_id) for item_id in item_ids}
        return base64.urlsafe_b64encode(b"".join(sorted(marks))).decode() if len(marks) <= MOST_FORMER_ITEMS else None


@lru_cache(maxsize=10_000)  # every list marks its items, and most lists have the same ones
def _mark(item_id: str) -> bytes:
    return hashlib.blake2b(item_id.encode(), digest_size=_BYTES).digest()
