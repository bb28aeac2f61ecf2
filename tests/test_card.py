from __future__ import annotations

import pytest

from qa.card import failed_to_html, turn_to_html

NASTY = '"><script>x</script>$$'


def test_a_turn_carries_its_question_and_what_was_searched_for_in_addresses() -> None:
    shown = turn_to_html("那他呢", "谁 & 谁", "<i>reply</i>", "en")
    assert shown == (
        '<div class="wd-turn"><div class="wd-leaned">Searched for:<span class="wd-whole">谁 &#38; 谁</span>'
        '<button type="button" class="wd-literal">Search my own words</button></div><i>reply</i>'
        '<div class="wd-next-steps"><a class="wd-again" href="?q=%E9%82%A3%E4%BB%96%E5%91%A2">Ask again</a>'
        '<a class="wd-why" href="?q=%E8%B0%81+%26+%E8%B0%81">Why not found?</a></div></div>'
    )


def test_only_a_question_that_leaned_says_what_was_searched_for() -> None:
    assert "wd-leaned" not in turn_to_html("谁", "", "", "en")
    assert "wd-declined" not in turn_to_html("谁", "", "", "en")
    assert '<button type="button" class="wd-judge wd-declined">文档里没有答案</button>' in turn_to_html(
        "谁", "", "", "zh-Hans", judged=True
    )


@pytest.mark.parametrize("shown", [turn_to_html(NASTY, NASTY, "", "en"), failed_to_html(NASTY, NASTY, "en")])
def test_nothing_typed_becomes_markup(shown: str) -> None:
    assert "<script" not in shown
    assert "$$" not in shown
    assert "\n" not in turn_to_html("a\nb", "a\n\nb", "", "en")
