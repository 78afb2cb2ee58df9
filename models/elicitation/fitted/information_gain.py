"""IGCN: information gain through clustered neighbours (Rashid, Karypis & Riedl, SIGKDD Explorations 2008)."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.sparse import csr_array
from sklearn.cluster import BisectingKMeans
from sklearn.preprocessing import normalize

from models.data.dataset import Dataset
from models.elicitation.asked import Asked
from models.elicitation.base import QuestionStrategy
from models.elicitation.fitted.three_answers import ThreeAnswers


class InformationGainConfig(BaseModel):
    """The choices of the strategy.

    Attributes:
        items: Among how many items it chooses: those with the most ratings.
        clusters: The number of clusters of users.
        unknown_weight: The weight of the answer "I do not know it"; a rating has the weight 1.
        pseudo_count: How many users with the answers of all are added to each cluster.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    items: Annotated[int, Field(ge=1)] = 200
    clusters: Annotated[int, Field(ge=2)] = 32
    unknown_weight: Annotated[float, Field(ge=0)] = 0.5
    pseudo_count: Annotated[float, Field(gt=0)] = 5.0


class InformationGain(QuestionStrategy):
    """Asks about the item whose answer says most about the cluster of users to which the user belongs.

    Training users are clustered by the ratings of the asked items, by bisecting k-means as in the paper. With the
    distribution P(c) over clusters given the answers so far, and the answers a (liked, not liked, unknown),

        IG(j) = H(C) − Σ_a w_a P(a) H(C | a)/Σ_a w_a P(a),   P(c | a) ∝ P(c) P(a | c)

    and answers count as independent given the cluster. The paper starts from IG over all clusters and weighs those
    nearest to the user's ratings later; P(c) does both at once. The paper tells all ratings apart, and here they are
    liked or not, so that scales of ten levels have enough users for each answer. In a screen, every item is chosen
    as if the others were not asked.
    """

    def __init__(
        self, dataset: Dataset, training: NDArray[np.bool_], config: InformationGainConfig | None = None
    ) -> None:
        """Cluster the training users.

        Args:
            dataset: The data set.
            training: bool [ratings], the ratings that may be used.
            config: The choices; the defaults if it is None.
        """
        self._config = config or InformationGainConfig()
        answers = ThreeAnswers.of(dataset, training & dataset.ratings.rated, most_items=self._config.items)
        self._columns = np.full(len(dataset.items), -1)
        self._columns[answers.items] = np.arange(len(answers.items))
        self._items = answers.items
        counts = np.bincount(dataset.ratings.items[training & dataset.ratings.rated], minlength=len(dataset.items))
        self._popular = np.argsort(-counts, kind="stable")
        clusters = self._clusters(answers)
        sizes = np.bincount(clusters, minlength=clusters.max() + 1)
        members = csr_array((np.ones(len(clusters)), (clusters, np.arange(len(clusters)))))
        known = np.stack([(members @ answers.liked).toarray(), (members @ answers.disliked).toarray()], axis=-1)
        of_clusters = np.concatenate([known, sizes[:, None, None] - known.sum(axis=-1, keepdims=True)], axis=-1)
        overall = of_clusters.sum(axis=0) / sizes.sum()
        prior = self._config.pseudo_count
        self._log_prior = np.log(sizes / sizes.sum())
        # [clusters, items, answers], P(a | c).
        self._chances = (of_clusters + prior * (overall + 1e-6)) / (sizes[:, None, None] + prior * (1 + 3e-6))

    def choose(self, asked: Asked, allowed: NDArray[np.bool_], n: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The n items with the highest information gain; scores are shares of the entropy H(C) of the prior.

        Raises:
            ValueError: `asked` does not say what the users like.
        """
        if asked.liked is None:
            raise ValueError("information gain needs to know what users like")
        remaining = asked.remaining(allowed)
        n = min(n, int(remaining.sum(axis=1).min()))
        gains = np.zeros(remaining.shape)
        gains[:, self._items] = self._gains(self._posterior(asked))
        gains = np.where(remaining, gains, -1.0)
        # Items outside the shortlist gain 0, and follow by popularity.
        order = self._popular[np.argsort(-gains[:, self._popular], axis=1, kind="stable")]
        chosen = order[:, :n]
        return chosen, np.take_along_axis(gains, chosen, axis=1)

    def _clusters(self, answers: ThreeAnswers) -> NDArray[np.int64]:
        """The cluster of each training user, by the direction of likes less dislikes; int64 [U]."""
        directions = normalize((answers.liked - answers.disliked).toarray())
        count = min(self._config.clusters, len(answers.users))
        return np.asarray(BisectingKMeans(n_clusters=count, random_state=0).fit_predict(directions), dtype=np.int64)

    def _posterior(self, asked: Asked) -> NDArray[np.float64]:
        """P(c) given the answers so far; float64 [B, clusters]."""
        assert asked.liked is not None  # noqa: S101 - `choose` has checked it
        columns = self._columns[asked.items]
        answers = np.where(asked.answered, np.where(asked.liked, 0, 1), 2)
        weights = np.where(asked.answered, 1.0, self._config.unknown_weight) * (asked.mask & (columns >= 0))
        logs = np.log(self._chances)[:, columns, answers]
        return _softmax(self._log_prior + (logs * weights).sum(axis=-1).T)

    def _gains(self, clusters: NDArray[np.float64]) -> NDArray[np.float64]:
        """IG of the shortlist as a share of ln(clusters); float64 [B, L]."""
        weights = np.array([1.0, 1.0, self._config.unknown_weight])
        gains = np.empty((len(clusters), len(self._items)))
        for user, prior in enumerate(clusters):
            joint = prior[:, None, None] * self._chances
            marginal = joint.sum(axis=0)
            after = _entropies(joint / marginal, axis=0)
            weighted = weights * marginal
            gains[user] = _entropies(prior, axis=0) - (weighted * after).sum(axis=-1) / weighted.sum(axis=-1)
        return np.asarray(gains.clip(min=0.0) / np.log(max(len(self._log_prior), 2)))


def _entropies(shares: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    return np.asarray(-(shares * np.log(np.maximum(shares, 1e-300))).sum(axis=axis))


def _softmax(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
