"""Learn, teach and explore Rev2Net: video representations from two reversed streams (Yao et al., ICME 2020).

The modules follow the signal and import one way: `shapes`, `flow`, `tvl1`, `video`, `figures`, `synthetic`, `datasets`,
`networks`, `models`, `losses`, `evaluation`, `checkpoints`, `augmentation`, `distributed`, `training`, `bundled`,
`profiles`, `entries`, `experiment`, `runs`, `execution`, `study`, `cluster`, `study_runs`, `transfer`, `own_target`,
`plots`, `predictions`, `widgets`, `cli`. The names below can be had from the package itself; each module is imported
when the first of its names is used.

>>> import rev2net_lite
>>> rev2net_lite.TVL1Config().warps
3
"""

from importlib import import_module

_HOME = {
    "VideoError": "video",
    "VideoInfo": "video",
    "probe_video": "video",
    "read_clip": "video",
    "write_video": "video",
    "TVL1Config": "tvl1",
    "tvl1_flow": "tvl1",
    "clip_flow": "tvl1",
    "endpoint_error": "flow",
    "photometric_error": "flow",
    "warp": "flow",
    "SyntheticConfig": "synthetic",
    "write_synthetic_dataset": "synthetic",
    "ModelOutput": "models",
    "Rev2Net": "models",
    "build_model": "models",
    "decoding_discrepancy": "losses",
    "linear_cka": "evaluation",
    "History": "training",
    "TrainConfig": "training",
    "fit": "training",
    "load_checkpoint": "checkpoints",
    "save_checkpoint": "checkpoints",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'rev2net_lite' has no attribute {name!r}")
    return getattr(import_module(f"rev2net_lite.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
