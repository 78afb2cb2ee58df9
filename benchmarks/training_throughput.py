"""Users a second of meta-training: the batched local update against a plain loop over users with autograd.

    python -m benchmarks.training_throughput --data DIR [--work DIR]

Both do whole global updates (embedding, local updates, query loss, backward pass, optimizer step) of the same learner,
the untrained preset `melu`, on the same batches of 32 users: protocol episodes of `warm`, with all of a user's ratings
but the 10 query ratings as support. Besides, the matrix products that such an update needs are done alone, as the limit
of the machine; and support sizes and steps are varied.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.harness import Figures, Options, Product, medians, products_alone, run, table, use_one_core
from models.data.dataset import Dataset, State
from models.data.episodes import Episode, EpisodeBatch
from models.data.evaluation_episodes import evaluation_episodes
from models.data.splits import Split, SplitConfig
from models.learners.episode_predictions import EncodedData, embed_episodes
from models.learners.melu import MeLU, MeLUConfig
from models.training.preset import load_preset
from models.training.stages import fit_encoders

BATCH_USERS = 32
BATCHES = 4
SETTINGS = {
    "1 step, first order": MeLUConfig(steps=1, second_order=False, prior_ratings=3.0),
    "5 steps, first order": MeLUConfig(steps=5, second_order=False, prior_ratings=3.0),
    "5 steps, second order": MeLUConfig(steps=5, second_order=True, prior_ratings=3.0),
}
SUPPORT_SIZES = (5, 10, 20, 40, 80)
STEPS = (1, 2, 3, 5, 8)


def measure(options: Options) -> Figures:
    """Everything on one core."""
    use_one_core()
    dataset = options.dataset()
    learner, data = untrained(dataset, torch.device("cpu"))
    optimizer = torch.optim.AdamW(learner.parameters(), lr=0.0, fused=True)
    batches = warm_batches(dataset)
    return {
        "users": BATCH_USERS * BATCHES,
        "mean_support": float(np.mean([batch.support_mask.sum(axis=1).mean() for batch in batches])),
        "copied_bytes_per_user": sum(copied_bytes(batch) for batch in batches) / (BATCH_USERS * BATCHES),
        "settings": {name: compared(learner, data, optimizer, batches, config) for name, config in SETTINGS.items()},
        "growth": growth(learner, data, optimizer, dataset),
    }


def untrained(dataset: Dataset, device: torch.device) -> tuple[MeLU, EncodedData]:
    """The preset `melu` before training."""
    preset = load_preset("melu")
    encoders = fit_encoders(dataset, Split.of(dataset, SplitConfig()), preset)
    torch.manual_seed(0)
    learner = preset.build_learner(
        user_encoder=encoders.users,
        item_encoder=encoders.items,
        scale=dataset.schema.rating_scale,
        mean_rating=float(dataset.ratings.values.mean()),
    )
    if not isinstance(learner, MeLU):
        raise TypeError("the preset melu is not MeLU")
    users = encoders.users.encode(dataset.users.table).to(device)
    items = encoders.items.encode(dataset.items.table).to(device)
    return learner.to(device), EncodedData(users, items, device)


def warm_batches(dataset: Dataset, *, min_ratings: int = 13, max_ratings: int = 100) -> list[EpisodeBatch]:
    """Batches of random warm users, in the order of their support sizes as in training."""
    split = Split.of(dataset, SplitConfig())
    episodes = evaluation_episodes(
        dataset, split, State.WARM, users=~split.validation_users, min_ratings=min_ratings, max_ratings=max_ratings
    )
    chosen = np.random.default_rng(0).permutation(len(episodes))[: BATCHES * BATCH_USERS]
    if len(chosen) < BATCHES * BATCH_USERS:
        raise ValueError(f"the data set has too few users with {min_ratings} to {max_ratings} ratings")
    return [
        EpisodeBatch.of(sorted((episodes[position] for position in batch), key=_support_size))
        for batch in np.split(chosen, BATCHES)
    ]


def _support_size(episode: Episode) -> int:
    return len(episode.support_items)


def compared(
    learner: MeLU,
    data: EncodedData,
    optimizer: torch.optim.Optimizer,
    batches: Sequence[EpisodeBatch],
    config: MeLUConfig,
) -> Figures:
    """Batched, loop and bare products for one setting."""
    learner.config = config
    needed = [product for batch in batches for product in products(learner, batch, config)]
    seconds = medians(
        {
            "batched": partial(updates, batched_losses, learner, data, optimizer, batches),
            # One batch, because it takes so much longer.
            "loop": partial(updates, looped_losses, learner, data, optimizer, batches[:1]),
            "products": products_alone(needed),
        }
    )
    users = BATCH_USERS * len(batches)
    with torch.no_grad():
        batched = batched_losses(learner, data, batches[0])
    looped = torch.stack([loss.detach() for loss in looped_losses(learner, data, batches[0])])
    return {
        "batched_users_per_second": users / seconds["batched"],
        "loop_users_per_second": BATCH_USERS / seconds["loop"],
        "ratio": users / seconds["batched"] / (BATCH_USERS / seconds["loop"]),
        "greatest_difference_of_losses": float((batched - looped).abs().max()),
        "flops_per_user": sum(product.flops for product in needed) / users,
        "share_of_limit": seconds["products"] / seconds["batched"],
    }


Losses = Callable[[MeLU, EncodedData, EpisodeBatch], Tensor | Iterator[Tensor]]


def updates(
    losses_of: Losses,
    learner: MeLU,
    data: EncodedData,
    optimizer: torch.optim.Optimizer,
    batches: Sequence[EpisodeBatch],
) -> None:
    """One global update a batch."""
    for batch in batches:
        optimizer.zero_grad()
        losses = losses_of(learner, data, batch)
        if isinstance(losses, Tensor):
            losses.mean().backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
        else:
            for loss in losses:
                (loss / len(batch.users)).backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def batched_losses(learner: MeLU, data: EncodedData, batch: EpisodeBatch) -> Tensor:
    """The query losses as in training."""
    return embed_episodes(learner, data, batch).query_losses()


def looped_losses(learner: MeLU, data: EncodedData, batch: EpisodeBatch) -> Iterator[Tensor]:
    """The same from the definition: one user after the other, weights in full, gradients by autograd."""
    network, config = learner.network, learner.config
    for user in range(len(batch.users)):
        support, query = batch.support_mask[user], batch.query_mask[user]
        rows = np.concatenate([batch.support_items[user][support], batch.query_items[user][query]])
        users = network.embed_users(data.users.take(data.tensor(batch.users[user : user + 1])))
        items = network.embed_items(data.items.take(data.tensor(rows)))
        inputs = torch.cat([users.expand(len(items), -1), items], dim=1)
        of_support, of_query = inputs.tensor_split([int(support.sum())])
        ratings = data.tensor(batch.support_ratings[user][support])
        own: list[Tensor] = list(network.decision.parameters())
        rates = [
            rate
            for outputs, inputs in zip(learner.log_output_rates, learner.log_input_rates, strict=True)
            for rate in (torch.outer(outputs.exp(), inputs[:-1].exp()), (outputs + inputs[-1]).exp())
        ]
        prior_ratings = 0.0 if learner.log_prior is None else learner.log_prior.exp()
        strength = len(ratings) / (len(ratings) + prior_ratings)
        of_support = of_support if config.second_order else of_support.detach()
        for _ in range(config.steps):
            loss = (_decide(own, of_support) - ratings).square().mean()
            gradients = torch.autograd.grad(loss, own, create_graph=config.second_order)
            own = [
                value - strength * rate * gradient for value, rate, gradient in zip(own, rates, gradients, strict=True)
            ]
        yield (_decide(own, of_query) - data.tensor(batch.query_ratings[user][query])).square().mean()


def _decide(parameters: Sequence[Tensor], values: Tensor) -> Tensor:
    *hidden, output = zip(parameters[::2], parameters[1::2], strict=True)
    for weight, bias in hidden:
        values = F.linear(values, weight, bias).relu()
    return F.linear(values, *output).squeeze(-1)


def products(learner: MeLU, batch: EpisodeBatch, config: MeLUConfig) -> Iterator[Product]:
    """The matrix products of one global update in low-rank form, backward pass included."""
    linear = [layer for layer in learner.network.decision if isinstance(layer, torch.nn.Linear)]
    width = linear[0].in_features - learner.network.embed_users.width
    out = linear[0].out_features
    query = batch.query_items.shape[1]
    distinct = len(np.unique(np.concatenate([batch.support_items, batch.query_items], axis=1)))
    # Both gradients of a product are products of the same size.
    of_support, of_query = 3 if config.second_order else 1, 3
    yield Product(1, distinct, width, out, of_query)
    for rows, support in batch.parts():
        users = rows.stop - rows.start
        yield Product(users, query, width, support, of_query)
        yield Product(users, query, support, out, of_query)
        if config.steps > 1:
            yield Product(users, support, width, support, of_support)
            yield Product(users, support, support, out, (config.steps - 1) * of_support)
        for layer in linear[1:]:
            yield Product(users, query, layer.in_features, layer.out_features, of_query)
            # Forward, the gradient at the inputs, the gradient at the weights.
            yield Product(users, support, layer.in_features, layer.out_features, 3 * config.steps * of_support)


def copied_bytes(batch: EpisodeBatch) -> int:
    """What goes to another device for a batch: rows of items as int64, ratings, masks, users."""
    ratings = batch.support_ratings.nbytes + batch.query_ratings.nbytes
    return 3 * ratings + batch.support_mask.nbytes + batch.query_mask.nbytes + batch.users.nbytes


def growth(
    learner: MeLU, data: EncodedData, optimizer: torch.optim.Optimizer, dataset: Dataset
) -> dict[str, dict[str, list[float]]]:
    """Milliseconds a user, by order: at each support size with 5 steps, and at each number of steps with 20 ratings."""
    (batch, *_) = warm_batches(dataset, min_ratings=SUPPORT_SIZES[-1] + 10, max_ratings=10**9)

    def milliseconds(cases: Sequence[tuple[int, int]], *, second_order: bool) -> list[float]:
        def update(size: int, steps: int) -> None:
            learner.config = MeLUConfig(steps=steps, second_order=second_order, prior_ratings=3.0)
            updates(batched_losses, learner, data, optimizer, [cut(batch, size)])

        seconds = medians({str(case): partial(update, *case) for case in cases}, repeats=5)
        return [1e3 * own / BATCH_USERS for own in seconds.values()]

    return {
        order: {
            "by_support": milliseconds([(size, 5) for size in SUPPORT_SIZES], second_order=second_order),
            "by_steps": milliseconds([(20, steps) for steps in STEPS], second_order=second_order),
        }
        for order, second_order in (("first order", False), ("second order", True))
    }


def cut(batch: EpisodeBatch, size: int) -> EpisodeBatch:
    """The same episodes with so many support ratings."""
    return replace(
        batch,
        support_items=batch.support_items[:, :size],
        support_ratings=batch.support_ratings[:, :size],
        support_mask=batch.support_mask[:, :size],
    )


def section(figures: Figures, results: Path) -> str:
    """Tables and the plot of growth."""
    plot(figures["growth"], results / "speed-training.svg")
    rows = [
        [
            name,
            f"{own['loop_users_per_second']:,.0f}",
            f"{own['batched_users_per_second']:,.0f}",
            f"{own['ratio']:.1f} ×",
            f"{own['flops_per_user'] / 1e6:.1f}",
            f"{own['share_of_limit']:.0%}",
            f"{own['greatest_difference_of_losses']:.0e}",
        ]
        for name, own in figures["settings"].items()
    ]
    header = ["users/s", "loop", "batched", "ratio", "MFLOP a user", "share of the limit", "difference of losses"]
    return "\n\n".join(
        [
            f"Global updates of {BATCH_USERS} users with {figures['mean_support']:.0f} support ratings on average. "
            "The loop goes over the users with autograd; the limit is the time that the matrix products of the batched "
            "form take alone.",
            table(header, rows),
            "![growth](speed-training.svg)",
            on_a_gpu(figures),
        ]
    )


def on_a_gpu(figures: Figures) -> str:
    """What arithmetic and copies alone would allow on a device of round numbers."""
    flops, copied = figures["settings"]["5 steps, first order"]["flops_per_user"], figures["copied_bytes_per_user"]
    return (
        f"On paper, not measured: with 5 steps of first order a user takes {flops / 1e6:.1f} MFLOP and "
        f"{copied / 1e3:.1f} kB copied to the device. 10 TFLOP/s and 10 GB/s would be the limit at "
        f"{1e13 / flops:,.0f} and {1e10 / copied:,.0f} users/s; what binds a GPU at {BATCH_USERS} users an update is "
        "launching hundreds of kernels of a few microseconds each, which larger batches spread over more users."
    )


def plot(figures: dict[str, dict[str, list[float]]], file: Path) -> None:
    """Milliseconds a user against support size and steps."""
    figure, panels = plt.subplots(1, 2, figsize=(10, 3.5), layout="constrained")
    for panel, name, values, label in (
        (panels[0], "by_support", SUPPORT_SIZES, "support ratings, 5 steps"),
        (panels[1], "by_steps", STEPS, "steps, 20 support ratings"),
    ):
        for order, own in figures.items():
            panel.plot(values, own[name], marker=".", label=order)
        panel.set_xlabel(label)
        panel.set_ylabel("ms a user")
        panel.set_ylim(bottom=0)
        panel.grid(alpha=0.3)
    panels[0].legend()
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    run(measure)
