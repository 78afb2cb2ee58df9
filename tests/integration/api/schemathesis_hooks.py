"""Hooks for what Schemathesis cannot take from the OpenAPI document.

They serialise NDJSON, and give valid requests attributes, filters, answers, event ratings and model versions that are
accepted.
"""

import os
from typing import Any

import schemathesis
from schemathesis import GenerationMode

USER: dict[str, Any] = {"country": "fr", "age": 36}
ITEM: dict[str, Any] = {"genre": ["comedy"], "year": 1999}
REMOVALS = {("DELETE", "/v1/users/{user_id}"), ("POST", "/v1/users/{user_id}:merge-into")}
FILTER: dict[str, Any] = {"genre": ["comedy", "horror"]}


ANSWERS: dict[str, dict[str, Any]] = {
    "attribute": {"field": "genre", "value": "comedy", "rating": 4},
    "group": {"item_ids": ["i20", "i21"], "rating": 4.5},
    "pair": {"item_ids": ["i20", "i21"], "preferred": "i21"},
}


@schemathesis.serializer("application/x-ndjson")
def as_lines(_context: schemathesis.SerializationContext, value: Any) -> bytes:  # noqa: ANN401 - whatever was generated
    """The generated text as it is. Its lines are hardly ever JSON, except in the document's example."""
    return str(value).encode(errors="replace")


@schemathesis.hook
def map_case(context: schemathesis.HookContext, case: schemathesis.Case) -> schemathesis.Case:
    """Put acceptable values into requests that are meant to be valid; leave the others as they are."""
    if case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE:
        known = {"attributes": ITEM if "/items" in context.operation.path else USER, "filter": FILTER}
        for part in (case.body, *_items(case.body, "items"), *_items(case.body, "users")):
            if isinstance(part, dict):
                part.update({name: value for name, value in known.items() if part.get(name) is not None})
        for event in _items(case.body, "events"):
            if isinstance(event, dict):
                event["rating"] = 4 if event.get("type") == "rated" else None
        for answer in _items(case.body, "answers"):
            if isinstance(answer, dict):
                answer.update(ANSWERS.get(answer.get("kind"), {}))
        del _items(case.body, "answers")[1:]  # so that no question is answered twice
        if isinstance(case.body, dict) and "percent" in case.body:
            case.body["version"] = os.environ["COLDSTART_TEST_CHALLENGER"]
        if isinstance(case.body, dict) and "directory" in case.body:
            case.body["directory"] = os.environ["COLDSTART_TEST_ARTIFACT"]
        if "filter" in (case.query or {}):
            case.query["filter"] = ["genre:comedy"]
    return case


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: schemathesis.Case, _kwargs: dict[str, Any]) -> None:
    """Keep the user `rater`, whom sequences find in the list of users, for the requests that delete what a user did."""
    if (case.method, case.operation.path) in REMOVALS and _is_rater(case.path_parameters):
        case.path_parameters["user_id"] = "u3"


def _is_rater(parameters: dict[str, Any] | None) -> bool:
    return parameters is not None and parameters.get("user_id") == "rater"


def _items(body: Any, name: str) -> list[Any]:  # noqa: ANN401 - whatever was generated
    items = body.get(name) if isinstance(body, dict) else None
    return items if isinstance(items, list) else []
