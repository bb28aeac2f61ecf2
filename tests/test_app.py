from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from app import is_this_machine, main, offered
from qa.auth import make_line

ROOT = Path(__file__).parents[1]
SEEDS = ROOT / "seeds"


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "app.py"), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    started = start("--port", "0", "--index", str(tmp_path / "index"))
    with started:
        yield started
        started.kill()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_without_an_index_it_builds_one_says_so_serves_and_stops_when_told(
    process: subprocess.Popen[str], tmp_path: Path, stop: signal.Signals
) -> None:
    assert process.stderr is not None
    assert process.stdout is not None
    assert process.stderr.readline() == f"{tmp_path / 'index'}: no index yet, building it from seeds\n"
    assert process.stderr.readline().startswith(f"{tmp_path / 'index'}: 5 documents, ")
    address = process.stderr.readline().split()[1]
    with httpx.Client(trust_env=False, timeout=30) as browser:
        assert browser.get(address).status_code == 200
        assert browser.get(address + "health").json()["passages"] > 5
    process.send_signal(stop)
    assert process.wait(timeout=20) == 0
    assert process.stdout.read() == ""
    assert "Traceback" not in process.stderr.read()


def test_a_taken_port_is_one_line_with_what_to_run() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with start("--port", str(port)) as refused:
            _, said = refused.communicate(timeout=60)
    assert refused.returncode == 1
    assert (
        said
        == f"127.0.0.1:{port}: cannot listen there (Address already in use). Run: python app.py --port {port + 1}\n"
    )


def test_an_index_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "current").write_text("nonsense")
    with start("--port", "0", "--index", str(tmp_path)) as refused:
        _, said = refused.communicate(timeout=60)
    assert refused.returncode == 1
    assert said.count("\n") == 1
    assert f"qa index --rebuild --index {tmp_path}" in said


def test_a_reranker_that_is_not_here_is_one_line(seeds_index: Path) -> None:
    with start("--port", "0", "--index", str(seeds_index), "--reranker", "no/such-model") as refused:
        _, said = refused.communicate(timeout=60)
    assert refused.returncode == 1
    assert said.startswith("ModelMissing: no/such-model: ")
    assert said.count("\n") == 1


def test_wrong_usage_is_exit_code_2() -> None:
    with start("--port", "99999") as refused:
        _, said = refused.communicate(timeout=60)
    assert refused.returncode == 2
    assert "99999" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--allow-upload", "seeds"], "seeds: these documents are never edited by the program. Run: cp -r seeds "),
        (["--allow-upload", str(SEEDS)], f"{SEEDS}: these documents are never edited by the program. "),
        (["--allow-upload", "no/such"], "no/such: there is no such folder. Run: mkdir -p no/such"),
        (["--auth", "no/such"], "no/such: cannot be read "),
        (["--auth"], "the environment variable QA_ACCOUNTS: no account is there. Make a line with: qa password NAME"),
    ],
)
def test_what_cannot_be_served_is_one_line(arguments: list[str], said: str, tmp_path: Path) -> None:
    before = sorted((path.name, path.read_bytes()) for path in SEEDS.iterdir())
    with start("--port", "0", "--index", str(tmp_path / "index"), *arguments) as refused:
        _, line = refused.communicate(timeout=120)
    assert refused.returncode == 1
    assert line.count("\n") == 1
    assert line.split(": ", 1)[1].startswith(said)
    assert sorted((path.name, path.read_bytes()) for path in SEEDS.iterdir()) == before
    assert not (tmp_path / "index").exists()


def test_everything_a_server_needs_can_be_asked_for_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents, log = tmp_path / "documents", tmp_path / "log"
    documents.mkdir()
    (documents / "a.txt").write_text("图书馆周六上午九点开门。\n", "utf-8")
    monkeypatch.setenv("QA_ACCOUNTS", make_line("anna", "correct horse"))
    options = ["--auth", "--rate", "5", "--access-log", str(log), "--root-path", "/qa", "--mcp", "--allow-upload"]
    with start("--port", "0", "--index", str(tmp_path / "index"), *options, str(documents)) as served:
        assert served.stderr is not None
        assert served.stderr.readline() == f"{tmp_path / 'index'}: no index yet, building it from {documents}\n"
        assert served.stderr.readline() == f"{tmp_path / 'index'}: 1 documents, 1 passages\n"
        address = served.stderr.readline().split()[1]
        with httpx.Client(trust_env=False, timeout=60, base_url=address) as client:
            assert client.get("qa/ready").json()["ready"] is True
            assert client.post("gradio_api/upload", files={"files": ("a.txt", b"x")}).status_code == 401
            assert client.get("gradio_api/mcp/schema").status_code == 401
            login = client.post("qa/login", data={"username": "anna", "password": "correct horse"})
            assert login.json() == {"success": True}
            assert '"wd-add"' in client.get("config").text
        served.send_signal(signal.SIGTERM)
        assert served.wait(timeout=60) == 0
    requests = [json.loads(line)["path"] for line in log.read_text("utf-8").splitlines()]
    assert requests == ["/qa/ready", "/gradio_api/upload", "/gradio_api/mcp/schema", "/qa/login", "/config"]


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("a.org", False),
    ],
)
def test_evaluation_is_offered_by_itself_only_to_this_machine(host: str, local: bool) -> None:
    assert is_this_machine(host) is local


def test_the_questions_of_the_seeds_are_offered_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = (tmp_path / "own.jsonl",)
    assert offered(own) == own
    monkeypatch.chdir(tmp_path)
    assert offered(()) == ()
    (tmp_path / "questions").mkdir()
    (tmp_path / "questions" / "seeds.jsonl").touch()
    assert offered(()) == (Path("questions/seeds.jsonl"),)


def test_help_names_every_option() -> None:
    shown = CliRunner().invoke(main, ["--help"]).output
    assert all(f"--{name}" in shown for name in ("no-feedback", "no-evaluation", "questions"))
