"""Texts → token ids by a model's tokenizer, with the first half of its work done for a whole batch at once.

Half of the time that ``tokenizers`` takes goes into normalising text grapheme by grapheme and cutting it by three
regular expressions. For the built-in model's kind of tokenizer both can be looked up character by character: what a
character becomes and which kind it is. The tables are filled by asking the tokenizer itself, and a text with any
character of which that is not the whole truth (accents that join, emoji, control characters) goes the usual way, so
the ids are the same. The tests hold them equal. Of many texts the other half is done by :mod:`qa.pieces`.
"""

from __future__ import annotations

import json
import sys
from collections import abc
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer
from tokenizers.models import Unigram
from tokenizers.normalizers import Precompiled
from tokenizers.pre_tokenizers import CharDelimiterSplit, Sequence

from qa.pieces import PieceCutter, piece_model

Codes = npt.NDArray[np.uint32]

_UTF32 = "utf-32-le"
_BLANK = 0x20
# The kinds of characters: not met yet, what parts tokens, one of three that a token never mixes, not to be looked up.
_UNMET, _GAP, _WIDE, _DIGIT, _OTHER, _ODD = range(6)
_SAMPLES = {_WIDE: "一", _DIGIT: "1", _OTHER: "a"}
# Characters that no neighbour joins to one grapheme, so that the tokenizer too looks at each by itself.
_ALONE = (
    (0x0A, 0x0A),
    (0x20, 0x7E),
    (0xA1, 0xAC),
    (0xAE, 0x2FF),
    (0x370, 0x3FF),
    (0x400, 0x482),
    (0x48A, 0x52F),
    (0x2010, 0x2027),
    (0x2030, 0x205E),
    (0x2100, 0x23FF),
    (0x2460, 0x25FF),
    (0x3000, 0x3029),
    (0x3041, 0x3096),
    (0x30A0, 0x30FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xFF01, 0xFF9D),
)
_BEHAVIOURS = ["Removed", "Isolated", "Isolated"]


def load_tokenizer(path: Path) -> Tokenizer:
    """Load a tokenizer that neither pads nor truncates."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


class BulkTokenizer:
    """Gives the ids that a tokenizer gives, for many texts in less time."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._whole = tokenizer
        self._bare = _bare(tokenizer) if _is_known(tokenizer) else None
        self._kinds = np.zeros(sys.maxunicode + 1, np.uint8)
        self._becomes = np.zeros(sys.maxunicode + 1, np.uint32)

    def ids(self, texts: abc.Sequence[str], *, many: bool = False) -> list[list[int]]:
        """Return the token ids of each text.

        :param many: more texts will come: it pays to make ready what is faster, once.
        """
        if self._bare is None:
            return _ids(self._whole, texts)
        cut, odd = self._cut(texts)
        found = self._pieces.ids(cut) if many and self._pieces is not None else _ids(self._bare, cut)
        for row, ids in zip(odd, _ids(self._whole, [texts[row] for row in odd]), strict=True):
            found[row] = ids
        return found

    @cached_property
    def _pieces(self) -> PieceCutter | None:
        model = json.loads(self._whole.model.__getstate__())
        try:
            return PieceCutter(piece_model(model["vocab"], model["unk_id"]))
        except ValueError:
            return None

    def _cut(self, texts: abc.Sequence[str]) -> tuple[list[str], list[int]]:
        """Return the texts, normalised, with a blank wherever a token must end, and which of them are odd."""
        codes = np.frombuffer("\n".join((*texts, "")).encode(_UTF32, "replace"), np.uint32)
        kinds = self._kinds.take(codes)
        if not kinds.all():
            self._meet(np.unique(codes[kinds == _UNMET]).tolist())
            kinds = self._kinds.take(codes)
        ends = np.cumsum([len(text) + 1 for text in texts])
        odd = np.unique(np.searchsorted(ends, np.flatnonzero(kinds == _ODD), side="right")).tolist()
        inside = (kinds[1:] != kinds[:-1]) & (kinds[1:] != _GAP) & (kinds[:-1] != _GAP)
        turns = np.flatnonzero(inside) + 1
        spaced = np.insert(self._becomes.take(codes), turns, _BLANK)
        whole = str(spaced.tobytes(), _UTF32)
        ends += np.searchsorted(turns, ends, side="right")
        cut, start = [], 0
        for end in ends.tolist():
            cut.append(whole[start:end])
            start = end
        return cut, odd

    def _meet(self, codes: list[int]) -> None:
        for code in codes:
            kind, becomes = self._judged(chr(code))
            self._becomes[code] = becomes
            self._kinds[code] = kind

    def _judged(self, character: str) -> tuple[int, int]:
        """Return the kind of a character and what it becomes, as the tokenizer itself treats it."""
        code = ord(character)
        if not any(first <= code <= last for first, last in _ALONE):
            return _ODD, _BLANK
        becomes = self._whole.normalizer.normalize_str(character)
        if becomes and not self._parts(becomes):
            return _GAP, _BLANK
        if len(becomes) == 1:
            for kind, sample in _SAMPLES.items():
                if self._parts(sample + becomes) == self._parts(becomes + sample) == 1:
                    return kind, ord(becomes)
        return _ODD, _BLANK

    def _parts(self, text: str) -> int:
        return len(self._whole.pre_tokenizer.pre_tokenize_str(text))


def _ids(tokenizer: Tokenizer, texts: abc.Sequence[str]) -> list[list[int]]:
    return [encoding.ids for encoding in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]


def _bare(tokenizer: Tokenizer) -> Tokenizer:
    """Return a tokenizer with the same model, which is shared, for normalised text that is cut at blanks."""
    bare = Tokenizer(tokenizer.model)
    bare.pre_tokenizer = CharDelimiterSplit(" ")
    return bare


def _is_known(tokenizer: Tokenizer) -> bool:
    """Tell whether a tokenizer is of the form for which looking up characters is right."""
    parts = tokenizer.pre_tokenizer
    if (
        not isinstance(tokenizer.model, Unigram)
        or not isinstance(tokenizer.normalizer, Precompiled)
        or not isinstance(parts, Sequence)
        or tokenizer.post_processor is not None
        or tokenizer.get_added_tokens_decoder()
    ):
        return False
    splits = json.loads(parts.__getstate__())["pretokenizers"]
    return [split.get("behavior") for split in splits] == _BEHAVIOURS and all(
        split["type"] == "Split" and not split["invert"] and _is_class(split["pattern"].get("Regex", ""))
        for split in splits
    )


def _is_class(pattern: str) -> bool:
    """Tell whether a regular expression is a run of one class of characters."""
    return pattern.startswith("[") and pattern.endswith("]+") and not set("[]") & set(pattern[1:-2])
