"""Which errors the command line shows as one line."""

from app.errors import ServiceError
from app.services.api_keys import KeyManagementError
from models.artifact import ArtifactError
from models.data.download import DownloadError
from models.data.episode_files import EpisodeFileError
from models.data.malformed import DataError
from models.data.schema import SchemaError
from models.training.checkpoint import CheckpointError
from models.training.preset import PresetError

EXPECTED_ERRORS = (
    ArtifactError,
    CheckpointError,
    DataError,
    DownloadError,
    EpisodeFileError,
    KeyManagementError,
    PresetError,
    SchemaError,
    ServiceError,
)
"""Errors whose message tells the user what to change; any other is a fault of the program and shows its traceback."""
