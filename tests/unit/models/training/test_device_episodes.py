"""Episodes drawn on the learner's device, here the CPU: the same distribution and the same losses as the host's."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from models.data.dataset import Dataset, State
from models.data.episodes import EpisodeBatch
from models.data.splits import Split, SplitConfig
from models.data.training_episodes import TrainingEpisodes
from models.data.user_folds import fold_of
from models.inputs.encoder import EncodedRows
from models.learners.episode_predictions import EncodedData, EpisodeTensors, embed_episodes
from models.training.device_episodes import DeviceEpisodes
from models.training.preset import load_preset
from models.training.stages import PreparedData
from tests.unit.models.tiny_data import tiny_dataset, with_times

ITEMS = 120
CPU = torch.device("cpu")


def dataset_of_counts(*counts: int) -> Dataset:
    """User u has rated the first `counts[u]` items; a rating tells whose it is and of what."""
    ratings = [(user, item, user + item / 1000) for user, count in enumerate(counts) for item in range(count)]
    return tiny_dataset(ratings, users=len(counts), items=ITEMS, states=[State.WARM] * len(ratings))


def drawn(
    dataset: Dataset, batch_users: int = 3, *, items: int = ITEMS, empty_supports: float = 0.0, **options: float
) -> Iterator[tuple[int, EpisodeTensors]]:
    """An epoch; `items` is how many items the data set says it has."""
    settings = {"max_support": 80, "max_query": 20, **options}
    episodes = TrainingEpisodes(dataset, np.ones(len(dataset.ratings), dtype=np.bool_), **settings)
    data = EncodedData(EncodedRows({}, len(dataset.users)), EncodedRows({}, items), CPU)
    generators = np.random.default_rng(0), torch.Generator().manual_seed(0)
    return DeviceEpisodes(episodes, data).epoch(*generators, batch_users, empty_supports=empty_supports)


def contents(batch: EpisodeTensors, row: int) -> tuple[Tensor, Tensor]:
    """The items of one user's support and query set."""
    support = batch.items[batch.support_slots[row][batch.support_mask[row]]]
    return support, batch.items[batch.query_slots[row][batch.query_mask[row]]]


@pytest.mark.parametrize("items", [ITEMS, 10**6], ids=["all items embedded", "each slot embedded"])
def test_support_and_query_are_disjoint_ratings_of_the_user(items: int) -> None:
    for _, batch in drawn(dataset_of_counts(2, 30, 90, 90, 90), items=items):
        for row, user in enumerate(batch.users.tolist()):
            together = torch.cat(contents(batch, row))
            assert len(together.unique()) == len(together)
            ratings = torch.cat(
                [
                    batch.support_ratings[row][batch.support_mask[row]],
                    batch.query_ratings[row][batch.query_mask[row]],
                ]
            )
            torch.testing.assert_close(ratings, user + together / 1000)


def test_epoch_draws_every_user_with_two_ratings_once() -> None:
    users = [user for _, batch in drawn(dataset_of_counts(5, 1, 2, 0, 9), 2) for user in batch.users.tolist()]
    assert sorted(users) == [0, 2, 4]


def test_users_of_a_batch_are_of_the_fold_it_names_and_sorted_by_support_size() -> None:
    for fold, batch in drawn(dataset_of_counts(*[30] * 28)):
        assert set(fold_of(batch.users.numpy()).tolist()) == {fold}
        sizes = batch.support_mask.sum(dim=1)
        assert (sizes.diff() >= 0).all()
        assert batch.support_mask.shape[1] == sizes[-1]


def test_query_follows_the_support_and_has_at_most_the_largest_size() -> None:
    for _, batch in drawn(dataset_of_counts(*[12] * 40), max_query=4):
        support, query = batch.support_mask.sum(dim=1), batch.query_mask.sum(dim=1)
        assert torch.equal(query, (12 - support).clamp(max=4))
        assert (support >= 1).all()


def test_support_sizes_are_log_uniform() -> None:
    sizes = torch.cat(
        [batch.support_mask.sum(dim=1) for _, batch in drawn(dataset_of_counts(*[60] * 4000), 500, max_support=31)]
    )
    # P(s) = log((s + 1)/s) / log(most + 1): from 1, 2–3, 4–7, 8–15 and 16–31 ratings comes the same share.
    shares = torch.bincount(sizes.log2().long()) / len(sizes)
    torch.testing.assert_close(shares, torch.full((5,), 0.2), atol=4 * (0.2 * 0.8 / 4000) ** 0.5, rtol=0)


def test_every_rating_is_as_often_in_the_support_set() -> None:
    counts = torch.zeros(ITEMS)
    for _, batch in drawn(dataset_of_counts(*[4] * 6000), 500, max_support=3):
        support = batch.items[batch.support_slots[batch.support_mask]]
        counts += torch.bincount(support, minlength=ITEMS)
    shares = counts[:4] / counts.sum()
    torch.testing.assert_close(shares, torch.full((4,), 0.25), atol=0.02, rtol=0)


def test_empty_supports_are_the_share_asked_for() -> None:
    sizes = torch.cat(
        [batch.support_mask.sum(dim=1) for _, batch in drawn(dataset_of_counts(*[9] * 4000), 500, empty_supports=0.25)]
    )
    assert float((sizes == 0).float().mean()) == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / 4000) ** 0.5)


def test_episodes_in_order_of_time_have_the_earliest_ratings_as_support() -> None:
    dataset = with_times(dataset_of_counts(*[12] * 20))
    in_order = []
    for share in (0.0, 1.0):
        batches = [batch for _, batch in drawn(dataset, 4, max_support=8, in_order_of_time=share)]
        for batch in batches:
            assert batch.support_times is not None
            assert batch.now is not None
        in_order.append(
            np.mean(
                [
                    batch.support_times[row][batch.support_mask[row]].max() <= batch.now[row]
                    for batch in batches
                    for row in range(len(batch.users))
                ]
            )
        )
    assert in_order[0] < 0.7
    assert in_order[1] == 1.0


def test_losses_are_those_of_the_same_episodes_from_the_host(two_tastes: Dataset) -> None:
    data = PreparedData.of(two_tastes, load_preset("melu"), Split.of(two_tastes, SplitConfig()))
    learner = data.preset.build_learner(
        user_encoder=data.encoders.users,
        item_encoder=data.encoders.items,
        scale=two_tastes.schema.rating_scale,
        mean_rating=3.0,
    ).eval()
    episodes = TrainingEpisodes(two_tastes, data.split.training, max_support=20, max_query=5)
    generators = np.random.default_rng(0), torch.Generator().manual_seed(0)
    for _, batch in DeviceEpisodes(episodes, data.encoded).epoch(*generators, 16):
        same = EpisodeBatch(
            users=batch.users.int().numpy(),
            support_items=batch.items[batch.support_slots].int().numpy(),
            support_ratings=batch.support_ratings.numpy(),
            support_mask=batch.support_mask.numpy(),
            query_items=batch.items[batch.query_slots].int().numpy(),
            query_ratings=batch.query_ratings.numpy(),
            query_mask=batch.query_mask.numpy(),
        )
        with torch.no_grad():
            losses = [embed_episodes(learner, data.encoded, own).query_losses() for own in (batch, same)]
        torch.testing.assert_close(*losses)
