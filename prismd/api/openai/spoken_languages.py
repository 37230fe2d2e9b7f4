"""Languages by their codes, and as OpenAI's transcriptions call them."""

from __future__ import annotations

_NAMES = (
    "af afrikaans,am amharic,ar arabic,as assamese,az azerbaijani,ba bashkir,be belarusian,"
    "bg bulgarian,bn bengali,bo tibetan,br breton,bs bosnian,ca catalan,cs czech,cy welsh,"
    "da danish,de german,el greek,en english,es spanish,et estonian,eu basque,fa persian,"
    "fi finnish,fo faroese,fr french,gl galician,gu gujarati,ha hausa,haw hawaiian,he hebrew,"
    "hi hindi,hr croatian,ht haitian creole,hu hungarian,hy armenian,id indonesian,is icelandic,"
    "it italian,ja japanese,jw javanese,ka georgian,kk kazakh,km khmer,kn kannada,ko korean,"
    "la latin,lb luxembourgish,ln lingala,lo lao,lt lithuanian,lv latvian,mg malagasy,mi maori,"
    "mk macedonian,ml malayalam,mn mongolian,mr marathi,ms malay,mt maltese,my myanmar,ne nepali,"
    "nl dutch,nn nynorsk,no norwegian,oc occitan,pa punjabi,pl polish,ps pashto,pt portuguese,"
    "ro romanian,ru russian,sa sanskrit,sd sindhi,si sinhala,sk slovak,sl slovenian,sn shona,"
    "so somali,sq albanian,sr serbian,su sundanese,sv swedish,sw swahili,ta tamil,te telugu,"
    "tg tajik,th thai,tk turkmen,tl tagalog,tr turkish,tt tatar,uk ukrainian,ur urdu,uz uzbek,"
    "vi vietnamese,yi yiddish,yo yoruba,yue cantonese,zh chinese"
)
_NAME_OF: dict[str, str] = dict(entry.split(" ", 1) for entry in _NAMES.split(","))
_CODE_OF = {name: code for code, name in _NAME_OF.items()}
_ALSO = {"jv": "jw", "nb": "no", "fil": "tl", "iw": "he", "cmn": "zh"}
"""Other codes of the same languages; Whisper has the old one of Javanese."""


def name_of(code: str) -> str:
    """The English name, in small letters; the code itself where there is none."""
    return _NAME_OF.get(code, code)


def code_of(given: str) -> str:
    """The code of a language that is given by code or name; empty where it is unknown."""
    wanted = given.strip().lower()
    if wanted in _CODE_OF:
        return _CODE_OF[wanted]
    code = wanted.replace("_", "-").partition("-")[0]
    code = _ALSO.get(code, code)
    return code if code in _NAME_OF else ""
