"""The page about client certificates, word for word, at a real Ordo."""

import os
import ssl
import subprocess
import sys

import httpx
import pytest

from tests.support.documents import blocks
from tests.support.processes import ROOT, TOKEN, Ordo, ended, free_port
from tests.test_docs import PORT_IN_DOCS
from tests.test_docs_snippets import shell

PAGE = "docs/how-to/mtls.md"


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """Where the page's first commands have made certificates."""
    made = tmp_path_factory.mktemp("mtls")
    shell(blocks(PAGE, "sh")[0], made, {"PYTHONPATH": str(ROOT)})
    return made


@pytest.fixture(scope="module")
def served(directory):
    """An Ordo by the page's settings; gives what clients need to know."""
    (settings,) = blocks(PAGE, "toml")
    address = f"127.0.0.1:{free_port()}"
    settings = settings.replace(PORT_IN_DOCS, address)
    # It starts elsewhere than where the page's reader stands.
    settings = settings.replace('"clients-ca.pem"', f'"{directory}/clients-ca.pem"')
    config = directory / "ordo.toml"
    config.write_text(settings)
    running = Ordo(config, ORDO_DATA__DIR=str(directory / "var"))
    with ended(running):
        yield {
            "ORDO_URL": running.url,
            "ORDO_CA": str(directory / "var/tls/ca.pem"),
            "ORDO_API_TOKEN": TOKEN,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'sdk' / 'src'}",
        }


def test_commands_that_show_the_certificate_are_answered(directory, served):
    assert '"status"' in shell(blocks(PAGE, "sh")[1], directory, served)


def test_the_program_that_shows_the_certificate_is_answered(directory, served):
    (program,) = blocks(PAGE, "python")
    done = subprocess.run(
        [sys.executable, "-"],
        input=program,
        cwd=directory,
        env={**os.environ, **served},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_a_token_without_a_certificate_opens_nothing(served):
    trust = ssl.create_default_context(cafile=served["ORDO_CA"])
    with httpx.Client(verify=trust, trust_env=False) as client:
        for path in ("/health", "/api/v1/status"):
            with pytest.raises(httpx.TransportError):
                client.get(
                    served["ORDO_URL"] + path,
                    headers={"Authorization": f"Bearer {TOKEN}"},
                )


def ordo(directory, served, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "ordo", "status", *arguments],
        cwd=directory,
        env={**os.environ, **served},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_command_line_says_that_a_certificate_is_wanted(directory, served):
    done = ordo(directory, served)
    assert done.returncode == 1
    assert "if it asks for certificates (client_ca), name one by --cert" in done.stderr


def test_a_file_without_a_key_is_refused_by_its_name(directory, served):
    done = ordo(directory, served, "--cert", "clients-ca.pem")
    assert done.returncode == 1
    assert done.stderr.startswith("ordo: clients-ca.pem: wanted a certificate and its")
