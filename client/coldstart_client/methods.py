"""How one definition of a call becomes a method of both clients."""

from collections.abc import Callable, Coroutine
from functools import update_wrapper
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

from coldstart_client.call import Call
from coldstart_client.listing import AsyncListing, Listing
from coldstart_client.models import Page
from coldstart_client.sending import AsyncSender, Sender

P = ParamSpec("P")
T = TypeVar("T")


class call(Generic[P, T]):  # noqa: N801 - a decorator
    """Turns the definition of a call into a method: `Client` returns the answer, `AsyncClient` is awaited."""

    def __init__(self, define: Callable[Concatenate[Any, P], Call[T]]) -> None:
        self.define = define
        self.__doc__ = define.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: Sender, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: AsyncSender, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, client: Sender | AsyncSender | None, owner: type) -> Any:
        """The method of a client."""
        if client is None:
            return self

        def method(*args: P.args, **kwargs: P.kwargs) -> Any:  # noqa: ANN401 - what `__get__` says
            return client.perform(self.define(client, *args, **kwargs))

        return update_wrapper(method, self.define)


class listing(Generic[P, T]):  # noqa: N801 - a decorator
    """Turns the definition of a call that answers in pages into a method that returns an iterable list."""

    def __init__(self, define: Callable[Concatenate[Any, P], Call[Page[T]]]) -> None:
        self.define = define
        self.__doc__ = define.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: Sender, owner: type) -> Callable[P, Listing[T]]: ...
    @overload
    def __get__(self, client: AsyncSender, owner: type) -> Callable[P, AsyncListing[T]]: ...
    def __get__(self, client: Sender | AsyncSender | None, owner: type) -> Any:
        """The method of a client."""
        if client is None:
            return self

        def method(*args: P.args, **kwargs: P.kwargs) -> Any:  # noqa: ANN401 - what `__get__` says
            return client.listing(self.define(client, *args, **kwargs))

        return update_wrapper(method, self.define)
