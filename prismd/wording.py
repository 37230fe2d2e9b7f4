"""Words and sentences of a text, in any language. Pure."""

from __future__ import annotations

import os
import re
from pathlib import PurePath

import sentencex

_BROKEN_WORD = re.compile(r"(\w)[-\u00ad\u2010]\n(?=[^\W\d_A-Z])")
_SOFT_HYPHEN = "\u00ad"
UNSPACED = re.compile(
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u0f00-\u0fff"  # Tibetan
    "\u1000-\u109f"  # Myanmar
    "\u1780-\u17ff"  # Khmer
    "\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff"  # Kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han
    "\U00020000-\U0003ffff"  # Han, supplementary planes
    "]+"
)
"""A run of a script that puts no spaces between words."""
_WORD = re.compile(r"[^\W_]+")
_TOPIC_WORD = re.compile(r"\w+(?:['\u2019.,-]\w+)*")
_WRAPPED = re.compile(r"(?<![\n|\t])\n(?=[^\n|\t*#\-+\d][^\t\n]*(?:\n|$))")
_ROW = re.compile(r"^(?:[ ]*\|.*\||[^\n]*\t[^\n]*)$", re.MULTILINE)
"""A row of a table: Markdown, or cells with tabs between them."""
_RULE = re.compile(r"[\s|:-]+")
_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")
_TELLING_LENGTH = 4
_STEM_LENGTH = 4
_PAIRED_SHARE = 1 / 3

# Small sets for the five languages that are met most. What they miss is judged as before; what
# they find too much of only makes a claim weaker or a question vaguer.
_DENYING_WORDS = """
    not no never none nobody nothing neither nor cannot
    deny denies denied denying false untrue
    nicht kein keine keinen keinem keiner keines nie niemals niemand nichts weder
    bestreiten bestreitet bestritt bestritten leugnen leugnet falsch
    ne pas jamais aucun aucune rien nie nier nions faux
    nunca ningún ninguno ninguna nadie nada jamás niega niegan negamos falso
    non nessun nessuno nessuna niente nulla nega negano neghiamo
"""
_NEGATIONS = frozenset(_DENYING_WORDS.split())
_CONTRACTED = re.compile("n['\u2019]t\\b|\\bn['\u2019](?=\\w)", re.IGNORECASE)  # don't; il n'a
_REPLY = re.compile("\\W*(?:no|nein|non)\\s*[,;:.!\u2013\u2014]", re.IGNORECASE)
_NUMBERED = re.compile(r"\bno\.?\s*(?=\d)", re.IGNORECASE)  # invoice no. 5
_ASKING_WORDS = """
    what when where which whose whom does have has will would could should many much long
    there that this with from about were been into your their tell
    welche welcher welches wann wieviel viele lange wird werden wurde sind haben eine einen
    einer über kann soll gibt
    quand quel quelle quels quelles combien pourquoi comment sont dans pour avec
    cuándo cuando dónde donde cuál cual cuánto cuanto cuántos quién quien cómo como para
    quando dove quale quali quanto quanti come sono della delle dello degli
"""
_ASKING = frozenset(_ASKING_WORDS.split())
_BEGINNING_WORDS = """
    what when where which whose whom who why how
    was wann wo welche welcher welches wer wen wem wessen warum weshalb wieso wie woher wohin
    wieviel
    que quoi quand où qui quel quelle quels quelles combien pourquoi comment
    qué cuándo cuando dónde donde cuál cuánto cuántos quién quien cómo como por
    che cosa quando dove quale quali quanto quanti chi come perché
"""
_BEGINNING = frozenset(_BEGINNING_WORDS.split())
_BEGINNING_VERBS = """
    is are were do does did can could should will would has have had may
    ist sind war waren hat haben hatte kann können soll sollte wird werden darf
    est sont avez peut es son puede è sono può
"""
_SUBJECT_WORDS = """
    i you he she it we they there this that these those the a an any my your our his her their
    ich du er sie es wir ihr man das der die den dieser diese dieses ein eine mein meine unser
    je tu il elle on nous vous ils elles le la les un une ce cette mon ma notre
    yo el los las una mi su nuestro io lui lei noi il lo gli i un mio
"""
_PARTICULAR_WORDS = """
    when where which whose whom who why how
    wann wo welche welcher welches wer wen wem wessen warum weshalb wieso wie woher wohin wieviel
    quand où quel quelle quels quelles qui pourquoi comment combien
    cuándo cuando dónde donde cuál cual cuánto cuanto cuántos quién quien cómo
    quando dove quale quali quanto quanti chi perché
"""
PARTICULAR = frozenset(_PARTICULAR_WORDS.split())
"""Words that ask for one thing: not for what something is or says."""
_POINTING_WORDS = """
    it its he him his she her hers they them their theirs this that these those
    er ihn ihm sie ihr ihre ihren ihrem ihres ihnen es seine seinen seinem seines
    dies diese dieser dieses diesem diesen davon dafür dazu darin darauf darüber dabei damit dort
    elle ils elles ce cet cette ces cela ça celui celle lui leur leurs
    él ella ellos ellas esto esta este ese esa eso aquello su sus
    esso essa lui lei loro questo questa quello quella suo sua
"""
_JOINING_WORDS = """
    and or but so then also about und oder aber dann auch et ou mais puis aussi y o pero entonces
    también e ma poi anche
"""
JOINING = frozenset(_JOINING_WORDS.split())
"""Words with which a turn goes on from the one before."""
POINTING = frozenset(_POINTING_WORDS.split())
"""Words that stand for something that was said, sent or shown before."""
_VERBS = frozenset(_BEGINNING_VERBS.split())
_SUBJECTS = frozenset(_SUBJECT_WORDS.split())
_FILLING = _ASKING | _BEGINNING | _VERBS | _SUBJECTS | JOINING | POINTING | {"much", "many"}
_ASKING_UNSPACED = re.compile(
    "什么|什麼|怎么|怎麼|怎样|为什么|為什麼|哪|谁|誰|吗|嗎|何時|何が|どこ|どう|なぜ|いつ|ですか|ますか"
)
_POLITE_WORDS = """
    thanks thank you thx cheers great ok okay yes no fine cool perfect nice good hello hi hey bye
    goodbye very much so a lot again please right alright got it
    danke dankeschön bitte sehr vielen dank gut prima super ja nein hallo tschüss
    merci beaucoup bien oui bonjour salut gracias muchas vale sí hola adiós
    grazie mille bene ciao
"""
_COURTESIES = frozenset(_POLITE_WORDS.split())
_MANNERS = """
    please reply answer answers respond response responses write be keep use give it your the in
    with only just no not do don't more than at most a an one two three four five 1 2 3 4 5
    short shorter brief briefly concise concisely simple simply plain clear clearly exact exactly
    detailed detail details step by full complete and or as to me
    word words sentence sentences line lines paragraph paragraphs bullet bullets point points list
    table markdown text language cite citing source sources citation citations
    english german french spanish italian dutch portuguese polish russian chinese japanese korean
    bitte antworte antworten kurz kurze knapp ausführlich auf deutsch englisch französisch spanisch
    italienisch einem einen ein zwei drei satz sätzen wort worten stichpunkten nur mit quellen
    s'il vous plaît réponds répondez brièvement en français anglais allemand une phrase
    por favor responde responda breve brevemente español inglés alemán frase
"""
_MANNER = frozenset(_MANNERS.split()) | frozenset(["don", "t", "s", "il"])
_MARKUP = re.compile(r"[\[\]【】<>`*|\\]|!(?=\[)|(?<=\w)://")
_PICTURE_NOUNS = """
    picture pictures photo photos photograph photographs image images screenshot screenshots
    snapshot snapshots bild bilder foto fotos aufnahme aufnahmen bildschirmfoto
    photographie photographies imagen imágenes fotografía fotografías
    immagine immagini fotografia fotografie
    照片 图片 圖片 相片 写真 画像 사진
"""
PICTURE_WORDS = frozenset(_PICTURE_NOUNS.split())
_RECORDING_NOUNS = """
    recording recordings audio sound sounds video videos film films clip clips podcast podcasts
    memo memos song songs track tracks aufnahme aufnahmen tonaufnahme tonaufnahmen ton lied lieder
    enregistrement enregistrements vidéo vidéos chanson chansons grabación grabaciones canción
    canciones registrazione registrazioni canzone canzoni
    录音 錄音 视频 影片 録音 動画 음성 녹음
"""
RECORDING_WORDS = frozenset(_RECORDING_NOUNS.split())
_SHOWING_WORDS = """
    show shows showing find look looking taken made play hear listen
    zeig zeige zeigt finde such suche gemacht spiel spiele
    montre montrez trouve cherche muestra muéstrame busca mostra mostrami trova cerca
"""
_SHOWING = frozenset(_SHOWING_WORDS.split())
_KIND_WORDS = {"image": PICTURE_WORDS, "audio": RECORDING_WORDS}
_INSTRUCTION = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b[^.!?]{0,60}"
    r"\b(?:instructions?|prompts?|rules?|passages?|context|above)\b"
    r"|(?:^\W*|[.:;!?]\s+)(?:please\s+)?"
    r"(?:say|answer|respond|reply|tell\s+(?:them|the\s+user|him|her)|output|print)\b"
    r"(?:\s+\w+){0,3}?\s*(?:\bthat\b|\bwith\b|[:\"“'])"
    r"|\b(?:say|answer|respond|reply|output|print|write)\b[^.!?]{0,80}\band\s+nothing\s+else\b"
    r"|\b(?:ignoriere|vergiss|ignorez|oubliez|ignora|olvida|dimentica)\b[^.!?]{0,60}"
    r"\b(?:anweisung\w*|instructions?|instruccion\w*|istruzion\w*)\b",
    re.IGNORECASE,
)


def join_broken_words(text: str) -> str:
    """A text with the words joined that a hyphen broke at a line's end."""
    if "\n" in text:
        text = _BROKEN_WORD.sub(r"\1", text)
    return text.replace(_SOFT_HYPHEN, "") if _SOFT_HYPHEN in text else text


def unwrap(text: str) -> str:
    """A text with the lines of its paragraphs joined; tables and lists keep theirs."""
    return _WRAPPED.sub(" ", join_broken_words(text))


def statement_ranges(text: str, language: str = "") -> list[tuple[int, int]]:
    """Where the sentences of the prose and the rows of the tables stand.

    Returns:
        As ``sentence_ranges``.
    """
    ranges: list[tuple[int, int]] = []
    start = 0
    for row in _ROW.finditer(text):
        ranges += _within(text, start, row.start(), language)
        if not _RULE.fullmatch(row[0]):
            ranges += [trimmed] if (trimmed := trim(text, row.start(), row.end())) else []
        start = row.end()
    return ranges + _within(text, start, len(text), language)


def _within(text: str, start: int, end: int, language: str) -> list[tuple[int, int]]:
    return [(start + a, start + b) for a, b in sentence_ranges(text[start:end], language)]


def sentence_ranges(text: str, language: str = "") -> list[tuple[int, int]]:
    """Where the sentences stand, without the white space around them.

    Args:
        text: Any text; a blank line always ends a sentence.
        language: ISO 639-1 code where it is known, for its abbreviations.

    Returns:
        Half-open ranges in code points, ascending, not overlapping, none empty.
    """
    ranges = []
    for boundary in sentencex.get_sentence_boundaries(language or "en", text):
        start, end = boundary["start_index"], boundary["end_index"]
        for piece_start, piece_end in _split_paragraphs(text, start, end):
            if trimmed := trim(text, piece_start, piece_end):
                ranges.append(trimmed)
    return ranges


def _split_paragraphs(text: str, start: int, end: int) -> list[tuple[int, int]]:
    pieces = []
    for gap in _PARAGRAPH.finditer(text, start, end):
        pieces.append((start, gap.start()))
        start = gap.end()
    pieces.append((start, end))
    return pieces


def trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The range without white space at its ends, or None where nothing is left."""
    piece = text[start:end]
    stripped = piece.lstrip()
    if not stripped:
        return None
    start += len(piece) - len(stripped)
    return start, start + len(stripped.rstrip())


def passage_context(title: str, heading: tuple[str, ...]) -> str:
    """Title and headings of a passage in one line, outermost first, none twice."""
    return " > ".join(dict.fromkeys(part for part in (title, *heading) if part))


def pairs(run: str) -> list[str]:
    """The overlapping pairs of characters of an unspaced run; the run itself when it is one."""
    return [run[i : i + 2] for i in range(len(run) - 1)] or [run]


def words(text: str) -> list[str]:
    """The words of a text, case folded; those of unspaced scripts as pairs of characters."""
    found: list[str] = []
    for word in _WORD.findall(join_broken_words(text).casefold()):
        position = 0
        for run in UNSPACED.finditer(word):
            found += [word[position : run.start()]] if run.start() > position else []
            found += pairs(run[0])
            position = run.end()
        found += [word[position:]] if position < len(word) else []
    return found


def shown_name(path: str | PurePath) -> str:
    """A file's name, fit to print: what is not UTF-8 or not printable in it is replaced."""
    called = path if isinstance(path, PurePath) else PurePath(path)
    name = os.fsencode(called.name).decode("utf-8", "replace")
    return "".join(character if character.isprintable() else "\ufffd" for character in name)


def shown_folder(path: str) -> str:
    """The name of the folder that a file lies in, fit to print; empty where it has none.

    Uploads are all in one: the number in their paths says nothing to anybody.
    """
    parents = PurePath(path).parent.parts
    if not parents:
        return ""
    return shown_name(parents[-1] if path.startswith("/") else parents[0])


def plain(text: str) -> str:
    """A text in one line, without what links, pictures, code, HTML or marks are made of."""
    return " ".join(_MARKUP.sub(" ", text).split())


def telling_words(text: str) -> set[str]:
    """The words that tell one statement from another: numbers, and words that are not short."""
    found = {word.lstrip("0") if word.isdigit() else word for word in words(text)}
    long = {word for word in found if len(word) >= _TELLING_LENGTH or not word.isascii()}
    return long | {word for word in found if word.isdigit()} or found


def share_of(wanted: set[str], found: set[str]) -> float:
    """The share of the wanted words that is found; 0 where none is wanted."""
    return len(wanted & found) / len(wanted) if wanted else 0.0


def subject_words(question: str) -> set[str]:
    """The telling words of a question without those that only ask; empty where none is left."""
    short = {word for word in words(question) if len(word) < _TELLING_LENGTH and word.isascii()}
    return telling_words(question) - _ASKING - {word for word in short if not word.isdigit()}


def topic_of(text: str) -> str:
    """What a text is about: its words without those that only ask, join or point, in its order."""
    kept = (word for word in _TOPIC_WORD.findall(text) if word.casefold() not in _FILLING)
    return " ".join(dict.fromkeys(kept))


def leans(turn: str) -> bool:
    """Whether a turn says little without what was said, sent or shown before."""
    said = words(turn)
    first = next((word for word in said if word not in _BEGINNING), "")  # "what about", "and"
    return first in JOINING or not POINTING.isdisjoint(said) or not subject_words(turn)


def apart_from_manner(turn: str) -> tuple[str, str]:
    """What a turn asks, and how it wants to be answered ("Reply in English."), if it says both.

    Returns:
        The first is never empty unless the turn is; the second mostly is.
    """
    ranges = sentence_ranges(turn)
    manner = [pair for pair in ranges if _wants_manner(turn[pair[0] : pair[1]])]
    if not manner or len(manner) == len(ranges):
        return turn, ""
    asked = " ".join(turn[start:end] for start, end in ranges if (start, end) not in manner)
    return asked, " ".join(turn[start:end] for start, end in manner)


def _wants_manner(sentence: str) -> bool:
    said = words(sentence)
    return len(said) > 1 and _MANNER.issuperset(said)


def name_asked_for(question: str, type_: str) -> str:
    """What a file would be called that a question asks to be shown.

    Args:
        question: Such as "where is my photo of the harbour".
        type_: Of the file: that a picture is one need not stand in its name.

    Returns:
        The question's words without those that ask to be shown something, and that name the
        type; empty where nothing else is asked.
    """
    unnamed = _SHOWING | _KIND_WORDS.get(type_, frozenset())
    return " ".join(word for word in words(question) if word not in unnamed)


def share_met(question: str, text: str) -> float:
    """The share of a question's subject that a text speaks of, in [0, 1]; endings may differ.

    Most pairs of an unspaced script cross the border of two words and are found nowhere, so a
    third of them counts as all.
    """
    wanted, found = subject_words(question), set(words(text)) | telling_words(text)
    if not wanted:
        return 0.0
    stems = {word[: max(_STEM_LENGTH, len(word) - 2)] for word in found}
    met = sum(
        word in found or (word.isalpha() and word[: max(_STEM_LENGTH, len(word) - 2)] in stems)
        for word in wanted
    )
    share = met / len(wanted)
    return min(1.0, share / _PAIRED_SHARE) if UNSPACED.search(question) else share


def negates(text: str) -> bool:
    """Whether a statement denies something; the answer ``No,`` before it does not count."""
    if reply := _REPLY.match(text):
        text = text[reply.end() :]
    text = _NUMBERED.sub(" ", text)
    return bool(_CONTRACTED.search(text)) or not _NEGATIONS.isdisjoint(words(text))


def instructs(text: str) -> bool:
    """Whether a sentence tells its reader what to say or to ignore, and so states nothing."""
    return _INSTRUCTION.search(text) is not None


def begins_question(turn: str) -> bool:
    """Whether a turn reads like a question, whether or not a question mark ends it."""
    if _ASKING_UNSPACED.search(turn):
        return True
    first, second, *_ = (*words(turn), "", "")
    return first in _BEGINNING or (first in _VERBS and second in _SUBJECTS)


def asks_nothing(turn: str) -> bool:
    """Whether a turn is nothing but thanks, a greeting or the like."""
    said = words(turn)
    return bool(said) and _COURTESIES.issuperset(said)


def counted(number: int, noun: str) -> str:
    """A number with its noun: ``1 file``, ``2,000 files``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
