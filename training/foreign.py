"""Questions in other languages, for want of translated ones: put over word by word, or made of translated sentences."""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import rjieba

from qa.lexical import spaced_words
from qa.sounds import spelt
from qa.text import fold
from qa.translate import Lexicon

_ASKS = {  # who, what, which, where, when, how many, why
    "en": "who what which where when how-many why", "de": "wer was welche wo wann wie-viele warum",
    "es": "quién qué cuál dónde cuándo cuántos por-qué", "ru": "кто что какой где когда сколько почему",
    "fr": "qui quoi quel où quand combien pourquoi", "vi": "ai gì nào ở-đâu khi-nào bao-nhiêu tại-sao",
    "ar": "من ما أي أين متى كم لماذا", "ko": "누가 무엇 어느 어디 언제 몇 왜",
    "it": "chi cosa quale dove quando quanti perché", "pt": "quem o-que qual onde quando quantos por-que",
    "pl": "kto co który gdzie kiedy ile dlaczego", "tr": "kim ne hangi nerede ne-zaman kaç neden",
    "nl": "wie wat welke waar wanneer hoeveel waarom", "id": "siapa apa mana di-mana kapan berapa mengapa",
    "ja": "誰 何 どの どこ いつ いくつ なぜ", "zh": "谁 什么 哪个 哪里 什么时候 多少 为什么",
    "th": "ใคร อะไร ไหน ที่ไหน เมื่อไหร่ เท่าไหร่ ทำไม", "hi": "कौन क्या कौन-सा कहाँ कब कितने क्यों",
}  # fmt: skip
_CHINESE = (
    ("谁", "哪位", "什么人", "何人"), ("什么", "啥"), ("哪", "哪个", "哪些", "哪种"),
    ("哪里", "哪儿", "何地", "什么地方", "何处"), ("什么时候", "何时", "什么时间", "哪天", "哪年", "哪一年"),
    ("多少", "几"), ("为什么", "为何"),
)  # fmt: skip
_NUMBER = {word: n for n, words in enumerate(_CHINESE) for word in words}
_OF = {"en": "of", "de": "der", "es": "de", "fr": "de", "it": "di", "pt": "de", "vi": "của"}
_CHANCES = {"en": 6.0, "de": 2.0, "es": 2.0, "ru": 2.0, "fr": 1.5, "vi": 1.5, "ar": 1.5}
_SCRIPTS = {"ja": "぀-ヿ", "zh": "一-鿿", "ko": "가-힣", "ru": "Ѐ-ӿ", "ar": "؀-ۿ", "th": "฀-๿", "hi": "ऀ-ॿ"}
_COMMON = {
    "en": "the of and is to in was that are for you", "de": "der die und das ist nicht ein von den mit",
    "es": "el los las que una del por con es se", "fr": "le les des et est une du dans pas il",
    "vi": "của và là các có được một", "it": "il di che è una della per non gli",
    "pt": "o os do da uma não em com que é", "pl": "się jest nie na że i w", "tr": "bir ve bu için ile da",
    "id": "yang dan di untuk dengan ini", "nl": "het een van en niet dat de",
}  # fmt: skip
_LEAST_SHARE, _LEAST_SEEN, _MOST_SEEN = 0.2, 3, 300

Backwards = Mapping[str, Mapping[str, tuple[Sequence[str], Sequence[float]]]]


@dataclass(frozen=True, slots=True)
class Words:
    """For each language, what its words for a Chinese one are and how often each is met; English senses beside them."""

    backwards: Backwards
    english: Mapping[str, str]


def backwards(lexicon: Lexicon, texts: Iterable[tuple[str, str]]) -> Backwards:
    """Turn the lexicon round.

    :param texts: language and text, to tell which language a word is of.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for language, text in texts:
        counts[language].update(spaced_words(fold(text)))
    found: dict[str, dict[str, tuple[list[str], list[float]]]] = {}
    for language in counts.keys() & _ASKS.keys() - {"zh", "ja", "th", "hi"}:
        turned = found.setdefault(language, {})
        for word, seen in counts[language].items():
            for chinese, share in lexicon.get(word).items() if seen >= _LEAST_SEEN else ():
                if share > _LEAST_SHARE:
                    words, weights = turned.setdefault(chinese, ([], []))
                    words.append(word)
                    weights.append(share * min(seen, _MOST_SEEN))
    return found


def senses(records: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return a short English sense of each Chinese word of a dictionary."""
    found: dict[str, str] = {}
    for record in records:
        sense = re.sub(r"\([^)]*\)", "", record["en"].split(";")[0]).strip()
        if sense and len(sense.split()) <= 4:
            found.setdefault(record["zh"], sense)
    return found


def turned(question: str, known: Words, rng: random.Random) -> str:
    """Put a Chinese question into another language word by word; half the time its question word comes first."""
    languages = sorted(known.backwards)
    (language,) = rng.choices(languages, [_CHANCES.get(one, 0.6) for one in languages])
    asks = _asks(language)
    words = [_word(word, language, known, rng) for word in rjieba.cut(question)]
    at = next((n for n, word in enumerate(words) if word in asks), 0)
    if rng.random() < 0.5:
        words.insert(0, words.pop(at))
    return " ".join(" ".join(words).split())


def _word(word: str, language: str, known: Words, rng: random.Random) -> str:
    told = known.backwards[language].get(fold(word))
    small = {**dict.fromkeys("了吗呢着", ""), **dict.fromkeys("?？", "?"), "的": _OF.get(language, "")}
    if word in _NUMBER or word in small:
        return small[word] if word in small else _asks(language)[_NUMBER[word]]
    if told and rng.random() < 0.9:
        return rng.choices(*told)[0]
    if word not in known.english:
        return latin(word) if rng.random() < 0.7 else word
    return known.english[word] if rng.random() < (0.9 if language == "en" else 0.35) else word


def latin(word: str) -> str:
    """Write a name in Latin letters as it sounds, a surname apart; whatever is not of Chinese characters stays.

    >>> latin("柴建军"), latin("北仑"), latin("100")
    ('Chai Jianjun', 'Beilun', '100')
    """
    syllables = (spelt(fold(word)) or "").split()
    if not syllables:
        return word
    parts = [syllables[:1], syllables[1:]] if len(syllables) == 3 else [syllables]
    return " ".join("".join(part).capitalize() for part in parts)


def _asks(language: str) -> list[str]:
    return [word.replace("-", " ") for word in _ASKS[language].split()]


def language_of(text: str) -> str:
    """Return the language that a text is most likely in: by its script, then by the commonest words."""
    for language, script in _SCRIPTS.items():
        if re.search(f"[{script}]", text):
            return language
    words = set(text.lower().split())
    shared = {language: len(words & set(common.split())) for language, common in _COMMON.items()}
    return max(shared, key=lambda language: shared[language])


def asked_of(text: str, rng: random.Random) -> str | None:
    """Make a question of a sentence: some of its words give way to a question word; None for a short one."""
    language = language_of(text)
    spaced = language not in {"ja", "zh"}
    words = text.split() if spaced else list(text)
    if len(words) < (5 if spaced else 14):
        return None
    gone = rng.randint(1 if spaced else 3, max(3, len(words) // 3))
    at = rng.randint(0, len(words) - gone)
    rest = [*words[:at], *words[at + gone :]]
    if rng.random() < 0.5 and len(rest) > 5:
        cut = rng.randint(0, len(rest) // 3)
        rest = rest[cut:] if rng.random() < 0.5 else rest[: len(rest) - cut]
    ask = rng.choice(_asks(language))
    asked = [ask, *rest] if rng.random() < 0.7 else [*words[:at], ask, *words[at + gone :]]
    return (" " if spaced else "").join(asked).rstrip(".,;!。") + "?"
