"""What candidate strategies know of a catalogue's items."""

from functools import cached_property

import numpy as np
import polars as pl

from models.learners.base import LastLayer
from models.learners.exposure import Exposure
from models.ranking.catalogue import Catalogue
from models.ranking.question_pool import QuestionPool


class CatalogueKnowledge:
    """The knowledge of a model about the items of a catalogue, in the order of its rows (`KnownItems`)."""

    def __init__(self, catalogue: Catalogue, pool: QuestionPool) -> None:
        self._catalogue = catalogue
        self._pool = pool

    @property
    def statistics(self) -> pl.DataFrame:
        """The statistics from training and with the new ratings."""
        return self._catalogue.statistics

    @property
    def training_users(self) -> int:
        """How many users the model was trained on."""
        return self._catalogue.model.manifest.data.training_users

    @property
    def exposure(self) -> Exposure:
        """Who has seen what."""
        return self._pool.exposure

    @cached_property
    def last_layer(self) -> LastLayer | None:
        """The learner's last layer."""
        learner = self._catalogue.model.learner
        return None if learner is None else learner.last_layer(self._catalogue.vectors(np.arange(len(self._catalogue))))
