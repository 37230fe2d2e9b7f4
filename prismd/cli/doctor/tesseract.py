"""What reads the words on pictures and scans; without it the rest goes on."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Collection, Iterator
from typing import NamedTuple

from prismd.cli.doctor.system import Installer, installer, tesseract_command
from prismd.cli.doctor.verdict import Verdict, note, ok
from prismd.config.options import Config

_WHAT = "text recognition"
_WITHIN_S = 10.0
_OLD = 4
_NOT_TEXT = frozenset({"osd", "equ", "snum"})
_UNTIL_THEN = "until then the words on pictures and scanned pages are not read"
_CORRECT = (
    "correct ocr_languages under [index] or [[folders]]: Tesseract's codes are such as eng, deu,"
    " fra or chi_sim; data of your own counts by its name in Tesseract's folder"
)
_PUBLISHED = """
    afr amh ara asm aze aze_cyrl bel ben bod bos bre bul cat ceb ces chi_sim chi_sim_vert chi_tra
    chi_tra_vert chr cos cym dan deu div dzo ell eng enm epo est eus fao fas fil fin fra frk frm
    fry gla gle glg grc guj hat heb hin hrv hun hye iku ind isl ita ita_old jav jpn jpn_vert kan
    kat kat_old kaz khm kir kmr kor kor_vert lao lat lav lit ltz mal mar mkd mlt mon mri msa mya
    nep nld nor oci ori osd pan pol por pus que ron rus san sin slk slv snd spa spa_old sqi srp
    srp_latn sun swa swe syr tam tat tel tgk tha tir ton tur uig ukr urd uzb uzb_cyrl vie yid yor
"""
PUBLISHED = frozenset(_PUBLISHED.split())
"""What Tesseract's makers offer data for, and systems have packages of."""
_VERSION = re.compile(r"tesseract v?(\d+)[\d.]*")


class Tesseract(NamedTuple):
    """What was seen of it.

    Attributes:
        fault: Why it could not be run; empty when it could.
        version: What it calls itself, such as ``tesseract 5.3.0``.
        data: What it has data for.
    """

    fault: str = ""
    version: str = ""
    data: frozenset[str] = frozenset()


def look(config: Config) -> Iterator[Verdict]:
    """See whether Tesseract runs, and has the languages that the settings name."""
    if not config.index.ocr:
        yield ok(_WHAT, "switched off by [index] ocr")
        return
    wanted = {*config.index.ocr_languages}.union(*(f.ocr_languages for f in config.folders))
    yield from judge(seen(), wanted, installer())


def judge(found: Tesseract, wanted: Collection[str], by: Installer) -> Iterator[Verdict]:
    """What is to be said of it. Pure."""
    if found.fault:
        yield note(_WHAT, found.fault, f"{tesseract_command(by)}; {_UNTIL_THEN}")
        return
    texts = sorted(found.data - _NOT_TEXT)
    detail = f"{found.version}, languages: {', '.join(texts) or 'none'}"
    number = _VERSION.match(found.version)
    if number and int(number[1]) < _OLD:
        yield note(_WHAT, f"{detail}; it reads far worse than version 5", tesseract_command(by))
        return
    absent = sorted({*wanted} - found.data) or ([] if texts else ["eng"])
    unknown = [name for name in absent if name not in PUBLISHED]
    if unknown:
        lacks = f"{detail}; none is called {', '.join(unknown)}"
        yield note(_WHAT, lacks, _CORRECT)
    if there_are := [name for name in absent if name in PUBLISHED]:
        lacks = f"{detail}; no data for {', '.join(there_are)}"
        yield note(_WHAT, lacks, tesseract_command(by, there_are))
    if "osd" not in found.data:
        lacks = f"{detail}; without osd, pages that lie on their side are not read"
        yield note(_WHAT, lacks, tesseract_command(by, ["osd"]))
    if not absent and "osd" in found.data:
        yield ok(_WHAT, detail)


def seen(program: str = "tesseract", within_s: float = _WITHIN_S) -> Tesseract:
    """Run Tesseract, and see what it says."""
    try:
        version, languages = (_said(program, o, within_s) for o in ("--version", "--list-langs"))
    except FileNotFoundError:
        return Tesseract("tesseract is not installed")
    except subprocess.TimeoutExpired:
        return Tesseract(f"tesseract does not answer within {within_s:g} s")
    except subprocess.CalledProcessError as error:
        return Tesseract(f"tesseract fails (it ends with {error.returncode})")
    except OSError as error:
        return Tesseract(f"tesseract cannot be run ({error.strerror})")
    # The first line of the list is a heading.
    return Tesseract(version="".join(version[:1]), data=frozenset(languages[1:]))


def _said(program: str, option: str, within_s: float) -> list[str]:
    done = subprocess.run(
        [program, option],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=within_s,
        check=True,
    )
    return [line.strip() for line in done.stdout.decode("utf-8", "replace").splitlines()]
