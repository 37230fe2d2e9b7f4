# mypy: ignore-errors
"""sentence-transformers and FAISS: a flat index in a file, and the texts beside it."""

import json

import faiss
from encoding import Base, arguments
from serving import serve


class Faiss(Base):
    """Vectors in a flat index of inner products; texts in JSON."""

    def index(self, texts, vectors):
        """Store texts."""
        found = self.vectors(texts, vectors)
        index = faiss.IndexFlatIP(found.shape[1])
        index.add(found)
        faiss.write_index(index, str(self.folder / "index.faiss"))
        (self.folder / "texts.json").write_text(json.dumps(list(texts)))

    def open(self):
        """Open what is stored."""
        self._index = faiss.read_index(str(self.folder / "index.faiss"))
        self._texts = json.loads((self.folder / "texts.json").read_text())

    def search(self, text, vector, k):
        """The best texts' indexes."""
        one = None if vector is None else vector[None]
        _, found = self._index.search(self.vectors([text], one), k)
        assert all(self._texts[at] for at in found[0])
        return found[0].tolist()


if __name__ == "__main__":
    serve(Faiss(*arguments()))
