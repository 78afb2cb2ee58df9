from dataclasses import replace
from datetime import UTC, datetime

from app.storage.current_versions import CurrentVersionsRepository
from app.storage.database import Database
from app.storage.item_popularity import ItemPopularityRepository, ItemRatings
from app.storage.items import ItemRecord, ItemRepository
from app.storage.model_versions import ModelVersionRepository

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


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


async def test_search_finds_folded_words_in_any_order_and_popular_items_first(database: Database) -> None:
    """What people type, and the titles that they mean, best first."""
    titles = {
        "a": "Godfather, The (1972)",
        "b": "Godfather: Part II, The",
        "c": "Amélie (Le Fabuleux Destin d'Amélie Poulain)",
        "d": "Star Kid",
        "e": "Star Wars",
        "f": "Mustard",
        "g": "Spider-Man",
        "h": "Straße der Wölfe",
        "i": "千と千尋の神隠し",
        "j": "Сталкер",
        "k": "Ирония судьбы, или С лёгким паром!",
        "l": "बाहुबली",
        "m": "Żółć",
        "n": "$",
        "o": "100% Wolf",
        "p": "Schindler's List",
        "q": "Trois couleurs\xa0: Bleu",
        "r": "İstanbul",
    }
    counts = {"a": 10, "b": 9, "d": 5, "e": 50, "f": 99}
    await save(database, *(item(item_id, title) for item_id, title in titles.items()), item("sku-17"))
    async with database.write() as session:
        await ItemRepository(session).save_training_counts(counts)
    found = {
        "the godfather": "ab",
        "GODFATHER": "ab",
        "Godfather,  the": "ab",
        "1972 godf": "a",
        "amelie": "c",
        "AME\u0301LIE": "c",
        "destin d'amelie": "c",
        "star": "edf",
        "wars star": "e",
        "spider man": "g",
        "spiderman": "g",
        "spider-man": "g",
        "strasse wolfe": "h",
        "神隠し": "i",
        "СТАЛКЕР": "j",
        "легким": "k",
        "बाहु": "l",
        "zolc": "m",
        "$": "n",
        "100%": "o",
        "0% w": "o",
        "_": "",
        "schindlers list": "p",
        "schindler's": "p",
        "couleurs: bleu": "q",
        "istanbul": "r",
        "godfather star": "",
    }
    async with database.read() as session:
        items = ItemRepository(session)
        for query, ids in found.items():
            shown = await items.page(query=query, ids=None, after=None, limit=50)
            assert [each.id for each in shown] == list(ids), query
        assert [each.id for each in await items.page(query="SKU 17", ids=None, after=None, limit=50)] == ["sku-17"]


async def test_search_in_pages_finds_every_item_once_in_the_order_of_one_page(database: Database) -> None:
    titles = ["Star", "star", "Star, a", "Übermustar", "Other", "STAR Z", "Restart", None]
    await save(database, *(item(f"i{place}", title) for place, title in enumerate(titles)), item("x", "Star X"))
    async with database.write() as session:
        await ItemRepository(session).save_training_counts({"i2": 3, "i3": 7, "i5": 3})
    await delete(database, "x")
    async with database.read() as session:
        items = ItemRepository(session)
        at_once = [each.id for each in await items.page(query="star", ids=None, after=None, limit=50)]
        paged: list[str] = []
        while page := await items.page(query="star", ids=None, after=paged[-1] if paged else None, limit=2):
            paged += [each.id for each in page]

    assert at_once == paged == ["i2", "i5", "i0", "i1", "i3", "i6"]


async def test_search_counts_ratings_since_training(database: Database) -> None:
    await save(database, item("a", "Star Kid"), item("b", "Star Wars"))
    async with database.write() as session:
        await ModelVersionRepository(session).register(version_id="m", path="m", manifest={}, created_at=NOON)
        await CurrentVersionsRepository(session).activate("m")
        await ItemRepository(session).save_training_counts({"a": 2, "b": 3})
        await ItemPopularityRepository(session).save("m", {"a": ItemRatings(2, 4.0, 0)}, version=1)
    async with database.read() as session:
        found = await ItemRepository(session).page(query="star", ids=None, after=None, limit=2)

    assert [each.id for each in found] == ["a", "b"]


async def test_save_training_counts_of_another_model_replaces_those_of_its_items(database: Database) -> None:
    version = await save(database, item("a", "Star Kid"), item("b", "Star Wars"), item("c", "Star Trek"))
    for counts in ({"a": 1, "b": 2, "c": 3}, {"a": 9, "b": 2, "unknown": 5}):
        async with database.write() as session:
            await ItemRepository(session).save_training_counts(counts)
    async with database.read() as session:
        items = ItemRepository(session)
        found = await items.page(query="star", ids=None, after=None, limit=3)
        assert not await items.changed_since(version)

    assert [each.id for each in found] == ["a", "c", "b"]


async def test_save_that_keeps_the_availability_hides_and_shows_nothing(database: Database) -> None:
    hidden = replace(item("a"), available=False)
    async with database.write() as session:
        await ItemRepository(session).save_differing([hidden])
        saved = await ItemRepository(session).save_differing([item("a"), item("b")], keep_availability=True)
        assert (saved.created, saved.updated, saved.unchanged) == (1, 0, 1)
        assert await ItemRepository(session).catalogue() == [hidden, item("b")]
