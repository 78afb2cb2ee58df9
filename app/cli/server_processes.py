"""Several server processes on one port, which share the memory of what they have imported.

A process of its own takes hundreds of MiB, most of them for the libraries. A forked one shares with the others all that
it does not change.
"""

import asyncio
import gc
import logging
import multiprocessing
import sys
from importlib import import_module
from pathlib import Path

import uvicorn
from uvicorn import _subprocess as uvicorn_processes
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from app.expected_errors import sentence_about
from app.main import create_app
from app.services.container import open_services
from app.settings import Settings

logger = logging.getLogger(__name__)

_SILENT_SECONDS = 60
"""A process that is silent for so long is replaced. On a busy machine, some seconds would not mean that it hangs."""

_FORK = multiprocessing.get_context("fork")

_IMPORTED_LATE = ("alembic.command", "alembic.ddl", "alembic.migration", "sklearn.feature_extraction.text")
"""What each server process would import for itself when it first needs it: to compare the database's schema with the
program's, and to split texts into words."""


def serve_in_processes(settings: Settings, count: int, *, model_dir: Path | None) -> int:
    """Serve until SIGINT or SIGTERM, and replace processes that die; the exit code of the program.

    This process only imports. It must not compute: the threads of Polars and torch would be missing in a forked
    process. So another one migrates the database and activates the artifact, once for all.

    Args:
        settings: Of the service.
        count: How many processes serve.
        model_dir: An artifact to activate at the start, even if another version is active. A process that
            replaces another one does not activate it again.
    """
    first = _FORK.Process(target=_prepare, args=(settings, model_dir))
    first.start()
    first.join()
    if first.exitcode:
        return 2
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        workers=count,
        timeout_worker_healthcheck=_SILENT_SECONDS,
    )
    with config.bind_socket() as listening:
        for module in _IMPORTED_LATE:
            import_module(module)
        gc.collect()
        gc.freeze()  # a collection writes into the objects that it visits, and what is written is not shared any more
        uvicorn_processes.spawn = _FORK  # type: ignore[assignment]  # uvicorn would start processes that import it all
        supervisor = Multiprocess(config, [listening])
        supervisor.run()
    return 2 if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes) else 0


def _prepare(settings: Settings, model_dir: Path | None) -> None:
    async def prepare() -> None:
        async with open_services(settings) as services:
            await services.api_keys.require_any()
            await services.model_versions.start_serving(model_dir or settings.model_dir, activate=model_dir is not None)

    try:
        asyncio.run(prepare())
    except Exception as error:
        if (sentence := sentence_about(error)) is None:
            raise
        logger.error(sentence)
        sys.exit(2)
