"""How many threads torch computes with."""

import torch


def compute_in_one_thread() -> None:
    """Let torch use one thread for each computation of this process.

    A batch of users or one user's catalogue is a few small matrix products, which further threads hardly speed up; and
    where anything else runs beside them, they wait for each other far longer than they work. Requests run in threads
    of their own.
    """
    torch.set_num_threads(1)
