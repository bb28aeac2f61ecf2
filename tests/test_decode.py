"""The encoding of short texts is found; what is no text is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.decode import UndecodableError, decode, replace_surrogates

SIMPLIFIED = "上午8时30分,大会开幕式在门诊病房综合楼八楼多功能报告厅召开。开幕式由张立东主持。"
TRADITIONAL = "上午八時三十分，大會開幕式在門診大樓八樓多功能報告廳召開。開幕式由院長主持。"
JAPANESE = "会議は院長が司会し、来年度の計画について話し合いました。"
KOREAN = "회의는 원장이 주재했으며 내년도 계획에 대하여 논의하였습니다."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        *(
            (SIMPLIFIED, name)
            for name in ("utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16", "utf-16-le", "utf-16-be", "utf-32")
        ),
        *((TRADITIONAL, name) for name in ("big5", "cp950", "gb18030", "utf-16-le")),
        *((JAPANESE, name) for name in ("cp932", "euc_jp")),
        (KOREAN, "cp949"),
        ("Über die grüne Straße läuft ein kleiner Bär. " * 3, "cp1252"),
        ("北京协和医院", "gb18030"),
        ("大會由院長主持", "big5"),
    ],
)
def test_encodings(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


sentences = st.sampled_from(
    [
        "会议由院长主持。",
        "代表们进行了分组讨论,",
        "全院上下要抓好工作落实,",
        "他在总结讲话中指出,",
        "2024年是关键的一年,",
        "新的征程已经开始!",
    ]
)


@given(
    st.lists(sentences, min_size=2, max_size=30).map("".join),
    st.sampled_from(["gb18030", "utf-16-le", "utf-16-be", "utf-8"]),
)
def test_chinese_comes_back(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


@given(st.binary(max_size=400))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    try:
        text = decode(data)
    except UndecodableError:
        return
    text.encode()
    assert "\x00" not in text
    assert "\r" not in text


def test_one_broken_byte_costs_one_character() -> None:
    data = (SIMPLIFIED * 20).encode()
    assert decode(data[:3] + b"\xff" + data[3:]) == "上\ufffd" + (SIMPLIFIED * 20)[1:]


def test_line_ends_and_nuls() -> None:
    assert decode(f"a\r\nb\rc\u2028d\x00e{SIMPLIFIED}".encode()) == f"a\nb\nc\nde{SIMPLIFIED}"


@pytest.mark.parametrize(
    "data",
    [bytes(range(256)) * 8, b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x04\xb0", b"\x00" * 99, b"\x01\x02\x03" * 99],
)
def test_binary_data_is_refused(data: bytes) -> None:
    with pytest.raises(UndecodableError, match="binary"):
        decode(data)


def test_the_encoding_an_html_page_declares() -> None:
    page = '<html><meta charset="windows-1251"><p>Да</p></html>'
    assert decode(page.encode("cp1251"), markup=True) == page
    assert decode(b'<meta charset="no-such-thing">ok', markup=True) == '<meta charset="no-such-thing">ok'


def test_replace_surrogates() -> None:
    assert replace_surrogates("a\ud800b") == "a\ufffdb"
    assert replace_surrogates("會") == "會"
