#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the reference: make_reference.py FOLDER

One page for each layer, loss, optimizer, schedule and transform, one for each family, and one for the options of functions. Names,
attributes and shapes come from the library, which is found as sixnet.py finds it; formulas and PyTorch's counterpart from the first comment
of the file that implements a kind. Each example is the first candidate that the library accepts, so a new kind needs no entry here.
"""

import itertools
import pathlib
import re
import sys

import sixnet

ROOT = pathlib.Path(__file__).resolve().parent.parent
TITLES = {"layer": "Layers", "loss": "Losses", "optimizer": "Optimizers", "schedule": "Learning-rate schedules",
          "transform": "Transforms", "options": "Options"}
ABOUT = {
    "layer": "Layers of a net, one per line of its text. Shapes are those of one sample, without the batch. Every layer also accepts the "
             "attributes of *node*: see [Options](@ref options).",
    "loss": "The last line of a net that is trained. The loss compares the output of the line above with the target.",
    "optimizer": "The `spec` of sixnet_optimizer_new(), `optimizer=` of Python's `fit()` and `--optimizer` of the command line.",
    "schedule": "The `schedule` of sixnet_optimizer_new(), `schedule=` of Python's `fit()` and `--schedule` of the command line. Several, "
                "separated by `;`, are multiplied.",
    "transform": "Changes of samples on their way into the net: sixnet_dataset_add_transform(), `augment=` of Python's `fit()`, `--transform` "
                 "and `--augment` of the command line.",
    "options": "Options of functions: texts of `attribute=value` pairs, without a kind in front.",
}
SYNTAX = """A *pair* of height and width is written with an x, `kernel_size=1x9`, or as one number for both; a *shape* likewise,
`shape=1x28x28`; a *list* with commas, `milestones=10,15`. `sixnet list` prints the same tables on a terminal, and
sixnet_kind_field() and sixnet_attribute_field() return them to a program.
"""
PAGES = {family: TITLES[family].split()[-1].lower() for family in TITLES}
FOLDERS = ("layers", "optimizers", "schedules", "transforms")

# PyTorch's counterpart where a kind's own comment does not name it.
TORCH = {"adam": "torch.optim.Adam", "adamw": "torch.optim.AdamW", "adaptive_avgpool2d": "torch.nn.AdaptiveAvgPool2d", "add": "torch.add",
         "avgpool2d": "torch.nn.AvgPool2d", "batchnorm1d": "torch.nn.BatchNorm1d", "batchnorm2d": "torch.nn.BatchNorm2d",
         "groupnorm": "torch.nn.GroupNorm", "layernorm": "torch.nn.LayerNorm", "maxpool2d": "torch.nn.MaxPool2d", "mul": "torch.mul",
         "color_jitter": "torchvision.transforms.ColorJitter", "cutmix": "torchvision.transforms.v2.CutMix",
         "elastic": "torchvision.transforms.ElasticTransform", "mixup": "torchvision.transforms.v2.MixUp",
         "normalize": "torchvision.transforms.Normalize", "one_hot": "torch.nn.functional.one_hot",
         "random_affine": "torchvision.transforms.RandomAffine", "random_crop": "torchvision.transforms.RandomCrop",
         "random_erasing": "torchvision.transforms.RandomErasing",
         "random_horizontal_flip": "torchvision.transforms.RandomHorizontalFlip",
         "random_vertical_flip": "torchvision.transforms.RandomVerticalFlip"}

INPUTS = ("8", "10x8", "3x16", "3x16x16", "3x8x8x8")
VALUES = {"int": (8, 3, 2, 4, 1), "float": (0.1, 0.5, 1, 2), "pair": (3, 2, 1), "shape": ("2x4", "8", "4x2", "1x8x8"),
          "list": ("0.5", "4,4", "0", "1,0", "2,0,1", "1", "2", "1,1", "1,1,1,1"), "text": ("input1",), "bool": ("true",)}


# ---- what the sources say ----


def comments(path):
    """The first comment of a file that is not its license."""
    found = re.search(r"/\*(?! SPDX)(.*?)\*/", path.read_text(), re.S)
    return re.sub(r"^ \* ?", "", found[1].strip(), flags=re.M) if found else ""


def source_of(kind):
    """The file that implements a kind: the one of its name, or else the one that has its name in a descriptor."""
    files = [path for folder in FOLDERS for path in sorted((ROOT / "lib" / folder).glob("*.c"))]
    named = [path for path in files if path.stem == kind]
    return (named or [path for path in files if re.search(rf'[{{(]"{kind}"|_LAYER\({kind}\b', path.read_text())] or [None])[0]


def definition_of(kind):
    """The first comment of a kind's file, and that of the header which it leaves the formula to."""
    path = source_of(kind)
    if not path:
        return ""
    text = comments(path)
    header = re.search(r"see (\w+\.h)", text) or ("" if text else re.search(r'#include "(?:\w+/)?(\w+\.h)"', path.read_text()))
    if header and (path.parent / header[1]).exists():
        text = re.sub(r";? ?\bsee \w+\.h", "", text) + "\n\n" + comments(path.parent / header[1])
    return text.strip()


def torch_of(kind, text):
    """A comment may name several: the one that ends in the kind's name, or else the first."""
    found = re.findall(r"\btorch(?:vision)?\.[\w.]*\w", text)
    own = [name for name in found if name.split(".")[-1].lower() == kind.replace("_", "")]
    return TORCH.get(kind) or (own + found + [""])[0]


# ---- Markdown ----


def plain(text):
    """Text in which nothing but `code` means anything to Doxygen or Markdown."""
    pieces = text.split("`")
    escaped = [piece if i % 2 else re.sub(r"([\\*_<>#@&\[\]|%])", r"\\\1", piece) for i, piece in enumerate(pieces)]
    return "`".join(escaped) if len(pieces) % 2 else "".join(escaped)


def prose(comment):
    """A comment's paragraphs; indented lines become a code block."""
    parts = []
    for paragraph in re.split(r"\n\s*\n", comment):
        lines = paragraph.split("\n")
        start = next((i for i, line in enumerate(lines) if line.startswith("   ")), len(lines))
        end = next((i for i in range(start, len(lines)) if not lines[i].startswith("   ")), len(lines))
        if lines[:start]:
            parts.append(plain(" ".join(lines[:start])) + "\n")
        if lines[start:end]:
            parts.append("```text\n" + "\n".join(line[4:] for line in lines[start:end]) + "\n```\n")
        if lines[end:]:
            parts.append(plain(" ".join(lines[end:])) + "\n")
    return "\n".join(parts)


def table(head, rows):
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows]) + "\n"


def attribute_table(kind):
    rows = [[f"`{a.name}`", a.type, plain(a.range), "required" if a.default == "required" else f"`{a.default}`" if a.default else "",
             plain(a.help)] for a in kind.attributes]
    return table(["attribute", "type", "range", "default", "meaning"], rows) if rows else "None.\n"


def size(shape):
    return "x".join(map(str, shape)) or "one number"


# ---- examples, as the library accepts them ----


def candidates(attribute):
    if attribute.type == "choice":
        return [attribute.range.split()[0]]
    named = re.search(r"such as ([\w.:,]*\w)", attribute.help)
    return (*VALUES.get(attribute.type, ("1",)), *([named[1]] if named else []))


def specs(kind):
    """The kind with its required attributes, in all combinations of candidates."""
    required = [a for a in kind.attributes if a.default == "required"]
    for values in itertools.product(*map(candidates, required)):
        yield " ".join([kind.name, *(f"{a.name}={value}" for a, value in zip(required, values))])


def accepted(make, texts):
    for text in texts:
        try:
            return text, make(text)
        except (sixnet.SixnetError, TypeError):
            continue
    return None


def net_texts(kind, shape):
    inputs = [f"input shape={shape}", f"input shape={shape}\ninput shape={shape}"]
    if kind.name == "input":
        yield inputs[0]
        return
    for spec in specs(kind):
        yield f"{inputs[0]}\n{spec}"
        yield f"{inputs[1]}\n{spec} from=input1,input2"
        yield f"{inputs[0]}\n{spec} name=table\nadd from=input1,table"
        yield f"{inputs[0]}\n{spec}\nconcat from={kind.name}1:0,{kind.name}1:1 dim=0"


def parse(text):
    net = sixnet.Model(text)
    net.predict([[0.0] * len_of(net.input_shape)])
    return net


def len_of(shape):
    count = 1
    for n in shape:
        count *= n
    return count


def node_of(net, kind):
    return next(node for node in net.nodes if node.kind == kind)


def line_of(text, kind):
    return next(line for line in text.split("\n") if line.split()[0] == kind)


def layer_example(kind):
    found = {shape: accepted(parse, net_texts(kind, shape)) for shape in INPUTS}
    found = {shape: pair for shape, pair in found.items() if pair}
    if not found:
        return ""
    text, net = next(iter(found.values()))
    node = node_of(net, kind.name)
    rows = [[shape, " and ".join(map(size, node_of(example, kind.name).outputs)), plain(line_of(lines, kind.name))]
            for shape, (lines, example) in found.items()]
    tensors = [[f"`{name[len(node.name) + 1:]}`", size(net[name].shape), "parameter" if net.is_parameter(name) else "buffer"]
               for name in net if name.startswith(f"{node.name}.")]
    return ("## Example\n\n```text\n" + text + "\n```\n\n"
            "## Shapes\n\n" + table(["input", "output", "with"], rows)
            + ("\nTensors of the example:\n\n" + table(["tensor", "shape", ""], tensors) if tensors else "\nThe layer has no tensors.\n"))


def loss_example(kind):
    heads = ("linear out_features=4\nlog_softmax", "linear out_features=4")
    heads = heads if "log_softmax" in definition_of(kind.name) else heads[::-1]
    texts = (f"input shape=8\n{head}\n{spec}" for spec in specs(kind) for head in heads)
    found = accepted(sixnet.Model, texts)
    if not found:
        return ""
    text, net = found
    return ("## Example\n\n```text\n" + text + "\n```\n\n## Shapes\n\n"
            + table(["output of the net", "target"], [[size(net.output_shape), size(net.target_shape)]]))


def optimizer_example(kind):
    found = accepted(lambda spec: sixnet.Optimizer(sixnet.Model("input shape=1\nlinear out_features=1\nmse"), spec), specs(kind))
    return f'## Example\n\n```text\n{found[0]}\n```\n' if found else ""


def schedule_example(kind):
    def rates(spec):
        net = sixnet.Model("input shape=1\nlinear out_features=1\nmse")
        optimizer, values = sixnet.Optimizer(net, "sgd lr=0.1", spec), []
        for _ in range(8):
            values.append(optimizer.lr)
            net.forward([[1.0]])
            net.loss([[1.0]])
            net.backward()
            optimizer.step()
            optimizer.end_epoch(1.0)
        return values
    found = accepted(rates, specs(kind))
    if not found:
        return ""
    rows = [[str(i), f"{rate:.4g}"] for i, rate in enumerate(found[1])]
    return (f"## Example\n\n```text\n{found[0]}\n```\n\nThe learning rate of an optimizer with `lr=0.1`, with one step per epoch and a metric "
            "that never improves:\n\n" + table(["epochs done", "rate"], rows))


def transform_example(kind):
    found = None
    for shape in ((3, 8, 8), (8,)):
        def made(spec, shape=shape):
            values = [[[0.5] * 8] * 8] * 3 if len(shape) == 3 else [0.5] * 8
            data = sixnet.Dataset([values] * 2, [0, 1], shape=shape)
            data.add_transform(spec)
            return data, data[0]
        found = found or ((shape, *pair) if (pair := accepted(made, specs(kind))) else None)
    if not found:
        return ""
    shape, spec, (data, _) = found
    return (f"## Example\n\n```text\n{spec}\n```\n\n## Shapes\n\n"
            + table(["input", "output", "target, a class before"], [[size(shape), size(data.shape), size(data.target_shape)]]))


EXAMPLES = {"layer": layer_example, "loss": loss_example, "optimizer": optimizer_example, "schedule": schedule_example,
            "transform": transform_example}


# ---- pages ----


def kind_page(family, kind):
    definition = definition_of(kind.name)
    torch = torch_of(kind.name, definition)
    parts = [f"# {kind.name} {{#{family}_{kind.name}}}\n", f"{family.capitalize()}: {plain(kind.help)}.\n",
             f"PyTorch: `{torch}`\n" if torch else "",
             "## Definition\n", prose(definition), EXAMPLES[family](kind), "## Attributes\n", attribute_table(kind)]
    return "\n".join(parts)


def family_page(family):
    rows = [[f"[{kind.name}](@ref {family}_{kind.name})", plain(kind.help),
             plain(torch_of(kind.name, definition_of(kind.name)))] for kind in sixnet.kinds(family)]
    head = [{"layer": "layer", "loss": "loss"}.get(family, family), "what it does", "PyTorch"]
    return "\n".join([f"# {TITLES[family]} {{#{PAGES[family]}}}\n", ABOUT[family] + "\n", table(head, rows), SYNTAX])


def options_page():
    parts = [f"# {TITLES['options']} {{#options}}\n", ABOUT["options"] + "\n", SYNTAX]
    for kind in sixnet.kinds("options"):
        parts += [f"## {kind.name}\n", plain(kind.help).capitalize() + ".\n", attribute_table(kind)]
    return "\n".join(parts)


def pages():
    for family in EXAMPLES:
        yield PAGES[family], family_page(family)
        for kind in sixnet.kinds(family):
            yield f"{family}_{kind.name}", kind_page(family, kind)
    yield "options", options_page()


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    for name, text in pages():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
