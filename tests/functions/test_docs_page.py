"""The page at /docs: complete, self-contained, and well-formed enough that every link in it leads somewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from outpaint.contracts import openapi
from outpaint.contracts.errors import ErrorCode
from outpaint.functions.http.docs_page import docs_page

PAGE = docs_page()
VOID = {"meta", "link", "br"}


class Outline(HTMLParser):
    """Ids, links and the stack of open tags."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        found = dict(attrs)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [value for name in ("href", "src") if (value := found.get(name))]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def outline() -> Outline:
    reader = Outline()
    reader.feed(PAGE)
    reader.close()
    return reader


def test_every_tag_is_closed_and_every_id_stands_once(outline: Outline) -> None:
    assert outline.open == []
    assert len(outline.ids) == len(set(outline.ids))


def test_every_link_leads_inside_the_page_or_to_the_document(outline: Outline) -> None:
    anchors = {f"#{name}" for name in outline.ids}
    assert set(outline.links) - anchors <= {"/openapi.json", "data:,"}


def test_nothing_is_loaded_or_run(outline: Outline) -> None:
    assert not outline.tags & {"script", "img", "iframe", "object"}
    assert "@import" not in PAGE
    assert "url(" not in PAGE


def test_every_operation_error_header_and_schema_has_its_anchor(outline: Outline) -> None:
    document = openapi.document()
    wanted = {f"error-{code}" for code in ErrorCode}
    wanted |= {f"schema-{name}" for name in document["components"]["schemas"]}
    wanted |= {f"header-{name}" for name in document["components"]["headers"]}
    wanted |= {operation["operationId"] for verbs in document["paths"].values() for operation in verbs.values()}
    assert wanted <= set(outline.ids)


def test_every_operation_has_a_curl_line() -> None:
    assert len(re.findall(r"<pre[^>]*>curl ", PAGE)) >= len(openapi.document()["paths"])
