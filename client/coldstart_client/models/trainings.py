"""Trainings on the service's database, and the comparison of a new version with the active one."""

from datetime import datetime

from coldstart_client.models.answer import Answer
from coldstart_client.models.reports import Estimate


class ComparedMeasure(Answer):
    """One measure of a new and of the active version, mean over users; `difference` is new − active."""

    new: float
    active: float
    difference: Estimate


class Comparison(Answer):
    """Two versions on the same held-out users. `verdict` says in words whether the new one is better."""

    new: str
    active: str
    users: int
    query_ratings: int
    mean_support: float
    measures: dict[str, ComparedMeasure]
    better: bool
    verdict: str
    notes: list[str]


class TrainingReport(Answer):
    """The result of a training: `model_version` is the new one, and `reason` says why it is active now, or is not.

    `comparison` is None if the service could not load the version that was active, and `validation_mae` for a model
    without ratings.
    """

    model_version: str
    training_ratings: int
    training_users: int
    training_items: int
    validation_mae: float | None
    comparison: Comparison | None
    activated: bool
    reason: str


class TrainingSummary(Answer):
    """A training without its report. `model_version` is the version that the new one is compared with.

    `status` is queued, running, succeeded, failed or cancelled.
    """

    training_id: str
    status: str
    progress: float
    model_version: str
    preset: str
    with_data_set: bool
    activate: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None


class Training(TrainingSummary):
    """A training. It has a `report` once it has succeeded."""

    report: TrainingReport | None
