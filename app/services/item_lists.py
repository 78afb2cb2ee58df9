"""Lists of items that are the same for everybody: popular, trending and latest items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from anyio import to_thread
from numpy.typing import NDArray

from app.services.choice_counts import ChoiceCounter
from app.services.filters import filter_errors
from app.services.model_host import ModelHost
from app.services.model_traffic import ServedModel
from app.services.validation import raise_if_invalid
from app.storage.choice_counts import PeriodCounts
from app.storage.database import Database
from app.storage.items import ItemRepository
from app.strangers_list import ListName
from models.ranking.best import best_places
from models.ranking.catalogue import Catalogue
from models.ranking.filters import Filter

TRENDING_DAYS = 7
"""The window of trending items, unless a request names another one."""

_ADDED_LAST = 10_000
"""The most items whose time of arrival is read. It bounds the time of a request."""

_STANDARD_DEVIATIONS = 2.0
_ADDED_CHOICES = 3.0


@dataclass(frozen=True)
class ListedItem:
    """An item of a list.

    Attributes:
        item_id: The item.
        title: Its name, if it has one.
        choices: How many users chose it in the window, or ever without a window; None in the list of the latest items.
        trend: How many times as often as before it was chosen (`trends`); None in other lists.
    """

    item_id: str
    title: str | None
    choices: int | None
    trend: float | None


@dataclass(frozen=True)
class ItemList:
    """A list, best first, and the days of its window; None without a window."""

    items: Sequence[ListedItem]
    days: int | None


class ItemListService:
    """Makes the lists that are the same for everybody."""

    def __init__(self, database: Database, host: ModelHost, counter: ChoiceCounter) -> None:
        self._database = database
        self._host = host
        self._counter = counter

    async def get(self, name: ListName, *, n: int, filters: Filter, days: int | None) -> ItemList:
        """A list.

        Args:
            name: Which one.
            n: The most items.
            filters: Conditions on the items.
            days: The window that ends now: only choices in it count and, in the list of the latest items, only items
                that were added in it. None means no window, but `TRENDING_DAYS` for trending items.

        Raises:
            InvalidRequestError: If a filter has a field, a value or a condition that items do not have.
            NoActiveModelError: If no model is being served: it has the catalogue.
        """
        served = await self._host.current()
        raise_if_invalid(await filter_errors(filters, served))
        return await self.of(served, name, n=n, filters=filters, days=days)

    async def of(self, served: ServedModel, name: ListName, *, n: int, filters: Filter, days: int | None) -> ItemList:
        """A list of a model's catalogue, with filters that fit it; see `get`."""
        catalogue, kinds = served.recommender.catalogue, served.schema.kinds
        if name is ListName.LATEST:
            date = served.schema.items.date
            added = await self._added_last(days) if date is None or days is not None else None
            items = await to_thread.run_sync(_latest, catalogue, filters, n, date, added)
            return ItemList(items, days)
        if days is None and name is ListName.POPULAR:
            return ItemList(await to_thread.run_sync(_popular, catalogue, filters, n, None), None)
        days = days or TRENDING_DAYS
        counts = await self._counter.count(days, [kind for kind, weight in kinds.items() if weight > 0])
        make = _trending if name is ListName.TRENDING else _popular
        return ItemList(await to_thread.run_sync(make, catalogue, filters, n, counts), days)

    async def _added_last(self, days: int | None) -> Mapping[str, datetime]:
        since = None if days is None else datetime.now(UTC) - timedelta(days=days)
        async with self._database.read() as session:
            return await ItemRepository(session).added_last(since=since, limit=_ADDED_LAST)


def trends(recent: NDArray[np.int64], former: NDArray[np.int64]) -> NDArray[np.float64]:
    """How many times as often as expected items were chosen, by a cautious estimate.

    trend = (r - 2 √r) / ((f + 3) · g), with r choices in the window, f choices in the period before, and g = Σr / Σf,
    by which choices of all items have grown (1 if there were none before).

    A count r has about the standard deviation √r (Poisson), so r - 2 √r is a low estimate. Every item gets 3 former
    choices in addition. So a few clicks make no trend: with as many choices of all items as before, an item that nobody
    chose before needs 10 to exceed 1, and one with 10 before needs 23.

    Args:
        recent: int64 [items], choices in the window; all items that were chosen in either period.
        former: int64 [items], choices in the period before, which is as long.
    """
    growth = recent.sum() / former.sum() if recent.any() and former.any() else 1.0
    lowest = recent - _STANDARD_DEVIATIONS * np.sqrt(recent)
    return np.asarray(lowest / ((former + _ADDED_CHOICES) * growth))


def _popular(
    catalogue: Catalogue,
    filters: Filter,
    n: int,
    counts: Mapping[str, PeriodCounts] | None,
) -> list[ListedItem]:
    """The items that most users chose, in the window or, without counts of a window, in training and since."""
    if counts is None:
        choices = catalogue.counts.astype(np.float64)
    else:
        choices = _by_row(catalogue, {item_id: own.recent for item_id, own in counts.items()}, missing=0)
    rows = _best(catalogue, filters, n, np.where(choices > 0, choices, np.nan))
    return [ListedItem(*catalogue.name(row), choices=int(choices[row]), trend=None) for row in rows]


def _trending(catalogue: Catalogue, filters: Filter, n: int, counts: Mapping[str, PeriodCounts]) -> list[ListedItem]:
    """The items whose trend is above 1, the highest first."""
    recent, former = np.array(list(counts.values()), dtype=np.int64).reshape(-1, 2).T
    by_row = _by_row(catalogue, dict(zip(counts, trends(recent, former).tolist(), strict=True)), missing=0)
    rows = _best(catalogue, filters, n, np.where(by_row > 1, by_row, np.nan))
    return [
        ListedItem(item_id, title, choices=counts[item_id].recent, trend=float(by_row[row]))
        for row, (item_id, title) in ((row, catalogue.name(row)) for row in rows)
    ]


def _latest(
    catalogue: Catalogue,
    filters: Filter,
    n: int,
    date: str | None,
    added: Mapping[str, datetime] | None,
) -> list[ListedItem]:
    """The newest items.

    Args:
        catalogue: The catalogue.
        filters: Conditions on the items.
        n: The most items.
        date: The attribute that says when items are new. None lets the time count at which they were added.
        added: When items were added. Only these may be in the list; None lets all be in it.
    """
    times = None
    if added is not None:
        seconds = {item_id: moment.timestamp() for item_id, moment in added.items()}
        times = _by_row(catalogue, seconds, missing=np.nan)
    if date is not None:
        dates = catalogue.column(date).cast(float).fill_null(np.nan).to_numpy()
        times = dates if times is None else np.where(np.isnan(times), np.nan, dates)
    assert times is not None  # noqa: S101 - the caller gives one of the two
    return [ListedItem(*catalogue.name(row), choices=None, trend=None) for row in _best(catalogue, filters, n, times)]


def _by_row(catalogue: Catalogue, values: Mapping[str, float], *, missing: float) -> NDArray[np.float64]:
    """float64 [rows], the value of each row's item. Items outside the catalogue are left out."""
    by_row = np.full(len(catalogue), missing, dtype=np.float64)
    for item_id, value in values.items():
        if (row := catalogue.row_of(item_id)) is not None:
            by_row[row] = value
    return by_row


def _best(catalogue: Catalogue, filters: Filter, n: int, values: NDArray[np.float64]) -> list[int]:
    """The rows with the highest values; of equal ones, items with more ratings first.

    Args:
        catalogue: The catalogue.
        filters: Conditions on the items.
        n: The most rows.
        values: float64 [rows]; NaN keeps a row out of the list.
    """
    rows = np.flatnonzero(catalogue.allowed((), filters) & ~np.isnan(values))
    best: list[int] = rows[best_places(values[rows], catalogue.counts[rows], n)].tolist()
    return best
