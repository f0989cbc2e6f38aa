"""Write embeddings as the JSON of OpenAI's API: a long list of numbers in the time of one, and no digit too many."""

import json
from base64 import b64encode
from collections.abc import Iterator

from kosbert.apps.serving.request import EncodingFormat
from kosbert.inference.encoder import Embeddings


def write_reply(embeddings: Embeddings, *, model: str, encoding_format: EncodingFormat, tokens: int) -> bytes:
    """Return the body of a response.

    Args:
        embeddings: the embeddings [texts, dimensions].
        model: the model's name.
        encoding_format: numbers with as many digits as tell a float32 from all others, or the bytes in base64.
        tokens: how many tokens were read.
    """
    written = _base64(embeddings) if encoding_format == "base64" else _numbers(embeddings)
    data = ",".join(
        f'{{"object":"embedding","index":{row},"embedding":{embedding}}}' for row, embedding in enumerate(written)
    )
    usage = f'{{"prompt_tokens":{tokens},"total_tokens":{tokens}}}'
    return f'{{"object":"list","data":[{data}],"model":{json.dumps(model)},"usage":{usage}}}'.encode()


def _numbers(embeddings: Embeddings) -> Iterator[str]:
    return (f"[{','.join(map(str, embedding))}]" for embedding in embeddings)  # numpy writes the fewest digits


def _base64(embeddings: Embeddings) -> Iterator[str]:
    return (f'"{b64encode(embedding.tobytes()).decode()}"' for embedding in embeddings.astype("<f4"))
