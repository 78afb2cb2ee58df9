"""The tables. `migrations/` creates them, and a test checks that both agree."""

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
    true,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ID_LENGTH = 128


class UTCDateTime(TypeDecorator[datetime]):
    """A time in UTC, with its time zone, on every database. SQLite alone would lose the time zone."""

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
    """Base of the tables. Constraints have names, so that later migrations can change them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - declared by the base
        datetime: UTCDateTime,
        dict[str, Any]: JSON(none_as_null=True),
        list[str]: JSON(none_as_null=True),
    }


class User(Base):
    """A user.

    `revision` changes with every change of the attributes or of what the user did, and is part of the key of cached
    answers. It is random and not a counter, so that a user who is erased and created again never gets older cached
    answers.
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
    """An item that a user cannot rate. A rating of the item replaces it."""

    __tablename__ = "skips"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    item_id: Mapped[str] = mapped_column(ForeignKey("items.id"), primary_key=True)
    skipped_at: Mapped[datetime]


class Answer(Base):
    """A user's answer to a question about a group of items, an attribute or a pair of items.

    The question id names the question (`AnswerRecord.question_id`). Without a rating and a preferred item, the user
    cannot answer it. The items are no foreign keys: an answer is read as a whole, and deleted items keep their rows.
    """

    __tablename__ = "answers"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    question_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    item_ids: Mapped[list[str]]
    field: Mapped[str | None] = mapped_column(Text)
    value: Mapped[str | None] = mapped_column(Text)
    rating: Mapped[float | None]
    preferred: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    answered_at: Mapped[datetime]


class Interaction(Base):
    """Something that a user did with an item without rating it.

    The client chooses the event id, so that it can send the interaction again. It is unique for the user.
    """

    __tablename__ = "interactions"
    __table_args__ = (Index(None, "occurred_at"),)  # by which old interactions are deleted

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    event_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    item_id: Mapped[str] = mapped_column(ForeignKey("items.id"))
    kind: Mapped[str] = mapped_column(Text)
    occurred_at: Mapped[datetime]


class Item(Base):
    """An item of the catalogue.

    `version` is the catalogue version at which the row last changed. The row of a deleted item is kept: ratings refer
    to it, and replicas see from it what to remove. An item that is not `available` may be in no list. `training_count`
    is the number of ratings of the item on which the model that was registered last was trained. `created_at` is when
    the item was added to the catalogue; it is unknown of items that came with a model, and of those that were stored by
    releases that did not keep it.
    """

    __tablename__ = "items"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    title: Mapped[str | None] = mapped_column(Text)
    folded_title: Mapped[str | None] = mapped_column(Text)  # `search_text` of the title, or of the id without a title
    attributes: Mapped[dict[str, Any]]
    available: Mapped[bool] = mapped_column(server_default=true())
    version: Mapped[int] = mapped_column(BigInteger, index=True)
    deleted: Mapped[bool]
    training_count: Mapped[int] = mapped_column(BigInteger, server_default="0")
    created_at: Mapped[datetime | None] = mapped_column(index=True)


class ModelVersion(Base):
    """A registered model version. The artifact itself stays in its directory.

    `former_version` is the version that this one replaced when it was activated. A rollback activates it.
    """

    __tablename__ = "model_versions"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    path: Mapped[str] = mapped_column(Text)
    manifest: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    registered_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]
    former_version: Mapped[str | None] = mapped_column(String(ID_LENGTH))


class CurrentVersions(Base):
    """The single row that says which model versions are served, over which state of the catalogue.

    Writers of items and of their popularity lock this row until they commit. So versions become visible in order, and a
    reader that has seen version v has seen everything up to v. A sequence does not guarantee that.
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
    """What can happen to a recommended item."""

    SHOWN = "shown"
    CLICKED = "clicked"
    RATED = "rated"
    DISMISSED = "dismissed"
    """The user is not interested."""


class Event(Base):
    """An event of a recommended item. The client chooses the id, so that it can send the event again.

    `recommendation_id` is that of the answer that contained the item, at the place `position`, from 1. It says which
    scenario and variant the list was made for.

    `user_id` is not a foreign key, because the user need not be stored. Erasing a user erases the user's events.
    """

    __tablename__ = "events"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    type: Mapped[str] = mapped_column(String(16))
    model_version: Mapped[str] = mapped_column(ForeignKey("model_versions.id"), index=True)
    user_id: Mapped[str] = mapped_column(String(ID_LENGTH), index=True)
    item_id: Mapped[str] = mapped_column(ForeignKey("items.id"))
    rating: Mapped[float | None]
    occurred_at: Mapped[datetime] = mapped_column(index=True)
    recommendation_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    scenario: Mapped[str | None] = mapped_column(String(64))
    variant: Mapped[str | None] = mapped_column(String(16))
    position: Mapped[int | None]


class Scenario(Base):
    """Named settings of lists, such as those of the home page."""

    __tablename__ = "scenarios"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    settings: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


class PredictedRating(Base):
    """A rating, and a model version's prediction of it from the user's other ratings."""

    __tablename__ = "predicted_ratings"

    model_version: Mapped[str] = mapped_column(ForeignKey("model_versions.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
    item_id: Mapped[str] = mapped_column(ForeignKey("items.id"), primary_key=True)
    rating: Mapped[float]
    predicted: Mapped[float]
    rated_at: Mapped[datetime]


class ItemPopularity(Base):
    """The number and mean of an item's ratings since a model was trained.

    `meanwhile_count` is the number of ratings of all items after the item's first one, when the row last changed.
    `version` is the popularity version at which the row last changed.
    """

    __tablename__ = "item_popularity"
    __table_args__ = (Index(None, "model_version", "version"),)

    model_version: Mapped[str] = mapped_column(ForeignKey("model_versions.id", ondelete="CASCADE"), primary_key=True)
    item_id: Mapped[str] = mapped_column(ForeignKey("items.id"), primary_key=True)
    rating_count: Mapped[int] = mapped_column(BigInteger)
    rating_mean: Mapped[float]
    meanwhile_count: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int] = mapped_column(BigInteger)


class JobStatus(StrEnum):
    """The states of a job: queued → running → one of the other three. A queued or running job can be cancelled."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Job(Base):
    """A job for the workers.

    `heartbeat_at` is when its worker last reported. `attempts` counts the workers that have started the job, without
    those that put it back. It also distinguishes the job's present worker from one that was given up.
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
    """What a key may do. Each scope includes the ones before it."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    def includes(self, other: "KeyScope") -> bool:
        """Whether a key of this scope may do what needs the other scope."""
        scopes = list(KeyScope)
        return scopes.index(self) >= scopes.index(other)


class APIKey(Base):
    """An API key. Only the key's SHA-256 is stored.

    The row of a revoked key is kept, and its name is never used again, so that a name in a log always means one key.
    """

    __tablename__ = "api_keys"

    name: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    scope: Mapped[str] = mapped_column(String(16))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
