"""Scenarios: named settings of lists, such as those of the home page, which requests refer to."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from app.errors import FieldError, InvalidRequestError, ScenarioNotFoundError
from app.lists.feedback import ListOptions
from app.services.filters import filter_errors
from app.services.model_host import ModelHost
from app.services.model_traffic import traffic_position
from app.services.validation import explore_errors, raise_if_invalid, rank_by_errors
from app.storage.database import Database
from app.storage.scenarios import ScenarioRepository
from models.elicitation.strategy import Strategy
from models.ranking.filters import Filter
from models.ranking.query import Boost, RankBy


class Variant(StrEnum):
    """Which side of a scenario's comparison a user is on."""

    SCENARIO = "scenario"
    """The settings of the scenario apply."""

    CONTROL = "control"
    """They do not apply."""


@dataclass(frozen=True)
class ScenarioSettings:
    """The settings of a scenario. None leaves the default. What a request says itself has precedence.

    Attributes:
        n: The most items.
        filters: Conditions on the items; a request may replace those on a field.
        rank_by: What orders the list.
        diversity: As in `ListOptions`.
        explore: As in `ListOptions`. It does not apply to a request for a list in the order of ratings.
        boosts: Rules that raise or lower items.
        pinned: Items that come first.
        exclude: Items to leave out, besides those of the request.
        include_rated: Whether rated items may be in the list.
        strategy: How candidates are chosen.
        strangers: As in `ListOptions`.
        percent: The share of the users to whom the settings apply. The others are the control group.
    """

    n: int | None = None
    filters: Filter = field(default_factory=dict)
    rank_by: RankBy | None = None
    diversity: float | None = None
    explore: float | None = None
    boosts: Sequence[Boost] = ()
    pinned: Sequence[str] = ()
    exclude: Sequence[str] = ()
    include_rated: bool | None = None
    strategy: Strategy | None = None
    strangers: str | None = None
    percent: float = 100.0

    def variant_of(self, name: str, user_id: str | None) -> Variant:
        """The side of a user. It never changes while `percent` does not. Without a user, the settings apply."""
        applies = user_id is None or traffic_position(user_id, f"scenario {name}") < self.percent
        return Variant.SCENARIO if applies else Variant.CONTROL

    def applied(self, options: ListOptions) -> ListOptions:
        """The options of a request with these settings, where the request does not have its own."""
        own: dict[str, Any] = {
            "n": self.n,
            "rank_by": self.rank_by,
            "diversity": self.diversity,
            "explore": None if options.rank_by is RankBy.RATING else self.explore,
            "include_rated": self.include_rated,
            "boosts": self.boosts or None,
            "pinned": self.pinned or None,
            "strangers": self.strangers,
        }
        changes = {name: value for name, value in own.items() if value is not None and name not in options.given}
        return replace(
            options,
            filters={**self.filters, **options.filters},
            exclude=[*self.exclude, *options.exclude],
            **changes,
        )


SETTINGS: TypeAdapter[ScenarioSettings] = TypeAdapter(ScenarioSettings)
"""Converts settings to and from JSON."""


@dataclass(frozen=True)
class NamedScenario:
    """A stored scenario."""

    name: str
    settings: ScenarioSettings
    updated_at: datetime


class ScenarioService:
    """Stores scenarios, and applies them. They are read for every request, so a change is seen by all replicas."""

    def __init__(self, database: Database, host: ModelHost) -> None:
        self._database = database
        self._host = host

    async def put(self, name: str, settings: ScenarioSettings) -> NamedScenario:
        """Create or replace a scenario.

        Raises:
            InvalidRequestError: If filters or the order do not fit the active model.
            NoActiveModelError: If no model is being served.
        """
        served = await self._host.current()
        raise_if_invalid(
            await filter_errors(settings.filters, served),
            *[
                await filter_errors(boost.where, served, where=f"boosts.{index}.filter")
                for index, boost in enumerate(settings.boosts)
            ],
            rank_by_errors(settings.rank_by or RankBy.CHOICE, predicts_ratings=served.predicts_ratings),
            explore_errors(settings.explore or 0.0, settings.rank_by or RankBy.CHOICE),
        )
        async with self._database.write() as session:
            await ScenarioRepository(session).save(name, SETTINGS.dump_python(settings, mode="json"))
        return await self.get(name)

    async def get(self, name: str) -> NamedScenario:
        """A scenario.

        Raises:
            ScenarioNotFoundError: If there is none of this name.
        """
        async with self._database.read() as session:
            stored = await ScenarioRepository(session).get(name)
        if stored is None:
            raise ScenarioNotFoundError(name)
        return NamedScenario(stored.name, SETTINGS.validate_python(stored.settings), stored.updated_at)

    async def page(self, *, after: str | None, limit: int) -> list[NamedScenario]:
        """Scenarios by name, after the name `after`."""
        async with self._database.read() as session:
            stored = await ScenarioRepository(session).page(after=after, limit=limit)
        return [NamedScenario(each.name, SETTINGS.validate_python(each.settings), each.updated_at) for each in stored]

    async def delete(self, name: str) -> None:
        """Delete a scenario. Requests that name it are refused from then on.

        Raises:
            ScenarioNotFoundError: If there is none of this name.
        """
        async with self._database.write() as session:
            if not await ScenarioRepository(session).delete(name):
                raise ScenarioNotFoundError(name)

    async def of_request(self, name: str) -> ScenarioSettings:
        """The settings of the scenario that a request names.

        Raises:
            InvalidRequestError: If there is none of this name.
        """
        try:
            return (await self.get(name)).settings
        except ScenarioNotFoundError:
            raise InvalidRequestError([FieldError("scenario", "is not a scenario")]) from None

    async def applied(self, options: ListOptions, user_id: str | None) -> ListOptions:
        """The options of a request with those of its scenario, if it names one that applies to the user.

        Raises:
            InvalidRequestError: If there is no such scenario.
        """
        if options.scenario is None:
            return options
        settings = await self.of_request(options.scenario)
        variant = settings.variant_of(options.scenario, user_id)
        options = replace(options, variant=variant)
        return settings.applied(options) if variant is Variant.SCENARIO else options

    async def strategy(self, name: str | None, user_id: str | None) -> Strategy | None:
        """How the scenario of a request chooses candidates; None if it leaves that open, or does not apply to the user.

        Raises:
            InvalidRequestError: If there is no such scenario.
        """
        if name is None:
            return None
        settings = await self.of_request(name)
        return settings.strategy if settings.variant_of(name, user_id) is Variant.SCENARIO else None
