"""Interactions from file to lists: reading, training without ratings, ranking, reasons and evaluation."""

from pathlib import Path

import numpy as np
import pytest
import torch

from models.artifact import TrainedModel, load_research_model
from models.data.dataset import Dataset
from models.data.malformed import DataError
from models.data.merging import merge_datasets
from models.data.reader import read_dataset
from models.data.saved import load_dataset, save_dataset
from models.data.schema import A_RATING, DEFAULT_KINDS, DatasetSchema
from models.elicitation.strategy import Strategy
from models.evaluation import EvaluationConfig
from models.evaluation.protocol import evaluate
from models.ranking import RankingQuery, Recommender
from models.ranking.explanation import explain
from models.ranking.query import ItemInteraction, RankBy
from models.ranking.self_check import require_finite_predictions
from models.train import train
from models.training.preset import default_preset, load_preset
from tests.interactions import ITEMS, clicks, trained_on_clicks, write_clicks

EVEN = {f"i{item}" for item in range(0, ITEMS, 2)}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clicks")


@pytest.fixture(scope="module")
def model(directory: Path) -> TrainedModel:
    return trained_on_clicks(directory)


@pytest.fixture(scope="module")
def recommender(model: TrainedModel) -> Recommender:
    return Recommender(model, model.items)


def query(*interactions: ItemInteraction, **changes: object) -> RankingQuery:
    return RankingQuery(**{"attributes": {}, "ratings": [], "n": 5, "interactions": interactions, **changes})


def ids_of(recommender: Recommender, asked: RankingQuery) -> set[str]:
    return {item.item_id for item in recommender.recommend(asked)}


class TestReading:
    def test_interactions_have_the_weight_and_the_place_of_their_kind(self, tmp_path: Path) -> None:
        ratings = clicks(tmp_path).ratings
        assert not ratings.rated.any()
        weights = np.array([0.2, 1.0], dtype=np.float32)
        assert set(ratings.kinds.tolist()) == {0, 1}
        assert ratings.values.tolist() == weights[ratings.kinds].tolist()

    def test_strongest_kind_of_a_user_and_an_item_counts_and_then_the_latest(self, tmp_path: Path) -> None:
        write_clicks(tmp_path)
        rows = ["a,i1,purchase,5", "a,i1,view,9", "a,i2,view,3", "a,i2,view,2", "a,i3,dislike,7", "a,i3,purchase,6"]
        (tmp_path / "interactions.csv").write_text("user,item,kind,time\n" + "\n".join(rows) + "\n", encoding="utf-8")
        dataset, _ = read_dataset(tmp_path)
        ratings, kinds = dataset.ratings, list(dataset.schema.kinds)
        found = {
            dataset.items.ids[item]: (kinds[kind], time)
            for item, kind, time in zip(ratings.items, ratings.kinds, ratings.times.tolist(), strict=True)
        }
        assert found == {"i1": ("purchase", 5), "i2": ("view", 3), "i3": ("dislike", 7)}
        assert dataset.liked.tolist() == [dataset.items.ids[item] != "i3" for item in ratings.items]

    def test_unknown_kind_is_malformed_and_named(self, tmp_path: Path) -> None:
        write_clicks(tmp_path)
        (tmp_path / "interactions.csv").write_text("user,item,kind,time\na,i1,wave,5\n", encoding="utf-8")
        with pytest.raises(DataError, match="kind 'wave' is none of view, purchase, dislike"):
            read_dataset(tmp_path)

    def test_rating_of_an_item_counts_instead_of_the_interactions(self, tmp_path: Path) -> None:
        write_clicks(tmp_path)
        schema = (tmp_path / "schema.toml").read_text(encoding="utf-8")
        ratings = (
            'rating_scale = { minimum = 1, maximum = 5 }\n[ratings]\nuser = "user"\nitem = "item"\nrating = "stars"\n'
            'files = [{ path = "ratings.csv" }]\n[interactions]'
        )
        (tmp_path / "schema.toml").write_text(schema.replace("[interactions]", ratings), encoding="utf-8")
        (tmp_path / "ratings.csv").write_text("user,item,stars\nu0,i0,5\nu0,i1,1\n", encoding="utf-8")
        dataset, _ = read_dataset(tmp_path)
        assert dataset.ratings.rated.sum() == 2
        assert dataset.ratings.values[dataset.ratings.rated].tolist() == [5.0, 1.0]
        assert dataset.ratings.kinds[dataset.ratings.rated].tolist() == [A_RATING] * 2
        assert default_preset(dataset) == "coldstart"

    def test_saved_data_set_is_read_again_with_its_kinds(self, tmp_path: Path) -> None:
        dataset = clicks(tmp_path / "data")
        save_dataset(dataset, tmp_path / "saved")
        assert load_dataset(tmp_path / "saved").fingerprint == dataset.fingerprint

    def test_merging_with_itself_changes_no_interaction(self, tmp_path: Path) -> None:
        dataset = clicks(tmp_path)
        merged = merge_datasets(dataset, dataset)
        assert len(merged.ratings) == len(dataset.ratings)
        assert sorted(merged.ratings.kinds.tolist()) == sorted(dataset.ratings.kinds.tolist())


INTERACTIONS = {"user": "u", "item": "i", "files": [{"path": "x.csv"}]}


class TestSchema:
    def schema(self, **changes: object) -> DatasetSchema:
        return DatasetSchema.model_validate({"name": "shop", "interactions": {**INTERACTIONS, **changes}})

    def test_kinds_without_a_column_are_one_kind_and_dislike(self) -> None:
        assert self.schema().kinds == {"interaction": 1.0, "dislike": -1.0}

    def test_kinds_with_a_column_have_defaults(self) -> None:
        assert self.schema(kind="what").kinds == DEFAULT_KINDS

    def test_own_unwanted_kind_replaces_dislike(self) -> None:
        assert self.schema(kind="what", kinds={"buy": 1.0, "hide": -0.5}).kinds == {"buy": 1.0, "hide": -0.5}

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"kinds": {"view": 0.0}}, "kind 'view' has weight 0"),
            ({"kinds": {"view": 2.0}}, "less than or equal to 1"),
            ({"kinds": {"hide": -1.0}}, "at least one kind needs a positive weight"),
            ({"kinds": {"view": 0.5, "buy": 1.0}}, "kind: name the column of the kind"),
        ],
    )
    def test_wrong_kinds_are_refused(self, changes: dict[str, object], reason: str) -> None:
        with pytest.raises(ValueError, match=reason):
            self.schema(**changes)

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            ({}, "ratings or interactions: at least one"),
            (
                {"rating_scale": {"minimum": 1, "maximum": 5}, "interactions": INTERACTIONS},
                "ratings: ratings need both",
            ),
        ],
    )
    def test_schema_needs_a_source_of_ratings_or_interactions(self, body: dict[str, object], reason: str) -> None:
        with pytest.raises(ValueError, match=reason):
            DatasetSchema.model_validate({"name": "shop", **body})


class TestModel:
    def test_default_preset_of_interactions_has_no_learner(self, directory: Path, model: TrainedModel) -> None:
        assert default_preset(clicks(directory)) == "coldstart-implicit"
        assert model.learner is None
        assert model.manifest.metrics.keys() == {"validation_choice_loss"}

    def test_learner_without_ratings_to_train_on_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="use the preset coldstart-implicit for interactions"):
            train(clicks(tmp_path), load_preset("coldstart"), tmp_path / "model", data_path=None)

    def test_lists_are_of_what_users_with_the_same_taste_choose(self, recommender: Recommender) -> None:
        even = ids_of(recommender, query(ItemInteraction("i0", "purchase"), ItemInteraction("i2", "view")))
        odd = ids_of(recommender, query(ItemInteraction("i1", "purchase"), ItemInteraction("i3", "view")))
        assert even < EVEN
        assert not odd & EVEN

    def test_items_have_no_predicted_rating(self, recommender: Recommender) -> None:
        shown = recommender.recommend(query(ItemInteraction("i0", "view"), n=100))
        assert {(item.predicted_rating, item.like_probability) for item in shown} == {(None, None)}
        assert sum(item.choice_probability for item in shown) == pytest.approx(1.0, abs=1e-4)

    def test_kind_that_training_did_not_see_teaches_the_contrary(self, recommender: Recommender) -> None:
        def share(kind: str) -> float:
            asked = query(*(ItemInteraction(f"i{item}", kind) for item in (0, 2, 4)), n=100)
            return sum(item.choice_probability for item in recommender.recommend(asked) if item.item_id in EVEN)

        assert share("dislike") < share("purchase")

    def test_ranking_by_ratings_is_refused(self, recommender: Recommender) -> None:
        with pytest.raises(ValueError, match="predicts no ratings"):
            recommender.recommend(query(rank_by=RankBy.RATING))

    def test_reasons_name_the_kind(self, recommender: Recommender) -> None:
        asked = query(ItemInteraction("i0", "purchase"), ItemInteraction("i1", "view"))
        reasons = explain(recommender, asked, ["i4", "i5"])
        assert {item: (reason.item_id, reason.kind, reason.rating) for item, reason in reasons.items()} == {
            "i4": ("i0", "purchase", None),
            "i5": ("i1", "view", None),
        }

    @pytest.mark.parametrize("strategy", Strategy)
    def test_candidates_are_items_without_interactions(self, recommender: Recommender, strategy: Strategy) -> None:
        found = [candidate.item_id for candidate in recommender.candidates(strategy=strategy, n=100, rated=["i3"])]
        assert sorted(found) == sorted({f"i{item}" for item in range(ITEMS)} - {"i3"})

    def test_gradient_norms_equal_autograd(self, model: TrainedModel, recommender: Recommender) -> None:
        _, adapted = recommender.catalogue.unknown_user
        items = recommender.catalogue.choice_vectors(np.arange(ITEMS)[None])
        vector = adapted.detach().clone().requires_grad_()
        shares = model.choice.logits(vector, items).log_softmax(dim=1)[0]
        norms = [float(torch.autograd.grad(share, vector, retain_graph=True)[0].norm()) for share in shares]
        np.testing.assert_allclose(model.choice.gradient_norms(adapted, items)[0].numpy(), norms, rtol=1e-4)

    def test_self_check_passes(self, recommender: Recommender) -> None:
        require_finite_predictions(recommender)

    def test_evaluation_has_lists_and_no_errors(self, directory: Path, model: TrainedModel) -> None:
        research = load_research_model(directory / "model")
        assert research.twin_of == model.version
        report, predictions = evaluate(research, clicks(directory), EvaluationConfig(bootstrap_resamples=100))
        assert report.states == ()
        assert predictions.is_empty()
        assert report.lists is not None
        first = report.lists.catalogue.contestants[0]
        assert first.name == "coldstart-implicit"
        assert {"auc@all", "auc@100", "log_loss@all", "log_loss@100"} <= first.by_size[0].measures.keys()


def test_data_set_of_ratings_has_no_kinds(two_tastes: Dataset) -> None:
    assert two_tastes.ratings.kinds is None
    assert two_tastes.ratings.rated.all()
