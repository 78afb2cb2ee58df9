import asyncio
import re
from collections.abc import Collection
from itertools import pairwise
from typing import Any

import httpx
import pytest

from app.storage.ratings import RatingRepository

ADA = "/v1/users/ada"
COMEDY_LOVER = [{"item_id": f"i{item}", "rating": 5 if item % 2 else 1} for item in range(8)]


def ids(answer: httpx.Response) -> list[str]:
    return [item["item_id"] for item in answer.json()["items"]]


def score_of(item: dict[str, Any], rank_by: str) -> float:
    """What orders a list, from the shown figures of a model without a P(like); the films have ratings from 1 to 5."""
    if rank_by == "rating":
        return float(item["predicted_rating"])
    return float(item["choice_probability"] * (item["predicted_rating"] - 1) / 4)


def is_comedy(item_id: str) -> bool:
    return int(item_id.removeprefix("i")) % 2 == 1


class TestGetRecommendations:
    async def test_get_recommendations_equals_the_answer_to_the_posted_ratings(self, client: httpx.AsyncClient) -> None:
        posted = await client.post(f"{ADA}/ratings", params={"n": 7}, json={"ratings": COMEDY_LOVER})

        answer = await client.get(f"{ADA}/recommendations", params={"n": 7})

        assert answer.status_code == 200
        assert answer.json() == posted.json()["recommendations"]

    async def test_get_recommendations_from_the_cache_is_the_same(self, client: httpx.AsyncClient) -> None:
        await client.post(f"{ADA}/ratings", json={"ratings": COMEDY_LOVER})

        first, second = [await client.get(f"{ADA}/recommendations") for _ in range(2)]

        assert first.json() == second.json()

    async def test_get_recommendations_during_a_change_reads_attributes_and_ratings_together(
        self, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await client.post(f"{ADA}/ratings", json={"ratings": COMEDY_LOVER, "attributes": {"country": "fr", "age": 20}})
        original = RatingRepository.with_users

        async def after_a_change(repository: RatingRepository, user_ids: Collection[str]) -> object:
            monkeypatch.undo()
            change = {"ratings": [{"item_id": "i9", "rating": 1}], "attributes": {"country": "jp", "age": 60}}
            await client.post(f"{ADA}/ratings", json=change)
            return await original(repository, user_ids)

        monkeypatch.setattr(RatingRepository, "with_users", after_a_change)
        meanwhile = await client.get(f"{ADA}/recommendations", params={"n": 40})
        visitor = {
            "ratings": [*COMEDY_LOVER, {"item_id": "i9", "rating": 1}],
            "attributes": {"country": "jp", "age": 60},
            "n": 40,
        }
        expected = await client.post("/v1/recommendations", json=visitor)

        assert meanwhile.json() == expected.json()
        assert (await client.get(f"{ADA}/recommendations", params={"n": 40})).json() == expected.json()

    async def test_get_recommendations_after_a_change_of_the_user_differs(self, client: httpx.AsyncClient) -> None:
        async def recommended() -> list[tuple[str, float]]:
            items = (await client.get(f"{ADA}/recommendations", params={"n": 40})).json()["items"]
            return [(item["item_id"], item["predicted_rating"]) for item in items]

        ratings = [{"item_id": "i1", "rating": 4}, {"item_id": "i2", "rating": 3}]
        await client.post(f"{ADA}/ratings", json={"ratings": ratings})
        lists = [await recommended()]
        await client.put(ADA, json={"attributes": {"country": "fr", "age": 40}})
        lists.append(await recommended())
        await client.delete(f"{ADA}/ratings/i1")
        lists.append(await recommended())
        await client.delete(ADA)
        await client.post(f"{ADA}/ratings", json={"ratings": ratings[:1]})
        lists.append(await recommended())

        assert all(former != latter for former, latter in pairwise(lists))

    async def test_get_recommendations_after_a_skip_differs_and_equals_the_list_of_a_visitor_with_it(
        self, client: httpx.AsyncClient
    ) -> None:
        stored = await client.post(f"{ADA}/ratings", json={"ratings": COMEDY_LOVER})
        before = (await client.get(f"{ADA}/recommendations")).json()
        assert stored.json()["recommendations"] == before

        await client.post(f"{ADA}/skips", json={"item_ids": ["i9", "i10"]})
        after = (await client.get(f"{ADA}/recommendations")).json()

        assert [item["choice_probability"] for item in after["items"]] != [
            item["choice_probability"] for item in before["items"]
        ]
        visitor = {"ratings": COMEDY_LOVER, "skipped": ["i9", "i10"]}
        assert after == (await client.post("/v1/recommendations", json=visitor)).json()
        again = await client.post(f"{ADA}/ratings", json={"ratings": COMEDY_LOVER})
        assert again.json()["recommendations"] == after

    async def test_get_recommendations_with_filter_and_exclusions_respects_both(
        self, client: httpx.AsyncClient
    ) -> None:
        await client.post(f"{ADA}/ratings", json={"ratings": COMEDY_LOVER})

        answer = await client.get(
            f"{ADA}/recommendations",
            params={"n": 500, "filter": ["genre:Horror", "genre:HÖRROR"], "exclude": ["i10", "i12", "nothing"]},
        )

        assert {int(item.removeprefix("i")) for item in ids(answer)} == {8, *range(14, 40, 2)}

    async def test_get_recommendations_of_a_user_without_ratings_has_ten_items(self, client: httpx.AsyncClient) -> None:
        await client.put(ADA, json={})

        assert len(ids(await client.get(f"{ADA}/recommendations"))) == 10

    async def test_get_recommendations_of_an_unknown_user_is_the_list_for_strangers(
        self, client: httpx.AsyncClient
    ) -> None:
        options = {"n": 5, "exclude": ["i0", "i1"]}

        answer = await client.get(f"{ADA}/recommendations", params=options)

        assert answer.status_code == 200
        assert answer.json() == (await client.post("/v1/recommendations", json=options)).json()
        assert (await client.get(ADA)).status_code == 404

    async def test_get_recommendations_of_a_user_erased_meanwhile_is_the_list_for_strangers(
        self, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await client.post(f"{ADA}/ratings", json={"ratings": COMEDY_LOVER})
        original = RatingRepository.with_users

        async def after_the_erasure(repository: RatingRepository, user_ids: Collection[str]) -> object:
            monkeypatch.undo()
            await client.delete(ADA)
            return await original(repository, user_ids)

        monkeypatch.setattr(RatingRepository, "with_users", after_the_erasure)
        answer = await client.get(f"{ADA}/recommendations")

        assert answer.json() == (await client.post("/v1/recommendations", json={})).json()

    @pytest.mark.parametrize("rank_by", ["choice", "rating"])
    async def test_get_recommendations_says_what_orders_them(self, client: httpx.AsyncClient, rank_by: str) -> None:
        for known in (False, True):
            for _ in range(2):  # the second list of a known user comes from the cache
                params = {"n": 40, "rank_by": rank_by}
                answer = (await client.get(f"{ADA}/recommendations", params=params)).json()
                scores = [score_of(item, rank_by) for item in answer["items"]]
                assert answer["ranked_by"] == (rank_by if known else "popularity")
                assert (scores == sorted(scores, reverse=True)) == known
            stored = await client.post(f"{ADA}/ratings", json={"ratings": COMEDY_LOVER})
            assert stored.json()["recommendations"]["ranked_by"] == "choice"

    @pytest.mark.parametrize(
        ("params", "field"),
        [
            ({"n": 0}, "n"),
            ({"n": 501}, "n"),
            ({"filter": "director:x"}, "filter.director"),
            ({"filter": "year:old"}, "filter.year"),
            ({"filter": "genre:western"}, "filter.genre"),
            ({"filter": "comedy"}, "filter.0"),
            ({"exclude": ["i1", "x" * 129]}, "exclude.1"),
            ({"rank_by": "popularity"}, "rank_by"),
        ],
    )
    @pytest.mark.parametrize("known", [False, True], ids=["unknown user", "known user"])
    async def test_get_recommendations_with_an_invalid_parameter_is_refused(
        self, client: httpx.AsyncClient, params: dict[str, Any], field: str, known: bool
    ) -> None:
        if known:
            await client.put(ADA, json={})

        answer = await client.get(f"{ADA}/recommendations", params=params)

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]


class TestRecommend:
    @pytest.mark.parametrize("body", [{}, {"ratings": []}, {"attributes": {}, "ratings": [], "n": 10}])
    async def test_recommend_with_nothing_known_has_ten_items(
        self, client: httpx.AsyncClient, body: dict[str, Any]
    ) -> None:
        answer = await client.post("/v1/recommendations", json=body)

        assert answer.status_code == 200
        assert len(ids(answer)) == 10

    async def test_recommend_from_ratings_alone_stores_nothing(self, client: httpx.AsyncClient) -> None:
        answer = await client.post("/v1/recommendations", json={"ratings": COMEDY_LOVER, "n": 5})

        assert answer.status_code == 200
        assert all(map(is_comedy, ids(answer)))
        assert not {"i1", "i3", "i5", "i7"} & set(ids(answer))
        assert (await client.get(ADA)).status_code == 404

    @pytest.mark.parametrize(
        "body",
        [
            b"{}",
            b'{"ratings": [{"item_id": "i1", "rating": 5}], "n": 3, "explain": true, "fields": ["genre"]}',
            b'{"ratings": [{"item_id": "i1", "rating": 9}]}',
            b'{"ratings": [{"item_id": "i1"}], "nn": 3}',
            b'{"n": 3',
            b'{"ratings": [{"item_id": "\\ud800", "rating": 5}]}',
            b"",
        ],
        ids=["empty", "full", "off the scale", "wrong fields", "cut off", "half a character", "nothing"],
    )
    async def test_recommend_answers_the_same_whichever_way_the_body_is_read(
        self, client: httpx.AsyncClient, body: bytes
    ) -> None:
        from_bytes, by_fastapi = [
            await client.post(
                "/v1/recommendations",
                content=body,
                headers={"Content-Type": media_type, "X-Request-ID": "one"},
            )
            for media_type in ("application/json", "application/json; charset=utf-8")
        ]

        assert from_bytes.status_code == by_fastapi.status_code
        assert from_bytes.json() == by_fastapi.json()
        assert from_bytes.headers.keys() == by_fastapi.headers.keys()

    async def test_recommend_concurrently_does_not_mix_users(self, client: httpx.AsyncClient) -> None:
        async def recommended(user: int) -> dict[str, float]:
            ratings = [{"item_id": f"i{item}", "rating": 1 + (user + item) % 5} for item in range(user % 7)]
            items = (await client.post("/v1/recommendations", json={"ratings": ratings})).json()["items"]
            return {item["item_id"]: item["predicted_rating"] for item in items}

        alone = [await recommended(user) for user in range(30)]
        together = await asyncio.gather(*(recommended(user) for user in range(30)))

        assert together == [pytest.approx(items, abs=1e-6) for items in alone]

    async def test_recommend_equals_the_list_of_a_stored_user(self, client: httpx.AsyncClient) -> None:
        body = {"attributes": {"country": "jp", "age": 20}, "ratings": COMEDY_LOVER}
        stored = await client.post(f"{ADA}/ratings", json=body)

        answer = await client.post("/v1/recommendations", json=body)

        assert answer.json() == stored.json()["recommendations"]

    async def test_recommend_with_filter_and_exclusions_respects_both(self, client: httpx.AsyncClient) -> None:
        body = {"filter": {"genre": ["horror"]}, "exclude": ["i0"], "n": 500}

        answer = await client.post("/v1/recommendations", json=body)

        assert set(ids(answer)) == {f"i{item}" for item in range(2, 40, 2)}

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"n": 0}, "n"),
            ({"n": 501}, "n"),
            ({"n": "5"}, "n"),
            ({"n": 5.5}, "n"),
            ({"filter": {"director": ["x"]}}, "filter.director"),
            ({"filter": {"genre": "comedy"}}, "filter.genre"),
            ({"filter": {"genre": ["comedy", "western"]}}, "filter.genre"),
            ({"ratings": [{"item_id": "nothing", "rating": 5}]}, "ratings.0.item_id"),
            ({"ratings": [{"item_id": "i1", "rating": 9}]}, "ratings.0.rating"),
            ({"attributes": {"height": 1}}, "attributes.height"),
            ({"exclude": ["a\tb"]}, "exclude.0"),
            ({"rank_by": "popularity"}, "rank_by"),
            ({"skipped": ["i1", "unheard-of"]}, "skipped.1"),
            ({"user_id": "ada"}, "user_id"),
        ],
    )
    async def test_recommend_with_an_invalid_field_is_refused(
        self, client: httpx.AsyncClient, body: dict[str, Any], field: str
    ) -> None:
        answer = await client.post("/v1/recommendations", json=body)

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]


class TestExplanation:
    async def test_explanation_names_the_rating_that_moved_an_item_up(self, client: httpx.AsyncClient) -> None:
        ratings = [{"item_id": "i1", "rating": 5}]

        stored = await client.post(f"{ADA}/ratings", params={"explain": True}, json={"ratings": ratings})

        items = stored.json()["recommendations"]["items"]
        assert {"item_id": "i1", "title": "Film 1", "rating": 5.0, "kind": None} in [item["because"] for item in items]
        assert all(item["unlike"] is None for item in items)

    async def test_explanation_by_a_disliked_item_says_unlike(self, client: httpx.AsyncClient) -> None:
        body = {"ratings": [{"item_id": "i2", "rating": 1}], "explain": True}

        items = (await client.post("/v1/recommendations", json=body)).json()["items"]

        assert {"item_id": "i2", "title": "Film 2", "rating": 1.0, "kind": None} in [item["unlike"] for item in items]
        assert all(item["because"] is None for item in items)

    async def test_explanation_in_all_calls_and_from_the_cache_is_the_same(self, client: httpx.AsyncClient) -> None:
        stored = await client.post(f"{ADA}/ratings", params={"explain": True}, json={"ratings": COMEDY_LOVER})
        expected = stored.json()["recommendations"]

        for _ in range(2):
            assert (await client.get(f"{ADA}/recommendations", params={"explain": True})).json() == expected
        visitor = await client.post("/v1/recommendations", json={"ratings": COMEDY_LOVER, "explain": True})
        assert visitor.json() == expected

    async def test_explanation_that_is_not_requested_is_missing(self, client: httpx.AsyncClient) -> None:
        await client.post(f"{ADA}/ratings", json={"ratings": COMEDY_LOVER})
        await client.get(f"{ADA}/recommendations", params={"explain": True})

        items = (await client.get(f"{ADA}/recommendations")).json()["items"]

        assert all(item["because"] is None and item["unlike"] is None for item in items)


class TestServerTiming:
    async def test_server_timing_shows_the_time_of_ranking(self, client: httpx.AsyncClient) -> None:
        answers = [
            await client.post(f"{ADA}/ratings", json={"ratings": COMEDY_LOVER}),
            await client.get(f"{ADA}/recommendations"),
            await client.post("/v1/recommendations", json={"ratings": COMEDY_LOVER}),
        ]

        for answer in answers:
            assert re.fullmatch(r'rank;desc="adapt and rank";dur=\d+\.\d', answer.headers["server-timing"])

    async def test_server_timing_of_a_cached_list_is_missing(self, client: httpx.AsyncClient) -> None:
        await client.post(f"{ADA}/ratings", json={"ratings": COMEDY_LOVER})
        await client.get(f"{ADA}/recommendations")

        assert "server-timing" not in (await client.get(f"{ADA}/recommendations")).headers


class TestFields:
    async def test_wanted_attributes_are_shown_from_the_cache_too(self, client: httpx.AsyncClient) -> None:
        await client.post(f"{ADA}/ratings", json={"ratings": COMEDY_LOVER})
        await client.get(f"{ADA}/recommendations")

        wanted = {"fields": ["genre", "year", "genre"]}
        items = (await client.get(f"{ADA}/recommendations", params=wanted)).json()["items"]
        plain = (await client.get(f"{ADA}/recommendations")).json()["items"]
        ranked = await client.post("/v1/rankings", json={"item_ids": ["i8"], "user_id": "ada", "fields": ["genre"]})

        for item in items:
            number = int(item["item_id"][1:])
            expected = {"genre": ["comedy" if number % 2 else "horror"], "year": 1980.0 + number}
            assert item["attributes"] == expected
        assert [item["attributes"] for item in plain] == [{}] * 10
        assert ranked.json()["items"][0]["attributes"] == {"genre": ["horror"]}

    async def test_unknown_attribute_is_refused_by_name(self, client: httpx.AsyncClient) -> None:
        answer = await client.post("/v1/recommendations", json={"fields": ["genre", "gerne"]})

        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert error["field"] == "fields.1"
        assert "genre" in error["reason"]
