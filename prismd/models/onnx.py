"""Embedding and reranking by onnxruntime and fast tokenisers, in this process.

Every text goes through the model alone, on one thread, and as many texts at once as the settings
allow threads. Measured (``tests/benchmarks/embedding.py``: two cores, int8, 12 layers):

- A text's vector is then always the same, to the bit. The activations of a dynamically quantised
  model are scaled over the whole batch, so that in a batch the neighbours change it (cosine
  0.989 to 0.999 with itself), and an index would depend on the order of its making.
- Side by side, texts of 200 tokens are done a fifth faster than in batches spread over the
  cores, and 5 % slower than in the best batches side by side (about 640 tokens); texts of 12
  tokens take three times as long as in batches, which at 570 a second does no harm.
- Nothing is padded, no pool of the session spins while it waits, and the memory arena stays
  small (80 MB), so that it may stay on, which is worth a third of the speed.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from prismd.cores import usable_cores
from prismd.domain import EmbeddingSpace
from prismd.errors import ModelError
from prismd.models.entry import ModelEntry
from prismd.models.installed import verified

if TYPE_CHECKING:
    import onnxruntime
    import tokenizers

_TINY = np.float32(1e-12)
_PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "rocm": "ROCMExecutionProvider",
}


class FastTokens:
    """The model's tokeniser as a counter; read on first use, and kept when weights are not."""

    def __init__(self, files: Callable[[], dict[str, Path]]) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._tokenizer: tokenizers.Tokenizer | None = None

    def offsets(self, text: str) -> NDArray[np.int32]:
        """Where each token stands, in code points, shape ``(tokens, 2)``, ascending.

        Raises:
            ModelError: The tokeniser is missing or fails its checksum.
        """
        with self._lock:
            if self._tokenizer is None:
                self._tokenizer = open_tokenizer(self._files()["tokenizer.json"])
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        return np.array(encoding.offsets, dtype=np.int32).reshape(-1, 2)


class _Engine:
    """A session and its tokeniser: loaded on first use, run on several threads.

    Any thread may call ``run``; ``close`` waits for those that run.
    """

    def __init__(self, entry: ModelEntry, models_dir: Path, threads: int, provider: str) -> None:
        self.entry = entry
        self._models_dir = models_dir
        self._threads = threads or usable_cores()
        self._provider = provider
        self._lock = threading.Lock()
        self._session: onnxruntime.InferenceSession | None = None
        self._tokenizer: tokenizers.Tokenizer | None = None
        self._workers: ThreadPoolExecutor | None = None
        self._inputs: frozenset[str] = frozenset()
        self.failure = ""

    @property
    def loaded(self) -> bool:
        return self._session is not None

    def files(self) -> dict[str, Path]:
        return verified(self.entry, self._models_dir)

    def run(
        self, texts: Sequence[Any], reduce: Callable[[NDArray[Any]], NDArray[Any]]
    ) -> NDArray[np.float32]:
        """Run each text (or pair of texts); rows in the order of the texts.

        Args:
            texts: What the tokeniser takes; at least one.
            reduce: Makes the row of the first output of one text.
        """
        with self._lock:
            self._load()
            assert self._tokenizer is not None and self._workers is not None  # noqa: S101
            encodings = self._tokenizer.encode_batch_fast(list(texts))
            # The longest first: then the threads come to their ends together.
            order = sorted(range(len(texts)), key=lambda i: -len(encodings[i].ids))
            work = [encodings[i] for i in order]
            if len(work) == 1:
                rows = [reduce(self._forward(work[0]))]
            else:
                rows = list(self._workers.map(lambda e: reduce(self._forward(e)), work))
        ordered = np.empty((len(rows), *rows[0].shape), dtype=np.float32)
        ordered[order] = rows
        if not np.isfinite(ordered).all():
            raise ModelError(
                f"{self.entry.name}: the model gave values that are not numbers; "
                "set [models] provider to cpu"
            )
        return ordered

    def close(self) -> None:
        with self._lock:
            if self._workers is not None:
                self._workers.shutdown()
            self._session = self._tokenizer = self._workers = None
            trim_memory()

    def _forward(self, encoding: tokenizers.Encoding) -> NDArray[Any]:
        """The first output for one text, without the axis of the batch."""
        # A model needs at least one token; a tokeniser without special tokens gives none for "".
        ids = encoding.ids or [0]
        types = encoding.type_ids or [0]
        feed = {
            "input_ids": np.array([ids], dtype=np.int64),
            "attention_mask": np.ones((1, len(ids)), dtype=np.int64),
            "token_type_ids": np.array([types], dtype=np.int64),
        }
        assert self._session is not None  # noqa: S101 - run() has loaded it
        try:
            output = self._session.run(None, {name: feed[name] for name in self._inputs})[0]
        except Exception as error:  # onnxruntime's errors have no common base below Exception
            raise ModelError(
                f"{self.entry.name}: onnxruntime failed ({error}); run `prismd doctor`"
            ) from error
        row: NDArray[Any] = output[0]
        return row

    def _load(self) -> None:
        if self._session is not None:
            return
        try:
            self._open()
        except ModelError as error:
            self.failure = str(error)
            raise
        self.failure = ""

    def _open(self) -> None:
        files = self.files()
        tokenizer = open_tokenizer(files["tokenizer.json"])
        tokenizer.enable_truncation(self.entry.max_tokens)
        self._session = open_session(self.entry.name, files["model.onnx"], self._provider)
        self._inputs = frozenset(node.name for node in self._session.get_inputs()) & _INPUTS
        self._tokenizer = tokenizer
        self._workers = ThreadPoolExecutor(self._threads, thread_name_prefix=self.entry.name)


class _OnEngine:
    """A model that is one engine."""

    def __init__(
        self, entry: ModelEntry, models_dir: Path, *, threads: int = 0, provider: str = "auto"
    ) -> None:
        self._engine = _Engine(entry, models_dir, threads, provider)

    @property
    def entry(self) -> ModelEntry:
        """Its entry in the catalogue."""
        return self._engine.entry

    @property
    def loaded(self) -> bool:
        """Whether the weights are in memory."""
        return self._engine.loaded

    @property
    def failure(self) -> str:
        """Why the weights could not be loaded the last time; empty when they could."""
        return self._engine.failure

    def close(self) -> None:
        """Give the memory back; the next call loads again."""
        self._engine.close()


class OnnxEmbedder(_OnEngine):
    """Text embedding by an encoder in ONNX.

    Args:
        entry: A catalogue entry of the role ``embedding``.
        models_dir: Where the models are.
        threads: How many texts run at once; 0 means one for each core.
        provider: ``auto``, ``cpu``, ``cuda``, ``coreml``, ``directml``, ``openvino``, ``rocm``.
    """

    def __init__(
        self, entry: ModelEntry, models_dir: Path, *, threads: int = 0, provider: str = "auto"
    ) -> None:
        super().__init__(entry, models_dir, threads=threads, provider=provider)
        self._space = entry.space
        self._tokens = FastTokens(self._engine.files)

    @property
    def space(self) -> EmbeddingSpace:
        """The space of every vector that this embedder makes."""
        return self._space

    @property
    def tokens(self) -> FastTokens:
        """The model's own tokeniser."""
        return self._tokens

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed passages; shape ``(len(texts), dim)``, rows L2-normalised, in input order.

        Raises:
            ModelError: The weights are missing or fail their checksum, or the engine fails.
        """
        return self._embed([self._space.passage_prefix + text for text in texts])

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Embed a query with the model's query prefix; shape ``(dim,)``, L2-normalised.

        Raises:
            ModelError: As ``embed_passages``.
        """
        vector: NDArray[np.float32] = self._embed([self._space.query_prefix + text])[0]
        return vector

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if not texts:
            return np.empty((0, self._space.dim), dtype=np.float32)
        vectors = self._engine.run(texts, self._pool)
        if vectors.shape[1] != self._space.dim:
            raise ModelError(
                f"{self._space.model}: gave {vectors.shape[1]} dimensions, expected "
                f"{self._space.dim}; remove the model and add it again"
            )
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        normalised: NDArray[np.float32] = vectors / np.maximum(norms, _TINY)
        return normalised

    def _pool(self, output: NDArray[Any]) -> NDArray[Any]:
        row: NDArray[Any] = output
        if output.ndim > 1:
            row = output.mean(axis=0) if self._space.pooling == "mean" else output[0].copy()
        return row


class OnnxReranker(_OnEngine):
    """A cross-encoder in ONNX: reads query and passage together.

    Args:
        entry: A catalogue entry of the role ``reranking``.
        models_dir: Where the models are.
        threads: How many texts run at once; 0 means one for each core.
        provider: As for ``OnnxEmbedder``.
    """

    @property
    def name(self) -> str:
        """The model's name in the catalogue."""
        return self._engine.entry.name

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Score each text against the query.

        Returns:
            The model's logits, shape ``(len(texts),)``, in input order; higher is better.

        Raises:
            ModelError: The weights are missing or fail their checksum, or the engine fails.
        """
        if not texts:
            return np.empty(0, dtype=np.float32)
        # The last logit is that of relevance, whether the model has one or two.
        return self._engine.run([(query, text) for text in texts], lambda logits: logits[-1])


_INPUTS = frozenset({"input_ids", "attention_mask", "token_type_ids"})


def available_providers() -> list[str]:
    """The providers that this installation of onnxruntime has, by our names."""
    import onnxruntime

    there = onnxruntime.get_available_providers()
    return [name for name, provider in _PROVIDERS.items() if provider in there]


def open_session(name: str, weights: Path, provider: str) -> onnxruntime.InferenceSession:
    """A session of one thread; as many may run in it at once as call it.

    Args:
        name: The model's name, for errors.
        weights: The graph.
        provider: As for ``OnnxEmbedder``.

    Raises:
        ModelError: The provider is not there, or the graph cannot be loaded.
    """
    import onnxruntime

    there = available_providers()
    chosen = ("cuda" if "cuda" in there else "cpu") if provider == "auto" else provider.lower()
    if chosen not in there:
        raise ModelError(
            f"{name}: onnxruntime has no provider {provider!r} here; "
            f"set [models] provider to auto, {', '.join(there)}"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # Patterns are planned per shape, and here hardly two batches have the same.
    options.enable_mem_pattern = False
    providers = [_PROVIDERS[chosen]] + ([] if chosen == "cpu" else [_PROVIDERS["cpu"]])
    try:
        return onnxruntime.InferenceSession(str(weights), options, providers=providers)
    except Exception as error:  # onnxruntime's errors have no common base below Exception
        raise ModelError(
            f"{name}: onnxruntime cannot load {weights.name} ({error}); "
            f"run `prismd models pull {name}`, or set [models] provider to cpu"
        ) from error


def open_tokenizer(path: Path) -> tokenizers.Tokenizer:
    """A tokeniser that neither pads nor cuts."""
    import tokenizers

    tokenizer = tokenizers.Tokenizer.from_file(str(path))
    # Some checkpoints ship with padding to full length, which would cost ten times the work.
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def trim_memory() -> None:
    """Hand freed memory back to the system, where the C library keeps it otherwise (glibc)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
