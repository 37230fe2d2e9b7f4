"""Builds prismd out of its settings; the one place that knows every part."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import apsw
import msgspec
from msgspec.structs import replace

from prismd.answer import Answering, AnswerSettings
from prismd.api.interrupt import Interruptible
from prismd.chunk import Chunking
from prismd.config.options import Config, Folder
from prismd.errors import ConfigError, ModelError
from prismd.evidence import EvidenceSettings
from prismd.extract.base import ExtractOptions, media_types
from prismd.extract.naming import read_suffixes
from prismd.extract.pool import ExtractPool
from prismd.folders import Folders
from prismd.ingest import Ingest
from prismd.likeness import Likeness
from prismd.models import catalog
from prismd.models.added import entries
from prismd.models.base import Embedder, ImageEmbedder, Sampling, TokenCounter
from prismd.models.cores import usable_cores
from prismd.models.load import Models, ModelSettings
from prismd.models.remote import EstimatedTokens
from prismd.progress import Progress
from prismd.reading import IngestSettings
from prismd.search import Search, SearchSettings
from prismd.store import files, stale
from prismd.store.database import Database
from prismd.store.files import Root
from prismd.store.stale import Present, Stale
from prismd.watch import Rules, Sweep, sweep
from prismd.watch.watcher import WatchSettings
from prismd.watch.watching import Watching

_MB = 1_000_000


class Prism:
    """Every part, built and connected; ``close`` takes them down in order.

    Args:
        config: The settings.
        writable: Index too; takes the lock of the data directory. Otherwise only what reads.

    Raises:
        StoreError: The index cannot be opened.
        ConfigError: A folder overlaps another.
    """

    def __init__(self, config: Config, *, writable: bool = True) -> None:
        self.config = config
        self.database = Database(config.data_dir, writable=writable)
        self.models = Models(model_settings(config))
        self.progress = Progress()
        self.pool = extract_pool(config)
        self.search = Search(
            self.database,
            self.models.embedder,
            self.models.reranker,
            search_settings(config),
            languages(config),
            Likeness(self.database, self._query_images()),
        )
        generator = self.models.generator
        self.answering = Answering(
            self.database,
            self.search,
            self._sentence_embedder(),
            self.models.reranker,
            Interruptible(generator) if generator is not None else None,
            answer_settings(config),
        )
        self._ingest: Ingest | None = None

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
                ingest_settings(self.config),
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

    def put_roots(self) -> list[Root]:
        """Bring the index's folders to those of the settings.

        A folder that a configuration file named once, and the same file names no more, is
        forgotten with what was read from it; one that a command named stays until ``prismd
        remove``. A known folder that is not there is kept as it is: its disk may come back.

        Raises:
            ConfigError: A new folder is not there, or overlaps another.
        """
        file = str(self.config.file or "")
        known = self.database.read(files.roots)
        wanted: dict[str, Literal["config", "command"]] = {}
        for number, folder in enumerate(self.config.folders):
            path = os.path.realpath(folder.path)
            if not Path(path).is_dir() and path not in {root.path for root in known}:
                raise ConfigError(f"{path}: there is no such folder; correct or remove it")
            by_flag = self.config.sources[f"folders.{number}"] == "flag"
            wanted[path] = "command" if by_flag else "config"

        def put(connection: apsw.Connection) -> None:
            for root in known:
                named_here = root.origin == "config" and root.config_file == file
                if named_here and root.path not in wanted:
                    files.remove_root(connection, root.id)
            for path, origin in wanted.items():
                files.add_root(connection, path, origin, file if origin == "config" else "")

        self.database.write(put)
        return self.database.read(files.roots)

    def sweep(self, root: Root) -> Sweep:
        """Hold one folder against the index, and queue what is new."""
        return sweep(self.database, root, self.rules(root))

    def folders(self, on_sweep: Callable[[Sweep], None]) -> Folders:
        """The watched folders, to be started; one must be stopped before there is another.

        Args:
            on_sweep: Told of what was found on the disk, in threads of its own.
        """
        index = self.config.index
        settings = WatchSettings(rescan_s=index.rescan_s, poll_s=index.poll_s)
        watching = Watching(self.database, self.rules, settings, on_sweep)
        return Folders(self.database, watching, self.configured, self.ingest.wake)

    def configured(self) -> frozenset[str]:
        """The folders that the configuration names."""
        return frozenset(os.path.realpath(folder.path) for folder in self.config.folders)

    def rules(self, root: Root) -> Rules:
        """What of a folder is read."""
        index = self.config.index
        own = next(
            (
                folder
                for folder in self.config.folders
                if os.path.realpath(folder.path) == root.path
            ),
            Folder(path=Path(root.path)),
        )
        return Rules(
            include=own.include,
            exclude=(*index.exclude, *own.exclude),
            hidden=own.hidden,
            junk=index.junk,
            never=(os.path.realpath(self.config.data_dir),),
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
        by_folder = {"": index.ocr_languages, **ocr_languages(self.config)}
        return Present(
            extractors={name: entry.version for name, entry in media_types().items()},
            chunker=chunking(self.config).tag,
            spaces=tuple(spaces),
            ocr=index.ocr and shutil.which("tesseract") is not None,
            speech=models.transcriber.name if models.transcriber is not None else "",
            ocr_languages={folder: "+".join(wanted) for folder, wanted in by_folder.items()},
            suffixes=read_suffixes(),
        )

    def close(self) -> None:
        """Stop everything; what is in hand goes back to the queue."""
        self.pool.close()
        if self._ingest is not None:
            self._ingest.stop()
        self.models.close()
        self.database.close()


def model_settings(config: Config) -> ModelSettings:
    """What the models are built from."""
    models, embedding, generation = config.models, config.embedding, config.generation
    return ModelSettings(
        models_dir=config.models_dir,
        embedding=embedding.model if embedding.base_url else models.embedding,
        reranking=models.reranking,
        generation=generation.model if generation.base_url else models.generation,
        image=models.image,
        speech=models.speech,
        threads=models.threads,
        provider=models.provider,
        idle_unload_s=models.idle_unload_s,
        embedding_base_url=embedding.base_url,
        embedding_api_key_env=embedding.api_key_env,
        embedding_dim=embedding.dim,
        embedding_max_tokens=embedding.max_tokens,
        embedding_query_prefix=embedding.query_prefix,
        embedding_passage_prefix=embedding.passage_prefix,
        generation_base_url=generation.base_url,
        generation_api_key_env=generation.api_key_env,
        generation_context_tokens=generation.context_tokens,
    )


def workers(config: Config) -> int:
    """How many files are read at once."""
    return config.index.workers or usable_cores()


def extract_pool(config: Config) -> ExtractPool:
    """The parsers' pool."""
    return ExtractPool(
        workers(config),
        deadline_s=config.index.deadline_s,
        memory_bytes=config.index.memory_mb * _MB,
        recycle_after=config.index.recycle_after,
    )


def chunking(config: Config) -> Chunking:
    """How passages are cut."""
    return Chunking(config.chunking.target_tokens, config.chunking.overlap_tokens)


def ingest_settings(config: Config) -> IngestSettings:
    """How files are read."""
    slots = config.data_dir / "slots"
    return IngestSettings(
        workers=workers(config),
        max_file_bytes=config.index.max_file_mb * _MB,
        max_recording_bytes=config.index.max_recording_mb * _MB,
        attempts=config.index.attempts,
        chunking=chunking(config),
        options=ExtractOptions(
            ocr=config.index.ocr,
            ocr_languages=config.index.ocr_languages,
            slots_dir=str(slots),
            parallel=workers(config),
        ),
        ocr_languages=ocr_languages(config),
    )


def ocr_languages(config: Config) -> dict[str, tuple[str, ...]]:
    """The languages of pictures and scans, by the folders that have a setting of their own."""
    return {
        os.path.realpath(folder.path): folder.ocr_languages
        for folder in config.folders
        if folder.ocr_languages
    }


def search_settings(config: Config) -> SearchSettings:
    """How results are ranked; the names are the same on both sides."""
    return msgspec.convert(msgspec.to_builtins(config.search), SearchSettings)


def answer_settings(config: Config) -> AnswerSettings:
    """How answers are made."""
    answer = config.answer
    return AnswerSettings(
        engine=answer.engine,
        evidence=EvidenceSettings(
            max_passages=answer.max_evidence,
            max_tokens=answer.evidence_tokens,
            refusal_threshold=answer.refusal_threshold,
            refusal_similarity=answer.refusal_similarity,
            refusal_words=answer.refusal_words,
            follow_up_threshold=answer.follow_up_threshold,
        ),
        sampling=Sampling(
            max_tokens=config.generation.max_tokens, temperature=config.generation.temperature
        ),
        base_url=base_url(config),
    )


def base_url(config: Config) -> str:
    """Where the daemon listens."""
    host = f"[{config.server.host}]" if ":" in config.server.host else config.server.host
    return f"http://{host}:{config.server.port}"


def languages(config: Config) -> tuple[str, ...]:
    """What the embedding model knows; empty where that is not known, or any language is."""
    if config.embedding.base_url:
        return ()
    try:
        return catalog.find(config.models.embedding, entries(config.models_dir)).languages
    except ModelError:
        return ()


def default_models(config: Config) -> list[str]:
    """The local models that search wants by the settings."""
    models = config.models
    wanted = [] if config.embedding.base_url else [models.embedding]
    wanted += [models.reranking, models.speech]
    return [name for name in wanted if name not in ("", "off", "fake")]
