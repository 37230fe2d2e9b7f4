"""What a picture's file says of itself: when, where, by what and by whom it was made, and of what.

Read from EXIF, XMP, IPTC and the texts of PNG; written down as people ask for it. Damaged
metadata is left out, never an error. Runs in a worker process only.
"""

from __future__ import annotations

import contextlib
import math
import re
import struct
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from lxml import etree
from PIL import Image, ImageFile, IptcImagePlugin
from PIL.ExifTags import GPS, IFD, Base

_MAX_FIELD_CHARS = 4000
_MAX_KEYWORDS = 200
_MAX_XMP_BYTES = 4_000_000
_ERRORS = (
    *(OSError, SyntaxError, ValueError, EOFError, OverflowError, struct.error),
    *(KeyError, IndexError, TypeError, AttributeError, ZeroDivisionError),
)
_DATE = re.compile(r"(\d{4})[-:/]?(\d\d)[-:/]?(\d\d)(?:[T ]*(\d\d):?(\d\d)(?::?(\d\d))?)?(?!\d{3})")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
# What cameras and programs write where people would describe the picture.
_NO_DESCRIPTION = re.compile(
    r"^(olympus digital camera|sony dsc|samsung( camera pictures)?|kodak .*camera|dcim.*"
    r"|minolta digital camera|digital camera|default|untitled|ascii|charset=.*"
    r"|applemark|created with .*|creator: gd-jpeg.*|file written by adobe.*|lead technologies.*"
    r"|.*imagemagick.*|optimized by.*|[\W_]*)$",
    re.IGNORECASE,
)
_PLACE = ("location", "city", "region", "country")
_LIST_ITEM = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"
_XMP = {
    "{http://purl.org/dc/elements/1.1/}title": "title",
    "{http://ns.adobe.com/photoshop/1.0/}Headline": "title",
    "{http://purl.org/dc/elements/1.1/}description": "description",
    "{http://purl.org/dc/elements/1.1/}subject": "keywords",
    "{http://purl.org/dc/elements/1.1/}creator": "artist",
    "{http://purl.org/dc/elements/1.1/}rights": "copyright",
    "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}PersonInImage": "people",
    "{http://www.metadataworkinggroup.com/schemas/regions/}Name": "people",
    "{http://ns.adobe.com/exif/1.0/}DateTimeOriginal": "date",
    "{http://ns.adobe.com/photoshop/1.0/}DateCreated": "date",
    "{http://ns.adobe.com/xap/1.0/}CreateDate": "date",
    "{http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/}Location": "location",
    "{http://ns.adobe.com/photoshop/1.0/}City": "city",
    "{http://ns.adobe.com/photoshop/1.0/}State": "region",
    "{http://ns.adobe.com/photoshop/1.0/}Country": "country",
}
_IPTC = {
    5: "title",
    25: "keywords",
    55: "date",
    80: "artist",
    90: "city",
    95: "region",
    101: "country",
    105: "title",
    116: "copyright",
    120: "description",
}
_PNG = {
    "title": "title",
    "description": "description",
    "comment": "description",
    "author": "artist",
    "copyright": "copyright",
    "keywords": "keywords",
    "creation time": "date",
}

Fields = Mapping[str, list[str]]
_Found = defaultdict[str, list[str]]


class About(msgspec.Struct, frozen=True):
    """What a picture's file says of itself; empty or None where it says nothing.

    ``taken_at`` is an ISO date, with the time of the place where the file has it. ``latitude``
    and ``longitude`` are decimal degrees, north and east positive.
    """

    title: str = ""
    description: str = ""
    taken_at: str = ""
    camera: str = ""
    latitude: float | None = None
    longitude: float | None = None
    place: str = ""
    people: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    artist: str = ""
    copyright: str = ""

    @property
    def caption(self) -> str:
        """All of it as text, a line for each; empty where the file says nothing."""
        lines = (
            ("Title", self.title),
            ("Description", self.description),
            ("Taken", in_words(self.taken_at)),
            ("Place", self._where()),
            ("People", ", ".join(self.people)),
            ("Keywords", ", ".join(self.keywords)),
            ("Camera", self.camera),
            ("Artist", self.artist),
            ("Copyright", self.copyright),
        )
        return "\n".join(f"{name}: {value}" for name, value in lines if value)

    def _where(self) -> str:
        if self.latitude is None or self.longitude is None:
            return self.place
        degrees = f"{self.latitude:.5f}, {self.longitude:.5f}"
        return f"{self.place} ({degrees})" if self.place else degrees

    @property
    def metadata(self) -> dict[str, str]:
        """The fields that have something in them, by name, but for the title."""
        found = {
            "description": self.description,
            "taken_at": self.taken_at,
            "camera": self.camera,
            "latitude": "" if self.latitude is None else f"{self.latitude:.6f}",
            "longitude": "" if self.longitude is None else f"{self.longitude:.6f}",
            "place": self.place,
            "people": ", ".join(self.people),
            "keywords": ", ".join(self.keywords),
            "artist": self.artist,
            "copyright": self.copyright,
        }
        return {name: value for name, value in found.items() if value}


def about(image: Image.Image) -> About:
    """Read what an open picture says of itself; never fails."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exif, camera, gps = _exif(image)
        # Where several say the same thing, people have written into the first ones.
        said = _merged(_xmp(image), _iptc(image), _exif_fields(exif, camera), _png(image))
    title = _first(map(_described, said["title"]))
    descriptions = list(filter(None, map(_described, said["description"])))
    latitude, longitude = _position(gps)
    return About(
        title=title,
        description=next((text for text in descriptions if text != title), ""),
        # The file's own date is that of its last change: better than nothing.
        taken_at=_first(map(iso_date, (*said["date"], _text(exif.get(Base.DateTime))))),
        camera=_camera(exif),
        latitude=latitude,
        longitude=longitude,
        place=", ".join(_unique(_first(said[part]) for part in _PLACE)),
        people=_unique(said["people"]),
        keywords=_unique(said["keywords"]),
        artist=_first(said["artist"]),
        copyright=_first(said["copyright"]),
    )


def in_words(taken_at: str) -> str:
    """An ISO date as people write and ask for it: ``2 May 2024 14:03 (2024-05-02)``."""
    if not taken_at:
        return ""
    date, _, time = taken_at.partition("T")
    year, month, day = date.split("-")
    words = f"{int(day)} {_MONTHS[int(month) - 1]} {year}"
    return f"{words} {time[:5]} ({date})" if time else f"{words} ({date})"


def _exif(image: Image.Image) -> tuple[Mapping[int, Any], Mapping[int, Any], Mapping[int, Any]]:
    """The picture's own tags, those of the camera, and those of the place."""
    with contextlib.suppress(*_ERRORS):
        exif = image.getexif()
        return dict(exif), _ifd(exif, IFD.Exif), _ifd(exif, IFD.GPSInfo)
    return {}, {}, {}


def _ifd(exif: Image.Exif, name: IFD) -> Mapping[int, Any]:
    with contextlib.suppress(*_ERRORS):
        return dict(exif.get_ifd(name))
    return {}


def _exif_fields(exif: Mapping[int, Any], camera: Mapping[int, Any]) -> Fields:
    keywords = re.split("[;,]", _text(exif.get(Base.XPKeywords)))
    described = (exif.get(Base.ImageDescription), exif.get(Base.XPComment))
    return {
        "title": [_text(exif.get(Base.XPTitle))],
        "description": list(map(_text, (*described, camera.get(Base.UserComment)))),
        "date": [_text(camera.get(tag)) for tag in (Base.DateTimeOriginal, Base.DateTimeDigitized)],
        "keywords": list(map(_text, keywords)),
        "artist": [_text(exif.get(tag)) for tag in (Base.Artist, Base.XPAuthor)],
        "copyright": [_text(exif.get(Base.Copyright))],
    }


def _xmp(image: Image.Image) -> Fields:
    raw = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    data = raw.encode() if isinstance(raw, str) else bytes(raw)
    if not data or len(data) > _MAX_XMP_BYTES:
        return {}
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=True)
    try:
        root: Any = etree.fromstring(data.strip(b"\x00 \r\n\t"), parser)
    except (etree.XMLSyntaxError, ValueError):
        return {}
    found = _Found(list)
    for element in () if root is None else root.iter(etree.Element):
        for name, value in element.attrib.items():
            if (field := _XMP.get(str(name))) is not None:
                found[field].append(_text(value))
        if (field := _XMP.get(str(element.tag))) is not None:
            items = [item.text for item in element.iter(_LIST_ITEM)] or [element.text]
            found[field] += map(_text, items)
    return found


def _iptc(image: Image.Image) -> Fields:
    found = _Found(list)
    if not isinstance(image, ImageFile.ImageFile):
        return found
    with contextlib.suppress(*_ERRORS):
        fields = IptcImagePlugin.getiptcinfo(image) or {}
        for number, name in _IPTC.items():
            value: object = fields.get((2, number))
            found[name] += map(_text, value if isinstance(value, list) else [value])
    return found


def _png(image: Image.Image) -> Fields:
    """The texts of a PNG, and the comment of a JPEG or GIF."""
    found = _Found(list)
    for name, value in image.info.items():
        if (field := _PNG.get(str(name).lower())) is not None:
            text = _text(value)
            found[field] += re.split("[;,] *", text) if field == "keywords" else [text]
    return found


def _merged(*sources: Fields) -> Fields:
    """Each field with all that any source says of it, in order, without what is empty."""
    found = _Found(list)
    for source in sources:
        for name, texts in source.items():
            found[name] += filter(None, texts)
    return found


def iso_date(text: str) -> str:
    """A date of EXIF (``2024:05:02 14:03:00``), XMP or IPTC as ISO; empty where it is none."""
    if not (match := _DATE.match(text)):
        return ""
    year, month, day, hour, minute, second = match.groups()
    try:
        if hour is None:
            return datetime(int(year), int(month), int(day)).date().isoformat()
        clock = (int(hour), int(minute), int(second or 0))
        return datetime(int(year), int(month), int(day), *clock).isoformat()
    except ValueError:
        return ""


def _camera(exif: Mapping[int, Any]) -> str:
    make, model = _text(exif.get(Base.Make)), _text(exif.get(Base.Model))
    if make and model.lower().startswith(make.lower().split()[0]):
        return model
    return f"{make} {model}".strip()


def _position(gps: Mapping[int, Any]) -> tuple[float | None, float | None]:
    with contextlib.suppress(*_ERRORS):
        latitude = _degrees(gps[GPS.GPSLatitude], gps.get(GPS.GPSLatitudeRef), "S")
        longitude = _degrees(gps[GPS.GPSLongitude], gps.get(GPS.GPSLongitudeRef), "W")
        # Devices without a fix write zeros, or nothing that is a number.
        if abs(latitude) <= 90 and abs(longitude) <= 180 and (latitude, longitude) != (0, 0):
            return latitude, longitude
    return None, None


def _degrees(value: Any, reference: object, negative: str) -> float:
    degrees, minutes, seconds = (*map(float, value), 0.0, 0.0)[:3]
    found = degrees + minutes / 60 + seconds / 3600
    if not math.isfinite(found):
        raise ValueError("no number")
    return -found if _text(reference).upper().startswith(negative) else found


def _described(value: object) -> str:
    text = _text(value)
    return "" if _NO_DESCRIPTION.match(text) else text


def _text(value: object) -> str:
    """A field's value as text: decoded, in one line, without what does not print."""
    if isinstance(value, tuple) and value and all(isinstance(part, int) for part in value):
        with contextlib.suppress(ValueError):
            value = bytes(value)
    if isinstance(value, bytes):
        value = _decoded(value)
    if not isinstance(value, str):
        return ""
    # XP fields come as bytes in UTF-16, or as text that was taken for Latin.
    if "\x00" in value.rstrip("\x00"):
        value = value.replace("\x00", "")
    printable = "".join(c if c.isprintable() else " " for c in value[: 2 * _MAX_FIELD_CHARS])
    return " ".join(printable.split())[:_MAX_FIELD_CHARS]


def _decoded(data: bytes) -> str:
    data = data[: 4 * _MAX_FIELD_CHARS]
    if (decode := _CHARSETS.get(data[:8])) is not None:
        return decode(data[8:])
    if len(data) >= 2 and len(data) % 2 == 0 and data.count(0) >= len(data) // 3:
        return _utf16(data)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _utf16(data: bytes) -> str:
    if data.startswith((b"\xfe\xff", b"\xff\xfe")):
        return data.decode("utf-16", "replace")
    big = data[::2].count(0) > data[1::2].count(0)
    return data.decode("utf-16-be" if big else "utf-16-le", "replace")


_CHARSETS: Mapping[bytes, Callable[[bytes], str]] = {
    b"ASCII\x00\x00\x00": lambda rest: rest.decode("utf-8", "replace"),
    b"UNICODE\x00": _utf16,
    b"JIS\x00\x00\x00\x00\x00": lambda rest: rest.decode("iso2022_jp", "replace"),
    b"\x00" * 8: lambda rest: rest.decode("utf-8", "replace"),
}


def _first(texts: Iterable[str]) -> str:
    return next(filter(None, texts), "")


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    """The texts that are not empty, each once, as many as may be."""
    return tuple(dict.fromkeys(filter(None, texts)))[:_MAX_KEYWORDS]
