"""Recommendations for stored users, and for visitors whom only the request describes."""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from app.cache import Cache
from app.errors import FieldError
from app.lists.feedback import Feedback, KnownUser, ListOptions, ranking_query, read_feedback, read_users
from app.observability.metrics import CACHE, RANKINGS, Phase, Warmth
from app.observability.recent import LISTS
from app.services.batching import Batcher
from app.services.filters import filter_errors
from app.services.model_host import ModelHost
from app.services.model_traffic import ServedModel
from app.services.ranking import Ranker
from app.services.recommendation_ids import ListOrigin, recommendation_id
from app.services.scenarios import ScenarioService
from app.services.strangers import StrangersLists
from app.services.validation import (
    explore_errors,
    raise_if_invalid,
    rank_by_errors,
    shown_field_errors,
)
from app.services.visitor_errors import visitor_errors
from app.storage.database import Database
from app.storage.users import UserState
from models.fields import AttributeValue
from models.ranking import RankedItem, RankingQuery
from models.ranking.explanation import Reason
from models.ranking.query import RankedBy

_LARGEST_READING = 32


@dataclass(frozen=True)
class RecommendationList:
    """A ranked list, and the model version that made it.

    Attributes:
        items: The items, best first.
        model_version: The version that ranked them.
        ranked_by: What orders them.
        options: The options of the request, with those of its scenario.
        reasons: By item, what the user did that moved it up. Empty unless an explanation was requested.
        ranking_seconds: Time for waiting, adapting and ranking; None for a cached list.
        attributes: By item, the known values of the attributes that the request wants to see.
    """

    items: list[RankedItem]
    model_version: str
    ranked_by: RankedBy
    options: ListOptions
    reasons: Mapping[str, Reason] = field(default_factory=dict)
    ranking_seconds: float | None = None
    attributes: Mapping[str, Mapping[str, AttributeValue]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The id to which events refer."""
        origin = ListOrigin(self.options.scenario, self.options.variant)
        return recommendation_id(self.model_version, (item.item_id for item in self.items), origin)

    @property
    def can_be_cached(self) -> bool:
        """Whether it stays the same until the user, the catalogue or its popularity changes."""
        return self.ranked_by.is_personal or self.ranked_by is RankedBy.POPULARITY

    @property
    def next_cursor(self) -> str | None:
        """The cursor of the next page; None if this list is shorter than it may be, or if a cursor has no room."""
        if self.options.only is not None or len(self.items) < self.options.n:
            return None
        return self.options.former.cursor_after(item.item_id for item in self.items)

    def without_former_items(self) -> "RecommendationList":
        """The first items that former pages of the list did not have."""
        former = self.options.former
        items = [item for item in self.items if item.item_id not in former][: self.options.n]
        return replace(self, items=[item._replace(rank=rank) for rank, item in enumerate(items, len(former) + 1)])


async def recommend(
    ranker: Ranker, served: ServedModel, query: RankingQuery, options: ListOptions
) -> RecommendationList:
    """Adapt to a user, rank the catalogue, and explain the list if requested."""
    started = time.perf_counter()
    items = await ranker.rank(served.recommender, query)
    seconds = time.perf_counter() - started
    RANKINGS.labels(Warmth.of(len(query.ratings) + len(query.interactions) + len(query.answers))).inc()
    LISTS.count()
    reasons = await ranker.explain(served.recommender, query, items) if options.explain else {}
    return RecommendationList(
        items, served.model_version, served.recommender.ranked_by(query), options, reasons, ranking_seconds=seconds
    )


class RecommendationService:
    """Makes recommendations. Every list is computed from what the user did; no user model is kept."""

    def __init__(
        self,
        database: Database,
        host: ModelHost,
        ranker: Ranker,
        cache: Cache,
        scenarios: ScenarioService,
        strangers: StrangersLists,
        *,
        half_life: timedelta,
    ) -> None:
        self._database = database
        self._host = host
        self._ranker = ranker
        self._cache = cache
        self._scenarios = scenarios
        self._strangers = strangers
        self._half_life = half_life
        self._users = Batcher(self._read_users, largest=_LARGEST_READING, phase=Phase.READ_RATINGS)

    async def for_user(self, user_id: str, options: ListOptions) -> RecommendationList:
        """Recommendations for a user. A user without stored data gets the list for strangers.

        Raises:
            InvalidRequestError: If a filter has a field, a value or a condition that items do not have, or the list is
                to be ordered by ratings and the model predicts none.
            NoActiveModelError: If no model is being served.
        """
        served, user = await self._host.current_with_user(user_id)
        options = await self._scenarios.applied(options, user_id)
        raise_if_invalid(*await option_errors(options, served))
        if user is None:
            return await self._made(served, {}, await self._of_stranger(user_id), options)
        if options.is_repeatable:
            cached = _from_cache(
                await self._cache.get(_cache_key(served, user, options)), served.model_version, options
            )
            CACHE.labels("miss" if cached is None else "hit").inc()
            if cached is not None:
                LISTS.count()
                return _with_attributes(cached, served)
        # Read the user again with the ratings, so that attributes and ratings are of the same moment.
        known = await self._users.do(user_id)
        if known is None:  # erased in between
            return await self._made(served, {}, await self._of_stranger(user_id), options)
        user, feedback = known
        made = await self._made(served, user.attributes, feedback, options)
        if options.is_repeatable and made.can_be_cached:
            await self._cache.set(_cache_key(served, user, options), _for_cache(made))
        return made

    async def for_visitor(
        self,
        attributes: Mapping[str, object],
        feedback: Feedback,
        options: ListOptions,
    ) -> RecommendationList:
        """Recommendations from the request alone. Nothing is stored.

        Raises:
            InvalidRequestError: If attributes, feedback or options contradict the schema or the catalogue.
            NoActiveModelError: If no model is being served.
        """
        served = await self._host.current()
        options = await self._scenarios.applied(options, None)
        raise_if_invalid(
            await visitor_errors(attributes, feedback, served),
            *await option_errors(options, served),
        )
        return await self._made(served, attributes, feedback, options)

    async def _made(
        self, served: ServedModel, attributes: Mapping[str, object], feedback: Feedback, options: ListOptions
    ) -> RecommendationList:
        query = ranking_query(served.schema, attributes, feedback, options)
        query = await self._strangers.led(query, options, served)
        made = await recommend(self._ranker, served, query, options)
        return _with_attributes(made.without_former_items() if options.former else made, served)

    async def _of_stranger(self, user_id: str) -> Feedback:
        """What a user without other stored data was shown, opened and dismissed."""
        async with self._database.look_up() as session:
            of_stranger = await read_feedback(session, [user_id], half_life=self._half_life)
        return of_stranger.get(user_id, Feedback())

    async def _read_users(self, user_ids: Sequence[str]) -> list[KnownUser | None]:
        async with self._database.look_up() as session:
            users = await read_users(session, set(user_ids), half_life=self._half_life)
        return [users.get(user_id) for user_id in user_ids]


async def option_errors(options: ListOptions, served: ServedModel) -> list[list[FieldError]]:
    """Errors of filters and of the wanted order, for each place in the request where one may be."""
    return [
        await filter_errors(options.filters, served),
        *[
            await filter_errors(boost.where, served, where=f"boosts.{index}.filter")
            for index, boost in enumerate(options.boosts)
        ],
        shown_field_errors(options.fields, served.schema.items),
        rank_by_errors(options.rank_by, predicts_ratings=served.predicts_ratings),
        explore_errors(options.explore, options.rank_by),
    ]


def _with_attributes(made: RecommendationList, served: ServedModel) -> RecommendationList:
    """The list with the attributes that the request wants to see. Cached lists have none, so that they serve all."""
    if not made.options.fields:
        return made
    catalogue = served.recommender.catalogue
    rows = catalogue.rows_of([item.item_id for item in made.items])
    table = catalogue.attributes(rows).select("id", *dict.fromkeys(made.options.fields))
    attributes = {
        row.pop("id"): {name: value for name, value in row.items() if value is not None}
        for row in table.iter_rows(named=True)
    }
    return replace(made, attributes=attributes)


@dataclass(frozen=True)
class _CachedList:
    items: list[RankedItem]
    ranked_by: RankedBy
    reasons: dict[str, Reason]


_CACHED_LIST = TypeAdapter(_CachedList)


def _for_cache(made: RecommendationList) -> dict[str, Any]:
    return asdict(_CachedList(made.items, made.ranked_by, dict(made.reasons)))


def _from_cache(value: object, model_version: str, options: ListOptions) -> RecommendationList | None:
    """The cached list; None if there is none, or if another release wrote it in another form."""
    if value is None:
        return None
    try:
        cached = _CACHED_LIST.validate_python(value)
    except ValidationError:
        return None
    return RecommendationList(cached.items, model_version, cached.ranked_by, options, cached.reasons)


def _cache_key(served: ServedModel, user: UserState, options: ListOptions) -> str:
    """A hash of everything that the answer depends on. Hashed, because ids may be long and are personal data."""
    parts = [
        served.model_version,
        served.catalogue,
        served.popularity,
        user.id,
        user.revision,
        options.n,
        sorted(options.exclude),
        sorted((name, asdict(conditions)) for name, conditions in options.filters.items()),
        options.include_rated,
        options.explain,
        options.rank_by,
        options.diversity,
        [asdict(boost) for boost in options.boosts],
        options.pinned,
        options.only,
        sorted(options.shown),
        sorted(mark.hex() for mark in options.former.marks),
        [options.explore, options.seed] if options.explore else None,
        options.strangers,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
