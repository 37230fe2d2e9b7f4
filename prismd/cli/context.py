"""What every command may use: the settings, and a client of the daemon or of the file itself."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from prismd import __version__
from prismd.errors import ConfigError, DaemonSilent, DaemonUnreachable, StoreError
from prismd.invocation import Invocation, invocation, typed

if TYPE_CHECKING:
    import httpx

    from prismd.config.options import Config
    from prismd.daemon.assembly import Prism
    from prismd.store.database import Database

pass_context = click.pass_obj
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_CONNECT_S = 2.0
_HEALTH_S = 5.0
_NOT_UNDERSTOOD = 400
_ANSWER_S = 600.0


class Context:
    """A command's surroundings.

    Args:
        config_file: The configuration file, if one was named.
        flags: Settings given on the command line, by dotted key.

    Attributes:
        attended: Whether what is written to standard error is shown to a person, and nowhere kept,
            though it is no terminal.
    """

    def __init__(self, config_file: Path | None, flags: Mapping[str, object]) -> None:
        self.attended = False
        self._config_file = config_file
        self._flags = dict(flags)

    def set(self, **flags: object) -> None:
        """Add flags of the command itself; ``__`` stands for the dot."""
        self._flags |= {key.replace("__", "."): value for key, value in flags.items()}

    @cached_property
    def config(self) -> Config:
        """The settings, read at the first use."""
        return self.read_config()

    def read_config(self) -> Config:
        """The settings as they are now, given in the same ways as at the start.

        Raises:
            ConfigError: One of them is wrong.
        """
        from prismd.config.loading import load

        try:
            Path.home()
        except RuntimeError as error:
            raise ConfigError(
                "no home directory is known for this user; set HOME to the one that is meant"
            ) from error
        return load(self._config_file, flags=self._flags)

    def glance(self) -> tuple[bool, Path]:
        """Of settings that are wrong: whether they want an encrypted index, and where it is."""
        from prismd.config.loading import glance

        return glance(self._config_file, flags=self._flags)

    @property
    def command(self) -> str:
        """How prismd is called so that it goes by the same settings as now, in this shell."""
        return typed(self._config_file, self._data_dir)

    @property
    def invocation(self) -> Invocation:
        """How prismd is called so that it goes by the same settings, where there is no shell."""
        from prismd.config.loading import default_path

        return invocation(self._config_file, self._data_dir, usual_file=default_path())

    @property
    def _data_dir(self) -> Path | None:
        named = self._flags.get("data_dir")
        return Path(str(named)) if named else None

    @contextlib.contextmanager
    def client(self) -> Iterator[httpx.Client]:
        """A client of the running daemon, or, without one, of the index itself.

        Raises:
            StoreError: There is no daemon, and no index.
        """
        daemon = self._daemon()
        if daemon is not None:
            with _talking(daemon):
                yield daemon
            return
        from prismd.cli.local import local_client

        with self.prism(writable=False) as prism, local_client(prism) as client:
            yield client

    @contextlib.contextmanager
    def daemon(self) -> Iterator[httpx.Client]:
        """A client of the running daemon.

        Raises:
            KeyAway: It waits for the key of its index.
            DaemonUnreachable: None answers; ``DaemonSilent`` where one runs all the same.
        """
        daemon = self._daemon(needed=True)
        if daemon is None:
            self.refuse_waiting()
            raise DaemonUnreachable(
                f"no prismd is running for {self.config.data_dir}; start it with 'prismd run'"
            )
        with _talking(daemon):
            yield daemon

    def refuse_waiting(self) -> None:
        """Say that the daemon is there, and what it waits for, if it does.

        Raises:
            KeyAway: It waits for the key of its index.
        """
        from prismd.encryption.key_places import KeyAway
        from prismd.running import find_waiting

        if (found := find_waiting(self.config.data_dir)) is not None:
            raise KeyAway(
                f"waiting for the key of the index (process {found.pid}, which goes on by itself"
                f" once it is there): {found.why}"
            )

    def running(self) -> bool:
        """Whether a daemon answers."""
        daemon = self._daemon()
        if daemon is not None:
            daemon.close()
        return daemon is not None

    def _daemon(self, *, needed: bool = False) -> httpx.Client | None:
        from prismd.running import find_running

        running = find_running(self.config.data_dir)
        if running is None:
            return None
        import httpx

        from prismd.access import read_token

        try:
            # Without the token: as long as nobody has answered, it may be anybody's port.
            httpx.get(
                f"{running.url}/health", timeout=_HEALTH_S, trust_env=False
            ).raise_for_status()
        except httpx.TimeoutException as error:
            if needed:
                raise DaemonSilent(
                    f"prismd runs (process {running.pid}), but does not answer; ask again, or end"
                    " it and start it again"
                ) from error
            return None
        except httpx.HTTPError:
            return None
        return httpx.Client(
            base_url=running.url,
            headers={
                "Authorization": f"Bearer {read_token(self.config.data_dir)}",
                # A client of its own, whose requests are not counted with those of scripts.
                "User-Agent": f"prismd/{__version__}",
            },
            timeout=httpx.Timeout(_ANSWER_S, connect=_CONNECT_S),
            trust_env=False,  # a proxy has no business between us and the loopback interface
        )

    def need_index(self) -> None:
        """Refuse where there is no index, lest a wrong data directory get an empty one.

        Raises:
            StoreError: There is none.
        """
        from prismd.store.database import FILE_NAME

        path = self.config.data_dir / FILE_NAME
        if not path.exists():
            raise StoreError(f"{path}: no index here yet; 'prismd run FOLDER' makes it")

    @contextlib.contextmanager
    def prism(self, *, writable: bool) -> Iterator[Prism]:
        """The index itself, with models and parsers, opened by this process.

        Raises:
            KeyAway: A daemon waits for its key, or the key cannot be had now.
            StoreError: It cannot be opened.
        """
        from prismd.daemon.assembly import Prism

        self._log_discreetly()
        self.refuse_waiting()  # a keyring would ask its user at every command
        prism = Prism(self.config, writable=writable)
        try:
            yield prism
        finally:
            prism.close()

    @contextlib.contextmanager
    def database(self, *, writable: bool) -> Iterator[Database]:
        """The file of the index alone, opened by this process; raises as ``prism``."""
        from prismd.daemon.unlocking import open_database

        self.refuse_waiting()
        with contextlib.closing(open_database(self.config, writable=writable)) as database:
            yield database

    def _log_discreetly(self) -> None:
        """Of an encrypted index, log as the daemon does, unless a person sits before it."""
        from prismd.daemon.logs import log_to_stderr
        from prismd.daemon.unlocking import is_encrypted
        from prismd.encryption.discretion import Discreet

        if not sys.stderr.isatty() and is_encrypted(self.config):
            log_to_stderr("warning", "%(message)s", Discreet)


@contextlib.contextmanager
def _talking(daemon: httpx.Client) -> Iterator[None]:
    """Close the client in the end; a daemon that goes away meanwhile is one that is not there."""
    import httpx

    with contextlib.closing(daemon):
        try:
            yield
        except httpx.HTTPError as error:
            raise DaemonUnreachable(
                f"the running prismd answers no more ({type(error).__name__});"
                " see its log, or start it again with 'prismd run'"
            ) from error


def checked(response: httpx.Response) -> Any:
    """The JSON of a response.

    Raises:
        UsageError: The server did not understand the request, for which it has what was typed.
        RequestError: It refused for another reason; both have its own message.
    """
    from prismd.errors import RequestError

    try:
        body = response.json()
    except ValueError:
        body = {}
    if response.is_error:
        message = body.get("error", {}).get("message") or f"HTTP status {response.status_code}"
        if response.status_code == _NOT_UNDERSTOOD:
            raise click.UsageError(message)
        raise RequestError(message, status=response.status_code)
    return body


def print_json(value: object) -> None:
    """Print JSON for programs."""
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
