"""Parts of a date in the language of rules, as SQL says them: `extract(month from ordered_at)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

__all__ = ["PARTS", "part_text", "read_part"]

# The first way to say a part is the one that is printed. Sunday is day 0 of `dow`, Monday day 1 of `isodow`;
# what a database calls the day of the week may begin with either, so that is not among them.
PARTS: Mapping[str, tuple[str, ...]] = {
    "year": ("extract(year from {})", "year({})"),
    "quarter": ("extract(quarter from {})", "quarter({})"),
    "month": ("extract(month from {})", "month({})"),
    "day": ("extract(day from {})", "day({})"),
    "hour": ("extract(hour from {})", "hour({})"),
    "minute": ("extract(minute from {})", "minute({})"),
    "week": ("extract(week from {})", "extract(isoweek from {})"),
    "doy": ("extract(doy from {})", "extract(dayofyear from {})", "dayofyear({})"),
    "isodow": ("extract(isodow from {})", "isodow({})"),
    "dow": ("extract(dow from {})",),
    "isodow - 1": ("extract(isodow from {}) - 1",),
    "dow + 1": ("extract(dow from {}) + 1",),
    "date": ("cast({} as date)", "date({})"),
    "start of hour": ("date_trunc('hour', {})", "date_trunc({}, hour)"),
    "start of day": ("date_trunc('day', {})", "date_trunc({}, day)"),
    "start of week": ("date_trunc('week', {})", "date_trunc({}, isoweek)"),
    "start of month": ("date_trunc('month', {})", "date_trunc({}, month)"),
    "start of quarter": ("date_trunc('quarter', {})", "date_trunc({}, quarter)"),
    "start of year": ("date_trunc('year', {})", "date_trunc({}, year)"),
}


def part_text(part: str, column: str, zones: Sequence[str]) -> str:
    """A part of a column, the date of which is read in the last of these time zones.

    Args:
        part: One of `PARTS`.
        column: The column as it is said in a rule.
        zones: Of a column with a time zone the zone; of one without, the zone it is in and the other one.
    """
    return PARTS[part][0].format(column + "".join(f" at time zone '{zone}'" for zone in zones))


def read_part(
    tokens: Sequence[str], split: Callable[[str], list[str]]
) -> tuple[str, list[str], tuple[str, ...]] | None:
    """The part, the column's tokens and the time zones that are said; None if it is no part of a date.

    Args:
        tokens: One side of an equation.
        split: Cuts a text into tokens.
    """
    low = [token.lower() for token in tokens]
    for part, ways in PARTS.items():
        for way in ways:
            before, after = (split(half) for half in way.split("{}"))
            end = len(tokens) - len(after)
            if end > len(before) and low[: len(before)] == before and low[end:] == after:
                return part, *_in_zones(tokens[len(before) : end])
    return None


def _in_zones(tokens: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """What is before the time zones, and these."""
    rest, zones = list(tokens), []
    while len(rest) > 4 and [t.lower() for t in rest[-4:-1]] == ["at", "time", "zone"]:
        zones.append(rest.pop()[1:-1])
        del rest[-3:]
    return rest, tuple(reversed(zones))
