"""Real Ray processes embed as one process does, also when one of them is killed."""

from __future__ import annotations

import json
import os
import subprocess
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

ROOT = Path(__file__).parents[1]
TEXTS = [f"第{n}次大会由{n % 97}号同志主持,会议听取了工作报告。" for n in range(6000)]


@pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra scale: pip install '.[scale]'")
def test_the_index_is_the_same_though_a_worker_is_killed(encoder: Encoder, tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    for n in range(40):
        (folder / f"{n}.txt").write_text("\n\n".join(TEXTS[n * 5 : n * 5 + 5]), "utf-8")
    (tmp_path / "texts.json").write_text(json.dumps(TEXTS), "utf-8")
    paths = [str(tmp_path / name) for name in ("texts.json", "documents", "spread", "vectors.npy")]
    command = [sys.executable, str(ROOT / "tests" / "spread.py"), *paths]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=tmp_path, env=environment)
    said = json.loads(done.stdout)
    assert len(said["killed"]) == 1
    assert said["reported"] == len(TEXTS)
    assert np.array_equal(np.load(tmp_path / "vectors.npy"), encoder.encode_documents(TEXTS))
    alone = build_index(folder, tmp_path / "alone", model=encoder)
    assert said["embedded"] == alone.embedded == alone.passages
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
