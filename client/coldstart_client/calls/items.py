"""Calls about the items of the catalogue."""

from collections.abc import Sequence

from coldstart_client.call import Call, path_of
from coldstart_client.given import KEPT, Attributes, Kept, NewItem
from coldstart_client.methods import call, listing
from coldstart_client.models.answer import Page
from coldstart_client.models.items import Item, ItemStream


class ItemCalls:
    """Calls about the items of the catalogue."""

    @call
    def put_item(
        self,
        item_id: str,
        *,
        title: str | None = None,
        attributes: Attributes | None = None,
        available: bool | None = None,
    ) -> Call[Item]:
        """Create or replace an item. It can be recommended at once, unless it is not available."""
        body = {"title": title, "attributes": attributes, "available": available}
        return Call("PUT", path_of("/v1/items/{}", item_id), Item, body=body)

    @call
    def patch_item(
        self,
        item_id: str,
        *,
        title: str | Kept | None = KEPT,
        attributes: Attributes | None = None,
        available: bool | None = None,
    ) -> Call[Item]:
        """Change only what is given of an item; None removes the title or an attribute.

        An item that is not `available` is in no list. What users did with it still counts.
        """
        return Call(
            "PATCH",
            path_of("/v1/items/{}", item_id),
            Item,
            body={"title": None if title is KEPT else title, "attributes": attributes, "available": available},
            nulls=() if title is KEPT else ["title"],
        )

    @call
    def put_items(self, items: Sequence[NewItem]) -> Call[Page[Item]]:
        """Create or replace up to 1,000 items, all or none of them."""
        return Call("POST", "/v1/items:batch", Page[Item], body={"items": items})

    @call
    def put_item_stream(self, items: Sequence[NewItem]) -> Call[ItemStream]:
        """Create or replace any number of items. Valid items are stored, errors are reported.

        It is the operation `put_items` with an NDJSON body. After an interruption, send the same items again.
        """
        return Call("POST", "/v1/items:batch", ItemStream, lines=items)

    @call
    def get_item(self, item_id: str) -> Call[Item]:
        """An item."""
        return Call("GET", path_of("/v1/items/{}", item_id), Item)

    @call
    def delete_item(self, item_id: str) -> Call[None]:
        """Delete an item from the catalogue. Its ratings are kept, but no longer used."""
        return Call("DELETE", path_of("/v1/items/{}", item_id), type(None))

    @listing
    def list_items(
        self,
        *,
        query: str | None = None,
        item_id: Sequence[str] | None = None,
        available: bool | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Call[Page[Item]]:
        """The items of the catalogue, ordered by id.

        Only those with these ids, with this text in the title, or that may (or may not) be in lists.
        """
        return Call(
            "GET",
            "/v1/items",
            Page[Item],
            query={"query": query, "item_id": item_id, "available": available, "limit": limit, "cursor": cursor},
        )
