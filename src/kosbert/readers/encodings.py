"""The encoding of a file: UTF-8, what a byte order mark says, or cp949 if that makes Korean of it."""

import codecs
import io
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from kosbert.errors import KosbertError, one_line
from kosbert.readers.layout import ReadError, Tell

CHUNK = 1 << 20  # bytes, or letters, that are read at once
NUL = "a NUL character"
BOMS = {  # UTF-32's are looked for first, as one of them begins with one of UTF-16's
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
    codecs.BOM_UTF8: "utf-8",
}

# Nearly any two bytes are a letter in cp949, so Chinese, Japanese and curly quotes of Western text are letters in it as
# well, but rare ones. The 100 most frequent syllables of KorSTS and KorNLI make up 70 % of their Korean, and 4 % of
# what is evenly spread over the 2,350 of KS X 1001. A laugh or tears in jamo are Korean too.
FREQUENT = (
    "다이는에을의고가은한있하지그를로서리사기자들스아어것인니대시해나수라했도보일으부주게었위여정전요장우적제만트과소러국명마말상신거"
    "무개미남원비관구할공문동성당습되오와모드않안회중조람야경내타두물세유프화르입면"
)
LAUGHS = "ㅋㅎㅠㅜ"
MIN_SYLLABLES, MIN_KOREAN, MIN_FREQUENT = 10, 0.9, 0.33


class Fault(NamedTuple):
    """The first thing in a file that is no text in an encoding."""

    line: int
    what: str


def find_encoding(path: Path, name: str, given: str | None, tell: Tell) -> str:
    """Return the encoding of a file, after a check that all of the file is text in it.

    Args:
        path: a regular file.
        name: how messages name it.
        given: the encoding that the user has named, if any.
        tell: takes a line that names the encoding if neither the user named it nor it is UTF-8.

    Raises:
        KosbertError: the file is no text in that encoding, or in none that can be found; or there is none of that name.
    """
    if given is not None:
        encoding = _known(given)
        if fault := _find_fault(path, encoding):
            raise KosbertError(f"{name}, line {fault.line}: {fault.what}, so this is not text in {encoding}")
        return encoding
    with path.open("rb") as file:
        start = file.read(CHUNK)
    marked = next((encoding for bom, encoding in BOMS.items() if start.startswith(bom)), None)
    fault = _find_fault(path, marked or "utf-8")
    if fault is None:
        if marked and marked != "utf-8":
            tell(f"{name}: read as {marked[:6].upper()}")
        return marked or "utf-8"
    if marked:
        raise KosbertError(f"{name}, line {fault.line}: {fault.what}, though the file begins as {marked[:6].upper()}")
    if fault.what == NUL or b"\0" in start:
        what = NUL if fault.what == NUL else f"not UTF-8 text ({fault.what}), and there are NUL characters"
        raise ReadError(
            f"{name}, line {fault.line}: {what}; this is not a text file",
            hint="or, if it is UTF-16 without a byte order mark, use --encoding utf-16-le",
        )
    if _is_korean(path):
        tell(f"{name}: read as cp949")
        return "cp949"
    raise ReadError(
        f"{name}, line {fault.line}: not UTF-8 text ({fault.what}), nor clearly Korean in cp949",
        hint="give its encoding, such as --encoding cp949, or convert it to UTF-8",
    )


def _known(name: str) -> str:
    try:
        b" ".decode(name)  # one byte, as Python looks no encoding up for none
    except (LookupError, ValueError) as error:
        if not isinstance(error, UnicodeError):  # else there is such an encoding, in which this is not a whole letter
            raise KosbertError(f"--encoding {name!r}: expected the name of a text encoding, such as cp949") from error
    return codecs.lookup(name).name


def _find_fault(path: Path, encoding: str) -> Fault | None:
    """Look for the first place where a file is no text in an encoding, in bounded memory."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=True)
    line = 1
    with path.open("rb") as file:
        while True:
            chunk = file.read(CHUNK)
            try:
                text = decoder.decode(chunk, final=not chunk)
                text.encode()  # some encodings can name half of a surrogate pair
            except UnicodeDecodeError as error:
                before = error.object[: error.start].decode(encoding, "ignore")
                byte = error.object[error.start : error.start + 1].hex()
                return Fault(line + _count_breaks(before), f"byte 0x{byte}: {error.reason}")
            except UnicodeError as error:
                return Fault(line, one_line(error))
            if "\0" in text:
                return Fault(line + text.count("\n", 0, text.index("\0")), NUL)
            line += text.count("\n")
            if not chunk:
                return None


def _count_breaks(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def _is_korean(path: Path) -> bool:
    """Return whether a file, read as cp949, has enough Korean in it that it can be nothing else."""
    letters: Counter[str] = Counter()
    try:
        with path.open(encoding="cp949") as file:
            while text := file.read(CHUNK):
                letters.update(text)
    except UnicodeDecodeError:
        return False
    syllables = sum(count for letter, count in letters.items() if "가" <= letter <= "힣")
    foreign = sum(
        count
        for letter, count in letters.items()
        if letter.isalpha() and not letter.isascii() and not "가" <= letter <= "힣" and letter not in LAUGHS
    )
    return (
        syllables >= MIN_SYLLABLES
        and syllables >= MIN_KOREAN * (syllables + foreign)
        and sum(letters[letter] for letter in FREQUENT) >= MIN_FREQUENT * syllables
    )
