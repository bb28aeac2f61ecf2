"""How Mandarin syllables are written in Cyrillic and in Hangul (pure).

Russian follows the system of Palladius, Korean the tables of 외래어 표기법 (1986). A final is written as it stands by
itself or after a consonant; those that differ by themselves are in tables of their own.
"""

from __future__ import annotations

import re

_PARTS = re.compile(r"([zcs]h|[bpmfdtnlgkhjqxrzcs]|)(.+)")
_BARE = {
    **{"yi": "i", "ya": "ia", "yo": "io", "ye": "ie", "yao": "iao", "you": "iu", "yan": "ian", "yin": "in"},
    **{"yang": "iang", "ying": "ing", "yong": "iong", "yu": "v", "yue": "ve", "yuan": "van", "yun": "vn"},
    **{"wu": "u", "wa": "ua", "wo": "uo", "wai": "uai", "wei": "ui", "wan": "uan", "wen": "un", "wang": "uang"},
    "weng": "ueng",
}
_HISSING = frozenset(["zh", "ch", "sh", "r", "z", "c", "s"])
_CYRILLIC = {
    **{"": "", "b": "б", "p": "п", "m": "м", "f": "ф", "d": "д", "t": "т", "n": "н", "l": "л", "g": "г", "k": "к"},
    **{"h": "х", "j": "цз", "q": "ц", "x": "с", "zh": "чж", "ch": "ч", "sh": "ш", "r": "ж", "z": "цз", "c": "ц"},
    "s": "с",
}
_CYRILLIC_FINALS = {
    **{"a": "а", "o": "о", "e": "э", "ai": "ай", "ei": "эй", "ao": "ао", "ou": "оу", "an": "ань", "en": "энь"},
    **{"ang": "ан", "eng": "эн", "ong": "ун", "er": "эр", "i": "и", "ia": "я", "io": "йо", "ie": "е", "iao": "яо"},
    **{"iu": "ю", "ian": "янь", "in": "инь", "iang": "ян", "ing": "ин", "iong": "юн", "u": "у", "ua": "уа"},
    **{"uo": "о", "uai": "уай", "ui": "уй", "uan": "уань", "un": "унь", "uang": "уан", "ueng": "вэн", "v": "юй"},
    **{"ve": "юэ", "van": "юань", "vn": "юнь"},
}
_CYRILLIC_ALONE = {"ua": "ва", "uo": "во", "uai": "вай", "ui": "вэй", "uan": "вань", "un": "вэнь", "uang": "ван"}
_HANGUL = {
    **{"": "ㅇ", "b": "ㅂ", "p": "ㅍ", "m": "ㅁ", "f": "ㅍ", "d": "ㄷ", "t": "ㅌ", "n": "ㄴ", "l": "ㄹ", "g": "ㄱ"},
    **{"k": "ㅋ", "h": "ㅎ", "j": "ㅈ", "q": "ㅊ", "x": "ㅅ", "zh": "ㅈ", "ch": "ㅊ", "sh": "ㅅ", "r": "ㄹ", "z": "ㅉ"},
    **{"c": "ㅊ", "s": "ㅆ"},
}
_HANGUL_FINALS = {
    **{"a": "아", "o": "오", "e": "어", "ai": "아이", "ei": "에이", "ao": "아오", "ou": "어우", "an": "안", "en": "언"},
    **{"ang": "앙", "eng": "엉", "ong": "웅", "er": "얼", "i": "이", "ia": "야", "io": "요", "ie": "예", "iao": "야오"},
    **{"iu": "유", "ian": "옌", "in": "인", "iang": "양", "ing": "잉", "iong": "융", "u": "우", "ua": "와", "uo": "워"},
    **{"uai": "와이", "ui": "우이", "uan": "완", "un": "운", "uang": "왕", "ueng": "웡", "v": "위", "ve": "웨"},
    **{"van": "위안", "vn": "윈"},
}
_HANGUL_ALONE = {"ui": "웨이", "un": "원"}
_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_FIRST, _OF_AN_INITIAL, _CODAS = 0xAC00, 588, 28
_PLAIN = {2: 0, 7: 5, 17: 13}  # 야 → 아, 예 → 에, 유 → 우 after ㅈ and ㅊ
_EU = 18  # 으


def in_cyrillic(syllable: str) -> str | None:
    """Return a Mandarin syllable as Russian writes it, or None if it has no such form.

    >>> [in_cyrillic(one) for one in ("bei", "lun", "jian", "hui", "wei", "zi")]
    ['бэй', 'лунь', 'цзянь', 'хуэй', 'вэй', 'цзы']
    """
    initial, final = _parted(syllable)
    if final not in _CYRILLIC_FINALS:
        return None
    if not initial:
        return _CYRILLIC_ALONE.get(final, _CYRILLIC_FINALS[final])
    if final == "i" and initial in {"z", "c", "s"}:
        return f"{_CYRILLIC[initial]}ы"
    return _CYRILLIC[initial] + ("уэй" if syllable == "hui" else _CYRILLIC_FINALS[final])


def in_hangul(syllable: str) -> str | None:
    """Return a Mandarin syllable as Korean writes it, or None if it has no such form.

    >>> [in_hangul(one) for one in ("bei", "lun", "jian", "shi", "wei", "xue", "zi")]
    ['베이', '룬', '젠', '스', '웨이', '쉐', '쯔']
    """
    initial, final = _parted(syllable)
    if final not in _HANGUL_FINALS:
        return None
    written = _HANGUL_FINALS[final] if initial else _HANGUL_ALONE.get(final, _HANGUL_FINALS[final])
    vowel, coda = divmod((ord(written[0]) - _FIRST) % _OF_AN_INITIAL, _CODAS)
    if initial in _HISSING and final == "i":
        vowel = _EU
    elif initial in {"j", "q"}:
        vowel = _PLAIN.get(vowel, vowel)
    number = _INITIALS.index(_HANGUL[initial])
    return chr(_FIRST + number * _OF_AN_INITIAL + vowel * _CODAS + coda) + written[1:]


def _parted(syllable: str) -> tuple[str, str]:
    """Return a syllable's consonant and its final, which has one form wherever it stands."""
    if syllable in _BARE:
        return "", _BARE[syllable]
    parts = _PARTS.fullmatch(syllable)
    initial, final = parts.groups() if parts else ("", "")
    if initial in {"j", "q", "x"} and final.startswith("u"):
        final = "v" + final[1:]
    return initial, final
