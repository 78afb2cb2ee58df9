"""Lists that the service answers in pages."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Generic, TypeVar

from coldstart_client.call import Call
from coldstart_client.models.answer import Page

T = TypeVar("T")


class Listing(Generic[T]):
    """A list that is fetched page by page, while it is iterated over.

    Args:
        perform: Sends a call.
        first: The call that gets the first page.
    """

    def __init__(self, perform: Callable[[Call[Page[T]]], Page[T]], first: Call[Page[T]]) -> None:
        self._perform = perform
        self._first = first

    def __iter__(self) -> Iterator[T]:
        page = self.page()
        yield from page.items
        while page.next_cursor is not None:
            page = self.page(page.next_cursor)
            yield from page.items

    def page(self, cursor: str | None = None) -> Page[T]:
        """One page: the first, or that of a cursor."""
        return self._perform(_at(self._first, cursor))


class AsyncListing(Generic[T]):
    """A list that is fetched page by page, while it is iterated over with `async for`.

    Args:
        perform: Sends a call.
        first: The call that gets the first page.
    """

    def __init__(self, perform: Callable[[Call[Page[T]]], Awaitable[Page[T]]], first: Call[Page[T]]) -> None:
        self._perform = perform
        self._first = first

    async def __aiter__(self) -> AsyncIterator[T]:
        page = await self.page()
        for item in page.items:
            yield item
        while page.next_cursor is not None:
            page = await self.page(page.next_cursor)
            for item in page.items:
                yield item

    async def page(self, cursor: str | None = None) -> Page[T]:
        """One page: the first, or that of a cursor."""
        return await self._perform(_at(self._first, cursor))


def _at(first: Call[Page[T]], cursor: str | None) -> Call[Page[T]]:
    return first if cursor is None else replace(first, query={**first.query, "cursor": cursor})
