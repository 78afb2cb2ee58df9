"""Security headers: browsers may do nothing with an answer but show it."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FOR_BOTH = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
_FOR_HTML = ((b"content-security-policy", b"frame-ancestors 'none'"), *_FOR_BOTH)
_FOR_OTHERS = ((b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"), *_FOR_BOTH)


class SecurityHeaders:
    """Adds the headers that an answer does not set itself.

    Answers are about users, so browsers and proxies may not keep them unless an answer allows it. Answers other than
    HTML may load nothing. HTML without its own policy is a report that is saved as a file.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                given = dict(headers)
                is_html = given.get(b"content-type", b"").startswith(b"text/html")
                added = _FOR_HTML if is_html else _FOR_OTHERS
                message["headers"] = headers + [each for each in added if each[0] not in given]
            await send(message)

        await self._app(scope, receive, send_with_headers)
