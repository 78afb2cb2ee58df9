"""The manifest: the description of a model and of the data that it was trained on."""

import hashlib
import json
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from models.artifact.layout import FORMAT_VERSION, RESEARCH
from models.choice.trainer import RoundResult
from models.data.schema import DatasetSchema
from models.data.splits import SplitConfig
from models.inputs.encoder import FeatureEncoder
from models.training.epoch_result import EpochResult
from models.training.preset import Preset


class _ManifestPart(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataDescription(_ManifestPart):
    """The data that a model was trained on.

    Attributes:
        name: The name of the data set.
        path: The directory of the data set; None if the data came from a service's database.
        fingerprint: SHA-256 of the contents (`Dataset.fingerprint`), held-out ratings included.
        training_ratings: Number of training ratings, interactions included.
        training_users: Number of users with a training rating.
        training_items: Number of items with a training rating.
        mean_rating: Mean of the training ratings; None without ratings.
    """

    name: str
    path: str | None
    fingerprint: str
    training_ratings: int
    training_users: int
    training_items: int
    mean_rating: float | None


class ResearchTwin(_ManifestPart):
    """The research twin of a served model.

    Attributes:
        version: The id of its version.
        data: What it was trained on.
        split: The configuration of its split.
        history: The result of every epoch. The best one says how many epochs the served model was trained. Empty for a
            model that predicts no ratings.
    """

    version: str
    data: DataDescription
    split: SplitConfig
    history: tuple[EpochResult, ...]


class Manifest(_ManifestPart):
    """The description of a model: everything but its weights and its items.

    Attributes:
        format_version: `FORMAT_VERSION` of the release that wrote the artifact.
        created_at: When training ended, UTC.
        preset: The preset, seeds included.
        data_schema: The schema of the data set. The API takes the attributes that it declares.
        user_encoder: The fitted fields of the users: vocabularies and scales.
        item_encoder: The fitted fields of the items.
        data: The training data.
        split: The configuration of the split, which an evaluation repeats; None for a served model, which was trained
            on all ratings.
        research_twin: The research twin of a served model; None for a research model.
        history: The result of every epoch; empty for a model that predicts no ratings.
        choice_history: The result of every round of the choice model's training.
        metrics: The validation measures, by name: those of the research twin if there is one.
        files: SHA-256 of every other file, by name, those of the research twin left out.
    """

    format_version: Literal[6] = FORMAT_VERSION
    created_at: datetime
    preset: Preset
    data_schema: DatasetSchema
    user_encoder: FeatureEncoder
    item_encoder: FeatureEncoder
    data: DataDescription
    split: SplitConfig | None
    research_twin: ResearchTwin | None = None
    history: tuple[EpochResult, ...]
    choice_history: tuple[RoundResult, ...]
    metrics: dict[str, float]
    files: dict[str, str] = {}

    @property
    def version(self) -> str:
        """The id of the model version: the name of the preset and the beginning of a hash of all files."""
        files = self.files
        if self.research_twin is not None:
            files = {**files, RESEARCH: self.research_twin.version}
        content = json.dumps(files, sort_keys=True).encode()
        return f"{self.preset.name}-{hashlib.sha256(content).hexdigest()[:12]}"

    @property
    def research_split(self) -> SplitConfig | None:
        """The split of the model that is evaluated: of the research twin if there is one."""
        return self.split if self.research_twin is None else self.research_twin.split
