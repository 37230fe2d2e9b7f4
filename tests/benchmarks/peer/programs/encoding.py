# mypy: ignore-errors
"""sentence-transformers, as the peers embed; and what their programs share.

python with_….py CHECKPOINT FOLDER THREADS
"""

import sys
from pathlib import Path

import numpy as np

BATCH = 32


class Encoder:
    """The checkpoint, in memory from ``load`` on."""

    def __init__(self, checkpoint, threads):
        self.checkpoint = checkpoint
        self._threads = threads
        self._model = None

    def load(self):
        """Load it, and compute once."""
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(self._threads)
        self._model = SentenceTransformer(self.checkpoint, device="cpu")
        self(["warm"])

    def __call__(self, texts):
        """Vectors of texts, shape ``(len(texts), dim)``, normalised."""
        return self._model.encode(list(texts), batch_size=BATCH, show_progress_bar=False)


class Base:
    """What a store of a peer is made from."""

    embed_ms = None

    def __init__(self, checkpoint, folder, threads):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.encoder = Encoder(checkpoint, int(threads))

    def load(self):
        """Have the model in memory."""
        self.encoder.load()

    def vectors(self, texts, given):
        """Vectors of texts, where none are given."""
        return np.asarray(self.encoder(texts) if given is None else given, np.float32)


def arguments():
    """Checkpoint, folder and threads, as the program was called."""
    return sys.argv[1:4]
