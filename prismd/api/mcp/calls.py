"""What each tool does: one request to the API's own routes, and its answer in a tool's shape."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import PurePath
from typing import Any

import httpx

from prismd.api.mcp.arguments import (
    AskArguments,
    FilesArguments,
    FilterArguments,
    PassageArguments,
    SearchArguments,
    StatusArguments,
)
from prismd.api.mcp.reach import Progress, Reached, checked
from prismd.api.mcp.results import (
    CitedAnswer,
    FileListed,
    FilesListed,
    FolderStanding,
    Found,
    Neighbour,
    PassageRead,
    SearchResults,
    Source,
    Standing,
)
from prismd.api.mcp.texts import snippet
from prismd.errors import RequestError
from prismd.place import in_words

_ID = re.compile(r"chunk-[0-9]+|[0-9a-f]+")
_TOLD_EVERY_S = 0.5
_TOLD_CHARS = 120


async def search(reached: Reached, asked: SearchArguments, _: Progress) -> SearchResults:
    """Passages for a query."""
    body = {"query": asked.query, "limit": asked.limit, "filters": _filters(asked)}
    found = checked(await reached.client.post("/search", json=body))
    return SearchResults(
        results=[_found(result, asked.query, reached) for result in found["results"]],
        warnings=list(found["warnings"]),
    )


def _found(result: dict[str, Any], query: str, reached: Reached) -> Found:
    metadata = result["metadata"]
    shown, truncated = snippet(metadata["text"], query)
    return Found(
        passage_id=result["chunk_id"],
        file_id=metadata["file_id"],
        path=metadata["path"],
        title=metadata["title"] or PurePath(metadata["path"]).name,
        type=metadata["source_info"]["type"],
        place=in_words(metadata["locator"]),
        heading=_heading(metadata["heading"]),
        score=result["similarity"],
        snippet=shown,
        truncated=truncated,
        modified_at=metadata["modified_at"],
        url=_url(reached, metadata["file_id"], metadata["locator"]),
    )


async def ask(reached: Reached, asked: AskArguments, progress: Progress) -> CitedAnswer:
    """A cited answer, written while the agent is told how far it is."""
    body = {
        "model": "prism",
        "messages": [{"role": "user", "content": asked.question}],
        "prism": _filters(asked),
        "stream": True,
    }
    text, told_at, note, finished = "", 0.0, None, "stop"
    await progress("searching the files")
    async with reached.client.stream("POST", "/v1/chat/completions", json=body) as response:
        if not response.is_success:
            await response.aread()
            checked(response)
        async for event in _events(response):
            choice = (event.get("choices") or [{}])[0]
            text += (choice.get("delta") or {}).get("content") or ""
            finished = choice.get("finish_reason") or finished
            note = event.get("prism") or note
            if (now := time.monotonic()) - told_at >= _TOLD_EVERY_S:
                told_at = now
                await progress(_last(text) or "still at work")
    if note is None:
        raise RequestError("the answer broke off; ask again", status=502)
    return CitedAnswer(
        answer=text,
        grounding=note["grounding"],
        sources=_sources(note["citations"], reached),
        engine=note["engine"],
        complete=finished != "length",
        warnings=list(note.get("warnings") or ()),
    )


async def _events(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """The data of a stream of events; a comment, sent while the model thinks, is an empty one.

    Raises:
        RequestError: The stream tells of an error.
    """
    async for line in response.aiter_lines():
        if line.startswith(":"):
            yield {}
        data = line.removeprefix("data: ")
        if data in (line, "[DONE]"):
            continue
        event = json.loads(data)
        if error := event.get("error"):
            raise RequestError(str(error.get("message") or "the answer failed"), status=502)
        yield event


def _last(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _TOLD_CHARS else f"… {flat[-_TOLD_CHARS:]}"


def _sources(citations: list[dict[str, Any]], reached: Reached) -> list[Source]:
    """Each cited place once; one that is cited for several sentences has its best support."""
    order = ("exact", "supported", "weak", "none")
    best: dict[tuple[int, str], dict[str, Any]] = {}
    for citation in citations:
        key = (citation["n"], citation["citation_id"])
        known = best.get(key)
        if known is None or order.index(citation["support"]) < order.index(known["support"]):
            best[key] = citation
    return [
        Source(
            n=citation["n"],
            # Without a daemon nothing is kept: its citations lead nowhere.
            citation_id=citation["citation_id"] if reached.running else "",
            file_id=citation["file_id"],
            path=citation["path"],
            title=citation["title"],
            type=citation["type"],
            place=in_words(citation["locator"]),
            quote=citation["quote"],
            support=citation["support"],
            url=citation["url"] if reached.running else "",
        )
        for citation in sorted(best.values(), key=lambda citation: int(citation["n"]))
    ]


async def read_passage(reached: Reached, asked: PassageArguments, _: Progress) -> PassageRead:
    """A passage and its neighbours, cut to size from the outside in."""
    if not _ID.fullmatch(asked.id):
        raise RequestError("id: is neither a passage_id (chunk-12) nor a citation_id")
    read = checked(
        await reached.client.get(f"/passages/{asked.id}", params={"around": asked.around})
    )
    text = read["text"][: asked.max_chars]
    left = asked.max_chars - len(text)
    after, left = _near(read["after"], left, keep_end=False)
    before, _left = _near(read["before"][::-1], left, keep_end=True)
    return PassageRead(
        passage_id=read["chunk_id"],
        file_id=read["file_id"],
        path=read["path"],
        title=read["title"] or PurePath(read["path"]).name,
        type=read["type"],
        media_type=read["media_type"],
        place=in_words(read["locator"]),
        heading=_heading(read["heading"]),
        modified_at=read["modified_at"],
        quote=read["quote"] or "",
        before=before[::-1],
        text=text,
        truncated=len(text) < len(read["text"]),
        after=after,
        url=_url(reached, read["file_id"], read["locator"]),
    )


def _near(
    passages: list[dict[str, Any]], left: int, *, keep_end: bool
) -> tuple[list[Neighbour], int]:
    """Neighbours, the nearest first, as far as they fit; the last of them may be cut."""
    kept: list[Neighbour] = []
    for passage in passages:
        if left <= 0:
            break
        whole = passage["text"]
        text = whole[-left:] if keep_end else whole[:left]
        left -= len(text)
        kept.append(
            Neighbour(
                passage_id=passage["chunk_id"],
                place=in_words(passage["locator"]),
                text=text,
                truncated=len(text) < len(whole),
            )
        )
    return kept, left


async def list_files(reached: Reached, asked: FilesArguments, _: Progress) -> FilesListed:
    """A page of the files."""
    wanted: dict[str, str | int | list[str]] = {
        "q": asked.q,
        "state": list(asked.state),
        "type": list(asked.type),
        "limit": asked.limit,
        "after": asked.after,
    }
    page = checked(await reached.client.get("/files", params=wanted))
    return FilesListed(
        files=[
            FileListed(
                file_id=item["id"],
                path=item["path"],
                title=item["title"],
                type=item["type"],
                state=item["state"],
                size_bytes=item["size_bytes"],
                modified_at=item["modified_at"],
                passages=item["passages"],
                error=(item.get("error") or {}).get("message") or "",
            )
            for item in page["data"]
        ],
        total=page["total"],
        next=page["next"] or "",
    )


async def status(reached: Reached, _: StatusArguments, __: Progress) -> Standing:
    """How prismd and its index stand."""
    said = checked(await reached.client.get("/status"))
    faults = [*(fault["message"] for fault in said["faults"]), said["config_fault"]]
    return Standing(
        running=reached.running,
        state=said["state"],
        version=said["version"],
        files=said["files"],
        passages=said["passages"],
        passages_embedded=said["passages_embedded"],
        folders=[
            FolderStanding(path=root["path"], state=root["state"], files=root["files"])
            for root in said["roots"]
        ],
        eta_s=said["eta_s"],
        faults=[fault for fault in dict.fromkeys(faults) if fault],
    )


def _filters(asked: FilterArguments) -> dict[str, Any]:
    return {
        name: value for name in FilterArguments.__struct_fields__ if (value := getattr(asked, name))
    }


def _heading(heading: list[str]) -> str:
    return " / ".join(heading)


def _url(reached: Reached, file_id: str, locator: dict[str, Any]) -> str:
    """Where a browser opens a file at a place."""
    if not reached.running:
        return ""
    at = {"page": "#page={page}", "time": "#t={start_s:.2f}"}.get(locator["kind"], "")
    return f"{reached.base_url}/files/{file_id}/content{at.format(**locator)}"
