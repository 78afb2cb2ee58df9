"""A trained model on disk: a manifest in JSON, weights as safetensors, items as Parquet; no pickle.

The manifest describes the model and its training data. It holds the SHA-256 of the other files and of itself. So a
missing, truncated or altered file is refused before anything of the artifact is used. The artifact of a served model
contains the artifact of its research twin.
"""

from models.artifact.errors import ArtifactError, ArtifactFormatError, other_format
from models.artifact.layout import CHOICE, EXPOSURE, FORMAT_VERSION, ITEMS, MANIFEST, RESEARCH, STATISTICS, WEIGHTS
from models.artifact.loading import load_artifact, load_research_model, read_schema, verify_artifact
from models.artifact.manifest import DataDescription, Manifest, ResearchTwin
from models.artifact.saving import ModelParts, require_writable, save_artifact
from models.artifact.trained_model import TrainedModel

__all__ = [
    "CHOICE",
    "EXPOSURE",
    "FORMAT_VERSION",
    "ITEMS",
    "MANIFEST",
    "RESEARCH",
    "STATISTICS",
    "WEIGHTS",
    "ArtifactError",
    "ArtifactFormatError",
    "DataDescription",
    "Manifest",
    "ModelParts",
    "ResearchTwin",
    "TrainedModel",
    "load_artifact",
    "load_research_model",
    "other_format",
    "read_schema",
    "require_writable",
    "save_artifact",
    "verify_artifact",
]
