"""Personal data inside free text: marked before a text is learned, invented anew where marks come out.

A mark is one character of Unicode's private use area, so it is a word that texts share, and its kind can be
read off it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import pyarrow as pa

from synthohive_py.privacy.kinds import (
    EMAIL_IN_TEXT,
    Kind,
    is_card,
    is_iban,
    is_international,
    is_phone,
    is_sure_ip,
    may_be_card,
)

__all__ = ["MARKS", "TextScrubber", "as_known", "count_words", "kind_of_mark"]

MARKS: dict[Kind, str] = {
    "email": "\ue010",
    "iban": "\ue011",
    "card": "\ue012",
    "ssn": "\ue013",
    "ip": "\ue014",
    "phone": "\ue015",
    "name": "\ue016",
    "other": "\ue017",
}
_KINDS = {mark: kind for kind, mark in MARKS.items()}
MAX_WORDS = 4  # of a known value that is looked for in texts
LEAST_LETTERS = 3  # of a name; shorter ones are words of many languages
_EDGES = "'.!?«»„“”…\u2018\u2019"
# What lies between two words: blanks, and what JSON, tags and lists are written with.
_WORD = re.compile(r"[^\s\"{}\[\]()<>,;:=|/\\]+")
# Names in these scripts are written without blanks, and are shorter than others.
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af々]{2,}")
# A number of JSON that a mark stands for, as in {"card": 4111111111111111}: the mark has to be a text. What
# stands between quotes is one.
_BARE = re.compile(rf"\"(?:[^\"\\]|\\.)*\"|[{''.join(MARKS.values())}]", re.DOTALL)
# Pairs, so that the second backslash of two begins nothing.
_ESCAPED = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPE = re.compile(r"(\\(?:u[0-9a-fA-F]{4}|.))", re.DOTALL)
MAX_UNSPACED = 8  # characters of a name in such a script
_GREETED = re.compile(
    r"\b(?:Mr|Mrs|Ms|Dr|Prof|Herr|Frau|Mme|M|Señor|Señora|Sr|Sra|Signor|Signora)\.?\s+"
    r"[^\W\d_a-zß-ÿ][\w'\u2019\-]+(?:\s+[^\W\d_a-zß-ÿ][\w'\u2019\-]+)?"
)

SOME = 5000  # texts of a column that tell whether its numbers are cards

Proves = Callable[[str], bool]


def _has_email(text: str) -> bool:
    return "@" in text or "%40" in text


def _has_ip(text: str) -> bool:
    return text.count(".") >= 3 or text.count(":") >= 2


_CARD = re.compile(
    r"(?<!\w)(?<!\d\.)(?<![\s:\[,]-)(?<!^-)(?<![0-9a-fA-F]{4}-)\d(?:[ -]?\d){11,18}(?!\w|\.\d)"
)
# In this order: an IBAN holds what might be a telephone number. Beside each is what tells at once that there
# is none, as in most codes. Where one begins or ends, no longer code goes on: no fraction, hash or version.
_FINDERS: tuple[tuple[Kind, Proves, re.Pattern[str], Proves], ...] = (
    # What a repository is cloned from is nobody's address.
    ("email", _has_email, EMAIL_IN_TEXT, lambda text: not text.startswith("git@")),
    (
        "iban",
        lambda text: len(text) >= 15,
        re.compile(r"\b[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]){11,30}\b"),
        is_iban,
    ),
    ("card", lambda text: len(text) >= 12, _CARD, is_card),
    (
        "ssn",
        lambda text: text.count("-") >= 2,
        re.compile(r"(?<!\w)(?<!\d-)(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?!-?\w)"),
        lambda _: True,
    ),
    (
        "ip",
        _has_ip,
        re.compile(
            r"(?<!\w)(?<!\d\.)\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)"
            r"|(?<![\w:.])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{1,4}(?!\w|\.\d)"
        ),
        is_sure_ip,
    ),
    (
        "phone",
        lambda text: "+" in text,
        re.compile(r"(?<![\w+])(?:\(\+\d{1,3}\)|\+ ?\(?\d)[\d ()./\-]{5,22}\d(?!\w)(?: ?x\d{1,5})?"),
        is_international,
    ),
    (
        "phone",
        lambda text: ":" in text or "." in text or "=" in text,
        re.compile(
            r"(?P<before>(?:\b|_)(?:tel(?:efon|ephone)?|(?:cell|mobile_?|tele)?phone|mobile?|handy|fax)"
            r"(?:_?(?:number|nummer|no|nr))?\b[\"']? ?[.:=]{1,2} ?[\"']?)\+?\(?\d[\d ()./\-]{4,22}\d(?!\w)",
            re.IGNORECASE,
        ),
        lambda text: text.isdigit() or is_phone(text),
    ),
)
_LOOSE_PHONE = re.compile(r"(?<![\w.])\+?\(?\d[\d ()./\-]{5,22}\d(?!\w)(?: ?x\d{1,5})?")


def kind_of_mark(char: str) -> Kind | None:
    """The kind that a mark stands for; None for any other character."""
    return _KINDS.get(char)


def _marked(mark: str, proves: Proves, found: re.Match[str]) -> str:
    """The mark, and what follows the longest beginning that proves to be of the kind; else the text found."""
    before = found.groupdict().get("before") or ""
    text = found.group()[len(before) :]
    end = len(text)
    while end > 0:
        if proves(text[:end]):
            return before + mark + text[end:]
        end = text.rfind(" ", 0, end)
    return before + text


@dataclass(frozen=True)
class TextScrubber:
    """Finds personal data in texts.

    Attributes:
        known: Values of the columns with personal data, and their kinds: they are found wherever they are
            written.
        names: Words that are first or family names; two of them in a row, written with capitals, are a name.
        kinds: What is found by its form.
        is_prose: Whether the texts are sentences. In others a number is a card only if those of the column
            are: of all numbers one in ten ends as a card does.
        any_phone: Whether any number with separators may be a telephone number; else it takes a plus, or a
            word before it that says so.
    """

    known: Mapping[str, Kind] = field(default_factory=dict)
    names: Collection[str] = frozenset()
    kinds: Collection[Kind] = tuple(MARKS)
    is_prose: bool = True
    any_phone: bool = True

    def scrub_column(self, column: pa.ChunkedArray) -> tuple[pa.ChunkedArray, set[Kind]]:
        """The column with marks for what was found, and which kinds that were."""
        if not self.known and not self.kinds:
            return column, set()
        coded = column.combine_chunks().dictionary_encode()
        texts = coded.dictionary.to_pylist()
        has_cards = self.is_prose or _hold_cards(texts)
        scrubber = self if has_cards else replace(self, kinds={*self.kinds} - {"card"})
        scrubbed = [scrubber.scrub(text) for text in texts]
        found = {
            _KINDS[c]
            for old, new in zip(texts, scrubbed, strict=True)
            if old != new
            for c in new
            if c in _KINDS
        }
        if not found:
            return column, found
        values = pa.array(scrubbed, column.type)
        return pa.chunked_array([values.take(coded.indices)]), found

    def scrub(self, text: str) -> str:
        """The text with a mark in the place of each piece of personal data."""
        text = "".join(" " if c in _KINDS else c for c in text) if any(c in text for c in _KINDS) else text
        plain = _ESCAPED.sub(_unescaped, text) if "\\" in text else text  # JSON's way to write M\u00fcller
        is_json = plain.lstrip()[:1] in ("{", "[", '"')
        if is_json and "\\" in plain:  # the n of a \n is no part of the word behind it
            scrubbed = "".join(
                part if place % 2 else self._scrubbed(part) for place, part in enumerate(_ESCAPE.split(plain))
            )
        else:
            scrubbed = self._scrubbed(plain)
        if scrubbed == plain:
            return text
        return _quoted(scrubbed, text) if is_json else scrubbed

    def _scrubbed(self, text: str) -> str:
        if any(c.isdigit() or c == "@" for c in text):
            for kind, may_hold, pattern, proves in _FINDERS:
                if kind in self.kinds and may_hold(text):
                    text = pattern.sub(partial(_marked, MARKS[kind], proves), text)
            if self.any_phone and "phone" in self.kinds:
                text = _LOOSE_PHONE.sub(partial(_marked, MARKS["phone"], is_phone), text)
        if self.known or self.names:
            text = self._without_names(text)
        return _GREETED.sub(MARKS["name"], text) if "name" in self.kinds else text

    def _without_names(self, text: str) -> str:
        text = _UNSPACED.sub(lambda found: self._without_unspaced(found.group()), text)
        words = list(_WORD.finditer(text))
        plain = [word.group().strip(_EDGES) for word in words]
        out: list[str] = []
        place = end = 0
        while place < len(words):
            size, kind = self._found_at(plain, place)
            if size:
                first, last = words[place], words[place + size - 1]
                start = first.start() + len(first.group()) - len(first.group().lstrip(_EDGES))
                stop = last.end() - len(last.group()) + len(last.group().rstrip(_EDGES))
                is_one = '"' not in text[start:stop]  # else ["Anna", "Berger"], two texts that stay two
                marked = _mark_of(kind) if is_one else _WORD.sub(_mark_of(kind), text[start:stop])
                out += [text[end:start], marked]
                end = stop
            place += size or 1
        return "".join([*out, text[end:]])

    def _found_at(self, words: list[str], place: int) -> tuple[int, Kind]:
        """How many words from here on are a known value or a name, and its kind; 0 if none."""
        for size in range(min(MAX_WORDS, len(words) - place), 0, -1):
            text = " ".join(words[place : place + size])
            if text in self.known and len(text.replace(" ", "")) >= LEAST_LETTERS:
                return size, self.known[text]
        pair = words[place : place + 2]
        if len(pair) == 2 and all(w[:1].isupper() and self._is_name(w) for w in pair):
            return 2, "name"
        return 0, "name"

    def _is_name(self, word: str) -> bool:
        return word in self.names or (word.isupper() and word.title() in self.names)

    def _without_unspaced(self, text: str) -> str:
        """Known values taken out of a text without blanks, the longest first."""
        out: list[str] = []
        place = 0
        while place < len(text):
            longest = min(MAX_UNSPACED, len(text) - place)
            size = next((n for n in range(longest, 1, -1) if text[place : place + n] in self.known), 0)
            out.append(_mark_of(self.known[text[place : place + size]]) if size else text[place])
            place += size or 1
        return "".join(out)


def count_words(text: str) -> int:
    """How many words are looked at; one of a script without blanks is as many as have room in it."""
    return len(_WORD.findall(text)) + sum(len(found) // 2 for found in _UNSPACED.findall(text))


def as_known(values: Iterable[tuple[Kind, str]]) -> dict[str, Kind]:
    """Values in the forms in which they are looked for: as they are, in capitals, as titles, and unspaced."""
    found: dict[str, Kind] = {}
    for kind, value in values:
        words = [plain for word in _WORD.findall(value) if (plain := word.strip(_EDGES))]
        text, unspaced = " ".join(words), "".join(words)
        forms = [text, text.upper(), text.title(), *([unspaced] if _UNSPACED.fullmatch(unspaced) else [])]
        found |= {form: kind for form in forms if form}
    return found


def _mark_of(kind: Kind) -> str:
    return MARKS.get(kind, MARKS["name"])


def _hold_cards(texts: Sequence[str | None]) -> bool:
    """Whether the numbers in texts that may be cards are: by chance one in ten is."""
    some = texts[:: max(len(texts) // SOME, 1)]
    numbers = [m for text in some if text and len(text) >= 12 for m in _CARD.findall(text) if may_be_card(m)]
    return sum(map(is_card, numbers)) >= len(numbers) / 2


def _quoted(scrubbed: str, text: str) -> str:
    """A document of JSON in which marks that stand for numbers are texts."""
    quoted = _BARE.sub(lambda m: m.group() if m.group()[0] == '"' else f'"{m.group()}"', scrubbed)
    if quoted == scrubbed:
        return scrubbed
    try:
        json.loads(text)
    except ValueError:  # it only begins as a document does: [1.2.3.4]
        return scrubbed
    return quoted


def _unescaped(found: re.Match[str]) -> str:
    if found.group(2) == "/":
        return "/"
    code = int(found.group(1) or "0", 16)
    is_plain = code >= ord(" ") and chr(code) not in '"\\\x7f' and not 0xD800 <= code < 0xE000
    return chr(code) if is_plain else found.group()
