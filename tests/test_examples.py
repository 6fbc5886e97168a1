#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the example programs of a build folder: test_examples.py BUILD

Compares two_neuron's CSV with the same net computed here, mnist_cnn's summary with the golden one and its digests for several
numbers of threads and instruction sets, and sees that bad input ends with one line of error and a status.
"""

import csv
import fcntl
import functools
import gzip
import math
import os
import pathlib
import pty
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXAMPLES = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build").resolve() / "examples"
MNIST = ROOT / "examples/data/mnist"
RATES = (0.1, 0.2, 0.5, 0.8, 1.0, 2.0)
COLUMNS = "epoch h1 h2 a_h1 a_h2 o1 o2 a_o1 a_o2 E1 E2 E_total w1 w2 w3 w4 w5 w6 w7 w8".split()
COLUMNS += [f"dE_dw{k}" for k in range(1, 9)]
counts = {True: 0, False: 0}


def check(name, ok, detail=""):
    counts[bool(ok)] += 1
    print(f"{'pass' if ok else 'FAIL'}  {name}" + (f": {detail}" if detail and not ok else ""), flush=True)


def skip(name, why):
    print(f"skip  {name}: {why}", flush=True)


def run(program, *args, **more):
    command = [str(EXAMPLES / program), *map(str, args)]
    stdout = more.pop("stdout", subprocess.PIPE)
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=600, **more)


def check_refused(name, words, program, *args, **more):
    """One line of error that has the words, and an exit status that is not a signal's."""
    result = run(program, *args, **more)
    lines = result.stderr.splitlines()
    ok = result.returncode in (1, 2) and len(lines) == 1 and lines[0].startswith(f"{program}: ")
    ok = ok and "test accuracy" not in (result.stdout or "")
    missing = [word for word in words if word not in result.stderr]
    check(f"{program} refuses {name}", ok and not missing, f"status {result.returncode}, {result.stderr!r}, without {missing}")


# ---- the two-neuron net, in Python's doubles ----

def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def epoch_row(w, i, t):
    h = (w[0] * i[0] + w[1] * i[1], w[2] * i[0] + w[3] * i[1])
    a = tuple(map(sigmoid, h))
    o = (w[4] * a[0] + w[5] * a[1], w[6] * a[0] + w[7] * a[1])
    y = tuple(map(sigmoid, o))
    e = tuple((t[k] - y[k]) ** 2 / 2 for k in (0, 1))
    do = tuple((y[k] - t[k]) * y[k] * (1 - y[k]) for k in (0, 1))
    dh = tuple((do[0] * w[4 + k] + do[1] * w[6 + k]) * a[k] * (1 - a[k]) for k in (0, 1))
    gradient = [dh[k] * i[j] for k in (0, 1) for j in (0, 1)] + [do[k] * a[j] for k in (0, 1) for j in (0, 1)]
    return [*h, *a, *o, *y, *e, sum(e), *w, *gradient], gradient


def train_rows(lr, epochs, w=(0.15, 0.20, 0.25, 0.30, 0.40, 0.45, 0.50, 0.55), i=(0.05, 0.10), t=(0.01, 0.99)):
    rows = []
    for epoch in range(epochs + 1):
        row, gradient = epoch_row(w, i, t)
        rows.append([epoch, *row])
        w = [x - lr * d for x, d in zip(w, gradient)]
    return rows


def read_csv(path):
    with open(path, newline="", encoding="ascii") as file:
        header, *rows = csv.reader(file)
    return header, [[float(x) for x in row] for row in rows]


def worst_of(rows, expected):
    if [len(row) for row in rows] != [len(row) for row in expected]:
        return math.inf
    return max(abs(a - b) for x, y in zip(rows, expected) for a, b in zip(x, y))


def check_rows(name, path, expected, *args, **more):
    result = run("two_neuron", "--csv", path, *args, **more)
    if result.returncode:
        return check(name, False, result.stderr)
    header, rows = read_csv(path)
    worst = worst_of(rows, expected)
    check(f"{name} (worst {worst:.1e})", header == COLUMNS and worst <= 1e-12, f"header {header}, {len(rows)} rows")


def test_two_neuron(folder):
    path = folder / "rows.csv"
    for lr in RATES:
        check_rows(f"two_neuron --lr {lr}, 100 epochs", path, train_rows(lr, 100), "--lr", lr, "--epochs", 100)
    check_rows("two_neuron without options", path, train_rows(0.5, 1))
    german = {**os.environ, "LC_ALL": "de_DE.UTF-8"}
    check_rows("two_neuron in another locale", path, train_rows(0.5, 3), "--epochs=3", env=german)
    w, i, t = (-0.3, 0.7, 1.5, -0.25, 0.5, -0.75, 2, 0.125), (0.6, -1), (0.2, 0.4)
    given = [f"--{name}={','.join(map(str, x))}" for name, x in (("weights", w), ("inputs", i), ("targets", t))]
    check_rows("two_neuron with numbers given", path, train_rows(0.8, 50, w, i, t), "--lr=0.8", "--epochs=50", *given)
    check("two_neuron writes 17 digits", re.search(r",-?0\.[1-9]\d{16},", path.read_text()))


def test_two_neuron_text():
    text = run("two_neuron").stdout
    row = dict(zip(COLUMNS, train_rows(0.5, 0)[0]))
    missing = [name for name in COLUMNS[1:12] if f"{row[name]:.12g}" not in text]
    missing += [name for name in COLUMNS[20:] if f"{name.replace('_', '/')} =" not in text or f"= {row[name]:.12g}\n" not in text]
    check("two_neuron shows every value and derivative", not missing, ", ".join(missing))
    check("two_neuron names the factors of dE/dw5", "dE/dw5 = dE/da_o1 * da_o1/do1 * do1/dw5\n" in text)
    check("two_neuron names the factors of dE/dw1", "+ dE/da_o2 * da_o2/do2 * do2/da_h1)" in text)
    check("two_neuron shows the errors", "E_total before 0.242519857348, after 0.235495377873" in text)
    check("two_neuron --help", "--sweep" in run("two_neuron", "--help").stdout)


def test_sweep(folder):
    path = folder / "sweep.csv"
    result = run("two_neuron", "--sweep", "--epochs", 200, "--csv", path)
    check("two_neuron --sweep", result.returncode == 0 and all(f"  {rate}  " in result.stdout for rate in RATES), result.stderr)
    header, rows = read_csv(path)
    names = [f"{title}_{rate}" for title in ("E_total", "train_loss", "test_loss") for rate in RATES]
    check("the sweep's columns", header == ["epoch", *names] and len(rows) == 201, header)
    curves = [[row[11] for row in train_rows(rate, 200)] for rate in RATES]
    check("the sweep's errors", worst_of([row[1:7] for row in rows], list(zip(*curves))) <= 1e-12)
    check("the sweep's train and test losses", all(0 < x < 100 for row in rows for x in row[7:]) and rows[-1][12] < rows[-1][18])


# ---- pictures ----

def is_picture(path):
    """Whether an SVG is well-formed and draws something, or a PNG has a size and more than an empty sheet."""
    if path.suffix == ".svg":
        root = xml.etree.ElementTree.parse(path).getroot()
        return root.tag.endswith("}svg") and len(list(root.iter())) > 20
    data = path.read_bytes()
    return data[:8] == b"\x89PNG\r\n\x1a\n" and min(struct.unpack(">2I", data[16:24])) > 100 and len(data) > 3000


def check_pictures(name, result, folder, plots, graphs=()):
    """The scripts of all pictures are in the folder, and what they draw, named in what the program printed."""
    scripts = [f"{plot}.gp" for plot in plots] + [f"{graph}.dot" for graph in graphs]
    missing = [script for script in scripts if not (folder / script).exists()]
    check(f"{name}: the scripts", result.returncode == 0 and not missing, (missing, result.stderr))
    for tool, names in (("gnuplot", plots), ("dot", graphs)):
        if not shutil.which(tool):
            skip(f"{name}: pictures", f"there is no {tool}")
            continue
        bad = [f"{picture}.{form}" for picture in names for form in ("svg", "png") if not is_picture(folder / f"{picture}.{form}")]
        bad += [picture for picture in names if f"  {picture} " not in result.stdout]
        check(f"{name}: pictures by {tool}", not bad and f"pictures in {folder}, " in result.stdout, (bad, result.stdout))


def check_nothing_drawn(name, program, folder, tables, *args):
    """Where the programs that draw are not installed, the tables are written, and what to install is said."""
    result = run(program, *args, "--plots", folder, env={**os.environ, "PATH": str(folder)})
    made = [path.name for path in folder.iterdir()]
    ok = result.returncode == 0 and set(tables) <= set(made) and not any(name.endswith((".svg", ".png")) for name in made)
    check(f"{name} without gnuplot", ok and "gnuplot-nox" in result.stdout and not result.stderr, (made, result.stdout, result.stderr))
    tools = folder.with_name(f"{folder.name}, with talkers")
    tools.mkdir()
    for tool in ("gnuplot", "dot"):
        (tools / tool).write_text("#!/bin/sh\necho chatter\necho chatter >&2\n")
        (tools / tool).chmod(0o755)
    result = run(program, *args, "--plots", folder, env={**os.environ, "PATH": str(tools)})
    ok = result.returncode == 0 and f"pictures in {folder}" in result.stdout and "chatter" not in result.stdout + result.stderr
    check(f"{name} draws without a word of others", ok, (result.stdout, result.stderr))


def test_two_neuron_pictures(folder):
    plots, graphs = ["loss_for_different_learning_rates", "train_test_by_learning_rate"], ["two_neuron_before", "two_neuron_after"]
    made = folder / "two pictures"
    check_pictures("two_neuron", run("two_neuron", "--epochs", 50, "--plots", made), made, plots, graphs)
    for name, epoch in (("before", 0), ("after", 50)):
        row = dict(zip(COLUMNS, train_rows(0.5, 50)[epoch]))
        dot = (made / f"two_neuron_{name}.dot").read_text()
        names = {key: key.replace("dE_d", "∂E/∂") for key in COLUMNS[1:]}
        missing = [key for key in names if f"{names[key]} = {row[key]:.6g}<" not in dot]
        check(f"two_neuron draws the net {name} training", not missing, missing)
    check("two_neuron draws six rates", len(read_csv(made / "sweep.csv")[1]) == 51)
    check_nothing_drawn("two_neuron", "two_neuron", folder / "two tables", [f"{name}.gp" for name in plots], "--epochs", 1)


def test_two_neuron_refusals():
    for name, words, args in (
        ("an unknown option", ["'--rate'", "--help"], ["--rate", "1"]),
        ("an option without its value", ["--lr", "needs a value"], ["--lr"]),
        ("lr=nan", ["--lr", "'nan'"], ["--lr", "nan"]),
        ("lr=inf", ["--lr", "'inf'"], ["--lr", "inf"]),
        ("a negative lr", ["--lr", "'-1'"], ["--lr=-1"]),
        ("a malformed number", ["--lr", "'0,5'"], ["--lr", "0,5"]),
        ("no epochs", ["--epochs", "'0'"], ["--epochs", "0"]),
        ("half an epoch", ["--epochs", "'1.5'"], ["--epochs", "1.5"]),
        ("a malformed weight", ["--weights", "'x'"], ["--weights", "1,2,x,4,5,6,7,8"]),
        ("seven weights", ["--weights", "8 numbers"], ["--weights", "1,2,3,4,5,6,7"]),
        ("three inputs", ["--inputs", "2 numbers"], ["--inputs", "1,2,3"]),
        ("an empty target", ["--targets", "''"], ["--targets", "1,"]),
        ("a value for a switch", ["--sweep"], ["--sweep=1"]),
        ("--lr with --sweep", ["--lr", "--sweep"], ["--sweep", "--lr", "1"]),
        ("--csv with --plots", ["--csv", "--plots"], ["--plots", "x", "--csv", "y"]),
        ("pictures in no folder", ["/nonexistent/x"], ["--plots", "/nonexistent/x"]),
        ("pictures in a file", ["/dev/null"], ["--plots", "/dev/null"]),
        ("a CSV in no folder", ["/nonexistent/x.csv"], ["--csv", "/nonexistent/x.csv"]),
        ("a CSV on a full disk", ["/dev/full"], ["--csv", "/dev/full"]),
    ):
        check_refused(name, words, "two_neuron", *args)
    with open("/dev/full", "w", encoding="ascii") as full:
        check_refused("a full standard output", ["standard output"], "two_neuron", stdout=full)


# ---- data files ----

def idx(shape, values):
    return struct.pack(f">{1 + len(shape)}I", 0x800 + len(shape), *shape) + values


def real_part(name, header, count, size):
    with gzip.open(MNIST / f"{name}-ubyte.gz") as file:
        file.read(header)
        return file.read(count * size)


def made_up(count, seed):
    """Noise, with a bright square whose place tells the class."""
    rng = random.Random(seed)
    labels = bytes(rng.randrange(10) for _ in range(count))
    images = bytearray(rng.randrange(64) for _ in range(count * 784))
    for k, label in enumerate(labels):
        for y in range(8):
            at = k * 784 + (10 * (label // 5) + y) * 28 + 5 * (label % 5)
            images[at:at + 5] = bytes([255] * 5)
    return bytes(images), labels


def small_set(name, count, seed):
    if (MNIST / "train-images-idx3-ubyte.gz").exists():
        return real_part(f"{name}-images-idx3", 16, count, 784), real_part(f"{name}-labels-idx1", 8, count, 1)
    return made_up(count, seed)


def write_set(folder, sets, change=None):
    """The four files, of which `change` (a dict of names) replaces some, or leaves them out where it has None."""
    folder.mkdir()
    for name, (images, labels) in sets.items():
        (folder / f"{name}-images-idx3-ubyte").write_bytes(idx((len(labels), 28, 28), images))
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(idx((len(labels),), labels))
    for file, data in (change or {}).items():
        if data is None:
            (folder / file).unlink()
        else:
            (folder / file).write_bytes(data)
    return folder


# ---- mnist_cnn ----

LAST = re.compile(r"(?:test|validation) accuracy \d+\.\d\d % \(best \d+\.\d\d %, epoch \d+\), \d+ epochs in \d+\.\d s")
SHORT = ("--epochs", 2, "--quiet", "--digest")


def digest(data, *args):
    result = run("mnist_cnn", "--data", data, *SHORT, *args)
    found = re.fullmatch(r"digest: ([0-9a-f]{64})\n" + LAST.pattern + "\n", result.stdout)
    return found.group(1) if found else f"status {result.returncode}: {result.stdout}{result.stderr}"


def test_summary():
    golden = (ROOT / "tests/golden/mnist_cnn_summary.txt").read_text()
    result = run("mnist_cnn", "--summary")
    check("mnist_cnn --summary", result.stdout == golden and result.returncode == 0, result.stderr or result.stdout)
    check("mnist_cnn --help", "--no-schedule" in run("mnist_cnn", "--help").stdout)


def test_digests(data):
    first = digest(data, "--threads", 1)
    check("mnist_cnn --digest", re.fullmatch("[0-9a-f]{64}", first), first)
    for threads in (2, 3):
        check(f"the same bits with {threads} threads", digest(data, "--threads", threads) == first)
    flags = pathlib.Path("/proc/cpuinfo").read_text() if os.path.exists("/proc/cpuinfo") else ""
    for isa, flag in (("avx2", "avx2"), ("avx512", "avx512vl")):
        found = digest(data, "--isa", isa)
        if f" {flag}" not in flags or "is not in this build" in found:
            skip(f"the same bits with {isa}", "this machine or build lacks it")
        else:
            check(f"the same bits with {isa}", found == first, found)
    check("another seed, other bits", digest(data, "--seed", 1) not in (first, ""))
    check("another dropout, other bits", digest(data, "--dropout", 0.1) not in (first, ""))


def test_run(folder, data):
    path = folder / "epochs.csv"
    result = run("mnist_cnn", "--data", data, "--epochs", 3, "--step-size", 2, "--csv", path)
    lines = result.stdout.splitlines()
    check("mnist_cnn prints a line an epoch", sum(line.startswith("epoch ") for line in lines) == 3, result.stdout)
    check("mnist_cnn's last line", lines and LAST.fullmatch(lines[-1]) and not result.stderr, result.stdout + result.stderr)
    check("no bar without a terminal", "\r" not in result.stdout + result.stderr)
    header, rows = read_csv(path)
    check("mnist_cnn's columns", ",".join(header) == "epoch,lr,train_loss,train_accuracy,test_loss,test_accuracy,seconds", header)
    rates = [round(row[1], 9) for row in rows]
    check("mnist_cnn's rates", [row[0] for row in rows] == [1, 2, 3] and rates == [0.1, 0.1, 0.01], rows)
    result = run("mnist_cnn", "--data", data, "--epochs", 1, "--batch-size", 100000, "--digest", "--quiet")
    check("a batch larger than the data is all of them", result.stdout[:72] == run(
        "mnist_cnn", "--data", data, "--epochs", 1, "--batch-size", 1000, "--digest", "--quiet").stdout[:72], result.stderr)
    result = run("mnist_cnn", "--data", data, "--epochs", 2, "--step-size", 1, "--no-schedule", "--csv", path)
    check("mnist_cnn --no-schedule", [row[1] for row in read_csv(path)[1]] == [0.1, 0.1], result.stderr)


def tiles_of(path):
    return [[[float(x) for x in row.split(",")] for row in tile.split("\n")] for tile in path.read_text().strip().split("\n\n\n")]


def test_mnist_pictures(folder, sets, data):
    images, labels = sets["t10k"]
    made, saved = folder / "pictures", folder / "seen.safetensors"
    plots = [f"mnist_{name}" for name in ("history", "confusion", "mistakes", "filters", "activations")]
    result = run("mnist_cnn", "--data", data, "--epochs", 2, "--checkpoint", saved, "--plots", made)
    check_pictures("mnist_cnn", result, made, plots)
    right = round(len(labels) * float(re.search(LAST, result.stdout)[0].split()[2]) / 100)
    _, rows = read_csv(made / "mnist_confusion.csv")
    counted = [sum(row[2] for row in rows if row[0] == k) for k in range(10)]
    check("the confusion's rows", counted == [labels.count(k) for k in range(10)] and len(rows) == 100, counted)
    check("the confusion's diagonal", sum(row[2] for row in rows if row[0] == row[1]) == right, right)
    _, mistakes = read_csv(made / "mnist_mistakes.csv")
    cells = sorted((row[0], row[1]) for row in rows if row[0] != row[1] for _ in range(int(row[2])))
    check("the mistakes are those of the confusion", sorted((row[1], row[2]) for row in mistakes) == cells, mistakes)
    check("their labels", all(labels[int(row[0])] == row[1] for row in mistakes))
    sure = [row[3] for row in mistakes]
    check("the surest come first", sure == sorted(sure, reverse=True) and all(0.1 <= x <= 1 for x in sure), sure)
    tiles = tiles_of(made / "mnist_mistakes_pixels.csv")
    shown = [[(x / 255 - 0.1307) / 0.3081 for x in images[784 * int(row[0]):][:784]] for row in mistakes[:60]]
    check("their pixels", worst_of([sum(tile, []) for tile in tiles], shown) < 1e-4)
    sizes = [(len(tile), len(tile[0])) for tile in tiles_of(made / "mnist_activations.csv")]
    blocks = [(28, 28)] * 17 + [(14, 14)] * 28 + [(7, 7)] * 48 + [(3, 3)] * 32
    check("the activations of all blocks", sizes == blocks, sizes)
    scores = [row[1] for row in read_csv(made / "mnist_activations_scores.csv")[1]]
    check("what the net says of the first image", len(scores) == 10 and abs(sum(scores) - 1) < 1e-4, scores)
    check("the filters", len(tiles_of(made / "mnist_filters.csv")) == 8)
    again = folder / "again"
    run("mnist_cnn", "--data", data, "--epochs", 2, "--resume", saved, "--plots", again)
    same = [path.name for path in made.glob("*.csv") if path.read_bytes() != (again / path.name).read_bytes()]
    check("pictures of a run that had ended", not same and len(list(again.glob("*.csv"))) == 7, same)
    easy = write_set(folder / "easy", {name: (set_images, bytes(len(set_labels))) for name, (set_images, set_labels) in sets.items()})
    result = run("mnist_cnn", "--data", easy, "--epochs", 1, "--validation-size", 100, "--plots", again)
    check_pictures("mnist_cnn without a mistake", result, again, plots)
    check("no mistake", read_csv(again / "mnist_mistakes.csv")[1] == [], result.stdout)
    check("images that are held out are called so", "validation_loss" in (again / "mnist_history.csv").read_text() and
          "image_set = 'validation'" in (again / "mnist_mistakes.gp").read_text())
    check_nothing_drawn("mnist_cnn", "mnist_cnn", folder / "tables", [f"{plot}.csv" for plot in plots], "--data", data, "--epochs", 1)


def test_recipes(folder, data):
    path = folder / "rates.csv"
    plain = digest(data)
    check("--recipe plain is what it does by itself", digest(data, "--recipe", "plain") == plain)
    for recipe in ("best", "fast"):
        first = digest(data, "--recipe", recipe, "--threads", 1)
        check(f"--recipe {recipe}", re.fullmatch("[0-9a-f]{64}", first) and first != plain, first)
        check(f"--recipe {recipe}, the same bits with 3 threads", digest(data, "--recipe", recipe, "--threads", 3) == first)
        run("mnist_cnn", "--data", data, "--recipe", recipe, "--epochs", 3, "--lr", 0.2, "--csv", path)
        rates = [row[1] for row in read_csv(path)[1]]
        check(f"--recipe {recipe} takes the rate up to --lr and down to none", 0.2 >= max(rates) > 0.1 and rates[-1] < 0.001, rates)
    for name, words, args in (
        ("an unknown recipe", ["'slow'", "plain"], ["--recipe", "slow"]),
        ("a recipe with another schedule", ["--gamma", "'best'"], ["--recipe", "best", "--gamma", 0.5]),
        ("a recipe without its schedule", ["--no-schedule", "'fast'"], ["--recipe", "fast", "--no-schedule"]),
    ):
        check_refused(name, words, "mnist_cnn", "--data", data, *args)


def test_validation(folder, sets, data):
    """The test images must not be opened."""
    no_test = write_set(folder / "no test", sets, {"t10k-images-idx3-ubyte": None, "t10k-labels-idx1-ubyte": None})
    result = run("mnist_cnn", "--data", no_test, "--epochs", 1, "--validation-size", 200)
    check("--validation-size measures training images held out", "800 images to train, 200 to measure" in result.stdout and
          "validation accuracy" in result.stdout, result.stdout + result.stderr)
    check("which are not trained", digest(data, "--validation-size", 200) not in ("", digest(data)))
    check_refused("all images held out", ["--validation-size", "1000"], "mnist_cnn", "--data", data, "--validation-size", 1000)


def interrupted(*args):
    """mnist_cnn, interrupted when it has shown its first epoch."""
    program = subprocess.Popen([str(EXAMPLES / "mnist_cnn"), *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not program.stdout.readline().startswith("epoch "):
        pass
    program.send_signal(signal.SIGINT)
    _, errors = program.communicate(timeout=600)
    return program.returncode, errors


def test_interrupts(folder, data):
    path = folder / "interrupted run"
    status, errors = interrupted("--data", data, "--epochs", 100000)
    check("Ctrl-C ends mnist_cnn", status == 130 and re.fullmatch(r"mnist_cnn: interrupted; .*--checkpoint.*\n", errors), (status, errors))
    status, errors = interrupted("--data", data, "--epochs", 100000, "--checkpoint", path)
    kept = status == 130 and errors.count("\n") == 1 and str(path) in errors and path.exists()
    check("and keeps its run", kept, (status, errors))
    status, errors = interrupted("--data", data, "--epochs", 100000, "--resume", path)
    check("which goes on", status == 130 and errors.startswith("mnist_cnn: interrupted"), (status, errors))


def test_names(folder, sets, data):
    zipped, dotted = folder / "zipped", folder / "dotted"
    zipped.mkdir()
    dotted.mkdir()
    for path in data.iterdir():
        (zipped / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        (dotted / path.name.replace("-idx", ".idx")).write_bytes(path.read_bytes())
    first = digest(data)
    check("gzipped files, the same bits", digest(zipped) == first, digest(zipped))
    check("files with a point in their names, the same bits", digest(dotted) == first)
    cut = write_set(folder / "cut", sets, {"train-images-idx3-ubyte": None})
    (cut / "train-images-idx3-ubyte.gz").write_bytes((zipped / "train-images-idx3-ubyte.gz").read_bytes()[:-5])
    check_refused("a gzip file that is cut", ["train-images-idx3-ubyte.gz"], "mnist_cnn", "--data", cut)


def needs_terminal(test):
    """Skips a test where the system gives no pseudo-terminal, as in a chroot without /dev/pts."""

    @functools.wraps(test)
    def run_or_skip(*args):
        try:
            for end in pty.openpty():
                os.close(end)
        except OSError as error:
            return skip(test.__name__, f"there is no pseudo-terminal here: {error}")
        return test(*args)

    return run_or_skip


def seen_on_terminal(args, columns, window=None, stdout=subprocess.DEVNULL, **more):
    """The status of a program whose standard error is a terminal, and what it shows there; `window` is its width if COLUMNS is not set."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": str(columns), **more}
    if window:
        del env["COLUMNS"]
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, window, 0, 0))
    process = subprocess.Popen(list(map(str, args)), stdout=stdout, stderr=theirs, env=env)
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 4096):
            seen += chunk
    except OSError:
        pass  # how a pseudo terminal ends
    os.close(ours)
    return process.wait(), seen


def check_progress(name, words, *args):
    """What a program that takes a while shows: a line that fits on terminals of all widths, without colours, and is gone at the end; and
    nothing to who does not look."""
    for columns, window, more in ((90, None, {}), (40, None, {"NO_COLOR": "1"}), (0, 40, {}), (7, None, {})):
        status, seen = seen_on_terminal(args, columns, window, **more)
        lines = re.split(rb"\r|\x1b\[K", seen)
        width = window or columns
        title = f"{name}: progress on a terminal of {width} columns" + ", of its own width" * bool(window)
        told = width < 40 or all(word in seen for word in words)
        plain = set(re.findall(rb"\x1b\[[0-9;]*[A-Za-z]", seen)) == {b"\x1b[K"} and b"\n" not in seen and seen.endswith(b"\r\x1b[K")
        check(title, status == 0 and told and plain and max(map(len, lines)) < width, f"status {status}, {seen[:300]}, {seen[-100:]}")
    status, seen = seen_on_terminal(args, 90, TERM="dumb")
    check(f"{name}: no progress on a terminal that cannot draw it", status == 0 and not seen, seen[:300])
    quiet = subprocess.run(list(map(str, args)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    check(f"{name}: no progress in a pipe", not quiet.returncode and not quiet.stderr and b"\r" not in quiet.stdout, quiet.stderr[:300])


@needs_terminal
def test_terminal(data):
    check_progress("mnist_cnn", (b"epoch ", b"images/s"), EXAMPLES / "mnist_cnn", "--data", data, "--epochs", 6)
    check_progress("two_neuron", (b"training ", b" left"), EXAMPLES / "two_neuron", "--epochs", 100000)
    check_progress("two_neuron --sweep", (b"training ", b" left"), EXAMPLES / "two_neuron", "--sweep", "--epochs", 1000)


def test_minimal(folder, data):
    """The small program makes the training of mnist_cnn, in fewer lines than it may have."""
    zipped, saved = folder / "minimal", folder / "cnn.safetensors"
    zipped.mkdir()
    for path in data.iterdir():
        (zipped / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    lines = (ROOT / "examples/mnist_minimal.c").read_text().splitlines()
    check("mnist_minimal has at most 90 lines, none over 120 columns", len(lines) <= 90 and max(map(len, lines)) <= 120, len(lines))
    result = run("mnist_minimal", zipped, 2, cwd=folder)
    expected = r"(epoch  \d  train loss \d\.\d{4}  test accuracy \d+\.\d\d %\n){2}" \
        r"test accuracy \d+\.\d\d %, saved as mnist\.safetensors\nthe first test image is a \d, predicted as \d\n"
    check("mnist_minimal", result.returncode == 0 and re.fullmatch(expected, result.stdout), result.stdout + result.stderr)
    run("mnist_cnn", "--data", zipped, "--epochs", 2, "--quiet", "--save", saved)
    check("mnist_minimal saves what mnist_cnn saves", (folder / "mnist.safetensors").read_bytes() == saved.read_bytes())
    check_refused("no data", ["/nonexistent/train-images"], "mnist_minimal", "/nonexistent")
    check_refused("a word for a number", ["epochs=two"], "mnist_minimal", zipped, "two", cwd=folder)
    with open("/dev/full", "w", encoding="ascii") as full:
        result = run("mnist_minimal", zipped, 1, cwd=folder, stdout=full)
    check("mnist_minimal says by its status that standard output is full", result.returncode == 1, result.returncode)


def bad_sets(sets):
    images, labels = sets["train"]
    n, image, label = len(labels), "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
    good, good_labels = idx((n, 28, 28), images), idx((n,), labels)
    return {
        "no labels": ({label: None}, [label, "fetch-mnist"]),
        "an empty file": ({image: b""}, [image]),
        "a cut header": ({image: good[:10]}, [image]),
        "cut images": ({image: good[:-1]}, [image]),
        "cut labels": ({label: good_labels[:-1]}, [label]),
        "bytes too many": ({image: good + b"\0"}, [image]),
        "a wrong magic number": ({image: b"\x89PNG" + good[4:]}, [image]),
        "labels where images belong": ({image: good_labels}, [image]),
        "more labels than images": ({label: idx((n + 1,), labels + b"\0")}, [image, label]),
        "a label out of range": ({label: idx((n,), labels[:-1] + b"\x0a")}, ["10"]),
        "no images at all": ({image: idx((0, 28, 28), b""), label: idx((0,), b"")}, [image]),
        "images of size zero": ({image: idx((n, 0, 28), b"")}, [image]),
        "a negative size": ({image: struct.pack(">4I", 0x803, n, 0x80000000, 28) + images}, [image]),
        "a count beyond all memory": ({image: struct.pack(">4I", 0x803, *[0xFFFFFFFF] * 3) + images}, [image]),
        "images that do not fit the net": ({image: idx((n, 28, 27), images[:n * 28 * 27])}, ["28"]),
    }


def test_bad_data(folder, sets):
    check_refused("a folder without files", [str(folder), "fetch-mnist"], "mnist_cnn", "--data", folder)
    check_refused("no folder", ["/nonexistent", "fetch-mnist"], "mnist_cnn", "--data", "/nonexistent")
    for k, (name, (change, words)) in enumerate(bad_sets(sets).items()):
        check_refused(name, words, "mnist_cnn", "--data", write_set(folder / f"bad{k}", sets, change))


def test_mnist_refusals(data):
    for name, words, args in (
        ("an unknown option", ["'--epoch'", "--help"], ["--epoch", "1"]),
        ("a word that is no option", ["'train'", "--help"], ["train"]),
        ("lr=nan", ["--lr", "'nan'"], ["--lr", "nan"]),
        ("a negative lr", ["--lr", "'-0.1'"], ["--lr", "-0.1"]),
        ("a malformed number", ["--momentum", "'0.9x'"], ["--momentum", "0.9x"]),
        ("dropout above 1", ["--dropout", "'1.5'"], ["--dropout", "1.5"]),
        ("a batch of nothing", ["--batch-size", "'0'"], ["--batch-size", "0"]),
        ("a negative batch", ["--batch-size", "'-1'"], ["--batch-size", "-1"]),
        ("a number beyond all", ["--epochs", "'99999999999999999999'"], ["--epochs", "99999999999999999999"]),
        ("no epochs", ["--epochs", "'0'"], ["--epochs", "0"]),
        ("negative threads", ["--threads", "'-1'"], ["--threads", "-1"]),
        ("an unknown instruction set", ["avx3"], ["--isa", "avx3"]),
        ("two words for an instruction set", ["--isa"], ["--isa", "avx2 dtype=f64"]),
        ("a CSV in no folder", ["/nonexistent/x.csv"], ["--csv", "/nonexistent/x.csv"]),
        ("a CSV on a full disk", ["/dev/full"], ["--csv", "/dev/full"]),
        ("a record and a table", ["--csv"], ["--run-dir", "x", "--csv", "y"]),
        ("a record in no folder", ["/nonexistent/x"], ["--run-dir", "/nonexistent/x"]),
        ("pictures in no folder", ["/nonexistent/x"], ["--plots", "/nonexistent/x"]),
        ("pictures in a file", ["/dev/null"], ["--plots", "/dev/null"]),
        ("a learning rate that explodes", ["smaller learning rate"], ["--lr", "1000", "--momentum", "1", "--epochs", "50"]),
    ):
        check_refused(name, words, "mnist_cnn", "--data", data, *args)


def test_others():
    result = run("custom_layer")
    found = re.search(r"worst deviation (\S+),", result.stdout)
    check("custom_layer", result.returncode == 0 and found and float(found.group(1)) <= 1e-8, result.stdout + result.stderr)
    if (EXAMPLES / "embed").exists():
        result = run("embed")
        learnt = re.findall(r"is (\d)", result.stdout) == list("0110")
        check("embed", result.returncode == 0 and learnt, result.stdout + result.stderr)
    else:
        skip("embed", "there is no C++ compiler")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        sets = {"train": small_set("train", 1000, 1), "t10k": small_set("t10k", 200, 2)}
        data = write_set(folder / "data", sets)
        test_two_neuron(folder)
        test_two_neuron_text()
        test_sweep(folder)
        test_two_neuron_pictures(folder)
        test_two_neuron_refusals()
        test_summary()
        test_digests(data)
        test_run(folder, data)
        test_mnist_pictures(folder, sets, data)
        test_recipes(folder, data)
        test_validation(folder, sets, data)
        test_interrupts(folder, data)
        test_names(folder, sets, data)
        test_terminal(data)
        test_minimal(folder, data)
        test_bad_data(folder, sets)
        test_mnist_refusals(data)
        test_others()
    print(f"{counts[True]} passed, {counts[False]} failed")
    return 1 if counts[False] else 0


if __name__ == "__main__":
    sys.exit(main())
