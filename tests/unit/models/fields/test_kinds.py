"""What holds for every kind of field, and for both encoders of texts."""

import numpy as np
import polars as pl
import pytest
import torch
from pydantic import ValidationError

from models.data.schema import EntitySource
from models.fields import (
    AttributeField,
    AttributeValue,
    BaseField,
    EncodingConfig,
    FieldKind,
    SimilarityConfig,
    TextEncoder,
    field_type,
)
from tests.made_up_sentences import MadeUpSentences

VALUES: dict[str, tuple[AttributeValue, AttributeValue]] = {
    FieldKind.CATEGORICAL: ("a", "b"),
    FieldKind.MULTI_VALUED: (["a"], ["a", "b"]),
    FieldKind.CONTINUOUS: (1.0, 2.5),
    FieldKind.TEXT: ("brave dog", "brave dog runs"),
    TextEncoder.SENTENCE: ("brave dog", "brave dog runs"),
    FieldKind.VECTOR: ([1.0, 2.0], [0.0, -1.0]),
}
CONFIG = SimilarityConfig()


def declared(kind: str) -> AttributeField:
    """The field `x` of a kind, or of an encoder of texts."""
    if kind == TextEncoder.SENTENCE:
        return AttributeField(name="x", kind=FieldKind.TEXT, encoder=TextEncoder.SENTENCE)
    return AttributeField(name="x", kind=FieldKind(kind))


@pytest.fixture(params=VALUES)
def field(request: pytest.FixtureRequest, made_up_sentences: MadeUpSentences) -> BaseField:  # noqa: ARG001 - replaces the model
    kind_class = field_type(declared(request.param))
    column = pl.Series(VALUES[request.param], dtype=kind_class.polars_type)
    return kind_class.fit(declared(request.param), column, EncodingConfig())


def known(field: BaseField) -> list[AttributeValue]:
    return list(VALUES[field.kind])  # type: ignore[attr-defined]  # every subclass has it


def test_every_kind_has_a_class() -> None:
    kinds = [field_type(AttributeField(name="x", kind=kind)).model_fields["kind"].default for kind in FieldKind]
    assert kinds == list(FieldKind)


def test_known_values_fit_their_own_kind(field: BaseField) -> None:
    declaration = declared(field.kind)  # type: ignore[attr-defined]
    for value in known(field):
        assert type(field).check_value(declaration, value) == value


def test_similarity_has_the_declared_width(field: BaseField) -> None:
    features = field.similarity(field.encode([*known(field), None]), CONFIG)
    assert features.dtype == torch.float64
    assert features.shape == (3, field.similarity_width(CONFIG))


def test_known_rows_have_similarity_1_to_themselves(field: BaseField) -> None:
    lengths = field.similarity(field.encode(known(field)), CONFIG).to_dense().norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones(2, dtype=torch.float64))


def test_forgotten_rows_equal_rows_without_a_value(field: BaseField) -> None:
    encoded = field.encode(known(field))
    forgotten = field.forget(encoded, torch.tensor([True, True]))
    layer = field.input_layer(embedding_dim=3, embedding_scale=0.1)
    torch.testing.assert_close(layer(forgotten), layer(field.encode([None, None])))
    similarity = field.similarity(forgotten, CONFIG).to_dense()
    assert torch.equal(similarity, field.similarity(field.encode([None, None]), CONFIG).to_dense())


def test_input_layer_has_its_width(field: BaseField) -> None:
    layer = field.input_layer(embedding_dim=3, embedding_scale=0.1)
    assert layer(field.encode(known(field))).shape == (2, layer.width)


def test_input_layer_is_linear_in_its_columns(field: BaseField) -> None:
    layer = field.input_layer(embedding_dim=3, embedding_scale=0.1)
    encoded = field.encode([*known(field), None])
    columns = layer.columns(encoded)
    assert columns.shape == (3, layer.column_count)
    torch.testing.assert_close(layer.of_columns(columns), layer(encoded))
    torch.testing.assert_close(layer.of_columns(columns[0] + 2 * columns[1]), layer(encoded)[0] + 2 * layer(encoded)[1])


def test_plausible_value_can_be_encoded(field: BaseField) -> None:
    value = field.plausible_value(np.random.default_rng(0))
    assert len(field.encode([value])) == 1


def test_unknown_kind_is_a_clear_error() -> None:
    with pytest.raises(ValidationError, match=r"Input should be 'categorical', 'multi_valued', .* or 'vector'"):
        AttributeField.model_validate({"name": "x", "kind": "picture"})


@pytest.mark.parametrize("kind", [kind for kind in FieldKind if kind is not FieldKind.TEXT])
def test_an_encoder_of_another_kind_than_text_is_an_error(kind: FieldKind) -> None:
    for encoder in TextEncoder:
        field = {"name": "x", "kind": kind, "encoder": encoder}
        with pytest.raises(ValidationError, match=f"x: a field of kind {kind.value} has no encoder"):
            EntitySource.model_validate({"fields": [field]})


@pytest.mark.parametrize("kind", [kind for kind in FieldKind if kind is not FieldKind.VECTOR])
def test_dimensions_of_another_kind_than_vector_are_an_error(kind: FieldKind) -> None:
    field = {"name": "x", "kind": kind, "dimensions": 3}
    with pytest.raises(ValidationError, match=f"x: a field of kind {kind.value} has no dimensions"):
        EntitySource.model_validate({"fields": [field]})
