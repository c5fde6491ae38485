import errno
import json

import pytest
import torch

from rev2net_lite import checkpoints
from rev2net_lite.checkpoints import CheckpointError, load_checkpoint, load_state, save_checkpoint, save_state
from rev2net_lite.files import WriteError, hold_folder
from rev2net_lite.models import SYSTEMS, build_model


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_model_comes_back_bit_equal(name, tmp_path):
    model = build_model(name, classes=["up", "down", "left"], norm="group", dropout=0.1, seed=0)
    model.flow_scale.fill_(1.5)
    save_checkpoint(tmp_path / "model", model, record={"accuracy": 0.5})
    loaded, record = load_checkpoint(tmp_path / "model")
    assert loaded.config == model.config
    assert record == {"accuracy": 0.5}
    assert not loaded.training
    ours, theirs = model.state_dict(), loaded.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def kept(folder):
    """Files of the folder beside its lock."""
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def test_channels_last_weights_can_be_saved(tmp_path):
    model = build_model("rgb", classes=2, seed=0).to(memory_format=torch.channels_last_3d)
    save_checkpoint(tmp_path, model)
    assert torch.equal(load_checkpoint(tmp_path)[0].encoder.levels[0][0].weight, model.encoder.levels[0][0].weight)


def test_a_second_save_replaces_the_first_and_leaves_nothing(tmp_path):
    for seed in (0, 1):
        save_checkpoint(tmp_path, build_model("rgb", classes=2, seed=seed))
    assert len(kept(tmp_path)) == 2
    expected = build_model("rgb", classes=2, seed=1).classifier.linear.weight
    assert torch.equal(load_checkpoint(tmp_path)[0].classifier.linear.weight, expected)


def test_a_save_that_fails_leaves_the_last_good_state(tmp_path, monkeypatch):
    save_state(tmp_path, "training", {"x": torch.zeros(2)}, {"epoch": 1})

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("rev2net_lite.files.os.fsync", full)
    message = r"training-\w+.safetensors cannot be written: No space left on device; what was there before is kept"
    with pytest.raises(WriteError, match=message):
        save_state(tmp_path, "training", {"x": torch.ones(2)}, {"epoch": 2})
    tensors, data = load_state(tmp_path, "training")
    assert data["epoch"] == 1 and tensors["x"].tolist() == [0, 0]
    assert len(kept(tmp_path)) == 2


def test_a_save_killed_before_the_description_leaves_the_last_good_state(tmp_path, monkeypatch):
    save_state(tmp_path, "training", {"x": torch.zeros(2)}, {"epoch": 1})
    monkeypatch.setattr(
        "rev2net_lite.checkpoints.write_atomically",
        lambda path, payload: (
            path.write_bytes(payload) if path.suffix == ".safetensors" else (_ for _ in ()).throw(KeyboardInterrupt)
        ),
    )
    with pytest.raises(KeyboardInterrupt):
        save_state(tmp_path, "training", {"x": torch.ones(2)}, {"epoch": 2})
    tensors, data = load_state(tmp_path, "training")
    assert data["epoch"] == 1 and tensors["x"].tolist() == [0, 0]


def test_who_saves_waits_for_another_and_gives_up(tmp_path, monkeypatch):
    monkeypatch.setattr("rev2net_lite.checkpoints._PATIENCE_S", 0.05)
    lock = hold_folder(tmp_path, lock=".training.lock")
    with pytest.raises(ValueError, match="another run is writing to"):
        save_state(tmp_path, "training", {"x": torch.zeros(2)}, {})
    lock.release()
    save_state(tmp_path, "training", {"x": torch.zeros(2)}, {})


def test_a_save_between_the_two_files_of_a_read_is_seen_whole(tmp_path, monkeypatch):
    save_state(tmp_path, "training", {"x": torch.zeros(2)}, {"epoch": 1})
    real, saved = checkpoints._tensors, []

    def while_another_saves(*arguments):
        if not saved:
            saved.append(1)
            save_state(tmp_path, "training", {"x": torch.ones(2)}, {"epoch": 2})
        return real(*arguments)

    monkeypatch.setattr(checkpoints, "_tensors", while_another_saves)
    tensors, data = load_state(tmp_path, "training")
    assert data["epoch"] == 2 and tensors["x"].tolist() == [1, 1]


def edit(folder, **changes):
    file = folder / "model.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 99}, "has schema 99; this version of the kit reads schema 1"),
        (
            {"tensors": "../other.safetensors"},
            "names the tensor file '../other.safetensors'; expected a .safetensors file in its folder",
        ),
        ({"tensors": None}, "names the tensor file None"),
        ({"tensors": ".."}, "names the tensor file '..'; expected"),
        ({"tensors": "/etc/passwd"}, "names the tensor file '/etc/passwd'; expected"),
        ({"tensors": "model.json"}, "names the tensor file 'model.json'; expected"),
        ({"record": [1]}, "the record in .* is a list; expected an object"),
        (
            {"config": {"name": "rgb", "classes": 10**9}},
            "describes no model .*: its classes are no list of up to 100,000",
        ),
        ({"config": {"name": "rgb", "classes": [1, 2]}}, "its classes are no list of up to 100,000 names"),
        ({"config": {"name": "rgb", "classes": ["a"] * 100_001}}, "its classes are no list of up to 100,000 names"),
        ({"tensors": "gone.safetensors"}, "names gone.safetensors, which is not there"),
        ({"sha256": "0"}, "is damaged: its checksum is not the one in model.json"),
        ({"config": {"name": "rev2net"}}, "describes no model of this kit: 'classes'"),
        (
            {"config": {"name": "x", "classes": ["a", "b"], "size": "tiny", "norm": "batch", "dropout": None}},
            "describes no model of this kit: there is no model 'x'",
        ),
        (
            {"config": {"name": "rgb", "classes": ["a", "b"], "size": "small", "norm": "batch", "dropout": None}},
            r"the weights in .* do not fit the model it describes \(rgb, small\)",
        ),
    ],
)
def test_a_checkpoint_that_is_wrong_is_refused_in_words(changes, message, tmp_path):
    save_checkpoint(tmp_path, build_model("rgb", classes=["a", "b"], seed=0))
    edit(tmp_path, **changes)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(tmp_path)


def test_files_that_are_not_checkpoints_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"there is no checkpoint in .*: it has no model.json"):
        load_checkpoint(tmp_path)
    (tmp_path / "model.json").write_text("{")
    with pytest.raises(CheckpointError, match="is not JSON"):
        load_checkpoint(tmp_path)
    (tmp_path / "model.json").write_text("[1]")
    with pytest.raises(CheckpointError, match="has schema 'list'"):
        load_checkpoint(tmp_path)
    (tmp_path / "model.json").write_text("[" * 100_000)
    with pytest.raises(CheckpointError, match="is nested too deeply"):
        load_checkpoint(tmp_path)
    with (tmp_path / "model.json").open("wb") as file:
        file.truncate(2**36)
    with pytest.raises(CheckpointError, match="has more than 50,000,000 bytes; files of the kit are far smaller"):
        load_checkpoint(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    save_checkpoint(tmp_path / "elsewhere", build_model("rgb", classes=2, seed=0))
    (tmp_path / "model.json").unlink()
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "model.json").symlink_to(tmp_path / "elsewhere" / "model.json")
    with pytest.raises(CheckpointError, match="leads out of the folder through a link"):
        load_checkpoint(tmp_path / "inside")


def test_tensors_that_are_too_many_are_not_read(tmp_path):
    save_checkpoint(tmp_path, build_model("rgb", classes=["a", "b"], seed=0))
    with next(tmp_path.glob("*.safetensors")).open("r+b") as file:
        file.truncate(2**40)
    with pytest.raises(CheckpointError, match=r"has 1,099,511,627,776 bytes; the kit's models have up to a tenth of"):
        load_checkpoint(tmp_path)


def test_a_tensor_file_of_another_kind_is_refused(tmp_path):
    import hashlib

    save_checkpoint(tmp_path, build_model("rgb", classes=["a", "b"], seed=0))
    (tmp_path / "other.safetensors").write_bytes(b"not tensors")
    edit(tmp_path, tensors="other.safetensors", sha256=hashlib.sha256(b"not tensors").hexdigest())
    with pytest.raises(CheckpointError, match="is not a safetensors file"):
        load_checkpoint(tmp_path)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    save_checkpoint(tmp_path / "a", build_model("rgb", classes=["a", "b"], seed=0))
    weights = next((tmp_path / "a").glob("*.safetensors"))
    moved = weights.rename(tmp_path / "elsewhere.safetensors")
    weights.symlink_to(moved)
    with pytest.raises(CheckpointError, match=r"expected a \.safetensors file in its folder"):
        load_checkpoint(tmp_path / "a")


def test_numbers_that_are_not_numbers_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_state(tmp_path, "training", {"x": torch.zeros(1)}, {"loss": float("nan")})
    assert not (tmp_path / "training.json").exists()
