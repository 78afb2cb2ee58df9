"""Recommendations for a stored user, and for somebody who only appears in the request."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from app.cache import Cache
from app.errors import UserNotFoundError
from app.services.checks import (
    GivenRating,
    attribute_faults,
    filter_faults,
    known_attributes,
    raise_faults,
    rating_faults,
)
from app.services.model_host import ModelHost, Serving
from app.services.scoring import RankingRequest, Scorer
from app.storage.database import Database
from app.storage.items import ItemRepository
from app.storage.ratings import RatingRepository
from app.storage.tables import User
from app.storage.versions import VersionsRepository
from models.ranking import RankedItem


@dataclass(frozen=True)
class Recommendations:
    """A ranked list, and the model version that made it."""

    items: list[RankedItem]
    model_version: str


@dataclass(frozen=True)
class ListOptions:
    """What a client may ask of a list.

    Attributes:
        n: Its greatest length.
        exclude: Items to leave out.
        filters: Field → accepted values.
        include_rated: Whether items that the user has rated may be in it.
    """

    n: int
    exclude: Sequence[str]
    filters: Mapping[str, Sequence[str]]
    include_rated: bool = False


class Recommending:
    """Recommends. Nothing about a user is kept but ratings and attributes: every list is made anew from them."""

    def __init__(self, database: Database, host: ModelHost, scorer: Scorer, cache: Cache) -> None:
        self._database = database
        self._host = host
        self._scorer = scorer
        self._cache = cache

    async def for_user(self, user_id: str, options: ListOptions) -> Recommendations:
        """Recommendations for a stored user.

        Raises:
            UserNotFoundError: If the user is unknown.
            InvalidRequestError: If a filter names a field that items cannot be filtered by.
            NoActiveModelError: If no model is being served.
        """
        async with self._database.read() as session:
            versions, user = await VersionsRepository(session).current_with_user(user_id)
        if user is None:
            raise UserNotFoundError(user_id)
        serving = await self._host.at(versions)
        raise_faults(filter_faults(options.filters, serving.schema.items))
        key = _cache_key(serving, user, options)
        if (cached := await self._cache.get(key)) is not None:
            return Recommendations([RankedItem(**item) for item in cached], serving.model_version)
        async with self._database.read() as session:
            ratings = await RatingRepository(session).of_user(user_id)
        request = RankingRequest(
            attributes=known_attributes(user.attributes, serving.schema.users),
            ratings=[(rating.item_id, rating.rating) for rating in ratings],
            n=options.n,
            exclude=options.exclude,
            filters=options.filters,
            include_rated=options.include_rated,
        )
        items = await self._scorer.rank(serving.recommender, request)
        await self._cache.set(key, [asdict(item) for item in items])
        return Recommendations(items, serving.model_version)

    async def for_visitor(
        self, attributes: Mapping[str, object], ratings: Sequence[GivenRating], options: ListOptions
    ) -> Recommendations:
        """Recommendations from what the request says alone; nothing is stored.

        Raises:
            InvalidRequestError: If attributes, ratings or filters contradict the schema or the catalogue.
            NoActiveModelError: If no model is being served.
        """
        async with self._database.read() as session:
            versions = await VersionsRepository(session).current()
            missing = await ItemRepository(session).missing([given.item_id for given in ratings])
        serving = await self._host.at(versions)
        raise_faults(
            attribute_faults(attributes, serving.schema.users),
            rating_faults(ratings, serving.schema.rating_scale, missing),
            filter_faults(options.filters, serving.schema.items),
        )
        request = RankingRequest(
            attributes=known_attributes(attributes, serving.schema.users),
            ratings=[(given.item_id, given.rating) for given in ratings],
            n=options.n,
            exclude=options.exclude,
            filters=options.filters,
            include_rated=options.include_rated,
        )
        return Recommendations(await self._scorer.rank(serving.recommender, request), serving.model_version)


def _cache_key(serving: Serving, user: User, options: ListOptions) -> str:
    """Of everything that the answer depends on; hashed because ids may be long and are nobody's business."""
    filters = sorted((name, sorted(values)) for name, values in options.filters.items())
    parts = [
        serving.model_version,
        serving.catalogue,
        user.id,
        user.revision,
        options.n,
        sorted(options.exclude),
        filters,
        options.include_rated,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
