"""The result of `coldstart train`: what was trained, and the command that comes next."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from app.cli.output import print_text
from app.jobs.training import TrainingReport
from models.artifact import DataDescription, Manifest, TrainedModel
from models.training.epoch_result import EpochResult

_FIGURES = {"validation_mae": "validation MAE", "validation_choice_loss": "validation loss of choices"}
"""The validation measures of a manifest, and how they are called."""


def result_as_json(output: Path, model: TrainedModel, report: TrainingReport | None) -> dict[str, Any]:
    """The result for programs; `report` is that of a version that was registered."""
    manifest = model.manifest
    twin = manifest.research_twin
    return {
        "version": model.version,
        "path": str(output),
        **_trained_as_json(manifest.data, manifest.history),
        "metrics": manifest.metrics,
        "research_twin": None
        if twin is None
        else {"version": twin.version, **_trained_as_json(twin.data, twin.history)},
        "report": None if report is None else report.model_dump(mode="json"),
    }


def print_result(output: Path, version: str, manifest: Manifest) -> None:
    """Print what was trained on what, and the figures."""
    twin = manifest.research_twin
    figures = ", ".join(
        f"{title} {manifest.metrics[name]:.4f}" for name, title in _FIGURES.items() if name in manifest.metrics
    )
    typer.echo(f"{output}: {version}")
    if twin is None:
        print_text(f"{_trained(manifest.data, manifest.history)}; {figures}")
    else:
        print_text(_trained(manifest.data, manifest.history))
        print_text(f"research twin {twin.version}: {_trained(twin.data, twin.history)}; {figures}")


def print_report(report: TrainingReport) -> None:
    """Print how the new version compares with the active one, and whether it is active now."""
    comparison = report.comparison
    verdict = None
    if comparison is not None:
        verdict = comparison.verdict
        print_text(f"compared with {comparison.active}: {verdict}")
        for note in comparison.notes:
            print_text(f"note: {note}")
    why = "" if report.reason == verdict else f": {report.reason}"
    print_text(f"registered and activated{why}" if report.activated else f"registered, not activated{why}")


def print_next(*command: str | Path) -> None:
    """Print the command that a user is likely to need next; a terminal can copy it in one piece."""
    typer.echo(f"next: {shlex.join(['coldstart', *map(str, command)])}")


def _trained(data: DataDescription, history: Sequence[EpochResult]) -> str:
    kind = "interactions" if data.mean_rating is None else "ratings"
    counts = f"{data.training_users:,} users and {data.training_items:,} items"
    trained = f"trained on {data.training_ratings:,} {kind} of {counts}"
    if not history:
        return trained
    epochs = "1 epoch" if len(history) == 1 else f"{len(history)} epochs"
    return f"{trained}, {epochs}, {_seconds(history):.0f} s"


def _trained_as_json(data: DataDescription, history: Sequence[EpochResult]) -> dict[str, Any]:
    return {
        "training_ratings": data.training_ratings,
        "training_users": data.training_users,
        "training_items": data.training_items,
        "epochs": len(history),
        "seconds": round(_seconds(history), 1),
    }


def _seconds(history: Sequence[EpochResult]) -> float:
    return sum(result.seconds for result in history)
