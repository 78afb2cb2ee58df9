"""The shop: a service in this process with a clock that can be set, its scenarios, and what a visitor does there."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import httpx
import time_machine
from coldstart_client import AsyncClient, GivenRating, NewEvent, NewItem

from app.main import create_app
from app.services.item_popularity import PopularityCounter
from app.settings import Settings
from app.storage.database import open_database
from benchmarks.shop_week.visitors import Visitor

HOME, BASKET, NEWSLETTER = "home", "basket", "newsletter"
LENGTHS = {HOME: 10, BASKET: 4, NEWSLETTER: 6}
"""The items of a list, by scenario."""

DIVERSITY = 0.9
"""The diversity of the home page in the A/B test."""

NEWSLETTER_FROM = 1997
"""The newsletter has only items from this year on."""

_CANDIDATES = 20
_PAUSE_SECONDS = 30
_NEVER = 1e9


@dataclass(frozen=True)
class Showing:
    """A list that a visitor was shown, and what the visitor chose of it.

    Attributes:
        day: The day, from 0.
        scenario: The scenario.
        variant: `scenario` or `control`.
        visitor: The visitor's id.
        items: How many items it had.
        clicked: How many of them the visitor chose.
        liked: How many of those the visitor likes.
        new_items: How many of the items arrived in this week.
        new_clicked: How many of those the visitor chose.
    """

    day: int
    scenario: str
    variant: str
    visitor: str
    items: int
    clicked: int
    liked: int
    new_items: int
    new_clicked: int


class Shop:
    """A shop, on one day after the other.

    Args:
        client: Of the service.
        database_url: The service's database.
        clock: The clock of this process.
        opening: The start of the first day.
        liked_from: The lowest rating of an item that is liked.
    """

    def __init__(
        self,
        client: AsyncClient,
        database_url: str,
        clock: time_machine.Traveller,
        opening: datetime,
        *,
        liked_from: float,
    ) -> None:
        self.client = client
        self.showings: list[Showing] = []
        self.ratings = 0
        self._database_url = database_url
        self._clock = clock
        self._opening = opening
        self._liked_from = liked_from
        self._day = 0
        self._new: set[str] = set()
        self._event_ids = count()

    @classmethod
    @asynccontextmanager
    async def opened(cls, model: Path, state: Path, opening: datetime, *, liked_from: float) -> AsyncIterator["Shop"]:
        """A shop that serves a model, with an empty database in a directory.

        The clock stands still except between visits, so nothing depends on how fast this machine is. For the same
        reason the service does not count by itself how popular items are; `close_day` does it.
        """
        settings = Settings(state_dir=state, redis_url=None, run_worker=False, popularity_seconds=_NEVER)
        app = create_app(settings, model_dir=model)
        with time_machine.travel(opening, tick=False) as clock:
            transport = httpx.ASGITransport(app)
            async with (
                app.router.lifespan_context(app),
                AsyncClient("http://localhost", transport=transport) as client,
            ):
                yield cls(client, settings.database_url.get_secret_value(), clock, opening, liked_from=liked_from)

    async def set_up(self, *, percent: float, later: Sequence[str]) -> None:
        """Define the scenarios, and remove the items that arrive later.

        Args:
            percent: The share of the visitors whose home page is more diverse.
            later: Ids of the items.
        """
        await self.client.put_scenario(HOME, diversity=DIVERSITY, percent=percent)
        await self.client.put_scenario(BASKET, percent=50)  # both sides get the same: an A/A test
        await self.client.put_scenario(NEWSLETTER, filter={"year": {"from": NEWSLETTER_FROM}})
        for item_id in later:
            await self.client.delete_item(item_id)

    async def open_day(self, day: int, arriving: Sequence[NewItem]) -> None:
        """Start a day at eight o'clock, with new items."""
        self._day = day
        self._clock.move_to(self._opening + timedelta(days=day, hours=8))
        if arriving:
            await self.client.put_items(arriving)
            self._new.update(item.item_id for item in arriving)

    async def close_day(self) -> None:
        """Count how popular items are, as each server does every half a minute."""
        async with open_database(self._database_url) as database:
            await PopularityCounter(database).count()

    async def sign_up(self, visitor: Visitor) -> None:
        """Ask a new visitor about some items. The visitor rates those that the visitor knows."""
        await self.client.put_user(visitor.id, visitor.attributes)
        candidates = await self.client.list_candidates(user_id=visitor.id, n=_CANDIDATES)
        known = [item.item_id for item in candidates.items if item.item_id in visitor.ratings]
        if known:
            await self._rate(visitor, known)

    async def visit(self, visitor: Visitor) -> None:
        """Show the home page and, if the visitor chooses something there, the list beside the basket."""
        self._clock.shift(_PAUSE_SECONDS)
        if await self.show(visitor, HOME):
            self._clock.shift(_PAUSE_SECONDS)
            await self.show(visitor, BASKET)

    async def show(self, visitor: Visitor, scenario: str) -> bool:
        """Show a list. The visitor chooses and rates the items that the visitor knows; return whether there are any."""
        page = await self.client.get_recommendations(visitor.id, scenario=scenario, n=LENGTHS[scenario])
        clicked = [item.item_id for item in page.items if item.item_id in visitor.ratings]
        await self.client.add_events(
            [
                NewEvent(
                    event_id=str(next(self._event_ids)),
                    type=kind,
                    model_version=page.model_version,
                    user_id=visitor.id,
                    item_id=item.item_id,
                    recommendation_id=page.recommendation_id,
                    position=item.rank,
                )
                for item in page.items
                for kind in (("shown", "clicked") if item.item_id in visitor.ratings else ("shown",))
            ]
        )
        if clicked:
            await self._rate(visitor, clicked)
        new = [item.item_id for item in page.items if item.item_id in self._new]
        self.showings.append(
            Showing(
                day=self._day,
                scenario=scenario,
                variant=page.recommendation_id.rpartition(".")[2],
                visitor=visitor.id,
                items=len(page.items),
                clicked=len(clicked),
                liked=sum(visitor.ratings[item_id] >= self._liked_from for item_id in clicked),
                new_items=len(new),
                new_clicked=len(self._new.intersection(clicked)),
            )
        )
        return bool(clicked)

    async def _rate(self, visitor: Visitor, item_ids: Sequence[str]) -> None:
        ratings = [GivenRating(item_id, visitor.ratings[item_id]) for item_id in item_ids]
        await self.client.add_ratings(visitor.id, ratings)
        self.ratings += len(ratings)
