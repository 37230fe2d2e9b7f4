"""From settings to models: builds what is configured, and says how each role stands.

Nothing is read from disk here but file sizes. A role whose weights are missing is None, never an
exception: search goes on by words alone, answers are extracted instead of written.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from prismd.errors import ModelError
from prismd.models import catalog
from prismd.models.added import entries
from prismd.models.base import Embedder, Generator, ImageEmbedder, Reranker, Transcriber
from prismd.models.clip import ClipEmbedder
from prismd.models.entry import Engine, ModelEntry, Role
from prismd.models.fake import (
    FakeEmbedder,
    FakeGenerator,
    FakeImageEmbedder,
    FakeReranker,
)
from prismd.models.fake_speech import FakeTranscriber
from prismd.models.installed import presence
from prismd.models.llama import LlamaGenerator
from prismd.models.onnx import OnnxEmbedder, OnnxReranker
from prismd.models.remote import RemoteEmbedder, RemoteGenerator
from prismd.models.remote_http import RemoteEngine
from prismd.models.runner import (
    ModelRunner,
    RunnerEmbedder,
    RunnerImageEmbedder,
    RunnerReranker,
)
from prismd.models.shared_speech import SharedTranscriber
from prismd.models.whisper import WhisperTranscriber

State = Literal["ready", "missing", "loaded", "error", "off", "remote"]
_OFF = ("", "off")
_FAKE = "fake"
_MEANWHILE: dict[Role, str] = {
    "embedding": "until then only words are found, not meaning",
    "image": "until then pictures are found by their words, names, folders and dates only",
    "speech": "until then recordings are found by their names and tags only",
}
"""How one does without a role that most people will miss sooner or later."""
_PULLED = "is here now, and is used once prismd is started anew"
_NO_LLAMA = (
    "llama-cpp-python, which runs it, is not installed: run `pip install 'prismd[llama]'`; "
    "until then answers are the files' own sentences"
)


class ModelSettings(msgspec.Struct, frozen=True):
    """What the configuration says of models.

    Each role names a model of the catalogue or of the user's own, ``fake``, or ``off``. With a
    ``base_url`` the name is the model's at that server. ``threads`` 0 means one for each core;
    ``idle_unload_s`` 0 never unloads; ``generation_context_tokens`` 0 takes the model's default.
    """

    models_dir: Path
    embedding: str = catalog.DEFAULTS["embedding"]
    reranking: str = catalog.DEFAULTS["reranking"]
    generation: str = catalog.DEFAULTS["generation"]
    image: str = catalog.DEFAULTS["image"]
    speech: str = catalog.DEFAULTS["speech"]
    threads: int = 0
    provider: str = "auto"
    idle_unload_s: float = 600.0
    embedding_base_url: str = ""
    embedding_api_key_env: str = ""
    embedding_dim: int = 0
    embedding_max_tokens: int = 512
    embedding_query_prefix: str = ""
    embedding_passage_prefix: str = ""
    generation_base_url: str = ""
    generation_api_key_env: str = ""
    generation_context_tokens: int = 0
    remote_timeout_s: float = 300.0


class ModelState(msgspec.Struct, frozen=True):
    """How a role stands; ``detail`` says what to do when something is amiss."""

    name: str
    state: State
    detail: str = ""


class _Closes(Protocol):
    def close(self) -> None: ...


class Models:
    """The models of a running prismd.

    Attributes:
        embedder: None without weights; then there is no search by meaning.
        reranker: None without weights; then the fused order stands.
        generator: None without weights; then answers are extracted.
        images: None without weights; then pictures are not found by what they show.
        transcriber: None without weights; then recordings are not written down.
    """

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._fixed: dict[Role, ModelState] = {}
        self._absent: dict[Role, ModelEntry] = {}
        self._raw: dict[Role, Any] = {}
        self._ends: list[_Closes] = []
        self.embedder: RunnerEmbedder | None = self._role("embedding", self._embedder)
        self.reranker: RunnerReranker | None = self._role("reranking", self._reranker)
        self.generator: Generator | None = self._role("generation", self._generator)
        self.images: RunnerImageEmbedder | None = self._role("image", self._images)
        self.transcriber: SharedTranscriber | None = self._role("speech", self._transcriber)

    def states(self) -> dict[Role, ModelState]:
        """How each role stands now; quick enough for every status request."""
        roles: tuple[Role, ...] = ("embedding", "reranking", "generation", "image", "speech")
        return {role: self._of(role) for role in roles}

    def _of(self, role: Role) -> ModelState:
        absent = self._absent.get(role)
        if absent is not None and presence(absent, self._settings.models_dir) == "present":
            return ModelState(self._fixed[role].name, "missing", _PULLED)
        return self._fixed.get(role) or self._live(role)

    def without_meaning(self) -> str:
        """Why nothing can be found by its meaning, and what to do; empty where it can.

        Also where ``off`` was chosen: that is wanted, and nobody needs to be told of it.
        """
        state = self.states()["embedding"]
        if self.embedder is not None or state.state == "off":
            return ""
        if state.state == "error":
            return state.detail
        told = _PULLED if state.detail == _PULLED else f"is not installed; {_pull(state.name)}"
        return f"{state.name} {told}"

    def close(self) -> None:
        """Let running work finish, and give all memory back."""
        for end in self._ends:
            end.close()

    def _role(self, role: Role, build: Callable[[str], Any]) -> Any:
        """Build a role; what cannot be built becomes the role's state."""
        name: str = getattr(self._settings, role)
        if name in _OFF:
            self._fixed[role] = ModelState(name, "off", f"switched off by [models] {role}")
            return None
        try:
            return build(name)
        except ModelError as error:
            self._fixed.setdefault(role, ModelState(name, "error", str(error)))
            return None

    def _live(self, role: Role) -> ModelState:
        name: str = getattr(self._settings, role)
        model = self._raw[role]
        if model.loaded:
            return ModelState(name, "loaded")
        if model.failure:
            return ModelState(name, "error", model.failure)
        # The weights may have been removed since the start.
        if presence(model.entry, self._settings.models_dir) == "missing":
            return _missing(role, name)
        return ModelState(name, "ready", "loads on first use")

    def _entry(self, role: Role, name: str) -> ModelEntry:
        entry = catalog.find(name, entries(self._settings.models_dir))
        if entry.role != role:
            raise ModelError(
                f"{name}: a model for {entry.role}, not for {role}; "
                f"choose another in [models] {role}"
            )
        return entry

    def _present(self, role: Role, name: str, engine: Engine) -> ModelEntry:
        """The entry, if this engine runs it and its files are there.

        Raises:
            ModelError: Otherwise.
        """
        entry = self._entry(role, name)
        if entry.engine != engine:
            raise ModelError(f"{name}: {role} runs {engine} models, not {entry.engine}")
        if presence(entry, self._settings.models_dir) == "missing":
            self._fixed[role], self._absent[role] = _missing(role, name), entry
            raise ModelError(f"{name}: not there")
        return entry

    def _embedder(self, name: str) -> RunnerEmbedder:
        settings = self._settings
        model: Embedder
        if settings.embedding_base_url:
            if settings.embedding_dim < 1:
                raise ModelError(
                    f"{name}: the width of the remote model's vectors is not known; "
                    "set [embedding] dim"
                )
            model = RemoteEmbedder(
                self._remote(name, settings.embedding_base_url, settings.embedding_api_key_env),
                dim=settings.embedding_dim,
                max_tokens=settings.embedding_max_tokens,
                query_prefix=settings.embedding_query_prefix,
                passage_prefix=settings.embedding_passage_prefix,
            )
            self._fixed["embedding"] = ModelState(name, "remote", settings.embedding_base_url)
        elif name == _FAKE:
            model = FakeEmbedder()
            self._fixed["embedding"] = _fake_state()
        else:
            model = OnnxEmbedder(
                self._present("embedding", name, "onnx"),
                settings.models_dir,
                threads=settings.threads,
                provider=settings.provider,
            )
        return RunnerEmbedder(model, self._runner("embedding", name, model))

    def _reranker(self, name: str) -> RunnerReranker:
        settings = self._settings
        model: Reranker
        if name == _FAKE:
            model = FakeReranker()
            self._fixed["reranking"] = _fake_state()
        else:
            model = OnnxReranker(
                self._present("reranking", name, "onnx"),
                settings.models_dir,
                threads=settings.threads,
                provider=settings.provider,
            )
        return RunnerReranker(model, self._runner("reranking", name, model))

    def _generator(self, name: str) -> Generator:
        settings = self._settings
        model: Generator
        if settings.generation_base_url:
            model = RemoteGenerator(
                self._remote(name, settings.generation_base_url, settings.generation_api_key_env),
                context_tokens=settings.generation_context_tokens or 8192,
            )
            self._fixed["generation"] = ModelState(name, "remote", settings.generation_base_url)
        elif name == _FAKE:
            model = FakeGenerator()
            self._fixed["generation"] = _fake_state()
        else:
            model = LlamaGenerator(
                self._runnable(name),
                settings.models_dir,
                context_tokens=settings.generation_context_tokens,
                threads=settings.threads,
                idle_unload_s=settings.idle_unload_s or None,
            )
            self._raw["generation"] = model
        self._ends.append(model)
        return model

    def _runnable(self, name: str) -> ModelEntry:
        """The entry of a model that writes, if it is here with what runs it.

        Raises:
            ModelError: Otherwise. llama-cpp-python is an extra: its absence fails no question.
        """
        entry = self._present("generation", name, "gguf")
        if find_spec("llama_cpp") is None:
            self._fixed["generation"] = ModelState(name, "missing", _NO_LLAMA)
            raise ModelError(f"{name}: llama-cpp-python is not there")
        return entry

    def _images(self, name: str) -> RunnerImageEmbedder:
        settings = self._settings
        model: ImageEmbedder
        if name == _FAKE:
            model = FakeImageEmbedder()
            self._fixed["image"] = _fake_state()
        else:
            model = ClipEmbedder(
                self._present("image", name, "onnx"),
                settings.models_dir,
                threads=settings.threads,
                provider=settings.provider,
            )
        return RunnerImageEmbedder(model, self._runner("image", name, model))

    def _transcriber(self, name: str) -> SharedTranscriber:
        settings = self._settings
        model: Transcriber
        if name == _FAKE:
            model = FakeTranscriber()
            self._fixed["speech"] = _fake_state()
        else:
            model = WhisperTranscriber(
                self._present("speech", name, "ctranslate2"),
                settings.models_dir,
                threads=settings.threads,
                idle_unload_s=settings.idle_unload_s or None,
            )
            self._raw["speech"] = model
        self._ends.append(model)
        return SharedTranscriber(model)

    def _runner(
        self, role: Role, name: str, model: Embedder | Reranker | ImageEmbedder
    ) -> ModelRunner:
        self._raw[role] = model
        runner = ModelRunner(name, model.close, idle_unload_s=self._settings.idle_unload_s or None)
        self._ends.append(runner)
        return runner

    def _remote(self, name: str, base_url: str, api_key_env: str) -> RemoteEngine:
        return RemoteEngine(base_url, name, api_key_env, self._settings.remote_timeout_s)


def _missing(role: Role, name: str) -> ModelState:
    meanwhile = _MEANWHILE.get(role)
    command = _pull(name)
    return ModelState(name, "missing", f"{command}; {meanwhile}" if meanwhile else command)


def _pull(name: str) -> str:
    return f"run `prismd models pull {catalog.spoken_name(name)}`"


def _fake_state() -> ModelState:
    return ModelState(_FAKE, "loaded", "a stand-in for tests, not a model")
