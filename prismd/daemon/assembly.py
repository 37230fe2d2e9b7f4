"""Builds prismd out of its settings; the one place that knows every part."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from prismd.answer.answering import Answering
from prismd.api.interrupt import Interruptible
from prismd.config.options import Config
from prismd.daemon import parameters
from prismd.daemon.named import Placed
from prismd.daemon.rooting import Rooting
from prismd.daemon.unlocking import open_database
from prismd.encryption import secrecy
from prismd.encryption.key_places import KeyPlace
from prismd.errors import ConfigError, StoreError
from prismd.extract import scratch
from prismd.extract.base import media_types
from prismd.extract.naming import read_suffixes
from prismd.ingest.crew import Ingest
from prismd.models.base import Embedder, ImageEmbedder, TokenCounter
from prismd.models.load import Models
from prismd.models.remote import EstimatedTokens
from prismd.progress.feed import CitedEvent
from prismd.progress.progress import Progress
from prismd.search.history import History
from prismd.search.likeness import Likeness
from prismd.search.searching import Search
from prismd.search.viewing import Viewing
from prismd.store import files, stale
from prismd.store.database import Database
from prismd.store.files import Root
from prismd.store.stale import Present, Stale
from prismd.watch import Rules, Sweep, sweep
from prismd.watch.folders import Folders
from prismd.watch.watching import Watching


class Prism:
    """Every part, built and connected; ``close`` takes them down in order.

    Args:
        config: The settings.
        writable: Index too; takes the lock of the data directory. Otherwise only what reads.
        at_rest: See ``Database``.
        place: See ``open_database``.

    Raises:
        StoreError: The index cannot be opened.
        ConfigError: A folder overlaps another.
    """

    def __init__(
        self,
        config: Config,
        *,
        writable: bool = True,
        at_rest: bool = False,
        place: KeyPlace | None = None,
    ) -> None:
        self.config = config
        self.progress = Progress()
        self._ingest: Ingest | None = None
        self._watching: Watching | None = None
        with contextlib.ExitStack() as opened:
            self.database = _opened_database(config, writable, at_rest, place)
            opened.callback(self.database.close)
            self._slots = parameters.slots_dir(config)
            if self.database.encrypted and not at_rest:
                room_bytes = config.server.max_upload_bytes
                self._slots = secrecy.begin(config.data_dir, room_bytes, tells=writable)
                opened.callback(secrecy.end, self._slots)
            else:
                opened.callback(scratch.tidy, self._slots)
            self.models = Models(parameters.model_settings(config))
            opened.callback(self.models.close)
            self.pool = parameters.extract_pool(config)
            self.search = self._made_search()
            options = parameters.ingest_settings(config, self._slots).options
            self.viewing = Viewing(self.pool, self.search.likeness, options)
            self.answering = self._made_answering()
            self.history = History(
                self.database,
                parameters.history_settings(config),
                cited=lambda: self.progress.feed.tell(CitedEvent()),
            )
            self._rooting = Rooting(self.database, config, self._settled)
            self._opened = opened.pop_all()

    def _made_search(self) -> Search:
        return Search(
            self.database,
            self.models.embedder,
            self.models.reranker,
            parameters.search_settings(self.config),
            parameters.languages(self.config),
            Likeness(self.database, self._query_images()),
            self.models.without_meaning,
        )

    def _made_answering(self) -> Answering:
        generator = self.models.generator
        return Answering(
            self.database,
            self.search,
            self._sentence_embedder(),
            self.models.reranker,
            Interruptible(generator) if generator is not None else None,
            parameters.answer_settings(self.config),
        )

    def _sentence_embedder(self) -> Embedder | None:
        embedder = self.models.embedder
        return embedder.for_questions() if embedder is not None else None

    def _query_images(self) -> ImageEmbedder | None:
        images = self.models.images
        return images.for_questions() if images is not None else None

    @property
    def ingest(self) -> Ingest:
        """Ingestion, built at the first use; not started."""
        if self._ingest is None:
            self.database.write(lambda c: stale.note_suffixes(c, read_suffixes()))
            self._ingest = Ingest(
                self.database,
                self.pool,
                self.tokens,
                self.models.embedder,
                parameters.ingest_settings(self._rooting.placed.config, self._slots),
                self.progress,
                self.models.transcriber,
                self.models.images,
            )
        return self._ingest

    @property
    def tokens(self) -> TokenCounter:
        """The embedding model's tokens; an estimate as long as there is no model."""
        embedder = self.models.embedder
        return embedder.tokens if embedder is not None else EstimatedTokens()

    def place(self, config: Config) -> Placed:
        """Find the folders of settings that were read once more."""
        return self._rooting.place(config)

    def put_roots(self, placed: Placed | None = None) -> list[Root]:
        """Bring the index's folders to those of the settings.

        A folder that a configuration file named once, and the same file names no more, is
        forgotten with what was read from it, unless that file says nothing at all: it may have
        been lost. One that a command named stays until ``prismd remove``. A known folder that is
        not there is kept as it is: its disk may come back.

        A new folder whose disk does not answer is added as soon as it does. As long as nobody can
        tell where a folder of the settings is, none is forgotten.

        Args:
            placed: Settings that were read once more; those of the start unless given. A folder
                that came with the command that started prismd may have been removed since.

        Raises:
            ConfigError: A new folder is not there, or overlaps another.
        """
        return self._rooting.put(placed)

    def leaving(self, placed: Placed) -> list[tuple[Root, int]]:
        """The folders that ``put_roots`` would forget, with how many files there are in each."""
        return [
            (root, self.database.read(partial(files.count, root_id=root.id)))
            for root in self.database.read(files.roots)
            if placed.leaves(root)
        ]

    def sweep(self, root: Root) -> Sweep:
        """Hold one folder against the index, and queue what is new."""
        if self._rooting.placed.disowns(root):
            return Sweep(root, offline=True, silent=True)
        return sweep(self.database, root, self.rules(root))

    def folders(self, on_sweep: Callable[[Sweep], None]) -> Folders:
        """The watched folders, to be started; one must be stopped before there is another.

        Args:
            on_sweep: Told of what was found on the disk, in threads of its own.
        """
        self._watching = Watching(
            self.database, self.rules, parameters.watch_settings(self.config), on_sweep
        )
        folders = Folders(self.database, self._watching, self.configured, self.ingest.wake)
        self._rooting.tend(folders)
        return folders

    def configured(self) -> frozenset[str]:
        """The folders that the configuration file names."""
        return self._rooting.placed.configured

    def rules(self, root: Root) -> Rules:
        """What of a folder is read.

        Raises:
            ConfigError: Nobody can tell: the configuration has named it, and seems to name it no
                more.
        """
        placed = self._rooting.placed
        if placed.disowns(root):
            # By the rules of a folder that is not named what was excluded would be read.
            silent = ", ".join(sorted(placed.unsure))
            raise ConfigError(
                f"whether it is still named in the configuration cannot be told before {silent}"
                " answers"
                if silent
                else "it is no longer named in the configuration; 'prismd config reload' forgets it"
            )
        return parameters.rules(placed.config, root)

    def follow(self, config: Config) -> None:
        """Go by other settings from now on, as far as the parts can while they work.

        Those of the folders count from ``Folders.watches.follow`` on.

        Args:
            config: As it was, but for what ``reloading.LIVE`` names, and for folders, which
                ``put_roots`` was given.
        """
        self.config = config
        self.search.settings = parameters.search_settings(config)
        self.answering.settings = parameters.answer_settings(config)
        self.history.settings = parameters.history_settings(config)
        self.viewing.options = parameters.ingest_settings(config, self._slots).options
        self._settled()
        if self._watching is not None:
            self._watching.settings = parameters.watch_settings(config)

    def _settled(self) -> None:
        """Read by what is known of the folders now."""
        if self._ingest is not None:
            self._ingest.follow(
                parameters.ingest_settings(self._rooting.placed.config, self._slots)
            )

    def stale(self) -> list[Stale]:
        """What the present settings would make otherwise."""
        return self.database.read(lambda c: stale.report(c, self._present()))

    def reindex(self, *, everything: bool) -> int:
        """Queue what is stale, or all; returns how many files will be read anew."""
        present = self._present()
        count = self.database.write(lambda c: stale.redo(c, present, everything=everything))
        self.ingest.reopen_space()
        self.ingest.wake()
        return count

    def _present(self) -> Present:
        models, index = self.models, self.config.index
        spaces = [model.space for model in (models.embedder, models.images) if model is not None]
        spaces += [
            replace(space, content="picture_text") for space in spaces if space.content == "picture"
        ]
        by_folder = {
            "": index.ocr_languages,
            **parameters.ocr_languages(self._rooting.placed.config),
        }
        return Present(
            extractors={name: entry.version for name, entry in media_types().items()},
            chunker=parameters.chunking(self.config).tag,
            spaces=tuple(spaces),
            ocr=index.ocr and shutil.which("tesseract") is not None,
            speech=models.transcriber.name if models.transcriber is not None else "",
            ocr_languages={folder: "+".join(wanted) for folder, wanted in by_folder.items()},
            suffixes=read_suffixes(),
        )

    def close(self) -> None:
        """Stop everything; what is in hand goes back to the queue."""
        with self._opened:
            self._rooting.stop()
            self.pool.close()
            if self._ingest is not None:
                self._ingest.stop()


def _opened_database(
    config: Config, writable: bool, at_rest: bool, place: KeyPlace | None
) -> Database:
    try:
        return open_database(config, writable=writable, at_rest=at_rest, place=place)
    except StoreError as error:
        error.saying(str(error))  # it names the index and its key, and nothing of the files
        raise
