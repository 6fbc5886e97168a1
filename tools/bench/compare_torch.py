#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The library against PyTorch, and for predictions against ONNX Runtime: the same nets, samples, batches and threads.

    /usr/bin/python3 tools/bench/compare_torch.py --build build --threads 1

Each pair runs sixnet-bench and PyTorch one right after the other, on the same processors; what counts is the median of the pairs'
ratios, as both sides of a pair see the same machine. The nets come from sixnet-bench as texts, and are built in PyTorch from those.
With --json the last line of the output is all of it as JSON.
"""

import argparse
import io
import json
import os
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
USUAL = "mnist-train,mnist-infer,mnist-one,mlp-train,lenet-train,resnet20-train,two-neuron"
RUNS = 7


def options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0], epilog="See docs/performance.md.")
    parser.add_argument("--build", default=ROOT / "build", type=pathlib.Path, help="build folder of a release build (build)")
    parser.add_argument("--workload", default=USUAL, help="as for sixnet-bench, which lists them (%(default)s)")
    parser.add_argument("--threads", default=1, type=int)
    parser.add_argument("--isa", default="auto", help="the library's; PyTorch uses what it likes")
    parser.add_argument("--batch", type=int, help="in place of the workloads' own")
    parser.add_argument("--pairs", default=7, type=int, help="(%(default)s)")
    parser.add_argument("--seconds", default=1.0, type=float, help="for each side of a pair (%(default)s)")
    parser.add_argument("--epochs", default=20, type=int, help="of mnist-whole (%(default)s)")
    parser.add_argument("--data", default=ROOT / "examples/data/mnist", type=pathlib.Path, help="folder of MNIST's four files")
    parser.add_argument("--check", action="store_true", help="first see whether both sides compute the same with the same parameters")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


# Processors and threads are settled before anything is imported that starts some.
OPT = options()
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:OPT.threads])
os.environ.update(OMP_NUM_THREADS=str(OPT.threads), OPENBLAS_NUM_THREADS=str(OPT.threads), PYTHONDONTWRITEBYTECODE="1")

import numpy  # noqa: E402
import torch  # noqa: E402
from torch_nets import accuracy, build, mnist, sgd, spec  # noqa: E402

try:
    import onnx
    import onnxruntime
except ImportError:
    onnxruntime = None

torch.set_num_threads(OPT.threads)
torch.set_flush_denormal(True)

# ---- the library ----


def bench(*arguments):
    command = [OPT.build / "tools/bench/sixnet-bench", "--json", *arguments]
    return json.loads(subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True).stdout)


class Sixnet:
    name = "sixnet"

    def __init__(self, work):
        self.arguments = ["--workload", work["workload"], "--threads", OPT.threads, "--isa", OPT.isa, "--batch", work["batch"],
                          "--seconds", OPT.seconds, "--epochs", OPT.epochs, "--data", OPT.data, "--no-peak"]

    def measure(self):
        answer = bench(*self.arguments)
        self.result = {**answer["results"][0], "version": answer["version"], "compiler": answer["compiler"]}
        return self.result["seconds"], self.result["cpu_seconds"]


# ---- samples, the same as those of tools/bench/workloads.c ----

SAMPLE_BYTES, MOST_SAMPLES = 16 << 20, 8192


def noise(i):
    i = i.astype(numpy.uint32) * numpy.uint32(2654435761)
    i = (i ^ i >> numpy.uint32(15)) * numpy.uint32(2246822519)
    return i ^ i >> numpy.uint32(13)


def samples(work, shape, outputs, dtype):
    """Batches of inputs and targets."""
    size, batch = int(numpy.prod(shape)), work["batch"]
    count = min(SAMPLE_BYTES // dtype.itemsize // size, MOST_SAMPLES)
    count = max(count // batch, 1) * batch
    if work["data"] == "mnist":
        inputs, targets = (tensor[:count] for tensor in mnist(OPT.data, "train"))
        inputs = inputs.reshape(count, *shape)
    else:
        inputs = torch.from_numpy((noise(numpy.arange(count * size)) / 2.0**31 - 1).astype(dtype).reshape(count, *shape))
        classes = work["net"].rstrip().splitlines()[-1].startswith("cross_entropy")
        bits = noise(~numpy.arange(count * (1 if classes else outputs)).astype(numpy.uint32))
        values = (bits % outputs).astype(numpy.int64) if classes else (bits / 2.0**32).astype(dtype).reshape(count, outputs)
        targets = torch.from_numpy(values)
    return list(zip(inputs.split(batch), targets.split(batch)))


# ---- PyTorch ----


def run(call, seconds, calls):
    """The seconds of a call, by the clock and of processors."""
    start, cpu, done = time.perf_counter(), time.process_time(), 0
    while True:
        for _ in range(calls):
            call()
        done += calls
        now = time.perf_counter()
        if now - start >= seconds:
            return (now - start) / done, (time.process_time() - cpu) / done


def measure(call, seconds):
    run(call, seconds / RUNS, 1)
    calls = 1 + int(1e-4 / run(call, seconds / RUNS, 1)[0])
    runs = [run(call, seconds / RUNS, calls) for _ in range(RUNS)]
    return statistics.median(run[0] for run in runs), statistics.mean(run[1] for run in runs)


def forever(batches):
    while True:
        yield from batches


class Contender:
    def __init__(self, name, call):
        self.name, self.call = name, call

    def measure(self):
        return measure(self.call, OPT.seconds)


def training(work, net, loss, batches):
    optimizer, source = sgd(work["optimizer"], net), forever(batches)

    def step():
        inputs, targets = next(source)
        optimizer.zero_grad(set_to_none=True)
        loss(net(inputs), targets).backward()
        optimizer.step()

    return Contender("torch", step)


def predictor(name, net, batches):
    source = forever(batches)

    def predict():
        with torch.no_grad():
            net(next(source)[0])

    return Contender(name, predict)


def frozen(net, inputs):
    """TorchScript, both as it is frozen and as it is optimised after that: whichever is faster here."""
    with torch.no_grad():
        script = torch.jit.freeze(torch.jit.trace(net, inputs))
        yield script
        yield torch.jit.optimize_for_inference(torch.jit.trace(net, inputs))


def onnx_predictor(net, batches):
    file = io.BytesIO()
    torch.onnx.export(net, batches[0][0], file, input_names=["x"], training=torch.onnx.TrainingMode.EVAL)
    onnx.checker.check_model(onnx.load_from_string(file.getvalue()))
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = OPT.threads
    session = onnxruntime.InferenceSession(file.getvalue(), settings, providers=["CPUExecutionProvider"])
    source = forever([inputs.numpy() for inputs, _ in batches])
    return Contender("onnxruntime", lambda: session.run(None, {"x": next(source)}))


def predictors(net, batches):
    net.eval()
    choices = [predictor("torch", script, batches) for script in frozen(net, batches[0][0])]
    for choice in choices:
        run(choice.call, 0.2, 1)  # TorchScript compiles in the first calls
    yield min(choices, key=lambda choice: run(choice.call, 0.2, 1)[0])
    if onnxruntime:
        yield onnx_predictor(net, batches)


class Whole:
    """The example's run: load, train, evaluate after each epoch."""

    name = "torch"

    def __init__(self, work):
        self.work = work

    def measure(self):
        start, cpu = time.perf_counter(), time.process_time()
        net, loss, _ = build(self.work["net"], torch.float32)
        (images, labels), test = mnist(OPT.data, "train"), mnist(OPT.data, "t10k")
        optimizer = sgd(self.work["optimizer"], net)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10, gamma=0.1)
        for _ in range(OPT.epochs):
            net.train()
            for batch in torch.randperm(len(images)).split(self.work["batch"]):
                optimizer.zero_grad(set_to_none=True)
                loss(net(images[batch]), labels[batch]).backward()
                optimizer.step()
            schedule.step()
            right = accuracy(net, *test)
        self.result = {"accuracy": right, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
        return time.perf_counter() - start, time.process_time() - cpu

def contenders(work):
    if work["kind"] == "fit":
        return [Whole(work)]
    dtype = {"f32": torch.float32, "f64": torch.float64}[work["dtype"]]
    net, loss, shape = build(work["net"], dtype)
    outputs = net.eval()(torch.zeros(2, *shape, dtype=dtype)).shape[1]
    batches = samples(work, shape, outputs, numpy.dtype(str(dtype).split(".")[1]))
    net.train()
    return [training(work, net, loss, batches)] if work["kind"] in ("train", "epoch") else list(predictors(net, batches))


def difference(ours, theirs):
    """The largest, as a share of the largest value."""
    theirs = theirs.detach().numpy()
    return float(abs(numpy.asarray(ours).reshape(theirs.shape) - theirs).max() / abs(theirs).max())


def check(work):
    """Whether both sides predict the same, and find the same gradients, with PyTorch's parameters. Without dropout, which is random."""
    os.environ.setdefault("SIXNET_LIBRARY", str(OPT.build / "lib/libsixnet.so.1"))
    sys.path.insert(0, str(ROOT / "tools/python"))
    import sixnet
    text = re.sub(r"dropout p=\S+", "dropout p=0", work["net"])
    theirs, loss, shape = build(text, torch.float32)
    ours = sixnet.Model(text)
    ours.load_state_dict({name: tensor.numpy() for name, tensor in theirs.state_dict().items()})
    outputs = theirs.eval()(torch.zeros(2, *shape)).shape[1]
    inputs, targets = samples({**work, "batch": 20}, shape, outputs, numpy.dtype("float32"))[0]
    worst = difference(ours.predict(inputs.numpy()), theirs(inputs))
    loss(theirs.train()(inputs), targets).backward()
    ours.forward(inputs.numpy())
    ours.loss(targets.numpy().astype(numpy.float32))
    ours.backward()
    for name, parameter in theirs.named_parameters():
        worst = max(worst, difference(ours.gradient(name), parameter.grad))
    count = sum(parameter.numel() for parameter in theirs.parameters())
    print(f"{work['workload']}: {count} parameters; predictions and gradients differ by {worst:.1e} of the largest, at most")
    if not worst < 1e-3:
        sys.exit("these are not the same nets")


# ---- pairs ----


def figure(work, seconds):
    if work["kind"] == "fit":
        return f"{seconds:.1f} s"
    return f"{1e6 * seconds:.2f} us" if work["batch"] == 1 else f"{work['batch'] / seconds:.0f} samples/s"


def compare(work):
    sides, pairs = [Sixnet(work), *contenders(work)], []
    print(f"\n{work['workload']}: batch {work['batch']}, threads {OPT.threads}")
    for number in range(1 if work["kind"] == "fit" else OPT.pairs):
        order = sides if number % 2 == 0 else sides[::-1]
        found = {side.name: side.measure() for side in order}
        others = [times for name, times in found.items() if name != "sixnet"]
        pairs.append({"seconds": {name: times[0] for name, times in found.items()},
                      "cpu_seconds": {name: times[1] for name, times in found.items()},
                      "ratio": min(times[0] for times in others) / found["sixnet"][0],
                      "cpu_ratio": min(times[1] for times in others) / found["sixnet"][1]})
        shown = ", ".join(f"{name} {figure(work, times[0])}" for name, times in found.items())
        print(f"  {shown}: {pairs[-1]['ratio']:.2f} times", flush=True)
    middle = {key: statistics.median(pair[key] for pair in pairs) for key in ("ratio", "cpu_ratio")}
    print(f"  median of {len(pairs)}: {middle['ratio']:.2f} times; by processor time {middle['cpu_ratio']:.2f} times")
    for side in sides if work["kind"] == "fit" else []:
        print(f"  {side.name}: accuracy {100 * side.result['accuracy']:.2f} %, peak memory {side.result['peak_mb']:.0f} MB")
    ours = {key: sides[0].result[key] for key in ("version", "compiler", "isa")}
    return {"workload": work["workload"], "batch": work["batch"], "threads": OPT.threads, **ours, **middle, "pairs": pairs}


def blas():
    """The libraries of linear algebra that PyTorch has loaded."""
    maps = pathlib.Path("/proc/self/maps").read_text()
    return sorted(set(re.findall(r"(/\S*(?:libblas|openblas|mkl|dnnl)\S*)", maps)))


def machine():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {"processor": model[1] if model else "unknown", "processors": sorted(os.sched_getaffinity(0)),
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), "python": sys.version.split()[0], "torch": torch.__version__,
            "torch_isa": re.search(r"CPU capability usage: (\w+)|$", torch.__config__.show())[1], "libraries": blas(),
            "onnxruntime": onnxruntime.__version__ if onnxruntime else "skipped: onnx or onnxruntime is not installed"}


def main():
    head = machine()
    for key, what in head.items():
        print(f"{key}: {what}")
    works = bench("--list", "--workload", OPT.workload)
    for work in works:
        work["batch"] = OPT.batch or work["batch"]
    for work in {work["net"]: work for work in works}.values() if OPT.check else []:
        check(work)
    results = [compare(work) for work in works]
    if OPT.json:
        print(json.dumps({**head, "results": results}))


main()
