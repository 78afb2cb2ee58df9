"""The versions that every request reads first."""

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.tables import CurrentVersions, User


@dataclass(frozen=True)
class Versions:
    """What was being served at one moment.

    Attributes:
        model_version: The active model version, if any.
        activation: Counts activations, so that of two observations the newer is known.
        catalogue: The catalogue version.
    """

    model_version: str | None
    activation: int
    catalogue: int


class VersionsRepository:
    """Reads and advances the current versions."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def current(self) -> Versions:
        """What is being served."""
        row = (await self._session.execute(_CURRENT)).one()
        return Versions(row.model_version, row.activation, row.catalogue)

    async def current_with_user(self, user_id: str) -> tuple[Versions, User | None]:
        """What is being served, and a user, read at the same moment."""
        statement = _CURRENT.add_columns(User).outerjoin(User, User.id == user_id)
        row = (await self._session.execute(statement)).one()
        return Versions(row.model_version, row.activation, row.catalogue), row.User

    async def next_catalogue(self) -> int:
        """Advance the catalogue version; other writers of items wait until this transaction ends."""
        statement = (
            update(CurrentVersions).values(catalogue=CurrentVersions.catalogue + 1).returning(CurrentVersions.catalogue)
        )
        return (await self._session.execute(statement)).scalar_one()

    async def activate(self, version_id: str) -> bool:
        """Make a registered version the active one; False if it is already."""
        statement = (
            update(CurrentVersions)
            .where(CurrentVersions.model_version.is_distinct_from(version_id))
            .values(model_version=version_id, activation=CurrentVersions.activation + 1)
            .returning(CurrentVersions.activation)
        )
        return (await self._session.execute(statement)).scalar_one_or_none() is not None


_CURRENT = select(CurrentVersions.model_version, CurrentVersions.activation, CurrentVersions.catalogue)
