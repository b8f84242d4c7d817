"""The address of a client and the scheme that it used, as trusted proxies report them."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.types import Scope

UNKNOWN = "-"
SCHEMES = ("http", "https")


class TrustedProxies:
    """The addresses and networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are read."""

    def __init__(self, networks: tuple[str, ...] = ()) -> None:
        self._networks = [ip_network(network, strict=False) for network in networks]
        self.is_configured = bool(networks)
        self._trusts = lru_cache(1024)(self._look_up)

    def client_address(self, scope: Scope) -> str:
        """Return the address of a request's client; "-" if it has none.

        Behind trusted proxies it is the last address in X-Forwarded-For that is not one of theirs.
        """
        client = scope.get("client")
        peer = client[0] if client else UNKNOWN
        if not self.is_configured or not self._trusts(peer):
            return peer
        for text in reversed(self._list_forwarded(scope, b"x-forwarded-for")):
            address = parse_address(text)
            if address is None:  # earlier entries cannot be trusted
                return peer
            peer = str(address)
            if not self._trusts(peer):
                return peer
        return peer

    def scheme(self, scope: Scope) -> str:
        """Return the scheme that the client used."""
        client = scope.get("client")
        if client and self.is_configured and self._trusts(client[0]):
            forwarded = self._list_forwarded(scope, b"x-forwarded-proto")
            if forwarded and forwarded[-1].lower() in SCHEMES:
                return forwarded[-1].lower()
        return str(scope["scheme"])

    def _look_up(self, peer: str) -> bool:
        address = parse_address(peer)
        return address is not None and any(address in network for network in self._networks)

    @staticmethod
    def _list_forwarded(scope: Scope, name: bytes) -> list[str]:
        values = [value.decode("latin-1") for key, value in scope["headers"] if key == name]
        return [text.strip() for text in ",".join(values).split(",")] if values else []


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an IP address from a text with or without a port; None for any other text."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


@lru_cache(maxsize=1024)
def counted_address(address: str) -> str:
    """Return the key of an address in a limit: the address, or for IPv6 its /64 network, which belongs to one client."""
    parsed = parse_address(address)
    return str(IPv6Network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else address
