"""Documents made to break readers, each indexed beside a sound one by a process whose time and memory are watched."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pypdf

from benchmarks.faults.trial import RIGHT, WRONG, Fault, Outcome

MEMORY = 2 << 30
SECONDS = 60  # of processor: the machine may be shared
SOUND = "职工代表大会由工会主席张立东主持,一百二十名代表参加了会议。"
QUESTION = "大会由谁主持"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
MEGA = 1 << 20

Write = Callable[[Path], object]


def _text(content: str | bytes, name: str = "x.txt") -> Write:
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    return lambda folder: (folder / name).write_bytes(data)


def _long(unit: str, size: int = 50 * MEGA, name: str = "x.txt", head: str = "", tail: str = "") -> Write:
    """Write a file of about ``size`` bytes that repeats one unit."""

    def write(folder: Path) -> None:
        data = unit.encode()
        (folder / name).write_bytes(head.encode() + data * (size // len(data)) + tail.encode())

    return write


def docx(body: str, extra: str = "", doctype: str = "", times: int = 1) -> bytes:
    """Pack a Word document around the XML of its body, which stands there a number of times."""
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Override PartName="/word/document.xml" ContentType="application/'
        'vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
    )
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
        'Target="word/document.xml"/></Relationships>'
    )
    head = f'<?xml version="1.0"?>{doctype}<w:document xmlns:w="{WORD}"><w:body>'
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", types)
        archive.writestr("_rels/.rels", relations)
        with archive.open("word/document.xml", "w", force_zip64=True) as member:
            member.write(head.encode())
            for _ in range(times):
                member.write(body.encode())
            member.write(b"</w:body></w:document>")
        if extra:
            archive.writestr("../../outside.txt", extra)
    return out.getvalue()


def _bomb(folder: Path) -> None:
    """Write a docx that says it unpacks to 1 KB and unpacks to 600 MB."""
    (folder / "x.docx").write_bytes(_understate(docx(f"<w:p><w:r><w:t>{'啊' * MEGA}</w:t></w:r></w:p>", times=200)))


def _understate(data: bytes) -> bytes:
    changed = bytearray(data)
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        if data[at + 46 :].startswith(b"word/document.xml"):
            changed[at + 24 : at + 28] = (1000).to_bytes(4, "little")
        at = data.find(b"PK\x01\x02", at + 4)
    return bytes(changed)


def _laughs(levels: int) -> str:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, levels))
    return f'<!DOCTYPE w:document [<!ENTITY e0 "哈哈哈哈哈哈哈哈哈哈">{entities}]>'


def pdf(objects: list[bytes], trailer: bytes = b"/Root 1 0 R") -> bytes:
    """Write a PDF file of objects numbered from 1."""
    out, offsets = b"%PDF-1.5\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    return out + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d%s>>\nstartxref\n%d\n%%%%EOF" % (
        size,
        table,
        size,
        trailer,
        len(out),
    )


def _page(content: bytes, settings: bytes = b"") -> bytes:
    stream = b"<</Length %d%s>>stream\n%s\nendstream" % (len(content), settings, content)
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Resources<</Font<</F 5 0 R>>>>/Contents 4 0 R>>"
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    return pdf([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page, stream, font])


def _deflated(megabytes: int, *, again: bool = False) -> bytes:
    packer = zlib.compressobj(9)
    content = b"".join(packer.compress(bytes(MEGA)) for _ in range(megabytes)) + packer.flush()
    if again:
        content = zlib.compress(content, 9)
    return _page(content, b"/Filter[" + b"/FlateDecode" * (1 + again) + b"]")


def _encrypted(folder: Path) -> None:
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(folder / "x.pdf")


def _many_pages(folder: Path) -> None:
    kids = b" ".join(b"3 0 R" for _ in range(200_000))
    tree = b"<</Type/Pages/Count 200000/Kids[%s]>>" % kids
    content = b"<</Length 30>>stream\nBT /F 9 Tf (hello there) Tj ET  \nendstream"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Resources<</Font<</F 5 0 R>>>>/Contents 4 0 R>>"
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    (folder / "x.pdf").write_bytes(pdf([b"<</Type/Catalog/Pages 2 0 R>>", tree, page, content, font]))


def _page_loop() -> bytes:
    return pdf([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2>>"])


def _links(folder: Path) -> None:
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "self.txt").symlink_to(folder / "self.txt")
    (folder / "a").symlink_to(folder / "b")
    (folder / "b").symlink_to(folder / "a")
    (folder / "nowhere.txt").symlink_to(folder / "gone")


def _devices(folder: Path) -> None:
    os.mkfifo(folder / "pipe.txt")
    (folder / "zero.txt").symlink_to("/dev/zero")
    (folder / "linked.html").symlink_to(folder / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as door, contextlib.chdir(folder):  # the address of a socket must be short
        door.bind("door.txt")
    if os.geteuid() == 0:
        os.mknod(folder / "null.md", 0o020666, os.makedev(1, 5))


def _sparse(size: int, name: str = "x.txt") -> Write:
    def write(folder: Path) -> None:
        with (folder / name).open("wb") as file:
            file.truncate(size)

    return write


def _tiny(count: int) -> Write:
    def write(folder: Path) -> None:
        for n in range(count):
            if n % 1000 == 0:
                (folder / f"{n // 1000}").mkdir()
            (folder / f"{n // 1000}" / f"{n}.txt").write_text(f"第{n}号通知\n{n}号楼的电梯停运检修。", "utf-8")

    return write


def _deep_folders(folder: Path) -> None:
    for _ in range(400):
        folder = folder / "深"
        folder.mkdir()


_ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e"
_CELL = '<w:tc><w:tcPr><w:gridSpan w:val="{span}"/></w:tcPr><w:p><w:r><w:t>甲</w:t></w:r></w:p></w:tc>'

DOCUMENTS: dict[str, Write] = {
    "lone surrogates": _text("会议\ud800由\udfff院长\udc80主持。" * 50),
    "NULs": _text("会议\x00由院长\x00主持。" * 50),
    "right to left": _text("\u202eעברית العربية\u202c \u2067مرحبا\u2069 会议\u200f由院长主持。" * 50),
    "zero width": _text("".join(f"{c}{_ZERO_WIDTH}" for c in SOUND) * 50),
    "only zero width": _text(_ZERO_WIDTH * 500),
    "stacked accents": _text("a" + "\u0301" * MEGA),
    "emoji joined without end": _text("👨\u200d👩\u200d👧\u200d" * 100_000),
    "folding that grows 18 times": _text("\ufdfa" * MEGA),
    "non-characters": _text("\ufffe\uffff\U0010ffff会议由院长主持。" * 100),
    "control characters": _text("".join(map(chr, range(32))) * 500 + SOUND),
    "UTF-16 cut in a character": _text(SOUND.encode("utf-16")[:-1]),
    "UTF-32 cut in a character": _text(SOUND.encode("utf-32")[:-3]),
    "UTF-8 with a broken byte": _text(SOUND.encode() * 20 + b"\xff" + SOUND.encode()),
    "UTF-8, then GB18030": _text(SOUND.encode() * 20 + SOUND.encode("gb18030") * 20),
    "GB18030 cut in a character": _text((SOUND * 20).encode("gb18030")[:-1]),
    "random bytes": _text(bytes((n * 7919 + n // 251) % 256 for n in range(100_000))),
    "UTF-7": _text(SOUND.encode("utf-7") * 20),
    "a byte order mark alone": _text(b"\xef\xbb\xbf"),
    "a line of 50 MB, Chinese": _long("会"),
    "a line of 50 MB, letters": _long("a"),
    "a line of 50 MB, words": _long("word "),
    "a line of 50 MB, digits": _long("0"),
    "a line of 50 MB, blanks": _long(" ", tail="x"),
    "a line of 50 MB, opened quotes": _long("“"),
    "a line of 50 MB, pairs of brackets": _long("()"),
    "a line of 50 MB, commas": _long("，"),
    "a line of 50 MB, full stops": _long("。"),
    "a line of 50 MB, dots": _long("."),
    "a line of 50 MB, arrows": _long(" > "),
    "a line of 50 MB, sentences": _long(SOUND),
    "50 MB of line feeds": _long("\n", tail="x"),
    "50 MB of short lines": _long("会议\n"),
    "a heading of 50 MB": _long("# ", name="x.md", head="# ", tail="x"),
    "50 MB of code fences": _long("```\n", name="x.md", tail=SOUND),
    "HTML nested 100,000 deep": _long("<div>", 500_000, "x.html", tail="会议由院长主持"),
    "HTML nested 400,000 deep, tables": _long("<table><tr><td>", 6_000_000, "x.html", tail="会议由院长主持"),
    "HTML of 50 MB": _long(f"<p>{SOUND}</p>", name="x.html"),
    "HTML, comments never closed": _long("<!-- ", 2_000_000, "x.html"),
    "HTML, 50 MB of opened tags": _long("<", name="x.html"),
    "HTML, an element of 100,000 attributes": _long(' a="1"', 1_000_000, "x.html", head="<p ", tail=f">{SOUND}</p>"),
    "HTML, entities in entities": _text(f"{_laughs(10)}<p>&e9;</p><p>{SOUND}</p>", "x.html"),
    "HTML, scripts never closed": _long("<script>", 2_000_000, "x.html", tail=SOUND),
    "HTML, a charset that does not exist": _text(f"<meta charset=wat-9><p>{SOUND}</p>", "x.html"),
    "HTML, a charset that lies": _text(f"<meta charset=big5><p>{SOUND}</p>", "x.html"),
    "pdf, encrypted": _encrypted,
    "pdf, cut short": _text(_page(b"BT /F 9 Tf (hello there) Tj ET")[:300], "x.pdf"),
    "pdf, pages that hold themselves": _text(_page_loop(), "x.pdf"),
    "pdf, 200,000 pages": _many_pages,
    "pdf, a stream that unpacks to 1 GB": lambda folder: (folder / "x.pdf").write_bytes(_deflated(1024)),
    "pdf, packed twice": lambda folder: (folder / "x.pdf").write_bytes(_deflated(1024, again=True)),
    "pdf, arrays nested 100,000 deep": _text(_page(b"[" * 100_000 + b"]" * 100_000 + b" TJ"), "x.pdf"),
    "pdf, a million operators": _text(_page(b"BT /F 9 Tf " + b"(a) Tj " * 1_000_000 + b"ET"), "x.pdf"),
    "pdf, trailers in a loop": _text(_page(b"").replace(b"/Root", b"/Prev 9 /Root"), "x.pdf"),
    "docx, a bomb that states its size": lambda folder: (folder / "x.docx").write_bytes(docx(" " * MEGA, times=600)),
    "docx, a bomb that lies about its size": _bomb,
    "docx, entities in entities": _text(docx("<w:p><w:r><w:t>&e9;</w:t></w:r></w:p>", doctype=_laughs(10)), "x.docx"),
    "docx, an entity that names a file": _text(
        docx("<w:p><w:r><w:t>&e;会</w:t></w:r></w:p>", doctype='<!DOCTYPE x [<!ENTITY e SYSTEM "/etc/passwd">]>'),
        "x.docx",
    ),
    "docx, a member that climbs out": _text(docx("<w:p/>", extra="x"), "x.docx"),
    "docx, a cell that spans 10⁹ columns": _text(
        docx(f"<w:tbl><w:tr>{_CELL.format(span=10**9)}</w:tr></w:tbl>"), "x.docx"
    ),
    "docx, a table of 300 × 300 cells": _text(
        docx(f"<w:tbl>{f'<w:tr>{_CELL.format(span=1) * 300}</w:tr>' * 300}</w:tbl>"), "x.docx"
    ),
    "docx, a table in a table, 2,000 deep": _text(
        docx("<w:tbl><w:tr><w:tc>" * 2000 + "<w:p/>" + "</w:tc></w:tr></w:tbl>" * 2000), "x.docx"
    ),
    "docx, 100,000 paragraphs": _text(docx(f"<w:p><w:r><w:t>{SOUND}</w:t></w:r></w:p>" * 100_000), "x.docx"),
    "docx, an old .doc in disguise": _text(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(5000), "x.docx"),
    "links in a loop": _links,
    "pipes, sockets and devices": _devices,
    "a file of 1 GB": _sparse(1 << 30),
    "a file of 1 TB": _sparse(1 << 40),
    "a pdf of 1 GB": _sparse(1 << 30, "x.pdf"),
    "folders 400 deep": _deep_folders,
    "20,000 tiny files": _tiny(20_000),
    "200,000 tiny files": _tiny(200_000),
}
_QUICK = (
    *("docx, a cell that spans 10⁹ columns", "docx, an entity that names a file", "links in a loop"),
    *("pipes, sockets and devices", "a file of 1 TB"),
)
NAMES = (*_QUICK, *(name for name in DOCUMENTS if name not in _QUICK))


def try_document(n: int, folder: Path) -> Outcome:
    """Index one hostile document beside a sound one: it is left out or read, and the sound one answers."""
    name = NAMES[n]
    documents, index = folder / f"documents-{n}", folder / f"index-{n}"
    documents.mkdir()
    (documents / "sound.txt").write_text(SOUND, "utf-8")
    DOCUMENTS[name](documents)
    status, seconds, memory, told = _watched("index", str(documents), "--index", str(index), "--json")
    if status:
        return Outcome(WRONG, f"{name}: exit {status} after {seconds:.0f} s, {memory >> 20} MiB: {told[-300:]}")
    built = json.loads(told)
    if memory > MEMORY * _allowance(name) or seconds > SECONDS * _allowance(name):
        return Outcome(WRONG, f"{name}: {seconds:.0f} s, {memory >> 20} MiB")
    status, _, _, told = _watched("ask", QUESTION, "--index", str(index), "--json")
    if status or not any(hit["text"] == SOUND for hit in json.loads(told)["hits"]):
        return Outcome(WRONG, f"{name}: the sound document does not answer: {told[-300:]}")
    if "root:" in told:
        return Outcome(WRONG, f"{name}: another file of the machine was read")
    reasons = "; ".join(item["reason"] for item in built["skipped"])
    return Outcome(RIGHT, f"{name}: {reasons or 'read'}; {seconds:.1f} s, {memory >> 20} MiB")


def _allowance(name: str) -> int:
    return 10 if name.startswith("200,000") else 1


def _watched(*arguments: str) -> tuple[int, float, int, str]:
    """Run the program; return its exit status, seconds of processor, peak memory in bytes, and output or errors."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = _children_seconds()
        process = subprocess.Popen([sys.executable, "-m", "qa", *arguments], stdout=out, stderr=err)
        resource.prlimit(process.pid, resource.RLIMIT_AS, (3 * MEMORY, 3 * MEMORY))
        killer = threading.Timer(20 * SECONDS, process.kill)
        killer.start()
        peak = 0
        while (status := process.poll()) is None:
            peak = max(peak, _resident(process.pid))
            time.sleep(0.02)
        killer.cancel()
        seconds = _children_seconds() - start
        told = err if status else out
        told.seek(0)
        return status, seconds, peak, told.read().decode("utf-8", "replace")


def _children_seconds() -> float:
    """Return how long the processor has worked for child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _resident(pid: int) -> int:
    """Return the most memory in bytes that a running process had; at its end the system would count its parent's."""
    with contextlib.suppress(OSError):
        found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text("ascii"))
        return int(found[1]) << 10 if found else 0
    return 0


FAULTS = (Fault("hostile documents", try_document, len(NAMES), len(_QUICK), limit=3600),)
