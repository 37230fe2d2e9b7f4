"""Models of the user's own, kept as catalogue entries in ``<models_dir>/added.json``."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from prismd.errors import ModelError
from prismd.models.catalog import ALIASES, CATALOG
from prismd.models.checkpoint import entry_of
from prismd.models.entry import LocalPath, ModelEntry, Role
from prismd.models.fetch import fetch
from prismd.models.installed import remember, write_atomically

_LIST = "added.json"


def entries(models_dir: Path) -> tuple[ModelEntry, ...]:
    """The catalogue and the user's own models.

    Raises:
        ModelError: The list of the user's models cannot be read.
    """
    return CATALOG + _added(models_dir)


def add(
    name: str,
    path: Path,
    models_dir: Path,
    *,
    role: Role | None = None,
    query_prefix: str = "",
    passage_prefix: str = "",
) -> ModelEntry:
    """Register a GGUF file, or a folder with an ONNX model and its ``tokenizer.json``.

    The files stay where they are; they are hashed now and linked to. An entry of the same name
    is replaced, unless it is one of the catalogue.

    Args:
        name: What settings call it.
        path: The file or folder.
        models_dir: Where the models are kept.
        role: For ONNX: ``embedding``, ``reranking`` or ``image``; found from the folder when
            None.
        query_prefix: Put before every query (embedding); empty for the checkpoint's own.
        passage_prefix: Put before every passage (embedding); empty for the checkpoint's own.

    Raises:
        ModelError: The name is taken or unfit, or the path holds no model that can be run.
    """
    check_name(name)
    entry = entry_of(name, path.expanduser().absolute(), role)
    entry = msgspec.structs.replace(
        entry,
        query_prefix=query_prefix or entry.query_prefix,
        passage_prefix=passage_prefix or entry.passage_prefix,
    )
    # The links of an earlier model of this name must not be taken for those of this one.
    shutil.rmtree(models_dir / name, ignore_errors=True)
    fetch([entry], models_dir)
    _register(entry, models_dir)
    return entry


def adopt(name: str, folder: Path, models_dir: Path, *, note: str) -> ModelEntry:
    """Register a model that prismd made itself; its files move to the models.

    Args:
        name: What settings call it; an entry of this name is replaced.
        folder: On the same disk as ``models_dir``, with the files as ``add`` wants them.
        models_dir: Where the models are kept.
        note: How it was made.

    Raises:
        ModelError: As ``add``.
    """
    check_name(name)
    found = entry_of(name, folder)
    files = []
    shutil.rmtree(models_dir / name, ignore_errors=True)
    (models_dir / name).mkdir(parents=True)
    for file in found.files:
        for source in file.sources:
            assert isinstance(source, LocalPath)  # noqa: S101 - entry_of knows no other
            Path(source.path).replace(models_dir / name / file.name)
        files.append(msgspec.structs.replace(file, sources=()))
        remember(file, models_dir / name)
    entry = msgspec.structs.replace(found, files=tuple(files), note=note)
    _register(entry, models_dir)
    return entry


def check_name(name: str) -> None:
    """Check that a model of the user's own may have this name.

    Raises:
        ModelError: It is taken by prismd, or unfit for a folder.
    """
    taken = {entry.name for entry in CATALOG} | ALIASES.keys() | {"fake", "off"}
    if name in taken:
        raise ModelError(f"{name}: the name is taken by prismd itself; choose another")
    if not name or name.startswith(".") or "/" in name:
        raise ModelError(f"{name!r}: not a name for a folder; use letters, digits, - and .")


def remove(name: str, models_dir: Path) -> int:
    """Remove a model's files, and its entry when it is the user's own.

    A file that was added by its path is only unlinked.

    Returns:
        Bytes freed.

    Raises:
        ModelError: There is nothing of this name.
    """
    name = ALIASES.get(name, name)
    added = _added(models_dir)
    folder = models_dir / name
    known = any(entry.name == name for entry in CATALOG + added)
    if not known or (not folder.is_dir() and not any(e.name == name for e in added)):
        raise ModelError(f"{name}: nothing to remove; see `prismd models list`")
    freed = sum(p.lstat().st_size for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
    shutil.rmtree(folder, ignore_errors=True)
    if any(entry.name == name for entry in added):
        _write(models_dir, tuple(entry for entry in added if entry.name != name))
    return freed


def _added(models_dir: Path) -> tuple[ModelEntry, ...]:
    path = models_dir / _LIST
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[ModelEntry, ...])
    except FileNotFoundError:
        return ()
    except (OSError, msgspec.DecodeError) as error:
        raise ModelError(f"{path}: unreadable ({error}); repair or remove it") from error


def _register(entry: ModelEntry, models_dir: Path) -> None:
    _write(models_dir, (*(e for e in _added(models_dir) if e.name != entry.name), entry))


def _write(models_dir: Path, added: tuple[ModelEntry, ...]) -> None:
    content = msgspec.json.format(msgspec.json.encode(added), indent=2)
    write_atomically(models_dir / _LIST, content)
