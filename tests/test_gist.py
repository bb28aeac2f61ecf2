import pytest

from qa.gist import gist


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("谁主持了大会", "谁主持了大会"),
        ("你好,请问谁主持了大会?谢谢", "谁主持了大会?"),
        ("哈喽,能不能帮我找一下哪家开了会,谢谢啦", "哪家开了会"),
        ("我一时想不起来了,你能帮我查查到底是哪个会堂吗?", "到底是哪个会堂吗?"),
        ("Hi, could you tell me who chaired the meeting? Thanks!", "who chaired the meeting?"),
        ("谁帮助了这起袭击", "谁帮助了这起袭击"),
        ("普京向谁表示感谢", "普京向谁表示感谢"),
        ("邀请函发给了谁", "邀请函发给了谁"),
        ("谢谢你,辛苦了!", ""),
        ("你好呀", ""),
        ("안녕하세요", ""),
        ("???", ""),
        ("的的的的的的", ""),
        ("Aaaa!", ""),
        ("哈哈", "哈哈"),
        ("AAA级景区是哪家", "AAA级景区是哪家"),
        ("", ""),
    ],
)
def test_what_is_asked_is_left(question: str, asked: str) -> None:
    assert gist(question) == asked


def test_a_long_question_is_read_in_time() -> None:
    assert len(gist("请" * 5000)) <= 5000
    assert gist("," * 5000) == ""
    assert gist("a" * 4998 + "b") == "a" * 4998 + "b"
