"""Pagination: every list answers with items and the cursor of the next page."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import Field

from app.api.schemas import ResponseModel
from app.errors import FieldError, InvalidRequestError
from models.fields.values import is_storable

ItemT = TypeVar("ItemT")
RowT = TypeVar("RowT")


class Page(ResponseModel, Generic[ItemT]):
    """A part of a list."""

    items: list[ItemT]
    next_cursor: str | None = Field(
        default=None, description="Cursor of the next page; null on the last one.", examples=[None]
    )


class PageRequest:
    """The requested page of a list.

    Attributes:
        limit: The most items of a page.
        after: The page begins after the item with this key; None for the first page.
    """

    def __init__(
        self,
        limit: Annotated[int, Query(ge=1, le=500, description="Most items to return.")] = 50,
        cursor: Annotated[
            str | None, Query(max_length=1000, description="`next_cursor` of the previous page.", examples=["NTA="])
        ] = None,
    ) -> None:
        self.limit = limit
        self.after = None if cursor is None else _decode(cursor)

    def page(
        self, rows: Sequence[RowT], convert: Callable[[RowT], ItemT], *, key: Callable[[RowT], str]
    ) -> Page[ItemT]:
        """The page of these rows. A full page has a cursor, because there may be a next page."""
        next_cursor = encode_cursor(key(rows[-1])) if len(rows) == self.limit else None
        return Page(items=[convert(row) for row in rows], next_cursor=next_cursor)


PageDep = Annotated[PageRequest, Depends()]


def encode_cursor(key: str) -> str:
    """The cursor of the page after the item with this key."""
    return base64.urlsafe_b64encode(key.encode()).decode()


def _decode(cursor: str) -> str:
    try:
        key = base64.b64decode(cursor, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        key = "\0"
    if not is_storable(key):
        raise not_a_cursor()
    return key


def not_a_cursor() -> InvalidRequestError:
    """The error about a cursor that no answer has had."""
    return InvalidRequestError([FieldError("cursor", "is not a cursor of this service")])
