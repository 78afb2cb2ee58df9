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
        ContinuousField(name="year", mean=0.0, deviation=1.0, minimum=-9.0, maximum=9.0),
    )
)
NO_FIELDS = FeatureEncoder(fields=())


def network_of(
    users: FeatureEncoder = USERS,
    items: FeatureEncoder = ITEMS,
    *,
    dim: int = 2,
    hidden: tuple[int, ...] = (3,),
    mean: float = 3.5,
) -> PreferenceEstimator:
    torch.manual_seed(0)
    return PreferenceEstimator(
        user_encoder=users,
        item_encoder=items,
        inputs=InputConfig(embedding_dim=dim),
        hidden=hidden,
        mean_rating=mean,
    )


def item_rows(genres: list[list[int]], years: list[list[float]]) -> EncodedRows:
    return EncodedRows({"genres": torch.tensor(genres), "year": torch.tensor(years)}, len(genres))


def user_rows(*countries: int) -> EncodedRows:
    return EncodedRows({"country": torch.tensor(countries)}, len(countries))


def set_weights(module: nn.Module, *values: list[list[float]] | list[float]) -> None:
    with torch.no_grad():
        for parameter, value in zip(module.parameters(), values, strict=True):
            parameter.copy_(torch.tensor(value))


class TestForward:
    def test_prediction_of_small_network_equals_the_calculation_by_hand(self) -> None:
        network = network_of(hidden=(2,))
        set_weights(network.embed_users, [[9.0, 9.0], [1.0, 2.0], [0.0, -1.0]])
        set_weights(network.embed_items, [[7.0, 7.0], [2.0, 0.0], [4.0, 6.0], [5.0, 5.0]])
        set_weights(
            network.decision,
            [[1.0, 0.0, 1.0, 0.0, 1.0, 0.0], [0.0, -1.0, 0.0, -1.0, 0.0, 1.0]],
            [0.5, 1.0],
            [[2.0, 10.0]],
            [-1.0],
        )
        # User 1 is (1, 2). The item is the mean of (2, 0) and (4, 6), the year −1.5 and the flag 0: (3, 3, −1.5, 0).
        # Hidden: relu(1 + 3 − 1.5 + 0.5) = 3 and relu(−2 − 3 + 0 + 1) = 0. Output: 2 · 3 + 10 · 0 − 1 = 5.
        assert network(user_rows(1), item_rows([[1, 2]], [[-1.5, 0.0]])).tolist() == [5.0]

    def test_predictions_of_several_rows_pair_users_and_items_by_row(self) -> None:
        network = network_of()
        users, items = user_rows(1, 2), item_rows([[1, 0], [2, 3]], [[0.0, 1.0], [0.5, 0.0]])
        actual = network(users, items)
        expected = [network(users.take(torch.tensor([row])), items.take(torch.tensor([row]))) for row in (0, 1)]
        torch.testing.assert_close(actual, torch.cat(expected))

    def test_output_bias_of_new_network_is_the_mean_rating(self) -> None:
        network = network_of(mean=4.25)
        assert network.decision[-2].bias.tolist() == [4.25]

    def test_predictions_without_user_fields_depend_on_the_item_alone(self) -> None:
        network = network_of(users=NO_FIELDS)
        ratings = network(EncodedRows({}, 2), item_rows([[1], [1]], [[0.5, 0.0], [0.5, 0.0]]))
        assert ratings.shape == (2,)
        assert ratings[0] == ratings[1]

    def test_network_without_hidden_layers_predicts(self) -> None:
        assert network_of(hidden=())(user_rows(1), item_rows([[1]], [[0.5, 0.0]])).shape == (1,)


class TestEmbeddingLayers:
    @staticmethod
    def embed_genres(genres: list[list[int]]) -> tuple[Tensor, Tensor]:
        """The embedded genres, and the embedding of each value."""
        layers = network_of(items=FeatureEncoder(fields=ITEMS.fields[:1])).embed_items
        with torch.no_grad():
            return layers(EncodedRows({"genres": torch.tensor(genres)}, len(genres))), layers.layers[0].weight

    def test_embedding_of_several_categories_is_their_mean(self) -> None:
        embedded, values = self.embed_genres([[1, 2, 3], [3, 1, 0], [2, 0, 0]])
        expected = [values[[1, 2, 3]].mean(dim=0), values[[3, 1]].mean(dim=0), values[2]]
        torch.testing.assert_close(embedded, torch.stack(expected))

    def test_embedding_of_row_without_categories_is_that_of_the_unknown_value(self) -> None:
        embedded, values = self.embed_genres([[0, 0], [1, 0]])
        torch.testing.assert_close(embedded[0], values[0])

    @pytest.mark.parametrize("padding", [1, 7])
    def test_embedding_with_more_padding_stays_the_same(self, padding: int) -> None:
        genres = [[1, 2], [3, 0], [0, 0]]
        embedded, _ = self.embed_genres(genres)
        padded, _ = self.embed_genres([row + [0] * padding for row in genres])
        torch.testing.assert_close(padded, embedded)

    def test_embedding_of_shuffled_categories_stays_the_same(self) -> None:
        torch.testing.assert_close(self.embed_genres([[1, 2, 3]])[0], self.embed_genres([[3, 1, 2]])[0])

    def test_embedding_of_numbers_is_unchanged(self) -> None:
        layers = network_of().embed_items
        assert layers(item_rows([[1]], [[-0.25, 0.0]]))[0, -2:].tolist() == [-0.25, 0.0]

    def test_embedding_of_text_is_the_weighted_mean_of_its_words(self) -> None:
        weights = torch.tensor([1.0, 2.0, 4.0])
        plot = TextField(name="plot", values=("a", "b", "c"), weights=tuple(weights.tolist()))
        layers = network_of(items=FeatureEncoder(fields=(plot,))).embed_items
        words = layers.layers[0].weight
        expected = torch.stack([(words[1] + 4 * words[3]) / 5, words[2], words[0]])
        embedded = layers(EncodedRows({"plot": torch.tensor([[1, 3], [2, 0], [0, 0]])}, 3))
        torch.testing.assert_close(embedded, expected)

    def test_embedding_of_rare_values_is_that_of_the_unknown_value(self) -> None:
        field = MultiValuedField(name="genres", values=("a", "b", "rare"), rare=1)
        layers = network_of(items=FeatureEncoder(fields=(field,))).embed_items
        values = layers.layers[0].weight
        assert len(values) == 3
        embedded = layers(EncodedRows({"genres": torch.tensor([[1, 3], [3, 0]])}, 2))
        torch.testing.assert_close(embedded, values[[1, 0]])

    def test_width_with_field_that_is_not_embedded_stays_the_same(self) -> None:
        fields = (*ITEMS.fields, CategoricalField(name="writer", values=("x",), embed=False))
        assert network_of(items=FeatureEncoder(fields=fields)).embed_items.width == network_of().embed_items.width

    def test_width_equals_the_number_of_columns(self) -> None:
        layers = network_of(dim=5).embed_items
        assert layers.width == 5 + 2
        assert layers(item_rows([[1]], [[0.0, 1.0]])).shape == (1, 7)

    def test_embedding_without_fields_has_no_columns(self) -> None:
        layers = network_of(users=NO_FIELDS).embed_users
        assert layers(EncodedRows({}, 4)).shape == (4, 0)

    def test_field_name_with_any_characters_is_embedded(self) -> None:
        name = "née à. «Paris»"
        encoder = FeatureEncoder(fields=(CategoricalField(name=name, values=("a",)),))
        rows = EncodedRows({name: torch.tensor([1])}, 1)
        assert network_of(users=encoder).embed_users(rows).shape == (1, 2)
