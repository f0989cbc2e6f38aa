"""SKT KoBERT: its SentencePiece vocabulary as a plain fast tokenizer, which `transformers` can load anywhere."""

from transformers import BertModel

from kosbert.base.hub import fetch
from kosbert.base.pretrained import Backbone, bert_config, find, load_model
from kosbert.base.tokenizing import SPECIAL, wrap
from kosbert.base.unigram import unigram_tokenizer
from kosbert.errors import KosbertError
from kosbert.params import KoBert

VOCABULARY = "spiece.model"
CONFIG = "config.json"


def load(base: KoBert) -> Backbone:
    """Load model and tokenizer.

    Raises:
        KosbertError: it cannot be had, is damaged, or its vocabulary is not that of its weights.
    """
    folder = fetch(base)
    vocabulary = find(folder, VOCABULARY)
    pieces = unigram_tokenizer(vocabulary)
    ids = pieces.get_vocab()
    missing = [token for token in SPECIAL.values() if token not in ids]
    if missing:
        raise KosbertError(f"{vocabulary}: no {', '.join(missing)} among its pieces; is it KoBERT's file?")
    config = bert_config(find(folder, CONFIG), pieces=len(ids), pad=ids[SPECIAL["pad_token"]])
    tokenizer = wrap(pieces, positions=config.max_position_embeddings)
    if len(ids) == base.vocabulary:
        for text, golden in base.golden.items():
            found = tokenizer(text).input_ids
            if found != golden:
                raise KosbertError(
                    f"{vocabulary}: encodes {text!r} as {found}, but KoBERT's published ids are {golden}: "
                    "it is not KoBERT's vocabulary; get the file again"
                )
    return Backbone(load_model(BertModel, folder, config), tokenizer)
