"""The times of ratings reach the learner."""

import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from models.learners.base import Support
from models.ranking.query import RankBy
from models.ranking.supports import QuerySupports

MONDAY = datetime(2026, 1, 5, 12, 0, 0, 900_000, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)
RATED = [
    {"item_id": "i2", "rating": 1, "rated_at": TUESDAY.isoformat()},
    {"item_id": "i1", "rating": 5, "rated_at": MONDAY.isoformat()},
]


def seconds(moment: datetime) -> int:
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())


@pytest.fixture
def supports(monkeypatch: pytest.MonkeyPatch) -> list[Support]:
    """The support sets that the learner gets, in the order of the requests."""
    recorded: list[Support] = []
    original = QuerySupports.of

    def record(supports_of_queries: QuerySupports, rank_by: RankBy) -> Support:
        support = original(supports_of_queries, rank_by)
        recorded.append(support)
        return support

    monkeypatch.setattr(QuerySupports, "of", record)
    return recorded


def by_rating(support: Support) -> dict[float, int]:
    """The time of each of a user's ratings, by rating."""
    assert support.times is not None
    return dict(zip(support.ratings[0].tolist(), support.times[0].tolist(), strict=True))


async def test_post_ratings_gives_the_learner_their_times(client: httpx.AsyncClient, supports: list[Support]) -> None:
    supports.clear()
    before = int(time.time())

    answer = await client.post("/v1/users/ada/ratings", json={"ratings": RATED})

    assert answer.status_code == 200
    assert by_rating(supports[0]) == {1.0: seconds(TUESDAY), 5.0: seconds(MONDAY)}
    assert supports[0].now is not None
    assert before <= supports[0].now.item() <= time.time()


async def test_get_recommendations_gives_the_learner_the_stored_times(
    client: httpx.AsyncClient, supports: list[Support]
) -> None:
    await client.post("/v1/users/ada/ratings", json={"ratings": RATED})
    supports.clear()

    await client.get("/v1/users/ada/recommendations", params={"n": 3})

    assert by_rating(supports[-1]) == {1.0: seconds(TUESDAY), 5.0: seconds(MONDAY)}


async def test_post_recommendations_gives_the_learner_the_times_in_the_request(
    client: httpx.AsyncClient, supports: list[Support]
) -> None:
    supports.clear()
    before = int(time.time())
    future = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    more = [{"item_id": "i3", "rating": 4}, {"item_id": "i4", "rating": 2, "rated_at": future}]

    await client.post("/v1/recommendations", json={"ratings": [*RATED, *more]})

    times = by_rating(supports[-1])
    assert (times[1.0], times[5.0]) == (seconds(TUESDAY), seconds(MONDAY))
    assert before <= times[4.0] <= time.time()
    assert before <= times[2.0] <= time.time()
