import asyncio
from collections.abc import Sequence

import pytest

from app.errors import DatabaseUnavailableError
from app.observability.metrics import Phase
from app.services.batching import Batcher


class Work:
    """Doubles the numbers of a batch once `gate` is open; a batch with -1 fails with `error`."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.error: Exception = ArithmeticError("-1")

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        await self.gate.wait()
        if -1 in numbers:
            raise self.error
        return [2 * number for number in numbers]


async def started(batcher: Batcher[int, int], *numbers: int) -> list[asyncio.Task[int]]:
    """Start one task for each number, and wait until all of them are with the batcher."""
    tasks = [asyncio.create_task(batcher.do(number)) for number in numbers]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_batcher_requests_during_a_batch_form_the_next_one_in_order() -> None:
    work = Work()
    batcher = Batcher(work, largest=10, phase=Phase.RANK)

    tasks = await started(batcher, 1) + await started(batcher, 2, 3) + await started(batcher, 4)
    assert work.batches == [[1]]
    work.gate.set()

    assert await asyncio.gather(*tasks) == [2, 4, 6, 8]
    assert work.batches == [[1], [2, 3, 4]]


async def test_batcher_with_many_requests_limits_the_batch() -> None:
    work = Work()
    batcher = Batcher(work, largest=2, phase=Phase.RANK)
    tasks = await started(batcher, 1) + await started(batcher, 2, 3, 4)
    work.gate.set()

    assert await asyncio.gather(*tasks) == [2, 4, 6, 8]
    assert work.batches == [[1], [2, 3], [4]]


async def test_batcher_cancelled_requests_do_not_change_the_others() -> None:
    work = Work()
    batcher = Batcher(work, largest=10, phase=Phase.RANK)
    running, cancelled, waiting = await started(batcher, 1) + await started(batcher, 2, 3)
    cancelled.cancel()
    running.cancel()
    await asyncio.sleep(0)
    work.gate.set()

    assert await waiting == 6
    assert work.batches == [[1], [3]]


async def test_batcher_error_of_one_request_reaches_only_that_request() -> None:
    work = Work()
    batcher = Batcher(work, largest=10, phase=Phase.RANK)
    tasks = await started(batcher, 1) + await started(batcher, 2, -1, 3)
    work.gate.set()

    assert await asyncio.gather(*tasks, return_exceptions=True) == [2, 4, work.error, 6]
    assert work.batches == [[1], [2, -1, 3], [2], [-1], [3]]


async def test_batcher_service_error_reaches_all_requests_of_the_batch() -> None:
    work = Work()
    work.error = DatabaseUnavailableError()
    batcher = Batcher(work, largest=10, phase=Phase.RANK)
    tasks = await started(batcher, 1) + await started(batcher, 2, -1, 3)
    work.gate.set()

    assert await asyncio.gather(*tasks, return_exceptions=True) == [2, work.error, work.error, work.error]
    assert work.batches == [[1], [2, -1, 3]]


async def test_batcher_after_a_pause_continues() -> None:
    work = Work()
    work.gate.set()
    batcher = Batcher(work, largest=10, phase=Phase.RANK)

    assert [await batcher.do(number) for number in (1, 2)] == [2, 4]


@pytest.mark.parametrize("numbers", [(), (1, 2, 3)])
async def test_batcher_close_finishes_accepted_requests(numbers: tuple[int, ...]) -> None:
    work = Work()
    batcher = Batcher(work, largest=2, phase=Phase.RANK)
    tasks = await started(batcher, *numbers)
    work.gate.set()

    await batcher.close()

    assert [task.result() for task in tasks] == [2 * number for number in numbers]
