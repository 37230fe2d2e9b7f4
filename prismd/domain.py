"""The words of the domain as frozen types; imports nothing else of prismd.

A document's text is one string. Blocks and passages are ranges of it, in code points, half
open. A layout says where each range of that text stands in the source (page and box, second),
so that any range, a whole passage or the one sentence that is quoted, can be located exactly.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1; origin top left; PDF points on a page, pixels on an image."""

DocumentType = Literal["document", "image", "audio", "text"]
BlockKind = Literal["heading", "paragraph", "list", "table", "code", "caption", "note"]
SpaceContent = Literal["passage", "picture", "picture_text", "sound"]
LayoutKind = Literal["text", "page", "image", "time"]
Support = Literal["exact", "supported", "weak", "none"]
Grounding = Literal["supported", "partial", "none"]
FileState = Literal["pending", "processing", "completed", "failed", "skipped", "quarantined"]


class PageLocator(msgspec.Struct, frozen=True, tag_field="kind", tag="page"):
    """A place on a page; ``page`` counts from 1, ``boxes`` are PDF points of the upright page."""

    page: int
    boxes: tuple[Box, ...]
    width_pt: float
    height_pt: float


class ImageLocator(msgspec.Struct, frozen=True, tag_field="kind", tag="image"):
    """A place on an image; ``boxes`` are pixels of the upright image."""

    boxes: tuple[Box, ...]
    width_px: int
    height_px: int


class TimeLocator(msgspec.Struct, frozen=True, tag_field="kind", tag="time"):
    """A stretch of a recording."""

    start_s: float
    end_s: float


class TextLocator(msgspec.Struct, frozen=True, tag_field="kind", tag="text"):
    """A range of a text; lines count from 1, characters are code points of the extracted text."""

    line_start: int
    line_end: int
    char_start: int
    char_end: int
    heading: tuple[str, ...] = ()


Locator = PageLocator | ImageLocator | TimeLocator | TextLocator


class Page(msgspec.Struct, frozen=True):
    """A page (or an image, as its one page) and the range of the document's text on it.

    ``width`` and ``height`` are PDF points for pages and pixels for images, upright.
    ``note`` says why a page gave no text, when it did not.
    """

    number: int
    char_start: int
    char_end: int
    width: float
    height: float
    note: str = ""


class Layout(msgspec.Struct, frozen=True):
    """Where the ranges of a document's text stand in its source.

    ``kind`` ``text`` needs no spans: the text is its own source. For ``page`` and ``image`` each
    span is a word with its box; for ``time`` a word or segment with start and end second.

    The spans are packed, little endian, in order of ``starts``: ``starts`` and ``ends`` int32,
    ``boxes`` float32 of shape (n, 4) (``page``, ``image``) or (n, 2) (``time``).
    """

    kind: LayoutKind
    pages: tuple[Page, ...] = ()
    starts: bytes = b""
    ends: bytes = b""
    boxes: bytes = b""
    duration_s: float = 0.0
    """Of a recording, all of it."""


class Block(msgspec.Struct, frozen=True):
    """A paragraph, heading, list, table or the like: a range of the document's text.

    ``heading`` is the path of headings above it, outermost first, itself excluded.
    """

    start: int
    end: int
    kind: BlockKind = "paragraph"
    heading: tuple[str, ...] = ()


class Extraction(msgspec.Struct, frozen=True):
    """What an extractor makes of a file.

    ``blocks`` are in reading order, do not overlap, and cover all text that is to be found.
    ``metadata`` holds what the file says of itself: author, subject, created, pages.
    ``warnings`` say what was left out and why, fit to show to a person.
    ``engines`` names what had a part in it beside the extractor, by role (``ocr``, ``speech``),
    as it was set; an empty name means that it was wanted and not there.
    ``sound`` is a recording's vector of how it sounds, float32, little endian.
    """

    text: str
    blocks: tuple[Block, ...]
    layout: Layout
    title: str = ""
    language: str = ""
    metadata: dict[str, str] = {}
    warnings: tuple[str, ...] = ()
    engines: dict[str, str] = {}
    sound: bytes = b""


class Passage(msgspec.Struct, frozen=True):
    """The indexed unit: a range of a document's text, with the headings it stands under.

    ``text`` is exactly ``document_text[start:end]``.
    """

    ordinal: int
    start: int
    end: int
    text: str
    heading: tuple[str, ...]
    locator: Locator
    tokens: int


class Document(msgspec.Struct, frozen=True):
    """Content, one per hash; the files that hold it are kept apart."""

    sha256: str
    type: DocumentType
    media_type: str
    size_bytes: int
    extractor: str
    chunker: str
    extraction: Extraction


class EmbeddingSpace(msgspec.Struct, frozen=True):
    """What makes vectors comparable; two vectors compare only within equal spaces.

    ``content`` is what the vectors stand for. A model of pictures and texts has a space for
    either (``picture``, ``picture_text``): its pictures are nearer to each other than to any
    text, so the two are never mixed.
    """

    model: str
    revision: str
    dim: int
    max_tokens: int
    pooling: Literal["cls", "mean", "none"] = "cls"
    normalised: bool = True
    query_prefix: str = ""
    passage_prefix: str = ""
    content: SpaceContent = "passage"

    @property
    def key(self) -> str:
        """The space as one string, the same for equal spaces."""
        return msgspec.json.encode(self, order="deterministic").decode()


UPLOADS = 0
"""Stands among the numbers of watched folders for the files that were uploaded."""

AttributeValue = str | float | bool


class Comparison(msgspec.Struct, frozen=True, tag_field="kind", tag="comparison"):
    """Holds an attribute of a file against values; ``store.attributes`` has what there is.

    What a file does not have is equal to nothing: ``ne`` and ``nin`` hold for it, all else does
    not. The same goes for a text held against a number.

    Attributes:
        key: Name of the attribute.
        operator: ``in`` and ``nin`` take any number of values, the others exactly one.
        values: Texts are compared code point by code point.
    """

    key: str
    operator: Literal["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"]
    values: tuple[AttributeValue, ...]


class Combination(msgspec.Struct, frozen=True, tag_field="kind", tag="combination"):
    """Several conditions, of which all are to hold, or any; ``parts`` is never empty."""

    operator: Literal["and", "or"]
    parts: tuple[Condition, ...]


Condition = Comparison | Combination


class Filters(msgspec.Struct, frozen=True):
    """What narrows a search. Empty fields narrow nothing.

    ``folder`` matches a folder's name or path anywhere above the file; ``path`` is a glob;
    ``after`` and ``before`` are ISO dates held against the file's modification time
    (``after`` inclusive, ``before`` exclusive). ``roots`` are watched folders by their numbers,
    ``UPLOADS`` among them; ``where`` is a condition on the attributes of files;
    ``least_similarity`` is held against that of each hit.
    """

    type: tuple[DocumentType, ...] = ()
    folder: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    after: str = ""
    before: str = ""
    language: tuple[str, ...] = ()
    roots: tuple[int, ...] = ()
    where: Condition | None = None
    least_similarity: float = 0.0


GOOD_ENOUGH = 0.65
"""Similarity from which on a picture is taken for what is asked; see ``likeness.as_similarity``."""


class Explanation(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a hit came by its place: rank from 1 and raw score of each retriever that found it."""

    lexical_rank: int | None = None
    lexical_score: float | None = None
    substring_rank: int | None = None
    vector_rank: int | None = None
    vector_score: float | None = None
    name_rank: int | None = None
    name_score: float | None = None
    image_rank: int | None = None
    image_score: float | None = None
    like_rank: int | None = None
    like_score: float | None = None
    like_text_rank: int | None = None
    like_text_score: float | None = None
    fused_score: float = 0.0
    rerank_score: float | None = None


class Hit(msgspec.Struct, frozen=True):
    """A passage that answers a query, with the file that holds it.

    ``score`` orders the hits; ``similarity`` is in [0, 1] and comparable within one response.
    """

    passage_id: int
    document_id: int
    file_id: int
    path: str
    sha256: str
    type: DocumentType
    media_type: str
    title: str
    language: str
    modified_at: float
    passage: Passage
    score: float
    similarity: float
    explanation: Explanation = Explanation()


class Citation(msgspec.Struct, frozen=True):
    """A claim's source, checkable: the same record in every endpoint (design, section 10).

    ``char_start`` and ``char_end`` are the cited range of the answer, in code points.
    ``thumbnail`` is the address of a small version of a picture, empty for all else.
    """

    n: int
    citation_id: str
    file_id: str
    path: str
    sha256: str
    type: DocumentType
    title: str
    locator: Locator
    quote: str
    char_start: int
    char_end: int
    score: float
    support: Support
    url: str
    thumbnail: str = ""


class Answer(msgspec.Struct, frozen=True):
    """An answer with its sources, whole."""

    text: str
    citations: tuple[Citation, ...]
    grounding: Grounding
    query: str
    hits: tuple[Hit, ...]
    engine: str
    timings_ms: dict[str, float]
    finish_reason: Literal["stop", "length"] = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
