#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the command line tool of a build folder: test_cli.py BUILD

Its commands do what their help says, the net of examples/mnist_cnn.net is trained to the same bits as by the example, a recorded run is
repeated to the same bits, and files that are cut, changed or made up end with one line of error and a status.
"""

import csv
import gzip
import itertools
import json
import math
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib

import test_examples as shared
from test_examples import ROOT, check, skip, small_set, write_set

BUILD = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build").resolve()
TOOL = BUILD / "tools/sixnet/sixnet"
NET = ROOT / "examples/mnist_cnn.net"
COMMANDS = ("train", "eval", "predict", "summary", "graph", "inspect", "list", "bench", "rerun", "info")
AS_MNIST = ("--transform", "normalize mean=0.1307 std=0.3081", "--optimizer", "sgd lr=0.1 momentum=0.9",
            "--schedule", "step_lr step_size=10 gamma=0.1", "--batch-size", 128)
XOR = "input shape=2\nlinear out_features=8\ntanh\nlinear out_features=2\ncross_entropy\n"


def run(*args, **more):
    command = [str(TOOL), *map(str, args)]
    stdout = more.pop("stdout", subprocess.PIPE)
    limit = more.pop("timeout", 600)
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, timeout=limit, encoding="utf-8", errors="replace", **more)


def errors_of(stderr):
    """Standard error without the notes on how files are read."""
    return "".join(line + "\n" for line in stderr.splitlines() if not re.match(r"sixnet \w+: note: ", line))


def output(*args, **more):
    """What a command that must succeed prints."""
    result = run(*args, **more)
    if result.returncode or errors_of(result.stderr):
        check(f"sixnet {' '.join(map(str, args))[:60]}", False, f"status {result.returncode}, {result.stderr!r}")
    return result.stdout


def refusal(result, command, status=(1, 2)):
    """What is wrong with how a command refused; None if nothing is."""
    lines = errors_of(result.stderr).splitlines()
    if result.returncode in status and len(lines) == 1 and lines[0].startswith(f"sixnet {command}: "):
        return None
    return f"status {result.returncode}, {result.stderr!r}"


def check_refused(name, words, command, *args, status=(1, 2), **more):
    result = run(command, *args, **more)
    wrong = refusal(result, command, status)
    missing = [word for word in words if word not in result.stderr]
    check(f"{command} refuses {name}", not wrong and not missing, wrong or f"without {missing}: {result.stderr!r}")


# ---- files ----

def write_csv(path, rows, head=""):
    path.write_text(head + "".join(",".join(map(str, row)) + "\n" for row in rows))
    return path


def npy(descr, shape, values, order="False"):
    head = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    head += b" " * (63 - (10 + len(head)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + values


def write(path, data):
    path.write_bytes(data) if isinstance(data, bytes) else path.write_text(data)
    return path


def make_fixture(folder):
    """A net that has learnt exclusive or, saved, and what it learnt from."""
    net = write(folder / "xor.net", XOR)
    rows = [(a, b, a ^ b) for a in (0, 1) for b in (0, 1)]
    data = write_csv(folder / "xor.csv", rows * 8)
    model = folder / "xor.safetensors"
    learn = ("train", net, "--data", data, "--optimizer", "adam lr=0.05", "--epochs", 60, "--batch-size", 4, "--save", model)
    text = output(*learn, "--digest")
    check("train learns exclusive or", "accuracy 100.00 %" in text.splitlines()[-1] and model.exists(), text)
    return {"net": net, "data": data, "model": model, "learn": learn, "digest": re.search("digest: ([0-9a-f]{64})", text)[1]}


# ---- help ----

def test_help():
    text = output("--help")
    check("the help names every command", all(f"\n  {name} " in text for name in COMMANDS), text)
    for name in COMMANDS:
        text = output(name, "--help")
        longest = max(map(len, text.splitlines()))
        check(f"{name} --help", text.startswith(f"usage: sixnet {name}") and "--help" in text and longest <= 140, text)
    check("--version", re.fullmatch(r"sixnet \d+\.\d+\.\d+\n", output("--version")))
    result = run("trian")
    check("an unknown command suggests the nearest", result.returncode == 2 and "did you mean train?" in result.stderr, result.stderr)
    check("no command", run().returncode == 2)
    for name in ("summary", "graph"):
        check(f"{name} --help tells how a pair is written", "kernel_size=1x9" in output(name, "--help"))
    check("layers tell how a pair is written", re.search(r"kernel_size +pair .*HxW", output("list", "conv2d")))
    for name, words, *args in (
        ("an unknown option", ["'--epoch'", "--epochs"], "train", NET, "--epoch", "1"),
        ("no net", ["NET is missing"], "train", "--epochs", "1"),
        ("no data", ["--data is missing"], "train", NET),
        ("two nets", ["'b'"], "train", "a", "b"),
        ("no files", ["FILE... is missing"], "predict", "model"),
        ("an unknown kind", ["conv2d"], "list", "conv2"),
        ("a kind that is not here", ["there is no 'capsule'; sixnet list lists"], "list", "capsule"),
        ("an unknown family", ["did you mean optimizers?"], "list", "optimisers"),
        ("half an epoch", ["'0.5'"], "train", NET, "--data", "x", "--epochs", "0.5"),
        ("two records at once", ["--csv"], "train", NET, "--data", "x", "--run-dir", "x", "--csv", "y"),
        ("an empty net", ["NET: is empty"], "train", "", "--data", "x"),
        ("empty samples", ["FILE...: is empty"], "predict", "model", ""),
        *((f"an empty {name}", [f"{name}: is empty, expected {value}"], "train", NET, "--data", "x", name, "")
          for name, value in (("--save", "FILE"), ("--checkpoint", "FILE"), ("--resume", "FILE"), ("--run-dir", "DIR"), ("--csv", "FILE"))),
    ):
        check_refused(name, words, *args, status=(2,))


def test_scripts():
    for path in sorted((ROOT / "tools").iterdir()):
        if path.is_dir() or not os.access(path, os.X_OK):
            continue
        result = subprocess.run([path, "--help"], capture_output=True, text=True, timeout=60, check=False)
        ok = result.returncode == 0 and not result.stderr and result.stdout.startswith("usage: ")
        check(f"tools/{path.name} --help", ok, f"status {result.returncode}, {result.stderr!r}, {result.stdout[:80]!r}")
        if path.name == "quickstart":
            continue  # hands its options on
        result = subprocess.run([path, "--no-such-option"], capture_output=True, text=True, timeout=60, check=False)
        check(f"tools/{path.name} refuses an unknown option", result.returncode != 0, result.stdout)


# ---- what looks at nets ----

def test_nets(folder, fixture):
    golden = (ROOT / "tests/golden/mnist_cnn_summary.txt").read_text()
    check("summary", output("summary", NET).startswith(golden))
    found = json.loads(output("summary", NET, "--json"))
    check("summary --json", found["parameters"] == 19944 and found["nodes"][0]["shape"] == [1, 28, 28] and found["training_bytes"] > 1e6)
    text = output("graph", NET)
    rows = re.findall(r"<tr><td[^>]*>(\w+)</td><td[^>]*><b>(\w+)</b>(?: [^<]*)?</td><td[^>]*>(\d*)</td></tr>", text)
    wanted = [(node["name"], node["kind"], str(node["parameters"] or "")) for node in found["nodes"]]
    check("graph: a row for each layer", rows == wanted and ": 19944 parameters<" in text, text)
    shapes, told = re.findall(r"<b>([\dx]+)</b></td>", text), ["x".join(map(str, node["shape"])) for node in found["nodes"]]
    check("graph: a box for each change of shape", shapes == [x for k, x in enumerate(told) if k == 0 or x != told[k - 1]], shapes)
    branches = write(folder / "a <branch> & b.net", "input shape=4\nlinear out_features=4 name=a\nrelu\nadd from=relu1,a\nmse\n")
    text = output("graph", branches)
    edges = sorted(re.findall(r"n(\d) -> n(\d);", text))
    check("graph follows from=", edges == [("0", "2"), ("0", "3"), ("2", "3")], edges)
    shared = write(folder / "shared.net", "input shape=4\nlinear out_features=3 name=a\ntanh\nlinear out_features=4 bias=false\n"
                   "linear out_features=3 name=b share=a\nmse\ntensors match=a.* trainable=false\n")
    text = output("graph", shared)
    check("graph draws who shares tensors", re.findall(r"n(\d) -> n(\d) \[style=dashed", text) == [("1", "4")], text)
    check("graph counts shared tensors once, and frozen ones", ": 27 parameters<" in text, text)
    found = json.loads(output("summary", shared, "--json"))
    check("summary --json counts likewise", found["parameters"] == 27 and "Trainable params: 12\n" in output("summary", shared), found)
    if shutil.which("dot"):
        for net, word in ((shared, "share=a"), (NET, "avgpool2d"), (branches, "a &lt;branch&gt; &amp; b.net")):
            svg = subprocess.run(["dot", "-Tsvg"], input=output("graph", net), capture_output=True, text=True, check=False)
            check(f"Graphviz draws {net.name}", svg.returncode == 0 and not svg.stderr and word in svg.stdout, svg.stderr)
    else:
        skip("Graphviz draws the graph", "there is no Graphviz")
    found = json.loads(output("inspect", fixture["model"], "--json"))
    names = [t["name"] for t in found["tensors"]]
    wanted = ["linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias"]
    check("inspect --json", names == wanted and found["digest"] == fixture["digest"]
          and all(t["min"] <= t["mean"] <= t["max"] and t["std"] >= 0 for t in found["tensors"]), found)
    metadata = found["metadata"]
    check("inspect shows metadata", metadata["sixnet.net"] == found["net"] and metadata["format"] == "pt", metadata)
    check("inspect", "linear2.bias" in output("inspect", fixture["model"]) and "tanh name=tanh1" in output("inspect", fixture["model"]))
    check_refused("a net's text", ["summary"], "inspect", NET)
    check_refused("an empty file", ["empty.net: is empty", "a saved model"], "inspect", write(folder / "empty.net", ""))
    head = '{"__metadata__": {"made by": "x\u009by"}, "0.weight": {"dtype": "I64", "shape": [2, 1], "data_offsets": [0, 16]}, ' \
           '"b\u009b": {"shape": [], "data_offsets": [16, 18], "dtype": "BF16"}}'.encode()
    foreign = write(folder / "foreign.safetensors", struct.pack("<Q", len(head)) + head + bytes(18))
    found, text = json.loads(output("inspect", foreign, "--json")), output("inspect", foreign)
    check("inspect of any safetensors file", found == {"metadata": {"made by": "x\u009by"}, "tensors": [
        {"name": "0.weight", "dtype": "I64", "shape": [2, 1]}, {"name": "b\u009b", "dtype": "BF16", "shape": []}]}, found)
    check("control characters are hidden", "made by: x?y\n" in text and "  b?\n" in text and "\u009b" not in text, text)
    types = {"a": ("F4", [2, 3], 3), "b": ("F6_E2M3", [4], 3), "c": ("F8_E4M3FNUZ", [2], 2), "d": ("F8_E5M2FNUZ", [1], 1),
             "e": ("XYZ", [5, 7], 4), "f": ('"shape" \n\u001b\u00e9', [2, 1], 1), "\\": ("__metadata__", [], 0)}
    offsets = [0, *itertools.accumulate(size for _, _, size in types.values())]
    head = json.dumps({name: {"dtype": dtype, "data_offsets": offsets[i:i + 2], "shape": shape}
                       for i, (name, (dtype, shape, _)) in enumerate(types.items())}).replace('"dtype"', '"\\u0064type"').encode()
    odd = write(folder / "odd.safetensors", struct.pack("<Q", len(head)) + head + bytes(offsets[-1]))
    found, text = json.loads(output("inspect", odd, "--json")), output("inspect", odd)
    check("inspect of types that the library does not know", found == {"metadata": {}, "tensors": [
        {"name": name, "dtype": dtype, "shape": shape} for name, (dtype, shape, _) in types.items()]}, found)
    check("inspect names them in a table", "XYZ          5x7                     35  e\n" in text
          and "F8_E4M3FNUZ  2 " in text and "\x1b" not in text, text)
    check_refused("a type not known and bytes beyond the end", ["odd.safetensors", "'f' data_offsets", "cut"], "inspect",
                  write(odd, odd.read_bytes()[:-1]))
    check_refused("a safetensors file that is cut", ["foreign.safetensors", "cut"], "inspect",
                  write(foreign, foreign.read_bytes()[:-1]))
    check_refused("a net that is wrong", ["wrong.net", "line 2", "conv2d"], "summary",
                  write(folder / "wrong.net", "input shape=1x8x8\nconv2 out_channels=4\n"))
    for pair in ("1,9", "(1,9)", "1*9", "[1x9]"):
        check_refused(f"a pair that is written {pair}", ["wrong.net", "line 2", "1x9"], "summary",
                      write(folder / "wrong.net", f"input shape=1x8x9\nconv2d out_channels=4 kernel_size={pair}\n"))
    check_refused("a net that is not there", ["/nonexistent"], "summary", "/nonexistent/x.net")
    check_refused("a folder", ["folder"], "summary", folder)


def test_layers_and_info():
    found = json.loads(output("list", "--json"))
    conv = next(kind for kind in found if kind["name"] == "conv2d")
    attributes = [a["name"] for a in conv["attributes"]]
    check("layers --json", {kind["family"] for kind in found} >= {"layer", "loss", "optimizer", "schedule", "transform", "options"}
          and "kernel_size" in attributes, attributes)
    text = output("list", "conv2d")
    check("layers conv2d", all(f"\n  {name} " in text for name in attributes), text)
    for family in ("layer", "loss", "optimizer", "schedule", "transform", "options"):
        names = [kind["name"] for kind in found if kind["family"] == family]
        title = {"loss": "losses", "options": "options"}.get(family, family + "s")
        text = output("list", title)
        listed = re.findall(r"^  (\w+) ", text, re.M)
        check(f"layers {title}", listed == names and text.startswith(title) and text == output("list", family), text)
        check(f"layers {title} --json", [kind["name"] for kind in json.loads(output("list", title, "--json"))] == names)
    text = output("list")
    check("layers", all(f"\n  {kind['name']} " in text for kind in found), text)
    info = json.loads(output("info", "--json"))
    check("info", info["instruction_set"] in output("info") and info["instruction_sets"][0] == "baseline" and info["processors"] >= 1, info)


def test_bench(folder):
    net = write(folder / "words.net", "input shape=3\nembedding num_embeddings=10 embedding_dim=4\nflatten\nlinear out_features=2\n")
    nets = (("a net with a loss", folder / "xor.net", ["train", "predict", "predict"]), ("a table", net, ["predict"] * 2))
    for name, path, works in nets:
        found = json.loads(output("bench", path, "--seconds", 0.02, "--batch-size", 16, "--json"))
        results = found["results"]
        check(f"bench of {name}", [r["work"] for r in results] == works and all(r["samples_per_second"] > 0 for r in results), found)


# ---- predictions ----

def rows_of(text):
    return [[float(x) for x in row] for row in list(csv.reader(text.splitlines()))[1:]]


# Which labels a loss makes of outputs: a header, the JSON key, and how many scores each label has.
LABELS = (
    ("out_features=1\nbce_with_logits", "class,probability", "class", 1, 1),
    ("out_features=3\nbce_with_logits", "class0,probability0,class1,probability1,class2,probability2", "classes", 3, 1),
    ("out_features=4\nreshape shape=2x2\ncross_entropy", "class0,probability0,class1,probability1", "classes", 2, 2),
)


def labels_of(outputs, labels, scores):
    found = []
    for k in range(labels):
        own = outputs[k::labels] if scores > 1 else [0, outputs[k]]
        largest = max(own)
        found.append((own.index(largest), 1 / sum(math.exp(score - largest) for score in own)))
    return found


def check_labels(folder, ask, points):
    for k, (end, header, key, labels, scores) in enumerate(LABELS):
        net, model = write(folder / f"labels{k}.net", f"input shape=2\nlinear {end}\n"), folder / f"labels{k}.safetensors"
        data = write_csv(folder / f"labels{k}.csv", [(*p, *([k % 2] * labels)) for k, p in enumerate(points)])
        told = output("train", net, "--data", data, "--epochs", 1, "--save", model)
        check(f"labels {k} have an accuracy", "accuracy" in told, told)
        outputs, text = rows_of(output("predict", model, ask)), output("predict", model, ask, "--classify")
        expected = [labels_of(row, labels, scores) for row in outputs]
        rows = [list(zip(row[::2], row[1::2])) for row in rows_of(text)]
        same = all(f[0] == e[0] and abs(f[1] - e[1]) < 1e-5 for row, want in zip(rows, expected) for f, e in zip(row, want))
        check(f"labels {k} in CSV", text.startswith(header + "\n") and [len(r) for r in rows] == [labels] * 4 and same, text)
        found = [row[key] for row in json.loads(output("predict", model, ask, "--classify", "--json"))]
        check(f"labels {k} in JSON", found == [[f[0] for f in e] if labels > 1 else e[0][0] for e in expected], found)


def test_predict(folder, fixture):
    points = [(0, 0), (0, 1), (1, 0), (1, 1)]
    ask = write_csv(folder / "ask.csv", points, "a,b\n")
    text = output("predict", fixture["model"], ask)
    plain = rows_of(text)
    check("predict", text.startswith("output0,output1\n") and [row[1] > row[0] for row in plain] == [False, True, True, False], text)
    classes = rows_of(output("predict", fixture["model"], ask, "--classify"))
    check("predict --classify", [row[0] for row in classes] == [0, 1, 1, 0] and all(0.5 < row[1] <= 1 for row in classes), classes)
    found = json.loads(output("predict", fixture["model"], ask, fixture["data"], "--json"))
    check("predict --json", len(found) == 4 + 32 and [r["outputs"] for r in found[:4]] == plain and found[3]["sample"] == 3, found[:2])
    check("predict reads standard input", output("predict", fixture["model"], "-", input=ask.read_text()) == text)
    check_labels(folder, ask, points)
    same = (
        ("semicolons, quotation marks, comments", '# np.savetxt\n"a";"b"\r\n"0";0\r\n0; 1\r\n\r\n1;0\r\n1;1'),
        ("a mark before UTF-8, tabs, signs", "\ufeffa\tb\n+0\t-0.0\n0e5\t1e0\n1.\t.0\n100e-2\t1"),
        ("float32", npy("<f4", (4, 2), struct.pack("<8f", *sum(points, ())))),
        ("float32 in the other order", npy(">f4", (4, 2), struct.pack(">8f", *sum(points, ())))),
        ("lines that end with CR", "a,b\r0,0\r0,1\r1,0\r1,1\r"),
        ("a pandas index", ",a,b\nx,0,0\ny,0,1\n,1,0\n1e999,1,1\n"),
        ("names like those of pandas and R", '"Unnamed: 0","1stFlr","Na"\n"1",0,0\n"2",0,1\n"3",1,0\n"4",1,1\n'),
        ("a name of several lines", '"a\n1,2",b\n0,0\n0,1\n1,0\n1,1\n'),
        ("numbers of many digits", f"{'0' * 500},0.{'0' * 400}e5\n0,1.{'0' * 400}\n1,0\n1000{'0' * 300}e-303,1\n"),
        ("columns in Fortran's order", npy("<f4", (4, 1, 2), struct.pack("<8f", 0, 0, 1, 1, 0, 1, 0, 1), "True")),
        ("big-endian columns in Fortran's order", npy(">i2", (4, 2), struct.pack(">8h", 0, 0, 1, 1, 0, 1, 0, 1), "True")),
        ("bool", npy("|b1", (4, 2), bytes(sum(points, ())))),
        ("float16", npy("<f2", (4, 2), struct.pack("<8e", *sum(points, ())))),
        ("int8", npy("|i1", (4, 2), bytes(sum(points, ())))),
        ("uint16", npy("<u2", (4, 2), struct.pack("<8H", *sum(points, ())))),
        ("uint32", npy(">u4", (4, 2), struct.pack(">8I", *sum(points, ())))),
        ("a header as Python 2 wrote it", npy("<i4", "(4L, 2L)", struct.pack("<8i", *sum(points, ())))),
        ("float64", npy("<f8", (4, 2), struct.pack("<8d", *sum(points, ())))),
        ("int64", npy("<i8", (4, 1, 2), struct.pack("<8q", *sum(points, ())))),
        ("bytes", npy("|u1", (4, 2), bytes(255 * x for x in sum(points, ())))),
        ("version 2", npy("<f4", (4, 2), b"").replace(b"\x01\x00", b"\x02\x00", 1).replace(b"\x00{", b"\x00\x00\x00{", 1)
         + struct.pack("<8f", *sum(points, ()))),
    )
    for name, data in same:
        got = output("predict", fixture["model"], write(folder / "same.dat", data))
        check(f"predict of {name}", got == text, got)
    net = write(folder / "identity.net", "input shape=1\nlinear out_features=1 bias=false\nmse\n")
    head = b'{"linear1.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}}'
    one = write(folder / "one.safetensors", struct.pack("<Q", len(head)) + head + struct.pack("<f", 1))
    for dtype in ("f32", "f64"):
        for name, times in (("CSV", "1600000000\n1600000010\n1600000020.5\n"),
                            ("NPY", npy("<i8", (3,), struct.pack("<3q", *range(1600000000, 1600000030, 10))))):
            got = output("predict", net, write(folder / "times.dat", times), "--weights", one, "--dtype", dtype,
                          "--transform", "normalize mean=1600000010 std=10")
            wanted = [[-1], [0], [1.05 if name == "CSV" else 1]]
            check(f"normalize of times from {name}, {dtype}", all(abs(a[0] - b[0]) < 1e-6 for a, b in zip(rows_of(got), wanted)), got)
    got = output("predict", net, write(folder / "near.csv", "0.1\n48.850001\n"), "--weights", one, "--dtype", "f64")
    check("predict --dtype f64 keeps the digits of a CSV", rows_of(got) == [[0.1], [48.850001]], got)
    twice = write_csv(folder / "twice.csv", [(2 * a, 2 * b) for a, b in points])
    check("--scale", output("predict", fixture["model"], twice, "--scale", 0.5) == text)
    wide = rows_of(output("predict", fixture["model"], ask, "--dtype", "f64"))
    check("predict in f64", all(abs(a - b) < 1e-4 for x, y in zip(wide, plain) for a, b in zip(x, y)) and wide != plain)


def test_numbers(folder):
    """Every value of a file is the number that it stands for: a net that gives its input back, in f64."""
    net = write(folder / "same.net", "input shape=2\nlinear out_features=2\n")
    weights = folder / "same.safetensors"
    header = json.dumps({"linear1.weight": {"dtype": "F64", "shape": [2, 2], "data_offsets": [0, 32]},
                         "linear1.bias": {"dtype": "F64", "shape": [2], "data_offsets": [32, 48]}}).encode()
    header += b" " * (-len(header) % 8)
    write(weights, struct.pack("<Q", len(header)) + header + struct.pack("<6d", 1, 0, 0, 1, 0, 0))

    def values(data, *more):
        return rows_of(output("predict", net, "--weights", weights, "--dtype", "f64", write(folder / "values.dat", data), *more))

    long = "4.09" + "8" * 70 + "e-11"
    halves = (0x3C00, 0xC000, 0x0001, 0x8400, 0x7BFF, 0x3555)
    same = (
        ("70 digits", f"{long},2\n", [float(long), 2]),
        ("a large number", "1e38,-1e-38\n", [1e38, -1e-38]),
        ("int8", npy("|i1", (1, 2), struct.pack("<2b", -128, 127)), [-128, 127]),
        ("int16", npy("<i2", (1, 2), struct.pack("<2h", -32768, 32767)), [-32768, 32767]),
        ("uint16", npy(">u2", (1, 2), struct.pack(">2H", 65535, 258)), [65535, 258]),
        ("uint32", npy("<u4", (1, 2), struct.pack("<2I", 0xFFFFFF00, 7)), [0xFFFFFF00, 7]),
        ("an order of columns", npy("<f8", (3, 2), struct.pack("<6d", 1, 2, 3, 4, 5, 6), "True"), [1, 4, 2, 5, 3, 6]),
        ("float16", npy("<f2", (3, 2), struct.pack("<6H", *halves)), struct.unpack("<6e", struct.pack("<6H", *halves))),
        ("a missing number as the mean", "1,2\n,4\n5,NaN\n", [1, 2, 3, 4, 5, 3], "--missing", "mean"),
        ("a missing number as 0", "1,2\nNA,4\n5,null\n", [1, 2, 0, 4, 5, 0], "--missing", "zero"),
        ("a row that is dropped", "a,b\n1,2\nN/A,4\n5,6\n", [1, 2, 5, 6], "--missing", "drop"),
        ("a NaN of an array", npy("<f4", (2, 2), struct.pack("<4f", float("nan"), 2, 3, 4)), [3, 2, 3, 4], "--missing", "mean"),
        ("a first row that the user calls a header", "1,2\n3,4\n", [3, 4], "--header", "yes"),
        ("a header with a column without a name", "a,\n3,4\n", [3, 4], "--header", "yes"),
        ("a comment", "#1,2\n3,4\n", [3, 4]),
    )
    for name, data, wanted, *more in same:
        got = sum(values(data, *more), [])
        # a dataset holds samples as f32
        check(f"values of {name}", struct.pack(f"<{len(got)}f", *got) == struct.pack(f"<{len(wanted)}f", *wanted), (got, wanted))


def test_notes(folder, fixture):
    """How a CSV is read is told on standard error, unless --quiet."""
    table = "".join(f"{a},{b},{a ^ b}\n" for a in (0, 1) for b in (0, 1))
    learn = ("train", fixture["net"], "--epochs", 1, "--data")
    for name, data, wanted, *more in (
        ("no header", table, ["notes.csv: no header; column 3 is the target"]),
        ("a header", "x,y,class\n" + table, ["notes.csv: line 1 is the header; column 3 ('class') is the target"]),
        ("a header below a comment", "# a,b,c\n\nx,y,class\n" + table,
         ["notes.csv: line 3 is the header; column 3 ('class') is the target"]),
        ("targets first", "class,x,y\n" + "0,1,1\n1,0,1\n",
         ["notes.csv: line 1 is the header; column 1 ('class') is the target"], "--targets-first"),
        ("an index", ",x,y,class\n0,1,1,0\n1,0,1,1\n",
         ["notes.csv: line 1 is the header; column 1 is an index and is ignored; column 4 ('class') is the target"]),
        ("rows that are dropped", table + "1,NA,0\n1,1,\n", ["notes.csv: no header; column 3 is the target",
                                                              "notes.csv: 2 rows with missing values are dropped"], "--missing", "drop"),
        ("values that are filled", table + "1,NA,0\n", ["notes.csv: no header; column 3 is the target",
                                                        "notes.csv: 1 missing values become 0"], "--missing", "zero"),
    ):
        result = run(*learn, write(folder / "notes.csv", data), *more)
        notes = [line.removeprefix("sixnet train: note: ").replace(f"{folder}/", "") for line in result.stderr.splitlines()]
        check(f"a note of {name}", result.returncode == 0 and notes == wanted, result.stderr)
        result = run(*learn, folder / "notes.csv", *more, "--quiet")
        check(f"no note of {name} with --quiet", result.returncode == 0 and not result.stderr, result.stderr)
    names = write(folder / "names.csv", "y,x,class\n1,1,0\n")
    result = run(*learn, write(folder / "notes.csv", "x,y,class\n" + table), "--test-data", names, "--quiet")
    check("names in another order are noticed", "column 1 is 'y', but 'x' in the training samples" in result.stderr, result.stderr)
    holes, filled = write(folder / "holes.csv", "1,NA,0\n5,6,1\n"), write(folder / "filled.csv", "1,3,0\n5,6,1\n")
    rows = write(folder / "rows.csv", "1,2,0\n3,NA,1\n5,4,1\n")
    ends = [json.loads(output(*learn, rows, "--missing", "mean", "--test-data", path, "--json"))["test_loss"] for path in (holes, filled)]
    check("test samples take the means of the training samples", ends[0] == ends[1], ends)
    inputs, labels = write(folder / "in.csv", "a,b\n0,1\nNA,1\n1,1\n"), write(folder / "labels.csv", "class\n1\n0\nNA\n")
    result = run(*learn, inputs, "--targets", labels, "--missing", "drop")
    check("rows are dropped with their labels", "in.csv: 2 rows" in result.stderr and "1 samples to train" in result.stdout, result)
    record = folder / "missing"
    output(*learn, write(folder / "notes.csv", table + "1,NA,0\n"), "--missing", "zero", "--header", "no", "--run-dir", record, "--quiet")
    settings = (record / "settings.txt").read_text().splitlines()
    check("a record tells how its samples are read", {"missing=zero", "header=no"} <= set(settings), settings)
    check("and is repeated so", "the same bits" in output("rerun", record, "--data", folder / "notes.csv", "--quiet"))
    check("and predicts so", len(rows_of(output("predict", record, inputs))) == 3)


def png_of(width, height, pixels):
    """A PNG of gray bytes."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + pixels[width * y:width * (y + 1)] for y in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def check_metrics(model, data):
    found, lines = json.loads(output("eval", model, "--data", data, "--json")), output("eval", model, "--data", data).splitlines()
    rows = [line.split() for line in lines if re.match(r"\d+ ", line)]
    check("eval's table has a row for each class", [int(row[0]) for row in rows] == list(range(10)), lines)
    shown = [[None if word == "-" else float(word) for word in row[1:5]] for row in rows]
    expected = [[None if found[f"{name}_each"][c] is None else round(found[f"{name}_each"][c], 4) for name in ("precision", "recall", "f1", "auc")]
                for c in range(10)]
    check("with the numbers of --json", shown == expected, (shown, expected))
    check("and how many samples each has", [int(row[5]) for row in rows] == [sum(row) for row in found["confusion"]], rows)
    check("and what there is one number of", [line.split()[0] for line in lines[-3:]] == ["top-5", "Matthews", "calibration"], lines)


def test_images(folder, sets):
    model = folder / "mnist.safetensors"
    data = write_set(folder / "few", {name: (images[:784 * 64], labels[:64]) for name, (images, labels) in sets.items()})
    output("train", NET, "--data", data, "--epochs", 1, "--batch-size", 32, "--save", model, "--quiet")
    images, labels = sets["t10k"]
    from_idx = output("predict", model, data)
    check("predict of a folder", len(rows_of(from_idx)) == 64)
    check("predict of IDX without labels", output("predict", model, data / "t10k-images-idx3-ubyte") == from_idx)
    array = write(folder / "images.npy", npy("|u1", (64, 28, 28), images[:784 * 64]))
    check("predict of bytes as NPY", output("predict", model, array) == from_idx)
    pgms = []
    for k in range(3):
        pixels = images[784 * k:784 * (k + 1)]
        pgms.append(write(folder / f"{k}.pgm", b"P5\n# a digit\n28 28\n255\n" + pixels))
    got = output("predict", model, *pgms)
    check("predict of PGM", rows_of(got) == rows_of(from_idx)[:3], got)
    plain = write(folder / "plain.pgm", "P2 28 28 255\n" + "\n".join(map(str, images[:784])))
    deep = write(folder / "deep.pgm", b"P5 28 28 65535\n" + b"".join(struct.pack(">H", 257 * x) for x in images[:784]))
    check("predict of a plain PGM", output("predict", model, plain) == output("predict", model, pgms[0]))
    check("predict of a PGM of 16 bits", output("predict", model, deep) == output("predict", model, pgms[0]))
    for k in range(64):
        label = folder / "pngs" / f"digit {labels[k]}"
        label.mkdir(parents=True, exist_ok=True)
        write(label / f"{k}.png", png_of(28, 28, images[784 * k:784 * (k + 1)]))
    first = folder / "pngs" / f"digit {labels[0]}" / "0.png"
    check("predict of PNG", output("predict", model, first) == output("predict", model, pgms[0]))
    check_refused("an image of another size", ["1x2x3", "784"], "predict", model, write(folder / "small.pgm", b"P5 3 2 255\nabcdef"))
    check("predict of a resized image", len(rows_of(output("predict", model, folder / "small.pgm", "--resize", "28x28"))) == 1)
    check_refused("labels besides a folder of images", ["--targets", "whose folders are classes"], "eval", model, "--data", folder / "pngs",
                  "--targets", array)
    check_refused("an image to train on", ["has no classes"], "eval", model, "--data", first)
    if len(set(labels[:64])) == 10:
        by_folder, by_file = (json.loads(output("eval", model, "--data", where, "--json")) for where in (folder / "pngs", data))
        check("eval of a folder of images", by_folder["accuracy"] == by_file["accuracy"], (by_folder, by_file))
    output("train", NET, "--data", folder / "pngs", "--epochs", 1, "--batch-size", 32, "--quiet")
    scores = {json.dumps(json.loads(output("eval", model, *args, "--json"))) for args in (
        ("--data", data),
        ("--data", data / "t10k-images-idx3-ubyte", "--targets", data / "t10k-labels-idx1-ubyte"),
        ("--data", array, "--targets", write(folder / "labels.npy", npy("|u1", (64,), labels[:64]))),
        ("--data", array, "--targets", write_csv(folder / "labels.csv", [(x,) for x in labels[:64]], "label\n")),
        ("--data", write_csv(folder / "kaggle.csv", [(labels[k], *images[784 * k:784 * (k + 1)]) for k in range(64)]), "--targets-first",
         "--scale", repr(1 / 255)),
    )}
    check("eval, from five kinds of files", len(scores) == 1 and json.loads(scores.pop())["samples"] == 64, scores)
    check("eval", re.match(r"loss [0-9.]+, accuracy \d+\.\d\d %, 64 samples\n\nclass ", output("eval", model, "--data", data)))
    check_metrics(model, data)


AUGMENT = ("color_jitter brightness=0.3 contrast=0.3", "elastic", "normalize mean=0.1307 std=0.3081",
           "random_affine degrees=10 translate=0.1", "random_crop padding=2", "random_erasing",
           "random_horizontal_flip", "random_vertical_flip")
MIX = ("cutmix num_classes=10", "mixup alpha=0.2 num_classes=10", "one_hot num_classes=10")


def test_augment(folder, sets):
    """Each transform changes what is learnt, in the same way for any number of threads; there is none that is not here."""
    images, labels = sets["t10k"]
    data = ("--data", write(folder / "digits.npy", npy("|u1", (64, 28, 28), images[:784 * 64])),
            "--targets", write(folder / "classes.npy", npy("|u1", (64,), labels[:64])))
    net = write(folder / "digits.net", "input shape=1x28x28\nflatten\nlinear out_features=10\ncross_entropy\n")
    mse = write(folder / "mse.net", "input shape=1x28x28\nflatten\nlinear out_features=10\nsoftmax\nmse\n")

    def learnt(net, *more):
        text = output("train", net, *data, "--epochs", 1, "--batch-size", 32, "--digest", "--quiet", *more)
        return re.sub(r"in [0-9.]+ s", "", text)  # the seconds of a run are its own

    known = {kind["name"] for kind in json.loads(output("list", "--json")) if kind["family"] == "transform"}
    check("augment knows all transforms", known == {text.split()[0] for text in AUGMENT + MIX}, known)
    digests = [learnt(net)] + [learnt(net, "--augment", text) for text in AUGMENT]
    check("augment", len(set(digests)) == len(AUGMENT) + 1, digests)
    check("augment with two threads", digests[1:] == [learnt(net, "--threads", 2, "--augment", text) for text in AUGMENT])
    same = ("--transform", "one_hot num_classes=10", "--validation-size", 16)
    digests = [learnt(mse, "--augment", text, *same) for text in MIX]
    check("augment of classes", len(set(digests)) == len(MIX), digests)
    check("augment of classes with two threads", digests == [learnt(mse, "--threads", 2, "--augment", text, *same) for text in MIX])
    check_refused("classes where probabilities are wanted", ["one_hot num_classes=10"], "train", mse, *data)
    table = write_csv(folder / "digits.csv", [(labels[k], *images[784 * k:784 * (k + 1)]) for k in range(64)])
    data = ("--data", table, "--targets-first", "--scale", repr(1 / 255))
    digests = [learnt(mse, "--augment", text, *same) for text in MIX]
    doubles = write(folder / "doubles.npy", npy("<f8", (64, 28, 28), struct.pack(f"<{64 * 784}d", *images[:784 * 64])))
    data = ("--data", doubles, "--targets", folder / "classes.npy", "--scale", repr(1 / 255))
    check("augment of a table's classes", [learnt(mse, "--augment", text, *same) for text in MIX] == digests)


# ---- training ----

def test_same_bits_as_example(folder, data):
    if not (shared.EXAMPLES / "mnist_cnn").exists():
        return skip("the digest of examples/mnist_cnn", "the examples are not built")
    theirs = shared.digest(data, "--threads", 1)
    result = run("train", NET, "--data", data, *AS_MNIST, "--epochs", 2, "--json")
    ours = json.loads(result.stdout)["digest"] if not result.returncode else result.stderr
    check("train examples/mnist_cnn.net: the digest of examples/mnist_cnn", ours == theirs, f"{ours}, {theirs}")


def test_record_of_example(folder, data, sets):
    if not (shared.EXAMPLES / "mnist_cnn").exists():
        return skip("rerun of a record of examples/mnist_cnn", "the examples are not built")
    record = folder / "digits"
    shared.run("mnist_cnn", "--data", data, "--epochs", 1, "--dropout", 0.1, "--seed", 5, "--no-schedule", "--run-dir", record, "--quiet")
    text = output("rerun", record, "--data", data, "--quiet")
    check("rerun of a record of examples/mnist_cnn", "the same bits" in text, text)
    other = write_set(folder / "other digits", {name: (images[::-1], labels) for name, (images, labels) in sets.items()})
    check_refused("other images", ["training samples are not those of the record"], "rerun", record, "--data", other)
    rows = (record / "history.csv").read_text().splitlines()
    shared.run("mnist_cnn", "--data", data, "--epochs", 2, "--dropout", 0.1, "--seed", 5, "--no-schedule", "--run-dir", record, "--quiet",
               "--resume", record / "checkpoint.safetensors")
    more = (record / "history.csv").read_text().splitlines()
    check("a record that goes on keeps its rows", len(rows) == 2 and len(more) == 3 and more[:2] == rows, more)
    check("and can be repeated as a whole", "the same bits" in output("rerun", record, "--data", data, "--quiet"))
    check_ended_record(record, lambda: shared.run(
        "mnist_cnn", "--data", data, "--epochs", 2, "--dropout", 0.1, "--seed", 5, "--no-schedule", "--run-dir", record, "--quiet",
        "--resume", record / "checkpoint.safetensors"))


def check_ended_record(record, go_on):
    """That a run which has no epoch left to do leaves its record as it is; and writes the end of one that has none, or another's."""
    made = {path.name: path.read_bytes() for path in record.iterdir()}
    go_on()
    changed = [path.name for path in record.iterdir() if made.get(path.name) != path.read_bytes()]
    check(f"{record.name}: nothing is left to do, and nothing is done", not changed, changed)
    result = made["result.txt"].decode()
    for what in ("", result.replace("digest=", "digest=0")):
        write(record / "result.txt", what)
        go_on()
        again = (record / "result.txt").read_text()
        differ = set(result.splitlines()) ^ set(again.splitlines())
        unknown = [line for line in differ if not line.startswith(("seconds=", "best-epoch=", "validation-"))]
        check(f"{record.name}: an end that is not this run's is written anew", not unknown, (result, again))


def test_outputs(folder, fixture):
    table = folder / "epochs.csv"
    text = output(*fixture["learn"], "--csv", table, "--validation-size", 8, "--threads", 2)
    check("a line an epoch", sum(line.startswith("epoch ") for line in text.splitlines()) == 60 and "validation loss" in text, text[-300:])
    header, *rows = csv.reader(table.read_text().splitlines())
    check("a row an epoch", header[0] == "epoch" and len(rows) == 60 and all(len(row) == 7 for row in rows), header)
    held = json.loads(output(*fixture["learn"], "--validation-size", 8, "--json"))
    check("samples held out are no test samples", "validation_loss" in header and "test loss" not in text and held["test_loss"] is None
          and held["validation_loss"] > 0, [header, text[-200:], held])
    both = json.loads(output(*fixture["learn"], "--validation-size", 8, "--test-data", fixture["data"], "--json"))
    check("and both are told", both["validation_loss"] == held["validation_loss"] and both["test_accuracy"] == 1, both)
    text = output(*fixture["learn"], "--quiet")
    check("--quiet", len(text.splitlines()) == 1, text)
    net = write(folder / "line.net", "input shape=1\nlinear out_features=1\nmse\n")
    line = write_csv(folder / "line.csv", [(x, 3 * x - 1) for x in range(-3, 4)])
    text = output("train", net, "--data", line, "--epochs", 3, "--batch-size", 7, "--csv", table)
    check("a net without classes has no accuracy", "accuracy" not in text and ",,,," in table.read_text(), text + table.read_text())
    check("a net without classes has a loss", re.search(r"train loss \d", text), text)
    one = output("train", fixture["model"], "--data", fixture["data"], "--epochs", 1, "--digest")
    two = output("train", fixture["net"], "--weights", fixture["model"], "--data", fixture["data"], "--epochs", 1, "--digest")
    same = one.split("digest: ")[1][:64] == two.split("digest: ")[1][:64]
    check("a saved model is trained on", same and fixture["digest"] not in one, one + two)


def test_tensors(folder, fixture):
    """--tensors freezes, records and repeats."""
    record, model = folder / "frozen", folder / "frozen.safetensors"
    text = ("train", fixture["model"], "--data", fixture["data"], "--epochs", 2, "--quiet", "--tensors", "linear1.* trainable=false",
            "--tensors", "linear2.bias lr_scale=0.5")
    output(*text, "--run-dir", record, "--save", model)
    before, after = ({t["name"]: (t["mean"], t["trainable"]) for t in json.loads(output("inspect", path, "--json"))["tensors"]}
                     for path in (fixture["model"], model))
    check("train --tensors freezes", all((before[name][0] == after[name][0]) == name.startswith("linear1") == (not after[name][1])
                                         for name in before), after)
    check("inspect names what is frozen", output("inspect", model).count("  frozen  ") == 2)
    lines = (record / "settings.txt").read_text().splitlines()
    check("a record has the settings of tensors", {"tensors=linear1.* trainable=false", "tensors=linear2.bias lr_scale=0.5"} <= set(lines), lines)
    check("rerun with settings of tensors", "the same bits" in output("rerun", record, "--data", fixture["data"], "--quiet"))
    for given, words in (("linear1.*", ["--tensors", "'linear1.*'"]), ("conv1.* trainable=false", ["conv1.*", "names no tensor"]),
                         ("linear1.* frozen=true", ["frozen"])):
        check_refused(f"--tensors {given}", words, "train", fixture["net"], "--data", fixture["data"], "--tensors", given)


def test_saving_over_inputs(folder, fixture):
    net, data = folder / "kept.net", folder / "kept.csv"
    shutil.copy(fixture["net"], net)
    shutil.copy(fixture["data"], data)
    before = net.read_bytes(), data.read_bytes()
    for option in ("--save", "--checkpoint"):
        check_refused(f"{option} over the net's text", ["kept.net", "another file"], "train", net, "--data", data, "--epochs", 1, option, net)
        check_refused(f"{option} over samples", ["kept.csv", "another file"], "train", net, "--data", data, "--epochs", 1, option, data)
    check("nothing was lost", before == (net.read_bytes(), data.read_bytes()))
    model = folder / "kept.safetensors"
    shutil.copy(fixture["model"], model)
    check("a model may be trained on in its place", run("train", model, "--data", data, "--epochs", 1, "--quiet", "--save", model).returncode == 0)
    picture = folder / "named.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    check_refused("a picture with labels", ["named.png", "--targets"], "train", net, "--data", picture, "--targets", data)


def test_diagnostics(folder, fixture):
    far = write_csv(folder / "far.csv", [(1000 * a, 1000 * b, a ^ b) for a in (0, 1) for b in (0, 1)] * 8)
    common = ("train", fixture["net"], "--data", far, "--epochs", 2, "--batch-size", 4, "--optimizer", "sgd lr=0.01", "--digest", "--quiet")
    plain, told = run(*common), run(*common, "--diagnose")
    found = told.stderr.splitlines()
    check("--diagnose names what is wrong", found and all(line.startswith("sixnet train: warning: ") for line in found) and
          any("normali" in line for line in found), told.stderr)
    digests = [result.stdout.splitlines()[0] for result in (plain, told)]
    check("and changes no bit", digests[0] == digests[1] and digests[0].startswith("digest") and not plain.stderr, digests)
    wild = ("train", fixture["net"], "--data", fixture["data"], "--epochs", 3, "--batch-size", 4, "--optimizer", "sgd lr=1e38", "--quiet")
    check_refused("a learning rate that explodes", ["smaller learning rate"], *wild)
    result = run(*wild, "--on-nan", "restore")
    check("--on-nan restore", "half the learning rate" in result.stderr, result.stderr)
    check_refused("an unknown word", ["on_nan=ignore", "skip"], *wild, "--on-nan", "ignore")


def test_resume(folder, fixture):
    saved, table = folder / "run.ckpt", folder / "resumed.csv"
    common = ("train", fixture["net"], "--data", fixture["data"], "--optimizer", "adam lr=0.05", "--batch-size", 4, "--checkpoint", saved,
              "--csv", table, "--digest")
    output(*common, "--epochs", 20)
    text = output(*common, "--epochs", 60, "--resume", saved)
    epochs = [row.split(",")[0] for row in table.read_text().splitlines()[1:]]
    check("a resumed run ends with the same bits", fixture["digest"] in text, text[-300:])
    check("and with a row for each epoch", epochs == [str(k) for k in range(1, 61)], epochs)


def test_interrupt(folder, fixture):
    saved = folder / "stopped.ckpt"
    command = [TOOL, *fixture["learn"][:-6], "--epochs", 100000000, "--batch-size", 4, "--checkpoint", saved]
    for number in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(5):
            process.stdout.readline()
        process.send_signal(number)
        _, errors = process.communicate(timeout=120)
        ok = process.returncode == 128 + number and len(errors_of(errors).splitlines()) == 1 and "--resume" in errors
        check(f"{number.name} ends a run with a checkpoint", ok and saved.exists(), f"status {process.returncode}, {errors!r}")
        check("which can be inspected", "sixnet.optimizer: adam " in output("inspect", saved))
        saved.unlink(missing_ok=True)


def test_record(folder, fixture):
    record = folder / "a record"
    learn = fixture["learn"][:-2]
    first = (*learn, "--run-dir", record, "--validation-size", 8, "--test-data", fixture["data"], "--seed", 3)
    output(*first)
    made = sorted(path.name for path in record.iterdir())
    wanted = {"settings.txt", "net.txt", "history.csv", "history.gp", "model.safetensors", "checkpoint.safetensors", "result.txt"}
    check("a record's files", wanted <= set(made), made)
    if shutil.which("gnuplot"):
        check("a record's pictures", "history.svg" in made and "history.png" in made, made)
        plain = folder / "a plain record"
        net = write(folder / "plain.net", "input shape=2\nlinear out_features=1\nmse\n")
        output("train", net, "--data", fixture["data"], "--epochs", 3, "--run-dir", plain, "--quiet")
        check("a record's picture of losses alone", (plain / "history.png").exists())
        drawn = subprocess.run(["gnuplot", "-d", "history.gp"], cwd=plain, capture_output=True, text=True, check=False)
        check("which can be drawn anew", drawn.returncode == 0 and not drawn.stderr, drawn.stderr)
    else:
        skip("a record's pictures", "there is no gnuplot")
    check_ended_record(record, lambda: output(*first, "--resume", record / "checkpoint.safetensors", "--quiet"))
    samples = ("--data", fixture["data"])
    both = (*samples, "--test-data", fixture["data"])
    text = output("rerun", record, *both, "--quiet", "--threads", 2)
    digest = re.search("digest=(.*)", (record / "result.txt").read_text())[1]
    check("rerun: the same bits", "the same bits" in text and digest in text, text)
    told = folder / "all that decides"
    output("train", fixture["net"], "--weights", fixture["model"], "--data", fixture["data"], "--augment", "normalize mean=0.1 std=2",
           "--transform", "normalize mean=0.2 std=0.5", "--fit-options", "shuffle=false drop_last=true", "--on-nan", "skip", "--batch-size", 5, "--epochs", 3,
           "--isa", "baseline", "--dtype", "f32", "--run-dir", told, "--quiet")
    text = output("rerun", told, *samples, "--quiet")
    check("rerun of weights, augmentations, transforms, options of fit, an instruction set", "the same bits" in text, text)
    lines = (told / "settings.txt").read_text().splitlines()
    missing = [line for line in ("net=start.safetensors", "augment=normalize mean=0.1 std=2", "transform=normalize mean=0.2 std=0.5",
                                 "fit-options=shuffle=false drop_last=true", "on-nan=skip", "isa=baseline", "batch-size=5") if line not in lines]
    check("which are all in its settings", not missing, missing)
    early = folder / "ends early"
    ends = ("--fit-options", "early_stopping=1 min_delta=100 restore_best=true monitor=val_loss", "--epochs", 9, "--test-data", fixture["data"])
    text = json.loads(output("train", fixture["net"], *samples, "--quiet", *ends, "--run-dir", early, "--json"))
    found = json.loads(output("eval", early, *samples, "--json"))
    check("a run that ends early, with the test of the best epoch",
          (text["epochs"], text["best_epoch"], text["test_loss"]) == (2, 1, found["loss"]), text)
    check("and can be repeated", "the same bits" in output("rerun", early, *samples, *ends[-2:], "--quiet"))
    short = folder / "ends by time"
    text = json.loads(output("train", fixture["net"], *samples, "--quiet", "--fit-options", "max_seconds=1e-9", "--run-dir", short, "--json"))
    check("a run that max_seconds ends has no result yet", text["epochs"] == 0 and not (short / "result.txt").exists(), text)
    failed = folder / "failed"
    check_refused("a record with wrong words", ["shuffle"], *learn, "--run-dir", failed, "--fit-options", "shufle=no")
    check("a record of nothing can be written again", "accuracy" in output(*learn, "--run-dir", failed, "--quiet"))
    check_refused("a record that is there", ["has a record"], *learn, "--run-dir", record)
    found = json.loads(output("eval", record, "--data", fixture["data"], "--json"))
    check("eval of a record", found == json.loads(output("eval", record / "model.safetensors", "--data", fixture["data"], "--json")), found)
    settings, result = (record / "settings.txt").read_text(), (record / "result.txt").read_text()
    write(record / "result.txt", result.replace("digest=", "digest=0"))
    check("rerun: other bits are told by the status", run("rerun", record, *both, "--quiet").returncode == 1)
    check("rerun --json", json.loads(run("rerun", record, *both, "--json").stdout)["same"] is False)
    write(record / "result.txt", result)
    write(record / "result.txt", re.sub("train-samples=.*", "train-samples=none", result))
    check_refused("a record without a hash of its samples", ["'none'", "hash"], "rerun", record, *both)
    write(record / "result.txt", result)
    other = write_csv(folder / "other.csv", [(0, 0, 0), (1, 1, 1)] * 16)
    check_refused("other samples", ["samples are not those"], "rerun", record, "--data", other, *both[2:])
    fine = [write_csv(folder / f"fine{k}.csv", [(0, 0, 0), (1 + k * 1e-12, 1, 1)] * 16) for k in (0, 1)]
    exact = folder / "exact"
    run("train", fixture["net"], "--data", fine[0], "--epochs", 1, "--dtype", "f64", "--run-dir", exact, "--quiet")
    check("rerun in f64", "the same bits" in output("rerun", exact, "--data", fine[0], "--quiet"))
    check_refused("samples that differ beyond the digits of f32", ["samples are not those"], "rerun", exact, "--data", fine[1])
    moved = shutil.copy(fixture["data"], folder / "moved.csv")
    check("rerun of samples that have moved", "same" in output("rerun", record, "--data", moved, "--test-data", moved, "--quiet"))
    for name, words, broken in (
        ("an unknown setting", ["settings.txt:2", "'epoch"], settings.replace("net=", "epoch=1\nnet=", 1)),
        ("a setting out of range", ["settings.txt:", "'-1'"], re.sub("epochs=.*", "epochs=-1", settings)),
        ("no net", ["net="], re.sub("net=.*\n", "", settings, 1)),
        ("a net elsewhere", ["net="], re.sub("net=.*", "net=../xor.net", settings, 1)),
        ("no settings", ["no record"], ""),
        ("a setting without a value", ["epochs"], re.sub("epochs=.*", "epochs", settings)),
        ("a byte of zero", ["settings.txt: byte 0", "zero"], "\0" + settings),
        ("a byte of zero at its end", ["settings.txt: byte", "zero"], settings + "\0seed=4\n"),
        ("a word that is no choice", ["settings.txt:", "'maybe'", "auto|yes|no"], settings + "header=maybe\n"),
    ):
        write(record / "settings.txt", broken)
        check_refused(f"a record with {name}", words, "rerun", record)
    write(record / "settings.txt", settings)
    (record / "result.txt").unlink()
    check_refused("a record without an end", ["has not ended"], "rerun", record)
    check_refused("no record", ["settings.txt"], "rerun", folder)
    tuned, scaled, ask = folder / "tuned", folder / "scaled", write_csv(folder / "ask.csv", [(0, 1), (1, 1)])
    output(*learn, "--transform", "normalize mean=0.5 std=0.25", "--scale", 2, "--run-dir", scaled, "--quiet")
    given = ("--transform", "normalize mean=0.5 std=0.25", "--scale", 2)
    theirs, trained = output("predict", scaled, ask), scaled / "model.safetensors"
    check("predict of a record transforms as it did", theirs == output("predict", trained, ask, *given) != output("predict", trained, ask))
    averaged = folder / "averaged"
    output(*learn, "--validation-size", 8, "--seed", 3, "--fit-options", "average=ema ema_decay=0.9 shards=2", "--run-dir", averaged, "--quiet")
    check("rerun of a run with an average and shards", "the same bits" in output("rerun", averaged, *samples, "--quiet", "--threads", 2))
    check("a run with an average ends elsewhere", digest not in (averaged / "result.txt").read_text())
    output("train", fixture["model"], "--data", fixture["data"], "--epochs", 2, "--run-dir", tuned, "--quiet")
    check("rerun of a run that began with a saved model", "the same bits" in output("rerun", tuned, *samples, "--quiet"))


def test_record_resumed_otherwise(folder, fixture):
    record = folder / "otherwise"
    learn = ("train", fixture["net"], "--data", fixture["data"], "--run-dir", record, "--quiet")
    again = (*learn, "--resume", record / "checkpoint.safetensors", "--epochs", 4, "--batch-size", 2)
    output(*learn, "--epochs", 2, "--batch-size", 4)
    check("a result without changes", "resume-changes" not in (record / "result.txt").read_text())
    check_refused("to resume with another batch size", ["'batch_size=4', not with 'batch_size=2'", "resume_changes=allow"], *again)
    allowed = run(*again, "--fit-options", "resume_changes=allow")
    check("a change that is allowed is a warning", not allowed.returncode and "continues with 'batch_size=2'" in allowed.stderr, allowed.stderr)
    check("a record tells of changes", "resume-changes=1\n" in (record / "result.txt").read_text(), (record / "result.txt").read_text())
    check_refused("rerun of such a record", ["resumed with other settings"], "rerun", record, "--data", fixture["data"], "--quiet")


def test_interrupted_record(folder, fixture):
    record = folder / "interrupted"
    command = [TOOL, *fixture["learn"][:-6], "--epochs", 4000, "--batch-size", 4, "--run-dir", record]
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(5):
        process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    check("a recorded run is interrupted", process.returncode == 130 and not (record / "result.txt").exists(), errors)
    check_refused("the record of an interrupted run", ["has not ended", "--resume"], "rerun", record)
    output(*command[1:], "--resume", record / "checkpoint.safetensors", "--quiet")
    whole = re.search("digest: (.*)", output(*command[1:-2], "--quiet", "--digest"))[1]
    result = dict(line.split("=", 1) for line in (record / "result.txt").read_text().splitlines())
    epochs = [row.split(",")[0] for row in (record / "history.csv").read_text().splitlines()[1:]]
    check("and ends, resumed, as if it had not been", result["digest"] == whole and epochs == [str(k + 1) for k in range(4000)], result)
    check("and can be repeated as a whole", "the same bits" in output("rerun", record, "--data", fixture["data"], "--quiet"))


def test_foreign_record(folder, fixture):
    """A record can come from anyone: nothing is read but its own files and those that the caller names, and nothing is written."""
    record, protected, pipe = folder / "foreign", write(folder / "protected", "mine\n"), folder / "a pipe"
    output(*fixture["learn"][:-6], "--epochs", 2, "--batch-size", 4, "--run-dir", record, "--quiet")
    shutil.copy(fixture["data"], record / "xor.csv")
    settings = re.sub("(?m)^data=.*", "data=xor.csv", (record / "settings.txt").read_text())
    good = {"settings.txt": settings, "net.txt": (record / "net.txt").read_text(), "result.txt": (record / "result.txt").read_text(),
            "xor.csv": (record / "xor.csv").read_text()}
    write(record / "settings.txt", settings)
    check("rerun of samples in the record", "the same bits" in output("rerun", record, "--quiet"))
    kept = sorted((path.name, path.read_bytes()) for path in record.iterdir())
    for name, words, line in (
        ("a checkpoint elsewhere", ["checkpoint given twice"], f"fit-options=checkpoint={protected}"),
        ("a checkpoint after other options", ["checkpoint given twice"], f"fit-options=shuffle=true\tcheckpoint={protected}"),
        ("a run to go on with", ["resume given twice"], f"fit-options=resume={protected}"),
        ("a path in another word", ["on-nan"], f"on-nan=stop checkpoint={protected}"),
        ("a path in the optimizer's text", ["checkpoint"], f"optimizer=adam checkpoint={protected}"),
        ("samples elsewhere", ["--data", f"'{protected}'"], f"data={protected}"),
        ("samples above", ["--data", "'../protected'"], "data=../protected"),
        ("samples from standard input", ["foreign/-"], "data=-"),
        ("samples of the folder above", ["foreign/..", "regular file"], "data=.."),
        ("labels elsewhere", ["--targets", f"'{protected}'"], f"targets={protected}"),
        ("samples to test with elsewhere", ["--test-data", f"'{protected}'"], f"test-data={protected}"),
        ("labels to test with elsewhere", ["--test-targets", f"'{protected}'"], f"test-data=xor.csv\ntest-targets={protected}"),
    ):
        key = re.escape(line.split("=")[0])
        write(record / "settings.txt", re.sub(f"(?m)^{key}=.*\n", "", settings) + line + "\n")
        check_refused(f"a record with {name}", words, "rerun", record, timeout=60)
    write(record / "settings.txt", settings)
    check("which change nothing", sorted((path.name, path.read_bytes()) for path in record.iterdir()) == kept and protected.read_text() == "mine\n")
    os.mkfifo(pipe)
    for name, text in good.items():
        elsewhere = write(folder / f"elsewhere {name}", text)
        for kind, target in (("a link", elsewhere), ("a pipe", pipe)):
            (record / name).unlink()
            if kind == "a link":
                (record / name).symlink_to(target)
            else:
                os.mkfifo(record / name)
            check_refused(f"a record whose {name} is {kind}", [name, "regular file"], "rerun", record, timeout=60)
        (record / name).unlink()
        write(record / name, text)
    model = record / "model.safetensors"
    model.rename(folder / "elsewhere model")
    model.symlink_to(folder / "elsewhere model")
    check_refused("a record whose model is a link", ["regular file"], "eval", record, "--data", fixture["data"])
    digest = 'x", "same": true, \\ \x01 \x7f \u009b é '.encode() + b"\x9b\xff"
    (record / "result.txt").write_bytes(re.sub(b"digest=.*", lambda _: b"digest=" + digest, good["result.txt"].encode()))
    result = subprocess.run([TOOL, "rerun", record, "--json"], capture_output=True, timeout=60, check=False)
    found = json.loads(result.stdout)
    check("rerun --json of a digest that is none", found["same"] is False and found["recorded"] == digest.decode(errors="replace"), found)
    check("which reaches no terminal", b"\xc2\x9b" not in result.stdout + result.stderr and not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]|(?<!\xc3)\x9b", result.stderr),
          result.stderr)


def test_planted_links(folder, fixture):
    """Into a folder that others can write to: what they planted there is neither followed nor executed."""
    learn = (*fixture["learn"][:-6], "--epochs", 2, "--batch-size", 4, "--quiet")
    protected = write(folder / "planted protected", "mine\n")
    names = ["settings.txt", "net.txt", "history.csv", "checkpoint.safetensors", "model.safetensors", "result.txt", "history.gp"]
    names += ["history.svg", "history.png"] if shutil.which("gnuplot") else []
    for number, name in enumerate(names):
        for kind in ("link", "pipe"):
            record = folder / f"planted {number} {kind}"
            record.mkdir()
            if kind == "link":
                linked_to(record / name, protected)
            else:
                os.mkfifo(record / name)
            check_refused(f"a record in which {name} is a {kind}", [f"{name}'"], *learn, "--run-dir", record, timeout=60)
    linked = folder / "planted hard links"
    linked.mkdir()
    for name in ("settings.txt", "net.txt", "history.csv", "history.gp", "history.svg"):
        os.link(protected, linked / name)
    write(linked / "style.gp", f"system 'rm \"{protected}\"'\n")
    write(linked / ".gnuplot", f"system 'rm \"{protected}\"'\n")
    output(*learn, "--run-dir", linked)
    check_refused("a table that is a link", ["symbolic link"], *learn, "--csv", linked_to(folder / "table.csv", protected))
    output(*learn, "--csv", "/dev/null")
    check("what links lead to stays", protected.read_text() == "mine\n" and protected.stat().st_nlink == 1)
    left = [path.name for path in folder.glob("**/.sixnet-*")]
    check("no temporary file stays", not left, left)


def linked_to(path, target):
    path.symlink_to(target)
    return path


@shared.needs_terminal
def test_terminal(folder, fixture):
    again = write(folder / "xor many times.npy", npy("<i4", (640, 3), struct.pack("<12i", 0, 0, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0) * 160))
    learn = [TOOL, "train", fixture["net"], "--data", again, "--epochs", 600, "--batch-size", 4]
    shared.check_progress("train", (b"epoch ", b"samples/s"), *learn)
    check("no bar of a quiet run", b"samples/s" not in shared.seen_on_terminal([*learn, "--quiet"], 80)[1])
    shared.check_progress("bench", (b"measuring training", b"measuring predictions"), TOOL, "bench", fixture["net"], "--seconds", 1)
    many = write(folder / "many.npy", npy("|u1", (1000000, 2), bytes(2000000)))
    labels = write(folder / "many labels.npy", npy("|u1", (1000000,), bytes(1000000)))
    measure = ["eval", fixture["model"], "--data", many, "--targets", labels, "--json"]
    shared.check_progress("eval", (b"measuring ", b" left"), TOOL, *measure)
    with open(folder / "watched.json", "w", encoding="ascii") as file:
        shared.seen_on_terminal([TOOL, *measure], 80, stdout=file)
    watched = (folder / "watched.json").read_text()
    check("eval that is watched gives the same bits", output(*measure) == watched, watched)
    images = write(folder / "seen-images-idx3", shared.idx((40, 1, 2), bytes(80)))
    labels = write(folder / "seen-labels-idx1", shared.idx((40,), bytes(12) + b"\x63" + bytes(27)))
    wrong = ["eval", fixture["model"], "--data", images, "--targets", labels]
    check_refused("a label that is no class", ["sample 12: label 99"], *wrong)
    status, seen = shared.seen_on_terminal([TOOL, *wrong], 80)
    check("eval that is watched names the sample too", status == 1 and b"sample 12: label 99" in seen, (status, seen))


def one_output(folder):
    """A saved model with two inputs and one output."""
    net, model = write(folder / "one.net", "input shape=2\nlinear out_features=1\nmse\n"), folder / "one.safetensors"
    output("train", net, "--data", write_csv(folder / "sum.csv", [(1, 2, 3)]), "--epochs", 1, "--batch-size", 1, "--save", model)
    return model


@shared.needs_terminal
def test_reading_bar(folder):
    model = one_output(folder)
    large = write(folder / "large.csv", "0.12345678,0.12345678\n" * 400000)
    status, seen = shared.seen_on_terminal([TOOL, "predict", model, large], 60)
    write(large, large.read_text() + "one\n")
    _, wrong = shared.seen_on_terminal([TOOL, "predict", model, large], 60)
    check("a message is on a line of its own", b"\r\x1b[Ksixnet predict: " in wrong and b"reading [" in wrong, wrong[-300:])
    check("a bar while a large file is read", status == 0 and b"reading [" in seen and b"predicting [" in seen, seen[:300])
    images = write(folder / "images-idx3", shared.idx((3, 1, 2), bytes(6)))
    status, seen = shared.seen_on_terminal([TOOL, "predict", model, images], 60)
    check("IDX files are named while they are read", status == 0 and b"reading images-idx3" in seen and seen.endswith(b"\r\x1b[K"), seen)


def test_refusals(folder, fixture):
    full = {"stdout": open("/dev/full", "w", encoding="ascii")}
    three = write_csv(folder / "three.csv", [(1, 2, 0)])
    write_csv(folder / "two2.csv", [(1, 2), (3, 4)])
    for name, words, *args in (
        ("data that are not there", ["/nonexistent"], "train", fixture["net"], "--data", "/nonexistent.csv"),
        ("a folder without data", ["has no image"], "train", NET, "--data", folder),
        ("samples that do not fit", ["784", "3"], "train", NET, "--data", three),
        ("samples of another size", ["has 4 values, but"], "train", fixture["net"], "--data", write_csv(folder / "four.csv", [(1, 2, 3, 0)])),
        ("samples without targets", ["--targets"], "train", fixture["net"], "--data", write_csv(folder / "two.csv", [(1, 2)])),
        ("a class out of range", ["far.csv:1: label 2", "0 to 1"], "train", fixture["net"], "--data",
         write_csv(folder / "far.csv", [(1, 2, 2)])),
        ("a class that is none", ["half.csv:5: label 0.5"], "train", fixture["net"], "--validation-size", 1, "--data",
         write(folder / "half.csv", "a,b,c\n1,2,0\n# the next is wrong\n\n1,2,0.5\n2,1,1\n")),
        ("a class out of range to test with", ["far.csv:1: label 2"], "train", fixture["net"], "--data", three, "--test-data",
         folder / "far.csv"),
        ("a class out of range to measure", ["far.csv:1: label 2"], "eval", fixture["model"], "--data", folder / "far.csv"),
        ("a class out of range of an array", ["far.npy: row 1: label -1"], "eval", fixture["model"], "--data", folder / "two2.csv",
         "--targets", write(folder / "far.npy", npy("<i8", (2,), struct.pack("<2q", 1, -1)))),
        ("an unknown optimizer", ["adam"], "train", fixture["net"], "--data", three, "--optimizer", "adma"),
        ("an unknown schedule", ["step_lr"], "train", fixture["net"], "--data", three, "--schedule", "steplr step_size=1"),
        ("an unknown transform", ["normalize"], "train", fixture["net"], "--data", three, "--transform", "normalise mean=0 std=1"),
        ("an unknown option of fit", ["shuffle"], "train", fixture["net"], "--data", three, "--fit-options", "shufle=false"),
        ("all samples held out", ["--validation-size"], "train", fixture["net"], "--data", three, "--validation-size", 1),
        ("labels for test data alone", ["--test-data"], "train", fixture["net"], "--data", three, "--test-targets", three),
        ("classes of a net with one output", ["one output"], "predict", one_output(folder), folder / "two.csv", "--classify"),
        ("a prediction of nothing trained", ["--weights"], "predict", fixture["net"], folder / "two.csv"),
        ("a measurement of nothing trained", ["--weights"], "eval", fixture["net"], "--data", three),
        ("a checkpoint in no folder", ["/nonexistent"], *fixture["learn"], "--checkpoint", "/nonexistent/x"),
        ("a save in no folder", ["/nonexistent"], *fixture["learn"][:-2], "--save", "/nonexistent/x"),
        ("a record in no folder", ["/nonexistent"], *fixture["learn"][:-2], "--run-dir", "/nonexistent/x"),
        ("a table on a full disk", ["/dev/full"], *fixture["learn"][:-2], "--csv", "/dev/full"),
        ("a checkpoint that is none", ["three.csv"], *fixture["learn"], "--resume", three),
        ("a model that is cut", ["cut.safetensors", "the file is cut"], "eval",
         write(folder / "cut.safetensors", fixture["model"].read_bytes()[:300]), "--data", three),
        ("a model whose values are cut", ["the file is cut"], "eval",
         write(folder / "end.safetensors", fixture["model"].read_bytes()[:-4]), "--data", three),
        ("a model that is an archive", ["begins with 'PK", "no safetensors file"], "eval",
         write(folder / "model.pt", b"PK\3\4\0\0\x08\x08" + bytes(100)), "--data", three),
        ("a model that is a picture", ["no safetensors file but a PNG image"], "eval",
         write(folder / "a.png", b"\x89PNG\r\n\x1a\n" + bytes(100)), "--data", three),
        ("weights that are none", ["three.csv", "no safetensors file"], "eval", fixture["net"], "--weights", three, "--data", three),
        ("an instruction set of another kind", ["avx3"], "eval", fixture["model"], "--data", three, "--isa", "avx3"),
        ("labels of another number", ["1 samples", "2 targets"], "eval", fixture["model"], "--data", folder / "two.csv", "--targets",
         write_csv(folder / "labels2.csv", [(1,), (0,)])),
    ):
        check_refused(name, words, *args, status=(1,))
    check_refused("a full standard output", ["standard output"], "list", **full)
    full["stdout"].close()


# ---- files that nobody should trust ----

def bad_tables():
    four = struct.pack("<8f", *range(8))
    good = npy("<f4", (4, 2), four)
    png, jpeg = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff\xd8\xff\xe0\0\x10JFIF\0"
    return {
        "nothing": (b"", ["no row"]),
        "names only": ("a,b\n", ["no row"]),
        "a word": ("1,2\n3,four\n", [":2:", "column 2", "'four'"]),
        "words behind names": ("a,b\nc,d\n", [":2:", "column 1", "'c'"]),
        "names that are no header": ("a,b\n1,2\n", [":1:", "'a'"], "--header", "no"),
        "not a number": ("1,nan\n", [":1: column 2", "'nan'", "--missing"]),
        "infinity": ("1,2\n1,1e999\n", [":2:", "'1e999'", "finite"]),
        "a word for infinity": ("inf,-inf\n1,2\n", [":1: column 1: 'inf'"]),
        "a number beyond f32": ("1e39,1\n1,2\n", [":1: column 1: '1e39'", "--dtype f64"]),
        "a hexadecimal number": ("1,0x10\n", ["'0x10'"]),
        "hexadecimal numbers only": ("0x1f,0x10\n1,2\n", ["'0x1f'"]),
        "an empty cell": ("1,2\n1,\n", [":2:", "column 2", "--missing"]),
        "separators that end lines": ("1,2,\n3,4,\n", [":1:", "column 3", "take away the separator that ends the line"]),
        "separators that end lines below a header": ("a,b,\n1,2,\n", [":1:", "--header yes", "take away the separator that ends the line"]),
        "a separator that ends a line": ("1,2\n3,4,\n", [":2:", "3 columns", "take away the separator that ends the line"]),
        "empty cells only": (",\n1,2\n", [":1: column 1: ''", "--missing"]),
        "cells that say that they are none": ("NA,null\n1,2\n", [":1: column 1: 'NA'", "--missing"]),
        "a spreadsheet's error": ("1,2\n#N/A,2\n", [":2: column 1: '#N/A'", "--missing"]),
        "another of its errors": ("1,2\n#DIV/0!,2\n", [":2: column 1: '#DIV/0!'"]),
        "percentages": ("50%,51%\n1,2\n", [":1: column 1: '50%'"]),
        "a comma for thousands": ('"1,000","2,000"\n1,2\n', [":1: column 1: '1,000'"]),
        "amounts of money": ("$1,\u20ac2\n1,2\n", [":1: column 1: '$1'"]),
        "numbers with units": ("1.5kg,2.5kg\n1,2\n", [":1: column 1: '1.5kg'"]),
        "dates": ("2024-05-01,12:30\n1,2\n", ["'2024-05-01'"]),
        "a number with a word behind it": (f"1,2.{'0' * 70}hello\n", [":1: column 2: '2.000"]),
        "dashes for values": ("--,--\n1,2\n", [":1: column 1: '--'"]),
        "a decimal comma": ('"1,5";"2,5"\n', ["'1,5'"]),
        "a name that is missing": ("a,\n1,2\n", [":1: column 1: 'a'", "'' in column 2", "--header yes"]),
        "a name and a number": ("a,2\n1,2\n", [":1: column 1: 'a'", "'2' in column 2"]),
        "a mark within a number": ('1"2"3,1\n', [":1: column 1", "quotation mark within"]),
        "text behind a mark": ('1,"2"3\n', [":1: column 2", "closes"]),
        "a number of two lines": ('1,2\n"1\n2",3\n', [":2: column 1"]),
        "a fault behind a cell of two lines": ('"a\n1",b\n1,2\n1,x\n', [":4: column 2: 'x'"]),
        "a row without a value": (",a,b\n0,1,2\n1,3\n", [":3: 2 columns", "have 3"]),
        "nothing but missing values": ("NA,1\nNA,2\n", ["column 1 has no value"], "--missing", "mean"),
        "nothing that is left": ("NA,1\n1,NA\n", ["leaves no row"], "--missing", "drop"),
        "a target that is missing": ("1,1,1\n1,1,NA\n", [":2: the target is missing", "drop"], "--missing", "mean"),
        "a short line": ("1,2\n1\n", [":2:", "1 columns"]),
        "a long line": ("1,2\n1,2,3,4\n", [":2:"]),
        "a byte of zero": (b"1,2\n1,\x002\n", [":2:"]),
        "a byte of zero in a comment": (b"1,2\n# a\0b\n3,4\n", [":2:", "zero"]),
        "an open quotation mark": ('1,2\n1,"2\n3,4\n', [":2:", "nothing closes"]),
        "a very long cell": ("1," + "9" * 100000 + "\n", [":1: column 2", "4096"]),
        "a cut header": (good[:9], ["NPY"]),
        "a header beyond the file": (good[:40], ["byte 8"]),
        "a header of 4 GB": (b"\x93NUMPY\x02\x00" + b"\xff" * 8, ["byte 8"]),
        "version 9": (good.replace(b"\x01\x00", b"\x09\x00", 1), ["version"]),
        "an array that is cut": (good[:-1], ["31 bytes", "32"]),
        "an array that is too long": (good + b"\0", ["33 bytes"]),
        "a type of objects": (npy("|O", (4, 2), four), ["Python objects", "astype"]),
        "a type of long integers": (npy("<u8", (2, 2), four), ["uint64", "astype"]),
        "a type of records": (npy("<f4", (4, 2), four).replace(b"'<f4'", b"[('a', '<f4')]", 1), ["records", "astype"]),
        "no shape": (good.replace(b"'shape'", b"'shale'"), ["shape"]),
        "a shape twice": (good.replace(b"'descr': '<f4'", b"'shape': (4,2)"), ["descr"]),
        "a key within a text": (good.replace(b"'descr': '<f4'", b"'x': \"'descr': '<f4'\""), ["byte 11"]),
        "a zero in the header": (good.replace(b", 'shape'", b"\0 'shape'"), ["byte"]),
        "more behind the header": (good.replace(b"}  ", b"} x"), ["'x"]),
        "an order that is none": (npy("<f4", (4, 2), four, "Maybe"), ["fortran_order"]),
        "a shape beyond all memory": (npy("<f4", (2**40, 2**40), four), ["shape"]),
        "a shape that wraps to what is there": (npy("<f4", (2**62 + 4, 2), four), ["shape"]),
        "a shape beyond 64 bits": (npy("<f4", (2**64 + 4, 2), four), ["shape"]),
        "a shape of words": (npy("<f4", "(4, two)", four), ["shape"]),
        "a shape that never ends": (npy("<f4", "(4, 2", four), ["shape"]),
        "a shape of nothing": (npy("<f4", (0, 2), b""), ["shape"]),
        "a negative shape": (npy("<f4", (-4, 2), four), ["shape"]),
        "no dimension": (npy("<f4", (), four[:4]), ["shape"]),
        "twenty dimensions": (npy("<f4", (1,) * 20, four[:4]), ["shape"]),
        "a number that is none": (npy("<f4", (4, 2), four[:-4] + struct.pack("<f", float("nan"))), ["value 1 of row 3", "--missing"]),
        "an infinite half": (npy("<f2", (2, 2), struct.pack("<4H", 0, 0, 0, 0x7C00)), ["value 1 of row 1"]),
        "an image that is cut": (b"P5 2 1 255\n\x01", ["byte"]),
        "an image that is too long": (b"P5 2 1 255\n\x01\x02\x03", ["more bytes"]),
        "an image without size": (b"P5\n", ["a whole number"]),
        "an image of no width": (b"P5 0 1 255\n", ["from 1"]),
        "an image of a million times a million": (b"P5 1048576 1048576 255\n\x01", ["1048576 x 1048576 pixels"]),
        "an image beyond its largest value": (b"P5 2 1 10\n\x01\x0b", ["11"]),
        "an image whose comment never ends": (b"P5 # 2 1 255", ["a whole number"]),
        "an image of other size": (b"P5 3 1 255\nabc", ["1x3"]),
        "an image whose head ends with a letter": (b"P5 2 1 255xab", ["byte 7"]),
        "pixels with commas and words": (b"P2 4 1 9\n1,2-3x4\n", ["byte 9", "a whole number from 0 to 9"]),
        "pixels with points": (b"P2 4 1 9\n0.5 1.2\n", ["byte 9"]),
        "two pixels of one number": (b"P2 2 1 9\n0000000005\n", ["byte 20"]),
        "a pixel beyond the largest": (b"P2 2 1 9\n1 00000000010\n", ["byte 11"]),
        "a pixel beyond 64 bits": (b"P2 2 1 9\n1 18446744073709551617\n", ["byte 11"]),
        "a word with what terminals obey": (b"1,2\n1,\x1b[2J\x08x\n", ["'?[2J?x'"]),
        "a black and white image": (b"P4 2 1\n\x80", ["netpbm image", "PGM"]),
        "a damaged PNG image": (png, ["the file ends within a chunk"]),
        "a JPEG image": (jpeg, ["a JPEG image", "convert it to PNG"]),
        "an HTML page": (b"<!DOCTYPE html>\n<html></html>\n", ["an HTML page"]),
        "an HTML page without a title": (b"<html><body>404</body></html>\n", ["an HTML page"]),
        "arrays in an archive": (b"PK\3\4\x14\0\0\0\0\0" + bytes(40), [".npz", "NPY"]),
        "a gzipped table": (gzip.compress(b"1,2\n3,4\n"), ["a text, such as CSV", "unpack it"]),
        "a gzipped array": (gzip.compress(good), ["a NumPy array", "unpack it"]),
        "a gzipped image": (gzip.compress(png), ["a PNG image", "unpack it"]),
        "a text of UTF-16": ("1,2\n".encode("utf-16"), ["UTF-16", "UTF-8"]),
        "a pickle": (b"\x80\x04\x95\x0c\0\0\0", ["a Python pickle"]),
    }


def changed(good, rng):
    """A file cut, or with a few bytes or bits changed, or a piece of it repeated."""
    data = bytearray(good)
    way = rng.randrange(4)
    if way == 0:
        return bytes(data[:rng.randrange(len(data))])
    if way == 1:
        at = rng.randrange(len(data))
        return bytes(data[:at] + data[rng.randrange(len(data)):])
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(data))
        data[at] = rng.choice((data[at] ^ (1 << rng.randrange(8)), 0, 255, ord("9"), ord("-"), ord(",")))
    return bytes(data)


def test_bad_files(folder, fixture):
    for name, (data, words, *more) in bad_tables().items():
        check_refused(name, ["bad.dat", *words], "predict", fixture["model"], write(folder / "bad.dat", data), *more, status=(1,))
    write(folder / "two.csv", "0,1\n1,1\n")
    for name in ("a JPEG image", "a gzipped table"):
        data, words, *_ = bad_tables()[name]
        check_refused(f"{name} for labels", ["bad.dat", words[0].replace("a text, such as CSV", "gzipped")], "eval", fixture["model"],
                      "--data", folder / "two.csv", "--targets", write(folder / "bad.dat", data), status=(1,))
        check_refused(f"{name} for a net", ["bad.dat", words[0].replace("a text, such as CSV", "gzip data")], "summary",
                      folder / "bad.dat", status=(1,))
    check_refused("an HTML page for a net", ["an HTML page"], "summary", write(folder / "bad.dat", "<!DOCTYPE html>\n<html></html>\n"))
    check_refused("a net with a byte of zero", ["byte 14", "zero"], "summary", write(folder / "bad.dat", b"input shape=2\n\0relu\n"))
    check("a net behind a mark before UTF-8", output("summary", write(folder / "marked.net", "\ufeff" + XOR)) == output("summary", fixture["net"]))
    check_refused("a folder of no samples", ["has no image"], "predict", fixture["model"], folder)
    fifo = folder / "pipe"
    os.mkfifo(fifo)
    check_refused("a model that is a pipe", ["pipe"], "inspect", fifo)


def test_changed_files(folder, fixture):
    rng = random.Random(7)
    quick = os.environ.get("SIXNET_TEST_QUICK")
    record = folder / "fuzzed"
    output(*fixture["learn"][:-6], "--epochs", 1, "--run-dir", record, "--quiet")
    kinds = {
        "CSV": (("predict", fixture["model"]), b"a,b\n" + b"0.5,-1.25e1\n" * 6),
        "NPY": (("predict", fixture["model"]), npy("<f4", (4, 2), struct.pack("<8f", *range(8)))),
        "PGM": (("predict", fixture["model"]), b"P5\n# two\n2 1\n255\nab"),
        "plain PGM": (("predict", fixture["model"]), b"P2\n2 1 9\n7 8\n"),
        "net": (("summary",), XOR.encode()),
        "model": (("inspect",), fixture["model"].read_bytes()),
        "settings": (("rerun",), (record / "settings.txt").read_bytes()),
        "result": (("rerun",), (record / "result.txt").read_bytes()),
    }
    for kind, (command, good) in kinds.items():
        wrong = []
        for number in range(10 if quick else 40):
            data = changed(good, rng)
            if command[0] == "rerun":
                write(record / f"{kind}.txt", data)
                result = run("rerun", record, "--data", fixture["data"], "--quiet", "--threads", 1)
            else:
                result = run(*command, write(folder / "changed.dat", data))
            fault = None if result.returncode == 0 and not errors_of(result.stderr) else refusal(result, command[0])
            if fault:
                wrong.append(f"{number}: {fault}: {data[:80]!r}")
        if command[0] == "rerun":
            write(record / f"{kind}.txt", good)
        check(f"{kind} files that were changed end well or with one line", not wrong, wrong[:3])


# ---- pages ----

def test_pages(folder):
    """Runs the blocks of sh of every page, each page in a folder that leads to the examples; a block of text that follows and begins with
    "prints:" is what one must print."""
    env = {**os.environ, "PATH": f"{TOOL.parent}:{BUILD / 'examples'}:{os.environ['PATH']}"}
    for page in sorted((ROOT / "docs").glob("*.md")):
        if page.stem == "CONTRIBUTING": # check_contributing.py follows it in a copy of the tree
            continue
        blocks = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.M | re.S)
        desk = folder / f"page-{page.stem}"
        desk.mkdir()
        (desk / "examples").symlink_to(ROOT / "examples")
        for (kind, text), (_, after) in zip(blocks, blocks[1:] + [("", "")]):
            if kind != "sh":
                continue
            result = subprocess.run(["sh", "-e", "-c", text], cwd=desk, env=env, capture_output=True, text=True, timeout=120, check=False)
            title, wanted = text.strip().splitlines()[-1][:60], after.partition("prints:\n")[2] if after.startswith("prints:") else None
            ok = result.returncode == 0 and not errors_of(result.stderr) and wanted in (None, result.stdout)
            check(f"{page.stem}: '{title}'", ok, f"status {result.returncode}: {result.stdout}{result.stderr}")


def test_manual():
    """The manual has every command and every option that the help has, and no others."""
    manual = (ROOT / "docs/sixnet.1.in").read_text().replace("\\-", "-")
    helps = {name: output(name, "--help") for name in COMMANDS}
    known = {option for text in helps.values() for option in re.findall(r"^  (--[a-z-]+)", text, re.M)} | {"--version"}
    named = set(re.findall(r"--[a-z-]+", manual))
    check("the manual has every option", known == named, f"missing {known - named}, unknown {named - known}")
    missing = [name for name in COMMANDS if not re.search(rf"^\.B[IR]? \"?sixnet {name}\b", manual, re.M)]
    check("the manual has every command", not missing, missing)
    if shutil.which("man"):
        result = subprocess.run(["man", "--warnings", "-l", str(ROOT / "docs/sixnet.1.in")], capture_output=True, text=True, check=False,
                                env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "100"})
        check("man shows the manual", result.returncode == 0 and not result.stderr and "EXIT STATUS" in result.stdout, result.stderr)
    else:
        skip("man shows the manual", "there is no man")


def complete(*words):
    script = f'. "{ROOT}/tools/sixnet/sixnet.bash"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sixnet; printf "%s\\n" "${{COMPREPLY[@]}}"'
    result = subprocess.run(["bash", "-c", script, "bash", str(TOOL), *words], capture_output=True, text=True, check=True)
    return result.stdout.split()


def test_completion():
    if not shutil.which("bash"):
        return skip("completion", "there is no bash")
    found = complete("")
    check("bash completes commands", set(found) == {*COMMANDS, "--help", "--version"} and complete("pre") == ["predict"], found)
    check("bash completes options", complete("train", "x", "--opt") == ["--optimizer"] and "--json" in complete("eval", "--"))
    check("bash completes optimizers", complete("train", "--optimizer", "adamw") == ["adamw"])
    check("bash completes schedules", "step_lr" in complete("train", "--schedule", ""))
    check("bash completes layers", complete("list", "conv2") == ["conv2d"])
    check("bash completes types", complete("train", "a.net", "--dtype", "f") == ["f32", "f64"])


def main():
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        sets = {"train": small_set("train", 1000, 1), "t10k": small_set("t10k", 200, 2)}
        data = write_set(folder / "data", sets)
        fixture = make_fixture(folder)
        test_help()
        test_scripts()
        test_pages(folder)
        test_manual()
        test_completion()
        test_nets(folder, fixture)
        test_layers_and_info()
        test_bench(folder)
        test_predict(folder, fixture)
        test_numbers(folder)
        test_notes(folder, fixture)
        test_augment(folder, sets)
        test_images(folder, sets)
        test_same_bits_as_example(folder, data)
        test_record_of_example(folder, data, sets)
        test_outputs(folder, fixture)
        test_tensors(folder, fixture)
        test_saving_over_inputs(folder, fixture)
        test_diagnostics(folder, fixture)
        test_resume(folder, fixture)
        test_interrupt(folder, fixture)
        test_record(folder, fixture)
        test_record_resumed_otherwise(folder, fixture)
        test_interrupted_record(folder, fixture)
        test_foreign_record(folder, fixture)
        test_planted_links(folder, fixture)
        test_terminal(folder, fixture)
        test_reading_bar(folder)
        test_refusals(folder, fixture)
        test_bad_files(folder, fixture)
        test_changed_files(folder, fixture)
    counts = shared.counts
    print(f"{counts[True]} passed, {counts[False]} failed, in {time.monotonic() - start:.1f} s")
    return 1 if counts[False] else 0


if __name__ == "__main__":
    sys.exit(main())
