import pytest

from qa.respell import respelt
from qa.search import Retriever
from qa.translate import Lexicon, shipped_lexicon


class Few:
    """A collection of a few passages."""

    def __init__(self, *passages: str) -> None:
        self.passages = passages

    def __len__(self) -> int:
        return len(self.passages)

    def frequencies(self, distinct: list[str]) -> list[int]:
        return [sum(term in passage for passage in self.passages) for term in distinct]


LEXICON = Lexicon.of(
    {"nanchang": {"南昌": 1.0}, "change": {"改变": 1.0}, "主持": {"host": 1.0}, "同时": {"while": 1.0}}
)
PAGES = Few("南昌市第一医院召开大会", "北仑区人民医院院长吴沛新", "中西医结合医院的会议", "参加者是柴建军")


def spelt(question: str, collection: Few = PAGES) -> str:
    return respelt(question, collection, LEXICON)


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("When was the congress in Nanchang?", "When was the congress in 南昌?"),
        ("beilun yuanzhang", "北仑 院长"),
        ("What does Wu Peixin demand?", "What does 吴沛新 demand?"),
        ("Did Wu Peixin's son come?", "Did 吴沛新's son come?"),
        ("Wu, Peixin", "Wu, 沛新"),
        ("Кто главный врач в Бэйлуне?", "Кто главный врач в 北仑?"),
        ("Где Чай Цзяньцзюнь?", "Где 柴建军?"),
        ("ВОЗ в Наньчана", "ВОЗ в 南昌"),
        ("베이룬구 원장은 누구입니까?", "北仑区 院长은 누구입니까?"),
        ("중서의결합병원의 회의", "中西医结合병원의 会议"),
        ("난창시 대회는 언제?", "南昌市 大会는 언제?"),
        ("누가 참가했나요?", "누가 参加했나요?"),
        ("谁是吴沛新", "谁是吴沛新"),
        ("secrétaire", "secrétaire"),
        ("Shanghai", "Shanghai"),
        ("change", "change"),
        ("", ""),
    ],
)
def test_what_the_collection_writes_in_characters_is_written_so(question: str, found: str) -> None:
    assert spelt(question) == found


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("谁住持了会议", "谁主持了会议"),
        ("北伦区人民医院", "北仑区人民医院"),
        ("吴沛欣的职务", "吴沛新的职务"),
        ("中西意结合医院", "中西医结合医院"),
        ("南場市第一醫院", "南昌市第一醫院"),
        ("吴晨是谁", "吴晨是谁"),
        ("柴军军", "柴军军"),
        ("医院的会议", "医院的会议"),
        ("闭幕", "闭幕"),
    ],
)
def test_what_is_typed_by_sound_is_written_as_the_collection_does(question: str, found: str) -> None:
    assert spelt(question, Few(*PAGES.passages, "他主持会议", "闭目养神")) == found


def test_a_name_whose_characters_stand_together_by_chance_stays() -> None:
    chance = ["标志性"] * 9 + ["吕志刚"]
    assert spelt("吕志兴", Few(*chance)) == "吕志兴"
    assert spelt("吕志兴", Few("吕志性")) == "吕志性"


def test_a_word_that_fits_several_writings_stays() -> None:
    assert spelt("Shi Lin", Few("石林", "史琳")) == "Shi Lin"
    assert spelt("Shi Lin", Few("石林", "石林", "史琳")) == "石林"


def test_a_collection_that_holds_the_word_itself_keeps_it() -> None:
    assert spelt("Nanchang", Few("南昌", "nanchang")) == "Nanchang"
    assert spelt("대회", Few("大会", "대회")) == "대회"


def test_characters_that_meet_by_chance_are_no_word() -> None:
    common = ["甲" * n + "民人" for n in range(100)] + ["兵" + "乙" * n for n in range(100)]
    assert spelt("minbing", Few(*common, "民兵")) == "minbing"
    assert spelt("minbing", Few("民兵")) == "民兵"


def test_a_very_long_question_stays() -> None:
    assert spelt("Nanchang " * 13) == "南昌 " * 13
    assert spelt("Nanchang " * 14) == "Nanchang " * 14


def test_a_known_word_means_nothing_else() -> None:
    assert spelt("change", Few("嫦娥")) == "change"


def test_the_index_is_asked_as_it_writes(retriever: Retriever) -> None:
    assert respelt("Nanchang", retriever._generation.lexical, shipped_lexicon()) == "南昌"
    asked = ("베이룬구 인민병원 원장은 누구입니까?", "Кто директор больницы в Бэйлуне?", "谁是北仑区人民医院院长?")
    [korean, russian, chinese] = [retriever.search(question, k=1)[0].document.id for question in asked]
    assert korean == russian == chinese
