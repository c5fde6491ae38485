import pytest

from rev2net_lite.entries import Entry, read_entry
from rev2net_lite.models import SYSTEMS


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_plain_name_is_the_system_itself(system):
    assert read_entry(system) == Entry(system)


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("flow_exact", Entry("flow", exact=True)),
        ("flow_decoder_exact", Entry("flow_decoder", exact=True)),
        ("rgb_long", Entry("rgb", long=True)),
        ("two_stream+pan", Entry("two_stream", pan=True)),
        ("rev2net@5", Entry("rev2net", label_share=0.05)),
        ("flow_exact+pan@25", Entry("flow", exact=True, pan=True, label_share=0.25)),
    ],
)
def test_parts_of_a_name_say_what_differs(name, entry):
    assert read_entry(name) == entry


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("alexnet", "there is no system 'alexnet'; expected one of rgb,"),
        ("rgb@10+pan", "there is no system 'rgb@10\\+pan'"),
        ("", "there is no system ''"),
        ("rgb_exact", "'rgb_exact': rgb uses no flow, so there is no exact one; leave _exact out"),
        ("frame_decoder_exact", "frame_decoder uses no flow"),
        ("rgb@0", "'rgb@0' uses 0 % of the labels; expected 1 to 100"),
        ("rgb@101", "uses 101 % of the labels"),
    ],
)
def test_other_names_are_refused(name, message):
    with pytest.raises(ValueError, match=message):
        read_entry(name)
