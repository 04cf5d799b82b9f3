"""The language of declared rules: comparisons of columns as in SQL, and three sentences beside them.

    shipped_at >= ordered_at            and, or-ed with `is null` of its columns, the same
    parent.signed_up <= ordered_at      the parent is the one that rows are generated from
    total = net + tax                   a sum, or a copy
    amount = quantity * price           a product, also with what is left after a discount, `(1 - discount)`,
                                        or comes with a tax, `(1 + tax * 0.01)`, and in `round(..., 2)`
    currency = parent.currency
    email is not null or phone is not null
    city decides country                rows that agree in one agree in the other
    status decides whether lost_at is null
    mileage never falls along visited_at within a parent
    (valid_from, valid_to) do not overlap within a parent

`Synthesizer.plan` prints the rules it finds in the same words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["PLAIN", "Clause", "Factor", "factor_text", "parse_clauses", "quoted"]

Factor = tuple[float, float]  # a start, and what is added to it for each unit of the column
Kind = Literal[
    "at_most", "below", "sum", "product", "repeats", "nulls", "decides", "null_by", "rises", "apart"
]

_TOKEN = re.compile(r'\s*("(?:[^"]|"")+"|`[^`]+`|<=|>=|[<>=+*/().,-]|\d+\.\d+|\w+)')
_WORDS = frozenset({"and", "or", "is", "not", "null"})
PLAIN: Factor = (0.0, 1.0)  # the column itself
_FORMS = (
    "It can be a <= b, a < b (or >=, >), a = b + c, a = b * c, a = b * c * (1 - d), a = b, "
    "with parent.a for a column of the parent; a is [not] null or b is [not] null; a decides b; "
    "a decides whether b is null; "
    "a never falls along b within a parent; "
    "(a, b) do not overlap within a parent; names with other signs than letters, digits and _ are quoted"
)


@dataclass(frozen=True)
class Clause:
    """One rule, read.

    Attributes:
        kind: `at_most` and `below` (the smaller column first), `sum` and `product` (the result first),
            `repeats` (the parent's column last), `nulls`, `decides`, `null_by`, `rises` (along the second),
            `apart` (start and end).
        columns: The names; `of_parent` says which is the parent's, if any.
        of_parent: Its place in `columns`.
        never: Of `nulls`: what does not happen to the two columns, as in `rules.Nulls`.
        factors: Of `product`: what is made of each column but the first, as in `DerivedCodec`.
    """

    kind: Kind
    columns: tuple[str, ...]
    of_parent: int | None = None
    never: Literal["both", "neither", "first"] | None = None
    factors: tuple[Factor, ...] = ()

    @property
    def own(self) -> tuple[str, ...]:
        """The columns of the table itself."""
        return tuple(c for place, c in enumerate(self.columns) if place != self.of_parent)


def quoted(name: str) -> str:
    """A column's name as the language takes it."""
    is_plain = re.fullmatch(r"[^\W\d]\w*", name) and name.lower() not in _WORDS
    return name if is_plain else '"' + name.replace('"', '""') + '"'


def factor_text(name: str, factor: Factor) -> str:
    """A column in a product."""
    start, slope = factor
    if not start:
        return quoted(name)
    times = "" if abs(slope) == 1 else f" * {abs(slope):g}"
    return f"({start:g} {'-' if slope < 0 else '+'} {quoted(name)}{times})"


def parse_clauses(text: str) -> list[Clause]:
    """Read a rule: several if they are joined by `and`.

    Raises:
        ValueError: It is none that is understood; the message says what is.
    """
    try:
        return _conjunction(_tokens(text))
    except ValueError as error:
        raise ValueError(f"the rule {text!r} is not understood: {error}. {_FORMS}") from error


def _conjunction(tokens: Tokens) -> list[Clause]:
    parts = _split(_bare(tokens), "and")
    if len(parts) > 1:
        return [clause for part in parts for clause in _conjunction(part)]
    part = _bare(parts[0])
    return [_sentence(part) or _disjunction(part)]


Tokens = list[str]  # names that were quoted still have their quotes


def _tokens(text: str) -> Tokens:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"{text[at:].strip()[:20]!r} has no meaning here")
        found.append(match[1])
        at = match.end()
    return found


def _bare(tokens: Tokens) -> Tokens:
    """Without parentheses around all of it."""
    while tokens[:1] == ["("] and "," not in tokens and _closing(tokens) == len(tokens) - 1:
        tokens = tokens[1:-1]
    return tokens


def _closing(tokens: Tokens) -> int:
    """Where the parenthesis that is opened first is closed."""
    depth = 0
    for place, sign in enumerate(tokens):
        depth += (sign == "(") - (sign == ")")
        if not depth:
            return place
    raise ValueError("a parenthesis is not closed")


def _split(tokens: Tokens, word: str) -> list[Tokens]:
    """The parts between a word or sign that is not in parentheses."""
    parts: list[Tokens] = [[]]
    depth = 0
    for sign in tokens:
        depth += (sign == "(") - (sign == ")")
        if sign.lower() == word and not depth:
            parts.append([])
        else:
            parts[-1].append(sign)
    return parts


def _column(tokens: Tokens) -> tuple[str, bool]:
    """A name, and whether it is the parent's."""
    if len(tokens) == 3 and tokens[0].lower() == "parent" and tokens[1] == ".":
        return _own(tokens[2:]), True
    return _own(tokens), False


def _own(tokens: Tokens) -> str:
    if len(tokens) != 1 or not (tokens[0][0] in '"`' or re.fullmatch(r"\w+", tokens[0])):
        raise ValueError(f"{' '.join(tokens)!r} is no column")
    token = tokens[0]
    if token[0] in '"`':
        return token[1:-1].replace('""', '"')
    if token[0].isdigit():
        raise ValueError(
            f"{token!r} is no column; a bound is no rule, but min or max of the column's constraint"
        )
    if token.lower() in _WORDS:
        raise ValueError(f"{token!r} is no column")
    return token


_SENTENCES: dict[Kind, str] = {
    "decides": "A decides A",
    "null_by": "A decides whether A is null",
    "rises": "A never falls along A within a parent",
    "apart": "( A , A ) do not overlap within a parent",
}


def _sentence(tokens: Tokens) -> Clause | None:
    for kind, sentence in _SENTENCES.items():
        words = sentence.split()
        if len(words) == len(tokens) and all(
            w == "A" or w == t.lower() for w, t in zip(words, tokens, strict=True)
        ):
            names = [_own([t]) for w, t in zip(words, tokens, strict=True) if w == "A"]
            if len(set(names)) < len(names) and kind in ("decides", "null_by"):
                raise ValueError("a column is named twice")
            return Clause(kind, tuple(names))
    return None


def _disjunction(tokens: Tokens) -> Clause:
    """A comparison, also one that nulls are excepted from; or what two columns are never both."""
    nulls, comparisons = [], []
    for part in map(_bare, _split(tokens, "or")):
        words = [t.lower() for t in part[-3:]]
        if words[-2:] == ["is", "null"]:
            nulls.append((_own(part[:-2]), True))
        elif words == ["is", "not", "null"]:
            nulls.append((_own(part[:-3]), False))
        else:
            comparisons.append(_comparison(part))
    if len(comparisons) == 1:
        if any(not is_null or name not in comparisons[0].own for name, is_null in nulls):
            raise ValueError("beside a comparison only `is null` of its own columns is understood")
        return comparisons[0]
    if comparisons or len(nulls) != 2 or nulls[0][0] == nulls[1][0]:
        raise ValueError("only conditions on the nulls of two columns are joined by `or`")
    (one, one_is_null), (other, other_is_null) = nulls
    if one_is_null == other_is_null:
        return Clause("nulls", (one, other), never="neither" if one_is_null else "both")
    # One is null only where the other is: `x is not null or y is null`.
    first, second = (other, one) if one_is_null else (one, other)
    return Clause("nulls", (first, second), never="first")


def _comparison(tokens: Tokens) -> Clause:
    signs = [t for t in tokens if t in ("<", "<=", ">", ">=", "=")]
    if len(signs) != 1:
        raise ValueError(f"{' '.join(tokens)!r} is no comparison of columns")
    left, right = _split(tokens, signs[0])
    if signs[0] == "=":
        return _equation(_bare(left), _bare(right))
    if signs[0] in (">", ">="):
        left, right = right, left
    (low, low_is_theirs), (high, high_is_theirs) = _column(_bare(left)), _column(_bare(right))
    if low_is_theirs and high_is_theirs:
        raise ValueError("both columns are the parent's")
    of_parent = 0 if low_is_theirs else 1 if high_is_theirs else None
    if of_parent is None and low == high:
        raise ValueError("a column is compared with itself")
    return Clause("at_most" if "=" in signs[0] else "below", (low, high), of_parent)


def _factor(tokens: Tokens) -> tuple[str, Factor]:
    """A column, or `1 - x` or `1 + x` of it; in percent `1 - x * 0.01` or `1 - x / 100`."""
    if len(tokens) < 3 or tokens[0] not in ("1", "1.0") or tokens[1] not in ("-", "+"):
        return _own(tokens), PLAIN
    sign, rest, share = (-1.0 if tokens[1] == "-" else 1.0), tokens[2:], 1.0
    if rest[1:] in (["/", "100"], ["/", "100.0"], ["*", "0.01"]) or rest[:2] == ["0.01", "*"]:
        rest, share = (rest[2:] if rest[0] == "0.01" else rest[:1]), 0.01
    return _own(rest), (1.0, sign * share)


def _equation(left: Tokens, right: Tokens) -> Clause:
    if len(left) > len(right):
        left, right = right, left
    if [sign.lower() for sign in right[:2]] == ["round", "("] and _closing(right[1:]) == len(right) - 2:
        right = _bare(_split(right[2:-1], ",")[0])  # to the digits that the column has, whatever is said
    for sign, kind in (("+", "sum"), ("*", "product")):
        parts = _split(right, sign)
        if len(parts) > 1:
            read = [
                _factor(_bare(part)) if kind == "product" else (_own(_bare(part)), PLAIN) for part in parts
            ]
            names = (_own(left), *(name for name, _ in read))
            if len(set(names)) < len(names):
                raise ValueError("a column is named twice")
            if kind == "sum":
                return Clause("sum", names)
            return Clause("product", names, factors=tuple(factor for _, factor in read))
    (one, one_is_theirs), (other, other_is_theirs) = _column(left), _column(right)
    if one_is_theirs:
        raise ValueError("both columns are the parent's")
    if other_is_theirs:
        return Clause("repeats", (one, other), of_parent=1)
    if one == other:
        raise ValueError("a column is compared with itself")
    return Clause("sum", (one, other))
