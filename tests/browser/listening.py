"""What a screen reader is given to say: announcements as they come."""

from __future__ import annotations

from tests.browser.harness import Window
from tests.building import wait_until

_LISTEN = """() => {
    const said = (window.__said = []);
    const announcer = document.getElementById("announcer");
    new MutationObserver(() => announcer.textContent && said.push(announcer.textContent))
        .observe(announcer, {childList: true, characterData: true, subtree: true});
}"""


class Listener:
    """Hears what the open page announces from now on; a page that is loaded anew is another."""

    def __init__(self, window: Window) -> None:
        self._page = window.page
        self._page.evaluate(_LISTEN)

    def said(self) -> list[str]:
        """All of it, in order."""
        return [str(words) for words in self._page.evaluate("() => window.__said")]

    def hears(self, words: str) -> None:
        """Wait until something with these words is announced; it is not looked at again."""
        wait_until(lambda: any(words in each for each in self.said()))
        self._page.evaluate("() => window.__said.splice(0)")
