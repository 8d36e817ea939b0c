"""The page about backups, word for word: a gateway is lost, and comes back halted."""

import ssl

import httpx

from tests.support.documents import blocks
from tests.support.processes import ROOT, TOKEN, Ordo, ended, free_port
from tests.test_docs import PORT_IN_DOCS
from tests.test_docs_snippets import shell

PAGE = "docs/how-to/backup.md"
ORDER = {
    "brokers": ["paper"],
    "orders": [
        {
            "symbol": "NSE:SBIN",
            "side": "BUY",
            "quantity": 10,
            "type": "LIMIT",
            "price": 400,
            "product": "CNC",
        }
    ],
}


def place(client, key):
    answer = client.post("/orders", json=ORDER, headers={"Idempotency-Key": key})
    return answer.json()


def client_of(running, directory):
    return httpx.Client(
        base_url=f"{running.url}/api/v1",
        verify=ssl.create_default_context(cafile=directory / "var/tls/ca.pem"),
        headers={"Authorization": f"Bearer {TOKEN}"},
        trust_env=False,
    )


def test_a_restored_gateway_is_halted_whole_and_knows_what_it_had(tmp_path):
    (settings,) = blocks(PAGE, "toml")
    address = f"127.0.0.1:{free_port()}"
    config = tmp_path / "ordo.toml"
    config.write_text(settings.replace(PORT_IN_DOCS, address))
    back_up, restore, compare, resume = blocks(PAGE, "sh")
    environ = {"PYTHONPATH": str(ROOT)}
    at = {"ORDO_DATA__DIR": str(tmp_path / "var")}

    before = Ordo(config, **at)
    with ended(before), client_of(before, tmp_path) as client:
        kept = place(client, "before-the-backup")["data"]["batch_id"]
        assert before.stop() == 0
    head = shell(back_up, tmp_path, environ)
    archive = tmp_path / "ordo-backup.tar.gz"
    assert archive.stat().st_mode & 0o077 == 0

    lost = Ordo(config, **at)
    with ended(lost), client_of(lost, tmp_path) as client:
        place(client, "after-the-backup")
        lost.kill()

    assert head.strip() in shell(restore, tmp_path, environ)
    restored = tmp_path / "restored"
    again = Ordo(restored / "ordo.toml", ORDO_DATA__DIR=str(restored / "var"))
    environ |= {
        "ORDO_URL": again.url,
        "ORDO_CA": str(restored / "var/tls/ca.pem"),
        "ORDO_API_TOKEN": TOKEN,
    }
    with ended(again), client_of(again, restored) as client:
        shell(compare, tmp_path, environ)
        assert place(client, "before-the-backup")["data"]["batch_id"] == kept
        refused = place(client, "anything-new")
        assert refused["error_code"] == "kill_switch_engaged"
        shell(resume, restored, environ)
        assert place(client, "anything-new")["status"] == "success"
