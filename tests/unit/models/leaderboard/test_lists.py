"""Learner and choice model trained apart, and lists from shortlists, against an artifact and its exact lists."""

from pathlib import Path

import numpy as np
import pytest

from models.artifact import load_artifact
from models.data.reader import read_dataset
from models.data.splits import Split, SplitConfig
from models.evaluation.lists.rankers import ModelRanker
from models.leaderboard.lists import (
    EmbeddedCatalogue,
    Liking,
    list_tasks,
    measure_ranker,
    measure_shortlists,
    shortlists,
)
from models.ranking.query import RankBy
from models.train import restore_learner, train_choices, train_learner
from models.training.preset import Preset


@pytest.mark.parametrize("seed", [0, 1])
def test_lists_are_those_of_the_artifact_with_all_items_scored(
    seed: int, dataset_dir: Path, tiny_preset: Preset, model_dir: Path, tmp_path: Path
) -> None:
    dataset, _ = read_dataset(dataset_dir)
    split = Split.of(dataset, SplitConfig())
    tasks = list_tasks(dataset, split, seed=seed)
    expected = measure_ranker(ModelRanker(load_artifact(model_dir), dataset, RankBy.CHOICE), tasks)

    trained = train_learner(dataset, tiny_preset, split, checkpoints=tmp_path)
    restored = restore_learner(dataset, tiny_preset, split, trained.learner.state_dict())
    assert dataset.schema.rating_scale is not None
    liking = Liking(restored.learner, restored.encoded, dataset.schema.rating_scale)
    chosen = shortlists(EmbeddedCatalogue(*train_choices(dataset, tiny_preset, split)), tasks)
    measured = measure_shortlists(chosen, tasks, liking=liking)

    assert set(measured) == set(expected)
    for cell, values in expected.items():
        for name, column in values.items():
            np.testing.assert_allclose(measured[cell][name], column, atol=1e-9, err_msg=f"{cell}, {name}")
