"""Too little memory ends in one line that does not blame the model, wherever it runs out."""

import errno
import subprocess
import sys

import pytest
import torch
from support.refusals import check_line

from kosbert.encoder.failures import enough_memory
from kosbert.errors import KosbertError

LINE = "not enough memory to load {}; raise the limit (ulimit -v), or close other programs"
ENCODING = "not enough memory to encode 1,000 texts; raise the limit (ulimit -v), or close other programs"
SCRIPT = """
import resource, sys, psutil, kosbert
from kosbert.errors import KosbertError
model, before, more = sys.argv[1], *map(int, sys.argv[2:])
try:
    resource.setrlimit(resource.RLIMIT_AS, (before, resource.RLIM_INFINITY))
    encoder = kosbert.load(model, precision="fp32")
    if more:
        resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + more,) * 2)
    encoder.encode([f"{number} 번째 문장은 조금 더 길다 " * 30 for number in range(1_000)])
    print("encoded")
except KosbertError as error:
    print(error.message)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps to RLIMIT_AS")
@pytest.mark.parametrize(
    ("before", "more", "lines"),
    [
        (300_000_000, 0, [LINE]),
        (1_300_000_000, 0, ["encoded", LINE, ENCODING]),
        (8_000_000_000, 1_000_000, [ENCODING]),
        (8_000_000_000, 0, ["encoded"]),
    ],
    ids=["none to import", "perhaps enough", "none to encode", "enough"],
)
def test_under_a_limit_of_memory_a_model_works_or_one_line_says_so(tiny, before, more, lines):
    command = [sys.executable, "-c", SCRIPT, str(tiny), str(before), str(more)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout.splitlines()[-1:] in [[line.format(tiny)] for line in lines], done.stderr


def raised(error):
    """Raise a library's error as one of ours that blames a file, as readers of files do."""
    try:
        raise error
    except type(error) as cause:
        raise KosbertError("model.safetensors: no weights that we can read") from cause


class PanicException(BaseException):
    """What a panic of Rust is in Python, which no name can be imported for."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried to"),
        RuntimeError("can't start new thread"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        PanicException('ThreadPoolBuildError { kind: IOError(Os { code: 11, message: "Resource tempor" }) }'),
    ],
)
def test_no_error_of_memory_blames_a_file(error):
    with pytest.raises(KosbertError) as found, enough_memory("load a model"):
        raised(error)
    assert found.value.message == LINE.format("a model")
    check_line(found.value.format_message())


@pytest.mark.parametrize("error", [KosbertError("no such file"), ValueError("a mistake"), KeyboardInterrupt()])
def test_other_errors_stay_as_they_are(error):
    with pytest.raises(type(error)) as found, enough_memory("load a model"):
        raise error
    assert found.value is error
