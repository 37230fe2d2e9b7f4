"""Compound files (OLE), the container of old Office documents, made on the spot."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

_SECTOR = 512
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_LEAST_BYTES = 4096  # what is shorter would belong into a second, finer table of sectors

Tree = Mapping[str, Any]
"""Streams as bytes, folders as further trees, by their names."""


def compound_file(tree: Tree) -> bytes:
    """A compound file; streams shorter than 4096 bytes are filled up with zeros."""
    entries: list[list[Any]] = [["Root Entry", 5, _FREE, _FREE, b""]]
    _add(tree, 0, entries)
    sectors: list[bytes] = []
    table: list[int] = []
    places = [_append(data, sectors, table) if kind == 2 else _END for _, kind, *_, data in entries]
    directory = b"".join(_entry(entry, place) for entry, place in zip(entries, places, strict=True))
    directory_start = _append(directory, sectors, table)
    fat_count = 1
    while (len(table) + fat_count) * 4 > fat_count * _SECTOR:
        fat_count += 1
    fat_start = len(table)
    table += [_FAT] * fat_count
    table += [_FREE] * (fat_count * _SECTOR // 4 - len(table))
    header = struct.pack(
        "<8s16xHHHHH6xIIIIIIIII",
        *(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6),
        *(0, fat_count, directory_start, 0, _LEAST_BYTES, _END, 0, _END, 0),
    )
    header += struct.pack(
        "<109I", *range(fat_start, fat_start + fat_count), *[_FREE] * (109 - fat_count)
    )
    return header + b"".join(sectors) + struct.pack(f"<{len(table)}I", *table)


def _add(tree: Tree, parent: int, entries: list[list[Any]]) -> None:
    """Add a folder's entries, each the right neighbour of the one before it."""
    before: int | None = None
    for name, content in tree.items():
        at = len(entries)
        is_stream = isinstance(content, bytes)
        data = content.ljust(_LEAST_BYTES, b"\0") if isinstance(content, bytes) else b""
        entries.append([name, 2 if is_stream else 1, _FREE, _FREE, data])
        if before is None:
            entries[parent][3] = at
        else:
            entries[before][2] = at
        before = at
        if not is_stream:
            _add(content, at, entries)


def _entry(entry: list[Any], place: int) -> bytes:
    name, kind, right, child, data = entry
    encoded = name.encode("utf-16-le")
    return struct.pack(
        "<64sHBBIII16xI16xIII",
        *(encoded, len(encoded) + 2, kind, 1, _FREE, right, child, 0, place, len(data), 0),
    )


def _append(data: bytes, sectors: list[bytes], table: list[int]) -> int:
    start = len(table)
    for at in range(0, len(data), _SECTOR):
        sectors.append(data[at : at + _SECTOR].ljust(_SECTOR, b"\0"))
        table.append(len(table) + 1)
    table[-1] = _END
    return start
