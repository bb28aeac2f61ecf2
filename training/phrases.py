"""What made questions and pages are worded with."""

import tomllib
from pathlib import Path
from typing import Any

PHRASES: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
MARKS = "?", "？", "", ""
