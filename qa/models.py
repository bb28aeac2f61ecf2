"""A model's name → its folder on this machine with every file it needs, or an error that names what is missing."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Final, Literal

from qa.errors import ModelMissing

Backend = Literal["torch", "openvino"]
TORCH: Final = "torch"
OPENVINO: Final = "openvino"
_OPENVINO_FILES = ("openvino/openvino_model.xml", "openvino_model.xml")
_CONFIG = ("config.json",)
_WEIGHTS = ("model.safetensors", "pytorch_model.bin", "model.safetensors.index.json", "pytorch_model.bin.index.json")
_TOKENIZER = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "sentencepiece.bpe.model",
    "spiece.model",
    "tokenizer.model",
)
_NEEDED = {"Transformer": (_CONFIG, _WEIGHTS, _TOKENIZER), "Pooling": (_CONFIG,), "Dense": (_CONFIG, _WEIGHTS)}

_E5 = {"query": "query: ", "document": "passage: "}
_BGE_ZH = {"query": "为这个句子生成表示以用于检索相关文章：", "document": ""}
_BGE_EN = {"query": "Represent this sentence for searching relevant passages: ", "document": ""}
_FAMILIES = (
    (re.compile(r"(multilingual-)?e5-(small|base|large)(-v2)?"), _E5),
    (re.compile(r"bge-(small|base|large)-zh(-v1\.5)?"), _BGE_ZH),
    (re.compile(r"bge-(small|base|large)-en(-v1\.5)?"), _BGE_EN),
)


def split_backend(name: str) -> tuple[Backend, str]:
    """Return what runs a model, and the model's name or path: ``openvino:NAME`` → ``("openvino", NAME)``."""
    prefix, colon, rest = name.partition(":")
    return (OPENVINO, rest) if colon and prefix == OPENVINO else (TORCH, name)


def locate(name: str, advice: str) -> Path:
    """Return the folder of a model; nothing is downloaded.

    :param name: a folder, or the name under which the model was downloaded from the Hugging Face hub before.
    :param advice: what to do if it is not there; the end of the error.
    :raises ModelMissing: if neither is on this machine; names where it was looked for.
    """
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download  # noqa: PLC0415
    from huggingface_hub.constants import HF_HUB_CACHE  # noqa: PLC0415
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError  # noqa: PLC0415

    cache = os.getenv("SENTENCE_TRANSFORMERS_HOME") or HF_HUB_CACHE
    for repository in (name, f"sentence-transformers/{name}"):
        try:
            return Path(snapshot_download(repository, cache_dir=cache, local_files_only=True))
        except (LocalEntryNotFoundError, HFValidationError):
            continue
    raise ModelMissing(name, f"not a folder, and not downloaded to this machine before (looked in {cache}). {advice}")


def modules_of(folder: Path) -> dict[str, str]:
    """Map the class of each of a sentence-transformers model's modules to its folder."""
    modules = json.loads((folder / "modules.json").read_text("utf-8"))
    return {module["type"].rsplit(".", 1)[-1]: str(module["path"]) for module in modules}


def check_complete(folder: Path, name: str, backend: Backend = TORCH) -> None:
    """See that every file which a model needs is there: with some of them missing it would load, and give nonsense.

    :param folder: a sentence-transformers model, or one Transformer alone, as most cross-encoders are.
    :raises ModelMissing: names the files, and for an exported model how to export it.
    """
    modules = modules_of(folder) if (folder / "modules.json").is_file() else {"Transformer": ""}
    missing = [
        " or ".join(str(folder / path / file) for file in alternatives[:2])
        for module, path in modules.items()
        for alternatives in _NEEDED.get(module, ())
        if not (backend == OPENVINO and alternatives is _WEIGHTS and module == "Transformer")
        and not any((folder / path / file).is_file() for file in alternatives)
    ]
    if missing:
        raise ModelMissing(name, f"files are missing: {', '.join(missing)}")
    if backend == OPENVINO and "Transformer" not in modules:
        raise ModelMissing(name, f"{folder} holds no Transformer to run with OpenVINO. Leave out: {OPENVINO}:")
    if backend == OPENVINO and not exported_files(folder):
        load = f"SentenceTransformer({str(folder)!r}, backend='openvino')"
        raise ModelMissing(
            name,
            f"{folder} holds no {_OPENVINO_FILES[0]}. Export it, with the extra openvino installed: python -c "
            f'"from sentence_transformers import SentenceTransformer; {load}.save_pretrained({str(folder)!r})"',
        )


def exported_files(folder: Path) -> list[Path]:
    """Return the files of the model that was exported for OpenVINO, its graph and its weights; none if it was not."""
    part = modules_of(folder).get("Transformer", "")
    for graph in (folder / part / file for file in _OPENVINO_FILES):
        if graph.is_file() and graph.with_suffix(".bin").is_file():
            return [graph, graph.with_suffix(".bin")]
    return []


def check_backend(name: str, backend: Backend) -> None:
    """See that what runs the model is installed.

    :raises ModelMissing: names the extra that brings it.
    """
    if backend == OPENVINO:
        try:
            import_module("optimum.intel.openvino")
        except ImportError as error:
            raise ModelMissing(
                name, f"OpenVINO cannot be loaded ({_first_line(error)}). Run: pip install '.[openvino]'"
            ) from error


def family_prompts(name: str) -> dict[str, str]:
    """Return the prompts of a model that was trained with some but is published without them; empty for all others.

    :param name: the model's name or path; its last part decides.

    E5: model card of intfloat/multilingual-e5-small, "Each input text should start with "query: " or "passage: ",
    even for non-English texts" (Wang et al. 2024). BGE: the model list of github.com/FlagOpen/FlagEmbedding, an
    instruction for questions and none for passages (Xiao et al. 2023); bge-m3 takes none.
    """
    last = Path(name).name.lower()
    return next((dict(prompts) for pattern, prompts in _FAMILIES if pattern.fullmatch(last)), {})


@contextmanager
def loading(name: str, folder: Path, advice: str) -> Iterator[None]:
    """Load a model without the bar that transformers draws on standard error for each.

    :raises ModelMissing: if the library cannot make sense of the folder.
    """
    from safetensors import SafetensorError  # noqa: PLC0415
    from transformers.utils import logging  # noqa: PLC0415

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelMissing(name, f"{folder} cannot be loaded ({_first_line(error)}). {advice}") from error
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
