import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import httpx
import pytest
from starlette.requests import ClientDisconnect

from app.api import record_streams
from app.main import create_app
from app.services import record_stream
from app.settings import Settings
from app.storage.current_versions import CurrentVersionsRepository
from app.storage.database import open_database
from app.storage.items import ItemRecord, ItemRepository
from app.storage.saved import Saved
from tests.integration.running import connected

BATCH = "/v1/items:batch"
NDJSON = {"content-type": "application/x-ndjson"}


def item(item_id: str, **more: object) -> dict[str, object]:
    return {"item_id": item_id, "title": f"Film {item_id}", "attributes": {"genre": ["comedy"], "year": 2026}} | more


def lines(items: Iterable[object]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in items)


async def send(client: httpx.AsyncClient, body: bytes | AsyncIterator[bytes]) -> dict[str, Any]:
    answer = await client.post(BATCH, content=body, headers=NDJSON)
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    return report


async def catalogue_version(settings: Settings) -> int:
    async with open_database(settings.database_url.get_secret_value()) as database, database.read() as session:
        return (await CurrentVersionsRepository(session).current()).catalogue


async def titles(client: httpx.AsyncClient, ids: Sequence[str]) -> dict[str, str]:
    answer = await client.get("/v1/items", params={"item_id": ids, "limit": 500})
    return {stored["item_id"]: stored["title"] for stored in answer.json()["items"]}


async def test_put_item_stream_with_invalid_lines_stores_the_others_and_reports_them(client: httpx.AsyncClient) -> None:
    body = b"\n".join(
        [
            json.dumps(item("new1")).encode(),
            b'{"item_id": "new2", "title": ',
            b"",
            json.dumps(item("new3", attributes={"year": "long ago", "height": 3})).encode(),
            json.dumps(item("a\tb", title="x", name="x")).encode(),
            b'{"item_id": "new4", "attributes": {"year": NaN}}',
            b"[]",
            b'"\xff"',
            json.dumps(item("new5")).encode(),
        ]
    )

    report = await send(client, body)

    errors = report.pop("errors")
    assert report == {
        "lines": 8,
        "created": 2,
        "updated": 0,
        "unchanged": 0,
        "rejected": 6,
        "error_count": 8,
    }
    assert [(error["line"], error["item_id"], error["field"]) for error in errors] == [
        (2, None, "line"),
        (4, "new3", "attributes.year"),
        (4, "new3", "attributes.height"),
        (5, None, "item_id"),
        (5, None, "name"),
        (6, "new4", "attributes.year"),
        (7, None, "line"),
        (8, None, "line"),
    ]
    reasons = [error["reason"] for error in errors]
    assert reasons[0].startswith("Invalid JSON: EOF while parsing")
    assert reasons[1:4] == [
        "must be a finite number",
        "is not an attribute; known are: genre, year",
        "must not contain control characters",
    ]
    assert await titles(client, [f"new{n}" for n in range(1, 6)]) == {"new1": "Film new1", "new5": "Film new5"}


async def test_put_item_stream_stores_items_that_the_next_request_lists(client: httpx.AsyncClient) -> None:
    await send(client, lines(item(f"new{n}") for n in range(10)))

    answer = await client.post("/v1/recommendations", json={"n": 500})

    assert {f"new{n}" for n in range(10)} <= {listed["item_id"] for listed in answer.json()["items"]}


async def test_put_item_stream_sent_again_changes_nothing(client: httpx.AsyncClient, settings: Settings) -> None:
    body = lines([*(item(f"new{n}") for n in range(20)), item("bad", x=1)])
    await send(client, body)
    before = await catalogue_version(settings)

    again = await send(client, body)

    assert (again["unchanged"], again["created"], again["updated"], again["rejected"]) == (20, 0, 0, 1)
    assert await catalogue_version(settings) == before


async def test_put_item_stream_with_known_items_writes_only_changed_ones(client: httpx.AsyncClient) -> None:
    await send(client, lines(item(f"new{n}") for n in range(20)))

    report = await send(client, lines(item(f"new{n}", **({"title": "Changed"} if n == 3 else {})) for n in range(21)))

    assert (report["created"], report["updated"], report["unchanged"]) == (1, 1, 19)
    assert (await titles(client, ["new2", "new3"])) == {"new2": "Film new2", "new3": "Changed"}


async def test_put_item_stream_with_two_lines_of_one_item_keeps_the_later(client: httpx.AsyncClient) -> None:
    report = await send(client, lines([item("new"), item("new"), item("new", title="Later")]))

    assert (report["created"], report["unchanged"], report["updated"]) == (1, 1, 1)
    assert await titles(client, ["new"]) == {"new": "Later"}


async def test_put_item_stream_with_a_deleted_item_creates_it_again(client: httpx.AsyncClient) -> None:
    await send(client, lines([item("new")]))
    await client.delete("/v1/items/new")

    assert (await send(client, lines([item("new")])))["created"] == 1
    assert await titles(client, ["new"]) == {"new": "Film new"}


async def test_put_item_stream_after_an_interruption_can_be_repeated(
    client: httpx.AsyncClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_stream, "_CHUNK_LINES", 10)
    items = [item(f"new{n}") for n in range(25)]

    async def breaks_off() -> AsyncIterator[bytes]:
        yield lines(items[:15])
        raise ClientDisconnect  # as the server does when the client disconnects

    answer = await client.post(BATCH, content=breaks_off(), headers=NDJSON)
    assert answer.status_code == 499
    assert set(await titles(client, [f"new{n}" for n in range(25)])) == {f"new{n}" for n in range(10)}
    before = await catalogue_version(settings)

    report = await send(client, lines(items))

    assert (report["created"], report["unchanged"]) == (15, 10)
    assert await catalogue_version(settings) == before + 2


async def test_put_item_stream_during_a_write_reads_no_further(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_stream, "_CHUNK_LINES", 10)
    original = ItemRepository.save_differing
    begun, gate = asyncio.Event(), asyncio.Event()
    read = 0

    async def save(repository: ItemRepository, items: Sequence[ItemRecord]) -> Saved:
        begun.set()
        await gate.wait()
        return await original(repository, items)

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        for read in range(1, 26):
            yield lines([item(f"new{read}")])

    monkeypatch.setattr(ItemRepository, "save_differing", save)
    sending = asyncio.create_task(send(client, body()))
    await begun.wait()
    await asyncio.sleep(0.1)
    assert read == 10

    gate.set()
    assert (await sending)["created"] == 25


async def test_put_item_stream_with_many_errors_counts_all_and_lists_some(client: httpx.AsyncClient) -> None:
    report = await send(client, b"nonsense\n" * 250 + lines([item("new")]))

    assert (report["lines"], report["rejected"], report["error_count"], report["created"]) == (251, 250, 250, 1)
    assert [error["line"] for error in report["errors"]] == list(range(1, 101))


async def test_put_item_stream_limits_lines_and_not_the_body(
    client: httpx.AsyncClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_streams, "_LONGEST_LINE", 2000)
    count = settings.max_body_bytes // len(lines([item("new0000")])) + 100
    body = lines(item(f"new{n:04}") for n in range(count))
    too_long = lines([item("long", title="x" * 5000)])
    assert len(body) > settings.max_body_bytes

    report = await send(client, too_long + body)

    assert report["created"] == count
    assert report["errors"] == [
        {"line": 1, "item_id": None, "field": "line", "reason": "is longer than 2000 bytes"},
    ]


async def test_ndjson_body_of_another_route_is_limited(client: httpx.AsyncClient, settings: Settings) -> None:
    async def too_much() -> AsyncIterator[bytes]:
        for _ in range(settings.max_body_bytes // 1000 + 2):
            yield b" " * 1000

    answer = await client.put("/v1/items/new", content=too_much(), headers=NDJSON)

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


async def test_put_item_stream_without_items_changes_nothing(client: httpx.AsyncClient, settings: Settings) -> None:
    before = await catalogue_version(settings)

    report = await send(client, b"\n \r\n")

    assert report["lines"] == 0
    assert await catalogue_version(settings) == before


@pytest.mark.parametrize(
    "media_type", ["application/x-ndjson; charset=utf-8", "Application/NDJSON", "application/jsonl"]
)
async def test_put_item_stream_with_any_ndjson_media_type_is_accepted(
    client: httpx.AsyncClient, media_type: str
) -> None:
    answer = await client.post(BATCH, content=lines([item("new")]), headers={"content-type": media_type})

    assert answer.json()["created"] == 1


async def test_put_item_stream_without_a_model_reads_nothing(settings: Settings) -> None:
    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError("was read")
        yield b""

    async with connected(create_app(settings.model_copy(update={"model_dir": None}))) as client:
        answer = await client.post(BATCH, content=unread(), headers=NDJSON)

    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:coldstart:problem:no-active-model"


async def test_put_item_stream_into_two_replicas_stores_all(client: httpx.AsyncClient, settings: Settings) -> None:
    async with connected(create_app(settings)) as replica:
        reports = await asyncio.gather(
            send(client, lines(item(f"a{n}") for n in range(3000))),
            send(replica, lines(item(f"b{n}") for n in range(3000))),
        )
        assert [report["created"] for report in reports] == [3000, 3000]
        for server in (client, replica):
            answer = await server.get("/v1/candidates", params={"strategy": "random", "n": 500, "seed": 1})
            assert {candidate["item_id"][0] for candidate in answer.json()["items"]} >= {"a", "b"}
