"""Lists of items that are the same for everybody."""

from typing import Annotated, Self
from urllib.parse import unquote

from fastapi import APIRouter, Path, Query
from pydantic import BeforeValidator, Field

from app.api.authorisation import READ
from app.api.dependencies import ListLength, ServicesDep
from app.api.filters import FiltersDep
from app.api.pagination import Page
from app.api.problems import problem_responses
from app.api.schemas import ResponseModel, ShownItemId, ShownTitle
from app.errors import InvalidRequestError, NoActiveModelError
from app.services.item_lists import ItemList
from app.strangers_list import ListName

router = APIRouter(prefix="/v1/lists", tags=["recommendations"])


class ListedItemResponse(ResponseModel):
    """An item of a list that is the same for everybody."""

    item_id: ShownItemId
    title: ShownTitle
    rank: Annotated[int, Field(ge=1, description="1 is the first.", examples=[1])]
    choices: Annotated[
        int | None,
        Field(
            description="How many users chose the item in the window; in `popular` without a window, its ratings (or, "
            "of a model without ratings, choices) in training and since. Null in `latest`.",
            examples=[240],
        ),
    ]
    trend: Annotated[
        float | None,
        Field(
            description="In `trending`, how many times as often as before the item was chosen, by a cautious estimate. "
            "Null in other lists.",
            examples=[3.1],
        ),
    ]


class ItemListPage(Page[ListedItemResponse]):
    """A list, first item first, and the days of its window."""

    days: Annotated[int | None, Field(description="Null without a window.", examples=[7])]

    @classmethod
    def of(cls, made: ItemList) -> Self:
        """The answer with a list."""
        return cls(
            items=[
                ListedItemResponse(
                    item_id=item.item_id, title=item.title, rank=place, choices=item.choices, trend=item.trend
                )
                for place, item in enumerate(made.items, start=1)
            ],
            days=made.days,
        )


@router.get(
    "/{name}",
    dependencies=[READ],
    responses=problem_responses(InvalidRequestError, NoActiveModelError),
)
async def get_list(
    name: Annotated[ListName, BeforeValidator(unquote), Path(description="Which list.", examples=[ListName.TRENDING])],
    filters: FiltersDep,
    services: ServicesDep,
    n: ListLength = 10,
    days: Annotated[
        int | None,
        Query(
            ge=1,
            le=365,
            description="The window: so many days until now. Without it, `popular` counts all that was ever chosen, "
            "`trending` the last 7 days, and `latest` takes all items.",
            examples=[7],
        ),
    ] = None,
) -> ItemListPage:
    """A list of items that is the same for everybody: `popular`, `trending` or `latest`.

    A user chooses an item by a rating or by an interaction of a kind with a positive weight, and counts once for it.
    `popular` has the items that most users chose. `trending` has the items that were chosen more often in the window
    than in the period of the same length before; a few choices make no trend, so the list may be short. `latest` has
    the newest items by the attribute that the schema names as `date`, or else by the time at which they were added;
    with a window, only items that were added in it.
    """
    return ItemListPage.of(await services.item_lists.get(name, n=n, filters=filters, days=days))
