"""Training of the choice model on episodes."""

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from models.choice.candidates import CandidateSampler
from models.choice.config import ChoiceConfig
from models.choice.model import ChoiceItems, ChoiceModel, ChoiceUsers
from models.choice.start import neighbour_vectors
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch
from models.data.schema import A_RATING
from models.data.training_episodes import TrainingEpisodes
from models.inputs.encoder import ID_FIELD, EncodedRows, FeatureEncoder
from models.learners.base import Support
from models.learners.episode_predictions import EncodedData
from models.learners.episode_supports import batch_support
from models.workers import ALONE, Share, Workers

_VALIDATION_SEED = 1
"""Distinguishes the draws of the validation episodes from those of the training episodes."""


class RoundResult(BaseModel):
    """What one round of updates did.

    Attributes:
        round: Counted from 1.
        training_loss: Mean loss of the round's batches, in nats per chosen item.
        validation_loss: Mean loss of the validation users after the round; None if no users are held out.
        seconds: How long the updates took.
    """

    model_config = ConfigDict(frozen=True)

    round: int
    training_loss: float
    validation_loss: float | None
    seconds: float


@dataclass(frozen=True)
class ChoiceData:
    """What the trainer learns from.

    Attributes:
        dataset: The data set.
        training: bool [ratings], the ratings that may be used.
        validation: bool [ratings], the ratings of held-out users; None if no users are held out.
        encoded: Users and items.
        user_encoder: Encoded the users.
        field_dropout: Probability that a field of a user is made unknown in an episode.
        seed: Of all draws.
        workers: The processes that train together, all of them in the same way.
    """

    dataset: Dataset
    training: NDArray[np.bool_]
    validation: NDArray[np.bool_] | None
    encoded: EncodedData
    user_encoder: FeatureEncoder
    field_dropout: float
    seed: int
    workers: Workers = ALONE


class ChoiceTrainer:
    """Trains a choice model; leaves it with the weights of the best round, and with predictions for new items.

    The loss of a user is the cross-entropy between the softmax over the catalogue, support items left out, and the
    weighted query items (Mult-VAE, Liang et al., WWW 2018, eq. 2). A user counts by a power of the weight of the query
    items (`ChoiceConfig.weight_power`).
    """

    def __init__(self, model: ChoiceModel, data: ChoiceData) -> None:
        """Prepare training.

        Args:
            model: Trained in place, on the device it is on.
            data: What to learn from.
        """
        self._model = model
        self._data = data
        self._config = config = model.config
        self._items = data.encoded.items.fields[ID_FIELD]
        ratings = data.dataset.ratings
        chosen = data.training & ratings.chosen
        self._counts = np.bincount(ratings.items[chosen], minlength=len(data.dataset.items))
        self._sampler = CandidateSampler(np.flatnonzero(self._counts), len(self._counts), config.exact_items)
        self._episodes = self._drawn_from(data.training)
        # Ratings that are held out for evaluations must not show in the draws.
        self._known = data.training if data.validation is None else data.training | data.validation
        model.start_from(self._items, self._counts, self._starting_vectors(chosen))
        if model.trend is not None and ratings.times is not None:
            model.trend.place_points(ratings.times[chosen])
        data.workers.agree(tensor for tensor in model.state_dict().values() if tensor.is_floating_point())
        self._optimizer = torch.optim.AdamW(_parameter_groups(model, config), lr=config.learning_rate, fused=True)
        self._schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self._optimizer, T_max=config.updates)

    def _starting_vectors(self, chosen: NDArray[np.bool_]) -> NDArray[np.float32] | None:
        """The item vectors to start from; None to keep the random ones. `chosen` (bool [ratings]) marks the choices."""
        if not self._config.neighbour_scale:
            return None
        vectors = neighbour_vectors(
            self._data.dataset.ratings,
            chosen,
            users=len(self._data.dataset.users),
            items=len(self._counts),
            dimensions=self._config.dimensions,
        )
        return vectors * np.float32(np.sqrt(self._config.neighbour_scale))

    def fit(
        self,
        rounds: int,
        *,
        batch_done: Callable[[int, int, int], None] = lambda *_: None,
        round_done: Callable[[RoundResult], None] = lambda _: None,
    ) -> list[RoundResult]:
        """Train, and fit the predictions for new items.

        Args:
            rounds: How many rounds to train. With held-out users, training may stop early, and the weights of the best
                round are kept.
            batch_done: Called after every update with the round, the updates done in it, and the updates in a round.
            round_done: Called after every round and its validation.

        Returns:
            The result of every round.
        """
        generator = np.random.default_rng(self._data.seed)
        batches = self._batches(generator)
        validation = self._validation_batches()
        history: list[RoundResult] = []
        best = self._model.state_dict()
        for number in range(1, rounds + 1):
            history.append(self._train_round(number, batches, generator, validation, batch_done))
            round_done(history[-1])
            if best_round(history) == number:
                best = copy.deepcopy(self._model.state_dict())
            elif number - best_round(history) >= self._config.patience:
                break
        self._model.load_state_dict(best)
        self._model.fill_untrained_kinds(self._kind_counts())
        self._model.fit_new_items(self._data.encoded.items, self._counts)
        return history

    def _train_round(
        self,
        number: int,
        batches: Iterator[EpisodeBatch],
        generator: np.random.Generator,
        validation: Sequence[EpisodeBatch],
        batch_done: Callable[[int, int, int], None],
    ) -> RoundResult:
        started = time.perf_counter()
        self._model.train()
        losses = []
        total = min(self._config.updates_per_round, self._config.updates)
        for done in range(1, total + 1):
            loss = self._loss(next(batches), generator, training=True)
            self._optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
            self._data.workers.add_up_gradients(self._model.parameters())
            self._optimizer.step()
            self._schedule.step()
            losses.append(loss.detach())
            batch_done(number, done, total)
        seconds = time.perf_counter() - started
        return RoundResult(
            round=number,
            training_loss=float(torch.stack(losses).mean()),
            validation_loss=self._validate(validation) if validation else None,
            seconds=seconds,
        )

    def _validate(self, batches: Sequence[EpisodeBatch]) -> float:
        self._model.eval()
        # The same draws in every round.
        generator = np.random.default_rng([self._data.seed, _VALIDATION_SEED])
        with torch.no_grad():
            return float(torch.stack([self._loss(batch, generator, training=False) for batch in batches]).mean())

    def _loss(self, batch: EpisodeBatch, generator: np.random.Generator, *, training: bool) -> Tensor:
        tensor = self._data.encoded.tensor
        candidates = self._sampler.draw(batch, generator)
        share = self._data.workers.share_of(len(batch.users))
        support = self._support(batch, generator, share, training=training)
        batch = batch.take(share.rows)
        adapted = self._model.adapt(support)
        columns = self._model.known(self._items[tensor(candidates.rows)])
        logits = torch.addmm(columns.bias + tensor(candidates.log_weights), adapted, columns.vector.T)
        logits = self._without(logits, candidates.columns_of(batch.support_items), batch.support_mask)
        query_columns = candidates.columns_of(batch.query_items)
        known = tensor(batch.query_mask & (query_columns >= 0))
        log_shares = logits.gather(1, tensor(query_columns.clip(min=0))) - logits.logsumexp(dim=1, keepdim=True)
        # Where there is padding, the logit may be infinite.
        log_shares = log_shares.masked_fill(~known, 0.0)
        weights = tensor(self._query_weights(batch)) * known
        totals = weights.sum(dim=1)
        log_likelihoods = (weights * log_shares).sum(dim=1)
        user_losses = share.of_all(-log_likelihoods / totals.clamp(min=self._config.other_weight))
        totals = share.of_all(totals)
        importance = totals**self._config.weight_power
        return (user_losses * importance).sum() / importance.sum().clamp(min=self._config.other_weight)

    def _query_weights(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        """How much each query item counts; float32 [B, Q]. A kind that users do not want counts nothing."""
        liked = self._data.dataset.schema.likes(batch.query_ratings, batch.query_kinds)
        weights = np.where(liked, self._config.liked_weight, self._config.other_weight)
        if batch.query_kinds is not None:
            weights = np.where(batch.query_kinds == A_RATING, weights, batch.query_ratings.clip(min=0))
        return weights.astype(np.float32)

    def _kind_counts(self) -> NDArray[np.int64]:
        """The training interactions of each kind; int64 [kinds]."""
        kinds, count = self._data.dataset.ratings.kinds, len(self._data.dataset.schema.kinds)
        if kinds is None:
            return np.zeros(count, dtype=np.int64)
        trained = kinds[self._data.training]
        return np.bincount(trained[trained != A_RATING], minlength=count)

    def _without(self, logits: Tensor, columns: NDArray[np.int64], mask: NDArray[np.bool_]) -> Tensor:
        """The logits without the support items of each user."""
        users, places = np.nonzero(mask & (columns >= 0))
        left_out = torch.zeros_like(logits, dtype=torch.bool)
        tensor = self._data.encoded.tensor
        left_out[tensor(users), tensor(columns[users, places])] = True
        return logits.masked_fill(left_out, -torch.inf)

    def _support(
        self, batch: EpisodeBatch, generator: np.random.Generator, share: Share, *, training: bool
    ) -> Support[ChoiceUsers, ChoiceItems]:
        """The support sets of this worker's share of a batch, for the whole of which all numbers are drawn."""
        tensor, config, rows = self._data.encoded.tensor, self._config, share.rows
        hides = generator.random(len(batch.users)) < config.hiding_users
        shares = generator.random(len(batch.users)) * hides
        hidden = batch.support_mask & (generator.random(batch.support_mask.shape) < shares[:, None])
        skipped, skipped_mask = self._skips(batch, generator)
        users = self._data.encoded.users.take(tensor(batch.users))
        if training:
            users = self._with_unknown_fields(users, generator)
        embedded = self._model.embed_users(users)[rows]
        own = batch.take(rows)
        items = self._model.known(self._items[tensor(own.support_items)])
        return replace(
            batch_support(own, embedded, items, tensor, hidden=hidden[rows]),
            skipped_items=self._model.known(self._items[tensor(skipped[rows])]),
            skipped_mask=tensor(skipped_mask[rows]),
        )

    def _with_unknown_fields(self, users: EncodedRows, generator: np.random.Generator) -> EncodedRows:
        draws = torch.Generator().manual_seed(int(generator.integers(2**63)))
        dropped = self._data.user_encoder.drop_fields(users, self._data.field_dropout, draws)
        unknown = torch.from_numpy(generator.random(len(users)) < self._config.unknown_users).to(self._items.device)
        return self._data.user_encoder.forget(dropped, unknown)

    def _skips(
        self, batch: EpisodeBatch, generator: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Skipped items of some users: items that were often rated, and not by these users; [B, N] and their mask.

        People are asked about popular items, so the items are drawn in proportion to their ratings.
        """
        users, config = len(batch.users), self._config
        rows = generator.choice(
            len(self._counts), size=(users, config.max_skipped), p=self._counts / self._counts.sum()
        )
        numbers = generator.integers(1, config.max_skipped + 1, size=users)
        numbers *= generator.random(users) < config.skipping_users
        mask = np.arange(config.max_skipped) < numbers[:, None]
        ratings = self._data.dataset.ratings
        for place in np.flatnonzero(numbers):
            user = batch.users[place]
            of_user = slice(ratings.offsets[user], ratings.offsets[user + 1])
            rated = ratings.items[of_user][self._known[of_user]]
            mask[place] &= ~np.isin(rows[place], rated)
        return rows, mask

    def _drawn_from(self, ratings: NDArray[np.bool_]) -> TrainingEpisodes:
        return TrainingEpisodes(
            self._data.dataset,
            ratings,
            max_support=self._config.max_support,
            max_query=self._config.max_query,
            in_order_of_time=self._config.in_order_of_time,
        )

    def _batches(self, generator: np.random.Generator) -> Iterator[EpisodeBatch]:
        """Training batches without end."""
        while True:
            for batch in self._episodes.epoch(generator, self._config.batch_users):
                yield self._without_some_supports(batch, generator)

    def _validation_batches(self) -> list[EpisodeBatch]:
        """Fixed episodes of the validation users, drawn as in training; none without validation users."""
        if self._data.validation is None:
            return []
        generator = np.random.default_rng([self._data.seed, _VALIDATION_SEED])
        batches = self._drawn_from(self._data.validation).epoch(generator, self._config.batch_users)
        return [self._without_some_supports(batch, generator) for batch in batches]

    def _without_some_supports(self, batch: EpisodeBatch, generator: np.random.Generator) -> EpisodeBatch:
        kept = generator.random(len(batch.users)) >= self._config.empty_supports
        return replace(batch, support_mask=batch.support_mask & kept[:, None])


def best_round(history: Sequence[RoundResult]) -> int:
    """The round whose weights training ends with: the one with the lowest validation loss, or the last one."""
    return min(history, key=lambda result: (result.validation_loss or 0.0, -result.round)).round


def _parameter_groups(model: ChoiceModel, config: ChoiceConfig) -> list[dict[str, object]]:
    """The item vectors, which decay, and all other parameters."""
    vectors = [model.vectors.weight]
    others = [parameter for parameter in model.parameters() if parameter is not model.vectors.weight]
    return [{"params": vectors, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
