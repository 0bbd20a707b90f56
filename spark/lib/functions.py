"""A transformation that is a Python function: its file is run, its result held against what pipeline.yml says of it."""

from __future__ import annotations

import importlib.util
import inspect
import re
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame

from lib.pipeline import Result

NAME = "transform"

# Plans that make one row of each. A function over many rows, a filter, a join or `explode` are others.
_KEEPS_ROWS = {"Project", "SubqueryAlias"}


class FunctionError(Exception):
    """The function cannot be used; the message names file, line and reason."""


class Function:
    """The function `transform` of a file.

    The module is in no list of modules: Spark then sends what the function calls on the executors by its code and not by a name
    that the executors could not import.
    """

    def __init__(self, file: str, path: Path) -> None:
        self._file = file
        self._path = path
        self._transform: Callable[[DataFrame], object] = self._load()

    def __call__(self, rows: DataFrame) -> DataFrame:
        """Calls it. What it raises is told with its line."""
        try:
            result = self._transform(rows)
        except Exception as error:
            raise self.error(error) from error
        if not isinstance(result, DataFrame):
            raise FunctionError(f"{self._file}: `{NAME}` returns {type(result).__name__} and not a DataFrame")
        return result

    def check(self, given: DataFrame, result: DataFrame, declared: Result) -> None:
        """Holds what it makes of a frame against what pipeline.yml says of it."""
        names = result.columns
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise FunctionError(f"{self._file}: the result has two columns named `{twice}`")
        if declared.columns and set(declared.columns) != set(names):
            missing = [name for name in declared.columns if name not in names]
            raise FunctionError(
                f"{self._file}: the result has no column `{missing[0]}`, which pipeline.yml lists in `columns`"
                if missing
                else f"{self._file}: the result has a column `{_stray(names, declared)}`, which pipeline.yml does not "
                "list in `columns`"
            )
        passed_on = _passed_on(given, result)
        for name in declared.passed_on:
            if name not in passed_on:
                raise FunctionError(
                    f"{self._file}: column `{name}` is computed, and pipeline.yml says that it is passed on as it is; "
                    f"write `{name}: [{name}]` there"
                )
        other = next((node for node in _nodes(result) if node not in _KEEPS_ROWS), None)
        if declared.keeps_rows and other is not None:
            raise FunctionError(
                f"{self._file}: the result is not one row for each row (it needs {other}), and pipeline.yml says "
                "`keeps_rows: true`"
            )

    def error(self, error: BaseException) -> FunctionError:
        """The same error, with its line in the file where it has one."""
        line = self._line(error)
        place = f"{self._file}, line {line}" if line else self._file
        return FunctionError(f"{place}: {_reason(error)}")

    def _load(self) -> Callable[[DataFrame], object]:
        spec = importlib.util.spec_from_file_location(f"pipectl_{self._path.stem}", self._path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            raise self.error(error) from error
        found = getattr(module, NAME, None)
        if not inspect.isfunction(found):
            raise FunctionError(f"{self._file}: it has no function `{NAME}(rows: DataFrame) -> DataFrame`")
        try:
            inspect.signature(found).bind(object())
        except TypeError as error:
            line = found.__code__.co_firstlineno
            raise FunctionError(f"{self._file}, line {line}: `{NAME}` has to take one argument: {error}") from error
        return found

    def _line(self, error: BaseException) -> int | None:
        if isinstance(error, SyntaxError) and error.filename == str(self._path):
            return error.lineno
        frames = [
            frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(self._path)
        ]
        # What fails on an executor comes as text.
        told = re.findall(rf'File "{re.escape(str(self._path))}", line (\d+)', str(error))
        lines = [*frames, *(int(line) for line in told)]
        return lines[-1] if lines else None


def _reason(error: BaseException) -> str:
    """One line: the exception's own, of one on an executor the one that was raised there."""
    lines = str(error).strip().splitlines() or [""]
    if any(line.startswith("Traceback (most recent call last)") for line in lines):
        raised = [
            line for line in lines if re.match(r"[A-Za-z_][\w.]*(Error|Exception|Warning|Interrupt|Exit)\b", line)
        ]
        if raised:
            return raised[-1]
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg}"
    return f"{type(error).__name__}: {lines[0]}"


def _stray(names: list[str], declared: Result) -> str:
    return next(name for name in names if name not in declared.columns)


def _passed_on(given: DataFrame, result: DataFrame) -> set[str]:
    """Columns of the result that are those of the given frame: Spark keeps the id of a column that nothing was done to."""
    before, after = _ids(given), _ids(result)
    return {name for name, number in after.items() if before.get(name) == number}


def _ids(frame: DataFrame) -> dict[str, int]:
    output = _plan(frame).output()
    attributes = [output.apply(place) for place in range(output.size())]
    return {attribute.name(): attribute.exprId().id() for attribute in attributes}


def _nodes(frame: DataFrame) -> Iterator[str]:
    """The operators above the frame's source."""

    def below(node: Any) -> Iterator[str]:
        children = node.children()
        if children.size():
            yield node.nodeName()
            for place in range(children.size()):
                yield from below(children.apply(place))

    return below(_plan(frame))


def _plan(frame: DataFrame) -> Any:
    return frame._jdf.queryExecution().analyzed()
