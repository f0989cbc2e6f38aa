"""The languages of the page: every text has its Korean, with the same placeholders."""

import ast
import re
from dataclasses import replace
from html import unescape
from string import Formatter

import pytest
from jinja2 import Environment, nodes

from kosbert import params
from kosbert.errors import KosbertError
from kosbert.report import published
from kosbert.report.korean import KOREAN
from kosbert.report.language import SAY, korean
from kosbert.report.page import page
from kosbert.report.plots.gallery import draw
from kosbert.report.slices import SEEN

# Texts that `say` gets as the values of variables.
VALUES = {
    *SEEN,
    *(base for base, _ in published._ROWS),
    *(text for each in published._BY_SIZE for text in (each.trained_on, each.source)),
}


def said_in_python(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
            yield ast.literal_eval(node.args[0])


def said_in_template(path):
    for node in Environment(autoescape=True).parse(path.read_text(encoding="utf-8")).find_all(nodes.Call):
        if isinstance(node.node, nodes.Name) and node.node.name == "say" and isinstance(node.args[0], nodes.Const):
            yield node.args[0].value


@pytest.fixture(scope="module")
def said(root):
    folder = root / "src/kosbert/report"
    in_python = {text for path in folder.rglob("*.py") for text in said_in_python(path)}
    return in_python | {*said_in_template(folder / "page.html.jinja")} | VALUES


def test_every_text_has_its_korean_and_no_other_is_in_the_catalogue(said):
    assert said - {*KOREAN} == set(), "without Korean"
    assert {*KOREAN} - said == set(), "not said any more"


def test_the_template_has_no_text_of_its_own(root):
    template = Environment(autoescape=True).parse((root / "src/kosbert/report/page.html.jinja").read_text("utf-8"))
    html = "".join(node.data if isinstance(node, nodes.TemplateData) else "" for node in written(template))
    text = re.sub(r"<style>.*</style>|<[^>]*>", " ", html, flags=re.S)
    words = {*re.findall(r"[A-Za-z]{2,}", text)}
    assert words == {"Holm", "cos", "Ham", "Choe", "Park", "Choi", "Soh", "CC", "BY", "SA"}


def written(template):
    return (each for output in template.find_all(nodes.Output) for each in output.nodes)


def placeholders(text):
    return sorted((name, form) for _, name, form, _ in Formatter().parse(text) if name is not None)


@pytest.mark.parametrize("text", KOREAN)
def test_the_korean_has_the_same_placeholders(text):
    assert placeholders(KOREAN[text]) == placeholders(text)


def test_a_text_without_korean_is_not_said_in_english():
    with pytest.raises(KeyError):
        korean("not in the catalogue")


def in_language(results, language, **changes):
    report = results.params.report.model_copy(update={"language": language})
    return replace(results, params=results.params.model_copy(update={"report": report} | changes))


@pytest.mark.parametrize("dataset", ["sample", "kornlu"])
def test_the_korean_page_has_no_english_words_but_names(results, project, dataset):
    of_korean = in_language(results, "ko", dataset=dataset)
    html = page(of_korean, draw(of_korean, project / "curves"))
    assert html.startswith('<!doctype html>\n<html lang="ko">')
    text = unescape(html.partition("</style>")[2] + " ".join(re.findall(r'(?:alt|aria-label)="([^"]*)"', html)))
    text = re.sub(r"<[^>]*>", "|", text)
    chosen = of_korean.params.chosen_dataset
    names = [chosen.title, of_korean.params.chosen_base.title, *of_korean.params.report.rows.values()]
    names += [each.name for each in published._BY_SIZE]
    names += ["NLI, then STS", "Ham, Choe, Park, Choi, Soh, 2020", of_korean.params.base_model]
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, "|")
    words = {word.lower() for word in re.findall(r"[A-Za-z]{2,}", text)}
    english = {word.lower() for said in KOREAN for word in re.findall(r"[A-Za-z]{2,}", said)}
    known = {word.lower() for said in KOREAN.values() for word in re.findall(r"[A-Za-z]{2,}", said)}
    assert words & (english - known) - {"base", "label"} == set()


def test_the_languages_have_the_same_pictures_and_numbers(results, project):
    pages = {}
    for language in SAY:
        said = in_language(results, language)
        gallery = draw(said, project / "curves")
        html = page(said, gallery)
        pages[language] = [each.svg for each in gallery.pictures], re.findall(r"<td>([−+\d.]+)", html)
    assert pages["en"] == pages["ko"]


def test_another_language_is_an_error_that_names_the_key(root, tmp_path):
    path = tmp_path / "params.yaml"
    text = (root / "params.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace("language: en", "language: fr"), encoding="utf-8")
    with pytest.raises(KosbertError, match=r"report\.language: .*'en' or 'ko'.*'fr'"):
        params.load(path)
    path.write_text(re.sub(r"  language: .*\n", "", text), encoding="utf-8")
    assert params.load(path).report.language == "en"
