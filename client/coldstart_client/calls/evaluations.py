"""Calls about evaluations."""

from collections.abc import Sequence
from typing import Literal

from coldstart_client.call import Call, path_of
from coldstart_client.methods import call, listing
from coldstart_client.models.answer import Page
from coldstart_client.models.evaluations import Evaluation, EvaluationSummary
from coldstart_client.models.reports import EvaluationReport


class EvaluationCalls:
    """Calls about evaluations."""

    @call
    def start_evaluation(
        self,
        *,
        model_version: str | None = None,
        states: Sequence[str] | None = None,
        baselines: Sequence[str] | None = None,
        list_baselines: Sequence[str] | None = None,
        seed: int | None = None,
        steps: int | None = None,
        paper_warm: bool | None = None,
        order: Literal["random", "time"] | None = None,
        query_size: int | None = None,
        min_ratings: int | None = None,
        max_ratings: int | None = None,
        bootstrap_resamples: int | None = None,
    ) -> Call[Evaluation]:
        """Start an evaluation of a model version, by default of the active one. `get_evaluation` shows its progress."""
        return Call(
            "POST",
            "/v1/evaluations",
            Evaluation,
            body={
                "model_version": model_version,
                "states": states,
                "baselines": baselines,
                "list_baselines": list_baselines,
                "seed": seed,
                "steps": steps,
                "paper_warm": paper_warm,
                "order": order,
                "query_size": query_size,
                "min_ratings": min_ratings,
                "max_ratings": max_ratings,
                "bootstrap_resamples": bootstrap_resamples,
            },
        )

    @listing
    def list_evaluations(self, *, limit: int | None = None, cursor: str | None = None) -> Call[Page[EvaluationSummary]]:
        """All evaluations, newest first, without their reports."""
        return Call("GET", "/v1/evaluations", Page[EvaluationSummary], query={"limit": limit, "cursor": cursor})

    @call
    def get_evaluation(self, evaluation_id: str) -> Call[Evaluation]:
        """An evaluation with its progress, and its report once it has succeeded."""
        return Call("GET", path_of("/v1/evaluations/{}", evaluation_id), Evaluation)

    @call
    def cancel_evaluation(self, evaluation_id: str) -> Call[Evaluation]:
        """Cancel a queued or running evaluation. It stays in the list."""
        return Call("DELETE", path_of("/v1/evaluations/{}", evaluation_id), Evaluation)

    @call
    def get_evaluation_report(self, evaluation_id: str) -> Call[EvaluationReport]:
        """An evaluation's report."""
        return Call("GET", path_of("/v1/evaluations/{}/report", evaluation_id), EvaluationReport)

    @call
    def download_evaluation_report(self, evaluation_id: str) -> Call[str]:
        """An evaluation's report as one HTML file with plots and tables."""
        return Call("GET", path_of("/v1/evaluations/{}/report.html", evaluation_id), str)
