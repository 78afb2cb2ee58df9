"""Links of the OpenAPI document: which operations take a value of an answer, where names alone do not say so."""

from collections.abc import Mapping
from typing import Any


def linked(status: int, **parameters: Mapping[str, str]) -> dict[int | str, dict[str, Any]]:
    """The links of answers with this status, for a route's `responses=`.

    Args:
        status: Status of the answer.
        parameters: By operation id, an OpenAPI runtime expression for each of the operation's parameters.
    """
    links = {name: {"operationId": name, "parameters": dict(own)} for name, own in parameters.items()}
    return {int(status): {"links": links}}
