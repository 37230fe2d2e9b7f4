"""The command ``llm``, told of prismd by extra-openai-models.yaml."""

import json
import os
import subprocess
import sys
from pathlib import Path

MODELS = """\
- model_id: prism
  model_name: prism
  api_base: {url}
  api_key_name: prismd
- model_id: sources
  model_name: prism+sources
  api_base: {url}
  api_key_name: prismd
"""
QUESTION = os.environ["QUESTION"]
FOLDER = Path.cwd() / "llm"


def llm(*arguments: str, told: str | None = None) -> str:
    """Run the command."""
    command = [str(Path(sys.executable).with_name("llm")), *arguments]
    done = subprocess.run(
        command,
        env={**os.environ, "LLM_USER_PATH": str(FOLDER)},
        input=told,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


FOLDER.mkdir()
FOLDER.joinpath("extra-openai-models.yaml").write_text(
    MODELS.format(url=os.environ["OPENAI_BASE_URL"])
)
llm("keys", "set", "prismd", "--value", os.environ["OPENAI_API_KEY"])
seen = {
    "version": llm("--version"),
    "listed": llm("models"),
    "streamed": llm("-m", "prism", QUESTION),
    "whole": llm("-m", "prism", "--no-stream", QUESTION),
    "sources": llm("-m", "sources", QUESTION),
    "chat": llm("chat", "-m", "prism", told=f"{QUESTION}\nexit\n"),
    "continued": llm("-m", "prism", "-c", QUESTION),
}
print(json.dumps(seen))
