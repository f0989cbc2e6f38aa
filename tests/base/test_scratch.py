"""The base from scratch: what it is, and that another process makes the very same one."""

import os
import subprocess
import sys

from kosbert.encoder.model import load


def test_it_is_a_plain_mean_pooling_encoder_without_a_prompt(tiny, chosen):
    encoder = load(tiny)
    base = chosen.base_models["scratch"]
    assert [type(module).__name__ for module in encoder] == ["Transformer", "Pooling"]
    assert encoder.get_embedding_dimension() == base.hidden
    assert encoder.default_prompt_name is None
    assert len(encoder.tokenizer) <= base.vocabulary


def test_its_vocabulary_knows_the_sentences_at_hand(tiny, sentences):
    tokenizer = load(tiny).tokenizer
    assert len(sentences) == 400
    assert all(tokenizer.unk_token_id not in ids for ids in tokenizer(sentences).input_ids)


def test_another_process_with_another_hash_seed_makes_the_same_bytes(tiny, tables, root, tmp_path):
    out = tmp_path / "base"
    script = (
        "import sys; from pathlib import Path; from kosbert import params; from kosbert.base.build import build; "
        "root, tables, out = map(Path, sys.argv[1:]); chosen = params.load(root / 'params.yaml'); "
        "from kosbert.encoder.model import save; "
        "save(build('scratch', chosen.base_models['scratch'], tune=tables / 'tune/tune_train.tsv', "
        "nli=tables / 'nli/train.tsv', seed=1), out, card='the card')"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "123", "PYTHONPATH": str(root / "src")}
    subprocess.run([sys.executable, "-c", script, root, tables, out], check=True, env=environment)
    for file in sorted(path.relative_to(tiny) for path in tiny.rglob("*") if path.is_file()):
        assert (out / file).read_bytes() == (tiny / file).read_bytes(), file
