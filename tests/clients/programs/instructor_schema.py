"""instructor: an answer that is an object, by JSON schema and by a tool."""

import json
from importlib.metadata import version

import instructor
import openai
from pydantic import BaseModel


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int


seen = {"version": version("instructor")}
for mode in (instructor.Mode.JSON_SCHEMA, instructor.Mode.TOOLS):
    client = instructor.from_openai(openai.OpenAI(), mode=mode)
    person = client.chat.completions.create(
        model="prism-raw",
        response_model=Person,
        messages=[{"role": "user", "content": "Ada is 36 years old."}],
        max_retries=0,
        max_tokens=200,
    )
    seen[mode.name] = person.model_dump()
print(json.dumps(seen))
