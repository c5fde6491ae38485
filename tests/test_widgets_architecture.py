from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from rev2net_lite.models import build_model
from rev2net_lite.networks import SIZES
from rev2net_lite.widgets import ArchitectureState, architecture_explorer, render_architecture


@pytest.mark.parametrize(
    ("decoders", "system"), [("both", "rev2net"), ("flow", "flow_decoder"), ("frame", "frame_decoder"), ("none", "rgb")]
)
@pytest.mark.parametrize("size", SIZES)
def test_the_picture_says_what_the_model_holds_and_costs(size: str, decoders: str, system: str) -> None:
    picture = render_architecture(ArchitectureState(size, decoders, frames=8, height=48, width=32))
    with torch.device("meta"):
        model = build_model(system, classes=8, size=size).eval()
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, 8, 48, 32, device="meta"))
    held, flops = picture.alt.split("Together: ")[1].split(" FLOPs")[0].split(" parameters, ")
    units = {"k": 1e3, "M": 1e6, "G": 1e9}
    found = [float(number) * units[unit] for number, unit in (held.split(), flops.split())]
    count = sum(p.numel() for p in model.parameters())
    assert found == pytest.approx([count, counter.get_total_flops()], rel=0.01)
    words = {"both": "both decoders", "none": "no decoders"}.get(decoders, f"{decoders} decoder")
    assert picture.alt.startswith(f"{size}, {words}, clips of 8 frames of 32 x 48 px. A clip 3 x 8 x 48 x 32 goes")


def test_the_explorer_moves_every_field_and_all_of_it_can_be_drawn() -> None:
    made = architecture_explorer()
    assert made.error == "" and set(made.inputs) == {"size", "decoders", "frames", "height", "width"}
    for field, value in {"size": "base", "decoders": "none", "frames": 32, "height": 224, "width": 16}.items():
        made.inputs[field].value = value
        assert made.error == ""
    assert made.state == ArchitectureState("base", "none", 32, 224, 16)
    assert made.picture is not None and made.picture.alt == render_architecture(made.state).alt
    for field in ("frames", "height", "width"):
        # Every step of the sliders fits every size.
        slider = made.inputs[field]
        strides = [dict(zip(("frames", "height", "width"), c.total_stride, strict=True))[field] for c in SIZES.values()]
        assert all(slider.min % stride == 0 and slider.step % stride == 0 for stride in strides)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": "huge"}, "size is 'huge'; the sizes are tiny, small, base"),
        ({"decoders": "two"}, "decoders is 'two'; choose both, flow, frame, none"),
        ({"height": 0}, "height is 0; it should be at least 1"),
        ({"width": 20}, "its axis 'w' must be a multiple of 8, not 20"),
        ({"size": "base", "frames": 6}, "its axis 't' must be a multiple of 4, not 6"),
    ],
)
def test_a_state_that_cannot_be_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ArchitectureState(**change)  # type: ignore[arg-type]
