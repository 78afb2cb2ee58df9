"""Checks the arguments of a call before anything is sent."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, get_type_hints

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from coldstart_client.errors import InvalidArgumentError
from coldstart_client.given import Words

_LONGEST = 100
_REASONS = {"sequence_str": "must be a list, not a single string", "dict_type": "must be a mapping"}


def _conditions(given: object) -> object:
    """What a filter says of a field, where a list stands for `any`."""
    if isinstance(given, str) or not isinstance(given, Mapping | Sequence):
        raise ValueError("must be a list of values or a mapping of conditions")
    return given if isinstance(given, Mapping) else {"any": given}


_OF_THE_SCHEMA = {
    "attributes": Mapping[str, object] | None,
    "filter": Mapping[str, Annotated[Mapping[Words, object], BeforeValidator(_conditions)]] | None,
}
"""What is checked of arguments whose values the model's schema describes: the service checks the values."""


def require_valid(define: Callable[..., object], arguments: Mapping[str, object]) -> None:
    """Refuse arguments that do not have the types of a definition, and empty ids.

    Raises:
        InvalidArgumentError: It names the first such argument.
    """
    for name, adapter in _adapters(define).items():
        if name not in arguments:
            continue
        value = arguments[name]
        try:
            adapter.validate_python(value)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            where = ".".join([name, *map(str, fault["loc"])])
            reason = _REASONS.get(
                fault["type"], fault["msg"].replace("Input should be", "must be").removeprefix("Value error, ")
            )
            raise InvalidArgumentError(f"{where} {reason}: {_short(fault['input'])}") from None
        if value == "" and name.endswith(("_id", "version")):
            raise InvalidArgumentError(f"{name} must not be empty")


@cache
def _adapters(define: Callable[..., object]) -> dict[str, TypeAdapter[Any]]:
    hints = get_type_hints(define, include_extras=True)
    del hints["return"]
    return {name: TypeAdapter(_OF_THE_SCHEMA.get(name, hint)) for name, hint in hints.items()}


def _short(value: object) -> str:
    return text if len(text := repr(value)) <= _LONGEST else f"{text[:_LONGEST]}…"
