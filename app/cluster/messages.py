"""What processes of a cluster tell the command that waits for them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray.util.queue import Empty, Queue
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

_WAIT_SECONDS = 0.2
"""How long to wait for a message before looking whether the work is over."""


@contextmanager
def messages_to(receive: Callable[[Any], None]) -> Iterator[Queue]:
    """A queue whose messages are received in a thread of this process while the block runs.

    The queue is kept on this machine, so that it outlives the others.

    Args:
        receive: Called with every message, in their order.
    """
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    queue = Queue(actor_options={"num_cpus": 0, "scheduling_strategy": here})
    is_over = threading.Event()

    def receive_all() -> None:
        while True:
            was_over = is_over.is_set()
            try:
                receive(queue.get(timeout=_WAIT_SECONDS))
            except Empty:
                if was_over:
                    return

    receiver = threading.Thread(target=receive_all, daemon=True)
    receiver.start()
    try:
        yield queue
    finally:
        is_over.set()
        receiver.join()
        queue.shutdown()
