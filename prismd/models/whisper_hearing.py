"""Whisper on half a minute of sound: the words, when they were said, and how sure it is."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from prismd.models.base import SpokenWord

RATE_HZ = 16_000
_COMPRESSION = 2.4
_LOG_PROBABILITY = -1.0
_TOKENS_PER_S = 14
_LEAST_TOKENS = 30
# Signs that belong to the word after them, and to the one before, narrow and wide.
_PREPENDED = "\"'\u201c\xbf([{-"
_APPENDED = "\"'.\u3002,\uff0c!\uff01?\uff1f:\uff1a\u201d)]}\u3001"


class Heard(msgspec.Struct, frozen=True):
    """What was heard, and the figures that tell whether to believe it.

    Attributes:
        words: With seconds from the start of the sound.
        language: In which it was heard.
        log_probability: Mean over the tokens.
        no_speech: The probability that nobody speaks.
        compression: How well the text compresses; loops do very well.
    """

    words: tuple[SpokenWord, ...]
    language: str
    log_probability: float
    no_speech: float
    compression: float

    @property
    def doubtful(self) -> bool:
        """Whether another try is worth while."""
        return self.compression > _COMPRESSION or self.log_probability < _LOG_PROBABILITY


class Hearing:
    """The loaded model.

    faster-whisper's own ``transcribe`` is not used: it takes a recording whole, hears every
    part twice to tell its language, and throws dice where it is unsure. Its parts are.

    Args:
        folder: The model's files.
        threads: To compute with.
        beam: How many candidates are followed.
    """

    def __init__(self, folder: Path, threads: int, beam: int) -> None:
        from faster_whisper import WhisperModel

        self._model: Any = WhisperModel(
            str(folder),
            device="cpu",
            compute_type="int8",
            cpu_threads=threads,
            local_files_only=True,
        )
        self._beam = beam

    @property
    def multilingual(self) -> bool:
        """Whether it knows more than English."""
        return bool(self._model.model.is_multilingual)

    @property
    def languages(self) -> frozenset[str]:
        """ISO codes of what it knows."""
        return frozenset(self._model.supported_languages)

    def encode(self, samples: NDArray[np.float32]) -> Any:
        """What the decoder works on; at most 30 s are taken."""
        from faster_whisper.audio import pad_or_trim

        return self._model.encode(pad_or_trim(self._model.feature_extractor(samples)))

    def language(self, encoded: Any) -> dict[str, float]:
        """How likely each language is."""
        if not self.multilingual:
            return {"en": 1.0}
        found = self._model.model.detect_language(encoded)[0]
        return {token[2:-2]: probability for token, probability in found}

    def hear(self, encoded: Any, duration_s: float, language: str, prompt: str = "") -> Heard:
        """Write down what is said.

        Args:
            encoded: By ``encode``.
            duration_s: Of the sound.
            language: In which it is.
            prompt: Text that the model takes for what was said before.
        """
        from faster_whisper.tokenizer import Tokenizer

        tokenizer = Tokenizer(
            self._model.hf_tokenizer, self.multilingual, task="transcribe", language=language
        )
        before = tokenizer.encode(f" {prompt.strip()}") if prompt.strip() else []
        heard = self._decode(encoded, duration_s, tokenizer, before, loops=True)
        if heard.doubtful:
            # Decoded so that no three words come twice, a loop becomes what else was there.
            again = self._decode(encoded, duration_s, tokenizer, before, loops=False)
            if (again.doubtful, -again.log_probability) < (heard.doubtful, -heard.log_probability):
                return again
        return heard

    def _decode(
        self, encoded: Any, duration_s: float, tokenizer: Any, before: list[int], *, loops: bool
    ) -> Heard:
        from faster_whisper.transcribe import get_suppressed_tokens

        prompt = self._model.get_prompt(tokenizer, before, without_timestamps=True)
        room = int(_LEAST_TOKENS + _TOKENS_PER_S * duration_s)
        result = self._model.model.generate(
            encoded,
            [prompt],
            beam_size=self._beam,
            max_length=min(self._model.max_length, len(prompt) + room),
            no_repeat_ngram_size=0 if loops else 3,
            suppress_blank=True,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        tokens = [token for token in result.sequences_ids[0] if token < tokenizer.eot]
        text = tokenizer.decode(tokens).strip().encode()
        return Heard(
            words=self._words(encoded, duration_s, tokenizer, tokens),
            language=tokenizer.language_code,
            log_probability=result.scores[0] * len(tokens) / (len(tokens) + 1),
            no_speech=result.no_speech_prob,
            compression=len(text) / len(zlib.compress(text)) if text else 0.0,
        )

    def _words(
        self, encoded: Any, duration_s: float, tokenizer: Any, tokens: list[int]
    ) -> tuple[SpokenWord, ...]:
        from faster_whisper.transcribe import merge_punctuations

        if not tokens:
            return ()
        frames = max(1, round(duration_s * self._model.frames_per_second))
        aligned = self._model.find_alignment(tokenizer, [tokens], encoded, frames)[0]
        merge_punctuations(aligned, _PREPENDED, _APPENDED)
        return tuple(
            SpokenWord(
                float(w["start"]),
                float(w["end"]),
                w["word"],
                float(w["probability"]),
                tuple(map(int, w["tokens"])),
            )
            for w in aligned
            if w["word"].strip()
        )
