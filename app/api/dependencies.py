"""Dependencies of routes, and query parameters that several routes share.

All dependencies are `async`, although none of them waits: FastAPI would run a plain function in a thread, which takes
longer than all of these together.
"""

from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Path, Query, Request

from app.api.filters import FiltersDep
from app.api.path_ids import PathId
from app.api.schemas import (
    SCENARIO,
    STRANGERS,
    GivenFieldName,
    GivenItemId,
    GivenStrangersList,
    ScenarioName,
)
from app.lists.feedback import ListOptions
from app.lists.former_items import FormerItems
from app.services.container import Services
from models.ranking.query import RankBy


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(_services)]
UserId = Annotated[PathId, Path(description="The user's id, percent-encoded.", examples=["ada"])]
ItemId = Annotated[PathId, Path(description="The item's id, percent-encoded.", examples=["50"])]
ListLength = Annotated[int, Query(ge=1, le=500, description="Most items to return.")]
Excluded = Annotated[
    list[GivenItemId] | None, Query(max_length=500, description="An item to leave out. May be repeated.")
]
IncludeRated = Annotated[
    bool, Query(description="Whether items that the user has rated or interacted with may be in the list.")
]
Explain = Annotated[bool, Query(description="Whether to name, for each item, what the user did that moved it up.")]
RankByOption = Annotated[
    RankBy,
    Query(
        description="What orders the list: `choice`, what the user would choose and like, or `rating`, the predicted "
        "ratings."
    ),
]
Diversity = Annotated[
    float | None,
    Query(
        ge=0,
        le=1,
        description="How different the items of the list are to be: 0 orders by the scores alone. By default, the list "
        "for strangers is somewhat diverse, and others are not.",
        examples=[0.3],
    ),
]
Explore = Annotated[
    float,
    Query(
        ge=0,
        le=1,
        description="How much the list explores items of which little is known, such as new ones: 0 for not at all, 1 "
        "for a list by one draw from what the model believes of each item (Thompson sampling). For lists with "
        "`rank_by=choice`.",
        examples=[0.5],
    ),
]
Seed = Annotated[
    int | None,
    Query(
        ge=0,
        lt=2**32,
        description="Seed of the exploration: the same seed gives the same list as long as nothing else changes. "
        "Without it, every list that explores is another one.",
        examples=[7],
    ),
]
Shown = Annotated[
    list[GivenItemId] | None,
    Query(
        max_length=500,
        description="An item that the user has just been shown, and that falls in this list, as after an event of type "
        "`shown`. May be repeated.",
    ),
]
ShownFields = Annotated[
    list[GivenFieldName] | None,
    Query(
        max_length=100,
        description="An attribute of the items that the answer is to show. May be repeated.",
        examples=[["genre"]],
    ),
]
ListCursor = Annotated[
    str | None,
    Query(
        max_length=3000,
        description="`next_cursor` of the former page. No page repeats an item of a former one, even if the user's "
        "ratings change meanwhile.",
        examples=["OIJaQVvoDrvBcrM6"],
    ),
]


async def _explained_list_options(
    request: Request,
    filters: FiltersDep,
    *,
    n: ListLength = 10,
    exclude: Excluded = None,
    include_rated: IncludeRated = False,
    rank_by: RankByOption = RankBy.CHOICE,
    diversity: Diversity = None,
    explore: Explore = 0.0,
    seed: Seed = None,
    shown: Shown = None,
    cursor: ListCursor = None,
    scenario: Annotated[ScenarioName | None, Query(description=SCENARIO, examples=["home"])] = None,
    strangers: Annotated[GivenStrangersList | None, Query(description=STRANGERS, examples=["trending"])] = None,
) -> ListOptions:
    return ListOptions(
        n=n,
        exclude=exclude or [],
        filters=filters,
        include_rated=include_rated,
        explain=True,
        rank_by=rank_by,
        diversity=diversity,
        explore=explore,
        seed=seed,
        shown=shown or [],
        former=FormerItems.of_cursor(cursor),
        scenario=scenario,
        given=request.query_params.keys(),
        strangers=strangers,
    )


ExplainedListOptionsDep = Annotated[ListOptions, Depends(_explained_list_options)]


async def _list_options(
    options: ExplainedListOptionsDep, explain: Explain = False, fields: ShownFields = None
) -> ListOptions:
    return replace(options, explain=explain, fields=fields or [])


ListOptionsDep = Annotated[ListOptions, Depends(_list_options)]
