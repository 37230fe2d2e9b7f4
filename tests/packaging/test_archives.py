"""What the wheel and the sdist hold, and what they must not."""

from __future__ import annotations

import tempfile
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import check_lock
from tests.packaging.archives import ROOT, build, files_of, unpacked

LARGEST_BYTES = 1_000_000
CACHES = {"__pycache__", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".venv"}
TOP = ["systemd", "launchd", "tests", "scripts", ".ci"]


def tree(folder: str) -> set[str]:
    """The files below a folder of this tree, caches left out; none where it is not there."""
    return {
        str(path.relative_to(ROOT))
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not CACHES & set(path.parts)
    }


def dist_info(wheel: Path) -> str:
    return "-".join(wheel.name.split("-")[:2]) + ".dist-info"


def metadata(wheel: Path) -> bytes:
    return files_of(wheel)[f"{dist_info(wheel)}/METADATA"]


def parsed(wheel: Path) -> Message:
    return BytesParser().parsebytes(metadata(wheel))


def test_the_wheel_has_every_file_of_the_package(wheel: Path) -> None:
    assert tree("prismd") <= set(files_of(wheel))


def test_the_wheel_has_the_templates_of_the_service(wheel: Path) -> None:
    held = {
        (Path(name).name, content)
        for name, content in files_of(wheel).items()
        if name.startswith("prismd/service/")
    }
    templates = tree("systemd") | tree("launchd")
    assert {(Path(name).name, (ROOT / name).read_bytes()) for name in templates} <= held


def test_the_wheel_has_nothing_beside_the_package(wheel: Path) -> None:
    first = {name.split("/")[0] for name in files_of(wheel)}
    assert first <= {"prismd", dist_info(wheel), dist_info(wheel).replace("-info", "-data")}
    named = {Path(name).suffix for name in files_of(wheel)}
    assert not named & {".pyc", ".so", ".pyd", ".db", ".onnx", ".gguf"}


def test_the_wheel_has_what_is_no_module_and_yet_needed(wheel: Path) -> None:
    names = set(files_of(wheel))
    migrations = tree("prismd/store/migrations")
    assert migrations
    assert names >= {*migrations, "prismd/py.typed", f"{dist_info(wheel)}/licenses/LICENSE"}


def test_the_wheel_makes_the_command(wheel: Path) -> None:
    said = files_of(wheel)[f"{dist_info(wheel)}/entry_points.txt"].decode()
    assert said.split("\n")[:2] == ["[console_scripts]", "prismd = prismd.cli:main"]


def test_the_wheel_goes_with_every_system(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-any.whl")


def test_the_sdist_has_all_that_development_needs(sdist: Path) -> None:
    names = set(files_of(sdist))
    assert names >= tree("prismd").union(*map(tree, TOP))
    assert names >= {*check_lock.LOCKS, "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE"}
    assert "config.example.toml" in names


def test_the_sdist_makes_the_same_wheel(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    source = unpacked(sdist, tmp_path / "source")
    again = build("wheel", source, tmp_path / "wheel")
    assert (again.name, again.read_bytes()) == (wheel.name, wheel.read_bytes())


def test_the_sdist_comes_out_the_same_again(sdist: Path, tmp_path: Path) -> None:
    again = build("sdist", ROOT, tmp_path / "sdist")
    assert (again.name, again.read_bytes()) == (sdist.name, sdist.read_bytes())


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_nothing_of_this_machine_gets_into_a_package(
    kind: str, request: pytest.FixtureRequest
) -> None:
    package: Path = request.getfixturevalue(kind)
    here = [str(ROOT).encode(), tempfile.gettempdir().encode() + b"/pytest-of-"]
    for name, content in files_of(package).items():
        assert not CACHES & set(name.split("/")), name
        assert not name.startswith("/"), name
        assert ".." not in name.split("/"), name
        assert len(content) < LARGEST_BYTES, name
        assert not any(place in content for place in here), name


def test_the_metadata_keeps_to_its_standard(wheel: Path) -> None:
    checked = Metadata.from_email(metadata(wheel), validate=True)
    assert checked.name == "prismd"
    assert str(checked.version) == wheel.name.split("-")[1]
    assert checked.license_expression == "AGPL-3.0-or-later"
    assert checked.license_files == ["LICENSE"]


def test_the_description_is_the_readme(wheel: Path) -> None:
    found = Metadata.from_email(metadata(wheel))
    assert found.description_content_type == "text/markdown"
    assert found.description == (ROOT / "README.md").read_text(encoding="utf-8")


def test_pythons_that_are_claimed_are_those_that_the_locks_are_for(wheel: Path) -> None:
    found = parsed(wheel)
    claimed = {
        label.rpartition(" ")[2]
        for label in found.get_all("Classifier", [])
        if label.startswith("Programming Language :: Python :: 3.")
    }
    assert claimed == {platform["python_version"] for platform in check_lock.PLATFORMS}
    assert all(version in SpecifierSet(found["Requires-Python"]) for version in claimed)
    assert "3.10" not in SpecifierSet(found["Requires-Python"])


def test_what_it_needs_to_run_is_locked_apart_from_what_its_tests_need(wheel: Path) -> None:
    wanted = map(Requirement, parsed(wheel).get_all("Requires-Dist", []))
    needed = {canonicalize_name(wish.name) for wish in wanted if "extra" not in str(wish.marker)}
    text = (ROOT / "requirements-runtime.lock").read_text(encoding="utf-8")
    locked = {line.split("==")[0] for line in text.splitlines() if "==" in line}
    assert needed <= locked
    assert not locked & {"pytest", "mypy", "ruff", "hatchling", "torch", "llama-cpp-python"}
