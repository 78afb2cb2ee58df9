import polars as pl
import pytest

from models.data.id_matches import known_ids_remark, rated_ids_remark


def test_remark_on_matching_ids_counts_them() -> None:
    remark = rated_ids_remark("items.csv", pl.Series(["1", "2", "3"]), pl.Series(["1", "2"]), noun="item")
    assert remark.text == "items.csv: 2 of its 3 ids occur in the ratings or interactions, which name 2 items"
    assert not remark.is_warning


@pytest.mark.parametrize(
    ("ids", "rated", "cause"),
    [
        (["1", "2", "3"], ["001", "002"], "the ids differ in leading zeros, such as '1' here and '001' there"),
        (["A1", "A2"], ["a1", "a2"], "the ids differ in upper and lower case, such as 'A1' here and 'a1' there"),
        (["A-1", "A-2"], ["A1", "A2"], "the ids differ in spaces and punctuation"),
        (["12", "13"], ["item_12", "item_13"], "the ids differ in what stands before the number"),
        (["x", "y"], ["12", "13"], "compare 'x' here and '12' there: is the column of the id the right one?"),
        ([], ["12", "13"], "the file has few ids"),
    ],
)
def test_few_matching_ids_are_a_warning_with_the_likely_cause(ids: list[str], rated: list[str], cause: str) -> None:
    remark = rated_ids_remark("items.csv", pl.Series(ids, dtype=pl.String), pl.Series(rated), noun="item")
    assert remark.is_warning
    assert cause in remark.text


def test_remark_on_a_file_that_only_adds_columns_says_what_is_left_out() -> None:
    known = pl.Series(["1", "2"])
    remark = known_ids_remark("prices.csv", pl.Series(["1", "2", "3"]), known, noun="item")
    assert remark.text.startswith("prices.csv: 2 of its 3 ids are items that other files name; the others are left out")
    assert not remark.is_warning
    assert known_ids_remark("prices.csv", pl.Series(["8", "9"]), known, noun="item").is_warning
