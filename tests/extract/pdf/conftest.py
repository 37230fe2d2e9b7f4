"""PDFs that are read as bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prismd.domain import Extraction
from prismd.extract.base import ExtractOptions
from prismd.extract.pdf.extractor import PdfExtractor

Read = Callable[..., Extraction]


@pytest.fixture
def read_pdf(tmp_path: Path) -> Callable[..., Extraction]:
    def read(data: bytes, **options: Any) -> Extraction:
        path = tmp_path / "a.pdf"
        path.write_bytes(data)
        given_options = ExtractOptions(slots_dir=str(tmp_path / "slots"), **options)
        return PdfExtractor().extract(path, "application/pdf", given_options)

    return read
