"""The versions that every request reads first."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.tables import Base, CurrentVersions
from app.storage.users import UserState


@dataclass(frozen=True)
class Versions:
    """What was being served at one moment.

    Attributes:
        model_version: The active model version, if any.
        activation: Counts activations, so that of two observations the newer is known.
        catalogue: The catalogue version.
        popularity: The version of the items' popularity.
    """

    model_version: str | None
    activation: int
    catalogue: int
    popularity: int


class VersionsRepository:
    """Reads and advances the current versions."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def current(self) -> Versions:
        """What is being served."""
        row = (await self._session.execute(_CURRENT)).one()
        return Versions(row.model_version, row.activation, row.catalogue, row.popularity)

    async def current_with_users(self, user_ids: Collection[str]) -> tuple[Versions, dict[str, UserState]]:
        """What is being served, and those of the users that are known, by id, read at the same moment."""
        rows = (await self._session.execute(_CURRENT_WITH_USERS, {"user_ids": list(user_ids)})).all()
        users = {row.id: UserState(row.id, row.attributes, row.revision) for row in rows if row.id is not None}
        first = rows[0]
        return Versions(first.model_version, first.activation, first.catalogue, first.popularity), users

    async def next_catalogue(self) -> int:
        """Advance the catalogue version; other writers of items wait until this transaction ends."""
        statement = (
            update(CurrentVersions).values(catalogue=CurrentVersions.catalogue + 1).returning(CurrentVersions.catalogue)
        )
        return (await self._session.execute(statement)).scalar_one()

    async def next_popularity(self) -> int:
        """Advance the popularity version; other writers of popularity wait until this transaction ends."""
        statement = (
            update(CurrentVersions)
            .values(popularity=CurrentVersions.popularity + 1)
            .returning(CurrentVersions.popularity)
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


# On the tables instead of the classes: every request runs these, and the ORM's share of their time is large.
_versions, _users = (Base.metadata.tables[name] for name in ("current_versions", "users"))
_CURRENT = select(_versions.c.model_version, _versions.c.activation, _versions.c.catalogue, _versions.c.popularity)
_CURRENT_WITH_USERS = _CURRENT.add_columns(_users.c.id, _users.c.attributes, _users.c.revision).outerjoin_from(
    _versions, _users, _users.c.id.in_(bindparam("user_ids", expanding=True))
)
