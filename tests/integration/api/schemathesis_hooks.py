"""What Schemathesis lacks: NDJSON; attributes and filters that the model has, ratings of `rated` events alone, and a
version that can challenge, which no schema says.
"""

import os
from typing import Any

import schemathesis
from schemathesis import GenerationMode

USER: dict[str, Any] = {"country": "fr", "age": 36}
ITEM: dict[str, Any] = {"genre": ["comedy"], "year": 1999}
FILTER: dict[str, Any] = {"genre": ["comedy", "horror"]}


@schemathesis.serializer("application/x-ndjson")
def as_lines(_context: schemathesis.SerializationContext, value: Any) -> bytes:  # noqa: ANN401 - whatever was generated
    """What was generated, as it is: a text that has hardly ever JSON on its lines, beside the document's example."""
    return str(value).encode(errors="replace")


@schemathesis.hook
def map_case(context: schemathesis.HookContext, case: schemathesis.Case) -> schemathesis.Case:
    """Put them into what is meant to be valid; what is meant to be wrong stays as it is."""
    if case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE:
        known = {"attributes": ITEM if "/items" in context.operation.path else USER, "filter": FILTER}
        for part in (case.body, *_items(case.body, "items")):
            if isinstance(part, dict):
                part.update({name: value for name, value in known.items() if part.get(name) is not None})
        for event in _items(case.body, "events"):
            if isinstance(event, dict):
                event["rating"] = 4 if event.get("type") == "rated" else None
        if isinstance(case.body, dict) and "percent" in case.body:
            case.body["version"] = os.environ["COLDSTART_TEST_CHALLENGER"]
        if "filter" in (case.query or {}):
            case.query["filter"] = ["genre:comedy"]
    return case


def _items(body: Any, name: str) -> list[Any]:  # noqa: ANN401 - whatever was generated
    items = body.get(name) if isinstance(body, dict) else None
    return items if isinstance(items, list) else []
