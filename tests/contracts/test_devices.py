"""Learners keep all tensors on the device of their inputs, checked without a GPU.

The `meta` device computes shapes only, and accepts many operations that mix it with the CPU. A dispatch mode refuses
these, as a GPU would.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch
from models.data.splits import Split, SplitConfig
from models.data.training_episodes import TrainingEpisodes
from models.inputs.collaborative_inputs import OutOfFold
from models.inputs.rows import TensorRows
from models.learners.base import Support
from models.learners.episode_predictions import FieldDropout, embed_episodes
from models.training.device_episodes import DeviceEpisodes
from models.training.preset import load_preset
from models.training.stages import fit_encoders
from tests.contracts.cases import PRESETS, untrained
from tests.contracts.checks import episode_of


class OneDevice(TorchDispatchMode):
    """Refuses operations on tensors of several devices; a number from the CPU is allowed, as on a GPU."""

    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor) and leaf.ndim]
        devices = {tensor.device.type for tensor in tensors}
        if len(devices) > 1:
            raise AssertionError(f"{func} mixes the devices {sorted(devices)}")
        return func(*args, **(kwargs or {}))


def on_meta(rows: TensorRows) -> TensorRows:
    return rows.map(lambda values: values.to("meta"))


class TestOneDevice:
    def test_operation_on_two_devices_is_refused(self) -> None:
        with pytest.raises(AssertionError, match="mixes the devices"), OneDevice():
            torch.zeros(2, device="meta") + torch.zeros(2)

    def test_operation_with_a_number_is_allowed(self) -> None:
        with OneDevice():
            assert (torch.zeros(2, device="meta") + torch.tensor(1.0)).shape == (2,)


class TestChoiceModel:
    @pytest.mark.parametrize("trend_points", [0, 2])
    def test_adapt_and_scoring_stay_on_one_device(self, dataset: Dataset, trend_points: int) -> None:
        preset = load_preset("coldstart")
        preset = preset.model_copy(
            update={"choice": preset.choice.model_copy(update={"dimensions": 8, "trend_points": trend_points})}
        )
        encoders = fit_encoders(dataset, Split.of(dataset, SplitConfig()), preset)
        choice = preset.build_choice_model(
            user_encoder=encoders.users, item_encoder=encoders.items, schema=dataset.schema
        )
        users = choice.embed_users(encoders.users.encode(dataset.users.table))
        items = choice.embed_items(encoders.items.encode(dataset.items.table))
        rows, mask = torch.zeros(2, 3, dtype=torch.long), torch.ones(2, 3, dtype=torch.bool, device="meta")
        some = on_meta(items.take(rows))
        support = Support(
            users=on_meta(users[:2]),
            items=some,
            ratings=torch.ones(2, 3, device="meta"),
            mask=mask,
            interaction_items=some,
            interaction_kinds=torch.ones(2, 3, dtype=torch.int64, device="meta"),
            interaction_mask=mask,
            skipped_items=some,
            skipped_mask=mask,
        )
        choice = choice.to("meta")
        with OneDevice():
            adapted = choice.adapt(support)
            logits = choice.logits(adapted, some)
            scores = choice.prepare(on_meta(items)).scores(adapted, support.users)
        assert (logits.shape, scores.shape) == ((2, 3), (2, len(dataset.items)))
        assert {logits.device.type, scores.device.type} == {"meta"}


class TestLearner:
    @pytest.mark.parametrize("name", PRESETS)
    def test_adapt_predict_loss_and_scoring_stay_on_one_device(self, dataset: Dataset, name: str) -> None:
        learner, data = untrained(name, dataset)
        batch = EpisodeBatch.of([episode_of(0, 3), episode_of(1, 0)])
        episodes = embed_episodes(learner, data, batch)
        catalogue = on_meta(learner.embed_items(data.items))
        support = Support(
            users=on_meta(episodes.users),
            items=on_meta(episodes.items.take(episodes.support_slots)),
            ratings=episodes.support_ratings.to("meta"),
            mask=episodes.support_mask.to("meta"),
        )
        query, ratings = on_meta(episodes.items.take(episodes.query_slots)), episodes.query_ratings.to("meta")
        learner = learner.to("meta")
        with OneDevice():
            adapted = learner.adapt(support)
            predictions = learner.predict(adapted, support.users, query)
            losses = learner.loss(adapted, support.users, query, ratings)
            scores = learner.prepare(catalogue).scores(adapted, support.users)
            some = learner.prepare(catalogue).scores(
                adapted, support.users, torch.zeros(5, dtype=torch.long).to("meta")
            )
        assert predictions.mean.shape == losses.shape == ratings.shape
        assert (scores.shape, some.shape) == ((2, len(dataset.items)), (2, 5))
        assert {predictions.score.device.type, losses.device.type, scores.device.type} == {"meta"}


class NoWaiting(TorchDispatchMode):
    """Refuses operations whose result the host has to wait for on a GPU: numbers, and shapes that depend on values."""

    WAITING = frozenset(
        {"_local_scalar_dense", "nonzero", "masked_select", "_unique2", "unique_dim", "_linalg_check_errors", "equal"}
    )

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: Sequence[type],
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        name = func.overloadpacket.__name__
        by_mask = name.startswith(("index", "_index_put")) and any(
            isinstance(leaf, Tensor) and leaf.dtype is torch.bool and leaf.ndim for leaf in tree_leaves(args[1:2])
        )
        if name in self.WAITING or by_mask:
            raise AssertionError(f"a GPU has to be waited for: {func}")
        return func(*args, **(kwargs or {}))


class TestTrainingStep:
    def test_what_waits_is_refused(self) -> None:
        values = torch.zeros(2)
        with NoWaiting():
            for waiting in (lambda: values.sum().item(), lambda: values[values > 0], lambda: bool(values.any())):
                with pytest.raises(AssertionError, match="has to be waited for"):
                    waiting()

    @pytest.mark.parametrize("name", ["preset coldstart", "preset melu"])
    def test_a_step_never_waits_for_the_device(self, dataset: Dataset, name: str) -> None:
        learner, data = untrained(name, dataset)
        learner = learner.train().requires_grad_(requires_grad=True)
        split = Split.of(dataset, SplitConfig())
        encoders = fit_encoders(dataset, split, PRESETS[name])
        generator = torch.Generator().manual_seed(0)
        dropout = FieldDropout(encoders.users, encoders.items, 0.1, keep_item_ids=True, generator=generator)
        episodes = DeviceEpisodes(TrainingEpisodes(dataset, split.training, max_support=20, max_query=5), data)
        optimizer = torch.optim.AdamW(learner.parameters(), fused=True)
        steps = 0
        batches = episodes.epoch(np.random.default_rng(0), generator, 16)
        next(batches)  # an epoch begins with the copies for all its batches
        with NoWaiting():
            for fold, batch in batches:
                out_of_fold = OutOfFold(fold, as_new=steps % 2 == 1, generator=generator)
                embedded = embed_episodes(learner, data, batch, dropout=dropout, out_of_fold=out_of_fold)
                optimizer.zero_grad()
                learner.outer_update(embedded, PRESETS[name].objective.loss)
                optimizer.step()
                steps += 1
        assert steps > 3
