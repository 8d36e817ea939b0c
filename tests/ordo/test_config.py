"""The settings: what is read from where, and the one line that says what is wrong."""

import tomllib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from adapters import ConfigError, catalogue
from ordo.config import (
    Address,
    Broker,
    BrokerKeys,
    Limits,
    Secret,
    Server,
    Settings,
    address,
    load,
    load_local,
)
from ordo.config.load import DEFAULT_SECRETS

EXAMPLE = Path(__file__).parents[2] / "ordo.toml.example"
PLANTED = "hunter2-planted"
"""A secret that no message may hold."""


class Inner(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    quantity: int


class PretendSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The settings of an adapter that exists only here."""

    app_id: str
    lots: int = 1
    tick: Decimal = Decimal("0.05")
    symbols: tuple[str, ...] = ()
    secret: Secret | None = None
    password: str = ""
    base_url: str = ""
    holdings: dict[str, Inner] = {}


BROKER = '[brokers.main-one]\nadapter = "pretend"\napp_id = "A"\n'


@pytest.fixture(autouse=True)
def nothing_else_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working directory, and an adapter that is there in every version."""
    monkeypatch.chdir(tmp_path)
    place = f"{__name__}:PretendSettings"
    monkeypatch.setitem(
        catalogue.ADAPTERS, "pretend", catalogue.Adapter(place, place, place)
    )


def loaded(text: str = "", **environ: str) -> Settings:
    Path("ordo.toml").write_text(text)
    return load(environ=environ)


def refusal(text: str = "", **environ: str) -> str:
    """The one line that a start with these settings ends with."""
    with pytest.raises(ConfigError) as caught:
        loaded(text, **environ)
    line = str(caught.value)
    assert "\n" not in line
    assert PLANTED not in line
    return line


def main_one(text: str = "", **environ: str) -> Broker:
    return loaded(BROKER + text, **environ).brokers["main-one"]


def own(broker: Broker) -> PretendSettings:
    assert isinstance(broker.own, PretendSettings)
    return broker.own


def test_without_a_file_and_without_variables_every_default_holds():
    assert load(environ={}) == Settings()


def test_the_defaults_are_those_of_the_contract():
    settings = Settings()
    assert settings.server == Server(
        bind="127.0.0.1:8443",
        tls="auto",
        cert="",
        key="",
        client_ca="",
        public_status=False,
        drain_timeout=25.0,
    )
    assert settings.data.dir == "./var"
    assert settings.data.store == "sqlite"
    assert settings.orders.deadline_ms == 5000
    assert settings.orders.submit_timeout == 10.0
    assert settings.audit.max_bytes == 67108864
    assert settings.audit.keep_days == 2922
    assert settings.events.kafka.topic == "ordo.orders"
    assert settings.telemetry.enabled is False


def test_the_file_is_the_one_named_then_the_one_of_the_variable_then_the_local_one():
    for name in ("given", "variable", "ordo"):
        Path(f"{name}.toml").write_text(f'[data]\ndir = "{name}"')
    environ = {"ORDO_CONFIG": "variable.toml"}
    assert load("given.toml", environ).data.dir == "given"
    assert load(environ=environ).data.dir == "variable"
    assert load(environ={}).data.dir == "ordo"


@pytest.mark.parametrize("environ", [{}, {"ORDO_CONFIG": "other.toml"}])
def test_a_file_that_was_asked_for_must_be_there(environ: dict[str, str]):
    path = None if environ else "other.toml"
    with pytest.raises(ConfigError) as caught:
        load(path, environ)
    assert (
        str(caught.value)
        == "other.toml: wanted a settings file, found: No such file or directory"
    )


def test_yaml_says_the_same_as_toml():
    text = BROKER + 'limits = { per_second = 5 }\n[server]\ntls = "off"\n'
    Path("same.yaml").write_text(yaml.safe_dump(tomllib.loads(text)))
    assert load("same.yaml", {}) == loaded(text)


def test_in_yaml_off_is_a_word_and_true_is_true():
    Path("s.yml").write_text("server:\n  tls: off\n  public_status: true\n")
    assert load("s.yml", {}).server == Server(tls="off", public_status=True)


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.toml", f"[auth]\ntoken = {PLANTED}", "a.toml: not valid TOML at line 2"),
        ("a.yaml", f"auth:\n  token: *{PLANTED}", "a.yaml: not valid YAML at line 2"),
        ("b.yaml", "- a", "b.yaml: wanted sections with keys, found something else"),
    ],
)
def test_a_file_that_cannot_be_read_is_not_quoted(name: str, text: str, line: str):
    Path(name).write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(name, {})
    assert str(caught.value) == line


def test_a_variable_wins_over_the_file_and_takes_the_type_of_its_key():
    settings = loaded(
        '[server]\nbind = "127.0.0.1:1"\ndrain_timeout = 3\n[orders]\ndeadline_ms = 7',
        ORDO_SERVER__BIND="127.0.0.1:2",
        ORDO_SERVER__PUBLIC_STATUS="true",
        ORDO_SERVER__DRAIN_TIMEOUT="0.5",
        ORDO_EVENTS__KAFKA__TOPIC="123",
    )
    assert settings.server == Server(
        bind="127.0.0.1:2", public_status=True, drain_timeout=0.5
    )
    assert settings.orders.deadline_ms == 7
    assert settings.events.kafka.topic == "123"


def test_a_variable_reaches_a_broker_whose_name_has_dashes():
    broker = main_one(
        "lots = 2",
        ORDO_BROKERS__MAIN_ONE__SECRET=PLANTED,
        ORDO_BROKERS__MAIN_ONE__LOTS="3",
        ORDO_BROKERS__MAIN_ONE__TICK="0.10",
        ORDO_BROKERS__MAIN_ONE__SYMBOLS='["NSE:SBIN"]',
        ORDO_BROKERS__MAIN_ONE__LIMITS="{per_second = 5, per_day = 100}",
        ORDO_BROKERS__MAIN_ONE__LIMITS__PER_DAY="50",
    )
    assert own(broker) == PretendSettings(
        app_id="A",
        lots=3,
        tick=Decimal("0.10"),
        symbols=("NSE:SBIN",),
        secret=Secret(PLANTED),
    )
    assert broker.limits == Limits(per_second=5, per_day=50)


def test_a_broker_known_only_from_variables_gets_the_lower_case_name():
    settings = loaded(
        ORDO_BROKERS__FYERS_MAIN__ADAPTER="pretend",
        ORDO_BROKERS__FYERS_MAIN__APP_ID="A",
        ORDO_BROKERS__SPARE='{"adapter": "pretend", "app_id": "B"}',
    )
    assert {name: own(b).app_id for name, b in settings.brokers.items()} == {
        "fyers_main": "A",
        "spare": "B",
    }


def test_a_variable_reaches_a_broker_whose_name_has_two_underscores():
    tables = '[brokers.a]\nadapter = "pretend"\n[brokers.a__b]\nadapter = "pretend"\n'
    settings = loaded(
        tables, ORDO_BROKERS__A__B__APP_ID="A", ORDO_BROKERS__A__APP_ID="B"
    )
    assert own(settings.brokers["a__b"]).app_id == "A"
    assert own(settings.brokers["a"]).app_id == "B"


def test_a_variable_that_fits_two_brokers_is_refused():
    text = '[brokers.a-b]\nadapter = "pretend"\n[brokers.a_b]\nadapter = "pretend"\n'
    line = refusal(text, ORDO_BROKERS__A_B__APP_ID="A")
    assert line == "ORDO_BROKERS__A_B__APP_ID: names both a-b and a_b"


def test_variables_that_are_no_settings_are_left_alone():
    assert loaded(
        '[auth]\ntoken = "env:ORDO_MINE"',
        ORDO_MINE=PLANTED,
        ORDO_TOKEN="t",
        ORDO_URL="https://x",
        ORDO_CA="ca.pem",
        ORDO_SERVICE_HOST="10.0.0.1",
        ORDO_SERVICE_PORT_HTTPS="8443",
        ORDO_PORT="tcp://10.0.0.1:8443",
        ORDO_PORT_8443_TCP_ADDR="10.0.0.1",
        OTHER="x",
    ).auth.token == Secret(PLANTED)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "[server]\nbindd = 'x'",
            "server.bindd: no such setting; did you mean bind?",
        ),
        (
            "[telemetry]\nid = 'x'",
            "telemetry.id: no such setting; there are: enabled, url",
        ),
        ("[severs]\nbind = 'x'", "severs: no such setting; did you mean server?"),
        ("server = 3", "server: wanted a table, found 3"),
        (
            "[server]\ntls = 'yes'",
            "server.tls: wanted auto, files, proxy or off, found 'yes'",
        ),
        (
            "[server]\ndrain_timeout = 'soon'",
            "server.drain_timeout: wanted a number, found 'soon'",
        ),
        (
            "[server]\ndrain_timeout = inf",
            "server.drain_timeout: wanted a finite number",
        ),
        (
            "[server]\npublic_status = 1",
            "server.public_status: wanted true or false, found 1",
        ),
        (
            "[orders]\ndeadline_ms = 60001",
            "orders.deadline_ms: wanted a whole number <= 60000, found 60001",
        ),
        (
            "[data]\nstore = 'mysql://u:hunter2-planted@h'",
            "data.store: wanted sqlite or postgresql://USER@HOST/DB, found other text",
        ),
        (
            "[auth]\ntoken = ['hunter2-planted']",
            "auth.token: wanted text, found a list",
        ),
        (
            "[brokers]\nx = 3",
            "brokers.x: wanted a table, found a number",
        ),
        (
            "[brokers.x]\n",
            "brokers.x.adapter: wanted one of alpaca-mock, fyers, hdfc, mstock,"
            " paper, pretend, zerodha-mock,"
            " found nothing",
        ),
        (
            "[brokers.x]\nadapter = 'zerodha'",
            "brokers.x.adapter: adapter 'zerodha' is not in this version;"
            " there are: alpaca-mock, fyers, hdfc, mstock, paper, pretend,"
            " zerodha-mock",
        ),
        (
            "[brokers.'Not Good']\nadapter = 'pretend'",
            "brokers: a name is up to 32 of a-z, 0-9, - and _ and starts with a letter"
            " or digit, found 'Not Good'",
        ),
        (
            "[brokers.x]\nadapter = 'pretend'",
            "brokers.x.app_id: wanted text, found nothing",
        ),
        (
            BROKER + "lots = 'hunter2-planted'",
            "brokers.main-one.lots: wanted a whole number, found text",
        ),
        (
            BROKER + "symbols = [3]",
            "brokers.main-one.symbols[0]: wanted text, found a whole number",
        ),
        (
            BROKER + "tick = 'hunter2-planted'",
            "brokers.main-one.tick: wanted a number, found text",
        ),
        (
            BROKER + "holdings = { x = { quantity = 'hunter2-planted' } }",
            "brokers.main-one.holdings[*].quantity: wanted a whole number, found text",
        ),
        (
            BROKER + "holdings = { x = { quantiti = 3 } }",
            "brokers.main-one.holdings[*].quantiti: no such setting;"
            " did you mean quantity?",
        ),
        (
            BROKER + "access_token = 12345",
            "brokers.main-one.access_token: wanted text, found a number",
        ),
        (
            "[data]\nredis = 12345",
            "data.redis: wanted text, found a number",
        ),
        (
            BROKER + "egres = 'direct'",
            "brokers.main-one.egres: no such setting; did you mean egress?",
        ),
        (
            BROKER + "limits = { per_week = 3 }",
            "brokers.main-one.limits.per_week: no such setting;"
            " there are: per_second, per_minute, per_hour, per_day",
        ),
        (
            BROKER + "limits = { per_second = 0 }",
            "brokers.main-one.limits.per_second: wanted a whole number >= 1, found 0",
        ),
        (
            BROKER + "breaker = { failures = 0 }",
            "brokers.main-one.breaker: failures must be positive, was 0",
        ),
        (
            BROKER + "market_policy = 'hope'",
            "brokers.main-one.market_policy: wanted protected, native or reject,"
            " found 'hope'",
        ),
        (
            BROKER + "base_url = 'ftp://u:hunter2-planted@h'",
            "brokers.main-one.base_url: wanted http:// or https:// and a host",
        ),
        (
            BROKER + "egress = 'https://u:hunter2-planted@h'",
            "brokers.main-one.egress: wanted direct, bind:ADDRESS, http://PROXY or"
            " socks5://PROXY",
        ),
        (
            BROKER + "egress = 'bind:here'",
            "brokers.main-one.egress: wanted direct, bind:ADDRESS, http://PROXY or"
            " socks5://PROXY",
        ),
        (
            BROKER + "expect_ip = '1.2.3'",
            "brokers.main-one.expect_ip: wanted an IP address, found '1.2.3'",
        ),
    ],
)
def test_what_is_wrong_stops_the_start_with_one_line_that_names_it(
    text: str, line: str
):
    assert refusal(text) == line


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        (
            "ORDO_NONSENSE",
            PLANTED,
            "nonsense (ORDO_NONSENSE): no such setting; there are: server, auth, data,"
            " orders, market, audit, log, brokers, events, alerts, clock, telemetry",
        ),
        (
            "ORDO_PORT",
            "8443",
            "port (ORDO_PORT): no such setting; there are: server, auth, data,"
            " orders, market, audit, log, brokers, events, alerts, clock, telemetry",
        ),
        (
            "ORDO_SERVER__BINDD",
            PLANTED,
            "server.bindd (ORDO_SERVER__BINDD): no such setting; did you mean bind?",
        ),
        (
            "ORDO_BROKERS__MAIN_ONE__APPID",
            PLANTED,
            "brokers.main-one.appid (ORDO_BROKERS__MAIN_ONE__APPID):"
            " no such setting; did you mean app_id?",
        ),
        (
            "ORDO_ORDERS__DEADLINE_MS",
            "soon",
            "orders.deadline_ms (ORDO_ORDERS__DEADLINE_MS): wanted a whole number,"
            " found 'soon'",
        ),
        (
            "ORDO_BROKERS__MAIN_ONE__APP_ID__MORE",
            PLANTED,
            "ORDO_BROKERS__MAIN_ONE__APP_ID__MORE: wanted a table at app_id,"
            " found a value",
        ),
    ],
)
def test_a_variable_that_is_wrong_is_named_too(variable: str, value: str, line: str):
    assert refusal(BROKER, **{variable: value}) == line


def test_a_secret_comes_plain_from_a_variable_or_from_a_file():
    Path("secret.txt").write_text(f"{PLANTED}\n")
    for written in (PLANTED, "env:HIDDEN", "file:secret.txt"):
        broker = main_one(
            f'secret = "{written}"\naccess_token = "{written}"\n', HIDDEN=PLANTED
        )
        secret = own(broker).secret
        assert secret is not None
        assert secret.reveal() == PLANTED
        assert broker.access_token == Secret(PLANTED)


def test_an_adapter_that_declares_plain_text_gets_what_the_reference_leads_to():
    assert own(main_one('password = "env:HIDDEN"', HIDDEN="p")).password == "p"


def test_an_empty_secret_is_none():
    broker = main_one('secret = ""\naccess_token = ""\n')
    assert own(broker).secret is None
    assert broker.access_token is None


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("env:GONE", "wanted a secret in variable GONE, found it not set"),
        ("env:EMPTY", "wanted a secret in variable EMPTY, found it empty"),
        ("env:hunter2-planted", "wanted env:NAME with the name of a variable"),
        ("file:gone", "wanted a secret in file gone, found: No such file or directory"),
        ("file:empty", "wanted a secret in file empty, found it empty"),
        (
            "file:bytes",
            "wanted a secret as UTF-8 text in file bytes, found other bytes",
        ),
        (
            "stored:fyers_secret",
            "wanted the stored secret fyers_secret: there is none of that name; run:"
            " ordo secret set fyers_secret",
        ),
        ("stored:hunter2 planted", "wanted stored:NAME with the name of a secret"),
    ],
)
def test_a_secret_that_is_missing_stops_the_start(written: str, line: str):
    Path("empty").write_text("\n")
    Path("bytes").write_bytes(b"\xff\xfe")
    text = f'{BROKER}secret = "{written}"'
    assert refusal(text, EMPTY="") == f"brokers.main-one.secret: {line}"


def test_no_secret_shows_in_the_settings_repr():
    settings = loaded(
        f'{BROKER}secret = "{PLANTED}"\naccess_token = "{PLANTED}"\n',
        ORDO_AUTH__TOKEN=PLANTED,
        ORDO_MASTER_KEY=PLANTED,
    )
    assert PLANTED not in repr(settings)
    assert PLANTED not in f"{settings.auth.token}"
    assert str(settings.auth.token) == "***"


def test_the_api_token_is_taken_from_its_variable_only_where_that_is_set():
    assert loaded().auth.token is None
    assert loaded(ORDO_API_TOKEN="").auth.token is None
    assert loaded(ORDO_API_TOKEN="a").auth.token == Secret("a")
    assert loaded(ORDO_API_TOKEN="a", ORDO_AUTH__TOKEN="b").auth.token == Secret("b")
    assert loaded('[auth]\ntoken = ""', ORDO_API_TOKEN="a").auth.token is None
    assert (
        refusal('[auth]\ntoken = "env:ORDO_API_TOKEN"')
        == "auth.token: wanted a secret in variable ORDO_API_TOKEN, found it not set"
    )


def test_the_master_key_is_taken_from_its_variable_only_where_that_is_set():
    assert loaded().data.master_key is None
    assert loaded(ORDO_MASTER_KEY="k").data.master_key == Secret("k")


def test_a_broker_waits_as_long_as_all_do_unless_its_table_says_otherwise():
    text = "[orders]\nsubmit_timeout = 4\n"
    assert loaded(text + BROKER).brokers["main-one"].submit_timeout == 4.0
    longer = loaded(text + BROKER + "submit_timeout = 6")
    assert longer.brokers["main-one"].submit_timeout == 6.0


def test_a_key_that_both_know_goes_to_both():
    broker = main_one('base_url = "http://127.0.0.1:9"')
    assert broker.base_url == own(broker).base_url == "http://127.0.0.1:9"


@pytest.mark.parametrize(
    "egress", ["direct", "bind:10.0.0.1", "http://p:3128", "socks5://u:p@p:1080"]
)
def test_every_kind_of_egress_is_taken(egress: str):
    assert main_one(f'egress = "{egress}"').egress == egress


@pytest.mark.parametrize(
    ("bind", "at"),
    [
        ("127.0.0.1:0", Address("127.0.0.1", 0)),
        ("[::1]:8443", Address("::1", 8443)),
        ("ordo.lan:65535", Address("ordo.lan", 65535)),
    ],
)
def test_a_bind_is_a_host_and_a_port(bind: str, at: Address):
    assert address(bind) == at


@pytest.mark.parametrize("bind", ["8443", ":8443", "::1:8443", "h:65536", "http://h:1"])
def test_a_bind_that_is_no_host_and_port_is_refused(bind: str):
    assert (
        refusal(f'[server]\nbind = "{bind}"')
        == f"server.bind: wanted HOST:PORT, found '{bind}'"
    )


@pytest.mark.parametrize(
    "bind", ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"]
)
def test_plain_http_is_for_loopback(bind: str):
    assert loaded(f'[server]\nbind = "{bind}"\ntls = "off"').server.tls == "off"


@pytest.mark.parametrize("bind", ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "ordo.lan:1"])
def test_plain_http_elsewhere_refuses_to_start_unless_a_proxy_ends_tls(bind: str):
    assert refusal(f'[server]\nbind = "{bind}"\ntls = "off"') == (
        'server.tls: "off" wanted a loopback bind such as 127.0.0.1:8443, found'
        f' {bind}; tls = "proxy" where a proxy in front ends TLS'
    )
    assert loaded(f'[server]\nbind = "{bind}"\ntls = "proxy"').server.bind == bind


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ("key = 'k'", 'server.cert: wanted a file for tls = "files", found none'),
        ("cert = 'c'", 'server.key: wanted a file for tls = "files", found none'),
        (
            "cert = 'c'\nkey = 'gone'",
            "server.key: wanted a file to read at gone,"
            " found: No such file or directory",
        ),
        (
            "cert = 'c'\nkey = 'k'\nclient_ca = 'gone'",
            "server.client_ca: wanted a file to read at gone,"
            " found: No such file or directory",
        ),
    ],
)
def test_own_certificates_need_their_files(keys: str, line: str):
    Path("c").touch()
    Path("k").touch()
    assert refusal(f'[server]\ntls = "files"\n{keys}') == line


@pytest.mark.parametrize("tls", ["off", "proxy"])
def test_clients_cannot_show_certificates_without_tls(tls: str):
    Path("ca").touch()
    assert refusal(f'[server]\ntls = "{tls}"\nclient_ca = "ca"') == (
        'server.client_ca: wanted tls = "auto" or "files" to check certificates of'
        f' clients, found tls = "{tls}"'
    )


def test_a_command_beside_the_server_needs_no_brokers_and_no_secrets():
    Path("ordo.toml").write_text(
        '[data]\ndir = "here"\n[auth]\ntoken = "env:GONE"\n'
        '[brokers.x]\nadapter = "hdfc"\nsecret = "env:GONE"\n'
    )
    settings = load_local(environ={})
    assert settings.data.path == Path("here")
    assert settings.auth.token is None
    assert settings.brokers == {}


def switched_on(line: str) -> str:
    """A line of the example, without the `#` that switches a setting off."""
    return line[1:] if line.startswith("#") and not line.startswith("# ") else line


def example() -> dict[str, Any]:
    """The example with everything in it switched on."""
    lines = EXAMPLE.read_text().splitlines()
    return tomllib.loads("\n".join(map(switched_on, lines)))


def test_the_example_as_it_stands_is_the_defaults_and_a_paper_broker():
    settings = load(EXAMPLE, {})
    assert msgspec.structs.replace(settings, brokers={}) == Settings()
    paper = settings.brokers["paper"]
    assert paper == Broker(name="paper", adapter="paper", own=type(paper.own)())


def test_the_example_shows_every_key_of_every_section_with_its_default():
    written = example()
    brokers = written.pop("brokers")
    for section, keys in DEFAULT_SECRETS.items():
        for key, variable in keys.items():
            assert written[section].pop(key) == f"env:{variable}"
    expected = msgspec.to_builtins(Settings(), enc_hook=str)
    del expected["brokers"], expected["auth"]["token"], expected["data"]["master_key"]
    for table, key in (
        ("alerts", "webhook_secret"),
        ("alerts", "smtp_password"),
    ):
        assert written[table].pop(key).startswith("env:ORDO_")
        del expected[table][key]
    assert written["events"]["webhook"].pop("secret") == "env:ORDO_EVENTS_SECRET"
    del expected["events"]["webhook"]["secret"]
    assert written == expected
    accounts = {"fyers-main", "hdfc-main", "mstock-main"}
    assert set(brokers) == {"paper", "zerodha-mock", "alpaca-mock"} | accounts


def test_the_example_shows_every_key_that_all_brokers_take_with_its_default():
    written = example()["brokers"]["fyers-main"]
    defaults = msgspec.to_builtins(BrokerKeys(adapter="fyers"), enc_hook=str)
    defaults["access_token"] = ""
    defaults["limits"] = {}
    assert {key: written[key] for key in defaults} == defaults


json_with_numbers = msgspec.json.Encoder(decimal_format="number")


def keys_of(struct: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(struct)}


def test_the_example_shows_every_key_of_every_adapter_and_no_other():
    written = example()["brokers"]
    fyers = keys_of(catalogue.settings_type("fyers"))
    assert set(written["fyers-main"]) == keys_of(BrokerKeys) | fyers
    for name in ("paper", "zerodha-mock", "alpaca-mock", "hdfc", "mstock"):
        (table,) = [one for one in written.values() if one["adapter"] == name]
        assert set(table) == {"adapter"} | keys_of(catalogue.settings_type(name))


def test_the_example_shows_the_paper_brokers_defaults():
    written = example()["brokers"]["paper"]
    struct: Callable[..., Any] = catalogue.settings_type("paper")
    defaults = msgspec.json.decode(json_with_numbers.encode(struct()))
    set_ = {key: value for key, value in defaults.items() if value is not None}
    assert {key: written[key] for key in set_} == set_
