"""Inputs to test properties on: texts as users have them and worse, damaged files, and any JSON."""

from hypothesis import strategies as st

from kosbert.data.tables import is_blank

HARD = '"\t\r\n,\\ \0\x1b\x85\xa0\u2028\u3000\ufeff_#▁가각ㄱ\u1100\u11a8éｶﾞ①🙂'
letters = st.one_of(
    st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3),
    st.sampled_from(HARD),
    st.characters(exclude_categories=["Cs"]),  # surrogates are no text
)
texts = st.text(letters, max_size=12)
# Sentences that a table can hold; in plain TSV, no field has a tab or a line break.
sentences = texts.filter(lambda text: not is_blank(text))
plain_sentences = st.text(letters.filter(lambda letter: letter not in "\t\r\n"), max_size=12).filter(
    lambda text: not is_blank(text)
)
scores = st.floats(0, 5).map(lambda score: f"{score:.3f}")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def damaged(draw, data):
    """Draw a file that was cut off, or has other, more or fewer bytes somewhere."""
    start = draw(st.integers(0, len(data)))
    removed = draw(st.sampled_from([0, 1, 2, 8, len(data)]))
    return data[:start] + draw(st.binary(max_size=8)) + data[start + removed :]


@st.composite
def other_json(draw, value):
    """Draw a JSON object in which a value differs or is missing, or any other JSON value."""
    if draw(st.integers(0, 9)) == 0:
        return draw(json_values)
    key = draw(st.sampled_from([*value]))
    inner = value[key]
    if isinstance(inner, dict) and inner and draw(st.booleans()):
        return value | {key: draw(other_json(inner))}
    if draw(st.integers(0, 3)) == 0:
        return {name: other for name, other in value.items() if name != key}
    return value | {key: draw(json_values)}
