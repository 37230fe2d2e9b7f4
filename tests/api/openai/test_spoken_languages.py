"""Languages by code and by name, as tools write them."""

from __future__ import annotations

import pytest

from prismd.api.openai.spoken_languages import code_of, name_of
from prismd.models.catalog_speech import ENTRIES


def test_every_language_of_every_model_has_a_name_that_leads_back_to_it() -> None:
    for code in {code for entry in ENTRIES for code in entry.languages}:
        assert name_of(code) != code, code
        assert code_of(name_of(code)) == code_of(code) == code


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("de", "de"),
        ("DE", "de"),
        ("de-AT", "de"),
        ("pt_BR", "pt"),
        (" german ", "de"),
        ("German", "de"),
        ("nb", "no"),
        ("jv", "jw"),
        ("zh-Hans-CN", "zh"),
        ("klingon", ""),
        ("", ""),
        ("-", ""),
        ("x" * 10_000, ""),
    ],
)
def test_a_language_is_understood_as_tools_write_it(written: str, code: str) -> None:
    assert code_of(written) == code


def test_an_unknown_code_is_its_own_name() -> None:
    assert name_of("tlh") == "tlh"
    assert name_of("") == ""
