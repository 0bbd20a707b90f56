"""The catalog's page as a person meets it, in headless Chromium: `make test-page`."""

from __future__ import annotations

import re

import pytest
from chrome import Chrome, Tab

from catalog import Catalog

FOCUS = "document.activeElement"
ASSETS = "[...document.querySelectorAll('#assets li')]"


@pytest.fixture
def page(chrome: Chrome, shop: Catalog) -> Tab:
    return chrome.open(shop.address)


def focused(tab: Tab) -> str | None:
    return tab.value(f"{FOCUS}.dataset.fqn ?? {FOCUS}.getAttribute('aria-label')")


def tab_to(tab: Tab, label: str) -> None:
    """Presses Tab until something with this label has the focus."""
    seen = []
    for _ in range(40):
        tab.press("Tab")
        seen.append(focused(tab))
        if (seen[-1] or "").startswith(label):
            return
    raise AssertionError(f"Tab does not reach {label}: {seen}")


def test_assets_are_listed_with_their_columns(page: Tab) -> None:
    names = page.value(f"{ASSETS}.map((item) => item.querySelector('summary').firstChild.textContent)")
    assert sorted(names) == ["alone", "orders", "orders_clean", "orders_delta", "shop.orders"]
    assert page.texts("#summary") == ["5 assets, 3 edges"]
    assert page.texts("#assets table") == [], "columns are drawn when somebody looks"
    # Opened as the keyboard does it.
    page.value(f"{ASSETS}.find((item) => item.textContent.startsWith('orders ')).querySelector('summary').focus()")
    page.press("Enter")
    page.until("document.querySelector('#assets table')", "the columns")
    assert page.texts("#assets details[open] th") == ["id (key)", "emailPII.Sensitive"]
    assert page.texts("#assets details[open] td") == ["bigint", "text"]
    assert page.texts("#assets details[open] p") == ["What was bought."]
    page.press("Tab", "Enter")
    assert focused(page) == 'table source.shop.public.orders, goes to kafka."shop.orders" by connector (Successful)'
    assert page.complaints() == []


def test_the_search_narrows_the_list_and_marks_the_graph(page: Tab) -> None:
    page.value("document.getElementById('search').focus()")
    page.type("pii.sensitive")
    assert page.texts("#summary") == ["1 of 5 assets"]
    assert page.texts("#assets li small") == ["table in source"]
    assert page.texts(".node.found text.title") == ["orders"]


def test_the_lineage_is_drawn_from_source_to_destination(page: Tab) -> None:
    left = page.value(
        "Object.fromEntries([...document.querySelectorAll('.node')].map((node) =>"
        " [node.querySelector('.title').textContent, node.getBoundingClientRect().left]))"
    )
    assert sorted(left, key=left.get) == ["orders", "shop.orders", "orders_delta", "orders_clean"]
    runs = page.value(
        "Object.fromEntries([...document.querySelectorAll('.edge text')].map((text) =>"
        " [text.firstChild.textContent, text.querySelector('tspan').textContent]))"
    )
    assert runs == {"connector": "✓ Successful", "ingest": "✗ Failed", "process": "▶ Running"}
    boxes = page.value("[...document.querySelectorAll('.edge path')].map((path) => path.getBoundingClientRect().width)")
    assert len(boxes) == 3 and min(boxes) > 50, boxes


def test_the_keyboard_reaches_an_asset_and_follows_a_column(page: Tab) -> None:
    tab_to(page, "table source.shop.public.orders")
    page.press("ArrowDown", "ArrowDown")
    assert focused(page) == "source.shop.public.orders.email"
    lit = "[...document.querySelectorAll('.column.on')].map((column) => column.dataset.fqn).sort()"
    chain = ["lake.shop.public.orders_delta", "source.shop.public.orders", "target.shop.public.orders_clean"]
    assert page.value(lit) == ['kafka."shop.orders".email', *(f"{name}.email" for name in chain)]
    assert page.value("document.querySelectorAll('#maps .map').length") == 3, "one line for each step"
    page.press("ArrowRight")
    assert focused(page) == 'kafka."shop.orders".email'
    page.press("ArrowLeft", "ArrowUp")
    assert focused(page) == "source.shop.public.orders.id"
    page.press("Escape")
    assert focused(page) == 'table source.shop.public.orders, goes to kafka."shop.orders" by connector (Successful)'
    assert page.value(lit) == []
    page.press("ArrowRight")
    assert focused(page).startswith('topic kafka."shop.orders", comes from source.shop.public.orders')
    assert page.complaints() == []


def point_at(tab: Tab, element: str) -> None:
    """Moves the pointer to the middle of an element, scrolled to where it can be seen."""
    tab.value(f"{element}.scrollIntoView({{block: 'center', inline: 'center'}})")
    place = f"(({{ x, y, width, height }}) => [x + width / 2, y + height / 2])({element}.getBoundingClientRect())"
    x, y = tab.value(place)
    tab.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)


def opacity(tab: Tab, element: str) -> float:
    return float(tab.value(f"getComputedStyle({element}).opacity"))


LIT = "[...document.querySelectorAll('.column.on')].map((column) => column.dataset.fqn).sort()"
LIT_EDGES = "[...document.querySelectorAll('.edge.on text')].map((text) => text.firstChild.textContent).sort()"
LIT_NODES = "[...document.querySelectorAll('.node.on .title')].map((title) => title.textContent).sort()"


def test_the_pointer_lights_the_chain_of_a_column_and_dims_the_rest(page: Tab) -> None:
    point_at(page, "document.querySelector('[data-fqn$=\"orders_delta.email\"]')")
    page.until("document.querySelector('.column.on')", "a highlighted column")
    chain = ["lake.shop.public.orders_delta", "source.shop.public.orders", "target.shop.public.orders_clean"]
    assert page.value(LIT) == ['kafka."shop.orders".email', *(f"{name}.email" for name in chain)]
    assert page.value("document.querySelectorAll('#maps .map').length") == 3, "one line for each step"
    assert page.value(LIT_EDGES) == ["connector", "ingest", "process"]
    # It can be told from the others at a glance.
    grounds = page.value(
        "['email', 'id'].map((name) => getComputedStyle(document.querySelector("
        '`[data-fqn$="orders_delta.${name}"] rect`)).fill)'
    )
    assert grounds[0] != grounds[1], grounds

    # To a column that nothing leads to: it alone, and all else steps back.
    point_at(page, "document.querySelector('[data-fqn$=\"orders_clean.note\"]')")
    page.until(f"{LIT}.join() === 'target.shop.public.orders_clean.note'", "the other column alone")
    assert page.value("document.querySelectorAll('#maps .map').length") == 0
    assert page.value(LIT_EDGES) == []
    nodes = "[...document.querySelectorAll('.node')]"
    assert opacity(page, f"{nodes}.find((node) => node.textContent.includes('orders_delta'))") < 0.5
    assert opacity(page, f"{nodes}.find((node) => node.textContent.includes('orders_clean'))") == 1

    # And away from all of them.
    point_at(page, "document.getElementById('summary')")
    page.until(f"{LIT}.length === 0", "nothing highlighted")
    assert opacity(page, f"{nodes}.find((node) => node.textContent.includes('orders_delta'))") == 1
    assert page.complaints() == []


def test_connector_and_jobs_are_told_with_their_last_run(page: Tab) -> None:
    assert page.texts("#pipelines strong") == ["connector", "ingest", "process", "unused"]
    states = ["✓ Successful", "✗ Failed", "▶ Running", "? no run"]
    assert page.texts("#pipelines .state") == states
    more = page.texts("#pipelines .more")
    assert more[0].startswith("Successful at ") and more[0].endswith(" · 1 edge · task task-0: Successful"), more
    assert re.fullmatch(r"Running since .*, 3 batches, 12,000 rows · 1 edge", more[2]), more
    assert more[3] == "no run is known · 0 edges"
    assert page.texts("#pipelines .error") == ["no room on the disk"]


def test_a_pipeline_shows_what_it_moves(page: Tab) -> None:
    button = (
        "[...document.querySelectorAll('#pipelines button')].find((button) => button.textContent.startsWith('ingest'))"
    )
    moved = ["orders_delta", "shop.orders"]
    point_at(page, button)
    page.until(f"{LIT_EDGES}.join() === 'ingest'", "the edges of the job under the pointer")
    assert page.value(LIT_NODES) == moved
    point_at(page, "document.getElementById('summary')")
    page.until(f"{LIT_EDGES}.length === 0", "nothing highlighted")
    # From the label in the graph as well.
    point_at(
        page, "[...document.querySelectorAll('.edge text')].find((text) => text.textContent.startsWith('process'))"
    )
    page.until(f"{LIT_EDGES}.join() === 'process'", "the edge under the pointer")
    point_at(page, "document.getElementById('summary')")

    # With the keyboard: Enter keeps it, Escape lets go.
    page.value("document.getElementById('search').focus()")
    for _ in range(40):
        page.press("Tab")
        if (page.value(f"{FOCUS}.textContent") or "").startswith("ingest"):
            break
    assert page.value(LIT_EDGES) == ["ingest"], "the focus shows it"
    page.press("Enter")
    assert page.value(f"{FOCUS}.getAttribute('aria-pressed')") == "true"
    page.press("Tab", "Tab")
    page.value(f"{FOCUS}.blur()")
    assert page.value(LIT_EDGES) == ["ingest"], "it stays"
    # A column shows all pipelines on its way; after that the one that was kept is back.
    point_at(page, "document.querySelector('[data-fqn$=\"orders_delta.email\"]')")
    page.until(f"{LIT_EDGES}.length === 3", "the chain of the column")
    lit = page.value("[...document.querySelectorAll('#pipelines button.on strong')].map((name) => name.textContent)")
    assert lit == ["connector", "ingest", "process"]
    point_at(page, "document.getElementById('summary')")
    page.until(f"{LIT_EDGES}.join() === 'ingest'", "what was kept")
    page.value(f"{button}.focus()")
    page.press("Escape")
    page.value(f"{FOCUS}.blur()")
    assert page.value(LIT_EDGES) == []
    assert page.complaints() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_schemes_can_be_read(chrome: Chrome, shop: Catalog, scheme: str) -> None:
    page = chrome.open(shop.address, scheme)
    ground = colour(page, "document.body", "backgroundColor")
    assert (luminance(ground) < 0.2) == (scheme == "dark")
    for selector, behind, property in [
        ("#summary", "header", "color"),
        (".hint", "body", "color"),
        ("#assets summary", "#assets details", "color"),
        ("#assets small", "#assets details", "color"),
        (".node text.title", "#canvas", "fill"),
        (".node text.sub", "#canvas", "fill"),
        (".column text.type", "#canvas", "fill"),
        (".column text.tagged", "#canvas", "fill"),
        (".edge text", "#canvas", "fill"),
        (".edge .Successful", "#canvas", "fill"),
        (".edge .Running", "#canvas", "fill"),
        (".edge .Failed", "#canvas", "fill"),
        ("#pipelines strong", "#pipelines button", "color"),
        ("#pipelines .more", "#pipelines button", "color"),
        ("#pipelines .error", "#pipelines button", "color"),
        (".state.Successful", "#pipelines button", "color"),
        (".state.Running", "#pipelines button", "color"),
        (".state.Failed", "#pipelines button", "color"),
    ]:
        text = colour(page, f"document.querySelector({selector!r})", property)
        ground = colour(page, f"document.querySelector({behind!r})", "backgroundColor")
        assert contrast(text, ground) >= 4.5, f"{selector}: {text} on {ground}"
    # On the ground of what is highlighted, too.
    page.value("document.querySelector('[data-fqn$=\"orders.email\"]').focus()")
    page.value("document.querySelector('#pipelines button').classList.add('on')")
    for selector, behind in [
        (".column.on text:not(.tagged):not(.type)", ".column.on rect"),
        (".column.on text.tagged", ".column.on rect"),
    ]:
        text = colour(page, f"document.querySelector({selector!r})", "fill")
        ground = colour(page, f"document.querySelector({behind!r})", "fill")
        assert contrast(text, ground) >= 4.5, f"{selector}: {text} on {ground}"
    for selector in ["#pipelines .on strong", "#pipelines .on .more", "#pipelines .on .state"]:
        text = colour(page, f"document.querySelector({selector!r})", "color")
        ground = colour(page, "document.querySelector('#pipelines .on')", "backgroundColor")
        assert contrast(text, ground) >= 4.5, f"{selector}: {text} on {ground}"
    assert page.complaints() == []


def test_an_empty_catalog_says_so(chrome: Chrome) -> None:
    with Catalog() as catalog:
        page = chrome.open(catalog.address)
        assert page.texts("#canvas") == ["No lineage yet: it appears here when a pipeline is catalogued."]
        assert page.complaints() == []


def test_names_are_text_and_never_markup(chrome: Chrome) -> None:
    with Catalog() as catalog:
        name = "<img src=x onerror=alert(1)>"
        catalog.table(
            catalog.database("pg", "Postgres"), name.replace(">", "__reserved__arrow__"), [], description=name
        )
        page = chrome.open(catalog.address)
        assert page.value("document.querySelectorAll('img').length") == 0
        assert page.complaints() == []


def test_a_thousand_assets_are_drawn(chrome: Chrome, many: Catalog, capsys: pytest.CaptureFixture[str]) -> None:
    times = []
    for _ in range(3):
        page = chrome.open(many.address)
        assert page.value("document.querySelectorAll('.node').length") == 1000
        assert page.value("document.querySelectorAll('.edge').length") == 750
        times.append(page.value("window.paintedAt"))
        assert page.complaints() == []
    # Far outside of what can be seen: its columns are drawn as it is reached.
    page.value("document.querySelector('.node[aria-label^=\"table many.shop.public.flow200_step0\"]').focus()")
    page.press("ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight")
    assert focused(page) == "many.shop.public.flow200_step1.c3"
    page.until("document.querySelectorAll('.column.on').length === 4", "the columns beside it")
    with capsys.disabled():
        print(f"\nlineage of 1,000 assets on the screen after {sorted(times)[1]:.0f} ms (goal 1000 ms)")


def test_what_a_page_complains_of_is_noticed(page: Tab) -> None:
    page.value("console.error('on purpose')")
    page.value("void fetch('/page/nosuch').then(() => { window.asked = true; })")
    page.until("window.asked", "an answer")
    complaints = page.complaints()
    assert complaints[0] == "on purpose" and re.search("404", complaints[1]), complaints


def colour(tab: Tab, element: str, property: str) -> tuple[float, float, float]:
    """A computed colour, each channel from 0 to 1."""
    text = tab.value(f"getComputedStyle({element}).{property}")
    red, green, blue = (int(number) / 255 for number in re.findall(r"\d+", text)[:3])
    return red, green, blue


def luminance(colour: tuple[float, float, float]) -> float:
    """Relative luminance as WCAG defines it."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """Contrast as WCAG defines it; 4.5 is what small text needs."""
    lighter, darker = sorted([luminance(one), luminance(other)], reverse=True)
    return (lighter + 0.05) / (darker + 0.05)
