import csv
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.data.dataset import State
from models.data.malformed import DataError, Fault, MalformedRow
from models.data.reader import find_schema, read_dataset
from models.data.schema import DatasetSchema, SchemaError
from tests.unit.models.data.reading import SHOP, SHOP_FILES, read, triples, write


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write(tmp_path, SHOP_FILES)


class TestRatings:
    def test_ratings_are_sorted_by_user_row(self, shop: Path) -> None:
        dataset = read(shop)
        assert triples(dataset) == [("u1", "p2", 4), ("u2", "p1", 5), ("u2", "p3", 1), ("u9", "p9", 3)]
        assert dataset.ratings.offsets.tolist() == [0, 1, 3, 3, 4]

    def test_ratings_have_their_times_and_states(self, shop: Path) -> None:
        ratings = read(shop).ratings
        assert ratings.times is not None
        assert ratings.times.tolist() == [100, 200, 150, 300]
        assert ratings.states is not None
        assert ratings.states.tolist() == [
            State.ITEM_COLD,
            State.WARM,
            State.USER_COLD,
            State.USER_AND_ITEM_COLD,
        ]

    def test_arrays_have_the_documented_types(self, shop: Path) -> None:
        ratings = read(shop).ratings
        arrays = (ratings.offsets, ratings.items, ratings.values, ratings.times, ratings.states)
        assert [array.dtype for array in arrays if array is not None] == [
            np.int64, np.int32, np.float32, np.int64, np.int8,
        ]  # fmt: skip

    def test_first_existing_file_is_read(self, shop: Path) -> None:
        files = 'files = [{ path = "new.csv" }, { path = "ratings.csv" }, { path = "old.csv" }]'
        schema = SHOP.replace('files = [{ path = "ratings.csv" }]', files)
        write(shop, {"schema.toml": schema, "old.csv": "nothing\n"})
        assert len(read(shop).ratings) == 4

    def test_times_may_be_written_as_decimals(self, shop: Path) -> None:
        write(shop, {"ratings.csv": "customer,product,stars,when,state\nu1,p1,5.0,978300760.0,warm\n"})
        times = read(shop).ratings.times
        assert times is not None
        assert times.tolist() == [978300760]

    def test_missing_column_names_file_and_column(self, shop: Path) -> None:
        write(shop, {"ratings.csv": "customer,product,stars,when\nu1,p1,5,1\n"})
        with pytest.raises(DataError, match=r"ratings\.csv: there is no column 'state'"):
            read_dataset(shop)

    def test_no_ratings_file_is_an_error(self, shop: Path) -> None:
        (shop / "ratings.csv").unlink()
        with pytest.raises(DataError, match=r"none of ratings\.csv exists"):
            read_dataset(shop)

    def test_file_without_ratings_is_an_error(self, shop: Path) -> None:
        write(shop, {"ratings.csv": "customer,product,stars,when,state\nu1,p1,6,1,warm\n"})
        with pytest.raises(DataError, match=r"ratings\.csv: no ratings(.|\n)*ratings\.csv:2: rating '6' is not on"):
            read_dataset(shop, malformed="skip")

    @given(
        st.dictionaries(
            st.tuples(*[st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1)] * 2),
            st.sampled_from([0.5 * level for level in range(1, 11)]),
            min_size=1,
            max_size=30,
        )
    )
    def test_ratings_written_are_the_ratings_read(self, ratings: dict[tuple[str, str], float]) -> None:
        schema = DatasetSchema.model_validate(
            {
                "name": "any",
                "rating_scale": {"minimum": 0.5, "maximum": 5, "step": 0.5},
                "ratings": {"files": [{"path": "r.csv"}], "user": "u", "item": "i", "rating": "r"},
            }
        )
        with TemporaryDirectory() as directory:
            with (Path(directory) / "r.csv").open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([("u", "i", "r"), *((*pair, value) for pair, value in ratings.items())])
            dataset, malformed = read_dataset(Path(directory), schema=schema)
        assert not malformed
        assert {(user, item): value for user, item, value in triples(dataset)} == ratings
        assert len(dataset.ratings) == len(ratings)
        assert dataset.ratings.times is None
        assert dataset.ratings.states is None


class TestEntities:
    def test_rows_of_the_first_file_come_first_then_others_by_id(self, shop: Path) -> None:
        adding = SHOP.replace('path = "details.csv"', 'path = "details.csv", adds = true')
        write(shop, {"schema.toml": adding, "details.csv": "product,name,eur,about\np99,Jug,1,\np3,Cup,3,\n"})
        dataset = read(shop)
        assert dataset.users.ids == ["u1", "u2", "u3", "u9"]
        assert dataset.items.ids == ["p2", "p1", "p3", "p9", "p99"]

    def test_attributes_have_their_types(self, shop: Path) -> None:
        assert read(shop).users.table.to_dicts() == [
            {"id": "u1", "title": None, "age": 31.0, "country": "fr"},
            {"id": "u2", "title": None, "age": None, "country": "jp"},
            {"id": "u3", "title": None, "age": 57.5, "country": None},
            {"id": "u9", "title": None, "age": None, "country": None},
        ]

    def test_value_in_two_files_is_that_of_the_earlier_file(self, shop: Path) -> None:
        assert read(shop).items.table.to_dicts() == [
            {"id": "p2", "title": "Pot", "colour": ["red", "blue"], "price": 7.5, "about": "cast iron"},
            {"id": "p1", "title": "Pan", "colour": None, "price": 10.0, "about": None},
            {"id": "p3", "title": "Cup", "colour": None, "price": 3.0, "about": "for tea"},
            {"id": "p9", "title": None, "colour": None, "price": None, "about": None},
        ]

    def test_several_values_are_split_at_every_separator_and_are_unique(self, shop: Path) -> None:
        write(shop, {"products.csv": 'product,name,colour,eur\np1,x,"red, green||blue | red|red,",1\n'})
        assert read(shop).items.table["colour"][0].to_list() == ["red", "green", "blue", "red,"]

    def test_entities_without_files_are_the_rated_ids(self, tmp_path: Path) -> None:
        schema = SHOP[: SHOP.index("[users]")]
        write(tmp_path, {"schema.toml": schema, "ratings.csv": SHOP_FILES["ratings.csv"]})
        dataset = read(tmp_path)
        assert dataset.users.table.rows() == [("u1", None), ("u2", None), ("u9", None)]
        assert dataset.items.ids == ["p1", "p2", "p3", "p9"]

    def test_column_of_a_missing_file_is_unknown(self, shop: Path) -> None:
        (shop / "details.csv").unlink()
        assert read(shop).items.table["about"].to_list() == [None] * 4

    def test_column_in_no_file_is_an_error(self, shop: Path) -> None:
        write(shop, {"schema.toml": SHOP.replace('"about"', '"abuot"')})
        with pytest.raises(DataError, match=r"no column 'abuot' in products\.csv or details\.csv"):
            read_dataset(shop)

    def test_no_entity_file_is_an_error(self, shop: Path) -> None:
        (shop / "customers.csv").unlink()
        with pytest.raises(DataError, match=r"none of customers\.csv exists"):
            read_dataset(shop)


class TestMalformed:
    @pytest.mark.parametrize(
        ("row", "fault", "detail"),
        [
            ("u1,p1,5,1", Fault.FIELD_COUNT, "4 fields instead of 5"),
            ('u1,p1,"5"x,1,warm', Fault.QUOTES, "broken quotes"),
            (",p1,5,1,warm", Fault.MISSING_ID, "no customer"),
            ("u1, ,5,1,warm", Fault.MISSING_ID, "no product"),
            ("u1,a\tb,5,1,warm", Fault.ID, "product 'a\N{REPLACEMENT CHARACTER}b' contains control characters"),
            ("u" * 129 + ",p1,5,1,warm", Fault.ID, f"customer '{'u' * 60}…' is longer than 128 characters"),
            ("u1,p1,five,1,warm", Fault.NUMBER, "rating 'five' is not a number"),
            ("u1,p1,,1,warm", Fault.NUMBER, "rating '' is not a number"),
            ("u1,p1,nan,1,warm", Fault.NUMBER, "rating 'nan' is not a number"),
            ("u1,p1,6,1,warm", Fault.OFF_SCALE, "rating '6' is not on the scale 1 to 5 in steps of 1"),
            ("u1,p1,4.5,1,warm", Fault.OFF_SCALE, "rating '4.5' is not on the scale 1 to 5 in steps of 1"),
            ("u1,p1,5,1.5,warm", Fault.NUMBER, "time '1.5' is not a whole number of seconds"),
            ("u1,p1,5,,warm", Fault.NUMBER, "time '' is not a whole number of seconds"),
            ("u1,p1,5,1,hot", Fault.STATE, "state 'hot' is none of warm, user_cold, item_cold, user_and_item_cold"),
            ("u1,p1,5,1,", Fault.STATE, "state '' is none of"),
        ],
    )
    def test_malformed_rating_is_left_out_and_reported(self, shop: Path, row: str, fault: Fault, detail: str) -> None:
        header, first, second, *_ = SHOP_FILES["ratings.csv"].splitlines()
        write(shop, {"ratings.csv": "\n".join([header, first, row, second])})
        dataset, malformed = read_dataset(shop, malformed="skip")
        assert triples(dataset) == [("u1", "p2", 4), ("u2", "p1", 5)]
        assert dict(malformed.counts) == {("ratings.csv", fault): 1}
        [example] = malformed.examples
        assert (example.file, example.line) == ("ratings.csv", 3)
        assert example.detail.startswith(detail)

    @pytest.mark.parametrize(
        ("row", "fault", "detail"),
        [
            (",40,fr", Fault.MISSING_ID, "no customer"),
            ("u\a,40,fr", Fault.ID, "customer 'u\N{REPLACEMENT CHARACTER}' contains control characters"),
            ("u7,abc,fr", Fault.ATTRIBUTE, "age: 'abc' is not a finite number"),
            ("u7,inf,fr", Fault.ATTRIBUTE, "age: 'inf' is not a finite number"),
            ("u1,40,jp", Fault.DUPLICATE, "customer 'u1' is in an earlier line too"),
        ],
    )
    def test_malformed_user_is_left_out_and_reported(self, shop: Path, row: str, fault: Fault, detail: str) -> None:
        write(shop, {"customers.csv": SHOP_FILES["customers.csv"] + row + "\n"})
        dataset, malformed = read_dataset(shop, malformed="skip")
        assert malformed.examples == [MalformedRow("customers.csv", 5, fault, detail)]
        assert dataset.users.table.rows()[0] == ("u1", None, 31.0, "fr")
        assert dataset.users.ids == ["u1", "u2", "u3", "u9"]

    @pytest.mark.parametrize(
        ("times", "kept", "dropped_line"),
        [
            ((1, 2), [("p2", 3), ("p1", 2)], 2),
            ((2, 1), [("p1", 5), ("p2", 3)], 4),
            ((1, 1), [("p2", 3), ("p1", 2)], 2),
        ],
    )
    def test_two_ratings_of_one_item_keep_the_later_by_time_then_by_line(
        self, shop: Path, times: tuple[int, int], kept: list[tuple[str, float]], dropped_line: int
    ) -> None:
        rows = [f"u1,p1,5,{times[0]},warm", "u1,p2,3,9,warm", f"u1,p1,2,{times[1]},warm"]
        write(shop, {"ratings.csv": "\n".join(["customer,product,stars,when,state", *rows])})
        dataset, malformed = read_dataset(shop, malformed="skip")
        assert triples(dataset) == [("u1", item, rating) for item, rating in kept]
        detail = "user 'u1' rates item 'p1' again later"
        assert malformed.examples == [MalformedRow("ratings.csv", dropped_line, Fault.DUPLICATE, detail)]

    def test_line_after_values_with_newlines_is_exact(self, shop: Path) -> None:
        write(shop, {"details.csv": 'product,name,eur,about\np3,Cup,3,"for\n\ntea"\np4,Fork,cheap,\n'})
        _, malformed = read_dataset(shop, malformed="skip")
        assert str(malformed.examples[0]) == "details.csv:5: price: 'cheap' is not a finite number"

    def test_refused_rows_are_reported_with_all_counts_and_the_first_lines(self, shop: Path) -> None:
        write(
            shop,
            {
                "ratings.csv": SHOP_FILES["ratings.csv"] + "u1,p1,9,1,warm\n" * 7,
                "customers.csv": "customer,age,country\nu1,old,fr\n",
            },
        )
        with pytest.raises(DataError) as caught:
            read_dataset(shop)
        off_scale = "rating '9' is not on the scale 1 to 5 in steps of 1"
        assert str(caught.value).splitlines() == [
            f"{shop}: 8 malformed rows",
            "ratings.csv: rating off the scale: 7 rows",
            *(f"  ratings.csv:{line}: {off_scale}" for line in range(6, 11)),
            "  and 2 more",
            "customers.csv: attribute that does not fit its field: 1 row",
            "  customers.csv:2: age: 'old' is not a finite number",
            "if such a value in ratings.csv means that there is no rating, name it in no_rating",
        ]

    def test_row_with_two_faults_counts_once(self, shop: Path) -> None:
        write(shop, {"ratings.csv": SHOP_FILES["ratings.csv"] + ",,x,y,z\n"})
        assert len(read_dataset(shop, malformed="skip")[1]) == 1


class TestFindSchema:
    def test_schema_in_the_directory_is_used_before_built_in_ones(self, shop: Path) -> None:
        write(shop, {"movies.csv": "movieId,title,genres\n"})
        assert find_schema(shop).name == "shop"

    def test_given_schema_is_used_before_the_one_in_the_directory(self, shop: Path) -> None:
        schema = find_schema(shop).model_copy(update={"name": "given"})
        assert read_dataset(shop, schema=schema)[0].schema.name == "given"

    def test_unknown_layout_is_an_error_that_lists_the_known_ones(self, tmp_path: Path) -> None:
        write(tmp_path, {"ratings.csv": "a,b,c\n"})
        with pytest.raises(DataError, match=r"neither a schema\.toml") as caught:
            find_schema(tmp_path)
        lines = str(caught.value).splitlines()
        assert "  ml-100k: u.data, u.user, u.item" in lines
        assert "  ml-1m: ratings.csv.gz or ratings.dat, users.dat, movies_extrainfos.dat or movies.dat" in lines

    def test_missing_directory_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="gone is not a directory"):
            find_schema(tmp_path / "gone")

    @pytest.mark.parametrize(
        ("wrong", "right", "field"),
        [
            ('kind = "colour"', 'kind = "continuous"', "users.fields.0.kind"),
            ("minimum = 9", "minimum = 1", "rating_scale: the minimum, 9, must lie below the maximum, 5"),
            (
                'separators = "|"',
                'separators = ["|", ", "]',
                r'items.fields.0.separators: must be a list .* \["\|"\]',
            ),
            ("time = 5", 'time = "when"', "ratings.time: must be a text in quotes, not 5"),
            ('time_format = "min"\ntime = "when"', 'time = "when"', "ratings.time_format: 'min' is neither a unit"),
            ('minimum = "low"', "minimum = 1", 'rating_scale.minimum: must be a number, not "low"'),
            (
                'path = "details.csv", link_table = "yes!"',
                'path = "details.csv"',
                "items.files.1.link_table: must be true",
            ),
            ("usr = ", "user = ", "ratings.user"),
            ('id = "product"\ndate = "about"', 'id = "product"', "items: .*'about' is not a continuous field"),
            ('path = "details.csv", encoding = "x-1"', 'path = "details.csv"', "items.files.1.encoding"),
            (
                'path = "details.csv", extract = { year = { column = "name", pattern = "x" } }',
                'path = "details.csv"',
                "items.files.1.extract.year.pattern: .*exactly one group",
            ),
        ],
    )
    def test_wrong_schema_is_an_error_that_names_file_and_field(
        self, shop: Path, wrong: str, right: str, field: str
    ) -> None:
        assert right in SHOP
        write(shop, {"schema.toml": SHOP.replace(right, wrong, 1)})
        with pytest.raises(SchemaError, match=rf"schema\.toml: (.*; )?{field}"):
            find_schema(shop)


def test_example_in_the_guide_is_read(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[4] / "docs/data.md").read_text(encoding="utf-8")
    files = dict(re.findall(r"`(\S+)`:\n\n```\w+\n(.*?)```", guide, re.DOTALL))
    assert set(files) == {"ratings.csv", "customers.csv", "products.csv", "schema.toml"}
    dataset = read(write(tmp_path, files))
    assert triples(dataset) == [("c1", "mug-04", 5), ("c1", "pan-11", 2), ("c2", "mug-04", 4)]
    assert dataset.users.table.rows() == [("c1", None, "FR", 1984.0), ("c2", None, "JP", None)]
    assert dataset.items.table.to_dicts()[1] == {
        "id": "pan-11",
        "title": "Frying pan",
        "category": ["Kitchen", "Pans", "Iron"],
        "price": 49.0,
        "listed": 2023.0,
        "description": "Cast iron, 28 cm",
    }
