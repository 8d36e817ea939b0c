"""`ordo doctor`: each thing that may be wrong, found and with what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import trio
from click.testing import CliRunner, Result

from ordo import certificates
from ordo.cli import main
from ordo.doctor import data, machine
from ordo.doctor.finding import Finding
from tests.support.time_server import time_server

NOW = datetime(2026, 11, 21, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a data directory, as a first start makes it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ORDO_CONFIG", raising=False)
    var = tmp_path / "var"
    var.mkdir(mode=0o700)
    return var


def doctor(*words: str, settings: str = "", mode: int = 0o600) -> Result:
    file = Path("ordo.toml")
    file.write_text(settings)
    file.chmod(mode)
    return CliRunner().invoke(main, ["doctor", *words])


def findings(*words: str, settings: str = "", mode: int = 0o600) -> dict[str, Finding]:
    result = doctor("--json", *words, settings=settings, mode=mode)
    told = json.loads(result.stdout)
    rows = [Finding(**row) for row in told["findings"]]
    failed = any(row.verdict == "fail" for row in rows)
    assert (result.exit_code, told["ok"]) == (int(failed), not failed)
    return {row.check: row for row in rows}


def verdict(finding: Finding) -> tuple[str, str]:
    return finding.verdict, finding.found


# The command --------------------------------------------------------------------------


def test_a_machine_that_is_fit_ends_with_0_a_line_for_each_thing():
    with time_server() as server:
        result = doctor("--ntp", server)
    assert result.exit_code == 0, result.stdout
    lines = result.stdout.splitlines()
    assert lines[0] == "ok    settings: good; brokers: none"
    assert lines[1].startswith("ok    clock: our clock is 0.0 s ")
    checks = {line[6:].partition(":")[0] for line in lines if line[:2] in ("ok", "wa")}
    assert checks == {
        *("settings", "clock", "open files", "data directory", "disk space"),
        *("disk speed", "SQLite", "write-ahead log", "keys and tokens"),
        *("settings file", "TLS server.pem", "TLS ca.pem", "address"),
    }
    assert lines[-1].startswith("13 looked at, 0 failed, ")


def test_what_fails_has_an_advice_and_ends_with_1(place):
    (place / "tokens.json").write_text("{}")
    (place / "tokens.json").chmod(0o644)
    result = doctor("--ntp", "")
    assert result.exit_code == 1
    assert (
        f"fail  keys and tokens: others may read {Path('var/tokens.json')} (0644)\n"
        "      -> chmod 600 var/tokens.json\n"
    ) in result.stdout


def test_nothing_is_left_behind_and_nothing_is_made(place, tmp_path):
    doctor("--ntp", "")
    assert list(place.iterdir()) == []
    place.rmdir()
    found = findings("--ntp", "")
    assert found["data directory"].verdict == "ok"
    assert "is not there yet" in found["data directory"].found
    assert [path.name for path in tmp_path.iterdir()] == ["ordo.toml"]


def test_settings_that_are_wrong_are_said_and_the_rest_is_looked_at():
    table = '[brokers.one]\nadapter = "fyers"\nsecret = "env:NOT_THERE"\n'
    found = findings("--ntp", "", settings=table)
    assert verdict(found["settings"]) == (
        "fail",
        "brokers.one.secret: wanted a secret in variable NOT_THERE, found it not set",
    )
    assert "disk space" in found
    found = findings("--ntp", "", settings="[data]\ndir = 5")
    assert list(found) == ["settings"]


# The machine --------------------------------------------------------------------------


def test_a_clock_that_is_off_fails_and_one_within_the_limit_does_not():
    with time_server(-7.0) as server:
        wrong = findings("--ntp", server)["clock"]
        table = f'[clock]\nserver = "{server}"\nlimit = 10'
        right = findings(settings=table)["clock"]
    assert wrong.verdict == "fail"
    assert wrong.found.startswith(
        f"our clock is 7.0 s ahead of {server}, give or take "
    )
    assert wrong.advice.startswith("have the system set it")
    assert right.verdict == "ok"


def test_a_time_server_that_is_silent_cannot_tell_and_is_no_fault(monkeypatch):
    monkeypatch.setattr(machine, "PATIENCE", 0.02)
    with time_server(answer=lambda told: told[:5]) as server:
        short = findings("--ntp", server)["clock"]
    gone = findings("--ntp", server)["clock"]
    assert (short.verdict, gone.verdict) == ("warn", "warn")
    assert short.found.startswith(f"cannot tell: {server} gives no time (wanted 48 ")
    assert gone.found.startswith(f"cannot tell: {server} gives no time (not reached: ")


@pytest.mark.parametrize(
    ("free", "expected"), [(50, "fail"), (500, "warn"), (5000, "ok")]
)
def test_a_disk_that_is_nearly_full_is_told(place, monkeypatch, free, expected):
    usage = SimpleNamespace(free=free * 2**20, total=2**40)
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda path: usage)
    assert machine.space(place).verdict == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.002, "ok"), (0.02, "warn"), (0.2, "fail")]
)
def test_a_disk_that_is_slow_to_keep_things_is_told(place, seconds, expected):
    finding = machine.sync_speed(place, lambda path: seconds)
    assert finding.verdict == expected
    assert finding.found.startswith(f"{seconds * 1000:.1f} ms to keep a write")


def test_a_disk_that_takes_nothing_fails(place):
    place.rmdir()
    assert machine.sync_speed(place).verdict == "fail"


@pytest.mark.parametrize(
    ("soft", "expected"), [(64, "fail"), (512, "warn"), (4096, "ok"), (-1, "ok")]
)
def test_too_few_open_files_are_told(soft, expected):
    assert machine.open_files(lambda: (soft, 4096)).verdict == expected


# The data -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "expected"), [(0o777, "fail"), (0o755, "warn"), (0o700, "ok")]
)
def test_others_have_no_business_in_the_data_directory(place, mode, expected):
    place.chmod(mode)
    finding = data.directory(place)
    assert finding.verdict == expected
    assert finding.advice == ("" if expected == "ok" else f"chmod 700 {place}")


def test_a_file_where_the_directory_should_be_fails(tmp_path):
    file = tmp_path / "file"
    file.touch()
    assert data.directory(file).found == f"{file} is no directory"


@pytest.mark.parametrize("name", data.SECRET)
def test_each_secret_file_is_looked_at(place, name):
    file = place / name
    file.parent.mkdir(exist_ok=True)
    file.touch(mode=0o600)
    kept, _ = data.secret_files(place, None)
    assert verdict(kept) == ("ok", name)
    file.chmod(0o640)
    loose, _ = data.secret_files(place, None)
    assert loose.verdict == "fail"
    assert loose.advice == f"chmod 600 {file}"


@pytest.mark.parametrize(
    ("mode", "expected"), [(0o600, "ok"), (0o644, "warn"), (0o666, "fail")]
)
def test_whoever_may_change_the_settings_decides_where_orders_go(mode, expected):
    assert findings("--ntp", "", mode=mode)["settings file"].verdict == expected


def test_without_a_settings_file_the_way_to_one_is_told():
    result = CliRunner().invoke(main, ["doctor", "--ntp", ""])
    assert (
        "warn  settings file: there is none\n      -> make one with: ordo init\n"
        in (result.stdout)
    )


@pytest.mark.parametrize(
    ("version", "expected"), [("3.40.1", "warn"), ("3.51.3", "ok"), ("3.53.0", "ok")]
)
def test_a_sqlite_that_may_lose_commits_of_two_writers_is_told(
    place, version, expected
):
    library, log = data.sqlite(place, version)
    assert verdict(library) == (expected, version)
    assert verdict(log) == ("ok", f"works at {place}")


def test_a_disk_on_which_the_log_does_not_work_fails(place):
    place.rmdir()
    _, log = data.sqlite(place)
    assert log.verdict == "fail"
    assert log.advice.startswith("put [data] dir on a local disk")


# The network --------------------------------------------------------------------------


def certificate(file: Path, begun: datetime) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(certificates.new_authority(begun)[0])


@pytest.mark.parametrize(
    ("age", "expected", "words"),
    [
        (timedelta(days=1), "ok", "good until "),
        (timedelta(days=3645), "warn", "good until "),
        (timedelta(days=4000), "fail", "ended on "),
        (timedelta(days=-2), "fail", "begins on "),
    ],
)
def test_certificates_that_end_or_ended_are_told(place, age, expected, words):
    certificate(place / "tls" / "ca.pem", datetime.now(UTC) - age)
    finding = findings("--ntp", "")["TLS ca.pem"]
    assert finding.verdict == expected
    assert finding.found.startswith(words)


def test_a_certificate_of_the_users_own_is_looked_at(tmp_path):
    certificate(tmp_path / "c.pem", datetime.now(UTC) - timedelta(days=4000))
    (tmp_path / "c.key").write_text("x")
    table = '[server]\ntls = "files"\ncert = "c.pem"\nkey = "c.key"\n'
    assert findings("--ntp", "", settings=table)["TLS c.pem"].verdict == "fail"
    (tmp_path / "c.pem").write_text("nothing")
    found = findings("--ntp", "", settings=table)["TLS c.pem"]
    assert verdict(found) == ("fail", "c.pem holds no certificate")
    assert verdict(
        findings("--ntp", "", settings='[server]\ntls = "off"')["TLS certificate"]
    ) == ("ok", 'none: tls = "off"')


@pytest.fixture
def echo() -> Iterator[str]:
    """An echo on loopback that says what it is called from."""
    import http.server
    import threading

    class Echo(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = self.client_address[0].encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    thread.join()
    server.server_close()


def expecting(url: str, address: str, egress: str = "direct") -> str:
    return (
        f'[market]\naddress_echo = "{url}"\n[brokers.one]\nadapter = "paper"\n'
        f'expect_ip = "{address}"\negress = "{egress}"\n'
    )


def test_the_address_that_calls_leave_from_is_held_to_the_one_expected(echo):
    good = findings("--ntp", "", settings=expecting(echo, "127.0.0.1"))
    assert verdict(good["address of one"]) == ("ok", "127.0.0.1, as registered")
    table = expecting(echo, "127.0.0.2", "bind:127.0.0.2")
    assert findings("--ntp", "", settings=table)["address of one"].verdict == "ok"
    wrong = findings("--ntp", "", settings=expecting(echo, "203.0.113.7"))
    assert verdict(wrong["address of one"]) == (
        "fail",
        "calls leave from 127.0.0.1, wanted 203.0.113.7",
    )


def test_an_echo_that_is_not_there_cannot_tell(echo):
    table = expecting("http://127.0.0.1:9/", "127.0.0.1")
    found = findings("--ntp", "", settings=table)["address of one"]
    assert found.verdict == "warn"
    assert found.found.startswith("cannot tell: the echo gives none (127.0.0.1:9 was")


def test_real_brokers_without_an_address_to_expect_are_worth_a_word():
    table = '[brokers.one]\nadapter = "fyers"\napp_id = "A-100"\naccess_token = "t"\n'
    found = findings("--ntp", "", settings=table)["address"]
    assert verdict(found) == ("warn", "no broker expects one")
    table = '[brokers.one]\nadapter = "paper"\n'
    assert findings("--ntp", "", settings=table)["address"].verdict == "ok"


async def test_silence_is_waited_for_three_times(autojump_clock, monkeypatch):
    async def silent(*args: object) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(machine.sntp, "ask", silent)
    found = await machine._asked("127.0.0.1", lambda: NOW)
    assert found == (None, "no answer in 2 s")
    assert trio.current_time() == 6
