"""`coldstart serve`, `worker` and `migrate`: the processes of a deployment."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.checks import require_directories, require_free_port
from models.elicitation.strategy import Strategy

if TYPE_CHECKING:
    from app.settings import Settings


def serve_command(
    model: Annotated[Path | None, typer.Option(file_okay=False, help="Artifact to activate and serve.")] = None,
    data: Annotated[
        Path | None, typer.Option(file_okay=False, exists=True, help="Data set that evaluation jobs read.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on.")] = None,
    candidate_strategy: Annotated[
        Strategy | None, typer.Option(help="How candidates are chosen if a request does not say it.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Server processes on the port; each ranks on one core.")] = 1,
) -> None:
    """Serve the API. Options override the environment's COLDSTART_… settings."""
    with _metrics_of(workers):  # before anything imports metrics
        import uvicorn

        from app.cli.keys import with_keys
        from app.cli.server_processes import serve_in_processes
        from app.main import create_app
        from app.observability.logs import configure_logging
        from app.services.api_keys import APIKeyService
        from app.settings import SettingsError
        from app.storage.database import require_usable
        from models.artifact import ArtifactFormatError, verify_artifact
        from models.training.devices import require_device

        settings = _settings(data_dir=data, host=host, port=port, candidate_strategy=candidate_strategy)
        if workers > 1 and settings.device != "cpu":
            raise SettingsError(
                f"COLDSTART_DEVICE: {settings.device} cannot be shared: use one worker, or the device cpu"
            )
        require_directories(settings)
        require_free_port(settings.host, settings.port)
        require_device(settings.device)
        asyncio.run(require_usable(settings.database_url.get_secret_value()))
        if (model_dir := model or settings.model_dir) is not None:
            try:
                verify_artifact(model_dir)
            except ArtifactFormatError:
                if model is not None:
                    raise  # the setting's artifact is skipped: the active version may be another
        if not settings.allow_anonymous:
            asyncio.run(with_keys(APIKeyService.require_any, settings))
        configure_logging(settings.log_format)
        if workers > 1:
            raise typer.Exit(serve_in_processes(settings, workers, model_dir=model))
        app = create_app(settings, model_dir=model)
        server = uvicorn.Server(uvicorn.Config(app, host=settings.host, port=settings.port, log_config=None))
        try:
            server.run()
        except SystemExit as failed:  # the start; the log says why
            raise typer.Exit(2) from failed


def worker_command() -> None:
    """Run jobs in a separate process, until SIGINT or SIGTERM."""
    from app.jobs.worker import run_worker
    from app.observability.logs import configure_logging
    from app.settings import read_settings
    from app.storage.database import require_usable
    from models.training.devices import require_device

    settings = read_settings()
    require_directories(settings)
    require_device(settings.device)
    asyncio.run(require_usable(settings.database_url.get_secret_value()))
    configure_logging(settings.log_format)
    run_worker(settings)


def migrate_command() -> None:
    """Migrate the database to this release. `serve` and `worker` also do this when they start."""
    from app.settings import read_settings
    from app.storage.database import open_database, require_usable
    from app.storage.migrate import upgrade

    url = read_settings().database_url.get_secret_value()

    async def migrate() -> None:
        await require_usable(url)
        async with open_database(url) as database:
            await upgrade(database)

    asyncio.run(migrate())


@contextmanager
def _metrics_of(workers: int) -> Iterator[None]:
    """Let several processes write their metrics where any of them reads those of all."""
    if workers == 1:
        yield
        return
    with TemporaryDirectory(prefix="coldstart-metrics-") as directory:
        os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", directory)
        yield


def _settings(**given: Any) -> "Settings":  # noqa: ANN401 - pydantic validates them
    from app.settings import read_settings

    return read_settings({name: value for name, value in given.items() if value is not None})
