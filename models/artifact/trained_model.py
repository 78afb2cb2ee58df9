"""A trained model in memory."""

from dataclasses import dataclass
from functools import cached_property

import polars as pl
import torch

from models.artifact.manifest import Manifest
from models.choice.model import ChoiceModel
from models.data.dataset import Entities
from models.data.rating_scale import RatingScale
from models.data.schema import DatasetSchema
from models.data.splits import SplitConfig
from models.learners.base import AnyLearner
from models.learners.exposure import Exposure


@dataclass(frozen=True)
class TrainedModel:
    """An artifact in memory. It is immutable.

    Attributes:
        manifest: The manifest.
        learner: The learner in evaluation mode, on `device`, with frozen parameters; None for a model that was trained
            on interactions only, which predicts no ratings.
        choice: The choice model, likewise.
        items: The items of the training data.
        statistics: The training statistics of these items, in the same order (`item_statistics`).
        exposure: The exposure model of these items, in the same order.
        device: The device of the learner.
        twin_of: The version of the served model whose research twin this is; None if it is no twin.
    """

    manifest: Manifest
    learner: AnyLearner | None
    choice: ChoiceModel
    items: Entities
    statistics: pl.DataFrame
    exposure: Exposure
    device: torch.device
    twin_of: str | None = None

    @cached_property
    def version(self) -> str:
        """The id of the model version."""
        return self.manifest.version

    @property
    def served_version(self) -> str:
        """The id of the version that serves: of the served model if this is its research twin."""
        return self.twin_of or self.version

    @property
    def schema(self) -> DatasetSchema:
        """The schema of the training data."""
        return self.manifest.data_schema

    @property
    def training_counts(self) -> dict[str, int]:
        """By item id, the number of ratings, or choices, that it was trained on."""
        return dict(zip(self.statistics["id"], self.statistics["rating_count"], strict=True))

    @property
    def rating_scale(self) -> RatingScale:
        """The scale of the ratings that the learner predicts.

        Raises:
            ValueError: There is none, because the model predicts no ratings.
        """
        if self.schema.rating_scale is None:
            raise ValueError(f"{self.version} predicts no ratings")
        return self.schema.rating_scale

    @property
    def split(self) -> SplitConfig:
        """The configuration of the split, which says what the model has not seen.

        Raises:
            ValueError: It is a served model, which has seen all ratings: its research twin has a split.
        """
        if self.manifest.split is None:
            raise ValueError(f"{self.version} was trained on all ratings: evaluate its research twin instead")
        return self.manifest.split
