"""Reading an artifact, after its files are checked."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.torch import load

from models.artifact.errors import ArtifactError, ArtifactFormatError
from models.artifact.layout import (
    CHOICE,
    EXPOSURE,
    FORMAT_VERSION,
    ITEMS,
    MANIFEST,
    RESEARCH,
    STATISTICS,
    WEIGHTS,
    manifest_checksum,
    sha256,
)
from models.artifact.manifest import Manifest
from models.artifact.trained_model import TrainedModel
from models.data.dataset import Entities
from models.data.schema import DatasetSchema
from models.fields.sentences import MissingExtraError
from models.learners.base import AnyLearner
from models.learners.exposure import Exposure


def load_artifact(directory: Path, *, device: str = "cpu") -> TrainedModel:
    """Check and load an artifact. The research twin of a served model is checked, but not loaded.

    Args:
        directory: A directory that `save_artifact` wrote.
        device: A torch device, such as `cpu` or `cuda`.

    Raises:
        ArtifactError: A file is missing, truncated or altered.
        ArtifactFormatError: It has the format of another release.
    """
    manifest, contents = _read_artifact(directory)
    target = torch.device(device)
    learner = _new_learner(manifest)
    choice = manifest.preset.build_choice_model(
        user_encoder=manifest.user_encoder,
        item_encoder=manifest.item_encoder,
        schema=manifest.data_schema,
    )
    for name, module in ((WEIGHTS, learner), (CHOICE, choice)):
        if module is None:
            continue
        try:
            module.load_state_dict(load(contents[name]))
        except (RuntimeError, SafetensorError) as error:
            raise ArtifactError(f"{directory / name}: does not fit the preset of the manifest: {error}") from error
        module.to(target).eval().requires_grad_(requires_grad=False)
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
        choice=choice,
        items=Entities(table.drop(STATISTICS)),
        statistics=table.select("id", *STATISTICS),
        exposure=exposure,
        device=target,
    )


def _new_learner(manifest: Manifest) -> AnyLearner | None:
    """The learner without its weights; None for a model that predicts no ratings."""
    scale, mean_rating = manifest.data_schema.rating_scale, manifest.data.mean_rating
    if manifest.preset.learner is None or scale is None or mean_rating is None:
        return None
    return manifest.preset.build_learner(
        user_encoder=manifest.user_encoder, item_encoder=manifest.item_encoder, scale=scale, mean_rating=mean_rating
    )


def load_research_model(directory: Path, *, device: str = "cpu") -> TrainedModel:
    """Check an artifact and load the model of it that is evaluated.

    That is the research twin of a served model, which has seen all ratings, or else the research model itself.

    Args:
        directory: A directory that `save_artifact` wrote.
        device: A torch device, such as `cpu` or `cuda`.

    Raises:
        ArtifactError: A file is missing, truncated or altered.
        ArtifactFormatError: It has the format of another release.
    """
    manifest = verify_artifact(directory)
    if manifest.research_twin is None:
        return load_artifact(directory, device=device)
    return replace(load_artifact(directory / RESEARCH, device=device), twin_of=manifest.version)


def verify_artifact(directory: Path) -> Manifest:
    """Check an artifact's files, and those of its research twin if it has one, without building a model.

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
    needed = {CHOICE, EXPOSURE, ITEMS} | (set() if manifest.preset.learner is None else {WEIGHTS})
    if missing := needed - set(contents):
        raise ArtifactError(f"{directory / MANIFEST}: names no {sorted(missing)[0]}")
    if manifest.research_twin is not None:
        found = verify_artifact(directory / RESEARCH).version
        if found != (named := manifest.research_twin.version):
            raise ArtifactError(f"{directory / RESEARCH}: holds {found}, not the research twin {named}")
    return manifest, contents


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
    if sealed.get("checksum") != manifest_checksum(body):
        raise ArtifactError(f"{path}: its checksum does not match; the file was altered")
    try:
        return Manifest.model_validate(body)
    except ValidationError as error:
        fault = error.errors()[0]
        if isinstance(cause := fault.get("ctx", {}).get("error"), MissingExtraError):
            raise ArtifactError(f"{path}: {cause}") from error
        where = ".".join(map(str, fault["loc"]))
        raise ArtifactError(f"{path}: {where}: {fault['msg']}; train the model again") from error


def _read_checked(path: Path, expected: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror}") from error
    if sha256(content) != expected:
        raise ArtifactError(f"{path}: its SHA-256 does not match the manifest; the file was truncated or altered")
    return content
