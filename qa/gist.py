"""What a question is about, without the greetings, thanks and requests that it comes wrapped in (pure)."""

from __future__ import annotations

import re

_CLAUSE = re.compile(r"[^,，。.!！?？;；~～\n]+[,，。.!！?？;；~～\n]*")
_WHOLE = re.compile(
    r"(?:您好|你好|哈[喽啰罗]|嗨|早上好|上午好|下午好|晚上好|各位好|大家好|在吗|在不在|有人吗)[呀啊哦吖]*"
    r"|(?:真的?|实在|非常|很|太)?(?:不好意思|对不起|抱歉|打扰)(?:打扰)?(?:一下|了|您|你)*"
    r"|(?:非常|太|十分|先|真是)?(?:感谢|谢谢|多谢|拜托|辛苦)(?:您|你|大家|各位)?(?:了|啦|啊|哦)*"
    r"|(?:我)?(?:一时|实在|有点|真的?)?(?:想不起来|记不清|记不得|忘)楚?(?:了)?"
    r"|(?:可以|能|好|行)吗|(?:请|麻烦)?(?:你|您)?(?:能|可以)?告诉我(?:吗|吧|一下)?|请?帮帮?忙|(?:麻烦|想|请)?(?:请教|请问|问)(?:一下|下|一声)?"
    r"|すみません|お願いします|教えてください|こんにちは|ありがとう(?:ございます)?|안녕하세요|감사합니다|알려주세요"
    r"|hi|hello|hey|thanks(?: a lot)?|thank you(?: very much| so much)?|please|excuse me|sorry"
    r"|good (?:morning|afternoon|evening)"
    r"|hola|gracias|bonjour|merci|здравствуйте|спасибо",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"(?:请问|请教|求问|想问|想请教|麻烦问|想知道|想了解|我想(?:问|请教|知道|了解))(?:一下|下|一声|您|你)?"
    r"|(?:麻烦|请|能不能|能否|可不可以|可以|能|可否)+(?:你|您)?(?:帮我|帮忙|替我|给我|告诉我)(?:查|找|看|问)*(?:一下|下|到(?!底))?"
    r"|(?:你|您)?(?:能|可以)?帮我(?:查|找|看|问)+(?:一下|下|到(?!底))?"
    r"|(?:can|could|would) you (?:please )?(?:tell me|help me find|find out)\b|(?:please )?tell me\b|do you know\b"
    r"|i (?:want|would like|need) to know\b|please\b",
    re.IGNORECASE,
)
_TOLD = re.compile(r"\w")
_ONE_AGAIN = re.compile(r"\W*(\w)\W*(?:\1\W*){2,}", re.IGNORECASE)  # a key held down, or laughter


def gist(question: str) -> str:
    """Return the question without what it comes wrapped in; empty if nothing is asked.

    >>> gist("你好,请问谁主持了大会?谢谢"), gist("谢谢你,辛苦了!")
    ('谁主持了大会?', '')
    """
    kept = []
    for clause in _CLAUSE.findall(question):
        told = clause.strip()
        if _WHOLE.fullmatch(told.strip(",，。.!！?？;；~～ ")):
            continue
        lead = _LEAD.match(told)
        kept.append(told[lead.end() :] if lead and _TOLD.search(told[lead.end() :]) else clause)
    joined = "".join(kept).strip(" ,，。!！~～;；\n")
    return joined if _TOLD.search(joined) and not _ONE_AGAIN.fullmatch(joined) else ""
