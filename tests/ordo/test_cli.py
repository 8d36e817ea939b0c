"""The `ordo` command: what it prints, what it asks, and how it ends."""

import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner, Result

from adapters import AuditEntry
from adapters.store_port import Note
from adapters.stores import DataLock, SqliteStore, load_or_make_key
from ordo import tls
from ordo.cli import main
from ordo.config import Settings
from ordo.tokens import Scope, TokenBook

ROOT = Path(__file__).parents[2]
COMMANDS = [
    [],
    ["demo"],
    ["serve"],
    ["status"],
    ["health"],
    ["kill"],
    ["resume"],
    ["audit"],
    ["audit", "verify"],
    ["config"],
    ["config", "check"],
    ["token"],
    ["token", "new"],
    ["token", "list"],
    ["token", "revoke"],
]
STATUS = {
    "version": "0.1.0",
    "uptime_seconds": 12.5,
    "kill_switch": {"engaged": False, "reason": None, "since": None, "by": None},
    "store": {"ok": True, "failure": None},
    "brokers": [
        {
            "broker": "paper",
            "connection": "connected",
            "breaker": "CLOSED",
            "queue_depth": 0,
            "open_orders": 3,
            "unknown_orders": 1,
            "restarts": 2,
            "last_call_at": "2026-11-21T12:00:00.000Z",
            "last_login_at": None,
        }
    ],
}


class Ordo(ThreadingHTTPServer):
    """Answers as Ordo does, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.asked: list[tuple[str, str, str | None, Any]] = []
        self.answer: tuple[int, Any] = (200, envelope({}))

    @property
    def bind(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.bind}"


class Answers(BaseHTTPRequestHandler):
    server: Ordo

    def do_GET(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(size)) if size else None
        token = self.headers.get("Authorization")
        self.server.asked.append((self.command, self.path, token, body))
        status, answer = self.server.answer
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_PUT(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def envelope(data: Any, **changes: Any) -> dict[str, Any]:
    plain = {
        "status": "success",
        "request_id": "r1",
        "error_code": None,
        "message": None,
        "data": data,
        "results": [],
    }
    return plain | changes


@pytest.fixture
def ordo() -> Iterator[Ordo]:
    server = Ordo()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def nothing_else_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working directory, and none of our variables."""
    monkeypatch.chdir(tmp_path)
    for name in ("ORDO_CONFIG", "ORDO_TOKEN", "ORDO_URL", "ORDO_CA", "ORDO_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def ordo_command(*words: str, **environ: str) -> Result:
    return CliRunner().invoke(main, words, env=environ)


def settings(ordo: Ordo, more: str = "") -> None:
    Path("ordo.toml").write_text(
        f'[server]\nbind = "{ordo.bind}"\ntls = "off"\n[data]\ndir = "d"\n{more}'
    )


def last_line_of(result: Result) -> str:
    """The one line on standard error of a command that could not do it."""
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result.stderr.rstrip("\n")


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_has_help(words: list[str]):
    result = ordo_command(*words, "--help")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("Usage: ")


@pytest.mark.parametrize(
    "words",
    [
        ["sell"],
        ["status", "--nope"],
        ["token", "new", "--scope", "root"],
        ["token", "new", "--days", "0"],
        ["token", "revoke"],
        ["status", "--ca", "gone.pem"],
    ],
)
def test_wrong_use_ends_with_2(words: list[str]):
    assert ordo_command(*words).exit_code == 2


def test_the_help_of_a_real_process_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from ordo.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "print([m for m in ('httpx', 'trio', 'cryptography', 'yaml', 'ordo.config')"
        " if m in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_python_m_ordo_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "ordo", "--version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "ordo, version 0.1.0\n"


def test_a_new_token_is_all_that_is_printed_and_it_works():
    result = ordo_command("token", "new")
    assert (result.exit_code, result.stderr) == (0, "")
    token = result.stdout.removesuffix("\n")
    principal = TokenBook(Path("var/tokens.json")).principal(token)
    assert principal is not None
    assert principal.scope is Scope.TRADE


def test_tokens_are_listed_without_what_makes_them_work_and_revoked_by_id():
    token = ordo_command(
        "token", "new", "--scope", "admin", "--name", "desk", "--days", "2"
    ).stdout.strip()
    listed = ordo_command("token", "list").stdout
    token_id = token.split("_")[1]
    assert listed.startswith(f"{token_id}  admin  made ")
    assert listed.endswith("  desk\n")
    assert token.split("_", 2)[2] not in listed
    assert ordo_command("token", "revoke", token_id).stdout == f"revoked {token_id}\n"
    assert ordo_command("token", "list").stdout == ""
    assert (
        last_line_of(ordo_command("token", "revoke", token_id))
        == f"ordo: there is no token {token_id}; see: ordo token list"
    )


def test_tokens_live_in_the_data_directory_of_the_settings():
    Path("other.toml").write_text('[data]\ndir = "elsewhere"\n')
    assert ordo_command("--config", "other.toml", "token", "new").exit_code == 0
    assert ordo_command("token", "new", "--config", "other.toml").exit_code == 0
    assert ordo_command("token", "new", ORDO_CONFIG="other.toml").exit_code == 0
    assert len(TokenBook(Path("elsewhere/tokens.json")).stored()) == 3


def test_status_is_a_table_that_can_be_read(ordo: Ordo):
    settings(ordo)
    ordo.answer = (200, envelope(STATUS))
    assert ordo_command("status").stdout == (
        "trading         allowed\n"
        "version         0.1.0\n"
        "uptime seconds  12.5\n"
        "store           ok True, failure -\n"
        "\n"
        "BROKER  CONNECTION  BREAKER  QUEUE  OPEN  UNKNOWN  RESTARTS  LAST CALL"
        "                 SESSION  UNTIL\n"
        "paper   connected   CLOSED   0      3     1        2"
        "         2026-11-21T12:00:00.000Z  -        -\n"
    )
    assert ordo.asked == [("GET", "/api/v1/status", None, None)]


def test_status_says_first_that_trading_is_halted(ordo: Ordo):
    settings(ordo)
    halted = {"engaged": True, "reason": "drill", "since": None, "by": "token:config"}
    ordo.answer = (200, envelope({"kill_switch": halted, "brokers": []}))
    assert ordo_command("status").stdout == (
        "trading  HALTED, reason drill, by token:config\n\nno brokers\n"
    )


def test_status_shows_warnings_where_there_are_some(ordo: Ordo):
    settings(ordo)
    ordo.answer = (200, envelope({"warnings": [], "brokers": []}))
    assert "WARNING" not in ordo_command("status").stdout
    words = "our clock is 30.0 s behind ntp.example.org"
    ordo.answer = (200, envelope({"warnings": [words], "brokers": []}))
    assert ordo_command("status").stdout == (
        f"trading  allowed\nWARNING  {words}\n\nno brokers\n"
    )


def test_status_in_json_is_the_answer_itself(ordo: Ordo):
    settings(ordo)
    ordo.answer = (200, envelope(STATUS))
    assert json.loads(ordo_command("status", "--json").stdout) == envelope(STATUS)


def test_kill_says_that_nothing_leaves_and_what_had_left(ordo: Ordo):
    settings(ordo)
    data = {
        "engaged": True,
        "on_the_wire": ["A1", "B2"],
        "progress": {"cancels": {"wanted": 3, "done": 1, "failed": 0}},
    }
    ordo.answer = (200, envelope(data))
    result = ordo_command("kill", "--reason", "drill", "--cancel-open")
    assert result.exit_code == 0
    assert result.stdout == (
        "Halted: no new order leaves until: ordo resume\n"
        "Sent before it (2): A1, B2\n"
        "Cancels go on: 1 of 3 done, 0 failed\n"
    )
    body = {"engaged": True, "reason": "drill", "cancel_open": True}
    assert ordo.asked == [("PUT", "/api/v1/kill-switch", None, body)]


def test_resume_releases_the_kill_switch(ordo: Ordo):
    settings(ordo)
    result = ordo_command("resume")
    assert (result.exit_code, result.stdout) == (0, "Resumed: new orders are taken\n")
    assert ordo.asked[0][3] == {"engaged": False, "reason": "ordo resume"}


def test_the_token_is_the_given_then_the_configured_then_the_demos(ordo: Ordo):
    settings(ordo)
    Path("d").mkdir()
    Path("d/admin.token").write_text("demo\n")
    ordo_command("status")
    ordo_command("status", ORDO_AUTH__TOKEN="configured")
    ordo_command("status", ORDO_AUTH__TOKEN="configured", ORDO_TOKEN="shell")
    ordo_command("status", "--token", "given", ORDO_TOKEN="shell")
    assert [token for _, _, token, _ in ordo.asked] == [
        "Bearer demo",
        "Bearer configured",
        "Bearer shell",
        "Bearer given",
    ]


def test_with_url_and_token_no_settings_are_needed(ordo: Ordo):
    Path("ordo.toml").write_text("nonsense")
    assert ordo_command("status", "--url", ordo.url, "--token", "t").exit_code == 0
    assert ordo_command("status", "--url", ordo.url).exit_code == 1


def test_kill_needs_no_secret_of_any_broker(ordo: Ordo):
    settings(ordo, '[brokers.x]\nadapter = "hdfc"\nsecret = "env:GONE"\n')
    assert ordo_command("kill").exit_code == 0


def test_a_proxy_of_the_shell_is_not_asked(ordo: Ordo):
    settings(ordo)
    assert ordo_command("status", HTTP_PROXY="http://127.0.0.1:1").exit_code == 0


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (
            (403, envelope(None, status="error", error_code="forbidden", message="no")),
            "ordo: no (forbidden)",
        ),
        (
            (401, envelope(None, status="error", error_code="unauthorized")),
            "ordo: {url} does not accept the token; give another by --token",
        ),
        (
            (507, envelope(None, status="error", error_code="x", message="a\n b")),
            "ordo: a b (x)",
        ),
        ((502, b"<html>"), "ordo: {url} answered HTTP 502, and not as Ordo does"),
        ((200, b"[]"), "ordo: {url} answered HTTP 200, and not as Ordo does"),
    ],
)
def test_what_went_wrong_is_one_line(ordo: Ordo, answer: tuple[int, Any], line: str):
    settings(ordo)
    ordo.answer = answer
    result = ordo_command("kill", "--token", "planted")
    assert last_line_of(result) == line.format(url=ordo.url)


def test_where_nothing_answers_the_line_says_how_to_start_it(ordo: Ordo):
    settings(ordo)
    ordo.server_close()
    assert last_line_of(ordo_command("kill")) == (
        f"ordo: no Ordo answers at {ordo.url}; start it with: ordo serve"
    )


def test_the_ca_in_the_data_directory_is_trusted_and_no_other(
    ordo: Ordo, tmp_path: Path
):
    files = tls.ensure(tmp_path / "d/tls", "127.0.0.1")
    other = tls.ensure(tmp_path / "other", "127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.cert, files.key)
    ordo.socket = context.wrap_socket(ordo.socket, server_side=True)
    Path("ordo.toml").write_text(f'[server]\nbind = "{ordo.bind}"\n[data]\ndir = "d"\n')
    assert ordo_command("status").exit_code == 0
    assert last_line_of(ordo_command("status", "--ca", str(other.ca))) == (
        f"ordo: https://{ordo.bind} shows a certificate of another CA;"
        " name the right one by --ca"
    )


def test_config_check_names_the_file_and_the_brokers():
    Path("ordo.toml").write_text('[brokers.one]\nadapter = "paper"\n')
    result = ordo_command("config", "check")
    assert result.stdout == "ordo.toml: good; brokers: one\n"


def test_config_check_without_anything_is_good():
    result = ordo_command("config", "check")
    assert result.stdout == "defaults and environment: good; brokers: none\n"


def test_config_check_ends_with_1_and_the_key_that_is_wrong():
    Path("ordo.toml").write_text("[server]\nport = 8443\n")
    line = last_line_of(ordo_command("config", "check"))
    assert line.startswith("ordo: server.port: no such setting; ")


def test_config_check_knows_limits_that_the_broker_does_not_allow():
    Path("ordo.toml").write_text(
        '[brokers.one]\nadapter = "paper"\nlimits = { per_second = 11 }\n'
    )
    assert last_line_of(ordo_command("config", "check")) == (
        "ordo: brokers.one.limits.per_second: wanted at most 10, as published"
        " (registered_limits = true lifts it), found 11"
    )


@pytest.fixture
def audit_file() -> Path:
    """A data directory whose store and audit log hold what two notes left there."""
    data = Path("var")
    data.mkdir()
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    with DataLock(data):
        store = SqliteStore.open(
            data / "ordo.db",
            wall=lambda: now,
            boot="b1",
            audit_key=load_or_make_key(data / "audit.key"),
            audit_dir=data / "audit",
            reserve_bytes=4096,
        )
        for action in ("test.first", "test.second"):
            entry = AuditEntry(actor="token:t", action=action)
            store.commit([Note(audit=(entry,))])
        store.close()
    (file,) = (data / "audit").glob("*.jsonl")
    return file


def test_audit_verify_prints_how_many_records_are_good_and_the_head(audit_file: Path):
    last = json.loads(audit_file.read_text().splitlines()[-1])
    result = ordo_command("audit", "verify")
    assert (result.exit_code, result.stderr) == (0, "")
    seq, head = last["seq"], last["hash"]
    assert result.stdout == f"{seq} records in 1 files are whole\nhead {seq} {head}\n"


def test_audit_verify_ends_with_1_and_names_the_first_bad_record(audit_file: Path):
    lines = audit_file.read_text().splitlines(keepends=True)
    changed = next(i for i, line in enumerate(lines) if "test.first" in line)
    seq = json.loads(lines[changed])["seq"]
    lines[changed] = lines[changed].replace("test.first", "test.fake!")
    audit_file.write_text("".join(lines))
    line = last_line_of(ordo_command("audit", "verify"))
    place = f"ordo: record {seq} in {audit_file.name}, line {changed + 1}: "
    assert line.startswith(place)


def test_audit_verify_never_makes_a_key(audit_file: Path):
    Path("var/audit.key").unlink()
    assert last_line_of(ordo_command("audit", "verify")) == (
        "ordo: var/audit.key: wanted the key of the audit log, found none"
    )
    assert not Path("var/audit.key").exists()


@pytest.mark.parametrize(("ends", "status"), [(None, 0), (0, 0), (1, 1)])
def test_serve_runs_with_the_settings_and_ends_as_the_run_does(
    monkeypatch: pytest.MonkeyPatch, ends: int | None, status: int
):
    run, seen = ModuleType("ordo.run"), []

    def serve(settings: Settings) -> int | None:
        seen.append(settings)
        return ends

    run.serve = serve  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ordo.run", run)
    assert ordo_command("serve", ORDO_SERVER__BIND="127.0.0.1:1").exit_code == status
    assert [settings.server.bind for settings in seen] == ["127.0.0.1:1"]


def test_serve_with_settings_that_are_wrong_ends_with_1(
    monkeypatch: pytest.MonkeyPatch,
):
    def refuse(settings: Settings) -> None:
        raise AssertionError(f"was started with {settings}")

    run = ModuleType("ordo.run")
    run.serve = refuse  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ordo.run", run)
    line = last_line_of(ordo_command("serve", ORDO_SERVER__BIND="nowhere"))
    assert line == "ordo: server.bind: wanted HOST:PORT, found 'nowhere'"


def test_demo_runs_without_the_brokers_of_the_settings(monkeypatch: pytest.MonkeyPatch):
    demo, seen = ModuleType("ordo.demo"), []
    demo.run = seen.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ordo.demo", demo)
    Path("ordo.toml").write_text('[brokers.x]\nadapter = "hdfc"\n')
    assert ordo_command("demo").exit_code == 0
    assert seen == [Settings()]


def test_a_demo_is_not_served_in_the_clear_to_others(monkeypatch: pytest.MonkeyPatch):
    demo, seen = ModuleType("ordo.demo"), []
    demo.run = seen.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ordo.demo", demo)
    Path("ordo.toml").write_text('[server]\nbind = "0.0.0.0:0"\ntls = "off"\n')
    assert last_line_of(ordo_command("demo")).startswith(
        'ordo: server.tls: "off" wanted'
    )
    assert seen == []


def test_a_data_directory_that_cannot_be_made_is_one_line():
    Path("var").write_text("a file")
    assert last_line_of(ordo_command("token", "new")) == "ordo: var: File exists"
