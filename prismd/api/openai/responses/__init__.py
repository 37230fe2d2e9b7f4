"""``/v1/responses``: the questions of chat completions, with items, typed events and a memory.

A request is brought to that of a chat (``translating``), so that both ask in one way; what comes
of it is told as a response (``shape``), at once or as events (``telling``), and kept (``keeping``)
so that a later request can lean on it.
"""
