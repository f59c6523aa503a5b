"""Who asks: the address at the other end, or behind a proxy that is trusted the one it tells."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from artfp.serve.settings import Network

SITE = 56  # bits of an IPv6 address that a usual customer is given; who is given a /48 is 256 clients
UNKNOWN = "unknown"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def client_of(peer: str | None, forwarded: Sequence[str], proxies: Sequence[Network]) -> str:
    """The client whose share is counted.

    `forwarded` are the X-Forwarded-For headers. They count where the peer is a trusted proxy, and from the right: the
    last address that is no proxy's was written by a proxy, all before it by whoever sent the request.
    """
    here = _address(peer or "")
    if here is None:
        return UNKNOWN
    told = [part for header in forwarded for part in header.split(",")]
    for text in reversed(told):
        if not _is_one_of(here, proxies):
            break
        before = _address(text)
        if before is None:
            break  # not an address: count against the proxy that let it pass
        here = before
    return _counted(here)


def _address(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text.strip().strip("[]"))
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _is_one_of(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _counted(address: Address) -> str:
    """IPv6 customers count once, whichever of their addresses they come from."""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((address, SITE), strict=False))
