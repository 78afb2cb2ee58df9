"""Writing an artifact."""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl
from safetensors.numpy import save as save_arrays
from safetensors.torch import save
from torch import Tensor

from models.artifact.errors import ArtifactError
from models.artifact.layout import (
    CHOICE,
    EXPOSURE,
    ITEMS,
    MANIFEST,
    RESEARCH,
    STATISTICS,
    WEIGHTS,
    manifest_checksum,
    sha256,
)
from models.artifact.manifest import Manifest, ResearchTwin
from models.data.dataset import Entities
from models.learners.exposure import Exposure


@dataclass(frozen=True)
class ModelParts:
    """A trained model that is to be written.

    Attributes:
        manifest: The manifest; `files` and `research_twin` are filled in when it is written.
        weights: The learner's state dict; None for a model that predicts no ratings.
        choice: The state dict of the choice model.
        items: The items of the training data.
        statistics: The statistics of the same items, in the same order.
        exposure: The exposure model of the same items, in the same order.
    """

    manifest: Manifest
    weights: Mapping[str, Tensor] | None
    choice: Mapping[str, Tensor]
    items: Entities
    statistics: pl.DataFrame
    exposure: Exposure


def save_artifact(directory: Path, model: ModelParts, *, research: ModelParts | None = None) -> None:
    """Write an artifact. An existing artifact stays until the new one is complete.

    Args:
        directory: The artifact's directory, created if missing.
        model: The model.
        research: The research twin, if the model is a served model.

    Raises:
        ArtifactError: The directory exists and is not an artifact, or it cannot be written.
    """
    require_writable(directory)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{directory.name}-") as temporary:
            staged = Path(temporary) / "artifact"
            staged.mkdir()
            twin = None
            if research is not None:
                (staged / RESEARCH).mkdir()
                twin = _described(_write_model(staged / RESEARCH, research, twin=None))
            _write_model(staged, model, twin=twin)
            _replace(directory, staged, former=Path(temporary) / "former")
    except OSError as error:
        raise ArtifactError(f"{directory}: cannot be written: {error}") from error


def require_writable(directory: Path) -> None:
    """Check that an artifact can be written into a directory. Training calls this before it begins.

    Raises:
        ArtifactError: The path is a file, or the directory holds something other than an artifact.
    """
    if directory.exists() and not directory.is_dir():
        raise ArtifactError(f"{directory}: is not a directory")
    if directory.is_dir() and any(directory.iterdir()) and not (directory / MANIFEST).exists():
        raise ArtifactError(f"{directory}: is neither empty nor an artifact; nothing in it was changed")


def _described(manifest: Manifest) -> ResearchTwin:
    """A research model as the manifest of its served model describes it."""
    assert manifest.split is not None  # noqa: S101 - a research model has a split
    return ResearchTwin(version=manifest.version, data=manifest.data, split=manifest.split, history=manifest.history)


def _write_model(directory: Path, model: ModelParts, *, twin: ResearchTwin | None) -> Manifest:
    """Write one model's files; the manifest as written."""
    table = BytesIO()
    pl.concat([model.items.table, model.statistics.select(STATISTICS)], how="horizontal").write_parquet(table)
    arrays = {"biases": model.exposure.biases, "loadings": np.ascontiguousarray(model.exposure.loadings)}
    contents = {
        CHOICE: save(_on_cpu(model.choice)),
        EXPOSURE: save_arrays(arrays),
        ITEMS: table.getvalue(),
    }
    if model.weights is not None:
        contents[WEIGHTS] = save(_on_cpu(model.weights))
    files = {name: sha256(content) for name, content in contents.items()}
    manifest = model.manifest.model_copy(update={"files": files, "research_twin": twin})
    for name, content in {**contents, MANIFEST: _sealed(manifest).encode()}.items():
        _write(directory / name, content)
    return manifest


def _on_cpu(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in weights.items()}


def _sealed(manifest: Manifest) -> str:
    body = manifest.model_dump(mode="json")
    return json.dumps({**body, "checksum": manifest_checksum(body)}, indent=1)


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
