"""A small invented household to try prismd on: nine files of nine kinds, and what to ask of them.

Nothing in it is about a real person, flat or boiler. The files are made in code, all but the
recording: a voice that is understood well does not come with every system, so it was recorded once
(record_speech.py).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import docx
import pymupdf

from sample_pictures import Box, Line, sheet, write_photograph, write_scan


@dataclass(frozen=True)
class Spot:
    """Where in its file an answer stands, as far as it is looked at.

    Attributes:
        page: The page, from 1.
        box: Around the deciding words: on the page in points, on a picture in pixels.
        second: When the sentence begins.
    """

    page: int | None = None
    box: Box | None = None
    second: float | None = None


@dataclass(frozen=True)
class Question:
    """A question about the sample files.

    Attributes:
        text: What is asked.
        file: The file that answers it; empty if none does, so that prismd has to refuse.
        expected: What the answer or a quote of it has to contain, all of it.
        spot: Where in the file that is.
        needs: What must be on this computer, beside prismd, to read the file.
    """

    text: str
    file: str = ""
    expected: tuple[str, ...] = ()
    spot: Spot = Spot()
    needs: str = ""


LEASE = "home/Lease agreement.pdf"
BOILER = "home/Boiler manual.docx"
TAX = "money/Tax notes.md"
TRAVEL = "travel/Lisbon in May.html"
RECIPE = "kitchen/Plum cake.txt"
METER = "scripts/gas_meter.py"
# Named as machines name them: what is in them can be found by reading them only.
SCAN = "home/Scan 0612.pdf"
PHOTOGRAPH = "pictures/IMG_2041.jpg"
VOICE_MESSAGE = "messages/Voice message 3.opus"

RECORDING = Path(__file__).parent / "voice_message.opus"

QUESTIONS = (
    Question("How much is the deposit for the flat?", LEASE, ("2,850",), Spot(page=1)),
    Question("How much notice do the tenants have to give?", LEASE, ("two months",), Spot(page=1)),
    Question("What does fault code F28 of the boiler mean?", BOILER, ("no ignition",)),
    Question("By when must the tax return be sent?", TAX, ("31 January 2027",)),
    Question("At what time does the train from Porto to Lisbon leave?", TRAVEL, ("09:47",)),
    Question("How long does the plum cake have to bake?", RECIPE, ("45 minutes",)),
    Question(
        "For how long is the washing machine guaranteed?",
        SCAN,
        ("six years",),
        Spot(page=1, box=(306, 282, 358, 296)),
        needs="tesseract",
    ),
    Question(
        "When is the last entry to the pool?",
        PHOTOGRAPH,
        ("20:45",),
        Spot(box=(730, 475, 862, 516)),
        needs="tesseract",
    ),
    Question(
        "When does the piano tuner come?",
        VOICE_MESSAGE,
        ("Thursday",),
        Spot(second=11.0),
    ),
    Question("Which vaccinations does the dog still need?"),
)


def about(file: str) -> Question:
    """The first question that a sample file answers."""
    return next(question for question in QUESTIONS if question.file == file)


_LEASE_TERMS = (
    (
        "1. The parties and the flat",
        "This agreement is made on 14 March 2025 between Odile Fenwick (the landlord) and Mara and "
        "Jonas Tillery (the tenants). The landlord lets to the tenants the flat on the second "
        "floor of 7 Heron Lane, Larkbridge, with its cellar room and one bicycle stand.",
    ),
    (
        "2. Term and notice",
        "The lease begins on 1 April 2025 and runs for an unlimited time. The tenants may end it "
        "by giving two months' notice in writing, to the end of a calendar month. The landlord "
        "may end it by giving four months' notice, and only for a reason that the law allows.",
    ),
    (
        "3. Deposit",
        "The tenants pay a deposit of £2,850, which is two months' rent without charges, before "
        "the keys are handed over. The landlord keeps it in a separate account and pays it back "
        "within six weeks of the end of the lease, less the cost of damage beyond fair wear.",
    ),
    ("4. Rent and charges", "Rent and charges are due on the third working day of each month."),
)

_RENT_TABLE = (
    ("Item", "Per month", "Reviewed"),
    ("Rent", "£1,425", "every two years"),
    ("Heating and water", "£140", "each January"),
    ("Stairs and garden", "£35", "each January"),
)

_HOUSE_RULES = (
    (
        "Quiet hours. Between ten in the evening and seven in the morning the house is quiet. A "
        "piano may be played for two hours a day outside these times.",
        "Bicycles. They stand in the rack in the yard, never in the stairwell, which is the way "
        "out in a fire.",
        "Pets. A cat or a small dog is welcome. The landlord is told of it beforehand.",
    ),
    (
        "Waste. Paper is collected on every second Tuesday, glass goes to the corner of Mill "
        "Street, and the grey bins are put out on Thursday evening.",
        "Balcony. Charcoal is not lit there. Flower boxes hang on the inner side of the rail.",
        "Repairs. What costs less than £60 is paid by the tenants; the landlord sees to the rest "
        "within ten days of being told.",
    ),
)


_GUARANTEE = (
    Line("LARKBRIDGE ELECTRICAL", 170, 220, 54),
    Line("14 Mill Street, Larkbridge", 170, 290, 38),
    Line("Guarantee", 170, 406, 54),
    Line("Customer: Mara Tillery, 7 Heron Lane", 170, 530, 38),
    Line("Article: Aurora 700 washing machine", 170, 592, 38),
    Line("Serial number: WM-7700-4182", 170, 654, 38),
    Line("The washing machine is guaranteed for six years from the day of purchase,", 170, 778, 38),
    Line(
        "12 June 2025. If it breaks down within this time, we repair it at your home", 170, 840, 38
    ),
    Line("free of charge. Door seals and filters are not covered.", 170, 902, 38),
    Line("Keep this paper with the receipt.", 170, 1026, 38),
)

_SIGN = (
    Line("LARKBRIDGE LIDO", 60, 50, 76),
    Line("Open daily from 9:00 to 21:30", 60, 180, 44),
    Line("Last entry to the pool at 20:45", 60, 250, 44),
    Line("No glass bottles on the lawn", 60, 320, 44),
)
_SIGN_CORNERS = ((150, 210), (1050, 160), (1070, 680), (165, 690))


def write(folder: Path) -> None:
    """Make the sample files that are not there yet below ``folder``."""
    makers: dict[str, Callable[[Path], object]] = {
        LEASE: _write_lease,
        BOILER: _write_boiler_manual,
        TAX: lambda path: path.write_text(_TAX_NOTES, encoding="utf-8"),
        TRAVEL: lambda path: path.write_text(_TRAVEL_PLAN, encoding="utf-8"),
        RECIPE: lambda path: path.write_text(_PLUM_CAKE, encoding="utf-8"),
        METER: lambda path: path.write_text(_GAS_METER, encoding="utf-8"),
        SCAN: write_guarantee,
        PHOTOGRAPH: write_sign,
        VOICE_MESSAGE: lambda path: shutil.copyfile(RECORDING, path),
    }
    for name, make in makers.items():
        path = folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            make(path)


def write_guarantee(path: Path) -> Box:
    """A scanned page, A4 at 200 dpi; returns where its deciding words are, in points."""
    page = sheet((1654, 2339), "white", "#202020", _GUARANTEE)
    place = write_scan(path, page, dpi=200, askew_degrees=1.0)
    return place(page.box("six years"))


def write_sign(path: Path) -> Box:
    """A photographed sign; returns where its deciding words are, in pixels."""
    sign = sheet((820, 440), "#0b5c3b", "white", _SIGN)
    place = write_photograph(path, sign, _SIGN_CORNERS)
    return place(sign.box("20:45"))


def _write_lease(path: Path) -> None:
    """Two pages: clauses under headings and a ruled table; house rules in two columns."""
    with pymupdf.open() as pdf:
        pdf.set_metadata({"title": "Lease agreement, 7 Heron Lane", "author": "Odile Fenwick"})
        page = pdf.new_page()
        y = _line(page, 90, "Lease agreement", 22)
        for heading, text in _LEASE_TERMS:
            y = _line(page, y + 24, heading, 14)
            y = _paragraph(page, pymupdf.Rect(72, y, 523, y + 200), text)
        _table(page, 72, y + 10, _RENT_TABLE)
        page = pdf.new_page()
        start = _line(page, 90, "House rules", 18) + 8
        for column, rules in enumerate(_HOUSE_RULES):
            left, y = 72 + column * 236, start
            for rule in rules:
                y = _paragraph(page, pymupdf.Rect(left, y, left + 215, y + 300), rule) + 8
        pdf.save(path)


def _line(page: pymupdf.Page, y: float, text: str, size_pt: float) -> float:
    page.insert_text((72, y), text, fontsize=size_pt, fontname="hebo")
    return y + size_pt * 0.6


def _paragraph(page: pymupdf.Page, box: pymupdf.Rect, text: str) -> float:
    """Fill a box from its top; returns where the text ends."""
    left = page.insert_textbox(box, text, fontsize=11, fontname="helv", lineheight=1.3)
    if left < 0:
        raise ValueError(f"the sample text does not fit: {text[:40]}")
    return float(box.y1 - left)


def _table(page: pymupdf.Page, x: float, y: float, rows: tuple[tuple[str, ...], ...]) -> None:
    width, height = 140, 20
    for number, row in enumerate(rows):
        for column, text in enumerate(row):
            left, top = x + column * width, y + number * height
            page.draw_rect(pymupdf.Rect(left, top, left + width, top + height), width=0.6)
            font = "hebo" if number == 0 else "helv"
            page.insert_text((left + 6, top + 14), text, fontsize=10, fontname=font)


def _write_boiler_manual(path: Path) -> None:
    document = docx.Document()
    document.core_properties.title = "Calder 24 gas boiler: owner's manual"
    document.core_properties.author = "Calder Heating"
    document.add_heading("Calder 24 gas boiler", level=0)
    document.add_heading("Everyday use", level=1)
    document.add_heading("Water pressure", level=2)
    document.add_paragraph(
        "The pressure should stand between 1.0 and 1.5 bar when the system is cold. If it has "
        "fallen below 0.8 bar, open the filling loop under the boiler slowly until the gauge "
        "shows 1.2 bar, and close it again."
    )
    document.add_heading("Bleeding radiators", level=2)
    for step in (
        "Switch the heating off and wait twenty minutes.",
        "Open the valve of the lowest radiator first, with a cloth held under it.",
        "Close the valve when water comes without bubbles.",
    ):
        document.add_paragraph(step, style="List Number")
    document.add_heading("Fault codes", level=1)
    document.add_paragraph("The display shows a code when the boiler has stopped by itself.")
    table = document.add_table(rows=1, cols=3, style="Table Grid")
    for cell, text in zip(table.rows[0].cells, ("Code", "Meaning", "What to do"), strict=True):
        cell.text = text
    for row in (
        ("F22", "Water pressure too low", "Fill up to 1.2 bar"),
        ("F28", "No ignition: no flame is seen", "Check that the gas tap is open, then reset"),
        ("F75", "Pressure sensor does not answer", "Call the service"),
    ):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    document.add_heading("Service", level=1)
    document.add_paragraph(
        "Have the boiler serviced once a year, before the heating season begins. The warranty "
        "of five years holds only with a stamp for every year.*"
    )
    document.add_paragraph("* The stamp page is the last one of this booklet.")
    document.save(str(path))


_TAX_NOTES = """\
# Tax notes

## Deadlines

The return for 2025/26 must be sent online by 31 January 2027. The first payment on account is
due on the same day, the second on 31 July 2027.

## Working from home

- Jonas works at home three days a week; the flat rate is £6 a week without receipts.
- Keep the broadband bill: 40 % of it counts as business use.

## What to keep

| Paper | Where it is | Keep until |
| --- | --- | --- |
| Payslips | blue folder | January 2029 |
| Receipts of the choir | biscuit tin | January 2033 |
| Donation to the lifeboats, £120 | blue folder | January 2029 |
"""

_TRAVEL_PLAN = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Lisbon in May</title></head>
<body>
<h1>Lisbon in May</h1>
<p>Five nights, 9 to 14 May 2026, for Mara, Jonas and Aunt Wilma.</p>
<h2>Getting there</h2>
<table>
<tr><th>Day</th><th>Leg</th><th>Leaves</th><th>Arrives</th></tr>
<tr><td>Sat 9 May</td><td>Flight from Larkbridge to Porto</td><td>06:20</td><td>08:35</td></tr>
<tr><td>Sun 10 May</td><td>Train from Porto to Lisbon</td><td>09:47</td><td>12:58</td></tr>
<tr><td>Thu 14 May</td><td>Flight from Lisbon to Larkbridge</td><td>19:05</td><td>22:40</td></tr>
</table>
<h2>Where we stay</h2>
<p>Pensão Andorinha, Rua das Gaivotas 12, breakfast until half past ten. The booking number is
<b>PA-5518</b>; the room towards the yard is the quiet one.</p>
<h2>To see</h2>
<ul>
<li>The tile museum, closed on Mondays.</li>
<li>Tram 28 early in the morning, before it is full.</li>
</ul>
</body>
</html>
"""

_PLUM_CAKE = """\
Plum cake, as Aunt Wilma makes it

For one tray: 400 g flour, 200 ml lukewarm milk, 60 g sugar, 70 g butter, one egg, half a cube
of yeast, a pinch of salt, and 1.5 kg of plums that are not too ripe.

Knead the dough until it no longer sticks and let it rise for an hour under a cloth. Roll it out
on the tray, set the halved plums in close rows, and let it stand for another twenty minutes.

Bake it at 190 degrees for 45 minutes on the middle shelf. Sugar and cinnamon go on only
when it comes out, or the plums draw water.
"""

_GAS_METER = '''\
"""Works out what the gas costs from two readings of the meter."""

CALORIFIC_VALUE = 39.4  # megajoules per cubic metre, from the bill
CORRECTION = 1.02264
PENCE_PER_KWH = 6.24


def kwh_from_cubic_metres(volume: float) -> float:
    """Energy of a volume of gas: a kilowatt hour is 3.6 megajoules."""
    return volume * CORRECTION * CALORIFIC_VALUE / 3.6


def cost_in_pounds(before: float, after: float) -> float:
    """What was burnt between two readings, at the tariff fixed until October."""
    return kwh_from_cubic_metres(after - before) * PENCE_PER_KWH / 100
'''
