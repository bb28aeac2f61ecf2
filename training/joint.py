"""Train the reader that reads question and passage together: ``python -m training.joint --data DIR``.

Questions and passages come from ``training/groups.py``. A step shows a few questions, each with its answering passage
and a near miss; the loss asks for the choice among them or none, for each passage alone, and for the answer's ends,
which also teach what answers look like. The lower half of the network stays as it was.
"""

from __future__ import annotations

import argparse
import random
import re
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rjieba
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils.rnn import pad_sequence

from qa.joint import Packer, Row, Shown, roles
from qa.text import simplify
from training.asking import Names, Sounds, chatty, collect, misspelt, named, shortened, swapped
from training.clean import clean_sources, read_clean
from training.groups import Group, read_groups, write_all
from training.multilingual import Packed, packed_file, piece_tokenizer, read_packed

CHINESE = frozenset({"zh", "news"})  # kinds of questions
PARTED = 6  # layers that read question and passage apart
PIECES = 24_000
SHOWN = 2  # passages of a question in one step
BATCH = 12  # questions
SORTED = 24  # batches among which questions of like length are put together
HELD = 16
RATE, FASTER, WARM = 2e-4, 4, 100
TURNED = 0.15  # share of Chinese questions that are put into other languages, word by word
SWAPPED, SHORTENED, MISSPELT, CHATTY = 0.2, 0.2, 0.1, 0.15  # … that are asked otherwise (:mod:`training.asking`)
OUT = Path(__file__).parents[1] / "qa" / "joint.npz"
_PADDING = 1
_WORDS = {
    "谁": "who quién qui кто 누가 だれ", "哪位": "who quién qui кто 누구 誰", "什么": "what qué quoi что 무엇 何",
    "哪": "which cuál quel какой 어느 どの", "哪个": "which cuál quel какой 어느 どの",
    "哪里": "where dónde où где 어디 どこ", "哪些": "which cuáles quels какие 어떤 どんな",
    "什么时候": "when cuándo quand когда 언제 いつ", "何时": "when cuándo quand когда 언제 いつ",
    "多少": "how-many cuántos combien сколько 몇 いくつ", "几": "how-many cuántos combien сколько 몇 いくつ",
    "为什么": "why por-qué pourquoi почему 왜 なぜ", "是": "is es est — 은 は", "的": "of de de — 의 の",
}  # fmt: skip


class Layer(nn.Module):
    """A layer of BERT (Devlin et al. 2019), with the weights of the packed model's layer ``n``."""

    def __init__(self, packed: Packed, n: int) -> None:
        super().__init__()
        width = packed.width
        self.heads = packed.heads
        self.qkv, self.ao, self.aln = nn.Linear(width, 3 * width), nn.Linear(width, width), nn.LayerNorm(width, 1e-12)
        self.fi, self.fo, self.oln = (
            nn.Linear(width, 4 * width),
            nn.Linear(4 * width, width),
            nn.LayerNorm(width, 1e-12),
        )
        for part in ("ao", "aln", "fi", "fo", "oln"):
            _fill(getattr(self, part), packed, f"l{n}.{part}")
        for kind, shape in (("w", (width, width)), ("b", (width,))):
            parts = [torch.from_numpy(packed.tensors[f"l{n}.{part}.{kind}"]).reshape(shape) for part in "qkv"]
            (self.qkv.weight if kind == "w" else self.qkv.bias).data = torch.cat(parts)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Read texts, shape (n, m, width)."""
        n, length, width = x.shape
        q, k, v = self.qkv(x).view(n, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        met = F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).reshape(n, length, width)
        x = self.aln(x + self.ao(met))
        return self.oln(x + self.fo(F.gelu(self.fi(x))))


def _fill(layer: nn.Linear | nn.LayerNorm, packed: Packed, name: str) -> None:
    weight, bias = (torch.from_numpy(packed.tensors[f"{name}.{part}"]) for part in "wb")
    layer.weight.data = weight.reshape(layer.weight.shape).clone()
    layer.bias.data = bias.clone()


class JointNet(nn.Module):
    """The network of :mod:`qa.joint` in torch."""

    def __init__(self, packed: Packed) -> None:
        super().__init__()
        width = packed.width
        self.word = nn.Embedding.from_pretrained(packed.matrix("emb.word").clone())
        self.place = nn.Embedding.from_pretrained(packed.matrix("emb.pos")[:200] + packed.matrix("emb.type")[0])
        self.ln = nn.LayerNorm(width, 1e-12)
        _fill(self.ln, packed, "emb.ln")
        self.lower = nn.ModuleList(Layer(packed, n) for n in range(PARTED))
        self.layers = nn.ModuleList(Layer(packed, n) for n in range(PARTED, packed.layers))
        for part in (self.ln, self.lower):
            part.requires_grad_(False)
        self.role = nn.Embedding(6, width)
        nn.init.zeros_(self.role.weight)
        self.ends = nn.Linear(width, 2)
        self.mix, self.score = nn.Linear(2 * width, width), nn.Linear(width, 1)

    @torch.no_grad()
    def alone(self, ids: Tensor) -> Tensor:
        """Return what the lower half makes of texts, shape (n, m) → (n, m, width)."""
        mask = _mask(ids != _PADDING)
        x = self.ln(self.word(ids) + self.place.weight[: ids.shape[1]])
        for layer in self.lower:
            x = layer(x, mask)
        return x

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return each passage's score, shape (n,), and its tokens' as first and last of the answer, (n, m, 2)."""
        asked = self.alone(batch.questions).repeat_interleave(SHOWN, 0)
        x = torch.cat([asked, self.alone(batch.passages)], 1)
        filled = batch.roles >= 0
        mask = _mask(filled)
        x = x + self.role(batch.roles.clamp(min=0))
        for layer in self.layers:
            x = layer(x, mask)
        share = filled.float() / filled.sum(dim=1, keepdim=True)
        whole = torch.cat([x[:, 0], torch.einsum("nm,nmd->nd", share, x)], dim=1)
        return self.score(F.gelu(self.mix(whole)))[:, 0], self.ends(x[:, batch.questions.shape[1] :])


def _mask(filled: Tensor) -> Tensor:
    return torch.zeros(filled.shape).masked_fill(~filled, -1e4)[:, None, None, :]


@dataclass(frozen=True, slots=True)
class Batch:
    """Questions, and ``SHOWN`` passages for each, the answering one first; its answer's first and last token or -1.

    ``answered``: whether the first passage answers; else none does. ``roles`` are those of a question's tokens and then
    a passage's, -1 past the end of either.
    """

    questions: Tensor
    passages: Tensor
    roles: Tensor
    answered: Tensor
    first: Tensor
    last: Tensor


@dataclass(frozen=True, slots=True)
class Item:
    """One question of a batch."""

    question: list[int]
    rows: list[Row]
    answered: bool
    first: int
    last: int


def collate(items: Sequence[Item]) -> Batch:
    """Put questions into a batch."""
    questions = _padded([item.question for item in items], _PADDING)
    passages = _padded([row.ids for item in items for row in item.rows], _PADDING)
    told = [(len(item.question), roles(item.question, row)) for item in items for row in item.rows]
    asked = _padded([both[:n] for n, both in told], -1)
    both = torch.cat([asked, _padded([both[n:] for n, both in told], -1)], 1)
    ends = torch.tensor([(item.first, item.last) for item in items])
    return Batch(questions, passages, both, torch.tensor([item.answered for item in items]), ends[:, 0], ends[:, 1])


def _padded(rows: Sequence[Sequence[int]], value: int) -> Tensor:
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=value)


def show(group: Group, rng: random.Random) -> list[Shown]:
    """Return the answering passage and some of the near misses, the nearest most often."""
    heading, text, start, end = group.passages[0]
    if group.start >= 0 and (rng.random() < 0.3 or not start <= group.start < end):
        shift = rng.randint(-20, 20)
        start, end = max(0, group.start + min(shift, 0)), min(len(text), group.end + max(shift, 0))
    misses = group.passages[1:]
    picked = sorted(range(len(misses)), key=lambda n: rng.random() * (n + 1.5))[: SHOWN - 1]
    return [Shown(heading, text, (start, end)), *(as_shown(misses[n]) for n in sorted(picked))]


def as_shown(passage: Sequence[str | int]) -> Shown:
    """Return a stored passage as the reader is shown it."""
    heading, text, start, end = passage
    return Shown(str(heading), str(text), (int(start), int(end)))


def pack(
    packer: Packer, question: str, passages: Sequence[Shown], answer: tuple[int, int], *, answered: bool = True
) -> Item:
    """Return a question's tokens with those of its passages, and where the answer stands in the first."""
    rows = packer.passages(passages)
    start, end = answer
    offsets = rows[0].offsets
    inside = [n for n, (a, b) in enumerate(offsets) if a < end and b > start]
    whole = start >= 0 and inside and offsets[inside[0]][0] <= start and offsets[inside[-1]][1] >= end
    first, last = (rows[0].start + inside[0], rows[0].start + inside[-1]) if whole else (-1, -1)
    return Item(packer.question(question), rows, answered, first, last)


def glosses(cache: Path) -> dict[str, str]:
    """Return a short English sense of each Chinese word."""
    found: dict[str, str] = {}
    for r in read_clean(cache, "dictionary_cedict_en_zh"):
        sense = re.sub(r"\([^)]*\)", "", r["en"].split(";")[0]).strip()
        if sense and len(sense.split()) <= 4:
            found.setdefault(r["zh"], sense)
    return found


def turned(question: str, english: dict[str, str], rng: random.Random) -> str:
    """Put a Chinese question into other words, word by word: English, with question words of one of six languages."""
    language = rng.randrange(6) if rng.random() < 0.6 else 0
    words = []
    for word in rjieba.cut(question):
        if word in _WORDS:
            words.append(_WORDS[word].split()[language].replace("-", " "))
        else:
            words.append(english.get(word, word) if rng.random() < 0.85 else word)
    return " ".join(words)


@dataclass(frozen=True, slots=True)
class Known:
    """What questions are changed with: an English sense of each word, the names in all of them, and how they sound."""

    english: dict[str, str]
    names: Names
    sounds: Sounds


def asked_otherwise(group: Group, known: Known, rng: random.Random) -> tuple[str, bool]:
    """Return a Chinese question as somebody else would ask it, and whether the passage still answers."""
    if rng.random() < TURNED:
        return turned(group.question, known.english, rng), True
    told = f"{group.passages[0][0]}\n{group.passages[0][1]}"
    question, answered = group.question, True
    found, chance = named(question, told), rng.random()
    if found is not None and chance < SWAPPED:
        other = swapped(found[1], told, known.names, rng)
        if other is not None:
            question, answered = f"{found[0]}{other}{found[2]}", False
    elif found is not None and chance < SWAPPED + SHORTENED:
        question = f"{found[0]}{shortened(found[1], rng)}{found[2]}"
    elif chance < SWAPPED + SHORTENED + MISSPELT:
        question = misspelt(question, known.sounds, rng)
    return (chatty(question, rng) if rng.random() < CHATTY else question), answered


def batches(groups: Sequence[Group], packer: Packer, known: Known, rng: random.Random) -> Iterator[Batch]:
    """Yield all groups once, those of like length together."""
    order = [group for group in groups if len(group.passages) >= SHOWN]
    rng.shuffle(order)
    for at in range(0, len(order), SORTED * BATCH):
        items = []
        for group in order[at : at + SORTED * BATCH]:
            chinese = group.kind in CHINESE
            question, answered = asked_otherwise(group, known, rng) if chinese else (group.question, True)
            place = (group.start, group.end) if answered else (-1, -1)
            items.append(pack(packer, question, show(group, rng), place, answered=answered))
        items.sort(key=lambda item: max(len(row.ids) for row in item.rows))
        cut = [items[n : n + BATCH] for n in range(0, len(items), BATCH)]
        rng.shuffle(cut)
        yield from map(collate, cut)


def losses(net: JointNet, batch: Batch) -> Tensor:
    """Return the losses of the choice, of each passage alone, and of the answer's ends, shape (3,)."""
    scores, ends = net(batch)
    by_group = scores.view(-1, SHOWN)
    with_none = torch.cat([by_group, torch.zeros(len(by_group), 1)], dim=1)
    choice = F.cross_entropy(with_none, torch.where(batch.answered, 0, SHOWN))
    aims = torch.zeros_like(by_group)
    aims[:, 0] = batch.answered
    alone = F.binary_cross_entropy_with_logits(by_group, aims)
    known = batch.first >= 0
    if not known.any():
        return torch.stack([choice, alone, scores.sum() * 0])
    told = batch.roles[::SHOWN, batch.questions.shape[1] :][known] % 3 == 2
    own = ends[::SHOWN][known].masked_fill(~told[..., None], -1e4)
    read = F.cross_entropy(own[..., 0], batch.first[known]) + F.cross_entropy(own[..., 1], batch.last[known])
    return torch.stack([choice, alone, read / 2])


def train(net: JointNet, groups: Sequence[Group], packer: Packer, known: Known, minutes: float) -> None:
    """Train in place; the rate falls to nothing over the minutes, whatever part of the groups they suffice for."""
    rng = random.Random(0)  # noqa: S311
    named = [(name, p) for name, p in net.named_parameters() if p.requires_grad]
    sides = [
        {"params": [p for name, p in named if name.startswith("layers") == own], "rate": RATE if own else FASTER * RATE}
        for own in (True, False)
    ]
    optimiser = torch.optim.AdamW(sides, weight_decay=0.01, fused=True)
    begun, step, running = time.monotonic(), 0, np.zeros(3)
    while True:
        for batch in batches(groups, packer, known, rng):
            done = (time.monotonic() - begun) / 60 / minutes
            if done >= 1:
                return
            for side in optimiser.param_groups:
                side["lr"] = side["rate"] * (min(1, (step + 1) / WARM) * (1 - done) + 0.01)
            parts = losses(net, batch)
            parts.sum().backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()
            running += 0.02 * (parts.detach().numpy() - running)
            step += 1
            if step % 50 == 0:
                print(f"{done:.3f} step {step} losses {np.round(running / (1 - 0.98**step), 3)}", flush=True)


def held_out(group: Group) -> bool:
    """Return whether a group's answering passage is one that is never trained on as such."""
    return zlib.crc32(group.passages[0][1][:40].encode()) % HELD == 0


@torch.no_grad()
def right_of_three(net: JointNet, groups: Sequence[Group], packer: Packer, most: int = 150) -> dict[str, float]:
    """Return, for each kind of question, how often the answering passage is put before two near misses."""
    found: dict[str, list[bool]] = {}
    for group in groups:
        here = found.setdefault(group.kind, [])
        if len(group.passages) >= 3 and len(here) < most:
            # Two passages at a time: each is read as if there were no others.
            shown = [as_shown(passage) for passage in (*group.passages[:3], group.passages[0])]
            pairs = [pack(packer, group.question, shown[n : n + 2], (-1, -1)) for n in (0, 2)]
            here.append(int(net(collate(pairs))[0][:3].argmax()) == 0)
    return {kind: float(np.mean(right)) for kind, right in found.items() if right}


def keep_pieces(model: Packed, cache: Path, groups: Sequence[Group]) -> list[int]:
    """Return the numbers of the pieces that ship: the commonest in texts of all the languages asked in."""
    rng = random.Random(0)  # noqa: S311
    texts = [text for group in groups for text in (group.question, *(passage[1] for passage in group.passages[:2]))]
    for name in ("parallel_en_zh", "parallel_multi"):
        texts += [r[side] for r in rng.sample(list(read_clean(cache, name)), 60_000) for side in ("text1", "text2")]
    for name in ("docs_xwlb_news_zh", "docs_crud_news_zh", "docs_abstracts_zh"):
        texts += [r["text"][:500] for r in rng.sample(list(read_clean(cache, name)), 5_000)]
    texts += [r["zh"] for r in rng.sample(list(read_clean(cache, "dictionary_cedict_en_zh")), 40_000)]
    counts: Counter[int] = Counter()
    tokenizer = piece_tokenizer(model)
    for start in range(0, len(texts), 5_000):
        some = [simplify(text) for text in texts[start : start + 5_000]]
        for one in tokenizer.encode_batch(some, add_special_tokens=False):
            counts.update(one.ids)
    special = list(range(model.unknown + 1))
    return special + sorted([piece for piece, _ in counts.most_common(PIECES) if piece not in special])


def pruned(model: Packed, kept: Sequence[int]) -> Tokenizer:
    """Return a tokenizer that knows only the kept pieces."""
    pieces = [model.pieces[piece] for piece in kept]
    return piece_tokenizer(Packed(model.width, model.layers, model.heads, pieces, model.unknown, {}))


def packed(matrix: np.ndarray) -> np.ndarray:
    """Store numbers in blocks of four bits as :func:`qa.joint.unpacked` reads them, shape (n, width) → (n, bytes).

    What was stored so before comes out the same: of each block the number farthest from 0 becomes -8.
    """
    blocks = matrix.reshape(len(matrix), -1, 32).astype(np.float32)
    farthest = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=-1)[..., None], -1)
    scales = (farthest / -8).astype(np.float16)
    divisor = np.where(scales == 0, 1, scales).astype(np.float32)
    whole = np.clip(np.rint(blocks / divisor) + 8, 0, 15).astype(np.uint8)
    halves = whole[..., :16] | whole[..., 16:] << 4
    return np.concatenate([scales.view(np.uint8), halves], axis=-1).reshape(len(matrix), -1)


def stored(matrix: np.ndarray, name: str) -> dict[str, np.ndarray]:
    """Store numbers in eight bits, 32 by one scale: in four, what was trained would be rounded away."""
    blocks = matrix.reshape(len(matrix), -1, 32)
    scales = np.maximum(np.abs(blocks).max(axis=-1) / 127, 1e-7).astype(np.float16)
    whole = np.clip(np.rint(blocks / scales[..., None].astype(np.float32)), -127, 127).astype(np.int8)
    return {f"{name}.w": whole.reshape(matrix.shape), f"{name}.s": scales}


def export(net: JointNet, kept: Sequence[int], tokenizer: Tokenizer, out: Path = OUT) -> None:
    """Write ``qa/joint.npz``."""

    def numbers(values: Tensor) -> np.ndarray:
        return values.detach().numpy()

    def plain(layer: nn.Linear | nn.LayerNorm) -> np.ndarray:
        return np.stack([numbers(layer.weight), numbers(layer.bias)])

    arrays = {
        "tokenizer": np.frombuffer(tokenizer.to_str().encode(), np.uint8),
        "word": packed(numbers(net.word.weight)[np.array(kept)]),
        "place": numbers(net.place.weight).astype(np.float16),
        "role": numbers(net.role.weight),
        "norm": plain(net.ln),
        "mix.w": numbers(net.mix.weight.T).astype(np.float16),
        "mix.b": numbers(net.mix.bias),
        "score.w": numbers(net.score.weight.T),
        "score.b": numbers(net.score.bias),
        "ends.w": numbers(net.ends.weight.T),
        "ends.b": numbers(net.ends.bias),
    }
    for half, layers in (("lower", net.lower), ("upper", net.layers)):
        arrays[half] = np.zeros(len(layers))
        for n, layer in enumerate(layers):
            for part in ("qkv", "ao", "fi", "fo"):
                weight = numbers(getattr(layer, part).weight)
                name = f"{half}{n}.{part}"
                arrays |= stored(weight, name) if half == "upper" else {f"{name}.w": packed(weight)}
                arrays[f"{half}{n}.{part}.b"] = numbers(getattr(layer, part).bias)
            for part in ("aln", "oln"):
                arrays[f"{half}{n}.{part}"] = plain(getattr(layer, part))
    np.savez_compressed(out, **arrays)


def main() -> None:
    """Make the groups, train, and write ``qa/joint.npz``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds train/ and dev/")
    parser.add_argument("--cache", type=Path, default=Path(__file__).with_name(".cache"))
    parser.add_argument("--never", type=Path, nargs="*", default=[Path("seeds")], help="text that is never trained on")
    parser.add_argument("--minutes", type=float, default=50)
    options = parser.parse_args()
    torch.manual_seed(0)
    clean_sources(options.data, options.cache, [options.data / "dev", *options.never])
    write_all(options.cache)
    groups = read_groups(options.cache)
    model = read_packed(packed_file())
    net, packer = JointNet(model), Packer(piece_tokenizer(model))
    kept = keep_pieces(model, options.cache, groups)
    fitted = [group for group in groups if not held_out(group)]
    asked = [(one.question, "\n".join(one.passages[0][:2])) for one in fitted if one.kind in CHINESE]
    train(net, fitted, packer, Known(glosses(options.cache), *collect(asked)), options.minutes)
    torch.save(net.state_dict(), options.cache / "joint.pt")
    print(right_of_three(net, [group for group in groups if held_out(group)], packer))
    export(net, kept, pruned(model, kept))


if __name__ == "__main__":
    main()
