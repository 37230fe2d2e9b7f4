"""Checks, without the network, that the lock files still satisfy pyproject.toml."""

from __future__ import annotations

import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOCKS = (
    "requirements.lock",
    "requirements-runtime.lock",
    "requirements-llama.lock",
    "requirements-export.lock",
    "scripts/docker/build.lock",
)
UNLOCKED = ("torch",)
"""Which build of it is right depends on the machine; scripts/setup.sh names the version."""

PLATFORMS = [
    {"sys_platform": system, "platform_machine": machine, "python_version": python}
    | {"python_full_version": f"{python}.1"}
    for system, machine in [
        ("linux", "x86_64"),
        ("linux", "aarch64"),
        ("darwin", "x86_64"),
        ("darwin", "arm64"),
    ]
    for python in ("3.11", "3.12", "3.13")
]
"""What the locks are made for."""


def applies(requirement: Requirement, platform: dict[str, str]) -> bool:
    """Whether a requirement holds on a platform."""
    environment = {key: str(value) for key, value in default_environment().items()} | platform
    return requirement.marker is None or requirement.marker.evaluate(environment)


def declared() -> Iterator[Requirement]:
    """What pyproject.toml asks for: to run, for every extra, and to build."""
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = data["project"]["optional-dependencies"].values()
    for group in [data["project"]["dependencies"], *extras, data["build-system"]["requires"]]:
        wanted = map(Requirement, group)
        yield from (requirement for requirement in wanted if requirement.name not in UNLOCKED)


def locked(problems: list[str]) -> dict[str, list[Requirement]]:
    """The pins of all lock files by name; one without a hash is a problem."""
    pins: defaultdict[str, list[Requirement]] = defaultdict(list)
    for name in LOCKS:
        text = (ROOT / name).read_text(encoding="utf-8")
        if re.search(r"https?://|^--?[a-z]", text, flags=re.MULTILINE):
            problems.append(
                f"{name}: names an index or a file; where to fetch is the user's choice"
            )
        for entry in re.findall(r"^[^\s#].*(?:\n[ \t]+--hash.*)*", text, flags=re.MULTILINE):
            pin = Requirement(entry.split("\\")[0])
            pins[canonicalize_name(pin.name)].append(pin)
            if "--hash=sha256:" not in entry:
                problems.append(f"{name}: {pin.name} has no hash")
    return pins


def unsatisfied(wanted: Requirement, pins: list[Requirement]) -> str | None:
    """Why the pins do not satisfy a requirement, if so."""
    for platform in PLATFORMS:
        if not applies(wanted, platform):
            continue
        # A set, because two files may hold the same pin; two versions are a problem.
        versions = sorted({str(pin.specifier)[2:] for pin in pins if applies(pin, platform)})
        where = "{sys_platform} {platform_machine}, Python {python_version}".format(**platform)
        if len(versions) != 1:
            return f"{wanted} is locked {len(versions)} times for {where}"
        if not wanted.specifier.contains(versions[0], prereleases=True):
            return f"{wanted} is not met by {versions[0]}, locked for {where}"
    return None


def main() -> int:
    """Report every problem; 1 if there is one."""
    problems: list[str] = []
    pins = locked(problems)
    for wanted in declared():
        problem = unsatisfied(wanted, pins[canonicalize_name(wanted.name)])
        if problem:
            problems.append(f"lock: {problem}; run scripts/lock")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
