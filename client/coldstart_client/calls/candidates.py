"""Calls for items to ask about."""

from collections.abc import Sequence

from coldstart_client.call import Call
from coldstart_client.calls.filters import pairs
from coldstart_client.given import Filter, GivenAnswer, GivenInteraction, GivenRating
from coldstart_client.methods import call
from coldstart_client.models.candidates import CandidatePage


class CandidateCalls:
    """Calls for items to ask about."""

    @call
    def list_candidates(
        self,
        *,
        user_id: str | None = None,
        n: int | None = None,
        strategy: str | None = None,
        skipped: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        filter: Filter | None = None,
        seed: int | None = None,
        scenario: str | None = None,
    ) -> Call[CandidatePage]:
        """Items whose ratings would tell most about a user, who may be new."""
        return Call(
            "GET",
            "/v1/candidates",
            CandidatePage,
            query={
                "user_id": user_id,
                "n": n,
                "strategy": strategy,
                "skipped": skipped,
                "exclude": exclude,
                "filter": pairs(filter),
                "seed": seed,
                "scenario": scenario,
            },
        )

    @call
    def choose_candidates(
        self,
        *,
        ratings: Sequence[GivenRating] | None = None,
        interactions: Sequence[GivenInteraction] | None = None,
        answers: Sequence[GivenAnswer] | None = None,
        skipped: Sequence[str] | None = None,
        strategy: str | None = None,
        n: int | None = None,
        exclude: Sequence[str] | None = None,
        filter: Filter | None = None,
        seed: int | None = None,
        scenario: str | None = None,
    ) -> Call[CandidatePage]:
        """Candidates from these arguments alone. Nothing is stored."""
        return Call(
            "POST",
            "/v1/candidates",
            CandidatePage,
            body={
                "ratings": ratings,
                "interactions": interactions,
                "answers": answers,
                "skipped": skipped,
                "strategy": strategy,
                "n": n,
                "exclude": exclude,
                "filter": filter,
                "seed": seed,
                "scenario": scenario,
            },
        )
