"""What callers see of the methods, and which arguments are refused before anything is sent."""

import inspect
import pydoc
import types
import typing
from typing import Any

import coldstart_client
import httpx
import numpy as np
import pytest
from coldstart_client import AsyncClient, Client, GivenRating, InvalidArgumentError, RecommendationPage
from coldstart_client.calls import Calls
from coldstart_client.methods import call, listing

METHODS = {name: method for name, method in inspect.getmembers_static(Calls) if isinstance(method, call | listing)}


def unsent(_request: httpx.Request) -> httpx.Response:
    raise AssertionError("was sent")


@pytest.fixture
def client() -> Client:
    """A client that sends nothing."""
    return Client("http://localhost", transport=httpx.MockTransport(unsent))


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("name", METHODS)
def test_signature_has_the_types_of_the_definition_and_the_answer(kind: type, name: str) -> None:
    shown = inspect.signature(getattr(kind, name))
    defined = inspect.signature(METHODS[name].define)
    (answer,) = typing.get_args(defined.return_annotation)

    assert list(shown.parameters.values()) == list(defined.parameters.values())
    if isinstance(METHODS[name], listing):
        listed = "AsyncListing" if kind is AsyncClient else "Listing"
        assert str(shown.return_annotation).startswith(f"coldstart_client.listing.{listed}[coldstart_client.")
    else:
        assert shown.return_annotation == (None if answer is type(None) else answer)
        assert inspect.iscoroutinefunction(getattr(kind, name)) == (kind is AsyncClient)


def test_signature_of_a_bound_method_has_no_self(client: Client) -> None:
    signature = inspect.signature(client.recommend)

    assert next(iter(signature.parameters)) == "attributes"
    assert signature.return_annotation is RecommendationPage
    assert client.recommend.__name__ == "recommend"


@pytest.mark.parametrize(("kind", "start"), [(Client, "recommend(self"), (AsyncClient, "async recommend(self")])
def test_help_shows_every_method_with_types_and_description(kind: type, start: str) -> None:
    text = pydoc.plain(pydoc.render_doc(kind))

    assert start in text
    assert all(f" {name}(self" in text for name in METHODS)
    assert "Recommendations from these arguments alone. Nothing is stored." in text
    assert ") -> coldstart_client.models.recommendations.RecommendationPage" in text
    assert "COLDSTART_API_KEY" in text


def own_classes(hint: Any) -> set[type]:  # noqa: ANN401 - any annotation
    """The classes of this package that an annotation names, and those that their fields name."""
    if isinstance(hint, types.GenericAlias | types.UnionType) or typing.get_origin(hint) is not None:
        return {found for part in typing.get_args(hint) for found in own_classes(part)}
    if not isinstance(hint, type) or not hint.__module__.startswith("coldstart_client"):
        return set()
    generic = getattr(hint, "__pydantic_generic_metadata__", {})
    parts = [*typing.get_type_hints(hint).values(), *generic.get("args", ())]
    own = {generic.get("origin") or hint}
    return own.union(*(own_classes(part) for part in parts if part is not hint))


def test_types_of_all_arguments_and_answers_are_exported() -> None:
    hints = [hint for method in METHODS.values() for hint in typing.get_type_hints(method.define).values()]
    needed = {found.__name__ for hint in hints for found in own_classes(hint)} - {"Call"}

    assert len(needed) > 40
    assert needed <= set(coldstart_client.__all__)
    assert all(hasattr(coldstart_client, name) for name in coldstart_client.__all__)


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("get_user", {"user_id": ""}, "user_id must not be empty"),
        ("delete_rating", {"user_id": "ada", "item_id": ""}, "item_id must not be empty"),
        ("activate_model_version", {"version": ""}, "version must not be empty"),
        ("get_user", {"user_id": 5}, "user_id must be a valid string: 5"),
        ("get_item", {"item_id": None}, "item_id must be a valid string: None"),
        ("recommend", {"filter": "genre:Comedy"}, "filter must be a mapping: 'genre:Comedy'"),
        (
            "recommend",
            {"filter": {"genre": "Comedy"}},
            "filter.genre must be a list of values or a mapping of conditions: 'Comedy'",
        ),
        (
            "list_candidates",
            {"filter": {"year": {"form": 1999}}},
            "filter.year.form.[key] must be 'any', 'all', 'not', 'from' or 'to': 'form'",
        ),
        (
            "get_recommendations",
            {"user_id": "ada", "exclude": "i1"},
            "exclude must be a list, not a single string: 'i1'",
        ),
        ("add_skips", {"user_id": "ada", "item_ids": "i1"}, "item_ids must be a list, not a single string: 'i1'"),
        ("add_ratings", {"user_id": "ada", "ratings": [("i1", 5)]}, "ratings.0 must be a dictionary or an instance of"),
        ("recommend", {"n": "many"}, "n must be a valid integer"),
        ("recommend", {"attributes": ["fr"]}, "attributes must be a mapping"),
        ("start_evaluation", {"order": "size"}, "order must be 'random' or 'time': 'size'"),
        ("put_item", {"item_id": "i1", "attributes": {"x": object()}}, "object cannot be sent"),
    ],
)
def test_wrong_argument_is_named_before_anything_is_sent(
    client: Client, name: str, arguments: dict[str, object], said: str
) -> None:
    with pytest.raises(InvalidArgumentError) as raised:
        getattr(client, name)(**arguments)

    assert said in str(raised.value)


async def test_wrong_argument_of_the_async_client_is_named() -> None:
    async with AsyncClient("http://localhost", transport=httpx.MockTransport(unsent)) as client:
        with pytest.raises(InvalidArgumentError, match="user_id must not be empty"):
            await client.get_user("")
        with pytest.raises(InvalidArgumentError, match="user_id must not be empty"):
            client.list_ratings("")


def test_argument_without_a_parameter_raises_type_error(client: Client) -> None:
    with pytest.raises(TypeError, match=r"recommend\(\) got an unexpected keyword argument 'number'"):
        client.recommend(number=5)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"get_user\(\) missing a required argument: 'user_id'"):
        client.get_user()  # type: ignore[call-arg]


def test_numbers_of_numpy_are_sent_as_numbers() -> None:
    sent = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append((request.url.query, request.content))
        return httpx.Response(404)

    with Client("http://localhost", transport=httpx.MockTransport(answer)) as client:
        rating: Any = np.int64(5)
        with pytest.raises(coldstart_client.NotFoundError):
            client.add_ratings("ada", [GivenRating("i1", rating)], attributes={"age": np.float32(36)}, n=np.int64(3))  # type: ignore[arg-type, dict-item]

    ((query, body),) = sent
    assert query == b"n=3"
    assert body == b'{"ratings":[{"item_id":"i1","rating":5,"rated_at":null}],"attributes":{"age":36.0}}'
