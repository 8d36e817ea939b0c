"""The workflows keep to the least that they need, and publish what was tried."""

import re
from pathlib import Path

import pytest
import yaml

from tests.support.processes import ROOT

PLACE = ROOT / ".github" / "workflows"
FILES = sorted(PLACE.glob("*.yml"))
MAJOR = re.compile(r"uses: (?P<action>[\w./-]+)@(?:release/)?v(?P<major>\d+)")
POWERS = {
    ("ci", "test"): {"contents": "read"},
    ("ci", "dist"): {"contents": "read"},
    ("ci", "image"): {"contents": "read"},
    ("release", "ci"): {"contents": "read"},
    ("release", "dist"): {"contents": "read"},
    ("release", "index"): {"id-token": "write"},
    ("release", "image"): {
        "contents": "read",
        "packages": "write",
        "id-token": "write",
        "attestations": "write",
    },
    ("release", "notes"): {"contents": "write"},
}
"""What each job may do. More is a decision, and is written here too."""


def workflow(path: Path) -> dict:
    found = yaml.safe_load(path.read_text())
    found["on"] = found.pop(True)  # YAML 1.1 reads `on` as a truth
    return found


RELEASE = workflow(PLACE / "release.yml")["jobs"]


def steps(job: dict, action: str) -> list[dict]:
    """What the steps of *job* that use *action* are told."""
    return [
        step.get("with", {})
        for step in job.get("steps", ())
        if step.get("uses", "").startswith(f"{action}@")
    ]


def needed(job: str) -> set[str]:
    """All that has to have ended well before *job* begins."""
    direct = RELEASE[job].get("needs", [])
    direct = {direct} if isinstance(direct, str) else set(direct)
    return direct.union(*map(needed, direct))


def test_each_job_may_do_what_is_written_here_and_no_more():
    found = {}
    for path in FILES:
        whole = workflow(path)
        assert whole["permissions"] == {}
        for name, job in whole["jobs"].items():
            found[path.stem, name] = job["permissions"]
    assert found == POWERS


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_action_is_of_one_major_version_and_says_what_for(path):
    lines = [line for line in path.read_text().splitlines() if " uses: " in line]
    lines = [line for line in lines if "uses: ./" not in line]
    assert lines != []
    for line in lines:
        found = MAJOR.search(line)
        assert found is not None, line
        assert f" # v{found['major']}: " in line


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_secret_is_kept_and_no_token_is_left_behind(path):
    text = path.read_text()
    assert "secrets." not in text
    for job in workflow(path)["jobs"].values():
        for told in steps(job, "actions/checkout"):
            assert told == {"persist-credentials": False}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nothing_that_a_stranger_writes_runs_with_our_powers(path):
    whole = workflow(path)
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(
        whole["on"]
    )
    for job in whole["jobs"].values():
        for step in job.get("steps", ()):
            assert "${{" not in step.get("run", "")  # from the environment, quoted


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_job_ends_sometime(path):
    for job in workflow(path)["jobs"].values():
        assert "timeout-minutes" in job or job["uses"].startswith("./")


def test_only_a_tag_of_a_version_releases():
    assert workflow(PLACE / "release.yml")["on"] == {
        "push": {"tags": ["v[0-9]+.[0-9]+.[0-9]+"]}
    }


def test_nothing_is_published_before_everything_was_tried():
    assert {"ci", "dist"} <= needed("image")
    assert {"ci", "dist", "image"} <= needed("index")
    assert {"ci", "dist", "image", "index"} <= needed("notes")
    assert [step["run"] for step in RELEASE["dist"]["steps"] if "run" in step] == [
        'make dist ARGS="--tag $GITHUB_REF_NAME"'
    ]


def test_the_index_trusts_this_workflow_and_both_projects_go_there():
    job = RELEASE["index"]
    assert job["strategy"]["matrix"]["project"] == ["gateway", "client"]
    assert job["environment"] == "index-${{ matrix.project }}"
    assert steps(job, "pypa/gh-action-pypi-publish") == [{"attestations": True}]
    uploaded = {
        told["name"] for told in steps(RELEASE["dist"], "actions/upload-artifact")
    }
    assert uploaded == {"gateway", "client"}


def test_the_image_is_pushed_with_what_it_holds_and_where_it_is_from():
    (push,) = steps(RELEASE["image"], "docker/build-push-action")
    assert (push["push"], push["sbom"]) == (True, True)
    assert push["provenance"] == "mode=max"
    (attest,) = steps(RELEASE["image"], "actions/attest-build-provenance")
    assert attest["push-to-registry"] is True
    assert attest["subject-digest"] == "${{ steps.push.outputs.digest }}"
    (login,) = steps(RELEASE["image"], "docker/login-action")
    assert login["password"] == "${{ github.token }}"


def test_each_python_that_is_promised_is_tested():
    text = (ROOT / "pyproject.toml").read_text()
    promised = re.findall(r'"Programming Language :: Python :: ([\d.]+)"', text)
    tested = workflow(PLACE / "ci.yml")["jobs"]["test"]["strategy"]["matrix"]
    assert tested["python"] == promised
