"""Questions for words as they stand in a file, a misread letter or two allowed. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from rapidfuzz import fuzz

from prismd.answer.citation import same_statement, without_markers
from prismd.answer.evidence import Evidence
from prismd.domain import TimeLocator
from prismd.wording import UNSPACED, begins_question, subject_words, words

LEAST_SCORE = 85.0
"""Of 100: letters that are the same. Measured over recordings (tests/benchmarks/phrases.py): of
phrases made up of two others, 1 of 50 is found at 85 and 7 at 80; of true ones 50 of 50, and 47 at
90."""
_NEAR_BEST = 2.0
_MOST = 3
_PAIRS = ("“”", '„“”"', "«»", "»«", "\u2039\u203a", "\u203a\u2039", "「」", "『』", "《》", "〈〉")
"""Marks that open a quotation, each with those that close it."""
_QUOTED = re.compile(
    "|".join(f"{pair[0]}([^{pair}]{{3,400}}?)[{pair[1:]}]" for pair in _PAIRS)
    # These stand for other things, too: 24" is a measure, and don\u2019t is a word.
    + r"|(?<!\w)\"(?!\s)([^\"]{3,400}?)\"(?!\w)"
    + "|\u201a([^\u201a\u2018]{3,400}?)[\u2018\u2019](?!\\w)"
    + "|(?<!\\w)\u2018([^\u2018]{3,400}?)\u2019(?!\\w)"
)
_ASKED = re.compile("[?\uff1f].{0,2}$", re.DOTALL)
_SIGN = re.compile(r"[\W_]")
_SIGNS = re.compile(r"[\W_]+")
_LEAST_QUOTED, _LEAST_BARE = 3, 4
_CHARACTERS_OF_WORD = 2
"""Of scripts that put no spaces between words."""
_LEAST_TEXT = 0.8
_PLACING_WORDS = """
    said says saying state states stated stand stands written mention mentioned mentions spoken
    quote quoted quotes quotation heard find show file files document documents page pages
    recording recordings minute minutes second line lines place words word sentence phrase passage
    steht stehen gesagt sagt geschrieben erwähnt zitat zitiert gehört finde datei dateien dokument
    seite aufnahme aufnahmen minute sekunde zeile stelle worte satz wort
    où écrit écrite mentionné mentionnée trouve fichier fichiers document page enregistrement phrase
    dice dicho escrito escrita menciona encuentra archivo archivos documento página grabación frase
    detto scritto scritta menziona trova trovo documento documenti pagina registrazione frase
"""
_PLACING = frozenset(_PLACING_WORDS.split())
_PLACING_UNSPACED = re.compile(
    "在?(?:哪里|哪裡|哪儿|哪兒|哪|什么地方|什麼地方)|(?:是)?(?:谁|誰)?[说說]过?過?的?|提到|出[现現]在?|出自|[写寫][着著在]"
    "|[个個一]?(?:文件|文档|文檔|档案|檔案|录音|錄音|视频|影片)|第?[几幾]?(?:页|頁|分[钟鐘]|行)|[这這]?句[话話]|找到?|[请請]"
    "|どの?(?:こ|ファイル|録音|ページ)|書いて|言って|出て|あり|い|きます?|ますか?|という|ファイル|録音|ページ"
    "|[里裡中的了是有到はがをにでとのか]"
)
_NUMBER_WORDS = "zero one two three four five six seven eight nine ten eleven twelve"
_NUMBERS = {word: str(number) for number, word in enumerate(_NUMBER_WORDS.split())}


class Match(msgspec.Struct, frozen=True):
    """Where a phrase stands: a range of the text of a piece of evidence.

    ``start`` is where the quotation begins: in recordings the first word, elsewhere its sentence.
    """

    evidence: Evidence
    start: int
    end: int
    score: float
    cut: bool

    @property
    def text(self) -> str:
        """The quotation in one line."""
        quoted = " ".join(self.evidence.source.text[self.start : self.end].split())
        quoted = without_markers(quoted)
        return f"… {quoted}" if self.cut else quoted

    @property
    def states(self) -> bool:
        """Whether it stands in a sentence that says something: no heading, no question."""
        told = self.evidence.source.text[self.start : self.end].strip()
        passage = self.evidence.hit.passage
        heading = told.strip("#=-*~ \n") in (self.evidence.hit.title, *passage.heading)
        return not heading and not told.startswith("#") and not told.endswith(("?", "\uff1f"))


def phrase_of(asked: str) -> str:
    """The words that are to be found as they are: what is quoted, or a turn that asks nothing.

    Returns:
        Empty where the turn is an ordinary question, be it about something that is quoted.
    """
    if quoted := [found[found.lastindex or 0].strip() for found in _QUOTED.finditer(asked)]:
        longest = max(quoted, key=len)
        unquoted = _PLACING_UNSPACED.sub(" ", _QUOTED.sub(" ", asked))
        around = subject_words(unquoted) - _PLACING
        return longest if _count(longest) >= _LEAST_QUOTED and not around else ""
    bare = asked.strip()
    if _count(bare) < _LEAST_BARE or _ASKED.search(bare) or begins_question(bare):
        return ""
    return bare


def _count(text: str) -> int:
    """How many words a text has, about."""
    unspaced = sum(map(len, UNSPACED.findall(text)))
    spaced = [word for word in UNSPACED.sub(" ", text).split() if not _SIGNS.fullmatch(word)]
    return len(spaced) + unspaced // _CHARACTERS_OF_WORD


def matches(
    phrase: str, evidence: Sequence[Evidence], *, statements_only: bool = False
) -> list[list[Match]]:
    """Where a phrase stands in the evidence, best first; what says the same goes together.

    Args:
        phrase: What is to be found.
        evidence: Where to look.
        statements_only: Whether headings and questions do not count: who types the words of one
            without quoting them wants to know what stands below it.
    """
    found = [match for item in evidence if (match := _match(phrase, item)) is not None]
    if statements_only:
        found = [match for match in found if match.states]
    found.sort(key=lambda match: -match.score)
    groups: list[list[Match]] = []
    for match in found:
        if match.score < found[0].score - _NEAR_BEST:
            break
        for group in groups:
            if same_statement(group[0].text, match.text):
                group.append(match)
                break
        else:
            groups.append([match])
    return groups[:_MOST]


def _match(phrase: str, item: Evidence) -> Match | None:
    sought = _flat(phrase)[0].strip()
    text, offsets = _flat(item.source.text)
    if not sought or len(text) < _LEAST_TEXT * len(sought):
        return None
    found = fuzz.partial_ratio_alignment(sought, text, score_cutoff=LEAST_SCORE)
    if found is None:
        return None
    start, end = _whole_words(text, found.dest_start, found.dest_end)
    if start == end:
        return None
    start, end = offsets[start], offsets[end - 1] + 1
    stated = item.source.text[start:end]
    # A number is not misread by a letter: "press 9" is not "press 6".
    if not _numbers(phrase) <= _numbers(stated):
        return None
    first, last = _sentences(item, start, end)
    heard = isinstance(item.hit.passage.locator, TimeLocator)
    begin = start if heard else first
    return Match(item, begin, last, float(found.score), begin > first)


def _flat(text: str) -> tuple[str, list[int]]:
    """A text in lower case, every run of signs and white space as one blank.

    Returns:
        The text, and where each of its characters stood.
    """
    kept: list[str] = []
    offsets: list[int] = []
    for at, character in enumerate(text):
        low = character.lower() if len(character.lower()) == 1 else character
        if _SIGN.match(low):
            if kept[-1:] == [" "]:
                continue
            low = " "
        kept.append(low)
        offsets.append(at)
    return "".join(kept), offsets


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """A range widened to whole words, without the blanks around them."""
    while start > 0 and not text[start - 1].isspace() and not text[start].isspace():
        start -= 1
    while start < end and text[start].isspace():
        start += 1
    while end < len(text) and not text[end].isspace() and not text[end - 1].isspace():
        end += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _sentences(item: Evidence, start: int, end: int) -> tuple[int, int]:
    """The sentences that a range touches."""
    touched = [pair for pair in item.source.sentences if pair[0] < end and pair[1] > start]
    return (touched[0][0], max(end, touched[-1][1])) if touched else (start, end)


def _numbers(text: str) -> set[str]:
    return {_NUMBERS.get(word, word) for word in words(text) if word.isdigit() or word in _NUMBERS}
