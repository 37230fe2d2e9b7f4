"""Which languages a picture is read with."""

from __future__ import annotations

from prismd.extract.ocr.languages import about_missing, choose, for_language, for_script

MANY = ("afr", "deu", "eng", "fra", "jpn", "jpn_vert", "rus", "spa", "ukr")


def test_what_is_asked_for_is_taken_in_its_order() -> None:
    chosen = choose(("deu", "eng", "deu"), ("eng", "deu", "fra"))
    assert chosen.languages == ("deu", "eng")
    assert not chosen.missing
    assert not chosen.by_script


def test_what_is_asked_for_and_missing_is_told_with_the_remedy() -> None:
    chosen = choose(("deu", "chi_sim"), ("eng", "deu"))
    assert chosen.languages == ("deu",)
    assert chosen.missing == ("chi_sim",)
    told = about_missing(chosen.missing, chosen.languages)
    assert "chi_sim" in told
    assert "tesseract-ocr-chi-sim" in told or "tesseract-lang" in told
    assert "prismd reindex --stale" in told


def test_where_nothing_of_it_is_installed_what_there_is_is_taken() -> None:
    chosen = choose(("fra",), ("deu", "eng"))
    assert chosen.languages == ("eng", "deu")
    assert chosen.missing == ("fra",)


def test_a_few_latin_languages_are_read_together_english_first() -> None:
    assert choose((), ("deu", "eng")).languages == ("eng", "deu")
    assert choose((), ("fra",)).languages == ("fra",)


def test_of_many_languages_the_text_chooses() -> None:
    chosen = choose((), MANY)
    assert chosen.languages == ("eng",)
    assert for_language(chosen, "fr") == ("fra", "eng")
    assert for_language(chosen, "en") == ()
    assert for_language(chosen, "pt") == ()
    assert for_language(chosen, "") == ()


def test_a_few_languages_leave_nothing_to_choose() -> None:
    assert for_language(choose((), ("deu", "eng")), "de") == ()


def test_another_script_has_its_own_languages() -> None:
    chosen = choose((), MANY)
    assert for_script(chosen, "Cyrillic") == ("rus", "ukr")
    assert for_script(chosen, "Katakana") == ("jpn",)
    assert for_script(chosen, "Thai") == ()
    assert for_script(chosen, "Latin") == ()


def test_without_latin_languages_another_script_comes_first() -> None:
    chosen = choose((), ("rus",))
    assert chosen.languages == ("rus",)
    assert for_script(chosen, "Cyrillic") == ()


def test_nothing_installed_is_nothing_to_read_with() -> None:
    assert choose((), ()).languages == ()
    assert choose(("deu",), ()).languages == ()
