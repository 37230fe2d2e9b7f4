"""Flags, environment and file into one checked Config.

Settings are checked one by one, so that a message can name the place, the key, what was given
and what is allowed.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import platformdirs
from msgspec import Struct

from prismd.config.options import SECTIONS, Config, Folder
from prismd.config.rules import check_together
from prismd.config.values import Given, expanded, shown
from prismd.errors import ConfigError

_GLANCED = ("PRISMD_DATA_DIR", "PRISMD_STORAGE_ENCRYPTION")


class Setting(Struct, frozen=True):
    """One setting as ``prismd config show`` tells it; ``key`` is dotted."""

    key: str
    value: Any
    source: str


def default_path() -> Path:
    """Where the configuration file is looked for when no other is named."""
    return platformdirs.user_config_path("prismd") / "config.toml"


def load(
    path: Path | None = None,
    env: Mapping[str, str] = os.environ,
    flags: Mapping[str, object] | None = None,
) -> Config:
    """Read and check all settings.

    Args:
        path: The configuration file; else ``PRISMD_CONFIG``, else the default place, where a
            missing file is no error.
        env: ``PRISMD_CONFIG``, ``PRISMD_DATA_DIR``, ``PRISMD_PORT``, and ``PRISMD_SECTION_KEY``
            for every setting of a section that is not a list.
        flags: Dotted keys (``server.port``, ``data_dir``) to values; None means not given.
            ``folders`` is a list of paths, watched besides those of the file.

    Raises:
        ConfigError: A file, key or value is wrong; the message names all three.
    """
    flags = {key: value for key, value in (flags or {}).items() if value is not None}
    file, tables = _read_file(path, env)
    given = {**dict(_from_file(file, tables)), **dict(_from_env(env)), **dict(_from_flags(flags))}
    folders = [*_folders_of_file(file, tables), *_folders_of_flags(flags)]
    config = _assemble(file, folders, given)
    check_together(config)
    return config


def glance(
    path: Path | None = None,
    env: Mapping[str, str] = os.environ,
    flags: Mapping[str, object] | None = None,
) -> tuple[bool, Path]:
    """What settings say of the index though something else in them is wrong; see ``load``.

    Returns:
        Whether they want it encrypted, and where it is.
    """
    try:
        file, tables = _read_file(path, env)
    except ConfigError:
        file, tables = None, {}
    storage = tables.get("storage")
    encryption = storage.get("encryption") if isinstance(storage, dict) else None
    kept = {"data_dir": tables.get("data_dir"), "storage": {"encryption": encryption}}
    named = {key: value for key, value in (flags or {}).items() if key == "data_dir" and value}
    given = [
        *_from_file(file, kept),
        *_from_env({name: env[name] for name in _GLANCED if name in env}),
        *_from_flags(named),
    ]
    found: dict[str, Any] = {}
    for key, value in given:
        with contextlib.suppress(ConfigError):  # what is wrong there says nothing
            found[key] = value.checked()
    place = found.get("data_dir") or platformdirs.user_data_path("prismd")
    return found.get("storage.encryption") is True, place


def describe(config: Config) -> Iterator[Setting]:
    """Every setting in the order of the example file, with its value and where it came from."""
    yield Setting("data_dir", config.data_dir, config.sources.get("data_dir", "default"))
    for number, folder in enumerate(config.folders):
        key = f"folders.{number}"
        yield Setting(key, folder, config.sources[key])
    for section, kind in SECTIONS.items():
        for field in msgspec.structs.fields(kind):
            key = f"{section}.{field.name}"
            value = getattr(getattr(config, section), field.name)
            yield Setting(key, value, config.sources.get(key, "default"))


def _read_file(path: Path | None, env: Mapping[str, str]) -> tuple[Path | None, dict[str, Any]]:
    named = path or (Path(env["PRISMD_CONFIG"]) if env.get("PRISMD_CONFIG") else None)
    file = expanded(named or default_path(), "configuration file").absolute()
    try:
        with file.open("rb") as stream:
            return file, tomllib.load(stream)
    except FileNotFoundError as error:
        if named is None:
            return None, {}
        raise ConfigError(f"{file}: there is no such file; name another, or make it") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not valid TOML: {error}; correct it there") from error
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}; mend or move it") from error


def _from_file(file: Path | None, tables: dict[str, Any]) -> Iterator[tuple[str, Given]]:
    if file is None:
        return
    for name, table in tables.items():
        if name == "folders":
            continue
        place = f"{file.name}: {name}"
        if name == "data_dir":
            yield name, Given(table, Path | None, place, str(file), file.parent)
        elif name not in SECTIONS:
            raise _unknown(place, name, ["data_dir", "folders", *SECTIONS])
        elif not isinstance(table, dict):
            raise ConfigError(f"{place}: {shown(table)} given; make it a table, [{name}]")
        else:
            keys = _checked_keys(table, SECTIONS[name], f"{file.name}: [{name}]", file)
            yield from ((f"{name}.{key}", value) for key, value in keys)


def _checked_keys(
    table: dict[str, Any], kind: type[Struct], place: str, file: Path
) -> Iterator[tuple[str, Given]]:
    types = _types(kind)
    for key, value in table.items():
        if key not in types:
            raise _unknown(f"{place} {key}", key, types)
        yield key, Given(value, types[key], f"{place} {key}", str(file), file.parent)


def _from_env(env: Mapping[str, str]) -> Iterator[tuple[str, Given]]:
    """Variables of the form PRISMD_SECTION_KEY; others are not ours to judge.

    A name may also be one that ``api_key_env`` points to, so only what is known counts.
    """
    types: dict[str, Any] = {"data_dir": Path | None}
    for section, kind in SECTIONS.items():
        types |= {f"{section}.{key}": type_ for key, type_ in _types(kind).items()}
    for name, key in variables().items():
        if name not in env:
            continue
        value = Given(env[name], types[key], name, f"environment {name}", Path.cwd(), textual=True)
        if value.is_list:
            raise ConfigError(
                f"{name}: {key} is a list, which the environment cannot give; set it in the file"
            )
        yield key, value


def variables() -> dict[str, str]:
    """The environment variables that set something, with the dotted keys that they set."""
    known = {"PRISMD_DATA_DIR": "data_dir"}
    for section, kind in SECTIONS.items():
        for field in msgspec.structs.fields(kind):
            known[f"PRISMD_{section}_{field.name}".upper()] = f"{section}.{field.name}"
    # The short name comes last, so that it holds where both are set.
    return {**known, "PRISMD_PORT": "server.port"}


def _from_flags(flags: Mapping[str, object]) -> Iterator[tuple[str, Given]]:
    for key, value in flags.items():
        if key == "folders":
            continue
        section, _, name = key.rpartition(".")
        type_ = _types(SECTIONS[section])[name] if section else Path | None
        plain = str(value) if isinstance(value, Path) else value
        yield key, Given(plain, type_, f"--{name.replace('_', '-')}", "flag", Path.cwd())


def _folders_of_file(file: Path | None, tables: dict[str, Any]) -> Iterator[tuple[Folder, str]]:
    entries = tables.get("folders", [])
    if file is None:
        return
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError(
            f"{file.name}: folders: {shown(entries)} given; start each folder with [[folders]]"
        )
    for number, entry in enumerate(entries, start=1):
        place = f"{file.name}: [[folders]] {number}"
        keys = {key: value.checked() for key, value in _checked_keys(entry, Folder, place, file)}
        if "path" not in keys:
            raise ConfigError(f'{place}: no path; add path = "…"')
        yield Folder(**keys), str(file)


def _folders_of_flags(flags: Mapping[str, object]) -> Iterator[tuple[Folder, str]]:
    paths = flags.get("folders", ())
    assert isinstance(paths, Iterable)  # noqa: S101 - the caller's promise, for the type checker
    for path in paths:
        yield Folder(path=Path.cwd() / path), "flag"  # the shell has seen to a tilde


def _assemble(
    file: Path | None, folders: list[tuple[Folder, str]], given: Mapping[str, Given]
) -> Config:
    sources = {key: value.source for key, value in given.items()}
    # A folder named twice is one folder: the file's entry says more than the command line's.
    first: dict[Path, tuple[Folder, str]] = {}
    for folder, source in folders:
        first.setdefault(folder.path, (folder, source))
    kept = list(first.values())
    sources.update({f"folders.{number}": source for number, (_, source) in enumerate(kept)})
    tables: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    data_dir = platformdirs.user_data_path("prismd")
    for key, value in given.items():
        section, _, name = key.rpartition(".")
        if section:
            tables[section][name] = value.checked()
        else:
            data_dir = value.checked() or data_dir
    sections: dict[str, Any] = {name: SECTIONS[name](**table) for name, table in tables.items()}
    return Config(
        data_dir=data_dir,
        folders=tuple(folder for folder, _ in kept),
        file=file,
        sources=sources,
        **sections,
    )


def _types(kind: type[Struct]) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _unknown(place: str, key: str, allowed: Iterable[str]) -> ConfigError:
    close = difflib.get_close_matches(key, list(allowed), n=1, cutoff=0.6)
    if close:
        return ConfigError(f'{place}: unknown key; did you mean "{close[0]}"?')
    return ConfigError(f"{place}: unknown key; allowed are {', '.join(allowed)}")
