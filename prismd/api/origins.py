"""Which Host and Origin headers are those of this computer's own clients. Pure."""

from __future__ import annotations

import ipaddress
import re

import msgspec

_HOST = re.compile(r"(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::([0-9]{1,5}))?")
_ORIGIN = re.compile(r"(https?)://([^/?#@\s]+)", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Refusal(msgspec.Struct, frozen=True):
    """Why a request is not let in."""

    status: int
    message: str
    code: str


class Origins(msgspec.Struct, frozen=True):
    """Tells requests of this computer from those that a web page sends.

    A page whose name was made to lead to this computer (DNS rebinding) is known by its Host, a
    page of another origin by its Origin or by what the browser says in ``Sec-Fetch-Site``.

    Attributes:
        port: Port that the daemon listens on.
        allowed_hosts: Further names, with or without port; without one, any port will do.
        cors_origins: Origins of pages that may call.
    """

    port: int
    allowed_hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()

    def refusal(
        self, method: str, hosts: list[str], origins: list[str], fetch_site: str, fetch_mode: str
    ) -> Refusal | None:
        """Why a request is refused, or None.

        Args:
            method: HTTP method; ``GET`` for a WebSocket's handshake.
            hosts: Every Host header.
            origins: Every Origin header.
            fetch_site: The Sec-Fetch-Site header, or nothing.
            fetch_mode: The Sec-Fetch-Mode header, or nothing.
        """
        if len(hosts) != 1 or not self.is_host(hosts[0]):
            return Refusal(
                403,
                "Host: not a name of this computer; call prismd as"
                f" http://127.0.0.1:{self.port}, or add the name to [server] allowed_hosts",
                "host_not_allowed",
            )
        if origins:
            if len(origins) == 1 and (
                self.is_own_origin(origins[0], hosts[0]) or origins[0] in self.cors_origins
            ):
                return None
            return Refusal(
                403,
                "Origin: web pages of other origins may not call prismd;"
                " add the origin to [server] cors_origins if this page may",
                "origin_not_allowed",
            )
        navigation = fetch_mode.lower() == "navigate" and method in ("GET", "HEAD")
        # Another port of this computer is "same-site", and another program's page.
        if fetch_site.lower() in ("cross-site", "same-site") and not navigation:
            return Refusal(
                403,
                "Sec-Fetch-Site: pages of other sites may not use prismd's addresses",
                "cross_site",
            )
        return None

    def is_host(self, host: str) -> bool:
        """Whether a Host header names this daemon."""
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name, port = match[1].lower(), match[2]
        if _is_loopback(name):
            return port is None or int(port) == self.port
        allowed = {entry.lower() for entry in self.allowed_hosts}
        return name in allowed or f"{name}:{port}" in allowed

    def is_own_origin(self, origin: str, host: str) -> bool:
        """Whether an Origin is that of a page which this daemon served.

        Args:
            origin: The Origin header.
            host: The Host header of the same request, which passed ``is_host``.
        """
        match = _ORIGIN.fullmatch(origin)
        named = _HOST.fullmatch(match[2]) if match else None
        if match is None or named is None:
            return False
        name, port = named[1].lower(), int(named[2] or _DEFAULT_PORTS[match[1].lower()])
        if _is_loopback(name):
            return match[1].lower() == "http" and port == self.port
        return match[2].lower() == host.lower() and self.is_host(match[2])


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
