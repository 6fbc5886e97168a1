#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/*.txt: what PyTorch computes for optimizers, schedules, layers, losses and small nets.

Needs Debian 12's python3-torch (1.13) only, and is run by hand; the tests read the files. A file is a sequence of cases: a line
`case ...`, lines of a keyword and numbers, `end`. Numbers are the shortest decimals that read back as the same double.

Every processor with AVX2 gives the same bytes. The last digits depend on the version of PyTorch and on the BLAS, of which Debian has several:
both are in the first lines of a file.
"""

import copy
import os
import pathlib
from typing import Any, Callable

# Otherwise these choose their kernels by the processor. They read it when they are loaded.
os.environ.update(ATEN_CPU_CAPABILITY="avx2", DNNL_MAX_CPU_ISA="AVX2", OPENBLAS_CORETYPE="Haswell")

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.optim import lr_scheduler  # noqa: E402

GOLDEN = pathlib.Path(__file__).parent / "golden"
COMMAND = "/usr/bin/python3 tests/make_fixtures.py"

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def blas():
    """The name of the BLAS that is loaded: Debian has a folder for each, that of the reference implementation is called blas."""
    lines = pathlib.Path("/proc/self/maps").read_text().splitlines()
    folders = {pathlib.Path(line.split()[-1]).parent.name for line in lines if "/libblas.so" in line}
    return " and ".join("reference" if name == "blas" else name for name in sorted(folders)) or "unknown"


class File:
    def __init__(self, name, about):
        self.path = GOLDEN / name
        about = [f"PyTorch {torch.__version__}, {blas()} BLAS; float64 unless said; written by: {COMMAND}"] + about
        self.lines = ["# SPDX-License-Identifier: MIT"] + ["# " + line for line in about]

    def line(self, keyword, values):
        self.lines.append(" ".join([keyword] + [number(v) for v in flat(values)]))

    def text(self, line):
        self.lines.append(line)

    def write(self):
        self.path.write_text("\n".join(self.lines) + "\n")
        print(f"{self.path}: {self.path.stat().st_size} bytes")


def number(value):
    text = repr(float(value))
    return text[:-2] if text.endswith(".0") else text


def flat(values):
    return values.detach().reshape(-1).tolist() if isinstance(values, torch.Tensor) else list(values)


def formula(shape, factor, shift, modulus, divisor, centre=None):
    """Numbers that are exact in single precision, in no order that a kernel could share."""
    count = torch.Size(shape).numel()
    centre = (modulus - 1) / 2 if centre is None else centre
    return torch.tensor([((i * factor + shift) % modulus - centre) / divisor for i in range(count)]).reshape(shape)


def inputs_of(shape):  # never 0, and no two of 509 alike
    return formula(shape, 211, 11, 509, 128, 254.5)


def indices_of(shape):  # from 0 to 6
    return formula(shape, 5, 2, 7, 1, 0).long()


def lengths_of(n, steps):
    return torch.tensor([[1.0 + i * 3 % steps] for i in range(n)])


def upstream_of(shape):
    return formula(shape, 53, 7, 31, 8)


def set_parameters(module, scale):
    for k, (name, tensor) in enumerate(tensors_of(module)):
        values = formula(tensor.shape, 29, 17 * k + 3, 61, scale)
        is_scale = "running_var" in name or (tensor.dim() == 1 and name.endswith("weight"))
        with torch.no_grad():
            tensor.copy_(1 + values / 2 if is_scale else values)


def tensors_of(module):
    module = getattr(module, "module", module)  # of a wrapper
    return [(name, t) for name, t in module.state_dict(keep_vars=True).items() if not name.endswith("num_batches_tracked")]


# ---- optimizers ----

OPTIMIZERS: list[tuple[str, Any, dict[str, Any]]] = [
    ("sgd lr=0.1", torch.optim.SGD, dict(lr=0.1)),
    ("sgd lr=0.1 momentum=0.9", torch.optim.SGD, dict(lr=0.1, momentum=0.9)),
    ("sgd lr=0.1 momentum=0.9 nesterov=true", torch.optim.SGD, dict(lr=0.1, momentum=0.9, nesterov=True)),
    ("sgd lr=0.1 momentum=0.8 dampening=0.3", torch.optim.SGD, dict(lr=0.1, momentum=0.8, dampening=0.3)),
    ("sgd lr=0.05 weight_decay=0.1", torch.optim.SGD, dict(lr=0.05, weight_decay=0.1)),
    ("sgd lr=0.05 momentum=0.9 weight_decay=0.01 nesterov=true", torch.optim.SGD,
     dict(lr=0.05, momentum=0.9, weight_decay=0.01, nesterov=True)),
    ("sgd lr=0.1 momentum=0.9 clip_norm=0.5", torch.optim.SGD, dict(lr=0.1, momentum=0.9)),
    ("sgd lr=0.1 momentum=0.9 clip_value=0.25", torch.optim.SGD, dict(lr=0.1, momentum=0.9)),
    ("adam", torch.optim.Adam, dict()),
    ("adam lr=0.05 beta1=0.8 beta2=0.99 eps=1e-6", torch.optim.Adam, dict(lr=0.05, betas=(0.8, 0.99), eps=1e-6)),
    ("adam lr=0.05 weight_decay=0.1", torch.optim.Adam, dict(lr=0.05, weight_decay=0.1)),
    ("adam lr=0.05 beta2=0.9 amsgrad=true", torch.optim.Adam, dict(lr=0.05, betas=(0.9, 0.9), amsgrad=True)),
    ("adam lr=0.05 clip_norm=0.5 clip_value=0.25", torch.optim.Adam, dict(lr=0.05)),
    ("adamw", torch.optim.AdamW, dict()),
    ("adamw lr=0.05 weight_decay=0.2", torch.optim.AdamW, dict(lr=0.05, weight_decay=0.2)),
    ("adamw lr=0.05 beta1=0.7 amsgrad=true", torch.optim.AdamW, dict(lr=0.05, betas=(0.7, 0.999), amsgrad=True)),
    ("rmsprop", torch.optim.RMSprop, dict()),
    ("rmsprop lr=0.02 alpha=0.9 weight_decay=0.1", torch.optim.RMSprop, dict(lr=0.02, alpha=0.9, weight_decay=0.1)),
    ("rmsprop lr=0.02 momentum=0.9", torch.optim.RMSprop, dict(lr=0.02, momentum=0.9)),
    ("rmsprop lr=0.02 eps=0.001 centered=true", torch.optim.RMSprop, dict(lr=0.02, eps=0.001, centered=True)),
    ("rmsprop lr=0.01 eps=0.001 momentum=0.9 centered=true", torch.optim.RMSprop,
     dict(lr=0.01, eps=0.001, momentum=0.9, centered=True)),
    ("sgd lr=0.01 momentum=0.9 weight_decay=0.1 maximize=true", torch.optim.SGD,
     dict(lr=0.01, momentum=0.9, weight_decay=0.1, maximize=True)),
    ("adagrad", torch.optim.Adagrad, dict()),
    ("adagrad lr=0.1 lr_decay=0.05 weight_decay=0.1 initial_accumulator_value=0.2 eps=0.01", torch.optim.Adagrad,
     dict(lr=0.1, lr_decay=0.05, weight_decay=0.1, initial_accumulator_value=0.2, eps=0.01)),
    ("adadelta", torch.optim.Adadelta, dict()),
    ("adadelta lr=0.5 rho=0.8 eps=0.01 weight_decay=0.1", torch.optim.Adadelta,
     dict(lr=0.5, rho=0.8, eps=0.01, weight_decay=0.1)),
    ("adamax", torch.optim.Adamax, dict()),
    ("adamax lr=0.05 betas=0.8,0.99 eps=0.01 weight_decay=0.1 maximize=true", torch.optim.Adamax,
     dict(lr=0.05, betas=(0.8, 0.99), eps=0.01, weight_decay=0.1, maximize=True)),
    # Without foreach, NAdam of PyTorch 1.13 divides by 1 - p_t mu_t mu_t+1 instead of 1 - p_t+1; later versions do not.
    ("nadam", torch.optim.NAdam, dict(foreach=True)),
    ("nadam lr=0.05 betas=0.8,0.99 eps=1e-6 weight_decay=0.1 momentum_decay=0.1", torch.optim.NAdam,
     dict(lr=0.05, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1, momentum_decay=0.1, foreach=True)),
    ("radam", torch.optim.RAdam, dict()),
    ("radam lr=0.05 betas=0.8,0.99 eps=1e-6 weight_decay=0.1", torch.optim.RAdam,
     dict(lr=0.05, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1)),
    ("rprop", torch.optim.Rprop, dict()),
    ("rprop lr=0.1 etas=0.4,1.3 step_sizes=0.001,0.2", torch.optim.Rprop,
     dict(lr=0.1, etas=(0.4, 1.3), step_sizes=(0.001, 0.2))),
]

# The rate without lr=, where it is not 0.001.
RATES = {torch.optim.RMSprop: 0.01, torch.optim.Adagrad: 0.01, torch.optim.Adadelta: 1.0, torch.optim.Adamax: 0.002,
         torch.optim.NAdam: 0.002, torch.optim.Rprop: 0.01}


def attribute(spec, name):
    return next((float(word[len(name) + 1:]) for word in spec.split() if word.startswith(name + "=")), 0.0)


def clip(w, spec):
    if attribute(spec, "clip_value"):
        nn.utils.clip_grad_value_([w], attribute(spec, "clip_value"))
    if attribute(spec, "clip_norm"):
        nn.utils.clip_grad_norm_([w], attribute(spec, "clip_norm"))


def optimizers():
    out = File("optimizers.txt", [
        "Seven parameters w, at first w_i = (i - 3) / 4, whose gradient in step t = 1, 2, ... is",
        "((i * 7 + t * 13) % 11 - 5) / 7.0 + 0.1 * w_i. Each line: the number of steps done, then w.",
    ])
    for spec, make, options in OPTIMIZERS:
        w = nn.Parameter(torch.tensor([(i - 3) / 4 for i in range(7)]))
        opt = make([w], **{"lr": RATES.get(make, 0.001), **options})
        out.text(f"case {spec}")
        for t in range(1, 101):
            w.grad = torch.tensor([((i * 7 + t * 13) % 11 - 5) / 7.0 + 0.1 * w[i].item() for i in range(7)])
            clip(w, spec)
            opt.step()
            if t == 1 or t % 10 == 0:
                out.line(f"w {t}", w)
        out.text("end")
    out.write()


# ---- schedules ----

def sgd(lr):
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=lr)


def warmup(opt, steps, start):
    return lr_scheduler.LinearLR(opt, start_factor=start, total_iters=steps)


SCHEDULES = [
    (0.1, "", None),
    (0.1, "step_lr step_size=10", lambda o: lr_scheduler.StepLR(o, 10)),
    (0.3, "step_lr step_size=7 gamma=0.9", lambda o: lr_scheduler.StepLR(o, 7, 0.9)),
    (0.1, "multistep_lr milestones=3,30,31,80", lambda o: lr_scheduler.MultiStepLR(o, [3, 30, 31, 80])),
    (0.1, "multistep_lr milestones=50 gamma=0.5", lambda o: lr_scheduler.MultiStepLR(o, [50], 0.5)),
    (0.1, "exponential_lr gamma=0.95", lambda o: lr_scheduler.ExponentialLR(o, 0.95)),
    (0.1, "exponential_lr gamma=1.01", lambda o: lr_scheduler.ExponentialLR(o, 1.01)),
    (0.1, "cosine_annealing_lr t_max=100", lambda o: lr_scheduler.CosineAnnealingLR(o, 100)),
    (0.1, "cosine_annealing_lr t_max=30 eta_min=0.001", lambda o: lr_scheduler.CosineAnnealingLR(o, 30, 0.001)),
    (0.7, "one_cycle_lr max_lr=0.5 total_steps=100", lambda o: lr_scheduler.OneCycleLR(o, 0.5, 100, cycle_momentum=False)),
    (0.7, "one_cycle_lr max_lr=0.5 total_steps=100 pct_start=0.45 anneal_strategy=linear div_factor=10 final_div_factor=100",
     lambda o: lr_scheduler.OneCycleLR(o, 0.5, 100, pct_start=0.45, anneal_strategy="linear", div_factor=10, final_div_factor=100,
                                       cycle_momentum=False)),
    (0.7, "one_cycle_lr max_lr=0.5 total_steps=100 pct_start=0.35 three_phase=true",
     lambda o: lr_scheduler.OneCycleLR(o, 0.5, 100, pct_start=0.35, three_phase=True, cycle_momentum=False)),
    (0.7, "one_cycle_lr max_lr=0.5 total_steps=100 pct_start=0 anneal_strategy=linear",
     lambda o: lr_scheduler.OneCycleLR(o, 0.5, 100, pct_start=0.0, anneal_strategy="linear", cycle_momentum=False)),
    (0.1, "linear_warmup steps=40", lambda o: warmup(o, 40, 0.01)),
    (0.1, "linear_warmup steps=13 start_factor=0.25 unit=epoch", lambda o: warmup(o, 13, 0.25)),
    (0.1, "linear_warmup steps=20 start_factor=0.1 ; step_lr step_size=25 gamma=0.5 ; exponential_lr gamma=0.99",
     lambda o: lr_scheduler.ChainedScheduler([warmup(o, 20, 0.1), lr_scheduler.StepLR(o, 25, 0.5),
                                              lr_scheduler.ExponentialLR(o, 0.99)])),
    (0.1, "reduce_on_plateau", lambda o: lr_scheduler.ReduceLROnPlateau(o)),
    (0.1, "reduce_on_plateau factor=0.5 patience=2 cooldown=3 min_lr=0.01",
     lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=0.5, patience=2, cooldown=3, min_lr=0.01)),
    (0.1, "reduce_on_plateau mode=max factor=0.7 patience=1 threshold=0.05 threshold_mode=abs",
     lambda o: lr_scheduler.ReduceLROnPlateau(o, mode="max", factor=0.7, patience=1, threshold=0.05, threshold_mode="abs")),
    (0.1, "reduce_on_plateau mode=max factor=0.7 patience=0 threshold=0.01 eps=0.002",
     lambda o: lr_scheduler.ReduceLROnPlateau(o, mode="max", factor=0.7, patience=0, threshold=0.01, eps=0.002)),
    (0.1, "linear_lr", lambda o: lr_scheduler.LinearLR(o)),
    (0.1, "linear_lr start_factor=0.9 end_factor=0.2 total_iters=37",
     lambda o: lr_scheduler.LinearLR(o, start_factor=0.9, end_factor=0.2, total_iters=37)),
    (0.1, "constant_lr", lambda o: lr_scheduler.ConstantLR(o)),
    (0.1, "constant_lr factor=0.7 total_iters=21", lambda o: lr_scheduler.ConstantLR(o, 0.7, 21)),
    (0.1, "polynomial_lr", lambda o: lr_scheduler.PolynomialLR(o)),
    (0.1, "polynomial_lr total_iters=60 power=0.9", lambda o: lr_scheduler.PolynomialLR(o, 60, 0.9)),
    (0.1, "polynomial_lr total_iters=90 power=3", lambda o: lr_scheduler.PolynomialLR(o, 90, 3.0)),
    (0.1, "cosine_annealing_warm_restarts T_0=13", lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 13)),
    (0.1, "cosine_annealing_warm_restarts t_0=5 t_mult=3 eta_min=0.01",
     lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 5, 3, 0.01)),
    (0.7, "one_cycle_lr max_lr=0.5 total_steps=100 base_momentum=0.7 pct_start=0.4",
     lambda o: lr_scheduler.OneCycleLR(o, 0.5, 100, base_momentum=0.7, pct_start=0.4)),
    (0.7, "one_cycle_lr max_lr=0.5 total_steps=100 three_phase=true anneal_strategy=linear",
     lambda o: lr_scheduler.OneCycleLR(o, 0.5, 100, three_phase=True, anneal_strategy="linear")),
    (0.7, "cyclic_lr base_lr=0.01 max_lr=0.2 step_size_up=7", lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.2, 7)),
    (0.7, "cyclic_lr base_lr=0.01 max_lr=0.2 step_size_up=11 step_size_down=6 mode=triangular2 base_momentum=0.5",
     lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.2, 11, 6, mode="triangular2", base_momentum=0.5)),
    (0.7, "cyclic_lr base_lr=0.01 max_lr=0.2 step_size_up=9 mode=exp_range gamma=0.97 max_momentum=0.95",
     lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.2, 9, mode="exp_range", gamma=0.97, max_momentum=0.95)),
]


def metric(t):
    return 1.0 / (1.0 + 0.2 * min(t, 40)) + (t * 7 % 13) / 64.0


def schedules():
    out = File("schedules.txt", [
        "case BASE | SCHEDULE, then the learning rates of 100 ticks. A tick is a step and an epoch, whose metric in tick",
        "t = 0, 1, ... is 1.0 / (1.0 + 0.2 * min(t, 40)) + (t * 7 % 13) / 64.0. If the schedule moves the momentum, that follows.",
    ])
    for base, spec, make in SCHEDULES:
        opt = sgd(base)
        schedule = make(opt) if make else None
        rates, momenta = [], []
        for t in range(100):
            rates.append(opt.param_groups[0]["lr"])
            momenta.append(opt.param_groups[0]["momentum"])
            opt.step()
            if isinstance(schedule, lr_scheduler.ReduceLROnPlateau):
                schedule.step(metric(t))
            elif schedule:
                schedule.step()
        out.text(f"case {base} | {spec}")
        out.line("lr", rates)
        if momenta[0]:
            out.line("momentum", momenta)
        out.text("end")
    out.write()


# ---- layers and losses ----

def conv(cin, cout, kernel, **options):
    return nn.Conv2d(cin, cout, kernel, **options)


class Matmul(nn.Module):
    """torch.matmul for each sample, whose leading dimensions then broadcast as they do without a batch."""

    def __init__(self, transpose_a=False, transpose_b=False):
        super().__init__()
        self.transpose_a, self.transpose_b = transpose_a, transpose_b

    def forward(self, a, b):
        a, b = a.mT if self.transpose_a else a, b.mT if self.transpose_b else b
        return torch.stack([torch.matmul(x, y) for x, y in zip(a, b)])


class Function(nn.Module):
    """A function of tensors that broadcast as those of one sample do: aligned from the last dimension, with the batch left alone."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        rank = max(x.dim() for x in inputs)
        return self.function(*(x.reshape(x.shape[0], *[1] * (rank - x.dim()), *x.shape[1:]) for x in inputs))


class Recurrent(nn.Module):
    """A recurrent module with optional lengths and states, whose outputs come flat and one after another for each sample."""

    def __init__(self, module, lengths=False, state=False):
        super().__init__()
        self.module, self.lengths, self.state = module, lengths, state

    def forward(self, x, *others):
        rest = list(others)
        packed, lengths = x, rest.pop(0).detach().long().flatten() if self.lengths else None
        states = tuple(h.transpose(0, 1).contiguous() for h in rest)
        if self.lengths:
            packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        y, states = self.module(packed, (states if len(states) > 1 else states[0]) if self.state else None)
        if self.lengths:
            y = nn.utils.rnn.pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])[0]
        states = states if isinstance(states, tuple) else (states,)
        return torch.cat([y.flatten(1)] + [h.transpose(0, 1).flatten(1) for h in states], 1)


def recurrent(kind, *sizes, lengths=False, state=False, **options):
    return Recurrent(kind(*sizes, batch_first=True, **options), lengths, state)


class Attention(nn.Module):
    """Self or cross attention; the last input may be lengths, or the mask causal."""

    def __init__(self, features, heads, lengths=False, causal=False, **options):
        super().__init__()
        self.module, self.lengths, self.causal = nn.MultiheadAttention(features, heads, batch_first=True, **options), lengths, causal

    def forward(self, query, *others):
        rest = list(others)
        lengths = rest.pop() if self.lengths else None
        key = rest[0] if rest else query
        value = rest[1] if len(rest) > 1 else key
        padding = None if lengths is None else torch.arange(key.shape[1])[None, :] >= lengths
        mask = torch.ones(query.shape[1], key.shape[1], dtype=torch.bool).triu(1) if self.causal else None
        return self.module(query, key, value, key_padding_mask=padding, attn_mask=mask, need_weights=False)[0]


class RMSNorm(nn.Module):
    """torch.nn.RMSNorm, which 1.13 does not have."""

    def __init__(self, size, eps=torch.finfo(torch.float32).eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(size)), eps

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


LAYERS: list[tuple[str, str, int, Callable[[], nn.Module]]] = [
    ("linear out_features=4", "5", 3, lambda: nn.Linear(5, 4)),
    ("linear out_features=3 bias=false", "7", 19, lambda: nn.Linear(7, 3, bias=False)),
    ("linear out_features=33", "9", 2, lambda: nn.Linear(9, 33)),
    ("conv2d out_channels=3 kernel_size=3", "2x5x6", 2, lambda: conv(2, 3, 3)),
    ("conv2d out_channels=3 kernel_size=3 padding=1 bias=false", "2x3x3", 17, lambda: conv(2, 3, 3, padding=1, bias=False)),
    ("conv2d out_channels=5 kernel_size=1", "3x4x3", 3, lambda: conv(3, 5, 1)),
    ("conv2d out_channels=4 kernel_size=3x2 stride=2x1 padding=1x2", "2x6x5", 3,
     lambda: conv(2, 4, (3, 2), stride=(2, 1), padding=(1, 2))),
    ("conv2d out_channels=2 kernel_size=3 stride=2 padding=2 dilation=2", "2x7x8", 2,
     lambda: conv(2, 2, 3, stride=2, padding=2, dilation=2)),
    ("conv2d out_channels=6 kernel_size=3 padding=1 groups=2", "4x4x5", 2, lambda: conv(4, 6, 3, padding=1, groups=2)),
    ("conv2d out_channels=4 kernel_size=2x3 stride=1x2 dilation=2x1 groups=4 bias=false", "4x5x7", 2,
     lambda: conv(4, 4, (2, 3), stride=(1, 2), dilation=(2, 1), groups=4, bias=False)),
    ("conv2d out_channels=9 kernel_size=5 stride=3 padding=2", "1x8x8", 2, lambda: conv(1, 9, 5, stride=3, padding=2)),
    ("conv2d out_channels=3 kernel_size=2x3 dilation=1x2 padding=same", "2x5x6", 2, lambda: conv(2, 3, (2, 3), dilation=(1, 2), padding="same")),
    ("conv1d out_channels=4 kernel_size=3 stride=2 padding=2 dilation=2 groups=2", "4x11", 3,
     lambda: nn.Conv1d(4, 4, 3, stride=2, padding=2, dilation=2, groups=2)),
    ("conv1d out_channels=3 kernel_size=4 padding=same bias=false", "2x9", 17, lambda: nn.Conv1d(2, 3, 4, padding="same", bias=False)),
    ("conv_transpose2d out_channels=4 kernel_size=3x2 stride=2x3 padding=1x0 output_padding=1x2 groups=2", "6x3x4", 2,
     lambda: nn.ConvTranspose2d(6, 4, (3, 2), stride=(2, 3), padding=(1, 0), output_padding=(1, 2), groups=2)),
    ("conv_transpose2d out_channels=3 kernel_size=3 stride=2 dilation=3 padding=2 output_padding=2 bias=false", "2x4x3", 2,
     lambda: nn.ConvTranspose2d(2, 3, 3, stride=2, dilation=3, padding=2, output_padding=2, bias=False)),
    ("conv_transpose1d out_channels=3 kernel_size=4 stride=2 padding=1", "2x7", 3, lambda: nn.ConvTranspose1d(2, 3, 4, stride=2, padding=1)),
    ("relu", "7", 3, nn.ReLU),
    ("leaky_relu", "7", 3, nn.LeakyReLU),
    ("leaky_relu negative_slope=0.2", "7", 3, lambda: nn.LeakyReLU(0.2)),
    ("sigmoid", "7", 3, nn.Sigmoid),
    ("tanh", "7", 3, nn.Tanh),
    ("gelu", "7", 17, nn.GELU),
    ("gelu approximate=tanh", "7", 17, lambda: nn.GELU(approximate="tanh")),
    ("silu", "7", 3, nn.SiLU),
    ("elu", "8", 3, nn.ELU),
    ("elu alpha=0.3", "8", 3, lambda: nn.ELU(0.3)),
    ("selu", "8", 3, nn.SELU),
    ("celu alpha=0.5", "8", 3, lambda: nn.CELU(0.5)),
    ("prelu", "2x3", 3, nn.PReLU),
    ("prelu num_parameters=3", "3x2", 17, lambda: nn.PReLU(3)),
    ("relu6", "8", 3, nn.ReLU6),
    ("hardtanh min_val=-0.7 max_val=1.2", "8", 3, lambda: nn.Hardtanh(-0.7, 1.2)),
    ("hardswish", "8", 3, nn.Hardswish),
    ("softplus", "8", 3, nn.Softplus),
    ("softplus beta=4 threshold=3", "8", 3, lambda: nn.Softplus(4, 3)),
    ("softsign", "8", 3, nn.Softsign),
    ("mish", "8", 3, nn.Mish),
    ("logsigmoid", "8", 3, nn.LogSigmoid),
    ("threshold threshold=0.1 value=20", "8", 3, lambda: nn.Threshold(0.1, 20)),
    ("softmin", "5", 3, lambda: nn.Softmin(dim=1)),
    ("softmin dim=0", "3x2x2", 2, lambda: nn.Softmin(dim=1)),
    ("glu", "6", 3, nn.GLU),
    ("glu dim=0", "4x3", 2, lambda: nn.GLU(1)),
    ("tanhshrink", "8", 3, nn.Tanhshrink),
    ("softshrink lambd=0.3", "8", 3, lambda: nn.Softshrink(0.3)),
    ("hardshrink", "8", 3, nn.Hardshrink),
    ("softmax", "5", 17, lambda: nn.Softmax(dim=1)),
    ("softmax dim=0", "3x2x2", 2, lambda: nn.Softmax(dim=1)),
    ("log_softmax", "5", 17, lambda: nn.LogSoftmax(dim=1)),
    ("batchnorm1d", "4", 19, lambda: nn.BatchNorm1d(4)),
    ("batchnorm1d eps=0.01 momentum=0.3 affine=false", "4", 5, lambda: nn.BatchNorm1d(4, eps=0.01, momentum=0.3, affine=False)),
    ("batchnorm2d", "3x4x3", 5, lambda: nn.BatchNorm2d(3)),
    ("batchnorm2d eps=0.001 momentum=0.25", "2x3x2", 19, lambda: nn.BatchNorm2d(2, eps=0.001, momentum=0.25)),
    ("layernorm normalized_shape=6", "6", 3, lambda: nn.LayerNorm(6)),
    ("layernorm normalized_shape=2x3 eps=0.01", "2x3", 17, lambda: nn.LayerNorm([2, 3], eps=0.01)),
    ("groupnorm num_groups=2", "4x3x2", 3, lambda: nn.GroupNorm(2, 4)),
    ("groupnorm num_groups=3 eps=0.01 affine=false", "3x2x3", 3, lambda: nn.GroupNorm(3, 3, eps=0.01, affine=False)),
    ("instancenorm1d", "3x5", 3, lambda: nn.InstanceNorm1d(3)),
    ("instancenorm2d eps=0.01 affine=true", "2x3x2", 17, lambda: nn.InstanceNorm2d(2, eps=0.01, affine=True)),
    ("local_response_norm size=4 alpha=0.5 beta=0.6 k=2", "5x2x3", 2, lambda: nn.LocalResponseNorm(4, 0.5, 0.6, 2.0)),
    ("maxpool2d kernel_size=2", "2x5x6", 3, lambda: nn.MaxPool2d(2)),
    ("maxpool2d kernel_size=3 stride=2 padding=1", "2x6x7", 2, lambda: nn.MaxPool2d(3, 2, 1)),
    ("maxpool2d kernel_size=3x2 stride=2 padding=1x0 ceil_mode=true", "2x6x7", 2,
     lambda: nn.MaxPool2d((3, 2), 2, (1, 0), ceil_mode=True)),
    ("avgpool2d kernel_size=2", "2x5x6", 3, lambda: nn.AvgPool2d(2)),
    ("avgpool2d kernel_size=3 stride=2 padding=1", "2x6x7", 2, lambda: nn.AvgPool2d(3, 2, 1)),
    ("avgpool2d kernel_size=3 stride=2 padding=1 count_include_pad=false", "2x6x7", 2,
     lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False)),
    ("avgpool2d kernel_size=3 stride=2 padding=1 ceil_mode=true", "2x6x7", 2, lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True)),
    ("adaptive_avgpool2d output_size=1", "3x4x5", 3, lambda: nn.AdaptiveAvgPool2d(1)),
    ("adaptive_avgpool2d output_size=2x3", "2x5x7", 2, lambda: nn.AdaptiveAvgPool2d((2, 3))),
    ("maxpool1d kernel_size=3 stride=2 padding=1 dilation=2 ceil_mode=true", "2x10", 3, lambda: nn.MaxPool1d(3, 2, 1, 2, ceil_mode=True)),
    ("avgpool1d kernel_size=3 stride=2 padding=1 ceil_mode=true", "2x9", 2, lambda: nn.AvgPool1d(3, 2, 1, ceil_mode=True)),
    ("avgpool1d kernel_size=2 padding=1 count_include_pad=false", "1x7", 17, lambda: nn.AvgPool1d(2, 2, 1, count_include_pad=False)),
    ("adaptive_avgpool1d output_size=4", "2x7", 2, lambda: nn.AdaptiveAvgPool1d(4)),
    ("adaptive_maxpool2d output_size=3x2", "2x4x5", 3, lambda: nn.AdaptiveMaxPool2d((3, 2))),
    ("pad padding=1,2,0,3 value=0.5", "2x3x4", 2, lambda: nn.ConstantPad2d((1, 2, 0, 3), 0.5)),
    ("pad padding=2,3,1,2 mode=reflect", "2x3x4", 2, lambda: nn.ReflectionPad2d((2, 3, 1, 2))),
    ("pad padding=3,1 mode=replicate", "2x4", 3, lambda: nn.ReplicationPad1d((3, 1))),
    ("pixel_shuffle upscale_factor=2", "8x2x3", 2, lambda: nn.PixelShuffle(2)),
    ("pixel_unshuffle downscale_factor=2", "2x4x6", 2, lambda: nn.PixelUnshuffle(2)),
    ("unfold kernel_size=2x3 dilation=2x1 padding=1x0 stride=1x2", "2x4x5", 2, lambda: nn.Unfold((2, 3), (2, 1), (1, 0), (1, 2))),
    ("upsample scale_factor=1.5", "2x4x5", 2, lambda: nn.Upsample(scale_factor=1.5)),
    ("upsample size=7 mode=linear", "2x5", 3, lambda: nn.Upsample(size=7, mode="linear")),
    ("upsample size=5x9 mode=bilinear", "2x3x4", 2, lambda: nn.Upsample(size=(5, 9), mode="bilinear")),
    ("upsample scale_factor=2 mode=bilinear align_corners=true", "2x3x4", 2,
     lambda: nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)),
    ("embedding num_embeddings=7 embedding_dim=3", "4", 6, lambda: nn.Embedding(7, 3)),
    ("add", "2x3x4 3x1", 2, lambda: Function(torch.add)),
    ("sub", "5 5", 3, lambda: Function(torch.sub)),
    ("sub", "4 2x3x1", 2, lambda: Function(torch.sub)),
    ("mul", "2x3x2 2x1x1", 3, lambda: Function(torch.mul)),
    ("div", "6 6", 3, lambda: Function(torch.div)),
    ("div", "2x3 3", 17, lambda: Function(torch.div)),
    ("maximum", "2x3 2x3", 3, lambda: Function(torch.maximum)),
    ("minimum", "3 2x3", 3, lambda: Function(torch.minimum)),
    ("exp", "7", 3, lambda: Function(torch.exp)),
    ("abs", "7", 3, lambda: Function(torch.abs)),
    ("neg", "7", 3, lambda: Function(torch.neg)),
    ("pow exponent=3", "7", 3, lambda: Function(lambda x: torch.pow(x, 3))),
    ("pow exponent=-2", "7", 3, lambda: Function(lambda x: torch.pow(x, -2))),
    ("permute dims=2,0,1", "2x3x4", 2, lambda: Function(lambda x: x.permute(0, 3, 1, 2))),
    ("transpose dim0=0 dim1=-1", "2x3x4", 2, lambda: Function(lambda x: x.transpose(1, -1))),
    ("slice dim=1 start=-4 end=-1 step=2", "2x5", 3, lambda: Function(lambda x: x[:, :, -4:-1:2])),
    ("gather dim=1 index=2,0,2", "2x3", 3, lambda: Function(lambda x: torch.index_select(x, 2, torch.tensor([2, 0, 2])))),
    ("squeeze dim=0", "1x3", 2, lambda: Function(lambda x: x.squeeze(1))),
    ("unsqueeze dim=-1", "3", 2, lambda: Function(lambda x: x.unsqueeze(-1))),
    ("reduce_sum dim=0,2", "2x3x4", 2, lambda: Function(lambda x: x.sum((1, 3)))),
    ("reduce_mean dim=-1 keepdim=true", "2x5", 3, lambda: Function(lambda x: x.mean(-1, keepdim=True))),
    ("reduce_max dim=1", "2x5", 3, lambda: Function(lambda x: x.amax(2))),
    ("reduce_min dim=0", "4x2", 3, lambda: Function(lambda x: x.amin(1))),
    ("cosine_similarity", "5 5", 3, lambda: Function(nn.CosineSimilarity())),
    ("cosine_similarity dim=1", "2x3 2x3", 17, lambda: Function(nn.CosineSimilarity(2))),
    ("rnn hidden_size=4", "3x2", 3, lambda: recurrent(nn.RNN, 2, 4)),
    ("rnn hidden_size=3 nonlinearity=relu num_layers=2 bidirectional=true bias=false", "3x2", 2,
     lambda: recurrent(nn.RNN, 2, 3, nonlinearity="relu", num_layers=2, bidirectional=True, bias=False)),
    ("lstm hidden_size=3", "4x2", 3, lambda: recurrent(nn.LSTM, 2, 3)),
    ("lstm hidden_size=3 num_layers=2 bidirectional=true", "4x2 1 4x3 4x3", 5,
     lambda: recurrent(nn.LSTM, 2, 3, lengths=True, state=True, num_layers=2, bidirectional=True)),
    ("gru hidden_size=3", "4x2 1x3", 3, lambda: recurrent(nn.GRU, 2, 3, state=True)),
    ("gru hidden_size=2 num_layers=2 bidirectional=true", "4x3 1", 17,
     lambda: recurrent(nn.GRU, 3, 2, lengths=True, num_layers=2, bidirectional=True)),
    ("multihead_attention num_heads=2", "4x6", 3, lambda: Attention(6, 2)),
    ("multihead_attention num_heads=3 causal=true bias=false", "4x6", 2, lambda: Attention(6, 3, causal=True, bias=False)),
    ("multihead_attention num_heads=2", "3x4 5x4 5x4 1", 17, lambda: Attention(4, 2, lengths=True)),
    ("multihead_attention num_heads=1", "3x4 1", 3, lambda: Attention(4, 1, lengths=True)),
    ("rmsnorm normalized_shape=6", "3x6", 3, lambda: RMSNorm(6)),
    ("rmsnorm normalized_shape=5 eps=0.01", "5", 17, lambda: RMSNorm(5, 0.01)),
    ("matmul", "3x4 4x5", 3, Matmul),
    ("matmul transpose_b=true", "2x3x5 2x4x5", 2, lambda: Matmul(transpose_b=True)),
    ("matmul transpose_a=true", "2x5x3 5x2", 17, lambda: Matmul(transpose_a=True)),
    ("matmul transpose_a=true transpose_b=true", "4x3 2x2x4", 2, lambda: Matmul(True, True)),
]


def targets_like(x):
    return formula(x.shape, 17, 5, 41, 16)


def shares_like(x):
    return formula(x.shape, 17, 5, 9, 8, 0)


def classes_of(x):
    return torch.tensor([(i * 5 + 2) % x.shape[1] for i in range(x.shape[0])])


def probabilities_of(x):
    return torch.softmax(2 * targets_like(x), 1)


WEIGHTS = torch.tensor([0.5, 2.0, 1.0, 0.25, 1.5])

LOSSES = [
    ("cross_entropy", "5", 19, nn.CrossEntropyLoss(), classes_of),
    ("cross_entropy reduction=sum", "5", 3, nn.CrossEntropyLoss(reduction="sum"), classes_of),
    ("cross_entropy weight=0.5,2,1,0.25,1.5", "5", 19, nn.CrossEntropyLoss(weight=WEIGHTS), classes_of),
    ("cross_entropy label_smoothing=0.1", "5", 19, nn.CrossEntropyLoss(label_smoothing=0.1), classes_of),
    ("cross_entropy weight=0.5,2,1,0.25,1.5 label_smoothing=0.2", "5", 3,
     nn.CrossEntropyLoss(weight=WEIGHTS, label_smoothing=0.2), classes_of),
    ("cross_entropy targets=probabilities", "5", 19, nn.CrossEntropyLoss(), probabilities_of),
    ("cross_entropy targets=probabilities reduction=sum", "5", 3, nn.CrossEntropyLoss(reduction="sum"), probabilities_of),
    ("cross_entropy targets=probabilities weight=0.5,2,1,0.25,1.5 label_smoothing=0.2", "5", 19,
     nn.CrossEntropyLoss(weight=WEIGHTS, label_smoothing=0.2), probabilities_of),
    ("cross_entropy targets=probabilities weight=0.5,2,1,0.25,1.5", "5x3", 3, nn.CrossEntropyLoss(weight=WEIGHTS), probabilities_of),
    ("nll", "5", 19, nn.NLLLoss(), classes_of),
    ("nll weight=0.5,2,1,0.25,1.5", "5", 3, nn.NLLLoss(weight=WEIGHTS), classes_of),
    ("mse", "6", 19, nn.MSELoss(), targets_like),
    ("mse reduction=sum", "2x3", 3, nn.MSELoss(reduction="sum"), targets_like),
    ("bce_with_logits", "6", 19, nn.BCEWithLogitsLoss(), shares_like),
    ("bce_with_logits pos_weight=0.5,2,1,0.25,1.5", "5", 3, nn.BCEWithLogitsLoss(pos_weight=WEIGHTS), shares_like),
    ("l1", "6", 19, nn.L1Loss(), targets_like),
    ("smooth_l1", "6", 19, nn.SmoothL1Loss(), targets_like),
    ("smooth_l1 beta=0.5 reduction=sum", "6", 3, nn.SmoothL1Loss(beta=0.5, reduction="sum"), targets_like),
    ("huber", "6", 19, nn.HuberLoss(), targets_like),
    ("huber delta=0.5 reduction=sum", "6", 3, nn.HuberLoss(delta=0.5, reduction="sum"), targets_like),
    ("bce", "6", 19, nn.BCELoss(), shares_like),
    ("kl_div", "6", 3, nn.KLDivLoss(), shares_like),
    ("kl_div reduction=batchmean log_target=true", "2x3", 19, nn.KLDivLoss(reduction="batchmean", log_target=True), targets_like),
    ("poisson_nll full=true", "6", 19, nn.PoissonNLLLoss(full=True), shares_like),
    ("poisson_nll log_input=false eps=0.5 reduction=sum", "6", 3, nn.PoissonNLLLoss(False, eps=0.5, reduction="sum"), shares_like),
]


def shape_of(text):
    return [int(d) for d in text.split("x")]


def begin_case(out, spec, shape, n, mode):
    out.text(f"case {spec} name=layer | {shape} | {n}")
    out.text(f"mode {mode}")


def write_tensors(out, keyword, module):
    for name, tensor in tensors_of(module):
        out.line(f"{keyword} layer.{name}", tensor)


def train_case(out, spec, shape, n, module):
    begin_case(out, spec, shape, n, "train")
    write_tensors(out, "tensor", module)
    has_indices = isinstance(module, nn.Embedding)
    inputs = [(indices_of if has_indices else inputs_of)([n] + shape_of(s)) for s in shape.split()]
    if getattr(module, "lengths", False):
        place = next(i for i, s in enumerate(shape.split()) if s == "1")
        inputs[place] = lengths_of(n, inputs[min(1, place - 1)].shape[1])
    out.line("input", torch.cat([x.flatten(1) for x in inputs], 1))
    for x in inputs:
        x.requires_grad_(not has_indices)
    y = module(*inputs)
    upstream = upstream_of(y.shape)
    y.backward(upstream)
    out.line("output", y)
    out.line("upstream", upstream)
    for x in inputs if not has_indices else []:
        out.line("grad_input", torch.zeros_like(x) if x.grad is None else x.grad)
    for name, p in getattr(module, "module", module).named_parameters():
        out.line(f"grad layer.{name}", p.grad)
    if getattr(module, "running_mean", None) is not None:
        out.line("after layer.running_mean", module.running_mean)
        out.line("after layer.running_var", module.running_var)
    out.text("end")


def eval_case(out, spec, shape, n, module):
    begin_case(out, spec, shape, n, "eval")
    write_tensors(out, "tensor", module)
    x = inputs_of([n] + shape_of(shape))
    out.line("input", x)
    out.line("output", module.eval()(x))
    out.text("end")


def loss_case(out, spec, shape, n, loss, target_of):
    begin_case(out, spec, shape, n, "loss")
    x = inputs_of([n] + shape_of(shape))
    if isinstance(loss, nn.BCELoss) or getattr(loss, "log_input", True) is False:
        x = x / 4 + 0.5  # from 0 to 1
    x.requires_grad_()
    target = target_of(x)
    value = loss(x, target)
    value.backward()
    out.line("input", x)
    out.line("target", target)
    out.line("loss", value)
    out.line("grad_input", x.grad)
    out.text("end")


def layers():
    out = File("layers.txt", [
        "case SPEC | SHAPE | N: a net of an input of SHAPE and the layer or loss SPEC, given N samples. mode train: tensors,",
        "input, output, the gradient of the output (upstream), the gradients that follow, buffers after the pass; eval: the",
        "output in evaluation mode; loss: its value and gradient. Of several inputs, SHAPE has a shape for each, input their",
        "values sample by sample, and grad_input a line for each.",
    ])
    for spec, shape, n, make in LAYERS:
        module = make()
        set_parameters(module, 32)
        train_case(out, spec, shape, n, module)
        if spec.startswith("batchnorm"):
            eval_case(out, spec, shape, n, module)
    for case in LOSSES:
        loss_case(out, *case)
    out.write()


# ---- nets ----

class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 4, 3, padding=1)
        self.gn1 = nn.GroupNorm(2, 4)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.linear1 = nn.Linear(36, 3)

    def forward(self, x):
        x = nn.functional.gelu(self.gn1(self.conv1(x)))
        x = self.conv2(x) + x
        return self.linear1(nn.functional.avg_pool2d(x, 2).flatten(1))


class Named(nn.Sequential):
    """Layers one after another, under names; None for those that hold no tensors."""

    def __init__(self, *layers):
        super().__init__()
        for i, (name, layer) in enumerate(layers):
            self.add_module(name or f"layer{i}", layer)


def mlp():
    return Named(("linear1", nn.Linear(6, 8)), (None, nn.Tanh()), ("linear2", nn.Linear(8, 5)), (None, nn.Tanh()),
                 ("linear3", nn.Linear(5, 3)))


def cnn():
    return Named(("conv1", nn.Conv2d(2, 4, 3, padding=1, bias=False)), (None, nn.ReLU()), ("bn1", nn.BatchNorm2d(4)),
                 (None, nn.MaxPool2d(2)), ("conv2", nn.Conv2d(4, 6, 3, bias=False)), (None, nn.ReLU()),
                 ("bn2", nn.BatchNorm2d(6)), (None, nn.Flatten()), ("linear1", nn.Linear(24, 3)))


NETS = [
    ("mlp", mlp, "sgd lr=0.1 momentum=0.9", lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), nn.CrossEntropyLoss(), """
input shape=6 name=x
linear out_features=8 name=linear1
tanh name=tanh1
linear out_features=5 name=linear2
tanh name=tanh2
linear out_features=3 name=linear3
cross_entropy name=loss"""),
    ("cnn", cnn, "adam lr=0.01", lambda p: torch.optim.Adam(p, lr=0.01), nn.CrossEntropyLoss(), """
input shape=2x8x8 name=x
conv2d out_channels=4 kernel_size=3 padding=1 bias=false name=conv1
relu name=relu1
batchnorm2d name=bn1
maxpool2d kernel_size=2 name=pool1
conv2d out_channels=6 kernel_size=3 bias=false name=conv2
relu name=relu2
batchnorm2d name=bn2
flatten name=flatten1
linear out_features=3 name=linear1
cross_entropy name=loss"""),
    ("residual", Residual, "adamw lr=0.01 weight_decay=0.1", lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
     nn.MSELoss(), """
input shape=2x6x6 name=x
conv2d out_channels=4 kernel_size=3 padding=1 name=conv1
groupnorm num_groups=2 name=gn1
gelu name=gelu1
conv2d out_channels=4 kernel_size=3 padding=1 name=conv2
add from=conv2,gelu1 name=add1
avgpool2d kernel_size=2 name=pool1
flatten name=flatten1
linear out_features=3 name=linear1
mse name=loss"""),
]


def ten_losses(net, make_optimizer, loss, x, target):
    opt = make_optimizer(net.parameters())
    values = []
    for _ in range(10):
        opt.zero_grad()
        value = loss(net(x), target)
        value.backward()
        opt.step()
        values.append(value.item())
    return values


def nets():
    out = File("nets.txt", [
        "case NAME | OPTIMIZER | N: a net's text (lines of net), its tensors at first, N samples, their targets, and the losses",
        "of ten steps, each on all samples, in float64 and float32.",
    ])
    n = 20
    for name, make, spec, make_optimizer, loss, text in NETS:
        net = make()
        set_parameters(net, 64)
        with torch.no_grad():
            for buffer, tensor in tensors_of(net):
                if "running" in buffer:
                    tensor.fill_(1 if buffer.endswith("var") else 0)
        lines = text.strip().splitlines()
        x = inputs_of([n] + shape_of(lines[0].split("shape=")[1].split()[0]))
        y = net.eval()(x)
        net.train()
        target = targets_like(y) if isinstance(loss, nn.MSELoss) else classes_of(y)
        out.text(f"case {name} | {spec} | {n}")
        for line in lines:
            out.text(f"net {line}")
        for tensor_name, tensor in tensors_of(net):
            out.line(f"tensor {tensor_name}", tensor)
        out.line("input", x)
        out.line("target", target)
        single = copy.deepcopy(net).float()
        single_target = target.float() if target.is_floating_point() else target
        out.line("f64", ten_losses(net, make_optimizer, loss, x, target))
        out.line("f32", ten_losses(single, make_optimizer, loss, x.float(), single_target))
        out.text("end")
    out.write()


# ---- nets that share tensors, branch or are frozen in part ----

class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.Embedding(7, 4)
        self.h = nn.Linear(8, 4)
        self.y = nn.Linear(4, 7)
        self.y.weight = self.e.weight

    def forward(self, x):
        return self.y(torch.tanh(self.h(self.e(x).flatten(1))))


class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Linear(3, 4)
        self.left = nn.Linear(4, 2)
        self.right = nn.Linear(4, 3)

    def forward(self, x):
        a = torch.tanh(self.trunk(x))
        return torch.cat([self.left(a), self.right(a)], 1)


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = self.g = nn.Linear(3, 4)
        self.y = nn.Linear(4, 2)

    def forward(self, x):
        x, z = x.split([3, 3], 1)
        return self.y(torch.tanh(self.f(x)) * torch.tanh(self.g(z)))


class Frozen(nn.Module):
    """Frozen below the first trained layer, and between it and the last."""

    def __init__(self):
        super().__init__()
        self.trunk = nn.Linear(3, 4)
        self.trunk_norm = nn.BatchNorm1d(4)
        self.h = nn.Linear(4, 3)
        self.neck = nn.Linear(3, 3)
        self.neck_norm = nn.BatchNorm1d(3)
        self.y = nn.Linear(3, 2)
        for layer in (self.trunk, self.trunk_norm, self.neck, self.neck_norm):
            layer.requires_grad_(False)
            layer.eval()

    def forward(self, x):
        x = torch.tanh(self.trunk_norm(self.trunk(x)))
        return self.y(torch.tanh(self.neck_norm(self.neck(self.h(x)))))


class Diamond(nn.Module):
    """The last part of the split is not used."""

    def __init__(self):
        super().__init__()
        self.t = nn.Linear(4, 6)
        self.u = nn.Linear(2, 2)
        self.v = nn.Linear(3, 2)

    def forward(self, x):
        p, q, _ = self.t(x).split([2, 3, 1], 1)
        a = torch.tanh(self.u(p))
        return torch.cat([a + self.v(q) + p, q, a], 1)


SHARING: list[tuple[str, Callable[[], Any], Any, str]] = [
    ("tied", Tied, nn.CrossEntropyLoss(), """
input shape=2 name=x
embedding num_embeddings=7 embedding_dim=4 name=e
flatten name=flat
linear out_features=4 name=h
tanh name=a
linear out_features=7 weight=e.weight name=y
cross_entropy name=loss"""),
    ("heads", Heads, nn.MSELoss(), """
input shape=3 name=x
linear out_features=4 name=trunk
tanh name=a
linear out_features=2 name=left
linear out_features=3 from=a name=right
concat from=left,right name=y
mse name=loss"""),
    ("siamese", Siamese, nn.MSELoss(), """
input shape=3 name=x
linear out_features=4 name=f
tanh name=fx
input shape=3 name=z
linear out_features=4 share=f name=g
tanh name=gz
mul from=fx,gz name=m
linear out_features=2 name=y
mse name=loss"""),
    ("frozen", Frozen, nn.CrossEntropyLoss(), """
input shape=3 name=x
linear out_features=4 name=trunk
batchnorm1d name=trunk_norm
tanh name=a
linear out_features=3 name=h
linear out_features=3 name=neck
batchnorm1d name=neck_norm
tanh name=b
linear out_features=2 name=y
cross_entropy name=loss
tensors match=trunk* trainable=false
tensors match=neck* trainable=false"""),
    ("diamond", Diamond, nn.MSELoss(), """
input shape=4 name=x
linear out_features=6 name=t
split sizes=2,3,1 name=s
linear from=s:0 out_features=2 name=u
tanh name=a
linear from=s:1 out_features=2 name=v
add from=a,v,s:0 name=w
concat from=w,s:1,a name=y
mse name=loss"""),
]


def sharing():
    out = File("sharing.txt", [
        "case NAME | OUTPUT | N: a net's text (lines of net), its tensors (a shared one under each of its names), N samples,",
        "their targets, the values of the node OUTPUT, the loss, the gradients of the tensors that train, buffers after the pass.",
    ])
    n = 19
    for name, make, loss, text in SHARING:
        net = make()
        set_parameters(net, 32)
        lines = text.strip().splitlines()
        width = sum(shape_of(line.split("shape=")[1].split()[0])[0] for line in lines if line.startswith("input"))
        x = (indices_of if make is Tied else inputs_of)([n, width])
        y = net(x)
        target = targets_like(y) if isinstance(loss, nn.MSELoss) else classes_of(y)
        value = loss(y, target)
        value.backward()
        out.text(f"case {name} | y | {n}")
        for line in lines:
            out.text(f"net {line}")
        for tensor_name, tensor in tensors_of(net):
            out.line(f"tensor {tensor_name}", tensor)
        out.line("input", x)
        out.line("target", target)
        out.line("output", y)
        out.line("loss", [value])
        for tensor_name, tensor in tensors_of(net):
            if tensor.requires_grad:
                out.line(f"grad {tensor_name}", tensor.grad)
            elif "running" in tensor_name:
                out.line(f"after {tensor_name}", tensor)
        out.text("end")
    out.write()


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    optimizers()
    schedules()
    layers()
    nets()
    sharing()
