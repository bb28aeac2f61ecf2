"""The bytes of one file → its text, by format. Input is untrusted: what cannot be read raises ``UnreadableError``."""

from __future__ import annotations

import io
import logging
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qa.decode import UndecodableError, decode, replace_surrogates

if TYPE_CHECKING:
    from docx.document import Document as Docx
    from docx.table import Table, _Cell

_UNPACKED_LIMIT = 512 << 20
_PARSED_HTML_LIMIT = 2 << 20  # characters; a longer page is read without its main content being looked for,
_PARSED_TAGS_LIMIT = 50_000  # and so is one of more tags: each of them may take 0.2 ms
_HEADING_LIMIT = 300  # characters
_FENCE_OR_HEADING = re.compile(r"^ {0,3}(?:```|~~~|# +(?P<title>[^\n]*))", re.MULTILINE)
_PAGE_NUMBER = re.compile(r"[-–— ]*(?:第? ?\d{1,4} ?页?|page \d{1,4})(?: ?(?:/|of|共) ?\d{1,4} ?页?)?[-–— ]*", re.I)
_WIDE = re.compile("[\u2e80-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef]")
_FINISHED = re.compile(r"[。！？!?；;：:.”’」』）)]$")

_HIDDEN = frozenset({"script", "style", "noscript", "template", "head", "svg", "object", "iframe"})
_INLINE = frozenset(
    (
        *("a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "em", "font", "i", "kbd", "label", "mark", "q", "s"),
        *("samp", "small", "span", "strong", "sub", "sup", "u", "var", "wbr"),
    )
)


class UnreadableError(ValueError):
    """The bytes cannot be turned into text; the message says why."""


@dataclass(frozen=True, slots=True)
class Page:
    """A file's text and what its format states outside of it; empty where it states nothing.

    ``above`` is what stands above the main content of an HTML page: its by-line is there.
    """

    text: str
    title: str = ""
    date: str = ""
    source: str = ""
    above: str = ""


def parse(data: bytes, suffix: str) -> Page:
    """Return the text of a file.

    :param suffix: the file name's ending in lower case, with its dot; one of :data:`READERS`.
    :raises UnreadableError: if there is no text to be had.
    """
    if not data:
        raise UnreadableError("the file is empty")
    try:
        page = READERS[suffix](data)
    except UndecodableError as error:
        raise UnreadableError(str(error)) from error
    if not page.text.strip():
        raise UnreadableError("there is no text in it")
    return page


def parse_text(data: bytes) -> Page:
    """Read plain text."""
    return Page(decode(data))


def parse_markdown(data: bytes) -> Page:
    """Read Markdown as it stands; its title is the first heading outside code fences."""
    text = decode(data)
    fenced = False
    for match in _FENCE_OR_HEADING.finditer(text):
        if match["title"] is None:
            fenced = not fenced
            continue
        title = "" if fenced else match["title"].rstrip(" #")
        if 0 < len(title) <= _HEADING_LIMIT:
            return Page(text, title.strip(" *_`"))
    return Page(text)


def parse_html(data: bytes) -> Page:
    """Read the main content of an HTML page, or all its visible text if none stands out."""
    source = decode(data, markup=True)
    if len(source) <= _PARSED_HTML_LIMIT and source.count("<") <= _PARSED_TAGS_LIMIT:
        page = _main_content(source)
        if page is not None:
            return page
    return _visible_text(source)


def _main_content(source: str) -> Page | None:
    import trafilatura  # noqa: PLC0415  (half a second; only HTML needs it)

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    try:
        found: Any = trafilatura.bare_extraction(
            source,
            include_comments=False,
            favor_recall=True,
            with_metadata=True,
            date_extraction_params={"extensive_search": False, "original_date": True},
        )
    except Exception:  # a parser's fault on hostile markup must not lose the page
        logging.getLogger(__name__).debug("no main content", exc_info=True)
        return None
    if found is None or not found.text or not found.text.strip():
        return None
    text = replace_surrogates(found.text.replace("\x00", ""))
    title = found.title or ""
    above = _above(text, title, _visible_text(source).text)
    return Page(text, title, found.date or "", found.sitename or "", above)


def _above(text: str, title: str, visible: str) -> str:
    """Return the last lines that a browser shows above the main content."""
    opening = text.removeprefix(title).lstrip("\n")[:20].split("\n")[0]
    return "\n".join(visible.partition(opening)[0].split("\n")[-40:])


def _visible_text(source: str) -> Page:
    """Return the text that a browser would show; blocks become lines."""
    from lxml import etree  # type: ignore[import-untyped]  # noqa: PLC0415  (html.parser is quadratic on broken comments)

    parser = etree.HTMLParser(encoding="utf-8", recover=True, huge_tree=True, remove_comments=True, remove_pis=True)
    root = etree.fromstring(source.encode(), parser)
    if root is None:
        return Page("")
    parts: list[str] = []
    hidden = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        starts, block = event == "start", element.tag not in _INLINE
        hidden += (element.tag in _HIDDEN) * (1 if starts else -1)
        if hidden == 0 and block:
            parts.append("\n")
        if hidden == 0:
            parts.append(re.sub(r"\s+", " ", (element.text if starts else element.tail) or ""))
    text = re.sub(r"\n{3,}", "\n\n", re.sub(r" *\n *", "\n", "".join(parts))).strip()
    return Page(text, " ".join((root.findtext(".//title") or "").split()))


def parse_pdf(data: bytes) -> Page:
    """Read the text of a PDF's pages, wrapped lines joined, pages parted by a blank line."""
    import pypdf  # noqa: PLC0415

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = pypdf.PdfReader(io.BytesIO(data), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise UnreadableError("the PDF is encrypted")
        pages = [page.extract_text() or "" for page in reader.pages]
    except UnreadableError:
        raise
    except Exception as error:  # pypdf raises whatever the broken bytes lead to
        raise UnreadableError(f"malformed PDF ({type(error).__name__}: {str(error)[:100]})") from error
    text = "\n\n".join(filter(None, (join_lines(page.splitlines()) for page in pages)))
    if not text.strip():
        raise UnreadableError("the PDF holds no text, only images perhaps")
    return Page(replace_surrogates(text.replace("\x00", "")))


def join_lines(lines: list[str]) -> str:
    """Return the paragraphs of a printed page: full lines go on in the next one, Chinese without a blank between."""
    lines = [line.strip() for line in lines]
    while lines and (not lines[-1] or _PAGE_NUMBER.fullmatch(lines[-1])):
        lines.pop()
    if lines and _PAGE_NUMBER.fullmatch(lines[0]):
        lines = lines[1:]
    widths = sorted(_columns(line) for line in lines if line)
    full = 0.85 * widths[len(widths) * 9 // 10] if widths else 0
    paragraphs: list[list[str]] = []
    before = ""
    for line in lines:
        ended = _FINISHED.search(before) is not None
        goes_on = before and line and (_columns(before) >= full or (line[:1].islower() and not ended))
        if goes_on and not (ended and _columns(before) < full / 0.85 * 0.97):
            paragraphs[-1][-1] = _ahead_of(line, paragraphs[-1][-1])
        else:
            paragraphs.append([])
        paragraphs[-1].append(line)
        before = line
    return re.sub(r"\n{3,}", "\n\n", "\n".join("".join(parts) for parts in paragraphs)).strip()


def _ahead_of(line: str, before: str) -> str:
    """Return a wrapped line as it stands before the next: no blank in Chinese, no hyphen inside a word."""
    if re.search(r"[A-Za-z]-$", before) and line[:1].islower():
        return before[:-1]
    return before if _WIDE.match(before[-1]) or _WIDE.match(line) else f"{before} "


def _columns(line: str) -> int:
    return len(line) + len(_WIDE.findall(line))


def parse_docx(data: bytes) -> Page:
    """Read the paragraphs and tables of a Word document in their order; a table row is one line."""
    import docx  # noqa: PLC0415

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > _UNPACKED_LIMIT:
            raise UnreadableError(f"it unpacks to {unpacked >> 20} MiB, more than {_UNPACKED_LIMIT >> 20} MiB")
        document = docx.Document(io.BytesIO(data))
        lines = list(_docx_lines(document))
        title = _docx_title(document)
    except UnreadableError:
        raise
    except Exception as error:  # python-docx raises whatever the broken archive leads to
        raise UnreadableError(f"not a Word document ({type(error).__name__}: {str(error)[:100]})") from error
    return Page(replace_surrogates("\n".join(lines)).replace("\x00", "").replace("\r", "\n"), title)


def _docx_lines(document: Docx) -> Iterator[str]:
    from docx.table import Table  # noqa: PLC0415

    for block in document.iter_inner_content():
        if isinstance(block, Table):
            yield from _table_lines(block)
        else:
            yield block.text


def _table_lines(table: Table) -> Iterator[str]:
    from docx.table import _Cell  # noqa: PLC0415

    above: dict[int, str] = {}  # what stands at each column; a cell may claim to span any number of them
    for row in table._tbl.tr_lst:
        cells: dict[int, str] = {}
        column = row.grid_before
        for cell in row.tc_lst:
            goes_on = cell.vMerge == "continue"
            cells[column] = above.get(column, "") if goes_on else _cell_text(_Cell(cell, table))
            column += cell.grid_span
        above = cells
        yield " | ".join(filter(None, cells.values()))


def _cell_text(cell: _Cell) -> str:
    return " ".join(" ".join(paragraph.text for paragraph in cell.paragraphs).split())


def _docx_title(document: Docx) -> str:
    for paragraph in document.paragraphs[:20]:
        style = paragraph.style.name if paragraph.style is not None else ""
        if style in {"Title", "Heading 1"} and paragraph.text.strip():
            return " ".join(paragraph.text.split())
    return ""


READERS = {
    ".txt": parse_text,
    ".md": parse_markdown,
    ".markdown": parse_markdown,
    ".html": parse_html,
    ".htm": parse_html,
    ".pdf": parse_pdf,
    ".docx": parse_docx,
}
