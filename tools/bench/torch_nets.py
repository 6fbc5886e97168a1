# SPDX-License-Identifier: MIT
"""The library's nets in PyTorch: built from their texts, with MNIST's files as their samples."""

import gzip
import re

import numpy
import torch
from torch import nn

# ---- nets: each line of a text is a module, whose attributes bear PyTorch's names ----


class Add(nn.Module):
    def forward(self, *inputs):
        return sum(inputs[1:], inputs[0])


class HalfSum(nn.Module):
    def forward(self, outputs, targets):
        return 0.5 * nn.functional.mse_loss(outputs, targets, reduction="sum")


MODULES = {
    "add": lambda shape, **a: Add(),
    "adaptive_avgpool2d": lambda shape, **a: nn.AdaptiveAvgPool2d(**a),
    "avgpool2d": lambda shape, **a: nn.AvgPool2d(**a),
    "batchnorm2d": lambda shape, **a: nn.BatchNorm2d(shape[0], **a),
    "conv2d": lambda shape, **a: nn.Conv2d(shape[0], **a),
    "dropout": lambda shape, **a: nn.Dropout(**a),
    "flatten": lambda shape, **a: nn.Flatten(**a),
    "gelu": lambda shape, **a: nn.GELU(**a),
    "layernorm": lambda shape, **a: nn.LayerNorm(**a),
    "linear": lambda shape, **a: nn.Linear(shape[-1], **a),
    "maxpool2d": lambda shape, **a: nn.MaxPool2d(**a),
    "relu": lambda shape, **a: nn.ReLU(inplace=True),
    "sigmoid": lambda shape, **a: nn.Sigmoid(),
    "tanh": lambda shape, **a: nn.Tanh(),
    "cross_entropy": lambda shape, **a: nn.CrossEntropyLoss(**a),
    "mse": lambda shape, **a: HalfSum(),
}


def value(text):
    if re.fullmatch(r"\d+(x\d+)+", text):
        return tuple(map(int, text.split("x")))
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def spec(line):
    """A line's kind, name, inputs and attributes."""
    kind, *words = line.split()
    given = dict(word.split("=", 1) for word in words)
    name, inputs = given.pop("name", kind), given.pop("from", None)
    return kind, name, inputs and inputs.split(","), {key: value(text) for key, text in given.items()}


class Graph(nn.Module):
    """A net whose layers do not follow one another in a row."""

    def __init__(self, layers):
        super().__init__()
        for name, module, _ in layers:
            self.add_module(name, module)
        places = {name: k + 1 for k, (name, _, _) in enumerate(layers)}
        self.steps = [(module, [places.get(name, 0) for name in inputs]) for name, module, inputs in layers]

    def forward(self, x):
        values = [x]
        for module, inputs in self.steps:
            values.append(module(*[values[k] for k in inputs]))
        return values[-1]


def build(text, dtype):
    """A module, the loss, and the shape of a sample."""
    torch.manual_seed(0)
    (_, above, _, attributes), *lines = map(spec, text.strip().splitlines())
    shape = attributes["shape"] if isinstance(attributes["shape"], tuple) else (attributes["shape"],)
    values, layers = {above: torch.zeros(2, *shape)}, []
    for kind, name, inputs, attributes in lines[:-1]:
        inputs = inputs or [above]
        module = MODULES[kind](values[inputs[0]].shape[1:], **attributes)
        values[name] = module(*[values[i].clone() for i in inputs])
        layers.append((name, module, inputs))
        above = name
    in_a_row = all(inputs == [before] for (_, _, inputs), before in zip(layers[1:], [name for name, _, _ in layers]))
    net = nn.Sequential() if in_a_row else Graph(layers)
    for name, module, _ in layers if in_a_row else []:
        net.add_module(name, module)
    kind, _, _, attributes = lines[-1]
    return net.to(dtype), MODULES[kind](None, **attributes), shape


# ---- training ----


def sgd(text, net):
    _, _, _, attributes = spec(text)
    return torch.optim.SGD(net.parameters(), **attributes)


def accuracy(net, images, labels):
    net.eval()
    with torch.no_grad():
        hits = sum((net(x).argmax(1) == y).sum().item() for x, y in zip(images.split(512), labels.split(512)))
    return hits / len(labels)


# ---- samples ----


def idx(folder, name):
    path = folder / f"{name}-ubyte.gz"
    raw = gzip.open(path).read() if path.exists() else path.with_suffix("").read_bytes()
    return numpy.frombuffer(raw, numpy.uint8, offset=4 + 4 * raw[3])


def normalize(images):
    return images.sub_(0.1307).div_(0.3081)


def mnist(folder, part, normalized=True):
    images = torch.from_numpy(idx(folder, f"{part}-images-idx3").astype(numpy.float32)).view(-1, 1, 28, 28).div_(255)
    return normalize(images) if normalized else images, torch.from_numpy(idx(folder, f"{part}-labels-idx1").astype(numpy.int64))
