"""The page at /_mock/ui, in a real Chromium."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from outpaint.mocks.scenarios.scenario import EFFECTS

Open = Callable[..., Page]
START = "2026-01-01 00:00:00"


def calls(page: Page) -> Any:
    return page.get_by_role("region", name="Journal").get_by_role("listitem")


def switch(page: Page, effect: str) -> Any:
    return page.get_by_role("switch", name=f"{effect} for the whole world", exact=True)


def test_an_empty_journal_says_how_to_begin(open_page: Open, mock: Any) -> None:
    page = open_page()
    expect(page.get_by_text("No call has come yet.")).to_be_visible()
    expect(page.get_by_role("heading", name="Send it a call")).to_be_visible()
    expect(page.get_by_text(f"curl {mock.url}/v1/balance")).to_be_visible()
    expect(page.get_by_text("Nothing to judge yet")).to_be_visible()


def test_calls_show_up_while_one_looks(open_page: Open, mock: Any) -> None:
    page = open_page()
    mock.submit("a red door")
    expect(calls(page)).to_have_count(1)
    expect(calls(page).first).to_contain_text("submit a red door")
    mock.world.clock.advance(2)
    with mock.client() as client:
        client.get("/balance", headers={"X-Mock-Scenario": "error(rate_limited)"})
    expect(calls(page)).to_have_count(2)
    expect(calls(page).first).to_contain_text("429")
    expect(calls(page).first).to_contain_text("error(rate_limited)")


def test_a_calls_pictures_stand_side_by_side(open_page: Open, mock: Any) -> None:
    mock.poll(mock.submit("a red door", with_mask=True, count="2"))
    page = open_page()
    expect(page.get_by_role("heading", name="POST /v1/painting/outpaint")).to_be_visible()
    for name in ("Picture", "Mask", "Keep map: white is kept", "Result 1", "Result 2"):
        shown = page.get_by_role("img", name=name, exact=True)
        shown.scroll_into_view_if_needed()
        expect(shown).to_have_js_property("complete", True)
        assert shown.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [96, 64]
    tops = {round(page.get_by_role("img", name=name).bounding_box()["y"]) for name in ("Picture", "Mask", "Keep map")}
    assert len(tops) == 1


def test_the_calls_of_a_job_lead_to_each_other(open_page: Open, mock: Any) -> None:
    inference_id = mock.submit()
    mock.poll(inference_id)
    page = open_page()
    page.get_by_role("button", name="#2 poll 200").click()
    expect(page.get_by_role("heading", name=f"#2 GET /v1/painting/{inference_id}")).to_be_visible()
    expect(page.locator("#calls [aria-current]")).to_contain_text("poll")


def test_the_clock_is_advanced_frozen_and_let_go(open_page: Open, mock: Any) -> None:
    page = open_page()
    clock = page.get_by_role("region", name="Clock")
    expect(clock).to_contain_text(START)
    clock.get_by_role("button", name="Advance the clock by 25 h").click()
    expect(clock).to_contain_text("2026-01-02 01:00:00")
    clock.get_by_role("button", name="Advance the clock by 1 s").click()
    expect(clock).to_contain_text("2026-01-02 01:00:01")
    assert mock.world.clock.time.isoformat() == "2026-01-02T01:00:01+00:00"
    clock.get_by_label("Virtual seconds in a real one").fill("60")
    clock.get_by_role("button", name="Tick").click()
    expect(clock).to_contain_text(re.compile("ticking . 60"))
    expect(clock.get_by_role("button", name="Tick")).to_have_attribute("aria-pressed", "true")
    clock.get_by_role("button", name="Freeze").click()
    expect(clock).to_contain_text("frozen")
    assert mock.world.clock.is_frozen


def test_every_effect_of_the_registry_has_its_switch(open_page: Open) -> None:
    page = open_page()
    labels = page.get_by_role("switch").evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
    assert sorted(labels) == sorted(f"{name} for the whole world" for name in EFFECTS)


def test_a_switch_sets_its_effect_and_takes_it_back(open_page: Open, mock: Any) -> None:
    page = open_page()
    switch(page, "polls").click()
    expect(page.get_by_role("status")).to_contain_text("polls needs n")
    expect(switch(page, "polls")).not_to_be_checked()
    page.keyboard.type("2")  # the field that is missing has the focus
    switch(page, "polls").click()
    expect(switch(page, "polls")).to_be_checked()
    expect(page.get_by_role("status")).to_be_empty()
    expect(page.locator("#set")).to_contain_text("polls(2)")
    assert [str(one.scenario) for one in mock.world.scenarios.lasting] == ["polls(2)"]
    switch(page, "polls").click()
    expect(page.locator("#set li")).to_have_count(0)
    assert mock.world.scenarios.lasting == ()


def test_an_effect_may_be_for_the_next_call_only(open_page: Open, mock: Any) -> None:
    page = open_page()
    page.locator("summary", has_text=re.compile("^gateway$")).click()
    row = page.locator(".effect", has=switch(page, "gateway"))
    row.get_by_label("status").select_option("503")
    row.get_by_role("button", name="Next call only").click()
    expect(page.locator("#set")).to_contain_text("next call")
    assert [str(one.scenario) for one in mock.world.scenarios.waiting] == ["gateway(503)"]
    with mock.client() as client:
        assert client.get("/balance").status_code == 503
    expect(page.locator("#set li")).to_have_count(0)


def test_a_scenario_is_written_explained_set_and_removed(open_page: Open, mock: Any) -> None:
    page = open_page()
    line = page.get_by_label("Write one, or take a preset")
    line.fill("pols(2)")
    expect(page.get_by_text("did you mean polls?")).to_be_visible()
    line.fill("polls(2);fail( timed_out )")
    expect(page.get_by_text("polls(2); fail(timed_out): on submit")).to_be_visible()
    line.press("Enter")
    expect(line).to_have_value("")
    assert [str(one.scenario) for one in mock.world.scenarios.lasting] == ["polls(2); fail(timed_out)"]
    page.get_by_role("button", name="Remove polls(2); fail(timed_out)").click()
    expect(page.locator("#set li")).to_have_count(0)
    assert mock.world.scenarios.lasting == ()


def test_worlds_are_opened_and_looked_at_apart(open_page: Open, mock: Any) -> None:
    mock.submit("here")
    page = open_page()
    page.get_by_label("Name of a new world").fill("other")
    page.get_by_role("button", name="Open").click()
    expect(page).to_have_url(re.compile(r"\?world=other$"))
    expect(page.get_by_text("No call has come yet.")).to_be_visible()
    mock.submit("there", world="other")
    expect(calls(page)).to_have_count(1)
    expect(calls(page).first).to_contain_text("submit there")
    page.get_by_role("combobox", name="World", exact=True).select_option("default")
    expect(calls(page).first).to_contain_text("submit here")
    elsewhere = open_page("/t/other/_mock/ui")
    expect(calls(elsewhere).first).to_contain_text("submit there")


def test_a_running_job_is_released(open_page: Open, mock: Any) -> None:
    mock.world.scenarios.always("manual")
    inference_id = mock.submit("a slow job")
    page = open_page()
    assert mock.poll(inference_id).status_code == 202
    page.get_by_role("button", name="Release the job a slow job").click()
    expect(page.locator("#jobs")).to_contain_text("None.")
    assert mock.poll(inference_id).status_code == 200


def test_a_source_is_registered_and_forgotten(open_page: Open, mock: Any) -> None:
    page = open_page()
    page.get_by_label("An image_url answers with").fill("https://example.com/gone.png")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.locator("#sources")).to_contain_text("https://example.com/gone.png")
    assert mock.world.sources.registered[0].status == 404
    page.get_by_role("button", name="Forget https://example.com/gone.png").click()
    expect(page.locator("#sources li")).to_have_count(0)


def test_the_journal_is_cleared_and_the_world_reset(open_page: Open, mock: Any) -> None:
    mock.submit()
    page = open_page()
    expect(calls(page)).to_have_count(1)
    page.get_by_role("region", name="Journal").get_by_role("button", name="Clear").click()
    expect(calls(page)).to_have_count(0)
    mock.submit("again")
    expect(calls(page)).to_have_count(1)
    mock.world.clock.advance(hours=1)
    page.get_by_role("button", name="Reset", exact=True).click()
    page.get_by_role("button", name="Reset the world").click()
    expect(calls(page)).to_have_count(0)
    expect(page.get_by_role("region", name="Clock")).to_contain_text(START)


def test_only_calls_of_one_kind_are_shown(open_page: Open, mock: Any) -> None:
    mock.poll(mock.submit())
    page = open_page()
    page.get_by_role("combobox", name="Kind", exact=True).select_option("poll")
    expect(calls(page).filter(visible=True)).to_have_count(1)


def test_the_report_says_what_is_wrong_and_opens(open_page: Open, mock: Any) -> None:
    inference_id = mock.submit()
    for _ in range(2):
        mock.world.clock.advance(2)
        mock.poll(inference_id)
    page = open_page()
    page.get_by_text("Breaks rules").click()
    expect(page.get_by_text("Stops polling once")).to_be_visible()
    with page.expect_popup() as popup:
        page.get_by_role("link", name="Whole report").click()
    expect(popup.value.get_by_role("heading", name="Broken rules")).to_be_visible()


def test_what_clients_send_is_text_and_nothing_else(open_page: Open, mock: Any) -> None:
    hostile = '<img src=x onerror="alert(1)"><script>alert(2)</script>'
    mock.poll(mock.submit(hostile))
    page = open_page()
    expect(calls(page).last).to_contain_text(hostile)
    assert page.locator("main script, main img[src='x']").count() == 0


def test_everything_is_reached_by_keyboard(open_page: Open, mock: Any) -> None:
    mock.world.scenarios.always("manual")
    mock.poll(mock.submit("first"))
    mock.submit("second")
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the journal"
    reached = set()
    for _ in range(200):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.outerHTML.slice(0, 200)"))
        if page.evaluate("document.activeElement === document.body"):
            break
    wanted = page.evaluate(
        """[...document.querySelectorAll('button, input, select, a[href], summary')]
        .filter(one => one.checkVisibility() && !one.disabled && !one.closest('details:not([open]) > :not(summary)'))
        .map(one => one.outerHTML.slice(0, 200))"""
    )
    assert set(wanted) - reached <= {page.evaluate("document.querySelector('.skip').outerHTML.slice(0, 200)")}
    calls(page).first.get_by_role("button").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("heading", name="#2 GET")).to_be_visible()
    page.keyboard.press("End")
    expect(page.get_by_role("heading", name="#1 POST")).to_be_visible()
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(open_page: Open, mock: Any, scheme: str) -> None:
    mock.world.scenarios.always("latency(1)")
    mock.poll(mock.submit("a field"))
    with mock.client() as client:
        client.get("/balance", headers={"X-Mock-Scenario": "error(internal)"})
        client.get("/nothing")
    page = open_page(color_scheme=scheme)
    low = page.evaluate(CONTRAST)
    assert low == []


@pytest.mark.parametrize("width", [360, 800, 1100, 1920])
def test_nothing_is_cut_off_at_any_width(open_page: Open, mock: Any, width: int) -> None:
    mock.poll(mock.submit("a rather long wish " * 20, with_mask=True))
    page = open_page(viewport={"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_mock_that_has_gone_is_told(open_page: Open, mock: Any) -> None:
    page = open_page()
    page.route("**/_mock/**", lambda route: route.abort())
    expect(page.get_by_role("status")).to_contain_text("The mock does not answer")
    page.unroute_all()
    expect(page.get_by_role("status")).to_be_empty()


# WCAG 2: each text's contrast to what is really behind it; 4.5 is enough for text of any size.
CONTRAST = """
() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const colour = (text) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const over = ([r, g, b, a], under) => [r, g, b].map((value, i) => (value * a + under[i] * (255 - a)) / 255);
  const behind = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) layers.unshift(colour(getComputedStyle(one).backgroundColor));
    return layers.reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const light = (rgb) => {
    const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = rgb.map((value) => linear(value / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const low = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility()) continue;
    const ground = behind(element);
    const [a, b] = [light(over(colour(getComputedStyle(element).color), ground)), light(ground)].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) low.push(`${node.data.trim().slice(0, 30)}: ${contrast.toFixed(2)}`);
  }
  return [...new Set(low)];
}
"""
