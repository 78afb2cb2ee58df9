"""What tests of fields share."""

import pytest
from cachetools import LRUCache

from models.fields import sentences
from tests.made_up_sentences import MadeUpSentences


@pytest.fixture
def made_up_sentences(monkeypatch: pytest.MonkeyPatch) -> MadeUpSentences:
    """Stands in for the language model, which need not be installed; nothing is remembered from other tests."""
    made_up = MadeUpSentences()
    monkeypatch.setattr(sentences, "_embedded_now", made_up)
    monkeypatch.setattr(sentences, "_vectors", LRUCache(1000))
    return made_up
