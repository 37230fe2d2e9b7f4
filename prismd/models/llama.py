"""Generation by llama.cpp, in a process of its own.

Native code that dies, hangs or leaks costs that process and one answer. The next question
starts it anew.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from prismd.child import Child, ChildDied, ChildError, ChildTimeout
from prismd.cores import usable_cores
from prismd.errors import ModelError, PromptTooLong
from prismd.models.base import Delta, Message, Sampling
from prismd.models.engine import EngineProcess, crash_of, engine_lost, sleeping_threads
from prismd.models.entry import ModelEntry
from prismd.models.generation import Generation
from prismd.models.guide import check
from prismd.models.installed import verified
from prismd.models.llama_worker import (
    Called,
    Cancel,
    Complete,
    Count,
    Counted,
    Done,
    Failed,
    Load,
    Piece,
    Ready,
    Reply,
    Request,
)
from prismd.models.schema_limits import check_limits

_WORKER = "prismd.models.llama_worker"
_LOAD_S = 300.0
_COUNT_S = 30.0
_CANCEL_GRACE_S = 5.0
_COUNT_PATIENCE_S = 0.05
_BYTES_PER_TOKEN = 3
_REBUILD = (
    "rebuild it without instructions that this processor lacks: "
    "`CMAKE_ARGS='-DGGML_NATIVE=OFF -DLLAVA_BUILD=OFF' pip install --force-reinstall "
    "--no-binary llama-cpp-python --no-cache-dir llama-cpp-python`"
)


class LlamaGenerator(EngineProcess):
    """A GGUF model in a child process, started on first use.

    Args:
        entry: A catalogue entry of the role ``generation``.
        models_dir: Where the models are.
        context_tokens: Tokens of prompt and answer together; 0 takes the entry's.
        threads: For reading and writing; 0 means one for each core.
        idle_unload_s: End the child after so long without work; None never does.
        first_token_timeout_s: The child is killed when a prompt is not read by then.
        token_timeout_s: And when no token follows for so long.
    """

    def __init__(
        self,
        entry: ModelEntry,
        models_dir: Path,
        *,
        context_tokens: int = 0,
        threads: int = 0,
        idle_unload_s: float | None = None,
        first_token_timeout_s: float = 600.0,
        token_timeout_s: float = 120.0,
    ) -> None:
        super().__init__(entry, idle_unload_s)
        self._models_dir = models_dir
        self._context_tokens = context_tokens or entry.max_tokens
        self._threads = threads or usable_cores()
        self.first_token_timeout_s = first_token_timeout_s
        self.token_timeout_s = token_timeout_s

    @property
    def context_tokens(self) -> int:
        """Tokens of prompt and answer together."""
        return self._context_tokens

    def count_tokens(self, text: str) -> int:
        """Tokens of a text.

        While a completion runs the child cannot count, and the answer is an estimate that is
        rather too high (a token for every three bytes).

        Raises:
            ModelError: The weights are missing, or the engine fails.
        """
        if not self.turn.acquire(timeout=_COUNT_PATIENCE_S):
            return -(-len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN)
        try:
            self.send(Count(text))
            reply = self.receive(_COUNT_S)
        finally:
            self.rest()
            self.turn.release()
        if not isinstance(reply, Counted):
            raise self.error(reply)
        return reply.tokens

    def generate(self, messages: Sequence[Message], sampling: Sampling) -> Generation:
        """Generate, piece by piece; waits for its turn. ``close`` stops it from any thread.

        Raises:
            RequestError: At once: a schema is too large, or there is no grammar for it.
            ModelError: While iterating: the weights are missing, the engine died or does not
                answer, or the prompt does not fit ``context_tokens``.
        """
        check_limits(sampling)
        check(sampling)
        return _LlamaGeneration(self, Complete(tuple(messages), sampling))

    def self_test(self) -> None:
        """Write one token, to prove that the engine runs on this processor.

        Raises:
            ModelError: It does not; says what to do.
        """
        for _ in self.generate([Message("user", "Hi")], Sampling(max_tokens=1)):
            pass

    def close(self) -> None:
        """End the child, and a completion that runs; the next call starts it again."""
        child = self._child
        if child is None:
            return
        if self.turn.acquire(timeout=_COUNT_PATIENCE_S):
            try:
                self._end_child()
            finally:
                self.turn.release()
        else:
            child.kill()

    def send(self, request: Request) -> None:
        """Send to the child, starting it when it does not run; the turn must be held."""
        self._idle.end()
        if self._child is None or not self._child.alive:
            self._start_noting_failure()
        assert self._child is not None  # noqa: S101 - it was started, or that raised
        try:
            self._child.send(request)
        except ChildError as error:
            raise self._broken(error) from error

    def interrupt(self) -> None:
        """Ask the child to end its completion; from any thread."""
        child = self._child
        if child is not None and child.alive:
            try:
                child.send(Cancel(), timeout_s=1.0)
            except ChildError:
                child.kill()

    def receive(self, timeout_s: float) -> Reply:
        """The child's next reply; a child that is late or dead is gone afterwards."""
        assert self._child is not None  # noqa: S101 - send() came before
        try:
            return self._child.receive(Reply, timeout_s)  # type: ignore[arg-type]
        except ChildError as error:
            raise self._broken(error) from error

    def error(self, reply: Reply) -> ModelError:
        """The error that a reply stands for."""
        message = reply.message if isinstance(reply, Failed) else "answered out of turn"
        if not isinstance(reply, Failed):
            self.kill()
        if isinstance(reply, Failed) and reply.too_long:
            return PromptTooLong(f"{self.name}: {message}")
        return ModelError(f"{self.name}: {message}")

    def _start_noting_failure(self) -> None:
        try:
            self._start()
        except ModelError as error:
            self.failure = str(error)
            raise
        self.failure = ""

    def _start(self) -> None:
        path = verified(self.entry, self._models_dir)[self.entry.files[0].name]
        try:
            self._child = Child(_WORKER, env=sleeping_threads(), name=f"{self.name}'s engine")
            self._child.send(Load(str(path), self._context_tokens, self._threads))
        except ChildError as error:
            raise self._broken(error) from error
        reply = self.receive(_LOAD_S)
        if not isinstance(reply, Ready):
            self.kill()
            raise self.error(reply)

    def _broken(self, error: ChildError) -> ModelError:
        """What to tell of a child that is late or dead; ends it."""
        self.kill()
        if isinstance(error, ChildTimeout):
            return ModelError(
                f"{self.name}: gave no token in time and was stopped; try again with a shorter "
                "question, or choose a smaller model"
            )
        if signal_name := crash_of(error):
            return ModelError(f"{self.name}: llama.cpp died of {signal_name}; {_REBUILD}")
        if isinstance(error, ChildDied) and error.signal_name == "SIGKILL":
            return ModelError(
                f"{self.name}: the engine was killed, perhaps for want of memory; "
                "try again, or choose a smaller model"
            )
        return engine_lost(self.name, error)


class _LlamaGeneration(Generation):
    """One completion of the child."""

    def __init__(self, generator: LlamaGenerator, request: Complete) -> None:
        super().__init__(generator.turn)
        self._generator = generator
        self._request = request
        self._timeout_s = generator.first_token_timeout_s
        self._sent = False

    def _step(self) -> Delta | None:
        generator = self._generator
        if not self._sent:
            generator.send(self._request)
            self._sent = True
            if self._closing.is_set():  # Whoever closes saw nothing to interrupt yet.
                generator.interrupt()
        reply = generator.receive(self._timeout_s)
        self._timeout_s = generator.token_timeout_s
        if isinstance(reply, Piece):
            return Delta(reply.text)
        if isinstance(reply, Called):
            return Delta("", tool_call=reply.call)
        generator.rest()
        if isinstance(reply, Done):
            return Delta("", reply.finish_reason, reply.prompt_tokens, reply.completion_tokens)
        raise generator.error(reply)

    def _interrupt(self) -> None:
        if self._sent:
            self._generator.interrupt()

    def _abandon(self) -> None:
        """Read to the end that the child was asked for; if it does not come, end the child."""
        if not self._sent:
            return
        deadline = time.monotonic() + _CANCEL_GRACE_S
        try:
            while isinstance(self._generator.receive(deadline - time.monotonic()), Piece | Called):
                pass
        except ModelError:
            return  # The child is gone, and nobody waits for its answer.
        self._generator.rest()
