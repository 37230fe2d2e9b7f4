"""Folders of the settings against those of the index."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from prismd.config.loading import load
from prismd.daemon import assembly
from prismd.daemon.assembly import Prism
from prismd.encryption import secrecy
from prismd.errors import ConfigError, StoreError
from prismd.store import files
from prismd.watch.folders import forget, removable

KEYED = '[storage]\nencryption = true\nkey = "file"\nkey_file = "{key}"\n'
FAKES = '[models]\nembedding = "fake"\nreranking = "fake"\ngeneration = "off"\n'


def settings(path: Path, *folders: Path) -> Path:
    lines = "".join(f'[[folders]]\npath = "{folder}"\n' for folder in folders)
    path.write_text(FAKES + lines)
    return path


def roots(config_file: Path, data_dir: Path, *flags: Path) -> dict[str, str]:
    """The folders and their origins after a start."""
    config = load(config_file, {}, {"data_dir": data_dir, "folders": [str(f) for f in flags]})
    prism = Prism(config)
    try:
        prism.put_roots()
        found = prism.database.read(files.roots)
        return {Path(root.path).name: root.origin for root in found}
    finally:
        prism.close()


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    made = [tmp_path / name for name in ("one", "two", "three")]
    for folder in made:
        folder.mkdir()
    return made


def test_a_folder_that_its_file_names_no_more_is_forgotten(
    tmp_path: Path, data_dir: Path, folders: list[Path]
) -> None:
    file = settings(tmp_path / "a.toml", *folders[:2])
    assert roots(file, data_dir, folders[2]) == {
        "one": "config",
        "two": "config",
        "three": "command",
    }
    settings(file, folders[0])
    assert roots(file, data_dir) == {"one": "config", "three": "command"}


def test_another_configuration_file_forgets_nothing(
    tmp_path: Path, data_dir: Path, folders: list[Path]
) -> None:
    roots(settings(tmp_path / "a.toml", folders[0]), data_dir)
    other = settings(tmp_path / "b.toml", folders[1])
    assert roots(other, data_dir) == {"one": "config", "two": "config"}


@pytest.mark.parametrize("nothing", ["", "# all of it in comments\n"])
def test_a_file_that_lost_everything_it_said_forgets_nothing(
    tmp_path: Path, data_dir: Path, folders: list[Path], nothing: str
) -> None:
    file = settings(tmp_path / "a.toml", *folders[:2])
    roots(file, data_dir)
    file.write_text(nothing)
    assert roots(file, data_dir) == {"one": "config", "two": "config"}


def test_a_known_folder_that_is_not_there_keeps_nothing_from_starting(
    tmp_path: Path, data_dir: Path, folders: list[Path]
) -> None:
    file = settings(tmp_path / "a.toml", *folders[:2])
    roots(file, data_dir)
    folders[1].rmdir()
    assert roots(file, data_dir) == {"one": "config", "two": "config"}


def test_a_new_folder_that_is_not_there_is_a_mistake(
    tmp_path: Path, data_dir: Path, folders: list[Path]
) -> None:
    file = settings(tmp_path / "a.toml", tmp_path / "misspelt")
    with pytest.raises(ConfigError, match="misspelt: there is no such folder"):
        roots(file, data_dir)


def test_a_folder_of_the_command_that_was_removed_stays_removed_when_settings_are_read_again(
    tmp_path: Path, data_dir: Path, folders: list[Path]
) -> None:
    file = settings(tmp_path / "a.toml", folders[0])
    config = load(file, {}, {"data_dir": data_dir, "folders": [str(folders[1])]})
    prism = Prism(config)
    try:
        prism.put_roots()
        assert prism.configured() == {str(folders[0])}
        root = removable(prism.database, folders[1], prism.configured())
        forget(prism.database, root)
        assert [root.path for root in prism.put_roots(prism.place(config))] == [str(folders[0])]
        assert len(prism.put_roots()) == 2
    finally:
        prism.close()


def test_what_was_opened_is_given_back_where_a_later_part_cannot_be_built(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.toml"
    file.write_text(FAKES + KEYED.format(key=tmp_path / "key"))
    config = load(file, {}, {"data_dir": data_dir})
    Prism(config).close()
    before = dict(os.environ)

    def fail(_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched, pytest.raises(MemoryError) as failed:
        patched.setattr(assembly, "Models", fail)
        Prism(config)
    assert secrecy.in_use(data_dir) == []
    assert dict(os.environ) == before
    Prism(config).close()  # nobody has the lock, though who failed is still known
    assert failed.tb is not None


def test_the_index_is_given_back_where_nothing_can_be_put_aside(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.toml"
    file.write_text(FAKES + KEYED.format(key=tmp_path / "key"))
    config = load(file, {}, {"data_dir": data_dir})

    def refuse(*_: object, **__: object) -> Path:
        raise StoreError("no room")

    with monkeypatch.context() as patched, pytest.raises(StoreError, match="no room") as failed:
        patched.setattr(secrecy, "begin", refuse)
        Prism(config)
    Prism(config).close()
    assert failed.tb is not None
