"""The encoding of a file is found only where it can be no other one, and all of the file is checked when opened."""

import codecs
from encodings.aliases import aliases

import pytest
from support.refusals import read_or_refused

from kosbert.errors import KosbertError
from kosbert.readers.texts import open_texts

KOREAN = "오늘은 하늘이 맑고 따뜻하다.\n배송도 빠르고 품질도 좋아요 ㅋㅋㅋ 또 살게요!\n韓·美 정상회담이 열렸다… “네”\n"
OTHERS = {
    "gbk": "今天天气很好，我们去公园玩。孩子们在草地上跑来跑去，老人们坐在长椅上聊天。这家餐厅的菜非常好吃，很便宜。\n",
    "big5": "今天天氣很好，我們去公園玩。孩子們在草地上跑來跑去，老人們坐在長椅上聊天。這家餐廳的菜非常好吃。\n",
    "shift_jis": "今日は天気がとても良いので、公園へ散歩に行きました。子供たちは走り回っていました。ありがとう。\n",
    "euc_jp": "今日は天気がとても良いので、公園へ散歩に行きました。子供たちは走り回っていました。ありがとう。\n",
    "latin-1": "Le café était fermé à cause de la grève. Größe, Übung und Äpfel; mañana será otro día.\n",
    "cp1252": "I don’t think it’s what you’d want; we can’t say they’re wrong, he’ll come, and we’ve seen it’s fine.\n",
    "cp1251": "Сегодня хорошая погода, и мы пошли гулять в парк. Дети бегали по траве.\n",
    "koi8-r": "Сегодня хорошая погода, и мы пошли гулять в парк. Дети бегали по траве.\n",
    "tis-620": "วันนี้อากาศดีมาก เราไปเดินเล่นที่สวนสาธารณะ\n",
}


@pytest.mark.parametrize("encoding", ["cp949", "euc-kr"])
@pytest.mark.parametrize("times", [1, 2_000])
def test_korean_of_old_is_read_and_told(write, read, told, encoding, times):
    path = write("a.txt", (KOREAN * times).encode(encoding, "ignore"))
    assert read(path) == KOREAN.encode(encoding, "ignore").decode(encoding).splitlines() * times
    assert told == [f"{path}: read as cp949"]
    table = write("a.csv", f"id,text\r\n1,{KOREAN[:34]}\r\n".replace(".\n", ".").encode(encoding))
    assert read(table)[0].startswith("오늘은 하늘이 맑고")


@pytest.mark.parametrize("encoding", OTHERS)
@pytest.mark.parametrize("length", [4, 7, 12, 20, 33, None, 200])
def test_nothing_else_passes_for_korean(write, refused, encoding, length):
    text = OTHERS[encoding] * 100 if length == 200 else OTHERS[encoding][:length]
    content = text.encode(encoding)
    if not content.isascii():
        line = refused(write("a.txt", content))
        assert "line 1: not UTF-8 text (byte 0x" in line
        assert line.endswith("; give its encoding, such as --encoding cp949, or convert it to UTF-8")


@pytest.mark.parametrize("encoding", OTHERS)
def test_an_encoding_that_is_named_is_believed(write, read, told, encoding):
    assert read(write("a.txt", OTHERS[encoding].encode(encoding)), encoding=encoding) == [OTHERS[encoding][:-1]]
    assert told == []


def test_too_little_korean_to_be_sure_is_not_guessed_at(write, read, refused):
    path = write("a.txt", "눈이 온다.\n".encode("cp949"))
    assert refused(path).endswith(
        "nor clearly Korean in cp949; give its encoding, such as --encoding cp949, or convert it to UTF-8"
    )
    assert read(path, encoding="cp949") == ["눈이 온다."]


@pytest.mark.parametrize("damage", [lambda data: data[:-2], lambda data: data[:200] + b"\xff" + data[200:]])
def test_damaged_utf8_is_no_korean_of_old(write, refused, damage):
    assert "not UTF-8 text" in refused(write("a.txt", damage((KOREAN * 9).encode())))


@pytest.mark.parametrize("marked", ["utf-16", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize(("name", "start"), [("a.txt", ""), ("a.csv", "text\n")])
def test_a_byte_order_mark_is_believed(write, read, told, *, marked, name, start):
    text = f"{start}{KOREAN}" if marked == "utf-16" else f"\ufeff{start}{KOREAN}"
    path = write(name, text.replace("\n", "\r\n").encode(marked))
    assert read(path) == KOREAN.splitlines()
    assert told == [f"{path}: read as {marked[:6].upper()}"]
    told.clear()
    assert read(path, encoding=marked) == KOREAN.splitlines()
    assert told == []


@pytest.mark.parametrize("text", [KOREAN, "plain\n"])
def test_utf16_without_a_mark_is_recognised_by_its_nuls(write, read, refused, text):
    path = write("a.txt", text.encode("utf-16-le"))
    assert "if it is UTF-16 without a byte order mark, use --encoding utf-16-le" in refused(path)
    assert read(path, encoding="utf-16-le") == text.splitlines()


@pytest.mark.parametrize(
    ("content", "options", "line"),
    [
        (b"a\r\nb\rc\n\xff\n", {}, "line 4: not UTF-8 text (byte 0xff: invalid start byte)"),
        (b"x\n" * 2_000_000 + b"\xff\n", {}, "line 2000001: not UTF-8 text"),
        (
            b"\xef\xbb\xbf" + KOREAN.encode() + b"\xb4\xd9",
            {},
            "line 4: byte 0xb4: invalid start byte, though the file be",
        ),
        (
            codecs.BOM_UTF16_LE + b"a\0\n\0\0\xd8",
            {},
            "line 2: byte 0x00: unexpected end of data, though the file begins",
        ),
        (b"a\n\0", {}, "line 2: a NUL character; this is not a text file"),
        (b"a\n\0", {"encoding": "cp949"}, "line 2: a NUL character, so this is not text in cp949"),
        (b"a\n\xff", {"encoding": "cp949"}, "line 2: byte 0xff: "),
        (
            KOREAN.encode("cp949"),
            {"encoding": "utf-8"},
            "line 1: byte 0xbf: invalid start byte, so this is not text in ",
        ),
        (b"\\ud800", {"encoding": "unicode_escape"}, "surrogates not allowed, so this is not text in unicode-escape"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), {}, "line 1: not UTF-8 text (byte 0x89: invalid start byte), and "),
        (b"a", {"encoding": "klingon"}, "--encoding 'klingon': expected the name of a text encoding, such as cp949"),
        (b"a", {"encoding": "hex"}, "--encoding 'hex': expected the name of a text encoding"),
        (b"a", {"encoding": "a\0b"}, "--encoding 'a\\x00b': expected the name of a text encoding"),
        (b"a", {"encoding": ""}, "--encoding '': expected the name of a text encoding"),
    ],
)
def test_what_is_no_text_is_refused_with_its_line(write, refused, content, options, line):
    assert line in refused(write("a.txt", content), **options)


@pytest.mark.parametrize("encoding", sorted({*aliases.values()}))
def test_any_encoding_of_python_reads_or_refuses(write, read, encoding):
    read_or_refused(read, write("a.txt", KOREAN.encode() + bytes(range(1, 256))), encoding=encoding)
    read_or_refused(read, write("a.txt", b"plain\n"), encoding=encoding)


def test_the_whole_file_is_checked_when_it_is_opened(write):
    with (
        pytest.raises(KosbertError, match="line 50001: not UTF-8"),
        open_texts(write("a.txt", b"x\n" * 50_000 + b"\xff")),
    ):
        pass
