"""Adapting to users, and scoring a catalogue for them, many users at once."""

from typing import Any

import torch

from benchmarks.gpu.bench import Bench, Work, peak_bytes, seconds_of
from models.learners.base import AnyScoringModel, Support

_RATINGS = 20
"""Ratings of each user."""

_BEST = 50
"""Items that are taken of each user's scores."""

_SCORES_AT_ONCE = 2**29
"""Scores that are held at once, which bounds the memory: 2 GiB."""


def adapted_and_scored(
    bench: Bench, scoring: AnyScoringModel, users: int, items: int, limits: dict[str, float]
) -> dict[str, Any]:
    """Milliseconds to adapt, and to score all items and take the best of them.

    Args:
        bench: Has the users and items. They are repeated at random where more are wanted.
        scoring: One of its models.
        users: How many users at once.
        items: How many items.
        limits: Of the device.
    """
    device, encoded = bench.device, bench.data.encoded
    generator = torch.Generator(device).manual_seed(0)

    def drawn(count: int, *shape: int) -> torch.Tensor:
        return torch.randint(count, shape, generator=generator, device=device)

    peak_bytes(device)
    with torch.inference_mode():
        vectors = scoring.embed_items(encoded.items)
        catalogue = scoring.prepare(vectors.take(drawn(len(vectors), items)))
        support = Support(
            users=scoring.embed_users(encoded.users.take(drawn(len(encoded.users), users))),
            items=vectors.take(drawn(len(vectors), users, _RATINGS)),
            ratings=drawn(5, users, _RATINGS) + 1.0,
            mask=torch.ones(users, _RATINGS, dtype=torch.bool, device=device),
        )
        at_once = max(1, _SCORES_AT_ONCE // items)

        def score() -> None:
            for start in range(0, users, at_once):
                part = slice(start, start + at_once)
                own = scoring.adapt(_part(support, part))
                catalogue.scores(own, support.users[part]).topk(min(_BEST, items))

        adapting = seconds_of(lambda: scoring.adapt(support), device)
        both = seconds_of(score, device)
        work = Work.of(score)
    return {
        "adapt_milliseconds": 1e3 * adapting,
        "adapt_and_score_milliseconds": 1e3 * both,
        "users_per_second": users / both,
        **work.shares(both, limits),
        "peak_bytes": peak_bytes(device),
    }


def _part(support: Support[Any, Any], part: slice) -> Support[Any, Any]:
    return Support(support.users[part], support.items[part], support.ratings[part], support.mask[part])
