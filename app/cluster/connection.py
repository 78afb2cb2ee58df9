"""The connection of a command to a Ray cluster."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from app.cluster.errors import ClusterError

_OBJECT_STORE_BYTES = 200 * 1024**2
"""Shared memory of a cluster that is started for a command: a data set and a model, each once."""


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Use a cluster while the block runs.

    Args:
        address: Of a running cluster, such as `10.0.0.1:6379`; `auto` for the one of this machine. None to start one on
            this machine, with all its cores, which ends with the block.

    Raises:
        ClusterError: There is no cluster at the address, or it does not accept this process.
    """
    started = {} if address else {"object_store_memory": _OBJECT_STORE_BYTES, "include_dashboard": False}
    # Otherwise Ray sends figures about its use to its makers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Otherwise Ray tells on standard output what it does, which is the place of results.
    os.environ.setdefault("RAY_TRAIN_ENABLE_STATE_TRACKING", "0")
    try:
        ray.init(address=address or "local", log_to_driver=False, logging_level=logging.ERROR, **started)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ClusterError(
            f"--address {address}: no Ray cluster answers there, or it refuses this machine's token: {error}"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def processors(device: str) -> int:
    """How many processors of a device's kind the cluster has, one at least.

    Args:
        device: As torch spells it, such as `cpu` or `cuda`.
    """
    return max(1, int(ray.cluster_resources().get("GPU" if needs_gpu(device) else "CPU", 0)))


def needs_gpu(device: str) -> bool:
    """Whether work on a device needs a GPU for itself."""
    return device.startswith("cuda")


def task_resources(device: str) -> dict[str, int]:
    """What one task on a device occupies."""
    return {"num_cpus": 1, "num_gpus": int(needs_gpu(device))}
