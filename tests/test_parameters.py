from __future__ import annotations

import pytest

from rev2net_lite.parameters import assigned_names, check_parameters, declared_literals


def test_assigned_names_of_every_form() -> None:
    assert assigned_names("a = b = 1\nc: int = 2\nd: int\ne.f = 3\nprint(4)") == ["a", "b", "c"]
    assert assigned_names("%matplotlib inline\na = 1") == []


def test_declared_literals_leaves_out_what_is_computed() -> None:
    source = "a = 'x'\nb = -1\nc = [1, 'y']\nd = a + 'z'\ne = {'k': None}\nf = open"
    assert declared_literals(source) == {"a": "x", "b": -1, "c": [1, "y"], "e": {"k": None}}


@pytest.mark.parametrize(
    ("default", "value"),
    [("", "x"), (1, -3), (0.5, 2), (True, False), (None, [1]), ([1], (2, 3)), ({"a": 1}, {})],
)
def test_values_of_the_same_kind_pass(default: object, value: object) -> None:
    check_parameters({"a": value}, {"a": default}, notebook="n")


@pytest.mark.parametrize(
    ("default", "value", "kinds"),
    [
        (1, "1", "type str; it should be of type int"),
        (1, 1.0, "type float; it should be of type int"),
        (1, True, "type bool; it should be of type int"),
        (True, 1, "type int; it should be of type bool"),
        (0.5, float("nan"), "nan of type float; it should be of type float"),
        (0.5, "x", "type str; it should be of type float"),
        ([1], "12", "type str; it should be of type list"),
        ("", None, "type NoneType; it should be of type str like its default ''$"),
        ("", 5, "type int; it should be of type str like its default ''; with papermill, .* passed as -r a 5$"),
    ],
)
def test_values_of_another_kind_are_refused(default: object, value: object, kinds: str) -> None:
    with pytest.raises(ValueError, match=f"^parameter 'a' of notebook n is .*{kinds}"):
        check_parameters({"a": value}, {"a": default}, notebook="n")


def test_an_undeclared_name_lists_those_declared() -> None:
    with pytest.raises(ValueError, match="notebook n has no parameter 'sed'; its parameters are profile, seed"):
        check_parameters({"sed": 3}, {"profile": "", "seed": 0}, notebook="n")
    with pytest.raises(ValueError, match="its parameters are none"):
        check_parameters({"sed": 3}, {}, notebook="n")


def test_what_papermill_adds_itself_passes() -> None:
    check_parameters({"PAPERMILL_OUTPUT_PATH": "out.ipynb"}, {}, notebook="n")
