"""Users."""

from datetime import datetime

from coldstart_client.given import AttributeValue
from coldstart_client.models.answer import Answer


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
    answers: int
    events: int


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
