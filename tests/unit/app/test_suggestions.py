from app.suggestions import suggestion


def test_suggestion_of_a_misspelt_name_is_the_nearest_one() -> None:
    assert suggestion("stratgy", ["exclude", "n", "strategy"]) == "did you mean strategy?"


def test_suggestion_without_a_near_name_lists_the_known_ones() -> None:
    assert suggestion("x", ["limit", "cursor"]) == "known are: limit, cursor"
    assert suggestion("x", []) == "known are: none"


def test_suggestion_of_many_names_is_cut() -> None:
    assert suggestion("x", [f"value {number}" for number in range(50)]).endswith("value 19, …")
