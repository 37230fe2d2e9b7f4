# mypy: ignore-errors
"""txtai: embeddings with content, saved into a folder, as its defaults have it."""

import numpy as np
from encoding import Base, arguments
from serving import serve
from txtai import Embeddings


class Txtai(Base):
    """Its own index over the checkpoint, or over vectors that are handed to it."""

    def load(self):
        """Have the model in memory, as txtai loads it."""
        import torch

        self.encoder.load()
        torch.set_num_threads(self.encoder._threads)

    def index(self, texts, vectors):
        """Store texts."""
        rows = None if vectors is None else iter(vectors)

        def transform(batch):  # asked in the order of the rows, batch by batch
            return self.encoder(batch) if rows is None else np.stack([next(rows) for _ in batch])

        embeddings = Embeddings(content=True, method="external", transform=transform)
        embeddings.index((number, text, None) for number, text in enumerate(texts))
        embeddings.config.pop("transform", None)
        embeddings.save(str(self.folder / "txtai"))

    def open(self):
        """Open what is stored."""
        self._vector = None
        self._embeddings = Embeddings()
        self._embeddings.load(
            str(self.folder / "txtai"), config={"transform": lambda batch: self._ask(batch)}
        )

    def search(self, text, vector, k):
        """The best texts' indexes."""
        self._vector = vector
        return [int(found["id"]) for found in self._embeddings.search(text, k)]

    def _ask(self, batch):
        return self.encoder(batch) if self._vector is None else self._vector[None]


if __name__ == "__main__":
    serve(Txtai(*arguments()))
