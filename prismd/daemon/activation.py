"""The socket that a service manager listens on in prismd's place, until it starts prismd for it."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import MutableMapping

from prismd.errors import ConfigError

_FIRST_DESCRIPTOR = 3
_AGAIN = "'prismd service install --socket' writes one that fits"
_VARIABLES = ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")


def handed_over(environment: MutableMapping[str, str] = os.environ) -> socket.socket | None:
    """The listening socket that this process was started with, as systemd's sd_listen_fds has it.

    Args:
        environment: Names it; what does is taken out, because a child has no such socket.

    Returns:
        None when it was started without one.

    Raises:
        ConfigError: It is another kind of socket than prismd serves on, or there are several.
    """
    count, pid, _ = (environment.pop(name, "") for name in _VARIABLES)
    if pid != str(os.getpid()) or not count.isdecimal() or count == "0":
        return None
    descriptors = range(_FIRST_DESCRIPTOR, _FIRST_DESCRIPTOR + int(count))
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    if len(descriptors) > 1:
        raise ConfigError(f"{count} sockets were handed over, and prismd serves on one; {_AGAIN}")
    try:
        handed = socket.socket(fileno=_FIRST_DESCRIPTOR)
    except OSError as error:
        raise ConfigError(f"what was handed over is no socket; {_AGAIN}") from error
    if (fault := _fault_of(handed)) is not None:
        handed.close()
        raise ConfigError(f"the socket that was handed over {fault}; {_AGAIN}")
    return handed


def need_address(handed: socket.socket, host: str, port: int) -> None:
    """Make sure that a socket listens where the settings have prismd found.

    Args:
        handed: What was handed over.
        host: A loopback address, or ``localhost``, which is any of them.
        port: Of the settings.

    Raises:
        ConfigError: It listens elsewhere.
    """
    address, its_port = handed.getsockname()[:2]
    if its_port != port:
        raise ConfigError(
            f"port {port}: is what the settings say, and the socket that was handed over has"
            f" {its_port}; {_AGAIN}"
        )
    if host != "localhost" and ipaddress.ip_address(host) != ipaddress.ip_address(address):
        raise ConfigError(
            f"host {host}: is what the settings say, and the socket that was handed over listens on"
            f" {address}; {_AGAIN}"
        )


def _fault_of(handed: socket.socket) -> str | None:
    if handed.family not in (socket.AF_INET, socket.AF_INET6) or handed.type != socket.SOCK_STREAM:
        return "is not one of TCP (ListenStream= with an address and a port)"
    if not handed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return "does not listen (Accept=no is what prismd needs)"
    address = handed.getsockname()[0]
    if not ipaddress.ip_address(address).is_loopback:
        return f"listens on {address}, where others than this computer reach it"
    return None
