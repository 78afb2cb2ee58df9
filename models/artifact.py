"""A trained model on disk: `weights.safetensors`, `exposure.safetensors`, `items.parquet`, `manifest.json`; no pickle.

The manifest describes the model and its training data. It holds the SHA-256 of the other files and of itself. So a
missing, truncated or altered file is refused before anything of the artifact is used.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays
from safetensors.torch import load, save
from torch import Tensor

from models.data.dataset import Entities
from models.data.schema import DatasetSchema
from models.data.splits import SplitConfig
from models.inputs.encoder import FeatureEncoder
from models.learners.base import AnyLearner
from models.learners.exposure import Exposure
from models.training.preset import Preset
from models.training.trainer import EpochResult

FORMAT_VERSION: Literal[4] = 4
"""Version of the layout. It changes with every change that an older release could not read, so it is no setting."""

MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
EXPOSURE = "exposure.safetensors"
ITEMS = "items.parquet"

STATISTICS = ("rating_count", "rating_mean", "rating_entropy", "gradient_value")
"""Columns of the items file that are not attributes (`models.elicitation.statistics.item_statistics`)."""


class ArtifactError(ValueError):
    """An artifact cannot be used. The message names the file and the reason."""


class ArtifactFormatError(ArtifactError):
    """An artifact has the format of another release. The message says what to do.

    Attributes:
        found: The format version of the artifact.
    """

    def __init__(self, path: Path, found: object) -> None:
        super().__init__(f"{path}: {other_format(found)}")
        self.found = found


def other_format(found: object) -> str:
    """The message for an artifact of another format version, without its subject."""
    return (
        f"has format version {found}, but this release reads {FORMAT_VERSION}: "
        "train the model again with `coldstart train`"
    )


class _ManifestPart(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataDescription(_ManifestPart):
    """The data that a model was trained on.

    Attributes:
        name: The name of the data set.
        path: The directory of the data set; None if the data came from a service's database.
        fingerprint: SHA-256 of the contents (`Dataset.fingerprint`).
        training_ratings: Number of training ratings.
        training_users: Number of users with a training rating.
        training_items: Number of items with a training rating.
        mean_rating: Mean of the training ratings.
    """

    name: str
    path: str | None
    fingerprint: str
    training_ratings: int
    training_users: int
    training_items: int
    mean_rating: float


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
        split: The configuration of the split, which an evaluation repeats.
        history: The result of every epoch.
        metrics: The validation measures of the finished model, by name.
        files: SHA-256 of every other file, by name.
    """

    format_version: Literal[4] = FORMAT_VERSION
    created_at: datetime
    preset: Preset
    data_schema: DatasetSchema
    user_encoder: FeatureEncoder
    item_encoder: FeatureEncoder
    data: DataDescription
    split: SplitConfig
    history: tuple[EpochResult, ...]
    metrics: dict[str, float]
    files: dict[str, str] = {}


@dataclass(frozen=True)
class TrainedModel:
    """An artifact in memory. It is immutable.

    Attributes:
        manifest: The manifest.
        learner: The learner in evaluation mode, on `device`, with frozen parameters.
        items: The items of the training data.
        statistics: The training statistics of these items, in the same order (`item_statistics`).
        exposure: The exposure model of these items, in the same order.
        device: The device of the learner.
    """

    manifest: Manifest
    learner: AnyLearner
    items: Entities
    statistics: pl.DataFrame
    exposure: Exposure
    device: torch.device

    @cached_property
    def version(self) -> str:
        """The id of the model version: the name of the preset and the beginning of a hash of all files."""
        content = json.dumps(self.manifest.files, sort_keys=True).encode()
        return f"{self.manifest.preset.name}-{hashlib.sha256(content).hexdigest()[:12]}"

    @property
    def schema(self) -> DatasetSchema:
        """The schema of the training data."""
        return self.manifest.data_schema


def save_artifact(
    directory: Path,
    *,
    manifest: Manifest,
    weights: Mapping[str, Tensor],
    items: Entities,
    statistics: pl.DataFrame,
    exposure: Exposure,
) -> None:
    """Write an artifact. An existing artifact stays until the new one is complete.

    Args:
        directory: The artifact's directory, created if missing.
        manifest: The manifest; `files` is filled in.
        weights: The learner's state dict.
        items: The items of the training data.
        statistics: The statistics of the same items, in the same order.
        exposure: The exposure model of the same items, in the same order.

    Raises:
        ArtifactError: The directory exists and is not an artifact, or it cannot be written.
    """
    require_writable(directory)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{directory.name}-") as temporary:
            staged = Path(temporary) / "artifact"
            staged.mkdir()
            tensors = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
            table = BytesIO()
            pl.concat([items.table, statistics.select(STATISTICS)], how="horizontal").write_parquet(table)
            arrays = {"biases": exposure.biases, "loadings": np.ascontiguousarray(exposure.loadings)}
            contents = {WEIGHTS: save(tensors), EXPOSURE: save_arrays(arrays), ITEMS: table.getvalue()}
            files = {name: _sha256(content) for name, content in contents.items()}
            contents[MANIFEST] = _seal(manifest.model_copy(update={"files": files})).encode()
            for name, content in contents.items():
                _write(staged / name, content)
            _replace(directory, staged, former=Path(temporary) / "former")
    except OSError as error:
        raise ArtifactError(f"{directory}: cannot be written: {error}") from error


def _write(path: Path, content: bytes) -> None:
    """Write a file and flush it to the disk, because some file systems report only then that they are full."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _replace(directory: Path, staged: Path, *, former: Path) -> None:
    """Put the staged directory in the place of another, which is restored if this fails."""
    if not directory.exists():
        staged.replace(directory)
        return
    directory.replace(former)
    try:
        staged.replace(directory)
    except OSError:
        former.replace(directory)
        raise


def require_writable(directory: Path) -> None:
    """Check that an artifact can be written into a directory. Training calls this before it begins.

    Raises:
        ArtifactError: The path is a file, or the directory holds something other than an artifact.
    """
    if directory.exists() and not directory.is_dir():
        raise ArtifactError(f"{directory}: is not a directory")
    if directory.is_dir() and any(directory.iterdir()) and not (directory / MANIFEST).exists():
        raise ArtifactError(f"{directory}: is neither empty nor an artifact; nothing in it was changed")


def load_artifact(directory: Path, *, device: str = "cpu") -> TrainedModel:
    """Check and load an artifact.

    Args:
        directory: A directory that `save_artifact` wrote.
        device: A torch device, such as `cpu` or `cuda`.

    Raises:
        ArtifactError: A file is missing, truncated or altered.
        ArtifactFormatError: It has the format of another release.
    """
    manifest, contents = _read_artifact(directory)
    target = torch.device(device)
    learner = manifest.preset.build_learner(
        user_encoder=manifest.user_encoder,
        item_encoder=manifest.item_encoder,
        scale=manifest.data_schema.rating_scale,
        mean_rating=manifest.data.mean_rating,
    )
    try:
        learner.load_state_dict(load(contents[WEIGHTS]))
    except (RuntimeError, SafetensorError) as error:
        raise ArtifactError(f"{directory / WEIGHTS}: does not fit the preset of the manifest: {error}") from error
    learner.to(target).eval().requires_grad_(requires_grad=False)
    try:
        exposure = Exposure(**load_arrays(contents[EXPOSURE]), unseen_log_odds=manifest.preset.exposure.unseen_log_odds)
    except (TypeError, SafetensorError) as error:
        raise ArtifactError(f"{directory / EXPOSURE}: is not an exposure: {error}") from error
    try:
        table = pl.read_parquet(contents[ITEMS])
    except pl.exceptions.PolarsError as error:
        raise ArtifactError(f"{directory / ITEMS}: is not a Parquet file: {error}") from error
    return TrainedModel(
        manifest=manifest,
        learner=learner,
        items=Entities(table.drop(STATISTICS)),
        statistics=table.select("id", *STATISTICS),
        exposure=exposure,
        device=target,
    )


def verify_artifact(directory: Path) -> Manifest:
    """Check an artifact's files without building the model.

    Raises:
        ArtifactError: A file is missing, truncated or altered.
        ArtifactFormatError: It has the format of another release.
    """
    return _read_artifact(directory)[0]


def read_schema(directory: Path) -> DatasetSchema:
    """The data schema of an artifact of any format version. Nothing else of the artifact is read or checked.

    Raises:
        ArtifactError: There is no manifest, or it holds no schema that this release understands.
    """
    path = directory / MANIFEST
    manifest = _read_json(path)
    try:
        return DatasetSchema.model_validate(manifest.get("data_schema"))
    except ValidationError as error:
        raise ArtifactError(f"{path}: its data schema cannot be read: {error}") from error


def _read_artifact(directory: Path) -> tuple[Manifest, dict[str, bytes]]:
    manifest = _read_manifest(directory / MANIFEST)
    contents = {name: _read_checked(directory / name, expected) for name, expected in manifest.files.items()}
    if missing := {WEIGHTS, EXPOSURE, ITEMS} - set(contents):
        raise ArtifactError(f"{directory / MANIFEST}: names no {sorted(missing)[0]}")
    return manifest, contents


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _checksum(body: dict[str, Any]) -> str:
    return _sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode())


def _seal(manifest: Manifest) -> str:
    body = manifest.model_dump(mode="json")
    return json.dumps({**body, "checksum": _checksum(body)}, indent=1)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ArtifactError(f"{path}: does not exist; is {path.parent} an artifact?") from error
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise ArtifactError(f"{path}: is not a JSON object")
    return content


def _read_manifest(path: Path) -> Manifest:
    sealed = _read_json(path)
    if (found := sealed.get("format_version")) != FORMAT_VERSION:
        raise ArtifactFormatError(path, found)
    body = {name: value for name, value in sealed.items() if name != "checksum"}
    if sealed.get("checksum") != _checksum(body):
        raise ArtifactError(f"{path}: its checksum does not match; the file was altered")
    try:
        return Manifest.model_validate(body)
    except ValidationError as error:
        raise ArtifactError(f"{path}: {error}") from error


def _read_checked(path: Path, expected: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror}") from error
    if _sha256(content) != expected:
        raise ArtifactError(f"{path}: its SHA-256 does not match the manifest; the file was truncated or altered")
    return content
