"""What is compared: each finds a user's best items in its own way.

Inner products are searched as nearest neighbours (Bachrach et al., RecSys 2014): an item is `[z, b, √(M² − ‖(z, b)‖²)]`
with the greatest length M of all, and a user `[g, 1, 0]`, so that the nearest items have the largest `b + z·g`.
"""

import time
from abc import ABC, abstractmethod
from typing import Any

import faiss
import numpy as np
import torch
from numpy.typing import NDArray
from usearch.index import Index as USearchIndex

from benchmarks.indexes.made_up import Catalogue
from models.choice.model import ChoiceModel
from models.ranking.shortlist import ScoreSpace, Shortlist

_AT_ONCE = 10_000
_REFINED = 20
"""How many times the wanted items are scored exactly after a search of compressed vectors."""

_M, _EF_BUILD = 32, 64


class TooSlowError(Exception):
    """The build took longer than it may."""


class Budget:
    """CPU seconds that a build may take."""

    def __init__(self, seconds: float) -> None:
        self._end = time.process_time() + seconds

    def check(self) -> None:
        """Raise `TooSlowError` if they are over."""
        if time.process_time() > self._end:
            raise TooSlowError


class Vectors:
    """A catalogue as nearest-neighbour search takes it."""

    def __init__(self, catalogue: Catalogue) -> None:
        bias = catalogue.items.bias - catalogue.items.bias.mean()  # a constant changes no order
        vectors = torch.cat([catalogue.items.vector, bias.unsqueeze(1)], dim=1)
        squares = vectors.square().sum(dim=1)
        self.greatest = float(squares.max())
        rest = (self.greatest - squares).sqrt().unsqueeze(1)
        self.items: NDArray[np.float32] = torch.cat([vectors, rest], dim=1).numpy()

    @staticmethod
    def of_users(users: torch.Tensor) -> NDArray[np.float32]:
        """Users as queries."""
        ones, zeros = torch.ones(len(users), 1), torch.zeros(len(users), 1)
        return torch.cat([users, ones, zeros], dim=1).numpy()


class Finder(ABC):
    """Finds a user's best items.

    Attributes:
        efforts: The settings of time against recall that are measured.
    """

    efforts: tuple[int, ...] = (0,)

    @abstractmethod
    def build(self, vectors: Vectors, budget: Budget) -> None:
        """Index all items."""

    @abstractmethod
    def search(self, query: NDArray[np.float32], count: int, effort: int) -> NDArray[np.int64]:
        """The best items of a user (float32 [1, 66])."""

    @abstractmethod
    def memory(self) -> int:
        """Bytes beside the vectors that the service has anyway."""

    def change(self, row: int, vector: NDArray[np.float32]) -> bool:  # noqa: ARG002
        """Replace an item; False if the index cannot."""
        return False


class OwnShortlist(Finder):
    """The product's: a linear proxy in 24 dimensions, and exact scores of 0.2 % of the items."""

    def __init__(self, catalogue: Catalogue, model: ChoiceModel, holder: Any) -> None:  # noqa: ANN401
        self._catalogue, self._model, self._holder = catalogue, model, holder

    def build(self, vectors: Vectors, budget: Budget) -> None:  # noqa: ARG002 - takes seconds
        """Landmark users and the features of all items."""
        items = self._catalogue.items
        counts = (items.bias.double().exp() * len(items)).numpy().astype(np.int64)
        self._space = ScoreSpace(self._holder, self._model, items, counts)
        self._scorer = self._model.prepare(items)
        self._features = self._space.features(self._scorer, len(items))
        self._shortlist = Shortlist(self._model, items, self._space, self._features)
        self._everything = np.ones(len(items), dtype=np.bool_)

    def search(self, query: NDArray[np.float32], count: int, effort: int) -> NDArray[np.int64]:  # noqa: ARG002
        """The shortlist, scored exactly."""
        user = torch.from_numpy(query[:, :-2])
        rows = self._shortlist.rows(user, None, self._everything, count)  # type: ignore[arg-type]
        scores = self._scorer.scores(user, None, torch.from_numpy(rows))[0]
        return rows[scores.topk(count).indices.numpy()]

    def memory(self) -> int:
        """Of the features."""
        return self._features.nbytes

    def change(self, row: int, vector: NDArray[np.float32]) -> bool:
        """The features of one item."""
        item = self._catalogue.items[row : row + 1]
        own = type(item)(item.bias, torch.from_numpy(vector[None, :-2]))
        self._features[:, row] = self._space.features(self._model.prepare(own), 1)[:, 0]
        return True


class FaissIndex(Finder):
    """An index of FAISS by its factory string."""

    def __init__(self, description: str, effort_name: str, efforts: tuple[int, ...]) -> None:
        self._description, self._effort_name, self.efforts = description, effort_name, efforts

    def build(self, vectors: Vectors, budget: Budget) -> None:
        """Train on a sample where the index learns, and add all items."""
        items = vectors.items
        lists = 2 ** round(np.log2(4 * np.sqrt(len(items))))
        self._index = faiss.index_factory(items.shape[1], self._description.format(lists=lists), faiss.METRIC_L2)
        if not self._index.is_trained:
            self._index.train(items[:: max(1, len(items) // (40 * lists))])
        for start in range(0, len(items), _AT_ONCE):
            budget.check()
            self._index.add(items[start : start + _AT_ONCE])
        if "RFlat" in self._description:
            self._index.k_factor = _REFINED

    def search(self, query: NDArray[np.float32], count: int, effort: int) -> NDArray[np.int64]:
        """Search so many lists, or keep so many candidates."""
        faiss.ParameterSpace().set_index_parameter(self._index, self._effort_name, effort)
        return self._index.search(query, count)[1][0]

    def memory(self) -> int:
        """Of the index as it is written to a file."""
        return int(faiss.serialize_index(self._index).nbytes)

    def change(self, row: int, vector: NDArray[np.float32]) -> bool:
        """Remove and add, where the index can."""
        try:
            self._index.remove_ids(np.array([row], dtype=np.int64))
        except RuntimeError:
            return False
        self._index.add_with_ids(vector[None], np.array([row], dtype=np.int64))
        return True


class USearch(Finder):
    """The graph of USearch, with numbers of half precision."""

    efforts = (64, 256, 1024)

    def build(self, vectors: Vectors, budget: Budget) -> None:
        """Add all items."""
        items = vectors.items
        self._index = USearchIndex(
            ndim=items.shape[1], metric="l2sq", dtype="f16", connectivity=_M, expansion_add=_EF_BUILD
        )
        for start in range(0, len(items), _AT_ONCE):
            budget.check()
            rows = np.arange(start, min(start + _AT_ONCE, len(items)))
            self._index.add(rows, items[rows], threads=1)

    def search(self, query: NDArray[np.float32], count: int, effort: int) -> NDArray[np.int64]:
        """Keep so many candidates."""
        self._index.expansion_search = effort
        return self._index.search(query[0], max(count, effort), threads=1).keys[:count].astype(np.int64)

    def memory(self) -> int:
        """As the index counts it."""
        return int(self._index.memory_usage)

    def change(self, row: int, vector: NDArray[np.float32]) -> bool:
        """Remove and add."""
        self._index.remove(row)
        self._index.add(row, vector, threads=1)
        return True


def finders(catalogue: Catalogue, model: ChoiceModel, holder: Any) -> dict[str, Finder]:  # noqa: ANN401
    """Everything that is compared, by its name."""
    faiss.omp_set_num_threads(1)
    return {
        "shortlist": OwnShortlist(catalogue, model, holder),
        "FAISS IVF": FaissIndex("IVF{lists},Flat", "nprobe", (16, 64, 256)),
        "FAISS PQ FastScan, refined": FaissIndex("IVF{lists},PQ33x4fs,RFlat", "nprobe", (16, 64, 256)),
        "FAISS HNSW": FaissIndex(f"HNSW{_M},Flat", "efSearch", (64, 256, 1024)),
        "USearch": USearch(),
    }
