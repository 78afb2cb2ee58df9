"""The current versions of models, catalogue and popularity, which every request reads first."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.tables import Base, CurrentVersions, ModelVersion
from app.storage.users import UserState


@dataclass(frozen=True)
class Challenger:
    """A model version that serves some of the users instead of the active one.

    Attributes:
        version: Id of the model version.
        percent: Share of the users, between 0 and 100.
    """

    version: str
    percent: float


@dataclass(frozen=True)
class Versions:
    """The versions that were served at one moment.

    Attributes:
        model_version: The active model version, if any.
        challenger: The version that serves some of the users instead, if any.
        activation: Number of changes of these two; the larger number is the newer state.
        catalogue: The catalogue version.
        popularity: The version of the items' popularity.
    """

    model_version: str | None
    challenger: Challenger | None
    activation: int
    catalogue: int
    popularity: int

    @property
    def model_versions(self) -> list[str]:
        """The ids of the active version and the challenger, as far as there are any."""
        named = (self.model_version, None if self.challenger is None else self.challenger.version)
        return [version_id for version_id in named if version_id is not None]

    def percent_of(self, version_id: str) -> float:
        """The share of the users that a version serves."""
        challenged = 0.0 if self.challenger is None else self.challenger.percent
        if self.challenger is not None and version_id == self.challenger.version:
            return challenged
        return 100.0 - challenged if version_id == self.model_version else 0.0


class CurrentVersionsRepository:
    """Reads and advances the current versions."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def current(self) -> Versions:
        """The current versions."""
        return _versions_of((await self._session.execute(_CURRENT)).one())

    async def current_with_users(self, user_ids: Collection[str]) -> tuple[Versions, dict[str, UserState]]:
        """The current versions, and the known users among these by id, read at the same moment."""
        rows = (await self._session.execute(_CURRENT_WITH_USERS, {"user_ids": list(user_ids)})).all()
        users = {row.id: UserState(row.id, row.attributes, row.revision) for row in rows if row.id is not None}
        return _versions_of(rows[0]), users

    async def lock(self) -> None:
        """Let other writers of the current versions wait until this transaction ends."""
        await self._session.execute(select(CurrentVersions.id).with_for_update())

    async def next_catalogue(self) -> int:
        """Advance the catalogue version. Other writers of items wait until this transaction ends."""
        statement = (
            update(CurrentVersions).values(catalogue=CurrentVersions.catalogue + 1).returning(CurrentVersions.catalogue)
        )
        return (await self._session.execute(statement)).scalar_one()

    async def next_popularity(self) -> int:
        """Advance the popularity version. Other writers of popularity wait until this transaction ends."""
        statement = (
            update(CurrentVersions)
            .values(popularity=CurrentVersions.popularity + 1)
            .returning(CurrentVersions.popularity)
        )
        return (await self._session.execute(statement)).scalar_one()

    async def activate(self, version_id: str, *, instead_of: str | None = None) -> bool:
        """Activate a registered version for all users.

        Args:
            version_id: The version.
            instead_of: If given, activate only if this version is active.

        Returns:
            Whether anything has changed; False if the version was active already.
        """
        is_another = CurrentVersions.model_version.is_distinct_from(version_id)
        former = await self._session.scalar(select(CurrentVersions.model_version).with_for_update())
        activated = await self._serve(
            is_another if instead_of is None else and_(is_another, CurrentVersions.model_version == instead_of),
            model_version=version_id,
            challenger_version=None,
            challenger_percent=None,
        )
        if activated and former is not None:
            await self._remember_former(version_id, former)
        return activated

    async def _remember_former(self, version_id: str, former: str) -> None:
        """Store which version an activated one replaced. A rollback keeps what is known of the version it returns to.

        Otherwise, the next rollback would return to the version that was just left.
        """
        left = await self._session.get_one(ModelVersion, former)
        if left.former_version != version_id:
            statement = update(ModelVersion).where(ModelVersion.id == version_id).values(former_version=former)
            await self._session.execute(statement)

    async def challenge(self, challenger: Challenger) -> bool:
        """Let a registered version serve some users; False if it is the active one, or no version is active."""
        return await self._serve(
            CurrentVersions.model_version != challenger.version,
            challenger_version=challenger.version,
            challenger_percent=challenger.percent,
        )

    async def end_challenge(self) -> bool:
        """Let the active version serve all users; False if it does so already."""
        return await self._serve(
            CurrentVersions.challenger_version.is_not(None), challenger_version=None, challenger_percent=None
        )

    async def _serve(self, condition: ColumnElement[bool], **values: object) -> bool:
        statement = update(CurrentVersions).where(condition)
        statement = statement.values(activation=CurrentVersions.activation + 1, **values)
        return (await self._session.execute(statement.returning(CurrentVersions.id))).scalar_one_or_none() is not None


def _versions_of(row: Row[*tuple[Any, ...]]) -> Versions:
    challenger = None if row.challenger_version is None else Challenger(row.challenger_version, row.challenger_percent)
    return Versions(row.model_version, challenger, row.activation, row.catalogue, row.popularity)


# On tables instead of ORM classes, because every request runs these statements and the ORM takes much of their time.
_versions, _users = (Base.metadata.tables[name] for name in ("current_versions", "users"))
_CURRENT = select(
    _versions.c.model_version,
    _versions.c.challenger_version,
    _versions.c.challenger_percent,
    _versions.c.activation,
    _versions.c.catalogue,
    _versions.c.popularity,
)
_CURRENT_WITH_USERS = _CURRENT.add_columns(_users.c.id, _users.c.attributes, _users.c.revision).outerjoin_from(
    _versions, _users, _users.c.id.in_(bindparam("user_ids", expanding=True))
)
