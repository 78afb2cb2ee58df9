"""Which models there are, and which one serves."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

from app.errors import ArtifactUnusableError, ModelVersionNotFoundError
from app.services.entities import to_records
from app.services.model_host import ModelHost, Serving
from app.storage.database import Database
from app.storage.items import ItemRepository
from app.storage.model_versions import ModelVersionRepository
from app.storage.tables import ModelVersion
from app.storage.versions import VersionsRepository
from models.artifact import ArtifactError, TrainedModel
from models.data.dataset import Entities


@dataclass(frozen=True)
class ModelVersionList:
    """Registered versions, and the id of the active one."""

    versions: Sequence[ModelVersion]
    active: str | None


class ModelVersions:
    """Registers, lists and activates model versions."""

    def __init__(self, database: Database, host: ModelHost) -> None:
        self._database = database
        self._host = host

    async def register(self, directory: Path) -> str:
        """Make an artifact known and put the items that it was trained with into the catalogue.

        Registering again changes nothing. Items that are known already stay as they are, and deleted ones deleted.

        Returns:
            The version's id.

        Raises:
            ArtifactError: If the artifact cannot be used.
        """
        model = await self._host.load(directory)
        await self._record(model, directory)
        await self._import_items(model.items)
        return model.version

    async def activate(self, version_id: str) -> ModelVersion:
        """Serve a registered version from now on; in this process it serves when the call returns.

        Raises:
            ModelVersionNotFoundError: If it is not registered.
            ArtifactUnusableError: If it cannot be loaded; the former version stays active.
        """
        async with self._database.read() as session:
            registered = await ModelVersionRepository(session).get(version_id)
        if registered is None:
            raise ModelVersionNotFoundError(version_id)
        try:
            await self._host.load(Path(registered.path), expected=version_id)
        except ArtifactError as error:
            raise ArtifactUnusableError(str(error)) from error
        async with self._database.write() as session:
            if await VersionsRepository(session).activate(version_id):
                registered.activated_at = await ModelVersionRepository(session).mark_activated(version_id)
            versions = await VersionsRepository(session).current()
        await self._host.at(versions)
        return registered

    async def page(self, *, after: str | None, limit: int) -> ModelVersionList:
        """Versions from the last registered on, from behind `after` on."""
        async with self._database.read() as session:
            versions = await ModelVersionRepository(session).page(after=after, limit=limit)
            active = (await VersionsRepository(session).current()).model_version
        return ModelVersionList(versions, active)

    async def serving(self) -> Serving:
        """What is being served now.

        Raises:
            NoActiveModelError: If no model is being served.
        """
        async with self._database.read() as session:
            versions = await VersionsRepository(session).current()
        return await self._host.at(versions)

    async def start_serving(self, directory: Path | None) -> None:
        """Get ready for requests.

        Args:
            directory: An artifact to register and activate; without one, the active version is loaded if there
                is one.

        Raises:
            ArtifactError: If the artifact cannot be used.
        """
        if directory is not None:
            await self.activate(await self.register(directory))
            return
        async with self._database.read() as session:
            versions = await VersionsRepository(session).current()
            if versions.model_version is None:
                return
            active = await ModelVersionRepository(session).get(versions.model_version)
        if active is not None:
            await self._host.load(Path(active.path), expected=active.id)
            await self._host.at(versions)

    async def _record(self, model: TrainedModel, directory: Path) -> None:
        async with self._database.write() as session:
            await ModelVersionRepository(session).register(
                version_id=model.version,
                path=str(await anyio.Path(directory).resolve()),
                manifest=model.manifest.model_dump(mode="json"),
                created_at=model.manifest.created_at,
            )

    async def _import_items(self, entities: Entities) -> None:
        async with self._database.write() as session:
            items = ItemRepository(session)
            known = await items.known_ids()
            missing = [item for item in to_records(entities) if item.id not in known]
            if missing:
                version = await VersionsRepository(session).next_catalogue()
                await items.save_missing(missing, version=version)
