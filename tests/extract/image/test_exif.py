"""What pictures say of themselves: EXIF, XMP, IPTC and the texts of PNG."""

from __future__ import annotations

import io
import struct
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.ExifTags import IFD, Base
from PIL.PngImagePlugin import PngInfo

from prismd.extract.image.exif import About, about, in_words, iso_date

XMP = """<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
<rdf:Description photoshop:City="Zürich" photoshop:Country="Switzerland"
  photoshop:DateCreated="2023-12-24T18:30:00+01:00">
 <dc:title><rdf:Alt><rdf:li xml:lang="x-default">Christmas market</rdf:li></rdf:Alt></dc:title>
 <dc:subject><rdf:Bag><rdf:li>market</rdf:li><rdf:li>snow</rdf:li></rdf:Bag></dc:subject>
 <Iptc4xmpExt:PersonInImage><rdf:Bag><rdf:li>Ada</rdf:li></rdf:Bag></Iptc4xmpExt:PersonInImage>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


def opened(kind: str = "JPEG", **options: Any) -> Image.Image:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, kind, **options)
    return Image.open(io.BytesIO(out.getvalue()))


def tagged(tags: dict[int, Any], camera: dict[int, Any] | None = None, gps: Any = None) -> About:
    exif = Image.Exif()
    for tag, value in tags.items():
        exif[tag] = value
    exif.get_ifd(IFD.Exif).update(camera or {})
    exif.get_ifd(IFD.GPSInfo).update(gps or {})
    return about(opened(exif=exif))


def test_a_photograph_says_when_where_and_with_what_it_was_taken() -> None:
    found = tagged(
        {Base.Make: "Apple", Base.Model: "iPhone 12", Base.DateTime: "2024:06:01 09:00:00"},
        {Base.DateTimeOriginal: "2024:05:02 14:03:07"},
        {1: "N", 2: (47.0, 22.0, 36.84), 3: "E", 4: (8.0, 32.0, 31.2)},
    )
    assert found.taken_at == "2024-05-02T14:03:07"
    assert found.camera == "Apple iPhone 12"
    assert found.latitude == pytest.approx(47.3769, abs=1e-5)
    assert found.longitude == pytest.approx(8.542, abs=1e-5)
    assert found.caption.splitlines() == [
        "Taken: 2 May 2024 14:03 (2024-05-02)",
        "Place: 47.37690, 8.54200",
        "Camera: Apple iPhone 12",
    ]
    assert found.metadata["latitude"] == "47.376900"


def test_south_and_west_are_negative() -> None:
    found = tagged({}, gps={1: "S", 2: (33.0, 52.0, 0.0), 3: "W", 4: (151.0, 12.0, 30.0)})
    assert found.latitude == pytest.approx(-33.86667, abs=1e-5)
    assert found.longitude == pytest.approx(-151.20833, abs=1e-5)


@pytest.mark.parametrize(
    "gps",
    [
        {1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)},
        {1: "N", 2: (95.0, 0.0, 0.0), 3: "E", 4: (8.0, 0.0, 0.0)},
        {2: (47.0, 0.0, 0.0)},
        {1: "N", 3: "E"},
    ],
)
def test_a_place_that_is_none_is_left_out(gps: dict[int, Any]) -> None:
    found = tagged({}, gps=gps)
    assert found.latitude is None
    assert found.longitude is None
    assert found.caption == ""


def test_a_picture_that_says_nothing_has_no_caption() -> None:
    for kind in ("JPEG", "PNG", "TIFF", "GIF", "BMP", "WEBP"):
        found = about(opened(kind))
        assert found == About()
        assert found.caption == ""
        assert found.metadata == {}


@pytest.mark.parametrize("junk", ["OLYMPUS DIGITAL CAMERA", "SONY DSC", "   ", "---"])
def test_what_cameras_write_by_themselves_describes_nothing(junk: str) -> None:
    assert tagged({Base.ImageDescription: junk}).caption == ""


def test_a_maker_is_not_named_twice() -> None:
    assert tagged({Base.Make: "NIKON CORPORATION", Base.Model: "NIKON D90"}).camera == "NIKON D90"


def test_people_describe_their_pictures_in_windows() -> None:
    found = tagged(
        {
            Base.XPTitle: "Der See".encode("utf-16-le") + b"\0\0",
            Base.XPComment: "Früh am Morgen".encode("utf-16-le") + b"\0\0",
            Base.XPKeywords: "Wasser;Nebel;Wasser".encode("utf-16-le") + b"\0\0",
            Base.XPAuthor: "Grace".encode("utf-16-le") + b"\0\0",
        }
    )
    assert found.title == "Der See"
    assert found.description == "Früh am Morgen"
    assert found.keywords == ("Wasser", "Nebel")
    assert found.artist == "Grace"


@pytest.mark.parametrize(
    "comment",
    [
        b"ASCII\0\0\0On the pier",
        b"UNICODE\0" + "On the pier".encode("utf-16-le"),
        b"UNICODE\0" + "On the pier".encode("utf-16-be"),
        b"\0\0\0\0\0\0\0\0On the pier",
    ],
)
def test_comments_come_in_many_encodings(comment: bytes) -> None:
    assert tagged({}, {Base.UserComment: comment}).description == "On the pier"


def test_xmp_names_place_people_and_keywords() -> None:
    for kind in ("JPEG", "PNG", "TIFF", "WEBP"):
        if kind == "PNG":
            info = PngInfo()
            info.add_itxt("XML:com.adobe.xmp", XMP)
            found = about(opened("PNG", pnginfo=info))
        elif kind == "TIFF":
            found = about(opened("TIFF", tiffinfo={700: XMP.encode()}))
        else:
            found = about(opened(kind, xmp=XMP.encode()))
        assert found.title == "Christmas market"
        assert found.place == "Zürich, Switzerland"
        assert found.people == ("Ada",)
        assert found.keywords == ("market", "snow")
        assert found.taken_at == "2023-12-24T18:30:00"
        assert "Place: Zürich, Switzerland" in found.caption


def test_xmp_reads_no_other_file_and_no_bomb(tmp_path: Any) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the secret")
    entity = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]>'
    bomb = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    for start in (entity, bomb):
        text = start + XMP.partition("?>\n")[2].replace("Christmas market", "&e;&b;")
        found = about(opened(xmp=text.encode()))
        assert "secret" not in found.caption
        assert "haha" not in found.caption


def iptc(fields: list[tuple[int, bytes]]) -> bytes:
    """The segment of a JPEG in which Photoshop keeps IPTC."""
    records = b"".join(
        b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(value)) + value
        for number, value in fields
    )
    body = b"8BIM\x04\x04\x00\x00" + struct.pack(">I", len(records)) + records
    segment = b"Photoshop 3.0\x00" + body + b"\0" * (len(records) % 2)
    return b"\xff\xed" + struct.pack(">H", len(segment) + 2) + segment


def test_iptc_is_read() -> None:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG")
    fields = [
        (5, b"Regatta"),
        (120, "Boote vor der Brücke".encode()),
        (25, b"boats"),
        (25, b"bridge"),
        (55, b"20240502"),
        (80, b"Grace"),
        (90, b"Basel"),
        (101, b"Switzerland"),
        (116, b"(c) Grace"),
    ]
    jpeg = out.getvalue()[:2] + iptc(fields) + out.getvalue()[2:]
    found = about(Image.open(io.BytesIO(jpeg)))
    assert found.caption.splitlines() == [
        "Title: Regatta",
        "Description: Boote vor der Brücke",
        "Taken: 2 May 2024 (2024-05-02)",
        "Place: Basel, Switzerland",
        "Keywords: boats, bridge",
        "Artist: Grace",
        "Copyright: (c) Grace",
    ]


def test_a_png_has_texts_of_its_own() -> None:
    info = PngInfo()
    info.add_text("Title", "A plan")
    info.add_itxt("Description", "Erdgeschoß")
    info.add_text("Author", "Ada")
    info.add_text("Software", "not of interest")
    info.add_text("Creation Time", "2021:03:04 05:06:07")
    found = about(opened("PNG", pnginfo=info))
    assert (found.title, found.description, found.artist) == ("A plan", "Erdgeschoß", "Ada")
    assert found.taken_at == "2021-03-04T05:06:07"


def test_the_same_words_are_not_said_twice() -> None:
    info = PngInfo()
    info.add_text("Title", "A plan")
    info.add_text("Description", "A plan")
    assert about(opened("PNG", pnginfo=info)).caption == "Title: A plan"


def test_endless_fields_are_cut() -> None:
    info = PngInfo()
    info.add_text("Description", "word " * 100_000)
    info.add_text("Keywords", ",".join(f"k{n}" for n in range(10_000)))
    assert len(about(opened("PNG", pnginfo=info)).caption) < 10_000


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2024:05:02 14:03:07", "2024-05-02T14:03:07"),
        ("2024-05-02T14:03:07.25+02:00", "2024-05-02T14:03:07"),
        ("2024-05-02T14:03", "2024-05-02T14:03:00"),
        ("20240502", "2024-05-02"),
        ("2024:05:02", "2024-05-02"),
        ("0000:00:00 00:00:00", ""),
        ("2024:13:02 14:03:07", ""),
        ("    :  :     :  :  ", ""),
        ("May 2024", ""),
        ("", ""),
    ],
)
def test_dates_become_iso(given: str, expected: str) -> None:
    assert iso_date(given) == expected


def test_dates_are_written_as_people_ask_for_them() -> None:
    assert in_words("2024-05-02T14:03:07") == "2 May 2024 14:03 (2024-05-02)"
    assert in_words("2024-12-31") == "31 December 2024 (2024-12-31)"
    assert in_words("") == ""


@given(st.binary(max_size=300), st.binary(max_size=100))
def test_no_metadata_is_bad_enough_to_fail(exif: bytes, xmp: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = opened(exif=b"Exif\0\0II*\0\x08\0\0\0" + exif, xmp=b"<x>" + xmp)
    found = about(image)
    assert found.caption.isprintable() or "\n" in found.caption
