"""Which words translate which, for ``qa/translations.npz``: ``python -m training.translations --data DIR``.

Word alignment by IBM Model 1 (Brown et al. 1993) over the parallel text and the dictionary. Of most languages there is
little text beside Chinese and more beside English, so their words reach Chinese both directly and by way of English.
Words of spaced scripts are taken whole, and in Vietnamese two in a row as well, for blanks part its syllables; Korean
ones with and without what may be their endings. Of other scripts the model's own tokens are the words.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from qa.lexical import is_unspaced, spaced_words
from qa.lexical import told as asked
from qa.text import fold
from qa.tokens import load_tokenizer
from qa.translate import Lexicon, stem
from training.clean import clean_sources, read_clean

QA = Path(__file__).parents[1] / "qa"
LONGEST = 400  # characters of a text
SENSES = 6  # of a dictionary entry
SENSE_WORDS = 5
BEST, LEAST = 5, 0.03  # translations kept of a word, and their least share
ROUNDS = 5
NULL = 0.02  # how readily a word stands for nothing in the other text
RARE = 0.5  # counts added to every word, so that one sentence proves little
SEEN, SEEN_BACK = 0.3, 1.5  # least expected counts
LEAST_FITTED = 0.02
_VIETNAMESE = re.compile("[ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]")
_HANGUL = re.compile("[\uac00-\ud7a3]+")
_KOREAN = 6  # syllables
_HAN = re.compile("[\u3400-\u9fff]")
_LATIN = re.compile("[a-z]+")
_NUMBER = re.compile(r"\d")
_NO_SENSE = re.compile(r"variant|surname|CL:|see ")
_IN_BRACKETS = re.compile(r"\([^)]*\)")
_LEADING = re.compile(r"^(?:to|an?|the) ")
Pairs = list[tuple[str, str]]
Chances = dict[str, dict[str, float]]


def english_chinese(cache: Path) -> Pairs:
    """Return texts, English first, and the senses of the dictionary's words."""
    pairs = []
    for record in read_clean(cache, "parallel_en_zh"):
        texts = {record[f"lang{side}"]: record[f"text{side}"] for side in "12"}
        pairs.append((texts["en"], texts["zh"]))
    for record in read_clean(cache, "dictionary_cedict_en_zh"):
        for sense in record["en"].split(";")[:SENSES]:
            told = _LEADING.sub("", _IN_BRACKETS.sub("", sense).strip())
            if told and len(told.split()) <= SENSE_WORDS and not _NO_SENSE.search(told):
                pairs.append((told, record["zh"]))
    return pairs


def other_english(cache: Path) -> Pairs:
    """Return texts of further languages with their English."""
    pairs = []
    for record in read_clean(cache, "parallel_multi"):
        sides = sorted("12", key=lambda side: record[f"lang{side}"] == "en")
        if record[f"lang{sides[1]}"] == "en":
            pairs.append((record[f"text{sides[0]}"], record[f"text{sides[1]}"]))
    return pairs


def words(texts: Sequence[str], tokenizer: Tokenizer) -> list[list[str]]:
    """Return the distinct words of each text."""
    found = []
    for start in range(0, len(texts), 10_000):
        folded = [fold(text)[:LONGEST] for text in texts[start : start + 10_000]]
        for text, encoded in zip(folded, tokenizer.encode_batch(folded, add_special_tokens=False), strict=True):
            pieces = [token.strip("▁ ") for token in encoded.tokens]
            unspaced = [piece for piece in pieces if is_unspaced(piece) and not _HANGUL.search(piece)]
            found.append(
                list(dict.fromkeys([*map(stem, spaced_words(text)), *_vietnamese(text), *_korean(text), *unspaced]))
            )
    return found


def _vietnamese(text: str) -> list[str]:
    """Return two words in a row where one is Vietnamese."""
    each = spaced_words(text)
    return [f"{one} {other}" for one, other in pairwise(each) if _VIETNAMESE.search(one + other)]


def _korean(text: str) -> list[str]:
    """Return the beginnings of Korean words: what they end with depends on their place in the sentence."""
    return [run[:n] for run in _HANGUL.findall(text) for n in range(2, min(len(run), _KOREAN) + 1)]


def align(sources: list[list[str]], targets: list[list[str]], least: float, seen: float) -> Chances:
    """Return the chance of each target word given a source word, as fitted to texts that translate each other.

    :param least: chances below are left out, as are pairs of which fewer than ``seen`` are expected.
    """
    source_ids, target_ids = _numbered(sources), _numbered(targets)
    in_source = np.array([len(text) for text in sources])
    in_target = np.array([len(text) for text in targets])
    cells = in_source * in_target  # of each pair of texts: every word of one with every word of the other
    place = np.arange(cells.sum()) - np.repeat(np.cumsum(cells) - cells, cells)
    width = np.repeat(in_target, cells)
    column = np.repeat(np.cumsum(in_target) - in_target, cells) + place % width  # which word of all target texts
    row = np.repeat(np.cumsum(in_source) - in_source, cells) + place // width
    flat_source = np.array([source_ids[word] for text in sources for word in text], np.int64)
    flat_target = np.array([target_ids[word] for text in targets for word in text], np.int64)
    del place, width
    distinct, pair = np.unique(flat_source[row] * len(target_ids) + flat_target[column], return_inverse=True)
    given = distinct // len(target_ids)
    del row
    chance = np.full(len(distinct), 1 / 50, np.float32)
    for _ in range(ROUNDS):
        share = chance[pair]
        share /= (np.bincount(column, share, len(flat_target)).astype(np.float32) + NULL)[column]
        count = np.bincount(pair, share, len(distinct)).astype(np.float32)
        chance = count / (np.bincount(given, count, len(source_ids)).astype(np.float32) + RARE)[given]
    kept = np.flatnonzero((chance >= least) & (count >= seen))
    names, others = list(source_ids), list(target_ids)
    lexicon: dict[str, dict[str, float]] = defaultdict(dict)
    for n in kept.tolist():
        lexicon[names[given[n]]][others[distinct[n] % len(others)]] = float(chance[n])
    return dict(lexicon)


def _numbered(texts: list[list[str]]) -> dict[str, int]:
    return {word: n for n, word in enumerate(sorted({word for text in texts for word in text}))}


def joined(first: Chances, then: Chances) -> Chances:
    """Return the chances of going from a word to another by way of a third."""
    found: dict[str, dict[str, float]] = {}
    for word, between in first.items():
        sums: dict[str, float] = defaultdict(float)
        for middle, chance in between.items():
            for target, further in then.get(middle, {}).items():
                sums[target] += chance * further
        found[word] = dict(sums)
    return found


def mean(one: Chances, other: Chances) -> Chances:
    """Return the mean of two lexicons where both know a word, else what the one that does knows."""
    found = {word: dict(told) for word, told in (*one.items(), *other.items())}
    for word in one.keys() & other.keys():
        targets = one[word].keys() | other[word].keys()
        found[word] = {target: (one[word].get(target, 0) + other[word].get(target, 0)) / 2 for target in targets}
    return found


def mutual(there: Chances, back: Chances) -> Chances:
    """Return the geometric mean of the chances in both directions, of English words."""
    return {
        word: telling({target: (chance * back.get(target, {}).get(word, 0)) ** 0.5 for target, chance in told.items()})
        for word, told in there.items()
    }


def telling(told: Mapping[str, float]) -> dict[str, float]:
    """Leave out whatever is not a Latin word, or tells a question nothing."""
    return {word: chance for word, chance in told.items() if _LATIN.fullmatch(asked(word))}


def likeliest(lexicon: Chances) -> Chances:
    """Return the best few translations of each word with their shares, which sum to one.

    A translation that holds another counts as that one: 医院 stands wherever 在医院 does.
    """
    found = {}
    for word, told in lexicon.items():
        best = sorted(((chance, target) for target, chance in cores(told).items() if chance >= LEAST), reverse=True)
        total = sum(chance for chance, _ in best[:BEST])
        found[word] = {target: chance / total for chance, target in best[:BEST]}
    return found


def cores(told: Mapping[str, float]) -> dict[str, float]:
    """Add the chances of translations to those of the shortest that they hold, of two characters at least."""
    found: dict[str, float] = {}
    for target in sorted(told, key=len):
        core = next((other for other in found if len(other) > 1 and other in target and is_unspaced(other)), target)
        found[core] = found.get(core, 0) + told[target]
    return found


def united(*lexicons: Chances) -> Chances:
    """Return lexicons into different languages as one."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for lexicon in lexicons:
        for word, told in lexicon.items():
            found[word].update((target, share) for target, share in told.items() if target != word)
    return {word: told for word, told in found.items() if told}


def build(cache: Path, tokenizer: Tokenizer) -> Chances:
    """Align everything and return the words with their translations into Chinese and English."""
    first, second = other_english(cache), english_chinese(cache)
    chinese_of = dict(second)
    english, chinese = (words(side, tokenizer) for side in zip(*second, strict=True))
    chinese = _only_han(chinese)
    to_chinese = align(english, chinese, LEAST_FITTED, SEEN)
    to_english = align(chinese, english, LEAST_FITTED, SEEN_BACK)
    other, between = (words(side, tokenizer) for side in zip(*first, strict=True))
    by_english = align(other, between, LEAST, SEEN)
    direct = [n for n, (_, told) in enumerate(first) if told in chinese_of]
    beside = _only_han(words([chinese_of[first[n][1]] for n in direct], tokenizer))
    directly = align([other[n] for n in direct], beside, LEAST_FITTED, SEEN)
    return combined(to_chinese, to_english, by_english, directly)


def combined(to_chinese: Chances, to_english: Chances, by_english: Chances, directly: Chances) -> Chances:
    """Join what was aligned: every other word into Chinese and English, Chinese words into English.

    :param by_english: from other languages to English, as ``directly`` is to Chinese. A word that they share with
        Chinese keeps what it means there.
    """
    back = joined(to_english, to_chinese)
    foreign = mean(directly, joined(by_english, to_chinese))
    foreign = {word: told for word, told in foreign.items() if back.get(word, {}).get(word, 0) < LEAST}
    english = {word: telling(told) for word, told in by_english.items() if word not in to_chinese}
    found = united(*map(likeliest, (mean(to_chinese, foreign), english, mutual(to_english, to_chinese))))
    return {word: told for word, told in found.items() if not _NUMBER.search(word)}


def _only_han(texts: list[list[str]]) -> list[list[str]]:
    return [[word for word in text if _HAN.search(word)] for text in texts]


def main() -> None:
    """Write the lexicon."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds train/")
    parser.add_argument("--cache", type=Path, default=Path(__file__).parent / ".cache")
    parser.add_argument("--out", type=Path, default=QA / "translations.npz")
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    held_out = [folder for folder in (options.data / "dev", QA.parent / "seeds") if folder.exists()]
    clean_sources(options.data, options.cache, held_out)
    lexicon = build(options.cache, load_tokenizer(QA / "builtin" / "0_StaticEmbedding" / "tokenizer.json"))
    Lexicon.of(lexicon).save(options.out)
    print(f"{options.out}: {len(lexicon):,} words, {options.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
