"""Dates and times as texts that Postgres reads, whatever their year.

Between the years 1 and 9999 they are ISO 8601. Postgres knows no year 0 and no year with a sign, so other ones are written with
their Julian day: ``J1721425 23:59:59.999999`` is the last microsecond before the year 1.
Source: https://www.postgresql.org/docs/17/datatype-datetime.html, "Date Input".
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

# Julian day of 1970-01-01.
JULIAN_EPOCH = 2_440_588
DAY_MICROS = 86_400_000_000

_EPOCH = datetime(1970, 1, 1)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_MOMENT = re.compile(r"([+-]?\d+)-(\d\d)-(\d\d)T(\d\d:\d\d:\d\d(?:\.\d+)?)Z")


def date_text(days: int) -> str:
    """The date this many days after 1970-01-01."""
    ordinal = _EPOCH_ORDINAL + days
    if 1 <= ordinal <= date.max.toordinal():
        return date.fromordinal(ordinal).isoformat()
    return f"J{days + JULIAN_EPOCH}"


def time_text(micros: int) -> str:
    """The time of day this many microseconds after midnight; Postgres has 24:00:00, too."""
    if micros == DAY_MICROS:
        return "24:00:00.000000"
    return (_EPOCH + timedelta(microseconds=micros)).time().isoformat("microseconds")


def timestamp_text(micros: int) -> str:
    """The time this many microseconds after 1970-01-01."""
    days, rest = divmod(micros, DAY_MICROS)
    day = date_text(days)
    return f"{day}{' ' if day.startswith('J') else 'T'}{time_text(rest)}"


def timestamptz_text(iso: str) -> str:
    """A time in UTC, given in ISO 8601 with an astronomical year: 0000 is 1 BC."""
    found = _MOMENT.fullmatch(iso)
    if found is None or 1 <= int(found[1]) <= 9999:
        return iso
    # The calendar repeats every 400 years: a year that Python knows stands in for this one.
    cycles, year = divmod(int(found[1]) - 1, 400)
    days = datetime(year + 1, int(found[2]), int(found[3]), tzinfo=UTC).toordinal() - _EPOCH_ORDINAL + cycles * 146_097
    return f"J{days + JULIAN_EPOCH} {found[4]}Z"
