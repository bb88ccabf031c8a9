"""Clients with the operator's own credentials, for providers that no user connects."""

from __future__ import annotations

from collections.abc import Mapping

from rallypoint.connections.api import Client, TokenSource
from rallypoint.connections.bearers import AppBearer
from rallypoint.connections.client import ApiClient, BearerClient
from rallypoint.connections.http import ProviderHttp
from rallypoint.connections.tokens import Endpoint, TokenEndpoint


class OperatorClients:
    """Makes them.

    Args:
        http: Makes their calls.
    """

    def __init__(self, http: ProviderHttp) -> None:
        self._http = http
        self._app_bearers: dict[TokenSource, AppBearer] = {}

    def client(self, base_url: str, headers: Mapping[str, str], *, quota: str = "") -> Client:
        """Return a client with a credential that does not change.

        Args:
            base_url: Of the provider's API.
            headers: Carry the credential.
            quota: Clients of the same quota wait together when the provider answers 429.
        """
        fixed = dict(headers)
        return ApiClient(self._http, base_url, lambda: fixed, quota=quota or base_url)

    def app_client(self, base_url: str, *, token: TokenSource, quota: str = "") -> Client:
        """Return a client for whose credentials the provider issues tokens.

        Clients with the same source share its token, which is kept in memory until it expires. Credentials that
        the provider refuses are ``BadConfig``.

        Args:
            base_url: Of the provider's API.
            token: Where its tokens come from.
            quota: As in :meth:`client`.
        """
        if token not in self._app_bearers:
            secret = token.client_secret.get_secret_value()
            endpoint = Endpoint(token.token_url, token.client_id, secret, token.token_auth)
            self._app_bearers[token] = AppBearer(TokenEndpoint(self._http, endpoint), dict(token.params))
        return BearerClient(self._http, base_url, self._app_bearers[token], quota=quota or base_url)
