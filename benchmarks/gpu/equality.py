"""Whether a GPU computes what the CPU computes: losses, gradients and scores of the same models."""

from typing import Any

import torch

from benchmarks.gpu.bench import Bench, moved
from models.learners.base import Support

_BATCH_USERS = 64
_BEST = 10


def differences(bench: Bench) -> dict[str, Any]:
    """The largest differences, relative to the largest value, and how many of the best 10 items are the same.

    Args:
        bench: On the device.
    """
    reference = bench.on(torch.device("cpu"))
    batch = next(reference.batches(_BATCH_USERS, 1))
    losses, gradients, scores = [], [], []
    for own in (reference, bench):
        here = moved(batch, own.device)
        episodes = own.embedded(here, dropout=False)
        losses.append(episodes.query_losses().detach().cpu())
        own.learner.zero_grad()
        own.learner.outer_update(episodes, own.data.preset.objective.loss)
        parameters = own.learner.parameters()
        gradients.append(torch.cat([part.grad.flatten().cpu() for part in parameters if part.grad is not None]))
        own.learner.zero_grad()
        scores.append(_choice_scores(own, here[1]).cpu())
    best = [own.topk(min(_BEST, own.shape[1])).indices for own in scores]
    same = (best[0].unsqueeze(2) == best[1].unsqueeze(1)).any(dim=2)
    return {
        "losses": _largest(*losses),
        "gradients": _largest(*gradients),
        "scores": _largest(*scores),
        "same_best_10": float(same.float().mean()),
    }


def _choice_scores(bench: Bench, batch: Any) -> torch.Tensor:  # noqa: ANN401 - a batch of episodes
    encoded, choice = bench.data.encoded, bench.choice
    with torch.inference_mode():
        items = choice.embed_items(encoded.items)
        support = Support(
            users=choice.embed_users(encoded.users.take(batch.users)),
            items=items.take(batch.items[batch.support_slots]),
            ratings=batch.support_ratings,
            mask=batch.support_mask,
        )
        return choice.prepare(items).scores(choice.adapt(support), support.users)


def _largest(first: torch.Tensor, second: torch.Tensor) -> float:
    return float((first - second).abs().max() / first.abs().max())
