"""The joint reader's training, on a small network of random weights."""

import random
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("rjieba")
pytest.importorskip("scipy")

from qa.bert import unpacked  # noqa: E402
from qa.joint import JointReader, roles  # noqa: E402
from qa.packer import Packer, Shown  # noqa: E402
from qa.pieces import PieceCutter  # noqa: E402
from training import joint_file  # noqa: E402
from training.asking import collect  # noqa: E402
from training.foreign import Words  # noqa: E402
from training.group import Group, read_groups, write  # noqa: E402
from training.groups import _place, less_rivals, made_of_news  # noqa: E402
from training.joint import (  # noqa: E402
    SHOWN,
    Deck,
    Nets,
    Step,
    Told,
    ask,
    losses,
    parameters,
    right_of_three,
    train,
    vector_losses,
)
from training.joint_data import (  # noqa: E402
    BRIEF,
    FOREIGN,
    PLAIN,
    SWAPPED,
    Known,
    answer_tokens,
    held_out,
    put_into_numbers,
    ways_to_ask,
    without_answer,
)
from training.joint_file import begun, halfway, packed, pieces_of, stored, trained, whole  # noqa: E402
from training.joint_net import ASKED, Apart, Lower, Upper  # noqa: E402
from training.multilingual import Packed  # noqa: E402

WIDTH, LAYERS = 96, 12
PIECES = [
    "<s>",
    "<pad>",
    "</s>",
    "<unk>",
    "▁",
    "query",
    "passage",
    ":",
    *"谁主持了大会？由柴建军。参加的有代表",
    "标题",
    "rare",
]
ANSWERS, BESIDE = "大会由柴建军主持。", "参加大会的有代表。"


@pytest.fixture(scope="module")
def model() -> Packed:
    rng = np.random.default_rng(0)
    tensors = {"emb.word": (len(PIECES), WIDTH), "emb.pos": (512, WIDTH), "emb.type": (2, WIDTH)}
    for n in range(LAYERS):
        tensors |= {f"l{n}.{part}.w": (WIDTH, WIDTH) for part in ("q", "k", "v", "ao")}
        tensors |= {f"l{n}.fi.w": (4 * WIDTH, WIDTH), f"l{n}.fo.w": (WIDTH, 4 * WIDTH), f"l{n}.fi.b": (4 * WIDTH,)}
        tensors |= {f"l{n}.{part}.b": (WIDTH,) for part in ("q", "k", "v", "ao", "fo", "aln", "oln")}
    filled = {name: rng.normal(0, 0.2, shape).astype(np.float32) for name, shape in tensors.items()}
    filled |= {f"l{n}.{part}.w": np.ones(WIDTH, np.float32) for n in range(LAYERS) for part in ("aln", "oln")}
    filled |= {"emb.ln.w": np.ones(WIDTH, np.float32), "emb.ln.b": np.zeros(WIDTH, np.float32)}
    # As the packed model's own weights are: whole steps of a scale.
    filled = {
        name: unpacked(packed(values.reshape(-1, WIDTH))).reshape(values.shape)
        if values.size % WIDTH == 0 and values.ndim > 1
        else values
        for name, values in filled.items()
    }
    scores = [-2.0 - n / 100 for n in range(len(PIECES))]
    return Packed(
        WIDTH, LAYERS, 12, list(zip(PIECES, scores, strict=True)), 3, {k: v.ravel() for k, v in filled.items()}
    )


def shown(text: str) -> Shown:
    return Shown("标题", text, (0, len(text)))


def test_what_was_stored_in_four_bits_is_stored_as_it_was() -> None:
    numbers = unpacked(packed(np.random.default_rng(1).normal(size=(5, 64)).astype(np.float32)))
    assert np.array_equal(unpacked(packed(numbers)), numbers)
    assert np.array_equal(unpacked(packed(np.zeros((1, 32), np.float32))), np.zeros((1, 32)))


def test_eight_bits_keep_what_training_changed() -> None:
    numbers = np.random.default_rng(1).normal(size=(5, 64)).astype(np.float32)
    arrays = stored(numbers, "x")
    again = (arrays["x.w"].reshape(5, 2, 32) * arrays["x.s"][..., None].astype(np.float32)).reshape(5, 64)
    assert np.abs(again - numbers).max() < 0.02


QUESTION = "谁主持了大会？"
KNOWN = Known(Words({"en": {}}, {}), {}, {})


def group(question: str = QUESTION, answers: str = ANSWERS, answer: str = "柴建军", kind: str = "zh") -> Group:
    start = answers.find(answer)
    passages = [("标题", text, 0, len(text)) for text in (answers, BESIDE, "有代表。")]
    return Group(question, passages, start, start + len(answer) if start >= 0 else -1, kind)


@pytest.fixture(scope="module")
def arrays(model: Packed) -> dict[str, np.ndarray]:
    found = begun(model)
    return {**found, "role": np.random.default_rng(2).normal(0, 0.5, found["role"].shape).astype(np.float32)}


@pytest.fixture(scope="module")
def packer(model: Packed) -> Packer:
    return Packer(PieceCutter(pieces_of(model)))


@pytest.fixture
def told(arrays: dict[str, np.ndarray], packer: Packer) -> tuple[Told, Deck]:
    groups = [
        group(),
        group(answers="大会由代表主持。", answer="代表"),
        group("有代表？", "有代表参加。", "代表", "ja"),
    ]
    data = put_into_numbers(groups, packer, KNOWN, random.Random(0)) | {"held": np.array([False, False, True])}
    return Told(data, Lower(arrays), "cpu"), Deck(data, np.random.default_rng(0))


def exactly(weights: np.ndarray, bias: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Stand in for ``qa.linear.Linear`` without rounding."""
    return lambda rows: rows @ weights + bias


def one_step(deck: Deck, *, answered: bool = True) -> Step:
    passages = [deck.data["right"][0], *deck.data["misses"][0, :2], deck.data["right"][2]]
    ends = deck.data["ends"][:1] if answered else np.full((1, 2), -1)
    return Step(64, deck.asked[:1, 0], np.array([passages]), np.array([answered]), ends, np.array([PLAIN]))


def test_the_network_that_ships_says_what_the_trained_one_says(
    model: Packed,
    arrays: dict[str, np.ndarray],
    told: tuple[Told, Deck],
    packer: Packer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("qa.stack._torch", cache(lambda: None))
    monkeypatch.setattr("qa.bert.Linear", exactly)  # what rounding changes: tests/test_joint.py
    torch.manual_seed(0)
    net, apart = Upper(arrays, (0, 2, 5)).eval(), Apart(arrays, (0, 2, 5)).eval()
    joint_file.write(tmp_path, model, arrays, trained(arrays, parameters(net), parameters(apart)))
    sides = told[0].sides(one_step(told[1]))
    with torch.no_grad():
        scores, ends = net(sides.pairs(), sides.roles)
        cosines = apart(sides.asked, sides.is_asked) @ apart(sides.told, sides.is_told).T
    passages = [shown(text) for text in (ANSWERS, BESIDE, "有代表。")]
    reader = JointReader.load(tmp_path)
    assert reader.alike(QUESTION, passages) == pytest.approx(cosines[0, :3].tolist(), abs=0.002)
    assert abs(cosines[0, 0] - cosines[0, 1]) > 0.004
    readings = reader.read(QUESTION, passages)
    assert [reading.score for reading in readings] == pytest.approx(scores[:3].tolist(), abs=0.02)
    assert abs(scores[0] - scores[1]) > 0.05
    for reading, row, wanted in zip(readings, map(packer.passage, passages), ends, strict=False):
        assert reading.offsets == row.offsets
        assert np.abs(reading.ends - wanted[row.start :][: len(row.offsets)].numpy()).max() < 0.05


def test_roles_are_those_of_the_reader(packer: Packer, told: tuple[Told, Deck]) -> None:
    step = one_step(told[1])
    seen = told[0].sides(step).roles
    asked = packer.question(QUESTION)
    for found, row in zip(seen.tolist(), map(packer.passage, (shown(ANSWERS), shown(BESIDE))), strict=False):
        wanted = roles(asked, row)
        assert found[: len(asked)] == wanted[: len(asked)]
        assert found[ASKED : ASKED + len(row.ids)] == wanted[len(asked) :]
        assert set(found[len(asked) : ASKED] + found[ASKED + len(row.ids) :]) == {-1}


def test_steps_lower_the_loss_of_each_passage_and_leave_the_lower_half_alone(
    arrays: dict[str, np.ndarray], told: tuple[Told, Deck], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.joint.WARM", 5)
    monkeypatch.setattr("training.joint.RATES", {"full": 1e-3, "short": 1e-3, "six": 1e-3, "three": 1e-3})
    torch.manual_seed(0)
    before = told[0].lower.layers[0].fi.weight.clone()
    six, three = Apart(arrays, range(6)), Apart(arrays, (0, 2, 5))
    nets = Nets(Upper(arrays, range(6)), Upper(arrays, (0, 2, 5)), six, three)
    step = one_step(told[1])
    sides = told[0].sides(step)

    def apart() -> float:
        with torch.no_grad():
            return vector_losses(six.eval(), three.eval(), sides, step)[2].item()

    def loss(net: Upper) -> float:
        with torch.no_grad():
            return losses(ask(net.eval(), sides.pairs(), sides.roles, "cpu"), step)[1].item()

    start, far = [loss(net) for net in (nets.full, nets.short)], apart()
    assert train(nets, told[0], told[1], seconds=8, batch=2) > 5
    after = [loss(net) for net in (nets.full, nets.short)]
    assert after[0] < 0.75 * start[0]
    assert after[1] < 0.75 * start[1]
    assert torch.equal(told[0].lower.layers[0].fi.weight, before)
    assert apart() < far
    assert right_of_three(nets.full, *told).keys() == {"ja"}


def test_a_question_that_nothing_answers_is_learnt_to_be_answered_by_none(
    arrays: dict[str, np.ndarray], told: tuple[Told, Deck]
) -> None:
    torch.manual_seed(0)
    net = Upper(arrays, (0, 2, 5))
    step = one_step(told[1], answered=False)
    sides = told[0].sides(step)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3)
    for _ in range(30):
        losses(ask(net, sides.pairs(), sides.roles, "cpu"), step).sum().backward()
        optimiser.step()
        optimiser.zero_grad()
    assert (ask(net.eval(), sides.pairs(), sides.roles, "cpu").choice[0, :SHOWN] < -0.5).all()


def test_a_step_shows_the_answering_passage_first_unless_nothing_answers(told: tuple[Told, Deck]) -> None:
    deck = told[1]
    right = set(deck.data["right"][:2].tolist())
    for _ in range(30):
        step = deck.draw(8)
        assert set(step.passages[step.answered, 0].tolist()) <= right
        assert (step.passages[:, 1:] != step.passages[:, :1]).any()
        assert (step.ends[~step.answered] == -1).all()
        assert not set(step.questions.tolist()) & {deck.asked[deck.starts[2], 0]}


def test_the_answers_first_and_last_tokens_are_found(packer: Packer) -> None:
    start = ANSWERS.index("柴建军")
    row = packer.passage(shown(ANSWERS))
    first, last = answer_tokens(row, start, start + 3)
    assert ANSWERS[row.offsets[first - row.start][0] : row.offsets[last - row.start][1]] == "柴建军"
    assert answer_tokens(row, -1, -1) == (-1, -1)
    assert answer_tokens(row, start, 100) == (-1, -1)


def test_a_passage_is_told_without_what_answers() -> None:
    text = "大会由柴建军主持。参加大会的有来自各个科室的代表和离退休人员。柴建军讲话。"
    left = without_answer(group(answers=text))
    assert left is not None
    assert left.text == "参加大会的有来自各个科室的代表和离退休人员。"
    assert without_answer(group()) is None
    assert without_answer(group(answer="没有的话")) is None


def test_the_same_passage_is_always_held_out_or_never() -> None:
    groups = [Group(question, [("", f"段落{n}", 0, 1)], -1, -1, "zh") for question in "问答" for n in range(200)]
    assert [held_out(group) for group in groups[:200]] == [held_out(group) for group in groups[200:]]
    assert 0 < sum(map(held_out, groups[:200])) < 40


def test_halfway_is_the_mean_of_both_and_keeps_the_lower_half(arrays: dict[str, np.ndarray]) -> None:
    other = {name: values.copy() for name, values in arrays.items()}
    other["upper0.fi.b"] = other["upper0.fi.b"] + 2
    found = halfway(other, arrays)
    assert np.allclose(found["upper0.fi.b"], arrays["upper0.fi.b"] + 1)
    assert np.allclose(whole(found, "upper0.qkv"), whole(arrays, "upper0.qkv"))
    assert found["lower0.fi.w"] is arrays["lower0.fi.w"]


def test_questions_are_asked_otherwise() -> None:
    told = "南昌市第一医院的大会由张萍主持。"
    asked_of = Group("南昌市第一医院的大会由谁主持?", [("", told, 0, len(told)), ("", "别的", 0, 2)], 0, 2, "zh")
    names, sounds = collect([("北京同仁医院在哪里?", "北京同仁医院"), (asked_of.question, told)])
    known = Known(Words({"en": {"大会": (["congress"], [1.0])}}, {"主持": "to chair"}), names, sounds)
    asked = [one for seed in range(60) for one in ways_to_ask(asked_of, known, random.Random(seed))]
    assert {way for _, way in asked} == set(range(5))
    assert {question for question, way in asked if way == PLAIN} == {asked_of.question}
    swapped = {question for question, way in asked if way == SWAPPED}
    assert all("北京同仁医院" in one for one in swapped if "主持" in one)
    assert any("主持" in one for one in swapped)
    assert any("主持" not in one and "南昌" in one for one in swapped)
    assert any("who" in question and "congress" in question for question, way in asked if way == FOREIGN)
    assert all(len(question) < len(asked_of.question) for question, way in asked if way == BRIEF)


def test_groups_are_read_as_they_were_written(tmp_path: Path) -> None:
    assert write([group(), group(kind="zh")], tmp_path / "zh.jsonl") == 2
    assert read_groups(tmp_path, "zh") == [group(), group()]


def test_a_question_that_a_page_leaves_open_is_also_asked_with_talk_around_it() -> None:
    asked = [way for seed in range(20) for way in ways_to_ask(group(kind="absent"), KNOWN, random.Random(seed))]
    assert {way for _, way in asked} == {SWAPPED}
    assert any(len(question) > len(QUESTION) + 4 and "大会" in question for question, _ in asked)


def test_small_talk_is_answered_by_nothing() -> None:
    (only,) = ways_to_ask(group("你好", kind="chat"), KNOWN, random.Random(0))
    assert only == ("你好", SWAPPED)


def test_misses_that_answer_as_well_are_left_out() -> None:
    rival = "开幕式由李明主持。李明主持会议。"
    told = Group("谁主持?", [("", "张萍主持会议。", 0, 7), ("", rival, 0, 9), ("", BESIDE, 0, 9)], 0, 2, "meeting")
    (kept,) = less_rivals([told])
    assert [passage[1] for passage in kept.passages] == ["张萍主持会议。", BESIDE]
    assert not list(less_rivals([Group("谁主持?", told.passages[:2], 0, 2, "meeting")]))


def test_an_answer_is_placed_where_it_stands_nearest() -> None:
    assert _place("柴建军", "柴建军。会议由柴建军主持", (4, 12)) == (7, 10)
    assert _place("张三", "柴建军", (0, 3)) is None


def test_questions_made_of_news_have_their_answer_in_the_passage() -> None:
    text = "".join(
        f"3月{n}日,院长张抒扬在北京主持第{n}次会议。会议听取了工作报告,共有50{n}名代表参加。" for n in range(10, 30)
    )
    made = list(made_of_news([{"title": "大会召开", "text": text}] * 20, random.Random(0)))
    assert made
    assert all(record["answer"] in record["passage"] for record in made)
