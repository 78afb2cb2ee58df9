"""What users gave and did: ratings, interactions, skips and events."""

from datetime import datetime

from coldstart_client.models.answer import Answer
from coldstart_client.models.recommendations import RecommendationPage


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


class StoredEvents(Answer):
    """How many of the events are new, and how many were stored already."""

    stored: int
    known: int
