"""The names that others rely on, and what importing them costs."""

import inspect
import subprocess
import sys

import pytest

import rev2net_lite


@pytest.mark.parametrize("name", rev2net_lite.__all__)
def test_every_public_name_is_there_and_documented(name):
    thing = getattr(rev2net_lite, name)
    assert thing.__name__ == name
    assert thing.__module__.startswith("rev2net_lite.")
    assert thing.__doc__ and name in dir(rev2net_lite)


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="module 'rev2net_lite' has no attribute 'ddp'"):
        _ = rev2net_lite.ddp


@pytest.mark.parametrize(
    ("name", "keywords"),
    [
        ("read_clip", {"frames": 16, "size": (112, 112), "start_s": 0.0, "duration_s": None, "crop": "center"}),
        ("build_model", {"size": "tiny"}),
        ("clip_flow", {"config": rev2net_lite.TVL1Config()}),
        ("tvl1_flow", {"config": rev2net_lite.TVL1Config()}),
    ],
)
def test_defaults_are_the_contracts(name, keywords):
    parameters = inspect.signature(getattr(rev2net_lite, name)).parameters
    for keyword, default in keywords.items():
        assert parameters[keyword].default == default
        assert parameters[keyword].kind is inspect.Parameter.KEYWORD_ONLY


def test_training_needs_neither_figures_nor_widgets():
    code = (
        "import sys, rev2net_lite, rev2net_lite.experiment, rev2net_lite.runs;"
        "print(*{'matplotlib', 'ipywidgets', 'pandas', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
