"""Similar items: for the page of an item, for a basket, and for an item that is not in the catalogue yet."""

from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import Field, model_validator

from app.api.authorisation import READ
from app.api.dependencies import Excluded, ItemId, ListLength, ServicesDep
from app.api.filters import Filters, FiltersDep, filter_of
from app.api.pagination import Page
from app.api.problems import problem_responses
from app.api.ranking_route import RankingRoute
from app.api.schemas import (
    ITEM_ATTRIBUTES,
    Attributes,
    GivenItemId,
    RequestModel,
    ResponseModel,
    ShownItemId,
    ShownTitle,
    ShownVersion,
)
from app.errors import InvalidRequestError, ItemNotFoundError, NoActiveModelError, OverloadedError
from app.services.similar_items import SimilarList
from models.ranking.similar import SimilarBy, SimilarQuery

router = APIRouter(prefix="/v1", tags=["recommendations"], route_class=RankingRoute)

_BY = (
    "What makes items similar: `taste`, the same people choose them, or `attributes`. Of a new item, the taste is "
    "predicted from its attributes."
)
_DIVERSITY = "How different the items of the list are to be: 0 orders by similarity alone."


class SimilarItemResponse(ResponseModel):
    """An item, how similar it is, and the attribute values that it has in common with a given item."""

    item_id: ShownItemId
    title: ShownTitle
    similarity: Annotated[
        float,
        Field(
            description="By attributes, the mean cosine with the given items. Otherwise compared with the most similar "
            "item of all that may be in the list, which has 1.",
            examples=[0.83],
        ),
    ]
    shared: Annotated[dict[str, list[str]], Field(examples=[{"genre": ["Action", "Sci-Fi"]}])]
    rank: Annotated[int, Field(ge=1, description="1 is the best.", examples=[1])]


class SimilarItemPage(Page[SimilarItemResponse]):
    """Similar items, best first, and the model version that found them."""

    model_version: ShownVersion

    @classmethod
    def of(cls, found: SimilarList) -> Self:
        """The answer with similar items."""
        return cls(
            items=[SimilarItemResponse.model_validate(item) for item in found.items], model_version=found.model_version
        )


class SimilarItemsRequest(RequestModel):
    """Items of the catalogue, the attributes of an item that need not be in it, or both."""

    item_ids: Annotated[list[GivenItemId], Field(default_factory=list, max_length=100, examples=[["50", "181"]])]
    attributes: Annotated[Attributes | None, Field(examples=[ITEM_ATTRIBUTES])] = None
    n: Annotated[int, Field(ge=1, le=500, strict=True, description="Most items to return.")] = 10
    by: Annotated[SimilarBy, Field(description=_BY)] = SimilarBy.BOTH
    exclude: Annotated[
        list[GivenItemId], Field(default_factory=list, max_length=10_000, description="Items to leave out.")
    ]
    filter: Filters = Field(default_factory=dict)
    diversity: Annotated[float, Field(ge=0, le=1, description=_DIVERSITY)] = 0.0

    @model_validator(mode="after")
    def _has_an_item(self) -> Self:
        if not self.item_ids and self.attributes is None:
            raise ValueError("name items in item_ids, or describe one by attributes")
        return self


@router.get(
    "/items/{item_id}/similar",
    dependencies=[READ],
    responses=problem_responses(InvalidRequestError, ItemNotFoundError, NoActiveModelError, OverloadedError),
)
async def list_similar_items(
    item_id: ItemId,
    services: ServicesDep,
    filters: FiltersDep,
    n: ListLength = 10,
    by: Annotated[SimilarBy, Query(description=_BY)] = SimilarBy.BOTH,
    exclude: Excluded = None,
    diversity: Annotated[float, Query(ge=0, le=1, description=_DIVERSITY)] = 0.0,
) -> SimilarItemPage:
    """Items that are like this one, for any user. A new item has some at once."""
    query = SimilarQuery([item_id], n=n, by=by, exclude=exclude or [], where=filters, diversity=diversity)
    return SimilarItemPage.of(await services.similar_items.to_item(query))


@router.post(
    "/items:similar",
    dependencies=[READ],
    responses=problem_responses(InvalidRequestError, NoActiveModelError, OverloadedError),
)
async def find_similar_items(body: SimilarItemsRequest, services: ServicesDep) -> SimilarItemPage:
    """Items that are like several items, such as those of a basket, or like one that only this request describes."""
    query = SimilarQuery(
        body.item_ids,
        described=body.attributes,
        n=body.n,
        by=body.by,
        exclude=body.exclude,
        where=filter_of(body.filter),
        diversity=body.diversity,
    )
    return SimilarItemPage.of(await services.similar_items.to_items(query))
