"""The demo as a user has it: a real server and a headless Chromium."""

import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import sync_playwright
from starlette.responses import HTMLResponse
from support.serving import running

import kosbert
from kosbert.apps.demo.engine import Engine
from kosbert.apps.demo.server import PAGE, create_app
from kosbert.encoder.calibration import Calibration

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
TRAINED = Path(__file__).parents[3] / "models/best"
WAIT = 30_000  # milliseconds
REBOUND = "--host-resolver-rules=MAP *.example 127.0.0.1"  # names of others that lead here
TABS = (("similarity", "#pair-examples button", "#gauge svg"), ("cluster", "#cluster-example", "#map svg"))

if CHROMIUM is None and os.environ.get("KOSBERT_NEEDS_BROWSER") != "1":
    pytest.skip("no Chromium here", allow_module_level=True)


@pytest.fixture(scope="module", params=["tiny", "trained"])
def address(request):
    """A demo that runs, of a tiny model and of the trained one where it is."""
    if request.param == "trained" and not (TRAINED / "modules.json").exists():
        pytest.skip("no trained model here")
    model = request.getfixturevalue("tiny") if request.param == "tiny" else TRAINED
    sentences = PAGE.with_name("corpus.txt").read_text(encoding="utf-8").splitlines()
    engine = Engine(kosbert.load(model), model=request.param, sentences=sentences)
    with running(create_app(engine)) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    assert CHROMIUM, "KOSBERT_NEEDS_BROWSER=1, but no Chromium is found"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", REBOUND])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, address):
    """Open the page; after the test, nothing has been asked of another server, and nothing has gone wrong."""
    contexts, asked, wrong, servers = [], [], [], {address}

    def opened(path="/", *, server=address, **options):
        context = browser.new_context(**{"locale": "ko-KR", "viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        servers.add(server)
        context.set_default_timeout(WAIT)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.on("console", lambda line: wrong.append(line.text) if "Content Security" in line.text else None)
        page.goto(server + path)
        if path == "/":
            page.wait_for_selector("body[data-ready]")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [url for url in asked if not url.startswith((*servers, "data:"))] == []
    assert wrong == []


def search(page, query):
    page.fill("#query", query)
    page.press("#query", "Enter")
    page.wait_for_selector("#hits li")
    return page.locator("#hits li .text").all_inner_texts()


def uploaded(page):
    page.wait_for_selector("#corpus option:checked:not([value=''])", state="attached")


def fault(page, section):
    status = page.locator(f"#{section} .status.bad")
    status.wait_for()
    return status.inner_text()


def test_a_search_shows_the_nearest_first_and_the_model(opened, request):
    page = opened()
    found = search(page, "김밥을 말아서 소풍 도시락을 쌌다.")
    assert (found[0], len(found)) == ("김밥을 말아서 소풍 도시락을 쌌다.", 5)
    assert page.inner_text("#hits li:first-child .score") == "1.00"
    assert page.inner_text("#model") in request.node.name
    page.click("#search-examples button >> nth=1")
    assert page.input_value("#query") == "컴퓨터가 고장 났다"
    page.wait_for_selector("#hits li")
    if "trained" in request.node.name:
        assert page.inner_text("#hits li:first-child .text").startswith("컴퓨터가 갑자기 꺼져서")
    else:
        assert page.locator(".match").count() == 0  # the model does not know what its cosines mean


@pytest.fixture(scope="module")
def calibrated(tiny):
    """A demo of a model that knows its match: nothing but the same text."""
    engine = Engine(kosbert.load(tiny), model="tiny", sentences=["비가 온다", "해가 뜬다"])
    engine.encoder.calibration = Calibration((-1.0, 1.0), (0.0, 5.0), 60, match=0.9999)
    with running(create_app(engine)) as address:
        yield address


def demo_of(model, sentences, name="mine.txt"):
    """A demo of a corpus that its user has named."""
    return running(create_app(Engine(kosbert.load(model), model="tiny", sentences=sentences, corpus=name)))


@pytest.mark.parametrize(("locale", "group"), [("ko-KR", "군집 5개"), ("en-GB", "5 clusters")])
def test_each_view_opens_with_an_example_and_its_result(opened, locale, group):
    page = opened(locale=locale)
    page.wait_for_selector("#hits li")
    assert page.input_value("#query") == "고양이가 자고 있다"
    assert "→" in page.inner_text("#search .status")  # which says what the example shows
    page.click("#tab-similarity")
    page.wait_for_selector("#gauge svg")
    assert page.input_value("#first") == "내일 회의가 취소되었다."
    assert page.locator("#pair-examples button").count() == 4
    page.click("#tab-cluster")
    page.wait_for_selector("#map circle")
    assert group in page.inner_text("#cluster .status")
    assert page.locator(".bad").count() == 0


def test_a_link_to_a_view_opens_it_with_its_result(opened, address):
    page = opened()
    page.goto("about:blank")
    page.goto(f"{address}/#cluster")
    page.wait_for_selector("#map circle")
    assert not page.is_visible("#query")


def test_an_own_corpus_opens_with_a_sentence_of_its_own(opened, tiny):
    lines = PAGE.with_name("corpus.txt").read_text(encoding="utf-8").splitlines()[:9]
    with demo_of(tiny, ["너" * 1_001, *(line.replace(" ", "  ") + " " for line in lines)]) as server:
        page = opened(server=server)
        page.wait_for_selector("#hits li")
        assert page.locator("#search-examples button").all_inner_texts() == lines[::3]
        assert page.input_value("#query") == page.inner_text("#hits li:first-child .text") == lines[0]
        assert page.inner_text("#search .status").startswith("말뭉치에서 고른 문장이므로")


@pytest.mark.parametrize(("sentence", "hits"), [("하나뿐인 문장입니다.", 1), ("너" * 1_001, 0)])
def test_a_corpus_of_one_sentence_opens_without_a_fault(opened, tiny, sentence, hits):
    with demo_of(tiny, [sentence]) as server:
        page = opened(server=server)
        assert search(page, page.input_value("#query") or "눈") == [sentence]
        assert page.locator("#search-examples button").count() == hits
        assert page.locator(".bad").count() == 0


def test_a_users_search_takes_the_place_of_the_one_that_opens_a_slow_demo(opened, tiny):
    sentences = ["비가 온다", "해가 뜬다"]
    engine = Engine(kosbert.load(tiny), model="tiny", sentences=sentences)
    asked, go_on, quick = [], threading.Event(), engine.search

    def slow(query, **options):
        asked.append(query)
        if len(asked) == 1:
            go_on.wait(WAIT / 1_000)
        return quick(query, **options)

    engine.search = slow
    with running(create_app(engine)) as server:
        page = opened(server=server)
        assert page.inner_text("#search .status") == "계산 중입니다…"
        assert search(page, "해가 뜬다")[0] == "해가 뜬다"
        with page.expect_response("**/api/search"):
            go_on.set()
        assert page.inner_text("#hits li:first-child .text") == "해가 뜬다"
        assert asked == ["고양이가 자고 있다", "해가 뜬다"]


def test_matches_are_marked_in_both_languages_and_the_cosine_is_told(opened, calibrated):
    page = opened(server=calibrated)
    search(page, "해가 뜬다")
    assert page.locator("#hits .match").all_inner_texts() == ["대체로 같은 의미"]
    assert page.inner_text("#hits li:first-child .match") == "대체로 같은 의미"
    assert "약 1.00 이상" in page.inner_text("#threshold")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    page.click("#language")
    assert page.locator("#hits .match").all_inner_texts() == ["likely a match"]
    assert "a cosine of about 1.00 or more" in page.inner_text("#threshold")
    compared(page, "비가 온다", "비가 온다")
    assert page.inner_text("#gauge .match") == "likely a match"
    page.fill("#second", "해가 뜬다")
    page.press("#second", "Enter")
    page.wait_for_selector("#gauge:not(:has(.match))")


def compared(page, first, second):
    """Compare two sentences; the number that the gauge shows, and its words."""
    page.click("#tab-similarity")
    page.fill("#first", first)
    page.fill("#second", second)
    page.press("#second", "Enter")
    value = page.locator("#gauge [role=meter]").get_attribute("aria-valuenow")
    return float(value), page.inner_text("#gauge strong"), page.inner_text("#gauge small")


def test_a_pair_moves_the_gauge(opened, request):
    value, words, cosine = compared(opened(), "비가 온다", "비가 온다")
    assert cosine == "코사인 유사도 1.00"
    if "trained" in request.node.name:  # it knows what its cosines mean
        assert (value > 4.5, words) == (True, "의미가 거의 같습니다")
    else:
        assert (value, words) == (1, "")


def test_two_sentences_with_nothing_in_common_are_not_called_alike(opened, request):
    value, words, _ = compared(opened(), "고양이가 잔다", "주식이 올랐다")
    if "trained" in request.node.name:
        assert (value < 1, words) == (True, "의미가 다릅니다")
    else:
        assert words == ""


def test_a_sentence_that_is_longer_than_the_model_reads_is_told_of(opened):
    page = opened()
    page.click("#tab-similarity")
    page.fill("#first", "비가 온다. " * 80)
    page.fill("#second", "비가 온다")
    page.press("#second", "Enter")
    page.wait_for_selector("#gauge svg")
    assert page.inner_text("#similarity .status").strip() == "1문장은 128토큰을 넘어 뒷부분이 잘렸습니다."


def test_clusters_are_a_map_and_a_legend_that_hides_groups(opened):
    page = opened()
    page.click("#tab-cluster")
    page.wait_for_selector("#map circle")
    page.click("#cluster-example")
    page.wait_for_selector("#map circle")
    sentences = page.input_value("#sentences").splitlines()
    dots = page.locator("#map circle")
    assert (dots.count(), page.locator("#legend button").count()) == (len(sentences), 5)
    dots.nth(3).dispatch_event("pointerenter")
    assert page.inner_text("#shown").endswith(sentences[3])
    page.locator("#legend button").first.click()
    hidden = page.evaluate("[...document.querySelectorAll('#map circle')].filter(d => d.style.display).length")
    assert hidden == int(page.inner_text("#legend button:first-child span:last-child >> nth=0"))
    before = page.inner_text("#shown")
    page.focus("#map svg")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#shown") != before


def test_a_file_is_uploaded_and_searched_and_a_column_chosen(opened, tmp_path):
    page = opened()
    table = tmp_path / "말.csv"
    table.write_text("id,말\n1,달이 밝다\n2,해가 뜬다\n", encoding="utf-8")
    page.set_input_files("#file", table)
    assert fault(page, "search") == "문장이 있는 열을 선택하세요."
    page.select_option("#column", "말")
    page.click("#take")
    uploaded(page)
    assert search(page, "해가 뜬다") == ["해가 뜬다", "달이 밝다"]
    assert "말.csv" in page.inner_text("#corpus option:checked")


def test_an_empty_field_is_said_and_focused(opened):
    page = opened()
    for section, field in (("search", "query"), ("similarity", "first"), ("cluster", "sentences")):
        page.click(f"#tab-{section}")
        page.fill(f"#{field}", "  ")
        page.click(f"#{section} form .line > button:last-child")
        assert fault(page, section) == "문장을 입력하세요."
        assert page.evaluate("document.activeElement.id") == field


def test_ten_megabytes_are_refused_by_the_page_and_by_the_server(opened, address, tmp_path):
    large = tmp_path / "large.txt"
    large.write_bytes(b"a" * (10 << 20))
    page = opened()
    page.set_input_files("#file", large)
    assert "2 MB" in fault(page, "search")
    answer = httpx.post(f"{address}/api/corpora", files={"file": large.open("rb")}, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (413, "large")
    assert search(page, "눈")


def test_markup_in_a_text_stays_text(opened, tmp_path):
    script = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    file = tmp_path / "<b>a.txt"
    file.write_text(f"{script}\n달이 밝다\n", encoding="utf-8")
    page = opened()
    page.set_input_files("#file", file)
    uploaded(page)
    assert search(page, script)[0] == script
    page.click("#tab-cluster")
    page.fill("#sentences", f"{script}\n달이 밝다\n해가 뜬다\n밥을 먹는다")
    page.select_option("#groups", "2")
    page.click("#cluster form .line > button:last-child")
    page.wait_for_selector("#map circle")
    page.locator("#map circle").first.dispatch_event("click")
    assert page.inner_text("#shown").endswith(script)
    assert page.locator("main img, main script").count() == 0


def test_names_of_files_and_columns_are_shown_as_text_and_turn_nothing_round(opened, tmp_path):
    turned, column = "\u202egnp.<i>달", "<img src=x onerror=alert(3)>\u202e"
    table = tmp_path / f"{turned}.csv"
    table.write_text(f"id,{column}\n1,{turned}\n2,해가 뜬다\n", encoding="utf-8")
    page = opened()
    page.set_input_files("#file", table)
    fault(page, "search")
    assert page.locator("#column option").all_text_contents() == ["id", column]
    page.select_option("#column", column)
    page.click("#take")
    uploaded(page)
    assert page.text_content("#corpus option:checked") == "gnp.<i>달.csv (2문장)"
    assert page.inner_text("#search .status") == "gnp.<i>달.csv: 2문장을 읽었습니다."
    assert search(page, turned)[0] == turned
    assert page.inner_text("#hits li:first-child .score") == "1.00"
    left, right = (page.locator(f"#hits li:first-child .{name}").bounding_box()["x"] for name in ("text", "score"))
    assert left < right
    assert page.locator("main img, main i:not(.bar i)").count() == 0


# A page of another site: what it can make the browser ask a demo, and what it gets to see of the responses.
OTHER_PAGE = """
<!doctype html><iframe name="frame"></iframe><form method="post" enctype="multipart/form-data" target="frame"></form>
<script>
async function attack(demo) {
  const seen = [];
  const see = async (name, job) => { try { seen.push(`${name}: ${await job()}`); } catch { /* nothing is seen */ } };
  const post = (body, ...type) => ({ method: "POST", headers: type.map((one) => ["Content-Type", one]), body });
  const read = (path, options) => see(path, async () => (await fetch(demo + path, options)).text());
  const load = (name, path) => see(path, () => new Promise((onload, onerror) => {
    document.body.append(Object.assign(document.createElement(name), { src: demo + path, onload, onerror }));
  }));
  const form = new FormData();
  form.append("file", new File(["planted"], "a.txt"));
  const pair = '{"first": "a", "second": "b"}';
  for (const path of ["/", "/api/about", "/v1/models", "/health"]) await read(path);
  for (const type of ["application/json", "text/plain"]) await read("/api/similarity", post(pair, type));
  for (const mode of ["cors", "no-cors"]) await read("/api/corpora", { ...post(form), mode });
  await load("script", "/api/about");
  await load("img", "/page/icon.svg");
  await see("socket", () => new Promise((yes, no) => {
    const socket = new WebSocket(demo.replace("http", "ws") + "/api/about");
    Object.assign(socket, { onopen: () => yes("open"), onerror: no });
  }));
  const [sent] = document.forms;
  sent.action = demo + "/api/corpora";
  const done = new Promise((yes) => { document.querySelector("iframe").onload = yes; });
  sent.submit();
  await done;
  await see("form", () => frames[0].document.body.innerText || Promise.reject());
  const frame = Object.assign(document.createElement("iframe"), { src: demo });
  await new Promise((yes) => { frame.onload = yes; document.body.append(frame); });
  await see("frame", () => frame.contentDocument.body.innerText || Promise.reject());
  return seen;
}
</script>
"""


def test_a_page_of_another_site_can_neither_use_nor_read_it(browser, tiny):
    engine = Engine(kosbert.load(tiny), model="tiny", sentences=["비가 온다"])
    used = []
    engine.similarity = lambda *pair: used.append(pair) or 1.0
    page = browser.new_context().new_page()
    page.set_default_timeout(WAIT)
    with running(create_app(engine)) as demo, running(HTMLResponse(OTHER_PAGE)) as other:
        port = demo.rpartition(":")[2]
        for site in (other, other.replace("127.0.0.1", "localhost"), other.replace("127.0.0.1", "evil.example")):
            page.goto(site)
            assert page.evaluate("demo => attack(demo)", demo) == [], site
            rebound = site.rpartition(":")[0] + f":{port}"
            if "evil" in site:
                assert page.evaluate("demo => attack(demo)", rebound) == []
                assert page.goto(rebound).status == 400
                assert "expected localhost" in page.inner_text("body")
    page.context.close()
    assert (used, engine.memory) == ([], 0)


def test_twenty_users_at_once_get_their_own_answers(opened, address):
    page = opened()
    texts = PAGE.with_name("corpus.txt").read_text(encoding="utf-8").splitlines()[:20]

    def ask(text):
        answer = httpx.post(f"{address}/api/search", json={"query": text, "top": 1}, timeout=60)
        return answer.json()["hits"][0]["text"]

    with ThreadPoolExecutor(20) as users:
        answers = users.map(ask, texts)
        shown = search(page, texts[0])[0]
        assert [*answers] == texts
    assert shown == texts[0]


def test_the_language_is_the_browsers_until_one_is_chosen_and_then_remembered(opened):
    page = opened(locale="en-GB")
    assert page.inner_text("#tab-search") == "Search"
    search(page, "눈")
    page.click("#language")
    assert page.inner_text("#tab-search") == "검색"
    assert page.inner_text("#search .status").startswith("131문장 중")
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert page.get_attribute("html", "lang") == "ko"


def test_tabs_are_walked_by_keyboard(opened):
    page = opened()
    page.focus("#tab-search")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-similarity"
    assert page.is_visible("#first")
    assert not page.is_visible("#query")


def test_nothing_is_wider_than_a_phone(opened):
    widest = "Math.max(...[...document.querySelectorAll('body *')].map(e => e.getBoundingClientRect().right))"
    for locale, width in (("ko-KR", 390), ("en-GB", 320)):
        page = opened(viewport={"width": width, "height": 844}, locale=locale)
        search(page, "가" * 300)
        for tab, example, result in TABS:
            assert page.evaluate(widest) <= width
            page.click(f"#tab-{tab}")
            page.locator(example).first.click()
            page.wait_for_selector(result)
        assert page.evaluate(widest) <= width


def test_the_interface_is_described_without_any_other_server(opened):
    page = opened("/docs")
    page.wait_for_selector("code >> text=/health")
    paths = page.locator("details code").all_inner_texts()
    assert {"/api/search", "/api/similarity", "/api/cluster", "/api/corpora", "/v1/embeddings"} <= {*paths}
    assert "at most 1000 characters" in page.inner_text("main")
