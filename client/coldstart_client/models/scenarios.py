"""Scenarios, and what was clicked in their lists."""

from datetime import datetime

from coldstart_client.models.answer import Answer
from coldstart_client.models.model_versions import OnlineEstimate


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
    strangers: str | None
    percent: float
    updated_at: datetime


class ClickRate(Answer):
    """The clicks on a group of showings; `variant` is None unless the groups are scenarios."""

    group: str | None
    variant: str | None
    shown: int
    clicked: int
    click_rate: OnlineEstimate
