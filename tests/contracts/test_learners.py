"""Every learner, with its defaults and its paper's values, and every preset passes the checks of a predictor."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from models.artifact import TrainedModel, load_artifact, save_artifact
from models.data.answers import AttributeAnswer, GroupAnswer, PairAnswer
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch
from models.evaluation.predictors import by_learner, encoded_for
from models.inputs.collaborative_inputs import OutOfFold
from models.learners.base import Support
from models.learners.episode_predictions import embed_episodes
from models.ranking import Recommender
from models.ranking.self_check import require_finite_predictions
from models.train import train
from tests.artifacts import parts_of
from tests.contracts import checks
from tests.contracts.cases import COMPLETE, Case


class TestPredictions:
    def test_batch_gives_valid_predictions(self, learner: Case) -> None:
        checks.check_batch_is_valid(learner)

    def test_empty_support_gives_valid_predictions(self, learner: Case) -> None:
        checks.check_empty_support_is_valid(learner)

    def test_one_rating_gives_valid_predictions(self, learner: Case) -> None:
        checks.check_one_rating_is_valid(learner)

    def test_same_item_twice_gives_valid_predictions(self, learner: Case) -> None:
        checks.check_same_item_twice_is_valid(learner)

    def test_equal_ratings_of_all_items_give_valid_predictions(self, learner: Case) -> None:
        checks.check_everything_rated_alike_is_valid(learner)

    def test_new_items_get_valid_predictions(self, learner: Case, dataset: Dataset) -> None:
        checks.check_new_items_are_valid(learner, dataset)

    def test_unknown_users_and_items_get_valid_predictions(self, learner: Case, dataset: Dataset) -> None:
        checks.check_unknown_users_and_items_are_valid(learner, dataset)

    def test_batch_gives_the_same_as_each_user_alone(self, learner: Case) -> None:
        checks.check_batch_equals_alone(learner)

    def test_support_in_another_order_gives_the_same(self, learner: Case) -> None:
        checks.check_support_order_does_not_matter(learner)

    def test_query_in_another_order_gives_the_same(self, learner: Case) -> None:
        checks.check_query_order_does_not_matter(learner)

    def test_query_ratings_are_not_used(self, learner: Case) -> None:
        checks.check_query_ratings_are_not_used(learner)


class TestTraining:
    def test_losses_are_finite_for_known_and_for_new_items(self, model: TrainedModel, dataset: Dataset) -> None:
        data, batch = encoded_for(model, dataset), EpisodeBatch.of(checks.EPISODES)
        for as_new in (False, True):
            out_of_fold = OutOfFold(1, as_new, torch.Generator().manual_seed(0))
            episodes = embed_episodes(model.learner, data, batch, out_of_fold=out_of_fold)
            assert torch.isfinite(episodes.query_losses()).all()
            assert torch.isfinite(episodes.support_losses(steps=0)).all()

    def test_all_weights_are_finite(self, model: TrainedModel) -> None:
        for name, values in model.learner.state_dict().items():
            assert torch.isfinite(values).all(), name

    def test_every_epoch_has_a_finite_loss(self, model: TrainedModel) -> None:
        assert all(math.isfinite(epoch.training_loss + epoch.validation.loss) for epoch in model.manifest.history)

    @pytest.mark.parametrize("model", COMPLETE, indirect=True)
    def test_same_seed_gives_the_same_weights(self, model: TrainedModel, dataset: Dataset, tmp_path: Path) -> None:
        again = train(dataset, model.manifest.preset, tmp_path / "again", data_path=None, research_only=True)
        for name, values in model.learner.state_dict().items():
            torch.testing.assert_close(again.learner.state_dict()[name], values, msg=name)


class TestArtifact:
    def test_saved_and_loaded_model_predicts_the_same(
        self, model: TrainedModel, dataset: Dataset, tmp_path: Path
    ) -> None:
        save_artifact(tmp_path / "copy", parts_of(model))
        loaded, batch = load_artifact(tmp_path / "copy"), EpisodeBatch.of(checks.EPISODES)
        assert loaded.manifest.preset == model.manifest.preset
        np.testing.assert_array_equal(by_learner(loaded, dataset)(batch).score, by_learner(model, dataset)(batch).score)


class TestAnswers:
    """Answers to questions about several items. Half of the films are comedies, the others are horror films."""

    def test_answer_moves_predictions_as_ratings_do(self, model: TrainedModel) -> None:
        """The direction, by a posterior; the same predictions, by other learners, to which answers are ratings."""
        group = "i1", "i3", "i5"
        after = {rating: checks.scores_after(model, [GroupAnswer(group, rating)], group) for rating in (1.0, 5.0)}
        if model.learner.takes_answers:
            assert after[5.0].mean() > after[1.0].mean()
        else:
            for rating, scores in after.items():
                rated = checks.scores_after(model, [], group, ratings=dict.fromkeys(group, rating))
                np.testing.assert_allclose(scores, rated, rtol=1e-4, atol=1e-4)

    def test_preferred_item_gains_on_the_other(self, model: TrainedModel) -> None:
        """By a posterior; other learners get a rating above the mean and one below."""
        first, second = (
            checks.scores_after(model, [PairAnswer(*pair)], ["i1", "i2"]) for pair in (("i1", "i2"), ("i2", "i1"))
        )
        if model.learner.takes_answers:
            assert first[0] - first[1] > second[0] - second[1]
        else:
            rated = checks.scores_after(model, [], ["i1", "i2"], ratings={"i1": 4.0, "i2": 2.0})
            np.testing.assert_allclose(first, rated, rtol=1e-4, atol=1e-4)

    def test_order_and_padding_of_answers_do_not_matter(self, model: TrainedModel) -> None:
        answers = [
            AttributeAnswer("genre", "comedy", 4.0),
            PairAnswer("i7", "i2"),
            GroupAnswer(("i1", "i3", "i5"), 2.0),
        ]
        alone, backwards = (checks.scores_after(model, each, ["i1", "i9"]) for each in (answers, answers[::-1]))
        together = checks.scores_after(model, answers, ["i1", "i9"], beside=[answers[:1], [*answers, answers[0]], []])
        np.testing.assert_allclose(backwards, alone, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-4)

    def test_user_who_cannot_answer_anything_gets_the_predictions_of_a_stranger(self, model: TrainedModel) -> None:
        of_nothing = [GroupAnswer(("unknown",), 5.0), AttributeAnswer("genre", "western", 1.0), PairAnswer("i1", "new")]
        stranger = checks.scores_after(model, [], ["i1", "i2"])
        np.testing.assert_array_equal(checks.scores_after(model, of_nothing, ["i1", "i2"]), stranger)


class TestServing:
    def test_model_passes_the_self_check(self, model: TrainedModel) -> None:
        require_finite_predictions(Recommender(model, model.items))

    def test_prepared_catalogue_scores_as_predictions_do(self, model: TrainedModel, dataset: Dataset) -> None:
        learner, data = model.learner, encoded_for(model, dataset)
        with torch.inference_mode():
            episodes = embed_episodes(learner, data, EpisodeBatch.of(checks.EPISODES))
            adapted = episodes.adapt().adapted
            catalogue = learner.embed_items(data.items)
            for rows in (None, torch.tensor([3, 17, 39])):
                items = catalogue if rows is None else catalogue.take(rows)
                expected = learner.predict(adapted, episodes.users, items.expand(3)).score
                scores = learner.prepare(catalogue).scores(adapted, episodes.users, rows)
                torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-4)

    def test_gradient_norms_are_finite_where_the_learner_has_them(self, model: TrainedModel, dataset: Dataset) -> None:
        batch = EpisodeBatch.of(checks.EPISODES)
        episodes = embed_episodes(model.learner, encoded_for(model, dataset), batch).adapt()
        norms = model.learner.gradient_norms(episodes.adapted, episodes.users, episodes.query_items)
        if norms is not None:
            assert norms.shape == batch.query_mask.shape
            assert torch.isfinite(norms).all()
            assert (norms >= 0).all()

    def test_last_layer_has_positive_noise_where_the_learner_has_one(
        self, model: TrainedModel, dataset: Dataset
    ) -> None:
        last_layer = model.learner.last_layer(model.learner.embed_items(encoded_for(model, dataset).items))
        if last_layer is not None:
            assert torch.isfinite(last_layer.features).all()
            assert (last_layer.noise > 0).all()

    def test_variants_have_distinct_names_and_begin_with_the_adapted_learner(
        self, model: TrainedModel, dataset: Dataset
    ) -> None:
        variants = model.learner.variants()
        names = [variant.name("preset") for variant in variants]
        assert len(set(names)) == len(names) >= 2
        batch = EpisodeBatch.of(checks.EPISODES)
        first = by_learner(model, dataset, steps=variants[0].steps)(batch).score
        np.testing.assert_array_equal(first, by_learner(model, dataset)(batch).score)

    def test_unknown_user_is_adapted_without_slots(self, model: TrainedModel) -> None:
        learner = model.learner
        users = learner.embed_users(model.manifest.user_encoder.encode_values([{}]))
        items = learner.embed_items(model.manifest.item_encoder.encode(model.items.table))
        nothing = torch.zeros(1, 0)
        adapted = learner.adapt(Support(users, items[:0].expand(1), nothing, nothing.bool()))
        assert torch.isfinite(learner.predict(adapted, users, items.expand(1)).score).all()
