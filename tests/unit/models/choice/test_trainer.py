import numpy as np
import pytest
import torch

from models.choice.trainer import RoundResult, best_round
from models.inputs.content import ContentRegression, predict_out_of_fold, similarity_features
from tests.choice import SMALL_CHOICE
from tests.unit.models.choice.halves import ITEMS, Halves, items_of

CONFIG = SMALL_CHOICE.model_copy(
    update={"learning_rate": 2e-2, "updates": 120, "patience": 10, "empty_supports": 0.3, "skipping_users": 0.4}
)
EVEN, ODD = np.arange(0, ITEMS, 2), np.arange(1, ITEMS, 2)
EVEN_USER, ODD_USER = {"rated": {0: 5.0, 2: 1.0}}, {"rated": {1: 5.0, 3: 1.0}}


@pytest.fixture(scope="module")
def trained() -> Halves:
    data = Halves(CONFIG)
    data.trainer().fit(CONFIG.rounds)
    return data


def weights_of(data: Halves) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in data.model.state_dict().items()}


def are_equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(value, second[name]) for name, value in first.items())


def test_users_of_one_half_choose_the_items_of_that_half(trained: Halves) -> None:
    for half, user in ((EVEN, EVEN_USER), (ODD, ODD_USER)):
        (shares,) = trained.shares(user)
        unrated = np.setdiff1d(half, list(user["rated"]))
        others = np.setdiff1d(np.arange(ITEMS), half)
        assert shares[unrated].min() > 3 * shares[others].max()


def test_users_of_whom_nothing_is_known_choose_by_popularity(trained: Halves) -> None:
    (shares,) = trained.shares({})
    counts = np.bincount(trained.dataset.ratings.items, minlength=ITEMS + 1)[:ITEMS]
    np.testing.assert_allclose(shares[:ITEMS] / shares[:ITEMS].sum(), counts / counts.sum(), atol=0.02)


def test_item_that_was_seen_and_not_rated_counts_as_chosen_and_a_skipped_one_does_not(trained: Halves) -> None:
    nothing, seen, skipped = trained.shares({}, {"seen": [0, 2]}, {"skipped": [0, 2]})
    others = EVEN[2:]
    assert seen[others].sum() > 1.5 * nothing[others].sum()
    assert skipped[others].sum() < 0.8 * nothing[others].sum()


def test_new_item_goes_to_the_users_who_choose_its_genre(trained: Halves) -> None:
    new = items_of([["even"], ["odd"], None], "new")
    items = trained.model.embed_items(trained.item_encoder.encode(new.table))
    even, odd = trained.shares(EVEN_USER, ODD_USER, items=items)
    assert even[0] > 3 * even[1]
    assert odd[1] > 3 * odd[0]
    assert np.isfinite([even, odd]).all()


def test_predicted_shares_of_known_items_add_up_to_their_real_share(trained: Halves) -> None:
    model, encoded, content = trained.model, trained.encoded.items, CONFIG.content
    counts = np.bincount(trained.dataset.ratings.items, minlength=ITEMS + 1)[:ITEMS]
    biases = model.biases[encoded.fields["id"][:ITEMS]].detach().double().numpy()
    fields = [field for field in trained.item_encoder.fields if field.name != "id"]
    features = similarity_features(fields, encoded, content.similarity)[:ITEMS]
    regression = ContentRegression.fit(features, biases[:, None], counts, content)
    shift = model.intercepts[0].item() - regression.intercepts[0]
    from_others = predict_out_of_fold(
        features, biases[:, None], counts, np.random.default_rng(0).random(ITEMS), content
    )
    assert np.exp(from_others[:, 0] + shift).sum() == pytest.approx(np.exp(biases).sum(), rel=1e-4)


def test_training_lowers_the_loss() -> None:
    history = Halves(CONFIG).trainer().fit(CONFIG.rounds)
    assert [result.round for result in history] == [1, 2, 3, 4]
    assert history[-1].training_loss < history[0].training_loss
    assert {result.validation_loss for result in history} == {None}


def test_training_with_the_same_seed_gives_the_same_weights() -> None:
    def fitted(seed: int) -> dict[str, torch.Tensor]:
        data = Halves(SMALL_CHOICE)
        data.trainer(seed=seed).fit(1)
        return weights_of(data)

    first = fitted(0)
    assert are_equal(first, fitted(0))
    assert not are_equal(first, fitted(1))


def test_sampled_softmax_learns_the_halves_too() -> None:
    config = CONFIG.model_copy(update={"exact_items": 8, "batch_users": 4, "max_query": 2, "updates": 150})
    data = Halves(config)
    data.trainer().fit(config.rounds)
    (shares,) = data.shares(EVEN_USER)
    assert shares[EVEN[2:]].sum() > 3 * shares[ODD].sum()


class TestValidation:
    @pytest.fixture
    def data(self) -> Halves:
        return Halves(SMALL_CHOICE.model_copy(update={"patience": 2, "updates": 300, "updates_per_round": 1}))

    def fit(
        self, data: Halves, monkeypatch: pytest.MonkeyPatch, losses: list[float]
    ) -> tuple[list[RoundResult], list[dict[str, torch.Tensor]]]:
        """Train with these validation losses; the history, and the weights after each round."""
        trainer, after = data.trainer(validation_users=range(8)), []

        def validate(_batches: object) -> float:
            after.append(weights_of(data))
            return losses[len(after) - 1]

        monkeypatch.setattr(trainer, "_validate", validate)
        return trainer.fit(len(losses)), after

    def test_training_keeps_the_weights_of_the_best_round(self, data: Halves, monkeypatch: pytest.MonkeyPatch) -> None:
        history, after = self.fit(data, monkeypatch, [3.0, 1.0, 2.0])
        kept = weights_of(data)
        # What is fitted after the last round.
        for name in ("coefficients", "intercepts", "gates_and_shifts"):
            kept.pop(name)
        assert best_round(history) == 2
        assert all(torch.equal(value, after[1][name]) for name, value in kept.items())
        assert not torch.equal(kept["biases"], after[2]["biases"])

    def test_training_stops_after_rounds_without_a_lower_loss(
        self, data: Halves, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        history, _ = self.fit(data, monkeypatch, [3.0, 2.0, 2.5, 2.1, 1.0, 0.5])
        assert [result.validation_loss for result in history] == [3.0, 2.0, 2.5, 2.1]

    def test_validation_loss_is_that_of_users_who_are_not_trained_on(self) -> None:
        data = Halves(CONFIG)
        first, *_, last = data.trainer(validation_users=range(8)).fit(CONFIG.rounds)
        # The five items of a half are alike: ln 5, when the half is known.
        assert first.validation_loss is not None
        assert last.validation_loss is not None
        assert np.log(4) < last.validation_loss < first.validation_loss < np.log(ITEMS)


def test_best_round_without_validation_is_the_last() -> None:
    rounds = [
        RoundResult(round=number, training_loss=1.0 / number, validation_loss=None, seconds=0.0) for number in (1, 2)
    ]
    assert best_round(rounds) == 2


def test_updates_are_reported_with_their_round() -> None:
    reported: list[tuple[int, int, int]] = []
    config = SMALL_CHOICE.model_copy(update={"updates": 4, "updates_per_round": 2})
    Halves(config).trainer().fit(2, batch_done=lambda *done: reported.append(done))
    assert reported == [(1, 1, 2), (1, 2, 2), (2, 1, 2), (2, 2, 2)]


def test_skips_are_popular_items_that_the_user_has_not_rated() -> None:
    config = SMALL_CHOICE.model_copy(update={"skipping_users": 0.99})
    trainer = Halves(config).trainer()
    batch = next(trainer._episodes.epoch(np.random.default_rng(0), 16))
    rows, mask = trainer._skips(batch, np.random.default_rng(0))
    assert mask.any()
    for user, items, given in zip(batch.users, rows, mask, strict=True):
        rated = {item for item in range(user % 2, ITEMS, 2) if item // 2 != user // 2 % 6}
        assert not rated & set(items[given].tolist())
        assert ITEMS not in items
