"""What routes depend on, and the query parameters that several of them share.

All of it is `async`, though nothing waits: FastAPI would hand a plain function to a thread, which takes longer than all
of these together.
"""

from typing import Annotated

from fastapi import Depends, Path, Query, Request

from app.api.schemas import EntityId, GivenItemId
from app.errors import FieldError, InvalidRequestError
from app.services.container import Services
from app.services.recommendations import ListOptions


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


async def _filters(
    filter_: Annotated[
        list[str] | None,
        Query(
            alias="filter",
            max_length=100,
            description="`field:value`. Repeat it for several values of a field, any of which will do, or for "
            "several fields, all of which must match.",
            examples=[["genre:Comedy"]],
        ),
    ] = None,
) -> dict[str, list[str]]:
    filters: dict[str, list[str]] = {}
    for index, text in enumerate(filter_ or ()):
        field, colon, value = text.partition(":")
        if not colon:
            raise InvalidRequestError([FieldError(f"filter.{index}", "must have the form field:value")])
        filters.setdefault(field, []).append(value)
    return filters


ServicesDep = Annotated[Services, Depends(_services)]
UserId = Annotated[EntityId, Path(description="The user's id.", examples=["ada"])]
ItemId = Annotated[EntityId, Path(description="The item's id.", examples=["50"])]
ListLength = Annotated[int, Query(ge=1, le=500, description="Most items to return.")]
Excluded = Annotated[
    list[GivenItemId] | None, Query(max_length=500, description="An item to leave out; may be repeated.")
]
IncludeRated = Annotated[bool, Query(description="Whether items that the user has rated may be in the list.")]
Explain = Annotated[
    bool, Query(description="Whether to say of each item which of the user's ratings moved it up most.")
]
FiltersDep = Annotated[dict[str, list[str]], Depends(_filters)]


async def _list_options(
    filters: FiltersDep,
    n: ListLength = 10,
    exclude: Excluded = None,
    include_rated: IncludeRated = False,
    explain: Explain = False,
) -> ListOptions:
    return ListOptions(n=n, exclude=exclude or [], filters=filters, include_rated=include_rated, explain=explain)


ListOptionsDep = Annotated[ListOptions, Depends(_list_options)]
