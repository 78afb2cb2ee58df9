"""Types and schemas that several resources share."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, SkipValidation

from app.lists.feedback import Feedback
from app.storage.answers import AnswerRecord
from app.storage.interactions import InteractionRecord
from app.storage.items import ItemRecord
from app.storage.ratings import RatingRecord
from app.storage.users import UserRecord
from app.strangers_list import STRANGERS_LIST, checked_strangers_list
from models.data.ids import CONTROL_CHARACTERS, MAX_ID_LENGTH, has_unclean_characters
from models.elicitation.question import QuestionKind
from models.fields import AttributeValue


class RequestModel(BaseModel):
    """Base of request bodies. Unknown fields are refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


class ResponseModel(BaseModel):
    """Base of answers, filled from what the services return."""

    model_config = ConfigDict(from_attributes=True)


_CLEAN = rf"^[^{CONTROL_CHARACTERS}]*$"


def _is_clean(text: str) -> str:
    if has_unclean_characters(text):
        raise ValueError("must not contain control characters")
    return text


def _no_number(value: object) -> object:
    """Refuse numbers: Pydantic would take them as seconds or milliseconds since 1970, depending on their size."""
    try:
        float(value)  # type: ignore[arg-type]  # anything else raises
    except (TypeError, ValueError):
        return value
    raise ValueError("must be a time such as 2026-01-31T12:00:00Z")


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie between the years 1 and 9999 in UTC") from None


EntityId = Annotated[
    str,
    # The pattern is for the OpenAPI document: the validator has the better message.
    Field(min_length=1, max_length=MAX_ID_LENGTH, json_schema_extra={"pattern": _CLEAN}),
    AfterValidator(_is_clean),
]
"""The id of a user, an item or another resource; `models.data.ids` has the rule."""

GivenItemId = Annotated[EntityId, Field(examples=["50"])]
"""An item's id in a request."""

Moment = Annotated[AwareDatetime, BeforeValidator(_no_number), AfterValidator(_in_utc)]
"""A time with its time zone, in UTC."""

Line = Annotated[
    str,
    Field(max_length=1000, json_schema_extra={"pattern": _CLEAN}),
    AfterValidator(_is_clean),
]
"""A text that people read, such as a title."""

ShownUserId = Annotated[str, Field(examples=["ada"])]
ShownItemId = Annotated[str, Field(examples=["50"])]
ShownTitle = Annotated[str | None, Field(examples=["Star Wars"])]
ShownVersion = Annotated[str, Field(description="Of the model.", examples=["coldstart-c8f7fe71d86a"])]
"""Types of answers, with examples for the OpenAPI document. Requests use the checked types above."""

AnswerKind = Literal[QuestionKind.ATTRIBUTE, QuestionKind.GROUP, QuestionKind.PAIR]
"""The kinds of questions that have answers. A question about one item is answered by a rating or a skip."""


class NamedItemResponse(ResponseModel):
    """An item and its title."""

    item_id: ShownItemId
    title: ShownTitle


Attributes = Annotated[
    dict[str, SkipValidation[AttributeValue]],
    Field(
        max_length=1000,
        description="By field of the model's schema: a string, a number, a list of strings or a list of numbers. "
        "Values that the model has not seen count as unknown.",
        examples=[{"age": 36, "gender": "F", "occupation": "programmer"}],
    ),
]
"""Attributes of a user or item. The model's schema says which exist, and their types."""

ITEM_ATTRIBUTES: dict[str, AttributeValue] = {
    "genre": ["Action", "Adventure", "Romance", "Sci-Fi", "War"],
    "year": 1977.0,
}
"""An example of an item's attributes."""


GivenFieldName = Annotated[Line, Field(min_length=1, examples=["genre"])]
"""The name of an attribute in a request."""

GivenStrangersList = Annotated[
    str,
    # The pattern is for the OpenAPI document: the validator has the better message.
    Field(json_schema_extra={"pattern": STRANGERS_LIST}, examples=["trending"]),
    AfterValidator(checked_strangers_list),
]
"""Which list a stranger gets; `app.strangers_list` has the rule."""

STRANGERS = (
    "What the list shows if nothing is known of the user: `diverse`, what most people choose and like, of different "
    "kinds, or one of the lists of `/v1/lists`: `popular`, `trending` or `latest`, also with a window of days, such as "
    "`popular:30`. By default the setting COLDSTART_STRANGERS says it."
)

ScenarioName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$", examples=["home"])]
"""The name of a scenario."""

SCENARIO = (
    "A scenario, whose settings apply where the request has no own ones. A share of the users may be its control "
    "group, to whom they do not apply."
)


class RatingRequest(RequestModel):
    """A rating of an item, on the model's scale. Without a time it was made just now."""

    item_id: GivenItemId
    rating: Annotated[float, Field(strict=True, allow_inf_nan=False, examples=[5])]
    rated_at: Moment | None = None

    def record(self) -> RatingRecord:
        """The rating as it is stored."""
        return RatingRecord(self.item_id, self.rating, self.rated_at)


class InteractionRequest(RequestModel):
    """An interaction with an item, of a kind that the model's schema names. Without a time it happened just now."""

    item_id: GivenItemId
    kind: Annotated[str, Field(max_length=1000, examples=["purchase"])]
    occurred_at: Moment | None = None

    def record(self) -> InteractionRecord:
        """The interaction as the services take it."""
        return InteractionRecord(self.item_id, self.kind, self.occurred_at)


AnswerRating = Annotated[
    float | None,
    Field(
        strict=True,
        allow_inf_nan=False,
        description="On the model's scale; it may lie between two steps. Null: the user cannot say.",
        examples=[4.5],
    ),
]


class GroupAnswerRequest(RequestModel):
    """How much the user likes some items as a whole."""

    kind: Literal[QuestionKind.GROUP]
    item_ids: Annotated[list[GivenItemId], Field(min_length=2, max_length=20, examples=[["50", "172", "181"]])]
    rating: AnswerRating
    answered_at: Moment | None = None

    def record(self) -> AnswerRecord:
        """The answer as it is stored."""
        return AnswerRecord(self.kind, item_ids=tuple(self.item_ids), rating=self.rating, answered_at=self.answered_at)


class AttributeAnswerRequest(RequestModel):
    """How much the user likes the items with an attribute value: a category, or a decade of a field of years."""

    kind: Literal[QuestionKind.ATTRIBUTE]
    field: GivenFieldName
    value: Annotated[
        Line, Field(min_length=1, description="A decade such as `1990s` for a field of years.", examples=["War"])
    ]
    rating: AnswerRating
    answered_at: Moment | None = None

    def record(self) -> AnswerRecord:
        """The answer as it is stored."""
        return AnswerRecord(
            self.kind, field=self.field, value=self.value, rating=self.rating, answered_at=self.answered_at
        )


class PairAnswerRequest(RequestModel):
    """Which of two items the user prefers."""

    kind: Literal[QuestionKind.PAIR]
    item_ids: Annotated[list[GivenItemId], Field(min_length=2, max_length=2, examples=[["50", "288"]])]
    preferred: Annotated[EntityId | None, Field(description="Null: the user cannot say.", examples=["50"])]
    answered_at: Moment | None = None

    def record(self) -> AnswerRecord:
        """The answer as it is stored."""
        return AnswerRecord(
            self.kind, item_ids=tuple(self.item_ids), preferred=self.preferred, answered_at=self.answered_at
        )


AnswerRequest = Annotated[AttributeAnswerRequest | GroupAnswerRequest | PairAnswerRequest, Field(discriminator="kind")]
"""An answer to a question."""


class VisitorFeedback(RequestModel):
    """What a visitor who is not stored did. All of it is optional."""

    ratings: Annotated[list[RatingRequest], Field(default_factory=list, max_length=1000)]
    interactions: Annotated[
        list[InteractionRequest],
        Field(
            default_factory=list, max_length=1000, description="What the visitor did with items without rating them."
        ),
    ]
    answers: Annotated[
        list[AnswerRequest],
        Field(
            default_factory=list,
            max_length=1000,
            description="What the visitor answered to questions about groups of items, attributes and pairs.",
        ),
    ]

    def feedback(self, skipped: Sequence[str]) -> Feedback:
        """What the visitor did, with the items that the visitor skipped."""
        return Feedback(
            [rating.record() for rating in self.ratings],
            [each.record() for each in self.interactions],
            skipped,
            answers=[each.record() for each in self.answers],
        )


class ItemContent(RequestModel):
    """An item's title and attributes."""

    title: Line | None = Field(default=None, examples=["Star Wars"])
    attributes: Annotated[Attributes, Field(default_factory=dict, examples=[ITEM_ATTRIBUTES])]


class ItemRequest(ItemContent):
    """An item's title and attributes, and whether it may be in lists."""

    available: Annotated[
        bool,
        Field(
            strict=True,
            description="Whether the item may be in lists. What users did with items counts whether they are available "
            "or not.",
        ),
    ] = True


class BatchItemRequest(ItemRequest):
    """An item of a batch."""

    item_id: GivenItemId

    def record(self) -> ItemRecord:
        """The item as the services take it."""
        return ItemRecord(self.item_id, self.title, self.attributes, self.available)


class UserRequest(RequestModel):
    """A user's attributes."""

    attributes: Attributes = Field(default_factory=dict)


class BatchUserRequest(UserRequest):
    """A user of a batch."""

    user_id: Annotated[EntityId, Field(examples=["ada"])]

    def record(self) -> UserRecord:
        """The user as the services take it."""
        return UserRecord(self.user_id, self.attributes)
