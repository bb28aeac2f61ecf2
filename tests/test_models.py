from __future__ import annotations

import importlib.util
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from small_models import small_static, small_transformer

from qa.build import build_index
from qa.embed import load_encoder
from qa.errors import ModelMissing
from qa.models import family_prompts, split_backend
from qa.search import Retriever

TEXTS = ["谁主持了大会", "会", "今日天气很好" * 100]
NO_OPENVINO = importlib.util.find_spec("optimum") is None


def downloaded(cache: Path, name: str, folder: Path) -> Path:
    """Put a model where the Hugging Face hub's client keeps what it downloaded."""
    kept = cache / f"models--{name.replace('/', '--')}"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs/main").write_text("0" * 40)
    shutil.copytree(folder, kept / "snapshots" / ("0" * 40))
    return kept / "snapshots" / ("0" * 40)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("builtin", ("torch", "builtin")),
        ("openvino:BAAI/bge-m3", ("openvino", "BAAI/bge-m3")),
        ("C:\\models\\bge-m3", ("torch", "C:\\models\\bge-m3")),
        ("openvino", ("torch", "openvino")),
    ],
)
def test_only_a_known_prefix_names_what_runs_a_model(name: str, split: tuple[str, str]) -> None:
    assert split_backend(name) == split


@pytest.mark.parametrize(
    ("name", "prompts"),
    [
        ("intfloat/multilingual-e5-small", ("query: ", "passage: ")),
        ("/models/e5-base-v2/", ("query: ", "passage: ")),
        ("BAAI/bge-large-zh", ("为这个句子生成表示以用于检索相关文章：", "")),
        ("BAAI/bge-base-en-v1.5", ("Represent this sentence for searching relevant passages: ", "")),
    ],
)
def test_families_are_known_by_the_last_part_of_the_name(name: str, prompts: tuple[str, str]) -> None:
    assert family_prompts(name) == {"query": prompts[0], "document": prompts[1]}


@pytest.mark.parametrize("name", ["BAAI/bge-m3", "intfloat/multilingual-e5-large-instruct", "bge-small-zh-mine", ""])
def test_other_models_get_no_prompts(name: str) -> None:
    assert family_prompts(name) == {}


def test_a_downloaded_model_is_found_by_name_with_its_familys_prompts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = small_transformer(tmp_path / "model", prompts={})
    kept = downloaded(tmp_path / "cache", "intfloat/multilingual-e5-small", folder)
    monkeypatch.setenv("SENTENCE_TRANSFORMERS_HOME", str(tmp_path / "cache"))
    model = load_encoder("intfloat/multilingual-e5-small")
    expected = SentenceTransformer(str(folder), device="cpu").encode(["query: 大会"], normalize_embeddings=True)
    assert model.encode_queries(["大会"]) == pytest.approx(expected, abs=1e-5)
    (kept / "model.safetensors").unlink()
    with pytest.raises(
        ModelMissing, match=r"^ModelMissing: intfloat/multilingual-e5-small: files are missing: .*model"
    ):
        load_encoder("intfloat/multilingual-e5-small")


def test_a_downloaded_static_model_needs_no_organisation_in_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloaded(tmp_path / "cache", "sentence-transformers/three", small_static(tmp_path / "static"))
    monkeypatch.setenv("SENTENCE_TRANSFORMERS_HOME", str(tmp_path / "cache"))
    assert load_encoder("three").encode_documents(["大会"])[0] == pytest.approx([0.6, 0.8, 0])


@pytest.mark.skipif(not NO_OPENVINO, reason="the extra is installed")
def test_without_the_extra_openvino_is_an_error_that_names_it(tmp_path: Path) -> None:
    folder = small_transformer(tmp_path / "model")
    (folder / "openvino").mkdir()
    for name in ("openvino_model.xml", "openvino_model.bin"):
        (folder / "openvino" / name).touch()
    with pytest.raises(ModelMissing, match=r"openvino:\S*model: OpenVINO cannot be .*pip install '\.\[openvino\]'"):
        load_encoder(f"openvino:{folder}")


def test_a_static_model_is_not_run_with_openvino(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"holds no Transformer to run with OpenVINO\. Leave out: openvino:"):
        load_encoder(f"openvino:{small_static(tmp_path / 'static')}")


def test_a_model_that_was_not_exported_says_how(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"holds no openvino/openvino_model\.xml\. Export it, .*save_pretrained"):
        load_encoder(f"openvino:{small_transformer(tmp_path / 'model')}")


def test_an_exported_model_gives_the_same_vectors_and_its_index_opens_again(
    documents: Callable[..., Path], tmp_path: Path
) -> None:
    pytest.importorskip("optimum.intel")
    folder = small_transformer(tmp_path / "model")
    torch = load_encoder(str(folder))
    name = f"openvino:{folder}"
    with pytest.raises(ModelMissing) as told:
        load_encoder(name)
    advice = shlex.split(told.value.message.partition(" python ")[2])
    subprocess.run([sys.executable, *advice], check=True, capture_output=True)
    exported = load_encoder(name)
    assert (exported.name, exported.dimension) == (name, 32)
    assert np.abs(exported.encode_queries(TEXTS) - torch.encode_queries(TEXTS)).max() < 1e-3
    assert np.abs(exported.encode_documents(TEXTS) - torch.encode_documents(TEXTS)).max() < 1e-3
    assert exported.fingerprint != torch.fingerprint
    build_index(
        documents(**{"a.txt": "大会由甲同志主持。", "b.txt": "今日天气很好。"}), tmp_path / "index", model=exported
    )
    opened = Retriever.open(tmp_path / "index")
    assert (opened.manifest.model, opened.manifest.fingerprint) == (name, exported.fingerprint)
    assert opened.search("谁主持了大会")[0].document.id == "a.txt"
    opened.passages.close()
    weights = folder / "openvino/openvino_model.bin"
    content = bytearray(weights.read_bytes())
    content[1000] ^= 1
    weights.write_bytes(content)
    assert load_encoder(name).fingerprint != exported.fingerprint
