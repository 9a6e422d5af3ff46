"""The documentation's pages of the API hold every public name, once, and the site's navigation holds every page."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

for needed in ("mkdocs", "griffe"):
    pytest.importorskip(needed, reason="just docs installs what makes the documentation's site")
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def site_pages() -> Any:
    path = ROOT / "docs" / "site_pages.py"
    spec = importlib.util.spec_from_file_location("site_pages", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    # A dataclass asks for its module.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "site_pages", module)
        spec.loader.exec_module(module)
        yield module


@pytest.mark.parametrize("module", ["acm_rs", "acm_rs.fleet", "acm_rs.pandas", "acm_rs.polars", "acm_rs.sklearn"])
def test_the_pages_hold_every_public_name_once(site_pages: Any, module: str) -> None:
    inner = module.rpartition(".")[2]
    if inner != "acm_rs":
        pytest.importorskip({"fleet": "polars"}.get(inner, inner))
    held = Counter(name for page in site_pages.PAGES.values() for name in site_pages.listed(page))
    for name in importlib.import_module(module).__all__:
        assert held[f"{module}.{name}"] == 1, name


def test_the_navigation_holds_every_page(site_pages: Any) -> None:
    told = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert [line.strip() for line in told.splitlines() if line.startswith("      - api/")] == [
        f"- api/{place}.md" for place in ("index", *site_pages.PAGES)
    ]


def test_a_public_name_without_an_anchor_ends_the_build(site_pages: Any, tmp_path: Path) -> None:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.exceptions import BuildError

    config = MkDocsConfig()
    config.site_dir = str(tmp_path)
    folder = tmp_path / "api"
    folder.mkdir()
    *most, last = site_pages.public()
    (folder / "index.html").write_text("".join(f'<h2 id="{name}">' for name in most), encoding="utf-8")
    with pytest.raises(BuildError, match=f"no page of the API: {last}$"):
        site_pages.on_post_build(config)
    with (folder / "index.html").open("a", encoding="utf-8") as page:
        page.write(f'<h2 id="{last}">')
    site_pages.on_post_build(config)
