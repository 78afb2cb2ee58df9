import pytest
import torch
from torch import Tensor, nn

from models.fields import CategoricalField, ContinuousField, MultiValuedField, TextField
from models.inputs.config import InputConfig
from models.inputs.encoder import EncodedRows, FeatureEncoder
from models.learners.network import PreferenceEstimator

USERS = FeatureEncoder(fields=(CategoricalField(name="country", values=("fr", "jp")),))
ITEMS = FeatureEncoder(
    fields=(
        MultiValuedField(name="genres", values=("comedy", "drama", "horror")),
        ContinuousField(name="year", mean=0.0, deviation=1.0),
    )
)
NO_FIELDS = FeatureEncoder(fields=())


def estimator(
    users: FeatureEncoder = USERS,
    items: FeatureEncoder = ITEMS,
    *,
    dim: int = 2,
    hidden: tuple[int, ...] = (3,),
    mean: float = 3.5,
) -> PreferenceEstimator:
    torch.manual_seed(0)
    inputs = InputConfig(embedding_dim=dim)
    return PreferenceEstimator(user_encoder=users, item_encoder=items, inputs=inputs, hidden=hidden, mean_rating=mean)


def item_rows(genres: list[list[int]], years: list[list[float]]) -> EncodedRows:
    return EncodedRows({"genres": torch.tensor(genres), "year": torch.tensor(years)}, len(genres))


def user_rows(*countries: int) -> EncodedRows:
    return EncodedRows({"country": torch.tensor(countries)}, len(countries))


def set_weights(module: nn.Module, *values: list[list[float]] | list[float]) -> None:
    with torch.no_grad():
        for parameter, value in zip(module.parameters(), values, strict=True):
            parameter.copy_(torch.tensor(value))


class TestForward:
    def test_equals_the_computation_by_hand(self) -> None:
        network = estimator(hidden=(2,))
        set_weights(network.embed_users, [[9.0, 9.0], [1.0, 2.0], [0.0, -1.0]])
        set_weights(network.embed_items, [[7.0, 7.0], [2.0, 0.0], [4.0, 6.0], [5.0, 5.0]])
        set_weights(
            network.decision,
            [[1.0, 0.0, 1.0, 0.0, 1.0, 0.0], [0.0, -1.0, 0.0, -1.0, 0.0, 1.0]],
            [0.5, 1.0],
            [[2.0, 10.0]],
            [-1.0],
        )
        # User 1 is (1, 2). The item is the mean of (2, 0) and (4, 6), then year −1.5 and known: (3, 3, −1.5, 0).
        # Hidden: relu(1 + 3 − 1.5 + 0.5) = 3 and relu(−2 − 3 + 0 + 1) = 0. Output: 2 · 3 + 10 · 0 − 1 = 5.
        assert network(user_rows(1), item_rows([[1, 2]], [[-1.5, 0.0]])).tolist() == [5.0]

    def test_pairs_users_and_items_row_by_row(self) -> None:
        network = estimator()
        users, items = user_rows(1, 2), item_rows([[1, 0], [2, 3]], [[0.0, 1.0], [0.5, 0.0]])
        together = network(users, items)
        apart = [network(users.take(torch.tensor([row])), items.take(torch.tensor([row]))) for row in (0, 1)]
        torch.testing.assert_close(together, torch.cat(apart))

    def test_starts_at_the_mean_rating(self) -> None:
        network = estimator(mean=4.25)
        assert network.decision[-2].bias.tolist() == [4.25]

    def test_without_user_fields_only_the_item_counts(self) -> None:
        network = estimator(users=NO_FIELDS)
        ratings = network(EncodedRows({}, 2), item_rows([[1], [1]], [[0.5, 0.0], [0.5, 0.0]]))
        assert ratings.shape == (2,)
        assert ratings[0] == ratings[1]

    def test_hidden_layers_may_be_left_out(self) -> None:
        assert estimator(hidden=())(user_rows(1), item_rows([[1]], [[0.5, 0.0]])).shape == (1,)


class TestEmbeddingLayers:
    @staticmethod
    def embed_genres(genres: list[list[int]]) -> tuple[Tensor, Tensor]:
        """The embedded genres, and the embeddings of the single values."""
        layers = estimator(items=FeatureEncoder(fields=ITEMS.fields[:1])).embed_items
        with torch.no_grad():
            return layers(EncodedRows({"genres": torch.tensor(genres)}, len(genres))), layers.layers[0].weight

    def test_categories_are_averaged(self) -> None:
        embedded, values = self.embed_genres([[1, 2, 3], [3, 1, 0], [2, 0, 0]])
        expected = [values[[1, 2, 3]].mean(dim=0), values[[3, 1]].mean(dim=0), values[2]]
        torch.testing.assert_close(embedded, torch.stack(expected))

    def test_row_without_categories_has_the_unknown_values_embedding(self) -> None:
        embedded, values = self.embed_genres([[0, 0], [1, 0]])
        torch.testing.assert_close(embedded[0], values[0])

    @pytest.mark.parametrize("padding", [1, 7])
    def test_more_padding_changes_nothing(self, padding: int) -> None:
        genres = [[1, 2], [3, 0], [0, 0]]
        embedded, _ = self.embed_genres(genres)
        padded, _ = self.embed_genres([row + [0] * padding for row in genres])
        torch.testing.assert_close(padded, embedded)

    def test_order_of_categories_does_not_matter(self) -> None:
        torch.testing.assert_close(self.embed_genres([[1, 2, 3]])[0], self.embed_genres([[3, 1, 2]])[0])

    def test_numbers_are_passed_on_as_they_are(self) -> None:
        layers = estimator().embed_items
        assert layers(item_rows([[1]], [[-0.25, 0.0]]))[0, -2:].tolist() == [-0.25, 0.0]

    def test_text_is_mapped_linearly(self) -> None:
        weights = torch.tensor([1.0, 2.0, 4.0])
        plot = TextField(name="plot", values=("a", "b", "c"), weights=tuple(weights.tolist()))
        layers = estimator(items=FeatureEncoder(fields=(plot,))).embed_items
        words = layers.layers[0].weight
        expected = torch.stack([(words[1] + 4 * words[3]) / 5, words[2], words[0]])
        embedded = layers(EncodedRows({"plot": torch.tensor([[1, 3], [2, 0], [0, 0]])}, 3))
        torch.testing.assert_close(embedded, expected)

    def test_rare_values_are_unknown(self) -> None:
        field = MultiValuedField(name="genres", values=("a", "b", "rare"), rare=1)
        layers = estimator(items=FeatureEncoder(fields=(field,))).embed_items
        values = layers.layers[0].weight
        assert len(values) == 3
        embedded = layers(EncodedRows({"genres": torch.tensor([[1, 3], [3, 0]])}, 2))
        torch.testing.assert_close(embedded, values[[1, 0]])

    def test_fields_that_are_not_to_be_embedded_are_no_inputs(self) -> None:
        fields = (*ITEMS.fields, CategoricalField(name="writer", values=("x",), embed=False))
        assert estimator(items=FeatureEncoder(fields=fields)).embed_items.width == estimator().embed_items.width

    def test_width_is_what_comes_out(self) -> None:
        layers = estimator(dim=5).embed_items
        assert layers.width == 5 + 2
        assert layers(item_rows([[1]], [[0.0, 1.0]])).shape == (1, 7)

    def test_no_fields_give_no_columns(self) -> None:
        layers = estimator(users=NO_FIELDS).embed_users
        assert layers(EncodedRows({}, 4)).shape == (4, 0)

    def test_field_names_may_hold_any_characters(self) -> None:
        name = "née à. «Paris»"
        encoder = FeatureEncoder(fields=(CategoricalField(name=name, values=("a",)),))
        rows = EncodedRows({name: torch.tensor([1])}, 1)
        assert estimator(users=encoder).embed_users(rows).shape == (1, 2)
