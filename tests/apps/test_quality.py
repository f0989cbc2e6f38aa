"""On sentences that everybody understands, the answer comes first, and a dozen of them fall into five groups.

On `models/best` where it is trained; else on the untrained default base, which the package index has (so in CI).
"""

import os
from pathlib import Path

import pytest
from support.everyday import THEMES

import kosbert
from kosbert.apps.clustering import kmeans
from kosbert.apps.search import SentenceIndex
from kosbert.base.build import build
from kosbert.encoder.model import save
from kosbert.errors import KosbertError

ROOT = Path(__file__).parents[2]
CORPUS = [
    "택배가 내일 오전에 도착한다고 문자가 왔다.",
    "감기에 걸려서 하루 종일 누워 있었다.",
    "동생이 설거지를 하다가 접시를 깼다.",
    "휴대폰 배터리가 금방 닳아서 불편하다.",
    "산 정상에서 바라본 일출이 아름다웠다.",
    "은행 앞에 줄이 길게 늘어서 있다.",
    "아기가 유모차 안에서 곤히 잠들었다.",
    "이번 달 전기 요금이 많이 나왔다.",
    "영화관에서 옆 사람이 자꾸 떠들었다.",
]
# Few of their words are in the sentence that is meant: what matches is the meaning.
QUERIES = {
    "몸이 아파서 온종일 침대에서 쉬었다.": 1,
    "스마트폰 충전이 오래가지 않는다.": 3,
    "어린아이가 새근새근 자고 있다.": 6,
}


@pytest.fixture(scope="module")
def encoder(tables, chosen, tmp_path_factory):
    model = Path(os.environ.get("KOSBERT_QUALITY_MODEL", ROOT / "models/best"))
    if not model.is_dir():
        tune, nli = tables / "tune/tune_train.tsv", tables / "nli/train.tsv"
        model = tmp_path_factory.mktemp("models") / "base"
        try:
            save(build("e5-small", chosen.base_models["e5-small"], tune=tune, nli=nli, seed=1), model, card="")
        except KosbertError as error:
            pytest.skip(f"no trained model, and no base: {error}")
    with kosbert.load(model) as encoder:
        yield encoder


def test_the_sentence_that_means_the_same_comes_first(encoder):
    found = SentenceIndex.from_sentences(CORPUS, encoder).search(list(QUERIES), top=1)
    assert [hit.text for (hit,) in found] == [CORPUS[row] for row in QUERIES.values()]


def test_a_score_does_not_depend_on_what_else_is_in_the_corpus(encoder):
    def scored(corpus):
        hits = SentenceIndex.from_sentences(corpus, encoder).search(list(QUERIES), top=len(corpus))
        return [{hit.text: hit.score for hit in found} for found in hits]

    whole = scored(CORPUS)
    for few in (CORPUS[1:4], CORPUS[::-2]):
        for found, scores in zip(scored(few), whole, strict=True):
            assert found == pytest.approx({text: scores[text] for text in few}, abs=0.02)  # bf16's last digits


@pytest.mark.parametrize("seed", [1, 42])
def test_a_dozen_sentences_fall_into_five_sensible_groups(encoder, seed):
    dozen = [sentence for theme in THEMES.values() for sentence in theme]
    assert len(dozen) == 12
    groups = kmeans(encoder.encode(dozen), len(THEMES), seed=seed)
    assert {frozenset(dozen[row] for row in group.rows) for group in groups} == {*map(frozenset, THEMES.values())}
