"""One run of a notebook: its parameters resolved, its numbers collected, its record written and read back.

A notebook says, in the cell after its parameters,

    run = open_run("08_train_end_to_end", {"profile": profile, "seed": seed, "output": output})

then `run.record("street accuracy", 47.4, unit="%", n=320, low=41.3, high=53.5)` and at the end `run.finish()`.
"""

from __future__ import annotations

import hashlib
import html
import importlib.metadata
import json
import math
import os
import platform
import secrets
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from numbers import Real
from pathlib import Path

import torch
from filelock import FileLock
from IPython import get_ipython
from IPython.display import display

from rev2net_lite.bundled import asset, build_folder, checkout_folder
from rev2net_lite.files import hold_folder, write_text_atomically
from rev2net_lite.parameters import assigned_names, check_parameters, declared_literals
from rev2net_lite.profiles import Profile, get_profile

__all__ = [
    "RECORD_MIME",
    "Metric",
    "Record",
    "RecordError",
    "Run",
    "collate",
    "open_run",
    "read_record",
]

RECORD_MIME = "application/vnd.rev2net.result+json"
_RECORD_NAME = "results.json"
_SCHEMA = 1
_INJECTED = "# Parameters"  # first line of the cell that papermill adds

# A record from a stranger is read into memory and shown on a page, so its size is bounded.
_MAX_BYTES = 1_000_000
_MAX_METRICS = 1_000
_MAX_ENTRIES = 200
_MAX_TEXT = 2_000

# The kernel of a killed execution notices within a second or two that its parent is gone, and frees its folder then.
_PATIENCE_S = 5.0

# The versions that can change a number.
_VERSIONED = ("rev2net-lite", "torch", "numpy", "av", "einops", "safetensors")


class RecordError(ValueError):
    """A file is not a run record."""


@dataclass(frozen=True)
class Metric:
    """One measured number.

    Args:
        name: what was measured; unique in its record.
        value: the number.
        unit: for example "%", "px", "dB", "s", or "" for a pure number.
        n: how many things it was measured on.
        low: lower end of its 95 % interval, or None.
        high: upper end, or None.

    Raises:
        ValueError: a number is not finite, n is below 1, or the interval is open or does not hold the value.
    """

    name: str
    value: float
    unit: str
    n: int
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        _check_text("the name of a metric", self.name, least=1)
        _check_text(f"the unit of metric '{self.name}'", self.unit)
        ends = {} if self.low is None and self.high is None else {"low": self.low, "high": self.high}
        for what, number in ({"value": self.value} | ends).items():
            if isinstance(number, bool) or not isinstance(number, Real):
                advice = "; give both ends of an interval or neither" if number is None else ""
                raise ValueError(f"{what} of metric '{self.name}' is {number!r}; it should be a number{advice}")
            if not math.isfinite(number):
                raise ValueError(f"{what} of metric '{self.name}' is {number}; it should be finite")
        if isinstance(self.n, bool) or not isinstance(self.n, int) or self.n < 1:
            raise ValueError(f"n of metric '{self.name}' is {self.n!r}; it should be a whole number of at least 1")
        if self.low is not None and self.high is not None and not self.low <= self.value <= self.high:
            raise ValueError(
                f"metric '{self.name}' is {self.value:g}, outside its own interval {self.low:g} to {self.high:g}"
            )


@dataclass(frozen=True)
class Record:
    """What one executed notebook leaves behind, as `results.json` holds it.

    Args:
        schema: version of this layout.
        notebook: name of the notebook without its ending.
        profile: name of the profile.
        parameters: parameters in effect.
        settings: the numbers that the profile stood for.
        seed: seed of the run.
        device: "cpu" or "cuda" with the name of the card.
        threads: processor threads of torch.
        versions: of Python and of the packages that can change a number.
        source: sha256 over what the numbers come from, beside parameters and versions: the kit's Python files, the
            models and records that travel with it, and the notebook's cells as they ran.
        revision: git revision of the checkout, or None outside of one.
        started: time of the start, UTC, ISO 8601.
        seconds: from the start to the end.
        metrics: what was measured.

    Raises:
        ValueError: a field has another type, is too long, or a metric stands twice.
    """

    schema: int
    notebook: str
    profile: str
    parameters: dict[str, object]
    settings: dict[str, object]
    seed: int
    device: str
    threads: int
    versions: dict[str, str]
    source: str
    revision: str | None
    started: str
    seconds: float
    metrics: tuple[Metric, ...]

    def __post_init__(self) -> None:
        if self.schema != _SCHEMA:
            raise ValueError(f"the record has schema {self.schema!r}; this version reads schema {_SCHEMA}")
        for name, text in {
            "notebook": self.notebook,
            "profile": self.profile,
            "device": self.device,
            "source": self.source,
            "started": self.started,
        }.items():
            _check_text(name, text, least=1)
        if self.revision is not None:
            _check_text("revision", self.revision, least=1)
        for name, number, least in (("seed", self.seed, 0), ("threads", self.threads, 1)):
            if isinstance(number, bool) or not isinstance(number, int) or number < least:
                raise ValueError(f"{name} is {number!r}; it should be a whole number of at least {least}")
        if isinstance(self.seconds, bool) or not isinstance(self.seconds, int | float) or not 0 <= self.seconds < 1e9:
            raise ValueError(f"seconds is {self.seconds!r}; it should be a number from 0 to 1e9")
        for name, entries in (
            ("parameters", self.parameters),
            ("settings", self.settings),
            ("versions", self.versions),
        ):
            if not isinstance(entries, dict) or len(entries) > _MAX_ENTRIES:
                raise ValueError(f"{name} should be an object of at most {_MAX_ENTRIES} entries")
            for key, value in entries.items():
                _check_text(f"a name in {name}", key, least=1)
                _check_plain(f"{name}.{key}", value)
        if len(self.metrics) > _MAX_METRICS:
            raise ValueError(f"the record has {len(self.metrics)} metrics; at most {_MAX_METRICS} are read")
        names = [metric.name for metric in self.metrics]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"metric '{twice[0]}' stands twice")


@dataclass
class Run:
    """A run in progress. Made by `open_run`.

    Args:
        notebook: name of the notebook without its ending.
        profile: the resolved profile.
        seed: seed of the run.
        device: where tensors and models go.
        output: the run's own folder; every file of the run goes below it.
        parameters: parameters in effect.
    """

    notebook: str
    profile: Profile
    seed: int
    device: torch.device
    output: Path
    parameters: dict[str, object]
    _lock: FileLock = field(repr=False)
    _started: datetime = field(repr=False, default_factory=lambda: datetime.now(UTC))
    _clock: float = field(repr=False, default_factory=time.monotonic)
    _kit: str = field(repr=False, default_factory=lambda: _kit_hash())
    _metrics: dict[str, Metric] = field(repr=False, default_factory=dict)
    _open: bool = field(repr=False, default=True)

    def record(
        self, name: str, value: float, *, unit: str, n: int, low: float | None = None, high: float | None = None
    ) -> None:
        """Nothing; the metric is kept for the record. See `Metric` for the arguments.

        Raises:
            ValueError: the metric is not a finite number, stands there already, or the run is closed.
        """
        self._require_open()
        if name in self._metrics:
            raise ValueError(f"metric '{name}' was recorded already as {self._metrics[name].value:g}; use another name")
        ends = [None if end is None else _plain_number(end) for end in (low, high)]
        self._metrics[name] = Metric(name, _plain_number(value), unit, n, *ends)

    def finish(self) -> None:
        """Nothing; `results.json` is written into the run's folder and the same record is displayed.

        Raises:
            ValueError: the run is closed.
        """
        self._require_open()
        record = Record(
            schema=_SCHEMA,
            notebook=self.notebook,
            profile=self.profile.name,
            parameters=self.parameters,
            settings={k: v for k, v in asdict(self.profile).items() if k != "name"},
            seed=self.seed,
            device=_device_name(self.device),
            threads=torch.get_num_threads(),
            versions=_versions(),
            source=_source_hash(self._kit, _cells_that_ran(self.parameters)),
            revision=_git_revision(),
            started=self._started.isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - self._clock, 3),
            metrics=tuple(self._metrics.values()),
        )
        payload = asdict(record) | {"metrics": [asdict(metric) for metric in record.metrics]}
        write_text_atomically(self.output / _RECORD_NAME, json.dumps(payload, indent=1, allow_nan=False) + "\n")
        self.close()
        if get_ipython() is not None:
            display(
                {RECORD_MIME: payload, "text/plain": _plain_table(record), "text/html": _html_table(record)}, raw=True
            )

    def close(self) -> None:
        """Nothing; the run's folder is free for another run. Without `finish` no record is left."""
        self._open = False
        self._lock.release()
        if _RUNS.get(self.output) is self:
            del _RUNS[self.output]

    def __str__(self) -> str:
        """One line for the notebook's reader."""
        line = (
            f"{self.notebook}: profile {self.profile.name}, seed {self.seed}, {_device_name(self.device)}, "
            f"{torch.get_num_threads()} processor thread(s), files in {self.output}"
        )
        if self.profile.precision == "bf16" and self.device.type == "cpu":
            line += "\nThis profile is made for a GPU and none was found: expect hours, or choose the profile laptop."
        return line

    def _require_open(self) -> None:
        if not self._open:
            raise ValueError(f"the run in {self.output} is closed; call open_run again for a new one")


# Runs of this process by folder: a reader who runs the cell a second time replaces the first run.
_RUNS: dict[Path, Run] = {}


def open_run(notebook: str, parameters: Mapping[str, object]) -> Run:
    """The run of a notebook, with its profile, device and folder ready.

    The seed is given to torch's global generator, and torch's threads are set to the profile's number.

    Args:
        notebook: name of the notebook without its ending.
        parameters: every name of the parameters cell with its value in effect; `profile`, `seed` and `output` are
            among them. An empty `output` stands for a fresh folder under `build/runs/` of the checkout, or of the
            current folder when the kit is installed.

    Raises:
        ValueError: the profile is unknown, a value has another type than its default, papermill injected a name that
            is not among `parameters`, or another run is writing to the folder.
    """
    standard = {"profile": "", "seed": 0, "output": ""}
    if missing := [name for name in standard if name not in parameters]:
        raise ValueError(f"open_run of notebook {notebook} got no {', '.join(missing)}; pass every declared parameter")
    injected, declared = _parameters_of_this_kernel(parameters)
    check_parameters(injected, declared, notebook=notebook)
    check_parameters({name: parameters[name] for name in standard}, standard, notebook=notebook)
    for name, value in parameters.items():
        _check_plain(f"parameter '{name}' of notebook {notebook}", value)
    seed = parameters["seed"]
    if not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ValueError(f"parameter 'seed' of notebook {notebook} is {seed}; it should be from 0 to 2**32 - 1")
    profile = get_profile(str(parameters["profile"]))
    output = _output_folder(str(parameters["output"]), notebook)
    if earlier := _RUNS.get(output):
        earlier.close()
    lock = hold_folder(output, wait_s=_PATIENCE_S)
    # Of a run that fails half-way nobody should read the numbers of the run before.
    if (output / _RECORD_NAME).exists():
        (output / _RECORD_NAME).replace(output / "results.previous.json")
    torch.manual_seed(seed)
    torch.set_num_threads(profile.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    run = Run(notebook, profile, seed, device, output, dict(parameters) | {"output": str(output)}, lock)
    _RUNS[output] = run
    return run


def read_record(path: str | os.PathLike[str]) -> Record:
    """The record in a file, which may come from a stranger: it is read as data and checked field by field.

    Raises:
        RecordError: the file cannot be read, is too large, is not JSON, or a field is missing, unknown or wrong.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise RecordError(f"record {path} cannot be read: {error.strerror}") from error
    if len(data) > _MAX_BYTES:
        raise RecordError(f"record {path} is larger than {_MAX_BYTES:,} bytes; it is not a run record")
    try:
        content = json.loads(data, parse_constant=_refuse_constant)
        return _record_from(content)
    except RecursionError as error:
        raise RecordError(f"record {path} is not valid: it is nested too deeply") from error
    except (ValueError, OverflowError) as error:
        raise RecordError(f"record {path} is not valid: {error}") from error


def collate(folder: str | os.PathLike[str]) -> list[dict[str, object]]:
    """One row per metric of every record below a folder, in the order of the files' paths.

    Raises:
        ValueError: the folder is not there, or one of its records is not valid.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder} to collate records from")
    rows: list[dict[str, object]] = []
    for path in sorted(folder.rglob(_RECORD_NAME)):
        record = read_record(path)
        others = {k: v for k, v in record.parameters.items() if k not in ("profile", "seed", "output")}
        for metric in record.metrics:
            rows.append(
                {
                    "notebook": record.notebook,
                    "profile": record.profile,
                    "seed": record.seed,
                    "parameters": others,
                    "device": record.device,
                    "source": record.source,
                    "path": path.relative_to(folder).as_posix(),
                }
                | asdict(metric)
            )
    return rows


def _cells_of_this_kernel() -> list[str]:
    shell = get_ipython()
    return [] if shell is None else list(shell.user_ns.get("In", []))


def _parameters_of_this_kernel(parameters: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """What papermill injected into this kernel, and the defaults of the parameters cell where it can be found.

    papermill leaves the notebook's own cell as it is and puts one that starts with `_INJECTED` behind it.
    """
    defaults: dict[str, object] = {}
    injected: dict[str, object] = {}
    for cell in _cells_of_this_kernel():
        if not defaults and set(parameters) <= set(declared_literals(cell)):
            defaults = declared_literals(cell)
        elif cell.split("\n", 1)[0].rstrip() == _INJECTED:
            literals = declared_literals(cell)
            injected |= {name: literals.get(name, parameters.get(name)) for name in assigned_names(cell)}
    return injected, {name: defaults.get(name, None) for name in parameters}


def _output_folder(output: str, notebook: str) -> Path:
    if output:
        folder = Path(output).expanduser().absolute()
    else:
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        folder = build_folder() / "runs" / f"{notebook}-{stamp}-{secrets.token_hex(3)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"output folder {folder} cannot be made: {error.strerror}; choose another output") from error
    return folder.resolve()


def _record_from(content: object) -> Record:
    if not isinstance(content, dict):
        raise ValueError(f"it holds a {type(content).__name__}; expected an object")
    _check_keys("the record", content, set(Record.__dataclass_fields__))
    metrics = content["metrics"]
    if not isinstance(metrics, list):
        raise ValueError(f"metrics is a {type(metrics).__name__}; expected a list")
    for metric in metrics:
        if not isinstance(metric, dict):
            raise ValueError(f"metrics holds a {type(metric).__name__}; expected objects")
        _check_keys("a metric", metric, set(Metric.__dataclass_fields__))
    return Record(
        schema=content["schema"],
        notebook=content["notebook"],
        profile=content["profile"],
        parameters=content["parameters"],
        settings=content["settings"],
        seed=content["seed"],
        device=content["device"],
        threads=content["threads"],
        versions=content["versions"],
        source=content["source"],
        revision=content["revision"],
        started=content["started"],
        seconds=content["seconds"],
        metrics=tuple(
            Metric(
                name=metric["name"],
                value=metric["value"],
                unit=metric["unit"],
                n=metric["n"],
                low=metric["low"],
                high=metric["high"],
            )
            for metric in metrics
        ),
    )


def _check_keys(what: str, content: Mapping[str, object], wanted: set[str]) -> None:
    if missing := sorted(wanted - set(content)):
        raise ValueError(f"{what} has no {', '.join(missing)}")
    if unknown := sorted(set(content) - wanted):
        raise ValueError(f"{what} has unknown {', '.join(unknown)[:_MAX_TEXT]}")


def _check_text(what: str, text: object, *, least: int = 0) -> None:
    if not isinstance(text, str) or not least <= len(text) <= _MAX_TEXT:
        shown = f"{len(text)} characters long" if isinstance(text, str) else f"a {type(text).__name__}"
        raise ValueError(f"{what} is {shown}; it should be text of {least} to {_MAX_TEXT} characters")


def _check_plain(what: str, value: object) -> None:
    """Refuses what JSON cannot carry unchanged, and lists within lists."""
    for item in value if isinstance(value, list | tuple) else [value]:
        if isinstance(item, str):
            _check_text(what, item)
        elif isinstance(item, float) and not math.isfinite(item):
            raise ValueError(f"{what} is {item}; it should be finite")
        elif item is not None and not isinstance(item, bool | int | float):
            raise ValueError(f"{what} holds a {type(item).__name__}; it should be text, a number, true, false or none")


def _refuse_constant(name: str) -> float:
    raise ValueError(f"it holds {name}, which is not a finite number")


def _plain_number(value: float) -> float:
    """NumPy's numbers as Python's own, so that JSON can carry them; anything else goes on to the check."""
    if isinstance(value, Real) and not isinstance(value, bool | int | float):
        return float(value)
    return value


def _device_name(device: torch.device) -> str:
    return f"cuda: {torch.cuda.get_device_name(device)}" if device.type == "cuda" else device.type


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version(), "system": platform.system()}
    versions |= {name: importlib.metadata.version(name) for name in _VERSIONED}
    # The build (cpu, cu130) is not in every package's metadata.
    return versions | {"torch": torch.__version__}


def _kit_hash() -> str:
    """Of the kit's Python files and assets, as they are when a run begins: what happens to them later is not its."""
    package, assets = Path(__file__).parent, asset("")
    # In an installed wheel the assets lie within the package.
    files = {f"code/{path.relative_to(package).as_posix()}": path for path in package.rglob("*.py")}
    files |= {f"assets/{path.relative_to(assets).as_posix()}": path for path in assets.rglob("*") if path.is_file()}
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + hashlib.sha256(files[name].read_bytes()).digest())
    return digest.hexdigest()


def _source_hash(kit: str, cells: Sequence[str]) -> str:
    digest = hashlib.sha256(kit.encode())
    for cell in cells:
        digest.update(hashlib.sha256(cell.encode()).digest())
    return f"sha256:{digest.hexdigest()}"


def _cells_that_ran(parameters: Mapping[str, object]) -> list[str]:
    """Code cells of this kernel in the order in which they ran; those that only set parameters are recorded as such."""
    return [
        cell
        for cell in _cells_of_this_kernel()
        if cell.split("\n", 1)[0].rstrip() != _INJECTED and not set(parameters) <= set(declared_literals(cell))
    ]


def _git_revision() -> str | None:
    top = checkout_folder()
    if top is None or not (top / ".git").exists():
        return None
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=top, capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None


def _rows_of(record: Record) -> list[tuple[str, str, str, str]]:
    rows = []
    for metric in record.metrics:
        interval = "" if metric.low is None else f"{metric.low:.4g} to {metric.high:.4g}"
        rows.append((metric.name, f"{metric.value:.4g} {metric.unit}".rstrip(), interval, str(metric.n)))
    return rows


def _plain_table(record: Record) -> str:
    rows = [("metric", "value", "95 % interval", "n"), *_rows_of(record)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([_caption(record), *lines])


def _html_table(record: Record) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in ("metric", "value", "95 % interval", "n"))
    body = "".join("<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in row) + "</tr>" for row in _rows_of(record))
    return (
        f"<table><caption>{html.escape(_caption(record))}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _caption(record: Record) -> str:
    return (
        f"{record.notebook}, profile {record.profile}, seed {record.seed}, {record.device}, "
        f"{record.threads} thread(s), {record.seconds:.1f} s"
    )
