"""The page: complete, safe, and alone."""

from base64 import b64encode
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from kosbert.errors import KosbertError
from kosbert.params import Average, Run
from kosbert.report.page import page
from kosbert.report.slices import worst

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """A page's elements and its text; each element that begins has to end where it should."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.text, self.open = [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def words(self):
        return " ".join(" ".join(self.text).split())


@pytest.fixture(scope="module")
def write(results, gallery):
    def write(**changes):
        return page(replace(results, **changes), gallery)

    return write


@pytest.fixture(scope="module")
def html(write):
    return write()


@pytest.fixture(scope="module")
def parsed(html):
    return Page(html)


def test_every_picture_is_in_the_page_itself_and_described(parsed, gallery):
    pictures = gallery.pictures
    images = parsed.all("img")
    assert [image["src"] for image in images] == [
        f"data:image/svg+xml;base64,{b64encode(picture.svg).decode()}" for picture in pictures
    ]
    assert [image["alt"] for image in images] == [picture.alt for picture in pictures]
    assert all(picture.caption in parsed.words() for picture in pictures)
    assert "No curves for: NLI, then STS." in parsed.words()


def test_every_row_stands_with_its_metrics_and_intervals(parsed, results):
    words = parsed.words()
    for row in results.rows:
        assert f"{row.label} e5-small (ours) {row.metrics['cosine_pearson']:.2f}" in words
        interval = row.intervals["dot_spearman"]
        assert f"{row.metrics['dot_spearman']:.2f} {interval.low:.1f} to {interval.high:.1f}" in words


def test_it_begins_with_what_is_best_what_differs_and_what_it_cost(parsed, results):
    words = parsed.words()
    answer = words[words.index("How good our") : words.index("Dataset sample")]
    best, interval = results.best, results.best.intervals["cosine_spearman"]
    assert (
        f"On STS, our best row is “{best.label}” ({best.name}): cosine Spearman {best.score:.2f} "
        f"(95% interval {interval.low:.1f} to {interval.high:.1f}). On KLUE-STS, our best row is “" in answer
    )
    real = sum(each.distinguishable for each in results.comparisons)
    assert f"On STS, {real} of 6 tested differences between our rows are statistically significant." in answer
    assert f"“{best.label}” has 0.0 million parameters. How long its training took is not recorded." in answer
    assert "original" not in answer


def test_beside_published_rows_the_best_of_the_originals_encoders_is_named(write, small):
    answer = Page(write(params=small.model_copy(update={"dataset": "kornlu"}))).words()
    sentence = "original's encoders, ETRI KorBERT trained on “NLI, then STS”, scores 80.42."
    assert sentence in answer


def test_the_cost_is_that_of_all_trainings_of_the_best_row(write, results):
    cost = results.costs["nli"]
    costs = dict.fromkeys(results.costs, cost)
    assert "Its trainings took 5.0 minutes in all (fp32 on cpu, 2 threads)." in Page(write(costs=costs)).words()
    base = results.rows[0]
    assert "trainings took" not in Page(write(rows=[base], comparisons=[])).words()


def test_each_comparison_has_a_verdict_in_words(parsed):
    text = parsed.words().split("p (Holm)")[1].split("KLUE-STS: ")[0]
    assert text.count(" against ") == 6
    assert text.count(" better ") + text.count(" worse ") + text.count(" not significant ") == 6
    assert "NLI, then STS against nothing further +" in text


def test_an_extra_test_set_has_a_section_that_says_which_rows_have_seen_its_training_pairs(parsed, results):
    (test,) = results.extra
    text = parsed.words().split("Seen: ", 1)[1]
    for row in results.rows:
        low, high = (f"{each:.1f}" for each in vars(test.intervals[row.name]["cosine_pearson"]).values())
        seen = "yes" if row.name == "sts" else "no"
        assert f"{row.label} {seen} {test.metrics[row.name]['cosine_pearson']:.2f} {low} to {high} " in text
    assert "`" not in parsed.words()


def test_the_scores_of_shortened_embeddings_are_by_dev_set(parsed):
    text = parsed.words().split("384 1,536 bytes 64 256 bytes ")[1]
    assert text.startswith(
        "Dev set: STS nothing further 80.00 70.50 NLI 81.00 70.50 STS 82.00 70.50 "
        "NLI, then STS 83.00 70.50 Dev set: KLUE-STS nothing further 90.25 85.00 NLI 90.25 86.00 "
    )


def test_the_trainings_that_are_averaged_stand_by_themselves_where_they_differ(write, small):
    changed = small.recipes["sts"].model_copy(
        update={"average": Average(runs=[Run(), Run(loss="cosent")], states=1, init=0)}
    )
    words = Page(write(params=small.model_copy(update={"recipes": small.recipes | {"sts": changed}}))).words()
    assert "sts, 1 base data/scored/klue.tsv cosine 2" in words
    assert "sts, 2 base data/scored/klue.tsv cosent 2" in words


def test_the_worst_pairs_are_those_of_the_best_row_with_gold_and_predicted(parsed, results, test_set):
    found = worst(test_set, results.best.predictions, count=20)
    text = parsed.words().split("The 20 worst pairs")[-1]
    assert f"for our best row, “{results.best.label}”." in text
    shown = [
        f"{pair.sentence1} {pair.sentence2} gold {pair.gold:.1f} , predicted {pair.predicted:.1f} ,"
        for pair in found.itertuples()
    ]
    positions = [text.index(pair) for pair in shown]
    assert positions == sorted(positions)
    assert [element["lang"] for element in parsed.all("p") if "lang" in element] == ["ko"] * 40
    assert parsed.all("html") == [{"lang": "en"}]


def test_nothing_is_fetched(parsed, html):
    assert not {"script", "link", "iframe", "object", "embed", "base", "video"} & {tag for tag, _ in parsed.elements}
    for tag, attributes in parsed.elements:
        for name, value in attributes.items():
            assert name not in ("srcset", "poster", "background"), tag
            assert not name.startswith("on"), tag
            if name == "src":
                assert value.startswith("data:image/svg+xml;base64,")
            if name == "href":
                assert tag == "a"
    style = html.split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_the_contents_lead_to_every_section(parsed):
    targets = [link["href"] for link in parsed.all("a") if link["href"].startswith("#")]
    assert targets == [f"#{section['id']}" for section in parsed.all("section")]


def test_every_table_has_a_caption_and_a_box_to_scroll_in(parsed):
    boxes = [element for element in parsed.all("div") if element.get("class") == "scroll"]
    assert len(parsed.all("table")) == len(parsed.all("caption")) == len(boxes)


def test_a_sentence_cannot_become_a_part_of_the_page(write, test_set):
    sentence = "<script>alert('문장')</script> & \"그리고\""
    html = write(test=test_set.assign(sentence1=sentence))
    assert "<script" not in html
    assert Page(html).words().count(sentence) == 20


def test_made_up_data_stand_alone_and_kornlu_beside_published_rows_under_its_licence(write, small, parsed):
    assert "sample : a made-up sample, so these scores mean nothing" in parsed.words()
    assert "published" not in parsed.words()
    assert "CC BY-SA" not in parsed.words()
    kornlu = Page(write(params=small.model_copy(update={"dataset": "kornlu"}))).words()
    assert "NLI, then STS ETRI KorBERT (published) 80.10 80.42" in kornlu
    assert "kf-deberta-multitask 185 M 86.25" in kornlu
    assert "is licensed under CC BY-SA 4.0" in kornlu
    assert "data: CC-BY-SA-4.0; base model: MIT" in kornlu


def test_one_row_alone_has_no_comparisons(write, results):
    assert "Which differences are significant" not in Page(write(rows=results.rows[:1], comparisons=[])).words()


def test_a_part_with_few_pairs_has_no_score(parsed):
    assert " n/a " in parsed.words().split("Where the models fail")[-1].split("the same score.")[1]


def test_predictions_of_other_pairs_are_refused(write, test_set):
    with pytest.raises(KosbertError):
        write(test=test_set.head(30))


def test_the_same_input_gives_the_same_page(write, html):
    assert write() == html
