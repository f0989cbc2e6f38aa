"""A JSON service that finds frequent questions. It also needs the extra serve.

MODEL=models/nli_sts uvicorn --app-dir examples service:app
curl --json '{"text": "비밀번호를 잊어버렸어요"}' http://127.0.0.1:8000/nearest
"""

import os

from fastapi import FastAPI
from pydantic import BaseModel, Field

import kosbert
from kosbert.apps.search import SentenceIndex

QUESTIONS = ["비밀번호는 어떻게 바꾸나요?", "배송은 며칠이나 걸리나요?", "산 물건을 환불하고 싶어요."]

app, encoder = FastAPI(), kosbert.load(os.environ.get("MODEL", "models/nli_sts"))
index = SentenceIndex.from_sentences(QUESTIONS, encoder)  # requests come in several threads, which may share it


class Question(BaseModel):
    text: str = Field(min_length=1, max_length=500)


@app.post("/nearest")
def nearest(question: Question) -> dict[str, str | float]:
    [[hit]] = index.search([question.text], top=1)
    return {"question": hit.text, "score": hit.score}
