"""The docs as a site: every page in it, every link leads somewhere, all of it ours."""

import json
import re
import subprocess
import sys

import pytest
import yaml
from mkdocs.config import load_config

from tests.site import hooks
from tests.support.processes import ROOT

FROM_OUTSIDE = re.compile(
    r"<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=\"(?:https?:)?//[^\"]*\""
)
PARTS = ["Overview", "Start here", "How to", "Reference", "Why and how it works"]
PARTS += ["The project"]


def build(target, *, config=ROOT / "mkdocs.yml"):
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "-f", str(config), "-d", str(target)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    target = tmp_path_factory.mktemp("site")
    done = build(target)
    assert done.returncode == 0, done.stderr
    return target


def test_every_document_is_a_page_of_the_site(site):
    wanted = {name.removesuffix(".md") + ".html" for name in hooks.pages(ROOT)}
    there = {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    assert there - wanted == {"404.html", "search.html"}
    assert wanted <= there


def test_every_page_can_be_reached_by_the_navigation(site):
    shown = re.findall(r'href="([^"#:]+\.html)"', (site / "index.html").read_text())
    wanted = {name.removesuffix(".md") + ".html" for name in hooks.pages(ROOT)}
    assert wanted <= set(shown) | {"index.html"}


def test_nothing_of_the_site_comes_from_outside(site):
    for page in site.rglob("*.html"):
        assert FROM_OUTSIDE.findall(page.read_text()) == [], page.name
    for sheet in site.rglob("*.css"):
        assert (
            re.findall(
                r"(?:@import|url\()\s*['\"]?(?:https?:)?//", sheet.read_text("utf-8")
            )
            == []
        ), sheet.name


def test_the_search_knows_every_page(site):
    index = json.loads((site / "search" / "search_index.json").read_text())
    found = {entry["location"].partition("#")[0] for entry in index["docs"]}
    pages = {name.removesuffix(".md") + ".html" for name in hooks.pages(ROOT)}
    assert {name or "index.html" for name in found} == pages


def test_links_to_files_outside_the_docs_lead_to_the_sites_own(site):
    assert 'href="index.html"' in (site / "quickstart.html").read_text()
    assert 'href="docs/' not in (site / "index.html").read_text()
    assert 'href="files/LICENSE"' in (site / "index.html").read_text()
    assert (site / "files" / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_links_that_lead_nowhere_are_found(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("# Readme\n")
    links = ("gone.md", "other.md#lost", "../README.md#astray")
    text = "\n".join(f"[x]({link})" for link in links)
    (tmp_path / "docs" / "page.md").write_text(f"# Page\n\n{text}\n")
    (tmp_path / "docs" / "other.md").write_text("# Other\n")
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    settings["hooks"] = [str(ROOT / "tests" / "site" / "hooks.py")]
    settings["nav"] = ["index.md", "*.md"]
    config = tmp_path / "mkdocs.yml"
    config.write_text(yaml.safe_dump(settings))
    done = build(tmp_path / "site", config=config)
    assert done.returncode == 1
    assert done.stderr.count("WARNING") == 3
    for told in ("'gone.md'", "'#lost'", "'#astray'"):
        assert told in done.stderr


def test_a_page_that_nobody_named_stands_where_a_pattern_fits(tmp_path):
    for name in ("b.md", "a.md", "named.md", "sub/z.md", "there.md"):
        file = tmp_path / "docs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("# Page\n")
    nav = [{"Part": ["there.md?", "gone.md?", "sub/*.md", "*.md", "named.md"]}]
    config = load_config(config_file=None, docs_dir=str(tmp_path / "docs"), nav=nav)
    config.config_file_path = str(tmp_path / "mkdocs.yml")
    made = hooks.on_config(config).nav
    assert made == [{"Part": ["there.md", "sub/z.md", "a.md", "b.md", "named.md"]}]


def test_the_navigation_has_its_parts():
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    assert [name for part in nav for name in part] == PARTS
