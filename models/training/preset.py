"""A learner and its training as a preset: one TOML file of choices (`models/training/presets/`)."""

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from models.choice.config import ChoiceConfig
from models.choice.model import ChoiceModel
from models.data.dataset import Dataset
from models.data.rating_scale import RatingScale
from models.data.schema import DatasetSchema
from models.data.toml_files import read_toml, wrong_fields
from models.inputs.config import InputConfig
from models.inputs.encoder import FeatureEncoder
from models.learners.base import AnyLearner, LearnerParts
from models.learners.binned import BinnedLearner
from models.learners.exposure import ExposureConfig
from models.learners.heads.bins import Bins
from models.learners.heads.squared_error import SquaredErrorConfig
from models.learners.registry import AnyHeadConfig, AnyLearnerConfig
from models.metrics import MEASURES, Direction
from models.training.objectives import AnyObjectiveConfig, QueryLossConfig

PRESETS = Path(__file__).parent / "presets"


class PresetError(ValueError):
    """A preset does not exist or is wrong; the message names the preset and the field."""


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MeanOver(StrEnum):
    """What the query losses are averaged over."""

    USERS = "users"
    """The mean within each user, then over users (MeLU, eq. 5)."""
    RATINGS = "ratings"
    """All query ratings, so that users with many ratings have more weight."""


STOP_BY_LOSS = "loss"
"""The `stopping_measure` that is no measure of predictions but the validation loss."""


class TrainingConfig(_Config):
    """How the global model is meta-trained.

    Attributes:
        epochs: Passes over the training users, at most.
        stopping_measure: What is evaluated on the validation users after every epoch: `loss`, their query loss, or the
            name of a measure in `models.metrics.MEASURES`, such as `mae` or `ndcg@3_linear`. Training ends with the
            weights of the epoch that is best by it.
        patience: Training stops after so many epochs without a better value of the stopping measure.
        batch_users: Users of one outer update (the paper: 32).
        learning_rate: Adam's rate β; falls to 0 along half a cosine over `epochs`.
        weight_decay: Decoupled weight decay (AdamW) of the embeddings.
        max_support: Support sizes are drawn log-uniformly from 1 to this number of ratings.
        max_query: Query ratings of an episode, at most.
        mean_over: Whether every user or every query rating has the same weight in the loss.
        new_item_batches: Share of the batches in which all items are treated as new.
        empty_supports: Share of the episodes with an empty support set.
        in_order_of_time: Share of the training and validation episodes in which the support set has the user's earliest
            ratings, and the query set the next ones. A data set without times has no such episodes.
        field_dropout: Probability that a field of a user or item is made unknown in an episode.
        hard_tasks: Power γ of hard-task sampling (`models.training.hard_tasks`): the larger it is, the more often users
            with a large running mean query loss are drawn. 0 draws every user once an epoch.
        validation_draws: Episodes of each validation user, of different support sizes. Fewer make early stopping noisy.
        seed: Of the initial weights, the episodes and the dropout.
    """

    epochs: Annotated[int, Field(ge=1)] = 30
    stopping_measure: str = STOP_BY_LOSS
    patience: Annotated[int, Field(ge=1)] = 5
    batch_users: Annotated[int, Field(ge=1)] = 32
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    max_support: Annotated[int, Field(ge=1)] = 80
    max_query: Annotated[int, Field(ge=1)] = 20
    mean_over: MeanOver = MeanOver.USERS
    new_item_batches: Annotated[float, Field(ge=0, le=1)] = 0.0
    empty_supports: Annotated[float, Field(ge=0, le=1)] = 0.0
    in_order_of_time: Annotated[float, Field(ge=0, le=1)] = 0.0
    field_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    hard_tasks: Annotated[float, Field(ge=0, le=10)] = 0.0
    validation_draws: Annotated[int, Field(ge=1)] = 4
    seed: Annotated[int, Field(ge=0)] = 0

    @field_validator("stopping_measure")
    @classmethod
    def _stopping_measure_exists(cls, name: str) -> str:
        known = (STOP_BY_LOSS, *MEASURES)
        if name not in known:
            raise ValueError(f"{name!r} is not a measure: use {', '.join(known)}")
        return name

    @property
    def stopping_direction(self) -> Direction:
        """Which values of the stopping measure are better."""
        return Direction.LOWER if self.stopping_measure == STOP_BY_LOSS else MEASURES[self.stopping_measure].direction

    @model_validator(mode="after")
    def _patience_fits(self) -> Self:
        if self.patience > self.epochs:
            raise ValueError("patience is greater than epochs: it would never stop training")
        return self


class Preset(_Config):
    """Everything that is chosen before training; stored in the artifact's manifest.

    Attributes:
        name: Of the preset, and the beginning of its models' version ids.
        inputs: Which inputs the learner gets.
        learner: Which learner predicts ratings, and its choices; None for a model of interactions, which predicts no
            ratings.
        head: How latent predictions become ratings.
        objective: What the outer update minimises.
        training: How the global model is trained.
        choice: The model of which items a user chooses.
        exposure: The model of which items a user has seen.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    inputs: InputConfig = InputConfig()
    learner: AnyLearnerConfig | None = None
    head: AnyHeadConfig = SquaredErrorConfig()
    objective: AnyObjectiveConfig = QueryLossConfig()
    training: TrainingConfig = TrainingConfig()
    choice: ChoiceConfig = ChoiceConfig()
    exposure: ExposureConfig = ExposureConfig()

    def build_learner(
        self, *, user_encoder: FeatureEncoder, item_encoder: FeatureEncoder, scale: RatingScale, mean_rating: float
    ) -> AnyLearner:
        """The untrained learner; initial weights come from torch's global generator.

        Raises:
            PresetError: The preset has none.
        """
        config = self.learner
        if config is None:
            raise PresetError(f"the preset {self.name} has no learner, so its models predict no ratings")

        def learner_on(scale: RatingScale, mean: float, unit: float | None = None) -> AnyLearner:
            head = self.head.build(scale, unit=unit)
            return config.build(LearnerParts(user_encoder, item_encoder, self.inputs, head, scale, mean))

        if (count := self.head.bins_of(scale)) is None:
            return learner_on(scale, mean_rating)
        bins = Bins(scale, count)
        middle = (bins.inner.minimum + bins.inner.maximum) / 2
        return BinnedLearner(learner_on(bins.inner, middle, unit=1.0), bins)

    def build_choice_model(
        self, *, user_encoder: FeatureEncoder, item_encoder: FeatureEncoder, schema: DatasetSchema
    ) -> ChoiceModel:
        """The untrained choice model; initial weights come from torch's global generator."""
        return ChoiceModel(
            user_encoder=user_encoder, item_encoder=item_encoder, inputs=self.inputs, schema=schema, config=self.choice
        )

    def with_training(self, *, epochs: int | None = None, seed: int | None = None) -> Self:
        """The same preset with other epochs or another seed.

        Patience is at most the number of epochs. The choice model gets the same share of its updates.
        """
        changes: dict[str, int] = {}
        choice = self.choice
        if epochs is not None:
            changes.update(epochs=epochs, patience=min(self.training.patience, epochs))
            updates = math.ceil(choice.updates * epochs / self.training.epochs)
            choice = choice.model_copy(update={"updates": updates})
        if seed is not None:
            changes.update(seed=seed)
        return self.model_copy(update={"training": self.training.model_copy(update=changes), "choice": choice})


_DENSE = 50
"""Mean number of choices of an item from which the preset for dense interactions fits."""


def default_preset(dataset: Dataset) -> str:
    """The name of the preset for a data set.

    It is `coldstart` if there are ratings. Otherwise it is `coldstart-implicit-dense` if the chosen items have many
    choices each, and else `coldstart-implicit`.
    """
    ratings = dataset.ratings
    if ratings.rated.any():
        return "coldstart"
    chosen = ratings.items[ratings.chosen]
    is_dense = len(chosen) >= _DENSE * len(np.unique(chosen))
    return "coldstart-implicit-dense" if is_dense and len(chosen) else "coldstart-implicit"


def preset_names() -> list[str]:
    """The presets that come with the product."""
    return sorted(path.stem for path in PRESETS.glob("*.toml"))


def load_preset(name: str) -> Preset:
    """Load a preset by its name, or from a TOML file by its path.

    Raises:
        PresetError: There is none, or a field of it is wrong.
    """
    path = Path(name) if name.endswith(".toml") else PRESETS / f"{name}.toml"
    try:
        return Preset.model_validate({"name": path.stem, **read_toml(path)})
    except OSError as error:
        raise PresetError(
            f"no preset {name!r}: use one of {', '.join(preset_names())} or the path of a .toml file"
        ) from error
    except ValidationError as error:
        raise PresetError(f"preset {path}: {wrong_fields(error, whole='preset')}") from error
    except ValueError as error:
        raise PresetError(f"preset {path}: {error}") from error
