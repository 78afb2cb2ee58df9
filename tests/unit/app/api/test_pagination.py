import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.pagination import PageRequest
from app.errors import InvalidRequestError

IDS = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=128)


@given(IDS)
def test_cursor_of_a_full_page_names_its_last_item(item_id: str) -> None:
    page = PageRequest(limit=1).page([item_id], str, key=str)

    assert page.next_cursor is not None
    assert PageRequest(limit=1, cursor=page.next_cursor).after == item_id


def test_page_that_is_not_full_has_no_cursor() -> None:
    assert PageRequest(limit=2).page(["a"], str, key=str).next_cursor is None
    assert PageRequest(limit=2).page([], str, key=str).next_cursor is None


@pytest.mark.parametrize("cursor", ["?", "a", "_w==", "AA=="])
def test_cursor_of_another_kind_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequestError):
        PageRequest(limit=1, cursor=cursor)
