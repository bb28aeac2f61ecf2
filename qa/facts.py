"""What a page says of itself: title, date, source, and the organisation it is about. Empty where it does not say."""

from __future__ import annotations

import datetime
import heapq
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter

from qa.boilerplate import content_spans, is_byline, is_section
from qa.text import fold, fold_in_place

_HEAD = 8000  # characters in which a title, a by-line and a signature are looked for
_TITLE_LIMIT = 90
_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTH = "|".join(f"{month[:3]}(?:{month[3:]})?" for month in _MONTHS)
_DIGITS = {digit: str(value % 10) for value, digits in enumerate(("〇零○o", *"一二三四五六七八九")) for digit in digits}

_NUMERIC = re.compile(r"(?<!\d)((?:19|20)\d\d) ?(?:[-./年]) ?(\d{1,2}) ?(?:[-./月]) ?(\d{1,2})(?!\d)")
_CHINESE = re.compile(
    r"([一二][〇零○o一二三四五六七八九]{3})年([一二三四五六七八九十]{1,2})月([一二三四五六七八九十]{1,3})日"
)
_REPUBLIC = re.compile(r"民国 ?(\d{2,3}) ?年 ?(\d{1,2}) ?月 ?(\d{1,2}) ?日")
_ENGLISH = re.compile(
    rf"\b({_MONTH})\.? (\d{{1,2}})(?:st|nd|rd|th)?,? ((?:19|20)\d\d)\b|\b(\d{{1,2}}) ({_MONTH})\.?,? ((?:19|20)\d\d)\b"
)
_DATE_ALONE = re.compile(r"[\d〇零○一二三四五六七八九十年月日./\- :民国]{8,30}")

_LABEL = r"[\w]{1,8} ?:"
_SOURCE = re.compile(
    r"(?:[来來]源[于於]?|出[处處]|供稿|(?:发布|發布|發佈|供稿)(?:单位|單位|部门|部門|机构|機構)|(?<![a-z])source) ?: ?"
    rf"(?P<name>(?!{_LABEL})[^\n|:]*?)(?= {{2,}}|\t| ?\||[ \u3000]{_LABEL}|$)",
    re.IGNORECASE,
)
_AFTER_TIME = re.compile(
    r"^[(\[]?(?:19|20)\d\d[-./年]\d{1,2}[-./月]\d{1,2}日?(?: \d{1,2}:\d\d(?::\d\d)?)? +"
    r"(?P<name>[^\s\d:|]{2,16})(?= {2,}|$)"
)
_NO_SOURCE = re.compile(
    r"(?:本站|本网|本院|网站|文章)?(?:原创|编辑|整理|转载|网络|互联网|本站|本网|未知|不详|佚名|admin|管理员|原创稿件|综合)(?:稿件|发布|转载)?"
)

_KINDS = (
    "医院|大学|学院|学校|中学|小学|幼儿园|公司|集团|银行|研究院|研究所|委员会|卫健委|发改委|法院|检察院"
    "|人民政府|协会|基金会|出版社|电视台|博物馆|图书馆"
    "|(?<=[健康卫教育公安财政税务民审计统交通水利农林商文旅体环保气象邮监督管理药信障源规资]{2})局"
)
_NAME = re.compile(
    rf"(?P<name>[\u4e00-\u9fff]{{2,14}}?(?:{_KINDS})(?:(?:附属|直属|第[一二三四五六七八九十]+)[\u4e00-\u9fff]{{0,6}}?(?:{_KINDS}))?)"
    rf"(?![长院校区部])"
)
_KIND = re.compile(re.sub(r"\(\?<=.*\)局", "局", _KINDS))  # and some more, but fast
_RUN = re.compile(r"[\u4e00-\u9fff]+")
_OPENING = re.compile(
    r"^.*(?:召开|举行|举办|参加|来自|位于|走进|前往|访问|参观|印发|转发|关于|通过|代表|包括|邀请|联合|以及|还有|其中|任命|担任|宣读|根据"
    r"|按照|经过|表示|指出|强调|作为|成为|欢迎|支持|祝贺|庆祝|热烈|今年|今日|今天|近日|日前|昨日|组织|成立|聘任|调研|慰问|视察|检查|指导"
    r"|莅临|考察|支援|援助|助力|走访|服务|开展|推进|建设|介绍|会见|看望|出席|当选|主持|会晤|关注|扶持|收购|报道|对(?!外)|从(?![化江])|(?<!高)等|[的了暨在由向把将被让使给到赴于是为及与、])"
)
_VAGUE = re.compile(
    r"(?:有限|责任|各|该|本|我|全|贵|某|一家|这家|那家|多家|所有|其他|上级|下属|附属|基层|公立|私立|综合|民营|县级|市级|省级|三级|二级|三甲|国内|全国|社区|合作|互联网|大|中|小|老|新|现代|智慧|总|分|党|团|市|区|县|省|\d)*"
    r"(?:级|个|所|家|等)?(?:综合|公立|专科|中心|附属|高等)?(?:" + _KINDS + ")"
)
_UNIVERSITIES = ("大学", "学院")
_PART = re.compile(r"(?<!大学)(?<!学院)(?<![一二三四五六七八九十])附属(?:医院|中学|小学|学校|幼儿园)")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a page says of itself; every field may be empty. ``date`` is ISO 8601."""

    title: str
    date: str
    source: str
    organisation: str


def find_facts(text: str, title: str = "") -> Facts:
    """Return what the page states; a title that is known already is kept."""
    lines = _outline(text)
    title = title or find_title(lines)
    source = find_source(lines)
    return Facts(title, find_date(lines), source, find_organisation(title, source, text))


def with_head(text: str, title: str, above: str) -> str:
    """Return a page's main content below its title and the by-lines that stand above it on the page."""
    bylines = [line for line in above.split("\n") if is_byline(line)]
    body = text.removeprefix(title).lstrip("\n")
    heading = [title] if title and title not in body else []
    rest = (line for line in body.split("\n") if line not in bylines)  # the extractor may put them at the end
    return "\n".join((*heading, *bylines, *rest))


def find_title(lines: Iterable[str]) -> str:
    """Return the first content line that reads like a title, before the first long paragraph; else nothing."""
    candidates: list[str] = []
    for line in lines:
        if is_byline(line) or parse_date(line, alone=True):
            continue
        if len(line) > _TITLE_LIMIT or re.search(r"[。;；]|[,，、:：]$", line):
            break
        if not re.match(r"[▲△▼▽■●○◆*(（\[【]|https?://|[\w\-]+:", line) or line.startswith("【"):
            candidates.append(line)
        if len(candidates) == 2:
            break
    if len(candidates) == 2 and is_section(candidates[0]) and len(candidates[1]) > len(candidates[0]):
        return candidates[1]
    return candidates[0] if candidates else ""


def find_date(lines: Iterable[str]) -> str:
    """Return the date of the first by-line, or of the first line that is nothing but a date, as ISO 8601."""
    for line in lines:
        date = parse_date(line) if is_byline(line) else parse_date(line, alone=True)
        if date:
            return date
    return ""


def parse_date(text: str, *, alone: bool = False) -> str:
    """Return the first valid calendar date of a text as ISO 8601, or nothing.

    :param alone: only if the text is a date and nothing else.
    """
    folded = fold(text).strip()
    if alone and not (_DATE_ALONE.fullmatch(folded) or _ENGLISH.fullmatch(folded)):
        return ""
    for year, month, day in _dates(folded):
        try:
            return datetime.date(year, month, day).isoformat()
        except ValueError:
            continue
    return ""


def _dates(folded: str) -> Iterator[tuple[int, int, int]]:
    for match in _NUMERIC.finditer(folded):
        yield int(match[1]), int(match[2]), int(match[3])
    for match in _REPUBLIC.finditer(folded):
        yield int(match[1]) + 1911, int(match[2]), int(match[3])
    for match in _CHINESE.finditer(folded):
        yield _number(match[1]), _number(match[2]), _number(match[3])
    for match in _ENGLISH.finditer(folded):
        name, day, year = (match[1], match[2], match[3]) if match[1] else (match[5], match[4], match[6])
        yield int(year), 1 + [month[:3] for month in _MONTHS].index(name[:3]), int(day)


def _number(numeral: str) -> int:
    """Return the value of a year's digits (二〇二四) or of a numeral up to 99 (二十一)."""
    if "十" not in numeral:
        return int("".join(_DIGITS[digit] for digit in numeral))
    tens, ones = numeral.split("十", 1)
    return 10 * int(_DIGITS[tens] if tens else "1") + int(_DIGITS[ones] if ones else "0")


def find_source(lines: Iterable[str]) -> str:
    """Return the value of the page's first source field, or the name behind the time; 本站原创 and the like is none."""
    for line in lines:
        if len(line) > 200 or "。" in line:
            continue
        match = _SOURCE.search(fold_width(line)) or _AFTER_TIME.search(fold_width(line))
        if match is None:
            continue
        name = _first_name(match["name"].strip(" \t()[]【】|-—"))
        if 1 < len(name) <= 40 and not _NO_SOURCE.fullmatch(name.lower()):
            return name
    return ""


def fold_width(text: str) -> str:
    """Return the text with full-width colons, bars, brackets and blanks made half-width; nothing else changes."""
    return text.translate({0xFF1A: ":", 0xFF5C: "|", 0xFF08: "(", 0xFF09: ")", 0x3000: " ", 0xA0: " ", 0xFF0F: "/"})


def _first_name(value: str) -> str:
    """Return a source without the person behind it: 宣传科 赵昕蕊 is an office and its writer."""
    first, _, second = value.partition(" ")
    office = re.search(r"[科处處部室局院校社网網报報会會司厅廳台站中心]$", first)
    return first if office and re.fullmatch(r"[\u4e00-\u9fff ]{2,8}", second) else value


def find_organisation(title: str, source: str, text: str) -> str:
    """Return the full name of the organisation that the page is about, or nothing if that is unsure.

    A name in the title that the text repeats counts most, then the source, then what the text calls 附属医院 and the
    like below a university that it names less often, then a name that it repeats far more than any other.
    """
    for name in organisations(title):
        if name in text.replace(title, "", 1):
            return name
    if source in organisations(source):
        return source
    head = text[:_HEAD]
    counts = Counter(organisations(head))
    return _part_of_university(head, counts) or _foremost(counts, 4)


def _part_of_university(text: str, counts: Mapping[str, int]) -> str:
    owner = _foremost({name: n for name, n in counts.items() if fold_in_place(name).endswith(_UNIVERSITIES)}, 2)
    parts = Counter(text[slice(*part.span())] for part in _PART.finditer(fold_in_place(text)))
    part = _foremost(parts, 2)
    return owner + part if owner and part and parts[part] > counts[owner] else ""


def _foremost(counts: Mapping[str, int], least: int) -> str:
    """Return what is counted so often at least, and twice as often as anything else; else nothing."""
    first, second = heapq.nlargest(2, [*counts.items(), ("", 0), ("", 0)], key=itemgetter(1))
    return first[0] if first[1] >= max(least, 2 * second[1]) else ""


def organisations(text: str) -> Iterator[str]:
    """Yield the full names of organisations in a text, as they come."""
    simple = fold_in_place(text)
    for match in _named(simple):
        opening = _OPENING.match(match["name"])
        start = match.start("name") + (opening.end() if opening else 0)
        if match.end("name") - start >= 4 and not _VAGUE.fullmatch(simple, start, match.end("name")):
            yield text[start : match.end("name")]


def _named(simple: str) -> Iterator[re.Match[str]]:
    """Yield what ``_NAME`` matches, looking only where a kind stands: no name leaves its run of Chinese characters."""
    end = 0
    for kind in _KIND.finditer(simple):
        start = kind.start()
        if start < end:
            continue
        while start > end and "\u4e00" <= simple[start - 1] <= "\u9fff":
            start -= 1
        run = _RUN.match(simple, start)
        end = run.end() if run else kind.end()
        yield from _NAME.finditer(simple, start, end)


def _outline(text: str) -> list[str]:
    """Return the content lines of the page's head and of its last lines, where a signature stands."""
    head, tail = text[:_HEAD], text[max(_HEAD, len(text) - 600) :]
    lines = [head[start:end] for start, end in content_spans(head)]
    return lines + [tail[start:end] for start, end in content_spans(tail)]
