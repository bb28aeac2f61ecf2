"""A turn of the chat around its answer: what was searched for, what can be done next, stopped. Pure."""

from __future__ import annotations

from urllib.parse import urlencode

from qa.show import escape, notice_to_html, searched_to_html
from qa.wording import words


def turn_to_html(question: str, searched: str, reply: str, language: str, judged: bool = False) -> str:
    """Return a reply with what can be done next.

    :param searched: what was searched for, where that is not the question itself; else empty.
    :param reply: the HTML of the answer.
    :param judged: give a button that says that nothing in the documents answers.

    The chat component strips data from elements, so addresses carry the question to the page's script.
    """
    say = words(language)
    literally = f'<button type="button" class="wd-literal">{say["literally"]}</button>'
    leaned = searched_to_html(say["searched_for"], searched, literally) if searched else ""
    nothing = f'<button type="button" class="wd-judge wd-declined">{say["nothing_answers"]}</button>'
    return (
        f'<div class="wd-turn">{leaned}{reply}<div class="wd-next-steps">'
        f"{_asking('wd-again', say['ask_again'], question)}{_asking('wd-why', say['why_not'], searched or question)}"
        f"{nothing if judged else ''}</div></div>"
    )


def failed_to_html(question: str, message: str, language: str) -> str:
    """Return what stands in place of an answer that did not come: why, and a way to ask again."""
    again = _asking("wd-again", words(language)["ask_again"], question)
    return f'<div class="wd-turn">{notice_to_html(message)}<div class="wd-next-steps">{again}</div></div>'


def _asking(hook: str, label: str, question: str) -> str:
    asked = escape(urlencode({"q": question}, errors="replace"))
    return f'<a class="{hook}" href="?{asked}">{label}</a>'
