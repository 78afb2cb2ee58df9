from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from pydantic import ValidationError
from sklearn.metrics import ndcg_score

from models.artifact import TrainedModel
from models.baselines import BASELINES, baseline_class
from models.data.dataset import Dataset, State
from models.data.evaluation_episodes import Order
from models.data.malformed import DataError
from models.data.splits import Split
from models.evaluation import Estimate, EvaluationConfig, EvaluationReport, StateReport, evaluate
from models.learners.base import Support
from tests.unit.models.tiny_data import tiny_episode, with_times

EPISODES = [
    tiny_episode(user=0, support=[(2, 5.0), (1, 1.0)], query=[(4, 5.0), (3, 1.0), (6, 4.0)]),
    tiny_episode(user=1, support=[(3, 5.0)], query=[(5, 4.0), (8, 2.0)]),
    tiny_episode(user=2, support=[], query=[(7, 1.0)]),
    tiny_episode(user=3, support=[(9, 5.0), (10, 1.0)], query=[(11, 5.0), (12, 2.0)], state=State.USER_COLD),
]
FEW_RATINGS = EvaluationConfig(min_ratings=4, query_size=2, bootstrap_resamples=100)
"""Smaller sizes than the paper's, because the two-tastes users have few ratings in each state."""

PREDICTED = ("predicted", "predicted_median", "score")


def measures(state: StateReport, predictor: str) -> dict[str, Estimate]:
    [found] = [row.measures for row in state.predictors if row.name == predictor]
    return found


@pytest.fixture(scope="module")
def report_and_predictions(model: TrainedModel, two_tastes: Dataset) -> tuple[EvaluationReport, pl.DataFrame]:
    return evaluate(model, two_tastes, EvaluationConfig(bootstrap_resamples=200), episodes=EPISODES)


@pytest.fixture(scope="module")
def report(report_and_predictions: tuple[EvaluationReport, pl.DataFrame]) -> EvaluationReport:
    return report_and_predictions[0]


@pytest.fixture(scope="module")
def predictions(report_and_predictions: tuple[EvaluationReport, pl.DataFrame]) -> pl.DataFrame:
    return report_and_predictions[1]


@pytest.fixture(scope="module")
def drawn(model: TrainedModel, two_tastes: Dataset) -> tuple[EvaluationReport, pl.DataFrame]:
    """An evaluation of the episodes that the protocol draws, in more than one batch."""
    return evaluate(model, two_tastes, FEW_RATINGS)


class TestKnownAnswers:
    """The figures of the warm state, computed independently."""

    WARM = EPISODES[:3]

    def test_global_mean_errors_equal_the_definition(self, report: EvaluationReport, model: TrainedModel) -> None:
        mean = model.manifest.data.mean_rating
        errors = [episode.query_ratings - mean for episode in self.WARM]
        rounded = [episode.query_ratings - round(mean) for episode in self.WARM]
        found = measures(report.states[0], "global mean")
        assert found["mae"].value == pytest.approx(np.mean([np.abs(own).mean() for own in rounded]))
        assert found["mae_of_mean"].value == pytest.approx(np.mean([np.abs(own).mean() for own in errors]))
        assert found["rmse"].value == pytest.approx(np.sqrt(np.mean([np.square(own).mean() for own in errors])))

    @pytest.mark.parametrize("k", [1, 3, 10])
    def test_global_mean_ndcg_equals_scikit_learn(self, report: EvaluationReport, k: int) -> None:
        found = measures(report.states[0], "global mean")
        for name, gain in (("exponential", lambda ratings: 2.0**ratings - 1), ("linear", lambda ratings: ratings)):
            # scikit-learn refuses a single item, whose order is always perfect.
            expected = [
                ndcg_score([gain(episode.query_ratings)], [np.zeros(len(episode.query_ratings))], k=k)
                for episode in self.WARM[:2]
            ]
            assert found[f"ndcg@{k}_{name}"].value == pytest.approx(np.mean([*expected, 1.0]))

    def test_errors_without_adaptation_are_those_of_the_network(
        self, report: EvaluationReport, model: TrainedModel, two_tastes: Dataset
    ) -> None:
        users = model.manifest.user_encoder.encode(two_tastes.users.table)
        items = model.manifest.item_encoder.encode(two_tastes.items.table)
        errors, rounded = [], []
        for episode in self.WARM:
            rows = torch.tensor(episode.query_items, dtype=torch.int64)
            same_user = users.take(torch.full_like(rows, episode.user))
            with torch.no_grad():
                predicted = model.learner.network(same_user, items.take(rows)).clamp(1, 5).numpy()
            errors.append(np.abs(predicted - episode.query_ratings).mean())
            rounded.append(np.abs(predicted.round() - episode.query_ratings).mean())
        found = measures(report.states[0], "tiny, 0 steps")
        assert found["mae_of_mean"].value == pytest.approx(np.mean(errors), rel=1e-5)
        assert found["mae"].value == pytest.approx(np.mean(rounded))

    def test_report_counts_users_and_query_ratings(self, report: EvaluationReport) -> None:
        warm, user_cold, item_cold, both_cold = report.states
        assert [state.state for state in report.states] == [state.label for state in State]
        assert (warm.users, warm.query_ratings, warm.mean_support) == (3, 6, 1.0)
        assert (user_cold.users, user_cold.query_ratings, user_cold.mean_support) == (1, 2, 2.0)
        assert (item_cold.users, item_cold.query_ratings, item_cold.predictors) == (0, 0, ())
        assert both_cold.users == 0

    def test_figures_of_one_user_have_no_interval(self, report: EvaluationReport) -> None:
        for row in report.states[1].predictors:
            for estimate in row.measures.values():
                assert (estimate.low, estimate.high) == (None, None)

    def test_report_says_how_predictions_are_decoded(self, report: EvaluationReport) -> None:
        assert report.decoding.startswith(
            "The same for all predictors. MAE: predictions rounded to a rating of the scale;"
        )


class TestPredictors:
    def test_predictors_are_the_model_with_and_without_adaptation_and_the_baselines(
        self, report: EvaluationReport
    ) -> None:
        names = [row.name for row in report.states[0].predictors]
        assert names == ["tiny, 2 steps", "tiny, 0 steps", *BASELINES]

    def test_predictors_with_other_steps_predict_differently(
        self, model: TrainedModel, two_tastes: Dataset, report: EvaluationReport
    ) -> None:
        config = EvaluationConfig(steps=5, bootstrap_resamples=100)
        other, _ = evaluate(model, two_tastes, config, episodes=EPISODES)
        five, two = measures(other.states[0], "tiny, 5 steps"), measures(report.states[0], "tiny, 2 steps")
        assert five["mae"].value != two["mae"].value

    def test_predictors_adapted_model_is_the_best_on_two_tastes(
        self, drawn: tuple[EvaluationReport, pl.DataFrame]
    ) -> None:
        for state in drawn[0].states:
            adapted, *others = (row.measures["mae"].value for row in state.predictors)
            assert adapted < 0.8 * min(others), state.state

    def test_estimates_lie_within_their_intervals(self, drawn: tuple[EvaluationReport, pl.DataFrame]) -> None:
        for state in drawn[0].states:
            for row in state.predictors:
                assert all(mean.low <= mean.value <= mean.high for mean in row.measures.values())


class TestPredictions:
    def test_predictions_have_one_row_for_each_query_rating(
        self, predictions: pl.DataFrame, two_tastes: Dataset
    ) -> None:
        expected = [
            (episode.state.label, two_tastes.users.ids[episode.user], two_tastes.items.ids[item], rating)
            for episode in EPISODES
            for item, rating in zip(episode.query_items, episode.query_ratings, strict=True)
        ]
        assert sorted(predictions.drop(PREDICTED).rows()) == sorted(expected)

    def test_predictions_reproduce_the_errors_of_the_adapted_model(
        self, drawn: tuple[EvaluationReport, pl.DataFrame]
    ) -> None:
        report, predictions = drawn
        error = pl.col("predicted").cast(pl.Float64) - pl.col("rating")
        error_of_median = pl.col("predicted_median").cast(pl.Float64) - pl.col("rating")
        by_user = predictions.group_by("state", "user_id").agg(
            error_of_median.abs().mean().alias("mae"),
            error.abs().mean().alias("mae_of_mean"),
            error.pow(2).mean().alias("mse"),
        )
        for state in report.states:
            own = by_user.filter(pl.col("state") == state.state)
            found = measures(state, "tiny, 2 steps")
            assert own.height == state.users
            assert found["mae"].value == pytest.approx(own["mae"].mean())
            assert found["mae_of_mean"].value == pytest.approx(own["mae_of_mean"].mean())
            assert found["rmse"].value == pytest.approx(np.sqrt(own["mse"].mean()))

    def test_predictions_lie_on_the_rating_scale(self, drawn: tuple[EvaluationReport, pl.DataFrame]) -> None:
        for column in ("predicted", "predicted_median"):
            assert drawn[1][column].min() >= 1.0
            assert drawn[1][column].max() <= 5.0

    def test_predictions_without_episodes_are_an_empty_table_with_the_same_columns(
        self, model: TrainedModel, two_tastes: Dataset, predictions: pl.DataFrame
    ) -> None:
        report, none = evaluate(model, two_tastes, FEW_RATINGS, episodes=[])
        assert none.is_empty()
        assert none.schema == predictions.schema
        assert [state.users for state in report.states] == [0, 0, 0, 0]


class TestStates:
    def test_states_that_are_not_configured_are_not_reported(self, model: TrainedModel, two_tastes: Dataset) -> None:
        config = FEW_RATINGS.model_copy(update={"states": ("item_cold", "user_cold")})
        report, predictions = evaluate(model, two_tastes, config)
        assert [state.state for state in report.states] == ["user_cold", "item_cold"]
        assert set(predictions["state"]) == {"user_cold", "item_cold"}

    @staticmethod
    def warm_pairs(predictions: pl.DataFrame, dataset: Dataset) -> set[tuple[int, int]]:
        """The (user row, item row) of each query rating in the warm state."""
        warm = predictions.filter(pl.col("state") == "warm")
        users, items = dataset.users.row_of, dataset.items.row_of
        return {(users[user], items[item]) for user, item in warm.select("user_id", "item_id").iter_rows()}

    @staticmethod
    def trained_pairs(model: TrainedModel, dataset: Dataset) -> set[tuple[int, int]]:
        training = Split.of(dataset, model.split).training
        return set(zip(dataset.ratings.users[training], dataset.ratings.items[training], strict=True))

    def test_warm_users_are_known_and_their_query_ratings_are_not(
        self, drawn: tuple[EvaluationReport, pl.DataFrame], model: TrainedModel, two_tastes: Dataset
    ) -> None:
        queried, trained = self.warm_pairs(drawn[1], two_tastes), self.trained_pairs(model, two_tastes)
        assert queried
        assert not queried & trained
        assert {user for user, _ in queried} <= {user for user, _ in trained}

    def test_paper_warm_is_in_sample_and_says_so(self, model: TrainedModel, two_tastes: Dataset) -> None:
        report, predictions = evaluate(model, two_tastes, FEW_RATINGS.model_copy(update={"paper_warm": True}))
        assert self.warm_pairs(predictions, two_tastes) & self.trained_pairs(model, two_tastes)
        assert any("in sample" in note for note in report.notes)

    def test_query_sizes_are_the_configured_ones(self, drawn: tuple[EvaluationReport, pl.DataFrame]) -> None:
        assert all(state.query_ratings == 2 * state.users > 0 for state in drawn[0].states)


class TestOrderOfTime:
    CONFIG = FEW_RATINGS.model_copy(update={"order": Order.TIME})

    def test_latest_ratings_are_predicted_from_the_earlier_ones(
        self, model: TrainedModel, two_tastes: Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        dataset = with_times(two_tastes)
        supports: list[Support] = []
        adapt = model.learner.adapt

        def record(support: Support, **options: int | None) -> object:
            supports.append(support)
            return adapt(support, **options)

        monkeypatch.setattr(model.learner, "adapt", record)
        _, predictions = evaluate(model, dataset, self.CONFIG.model_copy(update={"states": ("user_cold",)}))
        states = Split.of(dataset, model.split).states
        for user_id, of_user in predictions.group_by("user_id"):
            user = dataset.users.row_of[str(user_id[0])]
            rows = (dataset.ratings.users == user) & (states == State.USER_COLD)
            items = sorted(dataset.ratings.items[rows])  # in this order they were rated
            assert sorted(dataset.items.row_of[item_id] for item_id in of_user["item_id"]) == items[-2:]
        assert supports
        for support in supports:
            latest = support.times.amax(dim=1) if support.times.shape[1] else torch.zeros(len(support.now))
            assert (latest < support.now).all()

    def test_data_without_times_are_refused_before_any_work(
        self, model: TrainedModel, two_tastes: Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def work(*_: object) -> None:
            raise AssertionError("a baseline was fitted")

        monkeypatch.setattr(baseline_class(BASELINES[0]), "fit", work)
        with pytest.raises(DataError, match="have no times"):
            evaluate(model, two_tastes, self.CONFIG)

    def test_report_says_which_order_was_used(self, model: TrainedModel, two_tastes: Dataset) -> None:
        report, _ = evaluate(model, with_times(two_tastes), self.CONFIG)
        assert report.config.order is Order.TIME
        assert any(note.startswith("In order of time") for note in report.notes)
        assert any(note.startswith("In the warm state") for note in report.notes)

    def test_given_episodes_have_their_own_order(self, model: TrainedModel, two_tastes: Dataset) -> None:
        report, _ = evaluate(model, two_tastes, self.CONFIG, episodes=EPISODES)
        assert report.notes == ()


class TestProgress:
    def test_progress_grows_to_1(self, model: TrainedModel, two_tastes: Dataset) -> None:
        shares: list[float] = []
        evaluate(model, two_tastes, FEW_RATINGS, progress=shares.append)
        assert len(shares) > 4
        assert shares == sorted(shares)
        assert shares[0] > 0
        assert shares[-1] == 1.0

    def test_progress_without_episodes_reaches_1(self, model: TrainedModel, two_tastes: Dataset) -> None:
        shares: list[float] = []
        evaluate(model, two_tastes, FEW_RATINGS, episodes=[], progress=shares.append)
        assert shares == [1.0]

    def test_progress_exception_stops_the_evaluation(self, model: TrainedModel, two_tastes: Dataset) -> None:
        class CancelledError(Exception):
            pass

        def cancel(share: float) -> None:
            raise CancelledError(share)

        with pytest.raises(CancelledError):
            evaluate(model, two_tastes, FEW_RATINGS, progress=cancel)


class TestReport:
    def test_report_of_the_same_evaluation_is_the_same(
        self, drawn: tuple[EvaluationReport, pl.DataFrame], model: TrainedModel, two_tastes: Dataset
    ) -> None:
        report, predictions = evaluate(model, two_tastes, FEW_RATINGS)
        assert report == drawn[0]
        assert predictions.equals(drawn[1])

    def test_other_seed_draws_other_query_ratings(
        self, drawn: tuple[EvaluationReport, pl.DataFrame], model: TrainedModel, two_tastes: Dataset
    ) -> None:
        _, predictions = evaluate(model, two_tastes, FEW_RATINGS.model_copy(update={"seed": 1}))
        assert not predictions.drop(PREDICTED).sort(pl.all()).equals(drawn[1].drop(PREDICTED).sort(pl.all()))

    def test_report_is_the_same_for_any_order_of_the_episodes(
        self, report: EvaluationReport, model: TrainedModel, two_tastes: Dataset
    ) -> None:
        config = EvaluationConfig(bootstrap_resamples=200)
        other, _ = evaluate(model, two_tastes, config, episodes=EPISODES[::-1])
        for state, other_state in zip(report.states, other.states, strict=True):
            for row in state.predictors:
                expected = {name: mean.value for name, mean in measures(other_state, row.name).items()}
                assert {name: mean.value for name, mean in row.measures.items()} == pytest.approx(expected, rel=1e-5)

    def test_report_json_round_trip(self, report: EvaluationReport) -> None:
        assert EvaluationReport.model_validate_json(report.model_dump_json()) == report

    def test_report_names_the_model_and_the_data(self, report: EvaluationReport, model: TrainedModel) -> None:
        assert (report.model_version, report.data) == (model.version, "two-tastes")

    def test_report_on_the_training_data_set_has_no_note(self, report: EvaluationReport) -> None:
        assert report.notes == ()

    def test_report_on_another_data_set_has_a_note(self, model: TrainedModel, two_tastes: Dataset) -> None:
        values = two_tastes.ratings.values[::-1].copy()
        foreign = replace(two_tastes, ratings=replace(two_tastes.ratings, values=values))
        report, _ = evaluate(model, foreign, FEW_RATINGS, episodes=EPISODES)
        [note] = report.notes
        assert "not the data that the model was trained on" in note


class TestEvaluationConfig:
    @pytest.mark.parametrize("states", [["hot"], ["warm", "hot"], [], ["warm", "warm"]])
    def test_config_with_wrong_states_is_refused(self, states: Sequence[str]) -> None:
        with pytest.raises(ValidationError, match="states"):
            EvaluationConfig.model_validate({"states": states})

    def test_config_error_lists_the_known_states(self) -> None:
        with pytest.raises(ValidationError, match="use warm, user_cold, item_cold, user_and_item_cold"):
            EvaluationConfig.model_validate({"states": ["hot"]})

    def test_config_default_is_all_states(self) -> None:
        assert EvaluationConfig().states == ("warm", "user_cold", "item_cold", "user_and_item_cold")

    @pytest.mark.parametrize(
        "change", [{"steps": 0}, {"seed": -1}, {"query_size": 0}, {"min_ratings": 1}, {"order": "date"}, {"k": 1}]
    )
    def test_config_with_other_wrong_settings_is_refused(self, change: dict[str, object]) -> None:
        with pytest.raises(ValidationError, match=next(iter(change))):
            EvaluationConfig.model_validate(change)


def test_evaluate_default_is_ten_query_ratings_of_users_with_thirteen_or_more(
    model: TrainedModel, two_tastes: Dataset
) -> None:
    config = EvaluationConfig(bootstrap_resamples=100, states=("user_cold",))
    report, predictions = evaluate(model, two_tastes, config)
    assert set(predictions.group_by("user_id").len()["len"]) == {10}
    assert report.states[0].mean_support >= 3
