"""The model in memory, kept level with the active version and the catalogue of the database."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from anyio import to_thread

from app.errors import NoActiveModelError
from app.observability.metrics import Phase
from app.services.batching import Batcher
from app.services.entities import to_entities
from app.storage.database import Database
from app.storage.items import ItemRepository
from app.storage.model_versions import ModelVersionRepository
from app.storage.popularity import PopularityRepository
from app.storage.users import UserState
from app.storage.versions import Versions, VersionsRepository
from models.artifact import ArtifactError, TrainedModel, load_artifact
from models.ranking import RankingQuery, Recommender
from models.schema import DatasetSchema

logger = logging.getLogger(__name__)

_LARGEST_READING = 256


@dataclass(frozen=True)
class Serving:
    """One model over one state of the catalogue; a request uses one of them from its beginning to its end."""

    recommender: Recommender
    activation: int
    catalogue: int
    popularity: int

    @property
    def model_version(self) -> str:
        """The id of the model version."""
        return self.recommender.model.version

    @property
    def schema(self) -> DatasetSchema:
        """What the model's data look like, and so what requests may say."""
        return self.recommender.model.schema

    def missing(self, item_ids: Collection[str]) -> set[str]:
        """Those of the ids that are not in the catalogue."""
        known = self.recommender.items.row_of
        return {item_id for item_id in item_ids if item_id not in known}

    def is_older_than(self, versions: Versions) -> bool:
        """Whether the database has been seen at something newer."""
        return (
            self.activation < versions.activation
            or self.catalogue < versions.catalogue
            or self.popularity < versions.popularity
        )


class ModelHost:
    """Loads models and hands out what is to be served at the versions that a request has read.

    Args:
        database: Where the catalogue and the registered versions are.
        device: Where models compute.
    """

    def __init__(self, database: Database, *, device: str) -> None:
        self._database = database
        self._device = device
        self._serving: Serving | None = None
        self._last_loaded: TrainedModel | None = None
        self._catching_up = asyncio.Lock()
        self._readings = Batcher(self._read, largest=_LARGEST_READING, phase=Phase.READ)
        self.failure: str | None = None
        """Why the active version is not the one being served, if so."""

    @property
    def serving(self) -> Serving | None:
        """What was handed out last."""
        return self._serving

    async def load(self, directory: Path, *, expected: str | None = None) -> TrainedModel:
        """Load an artifact; activating its version next will not load it again.

        Args:
            directory: Where the artifact is.
            expected: The version that it should be, if that is known.

        Raises:
            ArtifactError: If it cannot be used, or is another version.
        """
        if self._last_loaded is not None and self._last_loaded.version == expected:
            return self._last_loaded
        model = await to_thread.run_sync(partial(load_artifact, directory, device=self._device))
        if expected is not None and model.version != expected:
            raise ArtifactError(f"{directory}: holds {model.version}, not {expected}")
        self._last_loaded = model
        return model

    async def current(self) -> Serving:
        """What to serve to a request that has arrived.

        Raises:
            NoActiveModelError: See `at`.
        """
        versions, _ = await self._readings.do(None)
        return await self.at(versions)

    async def current_with_user(self, user_id: str) -> tuple[Serving, UserState | None]:
        """What to serve to a request that has arrived, and a user of that moment, if known.

        Raises:
            NoActiveModelError: See `at`.
        """
        versions, user = await self._readings.do(user_id)
        return await self.at(versions), user

    async def at(self, versions: Versions) -> Serving:
        """What to serve at these versions, or at newer ones.

        The first request that sees newer versions does the work, and those that see them too wait for it;
        requests before them go on with what they have. If a newly activated version cannot be loaded, the
        former goes on serving.

        Raises:
            NoActiveModelError: If no version is active, or it cannot be loaded and there is no former one.
        """
        serving = self._serving
        if serving is None or serving.is_older_than(versions):
            async with self._catching_up:
                serving = self._serving
                while serving is None or serving.is_older_than(versions):
                    serving = self._serving = await self._newer(serving, versions)
        return serving

    async def _read(self, user_ids: Sequence[str | None]) -> list[tuple[Versions, UserState | None]]:
        """One reading for several requests; it begins after all of them have arrived, so none sees the past."""
        wanted = {user_id for user_id in user_ids if user_id is not None}
        async with self._database.read() as session:
            versions, users = await VersionsRepository(session).current_with_users(wanted)
        return [(versions, None if user_id is None else users.get(user_id)) for user_id in user_ids]

    async def _newer(self, serving: Serving | None, versions: Versions) -> Serving:
        if serving is None or serving.activation < versions.activation:
            return await self._activated(serving, versions)
        return await self._with_changes(serving)

    async def _activated(self, former: Serving | None, versions: Versions) -> Serving:
        if former is not None and former.model_version == versions.model_version:
            self.failure = None  # another version was active in between, and nobody asked for it here
            return replace(former, activation=versions.activation)
        try:
            model = await self._load_version(versions.model_version)
        except ArtifactError as error:
            self.failure = f"{versions.model_version} cannot be loaded"
            logger.error("The active version %s: %s", self.failure, error)
            if former is None:
                raise NoActiveModelError from error
            return replace(former, activation=versions.activation)
        self.failure = None
        return await self._over_catalogue(model, versions.activation)

    async def _load_version(self, version_id: str | None) -> TrainedModel:
        if version_id is None:
            raise NoActiveModelError
        async with self._database.read() as session:
            registered = await ModelVersionRepository(session).get(version_id)
        if registered is None:
            raise NoActiveModelError
        return await self.load(Path(registered.path), expected=version_id)

    async def _over_catalogue(self, model: TrainedModel, activation: int) -> Serving:
        async with self._database.read() as session:
            # The versions first: what changes in between is then read again later, but never missed.
            versions = await VersionsRepository(session).current()
            items = await ItemRepository(session).catalogue()
            collected = await PopularityRepository(session).changed_since(model.version, 0)

        def build() -> Recommender:
            recommender = Recommender(model, to_entities(items, model.schema.items)).with_collected(collected)
            recommender.recommend(
                RankingQuery(attributes={}, ratings=[], n=1)
            )  # the first pass is slow; let no user wait
            return recommender

        recommender = await to_thread.run_sync(build)
        logger.info("Serving %s over %d items.", model.version, len(items))
        return Serving(recommender, activation, versions.catalogue, versions.popularity)

    async def _with_changes(self, serving: Serving) -> Serving:
        async with self._database.read() as session:
            versions = await VersionsRepository(session).current()
            changes = await ItemRepository(session).changed_since(serving.catalogue)
            collected = await PopularityRepository(session).changed_since(serving.model_version, serving.popularity)

        def build() -> Recommender:
            recommender = serving.recommender
            if changes:
                changed = to_entities(changes.changed, serving.schema.items)
                recommender = recommender.with_changes(changed, changes.removed)
            if collected:
                recommender = recommender.with_collected({**recommender.catalogue.collected, **collected})
            return recommender

        return Serving(await to_thread.run_sync(build), serving.activation, versions.catalogue, versions.popularity)
