"""A decision tree of questions (functional matrix factorisation, Zhou, Yang & Zha, SIGIR 2011)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.data.dataset import Dataset
from models.elicitation.asked import Asked
from models.elicitation.base import QuestionStrategy
from models.elicitation.fitted.three_answers import ThreeAnswers
from models.inputs.factorisation import FactorisationConfig, factorise


class TreeConfig(BaseModel):
    """The choices of the tree.

    Attributes:
        items: Among how many items a node chooses: those with the most ratings.
        depth: Most questions on a path.
        least_users: A node of fewer training users has no question of its own.
        ridge: Ridge on the factors of a node's users.
        factorisation: Gives the items' factors.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    items: Annotated[int, Field(ge=1)] = 200
    depth: Annotated[int, Field(ge=1)] = 40
    least_users: Annotated[int, Field(ge=1)] = 30
    ridge: Annotated[float, Field(gt=0)] = 10.0
    factorisation: FactorisationConfig = FactorisationConfig(rank=8)


@dataclass
class _Node:
    """A question about an item (a row of the items), and where each answer leads: liked, not liked, unknown."""

    item: int
    children: "list[_Node | None]"


class QuestionTree(QuestionStrategy):
    """Asks along a tree, whose nodes ask about an item with three answers: liked, not liked, unknown.

    All users at a node share one vector of factors u, fitted to their ratings. A node asks about the item that leaves
    the least squared error once its users are parted by their answers,

        min Σ_branches min_u Σ_(users i of the branch) Σ_(their ratings j) (r_ij − u · q_j)² + λ|u|²

    with the residuals r_ij of a factorisation's biases of the items, and its item factors q_j. The published method
    fits the items' factors to the tree as well and alternates; here they stay those of the factorisation, because the
    model of the service predicts, and the tree only asks.

    A screen of several questions follows the most frequent answer, "unknown". Where the tree ends, the items with the
    most ratings follow.
    """

    def __init__(self, dataset: Dataset, training: NDArray[np.bool_], config: TreeConfig | None = None) -> None:
        """Grow the tree.

        Args:
            dataset: The data set.
            training: bool [ratings], the ratings that may be used.
            config: The choices; the defaults if it is None.
        """
        self._config = config or TreeConfig()
        training = training & dataset.ratings.rated
        self._answers = ThreeAnswers.of(dataset, training, most_items=self._config.items)
        self._counts = np.bincount(dataset.ratings.items[training], minlength=len(dataset.items))
        self._popular = np.argsort(-self._counts, kind="stable")
        moments = _moments(dataset, training, self._answers.users, self._config)
        self._root = self._grow(np.arange(len(self._answers.users)), moments, frozenset(), self._config.depth)

    def choose(self, asked: Asked, allowed: NDArray[np.bool_], n: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The next n questions of each user on the way through the tree; scores fall by place alone.

        Raises:
            ValueError: `asked` does not say what the users like.
        """
        if asked.liked is None:
            raise ValueError("the tree needs to know what users like")
        remaining = asked.remaining(allowed)
        n = min(n, int(remaining.sum(axis=1).min()))
        chosen = np.array(
            [self._screen(asked, user, remaining[user], n) for user in range(len(remaining))], dtype=np.int64
        ).reshape(len(remaining), n)
        return chosen, np.tile(1 - np.arange(n) / max(n, 1), (len(remaining), 1))

    def _screen(self, asked: Asked, user: int, remaining: NDArray[np.bool_], n: int) -> list[int]:
        assert asked.liked is not None  # noqa: S101 - `choose` has checked it
        own = asked.mask[user]
        branches = np.where(asked.answered[user], np.where(asked.liked[user], 0, 1), 2)
        branch_of = dict(zip(asked.items[user, own].tolist(), branches[own].tolist(), strict=True))
        screen: list[int] = []
        node = self._root
        while node is not None and len(screen) < n:
            if node.item not in branch_of and remaining[node.item]:
                screen.append(node.item)
            node = node.children[branch_of.get(node.item, 2)]
        followers = self._popular[remaining[self._popular]]
        followers = followers[~np.isin(followers, screen)]
        return [*screen, *followers[: n - len(screen)].tolist()]

    def _grow(
        self, users: NDArray[np.int64], moments: NDArray[np.float64], asked: frozenset[int], depth: int
    ) -> _Node | None:
        """The best question to some training users, and the tree below it; None where the tree ends."""
        if depth == 0 or len(users) < self._config.least_users or len(asked) == len(self._answers.items):
            return None
        of_users = moments[users]
        liked = self._answers.liked[users].T @ of_users
        disliked = self._answers.disliked[users].T @ of_users
        unknown = of_users.sum(axis=0) - liked - disliked
        errors = np.sum([_least_errors(branch, self._config.ridge) for branch in (liked, disliked, unknown)], axis=0)
        errors[list(asked)] = np.inf
        best = int(np.argmin(errors))
        likes = self._answers.liked[users][:, [best]].toarray()[:, 0] > 0
        dislikes = self._answers.disliked[users][:, [best]].toarray()[:, 0] > 0
        branches: Sequence[NDArray[np.bool_]] = (likes, dislikes, ~(likes | dislikes))
        below = [self._grow(users[branch], moments, asked | {best}, depth - 1) for branch in branches]
        return _Node(int(self._answers.items[best]), below)


def _moments(
    dataset: Dataset, training: NDArray[np.bool_], users: NDArray[np.int64], config: TreeConfig
) -> NDArray[np.float64]:
    """Of each user, Σ_j q_j q_jᵀ and Σ_j r_j q_j; float64 [users, rank² + rank].

    The squared errors need Σ_j r_j² too, but it is the same for every way to part the users.
    """
    factorised = factorise(dataset, training, config.factorisation)
    rank = config.factorisation.rank
    rows = np.flatnonzero(training)
    items, places = dataset.ratings.items[rows], np.searchsorted(users, dataset.ratings.users[rows])
    factors = factorised.factors[items]
    residuals = dataset.ratings.values[rows] - factorised.mean - factorised.biases[items]
    moments = np.zeros((len(users), rank * rank + rank))
    for first in range(rank):
        for second in range(rank):
            weights = factors[:, first] * factors[:, second]
            moments[:, first * rank + second] = np.bincount(places, weights=weights, minlength=len(users))
        weights = residuals * factors[:, first]
        moments[:, rank * rank + first] = np.bincount(places, weights=weights, minlength=len(users))
    return moments


def _least_errors(sums: NDArray[np.float64], ridge: float) -> NDArray[np.float64]:
    """The least penalised squared error of each group, up to what no grouping changes: −bᵀ (A + λI)⁻¹ b.

    Args:
        sums: float64 [groups, rank² + rank], sums of `_moments` over the users of each group.
        ridge: λ.
    """
    # rank² + rank = width
    rank = int((np.sqrt(1 + 4 * sums.shape[1]) - 1) / 2)
    squares = sums[:, : rank * rank].reshape(-1, rank, rank) + ridge * np.eye(rank)
    products = sums[:, rank * rank :]
    return np.asarray(-(products * np.linalg.solve(squares, products[..., None])[..., 0]).sum(axis=1))
