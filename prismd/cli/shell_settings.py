"""Settings that are made in a shell alone, and hold for nothing that is started without it."""

from __future__ import annotations

from prismd.config.options import Config

_ENVIRONMENT = "environment "


def note_on(config: Config, what: str) -> str:
    """What to tell who has something started without this shell.

    Args:
        config: The settings, as they are in this shell.
        what: Who does without, as the sentence has it, such as ``for the service``.

    Returns:
        Empty where nothing is lost: the data directory and the configuration file are named by
        options.
    """
    places = (place for key, place in config.sources.items() if key != "data_dir")
    names = sorted(
        {place.removeprefix(_ENVIRONMENT) for place in places if place.startswith(_ENVIRONMENT)}
    )
    if not names:
        return ""
    return (
        f"{', '.join(names)}: set in this shell, and not {what}; write it into the configuration"
        " file"
    )
