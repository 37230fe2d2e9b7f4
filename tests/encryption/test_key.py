from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.encryption.key import Key


@given(st.binary(min_size=32, max_size=32))
def test_what_is_shown_is_read_again(raw: bytes) -> None:
    key = Key(raw)
    assert Key.parse(key.text) == key
    assert Key.parse(f"  {key.text[:20].upper()}\n{key.text[20:]}\n") == key


@pytest.mark.parametrize(
    "text", ["", "ab", "g" * 64, "0" * 63, "0" * 66, "raw:" + "0" * 64, "0x" + "0" * 62, "é" * 64]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"hexadecimal|32 bytes"):
        Key.parse(text)


def test_a_key_is_new_each_time_and_shown_by_nothing_but_its_text() -> None:
    one, other = Key.fresh(), Key.fresh()
    assert one != other
    assert one != one.text
    for shown in (repr(one), str(one), f"{one}", repr([one])):
        assert one.text not in shown
