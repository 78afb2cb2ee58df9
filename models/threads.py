"""How many threads torch computes with."""

import torch


def compute_in_one_thread() -> None:
    """Let torch use one thread for each computation of this process.

    A batch of users or one user's catalogue is a few small matrix products: a second thread gains next to nothing,
    and where anything else runs beside it, its waiting costs up to ten times the work. Requests run in threads of
    their own.
    """
    torch.set_num_threads(1)
