"""The client has every operation of the API, with all its arguments, and reads every field of the answers."""

import inspect
import re
from dataclasses import fields
from typing import Any, get_args, get_type_hints

import pytest
from coldstart_client.call import Call, path_of
from coldstart_client.calls import Calls
from coldstart_client.given import AttributeAnswer, GivenRating, GroupAnswer, NewEvent, NewItem, NewUser, PairAnswer
from coldstart_client.methods import call, listing
from coldstart_client.models.answer import Page
from coldstart_client.models.items import Item, ItemStream
from coldstart_client.models.users import User, UserStream
from pydantic import TypeAdapter

from app.api.filters import parsed
from app.main import create_app
from app.settings import Settings
from models.ranking.filters import FieldFilter

DOCUMENT = create_app(Settings()).openapi()
OPERATIONS = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
CALLS = {name: method for name, method in inspect.getmembers_static(Calls) if isinstance(method, call | listing)}

every_operation = pytest.mark.parametrize("name", OPERATIONS)


def test_calls_have_a_method_for_every_operation() -> None:
    assert set(CALLS) == set(OPERATIONS) | {"put_item_stream", "put_user_stream"}  # part of `put_items` and `put_users`


@every_operation
def test_call_takes_all_arguments_of_its_operation(name: str) -> None:
    _, _, operation = OPERATIONS[name]
    documented = {parameter["name"] for parameter in operation.get("parameters", ())} | body_fields(operation)

    assert set(inspect.signature(CALLS[name].define).parameters) - {"self"} == documented


@every_operation
def test_call_sends_the_method_and_path_of_its_operation(name: str) -> None:
    method, path, operation = OPERATIONS[name]
    ids = {parameter["name"]: "x" for parameter in operation.get("parameters", ()) if parameter["in"] == "path"}
    made = defined_call(name, **ids)

    assert made.method == method
    assert made.path == path.format(**ids)
    queried = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"}
    assert set(made.query) == queried
    assert set(made.body or ()) == body_fields(operation)


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - {"put_items", "put_users"}))
def test_call_reads_all_fields_of_its_answer(name: str) -> None:
    _, _, operation = OPERATIONS[name]
    (answer,) = get_args(get_type_hints(CALLS[name].define)["return"])
    assert answer == defined_call(name).answer
    (content,) = (
        response.get("content", {}) for status, response in operation["responses"].items() if status.startswith("2")
    )

    if "application/json" in content:
        assert answered(answer) == shape(content["application/json"]["schema"], DOCUMENT)
    else:
        assert answer is (str if "text/html" in content else bytes if content else type(None))


@pytest.mark.parametrize(
    ("name", "stream", "page", "report"),
    [
        ("put_items", "put_item_stream", Page[Item], ItemStream),
        ("put_users", "put_user_stream", Page[User], UserStream),
    ],
)
def test_calls_with_two_bodies_read_all_fields_of_both_answers(
    name: str, stream: str, page: type, report: type
) -> None:
    _, _, operation = OPERATIONS[name]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]

    assert sorted([answered(page), answered(report)], key=repr) == shape(schema, DOCUMENT)
    assert defined_call(name).path == defined_call(stream).path


@pytest.mark.parametrize(
    ("given", "schema"),
    [
        (GivenRating, "RatingRequest"),
        (AttributeAnswer, "AttributeAnswerRequest"),
        (GroupAnswer, "GroupAnswerRequest"),
        (PairAnswer, "PairAnswerRequest"),
        (NewItem, "BatchItemRequest"),
        (NewUser, "BatchUserRequest"),
        (NewEvent, "EventRequest"),
    ],
)
def test_argument_types_have_all_fields_of_their_schema(given: type, schema: str) -> None:
    assert {field.name for field in fields(given)} == set(DOCUMENT["components"]["schemas"][schema]["properties"])


def test_path_of_quotes_ids() -> None:
    assert path_of("/v1/users/{}/ratings/{}", "a/b?c#d", "..") == "/v1/users/a%2Fb%3Fc%23d/ratings/%2E%2E"


def defined_call(name: str, /, **given: object) -> Call[Any]:
    define = CALLS[name].define
    parameters = list(inspect.signature(define).parameters.values())[1:]
    needed = {parameter.name: "x" for parameter in parameters if parameter.default is inspect.Parameter.empty}
    made: Call[Any] = define(None, **needed | given)
    return made


def answered(answer: type) -> object:
    schema = TypeAdapter(answer).json_schema()
    return shape(schema, schema)


def body_fields(operation: dict[str, Any]) -> set[str]:
    content = operation.get("requestBody", {}).get("content", {})
    return set(members(resolved(content["application/json"]["schema"], DOCUMENT))) if content else set()


def members(schema: dict[str, Any]) -> dict[str, Any]:
    choices = [resolved(choice, DOCUMENT) for choice in schema.get("anyOf", ())]
    return (
        schema["properties"] if "properties" in schema else next(c["properties"] for c in choices if "properties" in c)
    )


def shape(schema: dict[str, Any], document: dict[str, Any]) -> object:
    """The types and members of a JSON schema, without titles and references, so that two schemas can be compared."""
    schema = resolved(schema, document)
    if "anyOf" in schema:
        return sorted((shape(choice, document) for choice in schema["anyOf"]), key=repr)
    if "properties" in schema:
        return {name: shape(member, document) for name, member in schema["properties"].items()}
    if isinstance(values := schema.get("additionalProperties"), dict):
        return {"*": shape(values, document)}
    if "items" in schema:
        return [shape(schema["items"], document)]
    return schema.get("type"), schema.get("format")


def resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    while reference := schema.get("$ref"):
        found: Any = document
        for part in re.sub("^#/", "", reference).split("/"):
            found = found[part]
        schema = found
    return schema


def test_filter_of_a_query_is_written_as_the_service_reads_it() -> None:
    where = {"genre": ["a:b", "c"], "x.not": {"any": ["d"]}, "year": {"from": 1990, "to": "1999", "not": [1995]}}
    texts = defined_call("get_list", filter=where).query["filter"]

    assert texts == ["genre:a:b", "genre:c", "x.not.any:d", "year.from:1990", "year.to:1999", "year.not:1995"]
    assert parsed(texts) == {
        "genre": FieldFilter(("a:b", "c")),
        "x.not": FieldFilter(("d",)),
        "year": FieldFilter(none_of=("1995",), lowest=1990.0, highest=1999.0),
    }
