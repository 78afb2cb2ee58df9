"""Why an artifact cannot be used."""

from pathlib import Path

from models.artifact.layout import FORMAT_VERSION


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
