"""Rankings of given items: an order for items that another system has chosen, such as the hits of a search."""

from typing import Annotated, Self

from fastapi import APIRouter, Response
from pydantic import Field, model_validator

from app.api.authorisation import READ
from app.api.dependencies import ServicesDep
from app.api.problems import problem_responses
from app.api.ranking_route import BodyRankingRoute
from app.api.recommendations import RecommendationPage, time_ranking
from app.api.schemas import Attributes, EntityId, GivenFieldName, GivenItemId, VisitorFeedback
from app.errors import InvalidRequestError, NoActiveModelError, OverloadedError
from app.lists.feedback import ListOptions
from models.ranking.query import RankBy

router = APIRouter(prefix="/v1/rankings", tags=["recommendations"], route_class=BodyRankingRoute)


class RankingRequest(VisitorFeedback):
    """The items to rank, and either a stored user or what is known of a visitor."""

    item_ids: Annotated[list[GivenItemId], Field(min_length=1, max_length=1000, examples=[["50", "172", "288"]])]
    user_id: Annotated[EntityId | None, Field(examples=["ada"])] = None
    attributes: Attributes = Field(default_factory=dict)
    skipped: Annotated[
        list[GivenItemId],
        Field(default_factory=list, max_length=1000, description="Items that the visitor does not know."),
    ]
    rank_by: Annotated[
        RankBy,
        Field(
            description="What orders the items: `choice`, what the user would choose and like, or `rating`, the "
            "predicted ratings."
        ),
    ] = RankBy.CHOICE
    explain: Annotated[bool, Field(strict=True, description="Whether to name, for each item, what moved it up.")] = (
        False
    )
    fields: Annotated[
        list[GivenFieldName],
        Field(
            default_factory=list,
            max_length=100,
            description="Attributes of the items that the answer is to show.",
            examples=[["genre"]],
        ),
    ]

    @model_validator(mode="after")
    def _is_of_one_user(self) -> Self:
        visitor = (self.attributes, self.ratings, self.interactions, self.answers, self.skipped)
        if self.user_id is not None and any(visitor):
            raise ValueError("give a user_id, or attributes, ratings, interactions, answers and skips; not both")
        return self


class RankingPage(RecommendationPage):
    """The items, best first. Those that are not in the catalogue are named apart."""

    unknown_item_ids: Annotated[list[str], Field(examples=[[]])]


@router.post(
    "", dependencies=[READ], responses=problem_responses(InvalidRequestError, NoActiveModelError, OverloadedError)
)
async def rank_items(body: RankingRequest, services: ServicesDep, response: Response) -> RankingPage:
    """Rank given items for a user. All of them are ranked, those that the user has rated or dismissed too.

    `choice_probability` is the probability that the user's next choice among these items is this one.
    """
    item_ids = list(dict.fromkeys(body.item_ids))
    options = ListOptions(
        n=len(item_ids),
        only=item_ids,
        explain=body.explain,
        rank_by=body.rank_by,
        diversity=0.0,
        fields=body.fields,
    )
    if body.user_id is not None:
        made = await services.recommendations.for_user(body.user_id, options)
    else:
        made = await services.recommendations.for_visitor(body.attributes, body.feedback(body.skipped), options)
    time_ranking(response, made)
    page = RecommendationPage.of(made)
    ranked = {item.item_id for item in page.items}
    unknown = [item_id for item_id in item_ids if item_id not in ranked]
    return RankingPage(**dict(page), unknown_item_ids=unknown)
