"""Evaluations. `reports` has what an evaluation measured."""

from datetime import datetime
from typing import Any

from coldstart_client.models.answer import Answer


class EvaluationConfig(Answer):
    """The configuration of an evaluation."""

    states: list[str]
    baselines: list[str]
    list_baselines: list[str]
    seed: int
    steps: int | None
    paper_warm: bool
    order: str
    query_size: int
    min_ratings: int
    max_ratings: int
    bootstrap_resamples: int


class EvaluationSummary(Answer):
    """An evaluation without its report. `status` is queued, running, succeeded, failed or cancelled."""

    evaluation_id: str
    status: str
    progress: float
    model_version: str
    config: EvaluationConfig
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None


class Evaluation(EvaluationSummary):
    """An evaluation. It has a `report` once it has succeeded; `get_evaluation_report` returns it with types."""

    report: dict[str, Any] | None
