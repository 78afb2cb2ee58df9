from pathlib import Path

import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from models.elicitation.strategy import Strategy
from tests.integration.running import connected


def ids(answer: httpx.Response) -> list[str]:
    return [item["item_id"] for item in answer.json()["items"]]


class TestListCandidates:
    @pytest.mark.parametrize("strategy", list(Strategy))
    async def test_list_candidates_with_any_strategy_is_sorted_by_score(
        self, client: httpx.AsyncClient, strategy: Strategy
    ) -> None:
        answer = await client.get("/v1/candidates", params={"n": 5, "strategy": strategy})

        assert answer.status_code == 200
        scores = [item["score"] for item in answer.json()["items"]]
        assert len(scores) == 5
        assert scores == sorted(scores, reverse=True)
        assert answer.json()["model_version"].startswith("tiny-")

    async def test_list_candidates_of_a_user_excludes_rated_items(self, client: httpx.AsyncClient) -> None:
        first = ids(await client.get("/v1/candidates", params={"n": 3}))
        rating = {"item_id": first[0], "rating": 3}
        await client.post("/v1/users/ada/ratings", json={"ratings": [rating]})

        second = ids(await client.get("/v1/candidates", params={"n": 2, "user_id": "ada"}))

        assert second == first[1:]

    @pytest.mark.parametrize("strategy", list(Strategy))
    async def test_list_candidates_of_a_user_excludes_skipped_items(
        self, client: httpx.AsyncClient, strategy: Strategy
    ) -> None:
        stored, given, rated = [f"i{item}" for item in range(10)], [f"i{item}" for item in range(10, 20)], "i20"
        await client.post("/v1/users/ada/skips", json={"item_ids": stored})
        await client.post("/v1/users/ada/ratings", json={"ratings": [{"item_id": rated, "rating": 3}]})

        params = {"n": 500, "strategy": strategy, "user_id": "ada", "skipped": given}
        answer = await client.get("/v1/candidates", params=params)

        assert set(ids(answer)) == {f"i{item}" for item in range(21, 40)}

    async def test_list_candidates_of_a_visitor_excludes_the_given_skips(self, client: httpx.AsyncClient) -> None:
        first = ids(await client.get("/v1/candidates", params={"n": 3}))

        second = ids(await client.get("/v1/candidates", params={"n": 2, "skipped": [first[0], "unheard-of"]}))

        assert second == first[1:]

    async def test_list_candidates_by_default_uses_the_strategy_of_the_settings(
        self, settings: Settings, tmp_path: Path
    ) -> None:
        changed = settings.model_copy(update={"candidate_strategy": Strategy.RANDOM, "state_dir": tmp_path / "other"})
        async with connected(create_app(changed)) as client:
            default = ids(await client.get("/v1/candidates"))
            assert default == ids(await client.get("/v1/candidates", params={"strategy": "random"}))
            assert default != ids(await client.get("/v1/candidates", params={"strategy": "gradient_popularity"}))

    async def test_list_candidates_of_an_unknown_user_is_that_of_a_visitor(self, client: httpx.AsyncClient) -> None:
        known = await client.get("/v1/candidates")

        assert (await client.get("/v1/candidates", params={"user_id": "new"})).json() == known.json()

    async def test_list_candidates_with_filter_and_exclusions_respects_both(self, client: httpx.AsyncClient) -> None:
        answer = await client.get(
            "/v1/candidates", params={"n": 500, "filter": "genre:Comedy", "exclude": ["i1", "i3"]}
        )

        assert set(ids(answer)) == {f"i{item}" for item in range(5, 40, 2)}

    async def test_list_candidates_with_the_same_seed_is_the_same(self, client: httpx.AsyncClient) -> None:
        draws = [
            ids(await client.get("/v1/candidates", params={"strategy": "random", "seed": seed})) for seed in (0, 0, 1)
        ]

        assert draws[0] == draws[1] != draws[2]

    @pytest.mark.parametrize(
        ("params", "field"),
        [
            ({"n": 0}, "n"),
            ({"strategy": "guess"}, "strategy"),
            ({"filter": "director:x"}, "filter.director"),
            ({"filter": "genre:western"}, "filter.genre"),
            ({"user_id": "a\tb"}, "user_id"),
            ({"skipped": "a\tb"}, "skipped.0"),
            ({"seed": -1}, "seed"),
        ],
    )
    async def test_list_candidates_with_an_invalid_parameter_is_refused(
        self, client: httpx.AsyncClient, params: dict[str, str | int], field: str
    ) -> None:
        answer = await client.get("/v1/candidates", params=params)

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]


class TestChooseCandidates:
    @pytest.mark.parametrize("strategy", list(Strategy))
    async def test_choose_candidates_equals_the_list_of_a_stored_user(
        self, client: httpx.AsyncClient, strategy: Strategy
    ) -> None:
        ratings = [{"item_id": f"i{item}", "rating": 1 + item % 5} for item in range(5)]
        skipped = [f"i{item}" for item in range(5, 15)]
        await client.post("/v1/users/ada/ratings", json={"ratings": ratings})
        await client.post("/v1/users/ada/skips", json={"item_ids": skipped})

        body = {"ratings": ratings, "skipped": skipped, "strategy": strategy, "n": 30}
        answer = await client.post("/v1/candidates", json=body)

        stored = await client.get("/v1/candidates", params={"user_id": "ada", "strategy": strategy, "n": 30})
        assert answer.status_code == 200
        assert answer.json() == stored.json()

    async def test_choose_candidates_with_an_empty_body_equals_the_list_of_a_visitor(
        self, client: httpx.AsyncClient
    ) -> None:
        answer = await client.post("/v1/candidates", json={})

        assert answer.json() == (await client.get("/v1/candidates")).json()

    async def test_choose_candidates_with_filter_and_exclusions_respects_both(self, client: httpx.AsyncClient) -> None:
        body = {"n": 500, "filter": {"genre": ["comedy"]}, "exclude": ["i1"], "skipped": ["i3"]}

        answer = await client.post("/v1/candidates", json=body)

        assert set(ids(answer)) == {f"i{item}" for item in range(5, 40, 2)}

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"n": 0}, "n"),
            ({"strategy": "guess"}, "strategy"),
            ({"filter": {"director": ["x"]}}, "filter.director"),
            ({"filter": {"genre": ["western"]}}, "filter.genre"),
            ({"ratings": [{"item_id": "i1", "rating": 6}]}, "ratings.0.rating"),
            ({"ratings": [{"item_id": "unheard-of", "rating": 3}]}, "ratings.0.item_id"),
            ({"skipped": ["i1", "a\tb"]}, "skipped.1"),
            ({"skip": ["i1"]}, "skip"),
            ({"seed": -1}, "seed"),
        ],
    )
    async def test_choose_candidates_with_an_invalid_field_is_refused(
        self, client: httpx.AsyncClient, body: dict[str, object], field: str
    ) -> None:
        answer = await client.post("/v1/candidates", json=body)

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]
