"""How one definition of a call becomes a method of the sync and of the async client."""

from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import update_wrapper
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json, to_jsonable_python

from coldstart_client.errors import UnexpectedAnswerError, problem_of
from coldstart_client.models import Page

if TYPE_CHECKING:
    from coldstart_client.clients import AsyncClient, Client

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request, and how to read its answer.

    Attributes:
        method: Of HTTP.
        path: Below the service's address.
        answer: What the answer's JSON is read as; `str` takes its text, and None nothing.
        query: Parameters; those that are None are left out.
        body: Sent as JSON, if there is one; its members that are None are left out.
        lines: Sent as NDJSON instead of a body, each on its line.
        expected: Statuses of answers that are no error, besides those of success.
    """

    method: str
    path: str
    answer: type[T]
    query: Mapping[str, object] = field(default_factory=dict)
    body: Mapping[str, object] | None = None
    lines: Sequence[object] | None = None
    expected: Collection[HTTPStatus] = ()

    def request(self) -> dict[str, Any]:
        """The request as httpx takes it."""
        made: dict[str, Any] = {"method": self.method, "url": self.path, "params": _given(self.query)}
        if self.body is not None:
            made["json"] = to_jsonable_python(_given(self.body))
        if self.lines is not None:
            made["content"] = b"\n".join(map(to_json, self.lines))
            made["headers"] = {"Content-Type": "application/x-ndjson"}
        return made

    def read(self, response: httpx.Response) -> T:
        """The answer.

        Raises:
            ProblemError: If it is an error.
            UnexpectedAnswerError: If it cannot be read.
        """
        if not response.is_success and response.status_code not in self.expected:
            raise problem_of(response)
        try:
            return _read(self.answer, response)
        except ValidationError as error:
            raise UnexpectedAnswerError(f"{self.method} {self.path}: {error}") from error


def _read(answer: type[T], response: httpx.Response) -> T:
    if answer is type(None):
        return None
    if answer is str:
        return response.text  # type: ignore[return-value]
    return TypeAdapter(answer).validate_json(response.content)


def path_of(template: str, *ids: str) -> str:
    """A path with ids in it. Dots are quoted, too, or an id `..` would be taken for the way up."""
    return template.format(*(quote(each, safe="").replace(".", "%2E") for each in ids))


def _given(values: Mapping[str, object]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


class call(Generic[P, T]):  # noqa: N801 - a decorator
    """Makes the definition of a call a method: `Client` returns the answer, `AsyncClient` is awaited."""

    def __init__(self, define: Callable[Concatenate[Any, P], Call[T]]) -> None:
        self.define = define
        self.__doc__ = define.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: "Client", owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: "AsyncClient", owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, client: "Client | AsyncClient | None", owner: type) -> Any:
        """The method of a client."""
        if client is None:
            return self

        def method(*args: P.args, **kwargs: P.kwargs) -> Any:  # noqa: ANN401 - what `__get__` says
            return client.perform(self.define(client, *args, **kwargs))

        return update_wrapper(method, self.define)


class listing(Generic[P, T]):  # noqa: N801 - a decorator
    """Makes the definition of a call that answers in pages a method that returns a list to iterate over."""

    def __init__(self, define: Callable[Concatenate[Any, P], Call[Page[T]]]) -> None:
        self.define = define
        self.__doc__ = define.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: "Client", owner: type) -> "Callable[P, Listing[T]]": ...
    @overload
    def __get__(self, client: "AsyncClient", owner: type) -> "Callable[P, AsyncListing[T]]": ...
    def __get__(self, client: "Client | AsyncClient | None", owner: type) -> Any:
        """The method of a client."""
        if client is None:
            return self

        def method(*args: P.args, **kwargs: P.kwargs) -> Any:  # noqa: ANN401 - what `__get__` says
            return client.listing(self.define(client, *args, **kwargs))

        return update_wrapper(method, self.define)


class Listing(Generic[T]):
    """A list that is fetched page by page, while it is iterated over."""

    def __init__(self, client: "Client", first: Call[Page[T]]) -> None:
        self._client = client
        self._first = first

    def __iter__(self) -> Iterator[T]:
        page = self.page()
        yield from page.items
        while page.next_cursor is not None:
            page = self.page(page.next_cursor)
            yield from page.items

    def page(self, cursor: str | None = None) -> Page[T]:
        """One page: the first, or that of a cursor."""
        return self._client.perform(_at(self._first, cursor))


class AsyncListing(Generic[T]):
    """A list that is fetched page by page, while it is iterated over with `async for`."""

    def __init__(self, client: "AsyncClient", first: Call[Page[T]]) -> None:
        self._client = client
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
        return await self._client.perform(_at(self._first, cursor))


def _at(first: Call[Page[T]], cursor: str | None) -> Call[Page[T]]:
    return replace(first, query={**first.query, "cursor": cursor})
