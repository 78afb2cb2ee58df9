"""The OpenAPI document describes every operation completely."""

import re
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel, Field

from app import errors, job_errors
from app.api.examples import MissingExampleError, example_of
from app.main import create_app
from app.settings import Settings

Operation = dict[str, Any]

DOCUMENT = create_app(Settings()).openapi()
OPERATIONS: dict[str, Operation] = {
    operation["operationId"]: operation for path in DOCUMENT["paths"].values() for operation in path.values()
}

every_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=list(OPERATIONS))


def contents(part: Operation) -> list[tuple[str, dict[str, Any]]]:
    """The JSON media types of a request or answer, by name; only these have examples."""
    return [(name, media) for name, media in part.get("content", {}).items() if name.endswith("json")]


def fits(value: object, schema: dict[str, Any]) -> bool:
    """Whether a value is valid for a schema of the document."""
    return jsonschema_rs.is_valid({**schema, "components": DOCUMENT["components"]}, value)


@every_operation
def test_operation_has_descriptions_one_tag_and_a_readable_id(operation: Operation) -> None:
    assert operation["description"]
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", operation["operationId"])
    assert len(operation["tags"]) == 1
    for parameter in operation.get("parameters", ()):
        assert parameter.get("description"), parameter["name"]
    for status, response in operation["responses"].items():
        assert response["description"] not in {"", "Successful Response"}, status


@every_operation
def test_parameters_have_examples_that_fit_their_schema(operation: Operation) -> None:
    for parameter in operation.get("parameters", ()):
        example = example_of(parameter["schema"], DOCUMENT["components"]["schemas"], parameter["name"])
        assert example is not None, parameter["name"]
        assert fits(example, parameter["schema"]), parameter["name"]


@every_operation
def test_bodies_have_examples_that_fit_their_schema(operation: Operation) -> None:
    parts = {**operation["responses"], "request": operation.get("requestBody", {})}
    for name, part in parts.items():
        for media_type, media in contents(part):
            examples = (
                [media["example"]] if "example" in media else [named["value"] for named in media["examples"].values()]
            )
            assert examples, (name, media_type)
            for example in examples:
                assert fits(example, media["schema"]), (name, example)


@every_operation
def test_error_responses_are_named_problems_of_one_kind_each(operation: Operation) -> None:
    for status, response in operation["responses"].items():
        if int(status) >= 400 and not (operation["operationId"] == "get_readiness" and status == "503"):
            assert list(response["content"]) == ["application/problem+json"]
            schema = response["content"]["application/problem+json"]["schema"]
            problem = {"title": "", "status": int(status), "detail": "", "errors": []}
            for reference in schema.get("oneOf", [schema]):
                named = DOCUMENT["components"]["schemas"][reference["$ref"].rpartition("/")[2]]
                kind = named["properties"]["type"]["const"]
                assert re.fullmatch(r"urn:coldstart:problem:[a-z-]+", kind)
                assert named["title"].endswith("Problem")
                assert fits({**problem, "type": kind}, schema)
                assert not fits({**problem, "type": kind, "status": 418}, schema)
                assert (
                    schema.get("discriminator", {"mapping": {kind: reference["$ref"]}})["mapping"][kind]
                    == (reference["$ref"])
                )
            assert not fits({**problem, "type": "urn:coldstart:problem:other"}, schema)


def test_every_error_of_the_service_has_one_schema() -> None:
    schemas = DOCUMENT["components"]["schemas"].values()
    kinds = [kind for schema in schemas if (kind := schema.get("properties", {}).get("type", {}).get("const"))]
    named = {**vars(errors), **vars(job_errors)}
    codes = [error.code for error in named.values() if isinstance(error, type) and hasattr(error, "code")]

    assert sorted(kinds) == sorted(f"urn:coldstart:problem:{code}" for code in codes)


def test_document_is_valid() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_schemas_have_their_names_as_titles() -> None:
    assert {name: schema["title"] for name, schema in DOCUMENT["components"]["schemas"].items()} == {
        name: name for name in DOCUMENT["components"]["schemas"]
    }


@every_operation
def test_operation_declares_the_errors_of_its_kind(operation: Operation) -> None:
    expected = set()
    if operation.get("security"):
        expected |= {"401", "403", "429", "503"}
    if operation.get("parameters"):
        expected |= {"422"}
    if "requestBody" in operation:
        expected |= {"413", "415", "422"}
    assert expected <= set(operation["responses"])


def test_tags_of_the_document_are_described_and_used() -> None:
    assert {tag["name"] for tag in DOCUMENT["tags"] if tag["description"]} == {
        tag for operation in OPERATIONS.values() for tag in operation["tags"]
    }


def test_security_scheme_of_the_document_describes_the_key() -> None:
    (scheme,) = DOCUMENT["components"]["securitySchemes"].values()
    assert scheme["type"] == "apiKey"
    assert scheme["name"] == "X-API-Key"
    assert scheme["description"]


class Inner(BaseModel):
    texts: list[str]


class Outer(BaseModel):
    inner: Inner
    chosen: str | None = None


def test_example_of_a_field_without_one_raises_with_its_name() -> None:
    schema = Outer.model_json_schema()

    with pytest.raises(MissingExampleError, match=r"^Inner\.texts\[\] has no example"):
        example_of(schema, schema["$defs"], "Outer")


def test_example_of_an_object_combines_the_examples_of_its_fields() -> None:
    class Whole(BaseModel):
        number: int = Field(examples=[3])
        flags: dict[str, bool] = Field(default={"on": True})
        absent: str | None = None

    assert example_of(Whole.model_json_schema(), {}, "Whole") == {"number": 3, "flags": {"on": True}, "absent": None}
