"""Users to whom a scoring model was adapted, and the scores of their shortlists."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.choice.model import ChoiceItems, ChoiceModel
from models.learners.base import Support
from models.ranking.catalogue import Catalogue
from models.ranking.query import RankBy
from models.ranking.rules import Eligible


@dataclass(frozen=True)
class Scored:
    """B users and their shortlists, by one scoring model.

    Attributes:
        support: What the users did, embedded.
        adapted: What the scoring model's `adapt` returned.
        shortlists: For each user, rows and their scores (`Catalogue.shortlisted`).
    """

    support: Support[Any, Any]
    adapted: Any
    shortlists: Sequence[tuple[NDArray[np.int64], NDArray[np.float32]]]

    @classmethod
    def of(
        cls,
        catalogue: Catalogue,
        rank_by: RankBy,
        support: Support[Any, Any],
        adapted: object,
        candidates: Sequence[Eligible],
        ns: Sequence[int],
    ) -> "Scored":
        """Score the catalogue's shortlists.

        Args:
            catalogue: The catalogue.
            rank_by: The scoring model.
            support: What B users did, embedded by it.
            adapted: What its `adapt` returned for them.
            candidates: For each user, what may be in the list.
            ns: For each user, how many of the best items are wanted.
        """
        allowed, added = [each.allowed for each in candidates], [each.added for each in candidates]
        needed = [np.array(each.pinned, dtype=np.int64) for each in candidates]
        shortlists = catalogue.shortlisted(rank_by, adapted, support.users, allowed, ns, needed, added)
        return cls(support, adapted, shortlists)

    def log_shares(self, choice: ChoiceModel, items: ChoiceItems) -> Tensor:
        """Log P(choose) of some items ([B, Q]) among each user's shortlist; float32 [B, Q]."""
        totals = [torch.logsumexp(torch.from_numpy(scores), dim=0) for _, scores in self.shortlists]
        logits = choice.logits(self.adapted, items)
        # Rounded, the share of an only item may be more than 1.
        return (logits - torch.stack(totals).to(logits).unsqueeze(1)).clamp(max=0)
