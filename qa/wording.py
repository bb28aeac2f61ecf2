"""The words of the interface in 简体, 繁體 and English, and which of them a visitor reads."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

DEFAULT = "zh-Hans"
LANGUAGES: Mapping[str, str] = MappingProxyType({"zh-Hans": "简体", "zh-Hant": "繁體", "en": "English"})
_TRADITIONAL = ("zh-hant", "zh-tw", "zh-hk", "zh-mo")

_ROWS: Mapping[str, tuple[str, str, str]] = {
    "app": ("文档问答", "文件問答", "Ask the documents"),
    "indexed": (
        "已收录 {n} 篇文档 · 只给原文，不作编写",
        "已收錄 {n} 篇文件 · 只給原文，不作編寫",
        "{n} documents · only their own words",
    ),
    "welcome": ("想从文档里找什么？", "想從文件裡找什麼？", "What are you looking for?"),
    "welcome_more": (
        "用自己的话提问。答案会在原文里标出来，没有就直说没有。",
        "用自己的話提問。答案會在原文裡標出來，沒有就直說沒有。",
        "Ask in your own words. The answer is marked in its source; where there is none, you are told so.",
    ),
    "placeholder": (
        "输入问题，Enter 发送",
        "輸入問題，Enter 傳送",
        "Ask a question, Enter sends",
    ),
    "question": ("问题", "問題", "Question"),
    "send": ("发送", "傳送", "Send"),
    "new_chat": ("新对话", "新對話", "New chat"),
    "language": ("界面语言", "介面語言", "Language"),
    "theme": ("深色或浅色", "深色或淺色", "Dark or light"),
    "options": ("检索选项", "檢索選項", "Search options"),
    "sources": ("来源数量", "來源數量", "Number of sources"),
    "documents": ("只在这些文档中找", "只在這些文件中找", "Only in these documents"),
    "all_documents": ("全部文档", "全部文件", "All documents"),
    "conversation": ("对话", "對話", "Conversation"),
    "answer": ("答案", "答案", "Answer"),
    "from": ("出自", "出自", "From"),
    "passages": ("原文段落", "原文段落", "Source passages"),
    "declined": (
        "没有找到：文档里没有回答这个问题的内容。",
        "沒有找到：文件裡沒有回答這個問題的內容。",
        "Not found: nothing in the documents answers this question.",
    ),
    "near_misses": (
        "最接近的 {n} 个段落（仅供参考，并未回答问题）",
        "最接近的 {n} 個段落（僅供參考，並未回答問題）",
        "The {n} nearest passages (near misses: they do not answer the question)",
    ),
    "strong": ("很相关", "很相關", "strong match"),
    "fair": ("相关", "相關", "fair match"),
    "weak": ("略相关", "略相關", "weak match"),
    "also_in": ("同样见于", "同樣見於", "Also in"),
    "open_page": ("看原文", "看原文", "Open page"),
    "several": ("几份文档各有答案：", "幾份文件各有答案：", "Several documents answer, each in its own way:"),
    "copy_quote": ("复制引文", "複製引文", "Copy quote"),
    "copy_link": ("复制链接", "複製連結", "Copy link"),
    "copied": ("已复制", "已複製", "Copied"),
    "page": ("原文", "原文", "Page"),
    "previous": ("上一处", "上一處", "Previous"),
    "next": ("下一处", "下一處", "Next"),
    "close": ("关闭", "關閉", "Close"),
    "source": ("来源", "來源", "Source"),
    "document_gone": (
        "这篇文档已不在索引中。",
        "這篇文件已不在索引中。",
        "This document is no longer in the index.",
    ),
    "empty_question": ("请先输入问题。", "請先輸入問題。", "Please type a question first."),
    "long_question": (
        "问题太长了，最多 {most} 个字。请缩短后再试。",
        "問題太長了，最多 {most} 個字。請縮短後再試。",
        "The question is too long: at most {most} characters. Please shorten it.",
    ),
    "problem": ("暂时无法回答：", "暫時無法回答：", "This cannot be answered now: "),
    "unexpected": (
        "出了一点问题，已记入日志。请稍后再试。",
        "出了一點問題，已記入日誌。請稍後再試。",
        "Something went wrong and was written to the log. Please try again later.",
    ),
}


def words(language: str) -> dict[str, str]:
    """Return every string of the interface.

    :param language: a key of :data:`LANGUAGES`; anything else reads as :data:`DEFAULT`.
    """
    column = list(LANGUAGES).index(language if language in LANGUAGES else DEFAULT)
    return {key: row[column] for key, row in _ROWS.items()}


def language_of(accept_language: str) -> str:
    """Return the interface language for an ``Accept-Language`` header, read from left to right.

    :return: a key of :data:`LANGUAGES`; English where no language is ours, :data:`DEFAULT` where none is named.
    """
    tags = [part.split(";")[0].strip().lower() for part in accept_language.split(",")]
    for tag in tags:
        if tag.startswith(_TRADITIONAL):
            return "zh-Hant"
        if tag == "zh" or tag.startswith("zh-"):
            return "zh-Hans"
        if tag == "en" or tag.startswith("en-"):
            return "en"
    return "en" if any(tags) else DEFAULT
