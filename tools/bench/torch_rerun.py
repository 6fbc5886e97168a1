#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trains in PyTorch what a record has, and tells accuracy and time beside the record's: torch_rerun.py FOLDER

    build/examples/mnist_cnn --recipe fast --threads 2 --run-dir fast
    /usr/bin/python3 tools/bench/torch_rerun.py fast --threads 2

For records of MNIST, or data of its form, with at most random_affine as a transform at random. The bits are not the same, as random numbers
differ.
"""

import argparse
import os
import pathlib
import sys
import time


def options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", metavar="FOLDER", type=pathlib.Path, help="a record that mnist_cnn or sixnet train wrote")
    parser.add_argument("--threads", default=1, type=int)
    parser.add_argument("--seed", type=int, help="in place of the record's")
    return parser.parse_args()


# Processors and threads are settled before anything is imported that starts some.
OPT = options()
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:OPT.threads])
os.environ.update(OMP_NUM_THREADS=str(OPT.threads), OPENBLAS_NUM_THREADS=str(OPT.threads))

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch_nets import accuracy, build, mnist, normalize, sgd, spec  # noqa: E402

torch.set_num_threads(OPT.threads)
torch.set_flush_denormal(True)


def read(name):
    lines = [line.split("=", 1) for line in (OPT.folder / name).read_text().splitlines() if "=" in line and not line.startswith("#")]
    if len(dict(lines)) < len(lines):
        sys.exit(f"torch_rerun: {OPT.folder / name} has several lines of one kind, which is not known here")
    return dict(lines)


def schedules(text, optimizer):
    """What is called after every step, and after every epoch."""
    nothing, (kind, _, _, attributes) = (lambda: None), spec(text or "none")
    if kind == "none":
        return nothing, nothing
    if kind == "one_cycle_lr":
        cycles = attributes.pop("cycle_momentum", "true") != "false"
        return torch.optim.lr_scheduler.OneCycleLR(optimizer, cycle_momentum=cycles, **attributes).step, nothing
    if kind == "step_lr":
        return nothing, torch.optim.lr_scheduler.StepLR(optimizer, **attributes).step
    sys.exit(f"torch_rerun: the schedule '{kind}' is not known here; step_lr and one_cycle_lr are")


def augmentation(text):
    """What is done to a batch of images from 0 to 1: random_affine for square images, with degrees, translate and scale."""
    if not text:
        return lambda images: images
    kind, _, _, given = spec(text)
    if kind != "random_affine" or set(given) - {"degrees", "translate", "scale"}:
        sys.exit(f"torch_rerun: the transform '{text}' is not known here; random_affine with degrees, translate and scale is")
    low, high = map(float, given.get("scale", "1,1").split(","))

    def draw(count, most):
        return (2 * torch.rand(count) - 1) * most

    def affine(images):
        count, side = len(images), images.shape[-1]
        turn, scale = torch.deg2rad(draw(count, given["degrees"])), low + (high - low) * torch.rand(count)
        cosine, sine = torch.cos(turn) / scale, torch.sin(turn) / scale
        right, down = (torch.round(draw(count, given.get("translate", 0) * side)) * 2 / side for _ in range(2))
        rows = [[cosine, sine, -cosine * right - sine * down], [-sine, cosine, sine * right - cosine * down]]
        maps = torch.stack([torch.stack(row, 1) for row in rows], 1)
        grid = nn.functional.affine_grid(maps, images.shape, align_corners=False)
        return nn.functional.grid_sample(images, grid, align_corners=False)

    return affine


def train(settings):
    net, loss, _ = build((OPT.folder / settings["net"]).read_text(), torch.float32)
    folder = pathlib.Path(settings["data"])
    (images, labels), test = mnist(folder, "train", normalized=False), mnist(folder, "t10k")
    augment = augmentation(settings.get("augment"))
    torch.manual_seed(OPT.seed if OPT.seed is not None else int(settings["seed"]))
    for module in net.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    optimizer = sgd(settings["optimizer"], net)
    after_step, after_epoch = schedules(settings.get("schedule"), optimizer)
    for epoch in range(int(settings["epochs"])):
        net.train()
        for batch in torch.randperm(len(images)).split(int(settings["batch-size"])):
            optimizer.zero_grad(set_to_none=True)
            loss(net(normalize(augment(images[batch]))), labels[batch]).backward()
            optimizer.step()
            after_step()
        after_epoch()
        right = accuracy(net, *test)
        print(f"epoch {epoch + 1}/{settings['epochs']}  test accuracy {100 * right:.2f} %", flush=True)
    return right


def main():
    settings, result = read("settings.txt"), read("result.txt")
    if settings.get("validation", "0") != "0":
        sys.exit("torch_rerun: the record has images held out, which is not known here")
    if settings.get("transform") != "normalize mean=0.1307 std=0.3081":
        sys.exit("torch_rerun: the record's transform is not the one of mnist_cnn, which alone is known here")
    start = time.perf_counter()
    right = train(settings)
    print(f"PyTorch: test accuracy {100 * right:.2f} % in {time.perf_counter() - start:.1f} s; "
          f"recorded: {100 * float(result['test-accuracy']):.2f} % in {float(result['seconds']):.1f} s")


main()
