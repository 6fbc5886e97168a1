#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The net of two neurons in each of its two layers, sigmoid, without biases: one training step by hand, then many.

Set SIXNET_LIBRARY to the library's path if the system does not know it. NumPy is not needed.
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/python"))
import sixnet  # noqa: E402

NET = """
    input shape=2
    linear out_features=2 bias=false name=hidden
    sigmoid name=a_h
    linear out_features=2 bias=false name=output
    sigmoid name=a_o
    mse reduction=half_sum
"""
INPUTS, TARGETS = [[0.05, 0.10]], [[0.01, 0.99]]
RATES = [0.1, 0.2, 0.5, 0.8, 1.0, 2.0]


def new_net():
    net = sixnet.Model(NET, sixnet.Context(dtype="f64"))
    net["hidden.weight"] = [[0.15, 0.20], [0.25, 0.30]]
    net["output.weight"] = [[0.40, 0.45], [0.50, 0.55]]
    return net


def train(net, lr, steps):
    """Returns the error before each step."""
    errors = []
    with sixnet.Optimizer(net, f"sgd lr={lr}") as optimizer:
        for _ in range(steps):
            net.zero_grad()
            net.forward(INPUTS)
            errors.append(net.loss(TARGETS))
            net.backward()
            optimizer.step()
    return errors


def numbers(values):
    return [value for row in values.tolist() for value in row]


def show_step():
    net = new_net()
    error = train(net, 0.5, 1)[0]
    print(f"outputs   {' '.join(f'{v:.12f}' for v in numbers(net.node_values()))}")
    print(f"E_total   {error:.12f}")
    names = [f"w{i}" for i in range(1, 9)]
    gradients = numbers(net.gradient("hidden.weight")) + numbers(net.gradient("output.weight"))
    weights = numbers(net["hidden.weight"]) + numbers(net["output.weight"])
    print("\nweight  dE/dw            after one step, lr = 0.5")
    for name, gradient, weight in zip(names, gradients, weights):
        print(f"{name:6}  {gradient:15.12f}  {weight:.12f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1000, help="training steps to compare learning rates with")
    steps = parser.parse_args().steps
    show_step()
    print(f"\nlr      E_total after {steps} steps")
    for lr in RATES:
        print(f"{lr:<6}  {train(new_net(), lr, steps + 1)[-1]:.12f}")


if __name__ == "__main__":
    main()
