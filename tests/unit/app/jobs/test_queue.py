import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import QueueUnavailableError
from app.jobs.queue import JobQueue
from app.settings import Settings


class Bomb:
    """Goes off when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return pytest.fail, ("a pickle was loaded",)


@pytest.fixture
def done() -> list[str]:
    """The jobs that were done."""
    return []


@pytest.fixture
def queue(tmp_path: Path, done: list[str]) -> Iterator[JobQueue]:
    """An embedded queue."""
    queue = JobQueue(Settings(state_dir=tmp_path, redis_url=None), run=done.append)
    yield queue
    queue.close()


def test_hands_over_job_ids(queue: JobQueue, done: list[str]) -> None:
    queue.submit("a")
    queue.submit("b")

    for _ in range(2):
        queue.huey.execute(queue.huey.dequeue())

    assert done == ["a", "b"]


def test_refilling_adds_what_the_queue_has_lost_and_nothing_twice(queue: JobQueue, done: list[str]) -> None:
    queue.submit("job-1")
    queue.huey.storage.enqueue(b"not JSON")

    queue.refill(["job-1", "job-2"])
    queue.refill(["job-1", "job-2"])

    queue.huey.execute(queue.huey.dequeue())
    with pytest.raises(ValueError, match="Expecting"):
        queue.huey.dequeue()
    queue.huey.execute(queue.huey.dequeue())
    assert done == ["job-1", "job-2"]
    assert queue.huey.pending_count() == 0


def test_messages_are_json(queue: JobQueue) -> None:
    queue.submit("a")

    (message,) = queue.huey.storage.enqueued_items()

    assert ["a"] in json.loads(message)


def test_pickles_are_never_loaded(queue: JobQueue) -> None:
    queue.huey.storage.enqueue(pickle.dumps(Bomb()))

    with pytest.raises(ValueError, match=r"decode|JSON|Expecting"):
        queue.huey.dequeue()


def test_the_queue_outlives_the_process(tmp_path: Path, queue: JobQueue, done: list[str]) -> None:
    queue.submit("a")
    again = JobQueue(Settings(state_dir=tmp_path, redis_url=None), run=done.append)
    again.huey.execute(again.huey.dequeue())
    again.close()

    assert done == ["a"]


def test_a_queue_that_does_not_answer(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path, redis_url="redis://127.0.0.1:1")
    queue = JobQueue(settings, run=lambda _: None)

    with pytest.raises(QueueUnavailableError):
        queue.submit("a")
    queue.close()
