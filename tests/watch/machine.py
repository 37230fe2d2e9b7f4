"""Random programs: whatever happens to disk, events and prismd, the index ends as a fresh one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import hypothesis.strategies as st
from hypothesis import note
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from prismd.watch import Rules
from tests.watch.counting import parsers
from tests.watch.disk import DEEP_FOLDERS, DEEP_NAME, Standing
from tests.watch.tally import TALLY
from tests.watch.told import LOST
from tests.watch.world import World

CLAUSE = b"A clause that stands in many a file, word for word, and on and on and on it goes."
CONTENTS = (
    *(b"Only number%d says so, at some length, to be found by it alone." % n for n in range(4)),
    *(CLAUSE + b"\n\nContract %d, and nothing else, is what it is about." % n for n in (1, 2)),
    b"",
    b"\x7fELF\x00\x01\x02\x03 nothing that anybody could read \x00\xff\xfe",
)
TEXTLESS = frozenset(hashlib.sha256(content).hexdigest() for content in CONTENTS[-2:])
NAMES = (
    *(b"a.txt", b"A.txt", b"b.txt", b"folder", b"Folder", b"other"),
    *(b".hidden", b"node_modules", b"~$a.txt", b"b.txt.part"),
    *(b"caf\xe9.txt", b"n" * 255, "日本語.txt".encode(), b"new\nline.txt"),
)
PATTERNS = (b"*.txt", b"folder/", b"/a.txt", b"*\n!b.txt", b"other", b"[", b"")
ODD = ("pipe", "socket", "a.txt", ".", "..", "nowhere", "/")
FAULTS = ("none", "drop", "double", "reorder", "delay", "lost")
MODES = (0, 0o755, 0o744, 0o711, 0o200)
RULES = (Rules(), Rules(hidden=True), Rules(junk=False), Rules(exclude=("other",)))

_STEPS_BETWEEN = 4

names = st.sampled_from(NAMES)
contents = st.sampled_from(range(len(CONTENTS)))
picks = st.integers(0, 2**12)
mtimes = st.sampled_from(["past"] * 6 + ["kept"] * 4 + ["now"])


def step(method: Callable[..., None]) -> Callable[..., None]:
    """Count a step, and let one that the system refuses count as nothing done."""

    def counted(self: Programs, **drawn: object) -> None:
        TALLY.steps[method.__name__] += 1
        self.since_quiet += 1
        told = ", ".join(f"{name}={value!r}" for name, value in drawn.items())
        self.steps.append(f"state.{method.__name__}({told})")
        try:
            method(self, **drawn)
        except OSError as error:
            note(f"refused: {error.strerror}")
            TALLY.steps["refused"] += 1

    counted.__name__ = method.__name__
    return counted


class Programs(RuleBasedStateMachine):
    """Events are told by the program itself, so that it knows which were lost."""

    system_events = False

    @initialize(always_reading=st.sampled_from([False, False, True]))
    def begin(self, always_reading: bool) -> None:
        TALLY.programs += 1
        self.steps = [f"state.begin(always_reading={always_reading})"]
        self.world = World(
            parsers(), TEXTLESS, always_reading=always_reading, system_events=self.system_events
        )
        self.disk = self.world.disk
        self.since_quiet = 0
        self._furnish()
        self.world.hear()

    def _furnish(self) -> None:
        """Have something on the disk that can be changed."""
        one, two, out = self.world.tops
        for folder in (one + b"/folder", one + b"/folder/other", two + b"/other", out + b"/folder"):
            self.disk.make_folder(folder)
        for number, name in enumerate((b"/a.txt", b"/folder/a.txt", b"/folder/other/b.txt")):
            self.disk.write(one + name, CONTENTS[number])
        self.disk.write(two + b"/other/a.txt", CONTENTS[4])
        self.disk.write(out + b"/folder/b.txt", CONTENTS[5])

    def teardown(self) -> None:
        if hasattr(self, "world"):
            try:
                self.check()
                self._none(self.world.orphans())
            finally:
                self.world.close()

    # Drawing

    def there(self) -> list[bytes]:
        return [top for top in self.world.tops if top not in self.world.away]

    def below(self, *kinds: str) -> list[Standing]:
        found = [standing for top in self.there() for standing in self.disk.below(top)]
        return [standing for standing in found if standing.kind in kinds]

    def folder(self, pick: int) -> bytes:
        folders = self.there() + [standing.path for standing in self.below("folder")]
        return folders[pick % len(folders)]

    def one_of(self, pick: int, *kinds: str) -> bytes:
        found = self.below(*kinds)
        if not found:
            raise FileNotFoundError(0, "there is nothing yet")
        return found[pick % len(found)].path

    # The disk

    @rule(folder=picks, name=names, content=contents, mtime=mtimes)
    @step
    def create(self, folder: int, name: bytes, content: int, mtime: str) -> None:
        self.disk.write(self.folder(folder) + b"/" + name, CONTENTS[content], mtime=mtime)

    @rule(file=picks, content=contents, mtime=mtimes)
    @step
    def edit(self, file: int, content: int, mtime: str) -> None:
        self.disk.write(self.one_of(file, "file"), CONTENTS[content], mtime=mtime)

    @rule(file=picks, content=contents, mtime=mtimes)
    @step
    def replace(self, file: int, content: int, mtime: str) -> None:
        self.disk.replace(self.one_of(file, "file"), CONTENTS[content], mtime=mtime)

    @rule(folder=picks, name=names)
    @step
    def make_folder(self, folder: int, name: bytes) -> None:
        self.disk.make_folder(self.folder(folder) + b"/" + name)

    @rule(folder=picks, content=contents)
    @step
    def make_deep(self, folder: int, content: int) -> None:
        path = self.folder(folder)
        for _ in range(DEEP_FOLDERS):
            path += b"/" + DEEP_NAME
            self.disk.make_folder(path)
        self.disk.write(path + b"/a.txt", CONTENTS[content])

    @rule(what=picks, folder=picks, name=names)
    @step
    def move(self, what: int, folder: int, name: bytes) -> None:
        source = self.one_of(what, "file", "folder", "other")
        self.disk.move(source, self.folder(folder) + b"/" + name)

    @rule(what=picks, to=picks)
    @step
    def move_onto(self, what: int, to: int) -> None:
        kinds = ("file", "folder", "other")
        self.disk.move(self.one_of(what, *kinds), self.one_of(to, *kinds))

    @rule(what=picks)
    @step
    def recase(self, what: int) -> None:
        path = self.one_of(what, "file", "folder")
        start, _, name = path.rpartition(b"/")
        self.disk.move(path, start + b"/" + name.swapcase())

    @rule(one=picks, other=picks)
    @step
    def swap(self, one: int, other: int) -> None:
        first, second = self.one_of(one, "file"), self.one_of(other, "file")
        beside = first[: first.rindex(b"/")] + b"/.swap"
        if first != second:
            self.disk.move(first, beside)
            self.disk.move(second, first)
            self.disk.move(beside, second)

    @rule(what=picks)
    @step
    def remove(self, what: int) -> None:
        self.disk.remove(self.one_of(what, "file", "folder", "other"))

    @rule(what=picks, content=contents)
    @step
    def become_a_file(self, what: int, content: int) -> None:
        path = self.one_of(what, "folder")
        self.disk.remove(path)
        self.disk.write(path, CONTENTS[content])

    @rule(what=picks, name=names, content=contents)
    @step
    def become_a_folder(self, what: int, name: bytes, content: int) -> None:
        path = self.one_of(what, "file", "other")
        self.disk.remove(path)
        self.disk.make_folder(path)
        self.disk.write(path + b"/" + name, CONTENTS[content])

    @rule(what=picks, folder=picks, name=names)
    @step
    def copy(self, what: int, folder: int, name: bytes) -> None:
        source, to = self.one_of(what, "file", "folder"), self.folder(folder) + b"/" + name
        if not to.startswith(source):
            self.disk.copy(source, to)

    @rule(what=picks, folder=picks, name=names)
    @step
    def link(self, what: int, folder: int, name: bytes) -> None:
        self.disk.link(self.one_of(what, "file"), self.folder(folder) + b"/" + name)

    @rule(folder=picks, name=names, kind=st.sampled_from(ODD))
    @step
    def make_odd(self, folder: int, name: bytes, kind: str) -> None:
        self.disk.make_odd(self.folder(folder) + b"/" + name, kind)

    @rule(folder=picks, patterns=st.sampled_from(PATTERNS))
    @step
    def ignore(self, folder: int, patterns: bytes) -> None:
        self.world.excluding = True
        self.disk.write(self.folder(folder) + b"/.prismignore", patterns)

    @rule(what=picks, mode=st.sampled_from(MODES))
    @step
    def set_mode(self, what: int, mode: int) -> None:
        self.disk.set_mode(self.one_of(what, "file", "folder"), mode)

    @rule(what=picks)
    @step
    def touch(self, what: int) -> None:
        self.disk.touch(self.one_of(what, "file", "folder"))

    @rule(root=st.sampled_from([0, 1]))
    @step
    def unplug_or_plug(self, root: int) -> None:
        path = self.world.roots[root]
        if path in self.world.away:
            self.world.bring_back(path)
        else:
            self.world.take_away(path)

    # prismd

    @rule(how=st.sampled_from(["kill", "stop"]))
    @step
    def restart(self, how: str) -> None:
        if how == "kill":
            TALLY.faults["kill"] += 1
            self.world.die()
        else:
            self.world.end()
        self.world.start()

    @rule(rules=st.sampled_from(RULES))
    @step
    def set_rules(self, rules: Rules) -> None:
        self.world.excluding = True
        self.world.rules = rules
        self.world.watching.follow()

    @rule()
    @step
    def pause(self) -> None:
        """Has to last until it is ended, which comes with the next quiet point."""
        self.world.ingest.pause()

    @rule(seconds=st.sampled_from([-1e6, -100.0, 100.0, 1e6]))
    @step
    def set_clock(self, seconds: float) -> None:
        TALLY.faults["clock"] += 1
        self.world.clock_set = True
        self.world.clock.ahead_s += seconds

    @rule(root=st.sampled_from([0, 1]), fault=st.sampled_from(FAULTS), pick=picks)
    @step
    def tell(self, root: int, fault: str, pick: int) -> None:
        if self.system_events:
            self._disturb(root, fault)
            return
        told = self.world.events[self.world.roots[root]]
        batch, told.kept = told.kept, []
        if batch and fault != "none":
            TALLY.faults[fault] += 1
        if fault == "drop" and batch:
            self.world.lossy = True
            batch = [path for n, path in enumerate(batch) if (pick >> n % 12) & 1]
        elif fault == "lost" and batch:
            batch = [LOST]
        elif fault == "delay":
            half = pick % (len(batch) + 1)
            batch, told.kept = batch[half:], batch[:half]
        if fault == "reorder":
            told.deliver(*([path] for path in batch[:-9:-1]), batch[:-8])
        elif fault == "double":
            told.deliver(batch, batch)
        else:
            told.deliver(batch)

    def _disturb(self, root: int, fault: str) -> None:
        """From now on, something is done to what the system tells."""
        if fault in ("drop", "double", "delay", "lost"):
            TALLY.faults[fault] += 1
            self.world.heard[self.world.roots[root]].fault = fault

    # What has to hold

    @precondition(lambda self: self.since_quiet > _STEPS_BETWEEN)
    @rule()
    @step
    def be_quiet(self) -> None:
        self.check()

    def check(self) -> None:
        self.since_quiet = 0
        self._none(self.world.settle())
        self._none(self.world.differences())

    def _none(self, faults: list[str]) -> None:
        """Fail with the steps that led to it: where time has a part, they may not again."""
        if faults:
            raise AssertionError("\n".join([*faults, "after these steps:", *self.steps]))


class SystemPrograms(Programs):
    """The system tells what changes, and some of it is lost, told twice, or late."""

    system_events = True
