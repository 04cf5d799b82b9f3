"""Kinds of personal data: what their columns are called, and how a value proves to be one."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "IDENTIFYING",
    "KINDS",
    "Kind",
    "PiiKind",
    "digits_of",
    "iban_check",
    "is_iban",
    "luhn_digit",
    "plain_name",
]

Kind = Literal[
    "email",
    "iban",
    "card",
    "ssn",
    "ip",
    "phone",
    "first_name",
    "last_name",
    "name",
    "username",
    "address",
    "other",
]

# What leads to one person or account by itself.
IDENTIFYING: frozenset[Kind] = frozenset({"email", "iban", "card", "ssn", "ip", "phone"})

EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,24}")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_SSN = re.compile(r"(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}")
_PHONE = re.compile(r"\+?\(?\d[\d\s()./\-]{5,22}\d(?:\s?(?:x|ext\.?)\s?\d{1,5})?")
_DATE = re.compile(r"\d{4}[-./]\d{1,2}[-./]\d{1,2}.*|\d{1,2}[-./]\d{1,2}[-./]\d{2,4}.*|\d{4} ?[-/] ?\d{2,4}")
# Nor two years in brackets, nor the long forms of American and Brazilian post codes.
_NO_PHONE = re.compile(r"\(?\d{4} ?[-/] ?\d{2,4}\)?|\d{5}-\d{3,4}")
_WORDS = re.compile(r"[^\W\d_][^\d_@/:;,()]*")
_CARD = re.compile(r"\d(?:[ -]?\d){11,18}")
_CARD_START = re.compile(r"4|5[0-8]|6[0-9]|2[2-7]|3[0-9]")


def plain_name(column: str) -> str:
    """A column's name in lower case with underscores: `CustomerEMail` and `customer-e-mail` alike."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[\s\-.]+", "_", column)
    return split.lower().replace("e_mail", "email")


def digits_of(text: str) -> str:
    """The digits of a text."""
    return "".join(c for c in text if c in "0123456789")


def luhn_digit(digits: str) -> int:
    """The digit that makes the number valid by Luhn's formula when it is put at its end."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return -total % 10


def is_card(text: str) -> bool:
    """A payment card's number: its length, its first digits and Luhn's formula are right."""
    digits = digits_of(text)
    if not _CARD.fullmatch(text.strip()) or not _CARD_START.match(digits):
        return False
    return luhn_digit(digits[:-1]) == int(digits[-1])


def iban_check(country: str, rest: str) -> int:
    """The two check digits of an IBAN (ISO 7064, modulo 97)."""
    number = int("".join(str(int(c, 36)) for c in rest + country + "00"))
    return 98 - number % 97


def is_iban(text: str) -> bool:
    """Whether the text is an IBAN whose check digits are right."""
    plain = text.replace(" ", "").upper()
    return bool(_IBAN.fullmatch(plain)) and iban_check(plain[:2], plain[4:]) == int(plain[2:4])


def is_ip(text: str) -> bool:
    """Whether the text is an address of IPv4 or IPv6."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "." in text or ":" in text


def is_phone(text: str) -> bool:
    """A telephone number written as one: with a plus, brackets or separators, and not a date."""
    text = text.strip()
    is_written = text.startswith("+") or any(c in text for c in "()- /.")
    return (
        is_written
        and has_phone_digits(text)
        and not any(other.fullmatch(text) for other in (_DATE, _SSN, _NO_PHONE))
    )


def has_phone_digits(text: str) -> bool:
    """Whether the text may be a telephone number, if its column says so."""
    count = len(digits_of(text))
    return (
        6 <= count <= 17 and bool(_PHONE.fullmatch(text.strip())) and text.count(".") != 1 and not is_ip(text)
    )


def are_words(text: str) -> bool:
    """Whether the text consists of a few words without digits, as names do."""
    return bool(_WORDS.fullmatch(text.strip())) and len(text) <= 60


def _has_digit(text: str) -> bool:
    return any(c.isdigit() for c in text)


def _is_national_id(text: str) -> bool:
    plain = re.sub(r"[\s./\-]", "", text)
    return 6 <= len(plain) <= 18 and plain.isalnum() and len(digits_of(plain)) >= 4


@dataclass(frozen=True)
class PiiKind:
    """One kind of personal data.

    Attributes:
        names: What its columns are called (a regular expression for a part of `plain_name`).
        proves: Whether a value alone proves to be of the kind; None where it takes the column's name.
        fits: Whether a value may be of the kind, if the column's name says so.
        digits: How many digits a number that stands for a value has while the twin is learned.
        numeric: Whether columns of numbers can hold it.
    """

    names: re.Pattern[str]
    proves: Callable[[str], bool] | None
    fits: Callable[[str], bool]
    digits: int = 9
    numeric: bool = False


def _called(*names: str) -> re.Pattern[str]:
    return re.compile(rf"(^|_)({'|'.join(names)})\d?(_|$)")


def _is_email(text: str) -> bool:
    return bool(EMAIL.fullmatch(text.strip()))


# In the order in which they are tried.
KINDS: dict[Kind, PiiKind] = {
    "email": PiiKind(
        _called(
            *("e?mail", "e?mail_?address", "e?mail_?adresse", "correo", "correo_electronico", "courriel"),
            *("e_?posta", "メール", "メールアドレス", "邮箱", "이메일"),
        ),
        _is_email,
        _is_email,
    ),
    "iban": PiiKind(_called("iban"), is_iban, is_iban, 11),
    "card": PiiKind(
        _called(
            "card", "card_?(number|no|num|nr)", "cc", "cc_?(number|num)", "credit_?card", "kreditkarte", "pan"
        ),
        is_card,
        is_card,
        11,
        numeric=True,
    ),
    "ip": PiiKind(_called("ip", "ip_?(address|addr)", "ipv[46]", "remote_addr"), is_ip, is_ip, 7),
    "ssn": PiiKind(
        _called(
            *("ssn", "social_security(_number|_no)?", "national_?(id|number)", "nino", "tax_?(id|number)"),
            *(
                "steuer_?(id|nr|nummer)",
                "pesel",
                "cpf",
                "dni",
                "nif",
                "nie",
                "codice_?fiscale",
                "bsn",
                "insee",
            ),
            *("nir", "personnummer", "aadhaar", "sin", "my_?number", "ahv", "passport(_number|_no)?", "curp"),
        ),
        lambda text: bool(_SSN.fullmatch(text.strip())),
        _is_national_id,
        8,
        numeric=True,
    ),
    "phone": PiiKind(
        _called(
            *("phone(_number|_no)?", "tel", "telephone", "mobile(_number|_no)?", "cell", "cellphone", "fax"),
            *("(telefon|handy|mobil|ruf|fax|tel)_?(nummer|nr)", "(mobile|cell|phone)_?(number|num|no|nr)"),
            *(
                "telefon",
                "telefone?",
                "telefono",
                "teléfono",
                "téléphone",
                "handy",
                "movil",
                "móvil",
                "celular",
            ),
            *("cellulare", "msisdn", "電話", "電話番号", "电话", "手机", "전화", "전화번호", "телефон"),
        ),
        is_phone,
        has_phone_digits,
        9,
        numeric=True,
    ),
    "first_name": PiiKind(
        _called(
            *("first_?name", "fname", "given_?name", "forename", "vorname", "prenom", "prénom", "nombre"),
            *("imie", "imię", "voornaam", "förnamn", "fornavn", "etunimi", "jméno", "имя", "名"),
        ),
        None,
        are_words,
        6,
    ),
    "last_name": PiiKind(
        _called(
            *("last_?name", "lname", "surname", "family_?name", "nachname", "familienname", "apellidos?"),
            *(
                "cognome",
                "nazwisko",
                "achternaam",
                "sobrenome",
                "efternamn",
                "etternavn",
                "sukunimi",
                "soyad",
            ),
            *("apellido", "nom_?de_?famille", "příjmení", "фамилия", "姓"),
        ),
        None,
        are_words,
        6,
    ),
    "name": PiiKind(
        _called(
            *("full_?name", "(customer|client|contact|person|patient|employee|holder|owner|member)_?name"),
            *(
                "(user|author|sender|recipient|cardholder|student|teacher)_full_?name",
                "nombre_completo",
                *("氏名", "姓名", "이름", "фио"),
            ),
        ),
        None,
        are_words,
        8,
    ),
    "username": PiiKind(
        _called("user_?name", "login", "login_?name", "screen_?name", "nick_?name"),
        None,
        lambda text: " " not in text.strip() and 2 <= len(text) <= 40 and any(c.isalpha() for c in text),
    ),
    "address": PiiKind(
        _called(
            *("address", "street", "street_?(address|name)", "addr", "address_?line", "strasse", "straße"),
            *("adresse", "anschrift", "direccion", "dirección", "indirizzo", "endereco", "endereço", "adres"),
            *("住所", "地址", "주소", "адрес"),
        ),
        None,
        lambda text: (
            not _is_email(text) and not is_ip(text) and len(text) >= 5 and any(c.isalpha() for c in text)
        ),
        6,
    ),
    "other": PiiKind(re.compile(r"(?!)"), None, lambda _: True),
}
