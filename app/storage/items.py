"""The catalogue in the database."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.tables import Item
from app.storage.upsert import dialect_of, insert


@dataclass(frozen=True)
class ItemRecord:
    """What an item is, without when it changed."""

    id: str
    title: str | None
    attributes: dict[str, Any]


@dataclass(frozen=True)
class CatalogueChanges:
    """What a catalogue that is behind has to catch up with."""

    changed: Sequence[ItemRecord]
    removed: Sequence[str]


class ItemRepository:
    """Reads and writes items.

    A writer first takes its version from `VersionsRepository.next_catalogue`, which keeps other writers out.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, item_id: str) -> Item | None:
        """The item, if it is in the catalogue."""
        item = await self._session.get(Item, item_id)
        return None if item is None or item.deleted else item

    async def save(self, items: Iterable[ItemRecord], *, version: int) -> None:
        """Create or replace items."""
        statement = insert(dialect_of(self._session), Item)
        columns = ("title", "folded_title", "attributes", "version", "deleted")
        statement = statement.on_conflict_do_update(
            index_elements=[Item.id], set_={column: statement.excluded[column] for column in columns}
        )
        await self._session.execute(statement, [_row(item, version) for item in items])

    async def save_missing(self, items: Iterable[ItemRecord], *, version: int) -> None:
        """Create the items that the table has never held; edited and deleted ones stay as they are."""
        statement = insert(dialect_of(self._session), Item).on_conflict_do_nothing(index_elements=[Item.id])
        await self._session.execute(statement, [_row(item, version) for item in items])

    async def known_ids(self, among: Collection[str] | None = None) -> set[str]:
        """The ids of all items ever held, deleted ones included; those `among` some ids, if these are given."""
        statement = select(Item.id)
        if among is not None:
            statement = statement.where(Item.id.in_(among))
        return set(await self._session.scalars(statement))

    async def delete(self, item_id: str, *, version: int) -> bool:
        """Turn an item into a tombstone; False if it is not in the catalogue."""
        statement = (
            update(Item)
            .where(Item.id == item_id, Item.deleted.is_(False))
            .values(deleted=True, version=version)
            .returning(Item.id)
        )
        return (await self._session.execute(statement)).scalar_one_or_none() is not None

    async def page(
        self, *, query: str | None, ids: Collection[str] | None, after: str | None, limit: int
    ) -> Sequence[Item]:
        """Items by id from behind `after` on; with a query, those whose title contains it in any case.

        With `ids`, only these items.
        """
        statement = select(Item).where(Item.deleted.is_(False)).order_by(Item.id).limit(limit)
        if query is not None:
            statement = statement.where(Item.folded_title.contains(query.casefold(), autoescape=True))
        if ids is not None:
            statement = statement.where(Item.id.in_(ids))
        if after is not None:
            statement = statement.where(Item.id > after)
        return (await self._session.scalars(statement)).all()

    async def catalogue(self) -> Sequence[ItemRecord]:
        """All items that are not deleted, by id."""
        statement = select(Item.id, Item.title, Item.attributes).where(Item.deleted.is_(False)).order_by(Item.id)
        return [ItemRecord(*row) for row in await self._session.execute(statement)]

    async def changed_since(self, version: int) -> CatalogueChanges:
        """What changed after a catalogue version."""
        statement = select(Item).where(Item.version > version).order_by(Item.id)
        items = (await self._session.scalars(statement)).all()
        return CatalogueChanges(
            changed=[ItemRecord(item.id, item.title, item.attributes) for item in items if not item.deleted],
            removed=[item.id for item in items if item.deleted],
        )


def _row(item: ItemRecord, version: int) -> dict[str, Any]:
    return {
        "id": item.id,
        "title": item.title,
        "folded_title": None if item.title is None else item.title.casefold(),
        "attributes": item.attributes,
        "version": version,
        "deleted": False,
    }
