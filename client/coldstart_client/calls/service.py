"""Calls about the service itself."""

from http import HTTPStatus

from coldstart_client.call import Call
from coldstart_client.methods import call
from coldstart_client.models.schema import Schema
from coldstart_client.models.service import Liveness, Overview, Readiness


class ServiceCalls:
    """Calls about the service itself."""

    @call
    def get_schema(self) -> Call[Schema]:
        """The rating scale, and the attributes of users and items."""
        return Call("GET", "/v1/schema", Schema)

    @call
    def get_overview(self) -> Call[Overview]:
        """How much is stored, what serves, and what is wrong."""
        return Call("GET", "/v1/overview", Overview)

    @call
    def get_liveness(self) -> Call[Liveness]:
        """Whether the service's process is alive."""
        return Call("GET", "/health/live", Liveness)

    @call
    def get_readiness(self) -> Call[Readiness]:
        """Whether the service can answer requests, and which parts do not work."""
        return Call("GET", "/health/ready", Readiness, expected=[HTTPStatus.SERVICE_UNAVAILABLE])
