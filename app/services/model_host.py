"""The models in memory, kept level with the versions that serve and the catalogue of the database."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from anyio import to_thread

from app.errors import NoActiveModelError
from app.observability.metrics import Phase
from app.services.batching import Batcher
from app.services.entities import to_entities
from app.services.line_up import LineUp, Serving
from app.storage.database import Database
from app.storage.items import ItemRepository
from app.storage.model_versions import ModelVersionRepository
from app.storage.popularity import PopularityRepository
from app.storage.users import UserState
from app.storage.versions import Versions, VersionsRepository
from models.artifact import ArtifactError, TrainedModel, load_artifact, verify_artifact
from models.ranking import RankingQuery, Recommender
from models.ranking.self_check import require_finite_predictions

logger = logging.getLogger(__name__)

RETRY_SECONDS = 10.0
"""After so long a version that could not be loaded is tried again."""

_LARGEST_READING = 256


class ModelHost:
    """Loads models and hands out what serves.

    Two things change. The catalogue changes often and at once: a request is answered over all that was committed when
    it arrived, and the first one that sees a change takes it in. Which versions serve changes rarely and slowly:
    `follow`, which no request waits for, loads and warms a model beside those that serve, and then swaps.

    Args:
        database: Where the catalogue and the registered versions are.
        device: Where models compute.
    """

    def __init__(self, database: Database, *, device: str) -> None:
        self._database = database
        self._device = device
        self._line_up: LineUp | None = None
        self._followed: int | None = None
        self._retry_at = 0.0
        self._last_loaded: TrainedModel | None = None
        self._prepared: Serving | None = None
        self._following = asyncio.Lock()
        self._swapping = asyncio.Lock()
        self._readings = Batcher(self._read, largest=_LARGEST_READING, phase=Phase.READ)
        self.failure: str | None = None
        """Why a version that should serve does not, if so."""

    @property
    def line_up(self) -> LineUp | None:
        """Which models serve whom in this process; None if none does."""
        return self._line_up

    async def current(self, user_id: str | None = None) -> Serving:
        """What serves a request that has arrived, of a user or of somebody without an id.

        Raises:
            NoActiveModelError: If no model serves.
        """
        versions, _ = await self._readings.do(None)
        return (await self._at(versions)).serving(user_id)

    async def current_with_user(self, user_id: str) -> tuple[Serving, UserState | None]:
        """The same, and the user of that moment, if known.

        Raises:
            NoActiveModelError: If no model serves.
        """
        versions, user = await self._readings.do(user_id)
        return (await self._at(versions)).serving(user_id), user

    async def load(self, directory: Path) -> TrainedModel:
        """Load an artifact; preparing its version next will not load it again.

        Raises:
            ArtifactError: If it cannot be used.
        """
        self._last_loaded = await to_thread.run_sync(partial(load_artifact, directory, device=self._device))
        return self._last_loaded

    async def prepare(self, version_id: str, directory: Path) -> None:
        """Do all for a version that can be done before it serves: load, embed the catalogue, check, warm.

        Args:
            version_id: The version.
            directory: Where its artifact is. It is checked even if the model is in memory: other processes need it.

        Raises:
            ArtifactError: If it cannot be used, or is another version.
        """
        await to_thread.run_sync(verify_artifact, directory)
        if not self._serves(version_id):
            self._prepared = await self._made_ready(version_id, directory)
            self._retry_at = 0.0  # if it was active and failed, it need not wait

    async def follow(self) -> None:
        """Have serve what the database says; until that is ready, what serves goes on.

        A version that cannot be loaded is tried again later. Meanwhile the former one goes on in its place, and the
        active one in the place of a challenger.

        Raises:
            DatabaseUnavailableError: If the database cannot be reached; what serves goes on.
        """
        async with self._following:
            async with self._database.read() as session:
                versions = await VersionsRepository(session).current()
            if versions.activation != self._followed or (self.failure and time.monotonic() >= self._retry_at):
                await self._change_line_up(versions)
            if self._line_up is not None:
                await self._at(versions)

    def _serves(self, version_id: str) -> bool:
        return self._line_up is not None and version_id in self._line_up.by_version

    async def _at(self, versions: Versions) -> LineUp:
        """What serves, over the catalogue of these versions or a newer one."""
        while (line_up := self._line_up) is None or line_up.is_behind(versions):
            if line_up is None:
                raise NoActiveModelError
            async with self._swapping:
                if self._line_up is line_up:
                    self._line_up = await self._with_changes(line_up)
        return line_up

    async def _read(self, user_ids: Sequence[str | None]) -> list[tuple[Versions, UserState | None]]:
        """One reading for several requests; it begins after all of them have arrived, so none sees the past."""
        wanted = {user_id for user_id in user_ids if user_id is not None}
        async with self._database.read() as session:
            versions, users = await VersionsRepository(session).current_with_users(wanted)
        return [(versions, None if user_id is None else users.get(user_id)) for user_id in user_ids]

    async def _change_line_up(self, versions: Versions) -> None:
        failed = []
        fresh: dict[str, Serving] = {}
        for version_id in versions.serving:
            if self._serves(version_id):
                continue
            try:
                fresh[version_id] = await self._ready(version_id)
            except ArtifactError as error:
                failed.append(version_id)
                logger.error("The version %s cannot be loaded: %s", version_id, error)
        former = self._line_up
        async with self._swapping:
            self._line_up = await self._lined_up(versions, fresh)
        self._prepared = None
        self._followed = versions.activation
        self.failure = f"{' and '.join(failed)} cannot be loaded" if failed else None
        self._retry_at = time.monotonic() + RETRY_SECONDS
        if self._line_up is not None and (serves := _described(self._line_up)) != (former and _described(former)):
            logger.info("Serving %s.", serves)

    async def _lined_up(self, versions: Versions, fresh: Mapping[str, Serving]) -> LineUp | None:
        """What serves at these versions, of what is fresh and what serves already."""
        former = self._line_up
        known = {**(former.by_version if former else {}), **fresh}
        active = known.get(versions.model_version or "", None if former is None else former.active)
        if active is None:
            return None
        line_up = LineUp(active)
        if versions.challenger is not None and versions.challenger.version in known:
            line_up = LineUp(active, known[versions.challenger.version], versions.challenger.percent)
        # Items that changed while a model was loaded: no request may see less of them than those before it.
        while former is not None and line_up.is_behind(former):
            line_up = await self._with_changes(line_up)
        return line_up

    async def _ready(self, version_id: str) -> Serving:
        if self._prepared is not None and self._prepared.model_version == version_id:
            return self._prepared
        async with self._database.read() as session:
            registered = await ModelVersionRepository(session).get(version_id)
        if registered is None:
            raise ArtifactError(f"{version_id}: is not registered")
        return await self._made_ready(version_id, Path(registered.path))

    async def _made_ready(self, version_id: str, directory: Path) -> Serving:
        """A model over the catalogue as it is now, checked and warm."""
        model = self._last_loaded
        if model is None or model.version != version_id:
            model = await self.load(directory)
        if model.version != version_id:
            raise ArtifactError(f"{directory}: holds {model.version}, not {version_id}")
        async with self._database.read() as session:
            # The versions first: what changes in between is then read again later, but never missed.
            versions = await VersionsRepository(session).current()
            items = await ItemRepository(session).catalogue()
            collected = await PopularityRepository(session).changed_since(model.version, 0)

        def build() -> Recommender:
            recommender = Recommender(model, to_entities(items, model.schema.items)).with_collected(collected)
            require_finite_predictions(recommender)
            recommender.recommend(
                RankingQuery(attributes={}, ratings=[], n=1)
            )  # the first pass is slow; let no user wait
            return recommender

        try:
            recommender = await to_thread.run_sync(build)
        except ArtifactError:
            raise
        except Exception as error:  # whatever it is, such a model cannot serve
            raise ArtifactError(f"{version_id}: cannot predict: {error}") from error
        return Serving(recommender, versions.catalogue, versions.popularity)

    async def _with_changes(self, line_up: LineUp) -> LineUp:
        challenger = line_up.challenger
        return replace(
            line_up,
            active=await self._caught_up(line_up.active),
            challenger=None if challenger is None else await self._caught_up(challenger),
        )

    async def _caught_up(self, serving: Serving) -> Serving:
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

        return Serving(await to_thread.run_sync(build), versions.catalogue, versions.popularity)


def _described(line_up: LineUp) -> str:
    if line_up.challenger is None:
        return line_up.active.model_version
    return (
        f"{line_up.active.model_version}, and {line_up.challenger.model_version} to {line_up.percent:g} % of the users"
    )
