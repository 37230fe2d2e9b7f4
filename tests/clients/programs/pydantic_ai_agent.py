"""pydantic-ai: an agent that answers with an object, and one that uses a tool."""

import json
import os
from importlib.metadata import version

from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.settings import ModelSettings


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int


brief = ModelSettings(max_tokens=200, temperature=0)
raw = OpenAIChatModel("prism-raw")
native = Agent(raw, output_type=NativeOutput(Person), model_settings=brief)
by_tool = Agent(raw, output_type=Person, model_settings=brief)
cited = Agent(OpenAIChatModel("prism"))
seen = {
    "version": version("pydantic-ai-slim"),
    "cited": cited.run_sync(os.environ["QUESTION"]).output,
    "native": native.run_sync("Ada is 36 years old.").output.model_dump(),
    "by tool": by_tool.run_sync("Ada is 36 years old.").output.model_dump(),
}
print(json.dumps(seen))
