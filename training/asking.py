"""Other ways to ask a question, as people do: a name cut short, misspelt or mistaken, and talk around it.

Reading-comprehension sets ask in full and formal sentences, and only for what is there.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

import rjieba

from qa.sounds import sound
from training.phrases import PHRASES

_LEAST, _MOST = 3, 12  # characters of what counts as a name
_BETWEEN = frozenset("的是在了和与及等上中对为就也都有到被将由向从把让使并但")
_TALK, _UNKNOWN = PHRASES["talk"], PHRASES["unknown"]
_NUMBER = re.compile(r"\d+")

_ASK = re.compile(
    "什么时候|什么时间|什么地方|哪一天|哪个地方|几月几日|何时|何地|何处|哪里|哪儿|哪天|哪年|哪一年|谁|哪位|什么人|多少"
    "|几(?=[名位个人家项次种])|什么|哪个|哪些|哪家|哪种|为什么|怎么|如何"
)
_NOUNS = {
    "[谁位人]": ("是谁", "谁", "名字", "人选"), "[时天年日]": ("时间", "日期", "几号", "什么时候"),
    "[地里儿处]": ("地点", "地址", "地方", "在哪"), "[少几]": ("人数", "数量", "有多少", "几个"),
}  # fmt: skip
_EDGES = "，,、：: 的了和与及是在将对把被"
_AROUND = (0, 1), (1, 1), (0, 2), (1, 2), (2, 1), (2, 2)  # words kept before and behind the question word

Names = Mapping[str, Sequence[str]]
Sounds = Mapping[str, Sequence[str]]


def named(question: str, told: str) -> tuple[str, list[str], str] | None:
    """Return what stands before the longest run of words that a text holds too, the run, and what stands behind it."""
    words = rjieba.cut(question)
    runs = [(a, b) for a in range(len(words)) for b in range(a + 1, len(words) + 1)]
    for a, b in sorted(runs, key=lambda run: -len("".join(words[slice(*run)]))):
        name = "".join(words[a:b])
        whole = name.isalnum() and not any("0" <= character <= "z" for character in name)
        if whole and _LEAST <= len(name) <= _MOST and not _BETWEEN & set(words[a:b]) and name in told:
            return "".join(words[:a]), words[a:b], "".join(words[b:])
    return None


def shortened(words: Sequence[str], rng: random.Random) -> str:
    """Return a name with words left out, or of first characters only."""
    if len(words) == 1:
        return words[0][:2]
    ways = [
        "".join(words[:-1]),
        "".join(words[1:]),
        "".join(word[0] for word in words),
        "".join(word[0] for word in words[:-1]) + words[-1],
        words[0][:2] + words[-1],
    ]
    return rng.choice([way for way in ways if len(way) > 1] or ["".join(words)])


def misspelt(text: str, sounds: Sounds, rng: random.Random) -> str:
    """Return a text with another character of the same sound in one place, if there is one."""
    places = [n for n, character in enumerate(text) if len(sounds.get(sound(character), ())) > 1]
    if not places:
        return text
    at = rng.choice(places)
    other = rng.choice([one for one in sounds[sound(text[at])] if one != text[at]])
    return text[:at] + other + text[at + 1 :]


def chatty(question: str, rng: random.Random) -> str:
    """Return a question with talk around it, from a word to a whole story."""
    talk = [rng.choice(_TALK["greetings"])] * (rng.random() < 0.5)
    talk += rng.sample(_TALK["stories"], rng.choice((0, 0, 1, 1, 2)))
    talk += [rng.choice(_TALK["pleas"])] * (rng.random() < 0.3)
    asked = "".join(one + rng.choice((",", ",", "")) for one in talk) + question
    return asked.rstrip("?？ ") + rng.choice(_TALK["endings"]) if rng.random() < 0.5 else asked


def unknown(question: str, told: str, rng: random.Random) -> str | None:
    """Return a question for what a text does not tell of a thing that it names, or None if it names none."""
    found = named(question, told)
    facts = [fact for fact in rng.sample(_UNKNOWN["facts"], 4) if fact not in told]
    return rng.choice(_UNKNOWN["asks"]).format(n="".join(found[1]), f=facts[0]) if found and facts else None


def renumbered(question: str, told: str, rng: random.Random) -> str | None:
    """Return a question with another number than a text holds, or None if they share none."""
    shared = [match for match in _NUMBER.finditer(question) if match.group() in told]
    if not shared:
        return None
    match = rng.choice(shared)
    number = int(match.group()) + rng.choice((-3, -2, -1, 1, 2, 3, 10))
    other = str(max(1, number))
    return question[: match.start()] + other + question[match.end() :] if other not in told else None


def brief(question: str, rng: random.Random) -> str | None:
    """Return a question cut to a few words, as typed into a search box, or None if it is no such question."""
    found = _ASK.search(question)
    if found is None:
        return None
    before = rjieba.cut(question[: found.start()])
    behind = [word for word in rjieba.cut(question[found.end() :]) if word.strip("？?。 ")]
    nouns = next((nouns for pattern, nouns in _NOUNS.items() if re.search(pattern, found.group())), None)
    near = [word for word in (*behind[:3], *before[::-1][:3]) if len(word) > 1]
    if nouns and near and rng.random() < 0.35:
        return near[0] + rng.choice(nouns)
    some, more = rng.choice(_AROUND)
    cut = "".join((*before[len(before) - some :], found.group(), *behind[:more])).strip(
        "，,、：: 的了和与及是在将对把被"
    )
    told = len(cut) >= 4 and len(cut) - len(found.group()) >= 2 and len(cut) <= len(question) - 3
    return cut + rng.choice(("?", "？", "", "")) if told else None


def swapped(words: Sequence[str], told: str, names: Names, rng: random.Random) -> str | None:
    """Return another name of the same last character that a text does not hold, or None."""
    for _ in range(5):
        found = rng.choice(names.get(words[-1][-1], [""]))
        if found and found not in told:
            return found
    return None


def collect(asked: Sequence[tuple[str, str]]) -> tuple[Names, Sounds]:
    """Return the names in questions by their last character, and the questions' characters by sound.

    :param asked: questions, each with the text that answers it.
    """
    names: dict[str, list[str]] = defaultdict(list)
    sounds: dict[str, set[str]] = defaultdict(set)
    for question, told in asked:
        found = named(question, told)
        if found is not None:
            names[found[1][-1][-1]].append("".join(found[1]))
        for character in question:
            if "\u4e00" <= character <= "\u9fff":
                sounds[sound(character)].add(character)
    return names, {key: sorted(characters) for key, characters in sounds.items()}
