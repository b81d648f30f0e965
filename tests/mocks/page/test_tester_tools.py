"""What the page does for a tester: search, links, copies, calls sent again, differences, news, accessibility."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from axe import axe_violations as axe_violations
from playwright.sync_api import Page, Request, expect

from outpaint.functions.service.admission import key_digest

pytest_plugins = ["pytester"]

Open = Callable[..., Page]
# Other plugins of this environment would take most of the time.
QUIET = (
    "-q",
    *(f"-pno:{name}" for name in ("cacheprovider", "cov", "hypothesispytest", "benchmark", "anyio", "xdist")),
)
CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}


def calls(page: Page) -> Any:
    return page.locator("#calls li")


def said(page: Page) -> Any:
    return page.get_by_role("status")


def copied(page: Page, button: str) -> str:
    page.get_by_role("button", name=button).click()
    expect(said(page)).to_contain_text("Copied")
    return str(page.evaluate("navigator.clipboard.readText()"))


def refuse(mock: Any) -> None:
    with mock.client() as client:
        client.get("/balance", headers={"X-Mock-Scenario": "error(rate_limited)", "X-Picsart-API-Key": "another"})


def test_calls_are_searched_while_they_come(open_page: Open, mock: Any) -> None:
    mock.submit("a red door")
    mock.submit("a field")
    page = open_page()
    page.get_by_label("Text", exact=True).fill("RED")
    expect(calls(page)).to_have_count(1)
    expect(page.locator("#count")).to_have_text("1 of 2 calls")
    mock.submit("a red gate")
    expect(calls(page)).to_have_count(2)
    page.reload()
    page.wait_for_selector("body[data-ready]")
    expect(page.get_by_label("Text", exact=True)).to_have_value("RED")
    expect(calls(page)).to_have_count(2)
    page.get_by_role("button", name="Show all").click()
    expect(calls(page)).to_have_count(3)
    assert "text=" not in page.url
    refuse(mock)
    page.get_by_label("Status", exact=True).fill("4xx")
    expect(calls(page)).to_have_count(1)
    page.get_by_label("Status", exact=True).fill("")
    expect(calls(page)).to_have_count(4)
    key_id = key_digest("another")[:8]
    page.get_by_role("combobox", name="Key", exact=True).select_option(key_id)
    expect(calls(page)).to_have_count(1)
    expect(calls(page).first).to_contain_text("balance")
    page.get_by_role("combobox", name="Kind", exact=True).select_option("submit")
    expect(calls(page)).to_have_count(0)
    assert f"key={key_id}" in page.url
    assert "another" not in page.url


def test_a_search_in_vain_names_the_nearest_call(open_page: Open, mock: Any) -> None:
    mock.submit("a red door")
    mock.submit("a field")
    page = open_page("/_mock/ui?text=door&status=422")
    expect(page.locator("#no-calls")).to_contain_text("all but the status")
    page.get_by_role("button", name="#1 submit 202").click()
    expect(page.get_by_role("heading", name="#1 POST")).to_be_visible()


def test_every_world_is_searched_and_a_find_is_a_link(open_page: Open, mock: Any) -> None:
    mock.submit("a red door")
    mock.submit("a red gate", world="shop")
    page = open_page()
    page.get_by_role("combobox", name="In", exact=True).select_option("all worlds")
    page.get_by_label("Text", exact=True).fill("red")
    found = page.get_by_role("list", name="Calls of all worlds").get_by_role("link")
    expect(found).to_have_count(2)
    found.filter(has_text="gate").click()
    page.wait_for_selector("body[data-ready]")
    expect(page).to_have_url(re.compile(r"\?world=shop&call=1$"))
    expect(calls(page).first).to_contain_text("a red gate")


def test_a_link_leads_to_its_call_after_a_reload(open_page: Open, mock: Any) -> None:
    mock.submit("first", world="shop")
    mock.submit("second", world="shop")
    page = open_page("/_mock/ui?world=shop", **CLIPBOARD)
    calls(page).last.get_by_role("button").click()
    link = copied(page, "Copy link")
    assert link == page.url == page.get_by_role("link", name="#1").evaluate("link => link.href")
    for address in (None, link):
        page.reload() if address is None else page.goto(address)
        page.wait_for_selector("body[data-ready]")
        expect(page.get_by_role("heading", name="#1 POST")).to_be_visible()
        expect(page.locator("#calls [aria-current]")).to_contain_text("first")
    page.goto(link.replace("call=1", "call=99"))
    expect(page.get_by_role("heading", name="Call 99 cannot be shown")).to_be_visible()
    expect(page.locator("#tools")).to_be_hidden()


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_a_call_is_copied_as_curl_without_its_key(open_page: Open, mock: Any, tmp_path: Any) -> None:
    mock.submit("a red door", with_mask=True)
    page = open_page(**CLIPBOARD)
    text = copied(page, "Copy as curl")
    assert text == page.get_by_role("region", name="What was copied").text_content()
    assert "anyone" not in text
    page.get_by_label("with credentials").check()
    assert "anyone" in copied(page, "Copy as curl")
    subprocess.run(["sh", "-e", "-c", text], check=True, cwd=tmp_path, capture_output=True, timeout=60)
    expect(calls(page)).to_have_count(2)
    first, second = mock.world.calls
    assert second.request.plain_values == first.request.plain_values
    assert (second.image_sha256, second.mask_sha256) == (first.image_sha256, first.mask_sha256)


def test_a_copied_test_passes_under_pytest(open_page: Open, mock: Any, pytester: pytest.Pytester) -> None:
    mock.world.scenarios.next("polls(1)")
    inference_id = mock.submit("a red door")
    for _ in range(2):
        mock.world.clock.advance(2)
        mock.poll(inference_id)
    page = open_page(f"/_mock/ui?call={len(mock.world.calls)}", **CLIPBOARD)
    pytester.makepyfile(copied(page, "Copy as test"))
    pytester.runpytest_subprocess(*QUIET, "-W", "error").assert_outcomes(passed=1)


def test_a_text_is_selected_where_the_page_may_not_copy(open_page: Open, mock: Any) -> None:
    mock.submit()
    page = open_page()
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_role("button", name="Copy as curl").click()
    expect(said(page)).to_contain_text("selected below")
    assert page.evaluate("getSelection().toString().startsWith('curl ')")


def test_a_call_is_sent_again(open_page: Open, mock: Any) -> None:
    mock.submit("a red door")
    page = open_page()
    page.get_by_role("button", name="Send again").click()
    expect(said(page)).to_have_text("Call 1 was sent again: it is call 2.")
    expect(page.get_by_role("heading", name="#2 POST")).to_be_visible()
    expect(calls(page).first).to_contain_text("#1 sent again")
    assert mock.world.calls[1].body == mock.world.calls[0].body


def test_a_call_is_compared_with_the_nearest_and_with_any(open_page: Open, mock: Any) -> None:
    mock.submit("a red door", with_mask=True)
    mock.submit("hills", format="JPG")
    with mock.client() as client:
        client.post(
            "/painting/outpaint", files={"image": b"no picture"}, data={"prompt": "a red door", "mode": "async"}
        )
    page = open_page("/_mock/ui?call=3")
    page.get_by_text("Difference from another call").click()
    table = page.get_by_role("region", name="Values that differ")
    expect(table.get_by_role("row", name=re.compile("^status"))).to_contain_text("415202")
    page.get_by_label("Compared with").select_option(label="#2 submit 202")
    expect(table.get_by_role("row", name=re.compile("^prompt"))).to_contain_text("a red doorhills")
    expect(page.get_by_role("heading", name="Pictures of #2")).to_be_visible()
    page.locator("#difference").get_by_role("button", name="#2").click()
    expect(page.get_by_role("heading", name="#2 POST")).to_be_visible()


def test_a_polls_results_stand_beside_what_they_were_made_of(open_page: Open, mock: Any) -> None:
    mock.poll(mock.submit("a red door", with_mask=True))
    page = open_page("/_mock/ui?call=2")
    shown = page.locator("#call .pictures > figure > a > img:not(.cover)")
    expect(shown).to_have_count(5)
    names = shown.evaluate_all("all => all.map(one => one.alt)")
    assert names == ["Picture", "Mask", "Keep map: white is kept", "Result 1", "Result 2"]
    page.locator("#call").get_by_label("Darken what is painted").check()
    covers = page.locator("#call img.cover")
    expect(covers).to_have_count(3)
    expect(covers.first).to_be_visible()
    boxes = [page.locator("#call figure").first.locator("img").nth(place).bounding_box() for place in (0, 1)]
    assert boxes[0] == boxes[1]


def test_a_reset_is_confirmed(open_page: Open, mock: Any) -> None:
    mock.submit()
    page = open_page()
    for leave in ("Escape", "Enter"):  # Cancel has the focus
        page.get_by_role("button", name="Reset", exact=True).click()
        expect(page.get_by_role("dialog", name="Reset world default?")).to_be_visible()
        page.keyboard.press(leave)
        expect(page.get_by_role("dialog")).to_have_count(0)
    assert len(mock.world.calls) == 1
    page.get_by_role("button", name="Reset", exact=True).click()
    page.get_by_role("button", name="Reset the world").click()
    expect(calls(page)).to_have_count(0)
    assert len(mock.world.calls) == 0


def test_a_quiet_world_is_asked_for_one_small_thing_at_a_time(open_page: Open, mock: Any) -> None:
    mock.submit()
    page = open_page()
    expect(calls(page)).to_have_count(1)
    asked: list[Request] = []
    for _ in range(2):
        with page.expect_response(lambda answer: "/watch?" in answer.url and answer.status == 304):
            pass
    page.on("request", lambda request: asked.append(request))
    for _ in range(4):
        with page.expect_response(lambda answer: "/watch?" in answer.url) as answer:
            pass
        assert answer.value.status == 304
    assert {"/watch?" in one.url for one in asked} == {True}
    mock.submit()
    expect(calls(page)).to_have_count(2)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1400), ("dark", 360)])
def test_assistive_technology_finds_nothing_wrong(
    open_page: Open, mock: Any, axe_violations: Callable[[Page], list[str]], scheme: str, width: int
) -> None:
    mock.world.scenarios.always("latency(1)")
    mock.poll(mock.submit("a field", with_mask=True))
    refuse(mock)
    page = open_page("/_mock/ui?call=2", color_scheme=scheme, viewport={"width": width, "height": 900})
    page.get_by_text("Difference from another call").click()
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.locator("#copied")).to_be_visible()
    assert axe_violations(page) == []
    page.get_by_role("combobox", name="In", exact=True).select_option("all worlds")
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(page.get_by_role("list", name="Calls of all worlds").get_by_role("link").first).to_be_attached()
    assert axe_violations(page) == []
