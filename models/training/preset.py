"""A learner and its training as a preset: one TOML file of choices (`models/training/presets/`)."""

import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.learners.network import EstimatorConfig

PRESETS = Path(__file__).parent / "presets"


class PresetError(ValueError):
    """A preset does not exist or is wrong; the message names the preset and the field."""


class Rates(StrEnum):
    """Where the local learning rates α come from."""

    FIXED = "fixed"
    LEARNED = "learned"
    """Meta-learned (Meta-SGD, Li et al. 2017), as products of a rate of the output unit and one of the input."""


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(StrEnum):
    """How a user's decision layers are found."""

    GRADIENT = "gradient"
    """Gradient steps on all decision layers (MeLU)."""
    CLOSED_FORM = "closed_form"
    """Ridge regression of the last one (`models.learners.closed_form`)."""


class HeadKind(StrEnum):
    """How a latent prediction becomes a rating."""

    SQUARED_ERROR = "squared_error"
    ORDINAL = "ordinal"


class MeanOver(StrEnum):
    """What the query losses are averaged over."""

    USERS = "users"
    """The mean within each user, then over users: every user counts the same (MeLU, eq. 5)."""
    RATINGS = "ratings"
    """All query ratings, so that users of many ratings count for more."""


class LocalUpdateConfig(_Config):
    """How a user's model is made from the global one; all but the rule concerns gradient steps.

    Attributes:
        rule: Gradient steps or the closed form.
        steps: Gradient steps on the support set (the paper: 1 and 5).
        second_order: Whether meta-training differentiates through those steps.
        rate: Local learning rate α; with learned rates their common start.
        rates: Whether the rates and the prior stay or are learned.
        prior_ratings: c of `models.learners.local_update.local_update`; 0, the paper's, is never learned.
    """

    rule: Rule = Rule.GRADIENT
    steps: Annotated[int, Field(ge=1)] = 1
    second_order: bool = False
    rate: Annotated[float, Field(gt=0)] = 0.02
    rates: Rates = Rates.LEARNED
    prior_ratings: Annotated[float, Field(ge=0)] = 0.0


class TrainingConfig(_Config):
    """How the global model is meta-trained.

    Attributes:
        epochs: Most passes over the training users.
        patience: Epochs without a better validation error after which training stops.
        batch_users: Users a global update (the paper: 32).
        learning_rate: Adam's rate β; falls to 0 along half a cosine over `epochs`.
        weight_decay: Decoupled (AdamW), on the embeddings.
        max_support: Support sizes are drawn log-uniformly from 1 to this many ratings.
        max_query: Most query ratings of an episode.
        mean_over: What the query losses of a batch, or of the validation users, are averaged over.
        new_item_batches: Share of the batches in which every item pretends to have no ratings.
        empty_supports: Share of the episodes with no support set.
        field_dropout: Probability that a field of a user or item is made unknown in an episode.
        seed: Of the initial weights, the episodes and the dropout.
    """

    epochs: Annotated[int, Field(ge=1)] = 30
    patience: Annotated[int, Field(ge=1)] = 5
    batch_users: Annotated[int, Field(ge=1)] = 32
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    max_support: Annotated[int, Field(ge=1)] = 80
    max_query: Annotated[int, Field(ge=1)] = 20
    mean_over: MeanOver = MeanOver.USERS
    new_item_batches: Annotated[float, Field(ge=0, le=1)] = 0.0
    empty_supports: Annotated[float, Field(ge=0, le=1)] = 0.0
    field_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _patience_fits(self) -> Self:
        if self.patience > self.epochs:
            raise ValueError("patience is greater than epochs: it would never stop training")
        return self


class Preset(_Config):
    """Everything that is chosen before training; stored in the artifact's manifest."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    estimator: EstimatorConfig = EstimatorConfig()
    local_update: LocalUpdateConfig = LocalUpdateConfig()
    head: HeadKind = HeadKind.SQUARED_ERROR
    training: TrainingConfig = TrainingConfig()

    def with_training(self, *, epochs: int | None = None, seed: int | None = None) -> Self:
        """The same preset, but for what is given; fewer epochs than its patience lower that too."""
        changes: dict[str, int] = {}
        if epochs is not None:
            changes.update(epochs=epochs, patience=min(self.training.patience, epochs))
        if seed is not None:
            changes.update(seed=seed)
        return self.model_copy(update={"training": self.training.model_copy(update=changes)})


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
        return Preset.model_validate({"name": path.stem, **tomllib.loads(path.read_text(encoding="utf-8"))})
    except OSError as error:
        raise PresetError(
            f"no preset {name!r}: use one of {', '.join(preset_names())} or the path of a .toml file"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise PresetError(f"preset {path}: {error}") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()
        )
        raise PresetError(f"preset {path}: {faults}") from error
