import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qa import layout
from qa.errors import IndexDamaged, IndexForeign, IndexMissing
from qa.layout import Files, Layout, check_files, read_manifest, read_pointer
from qa.store import open_generation


def test_a_folder_without_an_index_says_how_to_build_one(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match=r"no index was built here. Run: qa index --index") as caught:
        open_generation(tmp_path)
    assert caught.value.folder == tmp_path


@pytest.mark.parametrize("text", ["", "x", "../../etc 0", "000001-aaaaaaaa", "\udce4"])
def test_a_damaged_pointer_is_told(small_index: Path, text: str) -> None:
    Layout(small_index).current.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(IndexDamaged, match="current") as caught:
        open_generation(small_index)
    assert caught.value.folder == small_index


def test_another_format_is_foreign(small_index: Path) -> None:
    pointer = read_pointer(small_index)
    path = Files(Layout(small_index).generations / pointer.generation).manifest
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 1}))
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    Layout(small_index).current.write_text(f"{pointer.generation} {checksum}\n")
    with pytest.raises(IndexForeign, match="has format 1, this version reads 2"):
        open_generation(small_index)


def test_checking_heads_does_not_read_the_rest(small_index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = read_manifest(small_index, read_pointer(small_index))
    path = Files(Layout(small_index).generations / manifest.generation).vectors
    good = path.read_bytes()
    path.write_bytes(bytes([good[0] ^ 1]) + good[1:])
    with pytest.raises(IndexDamaged, match=r"vectors\.faiss was altered"):
        check_files(small_index, manifest, contents=False)
    monkeypatch.setattr(layout, "HEAD", 8)
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    heads = {name: layout.sha256(path.parent / name, 8) for name in manifest.heads}
    check_files(small_index, replace(manifest, heads=heads), contents=False)
    with pytest.raises(IndexDamaged, match=r"vectors\.faiss was altered"):
        check_files(small_index, manifest, contents=True)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda data: data.pop("folder"), "has other fields than were written"),
        (lambda data: data.update(new=1), "has other fields than were written"),
        (lambda data: data.pop("format"), "is no manifest"),
        (lambda data: data.update(passages="many"), "holds values that were not written"),
        (lambda data: data["sizes"].update(x={}), "holds values that were not written"),
        (lambda data: data.update(generation="000009-aaaaaaaa"), "holds values that were not written"),
        (lambda data: data["sizes"].update(x=1), "holds values that were not written"),
        (
            lambda data: [
                data[kind].update({"\ud800": data[kind]["vectors.faiss"]}) for kind in ("sizes", "heads", "checksums")
            ],
            "surrogates not allowed",
        ),
    ],
)
def test_a_manifest_that_was_not_written_here_is_told(
    small_index: Path, change: Callable[[dict[str, Any]], object], told: str
) -> None:
    pointer = read_pointer(small_index)
    path = Files(Layout(small_index).generations / pointer.generation).manifest
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    Layout(small_index).current.write_text(f"{pointer.generation} {checksum}\n")
    with pytest.raises(IndexDamaged, match=told):
        open_generation(small_index)
