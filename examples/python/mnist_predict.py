#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads handwritten digits: trains the net of mnist_cnn.net for a short while, or takes weights from a file, and shows some predictions.

Set SIXNET_LIBRARY to the library's path if the system does not know it. NumPy is needed for --weights and --save only.
"""

import argparse
import math
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../tools/python"))
import sixnet  # noqa: E402

SHADES = " .:-=+*#%@"


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.path.join(HERE, "../data/mnist"), help="folder of the four IDX files, gzipped or not")
    parser.add_argument("--net", default=os.path.join(HERE, "../mnist_cnn.net"), help="the net's text")
    parser.add_argument("--weights", help="an .npz file of weights, instead of training")
    parser.add_argument("--save", help="an .npz file to write the trained weights to")
    parser.add_argument("--samples", type=int, default=10000, help="how many of the 60,000 training images to use")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0, help="0 for every processor")
    parser.add_argument("--digits", type=int, default=5, help="how many predictions to show")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def open_data(folder, name, context):
    def path(kind):
        plain = os.path.join(folder, f"{name}-{kind}-ubyte")
        return plain if os.path.exists(plain) else plain + ".gz"

    images = sixnet.Dataset.from_idx(path("images-idx3"), path("labels-idx1"), context)
    return images.add_transform("normalize mean=0.1307 std=0.3081")


def show_progress(p):
    if p.epoch_end or sys.stdout.isatty():
        print(f"\repoch {p.epoch}/{p.epochs}  batch {p.batch}/{p.batches}  loss {p.loss:.4f}  accuracy {p.accuracy:.2%}",
              end="\n" if p.epoch_end else "", flush=True)


def train(net, args, context):
    data = open_data(args.data, "train", context)
    part = data.split(args.samples, seed=args.seed)[0] if args.samples < len(data) else data
    steps = args.epochs * math.ceil(len(part) / 128)
    net.fit(part, optimizer="sgd lr=0.1 momentum=0.9", schedule=f"one_cycle_lr max_lr=0.2 total_steps={steps} cycle_momentum=false",
            epochs=args.epochs, batch_size=128, seed=args.seed, progress=show_progress)


def drawing(image):
    """A 28 x 28 image as 14 lines of text; a character is two pixels, one above the other, made two wide."""
    pixels = [value * 0.3081 + 0.1307 for row in image.tolist()[0] for value in row]
    for y in range(0, 28, 2):
        shades = ((pixels[28 * y + x] + pixels[28 * (y + 1) + x]) / 2 for x in range(28))
        yield "".join(SHADES[min(len(SHADES) - 1, max(0, int(shade * len(SHADES))))] for shade in shades)


def softmax(scores):
    powers = [math.exp(score - max(scores)) for score in scores]
    return [power / sum(powers) for power in powers]


def show_digits(net, data, count, seed):
    some = data.split(count, seed=seed)[0] if count < len(data) else data
    for image, label in some:
        chances = softmax(net.predict(image).tolist()[0])
        best = max(range(10), key=chances.__getitem__)
        print("\n".join(drawing(image)))
        truth = "right" if best == int(label[0]) else f"wrong, it is a {int(label[0])}"
        print(f"I read a {best}, {chances[best]:.1%} sure: {truth}\n")


def main():
    args = options()
    context = sixnet.Context(threads=args.threads, seed=args.seed)
    with open(args.net, encoding="utf-8") as file:
        net = sixnet.Model(file.read(), context)
    if args.weights:
        net.load_state_dict(dict(sixnet.numpy.load(args.weights)))
    else:
        train(net, args, context)
    if args.save:
        sixnet.numpy.savez(args.save, **net.state_dict())
    test = open_data(args.data, "t10k", context)
    print(f"{net.evaluate(test).accuracy:.2%} of the {len(test):,} test images are read right\n")
    show_digits(net, test, args.digits, args.seed)


if __name__ == "__main__":
    try:
        main()
    except (sixnet.SixnetError, KeyboardInterrupt) as error:
        sys.exit(f"\nmnist_predict: {error or 'interrupted'}")
