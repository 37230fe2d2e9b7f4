"""Makes voice_message.opus, the recording among the sample files.

    python scripts/record_speech.py

To be run by hand, and only when the words change: it needs Flite (apt-get install flite; brew
install flite), and the recording is kept beside this script so that nobody else does. The words
are prismd's own and under prismd's licence. The voice, slt of CMU ARCTIC, comes with Flite and may
be used "without restriction" (Flite's COPYING); of the free voices it is the one whose every word
Whisper's base model understands.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import wave
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from sample_files import RECORDING

SENTENCES = (
    "Hello, this is your aunt speaking.",
    "Thank you for the beautiful weekend in the mountains.",
    "I left my umbrella behind, so please bring it with you on Sunday.",
    "The piano tuner comes on Thursday at four o'clock.",
    "He needs about two hours, and you can pay him in cash.",
    "Please do not forget to water the tomatoes on the balcony.",
)

_VOICE = "slt"
_RATE_HZ = 16_000
_PAUSE_S = 0.6
_AUDIBLE = 300
"""Of 32,768; below it is silence."""
_BITS_PER_S = 16_000

Samples = NDArray[np.int16]


def speak(sentence: str) -> Samples:
    """A sentence as sound, without the silence around it."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run(["flite", "-voice", _VOICE, "-t", sentence, "-o", file.name], check=True)
        with wave.open(file.name) as spoken:
            if (spoken.getframerate(), spoken.getnchannels()) != (_RATE_HZ, 1):
                raise SystemExit("flite: not the sound that was expected; is the voice installed?")
            samples = np.frombuffer(spoken.readframes(spoken.getnframes()), "<i2")
    audible = np.flatnonzero(np.abs(samples.astype(np.int32)) > _AUDIBLE)
    return samples[max(0, audible[0] - _RATE_HZ // 50) : audible[-1] + _RATE_HZ // 20]


def save(path: Path, samples: Samples) -> None:
    """Save sound as Opus in Ogg, as telephones save voice messages."""
    with av.open(str(path), "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=48_000, layout="mono")
        stream.bit_rate = _BITS_PER_S
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = _RATE_HZ
        resampler = av.AudioResampler(stream.format, "mono", 48_000)
        for resampled in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(resampled))
        container.mux(stream.encode(None))


def main() -> int:
    """Speak the sentences one after the other, and say when each one starts."""
    parts: list[Samples] = []
    for sentence in SENTENCES:
        print(f"{sum(map(len, parts)) / _RATE_HZ:6.2f} s  {sentence}")
        parts += [speak(sentence), np.zeros(int(_RATE_HZ * _PAUSE_S), np.int16)]
    save(RECORDING, np.concatenate(parts[:-1]))
    print(f"{RECORDING}: {RECORDING.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
