"""Calls about list exports."""

from coldstart_client.call import Call, path_of
from coldstart_client.given import Filter
from coldstart_client.methods import call, listing
from coldstart_client.models.answer import Page
from coldstart_client.models.list_exports import ListExport


class ListExportCalls:
    """Calls about list exports."""

    @call
    def start_list_export(
        self, *, n: int | None = None, rank_by: str | None = None, filter: Filter | None = None
    ) -> Call[ListExport]:
        """Start to rank for all stored users. `wait` returns the export when it has ended."""
        return Call("POST", "/v1/list-exports", ListExport, body={"n": n, "rank_by": rank_by, "filter": filter})

    @listing
    def list_list_exports(self, *, limit: int | None = None, cursor: str | None = None) -> Call[Page[ListExport]]:
        """All list exports, newest first."""
        return Call("GET", "/v1/list-exports", Page[ListExport], query={"limit": limit, "cursor": cursor})

    @call
    def get_list_export(self, list_export_id: str) -> Call[ListExport]:
        """A list export with its progress."""
        return Call("GET", path_of("/v1/list-exports/{}", list_export_id), ListExport)

    @call
    def download_list_export(self, list_export_id: str) -> Call[bytes]:
        """The lists of all users as a Parquet file."""
        return Call("GET", path_of("/v1/list-exports/{}/file", list_export_id), bytes)

    @call
    def cancel_list_export(self, list_export_id: str) -> Call[ListExport]:
        """Cancel a queued or running list export. It stays in the list, and has no file."""
        return Call("DELETE", path_of("/v1/list-exports/{}", list_export_id), ListExport)
