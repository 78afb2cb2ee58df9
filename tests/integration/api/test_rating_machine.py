"""The rating API compared with a simple reference model, after requests in any order."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

import httpx
import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from app.main import create_app
from app.settings import Settings
from tests.integration.running import served

CATALOGUE = {f"i{item}" for item in range(40)}
PAST, LATER, FUTURE = (datetime(year, 1, 1, tzinfo=UTC) for year in (2020, 2021, 2100))

users = st.sampled_from(["ada", "ben", "cy"])
items = st.sampled_from(["i0", "i1", "i2", "i3", "i4"])
values = st.integers(1, 5)
times = st.sampled_from([None, PAST, LATER, FUTURE])
attributes = st.sampled_from([{}, {"country": "fr"}, {"age": 36.0}, {"country": "jp", "age": 7.0}])
some_ratings = st.dictionaries(items, st.tuples(values, times), min_size=1, max_size=4)


@dataclass
class ModelUser:
    """What the service stores about a user; ratings are pairs of value and time."""

    attributes: dict[str, Any] = field(default_factory=dict)
    ratings: dict[str, tuple[float, datetime]] = field(default_factory=dict)
    skips: set[str] = field(default_factory=set)

    def rate(self, item_id: str, value: float, moment: datetime) -> None:
        """Keep the rating with the later time, or the new one if both times are equal. A rated item is not skipped."""
        if item_id not in self.ratings or moment >= self.ratings[item_id][1]:
            self.ratings[item_id] = (value, moment)
        self.skips.discard(item_id)


class RatingMachine(RuleBasedStateMachine):
    """Sends every change to the service and to the model, and compares both after every step."""

    http: ClassVar[httpx.Client]

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, ModelUser] = {}
        self.touched = "ada"

    def teardown(self) -> None:
        for user_id in self.known:
            self.http.delete(f"/v1/users/{user_id}")

    def user(self, user_id: str) -> ModelUser:
        self.touched = user_id
        return self.known.setdefault(user_id, ModelUser())

    @rule(user_id=users, given=attributes)
    def put_user(self, user_id: str, given: dict[str, Any]) -> None:
        answer = self.http.put(f"/v1/users/{user_id}", json={"attributes": given})

        assert answer.status_code == 200
        self.user(user_id).attributes = given

    @rule(user_id=users, given=some_ratings, new=st.none() | attributes)
    def add_ratings(
        self, user_id: str, given: dict[str, tuple[int, datetime | None]], new: dict[str, Any] | None
    ) -> None:
        before = datetime.now(UTC)
        body = {"ratings": [as_json(item_id, *rating) for item_id, rating in given.items()], "attributes": new}
        answer = self.http.post(f"/v1/users/{user_id}/ratings", json=body, params={"n": 40})
        after = datetime.now(UTC)

        assert answer.status_code == 200
        user = self.user(user_id)
        user.attributes = user.attributes if new is None else new
        stored = {rating["item_id"]: rating for rating in answer.json()["ratings"]}
        for item_id, (value, moment) in given.items():
            rated_at = datetime.fromisoformat(stored[item_id]["rated_at"])
            now = rated_at if before <= rated_at <= after else before  # the model only knows that it is between the two
            # A future time counts as now.
            user.rate(item_id, value, moment if moment is not None and moment <= after else now)
        assert {item_id: as_tuple(rating) for item_id, rating in stored.items()} == {
            item_id: user.ratings[item_id] for item_id in given
        }
        assert ids(answer.json()["recommendations"]) == CATALOGUE - set(user.ratings)

    @rule(user_id=users, given=some_ratings, wrong=st.sampled_from([("i0", 6), ("nothing", 3), ("i1", 2.5)]))
    def add_ratings_with_a_wrong_one(
        self, user_id: str, given: dict[str, tuple[int, datetime | None]], wrong: tuple[str, float]
    ) -> None:
        ratings = [as_json(item_id, *rating) for item_id, rating in given.items() if item_id != wrong[0]]
        answer = self.http.post(f"/v1/users/{user_id}/ratings", json={"ratings": [*ratings, as_json(*wrong, None)]})

        assert answer.status_code == 422
        self.touched = user_id

    @rule(user_id=users, item_id=items)
    def delete_rating(self, user_id: str, item_id: str) -> None:
        answer = self.http.delete(f"/v1/users/{user_id}/ratings/{item_id}")

        self.touched = user_id
        if user_id not in self.known:
            assert problem(answer) == "user-not-found"
        elif self.known[user_id].ratings.pop(item_id, None) is None:
            assert problem(answer) == "rating-not-found"
        else:
            assert answer.status_code == 204

    @rule(user_id=users)
    def delete_user(self, user_id: str) -> None:
        answer = self.http.delete(f"/v1/users/{user_id}")

        self.touched = user_id
        if self.known.pop(user_id, None) is None:
            assert problem(answer) == "user-not-found"
        else:
            assert answer.status_code == 204

    @rule(user_id=users, item_ids=st.lists(items, min_size=1, max_size=4))
    def add_skips(self, user_id: str, item_ids: list[str]) -> None:
        answer = self.http.post(f"/v1/users/{user_id}/skips", json={"item_ids": item_ids})

        assert answer.status_code == 204
        user = self.user(user_id)
        user.skips |= set(item_ids) - set(user.ratings)

    @rule(user_id=users, include_rated=st.booleans())
    def get_recommendations(self, user_id: str, include_rated: bool) -> None:
        answer = self.http.get(f"/v1/users/{user_id}/recommendations", params={"n": 40, "include_rated": include_rated})

        excluded = set() if include_rated else set(self.known.get(user_id, ModelUser()).ratings)
        assert ids(answer.json()) == CATALOGUE - excluded

    @rule(user_id=users, strategy=st.sampled_from(["popularity", "random", "sequential"]))
    def list_candidates(self, user_id: str, strategy: str) -> None:
        answer = self.http.get("/v1/candidates", params={"n": 40, "user_id": user_id, "strategy": strategy})

        user = self.known.get(user_id, ModelUser())
        assert ids(answer.json()) == CATALOGUE - set(user.ratings) - user.skips

    @invariant()
    def service_and_model_agree(self) -> None:
        answer = self.http.get(f"/v1/users/{self.touched}")
        if self.touched not in self.known:
            assert problem(answer) == "user-not-found"
            return
        user = self.known[self.touched]
        assert answer.json()["attributes"] == user.attributes
        assert answer.json()["rating_count"] == len(user.ratings)
        listed = list(self.pages(f"/v1/users/{self.touched}/ratings"))
        assert {rating["item_id"]: as_tuple(rating) for rating in listed} == user.ratings
        assert [rating["item_id"] for rating in listed] == sorted(user.ratings)
        skips = [skip["item_id"] for skip in self.pages(f"/v1/users/{self.touched}/skips")]
        assert skips == sorted(user.skips)

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        cursor: dict[str, str] = {}
        while True:
            page = self.http.get(path, params={"limit": 3} | cursor).json()
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": page["next_cursor"]}


def as_json(item_id: str, value: float, moment: datetime | None) -> dict[str, Any]:
    return {"item_id": item_id, "rating": value} | ({} if moment is None else {"rated_at": moment.isoformat()})


def as_tuple(rating: dict[str, Any]) -> tuple[float, datetime]:
    return rating["rating"], datetime.fromisoformat(rating["rated_at"])


def ids(listed: dict[str, Any]) -> set[str]:
    return {item["item_id"] for item in listed["items"]}


def problem(answer: httpx.Response) -> str:
    assert answer.status_code == 404
    return str(answer.json()["type"]).rpartition(":")[2]


def test_rating_api_behaves_like_its_reference_model(settings: Settings) -> None:
    with served(create_app(settings)) as address, httpx.Client(base_url=address) as client:

        class Machine(RatingMachine):
            http = client

        run_state_machine_as_test(Machine, settings=hypothesis.settings(max_examples=20, stateful_step_count=15))
