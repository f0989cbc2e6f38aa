"""The site of the documentation: all pages in both languages, found by search, and nothing fetched from elsewhere."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.readme import english, korean

ROOT = Path(__file__).parents[1]
FETCHES = re.compile(r"""(?:\bsrc=|<link [^>]*href=|url\(|@import )["']?(?:https?:)?//[^"') ]+""")


def make(target, *arguments):
    # -o: the environment is there, however old.
    command = ["make", "-o", ".venv/.ready", target, f"BIN={Path(sys.executable).parent}", *arguments]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = make("docs", f"SITE={folder}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == f"The site is in {folder}: open {folder}/index.html\n"
    return folder


def test_each_page_is_there_in_both_languages_and_each_home_leads_to_the_other(site):
    for page in english(ROOT)[1:]:
        name = f"docs/{page.stem}.html"
        title = (
            (korean(page) if korean(page).exists() else page).read_text(encoding="utf-8").split("\n")[0].lstrip("# ")
        )
        assert (site / name).exists()
        assert f"<title>{title} - KoSentenceBERT</title>" in (site / "ko" / name).read_text(encoding="utf-8")
    assert 'href="ko/index.html"' in (site / "index.html").read_text(encoding="utf-8")
    assert 'href="../index.html"' in (site / "ko/index.html").read_text(encoding="utf-8")


def test_what_is_no_page_is_there_as_it_is(site):
    for name in ("params.yaml", "LICENSE", "docs/by_size.svg"):
        assert (site / name).read_bytes() == (ROOT / name).read_bytes()


def test_search_knows_both_languages(site):
    index = json.loads((site / "search/search_index.json").read_text(encoding="utf-8"))
    assert index["config"]["lang"] == ["en", "ko"]
    places = [entry["location"] for entry in index["docs"]]
    assert {"docs/reliability.html", "ko/docs/reliability.html"} <= {*places}


def test_nothing_is_fetched_from_elsewhere(site):
    pages = [path for path in site.rglob("*") if path.suffix in (".html", ".css")]
    assert len(pages) > 10
    found = {path.name: FETCHES.findall(path.read_text(encoding="utf-8")) for path in pages}
    assert {name: fetched for name, fetched in found.items() if fetched} == {}
