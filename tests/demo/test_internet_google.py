"""The image search stand-in, as a real Chromium sees it."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from demo.internet import Internet, World

# The expression that reads 27 of 27 results from a page recorded in 2024.
BLOCK = re.compile(
    r'\["(https://encrypted-tbn[^"]+)",(\d+),(\d+)\]\s*,\["([^"]+)",(\d+),(\d+)\].{0,400}?'
    r'"2003":\[null,"([^"]*)","([^"]*)","([^"]*)"',
    re.S,
)
PAGE = "https://www.google.com/search?q=bare+face+portrait&udm=2"


def read(source: str) -> list[tuple[str, str, str]]:
    """Read (picture, page, title) of every result in the page's data blocks."""
    found = BLOCK.findall(source)
    return [tuple(json.loads(f'"{text}"') for text in (one[3], one[7], one[8])) for one in found]


@pytest.fixture
def browser(internet: Internet, tmp_path: Path) -> Iterator[object]:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--window-size=1280,1000",
        "--lang=en-US",
        "--disable-background-networking",
        f"--user-data-dir={tmp_path / 'profile'}",
        *internet.chromium_arguments(),
    ):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    driver.set_page_load_timeout(60)
    yield driver
    driver.quit()


def wait(until, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.1)


@pytest.mark.browser
def test_a_browser_scrolls_through_all_results_and_reads_their_addresses(browser, world: World):
    browser.get(PAGE)
    expected = {(r.picture.url, r.page_url, r.title) for r in world.search("bare face portrait")}
    assert len(expected) > 20
    assert len(browser.find_elements("css selector", 'div[jsname="dTDiAc"]')) == 20

    def scrolled() -> bool:
        browser.execute_script("scrollTo(0, document.body.scrollHeight)")
        return "reached the end" in browser.find_element("id", "bres").text

    wait(scrolled)
    assert set(read(browser.page_source)) == expected
    assert len(browser.find_elements("css selector", 'div[jsname="dTDiAc"]')) == len(expected)


@pytest.mark.browser
def test_thumbnails_load_and_a_click_opens_the_full_picture(browser, world: World):
    browser.get(PAGE)
    wait(lambda: browser.find_elements("css selector", 'img[src^="https://encrypted-tbn"]'))
    photo = next(r for r in world.search("bare face portrait")[:20] if r.picture.kind == "photo")
    cell = browser.find_element("css selector", f'[data-lpage="{photo.page_url}"] img')
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", cell)
    cell.click()
    full = browser.find_element("css selector", 'div[jsname="figiqf"] a img.sFlh5c.FyHeAf.iPVvYb[jsname="kn3ccd"]')
    wait(lambda: browser.execute_script("return arguments[0].naturalWidth", full) == photo.picture.truth.width)
    assert full.get_attribute("src") == photo.picture.url
    anchors = browser.find_elements("css selector", 'a[href*="/imgres?imgurl="]')
    assert any("imgurl=" in anchor.get_attribute("href") for anchor in anchors)


@pytest.mark.browser
def test_the_block_page_and_the_consent_page_come_when_asked(browser, internet: Internet):
    internet.fault("www.google.com", "google-sorry")
    browser.get(PAGE)
    assert "/sorry/" in browser.current_url
    assert browser.find_elements("css selector", "form#captcha-form")
    internet.fault("www.google.com", "google-consent")
    browser.get(PAGE)
    assert browser.current_url.startswith("https://consent.google.com/")
    browser.find_element("css selector", '[aria-label="Reject all"]').click()
    wait(lambda: browser.current_url.startswith("https://www.google.com/search"))
    assert browser.get_cookie("SOCS")["value"].startswith("CAES")


@pytest.mark.browser
@pytest.mark.skipif(not shutil.which("certutil"), reason="libnss3-tools is not installed")
def test_a_browser_can_trust_the_authority_through_nss(internet: Internet, tmp_path: Path):
    from selenium import webdriver

    home = internet.nss_home(tmp_path / "home")
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        f"--proxy-server={internet.proxy_url}",
    ):
        options.add_argument(argument)
    service = webdriver.ChromeService("/usr/bin/chromedriver", env={"HOME": str(home), "PATH": "/usr/bin:/bin"})
    driver = webdriver.Chrome(options=options, service=service)
    try:
        driver.get(PAGE)
        assert "Google Search" in driver.title
    finally:
        driver.quit()


def test_each_query_has_its_own_order_and_domains_do_not_mix(world: World):
    first, second = (world.search(q) for q in ("bare face portrait", "no makeup portrait"))
    worn = world.search("makeup portrait")
    assert {r.picture.url for r in first} == {r.picture.url for r in second}
    assert first != second
    assert {r.picture.truth.domain for r in first} == {"bare"}
    assert {r.picture.truth.domain for r in worn} == {"makeup"}
    assert world.search("red apple") == []


def test_a_search_for_something_else_finds_nothing(web: requests.Session):
    text = web.get("https://www.google.com/search?q=red+apple&udm=2", timeout=10).text
    assert read(text) == []
    assert "did not match" in text


def test_a_query_cannot_write_into_the_page(web: requests.Session):
    text = web.get("https://www.google.com/search?udm=2&q=%3Cscript%3Ealert(1)%3C/script%3E+face", timeout=10).text
    assert "<script>alert" not in text
