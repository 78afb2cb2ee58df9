"""Items: the catalogue of what can be recommended."""

from collections.abc import Sequence

from app.errors import FieldError, ItemNotFoundError
from app.services.model_host import ModelHost
from app.services.validation import attribute_errors, raise_if_invalid
from app.storage.current_versions import CurrentVersionsRepository
from app.storage.database import Database
from app.storage.items import ItemRecord, ItemRepository
from app.storage.tables import Item
from models.data.attribute_values import known_attributes
from models.data.schema import EntitySource


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
            _duplicate_errors(items),
            *(
                attribute_errors(item.attributes, source, where=f"items.{index}.attributes")
                for index, item in enumerate(items)
            ),
        )
        return await self._save(items, source)

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
        self, *, query: str | None, ids: Sequence[str] | None, after: str | None, limit: int
    ) -> Sequence[Item]:
        """Items, ordered by id, after the id `after`; see `ItemRepository.page`."""
        async with self._database.read() as session:
            return await ItemRepository(session).page(query=query, ids=ids, after=after, limit=limit)

    async def _item_source(self) -> EntitySource:
        return (await self._host.current()).schema.items

    async def _save(self, items: Sequence[ItemRecord], source: EntitySource) -> Sequence[ItemRecord]:
        stored = [ItemRecord(item.id, item.title, known_attributes(item.attributes, source)) for item in items]
        async with self._database.write() as session:
            await ItemRepository(session).save_differing(stored)
        return stored


def _duplicate_errors(items: Sequence[ItemRecord]) -> list[FieldError]:
    seen: set[str] = set()
    errors = []
    for index, item in enumerate(items):
        if item.id in seen:
            errors.append(FieldError(f"items.{index}.item_id", "occurs twice in this request"))
        seen.add(item.id)
    return errors
