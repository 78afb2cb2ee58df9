"""The OpenAPI document: FastAPI's, completed with examples, problems and short names."""

import re
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from app.api.examples import example_of
from app.api.problems import declared_problem, problem_schemas
from app.errors import BodyTooLargeError, UnsupportedMediaTypeError

DESCRIPTION = """\
Recommendations for new users and new items, from few or no ratings and interactions.

- **Ids** are strings of 1 to 128 characters without control characters. In paths they are percent-encoded: `a%2Fb`.
- **Moments** are RFC 3339 with a time zone; answers are in UTC.
- **Lists** come in pages: an answer's `next_cursor` is the next request's `cursor`, and null on the last page.
- **Errors** are problem details (RFC 9457, `application/problem+json`). `type` names the kind and never changes; each
  answer declares its kinds. A request that is not valid changes nothing, and `errors` names its wrong fields.
- **Query parameters** that an operation does not have are refused, like unknown fields of a body.
- **HEAD** is answered wherever GET is, with the same headers and without a body.
- **503 and 429 with `Retry-After`**: nothing was done. Send the same request again after that number of seconds.
- **Every answer** has an `X-Request-ID`: the request's, or else a new one. The service's log has it, too.
"""

TAGS = [
    {"name": "users", "description": "Users and their attributes. A first rating or interaction creates a user, too."},
    {"name": "ratings", "description": "Users' ratings. Posting ratings answers with recommendations."},
    {
        "name": "interactions",
        "description": "What users did with items without rating them, such as purchases. Posting interactions answers "
        "with recommendations.",
    },
    {
        "name": "questions",
        "description": "Questions that new users can answer, about items, groups of items, attributes and pairs; the "
        "answers, and what they say of a user's tastes. Posting answers answers with recommendations.",
    },
    {"name": "recommendations", "description": "Ranked lists, for stored users and for visitors."},
    {"name": "scenarios", "description": "Places where lists are shown, with settings, and the clicks on their lists."},
    {
        "name": "candidates",
        "description": "Which items to ask a new user about, and skips of items that could not be rated.",
    },
    {"name": "items", "description": "The catalogue: what can be recommended."},
    {"name": "schema", "description": "The rating scale, and the attributes of users and items."},
    {"name": "evaluations", "description": "Offline evaluations, which workers run as jobs."},
    {"name": "trainings", "description": "Trainings on the ratings in the database, which workers run as jobs."},
    {
        "name": "model versions",
        "description": "Registered models, which of them serve which users, and reports on their recommendations.",
    },
    {"name": "overview", "description": "For operators: how much is stored, what serves, and what is wrong."},
    {"name": "health", "description": "For load balancers and orchestrators. Needs no key."},
]

_JSON = "application/json"
_SCHEMAS = "#/components/schemas/"
_UNDESCRIBED = "Successful Response"


class DocumentedAPI(FastAPI):
    """FastAPI whose document has an example of every request and answer, and all problems."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document.

        Raises:
            MissingExampleError: If a field of a request or an answer has no example.
        """
        if self.openapi_schema is None:
            document = super().openapi()
            self.openapi_schema = None  # until it is completed
            schemas = document["components"]["schemas"]
            schemas.update(problem_schemas())
            for path in document["paths"].values():
                for operation in path.values():
                    _complete(operation, schemas)
            self.openapi_schema = _with_short_names(document)
        return self.openapi_schema


def _with_short_names(document: dict[str, Any]) -> dict[str, Any]:
    """The document with short names of schemas, `User` and `UserPage`, for the classes of generated clients.

    FastAPI uses the names of the Python classes, `UserResponse` and `Page_UserResponse_`.
    """
    schemas: dict[str, Any] = document["components"]["schemas"]
    names = {name: short if (short := _short(name)) not in schemas else name for name in schemas}
    document["components"]["schemas"] = {
        names[name]: schema | {"title": names[name]} for name, schema in schemas.items()
    }

    def renamed(value: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, dict):
            return {key: renamed(own) for key, own in value.items()}
        if isinstance(value, str) and value.startswith(_SCHEMAS):  # a reference, or the choice of a discriminator
            return f"{_SCHEMAS}{names[value.removeprefix(_SCHEMAS)]}"
        return [renamed(own) for own in value] if isinstance(value, list) else value

    complete: dict[str, Any] = renamed(document)
    return complete


def _short(name: str) -> str:
    return re.sub(r"^Page_(\w+)_$", r"\1Page", name).replace("Response", "")


def _complete(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    responses = operation["responses"]
    if "requestBody" in operation:
        _give_example(operation["requestBody"]["content"], schemas, f"the request of {operation['operationId']}")
        for error in (BodyTooLargeError, UnsupportedMediaTypeError):
            responses[str(int(error.status))] = declared_problem(error)
    for status, response in responses.items():
        _give_example(response.get("content", {}), schemas, f"the answer {status} of {operation['operationId']}")
        if response["description"] == _UNDESCRIBED:
            response["description"] = _description(int(status), response, schemas)
    operation["responses"] = dict(sorted(responses.items()))


def _give_example(content: dict[str, Any], schemas: dict[str, Any], where: str) -> None:
    media = content.get(_JSON)
    if media is not None and not media.keys() & {"example", "examples"}:
        media["example"] = example_of(media["schema"], schemas, where)


def _description(status: int, response: dict[str, Any], schemas: dict[str, Any]) -> str:
    """The description of the answer's schema."""
    reference: str = response.get("content", {}).get(_JSON, {}).get("schema", {}).get("$ref", "")
    described: str = schemas.get(reference.rpartition("/")[2], {}).get("description", "")
    return described.partition("\n\n")[0] or ("Done." if status == HTTPStatus.NO_CONTENT else HTTPStatus(status).phrase)
