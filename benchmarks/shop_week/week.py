"""One week of the shop, and what the service reports of it."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
from coldstart_client import NewItem
from coldstart_client.models import ClickRate

from app.lists.item_conversion import to_records
from benchmarks.shop_week.shop import NEWSLETTER, Shop, Showing
from benchmarks.shop_week.visitors import DAYS, Visitor
from models.data.dataset import Dataset
from models.data.splits import Split
from models.evaluation.lists.measuring import new_items

NEWSLETTER_DAYS = (2, 5)


@dataclass(frozen=True)
class World:
    """What is the same in all weeks.

    Attributes:
        model: The artifact of a model that knows neither the visitors nor the new items' ratings.
        opening: The start of the first day.
        visitors: The visitors.
        arriving: By day, the items that are new on it.
        liked_from: The lowest rating of an item that is liked.
    """

    model: Path
    opening: datetime
    visitors: Sequence[Visitor]
    arriving: Sequence[Sequence[NewItem]]
    liked_from: float


@dataclass(frozen=True)
class Week:
    """A week.

    Attributes:
        showings: All lists that were shown.
        ratings: How many ratings the visitors gave.
        rates: What `GET /v1/click-rates` says of the whole week.
        rates_by_day: What it says of each day.
    """

    showings: Sequence[Showing]
    ratings: int
    rates: Sequence[ClickRate]
    rates_by_day: Sequence[Sequence[ClickRate]]


def arriving_items(dataset: Dataset, split: Split) -> list[list[NewItem]]:
    """The items that the split makes new, on the days of the week in the order of their dates.

    The schema of the data set must name a date.
    """
    new = np.flatnonzero(new_items(dataset, split))
    dates = dataset.items.table[dataset.schema.items.date].to_numpy()[new]
    records = list(to_records(dataset.items))
    ordered = [records[row] for row in new[np.argsort(dates, kind="stable")].tolist()]
    items = [NewItem(record.id, record.title, record.attributes) for record in ordered]
    return [[items[row] for row in part] for part in np.array_split(np.arange(len(items)), DAYS)]


async def simulate(world: World, *, percent: float) -> Week:
    """A week in which the home page of so many percent of the visitors is more diverse."""
    with tempfile.TemporaryDirectory() as state:
        async with Shop.opened(world.model, Path(state), world.opening, liked_from=world.liked_from) as shop:
            later = [item.item_id for items in world.arriving for item in items]
            await shop.set_up(percent=percent, later=later)
            for day, arriving in enumerate(world.arriving):
                await shop.open_day(day, arriving)
                await _day(shop, world.visitors, day)
                await shop.close_day()
            days = [world.opening + timedelta(days=day) for day in range(DAYS + 1)]
            rates_by_day = [
                (await shop.client.list_click_rates(since=since, until=until)).items for since, until in pairwise(days)
            ]
            return Week(shop.showings, shop.ratings, (await shop.client.list_click_rates()).items, rates_by_day)


async def _day(shop: Shop, visitors: Sequence[Visitor], day: int) -> None:
    for visitor in visitors:
        if day == visitor.days[0]:
            await shop.sign_up(visitor)
        elif day in NEWSLETTER_DAYS and day > visitor.days[0]:
            await shop.show(visitor, NEWSLETTER)
        if day in visitor.days:
            await shop.visit(visitor)
