"""Where a store is, said without secrets on the command line."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from acm_rs.files.errors import Refusal

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

__all__ = ["VARIABLE", "address_of", "database_of", "file_of", "require", "shown"]

VARIABLE = "ACM_RS_STORE"
_DATABASE = "ACM_RS_DATABASE"
# In names of parameters, however drivers spell them; a passfile is only the place of one.
_SECRET = ("password", "passwd", "passphrase", "pwd", "secret", "token")
_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}


def require() -> None:
    """Refuse to go on without SQLAlchemy."""
    if find_spec("sqlalchemy") is None:
        raise Refusal('a database needs SQLAlchemy: pip install "acm-rs[store]"', status=2)


def address_of(said: str | None, model: Path | None) -> URL | None:
    """The address of a store.

    Parameters
    ----------
    said : str, optional
        What stands behind ``--store``: an address such as ``postgresql://acm@host/alarms`` without a password, a file
        of SQLite, ``sqlite`` for one beside the model, or ``@FILE`` for a file that holds the address. The environment
        variable ``ACM_RS_STORE`` holds it where nothing is said.
    model : Path, optional
        The model's file.

    Returns
    -------
    URL or None
        None where no store is asked for.

    Raises
    ------
    Refusal
        A password on the command line, a file that cannot be read, no address, or SQLAlchemy is not installed.
    """
    text, from_line = _text("--store", VARIABLE, said)
    if not text:
        return None
    if text == "sqlite":
        if model is None:
            raise Refusal("--store sqlite lies beside a model, and none is named; name its file", status=2)
        return _file(model.with_name(model.stem + ".alarms.sqlite"))
    return _checked("--store", VARIABLE, text, from_line)


def database_of(said: str | None) -> URL | None:
    """The address of the database that a query is for: as `address_of`, with ``--database`` and ``ACM_RS_DATABASE``."""
    text, from_line = _text("--database", _DATABASE, said)
    return _checked("--database", _DATABASE, text, from_line) if text else None


def _text(option: str, variable: str, said: str | None) -> tuple[str, bool]:
    """What was said, and whether it stands on the command line for everyone to read."""
    from_line = said is not None
    text = said if said is not None else os.environ.get(variable, "").strip()
    if not text:
        if from_line:
            raise Refusal(f"{option} must be an address or a file", status=2)
        return "", False
    require()
    if text.startswith("@"):
        from_line = False
        try:
            text = Path(text[1:]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise Refusal(f"{text[1:]}, the file that {option} names, cannot be read: {why}", status=2) from None
    return text, from_line


def _file(path: Path) -> URL:
    """A file of SQLite, whatever stands in its name."""
    from sqlalchemy.engine import URL

    return URL.create("sqlite", database=str(path))


def _checked(option: str, variable: str, text: str, from_line: bool) -> URL:
    if "://" not in text:
        return _file(Path(text))
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # The text may hold a password.
        raise Refusal(f"{option} is no address such as postgresql://user@host/database", status=2) from None
    if (url.password is not None or _secrets(url)) and from_line:
        raise Refusal(
            f"{option} holds a password, which everyone can read in the list of processes: put the address into the"
            f" environment variable {variable}, or into a file and say {option} @FILE; PostgreSQL also takes passwords"
            " from ~/.pgpass",
            status=2,
        )
    return url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))


def shown(url: URL) -> str:
    """An address as people may see it: without passwords, wherever they stand in it."""
    return url.difference_update_query(_secrets(url)).render_as_string(hide_password=True)


def file_of(url: URL) -> Path | None:
    """The file of an address of SQLite, where it is one."""
    name = url.database or ""
    plain = url.drivername.startswith("sqlite") and name not in ("", ":memory:") and not name.startswith("file:")
    return Path(name) if plain else None


def _secrets(url: URL) -> list[str]:
    """The parameters of an address that hold a secret."""
    found = []
    for name, value in url.query.items():
        # All settings of ODBC may stand in one.
        text = f"{name} {value}" if name.lower() == "odbc_connect" else name
        if any(word in text.lower() for word in _SECRET):
            found.append(name)
    return found
