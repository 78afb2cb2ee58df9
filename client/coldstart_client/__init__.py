"""A typed client of the coldstart recommender service: `Client`, and `AsyncClient` with awaited methods."""

from coldstart_client.clients import AsyncClient, Client
from coldstart_client.errors import (
    ColdstartError,
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NoAnswerError,
    NotFoundError,
    ProblemError,
    RateLimitedError,
    UnauthorizedError,
    UnavailableError,
    UnexpectedAnswerError,
    WrongField,
)
from coldstart_client.given import GivenInteraction, GivenRating, NewEvent, NewInteraction, NewItem

__all__ = [
    "AsyncClient",
    "Client",
    "ColdstartError",
    "ConflictError",
    "ForbiddenError",
    "GivenInteraction",
    "GivenRating",
    "InvalidRequestError",
    "NewEvent",
    "NewInteraction",
    "NewItem",
    "NoAnswerError",
    "NotFoundError",
    "ProblemError",
    "RateLimitedError",
    "UnauthorizedError",
    "UnavailableError",
    "UnexpectedAnswerError",
    "WrongField",
]
