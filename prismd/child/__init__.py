"""A child Python process that speaks length-prefixed msgpack frames with its parent.

Parsers and native engines run in such children, so that a crash, a hang or a leak in one of
them costs a process and not the daemon. The parent's side is ``Child``; the child's module
opens its side with ``channel()`` as the first thing it does::

    from prismd.child import channel

    def main() -> None:
        with channel() as parent:
            for request in parent.requests(Request):
                parent.send(answer(request))

A child is started afresh (never forked from a threaded parent), leads a session and process
group of its own, and does not outlive its parent: it ends at end of file on its input, and on
Linux the kernel kills it when the parent dies, whatever it is doing.

A frame is four bytes of length, little endian, and one msgpack value. Frames of both directions
run over one socket pair, which the child finds as its standard input. Its standard output goes
where its standard error goes, so that a stray print of native code cannot corrupt a frame.
"""

from __future__ import annotations

from prismd.child.inside import Channel, channel
from prismd.child.outside import Child, ChildDied, ChildError, ChildTimeout
from prismd.child.terms import MAX_FRAME_BYTES, MEMORY_EXIT_CODE

__all__ = [
    "MAX_FRAME_BYTES",
    "MEMORY_EXIT_CODE",
    "Channel",
    "Child",
    "ChildDied",
    "ChildError",
    "ChildTimeout",
    "channel",
]
