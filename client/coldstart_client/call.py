"""A call of the API: the request, and how to read the answer."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json, to_jsonable_python

from coldstart_client.errors import InvalidArgumentError, UnexpectedAnswerError, problem_of

T = TypeVar("T")


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request, and how to read its answer.

    Attributes:
        method: HTTP method.
        path: Path below the service's URL.
        answer: The type of the answer's JSON; `str` for its text, `bytes` for its content, and
            `NoneType` for none.
        query: Parameters. Those that are None are left out.
        body: Sent as JSON, if given. Fields that are None are left out.
        nulls: Fields of the body that are sent even if they are None.
        lines: Sent as NDJSON instead of a body.
        expected: Error statuses that are answers and not errors.
    """

    method: str
    path: str
    answer: type[T]
    query: Mapping[str, object] = field(default_factory=dict)
    body: Mapping[str, object] | None = None
    nulls: Collection[str] = ()
    lines: Sequence[object] | None = None
    expected: Collection[HTTPStatus] = ()

    def request(self) -> dict[str, Any]:
        """The request as httpx takes it."""
        made: dict[str, Any] = {"method": self.method, "url": self.path, "params": _jsonable(_given(self.query))}
        if self.body is not None:
            made["json"] = _jsonable(_given(self.body, self.nulls))
        if self.lines is not None:
            made["content"] = b"\n".join(to_json(line, fallback=_plain) for line in self.lines)
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
    if answer is bytes:
        return response.content  # type: ignore[return-value]
    return TypeAdapter(answer).validate_json(response.content)


def path_of(template: str, *ids: str) -> str:
    """A path with ids. Dots are quoted as well, because an id `..` would mean the parent path."""
    return template.format(*(quote(each, safe="").replace(".", "%2E") for each in ids))


def _jsonable(values: Mapping[str, object]) -> Any:  # noqa: ANN401 - any JSON
    return to_jsonable_python(values, fallback=_plain)


def _plain(value: Any) -> Any:  # noqa: ANN401 - of any library
    """The numbers of NumPy, and so of pandas, as those of Python."""
    try:
        return value.tolist()
    except AttributeError:
        raise InvalidArgumentError(f"{type(value).__name__} cannot be sent: {value!r:.100}") from None


def _given(values: Mapping[str, object], nulls: Collection[str] = ()) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None or name in nulls}
