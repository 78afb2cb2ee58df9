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
from models.training.preset import Preset
from models.training.stages import PreparedData, restore_learner, train_choices, train_learner


@pytest.mark.parametrize("seed", [0, 1])
def test_lists_are_those_of_the_artifact_with_all_items_scored(
    seed: int, dataset_dir: Path, tiny_preset: Preset, model_dir: Path, tmp_path: Path
) -> None:
    dataset, _ = read_dataset(dataset_dir)
    split = Split.of(dataset, SplitConfig())
    tasks = list_tasks(dataset, split, seed=seed)
    expected = measure_ranker(ModelRanker(load_artifact(model_dir), dataset, RankBy.CHOICE), tasks)

    data = PreparedData.of(dataset, tiny_preset, split)
    trained = train_learner(data, checkpoints=tmp_path)
    restored = restore_learner(data, trained.learner.state_dict())
    assert dataset.schema.rating_scale is not None
    liking = Liking(restored, data.encoded, dataset.schema.rating_scale)
    choice, _ = train_choices(data)
    chosen = shortlists(EmbeddedCatalogue(choice, data.encoded), tasks)
    measured = measure_shortlists(chosen, tasks, liking=liking)

    assert set(measured) == set(expected)
    for cell, values in expected.items():
        for name, column in values.items():
            np.testing.assert_allclose(measured[cell][name], column, atol=1e-9, err_msg=f"{cell}, {name}")
