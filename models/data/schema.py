"""The schema of a data set: which columns of which files hold the users, the items, their attributes and the ratings.

A `DatasetSchema` configures the readers, the encoders and the request checks. No other code knows what a film or a book
is. Schemas are TOML files; those of the public data sets are in `models/data/schemas/`. docs/data.md describes the
format with an example.
"""

import codecs
import math
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from torch import Tensor

from models.fields import AttributeField, field_type

A_RATING = -1
"""Marks a rating among the kinds of interactions, and is no setting."""

ArrayT = TypeVar("ArrayT", NDArray[Any], Tensor)
"""A numpy array or a torch tensor."""

DEFAULT_KINDS = {"view": 0.2, "click": 0.3, "basket": 0.6, "purchase": 1.0, "like": 1.0, "dislike": -1.0}
"""The kinds of interactions of a data set without interactions, and their weights. A service takes them too."""

_MAX_KINDS = 100
"""Kinds of interactions are stored in one byte."""

RESERVED_NAMES = frozenset({"id", "title", "rating_count", "rating_mean", "rating_entropy", "gradient_value"})
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


class RatingScale(_SchemaModel):
    """The ratings that exist: `minimum`, `minimum + step`, …, `maximum`; or, if `continuous`, all numbers between.

    The level of a rating is its place on a scale with steps, counted from 0.

    Attributes:
        minimum: The lowest rating.
        maximum: The highest rating.
        continuous: Whether every number from minimum to maximum is a rating, such as a time in seconds.
        step: Between one rating and the next; None on a continuous scale.
        liked_from: The lowest rating of a user who likes the item; by default the first at or above three quarters of
            the scale.
    """

    minimum: Annotated[float, Field(allow_inf_nan=False)]
    maximum: Annotated[float, Field(allow_inf_nan=False)]
    continuous: bool = False
    step: Annotated[float, Field(gt=0)] | None = 1.0
    liked_from: float = math.nan

    @model_validator(mode="before")
    @classmethod
    def _no_step_if_continuous(cls, data: Any) -> Any:  # noqa: ANN401 - pydantic hands over raw input
        return {"step": None, **data} if isinstance(data, dict) and data.get("continuous") is True else data

    @model_validator(mode="after")
    def _is_a_scale(self) -> Self:
        if not self.minimum < self.maximum:
            raise ValueError("the scale's minimum must lie below its maximum")
        if self.continuous and self.step is not None:
            raise ValueError("a continuous scale has no step: leave out `step` or `continuous`")
        if not self.continuous and self.step is None:
            raise ValueError("a scale needs a step, or `continuous = true`")
        if self.step is not None and self._rounding > 0.25:
            raise ValueError(f"the step {self.step:g} is too small for ratings of this size: use `continuous = true`")
        if math.isnan(self.liked_from):
            liked = 0.75 * (self.maximum - self.minimum)
            if self.step is not None:
                liked = math.ceil(liked / self.step - 1e-9) * self.step
            # The model is frozen; this is its last value to be set.
            object.__setattr__(self, "liked_from", self.minimum + liked)
        return self

    def contains(self, rating: float) -> bool:
        """Whether a rating is on the scale."""
        if not self.minimum <= rating <= self.maximum:
            return False
        if self.step is None:
            return True
        steps = (rating - self.minimum) / self.step
        return abs(steps - round(steps)) < 1e-6 + self._rounding

    @property
    def level_width(self) -> float:
        """The step; ValueError for a continuous scale, which has no levels."""
        if self.step is None:
            raise ValueError(f"the scale from {self} has no levels")
        return self.step

    @property
    def level_count(self) -> int:
        """The number of ratings that exist, K."""
        return round((self.maximum - self.minimum) / self.level_width) + 1

    @property
    def all_ratings(self) -> NDArray[np.float64]:
        """The ratings that exist, the lowest first; float64 [K]."""
        return self.rating_of(np.arange(self.level_count))

    def has_at_most(self, levels: int) -> bool:
        """Whether the scale has levels, and not more than so many."""
        return self.step is not None and self.level_count <= levels

    def lower_end(self, rating: float) -> float:
        """Where a rating's level begins: half a step below it; on a continuous scale the rating itself."""
        return rating if self.step is None else rating - self.step / 2

    def level(self, rating: float) -> int:
        """The level of one rating."""
        return round((rating - self.minimum) / self.level_width)

    def levels_of(self, ratings: ArrayT) -> ArrayT:
        """The level nearest to each rating, of a numpy array or a torch tensor; int64, in 0 … K − 1."""
        levels = self._nearest_levels(ratings)
        return levels.astype(np.int64) if isinstance(levels, np.ndarray) else levels.long()

    def rating_of(self, levels: ArrayT) -> ArrayT:
        """The rating of each level, of a numpy array or a torch tensor; a level may lie between two ratings."""
        return levels * self.level_width + self.minimum

    def nearest(self, values: ArrayT) -> ArrayT:
        """The rating on the scale that is nearest to each value, of a numpy array or a torch tensor."""
        return (
            values.clip(self.minimum, self.maximum)
            if self.step is None
            else self.rating_of(self._nearest_levels(values))
        )

    def _nearest_levels(self, ratings: ArrayT) -> ArrayT:
        return ((ratings - self.minimum) / self.level_width).round().clip(0, self.level_count - 1)

    @property
    def _rounding(self) -> float:
        """The error of a rating in float32, as files and arrays store it, in steps."""
        return 0.0 if self.step is None else 2.0**-23 * max(abs(self.minimum), abs(self.maximum)) / self.step

    def __str__(self) -> str:
        steps = "continuous" if self.step is None else f"in steps of {self.step:g}"
        return f"{self.minimum:g} to {self.maximum:g}{', ' if self.step is None else ' '}{steps}"


class RatingsSource(_SchemaModel):
    """Where the ratings are.

    Attributes:
        files: The first of them that exists is read.
        user: Column of the user's id.
        item: Column of the item's id.
        rating: Column of the rating.
        time: Column of the time in seconds since 1970, if there is one.
        state: Column of the state (`warm`, `user_cold`, `item_cold`, `user_and_item_cold`), if there is one.
    """

    files: Annotated[tuple[SourceFile, ...], Field(min_length=1)]
    user: str
    item: str
    rating: str
    time: str | None = None
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
        time: Column of the time in seconds since 1970, if there is one.
        state: Column of the state (`warm`, `user_cold`, `item_cold`, `user_and_item_cold`), if there is one.
    """

    files: Annotated[tuple[SourceFile, ...], Field(min_length=1)]
    user: str
    item: str
    kind: str | None = None
    kinds: dict[str, Annotated[float, Field(ge=-1, le=1)]] = {}
    time: str | None = None
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
        id: Column of the id.
        title: Column of the title.
        date: Name of a continuous field. If the data set has no state column, the items with its largest values are the
            new ones.
        fields: The attributes.
    """

    files: tuple[SourceFile, ...] = ()
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
            return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise SchemaError(f"{path}: cannot be read: {error.strerror}") from error
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SchemaError(f"{path}: is not TOML: {error}") from error
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(str(part) for part in fault['loc']) or 'schema'}: {fault['msg']}"
                for fault in error.errors()
            )
            raise SchemaError(f"{path}: {faults}") from error
