"""A place whose user has a systemd: systemctl and its like are stood in for, prismd is real."""

from __future__ import annotations

from pathlib import Path

from tests.cli.harness import Place
from tests.service.manager import stand_in

_SYSTEMCTL = """\
case "$2" in
show-environment) [ ! -e "$STATE/unreachable" ] || {
    echo "Failed to connect to bus: No medium found" >&2; exit 1; } ;;
start|restart) [ ! -e "$STATE/broken" ] || { echo "Job failed." >&2; exit 1; } ;;
show) [ ! -e "$STATE/unreachable" ] || exit 1
    cat "$STATE/show-$4" 2>/dev/null || echo "ActiveState=inactive" ;;
esac
exit 0"""
_JOURNALCTL = 'echo "the last of the log"'
_LOGINCTL = 'echo "Linger=no"'


class Desktop(Place):
    """A place whose user has a systemd.

    Args:
        root: An empty folder.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.state = root / "state"
        self.state.mkdir()
        self.bin = root / "bin"
        for name, script in (
            ("systemctl", _SYSTEMCTL),
            ("journalctl", _JOURNALCTL),
            ("loginctl", _LOGINCTL),
        ):
            self.calls = stand_in(self.bin, name, script)
        self.units = root / "home" / ".config" / "systemd" / "user"
        self.service, self.socket = self.units / "prismd.service", self.units / "prismd.socket"

    def environment(self, more: object = None) -> dict[str, str]:
        added = {"PATH": f"{self.bin}:/usr/bin:/bin", "STATE": str(self.state)}
        return super().environment({**added, **(more if isinstance(more, dict) else {})})

    def changes(self) -> list[str]:
        """What was asked of systemd since this was asked last, but for questions."""
        if not self.calls.exists():
            return []
        calls = self.calls.read_text().splitlines()
        self.calls.unlink()
        changed = [call for call in calls if call.startswith("systemctl --user")]
        told = [call.removeprefix("systemctl --user ") for call in changed]
        return [call for call in told if not call.startswith("show")]

    def unit_names(self) -> list[str]:
        """What lies where the units of the user are."""
        return sorted(path.name for path in self.units.iterdir())

    def install(self, *options: str) -> str:
        """Install, by the names of this place, which the environment does not give a service."""
        return self.run(
            *("--config", self.config, "--data-dir", self.data_dir, "service", "install"), *options
        )
