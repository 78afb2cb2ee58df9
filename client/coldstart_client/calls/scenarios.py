"""Calls about scenarios, and what is clicked in their lists."""

from collections.abc import Sequence
from datetime import datetime

from coldstart_client.call import Call, path_of
from coldstart_client.given import Boost, Filter
from coldstart_client.methods import call, listing
from coldstart_client.models.answer import Page
from coldstart_client.models.scenarios import ClickRate, Scenario


class ScenarioCalls:
    """Calls about scenarios, and what is clicked in their lists."""

    @call
    def put_scenario(
        self,
        name: str,
        *,
        n: int | None = None,
        filter: Filter | None = None,
        rank_by: str | None = None,
        diversity: float | None = None,
        explore: float | None = None,
        boosts: Sequence[Boost] | None = None,
        pinned: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        include_rated: bool | None = None,
        strategy: str | None = None,
        strangers: str | None = None,
        percent: float | None = None,
    ) -> Call[Scenario]:
        """Create or replace a scenario: settings of lists, for all users or for `percent` of them."""
        return Call(
            "PUT",
            path_of("/v1/scenarios/{}", name),
            Scenario,
            body={
                "n": n,
                "filter": filter,
                "rank_by": rank_by,
                "diversity": diversity,
                "explore": explore,
                "boosts": boosts,
                "pinned": pinned,
                "exclude": exclude,
                "include_rated": include_rated,
                "strategy": strategy,
                "strangers": strangers,
                "percent": percent,
            },
        )

    @listing
    def list_scenarios(self, *, limit: int | None = None, cursor: str | None = None) -> Call[Page[Scenario]]:
        """The scenarios, ordered by name."""
        return Call("GET", "/v1/scenarios", Page[Scenario], query={"limit": limit, "cursor": cursor})

    @call
    def get_scenario(self, name: str) -> Call[Scenario]:
        """A scenario."""
        return Call("GET", path_of("/v1/scenarios/{}", name), Scenario)

    @call
    def delete_scenario(self, name: str) -> Call[None]:
        """Delete a scenario. Requests that name it are refused from then on."""
        return Call("DELETE", path_of("/v1/scenarios/{}", name), type(None))

    @call
    def list_click_rates(
        self,
        *,
        by: str | None = None,
        scenario: str | None = None,
        model_version: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Call[Page[ClickRate]]:
        """Clicks per showing by `scenario`, `position`, `model_version` or `list`; most shown groups come first."""
        return Call(
            "GET",
            "/v1/click-rates",
            Page[ClickRate],
            query={"by": by, "scenario": scenario, "model_version": model_version, "since": since, "until": until},
        )
