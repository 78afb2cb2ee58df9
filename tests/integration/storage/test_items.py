from app.storage.current_versions import CurrentVersionsRepository
from app.storage.database import Database
from app.storage.items import ItemRecord, ItemRepository


async def save(database: Database, *items: ItemRecord) -> int:
    async with database.write() as session:
        version = await CurrentVersionsRepository(session).next_catalogue()
        await ItemRepository(session).save(items, version=version)
        return version


async def delete(database: Database, item_id: str) -> int:
    async with database.write() as session:
        version = await CurrentVersionsRepository(session).next_catalogue()
        assert await ItemRepository(session).delete(item_id, version=version)
        return version


def item(item_id: str, title: str | None = None) -> ItemRecord:
    return ItemRecord(item_id, title, {"genre": ["x"]})


async def test_changed_since_a_version_lists_changed_and_removed_items(database: Database) -> None:
    first = await save(database, item("a"), item("b"), item("c"))
    await save(database, item("b", "changed"))
    await delete(database, "c")

    async with database.read() as session:
        items = ItemRepository(session)
        since_first = await items.changed_since(first)
        since_ever = await items.changed_since(0)
        catalogue = await items.catalogue()

    assert since_first.changed == [item("b", "changed")]
    assert since_first.removed == ["c"]
    assert since_ever.changed == catalogue == [item("a"), item("b", "changed")]


async def test_delete_of_an_item_keeps_its_id(database: Database) -> None:
    await save(database, item("a"), item("b"))
    await delete(database, "b")

    async with database.read() as session:
        items = ItemRepository(session)
        assert await items.known_ids() == {"a", "b"}
        assert await items.get("b") is None


async def test_save_missing_keeps_stored_items(database: Database) -> None:
    await save(database, item("a", "edited"), item("b"))
    await delete(database, "b")
    async with database.write() as session:
        version = await CurrentVersionsRepository(session).next_catalogue()
        fresh = [item("a", "original"), item("b"), item("c")]
        await ItemRepository(session).save_missing(fresh, version=version)

    async with database.read() as session:
        assert await ItemRepository(session).catalogue() == [item("a", "edited"), item("c")]


async def test_next_catalogue_in_a_failed_write_does_not_advance(database: Database) -> None:
    async with database.write() as session:
        await CurrentVersionsRepository(session).next_catalogue()
        await session.rollback()

    async with database.read() as session:
        assert (await CurrentVersionsRepository(session).current()).catalogue == 0
