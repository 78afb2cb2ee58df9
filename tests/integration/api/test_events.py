import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.settings import Settings
from app.storage.database import Database
from app.storage.events import EventRepository, Window
from models.artifact import load_artifact
from models.ranking import ItemRating, RankingQuery, Recommender
from tests.waiting import until_async

Event = dict[str, Any]


@pytest.fixture
async def version(client: httpx.AsyncClient) -> str:
    active: str = (await client.get("/v1/model-traffic")).json()["active"]
    return active


class EventSender:
    """Makes events of one model version with unique ids, sends them, and reads the report."""

    def __init__(self, client: httpx.AsyncClient, version: str) -> None:
        self._client, self._version = client, version
        self._count = 0

    def event(self, type_: str, user_id: str = "ada", item_id: str = "i1", **more: object) -> Event:
        self._count += 1
        event = {"event_id": f"e{self._count}", "type": type_, "user_id": user_id, "item_id": item_id}
        return event | {"model_version": self._version} | more

    async def send(self, *events: Event) -> httpx.Response:
        return await self._client.post("/v1/events", json={"events": list(events)})

    async def report(self, **params: str) -> dict[str, Any]:
        answer = await self._client.get(f"/v1/model-versions/{self._version}/report", params=params)
        assert answer.status_code == 200
        report: dict[str, Any] = answer.json()
        return report


@pytest.fixture
def sender(client: httpx.AsyncClient, version: str) -> EventSender:
    return EventSender(client, version)


class TestAddEvents:
    async def test_add_events_sent_twice_stores_them_once(self, sender: EventSender) -> None:
        events = [sender.event("shown", item_id=f"i{number}") for number in range(3)]

        first, again = await sender.send(*events), await sender.send(*events, sender.event("clicked"))

        assert (first.status_code, first.json()) == (200, {"stored": 3, "known": 0})
        assert again.json() == {"stored": 1, "known": 3}
        assert (await sender.report())["shown"] == 3

    async def test_add_events_from_several_clients_at_once_stores_them_once(self, sender: EventSender) -> None:
        events = [sender.event("shown", item_id=f"i{number % 40}") for number in range(200)]

        answers = await asyncio.gather(*(sender.send(*events[:: 1 - 2 * (client % 2)]) for client in range(6)))

        assert {answer.status_code for answer in answers} == {200}
        assert sum(answer.json()["stored"] for answer in answers) == 200
        assert (await sender.report())["shown"] == 200

    async def test_add_events_with_the_same_id_keeps_the_first(self, sender: EventSender) -> None:
        event = sender.event("shown")

        answer = await sender.send(event, event | {"type": "clicked"})

        assert answer.json() == {"stored": 1, "known": 1}
        report = await sender.report()
        assert (report["shown"], report["clicked"]) == (1, 0)

    async def test_add_events_of_a_deleted_item_is_accepted(
        self, client: httpx.AsyncClient, sender: EventSender
    ) -> None:
        await client.delete("/v1/items/i1")

        assert (await sender.send(sender.event("shown"))).status_code == 200

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"model_version": "nothing"}, "model_version"),
            ({"item_id": "nothing"}, "item_id"),
            ({"rating": 4}, "rating"),
            ({"type": "rated"}, "rating"),
            ({"type": "rated", "rating": 6}, "rating"),
            ({"type": "rated", "rating": "4"}, "rating"),
            ({"type": "bought"}, "type"),
            ({"event_id": ""}, "event_id"),
            ({"event_id": "x" * 129}, "event_id"),
            ({"user_id": "a\tb"}, "user_id"),
            ({"occurred_at": "2026-01-01T00:00:00"}, "occurred_at"),
            ({"more": 1}, "more"),
        ],
    )
    async def test_add_events_with_one_invalid_event_stores_none(
        self, sender: EventSender, change: Event, field: str
    ) -> None:
        answer = await sender.send(sender.event("shown"), sender.event("shown") | change)

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [f"events.1.{field}"]
        assert (await sender.report())["shown"] == 0

    @pytest.mark.parametrize("count", [0, 1001])
    async def test_add_events_with_none_or_too_many_is_refused(self, sender: EventSender, count: int) -> None:
        answer = await sender.send(*(sender.event("shown") for _ in range(count)))

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == ["events"]

    async def test_add_events_with_a_thousand_events_stores_all(
        self, client: httpx.AsyncClient, sender: EventSender
    ) -> None:
        for user in range(20):
            await client.put(f"/v1/users/user{user}", json={})
        kinds: list[tuple[str, dict[str, object]]] = [("shown", {}), ("rated", {"rating": 4})]
        events = [
            sender.event(*kinds[number % 2][:1], f"user{number % 20}", f"i{number % 37}", **kinds[number % 2][1])
            for number in range(1000)
        ]

        assert (await sender.send(*events)).json() == {"stored": 1000, "known": 0}
        report = await sender.report()
        assert (report["shown"], report["rated"]) == (500, 500)
        assert report["measured_ratings"] == len({(event["user_id"], event["item_id"]) for event in events[1::2]})


class TestModelReport:
    async def test_model_report_without_events_is_empty(self, sender: EventSender, version: str) -> None:
        assert await sender.report() == {
            "version": version, "since": None, "until": None, "users": 0, "shown": 0, "clicked": 0, "rated": 0,
            "dismissed": 0, "click_rate": None, "measured_ratings": 0, "mae": None,
        }  # fmt: skip

    async def test_model_report_with_clicks_has_the_click_rate_and_its_interval(self, sender: EventSender) -> None:
        for user in range(10):
            await sender.send(*(sender.event("shown", f"user{user}", f"i{item}") for item in range(10)))
            await sender.send(*(sender.event("clicked", f"user{user}", f"i{item}") for item in range(2)))

        report = await sender.report()

        assert (report["users"], report["shown"], report["clicked"]) == (10, 100, 20)
        assert report["click_rate"] == pytest.approx({"value": 0.2, "low": 0.1334, "high": 0.2888}, abs=1e-3)

    async def test_model_report_counts_clicks_at_most_as_often_as_the_item_was_shown(self, sender: EventSender) -> None:
        shown = [sender.event("shown", "ada", item) for item in ("i1", "i1", "i2")]
        clicked = [sender.event("clicked", "ada", item) for item in ("i1", "i1", "i1", "i2", "i2", "i3")]

        await sender.send(*clicked, *shown)  # clicks may arrive first

        report = await sender.report()
        assert (report["shown"], report["clicked"]) == (3, 6)
        assert report["click_rate"]["value"] == 1.0
        assert report["click_rate"]["low"] < 0.5  # wide, because it is from one user

    async def test_model_report_of_a_time_range_counts_only_its_events(self, sender: EventSender) -> None:
        moments = ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00+01:00", "2026-03-01T00:00:00Z"]
        await sender.send(*(sender.event("shown", moment[5:7], occurred_at=moment) for moment in moments))

        for params, shown in (
            ({"since": "2026-01-31T23:00:00Z"}, 2),
            ({"until": "2026-01-31T23:00:00Z"}, 1),
            ({"since": "2026-01-02T00:00:00Z", "until": "2026-02-02T00:00:00Z"}, 1),
            ({"since": "2027-01-01T00:00:00Z"}, 0),
        ):
            report = await sender.report(**params)
            assert (report["shown"], report["users"]) == (shown, shown)

    async def test_event_counts_of_another_version_are_empty(self, sender: EventSender, database: Database) -> None:
        await sender.send(sender.event("shown"))

        async with database.read() as session:
            assert await EventRepository(session).counts(Window("another", None, None)) == {}

    async def test_model_report_of_an_unknown_version_is_not_found(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/v1/model-versions/nothing/report")

        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:coldstart:problem:model-version-not-found"

    @pytest.mark.parametrize("since", ["yesterday", "2026-01-01T00:00:00"])
    async def test_model_report_with_an_invalid_time_is_refused(
        self, client: httpx.AsyncClient, version: str, since: str
    ) -> None:
        answer = await client.get(f"/v1/model-versions/{version}/report", params={"since": since})

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == ["since"]


class TestPredictedRatings:
    @pytest.fixture
    def recommender(self, settings: Settings) -> Recommender:
        assert settings.model_dir is not None
        model = load_artifact(settings.model_dir)
        return Recommender(model, model.items)

    def prediction(self, recommender: Recommender, item_id: str, ratings: dict[str, float]) -> float:
        known = [ItemRating(known_id, rating) for known_id, rating in ratings.items()]
        query = RankingQuery(attributes={}, ratings=known, n=0)
        ((predicted,),) = recommender.predicted_ratings([query], [[item_id]])
        assert predicted is not None
        return predicted

    async def test_rated_event_is_compared_with_a_prediction_from_earlier_ratings(
        self, client: httpx.AsyncClient, sender: EventSender, recommender: Recommender
    ) -> None:
        rated_at = datetime(2026, 1, 10, tzinfo=UTC)
        posted = [("i1", 5.0, -2), ("i3", 5.0, -1), ("i7", 2.0, 0), ("i2", 1.0, 1)]  # item, rating, days
        ratings = [
            {"item_id": item, "rating": rating, "rated_at": (rated_at + timedelta(days=days)).isoformat()}
            for item, rating, days in posted
        ]
        # In the past, so that only one of the errors that the service measures itself is in the time range below.
        await client.post("/v1/users/ada/ratings", json={"ratings": ratings})
        event = sender.event("rated", "ada", "i9", rating=2, occurred_at=rated_at.isoformat())

        await sender.send(event)

        window = {"since": rated_at.isoformat(), "until": (rated_at + timedelta(seconds=1)).isoformat()}
        await until_async(lambda: measured(sender, 2, **window))
        known = {"i1": 5.0, "i3": 5.0}
        of_event = abs(2 - self.prediction(recommender, "i9", known))
        of_posted = abs(2 - self.prediction(recommender, "i7", {}))  # the service measured the posted rating itself
        report = await sender.report(**window)
        assert report["mae"]["value"] == pytest.approx((of_event + of_posted) / 2, abs=1e-5)
        assert report["mae"]["low"] is None  # an interval needs two users
        assert (report["rated"], report["users"]) == (1, 1)

    async def test_model_report_with_a_rating_that_is_posted_and_sent_as_event_counts_it_once(
        self, client: httpx.AsyncClient, sender: EventSender, recommender: Recommender
    ) -> None:
        await client.post("/v1/users/ada/ratings", json={"ratings": [{"item_id": "i1", "rating": 2}]})
        await until_async(lambda: measured(sender, 1))
        await sender.send(sender.event("rated", "ada", "i1", rating=5))

        report = await sender.report()

        assert (report["measured_ratings"], report["rated"]) == (1, 1)
        assert report["mae"]["value"] == pytest.approx(abs(2 - self.prediction(recommender, "i1", {})), abs=1e-5)

    async def test_rated_event_of_an_unknown_user_or_item_is_not_compared(
        self, client: httpx.AsyncClient, sender: EventSender
    ) -> None:
        await client.put("/v1/users/ada", json={})
        await client.delete("/v1/items/i2")

        await sender.send(
            sender.event("rated", "nobody", "i1", rating=5),
            sender.event("rated", "ada", "i2", rating=5),
            sender.event("rated", "ada", "i1", rating=5),
        )

        report = await sender.report()
        assert (report["rated"], report["measured_ratings"], report["users"]) == (3, 1, 2)

    async def test_model_report_with_two_users_has_an_interval(
        self, client: httpx.AsyncClient, sender: EventSender
    ) -> None:
        for user in ("ada", "bob"):
            await client.put(f"/v1/users/{user}", json={})
        events = [
            sender.event("rated", user, f"i{item}", rating=rating)
            for user, rating in (("ada", 1), ("bob", 5))
            for item in range(5)
        ]
        await sender.send(*events)

        mae = (await sender.report())["mae"]
        assert 0 <= mae["low"] < mae["value"] < mae["high"]


class TestDeleteUser:
    async def test_delete_user_erases_events_and_predicted_ratings(
        self, client: httpx.AsyncClient, sender: EventSender
    ) -> None:
        await client.put("/v1/users/ada", json={})
        await sender.send(sender.event("shown"), sender.event("rated", rating=5), sender.event("shown", "bob"))

        assert (await client.delete("/v1/users/ada")).status_code == 204

        report = await sender.report()
        assert (report["users"], report["shown"], report["measured_ratings"]) == (1, 1, 0)

    async def test_delete_user_that_was_never_stored_erases_the_events(
        self, client: httpx.AsyncClient, sender: EventSender
    ) -> None:
        await sender.send(sender.event("shown", "visitor"))

        assert (await client.delete("/v1/users/visitor")).status_code == 204
        assert (await client.delete("/v1/users/visitor")).status_code == 404


async def measured(sender: EventSender, ratings: int, **window: str) -> bool:
    return bool((await sender.report(**window))["measured_ratings"] == ratings)
