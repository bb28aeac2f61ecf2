import subprocess
import sys
import threading
import time
from functools import cache
from itertools import count

import numpy as np
import pytest

from qa import stack
from qa.bert import PARTS
from qa.joint import JointReader
from qa.linear import Linear, times
from qa.packer import Shown
from qa.stack import Stack, hasten, one_thread

RNG = np.random.default_rng(0)
WIDTH, SHAPES = 384, {"qkv": (1152, 384), "ao": (384, 384), "fi": (1536, 384), "fo": (384, 1536)}
X = RNG.normal(size=(40, WIDTH)).astype(np.float32)


def made() -> dict[str, np.ndarray]:
    """Return arrays of two layers as the trainer writes them."""
    arrays = {"upper": np.arange(2)}
    for name in ("upper0", "upper1"):
        for inner in PARTS:
            out, into = SHAPES[inner]
            arrays[f"{name}.{inner}.w"] = RNG.integers(-127, 128, (out, into)).astype(np.int8)
            arrays[f"{name}.{inner}.s"] = RNG.uniform(0.0005, 0.001, (out, into // 32)).astype(np.float16)
            arrays[f"{name}.{inner}.b"] = RNG.normal(0, 0.1, out).astype(np.float16)
        for norm in ("aln", "oln"):
            arrays[f"{name}.{norm}"] = np.stack([RNG.uniform(0.5, 1, WIDTH), RNG.normal(0, 0.1, WIDTH)])
    return arrays


ARRAYS = made()


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Choose as in a new process, and after the test as before it."""
    monkeypatch.setattr(stack, "_done", count())
    monkeypatch.setattr(stack, "_torch", cache(stack._torch.__wrapped__))


def by_numpy(x: np.ndarray, *sizes: int) -> np.ndarray:
    arrays: np.ndarray = Stack(ARRAYS, "upper")(x, sizes)
    assert not stack._torch.cache_info().currsize
    return arrays


def by_torch(x: np.ndarray, *sizes: int) -> np.ndarray:
    from qa import scripted

    return Stack(ARRAYS, "upper")._by_torch(scripted.run(), x, list(sizes))


def test_torch_runs_layers_as_numpy_does(fresh: None) -> None:
    numpy, torch = by_numpy(X, 25, 15), by_torch(X, 25, 15)
    assert torch.dtype == numpy.dtype == np.float32
    # What is rounded to another of 255 steps, in what follows too.
    assert np.abs(torch - numpy).mean() < 0.005 < np.abs(numpy).mean() / 50


def test_a_step_of_torch_is_numpys_but_for_the_last_digits() -> None:
    from qa import scripted

    multiplied = Linear(RNG.normal(size=(384, 1536)).astype(np.float32), RNG.normal(size=1536).astype(np.float32))
    found = scripted.linear(scripted.torch.from_numpy(X), *scripted.tensors([multiplied], [])).numpy()
    assert np.abs(found - multiplied(X)).max() < 2e-6 * np.abs(found).max()


@pytest.mark.parametrize("n", [1, 7, 30])
@pytest.mark.parametrize("wide", [X.T[:, :24], X, np.full((2, 384), 127, np.float32)])
def test_numpy_and_torch_multiply_alike_to_the_last_bit(n: int, wide: np.ndarray) -> None:
    from qa import scripted

    rows = np.rint(wide[:n] * 40).clip(-127, 127)
    whole = RNG.integers(-127, 128, (rows.shape[1], 1536)).astype(np.int8)
    found = scripted.product(scripted.torch.from_numpy(rows), scripted.torch.from_numpy(whole)).numpy()
    assert found.dtype == np.float32
    assert np.array_equal(found, times(rows, whole))


def test_each_text_is_read_as_if_there_were_no_others(fresh: None) -> None:
    for run in (by_numpy, by_torch):
        together = run(X, 25, 15)
        assert np.array_equal(together, np.concatenate([run(X[:25], 25), run(X[25:], 15)]))
        assert not np.allclose(together, run(X, 40), atol=0.1)


def test_without_torchscript_the_steps_are_taken_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from qa import scripted

    wanted = by_torch(X, 25, 15)
    assert scripted.run() is not scripted._run
    monkeypatch.delattr(torch.jit, "script")
    assert scripted.run() is scripted._run
    assert np.array_equal(by_torch(X, 25, 15), wanted)


def test_torch_waits_for_other_threads_once_and_not_between_its_steps(fresh: None) -> None:
    from qa import scripted

    layers, stop, at_once = Stack(ARRAYS, "upper"), threading.Event(), scripted.run()

    def seconds(run: scripted.Run) -> float:
        start = time.perf_counter()
        for _ in range(2):
            layers._by_torch(run, X, [25, 15])
        return time.perf_counter() - start

    # It computes without a pause, and gives Python's lock away every 5 ms to whoever asks for it.
    other = threading.Thread(target=lambda: all(not stop.is_set() for _ in count()))
    seconds(at_once)
    other.start()
    try:
        # A hundred times as long, unless other processes keep the thread from computing.
        assert any(seconds(scripted._run) > 3 * seconds(at_once) for _ in range(10))
    finally:
        stop.set()
        other.join()


def test_one_thread_runs_and_as_many_as_before_serve_others(fresh: None) -> None:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            assert torch.get_num_threads() == 2  # NumPy runs
        hasten()
        if stack._torch() is None:
            pytest.skip("here NumPy is faster")
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count how often what is fastest is looked for, as in a new process."""
    from qa import scripted

    found: list[int] = []
    monkeypatch.setattr(stack, "_done", count())
    monkeypatch.setattr(stack, "_PATIENCE", 2)
    monkeypatch.setattr(stack, "_torch", cache(lambda: found.append(1) or scripted.run()))
    return found


def test_it_changes_to_torch_after_a_while(looked: list[int]) -> None:
    layers, found, seen = Stack(ARRAYS, "upper"), [], []
    for _ in range(4):
        found.append(layers(X, [25, 15]))
        seen.append(len(looked))
    assert seen == [0, 0, 1, 1]
    assert [np.array_equal(one, found[0]) for one in found] == [True, True, False, False]
    assert np.array_equal(found[2], by_torch(X, 25, 15))


def test_it_changes_at_once_where_it_is_hastened(looked: list[int]) -> None:
    hasten()
    assert looked == [1]
    assert np.array_equal(Stack(ARRAYS, "upper")(X, [40]), by_torch(X, 40))


def test_what_was_kept_before_it_changed_leaves_no_trace(fresh: None) -> None:
    """Two processes answer alike once torch computes, whatever either was asked before."""
    text = Shown("大会", "大会由柴建军主持。", (0, 9))

    def told(reader: JointReader) -> tuple[list[float], list[float]]:
        return [one.score for one in reader.read("谁主持了大会", [text])], reader.alike("谁主持了大会", [text])

    old, new = JointReader.load(), JointReader.load()
    by_numpy = told(old)
    hasten()
    if not stack.by_torch():
        pytest.skip("here NumPy is faster")
    assert told(old) == told(new) != by_numpy


def test_the_faster_is_taken(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from qa import scripted

    product = scripted.product
    monkeypatch.setattr(scripted, "product", lambda *both: max([product(*both) for _ in range(300)], key=id))
    assert stack._torch() is None


def test_what_is_not_exact_is_not_taken(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from qa import scripted

    monkeypatch.setattr(scripted, "product", lambda rows, whole: scripted.torch.full((len(rows), 1536), 2.0**15 * 192))
    assert stack._torch() is None


def test_a_single_question_waits_for_torch_only_where_it_reads_much() -> None:
    asked = (
        "import sys; from qa.joint import shipped_joint_reader as reader\n"
        "from qa.packer import Shown\n"
        "passages = [Shown('标题', '大会由柴建军主持。' * n, (0, 9)) for n in range(1, 11)]\n"
        "reader().alike('谁主持了大会', passages); reader().read('谁主持了大会', passages[:4])\n"
        "print('torch' in sys.modules)\n"
        "reader().alike('who', passages * 2); print('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert run.stdout == "False\nTrue\n"
