"""The console in a real browser: by keyboard and by phone, with nothing from elsewhere."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from hindcast.operations.console import ADDRESS
from hindcast.operations.drift import check
from tests.integration import control, hindsight
from tests.integration.hindsight import ANN, BOB, NOW, Home
from tests.over_http import answering

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 30_000
PAGES = ("", "entities", "releases", "drift", "catalogue", "runs")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the PATH")


@dataclass
class Console:
    """A served console, a browser, and what went wrong in its pages or went elsewhere."""

    url: str
    token: str
    browser: Browser
    faults: list[str] = field(default_factory=list)

    def open(self, path: str = "", width: int = 1280, scheme: str = "light") -> Page:
        """A page of a new visitor, signed in."""
        page = self.visitor(width, scheme)
        page.goto(f"{self.url}{ADDRESS}#token={self.token}")
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        if path:
            page.goto(f"{self.url}{ADDRESS}#/{path}")
        return page

    def visitor(self, width: int = 1280, scheme: str = "light") -> Page:
        """A page of a new visitor."""
        context = self.browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", lambda request: self._watch(request.url))
        return page

    def _watch(self, url: str) -> None:
        if not url.startswith((self.url, "data:", "about:")):
            self.faults.append(url)


@pytest.fixture(scope="module")
def console(
    settled: Home, postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Console]:
    """The console of a home with answers about Ann."""
    expect.set_options(timeout=PATIENCE)
    folder = tmp_path_factory.mktemp("console")
    with hindsight.database(postgres_server, "console", settled.database_url) as url:
        home = hindsight.copy(settled, folder, url)
        home.answer(ANN, BOB)
        check.check(home.application, "credit_risk", NOW)
        with (
            control.opened(home) as api,
            answering(api.handler) as server,
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            opened = Console(server.url, api.tokens["viewer"], browser)
            yield opened
            browser.close()
    assert opened.faults == []


def test_who_has_no_token_is_asked_for_one(console: Console) -> None:
    page = console.visitor()
    page.goto(console.url)
    page.get_by_label("Token").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This token is not known.")).to_be_visible()
    page.get_by_label("Token").fill(console.token)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="credit_risk")).to_be_visible()


def test_it_is_used_by_the_keyboard_alone(console: Console) -> None:
    page = console.open()
    page.keyboard.press("c")
    expect(page.get_by_role("heading", name="Catalogue")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("years_on_the")
    expect(page.get_by_role("row", name="years_on_the_job")).to_be_visible()
    expect(page.get_by_role("row", name="nb_previous_loans")).to_have_count(0)
    page.locator("body").click()
    page.keyboard.press("r")
    expect(page.get_by_role("heading", name="Releases")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    card = page.frame_locator("iframe")
    expect(card.get_by_role("heading", name="credit_risk")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard")).to_be_visible()


def test_an_entity_is_looked_up_and_an_answer_replayed(console: Console) -> None:
    page = console.open("entities")
    page.get_by_label("id (key)").fill(str(ANN))
    page.get_by_role("button", name="Look up").click()
    expect(page.get_by_role("row", name="nb_previous_loans bigint")).to_be_visible()
    expect(page.get_by_role("heading", name="Prediction")).to_be_visible()
    page.get_by_role("button", name="Replay").first.click()
    expect(page.get_by_text("as answered").first).to_be_visible()
    page.get_by_label("id (key)").fill("-1")
    page.get_by_role("button", name="Look up").click()
    expect(page.get_by_text("there is no customer with id -1.")).to_be_visible()


def test_two_releases_are_held_side_by_side(console: Console) -> None:
    page = console.open("releases")
    boxes = page.get_by_role("checkbox")
    boxes.nth(0).check()
    boxes.nth(1).check()
    page.get_by_role("button", name="Compare two").click()
    expect(page.get_by_role("row", name="roc auc")).to_be_visible()


def test_the_newest_check_for_drift_is_shown_whole(console: Console) -> None:
    page = console.open("drift")
    page.get_by_role("button", name="Show the whole check").click()
    expect(page.frame_locator("iframe").get_by_role("heading", name="credit_risk")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_phone(console: Console, scheme: str) -> None:
    page = console.open(width=390, scheme=scheme)
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, colour[4:-1].split(","))) < 150) == (scheme == "dark")
    for path in PAGES:
        page.goto(f"{console.url}{ADDRESS}#/{path}")
        expect(page.get_by_text("Reading ...")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
