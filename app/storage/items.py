"""The catalogue in the database."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    case,
    collate,
    func,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.current_versions import CurrentVersionsRepository
from app.storage.saved import Saved
from app.storage.tables import Base, CurrentVersions, Item, ItemPopularity
from app.storage.title_search import search_text, words
from app.storage.upsert import dialect_of, insert

_AT_ONCE = 500
"""Rows of one statement: preparing their parameters keeps the event loop busy for some milliseconds."""


@dataclass(frozen=True)
class ItemRecord:
    """An item's id, title and attributes, and whether it may be in lists."""

    id: str
    title: str | None
    attributes: dict[str, Any]
    available: bool = True


@dataclass(frozen=True)
class CatalogueChanges:
    """The changes of the catalogue since a version."""

    changed: Sequence[ItemRecord]
    removed: Sequence[str]

    def __bool__(self) -> bool:
        return bool(self.changed or self.removed)


class ItemRepository:
    """Reads and writes items.

    A writer first takes its version from `CurrentVersionsRepository.next_catalogue`, which keeps other writers out.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, item_id: str) -> Item | None:
        """The item, if it is in the catalogue."""
        item = await self._session.get(Item, item_id)
        return None if item is None or item.deleted else item

    async def save(self, items: Iterable[ItemRecord], *, version: int) -> None:
        """Create or replace items. A deleted item that is created again counts as added now."""
        statement = insert(dialect_of(self._session), Item)
        columns = ("title", "folded_title", "attributes", "available", "version", "deleted")
        created_at = case((Item.deleted, statement.excluded.created_at), else_=Item.created_at)
        statement = statement.on_conflict_do_update(
            index_elements=[Item.id],
            set_={column: statement.excluded[column] for column in columns} | {"created_at": created_at},
        )
        now = datetime.now(UTC)
        await self._session.execute(statement, [{**_row(item, version), "created_at": now} for item in items])

    async def save_differing(self, items: Sequence[ItemRecord], *, keep_availability: bool = False) -> Saved:
        """Create or replace the items that differ from the stored ones.

        They get a new catalogue version, unless nothing differs. Of several items with one id the last is kept.

        Args:
            items: The items.
            keep_availability: Whether stored items stay as available as they are, because the source does not say it.
        """
        before = await self._stored({item.id for item in items})
        if keep_availability:
            items = [
                replace(item, available=before[item.id].available) if item.id in before else item for item in items
            ]
        after = dict(before)
        created = updated = 0
        for item in items:
            known = after.get(item.id)
            created += known is None
            updated += known is not None and known != item
            after[item.id] = item
        differing = [item for item_id, item in after.items() if before.get(item_id) != item]
        if differing:
            # Another writer may have changed items that were equal above: that write then counts as the later one.
            version = await CurrentVersionsRepository(self._session).next_catalogue()
            for start in range(0, len(differing), _AT_ONCE):
                await self.save(differing[start : start + _AT_ONCE], version=version)
        return Saved(created, updated, len(items) - created - updated)

    async def _stored(self, ids: Collection[str]) -> dict[str, ItemRecord]:
        """Those of the items that are in the catalogue, by id."""
        stored: dict[str, ItemRecord] = {}
        in_order = sorted(ids)
        for start in range(0, len(in_order), _AT_ONCE):
            rows = await self._session.execute(_STORED, {"ids": in_order[start : start + _AT_ONCE]})
            stored.update((row.id, _record(row)) for row in rows)
        return stored

    async def save_missing(self, items: Iterable[ItemRecord], *, version: int) -> None:
        """Create the items of a model that were never stored. Edited and deleted items stay as they are.

        When they were added to the shop's catalogue is unknown.
        """
        statement = insert(dialect_of(self._session), Item).on_conflict_do_nothing(index_elements=[Item.id])
        await self._session.execute(statement, [_row(item, version) for item in items])

    async def known_ids(self, among: Collection[str] | None = None) -> set[str]:
        """The ids of all items ever stored, including deleted ones; with `among`, only ids among these."""
        statement = select(Item.id)
        if among is not None:
            statement = statement.where(Item.id.in_(among))
        return set(await self._session.scalars(statement))

    async def catalogue_ids(self) -> Sequence[str]:
        """The ids of all items that are not deleted."""
        return (await self._session.scalars(select(Item.id).where(Item.deleted.is_(False)))).all()

    async def delete(self, item_id: str, *, version: int) -> bool:
        """Mark an item as deleted; False if it is not in the catalogue."""
        statement = (
            update(Item)
            .where(Item.id == item_id, Item.deleted.is_(False))
            .values(deleted=True, version=version)
            .returning(Item.id)
        )
        return (await self._session.execute(statement)).scalar_one_or_none() is not None

    async def save_training_counts(self, counts: Mapping[str, int]) -> None:
        """Store how many ratings of each item a model was trained on, where that differs from what is stored."""
        stored = await self._session.execute(select(_items.c.id, _items.c.training_count))
        differing = [
            {"item_id": item_id, "count": counts[item_id]}
            for item_id, count in stored
            if counts.get(item_id, count) != count
        ]
        statement = update(_items).where(_items.c.id == bindparam("item_id"))
        statement = statement.values(training_count=bindparam("count"))
        for start in range(0, len(differing), _AT_ONCE):
            await self._session.execute(statement, differing[start : start + _AT_ONCE])

    async def page(
        self,
        *,
        query: str | None,
        ids: Collection[str] | None,
        available: bool | None = None,
        after: str | None,
        limit: int,
    ) -> Sequence[Item]:
        """Items, ordered by id, after the item `after`. With `ids`, only these items.

        With `available`, only those that are available, or only those that are not.

        With a query, those whose title contains all its words, in any order; case and accents do not count. Titles
        with words that begin like those of the query come first, then popular ones, then by title. An item without a
        title is found by its id.
        """
        wanted = words(query or "")
        order = [Item.id] if query is None else self._search_order(wanted)
        statement = _joined(select(Item)).where(Item.deleted.is_(False)).order_by(*order).limit(limit)
        statement = statement.where(*(Item.folded_title.contains(word, autoescape=True) for word in wanted))
        if ids is not None:
            statement = statement.where(Item.id.in_(ids))
        if available is not None:
            statement = statement.where(Item.available.is_(available))
        if after is not None:
            position = _joined(select(*order)).where(Item.id == after)
            statement = statement.where(tuple_(*order) > position.scalar_subquery())
        return (await self._session.scalars(statement)).all()

    def _search_order(self, wanted: Sequence[str]) -> list[ColumnElement[Any]]:
        """What a search is ordered by. The collation gives the same order in both databases."""
        begins = [literal(" ").concat(Item.folded_title).contains(f" {word}", autoescape=True) for word in wanted]
        popularity = Item.training_count + func.coalesce(ItemPopularity.rating_count, 0)
        collation = "BINARY" if dialect_of(self._session) == "sqlite" else "C"
        return [
            case((and_(True, *begins), 0), else_=1),
            -popularity,
            collate(func.coalesce(Item.folded_title, ""), collation),
            collate(Item.id, collation),
        ]

    async def added_last(self, *, since: datetime | None, limit: int) -> Mapping[str, datetime]:
        """When items of the catalogue were added: of those that were added last, and not before `since`."""
        statement = select(_items.c.id, _items.c.created_at).where(_items.c.deleted.is_(False))
        known = _items.c.created_at.is_not(None) if since is None else _items.c.created_at >= since
        statement = statement.where(known).order_by(_items.c.created_at.desc(), _items.c.id).limit(limit)
        return dict((await self._session.execute(statement)).all())

    async def catalogue(self) -> Sequence[ItemRecord]:
        """All items that are not deleted, by id."""
        statement = select(*_RECORD).where(_items.c.deleted.is_(False)).order_by(_items.c.id)
        return [_record(row) for row in await self._all(statement)]

    async def changed_since(self, version: int) -> CatalogueChanges:
        """What changed after a catalogue version."""
        statement = select(*_RECORD, _items.c.deleted).where(_items.c.version > version).order_by(_items.c.id)
        rows = await self._all(statement)
        return CatalogueChanges(
            changed=[_record(row) for row in rows if not row.deleted],
            removed=[row.id for row in rows if row.deleted],
        )

    async def _all(self, statement: Select[Any]) -> list[Row[Any]]:
        """Many rows, decoded in portions, so that other requests are served in between."""
        rows: list[Row[Any]] = []
        for portion in (await self._session.execute(statement)).partitions(_AT_ONCE):
            rows += portion
            await asyncio.sleep(0)
        return rows


def _joined(statement: Select[Any]) -> Select[Any]:
    """A statement about items, joined with their ratings since the active model was trained."""
    active = select(CurrentVersions.model_version).scalar_subquery()
    return statement.join_from(
        Item,
        ItemPopularity,
        and_(ItemPopularity.item_id == Item.id, ItemPopularity.model_version == active),
        isouter=True,
    )


# On tables instead of ORM classes, because there are many rows and the ORM takes much of the time.
_items = Base.metadata.tables["items"]
_RECORD = (_items.c.id, _items.c.title, _items.c.attributes, _items.c.available)
_STORED = select(*_RECORD).where(_items.c.id.in_(bindparam("ids", expanding=True)), _items.c.deleted.is_(False))


def _record(row: Any) -> ItemRecord:  # noqa: ANN401 - a row with the columns of `_RECORD`
    return ItemRecord(row.id, row.title, row.attributes, row.available)


def _row(item: ItemRecord, version: int) -> dict[str, Any]:
    return {
        "id": item.id,
        "title": item.title,
        "folded_title": search_text(item.title or item.id),
        "attributes": item.attributes,
        "available": item.available,
        "version": version,
        "deleted": False,
    }
