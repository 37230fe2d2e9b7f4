"""Disks that are really mounted below a watched folder, in a namespace of their own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.building import wait_until
from tests.watch.test_limits import in_namespace
from tests.watch.watching_process import watching_process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="namespaces are of Linux")


def test_a_disk_that_comes_is_looked_into_and_what_was_on_it_is_kept_when_it_goes(
    tmp_path: Path, data_dir: Path
) -> None:
    folder = tmp_path / "root"
    usb = folder / "usb"
    usb.mkdir(parents=True)
    (folder / "a.txt").write_text("x")
    go = tmp_path / "go"
    mount = (
        f"mount -t tmpfs disk '{usb}' && mkdir '{usb}/deep'"
        f" && echo x > '{usb}/deep/b.txt' && echo x > '{usb}/c.txt'"
    )
    script = (
        f"while ! test -e '{go}1'; do sleep 0.1; done; {mount};"
        f" while ! test -e '{go}2'; do sleep 0.1; done; rm '{usb}/c.txt'; echo x > '{usb}/d.txt';"
        f" while ! test -e '{go}3'; do sleep 0.1; done;"
        f" while ! umount '{usb}'; do sleep 0.1; done"  # it may be looked into at the moment
    )
    mounting = in_namespace(f"mount -t tmpfs trial '{usb}' && umount '{usb}'", f"({script}) &")
    with watching_process(folder, data_dir, before=mounting) as process:
        wait_until(lambda: process.names() == {"a.txt"})
        Path(f"{go}1").touch()
        wait_until(lambda: process.names() == {"a.txt", "b.txt", "c.txt"})
        Path(f"{go}2").touch()
        wait_until(lambda: process.names() == {"a.txt", "b.txt", "d.txt"})
        Path(f"{go}3").touch()
        wait_until(lambda: "2 files are on a disk that is not there" in process.ask()["detail"])
        assert process.names() == {"a.txt", "b.txt", "d.txt"}
        (folder / "a.txt").unlink()
        wait_until(lambda: process.names() == {"b.txt", "d.txt"})


def test_what_the_kernel_shows_of_itself_is_never_looked_into(
    tmp_path: Path, data_dir: Path
) -> None:
    folder = tmp_path / "root"
    (folder / "sys").mkdir(parents=True)
    (folder / "a.txt").write_text("x")
    mount = f"mount --rbind /proc '{folder}/sys'"
    with watching_process(folder, data_dir, before=in_namespace(mount)) as process:
        wait_until(lambda: process.ask()["swept"])
        assert process.names() == {"a.txt"}
        (folder / "b.txt").write_text("x")
        wait_until(lambda: process.names() == {"a.txt", "b.txt"})
        assert process.ask()["detail"] == ""
