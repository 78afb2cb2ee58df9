"""Model traffic: which model serves which users, over which state of the catalogue."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from app.storage.current_versions import Versions
from models.data.schema import DatasetSchema
from models.ranking import Recommender


@dataclass(frozen=True)
class ServedModel:
    """One model over one state of the catalogue. A request uses the same one from beginning to end."""

    recommender: Recommender
    catalogue: int
    popularity: int

    @property
    def model_version(self) -> str:
        """The id of the model version."""
        return self.recommender.model.version

    @property
    def schema(self) -> DatasetSchema:
        """The schema of the model's data, which requests must fit."""
        return self.recommender.model.schema

    @property
    def predicts_ratings(self) -> bool:
        """Whether the model predicts ratings. That of the first day may take ratings and predict none."""
        return self.recommender.model.learner is not None

    def missing(self, item_ids: Collection[str]) -> set[str]:
        """The ids that are not in the catalogue."""
        # Not `items.row_of`: it is rebuilt after every change of the catalogue, and the request would wait for that.
        row_of = self.recommender.catalogue.row_of
        return {item_id for item_id in item_ids if row_of(item_id) is None}


@dataclass(frozen=True)
class ModelTraffic:
    """The active model, and possibly a challenger that serves some of the users instead.

    Attributes:
        active: Serves all users whom the challenger does not serve.
        challenger: Serves a share of the users.
        percent: The challenger's share of the users, between 0 and 100.
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
        """Whether the other has a newer catalogue or newer popularity."""
        return self.catalogue < other.catalogue or self.popularity < other.popularity

    def model_for(self, user_id: str | None) -> ServedModel:
        """The model that serves a user. The active model serves requests without a user id."""
        if self.challenger is None or user_id is None:
            return self.active
        is_chosen = traffic_position(user_id, self.challenger.model_version) < self.percent
        return self.challenger if is_chosen else self.active

    @property
    def by_version(self) -> dict[str, ServedModel]:
        """Each model by the id of its version."""
        return {model.model_version: model for model in (self.active, self.challenger) if model is not None}


def traffic_position(user_id: str, challenger: str) -> float:
    """A user's position between 0 and 100. A challenger serves the users whose position is below its percentage.

    The position is the same in every process and never changes, so a user changes sides only if the percentage does,
    and a challenger's users at 10 % are also its users at 20 %. Positions depend on the challenger: otherwise the same
    users would take part in every experiment.
    """
    digest = hashlib.blake2b(f"{challenger}\0{user_id}".encode(), digest_size=8).digest()
    return 100 * int.from_bytes(digest) / 2**64
