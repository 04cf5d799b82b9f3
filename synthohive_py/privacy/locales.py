"""Where people live: locales by what columns call countries and languages."""

from __future__ import annotations

import re

__all__ = ["LOCALES", "is_country_column", "locale_of"]

# Per locale of Faker, what stands for it: codes of the country, its names.
LOCALES: dict[str, tuple[str, ...]] = {
    "en_US": ("us", "usa", "united states", "united states of america", "america"),
    "en_GB": ("gb", "gbr", "uk", "united kingdom", "great britain", "england", "scotland", "wales"),
    "de_DE": ("de", "deu", "germany", "deutschland"),
    "de_AT": ("at", "aut", "austria", "österreich"),
    "de_CH": ("ch", "che", "switzerland", "schweiz", "suisse"),
    "fr_FR": ("fr", "fra", "france", "frankreich"),
    "it_IT": ("it", "ita", "italy", "italia", "italien"),
    "es_ES": ("es", "esp", "spain", "españa", "spanien"),
    "es_MX": ("mx", "mex", "mexico", "méxico"),
    "nl_NL": ("nl", "nld", "netherlands", "nederland", "holland"),
    "pt_BR": ("br", "bra", "brazil", "brasil"),
    "pt_PT": ("pt", "prt", "portugal"),
    "pl_PL": ("pl", "pol", "poland", "polska"),
    "sv_SE": ("se", "swe", "sweden", "sverige"),
    "da_DK": ("dk", "dnk", "denmark", "danmark"),
    "no_NO": ("no", "nor", "norway", "norge"),
    "fi_FI": ("fi", "fin", "finland", "suomi"),
    "cs_CZ": ("cz", "cze", "czech republic", "czechia", "česko"),
    "hu_HU": ("hu", "hun", "hungary", "magyarország"),
    "ro_RO": ("ro", "rou", "romania", "românia"),
    "tr_TR": ("tr", "tur", "turkey", "türkiye"),
    "ru_RU": ("ru", "rus", "russia", "россия"),
    "uk_UA": ("ua", "ukr", "ukraine", "україна"),
    "el_GR": ("gr", "grc", "greece", "ελλάδα"),
    "ja_JP": ("jp", "jpn", "japan", "日本"),
    "zh_CN": ("cn", "chn", "china", "中国"),
    "ko_KR": ("kr", "kor", "south korea", "korea", "대한민국"),
    "en_IN": ("in", "ind", "india"),
    "en_CA": ("ca", "can", "canada"),
    "en_AU": ("au", "aus", "australia"),
}
_BY_NAME = {name: locale for locale, names in LOCALES.items() for name in names}
_BY_LANGUAGE = {locale[:2]: locale for locale in reversed(list(LOCALES))}
_COUNTRY = re.compile(r"(^|_)(country|nation|nationality|land|pays|pais|paese|locale|country_code)(_|$)")


def is_country_column(name: str) -> bool:
    """Whether a column of this name (in lower case, with underscores) may say where people live."""
    return bool(_COUNTRY.search(name))


def locale_of(value: object) -> str | None:
    """The locale that a cell of such a column means: "Japan", "JP", "fr_FR" or "de-AT"; None if none is."""
    text = str(value).strip()
    named = _BY_NAME.get(text.casefold())
    if named:
        return named
    language, _, country = text.replace("-", "_").partition("_")
    if f"{language.lower()}_{country.upper()}" in LOCALES:
        return f"{language.lower()}_{country.upper()}"
    return _BY_LANGUAGE.get(language.lower()) if len(language) == 2 and country else None
