"""Folders that nobody watches."""

from __future__ import annotations

from prismd.watch.state import WatchState


class Unwatched:
    """Does as if it watched; every folder has been looked through."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def follow(self) -> None: ...

    def leave(self, root_id: int) -> None: ...

    def rescan(self) -> None: ...

    def started(self) -> bool:
        return True

    def swept(self) -> bool:
        return True

    def state_of(self, root_id: int) -> WatchState:
        return WatchState()

    def states(self) -> dict[int, WatchState]:
        return {}

    def silent(self) -> frozenset[int]:
        return frozenset()

    def failing(self) -> frozenset[int]:
        return frozenset()
