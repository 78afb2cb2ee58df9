"""Authorisation: every route names the scope that a caller's key needs, READ, WRITE or ADMIN.

A test compares the scopes of all routes with a list, so no route can be forgotten.
"""

from urllib.parse import urlsplit

from fastapi import Security
from fastapi.requests import HTTPConnection
from fastapi.security import APIKeyHeader

from app.services.container import Services
from app.storage.tables import KeyScope

KEY_COOKIE = "coldstart_key"
"""The cookie in which a browser that has signed in sends its key."""

_SAFE_METHODS = {"GET", "HEAD"}


class RequiredScope(APIKeyHeader):
    """A dependency that accepts a request if its key has this scope, or if no keys are required.

    Raises:
        MissingKeyError: If a key is required and there is none.
        InvalidKeyError: If the key does not exist or was revoked.
        KeyScopeError: If the key's scope does not include this one.
        RateLimitedError: If the caller has made too many requests.
    """

    def __init__(self, scope: KeyScope) -> None:
        super().__init__(
            name="X-API-Key",
            scheme_name="APIKey",
            description="Needed unless the service allows anonymous requests. The scope `write` includes `read`, and "
            "`admin` includes everything.",
        )
        self.scope = scope

    async def __call__(self, request: HTTPConnection) -> None:
        """Accept the request, or raise."""
        services: Services = request.app.state.services
        caller = None
        if services.api_keys.required:
            key = request.headers.get("x-api-key") or _key_in_cookie(request)
            caller = await services.api_keys.authorise(key, self.scope)
        if services.rate_limit is not None:
            await services.rate_limit.count(f"key {caller.name}" if caller else f"address {_address(request)}")


def _key_in_cookie(request: HTTPConnection) -> str | None:
    """The key of a browser that has signed in.

    A browser also sends cookies with requests that other sites cause. `SameSite=Strict` prevents that for other sites,
    but not for other ports and sibling domains. Requests that change something must therefore come from this origin.
    """
    headers = request.headers
    if request.scope["method"] in _SAFE_METHODS or urlsplit(headers.get("origin", "")).netloc == headers.get("host"):
        return request.cookies.get(KEY_COOKIE)
    return None


def _address(request: HTTPConnection) -> str:
    return request.client.host if request.client else "unknown"


READ = Security(RequiredScope(KeyScope.READ), scopes=[KeyScope.READ])
WRITE = Security(RequiredScope(KeyScope.WRITE), scopes=[KeyScope.WRITE])
ADMIN = Security(RequiredScope(KeyScope.ADMIN), scopes=[KeyScope.ADMIN])
