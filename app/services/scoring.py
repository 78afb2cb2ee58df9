"""Where rankings are computed: off the event loop, a bounded number at a time."""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from anyio import CapacityLimiter, to_thread

from models.candidates.strategy import Candidate, Strategy
from models.ranking import RankedItem, RankingQuery, Recommender
from models.schema import AttributeValue


@dataclass(frozen=True)
class RankingRequest:
    """What one ranking needs to know.

    Attributes:
        attributes: The user's, as far as they are known.
        ratings: Item id and rating of everything the user has rated.
        n: Most items to return.
        exclude: Items to leave out beside the rated ones.
        filters: Field → accepted values.
        include_rated: Whether rated items may be in the list.
    """

    attributes: Mapping[str, AttributeValue]
    ratings: Sequence[tuple[str, float]]
    n: int
    exclude: Collection[str] = ()
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    include_rated: bool = False


@dataclass(frozen=True)
class CandidateRequest:
    """What one choice of candidates needs to know; see `Recommender.candidates`."""

    strategy: Strategy
    n: int
    rated: Collection[str]
    skipped: Collection[str]
    exclude: Collection[str]
    filters: Mapping[str, Sequence[str]]
    seed: int


class Scorer:
    """Computes the rankings of all requests.

    Every ranking of the process passes through here: this is the place to score concurrent requests together.
    """

    def __init__(self) -> None:
        self._threads = CapacityLimiter(os.cpu_count() or 1)

    async def rank(self, recommender: Recommender, request: RankingRequest) -> list[RankedItem]:
        """Adapt to one user and rank the catalogue."""
        query = RankingQuery(
            attributes=request.attributes,
            ratings=request.ratings,
            n=request.n,
            exclude=request.exclude,
            where=request.filters,
            include_rated=request.include_rated,
        )
        return await to_thread.run_sync(recommender.recommend, query, limiter=self._threads)

    async def candidates(self, recommender: Recommender, request: CandidateRequest) -> list[Candidate]:
        """Choose items to ask about."""
        call = partial(
            recommender.candidates,
            strategy=request.strategy,
            n=request.n,
            rated=request.rated,
            skipped=request.skipped,
            exclude=request.exclude,
            where=request.filters,
            seed=request.seed,
        )
        return await to_thread.run_sync(call, limiter=self._threads)
