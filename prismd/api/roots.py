"""The watched folders: which there are, which there could be, adding one, removing one."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from litestar import delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery
from msgspec import Struct

from prismd.api import wire
from prismd.api.body import CHAT_BODY_BYTES, decode_body
from prismd.api.description import FOLDER, TYPED_FOLDER, described
from prismd.api.prospects import Prospects, prospects_of, rounded
from prismd.api.services import Api, ApiRequest, api_of, running
from prismd.api.typed_path import folder_named
from prismd.errors import ConfigError, RequestError
from prismd.store import files
from prismd.watch.suggesting import suggestions

_COUNT_S = 1.0
"""How long files of suggested folders are counted, all together; somebody waits for it."""


class RootStatus(Struct, frozen=True):
    """A watched folder.

    Attributes:
        state: ``starting`` until it has been looked through once; ``offline`` where it is not
            there, or its disk does not answer any more.
        pending: How many of its files are still to be read.
        eta_s: Until they are read, and found by their words; None while that is not known.
        detail: What is out of the ordinary about it, fit to show; empty when nothing is.
        failing: Whether that keeps it from being looked through, for a reason that lasts and has
            nothing to do with its disk.
        configured: Whether the configuration file names it; then it is removed there alone.
    """

    path: str
    state: Literal["starting", "watching", "polling", "offline"]
    files: int
    detail: str = ""
    pending: int = 0
    eta_s: float | None = None
    failing: bool = False
    configured: bool = False


class Roots(Struct, frozen=True):
    """The watched folders, in the order of their paths."""

    data: tuple[RootStatus, ...]


class SuggestedFolder(Struct, frozen=True):
    """A folder that could be watched.

    Attributes:
        files: How many files were counted in it; None where nobody counted.
        whole: Whether that is all of them.
    """

    path: str
    files: int | None
    whole: bool


class SuggestedFolders(Struct, frozen=True):
    """Folders that could be watched, the likeliest first."""

    data: tuple[SuggestedFolder, ...]


class Removed(Struct, frozen=True):
    """How many files were forgotten with a folder."""

    path: str
    files: int


def roots_of(api: Api, prospects: Prospects | None = None) -> tuple[RootStatus, ...]:
    """The watched folders as they are now. Blocks.

    Args:
        api: The API.
        prospects: What is left to do, where that is known already.
    """
    database = api.services.database
    counted = database.read(files.root_counts)
    left = prospects or prospects_of(api)
    return tuple(
        _status(api, root, counted.get(root.id, 0), left) for root in database.read(files.roots)
    )


def _status(api: Api, root: files.Root, count: int, left: Prospects) -> RootStatus:
    folders = api.services.folders
    pending = left.pending.get(root.id, 0)
    eta_s = rounded(left.outlook.roots.get(root.id)) if pending else 0.0
    if folders is None:
        return RootStatus(root.path, root.state, count, "", pending, None)
    watched = folders.watches.state_of(root.id)
    if watched.state == "starting":
        eta_s = None  # what is not looked through yet may have anything in it
    failing = root.id in folders.watches.failing()
    return RootStatus(
        path=root.path,
        state=watched.state,
        files=count,
        detail=watched.detail,
        pending=pending,
        eta_s=eta_s,
        failing=failing,
        configured=root.path in folders.configured(),
    )


@get("/roots", summary="The watched folders")
async def list_roots(request: ApiRequest) -> Roots:
    """Every watched folder, with how it is watched and how many files it has."""
    api = api_of(request)
    return Roots(await api.offload.read(lambda: roots_of(api)))


@get("/roots/suggestions", summary="Folders that could be watched")
async def list_suggestions(request: ApiRequest) -> SuggestedFolders:
    """Where people and programs keep files on this computer, as far as nothing of it is watched.

    Of the rest of the disk nothing is told, and no name of what is in these folders.
    """
    api = api_of(request)
    running(api.services.folders)
    watched = await api.offload.read(lambda: api.services.database.read(files.roots))
    return await api.offload.file(lambda: _suggested(tuple(Path(root.path) for root in watched)))


def _suggested(watched: tuple[Path, ...]) -> SuggestedFolders:
    return SuggestedFolders(
        tuple(
            SuggestedFolder(str(each.path), each.files, each.whole)
            for each in suggestions(Path.home(), _COUNT_S, watched)
        )
    )


@post(
    "/roots",
    status_code=201,
    request_max_body_size=CHAT_BODY_BYTES,
    operation_class=described(
        wire.RootRequest, rules={"properties": {"path": TYPED_FOLDER}, "required": ["path"]}
    ),
    summary="Watch a folder",
)
async def add_root(request: ApiRequest) -> RootStatus:
    """Watch a folder from now on, and after every start; its files are read at once."""
    api = api_of(request)
    folders = running(api.services.folders)
    asked = await decode_body(request, wire.RootRequest)
    path = folder_named(asked.path, Path.home())

    def add() -> RootStatus:
        try:
            return _status(api, folders.add(path), 0, prospects_of(api))
        except ConfigError as error:
            raise _refused(error) from error

    return await api.offload.change(add)


@delete(
    "/roots",
    status_code=200,
    operation_class=described(parameters={"path": FOLDER}),
    summary="Forget a folder",
)
async def remove_root(request: ApiRequest, path: FromQuery[str]) -> Removed:
    """Forget a folder and what was read from it; the files themselves are not touched."""
    api = api_of(request)
    folders = running(api.services.folders)
    named = folder_named(path, Path.home())

    def remove() -> Removed:
        try:
            return Removed(str(named), folders.remove(named))
        except ConfigError as error:
            raise _refused(error) from error

    return await api.offload.change(remove)


def _refused(error: ConfigError) -> RequestError:
    return RequestError(str(error), param="path", code="invalid_folder")


ROUTES: list[HTTPRouteHandler] = [list_roots, list_suggestions, add_root, remove_root]
