"""The texts that every reader embeds: what tokenizers and prompts differ over."""

import unicodedata

LONG = " ".join(f"{i}번 손님은 창가에 앉아 커피를 {i}잔 마시고 책을 {i}쪽 읽었다." for i in range(1, 16))  # 300 tokens
TEXTS = [
    "한 남자가 기타를 친다.",
    "남자가 악기를 연주하고 있다.",
    "",
    "The quick brown fox jumps over the lazy dog.",
    "今日は東京で雨が降っています。",
    "점심 먹자 🍜😀👨‍👩‍👧",
    unicodedata.normalize("NFD", "맥에서 저장한 한국어 문장입니다."),
    "ＫＯＲＥＡ　２０２５년 전각 문자",
    "  앞뒤로 빈칸\t그리고\n줄바꿈  ",
    LONG,
]
