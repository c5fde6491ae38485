"""The command `rev2net`: one function for each subcommand, which returns the exit code.

0: done; 1: a notebook failed or was not graded; 2: the command was used wrongly, said in one sentence.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from rev2net_lite.bundled import asset, build_folder, checkout_folder, notebooks_folder
from rev2net_lite.profiles import PROFILES, get_profile

__all__ = ["main", "select_notebooks"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code of the command that the arguments (those of the shell when None) ask for."""
    parser = argparse.ArgumentParser(prog="rev2net", description="Learn, teach and explore Rev2Net.")
    commands = parser.add_subparsers(metavar="command", required=True)
    work = (_add_run, _add_record_minutes, _add_test, _add_lab, _add_train_example, _add_trials, _add_reproduce)
    for add in (*work, _add_train, _add_dataset, _add_transfer, _add_target, _add_course, _add_grade, _add_bench):
        add(commands)
    options = parser.parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    # A stop by the system, like Ctrl-C, ends the kernels too.
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        return command(options)
    except ValueError as error:
        print(f"rev2net: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("rev2net: stopped", file=sys.stderr)
        return 130
    finally:
        signal.signal(signal.SIGTERM, before)


def select_notebooks(names: Sequence[str]) -> list[Path]:
    """Files of the series that the names stand for, in the order of the series; all of them for no names.

    Args:
        names: each a notebook's full name, with or without the ending, or the number that it starts with.

    Raises:
        ValueError: a name stands for none; the message lists the series.
    """
    series = sorted(notebooks_folder().glob("[0-9][0-9]_*.ipynb"))
    chosen: set[Path] = set()
    for name in names:
        found = [path for path in series if name in (path.name, path.stem, path.stem.split("_")[0])]
        if not found:
            there = ", ".join(path.stem for path in series) or "none yet"
            raise ValueError(f"there is no notebook '{name}' in the series; its notebooks are {there}")
        chosen.update(found)
    return [path for path in series if not names or path in chosen]


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("run", help="execute the notebook series and build its site")
    parser.add_argument("names", nargs="*", metavar="notebook", help="name or number of a notebook (default: all)")
    parser.add_argument("--profile", default="laptop", help=f"size of the experiments: {', '.join(PROFILES)}")
    parser.add_argument("--seed", type=int, default=0, help="seed of every notebook (default: 0)")
    parser.add_argument("--build", type=Path, help="folder for everything that is made (default: build)")
    parser.add_argument("--jobs", type=int, help="notebooks at once (default: two where there are cores for them)")
    parser.set_defaults(command=_run)


def _run(options: argparse.Namespace) -> int:
    if options.jobs is not None and options.jobs < 1:
        raise ValueError(f"--jobs is {options.jobs}; it should be at least 1")
    profile = get_profile(options.profile)
    notebooks = select_notebooks(options.names)
    # Executing needs half of Jupyter, which takes a second to import; wrong usage is told before.
    from rev2net_lite.execution import Outcome, run_series

    def report(outcome: Outcome) -> None:
        took = f"{outcome.seconds / 60:.1f} min"
        if outcome.error is None:
            print(f"{outcome.notebook}: completed in {took}", flush=True)
        else:
            print(f"{outcome.notebook}: failed after {took}: {outcome.error}", flush=True)
            print(f"  its executed copy: {outcome.output}", flush=True)

    build = (options.build or build_folder()).expanduser().absolute()
    print(f"Executing {len(notebooks)} notebook(s) at profile {profile.name}, seed {options.seed}", flush=True)
    outcomes = run_series(notebooks, profile=profile, seed=options.seed, build=build, jobs=options.jobs, report=report)
    print(f"Index page: {build / 'index.html'}")
    return 1 if any(outcome.error for outcome in outcomes) else 0


def _add_record_minutes(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("record-minutes", help="write a run's minutes into headers, README and assets")
    parser.add_argument("folder", nargs="?", type=Path, help="where the run left series.json (default: build/laptop)")
    parser.set_defaults(command=_record_minutes)


def _record_minutes(options: argparse.Namespace) -> int:
    top = checkout_folder()
    if top is None:
        raise ValueError("headers and README are part of a checkout, and this kit was installed from a wheel; clone it")
    from rev2net_lite.files import write_text_atomically
    from rev2net_lite.minutes import SERIES_NAME, read_series, with_minutes

    record = read_series((options.folder or build_folder() / "laptop") / SERIES_NAME)
    for path, text in with_minutes(record, top=top).items():
        if not path.exists() or path.read_text("utf-8") != text:
            write_text_atomically(path, text)
            print(f"Written: {path.relative_to(top)}")
    return 0


def _add_test(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("test", help="lint, types, unit tests and every notebook at the profile smoke")
    parser.add_argument("--long", action="store_true", help="only what takes hours: kills, mutants, full profiles")
    parser.set_defaults(command=_test)


def _test(options: argparse.Namespace) -> int:
    top = checkout_folder()
    if top is None:
        raise ValueError("the tests are part of a checkout, and this kit was installed from a wheel; clone it to test")
    # Two at most: the tests of a shared machine leave its other cores alone.
    workers = str(min(2, os.cpu_count() or 1))
    steps: tuple[tuple[str, ...], ...] = (
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
        ("pytest", "--numprocesses", workers, "-m", "not long"),
    )
    if options.long:
        steps = (("pytest", "--numprocesses", workers, "-m", "long"),)
    failed = []
    for step in steps:
        print(f"$ {' '.join(step)}", flush=True)
        if subprocess.run([sys.executable, "-m", *step], cwd=top, check=False).returncode:
            failed.append(" ".join(step[:2]) if step[0] == "ruff" else step[0])
    for name in failed:
        print(f"rev2net test: {name} failed", file=sys.stderr)
    return 1 if failed else 0


def _add_lab(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("lab", help="open JupyterLab at notebook 00")
    parser.set_defaults(command=_lab)


def _lab(_: argparse.Namespace) -> int:
    folder = notebooks_folder()
    first = select_notebooks(["00"])[0]
    # Without the variable a kernel that the user installed under the same name could run instead.
    environment = os.environ | {"JUPYTER_PREFER_ENV_PATH": "1"}
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}", str(first)]
    return subprocess.run(command, env=environment, check=False).returncode


def _add_train_example(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("train-example", help="make the bundled model and example videos again")
    parser.add_argument("--profile", default="laptop", help=f"one of {', '.join(PROFILES)} (default: laptop)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the training (default: 0)")
    parser.add_argument("--folder", type=Path, help="where to write (default: the kit's assets)")
    parser.add_argument(
        "--videos",
        type=Path,
        nargs="*",
        default=(),
        help="real videos, to count how many look unlike the training clips",
    )
    parser.set_defaults(command=_train_example)


def _train_example(options: argparse.Namespace) -> int:
    # Imported here: torch takes seconds that the other commands do not have to wait for.
    import torch

    from rev2net_lite.experiment import make_examples
    from rev2net_lite.familiarity import measure_familiarity
    from rev2net_lite.training import find_device

    profile = get_profile(options.profile)
    torch.set_num_threads(profile.threads)
    folder = options.folder or asset("")
    print(f"Training a rev2net at the profile {profile.name}; at laptop this takes some minutes", flush=True)
    print(make_examples(folder, profile=profile, seed=options.seed, device=find_device()))
    print(_draw_overview(folder))
    # What was measured with the model before says nothing about this one.
    print(measure_familiarity(folder, videos=options.videos))
    return 0


def _draw_overview(folder: Path) -> Path:
    """The picture of the README: what the model of an assets folder makes of one of its videos."""
    import torch

    from rev2net_lite.checkpoints import load_checkpoint
    from rev2net_lite.plots import reconstruction
    from rev2net_lite.tvl1 import clip_flow
    from rev2net_lite.video import read_clip

    model, record = load_checkpoint(folder / "model")
    size = record["profile"]["size"]
    video = folder / "videos" / "studio" / "videos" / "slide_right_0000.mp4"
    clip = read_clip(video, frames=record["profile"]["frames"], size=(size, size))
    with torch.no_grad():
        seen = model(clip[None].float() / 255)
    flow = clip_flow(clip[None].float() / 255)[0]
    picture = reconstruction(clip, seen.frames[0], flow, seen.flow[0], target_name="TV-L1 flow")
    return picture.save(folder / "overview.png")


def _add_trials(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("trials", help="train a set of loss settings: what notebooks 06 and 07 show")
    parser.add_argument("name", help="weights, discrepancy or search")
    parser.add_argument("--profile", default="laptop", help=f"one of {', '.join(PROFILES)} (default: laptop)")
    parser.add_argument("--seed", type=int, default=1, help="seed of every trial (default: 1)")
    parser.add_argument("--folder", type=Path, help="where to write (default: the kit's assets)")
    parser.add_argument("--processes", type=int, default=2, help="trials at once (default: 2)")
    parser.set_defaults(command=_trials)


def _trials(options: argparse.Namespace) -> int:
    from rev2net_lite.trials import run_trials

    path = run_trials(
        options.name,
        profile=get_profile(options.profile),
        seed=options.seed,
        folder=build_folder() / "trials",
        into=options.folder or asset("") / "trials",
        processes=options.processes,
    )
    print(f"Results: {path}")
    return 0


def _add_train(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("train", help="train one system on a synthetic world, also under torchrun")
    parser.add_argument("system", help="rev2net, rgb, ..., or another entry of the study")
    parser.add_argument("--profile", default="laptop", help=f"one of {', '.join(PROFILES)} (default: laptop)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the training (default: 0)")
    parser.add_argument("--kind", default="sprites", help="of the world; see reproduce (default: sprites)")
    parser.add_argument("--norm", default="batch", choices=("batch", "group"), help="of the model (default: batch)")
    parser.add_argument("--folder", type=Path, help="for checkpoint and training state (default: below build/train)")
    parser.set_defaults(command=_train)


def _train(options: argparse.Namespace) -> int:
    if options.seed < 0:
        raise ValueError(f"--seed is {options.seed}; it should be 0 or more")
    profile = get_profile(options.profile)
    import torch

    from rev2net_lite.entries import read_entry
    from rev2net_lite.experiment import read_kind, train_and_keep

    read_entry(options.system)
    read_kind(options.kind)
    torch.set_num_threads(profile.threads)
    name = f"{options.system}-{profile.name}-seed_{options.seed}"
    kept = train_and_keep(
        options.system,
        folder=(options.folder or build_folder() / "train" / name).expanduser().absolute(),
        profile=profile,
        seed=options.seed,
        kind=options.kind,
        norm=options.norm,
    )
    if kept is not None:
        print(f"Checkpoint: {kept}")
    return 0


def _add_reproduce(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("reproduce", help="run the cross-dataset study and its report")
    parser.add_argument("--profile", default="laptop", help=f"one of {', '.join(PROFILES)} (default: laptop)")
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds (default: 5)")
    parser.add_argument("--first", type=int, default=100, help="first seed (default: 100)")
    parser.add_argument("--test-seed", type=int, default=0, help="of the test clips; 0: those the kit was made with")
    parser.add_argument(
        "--kind", default="sprites", help="world: sprites, figures, or with changes: 'sprites appearance_bias=0.5'"
    )
    parser.add_argument("--systems", default="", help="what is trained, with commas between (default: the profile's)")
    parser.add_argument("--jobs", type=int, default=2, help="runs at once on this machine (default: 2)")
    parser.add_argument(
        "--scheduler", help="of dask: local, or an address (default: local, or plain processes without dask)"
    )
    parser.add_argument("--build", type=Path, help="folder for everything that is made (default: build)")
    parser.add_argument("--publish", action="store_true", help="put the records into the kit's assets and README")
    parser.set_defaults(command=_reproduce)


def _reproduce(options: argparse.Namespace) -> int:
    if not 0 <= options.test_seed <= 31:
        raise ValueError(f"--test-seed is {options.test_seed}; it should be from 0 to 31")
    if options.seeds < 1 or options.jobs < 1 or options.first < 0:
        raise ValueError(
            f"--seeds is {options.seeds}, --jobs {options.jobs} and --first {options.first}; expected 1 or more for "
            "the first two, and 0 or more for the last"
        )
    profile = get_profile(options.profile)
    from rev2net_lite.experiment import read_kind
    from rev2net_lite.study import chosen_systems

    read_kind(options.kind)
    chosen_systems(options.systems, profile=profile)
    top = checkout_folder()
    if options.publish and top is None:
        raise ValueError("--publish writes into a checkout, and this kit was installed from a wheel; clone it")
    from rev2net_lite.cluster import LOCAL, dask_is_there
    from rev2net_lite.execution import run_series
    from rev2net_lite.study import study_records, write_readme
    from rev2net_lite.study_runs import group_folder, publish, run_study

    build = (options.build or build_folder()).expanduser().absolute() / "reproduce"
    seeds = range(options.first, options.first + options.seeds)
    print(f"Running {len(seeds)} seed(s) at profile {profile.name}; finished ones are kept", flush=True)
    results = build / "results.json"
    folder = build / group_folder(profile.name, options.test_seed, options.kind)
    failed = run_study(
        profile,
        seeds=seeds,
        folder=folder,
        jobs=options.jobs,
        systems=options.systems,
        test_seed=options.test_seed,
        kind=options.kind,
        scheduler=options.scheduler or (LOCAL if dask_is_there() else None),
        results=results,
    )
    if options.publish and top is not None:
        publish(folder, into=top / "assets" / "study")
        write_readme(top / "README.md", study_records([top / "assets" / "study"]))
    outcomes = run_series(select_notebooks(["10"]), profile=profile, seed=0, build=build / "report")
    print(f"Findings: {results}")
    print(f"Report: {build / 'report' / 'index.html'}")
    return 1 if failed or any(outcome.error for outcome in outcomes) else 0


_SPLITS: dict[str, Literal[1, 2, 3] | None] = {"1": 1, "2": 2, "3": 3, "none": None}


def _add_dataset(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("dataset", help="say what is in a folder of labelled videos and what is wrong with it")
    parser.add_argument("folder", type=Path, help="one folder of videos per class in it")
    parser.add_argument("--layout", default="folder", help="folder, ucf101 or hmdb51 (default: folder)")
    parser.add_argument("--splits", type=Path, help="folder of the official split files, where they lie elsewhere")
    parser.add_argument("--split", default="1", choices=_SPLITS, help="the official split; none takes all clips")
    parser.add_argument("--shared", action="store_true", help="only the twelve classes that UCF101 and HMDB51 share")
    parser.add_argument("--quick", action="store_true", help="look at names only, decode nothing")
    parser.set_defaults(command=_dataset)


def _dataset(options: argparse.Namespace) -> int:
    from rev2net_lite.dataset_report import folder_report, hmdb51_report, ucf101_report

    read = not options.quick
    if options.layout == "folder":
        if options.splits is not None or options.shared:
            raise ValueError("--splits and --shared go with --layout ucf101 or hmdb51; a plain folder has neither")
        report = folder_report(options.folder, read=read)
    elif options.layout in ("ucf101", "hmdb51"):
        make = ucf101_report if options.layout == "ucf101" else hmdb51_report
        report = make(
            options.folder, splits=options.splits, split=_SPLITS[options.split], shared=options.shared, read=read
        )
    else:
        raise ValueError(f"--layout is {options.layout}; it should be folder, ucf101 or hmdb51")
    print(report)
    return 1 if report.problems else 0


def _add_transfer(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("transfer", help="train on each of two data sets of yours and test on both")
    for place in ("first", "second"):
        parser.add_argument(
            place, help="a folder of videos per class, or ucf101:FOLDER or hmdb51:FOLDER as these are laid out"
        )
    parser.add_argument("--splits", type=Path, nargs="+", default=[], help="folders of official split files elsewhere")
    parser.add_argument("--split", default="1", choices=_SPLITS, help="the official split; none splits by groups")
    parser.add_argument("--accept", default="", help="kinds of problems to go on with, commas between, or all")
    parser.add_argument("--systems", help="commas between (default: rgb, flow_decoder, multitask, rev2net)")
    parser.add_argument("--profile", default="laptop", help=f"one of {', '.join(PROFILES)} (default: laptop)")
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds (default: 3)")
    parser.add_argument("--first-seed", type=int, default=0, help="first seed (default: 0)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of a video that a clip shows (default: 1)")
    parser.add_argument("--parts", type=int, default=3, help="clips of a video, evenly spaced (default: 3)")
    parser.add_argument("--output", type=Path, help="folder for all that is made (default: below build/transfer)")
    parser.set_defaults(command=_transfer)


def _transfer(options: argparse.Namespace) -> int:
    profile = get_profile(options.profile)
    if options.seeds < 1 or options.first_seed < 0:
        raise ValueError(
            f"--seeds is {options.seeds} and --first-seed {options.first_seed}; expected at least 1 and at least 0"
        )
    from rev2net_lite.dataset_report import KINDS
    from rev2net_lite.transfer import DEFAULT_SYSTEMS, DataFolder, TransferConfig, pair_folders, run_transfer

    named = None if options.systems is None else tuple(name.strip() for name in options.systems.split(","))
    config = TransferConfig(
        systems=DEFAULT_SYSTEMS if named is None else named,
        seeds=tuple(range(options.first_seed, options.first_seed + options.seeds)),
        seconds=options.seconds,
        parts=options.parts,
    )
    accept = [kind.strip() for kind in options.accept.split(",") if kind.strip()]
    first, second = DataFolder.parse(options.first), DataFolder.parse(options.second)

    def report(line: str) -> None:
        print(line, flush=True)

    pair = pair_folders(
        first,
        second,
        split=_SPLITS[options.split],
        splits=options.splits,
        accept=list(KINDS) if accept == ["all"] else accept,
        report=report,
    )
    name = f"{pair.first.name}-{pair.second.name}-{profile.name}"
    output = (options.output or build_folder() / "transfer" / name).expanduser().absolute()
    outcome = run_transfer(pair, config=config, profile=profile, output=output, report=report)
    print(f"\n{outcome.table.read_text('utf-8')}\nTable: {outcome.table}")
    for what, why in outcome.failed.items():
        print(f"rev2net: {what} failed: {why}", file=sys.stderr)
    return 1 if outcome.failed else 0


def _add_target(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("target", help="test a trained model on a folder of clips that you filmed")
    parser.add_argument("folder", type=Path, help="one folder of clips per class in it, named as the model's classes")
    parser.add_argument("--model", type=Path, help="folder of a checkpoint (default: the bundled model)")
    parser.add_argument("--profile", help="that the model was trained at, where its checkpoint does not say")
    parser.add_argument("--seconds", type=float, help="test up to 5 parts of a clip of this length, not the whole clip")
    parser.add_argument("--output", type=Path, help="folder for what is made (default: below build/target)")
    parser.set_defaults(command=_target)


def _target(options: argparse.Namespace) -> int:
    from rev2net_lite.own_target import try_target, write_target
    from rev2net_lite.plots import confusion_matrix

    folder = options.folder.expanduser()
    output = (options.output or build_folder() / "target" / folder.resolve().name).expanduser().absolute()
    result = try_target(
        folder,
        cache=output / "cache",
        model=options.model,
        profile=options.profile,
        seconds=options.seconds,
        progress=True,
    )
    print(f"{result.folder}\n\n{result}\n")
    write_target(result, output)
    picture = confusion_matrix(
        result.evaluation.confusion, result.classes, title=f"{result.model} on {result.folder.report.name}"
    )
    print(f"Record, clip by clip list and picture: {picture.save(output / 'confusion.png').parent}")
    return 0


def _add_course(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("course", help="build the assignments' course folder and the students' release")
    parser.add_argument("--folder", type=Path, help="of the course (default: build/course)")
    parser.add_argument("--seconds", type=int, default=10, help="processor time for one answer (default: 10)")
    parser.set_defaults(command=_course)


def _course(options: argparse.Namespace) -> int:
    if options.seconds < 1:
        raise ValueError(f"--seconds is {options.seconds}; an answer needs at least 1 second")
    from rev2net_lite.course.building import build_course
    from rev2net_lite.exercises.isolation import Limits

    folder = options.folder or build_folder() / "course"
    limits = Limits(cpu_s=options.seconds)
    for path in build_course(folder, limits=limits, report=lambda line: print(line, flush=True)):
        print(f"For students: {path}")
    print(f"Keep to yourself: all else in {folder}")
    return 0


def _add_grade(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("grade", help="grade a folder of submissions")
    parser.add_argument("submissions", type=Path, help="folder with a folder or a file per student")
    parser.add_argument("--course", type=Path, help="folder that `rev2net course` made (default: build/course)")
    parser.add_argument("--output", type=Path, help="folder for the results, which is replaced (default: build/grades)")
    parser.set_defaults(command=_grade)


def _grade(options: argparse.Namespace) -> int:
    from rev2net_lite.course.grading import Result, grade_submissions

    def report(result: Result) -> None:
        points = f"{result.total:g} of {result.most:g} points" if result.scores else "not graded"
        pending = f", {result.pending:g} to be given by hand" if result.pending else ""
        print(f"{result.student} {result.assignment}: {points}{pending}".replace(" :", ":"), flush=True)
        for line in result.lines:
            print(f"  {line}", flush=True)

    output = options.output or build_folder() / "grades"
    results = grade_submissions(
        options.submissions, course=options.course or build_folder() / "course", output=output, report=report
    )
    print(f"Grades: {output / 'grades.csv'}")
    print(f"Summary: {output / 'summary.html'}")
    return 0 if all(result.scores for result in results) else 1


def _add_bench(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("bench", help="measure flow, decoding and training beside their peers")
    parser.add_argument("groups", nargs="*", metavar="group", help="flow, decode, training, growth, imports (all)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("--build", type=Path, help="folder that gets bench/results.json (default: build)")
    parser.add_argument("--publish", action="store_true", help="put the record into the kit's assets and README")
    parser.set_defaults(command=_bench)


def _bench(options: argparse.Namespace) -> int:
    import torch

    from rev2net_lite.bench import README_MARKS, Row, readme_section, run_bench, table
    from rev2net_lite.files import with_section, write_text_atomically

    top = checkout_folder()
    if options.publish and (top is None or options.groups):
        raise ValueError("--publish writes a measurement of all groups into a checkout: clone the kit, name no group")
    if options.device not in ("cpu", "cuda"):
        raise ValueError(f"--device is {options.device}; it should be cpu or cuda")
    if options.device == "cuda" and not torch.cuda.is_available():
        raise ValueError("--device is cuda, and torch finds no such device here; leave it out to measure the CPU")

    def report(row: Row) -> None:
        print(f"measured: {row.what}", flush=True)

    file = (options.build or build_folder()) / "bench" / "results.json"
    rows = run_bench(options.groups, device=torch.device(options.device), file=file, report=report)
    print(table(rows), end="")
    print(f"Written: {file}")
    if options.publish and top is not None:
        folder = top / "assets" / "benchmarks"
        folder.mkdir(exist_ok=True)
        write_text_atomically(folder / f"{options.device}.json", file.read_text("utf-8"))
        readme = top / "README.md"
        write_text_atomically(readme, with_section(readme, readme_section(folder), marks=README_MARKS))
    return 0


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
