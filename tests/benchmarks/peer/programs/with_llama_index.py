# mypy: ignore-errors
"""LlamaIndex: a vector store index, persisted by its storage context, as its defaults have it."""

import contextlib
import sys

from encoding import BATCH, Base, arguments
from llama_index.core import Settings, StorageContext, VectorStoreIndex, load_index_from_storage
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.schema import QueryBundle, TextNode
from pydantic import PrivateAttr
from serving import serve


class Own(BaseEmbedding):
    """The checkpoint, as LlamaIndex calls it."""

    _encoder = PrivateAttr()

    def __init__(self, encoder):
        super().__init__(embed_batch_size=BATCH)
        self._encoder = encoder

    def _get_text_embedding(self, text):
        return self._encoder([text])[0].tolist()

    def _get_text_embeddings(self, texts):
        return self._encoder(texts).tolist()

    def _get_query_embedding(self, query):
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query):
        return self._get_text_embedding(query)


class LlamaIndex(Base):
    """Nodes with their vectors in the store that it has by itself."""

    def __init__(self, *given):
        super().__init__(*given)
        with contextlib.redirect_stdout(sys.stderr):  # it says so
            Settings.llm = None
        Settings.embed_model = Own(self.encoder)

    def index(self, texts, vectors):
        """Store texts."""
        rows = [None] * len(texts) if vectors is None else vectors.tolist()
        nodes = [
            TextNode(id_=str(number), text=text, embedding=row)
            for number, (text, row) in enumerate(zip(texts, rows, strict=True))
        ]
        index = VectorStoreIndex(nodes)
        index.storage_context.persist(str(self.folder / "store"))

    def open(self):
        """Open what is stored."""
        context = StorageContext.from_defaults(persist_dir=str(self.folder / "store"))
        self._index = load_index_from_storage(context)

    def search(self, text, vector, k):
        """The best texts' indexes."""
        given = None if vector is None else vector.tolist()
        retriever = self._index.as_retriever(similarity_top_k=k)
        found = retriever.retrieve(QueryBundle(text, embedding=given))
        return [int(hit.node.node_id) for hit in found]


if __name__ == "__main__":
    serve(LlamaIndex(*arguments()))
