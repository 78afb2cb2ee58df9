"""The texts that name the list of strangers."""

import pytest

from app.strangers_list import ListName, StrangersList


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("diverse", StrangersList()),
        ("trending", StrangersList(ListName.TRENDING)),
        ("popular:30", StrangersList(ListName.POPULAR, 30)),
        ("latest:365", StrangersList(ListName.LATEST, 365)),
    ],
)
def test_text_names_a_list_and_its_days(text: str, expected: StrangersList) -> None:
    assert StrangersList.of(text) == expected


@pytest.mark.parametrize(
    "text", ["", "newest", "diverse:7", "popular:", "popular:0", "popular:366", "popular:07", "Popular", "popular\n"]
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be diverse, popular, trending or latest"):
        StrangersList.of(text)
