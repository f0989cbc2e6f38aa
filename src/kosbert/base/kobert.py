"""SKT KoBERT. Its SentencePiece model becomes a plain fast tokenizer, which `transformers` can load anywhere."""

from typing import Annotated, Literal

from pydantic import Field
from transformers import BertModel

from kosbert.base.hub import FromHub, fetch
from kosbert.base.pretrained import Backbone, bert_config, find, load_model
from kosbert.base.tokenizing import SPECIAL, wrap
from kosbert.base.unigram import unigram_tokenizer
from kosbert.errors import KosbertError

VOCABULARY = "spiece.model"
CONFIG = "config.json"


class KoBert(FromHub):
    """SKT KoBERT.

    Attributes:
        vocabulary: how many pieces the published model has. A model with as many is taken for it, and has to encode
            the texts of `golden` to their ids.
        golden: texts, each with the ids that the published model gives for it.
    """

    kind: Literal["kobert"]
    vocabulary: Annotated[int, Field(ge=1)]
    golden: dict[str, list[int]]


def load(base: KoBert) -> Backbone:
    """Load model and tokenizer.

    Raises:
        KosbertError: the files could not be downloaded, are damaged, or do not belong together.
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
                    "it is not KoBERT's vocabulary; download the file again"
                )
    return Backbone(load_model(BertModel, folder, config), tokenizer)
