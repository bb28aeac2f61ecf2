import pytest

from qa.respell import respelt
from qa.search import Retriever
from qa.translate import shipped_lexicon


class Few:
    """A collection of a few passages."""

    def __init__(self, *passages: str) -> None:
        self._passages = passages

    def __len__(self) -> int:
        return len(self._passages)

    def frequencies(self, distinct: list[str]) -> list[int]:
        return [sum(term in passage for passage in self._passages) for term in distinct]


PAGES = Few("南昌市第一医院召开大会", "北仑区人民医院院长吴沛新", "中西医结合医院的会议", "参加者是柴建军")


def spelt(question: str, collection: Few = PAGES) -> str:
    return respelt(question, collection, {"nanchang": ["南昌"], "change": ["改变"]}.get)  # type: ignore[arg-type]


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


def test_a_known_word_means_nothing_else() -> None:
    assert spelt("change", Few("嫦娥")) == "change"


def test_the_index_is_asked_as_it_writes(retriever: Retriever) -> None:
    assert respelt("Nanchang", retriever._generation.lexical, shipped_lexicon().get) == "南昌"
    asked = ("베이룬구 인민병원 원장은 누구입니까?", "Кто директор больницы в Бэйлуне?", "谁是北仑区人民医院院长?")
    [korean, russian, chinese] = [retriever.search(question, k=1)[0].document.id for question in asked]
    assert korean == russian == chinese
