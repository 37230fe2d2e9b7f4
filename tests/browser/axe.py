"""Has axe look for what keeps people from using a page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.browser.harness import Window

_SERIOUS = frozenset({"serious", "critical"})
_NODES_SHOWN = 4


@dataclass(frozen=True)
class Axe:
    """The checker.

    Attributes:
        script: Its source.
    """

    script: str

    @classmethod
    def of(cls, folder: Path) -> Axe:
        """The one that npm has installed in a folder."""
        source = folder / "node_modules" / "axe-core" / "axe.min.js"
        return cls(source.read_text(encoding="utf-8"))

    def findings(self, window: Window) -> list[str]:
        """What is serious or critical on the open page, with the elements that it is about.

        The window must have been opened with ``bypass_csp``: the page's own policy lets no script
        in that is not its own.
        """
        window.page.evaluate(self.script)
        found: Any = window.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{violation['id']} ({violation['impact']}): {node['target']} {node['html'][:200]}"
            f" {node.get('failureSummary', '')[:300]}"
            for violation in found["violations"]
            if violation["impact"] in _SERIOUS
            for node in violation["nodes"][:_NODES_SHOWN]
        ]
