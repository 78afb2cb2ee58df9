"""Items: the catalogue."""

from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import Field

from app.api.authorisation import ADMIN, READ
from app.api.dependencies import ItemId, ServicesDep
from app.api.ndjson import ndjson_body
from app.api.pagination import Page, PageDep
from app.api.problems import problem_responses
from app.api.record_streams import ItemStreamResponse
from app.api.schemas import (
    ITEM_ATTRIBUTES,
    BatchItemRequest,
    GivenItemId,
    ItemContent,
    ItemRequest,
    Line,
    RequestModel,
    ResponseModel,
    ShownItemId,
    ShownTitle,
)
from app.errors import InvalidRequestError, ItemNotFoundError, NoActiveModelError
from app.services.items import ItemChange
from app.storage.items import ItemRecord
from app.storage.tables import Item
from models.fields import AttributeValue

router = APIRouter(prefix="/v1", tags=["items"])


class BatchRequest(RequestModel):
    """Items to create or replace."""

    items: Annotated[list[BatchItemRequest], Field(min_length=1, max_length=1000)]


class ItemPatchRequest(ItemContent):
    """The parts of an item that change. Null removes the title or an attribute."""

    available: Annotated[
        bool | None, Field(strict=True, description="Whether the item may be in lists. Null leaves it as it is.")
    ] = None


class ItemResponse(ResponseModel):
    """An item."""

    item_id: ShownItemId
    title: ShownTitle
    attributes: dict[str, AttributeValue] = Field(
        description="Those whose values are known.", examples=[ITEM_ATTRIBUTES]
    )
    available: bool = Field(description="Whether the item may be in lists.", examples=[True])

    @classmethod
    def of(cls, item: Item | ItemRecord) -> Self:
        """The answer about an item."""
        return cls(item_id=item.id, title=item.title, attributes=item.attributes, available=item.available)


@router.put(
    "/items/{item_id}", dependencies=[ADMIN], responses=problem_responses(InvalidRequestError, NoActiveModelError)
)
async def put_item(item_id: ItemId, body: ItemRequest, services: ServicesDep) -> ItemResponse:
    """Create or replace an item. It can be recommended at once, unless it is not available."""
    return ItemResponse.of(await services.items.put(ItemRecord(item_id, body.title, body.attributes, body.available)))


@router.patch(
    "/items/{item_id}",
    dependencies=[ADMIN],
    responses=problem_responses(InvalidRequestError, ItemNotFoundError, NoActiveModelError),
)
async def patch_item(item_id: ItemId, body: ItemPatchRequest, services: ServicesDep) -> ItemResponse:
    """Change a part of an item: only what is sent. Null removes the title or an attribute; the others stay."""
    change = ItemChange(body.attributes, "title" in body.model_fields_set, body.title, body.available)
    return ItemResponse.of(await services.items.patch(item_id, change))


@router.post(
    "/items:batch",
    dependencies=[ADMIN],
    response_model=Page[ItemResponse] | ItemStreamResponse,
    responses=problem_responses(InvalidRequestError, NoActiveModelError),
    openapi_extra=ndjson_body(
        "One JSON object a line, of the schema `BatchItemRequest`. Any number of lines.",
        example='{"item_id": "318", "title": "The Shawshank Redemption"}\n{"item_id": "50", "title": "Star Wars"}\n',
    ),
)
async def put_items(body: BatchRequest, services: ServicesDep) -> Page[ItemResponse]:
    """Create or replace items: up to 1,000 as JSON, all or none of them, or any number as NDJSON, one a line.

    NDJSON is stored in chunks while it arrives. Valid lines are stored, wrong lines are reported, and unchanged items
    are not written. After an interruption, send the same lines again.
    """
    items = [item.record() for item in body.items]
    return Page(items=[ItemResponse.of(item) for item in await services.items.put_all(items)])


@router.get(
    "/items/{item_id}", dependencies=[READ], responses=problem_responses(InvalidRequestError, ItemNotFoundError)
)
async def get_item(item_id: ItemId, services: ServicesDep) -> ItemResponse:
    """An item."""
    return ItemResponse.of(await services.items.get(item_id))


@router.delete(
    "/items/{item_id}",
    dependencies=[ADMIN],
    status_code=HTTPStatus.NO_CONTENT,
    responses=problem_responses(InvalidRequestError, ItemNotFoundError),
)
async def delete_item(item_id: ItemId, services: ServicesDep) -> None:
    """Delete an item from the catalogue. Its ratings are kept, but no longer used."""
    await services.items.delete(item_id)


@router.get("/items", dependencies=[READ], responses=problem_responses(InvalidRequestError))
async def list_items(
    services: ServicesDep,
    page: PageDep,
    query: Annotated[
        Line | None,
        Query(
            description="Only items whose title contains all words of this text, in any order. Case and accents do "
            "not count. Popular items come first.",
            examples=["star"],
        ),
    ] = None,
    item_id: Annotated[
        list[GivenItemId] | None, Query(max_length=500, description="Only this item. May be repeated.")
    ] = None,
    available: Annotated[
        bool | None, Query(description="Only items that may be in lists, or with `false` only those that may not.")
    ] = None,
) -> Page[ItemResponse]:
    """The items of the catalogue, ordered by id; with a query, the popular ones first."""
    items = await services.items.page(query=query, ids=item_id, available=available, after=page.after, limit=page.limit)
    return page.page(items, ItemResponse.of, key=lambda item: item.id)
