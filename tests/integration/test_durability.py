"""Ratings that were answered with 200 are still stored after the server was killed."""

import threading
import time

import httpx

from app.settings import Settings
from tests.integration.running import server

THREADS = 4
ENOUGH = 100


def post_until_server_ends(address: str, user_id: str, acknowledged: list[tuple[str, float]]) -> None:
    """Change the ratings of 40 items in turn until the server is gone."""
    with httpx.Client(base_url=address) as client:
        for number in range(1_000_000):
            item_id, value = f"i{number % 40}", float(1 + number % 3)
            body = {"ratings": [{"item_id": item_id, "rating": value}]}
            try:
                answer = client.post(f"/v1/users/{user_id}/ratings", json=body)
            except httpx.TransportError:
                return
            assert answer.status_code == 200
            acknowledged.append((item_id, value))


def test_acknowledged_ratings_survive_a_killed_server(settings: Settings) -> None:
    acknowledged: dict[str, list[tuple[str, float]]] = {f"user{number}": [] for number in range(THREADS)}

    with server(settings) as (process, address):
        threads = [
            threading.Thread(target=post_until_server_ends, args=(address, *user_and_ratings))
            for user_and_ratings in acknowledged.items()
        ]
        for thread in threads:
            thread.start()
        while sum(map(len, acknowledged.values())) < ENOUGH and any(thread.is_alive() for thread in threads):
            time.sleep(0.01)
        process.kill()
        process.join()
        for thread in threads:
            thread.join()

    assert sum(map(len, acknowledged.values())) >= ENOUGH
    with server(settings) as (_, address), httpx.Client(base_url=address) as client:
        for user_id, ratings in acknowledged.items():
            answer = client.get(f"/v1/users/{user_id}/ratings", params={"limit": 500})
            stored = {rating["item_id"]: rating["rating"] for rating in answer.json()["items"]}
            in_flight = f"i{len(ratings) % 40}"  # its last rating was not acknowledged, and may or may not be stored
            expected = {item_id: value for item_id, value in ratings if item_id != in_flight}
            assert expected.items() <= stored.items()
