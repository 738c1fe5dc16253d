"""The HTTP port that every service has."""

import httpx

from flyball.observe.http import http_server


def test_a_client_closes_an_idle_connection_before_the_server_does() -> None:
    client_seconds = httpx.Limits().keepalive_expiry
    assert client_seconds is not None
    assert http_server([], "127.0.0.1", 0).config.timeout_keep_alive > client_seconds
