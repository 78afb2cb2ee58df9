import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.fields.values import is_storable


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]).filter(lambda character: character != "\0")))
def test_proper_text_is_storable(text: str) -> None:
    assert is_storable(text)


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800", "a\udfff"])
def test_broken_text_is_not_storable(text: str) -> None:
    assert not is_storable(text)
