"""Checks that all acknowledged writes of the soak are stored at its end."""

import itertools
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import httpx


def read_back(
    addresses: Sequence[str],
    key: str,
    users: Mapping[str, Mapping[str, float] | None],
    items: Mapping[str, str | None],
) -> tuple[list[str], dict[str, int]]:
    """Read all users and items from the servers in turn.

    Args:
        addresses: The addresses of the servers.
        key: A key with the scope read.
        users: User → item → rating; None for an erased user.
        items: Item → title; None for a deleted one.

    Returns:
        A sentence for each difference from what was acknowledged, and the counts of what was read.
    """
    lost = []
    counted = {"users": 0, "ratings": 0, "erased users": 0, "items": 0, "deleted items": 0}
    clients = [httpx.Client(base_url=address, headers={"X-API-Key": key}, timeout=60) for address in addresses]
    turns = itertools.cycle(clients)

    def get(path: str) -> httpx.Response:
        try:
            return next(turns).get(path)
        except httpx.TransportError as error:
            return httpx.Response(HTTPStatus.BAD_GATEWAY, text=repr(error))

    for user_id, ratings in users.items():
        answer = get(f"/v1/users/{user_id}/ratings?limit=500")
        if ratings is None:
            counted["erased users"] += 1
            if answer.status_code != 404:
                lost.append(f"{user_id} was erased, and is there: {answer.status_code}")
            continue
        counted["users"] += 1
        counted["ratings"] += len(ratings)
        stored = {rating["item_id"]: rating["rating"] for rating in answer.json()["items"]} if answer.is_success else {}
        lost += [
            f"{user_id}'s rating of {item_id} is {stored.get(item_id)} instead of {ratings.get(item_id)} "
            f"({answer.status_code})"
            for item_id in sorted(stored.keys() | ratings.keys())
            if stored.get(item_id) != ratings.get(item_id)
        ]
    for item_id, title in items.items():
        counted["items" if title is not None else "deleted items"] += 1
        answer = get(f"/v1/items/{item_id}")
        found = answer.json()["title"] if answer.is_success else None
        if found != title or (title is None and answer.status_code != 404):
            lost.append(f"{item_id} has the title {found!r} instead of {title!r} ({answer.status_code})")
    for client in clients:
        client.close()
    return lost, counted
