"""Real Ray processes embed as one process does, also when one of them is killed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from qa.build import build_index
from qa.embed import Encoder
from qa.errors import ModelMismatch, RayUnreachable
from qa.ray_embed import Cluster, Embed
from qa.store import open_generation

TEXTS = [f"第{n}次大会由{n % 97}号同志主持,会议听取了工作报告。" for n in range(3000)]
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra scale: pip install '.[scale]'")


def workers() -> list[int]:
    """Return the actors that this process's cluster runs."""
    parents, found = {}, []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if (folder / "cmdline").read_bytes().startswith(b"ray::MapWorker"):
                found.append(int(folder.name))
        except OSError:
            continue  # it ended meanwhile

    def ours(pid: int) -> bool:
        while pid > 1 and pid != os.getpid():
            pid = parents.get(pid, 0)
        return pid == os.getpid()

    return [pid for pid in found if ours(pid)]


@needs_ray
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray")  # Ray 2.60 warns of its own settings
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # and leaves its processes' pipes to the garbage collector
def test_the_index_is_the_same_though_a_worker_is_killed(encoder: Encoder, tmp_path: Path) -> None:
    killed: list[int] = []

    def kill_one(_: int) -> None:
        if not killed:
            killed.append(workers()[0])
            os.kill(killed[0], signal.SIGKILL)

    steps: list[int] = []
    with Cluster(processes=2) as cluster:
        spread = cluster(encoder)
        vectors = spread.encode_documents(TEXTS, lambda n: (kill_one(n), steps.append(n))[1])
        assert len(killed) == 1
        assert not Path(f"/proc/{killed[0]}").exists()
        assert sum(steps) == len(TEXTS)
        assert np.array_equal(vectors, encoder.encode_documents(TEXTS))
        (tmp_path / "documents").mkdir()
        for n in range(40):
            (tmp_path / "documents" / f"{n}.txt").write_text("\n\n".join(TEXTS[n * 5 : n * 5 + 5]), "utf-8")
        built = build_index(tmp_path / "documents", tmp_path / "spread", model=encoder, spread=cluster)
    alone = build_index(tmp_path / "documents", tmp_path / "alone", model=encoder)
    assert (built.embedded, built.passages) == (alone.embedded, alone.passages)
    one, other = open_generation(tmp_path / "spread"), open_generation(tmp_path / "alone")
    assert one.manifest.fingerprint == other.manifest.fingerprint
    assert list(one.passages) == list(other.passages)
    rows = list(range(alone.passages))
    assert np.array_equal(one.vectors.rows(rows), other.vectors.rows(rows))
    one.passages.close()
    other.passages.close()


def test_a_folder_in_the_place_of_an_address_is_told() -> None:
    with pytest.raises(RayUnreachable, match=r"--ray seeds: is no address of a cluster; name the documents before"):
        Cluster("seeds")


def test_without_the_extra_it_says_what_to_install(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with Cluster() as cluster, pytest.raises(RayUnreachable, match=r"Run: pip install 'wenda\[scale\]'"):
        cluster(encoder).encode_documents(["大会"])


def test_other_weights_under_the_same_name_are_refused() -> None:
    with pytest.raises(ModelMismatch, match="other weights under this name"):
        Embed("builtin", "f" * 64)


def test_nothing_new_starts_no_cluster(documents: Callable[..., Path], tmp_path: Path, encoder: Encoder) -> None:
    folder = documents(**{"a.txt": "大会由甲同志主持。"})
    build_index(folder, tmp_path / "i", model=encoder)
    with Cluster() as cluster:
        assert not build_index(folder, tmp_path / "i", model=encoder, spread=cluster).changed
        assert "ray" not in sys.modules or not sys.modules["ray"].is_initialized()
