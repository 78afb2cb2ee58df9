"""Builds examples of requests and answers from the examples of their fields."""

from collections.abc import Mapping, Sequence
from typing import Any

_MOMENT = "2026-01-31T12:00:00Z"


class MissingExampleError(LookupError):
    """A field needs `examples=`. The message names it."""


def example_of(schema: Mapping[str, Any], components: Mapping[str, Any], where: str) -> Any:  # noqa: ANN401 - any JSON
    """An example value for a JSON schema of the OpenAPI document.

    It is the schema's own example, or else its constant, first choice or default, or else built from its parts.

    Args:
        schema: The JSON schema.
        components: The document's schemas, by name.
        where: Names the value in errors.

    Raises:
        MissingExampleError: If a string or a number has no example.
    """
    for own in (schema.get("examples"), schema.get("enum")):
        if own:
            return own[0]
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return example_of(components[name], components, name)
    for key in ("example", "const", "default"):
        if schema.get(key) is not None:
            return schema[key]
    if choices := schema.get("oneOf", schema.get("anyOf")):
        return _example_of_any(choices, components, where)
    return _example_by_type(schema, components, where)


def _example_of_any(all_choices: Sequence[Mapping[str, Any]], components: Mapping[str, Any], where: str) -> Any:  # noqa: ANN401
    choices = [choice for choice in all_choices if choice.get("type") != "null"]
    try:
        return example_of(choices[0], components, where)
    except MissingExampleError:
        if len(choices) == len(all_choices):
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
