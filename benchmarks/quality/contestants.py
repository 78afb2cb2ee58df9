"""What is compared, each as a predictor: presets, presets without adaptation, ablations and baselines."""

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from benchmarks.quality.ablations import ABLATIONS, ablated
from models.artifact import TrainedModel, load_artifact
from models.baselines import BENCH_BASELINES, baseline_class
from models.data.dataset import Dataset, Entities
from models.data.splits import Split
from models.evaluation.predictors import Predict, by_baseline, by_learner
from models.train import train
from models.training.preset import load_preset

REFERENCE = "coldstart"
PRESETS = (REFERENCE, "melu")
NOT_ADAPTED = ", not adapted"
LEARNERS = tuple(preset + suffix for preset in PRESETS for suffix in ("", NOT_ADAPTED))
BASELINES = BENCH_BASELINES


@dataclass(frozen=True)
class Contestants:
    """Makes predictors of one data set.

    Attributes:
        dataset: The data set.
        data_path: Where it was read from.
        split: Its division.
        work: Where trained models are kept.
    """

    dataset: Dataset
    data_path: Path
    split: Split
    work: Path

    def predictor(self, name: str) -> Predict:
        """A contestant's predictor; trains or fits it first if that is not done yet."""
        if name in BASELINES:
            baseline = baseline_class(name).fit(self.dataset, self.split.training)
            return by_baseline(baseline, self.dataset.schema.rating_scale)
        model = self.trained(name.removesuffix(NOT_ADAPTED))
        return by_learner(model, self.dataset, steps=0 if name.endswith(NOT_ADAPTED) else None)

    def knowing_nothing(self, name: str) -> Predict:
        """A preset's predictions for users whose attributes are all unknown."""
        users = self.dataset.users.table
        blank = users.with_columns(
            pl.lit(None, dtype=users.schema[column]).alias(column) for column in users.columns[2:]
        )
        model = self.trained(name)
        return by_learner(model, replace(self.dataset, users=Entities(blank)), steps=0)

    def trained(self, name: str) -> TrainedModel:
        """The model of a preset or of an ablation; trains it first if that is not done yet."""
        directory = self.work / name.replace(" ", "-")
        if not (directory / "manifest.json").exists():
            preset = ablated(name) if name in ABLATIONS else load_preset(name)
            train(self.dataset, preset, directory, data_path=self.data_path, research_only=True)
        return load_artifact(directory)
