"""The Korean text tasks of `mteb` that names stand for: the names of tasks, of types of tasks, and of benchmarks."""

import re
from collections.abc import Sequence
from copy import copy
from difflib import get_close_matches
from typing import Any

from kosbert.errors import KosbertError, needs_extra

ALL = "all"
KOREAN = "kor"
NEAR = 5  # names that an unknown one may have meant, at most
COMMA = re.compile(r",(?![^()]*\))")  # none within parentheses, as the names of benchmarks have them


def library() -> Any:  # noqa: ANN401 - a library without types
    """Return the module `mteb`.

    Raises:
        KosbertError: it is not installed.
    """
    with needs_extra("mteb", "MTEB"):
        import mteb  # noqa: PLC0415 - an extra
    return mteb


def split_names(names: str) -> list[str]:
    """Return the names in a list with commas, such as `STS,MTEB(kor, v2)`; a comma in parentheses is part of a name."""
    return [name.strip() for name in COMMA.split(names)]


def choose(wanted: Sequence[str]) -> list[Any]:
    """Return mteb's Korean text tasks of these names, without repeats.

    A task that mteb has a newer version of is found by its own name, or in a benchmark that has it. Of a task in
    several languages, and of a benchmark, the Korean subsets are kept.

    Args:
        wanted: names of tasks, such as KLUE-STS, of types, such as STS, or of benchmarks, such as MTEB(kor, v2); or
            `all`.

    Raises:
        KosbertError: mteb is not installed, or has nothing Korean of such a name.
    """
    listed = library().get_tasks(
        languages=[KOREAN], modalities=["text"], exclusive_modality_filter=True, exclude_superseded=False
    )
    found = [task for name in wanted for task in _named(name, listed) or _in_benchmark(name, listed)]
    # One result file holds all subsets and splits of a task; those of two benchmarks may differ.
    once = {(task.metadata.name, tuple(task.hf_subsets), tuple(task.eval_splits)): task for task in found}
    return list(once.values())


def _named(name: str, listed: Sequence[Any]) -> list[Any]:
    return [task for task in listed if task.metadata.name == name] or [
        task for task in listed if name in (task.metadata.type, ALL) and not task.metadata.superseded_by
    ]


def _in_benchmark(name: str, listed: Sequence[Any]) -> list[Any]:
    """Return the Korean text tasks of a benchmark, as the benchmark restricts them.

    Raises:
        KosbertError: there is no such benchmark, or nothing of it is Korean text.
    """
    try:
        benchmark = library().get_benchmark(name)
    except KeyError:
        raise KosbertError(_unknown(name, listed)) from None
    # The benchmark's own tasks are shared by all who ask mteb for it, so they are left as they are.
    tasks = [
        copy(task).filter_languages([KOREAN], hf_subsets=task.hf_subsets)
        for task in benchmark.tasks
        if _has_korean_text(task)
    ]
    if not tasks:
        raise KosbertError(f"mteb's benchmark {name!r} has no Korean text task; MTEB(kor, v2) has some")
    return tasks


def _has_korean_text(task: Any) -> bool:  # noqa: ANN401 - mteb's
    languages = task.metadata.hf_subsets_to_langscripts
    korean = any(each.startswith(KOREAN) for subset in task.hf_subsets for each in languages.get(subset, ()))
    return korean and [*task.metadata.modalities] == ["text"]


def _unknown(name: str, listed: Sequence[Any]) -> str:
    """Return what to say of an unknown name: what it may have meant, or else all names there are."""
    benchmarks = [each.name for each in library().get_benchmarks() if any(map(_has_korean_text, each.tasks))]
    types = [task.metadata.type for task in listed]
    names = {each.casefold(): each for each in (ALL, *types, *benchmarks, *(task.metadata.name for task in listed))}
    near = [names[each] for each in get_close_matches(name.casefold(), names, n=NEAR)]
    there_are = f"did you mean {' or '.join(near)}?" if near else f"known names: {', '.join(names.values())}"
    return f"mteb has no Korean text task, task type or benchmark {name!r}; {there_are}"
