import httpx
import pytest


def ids(answer: httpx.Response) -> list[str]:
    return [item["item_id"] for item in answer.json()["items"]]


class TestListCandidates:
    @pytest.mark.parametrize("strategy", ["gradient_popularity", "popularity", "popularity_entropy", "random"])
    async def test_every_strategy_answers(self, client: httpx.AsyncClient, strategy: str) -> None:
        answer = await client.get("/v1/candidates", params={"n": 5, "strategy": strategy})

        assert answer.status_code == 200
        scores = [item["score"] for item in answer.json()["items"]]
        assert len(scores) == 5
        assert scores == sorted(scores, reverse=True)
        assert answer.json()["model_version"].startswith("tiny-")

    async def test_leaves_out_what_the_user_has_rated(self, client: httpx.AsyncClient) -> None:
        first = ids(await client.get("/v1/candidates", params={"n": 3}))
        rating = {"item_id": first[0], "rating": 3}
        await client.post("/v1/users/ada/ratings", json={"ratings": [rating]})

        second = ids(await client.get("/v1/candidates", params={"n": 2, "user_id": "ada"}))

        assert second == first[1:]

    async def test_a_user_may_be_new(self, client: httpx.AsyncClient) -> None:
        known = await client.get("/v1/candidates")

        assert (await client.get("/v1/candidates", params={"user_id": "new"})).json() == known.json()

    async def test_filters_and_exclusions(self, client: httpx.AsyncClient) -> None:
        answer = await client.get(
            "/v1/candidates", params={"n": 500, "filter": "genre:comedy", "exclude": ["i1", "i3"]}
        )

        assert set(ids(answer)) == {f"i{item}" for item in range(5, 40, 2)}

    async def test_a_seed_draws_again(self, client: httpx.AsyncClient) -> None:
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
            ({"user_id": "a/b"}, "user_id"),
            ({"seed": -1}, "seed"),
        ],
    )
    async def test_refuses(self, client: httpx.AsyncClient, params: dict[str, str | int], field: str) -> None:
        answer = await client.get("/v1/candidates", params=params)

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]
