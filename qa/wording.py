"""The words of the interface in 简体, 繁體 and English, and which of them a visitor reads."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
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
    "searched_for": ("按上文查找：", "按上文查找：", "Searched for:"),
    "read_as": ("按文档里的写法查找：", "按文件裡的寫法查找：", "Searched for, as the documents write it:"),
    "literally": ("只查原话", "只查原話", "Search my own words"),
    "ask_again": ("重新查找", "重新查找", "Ask again"),
    "searching": ("正在查找", "正在查找", "Searching"),
    "stop": ("停止", "停止", "Stop"),
    "stopped": ("已停止，没有查完。", "已停止，沒有查完。", "Stopped before it was found."),
    "right": ("答对了", "答對了", "Right"),
    "wrong": ("不对", "不對", "Wrong"),
    "nothing_answers": ("文档里没有答案", "文件裡沒有答案", "Nothing here answers"),
    "why_not": ("为什么没找到？", "為什麼沒找到？", "Why not found?"),
    "expected": ("应当找到的原话", "應當找到的原話", "Words that should have been found"),
    "find_out": ("查明", "查明", "Find out"),
    "stands_in": ("这句话在", "這句話在", "These words stand in"),
    "its_rank": ("这一段的名次", "這一段的名次", "Where its passage ranks"),
    "leg_dense": ("按意思", "按意思", "by meaning"),
    "leg_lexical": ("按字词", "按字詞", "by words"),
    "leg_fused": ("合起来", "合起來", "together"),
    "leg_shown": ("显示时", "顯示時", "as shown"),
    "step_not_read": (
        "已收录的文档里没有这句话。",
        "已收錄的文件裡沒有這句話。",
        "No indexed document holds these words.",
    ),
    "step_boilerplate": (
        "这句话被当作网页的边角内容，没有收录。",
        "這句話被當作網頁的邊角內容，沒有收錄。",
        "These words were left out as page furniture.",
    ),
    "step_split": (
        "这句话被分在两个段落里。",
        "這句話被分在兩個段落裡。",
        "These words are parted between passages.",
    ),
    "step_not_found": (
        "有段落包含这句话，但两种查找都没有找到它。",
        "有段落包含這句話，但兩種查找都沒有找到它。",
        "A passage holds these words, but neither search found it.",
    ),
    "step_below_k": (
        "找到了，但名次在显示的段落之后。",
        "找到了，但名次在顯示的段落之後。",
        "Found, but ranked below what is shown.",
    ),
    "step_shown": ("找到了，就在显示的段落里。", "找到了，就在顯示的段落裡。", "Found, and shown."),
    "evaluation": ("评测", "評測", "Evaluation"),
    "evaluation_more": (
        "用带标注的问题检验查找得好不好。逐题提问，不改动任何文档。",
        "用帶標註的問題檢驗查找得好不好。逐題提問，不改動任何文件。",
        "Measure the search with labelled questions. Each one is asked; no document is changed.",
    ),
    "question_set": ("问题集", "問題集", "Question set"),
    "set_feedback": ("大家的反馈", "大家的回饋", "What people said"),
    "set_file": ("我的文件", "我的檔案", "A file of mine"),
    "set_file_label": (
        "问题文件（JSON Lines，最多 1 MB）",
        "問題檔案（JSON Lines，最多 1 MB）",
        "Question file (JSON Lines, at most 1 MB)",
    ),
    "earlier_report": (
        "与以前的报告比较（可不选）",
        "與以前的報告比較（可不選）",
        "Compare with an earlier report (optional)",
    ),
    "run": ("开始评测", "開始評測", "Run"),
    "measuring": ("正在提问", "正在提問", "Asking"),
    "run_stopped": ("已停止。", "已停止。", "Stopped."),
    "file_missing": ("请先选择问题文件。", "請先選擇問題檔案。", "Please choose a question file first."),
    "file_too_large": ("文件太大了。", "檔案太大了。", "The file is too large."),
    "too_many_questions": (
        "最多 {most} 个问题，这里有 {n} 个。更大的问题集请用命令 qa evaluate 检验。",
        "最多 {most} 個問題，這裡有 {n} 個。更大的問題集請用命令 qa evaluate 檢驗。",
        "At most {most} questions are measured here, these are {n}. For larger sets there is the command qa evaluate.",
    ),
    "not_jsonl": (
        "这个问题集自带段落。请用命令 qa evaluate 检验。",
        "這個問題集自帶段落。請用命令 qa evaluate 檢驗。",
        "This set brings its own passages. For it there is the command qa evaluate.",
    ),
    "not_a_report": (
        "这不是 qa evaluate 写出的报告。",
        "這不是 qa evaluate 寫出的報告。",
        "This is not a report that qa evaluate wrote.",
    ),
    "measured": (
        "{n} 个问题，其中 {expected} 个有答案、{declined} 个应当拒答。共 {passages} 个段落。",
        "{n} 個問題，其中 {expected} 個有答案、{declined} 個應當拒答。共 {passages} 個段落。",
        "{n} questions, {expected} with an answer and {declined} to decline, on {passages} passages.",
    ),
    "first_right": ("第一条就对", "第一條就對", "First hit right"),
    "rightly_declined": ("该拒答的拒答了", "該拒答的拒答了", "Unanswerable declined"),
    "wrongly_declined": ("不该拒答的拒答了", "不該拒答的拒答了", "Answerable declined"),
    "words_exact": ("答案字词全对", "答案字詞全對", "Answer words exact"),
    "metrics": ("各项指标与 95% 区间", "各項指標與 95% 區間", "Metrics with 95 % intervals"),
    "by_kind": ("各类问题", "各類問題", "By kind of question"),
    "by_kind_legend": (
        "正确段落在前 1、前 5、前 10 条里的比例",
        "正確段落在前 1、前 5、前 10 條裡的比例",
        "share with a right passage within the first 1, 5 and 10",
    ),
    "kind_person": ("人", "人", "who"),
    "kind_time": ("时间", "時間", "when"),
    "kind_place": ("地点", "地點", "where"),
    "kind_number": ("数量", "數量", "how many"),
    "kind_other": ("其他", "其他", "other"),
    "reliability": ("把握准不准", "把握準不準", "Reliability"),
    "calibration": ("期望校准误差 {error}", "期望校準誤差 {error}", "expected calibration error {error}"),
    "confidence": ("把握", "把握", "confidence"),
    "share_right": ("第一条对的比例", "第一條對的比例", "share right"),
    "latency": ("用时", "用時", "Time of a question"),
    "latency_legend": ("中位数与第 95 百分位", "中位數與第 95 百分位", "median and 95th percentile"),
    "failures": ("没答好的 {n} 个问题", "沒答好的 {n} 個問題", "{n} questions that went wrong"),
    "and_more": ("还有 {n} 个", "還有 {n} 個", "and {n} more"),
    "fate_answered": ("应当拒答", "應當拒答", "should be declined"),
    "fate_declined": ("对了却拒答", "對了卻拒答", "right, but declined"),
    "fate_no_passage": ("没有段落包含答案", "沒有段落包含答案", "no passage holds it"),
    "fate_not_found": ("没找到", "沒找到", "not found"),
    "fate_rank": ("排在第 {rank}", "排在第 {rank}", "rank {rank}"),
    "why": ("为什么", "為什麼", "Why"),
    "first_hit": ("第一条", "第一條", "First hit"),
    "flips": (
        "与以前相比：{gained} 个变对，{lost} 个变错（精确 McNemar p = {p}）",
        "與以前相比：{gained} 個變對，{lost} 個變錯（精確 McNemar p = {p}）",
        "Against the earlier report: {gained} gained, {lost} lost (exact McNemar p = {p})",
    ),
    "save_report": ("保存报告", "儲存報告", "Save the report"),
    "noted": ("已记下", "已記下", "Noted"),
    "not_kept": ("没有记下来，请稍后再试。", "沒有記下來，請稍後再試。", "This could not be noted. Please try later."),
    "taken_back": ("已撤回", "已撤回", "Taken back"),
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
    "manage_documents": ("管理文档", "管理文件", "Manage documents"),
    "add_documents": (
        "添加文档：{types}，每个最多 {most} MiB，一次最多 {n} 个",
        "新增文件：{types}，每個最多 {most} MiB，一次最多 {n} 個",
        "Add documents: {types}, at most {most} MiB each, {n} at once",
    ),
    "documents_there": ("已收录的文档", "已收錄的文件", "Documents there"),
    "documents_chosen": ("选择要删除的文档", "選擇要刪除的文件", "Documents to remove"),
    "remove_documents": ("删除所选", "刪除所選", "Remove"),
    "remove_sure": (
        "确定删除这 {n} 篇文档吗？文件会从服务器上删除，无法恢复。",
        "確定刪除這 {n} 篇文件嗎？檔案會從伺服器上刪除，無法復原。",
        "Remove these {n} documents? Their files are deleted from the server for good.",
    ),
    "remove_yes": ("确定删除", "確定刪除", "Yes, remove them"),
    "remove_no": ("取消", "取消", "Keep them"),
    "indexing": ("正在收录", "正在收錄", "Indexing"),
    "documents_added": ("已添加 {n} 篇文档。", "已新增 {n} 篇文件。", "{n} documents added."),
    "documents_removed": ("已删除 {n} 篇文档。", "已刪除 {n} 篇文件。", "{n} documents removed."),
    "document_refused": ("未添加 {name}：{reason}", "未新增 {name}：{reason}", "Not added: {name}: {reason}"),
    "change_failed": ("文档没有变动：", "文件沒有變動：", "Nothing was changed: "),
    "too_often": (
        "提问太频繁了，请 {seconds} 秒后再试。",
        "提問太頻繁了，請 {seconds} 秒後再試。",
        "That was too often. Please try again in {seconds} seconds.",
    ),
    "too_many": (
        "现在提问的人太多，请 {seconds} 秒后再试。",
        "現在提問的人太多，請 {seconds} 秒後再試。",
        "Too many people are asking just now. Please try again in {seconds} seconds.",
    ),
    "too_large": (
        "内容太大，最多 {most}。",
        "內容太大，最多 {most}。",
        "That is too large: at most {most}.",
    ),
    "problem": ("暂时无法回答：", "暫時無法回答：", "This cannot be answered now: "),
    "unexpected": (
        "出了一点问题，已记入日志。请稍后再试。",
        "出了一點問題，已記入日誌。請稍後再試。",
        "Something went wrong and was written to the log. Please try again later.",
    ),
}


@lru_cache(maxsize=16)
def words(language: str) -> Mapping[str, str]:
    """Return every string of the interface.

    :param language: a key of :data:`LANGUAGES`; anything else reads as :data:`DEFAULT`.
    """
    column = list(LANGUAGES).index(language if language in LANGUAGES else DEFAULT)
    return MappingProxyType({key: row[column] for key, row in _ROWS.items()})


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
