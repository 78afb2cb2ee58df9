from importlib.machinery import ModuleSpec

import polars as pl
import pytest
import torch
from cachetools import LRUCache
from pydantic import ValidationError

from models.data.schema import EntitySource
from models.fields import (
    AttributeField,
    EncodingConfig,
    FieldKind,
    SentenceTextField,
    SimilarityConfig,
    TextEncoder,
    TextField,
    sentences,
)
from models.inputs.encoder import FeatureEncoder
from tests.made_up_sentences import MadeUpSentences

FIELD = AttributeField(name="plot", kind=FieldKind.TEXT, encoder=TextEncoder.SENTENCE)
SOURCE = {"fields": [{"name": "plot", "kind": "text", "encoder": "sentence"}]}
TEXTS = ["A dog saves a child.", "Two thieves meet."]


@pytest.fixture
def fitted() -> SentenceTextField:
    return SentenceTextField.fit(FIELD, pl.Series(TEXTS), EncodingConfig())


class TestEncode:
    def test_text_is_the_direction_of_its_embedding(
        self, fitted: SentenceTextField, made_up_sentences: MadeUpSentences
    ) -> None:
        encoded = fitted.encode(TEXTS)
        torch.testing.assert_close(encoded[:, :-1], torch.from_numpy(made_up_sentences(TEXTS)))
        assert encoded[:, -1].tolist() == [0.0, 0.0]

    @pytest.mark.parametrize("text", [None, "", "  \n"])
    def test_missing_text_is_unknown_and_not_embedded(
        self, fitted: SentenceTextField, made_up_sentences: MadeUpSentences, text: str | None
    ) -> None:
        assert fitted.encode([text]).tolist() == [[0.0] * 384 + [1.0]]
        assert made_up_sentences.embedded == []

    def test_same_text_is_embedded_once(self, fitted: SentenceTextField, made_up_sentences: MadeUpSentences) -> None:
        first = fitted.encode([TEXTS[0], TEXTS[1], TEXTS[0], f" {TEXTS[1]} "])
        second = fitted.encode([TEXTS[1], "A new film."])
        assert made_up_sentences.embedded == [*TEXTS, "A new film."]
        assert torch.equal(first[[0, 1]], first[[2, 3]])
        assert torch.equal(first[1], second[0])

    def test_more_texts_than_are_remembered_are_encoded_in_one_call(
        self, fitted: SentenceTextField, made_up_sentences: MadeUpSentences, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        texts = [f"film {number}" for number in range(5)]
        fitted.encode(texts[:2])
        monkeypatch.setattr(sentences, "_vectors", LRUCache(2))
        expected = torch.from_numpy(made_up_sentences(texts))
        for _ in range(2):
            torch.testing.assert_close(fitted.encode(texts)[:, :-1], expected)

    def test_no_texts_have_no_rows(self, fitted: SentenceTextField, made_up_sentences: MadeUpSentences) -> None:  # noqa: ARG002 - replaces the model
        assert fitted.encode([]).shape == (0, 385)


def test_similarity_is_the_cosine_of_the_embeddings(
    fitted: SentenceTextField, made_up_sentences: MadeUpSentences
) -> None:
    features = fitted.similarity(fitted.encode(TEXTS), SimilarityConfig())
    vectors = torch.from_numpy(made_up_sentences(TEXTS)).double()
    torch.testing.assert_close(features @ features.T, vectors @ vectors.T)


def test_weight_is_a_setting_of_its_own(fitted: SentenceTextField) -> None:
    assert fitted.similarity_variance(SimilarityConfig(sentence_variance=0.7)) == 0.7


class TestEncoder:
    def test_requests_and_files_are_encoded_alike_and_a_manifest_keeps_the_field(
        self,
        made_up_sentences: MadeUpSentences,  # noqa: ARG002 - replaces the model
    ) -> None:
        table = pl.DataFrame({"plot": TEXTS})
        encoder = FeatureEncoder.fit([FIELD], table)
        again = FeatureEncoder.model_validate_json(encoder.model_dump_json())
        assert again == encoder
        expected = encoder.encode(table).fields["plot"]
        assert torch.equal(again.encode_values([{"plot": text} for text in TEXTS]).fields["plot"], expected)

    @pytest.mark.parametrize("encoder", [{}, {"encoder": "words"}])
    def test_words_are_the_default(self, encoder: dict[str, str]) -> None:
        field = AttributeField.model_validate({"name": "plot", "kind": "text", **encoder})
        (fitted,) = FeatureEncoder.fit([field], pl.DataFrame({"plot": TEXTS})).fields
        assert type(fitted) is TextField

    def test_model_of_another_release_is_refused(self, fitted: SentenceTextField) -> None:
        with pytest.raises(ValidationError, match="all-MiniLM-L6-v2"):
            SentenceTextField.model_validate({**fitted.model_dump(), "model": "another"})


class TestInstallation:
    def test_schema_without_the_extra_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sentences, "find_spec", lambda _: None)
        with pytest.raises(ValidationError, match=r"plot: .* needs coldstart-recommender\[text\]: .* pip install"):
            EntitySource.model_validate(SOURCE)

    def test_schema_with_the_extra_is_accepted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sentences, "find_spec", lambda name: ModuleSpec(name, None))
        assert EntitySource.model_validate(SOURCE).field("plot") == FIELD
