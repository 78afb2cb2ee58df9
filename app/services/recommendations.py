"""Recommendations for stored users, and for visitors whom only the request describes."""

import hashlib
import json
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from app.cache import Cache
from app.observability.metrics import CACHE, RANKINGS, Phase, Warmth
from app.services.batching import Batcher
from app.services.model_host import ModelHost
from app.services.model_traffic import ServedModel
from app.services.ranking import Ranker
from app.services.validation import (
    attribute_errors,
    filter_errors,
    missing_item_errors,
    raise_if_invalid,
    rating_errors,
)
from app.storage.database import Database
from app.storage.ratings import RatingRecord, RatingRepository
from app.storage.skips import SkipRepository
from app.storage.users import UserState
from models.data.attribute_values import known_attributes
from models.ranking import ItemRating, RankedItem, RankingQuery
from models.ranking.explanation import Reason
from models.ranking.query import RankBy, RankedBy

_LARGEST_READING = 32

_KnownUser = tuple[UserState, Sequence[RatingRecord], Sequence[str]]
"""A stored user, with all ratings and the ids of all skipped items."""


@dataclass(frozen=True)
class RecommendationList:
    """A ranked list, and the model version that made it.

    Attributes:
        items: The items, best first.
        model_version: The version that ranked them.
        ranked_by: What orders them.
        reasons: By item, a rating that moved it up. Empty unless an explanation was requested.
        ranking_seconds: Time for waiting, adapting and ranking; None for a cached list.
    """

    items: list[RankedItem]
    model_version: str
    ranked_by: RankedBy
    reasons: Mapping[str, Reason] = field(default_factory=dict)
    ranking_seconds: float | None = None


@dataclass(frozen=True)
class ListOptions:
    """The options of a request for recommendations.

    Attributes:
        n: The most items.
        exclude: Items to leave out.
        filters: Field → accepted values.
        include_rated: Whether items that the user has rated may be in it.
        explain: Whether to name a rating that moved each item up.
        rank_by: What orders the list of a known user.
    """

    n: int
    exclude: Sequence[str]
    filters: Mapping[str, Sequence[str]]
    include_rated: bool = False
    explain: bool = False
    rank_by: RankBy = RankBy.CHOICE


def item_ratings(ratings: Iterable[RatingRecord]) -> list[ItemRating]:
    """A user's ratings as a learner takes them; one without a time, or made in the future, counts as made now."""
    now = datetime.now(UTC)
    return [
        ItemRating(each.item_id, each.rating, math.floor(min(each.rated_at or now, now).timestamp()))
        for each in ratings
    ]


async def recommend(ranker: Ranker, served: ServedModel, query: RankingQuery, *, explained: bool) -> RecommendationList:
    """Adapt to a user, rank the catalogue, and explain the list if requested."""
    started = time.perf_counter()
    items = await ranker.rank(served.recommender, query)
    seconds = time.perf_counter() - started
    RANKINGS.labels(Warmth.of(len(query.ratings))).inc()
    reasons = await ranker.explain(served.recommender, query, items) if explained else {}
    return RecommendationList(
        items, served.model_version, served.recommender.ranked_by(query), reasons, ranking_seconds=seconds
    )


class RecommendationService:
    """Makes recommendations. Every list is computed from ratings and attributes; no user model is kept."""

    def __init__(self, database: Database, host: ModelHost, ranker: Ranker, cache: Cache) -> None:
        self._database = database
        self._host = host
        self._ranker = ranker
        self._cache = cache
        self._users = Batcher(self._read_users, largest=_LARGEST_READING, phase=Phase.READ_RATINGS)

    async def for_user(self, user_id: str, options: ListOptions) -> RecommendationList:
        """Recommendations for a user. A user without stored data gets the list for strangers.

        Raises:
            InvalidRequestError: If a filter names a field that items cannot be filtered by.
            NoActiveModelError: If no model is being served.
        """
        served, user = await self._host.current_with_user(user_id)
        raise_if_invalid(filter_errors(options.filters, served.schema.items))
        if user is None:
            return await self._made(served, _query(served, {}, [], (), options), options)
        cached = _from_cache(await self._cache.get(_cache_key(served, user, options)), served.model_version)
        CACHE.labels("miss" if cached is None else "hit").inc()
        if cached is not None:
            return cached
        # Read the user again with the ratings, so that attributes and ratings are of the same moment.
        known = await self._users.do(user_id)
        if known is None:  # erased in between
            return await self._made(served, _query(served, {}, [], (), options), options)
        user, ratings, skipped = known
        query = _query(served, user.attributes, ratings, skipped, options)
        made = await self._made(served, query, options)
        await self._cache.set(_cache_key(served, user, options), _for_cache(made))
        return made

    async def for_visitor(
        self,
        attributes: Mapping[str, object],
        ratings: Sequence[RatingRecord],
        skipped: Sequence[str],
        options: ListOptions,
    ) -> RecommendationList:
        """Recommendations from the request alone. Nothing is stored.

        Raises:
            InvalidRequestError: If attributes, ratings, skips or filters contradict the schema or the catalogue.
            NoActiveModelError: If no model is being served.
        """
        served = await self._host.current()
        missing = served.missing([given.item_id for given in ratings])
        raise_if_invalid(
            attribute_errors(attributes, served.schema.users),
            rating_errors(ratings, served.schema.rating_scale, missing),
            missing_item_errors(skipped, served.missing(skipped), where="skipped"),
            filter_errors(options.filters, served.schema.items),
        )
        return await self._made(served, _query(served, attributes, ratings, skipped, options), options)

    async def _made(self, served: ServedModel, query: RankingQuery, options: ListOptions) -> RecommendationList:
        return await recommend(self._ranker, served, query, explained=options.explain)

    async def _read_users(self, user_ids: Sequence[str]) -> list[_KnownUser | None]:
        async with self._database.read() as session:
            users = await RatingRepository(session).with_users(set(user_ids))
            skipped = await SkipRepository(session).of_users(users)
        return [(*users[user_id], skipped.get(user_id, ())) if user_id in users else None for user_id in user_ids]


def _query(
    served: ServedModel,
    attributes: Mapping[str, object],
    ratings: Iterable[RatingRecord],
    skipped: Sequence[str],
    options: ListOptions,
) -> RankingQuery:
    return RankingQuery(
        attributes=known_attributes(attributes, served.schema.users),
        ratings=item_ratings(ratings),
        n=options.n,
        exclude=options.exclude,
        include_rated=options.include_rated,
        where=options.filters,
        rank_by=options.rank_by,
        skipped=skipped,
    )


@dataclass(frozen=True)
class _CachedList:
    items: list[RankedItem]
    ranked_by: RankedBy
    reasons: dict[str, Reason]


_CACHED_LIST = TypeAdapter(_CachedList)


def _for_cache(made: RecommendationList) -> dict[str, Any]:
    return asdict(_CachedList(made.items, made.ranked_by, dict(made.reasons)))


def _from_cache(value: object, model_version: str) -> RecommendationList | None:
    """The cached list; None if there is none, or if another release wrote it in another form."""
    if value is None:
        return None
    try:
        cached = _CACHED_LIST.validate_python(value)
    except ValidationError:
        return None
    return RecommendationList(cached.items, model_version, cached.ranked_by, cached.reasons)


def _cache_key(served: ServedModel, user: UserState, options: ListOptions) -> str:
    """A hash of everything that the answer depends on. Hashed, because ids may be long and are personal data."""
    filters = sorted((name, sorted(values)) for name, values in options.filters.items())
    parts = [
        served.model_version,
        served.catalogue,
        served.popularity,
        user.id,
        user.revision,
        options.n,
        sorted(options.exclude),
        filters,
        options.include_rated,
        options.explain,
        options.rank_by,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
