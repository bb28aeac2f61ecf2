"""Train the reader that reads question and passage together: ``python -m training.joint --data DIR``.

Two networks learn at once, over the same frozen lower layers: all six upper layers, and three of them that also learn
to say what the six say (Hinton et al. 2015). The three ship. A step shows questions, each with its answering passage,
the same without its answer, and near misses; the loss asks for the choice among them or none, for each passage alone,
and for the answer's ends. On a GPU eight minutes suffice; two cores do in an hour what it does in seconds.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from qa.joint import PARTS, Packer, unpacked
from qa.translate import shipped_lexicon
from training.asking import collect
from training.clean import clean_sources, read_clean
from training.foreign import Words, backwards, senses
from training.groups import KINDS, Group, read_groups, write_all
from training.joint_data import BRIEF, CHINESE, SWAPPED, Known, held_out, put_into_numbers
from training.joint_file import Arrays, begun, halfway, keep_pieces, texts_by_language, trained, whole
from training.multilingual import packed_file, read_packed

OUT = Path(__file__).parents[1] / "qa" / "joint.npz"
SHORT = (0, 2, 5)  # the upper layers that ship
SHOWN = 4  # passages of a question in one step
ASKED = 40  # tokens of a question, filled up
SIZES = np.array([64, 88, 112, 152])  # tokens of a passage, filled up
BATCH = 128  # questions of middling passages in one step
RATES = {"full": 1.5e-4, "short": 3e-4}
DROPPED, UNMARKED = 0.1, 0.3  # of what a layer adds; of pairs, of which what both sides hold is not marked
NONE, LESS, ANY = 0.1, 0.75, 0.3  # questions without their answer; with it taken out; with any passage beside it
WAYS = np.array([1.0, 0.35, 0.3, 0.5, 0.5])  # how often a question is asked in each way
WORTH = {"zh": 1.6, "news": 0.8, "ja": 0.8, "across": 0.55, "chat": 1.5, "meeting": 0.6}
DISTIL, FAR = 0.5, 12.0
WARM, FADE = 150, 0.85
_PADDING = 1
_AWAY = -1e4


class Layer(nn.Module):
    """A layer of BERT (Devlin et al. 2019), with the weights of a reader's layer."""

    def __init__(self, arrays: Arrays, name: str, dropped: float = 0.0) -> None:
        super().__init__()
        width = arrays["place"].shape[1]
        self.dropped = dropped
        self.qkv, self.ao = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fi, self.fo = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.aln, self.oln = nn.LayerNorm(width, 1e-12), nn.LayerNorm(width, 1e-12)
        for part in PARTS:
            _fill(getattr(self, part), whole(arrays, f"{name}.{part}"), arrays[f"{name}.{part}.b"])
        for part in ("aln", "oln"):
            _fill(getattr(self, part), *arrays[f"{name}.{part}"])

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Read texts, shape (n, m, width)."""
        n, length, width = x.shape
        q, k, v = self.qkv(x).view(n, length, 3, mask.shape[1], -1).permute(2, 0, 3, 1, 4)
        met = (
            F.scaled_dot_product_attention(q, k, v, attn_mask=mask.to(q.dtype))
            .transpose(1, 2)
            .reshape(n, length, width)
        )
        x = self.aln(x + F.dropout(self.ao(met), self.dropped, self.training))
        return self.oln(x + F.dropout(self.fo(F.gelu(self.fi(x))), self.dropped, self.training))


def _fill(layer: nn.Linear | nn.LayerNorm, weight: np.ndarray, bias: np.ndarray) -> None:
    layer.weight.data, layer.bias.data = (torch.tensor(np.asarray(one, np.float32)) for one in (weight, bias))


def _mask(filled: Tensor, like: Tensor, heads: int = 12) -> Tensor:
    mask = torch.zeros_like(filled, dtype=like.dtype).masked_fill(~filled, _AWAY)
    return mask[:, None, None, :].expand(-1, heads, filled.shape[1], -1)


class Lower(nn.Module):
    """The layers that read question and passage apart; they stay as they were."""

    def __init__(self, arrays: Arrays) -> None:
        super().__init__()
        self.word = nn.Embedding.from_pretrained(torch.from_numpy(unpacked(arrays["word"])))
        self.place = nn.Parameter(torch.tensor(arrays["place"].astype(np.float32)))
        self.norm = nn.LayerNorm(self.place.shape[1], 1e-12)
        _fill(self.norm, *arrays["norm"])
        self.layers = nn.ModuleList(Layer(arrays, f"lower{n}") for n in range(len(arrays["lower"])))
        self.requires_grad_(requires_grad=False)

    def forward(self, ids: Tensor, filled: Tensor) -> Tensor:
        """Read texts, shape (n, m) → (n, m, width)."""
        x: Tensor = self.norm(self.word(ids) + self.place[: ids.shape[1]])
        mask = _mask(filled, x)
        for layer in self.layers:
            x = layer(x, mask)
        return x


class Upper(nn.Module):
    """The layers that read both, and what they say."""

    def __init__(self, arrays: Arrays, layers: Iterable[int]) -> None:
        super().__init__()
        width = arrays["place"].shape[1]
        self.role = nn.Embedding.from_pretrained(torch.tensor(arrays["role"].astype(np.float32)), freeze=False)
        self.layers = nn.ModuleList(Layer(arrays, f"upper{n}", DROPPED) for n in layers)
        self.mix, self.score, self.ends = nn.Linear(2 * width, width), nn.Linear(width, 1), nn.Linear(width, 2)
        for name in ("mix", "score", "ends"):
            _fill(getattr(self, name), arrays[f"{name}.w"].T, arrays[f"{name}.b"])

    def forward(self, states: Tensor, roles: Tensor) -> tuple[Tensor, Tensor]:
        """Return each pair's score, shape (n,), and the passage's tokens as first and last of the answer, (n, m, 2).

        :param states: a question's and then a passage's, from :class:`Lower`; roles -1 where nothing stands.
        """
        filled = roles >= 0
        x = states + self.role(roles.clamp(min=0)).to(states.dtype)
        mask = _mask(filled, x)
        for layer in self.layers:
            x = layer(x, mask)
        share = (filled.float() / filled.sum(dim=1, keepdim=True)).to(x.dtype)
        both = torch.cat([x[:, 0], torch.einsum("nm,nmd->nd", share, x)], dim=1)
        return self.score(F.gelu(self.mix(both)))[:, 0].float(), self.ends(x[:, ASKED:]).float()


class Texts:
    """Tokens of texts, one behind the other, on the device."""

    def __init__(self, data: Arrays, name: str, device: str) -> None:
        lengths = data[f"{name}.lengths"].astype(np.int64)
        self.tokens = torch.from_numpy(data[f"{name}.tokens"].astype(np.int32)).to(device)
        self.starts = torch.from_numpy(np.cumsum(lengths) - lengths).to(device)
        self.lengths = torch.from_numpy(lengths).to(device)

    def take(self, rows: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """Return texts' tokens, shape (n, length), and which of them are theirs."""
        at = torch.arange(length, device=rows.device)
        filled = at < self.lengths[rows].clamp(max=length)[:, None]
        places = (self.starts[rows][:, None] + at).clamp(max=len(self.tokens) - 1)
        return torch.where(filled, self.tokens[places], _PADDING).long(), filled


@dataclass(frozen=True, slots=True)
class Step:
    """Questions by number, ``SHOWN`` passages each, whether the first answers, and the answer's ends or -1."""

    length: int
    questions: np.ndarray
    passages: np.ndarray
    answered: np.ndarray
    ends: np.ndarray


class Told:
    """All that is learnt from, on a device: what pairs look like to the network."""

    def __init__(self, data: Arrays, lower: Lower, device: str) -> None:
        self.device = device
        self.lower = lower.to(device)
        self.questions, self.passages = Texts(data, "question", device), Texts(data, "passage", device)
        begin, own = (
            torch.from_numpy(data[f"passage.{name}"].astype(np.int64)).to(device) for name in ("start", "own")
        )
        self.begin, self.end = begin, begin + own

    def pairs(self, step: Step) -> tuple[Tensor, Tensor]:
        """Return what the lower layers make of each question and passage, and their tokens' roles."""
        rows = torch.from_numpy(step.passages.reshape(-1)).to(self.device)
        asked, is_asked = self.questions.take(torch.from_numpy(step.questions).to(self.device), ASKED)
        told, is_told = self.passages.take(rows, step.length)
        with torch.no_grad(), halved(self.device):
            apart = self.lower(asked, is_asked).repeat_interleave(SHOWN, 0), self.lower(told, is_told)
        asked, is_asked = asked.repeat_interleave(SHOWN, 0), is_asked.repeat_interleave(SHOWN, 0)
        own = _between(told, self.begin[rows], self.end[rows])
        return torch.cat(apart, 1), roles(asked, is_asked, told, is_told, own)


def _between(like: Tensor, begin: Tensor, end: Tensor) -> Tensor:
    at = torch.arange(like.shape[1], device=like.device)
    return (at >= begin[:, None]) & (at < end[:, None])


def roles(asked: Tensor, is_asked: Tensor, told: Tensor, is_told: Tensor, own: Tensor) -> Tensor:
    """Return the tokens' roles as :func:`qa.joint.roles` does, for many pairs at once; -1 where nothing stands."""
    at = torch.arange(max(asked.shape[1], told.shape[1]), device=asked.device)
    same = asked[:, :, None] == told[:, None, :]
    last = is_asked.sum(dim=1, keepdim=True) - 1
    wanted = (at[: asked.shape[1]] >= 3) & (at[: asked.shape[1]] < last)
    held = is_told & (at[: told.shape[1]] >= 2)
    asked_too = (same & held[:, None]).any(2) & (at[: asked.shape[1]] >= 2)
    told_too = (same & wanted[:, :, None]).any(1)
    left = torch.where(is_asked, 3 * asked_too, -1)
    return torch.cat([left, torch.where(is_told, 1 + own.long() + 3 * told_too, -1)], 1)


def halved(device: str) -> AbstractContextManager[None]:
    """Compute in bfloat16 on a GPU."""
    return torch.autocast(device, dtype=torch.bfloat16, enabled=device != "cpu")


class Deck:
    """Draws what a step shows."""

    def __init__(self, data: Arrays, rng: np.random.Generator) -> None:
        self.data, self.rng = data, rng
        self.lengths = data["passage.lengths"]
        self.asked = data["asked"][np.argsort(data["asked"][:, 1], kind="stable")]
        counts = np.bincount(self.asked[:, 1], minlength=len(data["right"]))
        self.ends = np.cumsum(counts)
        self.starts = self.ends - counts
        among = np.column_stack([data["right"], data["without"], data["misses"]])
        longest = np.where(among >= 0, self.lengths[among], 0).max(axis=1)
        usable = ~data["held"] & (data["misses"] >= 0).any(axis=1) & (longest <= SIZES[-1])
        size = np.searchsorted(SIZES, longest)
        self.pools = [np.flatnonzero(usable & (size == n)) for n in range(len(SIZES))]
        self.any = [np.flatnonzero(self.lengths <= length) for length in SIZES]
        worth = np.array([WORTH[kind] for kind in KINDS])[data["kind"]]
        totals = np.array([worth[pool].sum() for pool in self.pools])
        self.chances = totals / totals.sum()
        self.within = [np.cumsum(worth[pool]) / max(worth[pool].sum(), 1e-9) for pool in self.pools]

    def draw(self, batch: int) -> Step:
        """Return one step: groups of like length, each asked in one of its ways."""
        rng, data = self.rng, self.data
        size = int(rng.choice(len(SIZES), p=self.chances))
        count = max(1, batch * int(SIZES[2]) // int(SIZES[size]))
        groups = self.pools[size][np.searchsorted(self.within[size], rng.random(count))]
        chosen = np.array([self._way(int(group)) for group in groups])
        ways = self.asked[chosen, 2]
        meeting = data["kind"][groups] == KINDS.index("meeting")
        none = (ways != SWAPPED) & (ways != BRIEF) & (rng.random(count) < NONE)
        answered = (ways != SWAPPED) & ~none
        misses = self._misses(groups, size, keep=(ways != BRIEF) | meeting)
        less = (data["without"][groups] >= 0) & (rng.random(count) < LESS)
        second = np.where(less, data["without"][groups], misses[:, 0])
        first = np.where(none, misses[:, 3], data["right"][groups])
        passages = np.column_stack([first, second, misses[:, 1:3]])
        ends = np.where(answered[:, None], data["ends"][groups], -1)
        return Step(int(SIZES[size]), self.asked[chosen, 0], passages, answered, ends)

    def _way(self, group: int) -> int:
        own = np.arange(self.starts[group], self.ends[group])
        chances = WAYS[self.asked[own, 2]].cumsum()
        return int(own[np.searchsorted(chances, self.rng.random() * chances[-1])])

    def _misses(self, groups: np.ndarray, size: int, *, keep: np.ndarray) -> np.ndarray:
        """Return near misses, the nearest first most often; any passage for want of one, and at times in its place.

        :param keep: where not, only any passage: others may well answer a question cut short.
        """
        misses = self.data["misses"][groups]
        order = np.argsort(self.rng.random(misses.shape) * (np.arange(misses.shape[1]) + 1.5) + 100 * (misses < 0), 1)
        misses = np.where(keep[:, None], np.take_along_axis(misses, order, 1), -1)
        others = self.rng.choice(self.any[size], misses.shape)
        misses = np.where(misses < 0, others, misses)
        misses[:, 3] = np.where(self.rng.random(len(groups)) < ANY, others[:, 3], misses[:, 3])
        return misses


@dataclass(frozen=True, slots=True)
class Said:
    """What a network says of a step: log odds of the passages and of none, shape (n, SHOWN + 1); of the first
    passage's tokens as ends of the answer, (n, m, 2).
    """

    choice: Tensor
    ends: Tensor


def ask(net: Upper, states: Tensor, told: Tensor, device: str) -> Said:
    """Let a network judge a step's pairs."""
    with halved(device):
        scores, ends = net(states, told)
    by_question = scores.view(-1, SHOWN)
    first = told[::SHOWN, ASKED:]
    own = (first >= 0) & (first % 3 == 2)
    choice = torch.cat([by_question, by_question.new_zeros(len(by_question), 1)], 1)
    return Said(choice, ends[::SHOWN].masked_fill(~own[..., None], _AWAY))


def losses(said: Said, step: Step) -> Tensor:
    """Return the losses of the choice, of each passage alone, and of the answer's ends, shape (3,)."""
    device = said.choice.device
    answered, ends = torch.from_numpy(step.answered).to(device), torch.from_numpy(step.ends).long().to(device)
    choice = F.cross_entropy(said.choice, torch.where(answered, 0, SHOWN))
    aims = torch.zeros_like(said.choice[:, :SHOWN])
    aims[:, 0] = answered.float()
    alone = F.binary_cross_entropy_with_logits(said.choice[:, :SHOWN], aims)
    known = (ends[:, 0] >= 0).float()
    read = sum(F.cross_entropy(said.ends[..., n], ends[:, n].clamp(min=0), reduction="none") for n in (0, 1))
    return torch.stack([choice, alone, (read * known).sum() / known.sum().clamp(min=1) / 2])


def follow(said: Said, teacher: Said, step: Step) -> Tensor:
    """Return how far a network is from what another says."""
    known = torch.from_numpy(step.ends[:, 0] >= 0).float().to(said.choice.device)
    wanted, found = (one.choice[:, :SHOWN].clamp(-FAR, FAR) for one in (teacher, said))
    apart = [_divergence(said.ends[..., n], teacher.ends[..., n].detach()) for n in (0, 1)]
    choice = _divergence(said.choice, teacher.choice.detach()).mean()
    read = ((apart[0] + apart[1]) * known).sum() / known.sum().clamp(min=1)
    return choice + 0.1 * F.mse_loss(found, wanted.detach()) + read / 2


def _divergence(found: Tensor, wanted: Tensor) -> Tensor:
    logs = F.log_softmax(found, -1), F.log_softmax(wanted, -1)
    return F.kl_div(*logs, log_target=True, reduction="none").sum(-1)


def train(nets: Mapping[str, Upper], told: Told, deck: Deck, seconds: float, batch: int = BATCH) -> int:
    """Train in place, ``full`` on the data and ``short`` on the data and on what ``full`` says; return the steps."""
    sides = []
    for name, net in nets.items():
        net.to(told.device).train()
        own = {part: [p for n, p in net.named_parameters() if n.startswith("layers") == part] for part in (True, False)}
        sides += [{"params": own[True], "rate": RATES[name]}, {"params": own[False], "rate": 2 * RATES[name]}]
    optimiser = torch.optim.AdamW(sides, weight_decay=0.01, betas=(0.9, 0.98), fused=told.device != "cpu")
    begun_at, step = time.monotonic(), 0
    while (done := (time.monotonic() - begun_at) / seconds) < 1:
        for side in optimiser.param_groups:
            side["lr"] = side["rate"] * (min(1, (step + 1) / WARM, (1 - done) / FADE) + 0.003)
        drawn = deck.draw(batch)
        states, seen = told.pairs(drawn)
        bare = torch.rand(len(seen), 1, device=told.device) < UNMARKED
        seen = torch.where(bare & (seen >= 0), seen % 3, seen)
        full, short = (ask(nets[name], states, seen, told.device) for name in ("full", "short"))
        parts = torch.stack([losses(full, drawn), losses(short, drawn)])
        (parts.sum() + DISTIL * follow(short, full, drawn)).backward()
        for net in nets.values():
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        step += 1
        if step % 100 == 0:
            print(f"{done:.3f} step {step} losses {parts.detach().cpu().numpy().round(3).tolist()}", flush=True)
    return step


@torch.no_grad()
def right_of_three(net: Upper, told: Told, deck: Deck, most: int = 400) -> dict[str, float]:
    """Return, for each kind of question, how often the answering passage of those held out beats two near misses."""
    net.to(told.device).eval()
    data, found = deck.data, {}
    for n, kind in enumerate(KINDS):
        held = np.flatnonzero(data["held"] & (data["kind"] == n) & (data["misses"][:, 1] >= 0))[:most]
        right = []
        for at in range(0, len(held), BATCH):
            groups = held[at : at + BATCH]
            passages = np.column_stack([data["right"][groups], data["misses"][groups, :2], data["right"][groups]])
            nothing = np.full((len(groups), 2), -1)
            step = Step(int(SIZES[-1]), deck.asked[deck.starts[groups], 0], passages, nothing[:, 0] >= 0, nothing)
            right.append(ask(net, *told.pairs(step), told.device).choice[:, :3].argmax(1).eq(0))
        if right:
            found[kind] = float(torch.cat(right).float().mean())
    return found


def parameters(net: Upper) -> Arrays:
    """Return a network's parameters by name."""
    return {name: values.detach().float().cpu().numpy() for name, values in net.state_dict().items()}


def read_file(path: Path) -> Arrays:
    """Return the arrays of a reader's file."""
    with np.load(path, allow_pickle=False) as data:
        return {name: data[name] for name in data.files}


def parallel(cache: Path) -> Iterator[dict[str, str]]:
    """Yield the records of parallel text."""
    for name in ("parallel_en_zh", "parallel_multi"):
        yield from read_clean(cache, name)


def what_is_known(cache: Path, groups: Sequence[Group]) -> Known:
    """Gather what questions are changed with."""
    told = backwards(shipped_lexicon(), ((r[f"lang{n}"], r[f"text{n}"]) for r in parallel(cache) for n in (1, 2)))
    fitted = [group for group in groups if group.kind in CHINESE and not held_out(group)]
    names, sounds = collect([(group.question, "\n".join(group.passages[0][:2])) for group in fitted])
    return Known(Words(told, senses(read_clean(cache, "dictionary_cedict_en_zh"))), names, sounds)


def start(cache: Path, earlier: Path | None) -> Arrays:
    """Return the arrays that training begins with: the network as it was, or half way to an earlier reader."""
    model = read_packed(packed_file())
    texts = texts_by_language(parallel(cache))
    for language, name, *fields in (
        ("zh", "docs_xwlb_news_zh", "text"),
        ("zh", "docs_crud_news_zh", "text"),
        ("zh", "docs_abstracts_zh", "text"),
        ("zh", "qa_cmrc2018_zh", "question", "passage"),
        ("zh", "dictionary_cedict_en_zh", "zh"),
        ("ja", "qa_jaquad_ja", "question", "passage"),
        ("en", "qa_medquad_en", "question"),
    ):
        texts[language] += [record[field][:500] for record in read_clean(cache, name) for field in fields]
    arrays = begun(model, keep_pieces(model, texts))
    if earlier is None:
        return arrays
    before = read_file(earlier)
    heads = {name: values for name, values in before.items() if name.split(".")[0] in {"role", "mix", "score", "ends"}}
    return {**halfway(before, arrays), **heads}


def main() -> None:
    """Make the groups, put them into numbers, train, and write ``qa/joint.npz``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds train/ and dev/")
    parser.add_argument("--cache", type=Path, default=Path(__file__).with_name(".cache"))
    parser.add_argument("--never", type=Path, nargs="*", default=[Path("seeds")], help="text that is never trained on")
    parser.add_argument(
        "--from", type=Path, dest="earlier", help="a joint.npz of six upper layers to begin half way to"
    )
    parser.add_argument("--minutes", type=float, default=7)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    torch.manual_seed(0)
    clean_sources(options.data, options.cache, [options.data / "dev", *options.never])
    write_all(options.cache)
    groups = read_groups(options.cache)
    arrays = start(options.cache, options.earlier)
    packer = Packer(Tokenizer.from_buffer(arrays["tokenizer"].tobytes()))
    known = what_is_known(options.cache, groups)
    data = put_into_numbers(groups, packer, known, random.Random(11))  # noqa: S311
    told, deck = Told(data, Lower(arrays), options.device), Deck(data, np.random.default_rng(0))
    nets = {"full": Upper(arrays, range(len(arrays["upper"]))), "short": Upper(arrays, SHORT)}
    train(nets, told, deck, 60 * options.minutes)
    for name, net in nets.items():
        print(name, right_of_three(net, told, deck))
    np.savez_compressed(OUT, **trained(arrays, parameters(nets["short"])))


if __name__ == "__main__":
    main()
