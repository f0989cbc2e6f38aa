"""A JSON service that finds frequent questions. Needs sentence-transformers, fastapi and uvicorn.

MODEL=models/nli_sts uvicorn --app-dir examples service:app
curl --json '{"text": "비밀번호를 잊어버렸어요"}' http://127.0.0.1:8000/nearest
"""

import os
from threading import Lock

from fastapi import FastAPI
from pydantic import BaseModel, Field
from sentence_transformers import SentenceTransformer

QUESTIONS = ["비밀번호는 어떻게 바꾸나요?", "배송은 며칠이나 걸리나요?", "산 물건을 환불하고 싶어요."]

app, turn = FastAPI(), Lock()  # requests come in several threads, and a tokenizer serves one at a time
model = SentenceTransformer(os.environ.get("MODEL", "models/nli_sts"))
embeddings = model.encode(QUESTIONS)


class Question(BaseModel):
    text: str = Field(min_length=1, max_length=500)


@app.post("/nearest")
def nearest(question: Question) -> dict[str, str | float]:
    with turn:
        scores = model.similarity(model.encode([question.text]), embeddings)[0]
    return {"question": QUESTIONS[int(scores.argmax())], "score": float(scores.max())}
