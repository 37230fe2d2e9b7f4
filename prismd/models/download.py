"""One file over HTTP: resumed, bounded, and never with a token to a foreign host."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import msgspec

_BLOCK_BYTES = 1 << 18
_PROGRESS_BYTES = 1 << 20
_OK, _PARTIAL, _RANGE_NOT_SATISFIABLE = 200, 206, 416
_TRY_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
_REASONS = {
    401: "refused without a valid token; set HF_TOKEN to one that may read it",
    403: "refused; accept the model's terms on its page, or set HF_TOKEN",
    404: "not there (404)",
    410: "no longer there (410)",
}


class SourceError(Exception):
    """A source did not give the file; ``str()`` says why, without the file's name."""


class Unreachable(SourceError):
    """No connection to the host; its other files need not be tried."""


class Network(msgspec.Struct, frozen=True):
    """How hard to try.

    ``connect_timeout_s`` is short, so that a machine without the network comes to the next
    source soon. ``attempts`` are those in a row that bring no megabyte.
    """

    connect_timeout_s: float = 5.0
    read_timeout_s: float = 30.0
    attempts: int = 4
    backoff_s: float = 1.0


class _PartMeta(msgspec.Struct, frozen=True):
    """What a ``.part`` file is a part of."""

    url: str
    etag: str


class _Cut(Exception):
    """The transfer ended early; what came is kept, another attempt may bring the rest."""


def download(
    url: str,
    part: Path,
    size_bytes: int,
    *,
    network: Network,
    headers: Mapping[str, str],
    progress: Callable[[int], None],
) -> None:
    """Bring a file's bytes to ``part``, going on where an earlier call was cut.

    Args:
        url: Redirects are followed; ``Authorization`` goes to this origin only.
        part: Grows until it has ``size_bytes``; kept when the transfer is cut.
        size_bytes: A file of another size is not taken.
        network: Timeouts and attempts.
        headers: Added to the request.
        progress: Told how many bytes are there.

    Raises:
        SourceError: The file was not to be had.
    """
    timeout = httpx.Timeout(network.read_timeout_s, connect=network.connect_timeout_s)
    # Encoded transfers would make lengths and ranges mean something else than the file's.
    base = {"Accept-Encoding": "identity", **headers}
    failures = 0
    with httpx.Client(timeout=timeout, follow_redirects=True, headers=base) as client:
        while True:
            before = _size(part)
            try:
                _attempt(client, url, part, size_bytes, progress)
                return
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as error:
                raise Unreachable(f"not reachable ({error})") from error
            except (_Cut, httpx.TransportError) as error:
                grown = _size(part) - before >= _PROGRESS_BYTES
                failures = 1 if grown else failures + 1
                if failures >= network.attempts:
                    reason = str(error) or type(error).__name__
                    raise SourceError(f"gave up after {failures} attempts ({reason})") from error
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise SourceError(str(error)) from error
            time.sleep(network.backoff_s * 2 ** (failures - 1))


def _attempt(
    client: httpx.Client, url: str, part: Path, size_bytes: int, progress: Callable[[int], None]
) -> None:
    """One request; returns when ``part`` is complete."""
    start, headers = _resume(part, url, size_bytes)
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code == _RANGE_NOT_SATISFIABLE:
            part.unlink(missing_ok=True)
            raise _Cut("the server has no such range")
        if response.status_code in _TRY_LATER:
            raise _Cut(f"status {response.status_code}")
        if response.status_code not in (_OK, _PARTIAL):
            status = response.status_code
            raise SourceError(_REASONS.get(status, f"answered with status {status}"))
        # A server that ignores ranges, or has other content by now, sends the whole file.
        if response.status_code == _OK or not _continues(response, start):
            if response.status_code == _PARTIAL:
                part.unlink(missing_ok=True)
                raise _Cut("the server sent another range than was asked for")
            start = 0
        _check_length(response, start, size_bytes)
        _meta_path(part).write_bytes(
            msgspec.json.encode(_PartMeta(url, response.headers.get("ETag", "")))
        )
        _write(response, part, start, size_bytes, progress)
    _meta_path(part).unlink(missing_ok=True)


def _resume(part: Path, url: str, size_bytes: int) -> tuple[int, dict[str, str]]:
    """Where to go on, and the headers that ask for it.

    Only with a strong validator can the server tell that the content is still the same; without
    one the file is fetched anew.
    """
    start = _size(part)
    try:
        meta = msgspec.json.decode(_meta_path(part).read_bytes(), type=_PartMeta)
    except (OSError, msgspec.DecodeError):
        return 0, {}
    strong = meta.etag.startswith('"')
    if not 0 < start < size_bytes or meta.url != url or not strong:
        return 0, {}
    return start, {"Range": f"bytes={start}-", "If-Range": meta.etag}


def _continues(response: httpx.Response, start: int) -> bool:
    content_range: str = response.headers.get("Content-Range", "")
    return content_range.startswith(f"bytes {start}-")


def _check_length(response: httpx.Response, start: int, size_bytes: int) -> None:
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and start + int(length) != size_bytes:
        raise SourceError(f"expected {size_bytes} bytes, the server has {start + int(length)}")


def _write(
    response: httpx.Response,
    part: Path,
    start: int,
    size_bytes: int,
    progress: Callable[[int], None],
) -> None:
    done = start
    with part.open("r+b" if start else "wb") as stream:
        stream.truncate(start)
        stream.seek(start)
        for block in response.iter_raw(_BLOCK_BYTES):
            done += len(block)
            if done > size_bytes:
                raise SourceError(f"expected {size_bytes} bytes, the server sent more")
            stream.write(block)
            progress(done)
        stream.flush()
        os.fsync(stream.fileno())
    if done < size_bytes:
        raise _Cut(f"ended after {done} of {size_bytes} bytes")


def discard(part: Path) -> None:
    """Remove a ``.part`` file and what is known of it."""
    for path in (part, _meta_path(part)):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def _meta_path(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
