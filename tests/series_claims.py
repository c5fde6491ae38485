"""What must hold in the records that the notebooks leave, whatever a network happened to learn in seconds.

Accuracy is asserted at the profile laptop only: after two epochs on 48 clips it says nothing.
"""

from __future__ import annotations

import math

from rev2net_lite.runs import Record

__all__ = ["assert_results", "numbers", "repeatable"]


def numbers(record: Record) -> dict[str, float]:
    """Value of each metric by its name."""
    return {metric.name: metric.value for metric in record.metrics}


def repeatable(record: Record) -> dict[str, float]:
    """The same without what a clock measured."""
    clocked = ("training_time/", "clips_per_second/", "input_share/")
    return {name: value for name, value in numbers(record).items() if not name.startswith(clocked)}


def assert_results(record: Record) -> None:
    """Fails unless the record of a notebook holds what holds at every profile and seed."""
    found = numbers(record)
    assert all(math.isfinite(value) for value in found.values())
    for name, value in found.items():
        if name.startswith("bit_equal_") and name != "bit_equal_levels":
            assert value == 1, name
        if name.endswith("/first") and "loss" in name:
            last = found[name.removesuffix("first") + "last"]
            assert last < value, f"{name} is {value} and falls to {last}"
        if name.startswith(("accuracy/", "shuffled/", "reversed/", "frozen/", "adapted/", "dial/")):
            assert 0 <= value <= 1, name
        if name.startswith("cka/"):
            assert 0 <= value <= 1 + 1e-6, name
    check = _OF.get(record.notebook)
    if check is not None:
        check(found)


def _start(found: dict[str, float]) -> None:
    # The bundled model is trained; its numbers do not depend on the profile but for the clips it is tried on.
    assert found["flow_error/studio"] < 0.6 * found["zero_flow_error/studio"]
    assert found["psnr/studio"] > 25
    assert found["accuracy/studio"] > 0.8


def _video(found: dict[str, float]) -> None:
    assert found["backward_motion/counted"] == 0 < found["backward_motion/sorted_by_stamp"]
    assert found["codec_error"] < 6


def _flow(found: dict[str, float]) -> None:
    assert found["epe/studio/object"] < 0.5 * found["zero_flow/studio/object"]
    assert found["epe/street/all_pixels"] < 0.8 * found["zero_flow/street/all_pixels"]
    assert found["warp_right_way"] < 0.5 * found["warp_wrong_sign"]


def _encoder(found: dict[str, float]) -> None:
    assert found["bit_equal_levels"] == 4
    assert found["inflation_difference"] < 1e-4
    assert found["one_batch_accuracy/true_labels"] == found["one_batch_accuracy/random_labels"] == 1


def _flow_decoder(found: dict[str, float]) -> None:
    assert found["decoder_difference"] < 1e-5
    assert found["encoder_gradient/flow"] > 0 == found["encoder_gradient/detached"]


def _discrepancy(found: dict[str, float]) -> None:
    assert found["equals_library/penalty"] == found["equals_library/cka"] == 1
    assert found["toy/discrepancy_last"] < 1e-3 * found["toy/discrepancy_first"]
    assert found["penalty_gradient/teacher flow/flow decoder"] == 0
    assert found["penalty_gradient/teacher frame/frame decoder"] == 0
    assert found["penalty_gradient/teacher none/encoder"] > 0


_OF = {
    "00_start_here": _start,
    "01_video_is_a_tensor": _video,
    "02_optical_flow": _flow,
    "03_encoder": _encoder,
    "05_flow_decoder": _flow_decoder,
    "07_decoding_discrepancy": _discrepancy,
}
