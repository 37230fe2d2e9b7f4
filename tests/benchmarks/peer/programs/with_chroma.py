# mypy: ignore-errors
"""Chroma: a collection of a persistent client, as its defaults have it."""

import chromadb
from chromadb.config import Settings
from encoding import Base, arguments
from serving import serve


class Own(chromadb.EmbeddingFunction):
    """The checkpoint, as Chroma calls it."""

    def __init__(self, encoder):
        self._encoder = encoder

    def __call__(self, input):
        """Vectors of texts."""
        return list(self._encoder(input))

    @staticmethod
    def name():
        """What Chroma keeps of it."""
        return "default"

    def get_config(self):
        """Nothing that it would need."""
        return {}


class Chroma(Base):
    """One collection, by cosine."""

    def index(self, texts, vectors):
        """Store texts."""
        collection = self._client().create_collection(
            "passages",
            embedding_function=Own(self.encoder),
            configuration={"hnsw": {"space": "cosine"}},
        )
        ids = [str(number) for number in range(len(texts))]
        for at in range(0, len(texts), 1000):
            part = slice(at, at + 1000)
            given = None if vectors is None else vectors[part]
            collection.add(ids=ids[part], documents=list(texts[part]), embeddings=given)

    def open(self):
        """Open what is stored."""
        self._collection = self._client().get_collection(
            "passages", embedding_function=Own(self.encoder)
        )

    def search(self, text, vector, k):
        """The best texts' indexes."""
        asked = {"query_texts": [text]} if vector is None else {"query_embeddings": vector[None]}
        found = self._collection.query(n_results=k, include=["documents"], **asked)
        return [int(id_) for id_ in found["ids"][0]]

    def _client(self):
        return chromadb.PersistentClient(
            str(self.folder / "chroma"), settings=Settings(anonymized_telemetry=False)
        )


if __name__ == "__main__":
    serve(Chroma(*arguments()))
