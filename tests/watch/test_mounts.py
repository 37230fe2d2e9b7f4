"""Which mounts are watched, which are polled, and which are no disks."""

from __future__ import annotations

from pathlib import Path

import pytest

from prismd.watch.mounts import Mounts, _sorted, mounts


def test_the_systems_own_mounts_are_told_apart() -> None:
    found = mounts()
    everything = found.silent | found.no_disk | found.others
    assert b"/" in everything
    if Path("/proc/self").exists():
        assert b"/proc" in found.no_disk


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p", "fuse.sshfs", "fuse.rclone", "virtiofs"])
def test_changes_on_a_network_disk_are_not_told(kind: str) -> None:
    found = _sorted([("/", "ext4"), ("/home/anna/far", kind), ("/home/anna/far/usb", "ext4")])
    assert found.is_silent(b"/home/anna/far")
    assert found.is_silent(b"/home/anna/far/deep/er")
    assert not found.is_silent(b"/home/anna/farther")
    assert not found.is_silent(b"/home/anna/far/usb/x")
    assert not found.is_silent(b"/home/anna")
    assert not found.is_silent(b"/")


def test_a_file_system_on_a_network_disk_is_silent_as_a_whole() -> None:
    assert _sorted([("/", "nfs4")]).is_silent(b"/any/where")


def test_what_was_mounted_last_at_a_place_is_what_counts() -> None:
    automatic = [("/", "ext4"), ("/far", "autofs")]
    assert _sorted(automatic).no_disk == {b"/far"}
    mounted = _sorted([*automatic, ("/far", "nfs4")])
    assert not mounted.no_disk
    assert mounted.silent == {b"/far"}


def test_a_place_that_is_not_utf8_is_kept_as_it_is() -> None:
    assert _sorted([("/caf\udce9", "nfs")]).is_silent(b"/caf\xe9/menu")


@pytest.mark.parametrize(
    ("folder", "concerned"),
    [
        (b"/", True),
        (b"/home", True),
        (b"/home/anna/usb", True),
        (b"/home/anna/usb/letters", True),
        (b"/home/anna/us", False),
        (b"/srv", False),
    ],
)
def test_a_mount_concerns_what_is_around_it_and_within(folder: bytes, concerned: bool) -> None:
    before = _sorted([("/", "ext4"), ("/srv", "ext4")])
    after = _sorted([("/", "ext4"), ("/srv", "ext4"), ("/home/anna/usb", "vfat")])
    assert after.concern(folder, before) is concerned
    assert before.concern(folder, after) is concerned
    assert not after.concern(folder, after)


def test_nothing_is_mounted_where_nothing_is_known() -> None:
    assert not Mounts().is_silent(b"/home")
