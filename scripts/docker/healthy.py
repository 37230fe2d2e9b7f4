#!/opt/prismd/bin/python
"""Whether prismd answers by the way that others reach it: ends with 0 if so, with 1 otherwise."""

from __future__ import annotations

import http.client
import os
import socket
import sys

PORT = 7777
PATIENCE_S = 8.0


def answers(address: str, port: int, served_as: str) -> bool:
    """Whether ``/health`` is answered.

    Args:
        address: Where to ask.
        port: Of that address.
        served_as: The port under which prismd is published, and by which it wants to be called.
    """
    connection = http.client.HTTPConnection(address, port, timeout=PATIENCE_S)
    try:
        connection.request("GET", "/health", headers={"Host": f"127.0.0.1:{served_as}"})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    own = socket.gethostbyname(socket.gethostname())
    sys.exit(0 if answers(own, PORT, os.environ.get("PRISMD_PORT") or "7776") else 1)
