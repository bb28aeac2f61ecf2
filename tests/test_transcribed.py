import pytest

from qa.sounds import spoken
from qa.transcribed import in_cyrillic, in_hangul


@pytest.mark.parametrize(
    ("syllables", "russian", "korean"),
    [
        ("bei jing", "бэй цзин", "베이 징"),
        ("chong qing", "чун цин", "충 칭"),
        ("guang zhou", "гуан чжоу", "광 저우"),
        ("he fei", "хэ фэй", "허 페이"),
        ("hu nan", "ху нань", "후 난"),
        ("jiang su", "цзян су", "장 쑤"),
        ("nan chang", "нань чан", "난 창"),
        ("shang hai", "шан хай", "상 하이"),
        ("si chuan", "сы чуань", "쓰 촨"),
        ("wu han", "у хань", "우 한"),
        ("xi an", "си ань", "시 안"),
        ("yun nan", "юнь нань", "윈 난"),
        ("zhe jiang", "чжэ цзян", "저 장"),
        ("an hui", "ань хуэй", "안 후이"),
        ("lv yuan yue", "люй юань юэ", "뤼 위안 웨"),
        ("xiong qiu er", "сюн цю эр", "슝 추 얼"),
        ("wei wen ri zi", "вэй вэнь жи цзы", "웨이 원 르 쯔"),
    ],
)
def test_places_are_written_as_atlases_write_them(syllables: str, russian: str, korean: str) -> None:
    each = syllables.split()
    assert [in_cyrillic(one) for one in each] == russian.split()
    assert [in_hangul(one) for one in each] == korean.split()


def test_all_syllables_of_words_have_both_forms() -> None:
    murmurs = {"hm", "m", "n"}
    assert {one for one in spoken() if in_cyrillic(one) is None or in_hangul(one) is None} == murmurs


def test_two_syllables_are_seldom_written_alike_in_russian() -> None:
    written = [in_cyrillic(one) for one in spoken()]
    assert len(set(written)) > len(written) * 0.95
