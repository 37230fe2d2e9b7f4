"""The table from media type to extractor."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from prismd.domain import DocumentType
from prismd.errors import ExtractError
from prismd.extract.base import MediaType, load_extractor, media_type, media_types


@pytest.fixture
def fresh_table() -> Iterator[None]:
    media_types.cache_clear()
    yield
    media_types.cache_clear()


@pytest.mark.parametrize("entry", media_types().values(), ids=lambda entry: str(entry.name))
def test_the_table_knows_each_extractors_version(entry: MediaType) -> None:
    assert load_extractor(entry).version == entry.version


def test_reading_the_table_imports_no_parser() -> None:
    import subprocess

    code = (
        "import sys, prismd.extract.pool as pool\n"
        "from prismd.extract.base import media_types\n"
        "media_types()\n"
        "print({'pymupdf', 'docx', 'lxml', 'selectolax', 'pygments'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("name", "kind"), [("application/x-note", "document"), ("audio/x-note", "audio")]
)
def test_third_parties_add_extractors_but_replace_none(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fresh_table: None,
    name: str,
    kind: DocumentType,
) -> None:
    info = tmp_path / "notes-2.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: notes\nVersion: 2.5\n")
    (info / "entry_points.txt").write_text(
        f"[prismd.extractors]\n{name} = notes:Extractor\napplication/pdf = notes:Extractor\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    assert media_type(name) == MediaType(name, kind, "notes:Extractor", "notes-2.5")
    pdf = media_type("application/pdf")
    assert pdf is not None
    assert pdf.extractor.startswith("prismd.")


def test_an_extractor_that_is_gone_is_named() -> None:
    with pytest.raises(ExtractError, match="no_such_package:Thing") as error:
        load_extractor(MediaType("x/y", "document", "no_such_package:Thing", "1"))
    assert error.value.code == "extractor"
