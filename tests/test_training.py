import math
from dataclasses import replace

import pytest
import torch

from rev2net_lite import losses, training
from rev2net_lite.checkpoints import CheckpointError, save_state
from rev2net_lite.losses import LossConfig
from rev2net_lite.models import SYSTEMS, build_model
from rev2net_lite.training import History, TrainConfig, TrainingError, find_device, fit

QUICK = TrainConfig(epochs=2, batch_size=8)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs 0, batch_size 16, workers 0; expected whole numbers, 1 or more"),
        ({"batch_size": 0}, "batch_size 0"),
        ({"workers": -1}, "workers -1"),
        ({"seed": -1}, "seed is -1; expected 0 or more"),
        ({"learning_rate": 0.0}, "learning_rate 0.0, weight_decay 0.001; expected finite numbers, the first above 0"),
        ({"weight_decay": math.inf}, "weight_decay inf"),
        ({"pan": 0.6}, "pan 0.6, label_share 1.0; expected 0 to 0.5 frame widths, and a share above 0"),
        ({"label_share": 0.0}, "label_share 0.0"),
        ({"precision": "fp16"}, "precision is 'fp16'; expected 'fp32' or 'bf16'"),
    ],
)
def test_config_refuses(changes, message):
    with pytest.raises(TrainingError, match=message):
        TrainConfig(**changes)


def test_history_names_its_columns():
    history = History([{"epoch": 1, "total": 2.0}, {"epoch": 2, "total": 1.0}])
    assert history.curve("total") == [2.0, 1.0]
    with pytest.raises(KeyError, match="no column 'flow' in the history; there are epoch, total"):
        history.curve("flow")


def test_the_device_is_found():
    assert find_device().type == ("cuda" if torch.cuda.is_available() else "cpu")


def trained(world, name="rev2net", config=QUICK, **options):
    model = build_model(name, classes=world.train.classes, seed=0)
    history = fit(model, world.train, config=config, device="cpu", progress=False, **options)
    return model, history


def equal(first, second):
    first, second = first.state_dict(), second.state_dict()
    return all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_system_trains_and_its_loss_falls(name, world):
    model, history = trained(world, name, replace(QUICK, epochs=4))
    totals = history.curve("total")
    assert totals[-1] < totals[0]
    assert not model.training
    assert ("discrepancy" in history.columns) == (name in ("rev2net", "multitask"))


def test_history_has_a_column_per_term_and_validation(world):
    _, history = trained(world, validation=world.validation)
    assert {
        "epoch",
        "seconds",
        "learning_rate",
        "total",
        "classification",
        "flow",
        "frame",
        "discrepancy",
        "validation_accuracy",
        "validation_flow_error_px",
        "validation_zero_flow_error_px",
        "validation_psnr_db",
        "validation_cka_0",
        "validation_cka_1",
    } == set(history.columns)
    assert history.curve("epoch") == [1, 2]


def seen_by_the_loss(world, monkeypatch, name, config):
    """What `loss_terms` is given, step by step: labels, clips, flow."""
    steps = []

    def spy(output, labels, **targets):
        steps.append((labels.clone(), targets["clip"].clone(), targets["flow"].clone()))
        return losses.loss_terms(output, labels, **targets)

    monkeypatch.setattr(training, "loss_terms", spy)
    _, history = trained(world, name, config)
    return steps, history


def test_a_share_of_the_labels_is_the_same_share_of_every_class(world, monkeypatch):
    config = replace(QUICK, epochs=1, label_share=0.5)
    steps, history = seen_by_the_loss(world, monkeypatch, "multitask", config)
    labels = torch.cat([labels for labels, _, _ in steps])
    assert len(steps) == len(world.train) // QUICK.batch_size
    total = torch.bincount(world.train.labels)
    kept = torch.bincount(labels[labels != losses.NO_LABEL], minlength=len(total))
    # A pass drops the odd clips at its end.
    assert (kept <= (total + 1) // 2).all()
    assert kept.sum() >= len(labels) // 2 - QUICK.batch_size
    # The mean is over the steps that had a label to learn from.
    assert history.curve("classification")[0] > 1.0


def test_few_labels_are_seen_again_where_nothing_else_teaches(world, monkeypatch):
    config = replace(QUICK, epochs=1, label_share=0.01)
    steps, history = seen_by_the_loss(world, monkeypatch, "rgb", config)
    assert len(steps) == len(world.train) // QUICK.batch_size
    labels = torch.cat([labels for labels, _, _ in steps])
    assert (labels != losses.NO_LABEL).all()
    clips = torch.cat([clips for _, clips, _ in steps])
    assert len(clips.flatten(1).unique(dim=0)) == len(world.train.classes)
    # The decoders of the others see every clip all the same.
    steps, history = seen_by_the_loss(world, monkeypatch, "multitask", config)
    clips = torch.cat([clips for _, clips, _ in steps])
    assert len(clips.flatten(1).unique(dim=0)) == len(clips)
    without = [bool((labels == losses.NO_LABEL).all()) for labels, _, _ in steps]
    assert any(without)
    assert math.isfinite(history.curve("classification")[0])


def test_a_smaller_share_is_part_of_a_larger_one(world):
    few, more = (
        set(training._labelled(world.train, replace(QUICK, label_share=share)).tolist()) for share in (0.25, 0.6)
    )
    assert few < more
    other = training._labelled(world.train, replace(QUICK, label_share=0.25, seed=1))
    assert few != set(other.tolist())


def test_pans_are_new_at_every_step_and_in_the_flow(world, monkeypatch):
    config = replace(QUICK, epochs=2, pan=0.2)
    still, _ = seen_by_the_loss(world, monkeypatch, "flow_decoder", replace(config, pan=0.0))
    panned, _ = seen_by_the_loss(world, monkeypatch, "flow_decoder", config)
    added = [(a - b).mean((2, 3, 4)) for (_, _, a), (_, _, b) in zip(panned, still, strict=True)]
    assert len(torch.cat(added).unique(dim=0)) == sum(len(step) for step in added)
    # 0.2 of 32 px over seven steps.
    assert torch.cat(added).std().item() == pytest.approx(0.2 * 32 / 7, rel=0.35)
    assert all(not torch.equal(a, b) for (_, a, _), (_, b, _) in zip(panned, still, strict=True))


def test_learned_weights_are_in_the_history(world):
    _, history = trained(world, config=replace(QUICK, losses=LossConfig(weighting="learned")))
    assert history.curve("weight_flow")[-1] != LossConfig().flow_weight
    assert history.curve("weight_discrepancy") == [LossConfig().discrepancy_weight] * 2


def test_the_flow_scale_is_the_training_sets_root_mean_square(world):
    model, _ = trained(world)
    flows = torch.stack([world.train.flow_of(i) for i in range(len(world.train))]).float()
    assert model.flow_scale.item() == pytest.approx(flows.square().mean().sqrt().item(), rel=1e-3)


def test_same_seed_same_bits_other_seed_other_bits(world):
    first, second = trained(world)[0], trained(world)[0]
    assert equal(first, second)
    assert not equal(first, trained(world, config=replace(QUICK, seed=1))[0])


@pytest.mark.parametrize(
    "changes",
    [
        {"learning_rate": 1e-3},
        {"weight_decay": 0.5},
        {"batch_size": 4},
        {"precision": "bf16"},
        {"epochs": 3},
        {"losses": LossConfig(discrepancy_weight=5.0)},
        {"pan": 0.1},
        {"label_share": 0.5},
    ],
)
def test_every_setting_changes_the_result(changes, world):
    assert not equal(trained(world)[0], trained(world, config=replace(QUICK, **changes))[0])


def test_training_leaves_the_global_generator_alone(world):
    state = torch.get_rng_state()
    trained(world)
    assert torch.equal(torch.get_rng_state(), state)


class Stop(Exception):
    pass


@pytest.mark.parametrize("weighting", ["fixed", "learned"])
def test_a_stopped_run_goes_on_bit_equal(weighting, world, tmp_path, monkeypatch):
    config = replace(QUICK, epochs=3, losses=LossConfig(weighting=weighting))
    whole, history = trained(world, config=config, validation=world.validation, folder=tmp_path / "whole")

    def killed_in_epoch_3(*arguments, epoch, **options):
        if epoch == 2:
            raise Stop
        return train_epoch(*arguments, epoch=epoch, **options)

    train_epoch = training._train_epoch
    monkeypatch.setattr(training, "_train_epoch", killed_in_epoch_3)
    with pytest.raises(Stop):
        trained(world, config=config, validation=world.validation, folder=tmp_path / "parts")
    monkeypatch.undo()
    resumed, rest = trained(world, config=config, validation=world.validation, folder=tmp_path / "parts")
    assert equal(whole, resumed)
    without_time = [[{k: v for k, v in row.items() if k != "seconds"} for row in h.rows] for h in (history, rest)]
    assert without_time[0] == without_time[1]


def test_a_finished_run_is_not_run_again(world, tmp_path, monkeypatch):
    model, history = trained(world, folder=tmp_path)
    monkeypatch.setattr(training, "_train_epoch", None)
    again, found = trained(world, folder=tmp_path)
    assert equal(model, again) and found.rows == history.rows


def test_a_state_of_another_run_is_refused(world, tmp_path):
    trained(world, folder=tmp_path)
    with pytest.raises(
        TrainingError, match=r"a training state of another config: learning_rate was 0.003 and is 0.001"
    ):
        trained(world, config=replace(QUICK, learning_rate=1e-3), folder=tmp_path)
    with pytest.raises(TrainingError, match="another model: name was 'rev2net' and is 'rgb'"):
        trained(world, "rgb", folder=tmp_path)
    few = replace(world, train=world.train.subset(range(16), name="train"))
    with pytest.raises(TrainingError, match="another data: clips was"):
        trained(few, folder=tmp_path)


def test_a_state_that_is_not_whole_is_refused(world, tmp_path):
    trained(world, folder=tmp_path)
    from rev2net_lite.checkpoints import load_state

    tensors, data = load_state(tmp_path, "training")
    del data["history"]
    save_state(
        tmp_path, "training", tensors, {k: v for k, v in data.items() if k not in ("schema", "tensors", "sha256")}
    )
    with pytest.raises(CheckpointError, match=r"the training state in .* is not whole: 'history'"):
        trained(world, folder=tmp_path)


def test_held_out_splits_are_refused(world):
    model = build_model("rgb", classes=world.train.classes, seed=0)
    for split in world.tests.values():
        with pytest.raises(TrainingError, match=f"split '{split.name}' is held out for tests and must not be trained"):
            fit(model, split, config=QUICK)
        with pytest.raises(TrainingError, match="held out"):
            fit(model, world.train, config=QUICK, validation=split)


def test_other_classes_are_refused(world):
    with pytest.raises(TrainingError, match=r"split 'train' has the classes .* and the model \['a', 'b'\]"):
        fit(build_model("rgb", classes=["a", "b"], seed=0), world.train, config=QUICK)


def test_a_flow_decoder_without_flow_is_refused(world):
    data = replace(world.train, flow=None)
    with pytest.raises(TrainingError, match="rev2net learns from flow, but split 'train' was loaded without"):
        fit(build_model("rev2net", classes=data.classes, seed=0), data, config=QUICK, progress=False)


def test_a_loss_that_is_not_finite_is_named_and_the_last_state_kept(world, tmp_path, monkeypatch):
    real = training.loss_terms
    calls = []

    def poisoned(*arguments, **options):
        terms = real(*arguments, **options)
        calls.append(1)
        if len(calls) == 8:
            terms["frame"] = terms["frame"] * math.nan
        return terms

    monkeypatch.setattr(training, "loss_terms", poisoned)
    with pytest.raises(TrainingError, match=r"not finite: frame at epoch 2, step 4, in the batch with \w+_\d+.mp4"):
        trained(world, config=replace(QUICK, epochs=3), folder=tmp_path)
    from rev2net_lite.checkpoints import load_state

    assert len(load_state(tmp_path, "training")[1]["history"]) == 1


def test_weights_that_are_not_finite_are_never_saved(world, tmp_path, monkeypatch):
    real = training._train_epoch

    def broken(state, *arguments, epoch, **options):
        row = real(state, *arguments, epoch=epoch, **options)
        if epoch == 1:
            state.model.classifier.linear.bias.data[0] = math.nan
        return row

    monkeypatch.setattr(training, "_train_epoch", broken)
    with pytest.raises(
        TrainingError, match=r"1 of the model's tensors are not finite after epoch 2, classifier.linear"
    ):
        trained(world, "rgb", folder=tmp_path)
    from rev2net_lite.checkpoints import load_state

    assert len(load_state(tmp_path, "training")[1]["history"]) == 1


def test_a_trained_model_is_bit_equal_after_saving_and_loading(world, tmp_path):
    from rev2net_lite.checkpoints import load_checkpoint, save_checkpoint

    model, _ = trained(world)
    again, _ = load_checkpoint(save_checkpoint(tmp_path, model))
    clip = torch.stack([world.street.clip(i) for i in range(8)]).float() / 255
    with torch.no_grad():
        assert torch.equal(model(clip).logits, again(clip).logits)
        assert torch.equal(model(clip).flow, again(clip).flow)


def test_bf16_comes_close_to_fp32(world):
    fp32, bf16 = (trained(world, config=replace(QUICK, precision=p))[1].curve("total") for p in ("fp32", "bf16"))
    assert bf16 == pytest.approx(fp32, rel=0.05)


def test_progress_in_a_notebook_is_one_line_that_is_renewed(world, monkeypatch):
    import IPython.display

    seen = []

    class Line:
        def update(self, data, **_):
            seen.append(data["text/plain"])

    monkeypatch.setattr(training, "_in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", lambda *_, **options: Line() if options["display_id"] else None)
    trained_quietly = build_model("rgb", classes=world.train.classes, seed=0)
    fit(trained_quietly, world.train, config=QUICK, device="cpu")
    assert seen[0].startswith("training: step 1 of 8, about ") and seen[0].endswith(" s left")
    assert seen[-1].startswith("training: 8 of 8 steps in ")
    fit(trained_quietly, world.train, config=QUICK, device="cpu", progress=False)
    assert seen[-1].startswith("training: 8 of 8") and len(seen) == 2


def test_progress_is_quiet_without_a_terminal(world, capfd):
    fit(
        build_model("rgb", classes=world.train.classes, seed=0),
        world.train,
        config=replace(QUICK, epochs=1),
        device="cpu",
    )
    out, err = capfd.readouterr()
    assert out == "" and err == ""
