"""Which errors are a user's mistake, and the sentence about each."""

import errno
from pathlib import Path

from app.cluster.errors import ClusterError
from app.errors import ServiceError
from app.services.api_keys import KeyManagementError
from app.settings import SettingsError
from app.storage.database import DatabaseURLError
from models.artifact import ArtifactError
from models.data.download import DownloadError
from models.data.episode_files import EpisodeFileError
from models.data.malformed import DataError
from models.data.schema import SchemaError
from models.leaderboard.errors import LeaderboardError
from models.training.checkpoint import CheckpointError
from models.training.devices import DeviceError
from models.training.preset import PresetError

_MISTAKES = (
    ArtifactError,
    CheckpointError,
    ClusterError,
    DataError,
    DatabaseURLError,
    DeviceError,
    DownloadError,
    EpisodeFileError,
    KeyManagementError,
    LeaderboardError,
    PresetError,
    SchemaError,
    ServiceError,
    SettingsError,
)

_FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def sentence_about(error: BaseException) -> str | None:
    """What is wrong and what to change; None if the error is a fault of the program, which needs its traceback.

    It is one line, or several if it lists malformed rows.
    """
    if isinstance(error, DataError):
        return str(error)
    if isinstance(error, _MISTAKES):
        return " ".join(str(error).split())
    if isinstance(error, OSError) and error.filename is not None:
        return f"{Path(str(error.filename))}: {error.strerror}"
    if isinstance(error, OSError) and error.errno in _FULL_DISK:
        return str(error)
    return None
