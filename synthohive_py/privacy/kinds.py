"""Kinds of personal data: what their columns are called, and how a value proves to be one."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "EMAIL_IN_TEXT",
    "IDENTIFYING",
    "KINDS",
    "Kind",
    "PiiKind",
    "digits_of",
    "has_phone_digits",
    "iban_check",
    "is_card",
    "is_iban",
    "is_international",
    "is_phone",
    "is_sure_ip",
    "luhn_digit",
    "may_be_card",
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

_DOMAIN = r"[\w-]+(?:\.[\w-]+)*\.(?:xn--[\w-]{2,40}|[^\W\d_]{2,24})"
EMAIL = re.compile(rf"[\w.!#$%&'*+/=?^`{{|}}~-]{{1,64}}@{_DOMAIN}")
# In a text what is before a slash, a question mark or an equals sign is no part of it but of a link.
EMAIL_IN_TEXT = re.compile(rf"(?<![\w%+])[\w+][\w.%+'\u2019-]{{0,63}}(?:@|%40){_DOMAIN}")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
# How long the IBANs of a country are: one in a hundred codes passes modulo 97.
_IBANS = (
    "AD24 AE23 AL28 AO25 AT20 AZ28 BA20 BE16 BF28 BG22 BH22 BI27 BJ28 BR29 BY28 CF27 CG27 CH21 CI28 CM27 "
    "CR22 CV25 CY28 CZ24 DE22 DJ27 DK18 DO28 DZ26 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GA27 GB22 GE22 GI23 "
    "GL18 GQ27 GR27 GT28 GW25 HN28 HR21 HU28 IE22 IL23 IQ23 IR26 IS26 IT27 JO30 KM27 KW30 KZ20 LB28 LC32 "
    "LI21 LT20 LU20 LV21 LY25 MA28 MC27 MD24 ME22 MG27 MK19 ML28 MN20 MR27 MT31 MU30 MZ25 NE28 NI28 NL18 "
    "NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SN28 SO23 ST25 "
    "SV28 TD27 TG28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
)
_IBAN_LENGTHS = {pair[:2]: int(pair[2:]) for pair in _IBANS.split()}
_SSN = re.compile(r"(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}")
_EXTENSION = r"(?:\s?(?:x|ext\.?)\s?\d{1,5})?"
_PHONE = re.compile(r"\+?\(?\d[\d\s()./\-]{5,22}\d" + _EXTENSION)
_DATE = re.compile(r"\d{4}[-./]\d{1,2}[-./]\d{1,2}.*|\d{1,2}[-./]\d{1,2}[-./]\d{2,4}.*|\d{4} ?[-/] ?\d{2,4}")
# Nor two years in brackets, the long forms of American and Brazilian post codes, a day and a time, a place on
# the globe, and blocks of addresses.
_NO_PHONE = re.compile(
    r"\(?\d{4} ?[-/] ?\d{2,4}\)?|\d{5}-\d{3,4}|(?:19|20)\d{6} \d{4,6}|\d{1,3}\.\d{3,} ?-?\d{1,3}\.\d{3,}"
    r"|\d{1,3}(?:\.\d{1,3}){3}/\d{1,2}"
)
# What order numbers and other codes don't look like: a plus, or two zeros, and a country ...
_INTERNATIONAL = re.compile(
    r"(?:\(\+[1-9]\d{0,3}\)|\+\s?\(?[1-9]\d{0,3}\)?)[\d\s()./\-]{4,20}\d" + _EXTENSION
)
_DIALLED = re.compile(r"00[1-9]\d{0,2}[ /(][\d\s()./\-]{5,18}\d|001-\d{3}-\d{3}-\d{4}" + _EXTENSION)
# ... the area in brackets, or all places of a North American number, whose parts begin with no 0 and no 1.
_AREA = re.compile(
    r"0?\(0?\d{1,4}\)\s\d[\d\s./\-]{3,14}\d" + _EXTENSION + r"|\(\d{3}\)\d{3}-?\d{4}" + _EXTENSION
)
_AMERICAN = re.compile(r"(?:1[-. ])?[2-9]\d{2}([-. ])[2-9]\d{2}\1\d{4}" + _EXTENSION)
_WORDS = re.compile(r"[^\W\d_][^\d_@/:;,()]*")
_CARD = re.compile(r"\d(?:[ -]?\d){11,18}")
# The first digits of payment cards, and how many they have; 15 digits from 35 on are those of a telephone.
_CARD_DIGITS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3[0689]\d{12}|3[0689]\d{14,17}|35\d{14,17}"
    r"|(?:5[0678]|6\d)\d{10,17}"
)


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
    return may_be_card(text) and luhn_digit(digits[:-1]) == int(digits[-1])


def may_be_card(text: str) -> bool:
    """Whether all but the last digit, which is a checksum, are as a payment card's."""
    return bool(_CARD.fullmatch(text.strip()) and _CARD_DIGITS.fullmatch(digits_of(text)))


def iban_check(country: str, rest: str) -> int:
    """The two check digits of an IBAN (ISO 7064, modulo 97)."""
    number = int("".join(str(int(c, 36)) for c in rest + country + "00"))
    return 98 - number % 97


def is_iban(text: str) -> bool:
    """Whether the text is an IBAN of a country, whose check digits are right."""
    plain = text.replace(" ", "").upper()
    return len(plain) == _IBAN_LENGTHS.get(plain[:2]) and _is_checked_iban(plain)


def _is_checked_iban(text: str) -> bool:
    plain = text.replace(" ", "").upper()
    return bool(_IBAN.fullmatch(plain)) and iban_check(plain[:2], plain[4:]) == int(plain[2:4])


def is_ip(text: str) -> bool:
    """Whether the text is an address of IPv4 or IPv6."""
    text = text.strip()
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "." in text or ":" in text


def is_sure_ip(text: str) -> bool:
    """Whether the text is an address of IPv4, or one of IPv6 of several groups: `a1::b2` may be anything."""
    text = text.strip()
    if ":" in text and "." not in text:
        groups = text.split(":")
        is_whole = len(groups) == 8 or "" in groups[1:-1]  # most times of a day are told from one by this
        return is_whole and sum(map(bool, groups)) > 2 and is_ip(text)
    return is_ip(text)


def is_phone(text: str) -> bool:
    """A telephone number written as one: with a plus, brackets or separators, and not a date."""
    text = text.strip()
    is_written = text.startswith("+") or any(c in text for c in "()- /.")
    return (
        is_written
        and has_phone_digits(text)
        and not any(other.fullmatch(text) for other in (_DATE, _SSN, _NO_PHONE))
    )


def is_international(text: str) -> bool:
    """A telephone number with a plus and a country, and not a number with a sign."""
    text = text.strip()
    return bool(_INTERNATIONAL.fullmatch(text)) and text.count(".") != 1 and 8 <= _count_digits(text) <= 15


def is_sure_phone(text: str) -> bool:
    """A telephone number that no code of a business looks like: abroad, with an area, or a North American."""
    text = text.strip()
    is_national = any(form.fullmatch(text) for form in (_DIALLED, _AREA, _AMERICAN))
    return is_international(text) or (is_national and 7 <= _count_digits(text) <= 17)


def _count_digits(phone: str) -> int:
    """The digits of a telephone number without those of an extension."""
    return len(digits_of(re.split("[xe]", phone, maxsplit=1)[0]))


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
        numbers: What columns of numbers with it are called; None where numbers can't be of the kind. Any
            number fits, so the name has to say more than that of a text.
        share: The share of values that has to prove it where the name says nothing.
    """

    names: re.Pattern[str]
    proves: Callable[[str], bool] | None
    fits: Callable[[str], bool]
    digits: int = 9
    numbers: re.Pattern[str] | None = None
    share: float = 0.8


def _called(*names: str, end: str = "_|$") -> re.Pattern[str]:
    return re.compile(rf"(^|_)({'|'.join(names)})\d?({end})")


def _is_email(text: str) -> bool:
    return bool(EMAIL.fullmatch(text.strip()))


_CARDS = ("card", "card_?(number|no|num|nr)", "cc", "cc_?(number|num)", "credit_?card", "kreditkarte", "pan")
# What is called so is a person's, whatever stands there; a `nie` or a `tax_id` of a business is none.
_NATIONAL = (
    *("ssn", "social_security(_number|_no)?", "national_?(id|number)", "steuer_?(id|nr|nummer)", "pesel"),
    *("cpf", "personnummer", "aadhaar", "my_?number"),
)
_PHONES = (
    *("phone(_number|_no)?", "tel", "telephone", "mobile(_number|_no)?", "cellphone", "fax"),
    *("(telefon|handy|mobil|ruf|fax|tel)_?(nummer|nr)", "(mobile|cell|phone)_?(number|num|no|nr)"),
    *("telefon", "telefone?", "telefono", "teléfono", "téléphone", "handy", "movil", "móvil", "celular"),
    *("cellulare", "msisdn", "電話", "電話番号", "电话", "手机", "전화", "전화번호", "телефон"),
)
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
    "iban": PiiKind(_called("iban"), is_iban, _is_checked_iban, 11),
    "card": PiiKind(
        _called(*_CARDS),
        is_card,
        is_card,
        11,
        numbers=_called(*_CARDS),
    ),
    "ip": PiiKind(_called("ip", "ip_?(address|addr)", "ipv[46]", "remote_addr"), is_sure_ip, is_ip, 7),
    "ssn": PiiKind(
        _called(
            *(*_NATIONAL, "nino", "tax_?(id|number)", "dni", "nif", "nie", "codice_?fiscale", "bsn", "insee"),
            *("nir", "sin", "ahv", "passport(_number|_no)?", "curp"),
        ),
        lambda text: bool(_SSN.fullmatch(text.strip())),
        _is_national_id,
        8,
        numbers=_called(*_NATIONAL),
    ),
    "phone": PiiKind(
        _called(*_PHONES, "cell"),
        is_sure_phone,
        has_phone_digits,
        9,
        # Not `phone_calls` and `mobile_minutes`, which count.
        numbers=_called(*_PHONES, end="$|_(home|work|business|office|priv|mobil|primary|secondary|[0-9])"),
        share=0.9,
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
