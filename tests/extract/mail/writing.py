"""Messages as people write them."""

from __future__ import annotations

from email.message import EmailMessage


def message(subject: str = "Plans", body: str | None = "Hello Bob,\n\n> quoted\n") -> EmailMessage:
    made = EmailMessage()
    made["Subject"] = subject
    made["From"] = "Ann Müller <ann@example.com>"
    made["To"] = "bob@example.com"
    made["Date"] = "Fri, 01 Mar 2024 10:00:00 +0100"
    if body is not None:
        made.set_content(body)
    return made
