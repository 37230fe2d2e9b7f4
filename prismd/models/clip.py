"""Pictures and texts in one space by CLIP: two towers in ONNX, and a fast tokeniser.

As in ``onnx``, and for the reasons given there, every picture and every text goes through its
tower alone, on one thread, and as many at once as the settings allow: its vector is then the same
to the bit, whatever its neighbours. The towers are loaded one by one, on first use: a question
needs the one for texts only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from prismd.cores import usable_cores
from prismd.domain import EmbeddingSpace
from prismd.errors import ModelError
from prismd.models.entry import ModelEntry
from prismd.models.installed import verified
from prismd.models.onnx import open_session, open_tokenizer, trim_memory

if TYPE_CHECKING:
    import onnxruntime
    import tokenizers

VISION_FILE = "vision_model.onnx"
TEXT_FILE = "text_model.onnx"
TOKENIZER_FILE = "tokenizer.json"
PREPROCESSOR_FILE = "preprocessor_config.json"

_TINY = np.float32(1e-12)

Feed = Mapping[str, NDArray[Any]]


class _Preprocessor(msgspec.Struct, frozen=True):
    """What matters of ``preprocessor_config.json``; the defaults are CLIP's own."""

    rescale_factor: float = 1 / 255
    image_mean: tuple[float, float, float] = (0.48145466, 0.4578275, 0.40821073)
    image_std: tuple[float, float, float] = (0.26862954, 0.26130258, 0.27577711)

    def pixel_values(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """From RGB of shape ``(edge, edge, 3)`` to the tower's ``(1, 3, edge, edge)``."""
        values = picture.astype(np.float32) * np.float32(self.rescale_factor)
        values -= np.array(self.image_mean, dtype=np.float32)
        values /= np.array(self.image_std, dtype=np.float32)
        return np.ascontiguousarray(values.transpose(2, 0, 1)[None])


class _Tower:
    """One graph: loaded on first use, run on several threads.

    Any thread may call ``run``; ``close`` waits for those that run.

    Args:
        entry: Whose graph it is.
        file: The graph among the files of the entry.
        output: The output of the graph that is wanted.
        threads: How many inputs run at once.
        provider: onnxruntime's provider.
        prepare: Called with the files and the graph's inputs once they are loaded.
    """

    def __init__(
        self,
        entry: ModelEntry,
        file: str,
        output: str,
        *,
        threads: int,
        provider: str,
        prepare: Callable[[Mapping[str, Path], Mapping[str, Sequence[Any]]], None],
    ) -> None:
        self._entry = entry
        self._file = file
        self._output = output
        self._threads = threads
        self._provider = provider
        self._prepare = prepare
        self._lock = threading.Lock()
        self._session: onnxruntime.InferenceSession | None = None
        self._inputs: frozenset[str] = frozenset()
        self._workers: ThreadPoolExecutor | None = None
        self.failure = ""

    @property
    def loaded(self) -> bool:
        return self._session is not None

    def run(
        self, models_dir: Path, items: Sequence[Any], feed: Callable[[Any], Feed]
    ) -> NDArray[np.float32]:
        """Run each item; shape ``(len(items), entry.dim)``, rows L2-normalised, in order.

        Args:
            models_dir: Where the models are.
            items: What ``feed`` takes.
            feed: Makes the inputs of one item; called on the threads that run the graph.
        """
        if not items:
            return np.empty((0, self._entry.dim), dtype=np.float32)
        with self._lock:
            self._load(models_dir)
            assert self._workers is not None  # noqa: S101 - _load() has made it
            if len(items) == 1:
                rows = [self._forward(feed(items[0]))]
            else:
                rows = list(self._workers.map(lambda item: self._forward(feed(item)), items))
        return self._normalised(np.array(rows, dtype=np.float32))

    def close(self) -> None:
        with self._lock:
            if self._workers is not None:
                self._workers.shutdown()
            self._session = self._workers = None
            trim_memory()

    def _normalised(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        name, dim = self._entry.name, self._entry.dim
        if vectors.ndim != 2 or vectors.shape[1] != dim:
            raise ModelError(
                f"{name}: {self._file} gave vectors of shape {vectors.shape[1:]}, expected "
                f"{dim} dimensions; remove the model and add it again"
            )
        if not np.isfinite(vectors).all():
            raise ModelError(
                f"{name}: {self._file} gave values that are not numbers; "
                "set [models] provider to cpu"
            )
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        normalised: NDArray[np.float32] = vectors / np.maximum(norms, _TINY)
        return normalised

    def _forward(self, feed: Feed) -> NDArray[Any]:
        assert self._session is not None  # noqa: S101 - run() has loaded it
        wanted = {name: feed[name] for name in self._inputs if name in feed}
        try:
            row: NDArray[Any] = self._session.run([self._output], wanted)[0][0]
        except Exception as error:  # onnxruntime's errors have no common base below Exception
            raise ModelError(
                f"{self._entry.name}: onnxruntime failed ({error}); run `prismd doctor`"
            ) from error
        return row

    def _load(self, models_dir: Path) -> None:
        if self._session is not None:
            return
        try:
            self._open(models_dir)
        except ModelError as error:
            self.failure = str(error)
            raise
        self.failure = ""

    def _open(self, models_dir: Path) -> None:
        files = verified(self._entry, models_dir)
        session = open_session(self._entry.name, files[self._file], self._provider)
        outputs = [node.name for node in session.get_outputs()]
        if self._output not in outputs:
            raise ModelError(
                f"{self._entry.name}: {self._file} gives {', '.join(outputs)}, not "
                f"{self._output}; make it with `prismd models export`"
            )
        inputs = {node.name: node.shape for node in session.get_inputs()}
        self._prepare(files, inputs)
        self._inputs = frozenset(inputs)
        self._workers = ThreadPoolExecutor(self._threads, thread_name_prefix=self._entry.name)
        self._session = session


class ClipEmbedder:
    """Pictures and texts in one space, by the two towers of a CLIP model.

    Args:
        entry: A catalogue entry of the role ``image``.
        models_dir: Where the models are.
        threads: How many pictures or texts run at once; 0 means one for each core.
        provider: As for ``OnnxEmbedder``.
    """

    def __init__(
        self, entry: ModelEntry, models_dir: Path, *, threads: int = 0, provider: str = "auto"
    ) -> None:
        threads = threads or usable_cores()
        self._entry = entry
        self._models_dir = models_dir
        self._preprocessor = _Preprocessor()
        self._tokenizer: tokenizers.Tokenizer | None = None
        self._fixed_tokens: int | None = None
        self._vision = _Tower(
            entry,
            VISION_FILE,
            "image_embeds",
            threads=threads,
            provider=provider,
            prepare=self._prepare_vision,
        )
        self._text = _Tower(
            entry,
            TEXT_FILE,
            "text_embeds",
            threads=threads,
            provider=provider,
            prepare=self._prepare_text,
        )

    @property
    def space(self) -> EmbeddingSpace:
        """The space of pictures, with ``content`` ``picture``."""
        return self._entry.space

    @property
    def edge_px(self) -> int:
        """The side of the square that the model looks at."""
        return self._entry.edge_px

    @property
    def least_similarity(self) -> float:
        """The least cosine at which a picture is taken to show what a text says."""
        return self._entry.least_similarity

    @property
    def entry(self) -> ModelEntry:
        """Its entry in the catalogue."""
        return self._entry

    @property
    def loaded(self) -> bool:
        """Whether weights of either tower are in memory."""
        return self._vision.loaded or self._text.loaded

    @property
    def failure(self) -> str:
        """Why weights could not be loaded the last time; empty when they could."""
        return self._vision.failure or self._text.failure

    def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed pictures; shape ``(n, space.dim)``, rows L2-normalised, in input order.

        Args:
            pixels: Shape ``(n, edge_px, edge_px, 3)``, RGB.

        Raises:
            ModelError: The weights are missing or fail their checksum, or the engine fails.
        """
        edge = self.edge_px
        if pixels.dtype != np.uint8 or pixels.shape[1:] != (edge, edge, 3):
            raise ValueError(f"pixels are {pixels.dtype} {pixels.shape}, not uint8 of {edge} px")
        return self._vision.run(
            self._models_dir,
            list(pixels),
            lambda picture: {"pixel_values": self._preprocessor.pixel_values(picture)},
        )

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts; shape ``(len(texts), space.dim)``, rows L2-normalised, in input order.

        Raises:
            ModelError: As ``embed_images``.
        """
        return self._text.run(self._models_dir, texts, self._text_feed)

    def close(self) -> None:
        """Give the memory back; the next call loads again."""
        self._vision.close()
        self._text.close()

    def _prepare_vision(
        self, files: Mapping[str, Path], _inputs: Mapping[str, Sequence[Any]]
    ) -> None:
        if (path := files.get(PREPROCESSOR_FILE)) is None:
            return
        try:
            self._preprocessor = msgspec.json.decode(path.read_bytes(), type=_Preprocessor)
        except (OSError, msgspec.DecodeError) as error:
            raise ModelError(
                f"{self._entry.name}: {PREPROCESSOR_FILE} cannot be read ({error}); "
                "remove the model and add it again"
            ) from error

    def _prepare_text(self, files: Mapping[str, Path], inputs: Mapping[str, Sequence[Any]]) -> None:
        tokenizer = open_tokenizer(files[TOKENIZER_FILE])
        tokenizer.enable_truncation(self._entry.max_tokens)
        # What a person writes is text, even where it looks like the mark of an end.
        tokenizer.encode_special_tokens = True
        length = inputs.get("input_ids", (1, None))[1]
        self._fixed_tokens = length if isinstance(length, int) else None
        self._tokenizer = tokenizer

    def _text_feed(self, text: str) -> Feed:
        assert self._tokenizer is not None  # noqa: S101 - loaded with the tower
        ids = self._tokenizer.encode(text).ids
        mask = [1] * len(ids)
        if self._fixed_tokens is not None:
            # The tower reads its vector at the first end mark, so that more of them do no harm.
            spare = self._fixed_tokens - len(ids)
            ids, mask = ids + ids[-1:] * spare, mask + [0] * spare
        return {
            "input_ids": np.array([ids], dtype=np.int64),
            "attention_mask": np.array([mask], dtype=np.int64),
        }
