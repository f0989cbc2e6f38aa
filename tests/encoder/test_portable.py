"""The folder of a saved model: settings that every reader finds, and none that belong to one machine."""

import json
import os
import stat

import pytest
from tokenizers import Tokenizer
from transformers import AutoModel, AutoTokenizer

from kosbert.encoder.model import assemble, load, save

PROMPT = "query: "
TEXTS = ["오늘은 비가 온다.", "", "한 문장이 아주 길다. " * 100]


def settings(folder, name):
    return json.loads((folder / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def saved(tiny, tmp_path_factory):
    out = tmp_path_factory.mktemp("saved") / "model"
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    tokenizer(TEXTS, padding="max_length", truncation=True, max_length=64)  # which leaves settings in a tokenizer
    model = assemble(AutoModel.from_pretrained(tiny), tokenizer, prompt=PROMPT, normalize=True, length=100)
    before = os.umask(0o027)
    try:
        save(model, out, card="the card")
    finally:
        os.umask(before)
    return model, out


def test_the_settings_are_those_that_all_versions_read(saved):
    _, folder = saved
    names = [module["type"] for module in settings(folder, "modules.json")]
    assert names == [f"sentence_transformers.models.{name}" for name in ("Transformer", "Pooling", "Normalize")]
    assert settings(folder, "sentence_bert_config.json") == {"max_seq_length": 100, "do_lower_case": False}
    pooling = settings(folder, "1_Pooling/config.json")
    assert [key for key, value in pooling.items() if key.startswith("pooling_mode_") and value] == [
        "pooling_mode_mean_tokens"
    ]
    assert pooling["word_embedding_dimension"] == saved[0].get_embedding_dimension()


def test_nothing_of_the_machine_or_of_the_last_batch_is_left(saved):
    _, folder = saved
    tokenizer = settings(folder, "tokenizer_config.json")
    assert tokenizer["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert tokenizer["model_max_length"] == 100
    assert not {"backend", "is_local", "local_files_only", "max_length", "name_or_path"} & tokenizer.keys()
    assert "__version__" not in settings(folder, "config_sentence_transformers.json")


def test_the_tokenizer_file_alone_cuts_and_pads(saved):
    model, folder = saved
    found = Tokenizer.from_file(str(folder / "tokenizer.json")).encode_batch([PROMPT + text for text in TEXTS])
    expected = model.tokenize([PROMPT + text for text in TEXTS])
    assert [one.ids for one in found] == expected["input_ids"].tolist()
    assert [one.attention_mask for one in found] == expected["attention_mask"].tolist()
    assert len(found[0].ids) == 100


def test_queries_and_documents_embed_as_all_texts_do(saved):
    model, folder = saved
    loaded = load(folder)
    expected = model.encode(TEXTS)
    for encode in (loaded.encode, loaded.encode_query, loaded.encode_document):
        assert (encode(TEXTS) == expected).all()


def test_a_model_without_a_prompt_has_none_for_documents_either(tiny):
    loaded = load(tiny)
    assert (loaded.encode_query(TEXTS) == loaded.encode(TEXTS)).all()
    assert (loaded.encode_document(TEXTS) == loaded.encode(TEXTS)).all()


def test_saving_what_was_loaded_changes_no_byte(saved, tmp_path):
    _, folder = saved
    save(load(folder), tmp_path / "again", card="the card")
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    again = [path.relative_to(tmp_path / "again") for path in (tmp_path / "again").rglob("*") if path.is_file()]
    assert files == sorted(again)
    assert all((folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes() for name in files)


def test_the_modes_of_all_files_follow_the_umask(saved):
    _, folder = saved
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}
    assert modes == {0o640}
