# SPDX-License-Identifier: MIT
"""A program of someone else's, in Python, that uses the installed library: the net of two neurons, and nets drawn at random."""

import random

import sixnet

TWO_NEURONS = """
    input shape=2
    linear out_features=2 bias=false name=hidden
    sigmoid
    linear out_features=2 bias=false name=output
    sigmoid
    mse reduction=half_sum
"""


def two_neurons():
    net = sixnet.Model(TWO_NEURONS, sixnet.Context(dtype="f64"))
    net["hidden.weight"] = [[0.15, 0.20], [0.25, 0.30]]
    net["output.weight"] = [[0.40, 0.45], [0.50, 0.55]]
    inputs, targets = [[0.05, 0.10]], [[0.01, 0.99]]
    net.forward(inputs)
    assert abs(net.loss(targets) - 0.242519857348) < 1e-12
    net.backward()
    assert abs(net.gradient("output.weight").tolist()[0][0] - 0.072157072912) < 1e-12
    assert abs(net.gradient("hidden.weight").tolist()[0][0] - 0.000188255667) < 1e-12
    history = net.fit(inputs, targets, optimizer="sgd lr=0.5", epochs=10000)
    assert history[-1].loss < 1e-3, history[-1]


def random_text(draw):
    """A net for images of 2 x 6 x 6, of layers that have a derivative everywhere."""
    lines = ["input shape=2x6x6"]
    for _ in range(draw.randint(1, 3)):
        lines.append(f"conv2d out_channels={draw.randint(2, 6)} kernel_size=3 padding=1 bias={draw.choice(['true', 'false'])}")
        lines.append(draw.choice(["sigmoid", "tanh", "gelu", "batchnorm2d", "silu", "groupnorm num_groups=1"]))
    lines += [f"avgpool2d kernel_size={draw.randint(2, 3)}", "flatten", "linear out_features=2", "cross_entropy"]
    return "\n".join(lines)


def random_net(seed):
    draw = random.Random(seed)
    text = random_text(draw)
    images = [[draw.uniform(-1, 1) for _ in range(72)] for _ in range(64)]
    classes = [int(sum(image) > 0) for image in images]
    exact = sixnet.Model(text, sixnet.Context(dtype="f64", seed=seed))
    check = exact.gradient_check(images[:5], classes[:5])
    assert check.worst < 1e-6, (text, check)
    net = sixnet.Model(text, sixnet.Context(threads=1 + seed % 2, seed=seed))
    history = net.fit(images, classes, optimizer="adam lr=0.01", epochs=30, batch_size=16)
    assert history[-1].loss < history[0].loss and history[-1].accuracy > 0.8, (text, history[-1])
    assert sixnet.Model(net.text).output_shape == (2,) and "Linear" in repr(net)


two_neurons()
for seed in range(8):
    random_net(seed)
print("libsixnet", sixnet.version, "of", sixnet.library_path)
