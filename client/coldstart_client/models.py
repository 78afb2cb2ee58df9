"""The answers of the service.

Fields that a newer service adds are ignored, and enumerations that may grow, such as a status, are plain `str`. So the
service can be upgraded before its clients.
"""

from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from coldstart_client.given import AttributeValue

T = TypeVar("T")


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(frozen=True)


class Page(Answer, Generic[T]):
    """A page of a list, and the cursor of the next page; None on the last one."""

    items: list[T]
    next_cursor: str | None = None


class User(Answer):
    """A user."""

    user_id: str
    attributes: dict[str, AttributeValue]
    rating_count: int
    created_at: datetime


class Merge(Answer):
    """Whether there was something to merge, and how many rows of the guest belong to the user now."""

    merged: bool
    ratings: int
    interactions: int
    skips: int
    events: int


class Rating(Answer):
    """A stored rating."""

    item_id: str
    rating: float
    rated_at: datetime


class Interaction(Answer):
    """A stored interaction."""

    event_id: str
    item_id: str
    kind: str
    occurred_at: datetime


class Skip(Answer):
    """An item that a user could not rate."""

    item_id: str
    skipped_at: datetime


class Reason(Answer):
    """A rating or an interaction of the user that moved a recommended item up; the other of both is None."""

    item_id: str
    title: str | None
    rating: float | None
    kind: str | None = None


class Recommendation(Answer):
    """An item, the user's predicted rating, and how probably the user chooses and then likes the item.

    `like_probability` is None from a model that gives none. A model that was trained on interactions gives no
    `predicted_rating` either.

    If it was requested and something stands out, `because` names an item that the user likes, or `unlike` one that the
    user dislikes and that this item differs from.
    """

    item_id: str
    title: str | None
    predicted_rating: float | None
    choice_probability: float
    like_probability: float | None
    rank: int
    model_version: str
    because: Reason | None
    unlike: Reason | None
    attributes: dict[str, AttributeValue]


class RecommendationPage(Page[Recommendation]):
    """A ranked list, best first, the model version that ranked it, and what orders it.

    That is `choice` (the product of both probabilities), `rating` or, for unknown users, `popularity`.
    """

    model_version: str
    ranked_by: str
    recommendation_id: str


class GivenItem(Answer):
    """An item that a user rated, interacted with or skipped. What does not apply is None."""

    item_id: str
    title: str | None
    rating: float | None = None
    kind: str | None = None


class Given(Answer):
    """What a user gave, as the model takes it: the latest 100 of each, and how many there are."""

    attributes: dict[str, AttributeValue]
    rating_count: int
    interaction_count: int
    skip_count: int
    ratings: list[GivenItem]
    interactions: list[GivenItem]
    skips: list[GivenItem]
    shown_count: int
    clicked_count: int
    dismissed_count: int


class Taste(Answer):
    """An attribute value, and its share of what the user, or a stranger, is expected to choose and like next."""

    field: str
    value: str
    share: float
    share_of_strangers: float
    items: int


class Tastes(Answer):
    """What the model concluded of a user, compared with a stranger, the strongest first."""

    likes: list[Taste]
    dislikes: list[Taste]


class Change(Answer):
    """What a rule did to an item: `dismissed`, `shown`, `boost`, `diversity` or `pinned`.

    `factor` is None if the rule did not change the item's score. `places` are up; None if the item was not in the list
    before or after.
    """

    rule: str
    factor: float | None
    places: int | None


class Position(Answer):
    """Why an item has its position, or is not in the list."""

    rank_without_rules: int | None
    score: float
    score_with_rules: float
    times_seen: int
    changes: list[Change]


class ExplainedItem(Position, Recommendation):
    """A recommendation, and why it has its position."""


class LeftOutItem(Position):
    """An item that would be in the list without rules."""

    item_id: str
    title: str | None


class ListExplanation(Page[ExplainedItem]):
    """A user's list, and what it comes from."""

    user_id: str
    given: Given
    tastes: Tastes
    left_out: list[LeftOutItem]
    model_version: str
    ranked_by: str


class RankingPage(RecommendationPage):
    """Given items, best first. Those that are not in the catalogue are named apart."""

    unknown_item_ids: list[str]


class SimilarItem(Answer):
    """An item, how similar it is, and the attribute values that it has in common with a given item."""

    item_id: str
    title: str | None
    similarity: float
    shared: dict[str, list[str]]
    rank: int


class SimilarItemPage(Page[SimilarItem]):
    """Similar items, best first, and the model version that found them."""

    model_version: str


class Ratings(Answer):
    """The stored ratings of the items in the request, and the new recommendations."""

    user_id: str
    ratings: list[Rating]
    recommendations: RecommendationPage
    model_version: str


class Interactions(Answer):
    """The stored interactions with the event ids of the request, and the new recommendations."""

    user_id: str
    interactions: list[Interaction]
    recommendations: RecommendationPage
    model_version: str


class Candidate(Answer):
    """An item, and the strategy's score for asking about it, which is comparable only within one answer."""

    item_id: str
    title: str | None
    score: float


class CandidatePage(Page[Candidate]):
    """Items to ask about, best first, and the model version that chose them."""

    model_version: str


class Item(Answer):
    """An item of the catalogue."""

    item_id: str
    title: str | None
    attributes: dict[str, AttributeValue]
    available: bool


class LineError(Answer):
    """A wrong field of an item's line. Lines are numbered from 1."""

    line: int
    item_id: str | None
    field: str
    reason: str


class ItemStream(Answer):
    """The result of a stream: each item was created, updated, unchanged or rejected. `errors` are the first errors."""

    lines: int
    created: int
    updated: int
    unchanged: int
    rejected: int
    error_count: int
    errors: list[LineError]


class UserLineError(Answer):
    """A wrong field of a user's line. Lines are numbered from 1."""

    line: int
    user_id: str | None
    field: str
    reason: str


class UserStream(Answer):
    """The result of a stream: each user was created, updated, unchanged or rejected. `errors` are the first errors."""

    lines: int
    created: int
    updated: int
    unchanged: int
    rejected: int
    error_count: int
    errors: list[UserLineError]


class ListedItem(Answer):
    """An item of a list that is the same for everybody.

    `choices` is how many users chose it, and None in the list of the latest items. `trend` is how many times as often
    as before it was chosen, and None in other lists than that of the trending items.
    """

    item_id: str
    title: str | None
    rank: int
    choices: int | None
    trend: float | None


class ItemListPage(Page[ListedItem]):
    """A list that is the same for everybody, and the days of its window; None without a window."""

    days: int | None


class Prospect(Answer):
    """A user, with the figures that an item has in the user's list."""

    user_id: str
    choice_probability: float
    like_probability: float | None
    predicted_rating: float | None


class AudiencePage(Page[Prospect]):
    """The users who would most probably choose and like an item, and how many users were considered."""

    considered: int
    model_version: str


class ListExportResult(Answer):
    """What is in the file of a list export."""

    users: int
    rows: int
    bytes: int


class ListExport(Answer):
    """Lists for all stored users, as a job. It has a `report` and a file once it has succeeded.

    `status` is queued, running, succeeded, failed or cancelled.
    """

    list_export_id: str
    status: str
    progress: float
    model_version: str
    n: int
    rank_by: str
    filter: dict[str, list[str | float] | dict[str, list[str | float] | float]]
    report: ListExportResult | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None


class Scale(Answer):
    """The rating scale, and the lowest rating that counts as liking; a continuous scale has no step."""

    minimum: float
    maximum: float
    continuous: bool
    step: float | None
    liked_from: float


class Field(Answer):
    """An attribute, and whether items can be filtered by it.

    It is a string if its kind is categorical or text, a list of strings if multi_valued, a number if continuous, and a
    list of so many numbers as it has dimensions if it is a vector.
    """

    name: str
    kind: str
    dimensions: int | None
    filterable: bool


class Entity(Answer):
    """The attributes of users or items. `date` names the field that says when items are new, if there is one."""

    fields: list[Field]
    date: str | None


class Schema(Answer):
    """The schema of the active model: the rating scale, the kinds of interactions, and the attributes.

    A model of interactions has no rating scale. A kind with a negative weight says that the item is not wanted.
    """

    data: str
    rating_scale: Scale | None
    interaction_kinds: dict[str, float]
    users: Entity
    items: Entity
    model_version: str


class EvaluationConfig(Answer):
    """The configuration of an evaluation."""

    states: list[str]
    baselines: list[str]
    list_baselines: list[str]
    seed: int
    steps: int | None
    paper_warm: bool
    order: str
    query_size: int
    min_ratings: int
    max_ratings: int
    bootstrap_resamples: int


class EvaluationSummary(Answer):
    """An evaluation without its report. `status` is queued, running, succeeded, failed or cancelled."""

    evaluation_id: str
    status: str
    progress: float
    model_version: str
    config: EvaluationConfig
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None


class Evaluation(EvaluationSummary):
    """An evaluation. It has a `report` once it has succeeded; `get_evaluation_report` returns it with types."""

    report: dict[str, Any] | None


class ModelVersion(Answer):
    """A registered model version."""

    version: str
    active: bool
    traffic_percent: float
    preset: str
    data: str
    training_ratings: int
    training_users: int
    training_items: int
    research_twin: str | None
    metrics: dict[str, float]
    created_at: datetime
    registered_at: datetime
    activated_at: datetime | None
    former_version: str | None


class OnlineEstimate(Answer):
    """A figure and its 95 % interval over users. The interval is None for a single user."""

    value: float
    low: float | None
    high: float | None


class ModelReport(Answer):
    """The report on a model version: its events, and the error of its predictions."""

    version: str
    since: datetime | None
    until: datetime | None
    users: int
    shown: int
    clicked: int
    rated: int
    dismissed: int
    click_rate: OnlineEstimate | None
    measured_ratings: int
    mae: OnlineEstimate | None


class ClickRate(Answer):
    """The clicks on a group of showings; `variant` is None unless the groups are scenarios."""

    group: str | None
    variant: str | None
    shown: int
    clicked: int
    click_rate: OnlineEstimate


class ScenarioBoost(Answer):
    """A rule of a scenario that raises or lowers items."""

    factor: float
    item_ids: list[str] | None
    filter: dict[str, list[str | float] | dict[str, list[str | float] | float]]


class Scenario(Answer):
    """Named settings of lists. None leaves the default."""

    name: str
    n: int | None
    filter: dict[str, list[str | float] | dict[str, list[str | float] | float]]
    rank_by: str | None
    diversity: float | None
    explore: float | None
    boosts: list[ScenarioBoost]
    pinned: list[str]
    exclude: list[str]
    include_rated: bool | None
    strategy: str | None
    percent: float
    updated_at: datetime


class Challenger(Answer):
    """The version that serves a share of the users."""

    version: str
    percent: float


class ModelTraffic(Answer):
    """The active version, and the challenger that serves some of the users instead, if there is one."""

    active: str | None
    challenger: Challenger | None


class Overview(Answer):
    """How much is stored, what serves, and what is wrong."""

    users: int
    items: int
    ratings: int
    interactions: int
    lists_per_minute: int
    traffic: ModelTraffic
    problems: list[str]


class StoredEvents(Answer):
    """How many of the events are new, and how many were stored already."""

    stored: int
    known: int


class Liveness(Answer):
    """The service's process answers."""

    status: str


class Checks(Answer):
    """The state of each part of the service: "ok", the active model version, or what is wrong."""

    database: str
    model: str
    cache: str


class Readiness(Answer):
    """Whether requests are answered: `status` is ready, degraded or unavailable. `missing` names broken parts."""

    status: str
    checks: Checks
    missing: list[str]
