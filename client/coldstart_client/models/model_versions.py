"""Model versions, which of them serve, and how well."""

from datetime import datetime

from coldstart_client.models.answer import Answer


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


class Challenger(Answer):
    """The version that serves a share of the users."""

    version: str
    percent: float


class ModelTraffic(Answer):
    """The active version, and the challenger that serves some of the users instead, if there is one."""

    active: str | None
    challenger: Challenger | None
