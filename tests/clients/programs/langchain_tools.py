"""LangChain's ChatOpenAI with tools bound, and with an answer in a schema."""

import json

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel


@tool
def weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"It rains in {city}."


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int


model = ChatOpenAI(model="prism-raw", temperature=0)
asked = HumanMessage("What is the weather in Porto?")
called = model.bind_tools([weather], tool_choice="weather").invoke([asked])
(call,) = called.tool_calls
said = ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"])
streamed = None
for piece in model.bind_tools([weather], tool_choice="any").stream([asked]):
    streamed = piece if streamed is None else streamed + piece
person = model.with_structured_output(Person).invoke("Ada is 36 years old.")
seen = {
    "name": call["name"],
    "arguments": call["args"],
    "finish_reason": called.response_metadata["finish_reason"],
    "streamed": [call["name"] for call in streamed.tool_calls],
    "answer": model.invoke([asked, called, said]).content,
    "person": person.model_dump(),
}
print(json.dumps(seen))
