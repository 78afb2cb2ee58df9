"""Are predictions for users who begin with low ratings calibrated?

`python -m benchmarks.low_raters --model ARTIFACT --data DIR --most RATING` prints a Markdown table. Support sets are 1,
3 and 5 random ratings of a new user that are all at most RATING; the queries are other ratings of that user. A user
counts with the probability that the user's random ratings are that low, so the users are those whom a service meets.
Taking the lowest ratings of every user instead would make the rest look better than it is.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from math import comb
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.artifact import TrainedModel, load_research_model
from models.data.dataset import Dataset, State
from models.data.episodes import Episode, batches
from models.data.reader import read_dataset
from models.data.splits import Split
from models.evaluation.predictors import BATCH_USERS, by_learner
from models.metrics.bootstrap import interval_95
from models.training.threads import compute_in_one_thread

_DRAWS = 5
_MOST_QUERIES = 100
_RESAMPLES = 500
_RARE = 4  # ratings in training


@dataclass(frozen=True)
class Drawn:
    """An episode, and how often it would be met.

    Attributes:
        episode: A new user's support and query set.
        weight: The probability that random ratings of the user are as low as the support set, shared by the draws.
    """

    episode: Episode
    weight: float


def low_episodes(dataset: Dataset, split: Split, *, support: int, most: float) -> Iterator[Drawn]:
    """Episodes of new users whose support ratings are at most `most`."""
    ratings, generator = dataset.ratings, np.random.default_rng(0)
    for user in range(len(dataset.users)):
        of_user = slice(ratings.offsets[user], ratings.offsets[user + 1])
        rows = of_user.start + np.flatnonzero(split.states[of_user] == State.USER_COLD)
        low = rows[ratings.values[rows] <= most]
        if len(low) < support or len(rows) == support:
            continue
        weight = comb(len(low), support) / comb(len(rows), support) / _DRAWS
        for _ in range(_DRAWS):
            chosen = generator.permutation(low)[:support]
            query = generator.permutation(np.setdiff1d(rows, chosen))[:_MOST_QUERIES]
            yield Drawn(Episode.of(ratings, state=State.USER_COLD, user=user, support=chosen, query=query), weight)


def measured(model: TrainedModel, dataset: Dataset, *, support: int, most: float) -> dict[str, NDArray[np.float64]]:
    """Weighted sums of each user, float64 [users, 5]: weight, predicted and true rating, P(like) and liked."""
    split = Split.of(dataset, model.split)
    counts = np.bincount(dataset.ratings.items[split.training], minlength=len(dataset.items))
    drawn = list(low_episodes(dataset, split, support=support, most=most))
    liked_from = model.schema.rating_scale.liked_from
    sums = {name: np.zeros((len(dataset.users), 5)) for name in ("all", "rarely rated", "highest predicted")}
    predict = by_learner(model, dataset)
    for positions, batch in batches([each.episode for each in drawn], BATCH_USERS):
        predicted = predict(batch)
        if predicted.distribution is None:
            raise SystemExit("the model predicts no distribution")
        likes = predicted.distribution.at_least(liked_from)
        score = np.where(batch.query_mask, predicted.score, -np.inf)
        highest = np.zeros_like(batch.query_mask)
        highest[np.arange(len(score)), score.argmax(axis=1)] = True
        chosen = {
            "all": batch.query_mask,
            "rarely rated": batch.query_mask & (counts[batch.query_items] <= _RARE),
            "highest predicted": highest,
        }
        values = (predicted.mean, batch.query_ratings, likes, batch.query_ratings >= liked_from)
        for name, mask in chosen.items():
            for row in np.flatnonzero(mask.any(axis=1)):
                means = [array[row][mask[row]].mean() for array in values]
                weight = drawn[positions[row]].weight
                sums[name][batch.users[row]] += weight * np.array([1.0, *means])
    return {name: of_users[of_users[:, 0] > 0] for name, of_users in sums.items()}


def line(name: str, sums: NDArray[np.float64], *, support: int) -> str:
    """A row of the table; intervals are over users."""
    users = len(sums)
    draws = np.random.default_rng(0).multinomial(users, np.full(users, 1 / users), size=_RESAMPLES)
    means = sums.sum(axis=0)[1:] / sums[:, 0].sum()
    resampled = (draws @ sums)[:, 1:] / (draws @ sums)[:, :1]
    differences = np.stack([resampled[:, 0] - resampled[:, 1], resampled[:, 2] - resampled[:, 3]], axis=1)
    low, high = interval_95(differences)
    rating, like = means[0] - means[1], means[2] - means[3]
    cells = [
        str(support),
        name,
        str(users),
        f"{means[0]:.2f}",
        f"{means[1]:.2f}",
        f"{rating:+.2f} ({low[0]:+.2f} … {high[0]:+.2f})",
        f"{means[2]:.2f}",
        f"{means[3]:.2f}",
        f"{like:+.2f} ({low[1]:+.2f} … {high[1]:+.2f})",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure, and print the table."""
    compute_in_one_thread()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--most", type=float, required=True, help="the highest rating that counts as low")
    given = parser.parse_args()
    model = load_research_model(given.model)
    dataset, _ = read_dataset(given.data, schema=model.schema)
    print("| ratings | items | users | predicted | actual | difference (95 %) | P(like) | like | difference (95 %) |")
    print("|---|---|---|---|---|---|---|---|---|")
    for support in (1, 3, 5):
        for name, sums in measured(model, dataset, support=support, most=given.most).items():
            if len(sums):
                print(line(name, sums, support=support))


if __name__ == "__main__":
    main()
