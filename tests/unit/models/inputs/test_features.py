from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from models.data.dataset import Entities
from models.data.entity_table import entity_table
from models.data.schema import AttributeField, AttributeValue, FieldKind
from models.inputs.features import MAX_DEVIATIONS, UNKNOWN, FeatureEncoder

FIELDS = (
    AttributeField(name="country", kind=FieldKind.CATEGORICAL),
    AttributeField(name="genres", kind=FieldKind.MULTI_VALUED),
    AttributeField(name="year", kind=FieldKind.CONTINUOUS),
    AttributeField(name="plot", kind=FieldKind.TEXT),
)
UNKNOWN_ROW: dict[str, AttributeValue] = {field.name: None for field in FIELDS}


def rows_of(rows: Sequence[Mapping[str, AttributeValue]], fields: Sequence[AttributeField] = FIELDS) -> pl.DataFrame:
    entities: Entities = entity_table(fields, [(str(index), None, row) for index, row in enumerate(rows)])
    return entities.table


def one_field(kind: FieldKind, values: Sequence[AttributeValue], *, min_count: int = 1) -> FeatureEncoder:
    """An encoder of the one field `x`, fitted on these values."""
    field = AttributeField(name="x", kind=kind, min_count=min_count)
    return FeatureEncoder.fit([field], rows_of([{"x": value} for value in values], [field]))


def encode(encoder: FeatureEncoder, values: Sequence[AttributeValue]) -> Tensor:
    field = AttributeField(name="x", kind=encoder.fields[0].kind)
    return encoder.encode(rows_of([{"x": value} for value in values], [field])).fields["x"]


@pytest.fixture(scope="module")
def encoder() -> FeatureEncoder:
    return FeatureEncoder.fit(
        FIELDS,
        rows_of(
            [
                {"country": "fr", "genres": ["comedy", "drama"], "year": 1990.0, "plot": "a dog runs"},
                {"country": "jp", "genres": ["drama"], "year": 2000.0, "plot": "a cat sleeps"},
                {"country": "fr", "genres": [], "year": 2013.0},
            ]
        ),
    )


class TestCategorical:
    def test_frequent_values_come_first_and_ties_by_name(self) -> None:
        encoder = one_field(FieldKind.CATEGORICAL, ["b", "c", "a", "c", None])
        assert encode(encoder, ["c", "a", "b"]).tolist() == [1, 2, 3]

    def test_order_of_the_training_rows_does_not_matter(self) -> None:
        values = ["b", "c", "a", "c", None]
        assert one_field(FieldKind.CATEGORICAL, values) == one_field(FieldKind.CATEGORICAL, values[::-1])

    def test_unseen_and_missing_values_are_unknown(self) -> None:
        encoder = one_field(FieldKind.CATEGORICAL, ["a", "b"])
        assert encode(encoder, ["z", None, "", "A"]).tolist() == [UNKNOWN] * 4

    def test_values_rarer_than_min_count_come_last_and_are_not_embedded(self) -> None:
        encoder = one_field(FieldKind.CATEGORICAL, ["b", "a", "a"], min_count=2)
        assert encode(encoder, ["a", "b"]).tolist() == [1, 2]
        assert encoder.fields[0].frequent == 1

    def test_without_any_value_everything_is_unknown(self) -> None:
        assert encode(one_field(FieldKind.CATEGORICAL, [None, None]), ["a", None]).tolist() == [UNKNOWN] * 2


class TestMultiValued:
    def test_values_are_indexed_in_their_order_and_padded(self) -> None:
        encoder = one_field(FieldKind.MULTI_VALUED, [["a", "b"], ["a", "c"], ["a", "b"]])
        assert encode(encoder, [["c", "a"], ["b"], ["a", "b", "c"]]).tolist() == [[3, 1, 0], [2, 0, 0], [1, 2, 3]]

    def test_unseen_values_are_left_out(self) -> None:
        encoder = one_field(FieldKind.MULTI_VALUED, [["a"]])
        assert encode(encoder, [["z", "a", "y"]]).tolist() == [[1]]

    @pytest.mark.parametrize("value", [None, [], ["z"]])
    def test_row_without_a_known_value_is_all_padding(self, value: AttributeValue) -> None:
        encoder = one_field(FieldKind.MULTI_VALUED, [["a"]])
        assert encode(encoder, [value]).tolist() == [[UNKNOWN]]

    def test_value_given_twice_counts_once(self) -> None:
        encoder = one_field(FieldKind.MULTI_VALUED, [["a"]])
        assert encode(encoder, [["a", "a"]]).tolist() == [[1]]

    def test_values_rarer_than_min_count_come_last_and_are_not_embedded(self) -> None:
        encoder = one_field(FieldKind.MULTI_VALUED, [["a", "b"], ["a"], None], min_count=2)
        assert encode(encoder, [["b", "a"]]).tolist() == [[2, 1]]
        assert encoder.fields[0].frequent == 1


class TestContinuous:
    def test_equals_scikit_learns_standard_scaler(self) -> None:
        training, others = np.array([1.0, 4.0, 9.0, 16.0]), np.array([-3.0, 0.0, 12.5])
        expected = StandardScaler().fit(training[:, None]).transform(others[:, None])
        actual = encode(one_field(FieldKind.CONTINUOUS, training.tolist()), others.tolist())
        np.testing.assert_allclose(actual[:, :1].numpy(), expected, rtol=1e-6)

    def test_missing_value_is_0_with_the_unknown_flag(self) -> None:
        assert encode(one_field(FieldKind.CONTINUOUS, [1.0, 3.0]), [3.0, None]).tolist() == [[1.0, 0.0], [0.0, 1.0]]

    def test_missing_values_do_not_count_in_the_mean(self) -> None:
        assert encode(one_field(FieldKind.CONTINUOUS, [1.0, None, 3.0]), [2.0]).tolist() == [[0.0, 0.0]]

    @pytest.mark.parametrize("value", [0.0, 0.1, 7.0])
    def test_constant_column_has_deviation_1(self, value: float) -> None:
        encoder = one_field(FieldKind.CONTINUOUS, [value] * 3)
        torch.testing.assert_close(encode(encoder, [value + 0.5]), torch.tensor([[0.5, 0.0]]))

    def test_without_any_value_numbers_stay_as_they_are(self) -> None:
        assert encode(one_field(FieldKind.CONTINUOUS, [None]), [0.5, None]).tolist() == [[0.5, 0.0], [0.0, 1.0]]

    @pytest.mark.parametrize(("value", "expected"), [(1e300, MAX_DEVIATIONS), (-1e300, -MAX_DEVIATIONS)])
    def test_absurd_numbers_are_cut_off(self, value: float, expected: float) -> None:
        assert encode(one_field(FieldKind.CONTINUOUS, [1.0, 3.0]), [value]).tolist() == [[expected, 0.0]]


class TestText:
    PLOTS = ("A brave dog saves the dog-catcher", "The dog and the cat", None, "the Cat, brave: dog!")

    def test_words_of_several_rows_are_indexed_the_commonest_first(self) -> None:
        assert encode(one_field(FieldKind.TEXT, self.PLOTS), ["Dog, brave cat", "cat cat", "dog"]).tolist() == [
            [1, 2, 3],
            [3, 0, 0],
            [1, 0, 0],
        ]

    def test_weights_equal_scikit_learns_inverse_document_frequencies(self) -> None:
        [field] = one_field(FieldKind.TEXT, self.PLOTS).fields
        reference = TfidfVectorizer(stop_words="english", min_df=2).fit([plot or "" for plot in self.PLOTS])
        expected = dict(zip(reference.get_feature_names_out(), reference.idf_, strict=True))
        assert dict(zip(field.values, field.weights, strict=True)) == pytest.approx(expected)

    @pytest.mark.parametrize("text", [None, "", "the and of", "unheard"])
    def test_text_without_known_words_is_all_padding(self, text: str | None) -> None:
        assert encode(one_field(FieldKind.TEXT, self.PLOTS), [text]).tolist() == [[UNKNOWN]]


FieldValues = st.fixed_dictionaries(
    {
        "country": st.none() | st.sampled_from(["fr", "jp"]) | st.text(max_size=5),
        "genres": st.none() | st.lists(st.sampled_from(["comedy", "drama"]) | st.text(max_size=5), max_size=4),
        "year": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "plot": st.none() | st.text(max_size=20),
    }
)


class TestFeatureEncoder:
    @given(st.lists(FieldValues, max_size=4))
    def test_encodes_any_values_as_finite_numbers(
        self, encoder: FeatureEncoder, rows: list[dict[str, AttributeValue]]
    ) -> None:
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

    def test_encodes_no_rows(self, encoder: FeatureEncoder) -> None:
        encoded = encoder.encode(rows_of([]))
        assert {name: len(values) for name, values in encoded.fields.items()} == dict.fromkeys(UNKNOWN_ROW, 0)

    def test_rows_that_it_was_not_fitted_on_do_not_change_it(self) -> None:
        table = rows_of([{"country": "fr", "year": 1.0}, {"country": "jp", "year": 9.0}])
        assert FeatureEncoder.fit(FIELDS, table[:1]).encode(table).fields["country"].tolist() == [1, UNKNOWN]

    def test_json_round_trip_encodes_the_same(self, encoder: FeatureEncoder) -> None:
        copy = FeatureEncoder.model_validate_json(encoder.model_dump_json())
        table = rows_of([{"country": "jp", "genres": ["drama", "?"], "year": 1994.3, "plot": "a dog"}, UNKNOWN_ROW])
        expected = encoder.encode(table).fields
        assert {name: values.tolist() for name, values in copy.encode(table).fields.items()} == {
            name: values.tolist() for name, values in expected.items()
        }

    def test_take_selects_and_repeats_rows(self, encoder: FeatureEncoder) -> None:
        encoded = encoder.encode(rows_of([{"country": "fr"}, {"country": "jp"}])).take(torch.tensor([1, 0, 1]))
        assert len(encoded) == 3
        assert encoded.fields["country"].tolist() == [2, 1, 2]

    def test_without_fields_rows_are_counted(self) -> None:
        encoder = FeatureEncoder.fit([], rows_of([{}, {}], []))
        assert len(encoder.encode(rows_of([{}, {}, {}], [])).take(torch.tensor([0, 0]))) == 2


class TestDropFields:
    TABLE = rows_of([{"country": "fr", "genres": ["comedy", "drama"], "year": 1990.0, "plot": "a dog"}] * 200)

    def drop(self, encoder: FeatureEncoder, probability: float, *, seed: int = 0) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(seed)
        return encoder.drop_fields(encoder.encode(self.TABLE), probability, generator).fields

    def test_probability_0_drops_nothing(self, encoder: FeatureEncoder) -> None:
        expected = encoder.encode(self.TABLE).fields
        assert all(torch.equal(values, expected[name]) for name, values in self.drop(encoder, 0.0).items())

    def test_probability_1_leaves_what_a_row_without_attributes_has(self, encoder: FeatureEncoder) -> None:
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

    def test_leaves_its_input_alone(self, encoder: FeatureEncoder) -> None:
        rows = encoder.encode(self.TABLE)
        encoder.drop_fields(rows, 1.0, torch.Generator())
        assert (rows.fields["country"] == 1).all()
