from pathlib import Path

import pytest

from models.artifact import ArtifactError, TrainedModel, load_artifact
from models.data.reader import read_dataset
from models.ranking import Recommender
from models.ranking.self_check import require_finite_predictions
from models.train import train
from models.training.preset import load_preset


def broken(directory: Path, factor: float) -> Recommender:
    """A recommender with one embedding multiplied, and a catalogue embedded with it."""
    model = load_artifact(directory)
    weights = model.learner.state_dict()
    name = next(name for name in weights if "embed_items" in name)
    weights[name] *= factor
    model.learner.load_state_dict(weights)
    return Recommender(model, model.items)


def test_self_check_with_finite_model_passes(model: TrainedModel) -> None:
    require_finite_predictions(Recommender(model, model.items))


def test_self_check_with_default_preset_passes(dataset_dir: Path, tmp_path: Path) -> None:
    preset = load_preset("coldstart").with_training(epochs=1)
    train(read_dataset(dataset_dir)[0], preset, tmp_path / "model", data_path=dataset_dir, research_only=True)
    model = load_artifact(tmp_path / "model")

    require_finite_predictions(Recommender(model, model.items))


def test_self_check_without_items_passes(model: TrainedModel) -> None:
    empty = Recommender(model, model.items)
    require_finite_predictions(empty.with_changes(type(model.items)(model.items.table.clear()), model.items.ids))


@pytest.mark.parametrize("factor", [float("nan"), float("inf")])
def test_self_check_with_infinite_weights_fails(model_dir: Path, factor: float) -> None:
    with pytest.raises(ArtifactError, match=r"weights .* are not all finite"):
        require_finite_predictions(broken(model_dir, factor))


def test_self_check_with_overflowing_predictions_fails(model_dir: Path) -> None:
    with pytest.raises(ArtifactError, match=r"predicted rating of the item 'i.*' is not a finite number"):
        require_finite_predictions(broken(model_dir, 1e38))
