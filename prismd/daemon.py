"""The daemon: sweeps the folders, reads what is new, answers over HTTP, stops in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import logging.handlers
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from io import TextIOWrapper

import uvicorn
from litestar import Litestar

from prismd.access import read_token
from prismd.api.sockets import websocket_settings
from prismd.assembly import Prism
from prismd.config.options import Config
from prismd.disk import heed_writers
from prismd.errors import StoreError
from prismd.feed import SweepEvent
from prismd.hangup import Signals
from prismd.holding import Scheduling
from prismd.machine import Machine
from prismd.parameters import base_url, schedule
from prismd.reloading import Reloading
from prismd.running import announced
from prismd.serving import make_app
from prismd.watch import Sweep

log = logging.getLogger(__name__)

_SHUTDOWN_S = 5
_TICK_S = 0.5


def run(
    config: Config,
    read_config: Callable[[], Config],
    signals: Signals,
    greet: Callable[[Prism], None] = lambda _: None,
) -> None:
    """Serve until told to stop (SIGINT, SIGTERM); told so during the start, end after the step.

    Args:
        config: The settings.
        read_config: Reads them once more, in the ways in which they were given; called by SIGHUP
            and ``prismd config reload``.
        signals: Made before anything else was begun.
        greet: Called once, when it is about to serve; must not take long.

    Raises:
        PrismdError: The port or the data directory is taken, or a setting is wrong.
    """
    _log_to(config)
    if not signals.ending:
        token = read_token(config.data_dir)
        # First what only one can have of a data directory, then the port: who starts prismd
        # twice is to hear that it runs, not that a port is taken.
        prism = Prism(config)
        try:
            with _listen(config) as listener:
                _serve(prism, token, listener, read_config, signals, greet)
        finally:
            prism.close()
    log.info("stopped")


def _serve(
    prism: Prism,
    token: str,
    listener: socket.socket,
    read_config: Callable[[], Config],
    signals: Signals,
    greet: Callable[[Prism], None],
) -> None:
    config = prism.config
    if signals.ending:
        return
    if not prism.put_roots():
        log.warning("no folder is indexed; name one: 'prismd run FOLDER'")
    folders = prism.folders(partial(_swept, prism, set()))
    scheduling = Scheduling(prism.ingest.holds, schedule(config), Machine().conditions)
    reloading = Reloading(prism, folders, scheduling, read_config)
    server = _server(make_app(prism, token, folders, reloading))

    def stop() -> None:
        server.should_exit = True

    heed_writers()
    scheduling.start()  # before anything is begun that it may have something against
    prism.ingest.start()
    folders.watches.start()
    try:
        with announced(config.data_dir, base_url(config)):
            signals.serve(reloading.reload, stop)
            if not signals.ending:
                log.info(
                    "serving on %s; 'prismd token' prints the token, 'prismd token --open' lets"
                    " this computer's browser in",
                    base_url(config),
                )
                greet(prism)
                server.run(sockets=[listener])
    finally:
        # Parsers first: they are what a loop could be waiting for.
        prism.pool.close()
        scheduling.stop()
        folders.watches.stop()


class _Server(uvicorn.Server):
    """Looks twice a second whether it is to end; uvicorn's ten times are half of what idling costs.

    Nothing else hangs on it but the date in the answers' headers.

    Args:
        config: The settings.
        end_requests: Ends what is in work and would not end of itself, or not soon.
    """

    def __init__(self, config: uvicorn.Config, end_requests: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._end_requests = end_requests

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to ``Signals``, which heeds them from the start to the very end."""
        yield

    async def main_loop(self) -> None:
        """Serve until told to end; see ``uvicorn.Server``."""
        # Every tenth tick renews the date, and so does this. No event: signal handlers end it.
        while not await self.on_tick(0):  # noqa: ASYNC110
            await asyncio.sleep(_TICK_S)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End without waiting long for what is in work; see ``uvicorn.Server``."""
        await self._end_requests()
        await super().shutdown(sockets)


def _server(app: Litestar) -> uvicorn.Server:
    return _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_SHUTDOWN_S,
            timeout_keep_alive=30,
            **websocket_settings(),
        ),
        app.state.end,
    )


def _swept(prism: Prism, away: set[int], found: Sweep) -> None:
    """Have what was found read, and tell of it.

    Args:
        prism: The parts.
        away: The roots that were offline when they were looked at last; kept up to date.
        found: What was found.
    """
    prism.progress.swept(found.added + found.changed + found.moved + found.removed)
    # A disk may be unplugged for months, and is looked for every few minutes.
    has_gone = found.offline and found.root.id not in away
    (away.add if found.offline else away.discard)(found.root.id)
    if has_gone or found.jobs or found.moved or found.removed:
        prism.progress.feed.tell(
            SweepEvent(
                root=found.root.path,
                added=found.added,
                changed=found.changed,
                moved=found.moved,
                removed=found.removed,
                offline=found.offline,
            )
        )
    if found.jobs:
        prism.ingest.wake()
    if has_gone:
        log.warning("%s: is not there; what is known of it is kept", found.root.path)
    log.log(
        logging.INFO if found.jobs or found.moved or found.removed else logging.DEBUG,
        "%s: %d files, %d new, %d changed, %d moved, %d gone",
        found.root.path,
        found.files,
        found.added,
        found.changed,
        found.moved,
        found.removed,
    )


def _listen(config: Config) -> socket.socket:
    host, port = config.server.host, config.server.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named, because asyncio sends small packets at once only on such sockets.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise StoreError(
            f"port {port}: cannot be listened on ({error.strerror}); "
            "stop what uses it, or choose another with --port"
        ) from error
    listener.listen(512)
    return listener


class _PrivateLog(logging.handlers.RotatingFileHandler):
    """Rotated files whose every new one is the user's alone: they name the user's files."""

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
        os.fchmod(descriptor, 0o600)
        return open(descriptor, "a", encoding=self.encoding)  # noqa: PTH123 - a descriptor


def _is_fault(record: logging.LogRecord) -> bool:
    """Whether it is one: answers that are cut short at the end are none, but uvicorn logs them."""
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or not issubclass(kind, asyncio.CancelledError)


def _log_to(config: Config) -> None:
    handler: logging.Handler = logging.StreamHandler()
    if config.log.file is not None:
        config.log.file.parent.mkdir(parents=True, exist_ok=True)
        handler = _PrivateLog(config.log.file, maxBytes=10_000_000, backupCount=3, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=config.log.level.upper(), handlers=[handler], force=True)
    logging.getLogger("uvicorn.error").addFilter(_is_fault)
    for chatty in ("httpx", "httpcore", "uvicorn.error", "asyncio", "mcp"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
