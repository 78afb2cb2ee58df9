"""The served model, which is trained on all ratings, and its research twin."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.artifact import (
    MANIFEST,
    RESEARCH,
    WEIGHTS,
    ArtifactError,
    TrainedModel,
    load_artifact,
    load_research_model,
    verify_artifact,
)
from models.choice.trainer import RoundResult, best_round
from models.data.dataset import Dataset
from models.data.splits import SplitConfig
from models.evaluation import EvaluationConfig, evaluate
from models.evaluation.comparison import compare
from models.train import checkpoint_of, train
from models.training.epoch_result import EpochResult
from models.training.observer import TrainingObserver
from models.training.preset import Preset

SPLIT = SplitConfig(seed=1)


class Recorder(TrainingObserver):
    """Notes the phases and their epochs; may interrupt a training after the first epoch of a phase."""

    def __init__(self, interrupt_in: str | None = None) -> None:
        self.phases: list[tuple[str, int]] = []
        self.epochs: list[tuple[str, int]] = []
        self.rounds: list[tuple[str, int]] = []
        self.resumed_after: list[tuple[str, int]] = []
        self._interrupt_in = interrupt_in

    def phase_begun(self, phase: str, *, epochs: int) -> None:
        self.phases.append((phase, epochs))

    def resumed(self, *, epoch: int) -> None:
        self.resumed_after.append((self.phases[-1][0], epoch))

    def round_done(self, result: RoundResult) -> None:
        self.rounds.append((self.phases[-1][0], result.round))

    def epoch_done(self, result: EpochResult) -> None:
        phase, _ = self.phases[-1]
        self.epochs.append((phase, result.epoch))
        if phase == self._interrupt_in:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def trained(two_tastes: Dataset, tiny_preset: Preset) -> Callable[..., TrainedModel]:
    """Trains in three epochs."""

    def train_into(output: Path, **options: object) -> TrainedModel:
        preset = tiny_preset.with_training(epochs=3)
        return train(two_tastes, preset, output, data_path=None, split_config=SPLIT, **options)

    return train_into


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture(scope="module")
def directory(
    trained: Callable[..., TrainedModel], recorder: Recorder, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The artifact of a served model and its twin."""
    output = tmp_path_factory.mktemp("served") / "model"
    trained(output, observer=recorder)
    return output


@pytest.fixture(scope="module")
def served(directory: Path) -> TrainedModel:
    return load_artifact(directory)


@pytest.fixture(scope="module")
def twin(directory: Path) -> TrainedModel:
    return load_research_model(directory)


@pytest.fixture(scope="module")
def research_only(trained: Callable[..., TrainedModel], tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    """The same training without a served model."""
    return trained(tmp_path_factory.mktemp("research") / "model", research_only=True)


class TestServedModel:
    def test_served_model_is_trained_on_all_ratings(self, served: TrainedModel, two_tastes: Dataset) -> None:
        counts = np.bincount(two_tastes.ratings.items, minlength=len(two_tastes.items))
        assert served.statistics["rating_count"].to_list() == counts.tolist()
        data = served.manifest.data
        assert (data.training_ratings, data.training_users, data.training_items) == (2400, 120, 40)
        assert data.mean_rating == pytest.approx(two_tastes.ratings.values.mean())

    def test_served_model_is_trained_for_the_best_number_of_epochs_of_its_twin(
        self, served: TrainedModel, twin: TrainedModel, recorder: Recorder
    ) -> None:
        losses = [epoch.validation.loss for epoch in twin.manifest.history]
        best = 1 + int(np.argmin(losses))
        assert [epoch.epoch for epoch in served.manifest.history] == list(range(1, best + 1))
        assert {epoch.validation for epoch in served.manifest.history} == {None}
        rounds = best_round(twin.manifest.choice_history)
        assert [result.round for result in served.manifest.choice_history] == list(range(1, rounds + 1))
        assert {result.validation_loss for result in served.manifest.choice_history} == {None}
        assert recorder.phases == [
            ("research model", 3),
            ("choices of the research model", twin.manifest.preset.choice.rounds),
            ("served model", best),
            ("choices of the served model", rounds),
        ]

    def test_manifest_of_a_served_model_names_its_twin_and_gives_its_figures(
        self, served: TrainedModel, twin: TrainedModel
    ) -> None:
        named = served.manifest.research_twin
        assert named is not None
        assert (named.version, named.data, named.split) == (twin.version, twin.manifest.data, SPLIT)
        assert named.history == twin.manifest.history
        assert served.manifest.metrics == twin.manifest.metrics
        assert served.version != twin.version

    def test_split_of_a_served_model_is_refused(self, served: TrainedModel) -> None:
        with pytest.raises(ValueError, match=f"{served.version} was trained on all ratings"):
            _ = served.split


class TestResearchTwin:
    def test_research_twin_equals_the_model_of_a_research_only_training(
        self, twin: TrainedModel, research_only: TrainedModel
    ) -> None:
        assert twin.version == research_only.version
        assert twin.manifest.data == research_only.manifest.data
        assert research_only.manifest.research_twin is None

    def test_research_twin_knows_its_served_model(
        self, twin: TrainedModel, served: TrainedModel, research_only: TrainedModel
    ) -> None:
        assert (twin.twin_of, twin.served_version) == (served.version, served.version)
        assert (research_only.twin_of, research_only.served_version) == (None, research_only.version)

    def test_research_model_of_a_research_artifact_is_the_artifact(self, model: TrainedModel, model_dir: Path) -> None:
        loaded = load_research_model(model_dir)
        assert (loaded.version, loaded.twin_of) == (model.version, None)


class TestEvaluation:
    def test_report_on_a_twin_says_which_model_was_evaluated(
        self, twin: TrainedModel, served: TrainedModel, two_tastes: Dataset
    ) -> None:
        config = EvaluationConfig(states=("user_cold",), baselines=(), bootstrap_resamples=100)
        report, _ = evaluate(twin, two_tastes, config)
        assert (report.model_version, report.twin_of) == (twin.version, served.version)
        (note,) = report.notes
        assert note.startswith(f"{served.version} was trained on all ratings.")
        assert twin.version in note

    def test_evaluation_of_a_served_model_is_refused(self, served: TrainedModel, two_tastes: Dataset) -> None:
        with pytest.raises(ValueError, match="evaluate its research twin"):
            evaluate(served, two_tastes, EvaluationConfig())

    def test_comparison_of_twins_names_the_served_versions(
        self, twin: TrainedModel, model: TrainedModel, served: TrainedModel, two_tastes: Dataset
    ) -> None:
        comparison = compare(twin, model, two_tastes)
        assert (comparison.new, comparison.active) == (served.version, model.version)
        assert comparison.notes[0].startswith(f"{served.version} was trained on all ratings.")
        assert twin.version in comparison.notes[0]


class TestInterrupted:
    @pytest.mark.parametrize("phase", ["research model", "served model"])
    def test_interrupted_training_resumes_to_the_same_models(
        self, trained: Callable[..., TrainedModel], served: TrainedModel, tmp_path: Path, phase: str
    ) -> None:
        interrupted, resumed = Recorder(interrupt_in=phase), Recorder()
        with pytest.raises(KeyboardInterrupt):
            trained(tmp_path / "model", observer=interrupted)

        model = trained(tmp_path / "model", observer=resumed)

        assert model.version == served.version
        assert not set(interrupted.epochs) & set(resumed.epochs)
        assert (phase, 1) in resumed.resumed_after
        assert {of for of, _ in resumed.rounds} == {"choices of the research model", "choices of the served model"}
        assert not checkpoint_of(tmp_path / "model").exists()


class TestArtifact:
    @pytest.fixture
    def copy(self, directory: Path, tmp_path: Path) -> Path:
        return Path(shutil.copytree(directory, tmp_path / "copy"))

    def test_artifact_with_an_altered_twin_is_refused(self, copy: Path) -> None:
        weights = copy / RESEARCH / WEIGHTS
        weights.write_bytes(weights.read_bytes()[:-1])
        for check in (load_artifact, load_research_model, verify_artifact):
            with pytest.raises(ArtifactError, match=f"{weights}: its SHA-256 does not match"):
                check(copy)

    def test_artifact_without_its_twin_is_refused(self, copy: Path) -> None:
        shutil.rmtree(copy / RESEARCH)
        with pytest.raises(ArtifactError, match=f"{copy / RESEARCH / MANIFEST}: does not exist"):
            load_artifact(copy)

    def test_artifact_with_another_twin_is_refused(self, copy: Path, model_dir: Path, model: TrainedModel) -> None:
        shutil.rmtree(copy / RESEARCH)
        shutil.copytree(model_dir, copy / RESEARCH)
        with pytest.raises(ArtifactError, match=f"{copy / RESEARCH}: holds {model.version}, not the research twin"):
            load_artifact(copy)

    def test_version_of_a_served_model_depends_on_its_twin(self, served: TrainedModel) -> None:
        manifest = served.manifest
        other = manifest.research_twin.model_copy(update={"version": "tiny-0"})
        assert replace(served, manifest=manifest.model_copy(update={"research_twin": other})).version != served.version
