"""Refuses query parameters that a route does not have, such as a misspelt one, which would be ignored otherwise."""

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant

from app.api.problems import MAX_ERRORS
from app.errors import FieldError, InvalidRequestError
from app.suggestions import suggestion


async def _refuse_unknown_parameters(request: Request) -> None:
    if not request.query_params:
        return
    known = sorted(_names(request.scope["route"].dependant))
    unknown = [name for name in dict.fromkeys(request.query_params) if name not in known]
    if unknown:
        raise InvalidRequestError(
            [
                FieldError(name, f"is not a parameter of this request; {suggestion(name, known)}")
                for name in unknown[:MAX_ERRORS]
            ]
        )


def _names(dependant: Dependant) -> set[str]:
    """The query parameters of a route and of its dependencies."""
    names = {parameter.alias for parameter in dependant.query_params}
    return names.union(*map(_names, dependant.dependencies))


KNOWN_PARAMETERS = Depends(_refuse_unknown_parameters)
"""A dependency of all routes of the API. FastAPI's own way, a model of all query parameters with `extra="forbid"`,
does not work for routes that share parameters by dependencies, and could be forgotten in a new route."""
