"""The models in memory, kept up to date with the database: which versions serve, and the catalogue."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from anyio import to_thread

from app.errors import NoActiveModelError
from app.freed_memory import release_freed_memory
from app.lists.item_conversion import hidden_ids, to_entities
from app.lists.stored_catalogue import read_catalogue
from app.observability.metrics import Phase
from app.services.batching import Batcher
from app.services.model_traffic import ModelTraffic, ServedModel
from app.storage.current_versions import CurrentVersionsRepository, Versions
from app.storage.database import Database
from app.storage.item_popularity import ItemPopularityRepository
from app.storage.items import ItemRepository
from app.storage.model_versions import ModelVersionRepository
from app.storage.users import UserState
from models.artifact import (
    ArtifactError,
    ArtifactFormatError,
    TrainedModel,
    load_artifact,
    other_format,
    verify_artifact,
)
from models.ranking import RankingQuery, Recommender
from models.ranking.self_check import require_finite_predictions

logger = logging.getLogger(__name__)

RETRY_SECONDS = 10.0
"""Time after which a version that could not be loaded is tried again."""

_LARGEST_READING = 256


class ModelHost:
    """Loads models, and gives each request the model that serves it.

    Two things change. The catalogue changes often: a request sees every change that was committed when it arrived, and
    the first request that sees a change applies it. Which versions serve changes rarely: `refresh` loads and warms a
    new model while the former one serves, and then swaps them. No request waits for `refresh`.

    Args:
        database: Where the catalogue and the registered versions are.
        device: The torch device of the models.
    """

    def __init__(self, database: Database, *, device: str) -> None:
        self._database = database
        self._device = device
        self._traffic: ModelTraffic | None = None
        self._followed: int | None = None
        self._retry_at = 0.0
        self._last_loaded: TrainedModel | None = None
        self._prepared: ServedModel | None = None
        self._following = asyncio.Lock()
        self._swapping = asyncio.Lock()
        self._readings = Batcher(self._read, largest=_LARGEST_READING, phase=Phase.READ)
        self.failure: str | None = None
        """Why a version that should be served is not; None if all are."""

    @property
    def traffic(self) -> ModelTraffic | None:
        """The models that this process serves; None if it has none."""
        return self._traffic

    async def current(self, user_id: str | None = None) -> ServedModel:
        """The model that serves a request of this user, or a request without a user.

        Raises:
            NoActiveModelError: If no model is being served.
        """
        versions, _ = await self._readings.do(None)
        return (await self._at(versions)).model_for(user_id)

    async def current_with_user(self, user_id: str) -> tuple[ServedModel, UserState | None]:
        """The model as from `current`, and the user, read at the same moment; None if the user is unknown.

        Raises:
            NoActiveModelError: If no model is being served.
        """
        versions, user = await self._readings.do(user_id)
        return (await self._at(versions)).model_for(user_id), user

    async def load(self, directory: Path) -> TrainedModel:
        """Load an artifact. Preparing its version next does not load it again.

        Raises:
            ArtifactError: If it cannot be used.
        """
        self._last_loaded = await to_thread.run_sync(partial(load_artifact, directory, device=self._device))
        return self._last_loaded

    async def prepare(self, version_id: str, directory: Path) -> None:
        """Prepare a version before it serves: load it, embed the catalogue, check it and warm it.

        Args:
            version_id: The version.
            directory: Its artifact. It is verified even if the model is in memory, because other processes need it.

        Raises:
            ArtifactError: If the artifact cannot be used, or holds another version.
        """
        await to_thread.run_sync(verify_artifact, directory)
        if not self._serves(version_id):
            self._prepared = await self._made_ready(version_id, directory)
            self._retry_at = 0.0  # if it was active and failed, it is tried again at once

    async def refresh(self) -> None:
        """Serve the versions that the database names. Until they are ready, the former models go on serving.

        A version that cannot be loaded is tried again later. Meanwhile the former model serves instead of the active
        version, and the active version instead of a challenger.

        Raises:
            DatabaseUnavailableError: If the database cannot be reached. The former models go on serving.
        """
        async with self._following:
            async with self._database.read() as session:
                versions = await CurrentVersionsRepository(session).current()
            if versions.activation != self._followed or (self.failure and time.monotonic() >= self._retry_at):
                await self._change_traffic(versions)
            if self._traffic is not None:
                await self._at(versions)

    def _serves(self, version_id: str) -> bool:
        return self._traffic is not None and version_id in self._traffic.by_version

    async def _at(self, versions: Versions) -> ModelTraffic:
        """The models, over the catalogue of these versions or a newer one."""
        while (traffic := self._traffic) is None or traffic.is_behind(versions):
            if traffic is None:
                raise NoActiveModelError(self.failure)
            async with self._swapping:
                if self._traffic is traffic:
                    self._traffic = await self._with_changes(traffic)
        return traffic

    async def _read(self, user_ids: Sequence[str | None]) -> list[tuple[Versions, UserState | None]]:
        """Read once for several requests. The read begins after all have arrived, so each sees earlier changes."""
        wanted = {user_id for user_id in user_ids if user_id is not None}
        async with self._database.look_up() as session:
            versions, users = await CurrentVersionsRepository(session).current_with_users(wanted)
        return [(versions, None if user_id is None else users.get(user_id)) for user_id in user_ids]

    async def _change_traffic(self, versions: Versions) -> None:
        failed = []
        fresh: dict[str, ServedModel] = {}
        for version_id in versions.model_versions:
            if self._serves(version_id):
                continue
            try:
                fresh[version_id] = await self._ready(version_id)
            except ArtifactError as error:
                failed.append(_described_failure(version_id, error))
                logger.error("The version %s cannot be loaded: %s", version_id, error)
        former = self._traffic
        async with self._swapping:
            self._traffic = await self._lined_up(versions, fresh)
        self._prepared = None
        self._followed = versions.activation
        self.failure = "; ".join(failed) or None
        self._retry_at = time.monotonic() + RETRY_SECONDS
        await to_thread.run_sync(release_freed_memory)
        if self._traffic is not None and (serves := _described(self._traffic)) != (former and _described(former)):
            logger.info("Serving %s.", serves)

    async def _lined_up(self, versions: Versions, fresh: Mapping[str, ServedModel]) -> ModelTraffic | None:
        """The models to serve at these versions: newly loaded ones, and ones that serve already."""
        former = self._traffic
        known = {**(former.by_version if former else {}), **fresh}
        active = known.get(versions.model_version or "", None if former is None else former.active)
        if active is None:
            return None
        traffic = ModelTraffic(active)
        if versions.challenger is not None and versions.challenger.version in known:
            traffic = ModelTraffic(active, known[versions.challenger.version], versions.challenger.percent)
        # Items may have changed while a model was loaded: no request may see an older catalogue than an earlier one.
        while former is not None and traffic.is_behind(former):
            traffic = await self._with_changes(traffic)
        return traffic

    async def _ready(self, version_id: str) -> ServedModel:
        if self._prepared is not None and self._prepared.model_version == version_id:
            return self._prepared
        async with self._database.read() as session:
            registered = await ModelVersionRepository(session).get(version_id)
        if registered is None:
            raise ArtifactError(f"{version_id}: is not registered")
        return await self._made_ready(version_id, Path(registered.path))

    async def _made_ready(self, version_id: str, directory: Path) -> ServedModel:
        """A model over the present catalogue, checked and warm."""
        model = self._last_loaded
        if model is None or model.version != version_id:
            model = await self.load(directory)
        if model.version != version_id:
            raise ArtifactError(f"{directory}: holds {model.version}, not {version_id}")
        async with self._database.read() as session:
            stored = await read_catalogue(session, model.version)

        def build() -> Recommender:
            recommender = stored.recommender(model)
            require_finite_predictions(recommender)
            recommender.recommend(
                RankingQuery(attributes={}, ratings=[], n=1)
            )  # the first pass is slow, and no user should wait for it
            return recommender

        try:
            recommender = await to_thread.run_sync(build)
        except ArtifactError:
            raise
        except Exception as error:  # no matter which error it is, such a model cannot serve
            raise ArtifactError(f"{version_id}: cannot predict: {error}") from error
        return ServedModel(recommender, stored.versions.catalogue, stored.versions.popularity)

    async def _with_changes(self, traffic: ModelTraffic) -> ModelTraffic:
        challenger = traffic.challenger
        return replace(
            traffic,
            active=await self._caught_up(traffic.active),
            challenger=None if challenger is None else await self._caught_up(challenger),
        )

    async def _caught_up(self, served: ServedModel) -> ServedModel:
        async with self._database.read() as session:
            versions = await CurrentVersionsRepository(session).current()
            changes = await ItemRepository(session).changed_since(served.catalogue)
            new_ratings = await ItemPopularityRepository(session).changed_since(served.model_version, served.popularity)

        def build() -> Recommender:
            recommender = served.recommender
            if changes:
                changed = to_entities(changes.changed, served.schema.items)
                recommender = recommender.with_changes(changed, changes.removed, hidden_ids(changes.changed))
            if new_ratings:
                recommender = recommender.with_new_ratings({**recommender.catalogue.new_ratings, **new_ratings})
            return recommender

        return ServedModel(await to_thread.run_sync(build), versions.catalogue, versions.popularity)


def _described_failure(version_id: str, error: ArtifactError) -> str:
    """The failure as readiness shows it to anybody: without paths, which only the log has."""
    if isinstance(error, ArtifactFormatError):
        return f"{version_id} {other_format(error.found)}"
    return f"{version_id} cannot be loaded"


def _described(traffic: ModelTraffic) -> str:
    if traffic.challenger is None:
        return traffic.active.model_version
    return (
        f"{traffic.active.model_version}, and {traffic.challenger.model_version} to {traffic.percent:g} % of the users"
    )
