"""What mkdocs.yml needs of Python: the site's pages lie in several folders of the project."""

import logging
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "build/pages"
# What the pages are, and what they link to.
PUBLISHED = (
    *("README.md", "README.ko.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"),
    *("LICENSE", "CITATION.cff", "params.yaml", "dvc.yaml", "docs", "metrics"),
)


logging.getLogger("mkdocs").setLevel(logging.WARNING)  # `mkdocs --quiet` would let warnings pass


def on_config(config):
    """Link what is published into one folder, laid out as the project is, so that relative links hold in both."""
    PAGES.mkdir(parents=True, exist_ok=True)
    for path in set(PAGES.iterdir()) - {PAGES / name for name in PUBLISHED}:
        path.unlink()
    for name in PUBLISHED:
        if not (PAGES / name).is_symlink():
            (PAGES / name).symlink_to(ROOT / name)
    config.docs_dir = str(PAGES)
    return config


def on_page_markdown(markdown, page, **_):
    """Drop the READMEs' links to each other, for the site's switch of languages serves every page."""
    if page.file.src_uri.startswith("README"):
        return re.sub(r"^\[.*\]\(README(\.ko)?\.md\)\n", "", markdown, count=1, flags=re.MULTILINE)
    return markdown
