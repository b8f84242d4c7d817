"""Validates the Host header, which becomes part of URLs that the server sends."""

from __future__ import annotations

import re
from functools import lru_cache

_HOST = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]{2,45}(?:%25[A-Za-z0-9._~-]{1,32})?\]|[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9.])?)(?::[0-9]{1,5})?"
)
"""A name, an IPv4 or an IPv6 address, and a port. Source: RFC 9110 section 7.2, without characters that no host name has."""


@lru_cache(maxsize=256)
def is_host(value: bytes) -> bool:
    """Return whether the value of a Host header is a host with or without a port."""
    return _HOST.fullmatch(value) is not None
