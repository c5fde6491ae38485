"""Every error of the library is read by a test: a list of all messages, made from the source, and which are in no test.

A message counts as read when three words in a row of it, found in no other message, stand in a string of the tests that
is not a docstring: what `match=` looks for, or a list of cases. Or when a string in the tests of its own module shares
more pairs of words with it than with any other message of the module, or all of its pairs; messages of equal words need
a string each.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import tried

TOP = Path(__file__).resolve().parent.parent
LIBRARY = TOP / "rev2net_lite"

Words = tuple[str, ...]


@dataclass(frozen=True)
class Message:
    """An error that the library makes: where, and its words between what is filled in."""

    module: str
    function: str
    line: int
    error: str
    parts: tuple[Words, ...]

    def runs(self, length: int) -> set[Words]:
        """All runs of so many words."""
        return {part[i : i + length] for part in self.parts for i in range(len(part) - length + 1)}

    def pairs(self) -> set[Words]:
        """Pairs of words, and words that stand alone."""
        return self.runs(2) | {part for part in self.parts if len(part) == 1}

    def __str__(self) -> str:
        text = " ... ".join(" ".join(part) for part in self.parts)
        return f"{self.module}:{self.line} {self.function}: {self.error}: {text[:80]}"


def words(text: str) -> Words:
    return tuple(re.findall(r"\w[\w'-]*", text.lower()))


def literals(node: ast.AST) -> list[str]:
    """Texts below a node, those of an f-string apart where something is filled in; not those that a call there gets."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.FormattedValue) and isinstance(node.value, ast.Call):
        return []
    return [text for child in ast.iter_child_nodes(node) for text in literals(child)]


def name_of(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def messages(path: Path, top: Path = LIBRARY) -> tuple[list[Message], int]:
    """Messages of a module, and the number of raises without words: an error handed on, Ctrl-C, ..."""
    found: list[Message] = []
    silent = 0
    module = path.relative_to(top).as_posix()

    def add(node: ast.AST, function: str, error: str, texts: list[str]) -> bool:
        parts = tuple(part for part in map(words, texts) if part)
        if parts:
            found.append(Message(module, function, getattr(node, "lineno", 0), error, parts))
        return bool(parts)

    def visit(node: ast.AST, function: str, error_class: str) -> None:
        for child in ast.iter_child_nodes(node):
            inside, errors = function, error_class
            if isinstance(child, ast.ClassDef):
                names = [base.id for base in child.bases if isinstance(base, ast.Name)]
                errors = child.name if any(name.endswith(("Error", "Exception")) for name in names) else ""
                inside = child.name
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                inside = f"{function}.{child.name}".lstrip(".")
                if errors and child.name == "__str__":
                    body = [part for part in child.body if not isinstance(part, ast.Expr)]
                    add(child, inside, errors, [text for part in body for text in literals(part)])
            elif isinstance(child, ast.Call) and re.fullmatch(r"[A-Z]\w*(Error|Exception)", name_of(child)):
                add(child, function, name_of(child), [text for part in child.args for text in literals(part)])
            elif isinstance(child, ast.Call) and errors and name_of(child) == "__init__":
                add(child, function, errors, [text for part in child.args for text in literals(part)])
            elif isinstance(child, ast.Raise):
                nonlocal silent
                silent += child.exc is None or not literals(child.exc)
            visit(child, inside, errors)

    visit(ast.parse(path.read_text(encoding="utf-8")), "", "")
    return found, silent


def strings(path: Path) -> list[frozenset[Words]]:
    """Runs of up to three words in each string of a test file; no docstrings, and nothing that stands for any text."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    spoken = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found = []
    for text in {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and id(n) not in spoken}:
        if isinstance(text, str):
            pattern = re.sub(r"\\[dDwWsSbB]|\[[^\]]*\]|\.[*+]|(?<!\\)[()|+*?^$]", "\0", text)
            parts = [words(part) for part in re.sub(r"\\(.)", r"\1", pattern).split("\0")]
            found.append(
                frozenset(part[i : i + n] for part in parts for n in (1, 2, 3) for i in range(len(part) - n + 1))
            )
    return found


def own_tests(module: str) -> re.Pattern[str]:
    """Names of the test files of a module: `plots/bias.py` is tested in test_plots_bias.py or test_plots.py."""
    *package, stem = Path(module).with_suffix("").parts
    stem = package.pop() if stem == "__init__" and package else stem
    names = ["_".join([*package, stem]), *package, stem]
    return re.compile(rf"test_({'|'.join(map(re.escape, names))})(_\w+)?\.py")


def unread(found: list[Message], tests: dict[str, list[frozenset[Words]]]) -> list[Message]:
    """The messages that no test reads."""
    everywhere = set().union(*(runs for said in tests.values() for runs in said))
    counts = Counter(run for message in found for run in message.runs(3))
    votes: Counter[Message] = Counter()
    for module in {message.module for message in found}:
        pairs = {message: message.pairs() for message in found if message.module == module}
        near = {runs for name, said in tests.items() if own_tests(module).fullmatch(name) for runs in said}
        for runs in near:
            shared = {message: len(of & runs) for message, of in pairs.items()}
            best = max(shared.values())
            # One pair is too little, but for a message that has no other.
            votes.update(m for m, n in shared.items() if n == len(pairs[m]) or n == best > 1)
    twins = Counter((message.module, message.parts) for message in found)
    return [
        message
        for message in found
        if votes[message] < twins[message.module, message.parts]
        and not any(counts[run] == 1 and run in everywhere for run in message.runs(3))
    ]


def library() -> tuple[list[Message], int]:
    listed = [messages(path) for path in sorted(LIBRARY.rglob("*.py"))]
    return [message for found, _ in listed for message in found], sum(silent for _, silent in listed)


def test_every_message_is_read_by_a_test() -> None:
    found, silent = library()
    assert len(found) > 350, "the list has lost its source"
    tests = {path.name: strings(path) for path in (TOP / "tests").rglob("*.py") if path.name != Path(__file__).name}
    missing = unread(found, tests)
    outcome = {"read by a test": len(found) - len(missing), "in no test": len(missing), "handed on": silent}
    tried.keep("messages", "messages of errors", tried=len(found), outcome=outcome, seconds=0)
    assert not missing, "messages that no test reads:\n" + "\n".join(map(str, missing))


# The list itself


SOURCE = '''
class DiskError(OSError):
    def __str__(self):
        """Not this."""
        return f"{self.name} is full of old things; remove some"

class RunError(RuntimeError):
    def __init__(self, run, why):
        super().__init__(f"run {run} failed in the end: {why}")

def f(x):
    if x < 0:
        raise ValueError(
            f"x is {x!r}{x.decode('utf-8', 'replace')}; it should be {'more' if x else 'other'} "
            "than nothing"
        )
    try:
        return g(x)
    except OSError as error:
        raise made(error) from error
    raise

def made(error):
    return DiskError(f"there is no room for {error}")
'''


def test_the_list_finds_messages_wherever_they_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(SOURCE)
    found, silent = messages(path, tmp_path)
    assert [(each.function, each.error) for each in found] == [
        ("DiskError.__str__", "DiskError"),
        ("RunError.__init__", "RunError"),
        ("f", "ValueError"),
        ("made", "DiskError"),
    ]
    assert found[2].parts == (("x", "is"), ("it", "should", "be"), ("more",), ("other",), ("than", "nothing"))
    assert silent == 2


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ('match=r"x is .*; it should be"', [0, 1, 3]),
        ('match="there is no room"', [0, 1, 2]),
        ('match=r"is full (of|with) old (things|it); remove"', [0, 1, 2, 3]),
        ('match="is full of old"', [1, 2, 3]),
        ('"""is full of old"""', [0, 1, 2, 3]),
    ],
)
def test_only_words_in_a_row_outside_docstrings_count(said: str, missing: list[int], tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(SOURCE)
    (tmp_path / "test_other.py").write_text(said)
    found, _ = messages(tmp_path / "a.py", tmp_path)
    left = unread(found, {"test_other.py": strings(tmp_path / "test_other.py")})
    assert [found.index(message) for message in left] == missing


def test_words_that_messages_share_count_in_the_modules_own_test_only(tmp_path: Path) -> None:
    (tmp_path / "plots").mkdir()
    for module in ("a.py", "plots/b.py"):
        (tmp_path / module).write_text('raise ValueError(f"{x} cannot be read here: {y}")')
    found = [message for name in ("a.py", "plots/b.py") for message in messages(tmp_path / name, tmp_path)[0]]
    said = [frozenset(found[0].runs(2) | found[0].runs(3))]
    assert [message.module for message in unread(found, {"test_a.py": said})] == ["plots/b.py"]
    assert [message.module for message in unread(found, {"test_plots_b.py": said})] == ["a.py"]
    assert [message.module for message in unread(found, {"test_plots.py": said, "test_a_more.py": said})] == []


def test_messages_of_equal_words_need_a_string_each(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        'raise ValueError(f"{x} is {y}; it is odd")\nraise ValueError(f"{a} is {b}; it is odd")'
    )
    found, _ = messages(tmp_path / "a.py", tmp_path)
    for said, missing in (("['x is 3; it is odd']", 2), ("['x is 3; it is odd', 'y is 4; it is odd']", 0)):
        (tmp_path / "test_a.py").write_text(said + "[0]")
        assert len(unread(found, {"test_a.py": strings(tmp_path / "test_a.py")})) == missing
