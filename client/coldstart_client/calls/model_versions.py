"""Calls about model versions, and which of them serve."""

from datetime import datetime

from coldstart_client.call import Call, path_of
from coldstart_client.methods import call, listing
from coldstart_client.models.answer import Page
from coldstart_client.models.model_versions import ModelReport, ModelTraffic, ModelVersion


class ModelVersionCalls:
    """Calls about model versions, and which of them serve."""

    @listing
    def list_model_versions(self, *, limit: int | None = None, cursor: str | None = None) -> Call[Page[ModelVersion]]:
        """All registered versions, last registered first."""
        return Call("GET", "/v1/model-versions", Page[ModelVersion], query={"limit": limit, "cursor": cursor})

    @call
    def register_model_version(self, directory: str) -> Call[ModelVersion]:
        """Register an artifact in a directory of the service's machine, without activating it."""
        return Call("POST", "/v1/model-versions", ModelVersion, body={"directory": directory})

    @call
    def activate_model_version(self, version: str, *, allow_schema_change: bool | None = None) -> Call[ModelVersion]:
        """Activate a version for all users. To roll back, activate the former version."""
        return Call(
            "POST",
            path_of("/v1/model-versions/{}:activate", version),
            ModelVersion,
            query={"allow_schema_change": allow_schema_change},
        )

    @call
    def get_model_report(
        self, version: str, *, since: datetime | None = None, until: datetime | None = None
    ) -> Call[ModelReport]:
        """The report on a version, for a time if one is given: clicks, and the error of its predictions."""
        return Call(
            "GET",
            path_of("/v1/model-versions/{}/report", version),
            ModelReport,
            query={"since": since, "until": until},
        )

    @call
    def get_model_traffic(self) -> Call[ModelTraffic]:
        """The active version, and the challenger if there is one."""
        return Call("GET", "/v1/model-traffic", ModelTraffic)

    @call
    def put_challenger(self, version: str, percent: float) -> Call[ModelTraffic]:
        """Let a version serve a share of the users, always the same ones, instead of the active version."""
        return Call("PUT", "/v1/model-traffic/challenger", ModelTraffic, body={"version": version, "percent": percent})

    @call
    def delete_challenger(self) -> Call[None]:
        """End the challenge: the active version serves all users."""
        return Call("DELETE", "/v1/model-traffic/challenger", type(None))
