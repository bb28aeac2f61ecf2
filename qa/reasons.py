"""Why a file was not taken, in the visitor's language. What reads files says it in English; pure."""

from __future__ import annotations

import re

from qa.wording import LANGUAGES

_TAKEN = tuple(LANGUAGES)[:2]
# English → 简体, 繁體; {0} is what the group holds.
_SAID: tuple[tuple[str, str, str], ...] = (
    (r"at most (\d+) files are taken at once", "一次最多添加 {0} 个文件", "一次最多新增 {0} 個檔案"),
    (
        r"the folder holds (\d+) documents, no more are taken",
        "已有 {0} 篇文档，不能再添加",
        "已有 {0} 篇文件，不能再新增",
    ),
    (
        r"a document of this name is there \((.*)\)\. Remove it first",
        "已有同名文档（{0}），请先删除它",
        "已有同名文件（{0}），請先刪除它",
    ),
    (r"the same document is there as (.*)", "内容与 {0} 完全相同", "內容與 {0} 完全相同"),
    (r"there is no such document in the folder", "没有这篇文档", "沒有這篇文件"),
    (
        r"the last document cannot be removed\. Add another one first",
        "最后一篇文档不能删除，请先添加别的",
        "最後一篇文件不能刪除，請先新增別的",
    ),
    (r"(?:it is )?larger than (.*)", "大于 {0}", "大於 {0}"),
    (r"only (.*) are taken", "只接受 {0}", "只接受 {0}"),
    (r"some systems keep this name for a device", "有的系统把这个名称留给设备", "有的系統把這個名稱留給裝置"),
    (r"the file is empty", "文件是空的", "檔案是空的"),
    (r"there is no text in it", "里面没有文字", "裡面沒有文字"),
    (r"the PDF is encrypted", "PDF 已加密", "PDF 已加密"),
    (
        r"the PDF holds no text, only images perhaps",
        "PDF 里没有文字，可能只有图片",
        "PDF 裡沒有文字，可能只有圖片",
    ),
    (r"malformed PDF \((.*)\)", "PDF 已损坏（{0}）", "PDF 已損壞（{0}）"),
    (r"not a Word document \((.*)\)", "不是 Word 文档（{0}）", "不是 Word 文件（{0}）"),
    (r"it unpacks to (.*), more than (.*)", "解压后有 {0}，超过 {1}", "解壓後有 {0}，超過 {1}"),
    (r"binary data, not text", "是二进制数据，不是文字", "是二進位資料，不是文字"),
    (
        r"binary data, or text in an unknown encoding",
        "是二进制数据，或编码无法识别",
        "是二進位資料，或編碼無法辨識",
    ),
)


def reason_in(language: str, reason: str) -> str:
    """Return a reason in a language of the interface; one that is not known here stays as it is."""
    if language not in _TAKEN:
        return reason
    for english, *said in _SAID:
        match = re.fullmatch(english, reason, re.DOTALL)
        if match:
            return said[_TAKEN.index(language)].format(*match.groups())
    return reason
