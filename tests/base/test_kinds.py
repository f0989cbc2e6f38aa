"""The parameters of each kind of base: those of params.yaml are valid, and a wrong key is one line that names it."""

import pytest

from kosbert.base.build import KINDS, typed
from kosbert.base.pretrained import Pretrained
from kosbert.errors import KosbertError
from kosbert.params import Base

MISSING = object()


def test_every_base_of_the_real_file_is_valid_and_none_of_its_values_is_lost(chosen):
    assert {base.kind for base in chosen.base_models.values()} == {*KINDS}
    for name, base in chosen.base_models.items():
        kind = typed(name, base)
        assert type(kind) is KINDS[base.kind]
        assert dict(base).items() <= dict(kind).items()


def test_what_a_base_leaves_out_has_its_default(base_of):
    assert (base_of("e5-small").prompt, base_of("e5-small").normalize) == ("query: ", True)
    assert (base_of("etri-korbert").prompt, base_of("etri-korbert").normalize) == ("", False)
    assert not isinstance(base_of("scratch"), Pretrained)


UNKNOWN = "unknown key (its value is 1); check its spelling, or remove it"
REQUIRED = "missing; this key is required"
DIGEST = "String should match pattern '^(sha256:[0-9a-f]{64}|git-blob:[0-9a-f]{40})$', but it is"
INTEGER = "Input should be a valid integer, but it is"


@pytest.mark.parametrize(
    ("name", "key", "value", "line"),
    [
        ("e5-small", "promt", 1, UNKNOWN),
        ("e5-small", "terms", 1, UNKNOWN),
        ("scratch", "prompt", 1, UNKNOWN),
        ("scratch", "layers", MISSING, REQUIRED),
        ("skt-kobert", "revision", MISSING, REQUIRED),
        ("scratch", "layers", 1.5, f"{INTEGER} 1.5"),
        ("scratch", "vocabulary", 99, "Input should be greater than or equal to 100, but it is 99"),
        ("klue-roberta", "trim", True, "Input should be 'always', 'never' or 'auto', but it is True"),
        ("hub", "unknown_at_most", 2, "Input should be less than or equal to 1, but it is 2"),
        ("e5-small", "wheel", "sha256:X", f"{DIGEST} 'sha256:X'"),
        ("skt-kobert", "golden.가", [2, "3"], f"{INTEGER} '3'"),
        (
            "e5-small",
            "kind",
            "bert",
            "must be one of 'packaged-e5', 'korbert-eojeol', 'kobert', 'hub', 'scratch', but it is 'bert'",
        ),
    ],
)
def test_a_wrong_key_is_one_line_that_names_it_and_what_is_expected(chosen, name, key, value, line):
    first, *inner = key.split(".")
    values = dict(chosen.base_models[name]) | {first: {inner[0]: value} if inner else value}
    base = Base.model_validate({name: value for name, value in values.items() if value is not MISSING})
    with pytest.raises(KosbertError) as error:
        typed(name, base)
    where = key + ".1" * bool(inner)
    assert error.value.message == f"params.yaml: base_models.{name}.{where}: {line}"


def test_several_wrong_keys_are_a_line_each(base_of):
    with pytest.raises(KosbertError) as error:
        base_of("scratch", heads=0, promt=1)
    assert sorted(error.value.message.splitlines()) == [
        "params.yaml: base_models.scratch.heads: Input should be greater than or equal to 1, but it is 0",
        f"params.yaml: base_models.scratch.promt: {UNKNOWN}",
    ]
