"""The client with the real server, over a socket. Each test runs with the sync and with the async client."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from inspect import getattr_static, getmembers_static
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread
from coldstart_client import (
    AsyncClient,
    AttributeAnswer,
    Boost,
    Client,
    ConflictError,
    ForbiddenError,
    GivenInteraction,
    GivenRating,
    GroupAnswer,
    InvalidRequestError,
    Item,
    NewEvent,
    NewInteraction,
    NewItem,
    NewUser,
    NoAnswerError,
    NotFoundError,
    PairAnswer,
    ProblemError,
    RateLimitedError,
    UnauthorizedError,
    UnavailableError,
    UnexpectedAnswerError,
    WrongField,
)
from coldstart_client.calls import Calls
from coldstart_client.listing import Listing
from coldstart_client.methods import call, listing
from fastapi import FastAPI

from app.main import create_app
from app.services.container import open_services
from app.settings import Settings
from app.storage.tables import KeyScope
from tests.integration.running import do_next_job, served


class Awaited:
    """Wraps a sync client so that it is awaited like the async one, and the same tests fit both."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any method
        method = getattr(self._client, name)
        if isinstance(getattr_static(Calls, name, None), listing):
            return lambda *args, **given: AwaitedListing(method(*args, **given))
        return lambda *args, **given: to_thread.run_sync(partial(method, *args, **given))


class AwaitedListing:
    def __init__(self, listed: Listing[Any]) -> None:
        self._listed = listed

    async def __aiter__(self) -> AsyncIterator[Any]:
        for item in await to_thread.run_sync(list, self._listed):
            yield item

    async def page(self, cursor: str | None = None) -> Any:  # noqa: ANN401
        return await to_thread.run_sync(self._listed.page, cursor)


Connect = Callable[..., Any]
Api = Any
"""A client of either kind. tests/unit/client/test_package.py checks the types of both."""


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite alone, because the client does not depend on the database."""
    return f"sqlite:///{tmp_path}/coldstart.db"


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings)


@pytest.fixture
def address(app: FastAPI) -> Iterator[str]:
    with served(app) as address:
        yield address


@pytest.fixture(params=["sync", "async"])
async def connect(request: pytest.FixtureRequest) -> AsyncIterator[Connect]:
    """Makes clients of one kind, and closes them at the end."""
    clients: list[Client | AsyncClient] = []

    def connect(address: str, **options: object) -> Any:  # noqa: ANN401
        client = (Client if request.param == "sync" else AsyncClient)(address, **options)  # type: ignore[arg-type]
        clients.append(client)
        return Awaited(client) if isinstance(client, Client) else client

    yield connect
    for client in clients:
        if isinstance(client, Client):
            client.close()
        else:
            await client.close()


@pytest.fixture
def api(connect: Connect, address: str) -> Any:  # noqa: ANN401
    return connect(address)


async def in_full(listed: Any) -> list[Any]:  # noqa: ANN401
    return [item async for item in listed]


async def test_scenarios_are_stored_and_their_clicks_counted(api: Api) -> None:
    stored = await api.put_scenario("home", n=2, boosts=[Boost(2.0, ["i3"])], percent=100)
    made = await api.recommend(scenario="home")
    event = NewEvent(
        "e1",
        "shown",
        made.model_version,
        "ada",
        made.items[0].item_id,
        recommendation_id=made.recommendation_id,
        position=1,
    )
    await api.add_events([event])

    (rate,) = (await api.list_click_rates(by="scenario")).items
    assert (rate.group, rate.variant, rate.shown, rate.clicked) == ("home", "scenario", 1, 0)
    assert await api.get_scenario("home") == stored
    assert await in_full(api.list_scenarios()) == [stored]
    assert len(made.items) == 2
    await api.delete_scenario("home")
    with pytest.raises(NotFoundError):
        await api.get_scenario("home")


async def test_items_are_ranked_and_similar_ones_are_found(api: Api) -> None:
    fan = [GivenRating("i1", 5), GivenRating("i2", 1)]

    ranking = await api.rank_items(["i7", "i8", "nothing"], ratings=fan)
    boosted = await api.recommend(ratings=fan, n=1, boosts=[Boost(1e6, filter={"genre": ["horror"]})])
    of_one = await api.list_similar_items("i1", by="attributes", filter={"genre": ["comedy"]})
    of_two = await api.find_similar_items(item_ids=["i1", "i3"], n=3)

    assert {item.item_id for item in ranking.items} == {"i7", "i8"}
    assert ranking.unknown_item_ids == ["nothing"]
    assert int(boosted.items[0].item_id[1:]) % 2 == 0
    assert of_one.items[0].shared == {"genre": ["comedy"]}
    assert [item.rank for item in of_two.items] == [1, 2, 3]


async def test_list_is_explained(api: Api) -> None:
    await api.add_ratings("ada", [GivenRating("i1", 5), GivenRating("i2", 1)])

    (first,) = (await api.get_recommendations("ada", n=1)).items

    found = await api.explain_recommendations("ada", shown=[first.item_id], filter={"genre": ["comedy", "horror"]})

    assert found.given.rating_count == 2
    assert found.tastes.likes[0].value == "comedy"
    shown = next(item for item in [*found.items, *found.left_out] if item.item_id == first.item_id)
    assert shown.changes[0].factor == pytest.approx(0.5)


async def test_interactions_are_stored_listed_and_withdrawn(api: Api) -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    bought = NewInteraction("i1", "purchase", noon, event_id="order-1")
    disliked = NewInteraction("i2", "dislike")

    answer = await api.add_interactions("ada", [bought, disliked], attributes={"country": "fr"}, n=40)
    again = await api.add_interactions("ada", [bought])
    visitor = await api.recommend(interactions=[GivenInteraction("i3", "like")], n=40)
    asked = await api.choose_candidates(interactions=[GivenInteraction("i3", "like")], n=40)

    first, second = answer.interactions
    assert (first.event_id, first.item_id, first.kind, first.occurred_at) == ("order-1", "i1", "purchase", noon)
    assert again.interactions == [first]
    assert not {"i1", "i2"} & {item.item_id for item in answer.recommendations.items}
    assert "i3" not in {item.item_id for item in [*visitor.items, *asked.items]}
    assert {each.event_id for each in await in_full(api.list_interactions("ada", limit=1))} == {
        "order-1",
        second.event_id,
    }
    assert await api.delete_interaction("ada", "order-1") is None
    with pytest.raises(NotFoundError) as raised:
        await api.delete_interaction("ada", "order-1")
    assert raised.value.code == "interaction-not-found"


async def test_questions_are_answered_and_tastes_are_shown(api: Api) -> None:
    given = [
        AttributeAnswer("genre", "comedy", 5),
        AttributeAnswer("genre", "horror", None),
        GroupAnswer(["i1", "i3"], 4.5, datetime(2026, 1, 1, 12, tzinfo=UTC)),
        PairAnswer(["i5", "i6"], "i5"),
    ]
    asked = await api.list_questions(user_id="ada", kinds=["attribute"], n=2, filter={"genre": ["comedy"]})

    stored = await api.add_answers("ada", given, n=3)

    assert {question.kind for question in asked.items} == {"attribute"}
    assert [each.rating or each.preferred for each in stored.answers] == [5.0, None, 4.5, "i5"]
    assert len(stored.recommendations.items) == 3
    made = await api.recommend(answers=given, n=3)
    assert [item.item_id for item in made.items] == [item.item_id for item in stored.recommendations.items]
    assert len((await api.rank_items(["i7", "i8"], answers=given)).items) == 2
    assert "comedy" not in {question.value for question in (await api.choose_questions(answers=given, n=50)).items}
    assert (await api.get_tastes("ada", n=1)).user_id == "ada"
    for answer in stored.answers:
        await api.delete_answer("ada", answer.question_id)
    assert await in_full(api.list_answers("ada")) == []


async def test_user_is_stored_read_and_deleted(api: Api) -> None:
    created = await api.put_user("ada", {"country": "fr", "age": 36})

    assert created == await api.get_user("ada")
    assert created.attributes == {"country": "fr", "age": 36.0}
    assert created.created_at <= datetime.now(UTC)
    assert await api.delete_user("ada") is None
    with pytest.raises(NotFoundError, match="There is no user 'ada'") as raised:
        await api.get_user("ada")
    assert raised.value.code == "user-not-found"
    assert raised.value.type == "urn:coldstart:problem:user-not-found"
    assert raised.value.status == 404
    assert raised.value.instance.startswith("urn:coldstart:request:")


@pytest.mark.parametrize("user_id", ["..", ".", "a b", "ä?x=1#y", "100%", "a:b", "%2F"])
async def test_id_with_special_characters_is_accepted(api: Api, user_id: str) -> None:
    assert (await api.put_user(user_id)).user_id == user_id
    assert (await api.get_user(user_id)).user_id == user_id


async def test_ratings_are_stored_listed_and_deleted_with_recommendations(api: Api) -> None:
    moment = datetime(2026, 1, 2, 3, tzinfo=UTC)
    stored = await api.add_ratings(
        "ada", [GivenRating("i1", 5, moment), GivenRating("i2", 1)], attributes={"country": "fr"}, n=5, explain=True
    )

    assert [(rating.item_id, rating.rating) for rating in stored.ratings] == [("i1", 5.0), ("i2", 1.0)]
    assert stored.ratings[0].rated_at == moment
    assert [item.rank for item in stored.recommendations.items] == [1, 2, 3, 4, 5]
    assert await in_full(api.list_ratings("ada")) == stored.ratings
    again = await api.get_recommendations("ada", n=5)
    assert [item.item_id for item in again.items] == [item.item_id for item in stored.recommendations.items]
    filtered = await api.get_recommendations(
        "ada", filter={"genre": ["horror"]}, exclude=["i4", "i6"], include_rated=True, n=40
    )
    assert {item.item_id for item in filtered.items} == {f"i{item}" for item in range(0, 40, 2)} - {"i4", "i6"}
    await api.delete_rating("ada", "i1")
    assert [rating.item_id for rating in await in_full(api.list_ratings("ada"))] == ["i2"]


async def test_recommend_and_choose_candidates_for_a_visitor_store_nothing(api: Api) -> None:
    made = await api.recommend(
        ratings=[GivenRating("i1", 5)], attributes={"age": 20}, filter={"genre": ["comedy"]}, n=3
    )

    assert len(made.items) == 3
    assert made.items[0].model_version == made.model_version
    asked = await api.choose_candidates(ratings=[GivenRating("i1", 5)], skipped=["i3"], n=40)
    assert not {"i1", "i3"} & {item.item_id for item in asked.items}
    assert len((await api.recommend()).items) == 10


async def test_lists_are_ordered_by_choice_or_by_rating(api: Api) -> None:
    given = {"ratings": [GivenRating("i1", 5), GivenRating("i2", 1)], "n": 38}
    by_choice, by_rating = await api.recommend(**given), await api.recommend(**given, rank_by="rating")
    assert (by_choice.ranked_by, by_rating.ranked_by) == ("choice", "rating")
    assert [item.item_id for item in by_choice.items] != [item.item_id for item in by_rating.items]
    assert sum(item.choice_probability for item in by_choice.items) == pytest.approx(1, abs=1e-4)

    await api.add_ratings("ada", given["ratings"])
    assert (await api.get_recommendations("ada", n=38, rank_by="rating")) == by_rating
    await api.add_skips("ada", ["i3"])
    assert (await api.get_recommendations("ada", n=38)) == await api.recommend(**given, skipped=["i3"])

    with pytest.raises(InvalidRequestError) as caught:
        await api.recommend(skipped=["i1", "unheard-of"], rank_by="luck")
    assert [wrong.field for wrong in caught.value.errors] == ["rank_by"]


async def test_candidates_of_a_user_exclude_skipped_items(api: Api) -> None:
    await api.add_skips("ada", ["i1", "i2"])

    assert [skip.item_id for skip in await in_full(api.list_skips("ada"))] == ["i1", "i2"]
    await api.delete_skip("ada", "i1")
    assert [skip.item_id for skip in await in_full(api.list_skips("ada"))] == ["i2"]
    asked = await api.list_candidates(user_id="ada", strategy="random", seed=3, n=40, filter={"genre": ["horror"]})
    assert {item.item_id for item in asked.items} == {f"i{item}" for item in range(0, 40, 2)} - {"i2"}


async def test_items_are_stored_found_and_deleted(api: Api) -> None:
    item = await api.put_item("new", title="New", attributes={"genre": ["comedy"], "year": 2026})

    assert item == await api.get_item("new")
    put = await api.put_items([NewItem("n1"), NewItem("n2", title="Second", attributes={"year": 1999})])
    assert [item.item_id for item in put.items] == ["n1", "n2"]
    found = await in_full(api.list_items(query="sec"))
    assert found == [await api.get_item("n2")]
    assert [item.item_id for item in await in_full(api.list_items(item_id=["n1", "i5"]))] == ["i5", "n1"]
    await api.delete_item("n1")
    with pytest.raises(NotFoundError):
        await api.get_item("n1")


async def test_parts_of_users_and_items_are_changed_and_removed(api: Api) -> None:
    await api.put_user("ada", {"country": "fr", "age": 36})
    assert (await api.patch_user("ada", {"age": None})).attributes == {"country": "fr"}

    await api.put_item("n1", title="One", attributes={"year": 2026})
    assert await api.patch_item("n1", attributes={"genre": ["comedy"]}) == Item(
        item_id="n1", title="One", attributes={"genre": ["comedy"], "year": 2026}, available=True
    )
    assert (await api.patch_item("n1", title="Two")).title == "Two"
    assert (await api.patch_item("n1", title=None, attributes={"year": None}, available=False)) == Item(
        item_id="n1", title=None, attributes={"genre": ["comedy"]}, available=False
    )
    assert [item.item_id for item in await in_full(api.list_items(available=False))] == ["n1"]


async def test_users_are_stored_together_or_as_a_stream(api: Api) -> None:
    page = await api.put_users([NewUser("ada", {"age": 36}), NewUser("bob")])
    report = await api.put_user_stream([NewUser("ada", {"age": 36}), NewUser("eve", {"age": "x"}), NewUser("dan")])

    assert [user.user_id for user in page.items] == ["ada", "bob"]
    assert (report.created, report.unchanged, report.rejected) == (1, 1, 1)
    assert [(error.line, error.user_id, error.field) for error in report.errors] == [(2, "eve", "attributes.age")]


async def test_guest_is_merged_into_a_user(api: Api) -> None:
    await api.add_ratings("guest", [GivenRating("i1", 5)])

    merged = await api.merge_user("guest", "ada")

    assert (merged.merged, merged.ratings) == (True, 1)
    assert not (await api.merge_user("guest", into="ada")).merged
    with pytest.raises(InvalidRequestError, match="is the user itself"):
        await api.merge_user("ada", "ada")


async def test_lists_for_everybody_are_read(api: Api) -> None:
    latest = await api.get_list("latest", n=2, filter={"genre": ["comedy"]})
    trending = await api.get_list("trending", days=3)
    await api.put_item("n1", attributes={"genre": ["comedy"], "year": 2026})
    later = {"year": {"from": 2026, "to": "2026"}, "genre": {"not": ["horror"], "all": ["comedy"]}}
    asked = [await api.list_candidates(filter=later), await api.choose_candidates(filter=later)]

    assert [(item.item_id, item.rank) for item in latest.items] == [("i39", 1), ("i37", 2)]
    assert (latest.days, trending.days, trending.items) == (None, 3, [])
    assert [[item.item_id for item in page.items] for page in asked] == [["n1"], ["n1"]]


async def test_item_stream_with_an_invalid_item_stores_the_others(api: Api) -> None:
    report = await api.put_item_stream([NewItem("n1", title="One"), NewItem("i1", attributes={"year": "x"})])

    assert (report.lines, report.created, report.rejected) == (2, 1, 1)
    assert (report.errors[0].line, report.errors[0].field) == (2, "attributes.year")
    assert (await api.get_item("n1")).title == "One"


async def test_listing_is_fetched_page_by_page(api: Api) -> None:
    listed = api.list_items(limit=7)

    assert len({item.item_id for item in await in_full(listed)}) == 40
    first = await listed.page()
    second = await listed.page(first.next_cursor)
    assert len(first.items) == len(second.items) == 7
    assert first.items[-1].item_id < second.items[0].item_id


async def test_evaluation_is_started_reported_and_cancelled(api: Api, settings: Settings) -> None:
    started = await api.start_evaluation(states=["user_cold"], bootstrap_resamples=100)
    assert started.status == "queued"
    with pytest.raises(ConflictError) as raised:
        await api.get_evaluation_report(started.evaluation_id)
    assert raised.value.code == "evaluation-not-succeeded"

    await to_thread.run_sync(do_next_job, settings)

    assert (await api.get_evaluation(started.evaluation_id)).status == "succeeded"
    assert (await api.wait(started)).report is not None
    report = await api.get_evaluation_report(started.evaluation_id)
    assert report.states[0].predictors[0].measures["mae"].value > 0
    assert (await api.download_evaluation_report(started.evaluation_id)).startswith("<!doctype html>")
    other = await api.start_evaluation()
    assert (await api.cancel_evaluation(other.evaluation_id)).status == "cancelled"
    listed = await in_full(api.list_evaluations())
    assert [evaluation.evaluation_id for evaluation in listed] == [other.evaluation_id, started.evaluation_id]


async def test_training_is_started_reported_and_cancelled(api: Api, settings: Settings) -> None:
    started = await api.start_training(preset="melu", epochs=1, seed=3, with_data_set=True, activate=True)
    assert (started.status, started.preset, started.with_data_set, started.activate) == ("queued", "melu", True, True)
    assert started.report is None

    await to_thread.run_sync(do_next_job, settings)

    finished = await api.wait(started)
    assert finished == await api.get_training(started.training_id)
    assert finished.status == "succeeded", finished.error
    assert finished.report.comparison.active == started.model_version
    assert finished.report.comparison.measures["mae"].new > 0
    versions = {version.version: version.active for version in await in_full(api.list_model_versions())}
    assert versions[finished.report.model_version] == finished.report.activated
    other = await api.start_training()
    assert (await api.cancel_training(other.training_id)).status == "cancelled"
    listed = await in_full(api.list_trainings())
    assert [training.training_id for training in listed] == [other.training_id, started.training_id]


async def test_list_export_is_started_downloaded_and_cancelled(api: Api, settings: Settings) -> None:
    await api.add_ratings("ada", [GivenRating("i1", 5)])
    started = await api.start_list_export(n=3, rank_by="rating", filter={"genre": ["comedy"]})
    assert (started.status, started.n, started.rank_by, started.report) == ("queued", 3, "rating", None)

    await to_thread.run_sync(do_next_job, settings)

    finished = await api.wait(started)
    assert finished == await api.get_list_export(started.list_export_id)
    file = await api.download_list_export(started.list_export_id)
    assert (finished.report.users, finished.report.rows, finished.report.bytes) == (1, 3, len(file))
    other = await api.start_list_export()
    assert (await api.cancel_list_export(other.list_export_id)).status == "cancelled"
    listed = await in_full(api.list_list_exports())
    assert [export.list_export_id for export in listed] == [other.list_export_id, started.list_export_id]
    (prospect,) = (await api.list_audience("i3", users=10, limit=1)).items
    assert prospect.user_id == "ada"


async def test_model_version_is_activated_and_shown_in_schema_and_health(api: Api, other_model_dir: Path) -> None:
    registered = await api.register_model_version(str(other_model_dir))
    other = registered.version
    assert not registered.active

    activated = await api.activate_model_version(other)
    assert activated.active
    assert (await api.get_overview()).traffic.active == other
    assert [user.user_id for user in await in_full(api.list_users())] == []
    assert {version.version: version.active for version in await in_full(api.list_model_versions())}[other]
    schema = await api.get_schema()
    assert schema.model_version == other
    assert schema.rating_scale.maximum == 5.0
    assert [field.name for field in schema.users.fields] == ["country", "age"]
    assert (await api.get_liveness()).status == "alive"
    assert (await api.get_readiness()).checks.model == other


async def test_challenger_serves_users_and_has_a_report(api: Api, settings: Settings, other_model_dir: Path) -> None:
    async with open_services(settings) as services:
        other = await services.model_versions.register(other_model_dir)
    active = (await api.get_model_traffic()).active

    traffic = await api.put_challenger(other, 99.9)
    served = (await api.add_ratings("ada", [GivenRating("i1", 5)])).model_version
    event = NewEvent("e1", "rated", served, "ada", "i2", rating=4)
    stored = [await api.add_events([event, NewEvent("e2", "shown", served, "ada", "i2")]) for _ in range(2)]
    since = datetime(2026, 1, 1, tzinfo=UTC)
    report = await api.get_model_report(other, since=since)

    assert (traffic.active, traffic.challenger.version) == (active, other)
    assert served == other
    assert [(answer.stored, answer.known) for answer in stored] == [(2, 0), (0, 2)]
    assert (report.since, report.shown, report.rated, report.click_rate.value) == (since, 1, 1, 0.0)
    assert report.mae.low is None
    await api.delete_challenger()
    assert (await api.get_model_traffic()).challenger is None


async def test_readiness_of_a_service_without_a_model_names_what_is_missing(
    connect: Connect, settings: Settings
) -> None:
    with served(create_app(settings.model_copy(update={"model_dir": None}))) as address:
        api = connect(address)

        assert (await api.get_readiness()).missing == ["model"]
        with pytest.raises(UnavailableError) as raised:
            await api.get_schema()
        assert raised.value.code == "no-active-model"


async def test_invalid_request_raises_with_its_fields(api: Api) -> None:
    with pytest.raises(InvalidRequestError, match=r"ratings\.1\.rating: must be on the scale") as raised:
        await api.add_ratings("ada", [GivenRating("i1", 5), GivenRating("i2", 9)])

    assert raised.value.errors == (WrongField("ratings.1.rating", "must be on the scale from 1 to 5 in steps of 1"),)


async def test_key_is_sent_and_its_scope_is_enforced(connect: Connect, settings: Settings) -> None:
    async with open_services(settings) as services:
        key = await services.api_keys.create("reader", KeyScope.READ)
    with served(create_app(settings.model_copy(update={"allow_anonymous": False}))) as address:
        reader = connect(address, key=key)

        assert (await reader.get_schema()).data == "two-tastes"
        with pytest.raises(ForbiddenError):
            await reader.put_user("ada")
        with pytest.raises(UnauthorizedError):
            await connect(address).get_schema()


class TestRefusals:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"max_rankings": 1})

    @pytest.fixture
    def occupied(self, app: FastAPI, address: str, monkeypatch: pytest.MonkeyPatch) -> list[float]:  # noqa: ARG002 - the server has to run
        """Occupies the only place until a client has waited twice; the seconds of its waits."""
        place = app.state.services.admission.place()
        pauses: list[float] = []

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 2:
                place.__exit__(None, None, None)

        async def awaited_pause(seconds: float) -> None:
            pause(seconds)

        monkeypatch.setattr(time, "sleep", pause)
        monkeypatch.setattr(anyio, "sleep", awaited_pause)
        place.__enter__()
        return pauses

    async def test_retry_after_waits_and_repeats_the_request(self, api: Api, occupied: list[float]) -> None:
        assert len((await api.recommend()).items) == 10
        assert occupied == [1.0, 1.0]

    async def test_retry_after_more_refusals_than_retries_raises(
        self, connect: Connect, address: str, occupied: list[float]
    ) -> None:
        with pytest.raises(UnavailableError) as raised:
            await connect(address, retries=1).recommend()

        assert raised.value.code == "overloaded"
        assert raised.value.retry_after_seconds == 1
        assert occupied == [1.0]


async def test_retry_after_longer_than_the_longest_pause_raises_at_once(connect: Connect, settings: Settings) -> None:
    with served(create_app(settings.model_copy(update={"rate_limit": "1/day"}))) as address:
        api = connect(address)
        await api.get_schema()

        with pytest.raises(RateLimitedError) as raised:
            await api.get_schema()

    assert raised.value.retry_after_seconds > 60


async def test_request_to_a_stopped_server_raises_no_answer_error(connect: Connect, app: FastAPI) -> None:
    with served(app) as address:
        pass

    with pytest.raises(NoAnswerError, match=f"{address} does not answer: ConnectError"):
        await connect(address, retries=0).get_liveness()


class TestForeignServer:
    @pytest.fixture
    def proxy(self) -> FastAPI:
        proxy = FastAPI()
        proxy.get("/health/live")(lambda: {"state": "fine"})
        return proxy

    async def test_error_without_a_problem_body_raises_problem_error(self, connect: Connect, proxy: FastAPI) -> None:
        with served(proxy) as address, pytest.raises(ProblemError, match="Not Found") as raised:
            await connect(address).get_schema()
        assert raised.value.type == "about:blank"
        assert raised.value.status == 404

    async def test_answer_of_another_form_raises_unexpected_answer_error(
        self, connect: Connect, proxy: FastAPI
    ) -> None:
        with served(proxy) as address, pytest.raises(UnexpectedAnswerError, match="GET /health/live"):
            await connect(address).get_liveness()


def test_every_method_of_the_client_is_used_in_this_file() -> None:
    source = Path(__file__).read_text(encoding="utf-8")

    assert [
        name
        for name, method in getmembers_static(Calls)
        if isinstance(method, call | listing)
        if f".{name}(" not in source
    ] == []
