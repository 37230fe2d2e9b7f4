"""Folders of one process: private, by a name of chance, and gone when nobody needs them."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from prismd.paths.own_folder import make, remove_left, sweep

PREFIX = "prismd-test-"


def descriptors() -> set[str]:
    """Those that this process has open."""
    return {path.name for path in Path("/dev/fd").iterdir()}


def test_it_is_private_and_has_a_name_of_its_own(tmp_path: Path) -> None:
    one, other = make(tmp_path, PREFIX), make(tmp_path, PREFIX)
    assert one.path != other.path
    for made in (one, other):
        assert made.path.name.startswith(PREFIX)
        assert stat.S_IMODE(made.path.stat().st_mode) == 0o700
        made.remove()
    assert list(tmp_path.iterdir()) == []


def test_it_stays_while_it_is_held_and_goes_when_it_is_given_up(tmp_path: Path) -> None:
    made = make(tmp_path, PREFIX)
    (made.path / "letter").touch()
    sweep(tmp_path, PREFIX)
    remove_left(made.path)
    assert (made.path / "letter").exists()
    made.give_up()
    sweep(tmp_path, "another-")
    assert made.path.exists()
    sweep(tmp_path, PREFIX)
    assert not made.path.exists()


@pytest.mark.parametrize(("module", "name"), [(os, "open"), (fcntl, "flock"), (os, "rename")])
def test_of_one_that_cannot_be_made_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str
) -> None:
    real: Callable[..., object] = getattr(module, name)

    def refuse(what: object, *more: object, **options: object) -> object:
        if name == "open" and Path(str(what)).name != "alive":
            return real(what, *more, **options)  # by which what is there is removed
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    before = descriptors()
    with monkeypatch.context() as patched, pytest.raises(OSError, match="No locks"):
        patched.setattr(module, name, refuse)
        make(tmp_path, PREFIX)
    assert descriptors() == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["link", "file"])
def test_what_only_has_its_name_is_not_followed(tmp_path: Path, kind: str) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "letter").touch()
    strange = tmp_path / f"{PREFIX}0"
    if kind == "link":
        strange.symlink_to(kept)
    else:
        strange.touch()
    sweep(tmp_path, PREFIX)
    assert (kept / "letter").exists()
    assert os.path.lexists(strange)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_what_belongs_to_another_user_is_left_alone(tmp_path: Path) -> None:
    made = make(tmp_path, PREFIX)
    made.give_up()
    os.chown(made.path, 12345, 12345)
    sweep(tmp_path, PREFIX)
    assert made.path.exists()


def test_where_nothing_can_be_made_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        make(tmp_path / "missing", PREFIX)
    sweep(tmp_path / "missing", PREFIX)
    assert list(tmp_path.iterdir()) == []
