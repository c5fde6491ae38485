"""What a notebook declares in its parameters cell, and whether what it was given fits."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence

__all__ = ["assigned_names", "check_parameters", "declared_literals"]

# papermill adds these itself when asked for its paths.
_OF_PAPERMILL = ("PAPERMILL_INPUT_PATH", "PAPERMILL_OUTPUT_PATH")


def assigned_names(source: str) -> list[str]:
    """Names that the top level of a cell assigns, in order; none for a cell that is not Python.

    >>> assigned_names("seed = 1\\nprofile: str = 'gpu'")
    ['seed', 'profile']
    """
    return [name for name, _ in _assignments(source)]


def declared_literals(source: str) -> dict[str, object]:
    """Names and values of a cell that assigns literals; what is assigned otherwise is left out.

    >>> declared_literals("seed = 1; rates = [0.1, 0.2]; half = seed / 2")
    {'seed': 1, 'rates': [0.1, 0.2]}
    """
    literals: dict[str, object] = {}
    for name, value in _assignments(source):
        try:
            literals[name] = ast.literal_eval(value)
        except (ValueError, TypeError):
            continue
    return literals


def check_parameters(given: Mapping[str, object], declared: Mapping[str, object], *, notebook: str) -> None:
    """Nothing, if each given parameter is declared and has the kind of value that its default has.

    Args:
        given: names and values that somebody passes to a notebook.
        declared: names and default values of its parameters cell. A default of None takes any value.
        notebook: its name, for the message.

    Raises:
        ValueError: a name is not declared, or a value is of another type than its default.
    """
    for name, value in given.items():
        if name in _OF_PAPERMILL:
            continue
        if name not in declared:
            raise ValueError(
                f"notebook {notebook} has no parameter '{name}'; its parameters are {', '.join(declared) or 'none'}"
            )
        default = declared[name]
        if not _same_kind(default, value):
            raise ValueError(
                f"parameter '{name}' of notebook {notebook} is {value!r} of type {type(value).__name__}; it should be "
                f"of type {type(default).__name__} like its default {default!r}{_advice(default, name, value)}"
            )


def _assignments(source: str) -> list[tuple[str, ast.expr]]:
    try:
        statements = ast.parse(source).body
    except SyntaxError:  # a magic or a line for the shell
        return []
    pairs: list[tuple[str, ast.expr]] = []
    for statement in statements:
        if isinstance(statement, ast.Assign):
            pairs += [(target.id, statement.value) for target in statement.targets if isinstance(target, ast.Name)]
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
            pairs.append((statement.target.id, statement.value))
    return pairs


def _same_kind(default: object, value: object) -> bool:
    if default is None:
        return True
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, int | float) and math.isfinite(value)
    if isinstance(default, Sequence) and not isinstance(default, str):
        return isinstance(value, Sequence) and not isinstance(value, str)
    return isinstance(value, type(default))


def _advice(default: object, name: str, value: object) -> str:
    """papermill reads `-p output 5` as a number."""
    if isinstance(default, str) and isinstance(value, bool | int | float):
        return f"; with papermill, text that looks like a number is passed as -r {name} {value}"
    return ""
