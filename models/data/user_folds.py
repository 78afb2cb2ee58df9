"""Folds of users, for what is trained on some users and used on others."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

USER_FOLDS = 4
"""Folds of users, for out-of-fold inputs. It bounds the training time, because each fold needs a
factorisation. Episodes and inputs must agree on it, so it is no setting of either."""

RowsT = TypeVar("RowsT", NDArray[Any], Tensor)


def fold_of(users: NDArray[np.integer]) -> NDArray[np.integer]:
    """The fold of each user, by row; int [users], 0 … `USER_FOLDS` − 1.

    In training, users of one fold see items through the ratings of the other folds
    (`models.inputs.collaborative_inputs.OutOfFold`). Rows follow the order of the files, which is unrelated to tastes.
    """
    return users % USER_FOLDS


def trains_combinations(users: RowsT) -> RowsT:
    """Which users, by row, train the combination of several learners; bool [users]. The others train the learners.

    A learner that memorises looks better than it is on the users that it was trained on. A tenth of each fold is
    enough, because a combination has few weights.
    """
    return users // USER_FOLDS % 10 == 0  # type: ignore[no-any-return]  # numpy's is Any
