"""Examples of requests and answers, put together from those of their fields."""

from collections.abc import Mapping
from typing import Any

_MOMENT = "2026-01-31T12:00:00Z"


class MissingExampleError(LookupError):
    """A field needs `examples=`; the message says which."""


def example_of(schema: Mapping[str, Any], components: Mapping[str, Any], where: str) -> Any:  # noqa: ANN401 - any JSON
    """A value that a JSON schema of the OpenAPI document describes.

    A schema's own example comes first, then what it says by itself (a constant, a choice, a default), then its parts'.

    Args:
        schema: What to give an example of.
        components: The document's schemas, by name.
        where: Names the value in errors.

    Raises:
        MissingExampleError: If a text or a number says nothing of what it may look like.
    """
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return example_of(components[name], components, name)
    for own in (schema.get("examples"), schema.get("enum")):
        if own:
            return own[0]
    for key in ("example", "const", "default"):
        if schema.get(key) is not None:
            return schema[key]
    if "anyOf" in schema:
        return _example_of_any(schema, components, where)
    return _example_by_type(schema, components, where)


def _example_of_any(schema: Mapping[str, Any], components: Mapping[str, Any], where: str) -> Any:  # noqa: ANN401
    choices = [choice for choice in schema["anyOf"] if choice.get("type") != "null"]
    try:
        return example_of(choices[0], components, where)
    except MissingExampleError:
        if len(choices) == len(schema["anyOf"]):
            raise
        return None


def _example_by_type(schema: Mapping[str, Any], components: Mapping[str, Any], where: str) -> Any:  # noqa: ANN401
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            return {name: example_of(own, components, f"{where}.{name}") for name, own in properties.items()}
        case "array":
            return [example_of(schema["items"], components, f"{where}[]")]
        case "boolean":
            return False
        case "string" if schema.get("format") == "date-time":
            return _MOMENT
    raise MissingExampleError(f"{where} has no example: give its field one, as Field(examples=[…])")
