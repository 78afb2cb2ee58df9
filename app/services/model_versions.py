"""Model versions: registering, listing and activating them, and comparing two of them on users."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio import to_thread
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from app.announcements import Announcements
from app.errors import (
    ArtifactUnusableError,
    ChallengerIsActiveError,
    FieldError,
    ModelVersionNotFoundError,
    NoActiveModelError,
    SchemaMismatchError,
)
from app.lists.item_conversion import to_records
from app.services.model_host import ModelHost
from app.services.schema_compatibility import schema_incompatibilities
from app.storage.current_versions import Challenger, CurrentVersionsRepository, Versions
from app.storage.database import Database
from app.storage.items import ItemRepository
from app.storage.model_versions import ModelVersionRepository
from app.storage.tables import ModelVersion
from models.artifact import ArtifactError, ArtifactFormatError, TrainedModel, read_schema
from models.data.schema import DatasetSchema

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ActiveSchema:
    """The active version, and the schema of the data that it was trained on."""

    model_version: str
    schema: DatasetSchema


@dataclass(frozen=True)
class ModelVersionList:
    """Registered versions, and the versions that serve now."""

    versions: Sequence[ModelVersion]
    current: Versions


class ModelVersionService:
    """Registers, lists and activates model versions, and lets a challenger serve some of the users.

    A change of the served versions is checked first, then stored, then announced. Every other process follows by
    itself. In this process the change has happened when the call returns.
    """

    def __init__(self, database: Database, host: ModelHost, announcements: Announcements) -> None:
        self._database = database
        self._host = host
        self._announcements = announcements

    async def register(self, directory: Path) -> str:
        """Register an artifact, and add the items that it was trained with to the catalogue.

        Registering it again changes nothing. Stored items stay as they are, and deleted items stay deleted.

        Returns:
            The version's id.

        Raises:
            ArtifactError: If the artifact cannot be used.
        """
        model = await self._host.load(directory)
        await self._record(model, directory)
        await self._import_items(model)
        return model.version

    async def activate(self, version_id: str, *, allow_schema_change: bool = False) -> ModelVersion:
        """Activate a registered version: it serves all users from now on.

        This ends a challenge, too. Activating the active version changes nothing.

        Args:
            version_id: The version.
            allow_schema_change: Whether its rating scale may differ and attributes may be missing.

        Raises:
            ModelVersionNotFoundError: If it is not registered.
            ArtifactUnusableError: If it cannot be loaded, or its predictions are not finite. Nothing changes.
            SchemaMismatchError: If its schema does not fit the active version's. Nothing changes.
        """
        registered = await self._usable(version_id, allow_schema_change=allow_schema_change)
        async with self._database.write() as session:
            if await CurrentVersionsRepository(session).activate(version_id):
                versions = ModelVersionRepository(session)
                await versions.mark_activated(version_id)
                registered = await versions.get(version_id) or registered
        await self._announcements.announce()
        await self._host.refresh()
        return registered

    async def registered(self, version_id: str) -> ModelVersion:
        """A registered version.

        Raises:
            ModelVersionNotFoundError: If it is not registered.
        """
        async with self._database.read() as session:
            version = await ModelVersionRepository(session).get(version_id)
        if version is None:
            raise ModelVersionNotFoundError(version_id)
        return version

    async def challenge(self, challenger: Challenger) -> None:
        """Let a registered version serve some of the users, instead of the active version.

        It replaces a former challenger.

        Raises:
            ModelVersionNotFoundError: If it is not registered.
            NoActiveModelError: If no version is active.
            ChallengerIsActiveError: If it is the active version.
            ArtifactUnusableError: If it cannot be loaded, or its predictions are not finite. Nothing changes.
            SchemaMismatchError: If its schema does not fit the active version's. Nothing changes.
        """
        await self._usable(challenger.version, allow_schema_change=False)
        async with self._database.write() as session:
            if not await CurrentVersionsRepository(session).challenge(challenger):
                if (await CurrentVersionsRepository(session).current()).model_version is None:
                    raise NoActiveModelError
                raise ChallengerIsActiveError(challenger.version)
        await self._tell_and_follow()

    async def end_challenge(self) -> None:
        """End the challenge: the active version serves all users. Without a challenger nothing changes."""
        async with self._database.write() as session:
            await CurrentVersionsRepository(session).end_challenge()
        await self._tell_and_follow()

    async def traffic(self) -> Versions:
        """The versions that serve, as stored in the database."""
        async with self._database.read() as session:
            return await CurrentVersionsRepository(session).current()

    async def page(self, *, after: str | None, limit: int) -> ModelVersionList:
        """Versions, last registered first, after the version `after`."""
        async with self._database.read() as session:
            versions = await ModelVersionRepository(session).page(after=after, limit=limit)
            current = await CurrentVersionsRepository(session).current()
        return ModelVersionList(versions, current)

    async def active_schema(self) -> ActiveSchema:
        """The active version and its schema, even if its artifact has the format of another release.

        Raises:
            NoActiveModelError: If no version is active, or its schema cannot be read.
        """
        try:
            served = await self._host.current()
        except NoActiveModelError:
            async with self._database.read() as session:
                active = await _active_version(session)
            if active is None:
                raise
            try:
                schema = await to_thread.run_sync(read_schema, Path(active.path))
            except ArtifactError as error:
                raise NoActiveModelError(f"{active.id} cannot be loaded") from error
            return ActiveSchema(active.id, schema)
        return ActiveSchema(served.model_version, served.schema)

    async def start_serving(self, directory: Path | None, *, activate: bool = False) -> None:
        """Get ready for requests: load the active version, if there is one.

        If its artifact has the format of another release, the service starts without a model: it is not ready, but a
        training can replace the version. The same goes for an artifact that is only to be activated if it never was.

        Args:
            directory: An artifact to register first, and to activate if it was never active. If it was active before,
                another version replaced it, and a restart must not undo that.
            activate: Whether to activate the artifact even if another version replaced it.

        Raises:
            ArtifactError: If the artifact cannot be used.
            ArtifactUnusableError: If its predictions are not finite.
            SchemaMismatchError: If its schema does not fit the active version's.
        """
        if directory is not None:
            try:
                version_id = await self.register(directory)
            except ArtifactFormatError as error:
                if activate:
                    raise
                logger.error("The artifact is not registered: %s", error)
            else:
                if activate or await self._was_never_active(version_id):
                    await self.activate(version_id)
                    return
        async with self._database.read() as session:
            active = await _active_version(session)
        if active is not None:
            with suppress(ArtifactFormatError):  # `refresh` logs it, and readiness reports it
                await self._host.prepare(active.id, Path(active.path))
            await self._host.refresh()

    async def _was_never_active(self, version_id: str) -> bool:
        async with self._database.read() as session:
            registered = await ModelVersionRepository(session).get(version_id)
        return registered is None or registered.activated_at is None

    async def _usable(self, version_id: str, *, allow_schema_change: bool) -> ModelVersion:
        """A registered version that has passed all checks and is in memory."""
        async with self._database.read() as session:
            versions = ModelVersionRepository(session)
            registered = await versions.get(version_id)
            if registered is None:
                raise ModelVersionNotFoundError(version_id)
            active = await _active_version(session)
        if active is not None and not allow_schema_change and (errors := _schema_errors(registered, active)):
            raise SchemaMismatchError(version_id, errors)
        try:
            await self._host.prepare(version_id, Path(registered.path))
        except ArtifactError as error:
            raise ArtifactUnusableError(str(error)) from error
        return registered

    async def _tell_and_follow(self) -> None:
        await self._announcements.announce()
        if self._host.traffic is not None:  # a command line serves no requests, so it need not load the models
            await self._host.refresh()

    async def _record(self, model: TrainedModel, directory: Path) -> None:
        async with self._database.write() as session:
            await ModelVersionRepository(session).register(
                version_id=model.version,
                path=str(await anyio.Path(directory).resolve()),
                manifest=model.manifest.model_dump(mode="json"),
                created_at=model.manifest.created_at,
            )

    async def _import_items(self, model: TrainedModel) -> None:
        async with self._database.write() as session:
            items = ItemRepository(session)
            known = await items.known_ids()
            missing = [item for item in to_records(model.items) if item.id not in known]
            if missing:
                version = await CurrentVersionsRepository(session).next_catalogue()
                await items.save_missing(missing, version=version)
            await items.save_training_counts(model.training_counts)


async def _active_version(session: AsyncSession) -> ModelVersion | None:
    active_id = (await CurrentVersionsRepository(session).current()).model_version
    return None if active_id is None else await ModelVersionRepository(session).get(active_id)


def _schema_errors(version: ModelVersion, active: ModelVersion) -> list[FieldError]:
    try:
        schemas = [DatasetSchema.model_validate(each.manifest["data_schema"]) for each in (version, active)]
    except ValidationError:
        return []  # an older release wrote it: it cannot be loaded, so both versions never serve together
    return schema_incompatibilities(*schemas)
