"""Recommendations."""

from typing import Annotated, Self

from fastapi import APIRouter, Response
from pydantic import Field, model_validator

from app.api.authorisation import READ
from app.api.dependencies import ListOptionsDep, ServicesDep, UserId
from app.api.filters import Filters, filter_of
from app.api.pagination import Page
from app.api.problems import problem_responses
from app.api.ranking_route import BodyRankingRoute, RankingRoute
from app.api.schemas import (
    SCENARIO,
    STRANGERS,
    Attributes,
    GivenFieldName,
    GivenItemId,
    GivenStrangersList,
    RequestModel,
    ResponseModel,
    ScenarioName,
    ShownItemId,
    ShownTitle,
    ShownVersion,
    VisitorFeedback,
)
from app.errors import InvalidRequestError, NoActiveModelError, OverloadedError
from app.lists.feedback import ListOptions
from app.lists.former_items import FormerItems
from app.services.recommendations import RecommendationList
from models.fields import AttributeValue
from models.ranking.explanation import Reason
from models.ranking.query import Boost, RankBy, RankedBy

router = APIRouter(prefix="/v1", tags=["recommendations"], route_class=RankingRoute)


class ReasonResponse(ResponseModel):
    """A rating or an interaction of the user that moved the item up; the other of `rating` and `kind` is null."""

    item_id: Annotated[str, Field(examples=["181"])]
    title: Annotated[str | None, Field(examples=["Return of the Jedi"])]
    rating: Annotated[float | None, Field(examples=[5.0])]
    kind: Annotated[str | None, Field(description="Of the interaction.", examples=[None])]

    @classmethod
    def of(cls, reason: Reason | None, *, liked: bool) -> Self | None:
        """The answer with a reason of this kind; None if there is none."""
        return None if reason is None or reason.liked != liked else cls.model_validate(reason)


class Recommendation(ResponseModel):
    """An item, and what the model predicts: the user's rating, and how probably the user chooses and likes the item.

    `choice_probability` is the probability that the next item which the user chooses, of all items that may be in the
    list, is this one. `like_probability` is the probability that the user likes it then. A user likes an item if the
    rating is at least the scale's `liked_from`, 4 of 5 for MovieLens. A model that predicts no distribution gives no
    `like_probability`. A model that was trained on interactions gives neither `like_probability` nor
    `predicted_rating`.

    If explanations were requested, `because` is a rating of an item that the user likes, or an interaction with one,
    that moved this item up most. If there is none, `unlike` is one of an item that the user dislikes and that this item
    differs from. If nothing stands out, both are null. Disliked are ratings in the lower half of the scale, and
    interactions of a kind with a negative weight. Liked are interactions of the other kinds and ratings from
    `liked_from` on or, for a user who has neither, ratings above the user's mean that are not disliked.
    """

    item_id: ShownItemId
    title: ShownTitle
    predicted_rating: Annotated[float | None, Field(examples=[4.6])]
    choice_probability: Annotated[float, Field(ge=0, le=1, examples=[0.012])]
    like_probability: Annotated[float | None, Field(ge=0, le=1, examples=[0.93])]
    rank: Annotated[int, Field(ge=1, description="1 is the best.", examples=[1])]
    model_version: ShownVersion
    because: ReasonResponse | None
    unlike: ReasonResponse | None
    attributes: Annotated[
        dict[str, AttributeValue],
        Field(description="Those that the request asked for, as far as they are known.", examples=[{"genre": ["War"]}]),
    ]


class RecommendationPage(Page[Recommendation]):
    """A ranked list, best first, what orders it, and the model version that ranked it.

    A list by `choice` is in order of `choice_probability` times `like_probability`, highest first. A list by `rating`
    is in order of the predicted ratings, highest first. A list by `popularity` is for unknown users:
    what most people choose and like, of different kinds. A list by `popular`, `trending` or `latest` is for unknown
    users too: it starts with the items of that list (`strangers`), and goes on with popular ones.
    """

    model_version: ShownVersion
    ranked_by: Annotated[RankedBy, Field(examples=[RankedBy.CHOICE])]
    recommendation_id: Annotated[
        str,
        Field(description="Name it in events about these items.", examples=["5d1c0a8e9b27f643.home.scenario"]),
    ]

    @classmethod
    def of(cls, made: RecommendationList) -> Self:
        """The answer with recommendations. A list of the requested length has a cursor, because there may be more."""
        items = [
            {
                **item._asdict(),
                "model_version": made.model_version,
                "because": ReasonResponse.of(made.reasons.get(item.item_id), liked=True),
                "unlike": ReasonResponse.of(made.reasons.get(item.item_id), liked=False),
                "attributes": made.attributes.get(item.item_id, {}),
            }
            for item in made.items
        ]
        # Validated as a whole, which takes half the time of making one model after the other.
        return cls.model_validate(
            {
                "recommendation_id": made.id,
                "next_cursor": made.next_cursor,
                "items": items,
                "model_version": made.model_version,
                "ranked_by": made.ranked_by,
            }
        )


class BoostRequest(RequestModel):
    """A rule that raises or lowers items: those named, those with the attribute values, or those with both."""

    factor: Annotated[
        float,
        Field(
            ge=1e-6,
            le=1e6,
            description="What the score of an item, `choice_probability` times `like_probability`, is multiplied by. "
            "In a list by `rating`, its logarithm is added to the rating.",
            examples=[2.0],
        ),
    ]
    item_ids: Annotated[list[GivenItemId] | None, Field(max_length=1000)] = None
    filter: Annotated[Filters, Field(default_factory=dict)]

    @model_validator(mode="after")
    def _names_items(self) -> Self:
        if self.item_ids is None and not self.filter:
            raise ValueError("name items by item_ids, filter, or both")
        return self

    def rule(self) -> Boost:
        """The rule as the ranking takes it."""
        return Boost(self.factor, self.item_ids, filter_of(self.filter))


class VisitorRequest(VisitorFeedback):
    """Attributes, ratings, interactions, answers and skips of a visitor who is not stored. All of it is optional."""

    attributes: Attributes = Field(default_factory=dict)
    skipped: Annotated[
        list[GivenItemId],
        Field(default_factory=list, max_length=1000, description="Items that the visitor does not know."),
    ]
    n: Annotated[int, Field(ge=1, le=500, strict=True, description="Most items to return.")] = 10
    exclude: Annotated[
        list[GivenItemId], Field(default_factory=list, max_length=10_000, description="Items to leave out.")
    ]
    filter: Filters = Field(default_factory=dict)
    include_rated: Annotated[
        bool, Field(strict=True, description="Whether rated items, and items with interactions, may be in the list.")
    ] = False
    explain: Annotated[bool, Field(strict=True, description="Whether to name, for each item, what moved it up.")] = (
        False
    )
    rank_by: Annotated[
        RankBy,
        Field(
            description="What orders the list: `choice`, what the visitor would choose and like, or `rating`, the "
            "predicted ratings."
        ),
    ] = RankBy.CHOICE
    diversity: Annotated[
        float | None,
        Field(
            ge=0,
            le=1,
            description="How different the items of the list are to be: 0 orders by the scores alone. By default, the "
            "list for strangers is somewhat diverse, and others are not.",
        ),
    ] = None
    explore: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="How much the list explores items of which little is known, such as new ones: 0 for not at "
            "all, 1 for a list by one draw from what the model believes of each item. For lists with "
            "`rank_by=choice`.",
        ),
    ] = 0.0
    seed: Annotated[
        int | None,
        Field(
            ge=0,
            lt=2**32,
            strict=True,
            description="Seed of the exploration: the same seed gives the same list as long as nothing else changes. "
            "Without it, every list that explores is another one.",
        ),
    ] = None
    boosts: Annotated[list[BoostRequest], Field(default_factory=list, max_length=100)]
    pinned: Annotated[
        list[GivenItemId],
        Field(
            default_factory=list,
            max_length=100,
            description="Items that come first, in this order, as far as they may be in the list.",
        ),
    ]
    shown: Annotated[
        list[GivenItemId],
        Field(
            default_factory=list,
            max_length=1000,
            description="Items that the visitor has just been shown, and that fall in this list.",
        ),
    ]
    cursor: Annotated[
        str | None, Field(max_length=3000, description="`next_cursor` of the former page. No page repeats an item.")
    ] = None
    scenario: Annotated[ScenarioName | None, Field(description=SCENARIO, examples=[None])] = None
    strangers: Annotated[GivenStrangersList | None, Field(description=STRANGERS)] = None
    fields: Annotated[
        list[GivenFieldName],
        Field(
            default_factory=list,
            max_length=100,
            description="Attributes of the items that the answer is to show.",
            examples=[["genre"]],
        ),
    ]


def time_ranking(response: Response, made: RecommendationList) -> None:
    """Set the header `Server-Timing` to the time for adapting and ranking. A cached list has none."""
    if made.ranking_seconds is not None:
        milliseconds = 1000 * made.ranking_seconds
        response.headers["Server-Timing"] = f'rank;desc="adapt and rank";dur={milliseconds:.1f}'


@router.get(
    "/users/{user_id}/recommendations",
    dependencies=[READ],
    responses=problem_responses(InvalidRequestError, NoActiveModelError, OverloadedError),
)
async def get_recommendations(
    user_id: UserId, options: ListOptionsDep, services: ServicesDep, response: Response
) -> RecommendationPage:
    """Recommendations for a user, by default without items that the user has rated or interacted with.

    A user without stored data gets popular items, like a visitor with an empty request.
    """
    made = await services.recommendations.for_user(user_id, options)
    time_ranking(response, made)
    return RecommendationPage.of(made)


async def recommend(body: VisitorRequest, services: ServicesDep, response: Response) -> RecommendationPage:
    """Recommendations from this request alone. Nothing is stored. An empty request gets popular items."""
    options = ListOptions(
        n=body.n,
        exclude=body.exclude,
        filters=filter_of(body.filter),
        include_rated=body.include_rated,
        explain=body.explain,
        rank_by=body.rank_by,
        diversity=body.diversity,
        explore=body.explore,
        seed=body.seed,
        boosts=[boost.rule() for boost in body.boosts],
        pinned=body.pinned,
        shown=body.shown,
        former=FormerItems.of_cursor(body.cursor),
        scenario=body.scenario,
        given=body.model_fields_set,
        fields=body.fields,
        strangers=body.strangers,
    )
    made = await services.recommendations.for_visitor(body.attributes, body.feedback(body.skipped), options)
    time_ranking(response, made)
    return RecommendationPage.of(made)


router.add_api_route(
    "/recommendations",
    recommend,
    methods=["POST"],
    dependencies=[READ],
    responses=problem_responses(InvalidRequestError, NoActiveModelError, OverloadedError),
    route_class_override=BodyRankingRoute,
)
