"""The joint reader's training, on a small network of random weights."""

import random
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("rjieba")
pytest.importorskip("scipy")

from qa.joint import JointReader, Packer, Shown, unpacked  # noqa: E402
from training.asking import collect  # noqa: E402
from training.groups import Group, _place, made_of_news  # noqa: E402
from training.joint import (  # noqa: E402
    JointNet,
    Known,
    asked_otherwise,
    collate,
    export,
    held_out,
    losses,
    pack,
    packed,
    pruned,
    show,
    stored,
    turned,
)
from training.multilingual import Packed, piece_tokenizer  # noqa: E402

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


def test_the_network_that_ships_says_what_the_trained_one_says(model: Packed, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = JointNet(model)
    torch.nn.init.normal_(net.role.weight, std=0.5)
    kept = [n for n, piece in enumerate(PIECES) if piece != "rare"]
    export(net, kept, pruned(model, kept), tmp_path / "joint.npz")
    reader = JointReader.load(tmp_path / "joint.npz")
    passages = [shown(ANSWERS), shown(BESIDE)]
    with torch.no_grad():
        item = pack(Packer(piece_tokenizer(model)), "谁主持了大会？", passages, (-1, -1))
        scores, ends = net(collate([item]))
    readings = reader.read("谁主持了大会？", passages)
    assert [reading.score for reading in readings] == pytest.approx(scores.tolist(), abs=0.006)
    assert abs(scores[0] - scores[1]) > 0.015
    for reading, row, wanted in zip(readings, item.rows, ends, strict=True):
        own = wanted[row.start :][: len(row.offsets)]
        assert reading.offsets == row.offsets
        assert np.abs(reading.ends - own.numpy()).max() < 0.05


def test_a_step_lowers_the_loss_and_leaves_the_lower_half_alone(model: Packed) -> None:
    torch.manual_seed(0)
    net = JointNet(model)
    before = net.lower[0].fi.weight.clone()
    start = ANSWERS.index("柴建军")
    packer = Packer(piece_tokenizer(model))
    batch = collate([pack(packer, "谁主持了大会？", [shown(ANSWERS), shown(BESIDE)], (start, start + 3))])
    optimiser = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=1e-3)
    totals = []
    for _ in range(30):
        total = losses(net, batch).sum()
        total.backward()
        optimiser.step()
        optimiser.zero_grad()
        totals.append(total.item())
    assert totals[-1] < 0.6 * totals[0]
    assert torch.equal(net.lower[0].fi.weight, before)


def test_the_answers_first_and_last_tokens_are_found(model: Packed) -> None:
    packer = Packer(piece_tokenizer(model))
    start = ANSWERS.index("柴建军")
    item = pack(packer, "谁", [shown(ANSWERS)], (start, start + 3))
    row = item.rows[0]
    span = row.offsets[item.first - row.start][0], row.offsets[item.last - row.start][1]
    assert ANSWERS[slice(*span)] == "柴建军"
    assert pack(packer, "谁", [shown(ANSWERS)], (-1, -1)).first == -1


def test_the_answering_passage_is_shown_first_beside_a_near_miss() -> None:
    group = Group("谁", [("", ANSWERS, 0, 9), ("", BESIDE, 0, 9), ("", "别的", 0, 2)], 3, 6, "zh")
    for seed in range(20):
        first, second = show(group, random.Random(seed))
        assert first.text == ANSWERS
        assert second.text in {BESIDE, "别的"}
        assert 0 <= first.sentence[0] <= 3 < 6 <= first.sentence[1] <= len(ANSWERS)


def test_the_same_passage_is_always_held_out_or_never() -> None:
    groups = [Group(question, [("", f"段落{n}", 0, 1)], -1, -1, "zh") for question in "问答" for n in range(200)]
    assert [held_out(group) for group in groups[:200]] == [held_out(group) for group in groups[200:]]
    assert 0 < sum(map(held_out, groups[:200])) < 40


def test_a_question_is_turned_word_by_word() -> None:
    assert {
        turned("谁主持大会", {"主持": "chair", "大会": "congress"}, random.Random(n)).split()[0] for n in range(30)
    } >= {
        "who",
        "qui",
    }


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


def test_a_question_about_somebody_else_is_learnt_to_be_answered_by_none(model: Packed) -> None:
    torch.manual_seed(0)
    net = JointNet(model)
    packer = Packer(piece_tokenizer(model))
    batch = collate([pack(packer, "谁主持了大会？", [shown(ANSWERS), shown(BESIDE)], (-1, -1), answered=False)])
    assert batch.answered.tolist() == [False]
    optimiser = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=1e-3)
    for _ in range(30):
        losses(net, batch).sum().backward()
        optimiser.step()
        optimiser.zero_grad()
    assert (net(batch)[0] < -0.5).all()


def test_questions_are_asked_otherwise() -> None:
    told = "南昌市第一医院的大会由张萍主持。"
    group = Group("南昌市第一医院的大会由谁主持?", [("", told, 0, len(told))], 0, 2, "zh")
    known = Known({"大会": "congress"}, *collect([("北京同仁医院在哪里?", "北京同仁医院"), (group.question, told)]))
    asked = [asked_otherwise(group, known, random.Random(seed)) for seed in range(200)]
    assert {answered for _, answered in asked} == {True, False}
    assert all(("北京同仁医院" in question) is not answered for question, answered in asked)
    questions = {question for question, _ in asked}
    assert group.question in questions
    assert any("congress" in question for question in questions)
    assert any("南昌市第一医院" not in question and answered for question, answered in asked)
