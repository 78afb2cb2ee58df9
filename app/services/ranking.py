"""Computes rankings outside the event loop, and concurrent ones together."""

import asyncio
import os
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from anyio import CapacityLimiter, to_thread

from app.observability.metrics import Phase
from app.services.batching import Batcher
from models.elicitation.question import Question, QuestionKind, Topic
from models.elicitation.strategy import Candidate, Strategy
from models.ranking import RankedItem, RankingQuery, Recommender
from models.ranking.explanation import Reason, explain
from models.ranking.filters import Filter
from models.ranking.similar import SimilarItem, SimilarQuery, similar_items
from models.ranking.tastes import Tastes, tastes

_LARGEST_BATCH = 32
"""The most users of a batch. Later requests wait for it, and larger batches are not faster."""


@dataclass(frozen=True)
class CandidateRequest:
    """The arguments of `Recommender.candidates`."""

    strategy: Strategy
    n: int
    rated: Collection[str]
    skipped: Collection[str]
    exclude: Collection[str]
    filters: Filter
    seed: int


@dataclass(frozen=True)
class _Ranking:
    recommender: Recommender
    query: RankingQuery


class Ranker:
    """Computes the rankings of all requests. Concurrent requests are adapted and scored together."""

    def __init__(self) -> None:
        self._rankings = Batcher(self._rank, largest=_LARGEST_BATCH, phase=Phase.RANK)
        self._ranking_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ranking")
        self._threads = CapacityLimiter(os.cpu_count() or 1)

    async def rank(self, recommender: Recommender, query: RankingQuery) -> list[RankedItem]:
        """Adapt to one user and rank the catalogue."""
        return await self._rankings.do(_Ranking(recommender, query))

    async def explain(
        self, recommender: Recommender, query: RankingQuery, items: Sequence[RankedItem]
    ) -> dict[str, Reason]:
        """By item, a rating that moved it up; see `models.ranking.explanation.explain`."""
        call = partial(explain, recommender, query, [item.item_id for item in items])
        return await to_thread.run_sync(call, limiter=self._threads)

    async def tastes(self, recommender: Recommender, query: RankingQuery, *, n: int) -> Tastes:
        """At most n things that a user likes, and n that the user dislikes; see `models.ranking.tastes.tastes`."""
        return await to_thread.run_sync(partial(tastes, recommender, query, n=n), limiter=self._threads)

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

    async def ask(
        self,
        recommender: Recommender,
        query: RankingQuery,
        *,
        n: int,
        kinds: Collection[QuestionKind],
        skipped: Collection[Topic],
    ) -> list[Question]:
        """Choose questions; see `Recommender.ask`."""
        call = partial(recommender.ask, query, n=n, kinds=kinds, skipped=skipped)
        return await to_thread.run_sync(call, limiter=self._threads)

    async def similar(self, recommender: Recommender, query: SimilarQuery) -> list[SimilarItem]:
        """Find similar items."""
        return await to_thread.run_sync(similar_items, recommender.catalogue, query, limiter=self._threads)

    async def close(self) -> None:
        """Finish the requests that have been accepted."""
        await self._rankings.close()
        self._ranking_thread.shutdown()

    async def _rank(self, batch: Sequence[_Ranking]) -> list[list[RankedItem]]:
        return await asyncio.get_running_loop().run_in_executor(self._ranking_thread, _rank_together, batch)


def _rank_together(batch: Sequence[_Ranking]) -> list[list[RankedItem]]:
    """One list a ranking. When the model or the catalogue changes, a batch may have several recommenders."""
    places: dict[Recommender, list[int]] = {}
    for place, ranking in enumerate(batch):
        places.setdefault(ranking.recommender, []).append(place)
    ranked: dict[int, list[RankedItem]] = {}
    for recommender, own in places.items():
        ranked.update(zip(own, recommender.recommend_many([batch[place].query for place in own]), strict=True))
    return [ranked[place] for place in range(len(batch))]
