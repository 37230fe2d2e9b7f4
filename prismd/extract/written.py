"""What the readers of documents give back, once all is written down."""

from __future__ import annotations

from typing import Any

from prismd.domain import Extraction, Layout
from prismd.errors import ExtractError
from prismd.extract.base import ExtractOptions
from prismd.extract.draft import Draft, cut_warning

_PROPERTIES = ("title", "author", "subject", "keywords", "language")
_MOMENTS = ("created", "modified")


def written(
    draft: Draft,
    options: ExtractOptions,
    metadata: dict[str, str],
    *,
    title: str = "",
    has_content: bool | None = None,
    warnings: tuple[str, ...] = (),
) -> Extraction:
    """The extraction of a document that has been written down.

    Args:
        draft: The document.
        options: As the extractor was given them.
        metadata: What the document says of itself; its title and language are taken out.
        title: What it is called where it does not say so itself.
        has_content: Whether there is anything in it; if not told, that is any block.
        warnings: What to tell beside that it was cut.

    Raises:
        ExtractError: There is nothing in it (code ``empty``).
    """
    if not (bool(draft.blocks) if has_content is None else has_content):
        raise ExtractError("there is no text in it; nothing is to be done", code="empty", skip=True)
    rest = {key: value for key, value in metadata.items() if key not in ("title", "language")}
    return Extraction(
        text=draft.text,
        blocks=tuple(draft.blocks),
        layout=Layout("text"),
        title=metadata.get("title") or title,
        language=metadata.get("language", ""),
        metadata=rest,
        warnings=(*((cut_warning(options.max_chars),) if draft.full else ()), *warnings),
    )


def office_properties(core: Any) -> dict[str, str]:
    """The core properties of a document of Microsoft's as metadata, moments as ISO 8601.

    Args:
        core: The ``CoreProperties`` of python-docx or python-pptx.
    """
    found = {name: getattr(core, name) for name in _PROPERTIES}
    moments = {name: getattr(core, name) for name in _MOMENTS}
    found |= {name: moment.isoformat() if moment else "" for name, moment in moments.items()}
    return {name: " ".join(value.split()) for name, value in found.items() if value}
