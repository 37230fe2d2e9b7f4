from __future__ import annotations

import subprocess
import sys

PARSERS = {"docx", "lxml", "markdown_it", "pymupdf", "selectolax"}


def loaded_by(statement: str) -> set[str]:
    """Top-level modules in a fresh interpreter after a statement."""
    code = f"{statement}; import sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_daemon_starts_without_a_parser_or_an_inference_engine() -> None:
    unwanted = PARSERS | {"llama_cpp", "onnxruntime", "tokenizers"}
    assert not loaded_by("import prismd.daemon.lifetime, prismd.daemon.serving") & unwanted


def test_the_command_line_starts_without_the_daemon() -> None:
    # A shell starts it at every Tab.
    unwanted = {"asyncio", "litestar", "uvicorn", "apsw", "numpy"}
    assert not loaded_by("import prismd.cli") & unwanted
