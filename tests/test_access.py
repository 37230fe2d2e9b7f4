from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from prismd.access import read_token
from prismd.errors import ConfigError

START = "import sys; from pathlib import Path; from prismd.access import read_token\n"
START += "sys.stdin.readline(); print(read_token(Path(sys.argv[1])))"


def test_the_first_start_makes_a_token_for_this_user_alone(data_dir: Path) -> None:
    token = read_token(data_dir)
    assert len(token) >= 40
    assert (data_dir / "token").stat().st_mode & 0o777 == 0o600
    assert data_dir.stat().st_mode & 0o777 == 0o700
    assert read_token(data_dir) == token
    assert [path.name for path in data_dir.iterdir()] == ["token"]


def test_no_two_data_directories_share_a_token(tmp_path: Path) -> None:
    assert read_token(tmp_path / "a") != read_token(tmp_path / "b")


def test_first_starts_at_once_read_the_same_token(data_dir: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", START, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    tokens = {process.communicate()[0].strip() for process in processes}
    assert len(tokens) == 1
    assert tokens == {read_token(data_dir)}
    assert [path.name for path in data_dir.iterdir()] == ["token"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_token_that_others_can_read_is_refused(data_dir: Path, mode: int) -> None:
    read_token(data_dir)
    (data_dir / "token").chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_token(data_dir)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\x00"])
def test_a_token_that_is_none_says_what_to_do(data_dir: Path, content: bytes) -> None:
    read_token(data_dir)
    (data_dir / "token").write_bytes(content)
    with pytest.raises(ConfigError, match="delete it"):
        read_token(data_dir)


def test_a_token_that_is_a_folder_says_what_to_do(data_dir: Path) -> None:
    (data_dir / "token").mkdir(parents=True, mode=0o700)
    with pytest.raises(ConfigError, match="token: "):
        read_token(data_dir)
