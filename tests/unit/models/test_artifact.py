import hashlib
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load, save

from models.artifact import (
    CHOICE,
    EXPOSURE,
    FORMAT_VERSION,
    ITEMS,
    MANIFEST,
    STATISTICS,
    WEIGHTS,
    ArtifactError,
    TrainedModel,
    load_artifact,
    read_schema,
    save_artifact,
)
from models.data.dataset import Entities
from models.fields import AttributeField, FieldKind, TextEncoder, sentences
from models.ranking import ItemRating, RankingQuery, Recommender
from tests.artifacts import parts_of

FILES = (MANIFEST, WEIGHTS, CHOICE, EXPOSURE, ITEMS)


@pytest.fixture
def directory(model_dir: Path, tmp_path: Path) -> Path:
    """A copy of the artifact, to be damaged."""
    return Path(shutil.copytree(model_dir, tmp_path / "artifact"))


def save_again(model: TrainedModel, directory: Path, **changes: Any) -> None:  # noqa: ANN401 - any part of it
    save_artifact(directory, parts_of(model, **changes))


def change_manifest(directory: Path, change: Callable[[dict[str, Any]], None], *, resealed: bool) -> None:
    """Edit the manifest by hand, with or without a new checksum."""
    path = directory / MANIFEST
    body = json.loads(path.read_text(encoding="utf-8"))
    checksum = body.pop("checksum")
    change(body)
    if resealed:
        content = json.dumps(body, sort_keys=True, separators=(",", ":"))
        checksum = hashlib.sha256(content.encode()).hexdigest()
    path.write_text(json.dumps({**body, "checksum": checksum}), encoding="utf-8")


def refused(directory: Path, file: str) -> str:
    """The reason for which loading refuses, which must name the file."""
    with pytest.raises(ArtifactError) as caught:
        load_artifact(directory)
    named, _, reason = str(caught.value).partition(": ")
    assert named == str(directory / file)
    return reason


class TestRoundTrip:
    def test_loaded_artifact_gives_the_same_recommendations(self, model: TrainedModel, tmp_path: Path) -> None:
        save_again(model, tmp_path / "copy")
        visitor: dict[str, Any] = {
            "attributes": {"country": "fr"},
            "ratings": [ItemRating("i1", 5.0), ItemRating("i2", 1.0)],
            "n": 40,
        }
        before, after = (
            Recommender(loaded, loaded.items).recommend(RankingQuery(**visitor))
            for loaded in (model, load_artifact(tmp_path / "copy"))
        )
        assert before == after

    def test_loaded_artifact_has_the_same_weights_items_and_statistics(
        self, model: TrainedModel, tmp_path: Path
    ) -> None:
        save_again(model, tmp_path / "copy")
        copy = load_artifact(tmp_path / "copy")
        for module, expected in ((copy.learner, model.learner), (copy.choice, model.choice)):
            weights, wanted = module.state_dict(), expected.state_dict()
            assert weights.keys() == wanted.keys()
            assert all(torch.equal(value, wanted[name]) for name, value in weights.items())
        assert copy.items.table.equals(model.items.table)
        assert copy.statistics.equals(model.statistics)
        assert np.array_equal(copy.exposure.biases, model.exposure.biases)
        assert np.array_equal(copy.exposure.loadings, model.exposure.loadings)
        assert copy.manifest == model.manifest

    def test_loaded_model_is_frozen(self, model: TrainedModel) -> None:
        for module in (model.learner, model.choice):
            assert not module.training
            assert not any(parameter.requires_grad for parameter in module.parameters())

    def test_items_table_holds_no_statistics(self, model: TrainedModel) -> None:
        assert not set(STATISTICS) & set(model.items.table.columns)


class TestVersion:
    def test_version_of_the_same_model_is_the_same(self, model: TrainedModel, tmp_path: Path) -> None:
        save_again(model, tmp_path / "copy")
        assert load_artifact(tmp_path / "copy").version == load_artifact(tmp_path / "copy").version == model.version

    def test_version_begins_with_the_name_of_the_preset(self, model: TrainedModel) -> None:
        assert model.version.startswith("tiny-")

    def test_version_with_other_weights_differs(self, model: TrainedModel, tmp_path: Path) -> None:
        weights = {name: value.clone() for name, value in model.learner.state_dict().items()}
        weights["log_prior"] += 1e-3
        save_again(model, tmp_path / "other", weights=weights)
        assert load_artifact(tmp_path / "other").version != model.version

    def test_version_with_another_choice_model_differs(self, model: TrainedModel, tmp_path: Path) -> None:
        choice = {name: value.clone() for name, value in model.choice.state_dict().items()}
        choice["biases"] += 1e-3
        save_again(model, tmp_path / "other", choice=choice)
        assert load_artifact(tmp_path / "other").version != model.version

    def test_version_with_other_items_differs(self, model: TrainedModel, tmp_path: Path) -> None:
        items = Entities(model.items.table.with_columns(pl.lit("x").alias("title")))
        save_again(model, tmp_path / "other", items=items)
        assert load_artifact(tmp_path / "other").version != model.version


class TestDamaged:
    @pytest.mark.parametrize("file", FILES)
    def test_artifact_with_a_missing_file_is_refused(self, directory: Path, file: str) -> None:
        (directory / file).unlink()
        assert "does not exist" in refused(directory, file) or "No such file" in refused(directory, file)

    @pytest.mark.parametrize("kept", [0.0, 0.5, 0.999])
    @pytest.mark.parametrize("file", FILES)
    def test_artifact_with_a_truncated_file_is_refused(self, directory: Path, file: str, kept: float) -> None:
        content = (directory / file).read_bytes()
        (directory / file).write_bytes(content[: int(kept * len(content))])
        reason = refused(directory, file)
        assert ("cannot be read as JSON" if file == MANIFEST else "truncated or altered") in reason

    @pytest.mark.parametrize("where", [0.01, 0.3, 0.6, 0.99])
    @pytest.mark.parametrize("file", [WEIGHTS, CHOICE, EXPOSURE, ITEMS])
    def test_artifact_with_a_changed_byte_is_refused(self, directory: Path, file: str, where: float) -> None:
        content = bytearray((directory / file).read_bytes())
        content[int(where * len(content))] ^= 1
        (directory / file).write_bytes(content)
        assert "truncated or altered" in refused(directory, file)

    def test_missing_directory_is_refused(self, tmp_path: Path) -> None:
        assert "is" in refused(tmp_path / "nothing", MANIFEST)

    def test_directory_without_a_manifest_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
        assert "an artifact?" in refused(tmp_path, MANIFEST)


class TestManifest:
    @pytest.mark.parametrize(
        "change",
        [
            lambda body: body["preset"]["learner"].update(steps=5),
            lambda body: body["data"].update(mean_rating=4.99),
            lambda body: body["files"].update({WEIGHTS: "0" * 64}),
            lambda body: body.update(remark="mine"),
            lambda body: body.pop("split"),
        ],
        ids=["preset", "mean", "hash", "addition", "omission"],
    )
    def test_manifest_edited_by_hand_is_refused(
        self, directory: Path, change: Callable[[dict[str, Any]], None]
    ) -> None:
        change_manifest(directory, change, resealed=False)
        assert "the file was altered" in refused(directory, MANIFEST)

    @pytest.mark.parametrize("version", [0, 1, 2, 3, 4, 5, "6", None])
    def test_manifest_of_another_format_version_is_refused(self, directory: Path, version: object) -> None:
        change_manifest(directory, lambda body: body.update(format_version=version), resealed=True)
        assert (
            refused(directory, MANIFEST) == f"has format version {version}, but this release reads {FORMAT_VERSION}: "
            "train the model again with `coldstart train`"
        )

    @pytest.mark.parametrize("version", [1, FORMAT_VERSION])
    def test_read_schema_of_any_format_version_returns_the_schema(self, directory: Path, version: int) -> None:
        schema = load_artifact(directory).schema
        change_manifest(directory, lambda body: body.update(format_version=version, preset={}), resealed=False)
        assert read_schema(directory) == schema

    def test_read_schema_of_a_manifest_without_one_is_refused(self, directory: Path) -> None:
        change_manifest(directory, lambda body: body.pop("data_schema"), resealed=False)
        with pytest.raises(ArtifactError, match="its data schema cannot be read"):
            read_schema(directory)

    @pytest.mark.parametrize("text", ["", "[]", '"x"', "{", "\x00"])
    def test_manifest_that_is_other_json_is_refused(self, directory: Path, text: str) -> None:
        (directory / MANIFEST).write_text(text, encoding="utf-8")
        assert "JSON" in refused(directory, MANIFEST)

    def test_manifest_that_is_no_text_is_refused(self, directory: Path) -> None:
        (directory / MANIFEST).write_bytes(b"\xff\xfe")
        assert "cannot be read as JSON" in refused(directory, MANIFEST)

    def test_model_that_reads_texts_is_refused_without_the_extra_and_says_what_to_install(
        self, model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plot = AttributeField(name="plot", kind=FieldKind.TEXT, encoder=TextEncoder.SENTENCE)
        items = model.schema.items.model_copy(update={"fields": (*model.schema.items.fields, plot)})
        schema = model.schema.model_copy(update={"items": items})
        save_again(model, tmp_path / "artifact", manifest=model.manifest.model_copy(update={"data_schema": schema}))
        monkeypatch.setattr(sentences, "find_spec", lambda _: None)
        with pytest.raises(ArtifactError, match=r"json: plot: .* pip install '.\[text\]'$"):
            load_artifact(tmp_path / "artifact")

    def test_manifest_with_an_unknown_field_is_refused_and_names_it(self, directory: Path) -> None:
        change_manifest(directory, lambda body: body.update(remark="mine"), resealed=True)
        assert "remark" in refused(directory, MANIFEST)

    @pytest.mark.parametrize("file", [WEIGHTS, CHOICE, EXPOSURE, ITEMS])
    def test_manifest_that_does_not_name_a_file_is_refused(self, directory: Path, file: str) -> None:
        change_manifest(directory, lambda body: body["files"].pop(file), resealed=True)
        assert refused(directory, MANIFEST) == f"names no {file}"


class Trap:
    """A pickle of it creates a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return Path.touch, (self.path,)


class TestPickle:
    @pytest.mark.parametrize("resealed", [False, True], ids=["hash-as-before", "hash-mended"])
    def test_pickle_in_place_of_the_weights_is_refused_and_not_run(
        self, directory: Path, tmp_path: Path, resealed: bool
    ) -> None:
        sprung = tmp_path / "sprung"
        content = pickle.dumps(Trap(sprung))
        (directory / WEIGHTS).write_bytes(content)
        if resealed:
            digest = hashlib.sha256(content).hexdigest()
            change_manifest(directory, lambda body: body["files"].update({WEIGHTS: digest}), resealed=True)
        assert refused(directory, WEIGHTS)
        assert not sprung.exists()

    def test_pickle_that_is_loaded_is_run(self, tmp_path: Path) -> None:
        pickle.loads(pickle.dumps(Trap(tmp_path / "sprung")))  # noqa: S301 - its own pickle
        assert (tmp_path / "sprung").exists()


@pytest.mark.parametrize(("file", "name"), [(WEIGHTS, "estimator.decision.0.weight"), (CHOICE, "said.weight")])
def test_artifact_with_weights_of_another_network_is_refused(directory: Path, file: str, name: str) -> None:
    weights = load((directory / file).read_bytes())
    weights[name] = torch.zeros(2, 2)
    content = save(weights)
    (directory / file).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    change_manifest(directory, lambda body: body["files"].update({file: digest}), resealed=True)
    assert "does not fit the preset of the manifest" in refused(directory, file)


class TestSave:
    def test_save_over_an_older_artifact_replaces_it(self, model: TrainedModel, directory: Path) -> None:
        weights = {name: value + 1 for name, value in model.learner.state_dict().items()}
        save_again(model, directory, weights=weights)
        assert load_artifact(directory).version != model.version
        assert sorted(path.name for path in directory.iterdir()) == sorted(FILES)
        assert [path.name for path in directory.parent.iterdir()] == [directory.name]

    def test_save_into_an_empty_directory_succeeds(self, model: TrainedModel, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        save_again(model, tmp_path / "empty")
        assert load_artifact(tmp_path / "empty").version == model.version

    def test_save_creates_parent_directories(self, model: TrainedModel, tmp_path: Path) -> None:
        save_again(model, tmp_path / "a" / "b" / "model")
        assert load_artifact(tmp_path / "a" / "b" / "model").version == model.version

    def test_save_over_other_files_is_refused_and_changes_nothing(self, model: TrainedModel, tmp_path: Path) -> None:
        mine = tmp_path / "mine"
        mine.mkdir()
        (mine / "thesis.tex").write_text("years of work", encoding="utf-8")
        with pytest.raises(ArtifactError, match="an artifact; nothing in it was changed"):
            save_again(model, mine)
        assert [path.name for path in tmp_path.rglob("*")] == ["mine", "thesis.tex"]
        assert (mine / "thesis.tex").read_text(encoding="utf-8") == "years of work"

    def test_save_over_a_file_is_refused(self, model: TrainedModel, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("mine", encoding="utf-8")
        with pytest.raises(ArtifactError, match="is not a directory"):
            save_again(model, tmp_path / "file")
        assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"

    def test_save_that_fails_leaves_the_older_artifact(
        self, model: TrainedModel, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(pl.DataFrame, "write_parquet", full)
            with pytest.raises(ArtifactError, match="No space left on device"):
                save_again(model, directory)
        assert load_artifact(directory).version == model.version
        assert [path.name for path in directory.parent.iterdir()] == [directory.name]
