import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from math import exp, log
from pathlib import Path

import pytest
from small_models import small_cross_encoder

from qa import __main__ as command_line
from qa.answer import shipped_weights
from qa.auth import read_accounts
from qa.calibration_file import read_calibration, write_calibration
from qa.embed import Encoder
from qa.layout import read_pointer
from qa.search import Retriever

ROOT = Path(__file__).parents[1]
QUESTIONS = ROOT / "questions/seeds.jsonl"
LONG = "会议由甲同志主持,与会人员认真听取了工作报告,并就下一阶段的重点任务进行了深入讨论。"


@pytest.fixture
def qa(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in this process; return exit code, standard output, standard error."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["qa", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            command_line.main()
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return run


Run = Callable[..., tuple[int, str, str]]


def test_ask_prints_the_contracts_object(qa: Run, seeds_index: Path) -> None:
    code, out, _ = qa("ask", "谁主持了大会", "--json", "--index", seeds_index, "-k", "3")
    answer = json.loads(out)
    assert code == 0
    assert list(answer) == ["question", "answered", "confidence", "evidence", "span", "hits", "findings", "read_as"]
    assert answer["answered"] is True
    assert list(answer["evidence"]) == ["document", "start", "end", "quote"]
    assert [hit["rank"] for hit in answer["hits"]] == [1, 2, 3]
    names = "rank, score, dense_score, lexical_score, document, title, start, end, text, also_in, evidence"
    assert ", ".join(answer["hits"][0]) == names


def test_ask_prints_sources_for_people(qa: Run, seeds_index: Path) -> None:
    code, out, err = qa("ask", "谁主持了大会", "--index", seeds_index)
    assert (code, err) == (0, "")
    assert "柴建军" in out
    assert "000_e1c267786c071a21.txt" in out


def test_ask_with_a_reranker_shows_its_order(qa: Run, seeds_index: Path, encoder: Encoder, tmp_path: Path) -> None:
    folder = small_cross_encoder(tmp_path / "cross")
    opened = Retriever.open(seeds_index, encoder=encoder, reranker=folder)
    expected = [(hit.passage.text, hit.score) for hit in opened.search("谁主持了大会", k=3)]
    opened.passages.close()
    _, out, _ = qa("ask", "谁主持了大会", "--json", "--index", seeds_index, "-k", "3", "--reranker", folder)
    assert [(hit["text"], hit["score"]) for hit in json.loads(out)["hits"]] == expected


def test_ask_declines_in_words(qa: Run, seeds_index: Path) -> None:
    code, out, _ = qa("ask", "如何做红烧肉", "--index", seeds_index)
    assert code == 0
    assert out.startswith("没有找到")


def test_the_first_ask_builds_the_index_and_says_so_on_standard_error(
    qa: Run, documents: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents(**{"a.txt": LONG}).rename(tmp_path / "seeds")
    monkeypatch.chdir(tmp_path)
    code, out, err = qa("ask", "谁主持会议", "--json")
    assert code == 0
    assert json.loads(out)["hits"][0]["document"] == "a.txt"
    assert err.splitlines()[0] == "index: no index yet, building it from seeds"
    assert qa("ask", "谁主持会议")[2] == ""


def test_index_reports_what_it_did(qa: Run, documents: Callable[..., Path], tmp_path: Path) -> None:
    folder = documents(**{"a.txt": LONG})
    (folder / "b.pdf").write_bytes(b"no pdf")
    code, out, err = qa("index", folder, "--index", tmp_path / "i")
    assert code == 0
    assert out.strip() == f"{tmp_path / 'i'}: 1 documents, 1 passages, 1 embedded, 1 files left out"
    assert err.startswith("left out b.pdf: ")
    assert "nothing changed" in qa("index", folder, "--index", tmp_path / "i")[1]


def test_index_as_json(qa: Run, documents: Callable[..., Path], tmp_path: Path) -> None:
    code, out, err = qa("index", documents(**{"a.txt": LONG}), "--index", tmp_path / "i", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "generation": read_pointer(tmp_path / "i").generation,
        "documents": 1,
        "passages": 1,
        "embedded": 1,
        "changed": True,
        "skipped": [],
        "search": "exact",
        "recall@10": 1.0,
    }


def test_rollback_goes_back_to_the_index_before_and_says_that_it_is_stale(
    qa: Run, documents: Callable[..., Path], tmp_path: Path
) -> None:
    folder = documents(**{"a.txt": LONG})
    qa("index", folder, "--index", tmp_path / "i")
    first = read_pointer(tmp_path / "i").generation
    assert qa("doctor", "--index", tmp_path / "i")[1].endswith("earlier index: none is kept\n")
    documents(**{"b.txt": LONG.replace("甲", "乙")})
    qa("index", folder, "--index", tmp_path / "i")
    assert f"{first}; to go back to it, run: qa index --rollback" in qa("doctor", "--index", tmp_path / "i")[1]
    code, out, err = qa("index", "--rollback", "--index", tmp_path / "i")
    assert (code, out, err) == (0, f"{tmp_path / 'i'}: back to {first}, 1 documents, 1 passages\n", "")
    code, _, err = qa("ask", "谁主持会议", "--index", tmp_path / "i")
    assert code == 1
    assert "IndexStale" in err
    assert "1 new (b.txt)" in err
    code, _, err = qa("index", "--rollback", "--index", tmp_path / "i")
    assert (code, "NoEarlierGeneration" in err) == (1, True)
    assert qa("index", "--rollback", "--rebuild", "--index", tmp_path / "i")[0] == 2


def test_watch_builds_after_a_change_and_stops_on_an_interrupt(documents: Callable[..., Path], tmp_path: Path) -> None:
    folder = documents(**{"a.txt": LONG})
    # A shell starts what it runs with & deaf to Ctrl-C, these tests perhaps.
    hearing = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); import qa.__main__ as q; q.main()"
    )
    command = [sys.executable, "-c", hearing, "index", str(folder), "--index", str(tmp_path / "i"), "--watch"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "1 documents" in process.stdout.readline()
    documents(**{"b.txt": LONG.replace("甲", "乙")})
    assert "2 documents, 2 passages, 1 embedded" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", f"{tmp_path / 'i'}: no longer watching {folder}\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("index", "/no/such/folder"), "NoDocuments: /no/such/folder"),
        (("ask", "  "), "InvalidQuestion: the question is empty"),
        (("evaluate", "/no/such/questions.json"), "/no/such/questions.json"),
        (("index", "--model", "no/such-model"), "ModelMissing: no/such-model"),
        (("ask", "x", "--reranker", "no/such-model"), "ModelMissing: no/such-model"),
        (("evaluate", QUESTIONS, "--reranker", "no/such-model"), "ModelMissing: no/such-model"),
    ],
)
def test_an_error_is_one_line_and_exit_code_1(
    qa: Run, seeds_index: Path, arguments: tuple[str, ...], told: str
) -> None:
    code, out, err = qa(*arguments, "--index", seeds_index)
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert told in err


@pytest.mark.parametrize("arguments", [("ask",), ("ask", "x", "-k", "0"), ("nonsense",), ("ask", "x", "--nonsense")])
def test_wrong_usage_is_exit_code_2(qa: Run, arguments: tuple[str, ...]) -> None:
    code, out, err = qa(*arguments)
    assert (code, out) == (2, "")
    assert "Usage: qa" in err


@pytest.mark.parametrize("command", ["index", "ask", "evaluate", "doctor"])
def test_every_command_explains_itself(qa: Run, command: str) -> None:
    code, out, _ = qa(command, "--help")
    assert code == 0
    assert "--index" in out


def test_doctor_finds_a_healthy_index_well(qa: Run, seeds_index: Path) -> None:
    code, out, _ = qa("doctor", "--index", seeds_index)
    assert code == 0
    assert "BAD" not in out
    assert "checksums agree" in out


def test_doctor_names_the_damage_and_the_cure(qa: Run, documents: Callable[..., Path], tmp_path: Path) -> None:
    qa("index", documents(**{"a.txt": LONG}), "--index", tmp_path / "i")
    path = tmp_path / "i" / "generations" / read_pointer(tmp_path / "i").generation / "vectors.faiss"
    path.write_bytes(path.read_bytes()[:-1])
    code, out, _ = qa("doctor", "--index", tmp_path / "i")
    assert code == 1
    [bad] = [line for line in out.splitlines() if line.startswith("BAD")]
    assert "vectors.faiss" in bad
    assert f"Run: qa index --rebuild --index {tmp_path / 'i'}" in bad


def test_doctor_without_an_index_says_how_to_build_one(qa: Run, tmp_path: Path) -> None:
    code, out, _ = qa("doctor", "--index", tmp_path)
    assert code == 1
    assert f"Run: qa index --index {tmp_path}" in out


def test_doctor_notices_stale_documents(qa: Run, documents: Callable[..., Path], tmp_path: Path) -> None:
    folder = documents(**{"a.txt": LONG})
    qa("index", folder, "--index", tmp_path / "i")
    documents(**{"b.txt": LONG + "又。"})
    code, out, _ = qa("doctor", "--index", tmp_path / "i")
    assert code == 1
    assert "IndexStale" in out


@pytest.fixture
def own_index(seeds_index: Path, tmp_path: Path) -> Path:
    """A copy of the seeds' index, to write into."""
    return Path(shutil.copytree(seeds_index, tmp_path / "own"))


@pytest.fixture
def few_questions(tmp_path: Path) -> Path:
    """Twenty of the seeds' questions of each kind."""
    lines = (ROOT / "questions/seeds.jsonl").read_text("utf-8").splitlines()
    kinds = [[line for line in lines if bool(json.loads(line)["evidence"]) is kind] for kind in (True, False)]
    path = tmp_path / "few.jsonl"
    path.write_text("\n".join([*kinds[0][:20], *kinds[1][:20]]), "utf-8")
    return path


def test_evaluate_calibrates_the_index_from_then_on(qa: Run, own_index: Path, few_questions: Path) -> None:
    asked = ("ask", "谁主持了大会", "--json", "--index", own_index)
    shipped = json.loads(qa(*asked)[1])["confidence"]
    code, out, _ = qa("evaluate", few_questions, "--index", own_index, "--calibrate", "--cost-wrong", "9", "--json")
    report = json.loads(out)
    fit = report["calibration"]["fit"]
    assert code == 0
    assert (report["calibration"]["answerable"], report["calibration"]["unanswerable"]) == (20, 20)
    assert (fit["cost"], fit["weights"]["threshold"]) == (9, pytest.approx(0.9))
    assert fit["before"]["ece"] == report["declined"]["ece"]
    answer = json.loads(qa(*asked)[1])
    odds = fit["scale"] * log(shipped / (1 - shipped)) + fit["shift"]
    assert answer["confidence"] == pytest.approx(1 / (1 + exp(-odds)))
    assert answer["answered"] is (answer["confidence"] >= 0.9)

    code, out, _ = qa("doctor", "--index", own_index)
    assert code == 0
    assert re.search(r"ok  calibration: fitted on \S+ to 20 \+ 20 questions of few.jsonl and 77 passages", out)
    assert "calibrated_on_these" not in report
    assert json.loads(qa("evaluate", few_questions, "--index", own_index, "--json")[1])["calibrated_on_these"] is True
    again = json.loads(qa("evaluate", few_questions, "--index", own_index, "--calibrate", "--json")[1])["calibration"]
    threshold = shipped_weights()["threshold"]
    assert (again["fit"]["scale"], again["fit"]["before"]["ece"]) == (fit["scale"], fit["before"]["ece"])
    assert again["fit"]["cost"] == pytest.approx(threshold / (1 - threshold))


def test_a_calibration_outlives_a_rebuild_but_not_another_model(
    qa: Run, own_index: Path, few_questions: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "reliability.svg"
    code, out, _ = qa("evaluate", few_questions, "--index", own_index, "--calibrate", "--plot", picture)
    assert code == 0
    assert 1 <= picture.read_text("utf-8").count("<circle") <= 10
    assert f"confidence fitted to {few_questions}, in use for {own_index} from now on" in out
    assert "fitted, cross-validated" in out
    assert "expected calibration error" in out
    asked = ("ask", "谁主持了大会", "--json", "--index", own_index)
    confidence = json.loads(qa(*asked)[1])["confidence"]
    qa("index", ROOT / "seeds", "--index", own_index, "--rebuild")
    assert json.loads(qa(*asked)[1])["confidence"] == confidence
    write_calibration(own_index, replace(read_calibration(own_index), fingerprint="other"))
    assert json.loads(qa(*asked)[1])["confidence"] != confidence
    code, out, _ = qa("doctor", "--index", own_index)
    assert code == 1
    assert "BAD calibration: not in use: fitted to another model (other, the index has " in out


@pytest.mark.parametrize("harmed", [b"\xff" * 100, b""])
def test_doctor_names_a_damaged_file_of_passages_also_where_documents_changed(
    qa: Run, tmp_path: Path, harmed: bytes
) -> None:
    document = tmp_path / "documents" / "a.txt"
    document.parent.mkdir()
    document.write_text("大会由柴建军主持。", "utf-8")
    qa("index", document.parent, "--index", tmp_path / "index")
    document.write_text("大会由李向阳主持。", "utf-8")
    [path] = tmp_path.glob("index/generations/*/passages.sqlite")
    path.write_bytes(harmed)
    code, out, err = qa("doctor", "--index", tmp_path / "index")
    assert code == 1
    assert "BAD files: " in out + err
    assert "BAD documents: " in out + err


def test_a_damaged_calibration_stops_an_answer_and_doctor_names_it(qa: Run, own_index: Path) -> None:
    (own_index / "calibration.json").write_text("{}")
    for command in (("ask", "谁"), ("doctor",)):
        code, out, err = qa(*command, "--index", own_index)
        assert code == 1
        assert "calibration.json: is damaged" in out + err
        assert "remove the file to go back to the shipped confidence" in out + err


@pytest.mark.parametrize(
    "arguments", [("--cost-wrong", "1"), ("--calibrate", "--corpus", "x"), ("--calibrate", "--cost-wrong", "0")]
)
def test_calibrating_with_what_does_not_go_with_it_is_wrong_usage(qa: Run, arguments: tuple[str, ...]) -> None:
    assert qa("evaluate", "q.jsonl", *arguments)[0] == 2


def test_a_set_with_its_own_passages_calibrates_no_index(qa: Run, own_index: Path, tmp_path: Path) -> None:
    context = {"context": LONG, "qas": [{"id": "1", "question": "谁", "answers": [{"text": "甲"}]}]}
    (tmp_path / "q.json").write_text(json.dumps({"data": [{"paragraphs": [context]}]}), "utf-8")
    code, _, err = qa("evaluate", tmp_path / "q.json", "--index", own_index, "--calibrate")
    assert code == 1
    assert "q.json: brings its own passages (squad); to calibrate an index, a JSON Lines set is expected" in err


def test_evaluate_measures_and_compares(qa: Run, seeds_index: Path, tmp_path: Path) -> None:
    questions = tmp_path / "q.jsonl"
    page = "000_e1c267786c071a21.txt"
    lines = [
        {"id": "1", "question": "谁主持了协和的大会", "evidence": [{"document": page, "quote": "纪委书记柴建军主持"}]},
        {"id": "2", "question": "如何做红烧肉", "evidence": []},
    ]
    questions.write_text("\n".join(json.dumps({"answers": [], **line}) for line in lines), "utf-8")
    code, out, _ = qa("evaluate", questions, "--index", seeds_index, "--json")
    report = json.loads(out)
    assert (code, report["questions"], report["success@1"]) == (0, 2, 1.0)
    (tmp_path / "old.json").write_text(out)
    code, out, _ = qa("evaluate", questions, "--index", seeds_index, "--compare", tmp_path / "old.json")
    assert code == 0
    assert "success@1" in out


def test_password_prints_a_line_that_lets_its_name_in(qa: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, line, _ = qa("password", "anna", "--password", "correct horse")
    (tmp_path / "accounts").write_text(line, "utf-8")
    assert code == 0
    assert "correct horse" not in line
    assert read_accounts(tmp_path / "accounts").verify("anna", "correct horse")
    code, out, err = qa("password", "an na", "--password", "correct horse")
    assert (code, out) == (1, "")
    assert err.startswith("InvalidAccounts: 'an na': a name has 1 to 64 characters")
