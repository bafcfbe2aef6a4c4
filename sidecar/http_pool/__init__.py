"""Connections to providers: names, dialing, TLS, HTTP/1.1 and the pools that keep them. Knows nothing of models."""

from sidecar.http_pool.dialing import Dialer, Origin, Proxy
from sidecar.http_pool.exchange import Exchange
from sidecar.http_pool.failures import Cut, Unreachable
from sidecar.http_pool.names import Names
from sidecar.http_pool.pools import Pools
from sidecar.http_pool.requests import Request

__all__ = ["Cut", "Dialer", "Exchange", "Names", "Origin", "Pools", "Proxy", "Request", "Unreachable"]
