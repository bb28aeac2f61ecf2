"""The rooms of ``qa`` and what each may import: data flows one way, down this table."""

import ast
from pathlib import Path

import pytest

QA = Path(__file__).parents[1] / "qa"
EVERYWHERE = {"errors", "records"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "records": set(),
    "text": set(),
    "layout": {"load"},
    "load": set(),
    "boilerplate": {"text"},
    "decode": {"text"},
    "formats": {"decode"},
    "facts": {"text", "boilerplate"},
    "questions": {"decode", "load"},
    "listing": {"decode", "layout", "load"},
    "read": {"decode", "formats", "facts", "listing", "load", "questions"},
    "split": {"text", "boilerplate"},
    "leads": {"text"},
    "models": set(),
    "pieces": set(),
    "tokens": {"pieces"},
    "embed": {"models", "tokens"},
    "vectors": set(),
    "lexical": {"text"},
    "lock": {"layout"},
    "passages": set(),
    "staging": {"layout", "lexical", "passages", "vectors"},
    "store": {"layout", "lexical", "passages", "staging", "vectors"},
    "generation": set(),
    "milvus_records": {"lexical"},
    "milvus_read": {"generation", "lexical", "milvus_records"},
    "milvus": {"generation", "milvus_read", "milvus_records"},
    "milvus_update": {"generation", "milvus", "milvus_read", "milvus_records", "passages"},
    "stores": {"fresh", "generation", "layout", "milvus", "store"},
    "ray_embed": {"embed"},
    "fresh": {"formats", "layout", "listing", "passages"},
    "intake": {"decode", "layout", "listing", "passages", "read", "split"},
    "build": {
        *(
            "embed",
            "formats",
            "fresh",
            "intake",
            "layout",
            "leads",
            "listing",
            "lock",
            "passages",
            "staging",
            "store",
            "vectors",
        ),
    },
    "watch": {"formats", "listing"},
    "kinds": {"text"},
    "sounds": set(),
    "transcribed": set(),
    "respell": {"sounds", "text", "transcribed", "translate"},
    "infull": {"facts", "text", "weigh"},
    "named": {"facts", "infull", "text"},
    "gist": set(),
    "translate": {"lexical", "sounds"},
    "weigh": {"embed", "lexical", "sounds", "text", "translate"},
    "numbers": {"text"},
    "rank": {"embed", "kinds", "named", "numbers", "text", "weigh"},
    "compare": {"text"},
    "reader": {"compare"},
    "edges": {"compare", "text"},
    "candidates": set(),
    "linear": set(),
    "bert": {"linear"},
    "scripted": {"bert", "linear"},
    "stack": {"bert", "linear", "scripted"},
    "packer": {"pieces", "text"},
    "joint": {"bert", "linear", "packer", "pieces", "stack"},
    "span": {"candidates", "compare", "edges", "embed", "joint", "packer", "reader", "text"},
    "reread": {"compare", "rank", "span", "text"},
    "closely": {"joint", "packer", "rank", "reread", "span"},
    "answer": {"text"},
    "search": {
        *("answer", "calibration_file", "closely", "cross", "embed", "generation"),
        *(
            "gist",
            "infull",
            "joint",
            "lexical",
            "rank",
            "reread",
            "respell",
            "sounds",
            "stores",
            "text",
            "translate",
            "vectors",
            "weigh",
        ),
    },
    "temporary": {"build", "cross", "embed", "search", "stores"},
    "why": {"boilerplate", "search", "text"},
    "doctor": {"calibration_file", "embed", "fresh", "layout", "milvus", "search", "store", "stores"},
    "calibration_file": {"answer", "layout"},
    "cross": {"embed", "models", "rank"},
    "uploads": {"formats", "layout", "read"},
    "live": {"build", "cross", "embed", "search", "store", "stores", "uploads"},
    "measures": {"text"},
    "reliability": {"measures"},
    "report": {"measures"},
    "calibrate": {"measures", "reliability"},
    "withhold": set(),
    "labels": {"measures", "search"},
    "evaluation": {
        *("answer", "build", "calibrate", "calibration_file", "cross", "embed"),
        *("labels", "layout", "measures", "questions", "reliability", "search", "stack", "temporary", "withhold"),
    },
    "wording": set(),
    "show": {"wording"},
    "plain": {"show", "wording"},
    "suggest": {"text"},
    "memory": set(),
    "accesslog": set(),
    "stopping": {"accesslog"},
    "arenas": set(),
    "web": {"accesslog", "stopping"},
    "auth": set(),
    "logins": {"auth"},
    "limits": {"accesslog", "wording"},
    "service": {"accesslog", "auth", "limits", "live", "web"},
    "followup": {"text"},
    "feedback": {"questions", "text"},
    "card": {"show", "wording"},
    "explanation": {"show", "why", "wording"},
    "lately": {"search"},
    "desk": {
        *("card", "explanation", "why", "feedback", "followup", "lately", "live"),
        *("memory", "search", "show", "wording"),
    },
    "plots": {"show"},
    "scorecard": {"kinds", "measures", "plots", "report", "show", "wording"},
    "trial": {"evaluation", "feedback", "live", "questions", "report", "scorecard", "search", "show", "wording"},
    "blocks": {"desk", "trial", "memory", "search", "show", "wording"},
    "conversation": {"card", "desk", "blocks", "memory", "show", "wording"},
    "reasons": {"wording"},
    "documents": {"desk", "formats", "blocks", "live", "reasons", "show", "uploads", "wording"},
    "chat": {
        "conversation",
        "desk",
        "documents",
        "feedback",
        "blocks",
        "live",
        "logins",
        "search",
        "service",
        "suggest",
        "trial",
        "wording",
    },
    "__init__": {"build", "evaluation", "read", "search", "split"},
}


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "qa":
            rooms.update([node.module.split(".")[1]] if "." in node.module else [name.name for name in node.names])
        if isinstance(node, ast.Import):
            rooms.update(name.name.split(".")[1] for name in node.names if name.name.startswith("qa."))
    return rooms


@pytest.mark.parametrize("path", sorted(QA.glob("*.py")), ids=lambda path: path.stem)
def test_a_room_imports_only_what_stands_above_it(path: Path) -> None:
    if path.stem == "__main__":
        return
    assert path.stem in MAY_IMPORT, f"give the room {path.stem} its line in the table"
    assert imported_rooms(path) - EVERYWHERE <= MAY_IMPORT[path.stem]


def test_the_table_has_no_line_without_a_room() -> None:
    assert {path.stem for path in QA.glob("*.py")} - {"__main__"} == set(MAY_IMPORT)


def test_there_is_no_room_for_odds_and_ends() -> None:
    assert not {"utils", "helpers", "manager", "common", "misc"} & {path.stem for path in QA.glob("*.py")}
