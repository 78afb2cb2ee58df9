"""The schema of a data set: which columns of which files hold the users, the items, their attributes and the ratings.

A `DatasetSchema` configures the readers, the encoders and the request checks. No other code knows what a film or a book
is. Schemas are TOML files; those of the public data sets are in `models/data/schemas/`. docs/data.md describes the
format with an example.
"""

import codecs
import math
import re
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from models.data.rating_scale import RatingScale
from models.data.times import time_format_fault
from models.data.toml_files import read_toml, wrong_fields
from models.fields import AttributeField, field_type

A_RATING = -1
"""Marks a rating among the kinds of interactions, and is no setting."""

DEFAULT_KINDS = {"view": 0.2, "click": 0.3, "basket": 0.6, "purchase": 1.0, "like": 1.0, "dislike": -1.0}
"""The kinds of interactions of a data set without interactions, and their weights. A service takes them too."""

_MAX_KINDS = 100
"""Kinds of interactions are stored in one byte."""

RESERVED_NAMES = frozenset(
    {"id", "title", "rating_count", "rating_mean", "rating_entropy", "gradient_value", "outcome_value"}
)
"""Column names that the product uses itself; a field cannot have one of them."""


class SchemaError(ValueError):
    """A schema file cannot be read or is wrong; the message names the file and the field."""


class _SchemaModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Extraction(_SchemaModel):
    """A column that a regular expression with one group extracts from another one, such as a year from a title."""

    column: str
    pattern: str

    @field_validator("pattern")
    @classmethod
    def _has_one_group(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        if groups != 1:
            raise ValueError(f"the pattern needs exactly one group, not {groups}")
        return pattern


class SourceFile(_SchemaModel):
    """One file of a table, and how to read its text into columns.

    Attributes:
        path: Relative to the data directory. A `.gz` file is unpacked, a `.parquet` file is read as Parquet.
        separator: Between two fields of a line; one character or more.
        quoted: Whether fields may be in double quotes (CSV). Quotes need a separator of one character.
        encoding: Of the text.
        columns: The names of the columns in order, for a file without a header line.
        nulls: Values that mean unknown in any column, such as "N/A"; an empty field always does.
        extract: New columns that are extracted from others; a value is unknown if the pattern does not match.
        flags: New multi-valued columns from columns of 0 and 1; the values are the names of the columns that are 1.
    """

    path: str
    separator: Annotated[str, Field(min_length=1)] = ","
    quoted: bool = True
    encoding: str = "utf-8"
    columns: tuple[str, ...] | None = None
    nulls: tuple[str, ...] = ()
    extract: dict[str, Extraction] = {}
    flags: dict[str, tuple[str, ...]] = {}

    @field_validator("encoding")
    @classmethod
    def _encoding_exists(cls, encoding: str) -> str:
        try:
            codecs.lookup(encoding)
        except LookupError as error:
            raise ValueError(str(error)) from error
        return encoding


class EntityFile(SourceFile):
    """One file of users or items.

    Attributes:
        id: Column of the id in this file; by default that of the source.
        adds: Whether every id of the file is a user or an item. Otherwise the file only adds columns to those that
            other files or the ratings have. By default the first file of a source adds them, and the others do not.
        link_table: Whether an id may have several rows, such as one for each of its categories. The values of a
            multi-valued field are then collected from all of them.
    """

    id: str | None = None
    adds: bool | None = None
    link_table: bool = False


def _checked_time_format(time_format: str | None) -> str | None:
    if time_format is not None and (fault := time_format_fault(time_format)) is not None:
        raise ValueError(fault)
    return time_format


TimeFormat = Annotated[str | None, AfterValidator(_checked_time_format)]
"""The unit or the format of a column of times: see `models.data.times`. None if the reader is to recognise it."""


class RatingsSource(_SchemaModel):
    """Where the ratings are.

    Attributes:
        files: The first of them that exists is read.
        user: Column of the user's id.
        item: Column of the item's id.
        rating: Column of the rating.
        no_rating: Values of this column that mean that there is no rating. Their rows are left out.
        time: Column of the time, if there is one.
        time_format: Unit or format of the times.
        state: Column of the state (`warm`, `user_cold`, `item_cold`, `user_and_item_cold`), if there is one.
    """

    files: Annotated[tuple[SourceFile, ...], Field(min_length=1)]
    user: str
    item: str
    rating: str
    no_rating: tuple[float | str, ...] = ()
    time: str | None = None
    time_format: TimeFormat = None
    state: str | None = None


class InteractionsSource(_SchemaModel):
    """Where the interactions are: what users did with items without rating them.

    Attributes:
        files: The first of them that exists is read.
        user: Column of the user's id.
        item: Column of the item's id.
        kind: Column of the kind, if there is one. Without it, all interactions are of the one kind in `kinds`.
        kinds: The kinds and their weights. A weight says how much one interaction counts as a choice of the item,
            up to 1. The strongest kind of a user and an item counts. A kind with a negative weight says that
            the user does not want the item. If there is none, the kind `dislike` is added, so that users can say so.
        time: Column of the time, if there is one.
        time_format: Unit or format of the times.
        state: Column of the state (`warm`, `user_cold`, `item_cold`, `user_and_item_cold`), if there is one.
    """

    files: Annotated[tuple[SourceFile, ...], Field(min_length=1)]
    user: str
    item: str
    kind: str | None = None
    kinds: dict[str, Annotated[float, Field(ge=-1, le=1)]] = {}
    time: str | None = None
    time_format: TimeFormat = None
    state: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_kind_without_a_column(cls, data: Any) -> Any:  # noqa: ANN401 - pydantic hands over raw input
        if isinstance(data, dict) and not data.get("kinds"):
            return {**data, "kinds": DEFAULT_KINDS if data.get("kind") else {"interaction": 1.0}}
        return data

    @field_validator("kinds")
    @classmethod
    def _kinds_have_weights(cls, kinds: dict[str, float]) -> dict[str, float]:
        if zero := [kind for kind, weight in kinds.items() if weight == 0]:
            raise ValueError(f"kind {zero[0]!r} has weight 0: leave its rows out, or give it a weight")
        if len(kinds) > _MAX_KINDS:
            raise ValueError(f"at most {_MAX_KINDS} kinds, not {len(kinds)}")
        return kinds if min(kinds.values()) < 0 else {**kinds, "dislike": DEFAULT_KINDS["dislike"]}

    @model_validator(mode="after")
    def _kinds_are_told_apart(self) -> Self:
        wanted = [kind for kind, weight in self.kinds.items() if weight > 0]
        if not wanted:
            raise ValueError("kinds: at least one kind needs a positive weight")
        if self.kind is None and len(wanted) > 1:
            raise ValueError("kind: name the column of the kind, or give one kind only")
        return self


class EntitySource(_SchemaModel):
    """Where the users or the items and their attributes are.

    Attributes:
        files: All that exist are joined by id. If two files have the same column of an id, the earlier file counts.
            The first of them says which users or items there are, with those that the ratings name.
        id: Column of the id.
        title: Column of the title.
        date: Name of a continuous field. If the data set has no state column, the items with its largest values are the
            new ones.
        fields: The attributes.
    """

    files: tuple[EntityFile, ...] = ()
    id: str = "id"
    title: str | None = None
    date: str | None = None
    fields: tuple[AttributeField, ...] = ()

    @field_validator("fields")
    @classmethod
    def _fields_are_well_declared(cls, fields: tuple[AttributeField, ...]) -> tuple[AttributeField, ...]:
        names = [field.name for field in fields]
        if len(set(names)) < len(names):
            raise ValueError("two fields have the same name")
        if reserved := RESERVED_NAMES & set(names):
            raise ValueError(f"a field cannot be called {sorted(reserved)[0]!r}")
        for field in fields:
            field_type(field).check_declaration(field)
        return fields

    @model_validator(mode="after")
    def _date_is_ordered(self) -> Self:
        ordered = {field.name for field in self.fields if field_type(field).ordered}
        if self.date is not None and self.date not in ordered:
            raise ValueError(f"date: {self.date!r} is not a continuous field")
        return self

    def field(self, name: str) -> AttributeField:
        """The field with that name; KeyError if there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)


class DatasetSchema(_SchemaModel):
    """The schema of a data set. The manifest of every artifact contains the schema of its data.

    Attributes:
        name: Of the data set.
        rating_scale: The scale of the ratings; None for a data set of interactions only.
        ratings: Where the ratings are; None for a data set of interactions only.
        interactions: Where the interactions are; None for a data set of ratings only.
        users: Where the users are.
        items: Where the items are.
    """

    name: Annotated[str, Field(min_length=1)]
    rating_scale: RatingScale | None = None
    ratings: RatingsSource | None = None
    interactions: InteractionsSource | None = None
    users: EntitySource = EntitySource()
    items: EntitySource = EntitySource()

    @model_validator(mode="after")
    def _has_ratings_or_interactions(self) -> Self:
        if self.ratings is None and self.interactions is None:
            raise ValueError("ratings or interactions: at least one of them is needed")
        if (self.ratings is None) != (self.rating_scale is None):
            missing = "rating_scale" if self.rating_scale is None else "ratings"
            raise ValueError(f"{missing}: ratings need both their source and their scale")
        return self

    @property
    def kinds(self) -> dict[str, float]:
        """The kinds of interactions and their weights."""
        return DEFAULT_KINDS if self.interactions is None else self.interactions.kinds

    def likes(self, values: NDArray[np.float32], kinds: NDArray[np.int8] | None) -> NDArray[np.bool_]:
        """Whether ratings and interactions say that the user likes the item.

        A rating does from `RatingScale.liked_from` on, and an interaction if its kind has a positive weight.

        Args:
            values: float32, ratings; of an interaction, the weight of its kind.
            kinds: int8, of the same shape, as in `Ratings.kinds`.
        """
        liked_from = math.inf if self.rating_scale is None else self.rating_scale.liked_from
        rated = values >= liked_from
        return rated if kinds is None else np.where(kinds == A_RATING, rated, values > 0)

    @classmethod
    def from_toml(cls, path: Path) -> Self:
        """Read a schema file; SchemaError names the file and every wrong field."""
        try:
            return cls.model_validate(read_toml(path))
        except OSError as error:
            raise SchemaError(f"{path}: cannot be read: {error.strerror}") from error
        except ValidationError as error:
            raise SchemaError(f"{path}: {wrong_fields(error, whole='schema')}") from error
        except ValueError as error:
            raise SchemaError(f"{path}: is not TOML: {error}") from error
