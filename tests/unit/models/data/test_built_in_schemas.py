"""The built-in schemas, with small files in the layouts of the public data sets and with the data sets."""

import os
from pathlib import Path

import numpy as np
import pytest

from models.data.reader import built_in_schemas
from tests.unit.models.data.reading import read, triples, write

REAL_DATA = Path(os.environ.get("COLDSTART_TEST_DATA_DIR", Path(__file__).parents[4] / "../shared/data"))

LAYOUTS = {
    "ml-100k": {
        "u.data": "1\t1\t5\t881250949\n1\t2\t3\t881250950\n",
        "u.user": "1|24|M|technician|00501\n",
        "u.item": (
            "1|Fée (1995)|01-Jan-1996||http://x|0|0|1|0|1|" + "|".join("0" * 14) + "\n"
            "2|unknown||||1|" + "|".join("0" * 18) + "\n"
        ),
    },
    "ml-100k-atomic": {
        "ml-100k.inter": (
            "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t1\t5\t881250949\n1\t2\t3\t9\n"
        ),
        "ml-100k.user": (
            "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n1\t24\tM\ttechnician\t00501\n"
        ),
        "ml-100k.item": (
            "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
            "1\tFée\t1995\tAdventure Children's\n2\tunkonwn\tunkonwn\tunknown\n"
        ),
    },
    "ml-latest-small": {
        "ratings.csv": "userId,movieId,rating,timestamp\n1,1,4.5,964982703\n1,2,0.5,964982703\n",
        "movies.csv": "movieId,title,genres\n1,Fée (1995–1997) ,Adventure|Children\n2,Plain,(no genres listed)\n",
    },
    "book-crossing": {
        "ratings.csv.gz": "user_id,isbn,rating,state\n1,00X,10,warm\n1,00Y,1,item_cold\n",
        "users.csv.gz": "user_id,city,state,country,age\n1,lyon,na,france,24.0\n",
        "books.csv.gz": "isbn,title,author,year,publisher\n00X,Fée,Someone,1995,House\n00Y,Plain,Other,0,House\n",
    },
}

ML_1M = {
    "ratings.csv.gz": (
        "user_id,movie_id,rating,timestamp,timestamp_exact,state\n1,1,5,978300019,1,warm\n1,3,4,9,1,warm\n"
    ),
    "ratings.dat": "1::1::3::978300019\n1::2::4::978300020\n",
    "users.dat": "1::F::1::10::48067\n",
    "movies.dat": "1::Fée (1995)::Animation|Comedy\n2::Elle, La (1990)::Drama\n",
    "movies_extrainfos.dat": (
        "1::Fée::1996::PG::22 Nov 1995::Animation, Family::A One, B Two::W (story), V (novel, play)"
        "::C Three, D Four::Plot::http://x\r\n"
        "2::Elle::1990::R::N/A::N/A::N/A::W::N/A::Plot::N/A\r\n"
    ),
}


class TestBuiltInSchemas:
    @pytest.mark.parametrize(
        ("name", "items"),
        [
            ("ml-100k", [("1", "Fée", ["Adventure", "Children's"], 1995.0), ("2", None, None, None)]),
            ("ml-100k-atomic", [("1", "Fée", ["Adventure", "Children's"], 1995.0), ("2", None, None, None)]),
            ("ml-latest-small", [("1", "Fée", ["Adventure", "Children"], 1995.0), ("2", "Plain", None, None)]),
            ("book-crossing", [("00X", "Fée", "Someone", "House", 1995.0), ("00Y", "Plain", "Other", "House", None)]),
        ],
    )
    def test_layout_of_a_public_data_set_is_read(
        self, tmp_path: Path, name: str, items: list[tuple[object, ...]]
    ) -> None:
        dataset = read(write(tmp_path, LAYOUTS[name]))
        assert dataset.schema.name == name
        assert dataset.items.table.rows() == items
        assert len(dataset.ratings) == 2

    @pytest.mark.parametrize("name", ["ml-100k", "ml-100k-atomic"])
    def test_users_of_both_ml_100k_layouts(self, tmp_path: Path, name: str) -> None:
        users = read(write(tmp_path, LAYOUTS[name])).users.table
        assert users.to_dicts() == [
            {"id": "1", "title": None, "age": 24.0, "gender": "M", "occupation": "technician", "zip": "00501"}
        ]

    def test_users_of_book_crossing(self, tmp_path: Path) -> None:
        users = read(write(tmp_path, LAYOUTS["book-crossing"])).users.table
        assert users.to_dicts() == [{"id": "1", "title": None, "age": 24.0, "country": "france", "state": None}]

    def test_ml_1m_with_extra_information(self, tmp_path: Path) -> None:
        dataset = read(write(tmp_path, ML_1M))
        assert triples(dataset) == [("1", "1", 5), ("1", "3", 4)]
        assert dataset.ratings.states is not None
        assert dataset.items.table.to_dicts() == [
            {
                "id": "1", "title": "Fée", "rate": "PG", "genre": ["Animation", "Family"],
                "director": ["A One", "B Two"], "actor": ["C Three", "D Four"], "year": 1996.0,
                "writer": ["W", "V"], "plot": "Plot",
            },
            {
                "id": "2", "title": "Elle", "rate": "R", "genre": ["Drama"], "director": None, "actor": None,
                "year": 1990.0, "writer": ["W"], "plot": "Plot",
            },
            {
                "id": "3", "title": None, "rate": None, "genre": None, "director": None, "actor": None, "year": None,
                "writer": None, "plot": None,
            },
        ]  # fmt: skip
        assert dataset.users.table.rows() == [("1", None, "F", "1", "10", "48067")]

    def test_ml_1m_as_grouplens_publishes_it(self, tmp_path: Path) -> None:
        files = {name: text for name, text in ML_1M.items() if name in {"ratings.dat", "users.dat", "movies.dat"}}
        dataset = read(write(tmp_path, files))
        assert dataset.schema.name == "ml-1m"
        assert triples(dataset) == [("1", "1", 3), ("1", "2", 4)]
        assert dataset.ratings.states is None
        assert dataset.items.table.rows() == [
            ("1", "Fée", None, ["Animation", "Comedy"], None, None, 1995.0, None, None),
            ("2", "Elle, La", None, ["Drama"], None, None, 1990.0, None, None),
        ]

    def test_every_built_in_schema_has_a_test(self) -> None:
        assert {schema.name for schema in built_in_schemas()} == {*LAYOUTS, "ml-1m"}


@pytest.mark.skipif(not REAL_DATA.is_dir(), reason=f"no data sets in {REAL_DATA} (set COLDSTART_TEST_DATA_DIR)")
class TestRealData:
    @pytest.mark.parametrize(
        ("name", "ratings", "rating_users", "rated_items", "items", "states"),
        [
            ("ml-1m", 1_000_209, 6_040, 3_706, 3_883, [640_448, 163_702, 157_456, 38_603]),
            ("ml-100k", 100_000, 943, 1_682, 1_682, None),
            ("ml-latest-small", 100_836, 610, 9_724, 9_742, None),
            ("book-crossing", 230_936, 51_759, 27_109, 27_109, [85_156, 21_517, 98_720, 25_543]),
        ],
    )
    def test_public_data_set_is_read_without_malformed_rows(
        self, name: str, ratings: int, rating_users: int, rated_items: int, items: int, states: list[int] | None
    ) -> None:
        if not (REAL_DATA / name).is_dir():
            pytest.skip(f"no {name} in {REAL_DATA}")
        dataset = read(REAL_DATA / name)
        assert dataset.schema.name == name
        assert len(dataset.ratings) == ratings
        assert len(np.unique(dataset.ratings.users)) == rating_users
        assert len(np.unique(dataset.ratings.items)) == rated_items
        assert len(dataset.items) == items
        found = dataset.ratings.states
        assert (None if found is None else np.bincount(found).tolist()) == states
