"""The settings as a newcomer meets them."""

from __future__ import annotations

from pathlib import Path

from prismd.config import load
from tests.cli.harness import Place


def test_the_example_can_be_taken_as_it_is(place: Place, tmp_path: Path) -> None:
    said = place.run("config", "example")
    assert said == Path(__file__).parents[2].joinpath("config.example.toml").read_text("utf-8")
    own = tmp_path / "own.toml"
    own.write_text(said, encoding="utf-8")
    assert load(own).file == own
