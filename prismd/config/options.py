"""Every setting of prismd: what it is, what it may be, and what it is when not given."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=1)]
CountOrZero = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(gt=0)]
Weight = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Percent = Annotated[int, Meta(ge=0, le=100)]
Kind = Literal["document", "image", "audio", "text"]


class Server(Struct, frozen=True, kw_only=True):
    """``[server]``: who may ask, and how much at once."""

    host: str = "127.0.0.1"
    """Address to listen on; loopback only."""
    port: Annotated[int, Meta(ge=1, le=65535)] = 7776
    """Port to listen on."""
    auth: bool = True
    """Whether requests need the token that ``prismd token`` shows."""
    allowed_hosts: tuple[str, ...] = ()
    """Names besides localhost by which clients may call the daemon (the ``Host`` header)."""
    cors_origins: tuple[str, ...] = ()
    """Origins of web pages that may call the daemon, such as ``http://localhost:3000``."""
    max_body_mb: Count = 100
    """Largest request body."""
    max_upload_bytes: Count = 100_000_000
    """Largest upload; a file of that size takes as much memory while it is read."""
    max_concurrent_chats: Count = 8
    """Answers in work at once; some more wait for half a minute, further ones get 429."""
    request_timeout_s: Seconds = 300
    """After this an answer in work is given up."""
    requests_per_minute: CountOrZero = 600
    """Requests of one client, told by its credential and User-Agent; 0 sets no limit."""
    failed_logins_per_minute: CountOrZero = 30
    """Requests without the right token, which never keep the right one out; 0 sets no limit."""

    @property
    def base_url(self) -> str:
        """Where the daemon answers."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


class Folder(Struct, frozen=True, kw_only=True):
    """``[[folders]]``: a folder to read, with what holds for it alone."""

    path: Path
    """The folder; ``~`` is the home directory, a relative path starts at the file's folder."""
    include: tuple[str, ...] = ()
    """Patterns, as in .gitignore; when given, only what matches is read."""
    exclude: tuple[str, ...] = ()
    """Patterns, as in .gitignore, of what is left out."""
    hidden: bool = False
    """Whether hidden files and folders are read too."""
    ocr_languages: tuple[str, ...] = ()
    """As in ``[index]``, for this folder alone; empty takes what is said there."""
    kinds: tuple[Kind, ...] = ()
    """What is read, by name: "document", "image", "audio", "text"; empty is all of them."""
    poll: bool = False
    """Whether to look for changes every ``poll_s``; on network disks that is done anyway."""


class Index(Struct, frozen=True, kw_only=True):
    """``[index]``: how files are read."""

    workers: CountOrZero = 0
    """Processes that read files; 0 means one per core."""
    deadline_s: Seconds = 120
    """After this the reading of one file is given up."""
    memory_mb: Annotated[int, Meta(ge=128)] = 2048
    """Memory that one reading process may use."""
    recycle_after: Count = 200
    """Files after which a reading process is replaced by a fresh one."""
    max_file_mb: Count = 100
    """Larger files are skipped."""
    max_recording_mb: Count = 4000
    """Larger recordings and films are skipped."""
    ocr: bool = True
    """Whether the words on pictures and scanned pages are read, where tesseract is installed."""
    ocr_languages: tuple[str, ...] = ()
    """Languages of pictures and scans, such as ``["eng", "deu"]``; empty goes by their script."""
    rescan_s: Seconds = 300
    """How often the folders are compared with the index, whatever events were seen."""
    poll_s: Seconds = 30
    """How often parts are compared of which nothing is told, such as network disks."""
    attempts: Count = 3
    """Tries after which a file that fails is left alone until ``prismd retry``."""
    exclude: tuple[str, ...] = ()
    """Patterns, as in .gitignore, of what is left out of every folder."""
    junk: bool = True
    """Whether well-known junk (.git, node_modules, caches) is left out."""


class Schedule(Struct, frozen=True, kw_only=True):
    """``[schedule]``: when files are read; ``prismd status`` says what holds it back, and why."""

    on_battery: Literal["run", "low", "pause"] = "low"
    """On battery: "run" on, pause when it is "low", or "pause" at once."""
    low_percent: Percent = 20
    """Charge below which the battery is low."""
    hours: tuple[str, ...] = ()
    """When files are read, such as ``["22:00-07:00"]``, in local time; empty is always."""
    busy_percent: Percent = 0
    """Pause while other programs use more than this of all processors; 0 is never."""


class Chunking(Struct, frozen=True, kw_only=True):
    """``[chunking]``: how text is cut into passages; older ones stay until ``reindex --stale``."""

    target_tokens: Annotated[int, Meta(ge=32, le=8192)] = 256
    """Tokens of a passage, counted by the embedding model."""
    overlap_tokens: CountOrZero = 32
    """Tokens that a passage repeats of the one before."""


class Models(Struct, frozen=True, kw_only=True):
    """``[models]``: which models do what; names are those of ``prismd models list``."""

    embedding: str = "bge-small-en-v1.5"
    """Turns text into vectors; a change takes a restart, then ``prismd reindex --stale``."""
    reranking: str = "ms-marco-MiniLM-L-12-v2"
    """Reads question and passage together; empty for none."""
    generation: str = "qwen2.5-coder-0.5b-instruct"
    """Writes answers where its weights are pulled; empty for none."""
    image: str = "clip-vit-base-patch16"
    """Finds pictures by what they show, where its weights are pulled; empty for none."""
    speech: str = "whisper-base"
    """Writes down what is said in recordings, where its weights are pulled; empty for none."""
    threads: CountOrZero = 0
    """Threads of one model; 0 means one per core."""
    provider: str = "auto"
    """onnxruntime's execution provider: auto, or one that is installed, such as CUDA or CoreML."""
    idle_unload_s: Annotated[float, Meta(ge=0)] = 600
    """A model not used for this long gives its memory back; 0 keeps it."""
    dir: Path | None = None
    """Where weights are kept; shared by all data directories unless set."""


class Embedding(Struct, frozen=True, kw_only=True):
    """``[embedding]``: an OpenAI-compatible server that embeds instead of a local model."""

    base_url: str = ""
    """Such as ``http://127.0.0.1:8080/v1``; empty for the local model."""
    model: str = ""
    """The model's name at that server."""
    api_key_env: str = ""
    """Environment variable that holds the key, where one is needed."""
    dim: CountOrZero = 0
    """Dimensions of its vectors; needed with ``base_url``."""
    max_tokens: Count = 512
    """Tokens of a text that the model reads."""
    query_prefix: str = ""
    """What the model wants before a question."""
    passage_prefix: str = ""
    """What the model wants before a passage."""


class Generation(Struct, frozen=True, kw_only=True):
    """``[generation]``: how answers are written, and by which server if not by a local model."""

    base_url: str = ""
    """An OpenAI-compatible server, such as ``http://127.0.0.1:8080/v1``; empty for local."""
    model: str = ""
    """The model's name at that server."""
    api_key_env: str = ""
    """Environment variable that holds the key, where one is needed."""
    context_tokens: CountOrZero = 0
    """Tokens of prompt and answer together; 0 takes what the model is made for."""
    max_tokens: Count = 512
    """Longest answer, where the request sets no limit."""
    temperature: Annotated[float, Meta(ge=0, le=2)] = 0.0
    """0 gives the same answer every time; higher varies the wording."""


class Search(Struct, frozen=True, kw_only=True):
    """``[search]``: how passages are found and put in order."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    """Hits, where the request sets no limit."""
    candidates: Annotated[int, Meta(ge=1, le=4096)] = 100
    """Passages that each way of searching hands to the fusion."""
    lexical_weight: Weight = 0.5
    """Weight of the search by words in the fusion."""
    substring_weight: Weight = 0.2
    """Weight of the search by parts of words in the fusion."""
    vector_weight: Weight = 1.0
    """Weight of the search by meaning in the fusion."""
    name_weight: Weight = 1.0
    """Weight of the search by names of files and folders in the fusion."""
    image_weight: Weight = 1.0
    """Weight of what pictures show in the fusion."""
    foreign_weight: Share = 0.02
    """Share of ``vector_weight`` for passages in a language that the embedding model lacks."""
    rrf_k: CountOrZero = 10
    """The higher, the less the very first ranks count in the fusion."""
    rerank: Literal["auto", "always", "never"] = "auto"
    """Whether the best hits are read once more: always, never, auto (within ``rerank_tokens``)."""
    rerank_depth: Count = 20
    """Hits that are read once more at most."""
    rerank_tokens: Count = 2000
    """Tokens that auto reads once more at most."""
    rerank_weight: Weight = 0.5
    """Weight of the second reading against the fusion."""
    history: bool = True
    """Whether what is searched and asked is kept, for ``prismd history``; see ``[responses]``."""
    history_entries: Count = 10_000
    """Searches and questions that are kept at most."""
    history_days: CountOrZero = 365
    """For how long they are kept; 0 is for ever."""


class Answer(Struct, frozen=True, kw_only=True):
    """``[answer]``: how answers are made of what was found."""

    engine: Literal["auto", "extractive", "generative"] = "auto"
    """Quote sentences (extractive) or write (generative); auto writes where it can."""
    evidence_tokens: Annotated[int, Meta(ge=128)] = 2000
    """Tokens of passages that an answer may rest on."""
    max_evidence: Count = 8
    """Passages that an answer may rest on."""
    refusal_threshold: Share = 0.8
    """Least probability, by the reranker, that the best passage answers; else prismd refuses."""
    refusal_similarity: Share = 0.65
    """Least similarity of the best passage where nothing was reranked; else prismd refuses."""
    refusal_words: Share = 0.6
    """Least share of the question's subject in the best passage where meaning was not compared."""
    follow_up_threshold: Share = 0.001
    """Least probability, by the reranker, that the best passage concerns a follow-up question."""


class Responses(Struct, frozen=True, kw_only=True):
    """``[responses]``: what is kept of answers to ``/v1/responses``, for the next one to go on."""

    keep_days: Annotated[int, Meta(ge=0, le=36_500)] = 30
    """Days after which an answer is forgotten with its question; 0 keeps none."""
    keep_count: CountOrZero = 1000
    """Answers that are kept at most, the newest; 0 keeps none."""


class Storage(Struct, frozen=True, kw_only=True):
    """``[storage]``: how the index is kept on the disk."""

    encryption: bool = False
    """Whether a new index is encrypted; `prismd encrypt` and `decrypt` change one that exists."""
    key: Literal["keyring", "file"] = "keyring"
    """Where its key is kept: in the system's "keyring", or in a "file"."""
    key_file: Path | None = None
    """That file, private to you; its folder must exist, neither watched nor the index's own."""


class Log(Struct, frozen=True, kw_only=True):
    """``[log]``: what is written down of the daemon's doings."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """debug, info, warning or error; questions and passages at debug only, and if not encrypted."""
    file: Path | None = None
    """A file that is rotated; without one, the log goes to standard error."""


class Config(Struct, frozen=True, kw_only=True):
    """All settings, checked, with where each one came from."""

    data_dir: Path
    """Where the index, the token and uploads are kept."""
    folders: tuple[Folder, ...] = ()
    server: Server = Server()
    index: Index = Index()
    schedule: Schedule = Schedule()
    chunking: Chunking = Chunking()
    models: Models = Models()
    embedding: Embedding = Embedding()
    generation: Generation = Generation()
    search: Search = Search()
    answer: Answer = Answer()
    responses: Responses = Responses()
    storage: Storage = Storage()
    log: Log = Log()
    file: Path | None = None
    """The configuration file that was read, if there was one."""
    sources: dict[str, str] = {}
    """Where each key that is not at its default was set."""

    @property
    def models_dir(self) -> Path:
        """Where weights are kept."""
        return self.models.dir or platformdirs.user_data_path("prismd") / "models"


SECTIONS: dict[str, type[Struct]] = {
    "server": Server,
    "index": Index,
    "schedule": Schedule,
    "chunking": Chunking,
    "models": Models,
    "embedding": Embedding,
    "generation": Generation,
    "search": Search,
    "answer": Answer,
    "responses": Responses,
    "storage": Storage,
    "log": Log,
}
"""The sections that are tables of scalars and lists; ``[[folders]]`` is apart."""
