"""A keyring in a folder, loaded by the program under test; nothing but that is to import it."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from urllib.parse import quote

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

from tests.encryption.file_keyring import ASKED, FOLDER, SILENT


class FileKeyring(KeyringBackend):
    """Keeps what it is given in files; answers nobody while there is one that is called so."""

    priority = 5.0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._folder = Path(os.environ[FOLDER])

    def _entry(self, service: str, username: str) -> Path:
        with (self._folder / ASKED).open("a") as asked:
            asked.write(f"{username}\n")
        if (self._folder / SILENT).exists():
            threading.Event().wait()
        return self._folder / quote(f"{service} {username}", safe="")

    def get_password(self, service: str, username: str) -> str | None:
        entry = self._entry(service, username)
        return entry.read_text() if entry.exists() else None

    def set_password(self, service: str, username: str, password: str) -> None:
        self._entry(service, username).write_text(password)

    def delete_password(self, service: str, username: str) -> None:
        try:
            self._entry(service, username).unlink()
        except FileNotFoundError as error:
            raise PasswordDeleteError("not there") from error
