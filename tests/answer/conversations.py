"""Conversations over a small index: what is asked, turn by turn, and what must be answered."""

from __future__ import annotations

from collections.abc import Sequence

from prismd.answer.answering import Answering, FullAnswer, Question
from prismd.models.base import Message

REFUSED = "refused"
"""What is expected of a turn that the files do not answer."""
NOTHING = "nothing"
"""What is expected of a turn that asks nothing."""

FILES = {
    "/d/bridge-report.txt": (
        "Inspection report on the Kessel bridge.",
        "The report on the Kessel bridge was written by Maria Lopez.\n\n"
        "The report on the Kessel bridge has 48 pages and two appendices.\n\n"
        "The report was sent to the council on 3 March 2024.\n\n"
        "The inspection of the bridge found cracks in the northern pillar.",
    ),
    "/d/lopez.txt": (
        "Staff",
        "Maria Lopez is a civil engineer. She lives in Salamanca and joined the office in 2011.\n\n"
        "Peter Hahn is an accountant. He lives in Graz and joined the office in 2019.",
    ),
    "/d/tunnel-report.txt": (
        "Report on the Arlen tunnel",
        "The report on the Arlen tunnel was written by Jonas Weber.\n\n"
        "The report on the Arlen tunnel has 112 pages.\n\n"
        "It was sent to the ministry on 9 October 2022.",
    ),
    "/d/ferry.txt": (
        "Island ferry",
        "The ferry to the island takes 40 minutes.\n\n"
        "It leaves the harbour at 8:15 every morning.\n\n"
        "A ticket for the ferry costs 12 euros, and children travel for half the price.\n\n"
        "Bicycles travel on the ferry free of charge.",
    ),
    "/d/library.txt": (
        "Town library",
        "The library opens at 9 am on weekdays.\n\nIt is closed on Sundays.\n\n"
        "A library card costs 20 euros a year.\n\nMembers may borrow ten books for three weeks.",
    ),
    "/d/budget.txt": (
        "Budget of the choir",
        "In 2022 the choir spent 4,300 euros on travel.\n\n"
        "In 2023 the choir spent 5,150 euros on travel.\n\n"
        "In 2022 the choir earned 9,800 euros from concerts.\n\n"
        "In 2023 the choir earned 11,200 euros from concerts.",
    ),
    "/d/lease.txt": (
        "Lease of the flat in Mill Lane",
        "The monthly rent of the flat in Mill Lane is 1,150 pounds.\n\n"
        "The deposit of the flat is 2,300 pounds and is paid before the keys are handed over.\n\n"
        "The deposit is returned within 14 days after the tenants have left.\n\n"
        "The tenants may end the lease by giving two months notice in writing.",
    ),
    "/d/invoice.txt": (
        "Invoice of Brandt Roofing",
        "Brandt Roofing repaired the roof of the barn in June 2024.\n\n"
        "The invoice of Brandt Roofing is over 7,480 euros.\n\n"
        "The invoice must be paid by 15 August 2024.",
    ),
    "/d/recipe.txt": (
        "Plum cake",
        "Bake the plum cake at 190 degrees for 45 minutes.\n\n"
        "The plum cake needs 500 grams of flour and 1 kilogram of plums.",
    ),
    "/d/verein.txt": (
        "Satzung des Sportvereins",
        "Der Mitgliedsbeitrag des Sportvereins beträgt 84 Euro im Jahr.\n\n"
        "Der Mitgliedsbeitrag ist bis zum 31. Januar zu zahlen.\n\n"
        "Der Sportverein wurde 1921 von Karl Winter gegründet.\n\n"
        "Die Turnhalle des Sportvereins steht in der Gartenstraße.",
    ),
    "/d/meeting.txt": (
        "Minutes of the board",
        "The board met on 12 May 2025 in Lyon.\n\n"
        "The board decided to buy a new server for 6,900 euros.\n\n"
        "The next meeting of the board takes place in Bergen on 4 November 2025.",
    ),
}

CONVERSATIONS: dict[str, Sequence[tuple[str, str]]] = {
    "a pronoun": [
        ("How long does the ferry take?", "40 minutes"),
        ("And when does it leave?", "8:15"),
    ],
    "an amount": [
        ("Who repaired the roof of the barn?", "Brandt Roofing"),
        ("How much was it?", "7,480"),
    ],
    "an ellipsis": [
        ("How much did the choir spend on travel in 2022?", "4,300"),
        ("And in 2023?", "5,150"),
    ],
    "a bare word": [
        ("How much is the deposit of the flat in Mill Lane?", "2,300"),
        ("When?", "before the keys"),
    ],
    "another topic": [
        ("Who wrote the report on the Arlen tunnel?", "Jonas Weber"),
        ("At how many degrees is the plum cake baked?", "190 degrees"),
    ],
    "another topic that is refused": [
        ("How long does the ferry take?", "40 minutes"),
        ("Who composed the zebra sonata?", REFUSED),
    ],
    "a thank-you in between": [
        ("When does the library open on weekdays?", "9 am"),
        ("Thanks!", NOTHING),
        ("And what does a card cost?", "20 euros"),
    ],
    "the assistant's words": [
        ("Who wrote the report on the Kessel bridge?", "Maria Lopez"),
        ("Where does she live?", "Salamanca"),
    ],
    "after a refusal": [
        ("How heavy is the ferry?", REFUSED),
        ("How much is a ticket for it?", "12 euros"),
    ],
    "three deep": [
        ("Who wrote the report on the Kessel bridge?", "Maria Lopez"),
        ("How long is it?", "48 pages"),
        ("And when was it sent?", "3 March 2024"),
    ],
    "three deep, the other one": [
        ("Who wrote the report on the Arlen tunnel?", "Jonas Weber"),
        ("How long is it?", "112 pages"),
        ("And when was it sent?", "9 October 2022"),
    ],
    "German": [
        ("Wie hoch ist der Mitgliedsbeitrag des Sportvereins?", "84 Euro"),
        ("Und bis wann ist er zu zahlen?", "31. Januar"),
    ],
    "German, three deep": [
        ("Wann wurde der Sportverein gegründet?", "1921"),
        ("Und von wem?", "Karl Winter"),
        ("Wo steht seine Turnhalle?", "Gartenstraße"),
    ],
    "back to the ellipsis": [
        ("How much did the choir earn from concerts in 2023?", "11,200"),
        ("And in 2022?", "9,800"),
        ("And what did it spend on travel in that year?", "4,300"),
    ],
    "there and back": [
        ("How long does the ferry take?", "40 minutes"),
        ("How much is the monthly rent of the flat in Mill Lane?", "1,150"),
        ("And the deposit?", "2,300"),
        ("When is it returned?", "14 days"),
    ],
    "a condition": [
        ("When must the invoice of Brandt Roofing be paid?", "15 August 2024"),
        ("How much is it?", "7,480"),
        ("What was it for?", "repaired the roof"),
    ],
    "another place": [
        ("Where did the board meet in May?", "Lyon"),
        ("And the next time?", "Bergen"),
    ],
    "that": [
        ("What did the board decide to buy?", "server"),
        ("How much does that cost?", "6,900"),
    ],
    "for whom": [
        ("How much is a ticket for the ferry?", "12 euros"),
        ("And for children?", "half the price"),
        ("What about bicycles?", "free of charge"),
    ],
    "refused follow-up": [
        ("When does the library open on weekdays?", "9 am"),
        ("Who is its director?", REFUSED),
        ("Is it closed on Sundays?", "closed on Sundays"),
    ],
}


UNSEEN_FILES = {
    "/d/museum.txt": (
        "Museum of clocks",
        "The museum of clocks was founded in 1887 by Ida Falk.\n\n"
        "Admission to the museum of clocks is 9 francs, and pupils pay 4 francs.\n\n"
        "The oldest clock of the museum was built in Nuremberg in 1530.",
    ),
    "/d/falk.txt": (
        "Ida Falk",
        "Ida Falk was born in Basel and studied astronomy in Paris.\n\n"
        "Her brother Emil Falk was a watchmaker in Geneva.",
    ),
    "/d/heating.txt": (
        "Heating of the school",
        "The school replaced its oil boiler by a heat pump in 2021.\n\n"
        "The heat pump was installed by Nordtherm for 61,000 euros.\n\n"
        "In 2020 the school used 210 megawatt hours for heating, and in 2022 it used 74.\n\n"
        "The heat pump is serviced every September.",
    ),
    "/d/trip.txt": (
        "Class trip",
        "The class trip goes to Trieste from 3 to 7 June.\n\n"
        "The bus leaves from the car park at 6:40.\n\n"
        "Parents pay 240 euros for the trip until 30 April.\n\n"
        "Mrs Adler and Mr Sommer accompany the class.",
    ),
    "/d/contract.txt": (
        "Contract of employment",
        "The employee is entitled to 28 days of holiday a year.\n\n"
        "The trial period lasts four months.\n\n"
        "After the trial period notice must be given six weeks before the end of a quarter.",
    ),
    "/d/garten.txt": (
        "Kleingarten",
        "Die Pacht des Kleingartens kostet 190 Euro im Jahr.\n\n"
        "Das Wasser wird am 15. November abgestellt.\n\n"
        "Hunde sind im Kleingarten an der Leine zu halten.",
    ),
}
UNSEEN: dict[str, Sequence[tuple[str, str]]] = {
    "a founder": [
        ("Who founded the museum of clocks?", "Ida Falk"),
        ("Where was she born?", "Basel"),
        ("And her brother, what was he?", "watchmaker"),
    ],
    "admission": [
        ("How much is admission to the museum of clocks?", "9 francs"),
        ("And for pupils?", "4 francs"),
        ("When was it founded?", "1887"),
    ],
    "a heat pump": [
        ("What did the school replace its oil boiler by?", "heat pump"),
        ("Who installed it?", "Nordtherm"),
        ("Thank you!", NOTHING),
        ("And how much did it cost?", "61,000"),
        ("When is it serviced?", "September"),
    ],
    "megawatt hours": [
        ("How many megawatt hours did the school use for heating in 2020?", "210"),
        ("And in 2022?", "74"),
    ],
    "a trip": [
        ("Where does the class trip go?", "Trieste"),
        ("When does the bus leave?", "6:40"),
        ("Who goes with them?", "Adler"),
        ("How much is it?", "240 euros"),
        ("Until when?", "30 April"),
    ],
    "away and back": [
        ("How long does the trial period last?", "four months"),
        ("Where does the class trip go?", "Trieste"),
        ("How many days of holiday is the employee entitled to?", "28 days"),
        ("What colour is the submarine?", REFUSED),
        ("And of what length is the notice after the trial period?", "six weeks"),
    ],
    "German": [
        ("Was kostet die Pacht des Kleingartens?", "190 Euro"),
        ("Und wann wird dort das Wasser abgestellt?", "15. November"),
        ("Was gilt für Hunde?", "Leine"),
    ],
}
"""Written after what resolves follow-ups was settled, and not used to settle it."""


def talk(made: Answering, turns: Sequence[tuple[str, str]]) -> list[tuple[FullAnswer, bool]]:
    """Ask turn by turn, with the answers as they came.

    Returns:
        The answer to each turn, and whether it is what was expected.
    """
    said: list[Message] = []
    found = []
    for asked, expected in turns:
        said.append(Message("user", asked))
        answer = made.answer(Question(tuple(said)))
        said.append(Message("assistant", answer.text))
        found.append((answer, _is_met(answer, expected)))
    return found


def _is_met(answer: FullAnswer, expected: str) -> bool:
    if expected in (REFUSED, NOTHING):
        return not answer.citations
    return expected in answer.text and bool(answer.citations)
