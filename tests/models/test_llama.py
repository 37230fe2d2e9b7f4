"""What can go wrong with the engine's process; the rest is in the contract of generators."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from prismd.errors import ModelError, RequestError
from prismd.models.base import Message, Sampling
from prismd.models.catalog import find
from prismd.models.generation import Generation
from prismd.models.llama import LlamaGenerator

pytestmark = [pytest.mark.llama, pytest.mark.models]
ENTRY = find("smollm2-135m-instruct")
LONG_PROMPT = [Message("user", "Sum this up: " + "many words of many kinds " * 350)]


def story(generator: LlamaGenerator, max_tokens: int = 4) -> Generation:
    return generator.generate([Message("user", "Tell a story")], Sampling(max_tokens=max_tokens))


@pytest.fixture(scope="module")
def shared(llama_weights: Path) -> Iterator[LlamaGenerator]:
    generator = LlamaGenerator(ENTRY, llama_weights, context_tokens=2048, threads=1)
    yield generator
    generator.close()


def gone(pid: int) -> bool:
    """Whether the process has ended; waits for it."""
    try:
        psutil.Process(pid).wait(timeout=30)
    except psutil.NoSuchProcess:
        return True
    return not psutil.pid_exists(pid)


def test_the_self_test_passes_here(shared: LlamaGenerator) -> None:
    shared.self_test()
    assert shared.loaded


@pytest.mark.parametrize("number", [signal.SIGILL, signal.SIGSEGV])
def test_a_crash_names_the_remedy_and_the_next_answer_comes(
    shared: LlamaGenerator, number: signal.Signals
) -> None:
    generation = story(shared, max_tokens=300)
    next(generation)
    assert shared.pid is not None
    os.kill(shared.pid, number)
    with pytest.raises(ModelError, match=rf"{number.name}.*GGML_NATIVE=OFF"):
        list(generation)
    assert list(story(shared))


def test_an_engine_that_gives_no_token_in_time_is_killed(llama_weights: Path) -> None:
    generator = LlamaGenerator(ENTRY, llama_weights, context_tokens=2048, threads=1)
    generator.self_test()
    pid = generator.pid
    assert pid is not None
    generator.first_token_timeout_s = 0.01
    with pytest.raises(ModelError, match="gave no token in time"):
        list(generator.generate(LONG_PROMPT, Sampling()))
    assert gone(pid)
    generator.first_token_timeout_s = 600.0
    assert list(story(generator))
    generator.close()


def test_closing_while_a_prompt_is_read_keeps_the_engine(shared: LlamaGenerator) -> None:
    shared.self_test()
    pid = shared.pid
    generation = shared.generate(LONG_PROMPT, Sampling(max_tokens=400))
    got: list[object] = []
    reader = threading.Thread(target=lambda: got.extend(generation))
    reader.start()
    assert pid is not None
    engine, start_s = psutil.Process(pid), time.process_time()
    before = engine.cpu_times().user
    while engine.cpu_times().user - before < 0.05 and time.process_time() - start_s < 30:
        pass  # It has begun to read.
    generation.close()
    reader.join()
    assert got == []
    assert shared.pid == pid
    assert list(story(shared))


def test_control_tokens_in_a_document_are_plain_text(shared: LlamaGenerator) -> None:
    def prompt_tokens(content: str) -> int:
        *_, last = shared.generate([Message("user", content)], Sampling(max_tokens=1))
        return last.prompt_tokens

    # As a control token it would be one.
    assert prompt_tokens("a<|im_end|>") - prompt_tokens("a") > 1


def test_a_prompt_that_begins_like_the_last_is_not_read_again(shared: LlamaGenerator) -> None:
    def first_token_s(question: str) -> float:
        generation = shared.generate(
            [LONG_PROMPT[0], Message("assistant", "Well."), Message("user", question)],
            Sampling(max_tokens=1),
        )
        start_s = engine.cpu_times().user
        next(generation)
        spent = float(engine.cpu_times().user - start_s)
        generation.close()
        return spent

    shared.self_test()
    engine = psutil.Process(shared.pid)
    # Processor time of the engine, not of the clock: a fraction is left of the first reading.
    assert first_token_s("Why?") > 3 * first_token_s("How?")


def test_a_schema_that_is_none_is_refused_and_the_engine_lives(shared: LlamaGenerator) -> None:
    sampling = Sampling(max_tokens=5, response_schema={"type": "nonsense"})
    with pytest.raises(RequestError, match="schema cannot be turned into a grammar"):
        shared.generate([Message("user", "x")], sampling)
    assert list(story(shared))


def test_counting_while_an_answer_is_written_is_an_estimate(shared: LlamaGenerator) -> None:
    generation = story(shared, max_tokens=300)
    next(generation)
    assert shared.count_tokens("abcdef") == 2
    generation.close()


def test_an_idle_engine_ends(llama_weights: Path) -> None:
    generator = LlamaGenerator(ENTRY, llama_weights, context_tokens=256, idle_unload_s=0.05)
    generator.self_test()
    deadline = threading.Event()
    while generator.loaded and not deadline.wait(0.01):
        pass
    assert list(story(generator))
    generator.close()


def test_close_ends_the_process_even_in_mid_answer(llama_weights: Path) -> None:
    generator = LlamaGenerator(ENTRY, llama_weights, context_tokens=512, threads=1)
    generation = story(generator, max_tokens=400)
    next(generation)
    pid = generator.pid
    generator.close()
    with pytest.raises(ModelError):
        list(generation)
    assert pid is not None
    assert gone(pid)


def test_a_missing_package_names_the_extra(
    llama_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "llama_cpp.py").write_text("raise ImportError('not here')\n")
    search = [str(tmp_path), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(part for part in search if part))
    generator = LlamaGenerator(ENTRY, llama_weights)
    with pytest.raises(ModelError, match=r"pip install 'prismd\[llama\]'"):
        generator.self_test()
    assert "llama-cpp-python is not installed" in generator.failure
    assert not generator.loaded


def test_weights_that_are_no_model_are_an_error_of_the_model(tmp_path: Path) -> None:
    from prismd.models.added import add, entries

    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF" + bytes(100))
    add("broken", path, tmp_path / "models")
    generator = LlamaGenerator(find("broken", entries(tmp_path / "models")), tmp_path / "models")
    with pytest.raises(ModelError, match="broken: "):
        generator.self_test()
