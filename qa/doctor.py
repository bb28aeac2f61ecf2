"""What is wrong with an installation or an index, and the command that mends each."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from qa.calibration_file import objection, read_calibration
from qa.embed import load_encoder
from qa.errors import QAError
from qa.fresh import check_fresh
from qa.layout import check_files, read_manifest, read_pointer
from qa.milvus import MilvusStore
from qa.records import Manifest
from qa.search import Retriever
from qa.store import earlier_generations, open_generation
from qa.stores import is_address

_PACKAGES = ("wenda", "faiss-cpu", "sentence-transformers", "torch", "tantivy", "gradio")


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was looked at, whether it is well, what was seen."""

    name: str
    well: bool
    detail: str


def examine(index: str | Path) -> Iterator[Finding]:
    """Yield a finding for each check, in order; a check that rests on a failed one is left out.

    :param index: a folder, or a store's address.
    """
    yield from _versions()
    yield _finding("built-in model", lambda: f"{load_encoder().dimension} dimensions")
    if is_address(index):
        stored = _finding("store", MilvusStore(str(index)).check)
        yield stored
        if stored.well:
            yield _finding("model", lambda: _check_model(index))
    else:
        yield from _examine_folder(Path(index))


def _examine_folder(index: Path) -> Iterator[Finding]:
    try:
        manifest = read_manifest(index, read_pointer(index))
    except QAError as error:
        yield Finding("index", False, str(error))
        return
    yield Finding("index", True, _summary(manifest))
    files = _finding("files", lambda: _check_files(index, manifest))
    yield files
    if files.well:
        yield _finding("model", lambda: _check_model(index))
    yield _check_calibration(index, manifest)
    yield _finding("documents", lambda: _check_documents(index, manifest))
    yield Finding("earlier index", True, _earlier(index, manifest))


def _versions() -> Iterator[Finding]:
    yield Finding("python", True, platform.python_version())
    for name in _PACKAGES:
        try:
            yield Finding(name, True, version(name))
        except PackageNotFoundError:
            yield Finding(name, False, "is not installed. Run: pip install .")


def _finding(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, check())
    except QAError as error:
        return Finding(name, False, str(error))


def _summary(manifest: Manifest) -> str:
    left_out = f", {len(manifest.skipped)} files left out" if manifest.skipped else ""
    quick = f", compressed search with recall@10 {manifest.recall:.3f}" if manifest.search == "scan" else ""
    return f"{manifest.documents} documents, {manifest.passages} passages, {manifest.generation}{left_out}{quick}"


def _check_files(index: Path, manifest: Manifest) -> str:
    check_files(index, manifest, contents=True)
    open_generation(index)
    return f"{len(manifest.sizes)} files, {sum(manifest.sizes.values())} bytes, checksums agree"


def _check_model(index: str | Path) -> str:
    retriever = Retriever.open(index, allow_stale=True, calibrated=False)
    return f"{retriever.manifest.model}, {retriever.manifest.dimension} dimensions"


def _earlier(index: Path, manifest: Manifest) -> str:
    names = earlier_generations(index, manifest.generation)
    return f"{names[-1]}; to go back to it, run: qa index --rollback --index {index}" if names else "none is kept"


def _check_calibration(index: Path, manifest: Manifest) -> Finding:
    name = "calibration"
    try:
        found = read_calibration(index)
    except QAError as error:
        return Finding(name, False, str(error))
    if found is None:
        return Finding(name, True, "none, the shipped confidence is in use")
    wrong = objection(found, manifest.fingerprint)
    if wrong:
        again = f"qa evaluate {found.questions} --calibrate --index {index}"
        return Finding(name, False, f"not in use: {wrong}. Run: {again}")
    before, after = found.fit.before, found.fit.after
    return Finding(
        name,
        True,
        f"fitted on {found.date} to {found.answerable} + {found.unanswerable} questions of {found.questions} and "
        f"{found.passages} passages; expected calibration error {before['ece']:.3f} before, {after['ece']:.3f} after "
        "(cross-validated)",
    )


def _check_documents(index: Path, manifest: Manifest) -> str:
    check_fresh(index, manifest)
    return f"{manifest.files} files as they were indexed in {manifest.folder}" if manifest.folder else "none on disk"
