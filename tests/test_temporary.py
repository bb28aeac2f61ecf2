import tempfile
from pathlib import Path

import pytest

from qa.embed import Encoder
from qa.records import Document
from qa.temporary import temporary_index


def test_a_temporary_index_is_searched_and_gone(
    encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    texts = [Document("1", "", "大会由甲主持。"), Document("2", "", "天气晴朗。")]
    with temporary_index(texts, encoder) as opened:
        assert opened.search("谁主持了大会")[0].document.id == "1"
        assert opened.manifest.passages == 2
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())
