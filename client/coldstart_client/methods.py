"""How one definition of a call becomes a method of both clients."""

from collections.abc import Callable, Coroutine
from functools import update_wrapper
from inspect import signature
from types import MethodType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, get_args, get_type_hints, overload

from coldstart_client.arguments import require_valid
from coldstart_client.call import Call
from coldstart_client.listing import AsyncListing, Listing
from coldstart_client.models.answer import Page
from coldstart_client.sending import AsyncSender, Sender

P = ParamSpec("P")
T = TypeVar("T")


class _Method:
    """A descriptor that makes the function of a class from a definition, with the signature of what callers see."""

    def __init__(self, define: Callable[..., Call[Any]]) -> None:
        self.define = define
        self.__doc__ = define.__doc__
        self._signature = signature(define)
        (self._answer,) = get_args(get_type_hints(define)["return"])
        self._functions: dict[bool, Callable[..., Any]] = {}

    def _get(self, client: Sender | AsyncSender | None, owner: type) -> Any:  # noqa: ANN401 - see the subclasses
        """The function of a class, or the bound method of a client."""
        is_async = issubclass(owner, AsyncSender)
        if is_async not in self._functions:
            self._functions[is_async] = self._function(is_async=is_async)
        function = self._functions[is_async]
        return function if client is None else MethodType(function, client)

    def _function(self, *, is_async: bool) -> Callable[..., Any]:
        raise NotImplementedError

    def _call(self, client: object, *args: object, **kwargs: object) -> Call[Any]:
        """The call with these arguments, which are checked.

        Raises:
            TypeError: If arguments are missing, or have other names.
            InvalidArgumentError: If arguments have other types, or an id is empty.
        """
        try:
            bound = self._signature.bind(client, *args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self.define.__name__}() {error}") from None
        require_valid(self.define, bound.arguments)
        return self.define(client, *args, **kwargs)

    def _shown(self, function: Callable[..., Any], returned: object) -> Callable[..., Any]:
        """The function, with the name, description and types that `help` and editors show."""
        update_wrapper(function, self.define)
        function.__signature__ = self._signature.replace(return_annotation=returned)  # type: ignore[attr-defined]
        function.__annotations__ = self.define.__annotations__ | {"return": returned}
        return function


class call(_Method, Generic[P, T]):  # noqa: N801 - a decorator
    """Turns the definition of a call into a method: `Client` returns the answer, `AsyncClient` is awaited."""

    def __init__(self, define: Callable[Concatenate[Any, P], Call[T]]) -> None:
        super().__init__(define)

    @overload
    def __get__(self, client: None, owner: type) -> Callable[..., Any]: ...
    @overload
    def __get__(self, client: Sender, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: AsyncSender, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, client: Sender | AsyncSender | None, owner: type) -> Any:
        """The method of a client."""
        return self._get(client, owner)

    def _function(self, *, is_async: bool) -> Callable[..., Any]:
        def method(client: Sender, *args: object, **kwargs: object) -> object:
            return client.perform(self._call(client, *args, **kwargs))

        async def awaited(client: AsyncSender, *args: object, **kwargs: object) -> object:
            return await client.perform(self._call(client, *args, **kwargs))

        answer = None if self._answer is type(None) else self._answer
        return self._shown(awaited if is_async else method, answer)


class listing(_Method, Generic[P, T]):  # noqa: N801 - a decorator
    """Turns the definition of a call that answers in pages into a method that returns an iterable list."""

    def __init__(self, define: Callable[Concatenate[Any, P], Call[Page[T]]]) -> None:
        super().__init__(define)

    @overload
    def __get__(self, client: None, owner: type) -> Callable[..., Any]: ...
    @overload
    def __get__(self, client: Sender, owner: type) -> Callable[P, Listing[T]]: ...
    @overload
    def __get__(self, client: AsyncSender, owner: type) -> Callable[P, AsyncListing[T]]: ...
    def __get__(self, client: Sender | AsyncSender | None, owner: type) -> Any:
        """The method of a client."""
        return self._get(client, owner)

    def _function(self, *, is_async: bool) -> Callable[..., Any]:
        def method(client: Sender | AsyncSender, *args: object, **kwargs: object) -> object:
            return client.listing(self._call(client, *args, **kwargs))

        listed: Any = AsyncListing if is_async else Listing
        item = self._answer.__pydantic_generic_metadata__["args"][0]
        return self._shown(method, listed[item])
