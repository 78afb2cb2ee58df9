"""Events: which recommended items were shown, clicked and rated."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.errors import FieldError
from app.lists.feedback import item_ratings
from app.services.model_host import ModelHost
from app.services.model_traffic import ServedModel
from app.services.predicted_ratings import RatingToMeasure, predict_rated
from app.services.validation import raise_if_invalid
from app.storage.database import Database
from app.storage.events import EventRecord, EventRepository
from app.storage.interactions import InteractionEvent, InteractionRepository
from app.storage.items import ItemRepository
from app.storage.model_versions import ModelVersionRepository
from app.storage.predicted_ratings import PredictedRatingRecord, PredictedRatingRepository
from app.storage.ratings import RatingRecord, RatingRepository
from app.storage.tables import EventType
from app.storage.users import UserRepository, UserState
from models.data.attribute_values import known_attributes
from models.data.rating_scale import RatingScale

logger = logging.getLogger(__name__)


_CHANGE_LISTS = {EventType.SHOWN, EventType.CLICKED, EventType.DISMISSED}


@dataclass(frozen=True)
class EventsStored:
    """How many events of a request are new, and how many were stored before."""

    stored: int
    known: int


class EventService:
    """Stores events.

    What was shown or opened falls in a user's lists for a while, and what was dismissed is not in them any more. Events
    change what a model knows of a user only where a setting makes interactions of them.

    Args:
        database: Where they are stored.
        host: Has the models that serve.
        as_interactions: Types of events that are stored as interactions too, with the kinds of these. A kind that the
            active model does not know is stored and does not count.
    """

    def __init__(self, database: Database, host: ModelHost, as_interactions: Mapping[str, str]) -> None:
        self._database = database
        self._host = host
        self._as_interactions = as_interactions
        self._warned: set[str] = set()

    async def add(self, events: Sequence[EventRecord]) -> EventsStored:
        """Store events, all or none of them. An event whose id is stored already is ignored.

        If the version of a rating is being served, the rating is compared with that version's prediction from the
        user's earlier ratings. When this returns, the events are durable.

        Raises:
            InvalidRequestError: If a version, an item or a rating is not valid. Nothing is stored.
            NoActiveModelError: If no model is being served: the rating scale is the model's. Nothing is stored.
        """
        schema = (await self._host.current()).schema
        scale = schema.rating_scale
        async with self._database.read() as session:
            versions = await ModelVersionRepository(session).known({event.model_version for event in events})
            items = await ItemRepository(session).known_ids({event.item_id for event in events})
        raise_if_invalid(_errors(events, scale, versions, items))
        predicted = await self._predicted([event for event in events if event.type is EventType.RATED])
        async with self._database.write() as session:
            # Their cached lists are no longer valid: what was shown falls, and what was dismissed goes.
            if users := {event.user_id for event in events if event.type in _CHANGE_LISTS}:
                await UserRepository(session).touch_all(users)
            new = await EventRepository(session).save(events)
            await PredictedRatingRepository(session).save(
                [rating for event_id, rating in predicted.items() if event_id in new], replace=False
            )
            if interactions := [
                (event.user_id, InteractionEvent(event.item_id, kind, event.occurred_at, event.id))
                for event in events
                if event.id in new and (kind := self._as_interactions.get(event.type)) is not None
            ]:
                await UserRepository(session).save(dict.fromkeys(user_id for user_id, _ in interactions))
                await InteractionRepository(session).save(interactions)
        self._warn_of({event.kind for _, event in interactions} - set(schema.kinds))
        return EventsStored(stored=len(new), known=len(events) - len(new))

    def _warn_of(self, unknown: set[str]) -> None:
        """Say once that a setting names a kind that the active model does not know."""
        for kind in unknown - self._warned:
            logger.warning("COLDSTART_EVENTS_AS_INTERACTIONS: the active model knows no interactions %r.", kind)
        self._warned |= unknown

    async def _predicted(self, events: Sequence[EventRecord]) -> Mapping[str, PredictedRatingRecord]:
        """By event id, the rating and its prediction; without unknown users and versions that are not served."""
        traffic = self._host.traffic
        if not events or traffic is None:
            return {}
        user_ids = {event.user_id for event in events}
        async with self._database.read() as session:
            users = await UserRepository(session).states(user_ids)
            ratings = await RatingRepository(session).of_users(user_ids)
        events_of: dict[str, list[EventRecord]] = defaultdict(list)
        for event in events:
            if event.user_id in users:
                events_of[event.model_version].append(event)
        predicted: dict[str, PredictedRatingRecord] = {}
        for version_id, version_events in events_of.items():
            served = traffic.by_version.get(version_id)
            if served is not None and served.predicts_ratings:
                known = [event for event in version_events if not served.missing([event.item_id])]
                rated = [
                    _rating_to_measure(event, served, users[event.user_id], ratings.get(event.user_id, ()))
                    for event in known
                ]
                records = await predict_rated(served, rated)
                predicted.update(zip((event.id for event in known), records, strict=True))
        return predicted


def _rating_to_measure(
    event: EventRecord, served: ServedModel, user: UserState, ratings: Sequence[RatingRecord]
) -> RatingToMeasure:
    """The rating of an event, and the user's ratings from before it."""
    assert event.rating is not None  # noqa: S101 - `_errors` has checked it
    known = item_ratings(
        rating for rating in ratings if rating.item_id != event.item_id and rating.is_older_than(event.occurred_at)
    )
    return RatingToMeasure(
        event.user_id,
        event.item_id,
        event.rating,
        event.occurred_at,
        known_attributes(user.attributes, served.schema.users),
        known,
    )


def _errors(
    events: Sequence[EventRecord], scale: RatingScale | None, versions: set[str], items: set[str]
) -> list[FieldError]:
    """Errors for unknown versions and items, and for ratings that are missing, superfluous or off the scale.

    Deleted items are valid: they may have been shown before.
    """
    errors = []
    for index, event in enumerate(events):
        where = f"events.{index}"
        if event.model_version not in versions:
            errors.append(FieldError(f"{where}.model_version", "is not a registered version"))
        if event.item_id not in items:
            errors.append(FieldError(f"{where}.item_id", "was never in the catalogue"))
        if event.type is not EventType.RATED:
            if event.rating is not None:
                errors.append(FieldError(f"{where}.rating", f"does not belong to an event of type {event.type}"))
        elif event.rating is None:
            errors.append(FieldError(f"{where}.rating", "is missing"))
        elif scale is None:
            errors.append(FieldError(f"{where}.rating", "the active model takes no ratings"))
        elif not scale.contains(event.rating):
            errors.append(FieldError(f"{where}.rating", f"must be on the scale from {scale}"))
    return errors
