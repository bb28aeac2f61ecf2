"""A question's Chinese names and words, in other letters or misspelt → as the collection writes them.

Where the passages hold 南昌, ``Nanchang``, ``Наньчан`` and ``난창`` are that, and 중서의 is 中西医; all later steps
then meet what the passages say. A spelling fits many characters: the collection tells which pairs of them it holds, and
a word is left as it is unless one writing is by far the commonest there. Chinese is typed by sound: a character that
makes up no word with its neighbours, neither in the collection nor in the lexicon, is another that sounds alike.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from itertools import chain, pairwise, product
from pathlib import Path
from typing import Protocol

from qa.sounds import alike, cut, spoken
from qa.text import fold, simplify
from qa.transcribed import in_cyrillic, in_hangul
from qa.translate import Lexicon

Step = tuple[int, str]  # where a syllable ends, and the characters that it may be
Lattice = dict[int, list[Step]]  # the syllables that begin at each place
# By where it ends and how it is written: the number of passages that hold the rarest two characters in a row of it.
Writings = dict[tuple[int, str], int]
Pairs = dict[str, list[tuple[str, int]]]

_READ = Path(__file__).with_name("hangul.json")
_RUN = re.compile(r"[^\W\d_]+(?: [^\W\d_]+)*")
_SPELT = re.compile(r"[a-z]{2,}|[а-яё]+")
_HANGUL = re.compile(r"[\uac00-\ud7a3]{2,}")
_ASKS = re.compile("누가|누구|언제|어디|무엇|무슨|어떤|어떻게")
_ENDING = re.compile(
    "(?:입니까|습니까|인가요?|나요|세요)$|(?<=..)(?:은|는|이|가|을|를|의|에|에서|에게|와|과|도|로|으로|까지|부터)$"
)
_ALONE = (
    "的了在是有和与及等对为被将把从到由以于中上下里各都就也还说讲看请问几一两不这那哪谁何什么吗呢吧啊多少个位前后时"
)
_HAN = re.compile(f"(?:(?![{_ALONE}])[\u4e00-\u9fff]){{2,}}")  # between what holds a sentence together
_LONGEST = 120  # characters of a question
_FEWEST, _MOST_WORDS = 2, 3  # syllables and words of a name
_UNTOLD = sys.maxsize
_LIKE = 3  # times as many passages hold one pair of a name's characters as another, at most
_GOES_ON = 0.05  # of the passages that hold a word's beginning, how many hold what it goes on with
_MOST_CHARACTERS = 60  # that a syllable may be: the commonest in the collection
_SURE = 0.6  # of all that a spelling may be in the collection, what its commonest writing makes up
_BOUND = 0.03  # of the passages that hold two characters if each comes by chance, how many hold them side by side
_MOST_WRITINGS = 1000


class Held(Protocol):
    """What a collection holds: so many passages, and of these so many each of some terms."""

    def __len__(self) -> int: ...

    def frequencies(self, distinct: Sequence[str]) -> list[int]: ...


class _Remembered:
    """A collection that is asked but once for a term."""

    def __init__(self, collection: Held) -> None:
        self._collection = collection
        self._known: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._collection)

    def frequencies(self, distinct: Sequence[str]) -> list[int]:
        new = [term for term in dict.fromkeys(distinct) if term not in self._known]
        self._known.update(zip(new, self._collection.frequencies(new), strict=True))
        return [self._known[term] for term in distinct]


def respelt(question: str, collection: Held, lexicon: Lexicon) -> str:
    """Return the question with its Chinese names and words as the collection writes them.

    :param lexicon: what it knows, in other letters, means what it says and nothing else.
    :return: a question of more than 120 characters as it is: it would take seconds where a collection is large.
    """
    if len(question) > _LONGEST:
        return question
    collection = _Remembered(collection)
    collection.frequencies(_looked_for(question))
    spelt = _RUN.sub(lambda found: _from_letters(found.group(), collection, lexicon), question)
    spelt = _HANGUL.sub(lambda found: _from_hangul(found.group(), collection), spelt)
    return _HAN.sub(lambda found: _from_slips(found.group(), collection, lexicon), spelt)


def _looked_for(question: str) -> list[str]:
    """Return what is looked for in any case, to ask a store for all of it at once."""
    words = [fold(word) for run in _RUN.findall(question) for word in run.split(" ")]
    runs = [*_HANGUL.findall(question), *_HAN.findall(simplify(question))]
    return [*filter(_SPELT.fullmatch, words), *chain.from_iterable(map(_in_pairs, runs))]


def _from_letters(text: str, collection: Held, lexicon: Lexicon) -> str:
    """Return a run of words with its names in characters, the longest first."""
    words, found = text.split(" "), []
    while words:
        for n in range(min(_MOST_WORDS, len(words)), 0, -1):
            written = _name(words[:n], collection, lexicon)
            if written:
                break
        found.append(written or words[0])
        words = words[n:]
    return " ".join(found)


def _name(words: Sequence[str], collection: Held, lexicon: Lexicon) -> str:
    """Return how a name is written, or nothing if the words are none."""
    folded = [fold(word) for word in words]
    if (len(words) > 1 and not all(map(str.istitle, words))) or not all(map(_SPELT.fullmatch, folded)):
        return ""
    if all(collection.frequencies(folded)):
        return ""
    told = lexicon.get(folded[0]) if len(words) == 1 else ()
    for cuts in product(*map(_syllables, folded)):
        syllables = list(chain.from_iterable(cuts))
        if len(syllables) < _FEWEST:
            continue
        lattice = {n: [(n + 1, spoken()[syllable])] for n, syllable in enumerate(syllables)}
        written = _surest(_writings(lattice, 0, collection), len(syllables))
        if written and (not told or written in told):
            return written
    return ""


def _syllables(word: str) -> list[list[str]]:
    """Return the ways in which a word is cut into syllables; a Russian one also without a case's ending."""
    if word.isascii():
        cuts = [cut(word)]
    else:
        forms = (word, word[:-1], f"{word[:-1]}ь", word[:-2], f"{word[:-2]}ь")
        cuts = [cut(form, _cyrillic()) for form in forms]
    return [syllables for syllables in cuts if syllables]


def _from_hangul(run: str, collection: Held) -> str:
    """Return a word with what it has of Chinese in characters, from the left; its ending stays."""
    if _ASKS.match(run) or any(collection.frequencies(_in_pairs(run))):
        return run
    stem, found, start = _ENDING.sub("", run), [], 0
    lattice = _hangul_lattice(stem)
    while start < len(stem):
        writings = _writings(lattice, start, collection)
        ends = sorted({end for end, _ in writings}, key=lambda end: (len(stem) - end == 1, -end))
        end, written = next(
            ((end, written) for end in ends if (written := _surest(writings, end))), (start + 1, stem[start])
        )
        found.append(written)
        start = end
    return "".join([*found, run[len(stem) :]])


def _from_slips(stretch: str, collection: Held, lexicon: Lexicon) -> str:
    """Return a stretch of Chinese with characters that stand in no word replaced by what sounds like them and does."""
    told = simplify(stretch)
    pairs = _in_pairs(told)
    held = collection.frequencies(pairs)
    real = [n > 0 or pair in lexicon for pair, n in zip(pairs, held, strict=True)]
    written = list(stretch)
    for at, character in enumerate(told):
        if not any(real[max(0, at - 1) : at + 1]):
            others = [one for one in alike(character) if one not in _ALONE]
            written[at] = _meant(told, at, others, collection, lexicon) or stretch[at]
    return "".join(written)


def _in_pairs(text: str) -> list[str]:
    return [a + b for a, b in pairwise(text)]


def _meant(told: str, at: int, others: Sequence[str], collection: Held, lexicon: Lexicon) -> str:
    """Return the character that makes up a name or a word with what stands around a place, or nothing.

    Two pairs of characters that one name goes through stand in about as many passages.
    """
    counts = {}
    before, behind = told[max(0, at - 2) : at], told[at + 1 : at + 2]
    around = {one: _in_pairs(before + one + behind)[-2:] for one in others}
    collection.frequencies([*chain.from_iterable(around.values())])
    for one, near in around.items():
        held = collection.frequencies(near)
        is_word = any(pair in lexicon for pair in near if one in pair)
        if len(near) == 2 and 0 < max(held) <= min(held) * (_LIKE if not is_word else sys.maxsize):
            counts[one] = min(held)
        elif len(near) == 1 == len(told) - 1 and is_word and held[0]:
            counts[one] = held[0]
    best = max(counts, key=lambda one: (counts[one], one), default="")
    return best if best and counts[best] >= _SURE * sum(counts.values()) else ""


def _hangul_lattice(run: str) -> Lattice:
    table = _hangul()
    lattice: Lattice = {}
    for start in range(len(run)):
        ends = range(start + 1, min(len(run), start + 3) + 1)
        lattice[start] = [(end, table[run[start:end]]) for end in ends if run[start:end] in table]
    return lattice


def _writings(lattice: Lattice, first: int, collection: Held) -> Writings:
    """Return what may stand from a place on, of two syllables or more; all pairs of its characters are held."""
    found: Writings = {}
    begun: Writings = {(end, one): _UNTOLD for end, held in lattice.get(first, ()) for one in held}
    while begun and len(found) < _MOST_WRITINGS:
        longer: Writings = {}
        for (end, characters), group in _grouped(begun, lattice):
            pairs = _pairs({text[-1] for text, _ in group}, characters, collection)
            for text, n in group:
                for character, held in pairs[text[-1]]:
                    if n == _UNTOLD or held >= _GOES_ON * n:
                        longer[end, text + character] = min(n, held)
        found |= longer
        begun = longer
    return found


def _grouped(begun: Writings, lattice: Lattice) -> Iterator[tuple[Step, list[tuple[str, int]]]]:
    """Yield each next syllable with the beginnings that it may follow."""
    ends = {end for end, _ in begun}
    for end in sorted(ends):
        group = [(text, n) for (stop, text), n in begun.items() if stop == end]
        for step in lattice.get(end, ()):
            yield step, group


def _pairs(firsts: Collection[str], lasts: Collection[str], collection: Held) -> Pairs:
    """Return what belongs behind each first character, and in how many passages it stands there."""
    each = list(product(_commonest(firsts, collection), _commonest(lasts, collection)))
    counts = collection.frequencies([a + b for (a, _), (b, _) in each])
    held: Pairs = defaultdict(list)
    for ((first, n_first), (last, n_last)), n in zip(each, counts, strict=True):
        if n and n * len(collection) >= _BOUND * n_first * n_last:
            held[first].append((last, n))
    return held


def _commonest(characters: Collection[str], collection: Held) -> list[tuple[str, int]]:
    each = sorted(characters)
    held = sorted(zip(collection.frequencies(each), each, strict=True), reverse=True)
    return [(character, n) for n, character in held[:_MOST_CHARACTERS] if n]


def _surest(writings: Writings, end: int) -> str:
    """Return what most likely stands up to a place, or nothing if something else may as well."""
    counts = {written: n for (stop, written), n in writings.items() if stop == end}
    best = max(counts, key=lambda written: (counts[written], written), default="")
    return best if counts and counts[best] >= _SURE * sum(counts.values()) else ""


@cache
def _cyrillic() -> dict[str, str]:
    """Map Mandarin syllables in Cyrillic to those in Latin letters."""
    return {written: syllable for syllable in spoken() if (written := in_cyrillic(syllable))}


@cache
def _hangul() -> dict[str, str]:
    """Map Korean syllables, where several make up one of Mandarin these, to the characters that they may be."""
    table: dict[str, set[str]] = defaultdict(set)
    for syllable, characters in json.loads(_READ.read_text("utf-8")).items():
        table[syllable].update(characters)
    for syllable, characters in spoken().items():
        written = in_hangul(syllable)
        if written:
            table[written].update(characters)
    return {written: "".join(sorted(found)) for written, found in table.items()}
