"""Where the data sets are that jobs read."""

from pathlib import Path

import anyio

from app.storage.tables import ModelVersion


async def data_set_of(model: ModelVersion, data_dir: Path | None) -> Path | None:
    """The service's data set, or else the one that a version was trained on; None if it is not there."""
    path = data_dir or model.manifest["data"]["path"]
    return Path(path) if path is not None and await anyio.Path(path).is_dir() else None
