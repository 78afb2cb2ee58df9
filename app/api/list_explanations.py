"""Explanations of lists, for operators."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Self

from fastapi import APIRouter
from pydantic import Field

from app.api.authorisation import READ
from app.api.dependencies import ExplainedListOptionsDep, ServicesDep, UserId
from app.api.pagination import Page
from app.api.problems import problem_responses
from app.api.ranking_route import RankingRoute
from app.api.recommendations import Recommendation, RecommendationPage
from app.api.schemas import (
    AnswerKind,
    Attributes,
    NamedItemResponse,
    ResponseModel,
    ShownItemId,
    ShownTitle,
    ShownUserId,
    ShownVersion,
)
from app.errors import InvalidRequestError, NoActiveModelError, OverloadedError
from app.services.list_explanations import ListExplanation
from app.services.list_positions import Rule
from app.storage.tables import EventType
from models.data.answers import Answer, AttributeAnswer, GroupAnswer, PairAnswer
from models.elicitation.question import QuestionKind
from models.ranking.query import RankedBy

router = APIRouter(prefix="/v1", tags=["recommendations"], route_class=RankingRoute)

_MOST_GIVEN = 100

_Share = Annotated[float, Field(ge=0, le=1)]


class GivenItemResponse(ResponseModel):
    """An item that the user rated, interacted with or skipped. What does not apply is null."""

    item_id: ShownItemId
    title: ShownTitle
    rating: Annotated[float | None, Field(examples=[5.0])] = None
    kind: Annotated[str | None, Field(description="Of the interaction.", examples=[None])] = None


class GivenAnswerResponse(ResponseModel):
    """What the user answered to a question. What does not apply is null."""

    kind: Annotated[AnswerKind, Field(examples=[QuestionKind.ATTRIBUTE])]
    field: Annotated[str | None, Field(examples=["genre"])] = None
    value: Annotated[str | None, Field(examples=["War"])] = None
    items: Annotated[list[NamedItemResponse], Field(description="Of a group or a pair.", examples=[[]])]
    rating: Annotated[float | None, Field(examples=[4.5])] = None
    preferred: Annotated[str | None, Field(description="Of the items of a pair.", examples=[None])] = None

    @classmethod
    def of(cls, answer: Answer, titles: Mapping[str, str | None]) -> Self:
        """The answer with what a user answered."""

        def named(*item_ids: str) -> list[NamedItemResponse]:
            return [NamedItemResponse(item_id=item_id, title=titles[item_id]) for item_id in item_ids]

        match answer:
            case AttributeAnswer(name, value, rating):
                return cls(kind=QuestionKind.ATTRIBUTE, items=[], field=name, value=value, rating=rating)
            case GroupAnswer(item_ids, rating):
                return cls(kind=QuestionKind.GROUP, items=named(*item_ids), rating=rating)
            case PairAnswer(preferred, other):
                return cls(kind=QuestionKind.PAIR, items=named(preferred, other), preferred=preferred)


class GivenResponse(ResponseModel):
    """What the user gave, as the model takes it: the latest 100 of each, and how many there are.

    Of several interactions with an item, the strongest counts. Questions that the user cannot answer do not.
    """

    attributes: Attributes
    rating_count: Annotated[int, Field(ge=0, examples=[1])]
    interaction_count: Annotated[int, Field(ge=0, examples=[0])]
    skip_count: Annotated[int, Field(ge=0, examples=[0])]
    answer_count: Annotated[int, Field(ge=0, examples=[1])]
    ratings: list[GivenItemResponse]
    interactions: Annotated[list[GivenItemResponse], Field(examples=[[]])]
    skips: Annotated[list[GivenItemResponse], Field(examples=[[]])]
    answers: list[GivenAnswerResponse]
    shown_count: Annotated[int, Field(ge=0, description="Events of type `shown`.", examples=[20])]
    clicked_count: Annotated[int, Field(ge=0, description="Events of type `clicked`.", examples=[1])]
    dismissed_count: Annotated[int, Field(ge=0, description="Events of type `dismissed`.", examples=[0])]

    @classmethod
    def of(cls, found: ListExplanation) -> Self:
        """The answer with what a user gave."""
        query, titles = found.query, found.titles
        ratings = sorted(query.ratings, key=lambda rating: rating.time, reverse=True)
        interactions = sorted(query.interactions, key=lambda each: each.time, reverse=True)
        return cls(
            attributes=dict(query.attributes),
            rating_count=len(ratings),
            interaction_count=len(interactions),
            skip_count=len(query.skipped),
            answer_count=len(query.answers),
            ratings=[
                GivenItemResponse(item_id=each.item_id, title=titles[each.item_id], rating=each.rating)
                for each in ratings[:_MOST_GIVEN]
            ],
            interactions=[
                GivenItemResponse(item_id=each.item_id, title=titles[each.item_id], kind=each.kind)
                for each in interactions[:_MOST_GIVEN]
            ],
            skips=[
                GivenItemResponse(item_id=item_id, title=titles[item_id])
                for item_id in list(query.skipped)[:_MOST_GIVEN]
            ],
            answers=[GivenAnswerResponse.of(answer, titles) for answer in reversed(query.answers[-_MOST_GIVEN:])],
            shown_count=found.count(EventType.SHOWN),
            clicked_count=found.count(EventType.CLICKED),
            dismissed_count=found.count(EventType.DISMISSED),
        )


class TasteResponse(ResponseModel):
    """An attribute value; its share is the probability that the next item that the user chooses and likes has it."""

    field: Annotated[str, Field(examples=["genre"])]
    value: Annotated[str, Field(description="A decade such as 1990s for a field of years.", examples=["Sci-Fi"])]
    share: Annotated[_Share, Field(examples=[0.22])]
    share_of_strangers: Annotated[
        _Share, Field(description="The share for a user without attributes and feedback.", examples=[0.12])
    ]
    items: Annotated[int, Field(ge=1, description="How many items have the value.", examples=[97])]


class TastesResponse(ResponseModel):
    """Attribute values that the user is expected to choose and like more, or less, often than strangers.

    The strongest come first. The odds of a value in `likes` are at least 1.25 times the odds for strangers, and those
    of a value in `dislikes` at most 1/1.25 times. Both lists are empty for a stranger.
    """

    likes: list[TasteResponse]
    dislikes: Annotated[list[TasteResponse], Field(examples=[[]])]


class ChangeResponse(ResponseModel):
    """What a rule did to an item."""

    rule: Annotated[
        Rule,
        Field(
            description="`dismissed`: dismissed items are left out. `shown`: items that the user was shown or opened "
            "fall. `boost`: the request's boosts. `diversity`: items that are like those above fall. `pinned`: items "
            "that the request puts first.",
            examples=[Rule.SHOWN],
        ),
    ]
    factor: Annotated[
        float | None,
        Field(
            description="What the score was multiplied by; null if the rule moved the item by changing others.",
            examples=[0.25],
        ),
    ]
    places: Annotated[
        int | None,
        Field(
            description="Places up; negative for down. Null if the item was not among the first n before or after.",
            examples=[-3],
        ),
    ]


class PositionResponse(ResponseModel):
    """Why an item has its position, or is not in the list."""

    rank_without_rules: Annotated[
        int | None, Field(ge=1, description="Null if it is not among the first n without rules.", examples=[4])
    ]
    score: Annotated[
        float,
        Field(
            description="Orders the list without rules: `choice_probability` times `like_probability` or, in a list by "
            "`rating`, the predicted rating.",
            examples=[0.011],
        ),
    ]
    score_with_rules: Annotated[
        float,
        Field(
            description="`score` times the factors; in a list by `rating`, plus their logarithms.", examples=[0.0028]
        ),
    ]
    times_seen: Annotated[int, Field(ge=0, description="How often the user was shown or opened it.", examples=[2])]
    changes: Annotated[list[ChangeResponse], Field(description="In the order in which the rules count.")]


class ExplainedItem(PositionResponse, Recommendation):
    """A recommendation, and why it has its position."""


class LeftOutItem(PositionResponse):
    """An item that would be in the list without rules."""

    item_id: ShownItemId
    title: ShownTitle


class ListExplanationResponse(Page[ExplainedItem]):
    """A user's list, and what it comes from: what the user gave, and what the model concluded about it."""

    user_id: ShownUserId
    given: GivenResponse
    tastes: TastesResponse
    left_out: list[LeftOutItem]
    model_version: ShownVersion
    ranked_by: Annotated[RankedBy, Field(examples=[RankedBy.CHOICE])]

    @classmethod
    def of(cls, found: ListExplanation) -> Self:
        """The answer with an explanation."""
        page = RecommendationPage.of(found.made)
        return cls(
            items=[ExplainedItem(**dict(item), **_position(found, item.item_id)) for item in page.items],
            left_out=[
                LeftOutItem(item_id=item.item_id, title=item.title, **_position(found, item.item_id))
                for item in found.left_out
            ],
            next_cursor=page.next_cursor,
            user_id=found.user_id,
            given=GivenResponse.of(found),
            tastes=TastesResponse.model_validate(found.tastes),
            model_version=page.model_version,
            ranked_by=page.ranked_by,
        )


def _position(found: ListExplanation, item_id: str) -> dict[str, Any]:
    """The fields of `PositionResponse`."""
    return {**asdict(found.positions[item_id]), "times_seen": found.times_seen(item_id)}


@router.get(
    "/users/{user_id}/recommendations:explain",
    dependencies=[READ],
    responses=problem_responses(InvalidRequestError, NoActiveModelError, OverloadedError),
)
async def explain_recommendations(
    user_id: UserId, options: ExplainedListOptionsDep, services: ServicesDep
) -> ListExplanationResponse:
    """Explain a user's list, for operators: what the user gave, what the model concluded, and what moved each item.

    The list is that of `GET /v1/users/{user_id}/recommendations` with the same parameters.
    """
    return ListExplanationResponse.of(await services.list_explanations.of_user(user_id, options))
