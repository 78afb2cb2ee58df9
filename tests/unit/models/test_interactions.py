"""Interactions from file to lists: reading, training without ratings, ranking, reasons and evaluation."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.artifact import TrainedModel, load_artifact, load_research_model
from models.data.dataset import Dataset, State
from models.data.episodes import Episode, EpisodeBatch
from models.data.malformed import DataError
from models.data.merging import merge_datasets
from models.data.reader import read_dataset
from models.data.saved import load_dataset, save_dataset
from models.data.schema import A_RATING, DEFAULT_KINDS, DatasetSchema
from models.elicitation.statistics import item_statistics
from models.elicitation.strategy import Strategy
from models.evaluation import EvaluationConfig
from models.evaluation.predictors import encoded_for
from models.evaluation.protocol import evaluate
from models.learners.episode_predictions import predict_episodes
from models.ranking import RankingQuery, Recommender
from models.ranking.explanation import explain
from models.ranking.query import ItemInteraction, RankBy
from models.ranking.self_check import require_finite_predictions
from models.train import train
from models.training.preset import default_preset, load_preset
from tests.purchases import ITEMS, write_purchases

HORROR = {f"i{item}" for item in range(0, ITEMS, 2)}


@pytest.fixture(scope="module")
def purchases(purchases_dir: Path) -> Dataset:
    return read_dataset(purchases_dir)[0]


@pytest.fixture(scope="module")
def model(implicit_model_dir: Path) -> TrainedModel:
    return load_artifact(implicit_model_dir)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A directory with the schema, users and items of purchases, whose interactions a test replaces."""
    write_purchases(tmp_path / "shop")
    return tmp_path / "shop"


def write_interactions(shop: Path, *rows: str) -> None:
    (shop / "interactions.csv").write_text("\n".join(["user,item,what,time", *rows, ""]), encoding="utf-8")


@pytest.fixture(scope="module")
def recommender(model: TrainedModel) -> Recommender:
    return Recommender(model, model.items)


def query(*interactions: ItemInteraction, **changes: object) -> RankingQuery:
    return RankingQuery(**{"attributes": {}, "ratings": [], "n": 5, "interactions": interactions, **changes})


def ids_of(recommender: Recommender, asked: RankingQuery) -> set[str]:
    return {item.item_id for item in recommender.recommend(asked)}


class TestReading:
    def test_interactions_have_the_weight_and_the_place_of_their_kind(self, purchases: Dataset) -> None:
        ratings = purchases.ratings
        assert not ratings.rated.any()
        weights = np.array([0.2, 1.0], dtype=np.float32)
        assert set(ratings.kinds.tolist()) <= {0, 1}
        assert ratings.values.tolist() == weights[ratings.kinds].tolist()

    def test_strongest_kind_of_a_user_and_an_item_counts_and_then_the_latest(self, shop: Path) -> None:
        rows = ["a,i1,purchase,5", "a,i1,view,9", "a,i2,view,3", "a,i2,view,2", "a,i3,dislike,7", "a,i3,purchase,6"]
        write_interactions(shop, *rows)
        dataset, _ = read_dataset(shop)
        ratings, kinds = dataset.ratings, list(dataset.schema.kinds)
        found = {
            dataset.items.ids[item]: (kinds[kind], time)
            for item, kind, time in zip(ratings.items, ratings.kinds, ratings.times.tolist(), strict=True)
        }
        assert found == {"i1": ("purchase", 5), "i2": ("view", 3), "i3": ("dislike", 7)}
        assert dataset.liked.tolist() == [dataset.items.ids[item] != "i3" for item in ratings.items]

    def test_interactions_keep_the_order_of_the_file(self, shop: Path) -> None:
        write_interactions(shop, "a,i3,purchase,9", "a,i1,view,5", "a,i2,purchase,7", "a,i3,view,1")
        dataset, _ = read_dataset(shop)
        assert [dataset.items.ids[item] for item in dataset.ratings.items] == ["i3", "i1", "i2"]

    def test_file_without_kinds_and_times_is_read(self, shop: Path) -> None:
        schema = (shop / "schema.toml").read_text(encoding="utf-8")
        unwanted = ('kind = "what"\n', 'time = "time"\n', "kinds = { view = 0.2, purchase = 1.0, dislike = -1.0 }\n")
        for line in unwanted:
            schema = schema.replace(line, "")
        (shop / "schema.toml").write_text(schema, encoding="utf-8")
        (shop / "interactions.csv").write_text("user,item\na,i1\na,i2\na,i1\nb,i1\n", encoding="utf-8")
        dataset, _ = read_dataset(shop)
        assert dataset.ratings.times is None
        assert sorted(dataset.items.ids[item] for item in dataset.ratings.items) == ["i1", "i1", "i2"]

    def test_unknown_kind_is_malformed_and_named(self, shop: Path) -> None:
        write_interactions(shop, "a,i1,wave,5")
        with pytest.raises(DataError, match="kind 'wave' is none of view, purchase, dislike"):
            read_dataset(shop)

    def test_saved_data_set_is_read_again_with_its_kinds(self, purchases: Dataset, tmp_path: Path) -> None:
        save_dataset(purchases, tmp_path / "saved")
        assert load_dataset(tmp_path / "saved").fingerprint == purchases.fingerprint

    def test_merging_with_itself_changes_no_interaction(self, purchases: Dataset) -> None:
        merged = merge_datasets(purchases, purchases)
        assert len(merged.ratings) == len(purchases.ratings)
        assert sorted(merged.ratings.kinds.tolist()) == sorted(purchases.ratings.kinds.tolist())


class TestRatingsAndInteractions:
    @pytest.fixture
    def mixed(self, shop: Path) -> Dataset:
        """User u0 rates i0 and i1, and has viewed and bought other films."""
        schema = (shop / "schema.toml").read_text(encoding="utf-8")
        ratings = (
            'rating_scale = { minimum = 1, maximum = 5 }\n[ratings]\nuser = "user"\nitem = "item"\nrating = "stars"\n'
            'files = [{ path = "ratings.csv" }]\n[interactions]'
        )
        (shop / "schema.toml").write_text(schema.replace("[interactions]", ratings, 1), encoding="utf-8")
        (shop / "ratings.csv").write_text("user,item,stars\nu0,i0,5\nu0,i1,1\n", encoding="utf-8")
        write_interactions(shop, "u0,i0,view,4", "u0,i2,purchase,5", "u0,i3,dislike,6", "u1,i1,view,5", "u1,i0,view,5")
        return read_dataset(shop)[0]

    def test_rating_of_an_item_counts_instead_of_the_interactions(self, mixed: Dataset) -> None:
        ratings = mixed.ratings
        assert ratings.values[ratings.rated].tolist() == [5.0, 1.0]
        assert ratings.kinds[ratings.rated].tolist() == [A_RATING] * 2
        assert default_preset(mixed) == "coldstart"

    def test_interactions_of_unwanted_kinds_are_no_choices(self, mixed: Dataset) -> None:
        unchosen = mixed.ratings.items[~mixed.ratings.chosen]
        assert [mixed.items.ids[item] for item in unchosen] == ["i3"]


class TestLearnerOnMixedData:
    @pytest.fixture
    def mixed(self, two_tastes: Dataset) -> Dataset:
        """The data set of ratings, of which every third is a dislike instead."""
        ratings = two_tastes.ratings
        kinds = np.where(np.arange(len(ratings)) % 3 == 0, 0, A_RATING).astype(np.int8)
        values = np.where(kinds == A_RATING, ratings.values, -1).astype(np.float32)
        return replace(two_tastes, ratings=replace(ratings, kinds=kinds, values=values))

    def test_learner_adapts_to_the_ratings_alone(self, mixed: Dataset, model_dir: Path) -> None:
        history = np.arange(mixed.ratings.offsets[1])
        supports = history, history[mixed.ratings.rated[history]]
        model = load_artifact(model_dir)
        found = [
            predict_episodes(
                model.learner,
                encoded_for(model, mixed),
                EpisodeBatch.of(
                    [Episode.of(mixed.ratings, state=State.WARM, user=0, support=support, query=history[:5])]
                ),
            )
            for support in supports
        ]
        np.testing.assert_allclose(found[0].mean.detach(), found[1].mean.detach(), rtol=1e-5)

    def test_statistics_are_of_the_ratings_alone(self, mixed: Dataset, model_dir: Path) -> None:
        model = load_artifact(model_dir)
        data, everything = encoded_for(model, mixed), np.ones(len(mixed.ratings), dtype=np.bool_)
        found = item_statistics(model.learner, data, mixed, everything)
        expected = item_statistics(model.learner, data, mixed, mixed.ratings.rated)
        assert found.equals(expected)

    def test_wanted_interactions_count_as_choices(self, mixed: Dataset, model_dir: Path) -> None:
        model, ratings = load_artifact(model_dir), mixed.ratings
        wanted = replace(mixed, ratings=replace(ratings, values=np.abs(ratings.values)))
        everything = np.ones(len(ratings), dtype=np.bool_)
        found = item_statistics(model.learner, encoded_for(model, wanted), wanted, everything)
        assert found["rating_count"].to_list() == np.bincount(ratings.items, minlength=len(mixed.items)).tolist()


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
    def test_default_preset_of_interactions_has_no_learner(self, purchases: Dataset, model: TrainedModel) -> None:
        assert default_preset(purchases) == "coldstart-implicit"
        assert model.learner is None
        assert model.manifest.metrics.keys() == {"validation_choice_loss"}

    def test_default_preset_of_many_choices_of_an_item_is_for_dense_interactions(self, purchases: Dataset) -> None:
        few_items = replace(purchases.ratings, items=purchases.ratings.items % 4)
        assert default_preset(replace(purchases, ratings=few_items)) == "coldstart-implicit-dense"
        assert load_preset("coldstart-implicit-dense").learner is None

    def test_learner_without_ratings_to_train_on_is_refused(self, purchases: Dataset, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="use the preset coldstart-implicit for interactions"):
            train(purchases, load_preset("coldstart"), tmp_path / "model", data_path=None)

    def test_lists_are_of_what_users_with_the_same_taste_choose(self, recommender: Recommender) -> None:
        horror = ids_of(recommender, query(ItemInteraction("i0", "purchase"), ItemInteraction("i2", "view")))
        comedies = ids_of(recommender, query(ItemInteraction("i1", "purchase"), ItemInteraction("i3", "view")))
        assert horror < HORROR
        assert not comedies & HORROR

    def test_items_have_no_predicted_rating(self, recommender: Recommender) -> None:
        shown = recommender.recommend(query(ItemInteraction("i0", "view"), n=100))
        assert {(item.predicted_rating, item.like_probability) for item in shown} == {(None, None)}
        assert sum(item.choice_probability for item in shown) == pytest.approx(1.0, abs=1e-4)

    def test_kind_that_training_did_not_see_teaches_the_contrary(self, recommender: Recommender) -> None:
        def share(kind: str) -> float:
            asked = query(*(ItemInteraction(f"i{item}", kind) for item in (0, 2, 4)), n=100)
            return sum(item.choice_probability for item in recommender.recommend(asked) if item.item_id in HORROR)

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
        # The softmax is over the known items. The model of this test has not seen some items of the catalogue.
        known = recommender.catalogue.trained_counts.nonzero()[0]
        items = recommender.catalogue.choice_vectors(known[None])
        vector = adapted.detach().clone().requires_grad_()
        shares = model.choice.logits(vector, items).log_softmax(dim=1)[0]
        norms = [float(torch.autograd.grad(share, vector, retain_graph=True)[0].norm()) for share in shares]
        np.testing.assert_allclose(model.choice.gradient_norms(adapted, items)[0].numpy(), norms, rtol=1e-4)

    def test_self_check_passes(self, recommender: Recommender) -> None:
        require_finite_predictions(recommender)

    def test_evaluation_has_lists_and_no_errors(self, purchases: Dataset, implicit_model_dir: Path) -> None:
        research = load_research_model(implicit_model_dir)
        report, predictions = evaluate(research, purchases, EvaluationConfig(bootstrap_resamples=100))
        assert report.states == ()
        assert predictions.is_empty()
        assert report.lists is not None
        first = report.lists.catalogue.contestants[0]
        assert first.name == "coldstart-implicit"
        assert {"auc@all", "auc@100", "log_loss@all", "log_loss@100"} <= first.by_size[0].measures.keys()

    def test_evaluation_of_given_episodes_is_refused(self, purchases: Dataset, implicit_model_dir: Path) -> None:
        with pytest.raises(DataError, match="episodes: the model predicts no ratings"):
            evaluate(load_research_model(implicit_model_dir), purchases, EvaluationConfig(), episodes=[])


def test_data_set_of_ratings_has_no_kinds(two_tastes: Dataset) -> None:
    assert two_tastes.ratings.kinds is None
    assert two_tastes.ratings.rated.all()
