"""Links of the OpenAPI document: which calls go on with what an answer says, where names alone do not tell."""

from collections.abc import Mapping
from typing import Any


def linked(status: int, **parameters: Mapping[str, str]) -> dict[int | str, dict[str, Any]]:
    """What a route adds to its `responses=` for answers with this status.

    Args:
        status: Of the answer.
        parameters: By operation id, a runtime expression of OpenAPI for each of its parameters.
    """
    links = {name: {"operationId": name, "parameters": dict(own)} for name, own in parameters.items()}
    return {int(status): {"links": links}}
