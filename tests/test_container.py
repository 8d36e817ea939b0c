"""Dockerfile, compose file and what is mounted keep their own rules, and agree."""

import json
import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from adapters.sealing import MasterKey
from ordo.cli import main
from ordo.config import load
from tests.support.processes import ROOT

STAGES = re.split(r"^(?=FROM )", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
IMAGE = STAGES[-1]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OURS = ("ordo.toml", "secrets")
"""What the operator makes beside the compose file."""


def instructions(word: str, text: str = IMAGE) -> list[str]:
    """What stands after *word*, continued lines joined."""
    joined = re.sub(r"\\\n\s*", " ", text)
    return re.findall(rf"^{word} +(.+)$", joined, re.MULTILINE)


def mounts(service: dict) -> list[tuple[str, str]]:
    """Each (source, target), of the long form and the short."""
    return [
        (mount["source"], mount["target"])
        if isinstance(mount, dict)
        else tuple(mount.split(":")[:2])
        for mount in service.get("volumes", ())
    ]


def test_the_image_is_started_as_a_number_that_is_not_root():
    assert instructions("USER") == ["10001:10001"]


@pytest.mark.parametrize(
    ("word", "command"), [("ENTRYPOINT", ["ordo"]), ("CMD", ["serve"])]
)
def test_no_shell_stands_between_a_signal_and_ordo(word, command):
    assert [json.loads(text) for text in instructions(word)[-1:]] == [command]


def test_its_check_is_ordos_own():
    (check,) = instructions("HEALTHCHECK")
    assert check.endswith('CMD ["ordo", "health"]')


def test_both_stages_stand_on_one_base_so_that_what_is_built_fits():
    bases = [instructions("FROM", stage)[0].split()[0] for stage in STAGES[1:]]
    assert len(bases) == 2
    assert len(set(bases)) == 1


def test_everything_that_pip_fetches_is_locked_by_hash():
    for fetch in instructions("RUN", STAGES[1]):
        for line in fetch.split("&&"):
            if "pip" in line and " install " in line and ".whl" not in line:
                assert "--require-hashes -r requirements" in line


def test_the_build_sees_what_it_copies_and_no_more():
    copied = {
        source
        for line in instructions("COPY", STAGES[1])
        for source in line.split()[:-1]
    }
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line[1:] for line in lines if line.startswith("!")} == copied
    assert "*" in lines
    assert {"**/__pycache__", "**/*.pyc"} <= set(lines)


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_held(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert (service["mem_limit"], service["memswap_limit"]) == ("300m", "300m")
    assert service["ulimits"] == {"core": 0}
    assert "privileged" not in service
    assert "cap_add" not in service


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_is_root_or_of_no_known_version(name):
    if name == "ordo":  # its user is the image's, its version this one
        return
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", SERVICES[name]["user"])
    assert re.fullmatch(r"[a-z/]+:v?\d[\d.]*", SERVICES[name]["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_to_this_machine_alone(name):
    for port in SERVICES[name].get("ports", ()):
        assert re.match(r"(\$\{ORDO_PORT:-)?127\.0\.0\.1:", port)


def test_only_ordo_starts_unless_more_is_asked_for():
    profiles = {name: service.get("profiles") for name, service in SERVICES.items()}
    assert profiles == {
        "ordo": None,
        "postgres": ["postgres"],
        "redis": ["redis"],
        "prometheus": ["metrics"],
        "grafana": ["metrics"],
    }


def test_databases_are_where_only_ordo_reaches_them():
    assert COMPOSE["networks"]["back"] == {"internal": True}
    assert SERVICES["postgres"]["networks"] == ["back"]
    assert SERVICES["redis"]["networks"] == ["back"]
    assert SERVICES["ordo"]["networks"] == ["front", "back"]


def test_every_secret_is_a_file_and_no_value_stands_in_the_file():
    for name, secret in COMPOSE["secrets"].items():
        assert secret == {"file": f"./secrets/{name}"}
    used = {
        name for service in SERVICES.values() for name in service.get("secrets", ())
    }
    assert used == set(COMPOSE["secrets"])
    words = re.compile("PASSWORD|SECRET|TOKEN|KEY")
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            if words.search(key):
                assert value.removeprefix("file:").startswith("/run/secrets/")
    assert "/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_is_there(name):
    for source, _ in mounts(SERVICES[name]):
        if source.startswith("./"):
            there = (ROOT / source).is_file() or source[2:] in OURS
            assert there, source
        else:
            assert source in COMPOSE["volumes"]


def test_ordo_can_read_the_settings_that_compose_gives_it(tmp_path):
    key = tmp_path / "master_key"
    key.write_text(f"{MasterKey.make().reveal()}\n")
    environ = dict(SERVICES["ordo"]["environment"])
    assert (environ["ORDO_CONFIG"], "/data") == (
        mounts(SERVICES["ordo"])[1][1],
        mounts(SERVICES["ordo"])[0][1],
    )
    image = dict(re.findall(r"(ORDO_\w+)=(\S+)", instructions("ENV")[0]))
    environ["ORDO_CONFIG"] = str(ROOT / "ordo.toml.example")
    environ["ORDO_DATA__MASTER_KEY"] = f"file:{key}"
    settings = load(environ=image | environ)
    assert settings.data.path == Path("/data")
    assert settings.server.bind == "0.0.0.0:8443"
    assert settings.data.master_key is not None
    stop = int(SERVICES["ordo"]["stop_grace_period"].removesuffix("s"))
    assert stop > settings.server.drain_timeout + 10


def test_prometheus_finds_ordo_by_a_name_in_its_certificate():
    place = ROOT / "docs/operations/compose/prometheus.yml"
    (job,) = yaml.safe_load(place.read_text())["scrape_configs"]
    host, _, port = job["static_configs"][0]["targets"][0].partition(":")
    assert host == SERVICES["ordo"]["hostname"]
    assert port == instructions("EXPOSE")[0]
    told = (job["tls_config"]["ca_file"], job["authorization"]["credentials_file"])
    assert told == tuple(f"/run/secrets/{n}" for n in SERVICES["prometheus"]["secrets"])
    (rules,) = yaml.safe_load(place.read_text())["rule_files"]
    assert ("./docs/operations/alerts.yml", rules) in mounts(SERVICES["prometheus"])


def test_grafana_shows_the_dashboard_from_prometheus():
    place = ROOT / "docs/operations/compose"
    (source,) = yaml.safe_load((place / "source.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (shown,) = yaml.safe_load((place / "dashboards.yml").read_text())["providers"]
    targets = {target: source for source, target in mounts(SERVICES["grafana"])}
    assert targets[f"{shown['options']['path']}/ordo.json"] == (
        "./docs/operations/dashboard.json"
    )


PAGE = (ROOT / "docs/operations/container.md").read_text()


def test_the_page_tells_who_has_to_own_each_file_that_compose_mounts():
    told = dict(re.findall(r"^\| `secrets/(\w+)` \| (\w+) \|", PAGE, re.MULTILINE))
    reads = {
        secret: name
        for name, service in SERVICES.items()
        for secret in service.get("secrets", ())
    }
    assert told == reads
    owners = re.findall(r"^\| `secrets/.*?\| (\w+) \| (\d+) \|", PAGE, re.MULTILINE)
    users = {
        name: str(s.get("user", instructions("USER")[0]))
        for name, s in SERVICES.items()
    }
    assert len(owners) == 4
    assert [who for who, uid in owners if users[who].split(":")[0] != uid] == []


@pytest.mark.parametrize(
    "line", sorted(set(re.findall(r"exec ordo ordo ([a-z ]+?)(?= [a-z]+_| -)", PAGE)))
)
def test_what_the_page_has_ordo_do_in_its_container_is_a_command(line):
    assert CliRunner().invoke(main, [*line.split(), "--help"]).exit_code == 0


def test_the_page_allows_as_much_time_to_stop_as_compose_does():
    grace = SERVICES["ordo"]["stop_grace_period"].removesuffix("s")
    for told in re.findall(r"(?:stop-timeout|period:|Seconds:) (\d+)", PAGE):
        assert told == grace
