from collections.abc import Mapping, Sequence

import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from models.data.dataset import Entities
from models.data.entity_table import entity_table
from models.fields import UNKNOWN, AttributeField, AttributeValue, FieldKind
from models.inputs.encoder import FeatureEncoder

FIELDS = (
    AttributeField(name="country", kind=FieldKind.CATEGORICAL),
    AttributeField(name="genres", kind=FieldKind.MULTI_VALUED),
    AttributeField(name="year", kind=FieldKind.CONTINUOUS),
    AttributeField(name="plot", kind=FieldKind.TEXT),
    AttributeField(name="image", kind=FieldKind.VECTOR),
)
FULL_ROW: dict[str, AttributeValue] = {
    "country": "fr",
    "genres": ["comedy", "drama"],
    "year": 1990.0,
    "plot": "a dog runs",
    "image": [3.0, 4.0],
}
UNKNOWN_ROW: dict[str, AttributeValue] = {field.name: None for field in FIELDS}


def rows_of(rows: Sequence[Mapping[str, AttributeValue]], fields: Sequence[AttributeField] = FIELDS) -> pl.DataFrame:
    entities: Entities = entity_table(fields, [(str(index), None, row) for index, row in enumerate(rows)])
    return entities.table


@pytest.fixture(scope="module")
def encoder() -> FeatureEncoder:
    return FeatureEncoder.fit(
        FIELDS,
        rows_of(
            [
                {
                    "country": "fr",
                    "genres": ["comedy", "drama"],
                    "year": 1990.0,
                    "plot": "a dog runs",
                    "image": [3.0, 4.0],
                },
                {"country": "jp", "genres": ["drama"], "year": 2000.0, "plot": "a cat sleeps"},
                {"country": "fr", "genres": [], "year": 2013.0},
            ]
        ),
    )


FieldValues = st.fixed_dictionaries(
    {
        "country": st.none() | st.sampled_from(["fr", "jp"]) | st.text(max_size=5),
        "genres": st.none() | st.lists(st.sampled_from(["comedy", "drama"]) | st.text(max_size=5), max_size=4),
        "year": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "plot": st.none() | st.text(max_size=20),
        "image": st.none() | st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3),
    }
)


class TestFeatureEncoder:
    @given(st.lists(FieldValues, max_size=4))
    def test_encoded_values_are_finite(self, encoder: FeatureEncoder, rows: list[dict[str, AttributeValue]]) -> None:
        encoded = encoder.encode(rows_of(rows))
        assert len(encoded) == len(rows)
        for values in encoded.fields.values():
            assert len(values) == len(rows)
            assert values.isfinite().all()

    @given(st.lists(FieldValues, min_size=1, max_size=4))
    def test_categories_stay_within_the_vocabulary(
        self, encoder: FeatureEncoder, rows: list[dict[str, AttributeValue]]
    ) -> None:
        encoded = encoder.encode(rows_of(rows)).fields
        assert 0 <= int(encoded["country"].min()) <= int(encoded["country"].max()) <= len(["fr", "jp"])
        assert 0 <= int(encoded["genres"].min()) <= int(encoded["genres"].max()) <= len(["comedy", "drama"])

    def test_encoded_table_without_rows_is_empty(self, encoder: FeatureEncoder) -> None:
        encoded = encoder.encode(rows_of([]))
        assert {name: len(values) for name, values in encoded.fields.items()} == dict.fromkeys(UNKNOWN_ROW, 0)

    def test_fitted_encoder_depends_on_training_rows_alone(self) -> None:
        table = rows_of([{"country": "fr", "year": 1.0}, {"country": "jp", "year": 9.0}])
        assert FeatureEncoder.fit(FIELDS, table[:1]).encode(table).fields["country"].tolist() == [1, UNKNOWN]

    def test_json_round_trip_encodes_the_same(self, encoder: FeatureEncoder) -> None:
        copy = FeatureEncoder.model_validate_json(encoder.model_dump_json())
        table = rows_of(
            [
                {"country": "jp", "genres": ["drama", "?"], "year": 1994.3, "plot": "a dog", "image": [1.0, 2.0]},
                UNKNOWN_ROW,
            ]
        )
        expected = encoder.encode(table).fields
        assert {name: values.tolist() for name, values in copy.encode(table).fields.items()} == {
            name: values.tolist() for name, values in expected.items()
        }

    def test_take_selects_and_repeats_rows(self, encoder: FeatureEncoder) -> None:
        encoded = encoder.encode(rows_of([{"country": "fr"}, {"country": "jp"}])).take(torch.tensor([1, 0, 1]))
        assert len(encoded) == 3
        assert encoded.fields["country"].tolist() == [2, 1, 2]

    def test_rows_without_fields_have_a_length(self) -> None:
        encoder = FeatureEncoder.fit([], rows_of([{}, {}], []))
        assert len(encoder.encode(rows_of([{}, {}, {}], [])).take(torch.tensor([0, 0]))) == 2


class TestDropFields:
    TABLE = rows_of(
        [{"country": "fr", "genres": ["comedy", "drama"], "year": 1990.0, "plot": "a dog", "image": [1.0, 2.0]}] * 200
    )

    def drop(self, encoder: FeatureEncoder, probability: float, *, seed: int = 0) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(seed)
        return encoder.drop_fields(encoder.encode(self.TABLE), probability, generator).fields

    def test_probability_0_drops_nothing(self, encoder: FeatureEncoder) -> None:
        expected = encoder.encode(self.TABLE).fields
        assert all(torch.equal(values, expected[name]) for name, values in self.drop(encoder, 0.0).items())

    def test_probability_1_makes_all_fields_unknown(self, encoder: FeatureEncoder) -> None:
        dropped, unknown = self.drop(encoder, 1.0), encoder.encode(rows_of([UNKNOWN_ROW])).fields
        for name, values in dropped.items():
            assert (values == unknown[name][:, :1] if name in ("genres", "plot") else values == unknown[name]).all(), (
                name
            )

    def test_fields_are_dropped_independently_and_as_often_as_asked(self, encoder: FeatureEncoder) -> None:
        dropped = self.drop(encoder, 0.3)
        country, year = dropped["country"] == UNKNOWN, dropped["year"][:, 1] == 1
        for share, expected in ((country, 0.3), (year, 0.3), (country & year, 0.09)):
            assert abs(float(share.float().mean()) - expected) < 0.1
        assert not torch.equal(country, year)

    def test_seed_decides_what_is_dropped(self, encoder: FeatureEncoder) -> None:
        first, again, other = (self.drop(encoder, 0.5, seed=seed)["country"] for seed in (1, 1, 2))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)

    def test_field_dropout_does_not_change_its_input(self, encoder: FeatureEncoder) -> None:
        rows = encoder.encode(self.TABLE)
        encoder.drop_fields(rows, 1.0, torch.Generator())
        assert (rows.fields["country"] == 1).all()
