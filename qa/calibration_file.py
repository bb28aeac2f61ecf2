"""An index folder ↔ the confidence that was fitted to it: ``calibration.json``, beside the generations.

It belongs to the index and outlives a rebuild. It is replaced in one step and carries its own SHA-256. Fitted to
another embedding model or another shipped confidence it is passed over, which ``qa doctor`` says; damaged, it is an
error.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from qa.answer import shipped_weights
from qa.errors import CalibrationDamaged, UnreadableFile
from qa.layout import Layout, sha256, sync
from qa.records import Calibration, Fit

FORMAT = 1
_LARGEST = 1 << 20


def write_calibration(folder: Path, calibration: Calibration) -> Path:
    """Make a calibration the index's own, in one step that a power cut does not undo; return its path.

    :raises UnreadableFile: if the folder cannot be written to.
    """
    path = Layout(folder).calibration
    body = {"format": FORMAT, **asdict(calibration)}
    text = json.dumps({**body, "checksum": _checksum(body)}, ensure_ascii=False, indent=1)
    aside = None
    try:
        with NamedTemporaryFile("w", encoding="utf-8", dir=folder, prefix=".calibration-", delete=False) as file:
            aside = Path(file.name)
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        aside.chmod(0o644)
        aside.replace(path)
        sync(folder)
    except OSError as error:
        if aside is not None:
            aside.unlink(missing_ok=True)
        raise UnreadableFile(path, f"the calibration cannot be written: {error.strerror or error}") from error
    return path


def read_calibration(folder: Path) -> Calibration | None:
    """Return the index's calibration, or None without one.

    :raises CalibrationDamaged: if the file is not as it was written.
    """
    path = Layout(folder).calibration
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CalibrationDamaged(folder, path, str(error.strerror or error)) from error
    try:
        return _parsed(raw)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CalibrationDamaged(folder, path, f"is damaged ({type(error).__name__}: {error})") from error


def shipped_checksum() -> str:
    """Return the SHA-256 of the shipped confidence's weights."""
    return _checksum(shipped_weights())


def objection(calibration: Calibration, fingerprint: str) -> str | None:
    """Say why a calibration does not hold for an index of this model fingerprint, or return None if it does."""
    if calibration.fingerprint != fingerprint:
        return f"fitted to another model ({calibration.fingerprint[:12]}, the index has {fingerprint[:12]})"
    if calibration.shipped != shipped_checksum():
        return "fitted to the confidence of another version of this program"
    return None


def calibrated_weights(folder: Path, fingerprint: str) -> Mapping[str, float] | None:
    """Return the weights of the index's own confidence, or None where there is none that holds.

    :raises CalibrationDamaged: as :func:`read_calibration`.
    """
    calibration = read_calibration(folder)
    return None if calibration is None or objection(calibration, fingerprint) else calibration.fit.weights


def is_fitted_to(folder: Path, fingerprint: str, questions: Path) -> bool:
    """Say whether the confidence in use was fitted to this very question file, so that figures on it flatter.

    :raises CalibrationDamaged: as :func:`read_calibration`.
    """
    calibration = read_calibration(folder)
    if calibration is None or objection(calibration, fingerprint):
        return False
    return calibration.sha256 == sha256(questions)


def _parsed(raw: bytes) -> Calibration:
    if len(raw) > _LARGEST:
        raise ValueError(f"more than {_LARGEST} bytes")
    body = json.loads(raw)
    checksum = body.pop("checksum")
    if checksum != _checksum(body):
        raise ValueError("altered after it was written")
    if body.pop("format") != FORMAT:
        raise ValueError(f"another format than {FORMAT}")
    calibration = Calibration(fit=Fit(**body.pop("fit")), **body)
    weights = calibration.fit.weights
    if not all(math.isfinite(value) for value in weights.values()) or not 0 <= weights["threshold"] <= 1:
        raise ValueError("weights that are no confidence")
    if "intercept" not in weights:
        raise ValueError("no intercept")
    return calibration


def _checksum(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(dict(body), sort_keys=True, ensure_ascii=False).encode()).hexdigest()
