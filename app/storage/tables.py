"""The tables. `migrations/` creates them; a test holds the two together."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ID_LENGTH = 128


class UTCDateTime(TypeDecorator[datetime]):
    """A moment, aware and in UTC on every database; SQLite itself would forget the time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Store the moment in UTC; ValueError for one without a time zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Read the moment in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Base of the tables; constraints have names so that later migrations can change them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UTCDateTime, dict[str, Any]: JSON(none_as_null=True)}  # noqa: RUF012 - declared by the base


class User(Base):
    """A user.

    `revision` is new with every change of the attributes or the ratings, and part of the key of cached
    answers. It is random, not counted: a user who is erased and returns must never meet older answers.
    """

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    attributes: Mapped[dict[str, Any]]
    revision: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime]


class Rating(Base):
    """One user's rating of one item."""

    __tablename__ = "ratings"
    __table_args__ = (Index(None, "rated_at", "item_id"),)  # what `ItemPopularityRepository` counts

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    item_id: Mapped[str] = mapped_column(ForeignKey("items.id"), primary_key=True)
    rating: Mapped[float]
    rated_at: Mapped[datetime]


class Skip(Base):
    """One user's word that he or she cannot rate an item; a rating of it takes its place."""

    __tablename__ = "skips"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    item_id: Mapped[str] = mapped_column(ForeignKey("items.id"), primary_key=True)
    skipped_at: Mapped[datetime]


class Item(Base):
    """An item of the catalogue.

    `version` is the catalogue version at which the row last changed. A deleted item stays as a tombstone:
    ratings refer to it, and replicas that are behind learn from it what to drop.
    """

    __tablename__ = "items"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    title: Mapped[str | None] = mapped_column(Text)
    folded_title: Mapped[str | None] = mapped_column(Text)  # SQLite's own lower() knows only ASCII
    attributes: Mapped[dict[str, Any]]
    version: Mapped[int] = mapped_column(BigInteger, index=True)
    deleted: Mapped[bool]


class ModelVersion(Base):
    """A trained model that the service may serve; the artifact itself stays in its directory."""

    __tablename__ = "model_versions"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    path: Mapped[str] = mapped_column(Text)
    manifest: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    registered_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]


class CurrentVersions(Base):
    """The single row that says what is being served: which models, over which state of the catalogue.

    Writers of items, and of their popularity, lock this row until they commit, so versions become visible in their
    order and a reader that has seen version v has missed nothing up to v. A sequence could not promise that.
    """

    __tablename__ = "current_versions"
    __table_args__ = (CheckConstraint("id = 1", name="single_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    catalogue: Mapped[int] = mapped_column(BigInteger)
    popularity: Mapped[int] = mapped_column(BigInteger, default=0)
    activation: Mapped[int] = mapped_column(BigInteger)
    model_version: Mapped[str | None] = mapped_column(ForeignKey("model_versions.id"))
    challenger_version: Mapped[str | None] = mapped_column(ForeignKey("model_versions.id"))
    challenger_percent: Mapped[float | None]


class EventType(StrEnum):
    """What can happen to an item of a list."""

    SHOWN = "shown"
    CLICKED = "clicked"
    RATED = "rated"


class Event(Base):
    """What a client tells of a list that a model version made; its id is the client's, so that it may tell it again.

    The user need not be known, and so is no reference; who erases a user erases the events, too.
    """

    __tablename__ = "events"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    type: Mapped[str] = mapped_column(String(16))
    model_version: Mapped[str] = mapped_column(ForeignKey("model_versions.id"), index=True)
    user_id: Mapped[str] = mapped_column(String(ID_LENGTH), index=True)
    item_id: Mapped[str] = mapped_column(ForeignKey("items.id"))
    rating: Mapped[float | None]
    occurred_at: Mapped[datetime]


class PredictedRating(Base):
    """A rating, and what a model version predicted of it from what was known before."""

    __tablename__ = "predicted_ratings"

    model_version: Mapped[str] = mapped_column(ForeignKey("model_versions.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
    item_id: Mapped[str] = mapped_column(ForeignKey("items.id"), primary_key=True)
    rating: Mapped[float]
    predicted: Mapped[float]
    rated_at: Mapped[datetime]


class ItemPopularity(Base):
    """How many have rated an item since a model was trained, and the mean of their ratings, if there are any.

    `version` is the popularity version at which the row last changed.
    """

    __tablename__ = "item_popularity"
    __table_args__ = (Index(None, "model_version", "version"),)

    model_version: Mapped[str] = mapped_column(ForeignKey("model_versions.id", ondelete="CASCADE"), primary_key=True)
    item_id: Mapped[str] = mapped_column(ForeignKey("items.id"), primary_key=True)
    rating_count: Mapped[int] = mapped_column(BigInteger)
    rating_mean: Mapped[float]
    version: Mapped[int] = mapped_column(BigInteger)


class JobStatus(StrEnum):
    """The life of a job: queued → running → one of the other three. Cancelling is possible from both."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Job(Base):
    """A piece of work for the workers.

    `heartbeat_at` is when its worker was last known to be alive. `attempts` counts the workers that have begun it, but
    for those that put it back; it also tells the worker that has a job from one that had it and was given up.
    """

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    status: Mapped[str] = mapped_column(String(16), index=True)
    progress: Mapped[float]
    attempts: Mapped[int] = mapped_column(server_default="0")
    parameters: Mapped[dict[str, Any]]
    report: Mapped[dict[str, Any] | None]
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class KeyScope(StrEnum):
    """What a key may do; each scope includes those before it."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    def includes(self, other: "KeyScope") -> bool:
        """Whether a key of this scope may do what asks for the other."""
        scopes = list(KeyScope)
        return scopes.index(self) >= scopes.index(other)


class APIKey(Base):
    """A key of the API; the key itself is nowhere, only its SHA-256.

    A revoked key keeps its row: its name is never used again, so that a name in a log means one key.
    """

    __tablename__ = "api_keys"

    name: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    scope: Mapped[str] = mapped_column(String(16))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
