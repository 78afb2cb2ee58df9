"""Which models serve whom, over which state of the catalogue."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from app.storage.current_versions import Versions
from models.data.schema import DatasetSchema
from models.ranking import Recommender


@dataclass(frozen=True)
class ServedModel:
    """One model over one state of the catalogue; a request uses one of them from its beginning to its end."""

    recommender: Recommender
    catalogue: int
    popularity: int

    @property
    def model_version(self) -> str:
        """The id of the model version."""
        return self.recommender.model.version

    @property
    def schema(self) -> DatasetSchema:
        """What the model's data look like, and so what requests may say."""
        return self.recommender.model.schema

    def missing(self, item_ids: Collection[str]) -> set[str]:
        """Those of the ids that are not in the catalogue."""
        # Not of `items`, which would be put together anew after every change of the catalogue, while a request waits.
        row_of = self.recommender.catalogue.row_of
        return {item_id for item_id in item_ids if row_of(item_id) is None}


@dataclass(frozen=True)
class ModelTraffic:
    """The model that serves, and perhaps another one that serves some of the users instead.

    Attributes:
        active: Serves everybody else.
        challenger: Serves a share of the users.
        percent: The size of that share, between 0 and 100.
    """

    active: ServedModel
    challenger: ServedModel | None = None
    percent: float = 0.0

    @property
    def catalogue(self) -> int:
        """The catalogue version that all models have reached."""
        return min(model.catalogue for model in self.by_version.values())

    @property
    def popularity(self) -> int:
        """The version of the items' popularity that all models have reached."""
        return min(model.popularity for model in self.by_version.values())

    def is_behind(self, other: "ModelTraffic | Versions") -> bool:
        """Whether the items or their popularity have been seen at something newer."""
        return self.catalogue < other.catalogue or self.popularity < other.popularity

    def model_for(self, user_id: str | None) -> ServedModel:
        """What serves a user; somebody without an id is served by the active model."""
        if self.challenger is None or user_id is None:
            return self.active
        is_chosen = traffic_position(user_id, self.challenger.model_version) < self.percent
        return self.challenger if is_chosen else self.active

    @property
    def by_version(self) -> dict[str, ServedModel]:
        """Each model by the id of its version."""
        return {model.model_version: model for model in (self.active, self.challenger) if model is not None}


def traffic_position(user_id: str, challenger: str) -> float:
    """Where a user stands between 0 and 100 with regard to a challenger, who serves those below its percentage.

    The same in every process and for good, so nobody changes sides unless the percentage does, and whoever was on the
    challenger's side at 10 % is so at 20 %. Each challenger has an order of its own, or the same users would be
    experimented upon for ever.
    """
    digest = hashlib.blake2b(f"{challenger}\0{user_id}".encode(), digest_size=8).digest()
    return 100 * int.from_bytes(digest) / 2**64
