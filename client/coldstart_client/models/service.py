"""The state of the service."""

from coldstart_client.models.answer import Answer
from coldstart_client.models.model_versions import ModelTraffic


class Overview(Answer):
    """How much is stored, what serves, and what is wrong."""

    users: int
    items: int
    ratings: int
    interactions: int
    answers: int
    lists_per_minute: int
    traffic: ModelTraffic
    problems: list[str]


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
