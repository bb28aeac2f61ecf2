"""The tokenizer: Unigram pieces for Han characters and kana, others for all other scripts, folding inside."""

import base64
import json
import math
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from training.folding import fold, fold_map

UNKNOWN = "<unk>"
_HAN = r"\u2E80-\u2FDF\u3005-\u3007\u3040-\u30FF\u31F0-\u31FF\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFAFF"


def _onig_class() -> str:
    spans = re.findall(r"\\u([0-9A-F]{4})-\\u([0-9A-F]{4})", _HAN)
    return "[" + "".join(f"{chr(int(a, 16))}-{chr(int(b, 16))}" for a, b in spans) + "]+"


HAN_RUN = re.compile(f"[{_HAN}]+")
_WORD = re.compile(r"\d+|[^\W\d_]+")


def precompiled_charsmap() -> bytes:
    """Return the folding of :func:`training.folding.fold_map` as sentencepiece's compiled character map.

    sentencepiece compiles a rule table only while it trains, so a throw-away model is trained on a few letters.
    """
    import sentencepiece  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = (f"{code:X}\t{' '.join(f'{ord(c):X}' for c in folded)}\n" for code, folded in sorted(fold_map().items()))
        (folder / "fold.tsv").write_text("".join(rows), "utf-8")
        (folder / "text").write_text("a b c d e\n" * 50, "utf-8")
        sentencepiece.SentencePieceTrainer.train(
            input=str(folder / "text"),
            model_prefix=str(folder / "m"),
            vocab_size=9,
            hard_vocab_limit=False,
            normalization_rule_tsv=str(folder / "fold.tsv"),
            minloglevel=2,
        )
        model = (folder / "m.model").read_bytes()
    return _field(_field(model, 3), 2)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at


def _field(message: bytes, number: int) -> bytes:
    """Return the first length-delimited field of a protocol buffer message with this number."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        if key & 7 == 2:
            length, at = _varint(message, at)
            if key >> 3 == number:
                return message[at : at + length]
            at += length
        elif key & 7 == 0:
            _, at = _varint(message, at)
        else:
            at += 4 if key & 7 == 5 else 8
    raise ValueError(f"no field {number} in a message of {len(message)} bytes")


def han_runs(texts: Iterable[str]) -> Iterator[str]:
    """Yield the runs of Han characters and kana of folded texts."""
    for text in texts:
        yield from HAN_RUN.findall(fold(text))


def other_words(texts: Iterable[str]) -> Iterator[str]:
    """Yield the words and numbers of folded texts that are not Han or kana."""
    for text in texts:
        yield from _WORD.findall(HAN_RUN.sub(" ", fold(text)))


def seed_pieces(words: list[str], counts: np.ndarray, longest: int, least: int) -> dict[str, int]:
    """Return every run of 1 to ``longest`` characters inside words that stands at least ``least`` times.

    Longer runs are looked for only where their first characters are frequent, as in Agrawal & Srikant (1994).
    """
    codes = np.frombuffer("".join(words).encode("utf-32-le"), dtype=np.uint32).astype(np.int64)
    sizes = np.array([len(word) for word in words])
    left = np.repeat(np.cumsum(sizes), sizes) - np.arange(len(codes))
    weights = np.repeat(counts, sizes).astype(np.float64)
    text, at, prefix, found = "".join(words), np.arange(len(codes)), np.zeros(len(codes), dtype=np.int64), {}
    for n in range(1, longest + 1):
        inside = left[at] >= n
        at, prefix = at[inside], prefix[inside]
        if not len(at):
            break
        _, first, slot = np.unique(prefix << 21 | codes[at + n - 1], return_index=True, return_inverse=True)
        totals = np.bincount(slot, weights=weights[at])
        frequent = totals >= (1 if n == 1 else least)
        for where in np.flatnonzero(frequent):
            begin = at[first[where]]
            found[text[begin : begin + n]] = int(totals[where])
        keep = frequent[slot]
        at, prefix = at[keep], slot[keep].astype(np.int64)
    return found


def train_pieces(words: Iterable[str], size: int, longest: int, least: int = 20) -> list[tuple[str, float]]:
    """Return the pieces of a Unigram model with their log probabilities.

    Viterbi training (Kudo 2018 with hard counts): all frequent character runs to begin with; cut the words with them,
    count, drop the rarest, again. Single characters always stay.
    """
    tally = Counter(words)
    words, counts = list(tally), np.array(list(tally.values()), dtype=np.int64)
    pieces = seed_pieces(words, counts, longest, least)
    # The first cut must not favour long pieces for being frequent substrings of still longer ones.
    total = sum(pieces.values())
    for target in (*_shrink(len(pieces), size), size):
        model = [(UNKNOWN, 0.0), *((piece, math.log(max(n, 0.1) / total)) for piece, n in pieces.items())]
        tokenizer = Tokenizer(models.Unigram(model, unk_id=0, byte_fallback=False))
        used = np.zeros(len(model), dtype=np.int64)
        for start in range(0, len(words), 50_000):
            encoded = tokenizer.encode_batch_fast(words[start : start + 50_000], add_special_tokens=False)
            ids = np.concatenate([np.array(e.ids, dtype=np.int64) for e in encoded])
            used += np.bincount(
                ids,
                weights=np.repeat(counts[start : start + 50_000], [len(e.ids) for e in encoded]),
                minlength=len(model),
            ).astype(np.int64)
        ranked = sorted(
            ((piece, int(n)) for (piece, _), n in zip(model[1:], used[1:], strict=True)),
            key=lambda item: (len(item[0]) > 1, -item[1], item[0]),
        )
        pieces, total = dict(ranked[:target]), int(used.sum())
    return [(piece, math.log(max(n, 0.1) / total)) for piece, n in pieces.items()]


def _shrink(seeds: int, size: int) -> list[int]:
    targets, now = [], seeds
    while now * 0.6 > size:
        now = int(now * 0.6)
        targets.append(now)
    return targets


def merge_pieces(
    han: list[tuple[str, float]], other: list[tuple[str, float]], characters: Iterable[str]
) -> list[tuple[str, float]]:
    """Join both vocabularies and give every extra character a score below all others.

    The two never compete for the same text, so their scores need no common scale.
    """
    merged = dict(han)
    for piece, score in other:
        merged.setdefault(piece, score)
    low = min(merged.values()) - math.log(2)
    for character in characters:
        merged.setdefault(character, low)
    return [(UNKNOWN, 0.0), *sorted(merged.items(), key=lambda item: (-item[1], item[0]))]


def build_tokenizer(pieces: list[tuple[str, float]], charsmap: bytes) -> Tokenizer:
    """Return the tokenizer: fold, drop punctuation and spaces, part Han runs and numbers, then Unigram pieces."""
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=False))
    state = json.loads(tokenizer.to_str())
    state["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap).decode("ascii")}
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"[\s\p{P}\p{S}\p{C}]+"), "removed"),
            pre_tokenizers.Split(Regex(_onig_class()), "isolated"),
            pre_tokenizers.Split(Regex(r"[0-9]+"), "isolated"),
        ]
    )
    return tokenizer


def frequent_characters(runs: Iterable[str], least: int) -> list[str]:
    """Return the characters that stand at least ``least`` times in the runs, most frequent first."""
    counts = Counter()
    for run in runs:
        counts.update(run)
    return [character for character, n in counts.most_common() if n >= least]
