#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Model files between the library and Python's safetensors package, with NumPy and, if it is there, PyTorch: test_files.py

SIXNET_LIBRARY is the shared library's path. Ends with status 77 (skipped) where safetensors or NumPy is missing.
"""

import ctypes
import os
import pathlib
import sys
import tempfile

try:
    import numpy
    import safetensors
    import safetensors.numpy
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parent.parent
NET = "input shape=1x8x8\nconv2d out_channels=3 kernel_size=3 name=conv\nrelu\nbatchnorm2d name=bn\nflatten\n"
NET += "linear out_features=4 name=fc\n"

lib = ctypes.CDLL(os.environ["SIXNET_LIBRARY"])
lib.sixnet_last_error.restype = ctypes.c_char_p
pointer, text = ctypes.c_void_p, ctypes.c_char_p
FLOATS = ctypes.POINTER(ctypes.c_float)
SIGNATURES = {
    "sixnet_context_new": [ctypes.POINTER(pointer), text],
    "sixnet_model_parse": [ctypes.POINTER(pointer), pointer, text],
    "sixnet_model_save": [pointer, text, text],
    "sixnet_model_load": [ctypes.POINTER(pointer), pointer, text, text],
    "sixnet_model_load_weights": [pointer, text, text, ctypes.POINTER(text)],
    "sixnet_tensor_get_f64": [pointer, text, ctypes.POINTER(ctypes.c_double), ctypes.c_int64],
    "sixnet_model_predict": [pointer, FLOATS, ctypes.c_int64, FLOATS],
}
for name, argtypes in SIGNATURES.items():
    getattr(lib, name).argtypes = argtypes


def call(name, *arguments):
    if getattr(lib, name)(*arguments):
        sys.exit(f"{name}: {lib.sixnet_last_error().decode()}")


def new_net(options=b"seed=3", net=NET):
    context, model = pointer(), pointer()
    call("sixnet_context_new", ctypes.byref(context), options)
    call("sixnet_model_parse", ctypes.byref(model), context, net.encode())
    return model


def get(model, name, size):
    values = (ctypes.c_double * size)()
    call("sixnet_tensor_get_f64", model, name.encode(), values, size)
    return numpy.array(values)


def load_weights(model, path, options=None):
    report = text()
    call("sixnet_model_load_weights", model, str(path).encode(), options, ctypes.byref(report))
    return report.value.decode()


def test_numpy_reads_what_we_save(folder):
    for options, dtype in ((b"seed=3", "float32"), (b"seed=3 dtype=f64", "float64")):
        net = new_net(options)
        path = folder / "saved.safetensors"
        call("sixnet_model_save", net, str(path).encode(), None)
        tensors = safetensors.numpy.load_file(path)
        assert sorted(tensors) == sorted(["conv.weight", "conv.bias", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var",
                                          "fc.weight", "fc.bias"])
        assert tensors["conv.weight"].shape == (3, 1, 3, 3)
        for name, values in tensors.items():
            assert values.dtype == dtype
            assert (get(net, name, values.size) == values.reshape(-1)).all(), name
        with safetensors.safe_open(path, "numpy") as file:
            metadata = file.metadata()
        assert metadata["format"] == "pt" and "conv2d out_channels=3" in metadata["sixnet.net"]


def test_we_read_what_numpy_saves(folder):
    path = folder / "numpy.safetensors"
    for dtype in ("float16", "float32", "float64"):
        net = new_net()
        shapes = {"conv.weight": (3, 1, 3, 3), "conv.bias": 3, "bn.weight": 3, "bn.bias": 3, "bn.running_mean": 3,
                  "bn.running_var": 3, "fc.weight": (4, 108), "fc.bias": 4}
        random = numpy.random.default_rng(1)
        tensors = {name: random.uniform(0, 1, shape).astype(dtype) for name, shape in shapes.items()}
        safetensors.numpy.save_file(tensors, path, metadata={"made by": "numpy \"ä\" \n"})
        assert load_weights(net, path) == ""
        for name, values in tensors.items():
            assert (get(net, name, values.size) == values.astype("float32").reshape(-1)).all(), (dtype, name)


def torch_mnist(torch):
    """The net of examples/mnist_cnn.net, whose layers have the names that it gives them."""
    nn, layers, counts = torch.nn, [], {}

    def add(prefix, layer):
        counts[prefix] = counts.get(prefix, 0) + 1
        layers.append((f"{prefix}{counts[prefix]}", layer))
        return layer

    channels = 1
    for block, out in enumerate((8, 8, 14, 14, 24, 24, 32)):
        add("conv", nn.Conv2d(channels, out, 3, padding=1, bias=False))
        add("relu", nn.ReLU())
        add("bn", nn.BatchNorm2d(out))
        channels = out
        if block in (1, 3, 5):
            add("pool", nn.MaxPool2d(2))
            add("conv", nn.Conv2d(out, out, 1, bias=False))
    add("conv", nn.Conv2d(channels, 10, 1, bias=False))
    add("pool", nn.AvgPool2d(3))
    add("flatten", nn.Flatten())
    return nn.ModuleDict({name.replace(".", "_"): layer for name, layer in layers})


def run_torch(torch, model, images):
    with torch.no_grad():
        values = torch.from_numpy(images)
        for layer in model.eval().values():
            values = layer(values)
        return values.numpy()


def predict(net, images):
    outputs = numpy.zeros((len(images), 10), "float32")
    call("sixnet_model_predict", net, images.ctypes.data_as(FLOATS), len(images), outputs.ctypes.data_as(FLOATS))
    return outputs


def test_pytorch_both_ways(folder):
    try:
        import safetensors.torch
        import torch
    except ImportError as error:
        print(f"without PyTorch: {error}")
        return
    torch.manual_seed(1)
    model, path = torch_mnist(torch), str(folder / "torch.safetensors")
    for name, values in model.state_dict().items():
        if "running" in name:
            values.uniform_(0.1, 1)
    net = new_net(net=(ROOT / "examples/mnist_cnn.net").read_text())
    images = numpy.random.default_rng(1).normal(size=(50, 1, 28, 28)).astype("float32")
    safetensors.torch.save_file(model.state_dict(), path)
    assert load_weights(net, path) == ""
    assert abs(predict(net, images) - run_torch(torch, model, images)).max() < 1e-5

    net = new_net(net=(ROOT / "examples/mnist_cnn.net").read_text())
    call("sixnet_model_save", net, path.encode(), None)
    model.load_state_dict(safetensors.torch.load_file(path))
    assert abs(predict(net, images) - run_torch(torch, model, images)).max() < 1e-5
    print(f"with PyTorch {torch.__version__}")


def test_hostile_files_that_others_take(folder):
    """Where safetensors refuses a file so do we."""
    golden = ROOT / "tests/golden/hostile"
    net = new_net(net="input shape=3\nlinear out_features=2 name=fc\nmse\n")
    for path in sorted(golden.glob("*.safetensors")):
        ours = lib.sixnet_model_load_weights(net, str(path).encode(), b"strict=false checksum=false check_values=false", None)
        try:
            safetensors.numpy.load_file(path)
        except Exception:  # of whatever kind
            assert ours < 0, f"{path.name} is refused by safetensors"


def main():
    tests = [value for name, value in globals().items() if name.startswith("test_")]
    with tempfile.TemporaryDirectory(prefix="sixnet-files-") as folder:
        for test in tests:
            test(pathlib.Path(folder))
    print(f"{len(tests)} passed, 0 failed")


main()
