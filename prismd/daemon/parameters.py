"""What each part is told of the configuration."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from prismd.answer.answering import AnswerSettings
from prismd.answer.evidence import EvidenceSettings
from prismd.chunk import Chunking
from prismd.config.options import Config, Folder
from prismd.cores import usable_cores
from prismd.encryption.key_places import FileKey
from prismd.errors import ModelError
from prismd.extract.base import ExtractOptions
from prismd.extract.pool import ExtractPool
from prismd.ingest.reading import IngestSettings
from prismd.models import catalog
from prismd.models.added import entries
from prismd.models.base import Sampling
from prismd.models.load import ModelSettings
from prismd.schedule.schedule import Schedule, hours_of
from prismd.search.history import HistorySettings
from prismd.search.searching import SearchSettings
from prismd.store.files import Root
from prismd.watch import Rules
from prismd.watch.watcher import WatchSettings

_MB = 1_000_000


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


def slots_dir(config: Config) -> Path:
    """Where what reads files keeps what is in hand, unless the index is encrypted."""
    return config.data_dir / "slots"


def ingest_settings(config: Config, slots: Path) -> IngestSettings:
    """How files are read.

    Args:
        config: The settings.
        slots: Where what reads files keeps what is in hand.
    """
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
            slots_on_disk=slots == slots_dir(config),
            parallel=workers(config),
        ),
        ocr_languages=ocr_languages(config),
    )


def ocr_languages(config: Config) -> dict[str, tuple[str, ...]]:
    """The languages of pictures and scans, by the folders that have a setting of their own.

    Args:
        config: With its folders by their real paths.
    """
    return {
        str(folder.path): folder.ocr_languages for folder in config.folders if folder.ocr_languages
    }


def rules(config: Config, root: Root) -> Rules:
    """What of a folder is read.

    Args:
        config: With its folders by their real paths.
        root: The folder.
    """
    index = config.index
    own = next(
        (folder for folder in config.folders if str(folder.path) == root.path),
        Folder(path=Path(root.path)),
    )
    return Rules(
        include=own.include,
        exclude=(*index.exclude, *own.exclude),
        hidden=own.hidden,
        junk=index.junk,
        never=_never(config),
        kinds=own.kinds,
        poll=own.poll,
    )


def _never(config: Config) -> tuple[str, ...]:
    """What is never read, wherever it lies."""
    key_file = config.storage.key_file
    private = (config.data_dir, *(FileKey(key_file).paths if key_file is not None else ()))
    return tuple(os.path.realpath(path) for path in private)


def watch_settings(config: Config) -> WatchSettings:
    """How often the disk is looked at."""
    return WatchSettings(rescan_s=config.index.rescan_s, poll_s=config.index.poll_s)


def schedule(config: Config) -> Schedule:
    """When files are read."""
    given = config.schedule
    return Schedule(
        on_battery=given.on_battery,
        low_percent=given.low_percent,
        hours=hours_of(given.hours),
        busy_percent=given.busy_percent,
    )


def search_settings(config: Config) -> SearchSettings:
    """How results are ranked; the names are the same on both sides."""
    return msgspec.convert(msgspec.to_builtins(config.search), SearchSettings)


def history_settings(config: Config) -> HistorySettings:
    """What is kept of what was searched and asked."""
    search = config.search
    return HistorySettings(search.history, search.history_entries, search.history_days)


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
    return config.server.base_url


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
