"""`coldstart model`: registers, lists and activates model versions, compares two, and reports on them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from app.cli.completion import complete_model_version
from app.cli.output import JSONOption, print_json, print_list

if TYPE_CHECKING:
    from app.services.container import Services
    from app.services.model_reports import OnlineEstimate
    from app.services.model_versions import ModelVersionList

model_commands = typer.Typer(
    help="Register, list and activate model versions, compare two of them, and report on them.", no_args_is_help=True
)

_PAGE = 100

ResultT = TypeVar("ResultT")
Version = Annotated[str, typer.Argument(help="Id of a registered version.", autocompletion=complete_model_version)]


@model_commands.command("register")
def register_command(
    model: Annotated[Path, typer.Argument(file_okay=False, help="Directory of the artifact.")],
    as_json: JSONOption = False,
) -> None:
    """Register an artifact with the service, without activating it. It prints the version's id."""
    version = _with_services(lambda services: services.model_versions.register(model))
    if as_json:
        print_json({"version": version, "path": str(model)})
    else:
        typer.echo(version)


@model_commands.command("list")
def list_command(as_json: JSONOption = False) -> None:
    """List the registered versions, last registered first."""
    pages = _with_services(_all_pages)
    if as_json:
        from app.api.model_versions import ModelVersionResponse

        print_json(
            {
                "items": [
                    ModelVersionResponse.of(version, page.current).model_dump(mode="json") | {"path": version.path}
                    for page in pages
                    for version in page.versions
                ]
            }
        )
        return
    rows = []
    for page in pages:
        for version in page.versions:
            active = "yes" if version.id == page.current.model_version else ""
            percent = page.current.percent_of(version.id)
            users = f"{percent:g} %" if percent else ""
            rows.append((version.id, f"{version.created_at:%Y-%m-%d %H:%M}", active, users, version.path))
    print_list(("version", "created", "active", "users", "path"), rows)


async def _all_pages(services: "Services") -> "list[ModelVersionList]":
    pages = [await services.model_versions.page(after=None, limit=_PAGE)]
    while len(pages[-1].versions) == _PAGE:
        pages.append(await services.model_versions.page(after=pages[-1].versions[-1].id, limit=_PAGE))
    return pages


@model_commands.command("activate")
def activate_command(
    version: Version,
    *,
    allow_schema_change: Annotated[
        bool,
        typer.Option(
            "--allow-schema-change", help="Activate it even if its rating scale differs or attributes are missing."
        ),
    ] = False,
) -> None:
    """Activate a registered version for all users. Running servers follow within seconds."""
    _with_services(lambda services: services.model_versions.activate(version, allow_schema_change=allow_schema_change))
    typer.echo(f"{version} is active")


@model_commands.command("challenge")
def challenge_command(
    version: Version,
    percent: Annotated[float, typer.Option(help="Share of the users, between 0 and 100.")],
) -> None:
    """Let a registered version serve some users, always the same ones, instead of the active version."""
    from app.storage.current_versions import Challenger

    if not 0 < percent < 100:
        raise typer.BadParameter("must lie between 0 and 100", param_hint="--percent")
    _with_services(lambda services: services.model_versions.challenge(Challenger(version, percent)))
    typer.echo(f"{version} serves {percent:g} % of the users")


@model_commands.command("end-challenge")
def end_challenge_command() -> None:
    """End the challenge: the active version serves all users."""
    _with_services(lambda services: services.model_versions.end_challenge())
    typer.echo("the active version serves everybody")


@model_commands.command("report")
def report_command(
    version: Version,
    since: Annotated[datetime | None, typer.Option(help="Start of the time, inclusive, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="End of the time, exclusive, UTC.")] = None,
    as_json: JSONOption = False,
) -> None:
    """Report on a version: clicks on its recommendations, and the error of its predictions."""
    ends = {"since": since and since.replace(tzinfo=UTC), "until": until and until.replace(tzinfo=UTC)}
    report = _with_services(lambda services: services.model_reports.report(version, **ends))
    if as_json:
        from app.api.model_versions import ModelReportResponse

        print_json(ModelReportResponse.model_validate(report).model_dump(mode="json"))
        return
    typer.echo(f"users             {report.users:,}")
    typer.echo(f"shown             {report.shown:,}")
    typer.echo(f"clicked           {report.clicked:,}")
    typer.echo(f"click rate        {_figure(report.click_rate)}")
    typer.echo(f"rated             {report.rated:,}")
    typer.echo(f"measured ratings  {report.measured_ratings:,}")
    typer.echo(f"MAE               {_figure(report.mae)}")


def _figure(estimate: "OnlineEstimate | None") -> str:
    if estimate is None:
        return "-"
    interval = "" if estimate.low is None else f" (95 %: {estimate.low:.4f} to {estimate.high:.4f})"
    return f"{estimate.value:.4f}{interval}"


def _with_services(do: "Callable[[Services], Awaitable[ResultT]]") -> ResultT:
    from app.services.container import open_services
    from app.settings import read_settings
    from app.storage.database import require_usable

    settings = read_settings()

    async def run() -> ResultT:
        await require_usable(settings.database_url.get_secret_value())
        async with open_services(settings) as services:
            return await do(services)

    return asyncio.run(run())
