"""What an operator chooses: whose keys, what strangers may send and how often, and where the server listens."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from artfp.errors import UsageError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MB = 1_000_000
TOGETHER = 64  # images that are judged together, of one request or of several
UNIT = 4_000_000  # pixels: an image counts once for every such part of it, begun or full
CONNECTIONS = 1000  # open at once; beyond them a bare 503


@dataclass(frozen=True)
class Limits:
    """What one request may hold, how many run at once, and how much a client may ask."""

    request_bytes: int = 20 * MB
    images: int = 64  # in a request
    least_images: int = 1  # more: sets alone are judged, by the mean of their images, and no image by itself
    pixels: int = 24_000_000  # of an image
    requests: int = 16  # at once, from the first byte of an upload to the answer
    requests_each: int = 4  # of one client
    per_minute: int = 120  # images of one client
    per_day: int = 500
    upload_seconds: float = 30.0
    judging_seconds: float = 60.0  # waiting included

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise UsageError(f"{name.replace('_', ' ')} must be more than nothing, not {value}")
        if self.least_images > self.images:
            raise UsageError(f"at least {self.least_images} images and at most {self.images}: no request can be both")
        if self.images > min(self.per_minute, self.per_day):
            raise UsageError(
                f"{self.images} images in a request are more than a client may ever send ({self.per_minute} a minute, "
                f"{self.per_day} a day)"
            )


@dataclass(frozen=True)
class Bench:
    """What the worker judges with and how much of its verdict it tells."""

    registry: Path
    key: str | None = None  # that key and its class keys alone
    codecs: tuple[str, ...] = ()  # files, where they are not shipped ones
    device: str = "auto"
    fast: bool = False
    pixels: int = Limits.pixels
    least_images: int = 1  # different ones, as decoded; more: the best single image does not decide
    three_words: bool = False  # say "inconclusive" between the thresholds, too
    shown: Mapping[str, str] = field(default_factory=dict)  # what the public calls a key, by its name


@dataclass(frozen=True)
class Settings:
    """What the process that talks to strangers needs to know."""

    limits: Limits = Limits()
    host: str = "127.0.0.1"
    port: int = 8008
    proxies: tuple[Network, ...] = ()  # whose word on the client's address is taken
    audit: Path = Path("audit.jsonl")
    audit_bytes: int = 50 * MB

    @property
    def is_local(self) -> bool:
        """Whether programs of this machine alone can ask, and none of them for others."""
        return not self.proxies and is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def network(text: str) -> Network:
    """An address, or all of a network, as 10.0.0.0/8."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise UsageError(f"--behind-proxy {text}: neither an address nor a network such as 10.0.0.0/8") from error
