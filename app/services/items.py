"""Items: the catalogue of what can be recommended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.errors import ItemNotFoundError
from app.services.model_host import ModelHost
from app.services.validation import attribute_errors, changed_attributes, duplicate_errors, raise_if_invalid
from app.storage.current_versions import CurrentVersionsRepository
from app.storage.database import Database
from app.storage.items import ItemRecord, ItemRepository
from app.storage.saved import Saved
from app.storage.tables import Item
from models.data.attribute_values import known_attributes
from models.data.schema import EntitySource


@dataclass(frozen=True)
class ItemChange:
    """A change of a part of an item.

    Attributes:
        attributes: The attributes that change; None removes one.
        replaces_title: Whether the title changes.
        title: The new title, if it changes; None removes it.
        available: Whether the item may be in lists; None leaves it as it is.
    """

    attributes: Mapping[str, object]
    replaces_title: bool = False
    title: str | None = None
    available: bool | None = None


class ItemService:
    """Stores, finds and deletes items. The next request sees every change."""

    def __init__(self, database: Database, host: ModelHost) -> None:
        self._database = database
        self._host = host

    async def put(self, item: ItemRecord) -> ItemRecord:
        """Create or replace an item.

        Raises:
            InvalidRequestError: If its attributes contradict the schema.
            NoActiveModelError: If no model is being served: the schema is the model's.
        """
        source = await self._item_source()
        raise_if_invalid(attribute_errors(item.attributes, source))
        (stored,) = await self._save([item], source)
        return stored

    async def put_all(self, items: Sequence[ItemRecord]) -> Sequence[ItemRecord]:
        """Create or replace items, all or none of them.

        Raises:
            InvalidRequestError: If attributes contradict the schema, or an id occurs twice.
            NoActiveModelError: If no model is being served: the schema is the model's.
        """
        source = await self._item_source()
        raise_if_invalid(
            duplicate_errors([item.id for item in items], where="items.{}.item_id"),
            *(
                attribute_errors(item.attributes, source, where=f"items.{index}.attributes")
                for index, item in enumerate(items)
            ),
        )
        return await self._save(items, source)

    async def store(self, items: Sequence[ItemRecord]) -> Saved:
        """Create items, and replace those that differ from the stored ones. Their attributes must fit the schema."""
        async with self._database.write() as session:
            return await ItemRepository(session).save_differing(items)

    async def patch(self, item_id: str, change: ItemChange) -> ItemRecord:
        """Change a part of an item; the rest stays.

        Raises:
            InvalidRequestError: If the attributes contradict the schema.
            ItemNotFoundError: If it is not in the catalogue.
            NoActiveModelError: If no model is being served: the schema is the model's.
        """
        source = await self._item_source()
        raise_if_invalid(attribute_errors(change.attributes, source))
        async with self._database.write() as session:
            # Locked before it is read, so that no change of another request is lost.
            await CurrentVersionsRepository(session).lock()
            item = await ItemRepository(session).get(item_id)
            if item is None:
                raise ItemNotFoundError(item_id)
            title = change.title if change.replaces_title else item.title
            attributes = changed_attributes(item.attributes, change.attributes, source)
            available = item.available if change.available is None else change.available
            changed = ItemRecord(item_id, title, attributes, available)
            await ItemRepository(session).save_differing([changed])
        return changed

    async def get(self, item_id: str) -> Item:
        """An item.

        Raises:
            ItemNotFoundError: If it is not in the catalogue.
        """
        async with self._database.read() as session:
            item = await ItemRepository(session).get(item_id)
        if item is None:
            raise ItemNotFoundError(item_id)
        return item

    async def delete(self, item_id: str) -> None:
        """Delete an item from the catalogue. Its ratings are kept, but no longer used.

        Raises:
            ItemNotFoundError: If it is not in the catalogue.
        """
        async with self._database.write() as session:
            version = await CurrentVersionsRepository(session).next_catalogue()
            if not await ItemRepository(session).delete(item_id, version=version):
                raise ItemNotFoundError(item_id)

    async def page(
        self,
        *,
        query: str | None,
        ids: Sequence[str] | None,
        available: bool | None,
        after: str | None,
        limit: int,
    ) -> Sequence[Item]:
        """Items, ordered by id, after the id `after`; see `ItemRepository.page`."""
        async with self._database.read() as session:
            return await ItemRepository(session).page(
                query=query, ids=ids, available=available, after=after, limit=limit
            )

    async def _item_source(self) -> EntitySource:
        return (await self._host.current()).schema.items

    async def _save(self, items: Sequence[ItemRecord], source: EntitySource) -> Sequence[ItemRecord]:
        stored = [replace(item, attributes=known_attributes(item.attributes, source)) for item in items]
        await self.store(stored)
        return stored
