"""What a service accepts, for checking a data set before it is imported."""

from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from models.data.malformed import DataError
from models.data.rating_scale import RatingScale
from models.data.schema import EntitySource


@dataclass(frozen=True)
class Accepted:
    """What a service accepts, besides what the schema of the data set says. None stands for anything.

    Attributes:
        rating_scale: The scale of the ratings.
        kinds: The kinds of interactions.
        item_ids: The ids of the items in the catalogue, which ratings and interactions may have.
        users: The attributes of users.
        items: The attributes of items.
    """

    rating_scale: RatingScale | None = None
    kinds: Collection[str] | None = None
    item_ids: pl.Series | None = None
    users: EntitySource | None = None
    items: EntitySource | None = None

    def check_attributes(self, *, users: EntitySource, items: EntitySource) -> None:
        """Check the attributes of a data set.

        Raises:
            DataError: The service lacks one of them, or its values are of another kind.
        """
        faults = [*_faults(users, self.users, noun="user"), *_faults(items, self.items, noun="item")]
        if faults:
            raise DataError(f"{'; '.join(faults)}; correct the schema, or activate a model with these attributes")


def _faults(source: EntitySource, accepted: EntitySource | None, *, noun: str) -> list[str]:
    if accepted is None:
        return []
    known = {field.name: field for field in accepted.fields}
    faults = []
    for field in source.fields:
        if field.name not in known:
            names = ", ".join(known) or "none at all"
            faults.append(f"the active model has no {noun} attribute {field.name}, but {names}")
        elif not known[field.name].takes_values_of(field):
            faults.append(
                f"the {noun} attribute {field.name} is {field.description}, "
                f"but {known[field.name].description} in the active model"
            )
    return faults
