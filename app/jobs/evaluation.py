"""The evaluation job: evaluates the research model of a version on a data set."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from app.jobs.job_function import Report
from app.jobs.stored_dataset import load_stored_dataset
from app.settings import Settings
from models.artifact import load_research_model
from models.data.reader import read_dataset
from models.evaluation import EvaluationConfig, evaluate

KIND = "evaluation"


class EvaluationParameters(BaseModel):
    """The parameters of an evaluation job.

    Attributes:
        model_version: The model to evaluate.
        model_path: Where its artifact is.
        data_path: The data set to evaluate it on; None for the database.
        config: What to evaluate.
    """

    model_version: str
    model_path: Path
    data_path: Path | None
    config: EvaluationConfig


def run_evaluation(
    parameters: dict[str, Any],
    *,
    job_id: str,  # noqa: ARG001 - an interrupted evaluation keeps nothing
    settings: Settings,
    progress: Callable[[float], None],
) -> Report:
    """Evaluate a model: its research twin if it was trained on all ratings.

    Args:
        parameters: `EvaluationParameters` as JSON.
        job_id: Of the job.
        settings: Where to compute.
        progress: Called with the share that is done. An exception from it stops the evaluation.

    Returns:
        `EvaluationReport` as JSON.

    Raises:
        ArtifactError: If the artifact cannot be used.
        DataError: If the data set cannot be read.
        DatabaseUnavailableError: If the database cannot be reached.
    """
    given = EvaluationParameters.model_validate(parameters)
    model = load_research_model(given.model_path, device=settings.device)
    if given.data_path is None:
        dataset = load_stored_dataset(settings, model.schema, batch_read=lambda: progress(0.0))
    else:
        # Training may have skipped malformed rows, so the evaluation skips them as well.
        dataset, _ = read_dataset(given.data_path, schema=model.schema, malformed="skip")
    report, _ = evaluate(model, dataset, given.config, progress=progress)
    return report.model_copy(update={"made_at": datetime.now(UTC)}).model_dump(mode="json")
