"""Data sets as shops really have them: with nothing but a schema, each reads as its plain form does."""

import codecs
import gzip
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from models.artifact import load_artifact
from models.data.dataset import Dataset
from models.data.reader import read_dataset
from models.ranking import ItemRating, RankingQuery, Recommender
from models.train import train
from models.training.preset import Preset

SCHEMA = """
name = "shop"
rating_scale = { minimum = 1, maximum = 5 }

[ratings]
files = [{ path = "ratings.csv" }]
user = "user"
item = "item"
rating = "stars"
time = "time"

[users]
files = [{ path = "users.csv" }]
id = "user"
fields = [{ name = "country", kind = "categorical" }]

[items]
files = [{ path = "items.csv" }]
id = "item"
title = "name"
fields = [{ name = "tags", kind = "multi_valued" }, { name = "price", kind = "continuous" }]
"""

USERS, ITEMS, START = range(1, 25), range(1, 13), 1_700_000_000


def plain_files() -> dict[str, str]:
    rated = [(user, item) for user in USERS for item in ITEMS if (user + item) % 3]
    ratings = [f"{user},{item},{(user * item) % 5 + 1},{START + 60 * user + item}" for user, item in rated]
    return {
        "schema.toml": SCHEMA,
        "ratings.csv": "\n".join(["user,item,stars,time", *ratings]) + "\n",
        "users.csv": "".join(["user,country\n", *(f"{user},{'fr' if user % 2 else 'jp'}\n" for user in USERS)]),
        "items.csv": "".join(
            ["item,name,tags,price\n", *(f"{item},Item {item},odd|t{item % 4},{item}\n" for item in ITEMS)]
        ),
    }


Files = dict[str, str]


def changed_ratings(files: Files, change: Callable[[list[str]], list[str]]) -> None:
    header, *rows = files["ratings.csv"].splitlines()
    files["ratings.csv"] = "\n".join([header, *(",".join(change(row.split(","))) for row in rows), ""])


def ids_are_floats(files: Files) -> None:
    changed_ratings(files, lambda row: [f"{row[0]}.0", f"{row[1]}.0", *row[2:]])


def times_are_milliseconds(files: Files) -> None:
    changed_ratings(files, lambda row: [*row[:3], row[3] + "999"])


def times_are_dates(files: Files) -> None:
    moments = pl.from_epoch(pl.Series([START + 60 * user + item for user in USERS for item in ITEMS])).dt.to_string()
    shown = dict(zip([START + 60 * user + item for user in USERS for item in ITEMS], moments, strict=True))
    changed_ratings(files, lambda row: [*row[:3], shown[int(row[3])]])


def times_have_a_format(files: Files) -> None:
    times_are_dates(files)
    changed_ratings(files, lambda row: [*row[:3], "/".join([row[3][8:10], row[3][5:7], row[3][:4]]) + row[3][10:19]])
    files["schema.toml"] = SCHEMA.replace('"time"\n', '"time"\ntime_format = "%d/%m/%Y %H:%M:%S"\n')


def zero_means_no_rating(files: Files) -> None:
    files["ratings.csv"] += f"1,2,0,{START}\n2,1,-1,{START}\n"
    files["schema.toml"] = SCHEMA.replace('"stars"', '"stars"\nno_rating = [0, -1]')


def tags_are_a_link_table(files: Files) -> None:
    links = "".join(f"{item},t{item % 4}\n{item},odd\n{item},odd\n" for item in ITEMS)
    files["tags.csv"] = "sku,tags\n" + "".join(f"{item},odd\n" for item in ITEMS) + links + "99,unknown\n"
    files["items.csv"] = files["items.csv"].replace(",tags", "")
    for item in ITEMS:
        files["items.csv"] = files["items.csv"].replace(f",odd|t{item % 4},{item}\n", f",{item}\n")
    linked = '[{ path = "items.csv" }, { path = "tags.csv", id = "sku", link_table = true }]'
    files["schema.toml"] = SCHEMA.replace('[{ path = "items.csv" }]', linked)


def a_file_has_other_items(files: Files) -> None:
    files["prices.csv"] = "item,price\n" + "".join(f"{item},{item}\n" for item in range(1, 800))
    files["items.csv"] = "".join(line.rpartition(",")[0] + "\n" for line in files["items.csv"].splitlines())
    files["schema.toml"] = SCHEMA.replace(
        '[{ path = "items.csv" }]', '[{ path = "items.csv" }, { path = "prices.csv" }]'
    )


def all_files_have_byte_order_marks(files: Files) -> None:
    for name, text in files.items():
        files[name] = "\ufeff" + text.replace("\n", "\r\n")


QUIRKS = [
    ids_are_floats,
    times_are_milliseconds,
    times_are_dates,
    times_have_a_format,
    zero_means_no_rating,
    tags_are_a_link_table,
    a_file_has_other_items,
    all_files_have_byte_order_marks,
]


def read(directory: Path, files: Files) -> Dataset:
    for name, text in files.items():
        (directory / name).write_bytes(text.encode())
    dataset, malformed = read_dataset(directory)
    assert not malformed
    return dataset


@pytest.mark.parametrize("quirk", QUIRKS, ids=lambda quirk: quirk.__name__)
def test_data_set_with_a_quirk_reads_like_the_plain_one(quirk: Callable[[Files], None], tmp_path: Path) -> None:
    directories = [tmp_path / name for name in ("plain", "quirky")]
    for directory in directories:
        directory.mkdir()
    files = plain_files()
    plain = read(directories[0], files)
    quirk(files)

    quirky = read(directories[1], files)

    assert quirky.fingerprint == plain.fingerprint
    assert not any(remark.is_warning for remark in quirky.remarks)


def test_parquet_of_a_data_frame_with_missing_numbers_reads_like_the_plain_one(tmp_path: Path) -> None:
    files = plain_files()
    plain = read(tmp_path, files)
    for name in ("ratings", "users", "items"):
        frame = pl.read_csv(tmp_path / f"{name}.csv")
        ids = [column for column in ("user", "item") if column in frame.columns]
        times = [pl.from_epoch(pl.col("time"))] if "time" in frame.columns else []
        frame.with_columns(*(pl.col(column).cast(pl.Float64) for column in ids), *times).write_parquet(
            tmp_path / f"{name}.parquet"
        )
    (tmp_path / "schema.toml").write_text(SCHEMA.replace(".csv", ".parquet"), encoding="utf-8")

    assert read_dataset(tmp_path)[0].fingerprint == plain.fingerprint


def test_data_set_with_many_quirks_goes_from_files_to_lists(tmp_path: Path, tiny_preset: Preset) -> None:
    files = plain_files()
    for quirk in (times_are_milliseconds, zero_means_no_rating, all_files_have_byte_order_marks):
        quirk(files)
    files["ratings.csv"] = files["ratings.csv"].replace(",7,", ",a/7,")
    files["items.csv"] = files["items.csv"].replace("\n7,", "\na/7,").replace(",12\r", ",1e300\r")
    dataset = read(tmp_path, {"ratings.csv": "", **files})

    [far] = [remark.text for remark in dataset.remarks if remark.is_warning]
    assert far.startswith("items.csv:13: price of '12' is 1e+300, far from all others")

    preset = tiny_preset.with_training(epochs=1, seed=None)
    train(dataset, preset, tmp_path / "model", data_path=tmp_path, research_only=True)
    model = load_artifact(tmp_path / "model")

    liked = [ItemRating("a/7", 5.0), ItemRating("1", 1.0)]
    listed = [item.item_id for item in Recommender(model, model.items).recommend(RankingQuery({}, liked, n=20))]
    assert sorted(listed) == sorted(set(dataset.items.ids) - {"a/7", "1"})


def test_byte_order_marks_of_other_encodings_and_in_archives_are_left_out(tmp_path: Path) -> None:
    files = plain_files()
    plain = read(tmp_path, files)
    (tmp_path / "users.csv").write_bytes(codecs.BOM_UTF16_LE + files["users.csv"].encode("utf-16-le"))
    (tmp_path / "ratings.csv.gz").write_bytes(gzip.compress(codecs.BOM_UTF8 + files["ratings.csv"].encode()))
    schema = SCHEMA.replace('"ratings.csv"', '"ratings.csv.gz"')
    schema = schema.replace('path = "users.csv"', 'path = "users.csv", encoding = "utf-16-le"')
    (tmp_path / "schema.toml").write_text(schema, encoding="utf-8-sig")

    assert read_dataset(tmp_path)[0].fingerprint == plain.fingerprint
