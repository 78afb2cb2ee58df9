"""The learners, presets and baselines that the contract tests run, found without a list of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import models.learners
from models.artifact import TrainedModel
from models.baselines import BENCH_BASELINES, baseline_class
from models.data.dataset import Dataset
from models.data.episodes import Episode, EpisodeBatch
from models.data.splits import Split, SplitConfig
from models.evaluation.predictors import by_baseline, by_learner
from models.inputs.collaborative_inputs import CollaborativeConfig
from models.inputs.config import InputConfig
from models.inputs.factorisation import FactorisationConfig
from models.learners.base import AnyLearner, LearnerConfig
from models.learners.episode_predictions import EncodedData
from models.learners.heads.ordinal import OrdinalConfig
from models.learners.registry import configs_in
from models.metrics import PredictedRatings
from models.train import train
from models.training.preset import Preset, TrainingConfig, load_preset, preset_names
from models.training.stages import PreparedData
from tests.choice import SMALL_CHOICE

_CHOICE = SMALL_CHOICE.model_copy(update={"updates": 1})
"""Learners are tested here, so the choice model beside them is hardly trained."""

_QUICK = TrainingConfig(
    epochs=1, patience=1, batch_users=16, max_query=10, new_item_batches=0.3, empty_supports=0.1, field_dropout=0.1
)


def presets() -> dict[str, Preset]:
    """Every learner with its defaults and with its paper's values, and every preset; all train for a moment."""
    found: dict[str, Preset] = {}
    for config in configs_in(models.learners, LearnerConfig):
        kind = config.model_fields["kind"].default
        inputs = InputConfig(embedding_dim=4)
        found[f"{kind}, defaults"] = Preset(
            name="defaults", inputs=inputs, learner=config(), choice=_CHOICE, training=_QUICK
        )
        if config.paper:
            learner = config.model_validate(config.paper)
            found[f"{kind}, paper"] = Preset(
                name="paper", inputs=inputs, learner=learner, choice=_CHOICE, training=_QUICK
            )
        found[f"{kind}, all inputs"] = Preset(
            name="all-inputs",
            inputs=InputConfig(
                embedding_dim=4, collaborative=CollaborativeConfig(factorisation=FactorisationConfig(rank=2))
            ),
            learner=config(),
            head=OrdinalConfig(),
            choice=_CHOICE,
            training=_QUICK,
        )
        found[f"{kind}, bins"] = Preset(
            name="bins",
            inputs=InputConfig(embedding_dim=4),
            learner=config(),
            head=OrdinalConfig(max_levels=3, bins=3),  # the tests' data have five levels
            choice=_CHOICE,
            training=_QUICK,
        )
    for name in preset_names():
        preset = load_preset(name)
        if preset.learner is not None:
            found[f"preset {name}"] = preset.with_training(epochs=1).model_copy(update={"choice": _CHOICE})
    return found


PRESETS = presets()

COMPLETE = [name for name in PRESETS if name.endswith(", all inputs")]
"""One case for each learner, for what its settings do not change."""

BASELINES = BENCH_BASELINES


@dataclass(frozen=True)
class Case:
    """Something that predicts ratings from a support set.

    Attributes:
        predict: Predictions of a batch of the data set.
        predict_for: The same for another data set with the same schema.
    """

    predict: Callable[[EpisodeBatch], PredictedRatings]
    predict_for: Callable[[Dataset, EpisodeBatch], PredictedRatings]

    def one(self, episode: Episode) -> PredictedRatings:
        """The predictions of an episode alone."""
        return self.predict(EpisodeBatch.of([episode]))


def trained(name: str, dataset: Dataset, directory: Path) -> TrainedModel:
    """A case of `PRESETS`, trained on a data set."""
    return train(
        dataset,
        PRESETS[name],
        directory / name.replace(", ", "-").replace(" ", "-"),
        data_path=None,
        research_only=True,
    )


def untrained(name: str, dataset: Dataset) -> tuple[AnyLearner, EncodedData]:
    """The learner of a case of `PRESETS` with its initial weights, and the data set encoded for it."""
    data, scale = PreparedData.of(dataset, PRESETS[name], Split.of(dataset, SplitConfig())), dataset.schema.rating_scale
    assert scale is not None
    learner = data.preset.build_learner(
        user_encoder=data.encoders.users, item_encoder=data.encoders.items, scale=scale, mean_rating=3.0
    )
    learner.fit_statistics(dataset, data.split.training, data.encoded.items)
    return learner.eval().requires_grad_(requires_grad=False), data.encoded


def learner_case(model: TrainedModel, dataset: Dataset) -> Case:
    """A trained learner as a case."""
    return Case(by_learner(model, dataset), lambda other, batch: by_learner(model, other)(batch))


def baseline_case(name: str, dataset: Dataset) -> Case:
    """A fitted baseline as a case; it knows no other users and items than those of its data set."""
    training = Split.of(dataset, SplitConfig()).training
    predict = by_baseline(baseline_class(name).fit(dataset, training), dataset.schema.rating_scale)
    return Case(predict, lambda _, batch: predict(batch))


def columns(predictions: PredictedRatings, row: int, count: int) -> Sequence[NDArray[np.float32]]:
    """The predictions of one user of a batch, without padding."""
    values = [predictions.mean, predictions.median, predictions.score]
    if predictions.distribution is not None:
        values.append(predictions.distribution.probabilities)
    return [array[row, :count] for array in values]
