"""Options of a schema, and what a service accepts besides."""

from pathlib import Path

import polars as pl
import pytest

from models.data.accepted import Accepted
from models.data.malformed import DataError
from models.data.rating_scale import RatingScale
from models.data.reader import read_dataset
from models.data.schema import EntitySource
from models.fields import AttributeField, FieldKind
from tests.unit.models.data.reading import SHOP, SHOP_FILES, read, triples, write


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write(tmp_path, SHOP_FILES)


class TestLinkTables:
    def test_rows_of_duplicates_come_with_the_key_for_link_tables(self, shop: Path) -> None:
        write(shop, {"products.csv": "product,name,colour,eur\np1,Pan,red,1\np1,Pan,blue,1\n"})
        with pytest.raises(DataError, match=r"a row for each value, .* set link_table = true for the file$"):
            read_dataset(shop)

    def test_values_of_all_rows_are_collected(self, shop: Path) -> None:
        schema = SHOP.replace('{ path = "details.csv" }', '{ path = "details.csv", link_table = true }')
        rows = ["p1,red,,for tea", "p2,,5,", "p1,blue|red,10,for tea", "p1,,,cast iron", "p9,,,"]
        write(
            shop,
            {
                "schema.toml": schema,
                "products.csv": "product,name\np1,Pan\np2,Pot\n",
                "details.csv": "\n".join(["product,colour,eur,about", *rows]),
            },
        )
        assert read(shop).items.table.to_dicts() == [
            {"id": "p1", "title": "Pan", "colour": ["red", "blue"], "price": 10.0, "about": "for tea\ncast iron"},
            {"id": "p2", "title": "Pot", "colour": None, "price": 5.0, "about": None},
            {"id": "p3", "title": None, "colour": None, "price": None, "about": None},
            {"id": "p9", "title": None, "colour": None, "price": None, "about": None},
        ]

    def test_file_may_have_another_column_of_the_id(self, shop: Path) -> None:
        schema = SHOP.replace('{ path = "details.csv" }', '{ path = "details.csv", id = "sku" }')
        write(shop, {"schema.toml": schema, "details.csv": "sku,about\np1,for tea\n"})
        assert read(shop).items.table["about"].to_list() == [None, "for tea", None, None]


class TestNoRating:
    def test_values_for_no_rating_are_left_out_and_counted(self, shop: Path) -> None:
        schema = SHOP.replace('"stars"', '"stars"\nno_rating = [0, -1, "n/a", ""]')
        rows = ["u1,p1,5,1,warm", "u1,p2,0,1,warm", "u2,p1,-1.0,1,warm", "u2,p2,n/a,1,warm", "u2,p3,,1,warm"]
        write(shop, {"schema.toml": schema, "ratings.csv": "\n".join(["customer,product,stars,when,state", *rows])})
        dataset = read(shop)
        assert triples(dataset) == [("u1", "p1", 5)]
        assert dataset.remarks[0].text == "ratings.csv: 4 rows have no rating (0, -1, 'n/a', '') and are left out"

    def test_other_values_off_the_scale_stay_malformed(self, shop: Path) -> None:
        write(shop, {"schema.toml": SHOP.replace('"stars"', '"stars"\nno_rating = [0]')})
        write(shop, {"ratings.csv": SHOP_FILES["ratings.csv"] + "u1,p1,-1,1,warm\n"})
        with pytest.raises(DataError, match=r"rating '-1' is not on the scale(.|\n)*name it in no_rating"):
            read_dataset(shop)


class TestAccepted:
    """What a service accepts besides the schema of the data set."""

    def test_other_rows_are_malformed(self, shop: Path) -> None:
        schema = SHOP.replace("maximum = 5", "maximum = 5, step = 0.5")
        rows = ["u1,p1,5,1,warm", "u1,p2,3.5,1,warm", "u2,p9,4,1,warm"]
        write(shop, {"schema.toml": schema, "ratings.csv": "\n".join(["customer,product,stars,when,state", *rows])})
        accepted = Accepted(rating_scale=RatingScale(minimum=1, maximum=5), item_ids=pl.Series(["p1", "p2"]))
        dataset, malformed = read_dataset(shop, malformed="skip", accepted=accepted)
        assert triples(dataset) == [("u1", "p1", 5)]
        assert [str(row) for row in malformed.examples] == [
            "ratings.csv:4: item 'p9' is not in the catalogue",
            "ratings.csv:3: rating '3.5' is not on the scale of the active model, 1 to 5 in steps of 1",
        ]
        with pytest.raises(DataError, match="import the items first, or correct the ids"):
            read_dataset(shop, accepted=accepted)

    def test_attributes_of_another_model_are_refused(self, shop: Path) -> None:
        colour = AttributeField(name="colour", kind=FieldKind.CATEGORICAL)
        said = (
            "the item attribute colour is multi_valued, but categorical in the active model; "
            "the active model has no item attribute price, but colour; "
            "the active model has no item attribute about, but colour; correct the schema"
        )
        with pytest.raises(DataError, match=said):
            read_dataset(shop, accepted=Accepted(items=EntitySource(fields=(colour,))))
