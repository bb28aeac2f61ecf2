"""Train the reader that reads question and passage together: ``python -m training.joint --data DIR``.

Four networks learn at once, over the same frozen lower layers. Two read question and passage together: all six upper
layers, and three of them that also learn to say what the six say (Hinton et al. 2015). Two make vectors of either
alone: six layers, and three that learn to make the vectors of the six. The threes ship. A step shows questions, each
with its answering passage, the same without its answer, and near misses; the loss asks for the choice among them or
none, for each passage alone, for the answer's ends, and of the vectors for the answering passage among all of the step.
On a GPU eight minutes suffice; two cores do in an hour what it does in seconds.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from qa.packer import Packer
from qa.pieces import PieceCutter
from qa.translate import shipped_lexicon
from training.asking import collect
from training.clean import clean_sources, read_clean
from training.foreign import Words, backwards, senses
from training.group import KINDS, Group, read_groups
from training.groups import write_all
from training.joint_data import BRIEF, CHINESE, SWAPPED, Known, held_out, put_into_numbers
from training.joint_file import Arrays, begun, halfway, pieces_of, trained, write
from training.joint_net import ASKED, Apart, Lower, Upper, halved, roles
from training.multilingual import packed_file, read_packed

QA = Path(__file__).parents[1] / "qa"
SHORT = (0, 2, 5)  # the upper layers that ship
SHOWN = 4  # passages of a question in one step
SIZES = np.array([64, 88, 112, 152])  # tokens of a passage, filled up
BATCH = 128  # questions of middling passages in one step
RATES = {"full": 1.5e-4, "short": 3e-4, "six": 4e-5, "three": 1.5e-4}
UNMARKED = 0.3  # of pairs: what both sides hold is not marked
NONE, LESS, ANY = 0.1, 0.75, 0.3  # questions without their answer; with it taken out; with any passage beside it
WAYS = np.array([1.0, 0.35, 0.3, 0.35, 0.5])  # how often a question is asked in each way
WORTH = {
    "zh": 1.6, "news": 0.8, "ja": 0.8, "across": 0.55, "chat": 1.5,
    "meeting": 0.6, "report": 0.7, "absent": 0.7, "open": 0.9,
}  # fmt: skip
DISTIL, FAR = 0.5, 12.0
SHARP = 20.0  # what a cosine counts among the passages of a step
WARM, FADE = 150, 0.85
_PADDING = 1


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
    """Questions by number, ``SHOWN`` passages each, whether the first answers, the answer's ends or -1, how asked."""

    length: int
    questions: np.ndarray
    passages: np.ndarray
    answered: np.ndarray
    ends: np.ndarray
    ways: np.ndarray


@dataclass(frozen=True, slots=True)
class Sides:
    """A step's questions and passages from the lower layers, which of their tokens are filled, and the pairs' roles."""

    asked: Tensor
    told: Tensor
    is_asked: Tensor
    is_told: Tensor
    roles: Tensor

    def pairs(self) -> Tensor:
        """Return each passage behind its question."""
        return torch.cat([self.asked.repeat_interleave(SHOWN, 0), self.told], 1)


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

    def sides(self, step: Step) -> Sides:
        """Return what the lower layers make of the questions and of the passages, and the roles of both."""
        rows = torch.from_numpy(step.passages.reshape(-1)).to(self.device)
        asked, is_asked = self.questions.take(torch.from_numpy(step.questions).to(self.device), ASKED)
        told, is_told = self.passages.take(rows, step.length)
        with torch.no_grad(), halved(self.device):
            states = self.lower(asked, is_asked), self.lower(told, is_told)
        own = _between(told, self.begin[rows], self.end[rows])
        asked, each = asked.repeat_interleave(SHOWN, 0), is_asked.repeat_interleave(SHOWN, 0)
        return Sides(*states, is_asked, is_told, roles(asked, each, told, is_told, own))


def _between(like: Tensor, begin: Tensor, end: Tensor) -> Tensor:
    at = torch.arange(like.shape[1], device=like.device)
    return (at >= begin[:, None]) & (at < end[:, None])


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
        return Step(int(SIZES[size]), self.asked[chosen, 0], passages, answered, ends, ways)

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


@dataclass(frozen=True)
class Nets:
    """What is trained: both readers, and both that make vectors."""

    full: Upper
    short: Upper
    six: Apart
    three: Apart


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
    return Said(choice, ends[::SHOWN].masked_fill(~own[..., None], -1e4))


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


def vector_losses(six: Apart, three: Apart, sides: Sides, step: Step) -> Tensor:
    """Return the losses of both in finding the answering passages, and how far the three are from the six, (3,)."""
    made = [(net(sides.asked, sides.is_asked), net(sides.told, sides.is_told)) for net in (six, three)]
    alike = [SHARP * asked @ told.T for asked, told in made]
    device = sides.asked.device
    rows, own = torch.from_numpy(step.passages).to(device), SHOWN * torch.arange(len(step.passages), device=device)
    again = rows.reshape(-1) == rows[:, :1]
    again[torch.arange(len(own)), own] = False
    near = torch.from_numpy(step.answered & (step.ways != BRIEF)).float().to(device)
    missed = [F.cross_entropy(one.masked_fill(again, -1e4), own, reduction="none") for one in alike]
    found = [(one * near).sum() / near.sum().clamp(min=1) for one in missed]
    apart = sum((1 - (wanted.detach() * got).sum(1)).mean() for wanted, got in zip(*made, strict=True))
    return torch.stack([*found, 4 * apart + _divergence(alike[1], alike[0].detach()).mean() / 2])


def train(nets: Nets, told: Told, deck: Deck, seconds: float, batch: int = BATCH) -> int:
    """Train in place, ``full`` and ``six`` on the data, the others on what those say too; return the steps."""
    sides = []
    for name, net in vars(nets).items():
        net.to(told.device).train()
        own = {part: [p for n, p in net.named_parameters() if n.startswith("layers") == part] for part in (True, False)}
        sides += [{"params": own[True], "rate": RATES[name]}, {"params": own[False], "rate": 2 * RATES[name]}]
    optimiser = torch.optim.AdamW(sides, weight_decay=0.01, betas=(0.9, 0.98), fused=told.device != "cpu")
    begun_at, step = time.monotonic(), 0
    while (done := (time.monotonic() - begun_at) / seconds) < 1:
        for side in optimiser.param_groups:
            side["lr"] = side["rate"] * (min(1, (step + 1) / WARM, (1 - done) / FADE) + 0.003)
        drawn = deck.draw(batch)
        sides = told.sides(drawn)
        bare = torch.rand(len(sides.roles), 1, device=told.device) < UNMARKED
        seen = torch.where(bare & (sides.roles >= 0), sides.roles % 3, sides.roles)
        full, short = (ask(net, sides.pairs(), seen, told.device) for net in (nets.full, nets.short))
        with halved(told.device):
            vectors = vector_losses(nets.six, nets.three, sides, drawn)
        parts = torch.stack([losses(full, drawn), losses(short, drawn), vectors])
        (parts.sum() + DISTIL * follow(short, full, drawn)).backward()
        for net in vars(nets).values():
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
            asked = deck.asked[deck.starts[groups]]
            nothing = np.full((len(groups), 2), -1)
            step = Step(int(SIZES[-1]), asked[:, 0], passages, nothing[:, 0] >= 0, nothing, asked[:, 2])
            sides = told.sides(step)
            right.append(ask(net, sides.pairs(), sides.roles, told.device).choice[:, :3].argmax(1).eq(0))
        if right:
            found[kind] = float(torch.cat(right).float().mean())
    return found


def parameters(net: nn.Module) -> Arrays:
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


def warmed(arrays: Arrays, earlier: Path) -> Arrays:
    """Return the arrays half way to an earlier reader, with its heads."""
    before = read_file(earlier)
    heads = {name: values for name, values in before.items() if name.split(".")[0] in {"role", "mix", "score", "ends"}}
    return {**halfway(before, arrays), **heads}


def main() -> None:
    """Make the groups, put them into numbers, train, and write ``qa/joint.npz`` and what belongs to it."""
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
    groups = [group for kind in KINDS for group in read_groups(options.cache / "groups", kind)]
    model = read_packed(packed_file())
    arrays = begun(model)
    reading = warmed(arrays, options.earlier) if options.earlier else arrays
    packer = Packer(PieceCutter(pieces_of(model)))
    known = what_is_known(options.cache, groups)
    data = put_into_numbers(groups, packer, known, random.Random(11))  # noqa: S311
    told, deck = Told(data, Lower(arrays), options.device), Deck(data, np.random.default_rng(0))
    every = range(len(arrays["upper"]))
    nets = Nets(Upper(reading, every), Upper(reading, SHORT), Apart(arrays, every), Apart(arrays, SHORT))
    train(nets, told, deck, 60 * options.minutes)
    for name, net in (("full", nets.full), ("short", nets.short)):
        print(name, right_of_three(net, told, deck))
    write(QA, model, arrays, trained(arrays, parameters(nets.short), parameters(nets.three)))


if __name__ == "__main__":
    main()
