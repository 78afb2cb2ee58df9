"""Refuses requests that pages of other sites send through a visitor's browser.

The browser may reach this machine where the site cannot, and it adds a key that it holds in a cookie.
"""

from collections.abc import Collection
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import problem_response
from app.errors import ForeignOriginError, HostNotAllowedError, ServiceError
from app.settings import is_loopback

_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
_OWN_SITE = frozenset(("same-origin", "none"))  # "none" is a request of the user, such as a typed address


class RequestOrigin:
    """Refuses two kinds of requests.

    - If no keys are required: a request for a host that is not this service. A foreign site can point its own host name
      to this machine (DNS rebinding). The browser then takes its pages for pages of the service, but sends that name in
      `Host`.
    - A request with an unsafe method from a foreign page, unless the request has a key in its header. A browser never
      adds that header by itself, so the page knows the key.

    Starlette's TrustedHostMiddleware does not know IPv6 addresses, and its answers are not problems (RFC 9457).

    Args:
        app: The application.
        keys_required: Whether requests need a key.
        allowed_hosts: Host names and addresses of the service beside the loopback ones.
        cors_origins: Foreign origins whose pages may call the API.
    """

    def __init__(
        self, app: ASGIApp, *, keys_required: bool, allowed_hosts: Collection[str], cors_origins: Collection[str]
    ) -> None:
        self._app = app
        self._keys_required = keys_required
        self._allowed_hosts = frozenset(host.lower() for host in allowed_hosts)
        self._cors_origins = frozenset(cors_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        error = self._error(scope["method"], Headers(scope=scope)) if scope["type"] == "http" else None
        await (self._app if error is None else problem_response(error))(scope, receive, send)

    def _error(self, method: str, headers: Headers) -> ServiceError | None:
        host = headers.get("host", "")
        if not self._keys_required and not self._is_allowed(_name(host)):
            return HostNotAllowedError(host)
        if method in _SAFE_METHODS or (self._keys_required and headers.get("x-api-key")):
            return None
        return ForeignOriginError() if self._is_foreign(host, headers) else None

    def _is_allowed(self, name: str) -> bool:
        return name in self._allowed_hosts or is_loopback(name)

    def _is_foreign(self, host: str, headers: Headers) -> bool:
        origin = headers.get("origin")
        if origin is not None:
            if origin in self._cors_origins:
                return False
            if urlsplit(origin).netloc.lower() != host.lower():
                return True
        return headers.get("sec-fetch-site", "none") not in _OWN_SITE


@lru_cache(maxsize=64)  # clients send the same few again and again
def _name(host: str) -> str:
    """The name in a `Host` header, without the port and the brackets; empty if the header is not valid."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
