"""What an artifact's directory contains, and the checksums of its files."""

import hashlib
import json
from typing import Any, Literal

FORMAT_VERSION: Literal[6] = 6
"""Version of the layout. It changes with every change that an older release could not read, so it is no setting."""

MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
CHOICE = "choice.safetensors"
EXPOSURE = "exposure.safetensors"
ITEMS = "items.parquet"

RESEARCH = "research"
"""The directory of the research twin's artifact inside the artifact of a served model."""

STATISTICS = ("rating_count", "rating_mean", "rating_entropy", "gradient_value", "outcome_value")
"""Columns of the items file that are not attributes (`models.elicitation.statistics.item_statistics`)."""


def sha256(content: bytes) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(content).hexdigest()


def manifest_checksum(body: dict[str, Any]) -> str:
    """The SHA-256 of a manifest without its checksum."""
    return sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode())
