#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the seeds and dictionaries of the fuzz targets: make_seeds.py [FOLDER]

Takes the Python binding and the library (SIXNET_LIBRARY), whose tables give the words of the text interface. A seed's name says
what it is; tests/golden/hostile are seeds of model and weights too. The same library and zlib give the same bytes.
"""

import gzip
import hashlib
import io
import pathlib
import re
import shutil
import struct
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tools/python"))
import sixnet  # noqa: E402

FOLDER = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE

# ---- nets: a small one with each layer and loss ----

NETS = {
    "linear": "input shape=3\nlinear out_features=2 name=fc\nmse\n",
    "batchnorm1d": "input shape=2\nbatchnorm1d name=bn\ntanh\n",
    "cnn": "input shape=1x6x6\nconv2d out_channels=2 kernel_size=3 padding=1 bias=false\nrelu\nbatchnorm2d\ndropout p=0.05\n"
           "maxpool2d kernel_size=2\nconv2d out_channels=3 kernel_size=1\nadaptive_avgpool2d output_size=1\nflatten\ncross_entropy\n",
    "strided": "input shape=2x5x5\nconv2d out_channels=2 kernel_size=3 stride=2 padding=1 dilation=1 groups=2\n"
               "avgpool2d kernel_size=2\nsmooth_l1\n",
    "transposed": "input shape=2x5\nconv1d out_channels=2 kernel_size=2 padding=same\nconv_transpose1d out_channels=4 kernel_size=2 stride=2\n"
                  "reshape shape=4x2x5\nconv_transpose2d out_channels=2 kernel_size=3 stride=2 padding=1 output_padding=1 dilation=2 groups=2\nmse\n",
    "pools": "input shape=2x9\nmaxpool1d kernel_size=3 padding=1 dilation=2 stride=1\navgpool1d kernel_size=2 ceil_mode=true\n"
             "adaptive_avgpool1d output_size=6\nreshape shape=3x2x2\nadaptive_maxpool2d output_size=3x1\nmse\n",
    "images": "input shape=4x2x3\npixel_shuffle upscale_factor=2\npad padding=1,-1,2,0 mode=constant value=0.5\nupsample size=4x6 mode=bilinear\n"
              "pixel_unshuffle downscale_factor=2\nunfold kernel_size=2 padding=1 stride=2\nupsample scale_factor=1.5\nmse\n",
    "instances": "input shape=3x2x2\ninstancenorm2d affine=true\nlocal_response_norm size=3\nreshape shape=3x4\ninstancenorm1d\nmse\n",
    "branches": "input shape=3 name=a\ninput shape=3 name=b\nadd from=a,b\nsilu name=s\nmul from=s,a\nconcat from=mul1,b dim=0\nl1\n",
    "pieces": "input shape=6 name=a\nsplit sizes=2,4 name=s\nconstant shape=2 value=0.5 name=c\nadd from=s:0,c\nconcat from=add1,s:1\nl1\n",
    "shared": "input shape=3\nembedding num_embeddings=4 embedding_dim=2 name=e\nlinear out_features=2 name=f\n"
              "linear out_features=2 share=f\ntensors match=f.* trainable=false lr_scale=0.5\nlinear out_features=4 weight=e.weight\nmse\n",
    "products": "input shape=2x3 name=a\ninput shape=4x3 name=b\nmatmul from=a,b transpose_b=true\nmatmul from=matmul1,b\nmse\n",
    "norms": "input shape=4x2\nlayernorm normalized_shape=2\ngroupnorm num_groups=2\ngelu\nreshape shape=8\nsoftmax dim=0\n",
    "classes": "input shape=4 # a comment\n\nleaky_relu negative_slope=0.1\nlog_softmax dim=0\nnll\n",
    "sequences": "input shape=4x2 name=x\ninput shape=1 name=n\nrnn hidden_size=3 nonlinearity=relu from=x,n name=r\n"
                 "gru hidden_size=2 bidirectional=true\nlstm hidden_size=2 num_layers=2 dropout=0.1 bias=false\nmse\n",
    "attention": "input shape=3x4 name=x\ninput shape=1 name=n\npositional_encoding from=x encoding=learned name=p\n"
                 "multihead_attention num_heads=2 causal=true dropout=0.1 from=p,n name=a\nrmsnorm normalized_shape=4\n"
                 "multihead_attention num_heads=1 bias=false from=a,rms1,p\npositional_encoding\nmse\n",
    "words": "input shape=3\nembedding num_embeddings=4 embedding_dim=2\nflatten\nlinear out_features=1\nsigmoid\nbce_with_logits\n",
}

# ---- IDX files ----


def idx(kind, dims, values):
    return struct.pack(">HBB", 0, kind, len(dims)) + struct.pack(f">{len(dims)}I", *dims) + bytes(values)


def pair(images, labels):
    return struct.pack("<H", len(labels)) + labels + images


def packed(data, level=9):
    return gzip.compress(data, level, mtime=0)


IMAGES, LABELS = idx(8, [3, 2, 2], range(12)), idx(8, [3], [0, 1, 2])
FLOATS = idx(0x0D, [3, 1, 2, 2], struct.pack(">12f", *range(12)))
SHORTS = idx(0x0B, [3, 2], struct.pack(">6h", *range(6)))
LONG = idx(8, [64, 8, 8], [i * i % 7 for i in range(4096)])
IDX = {
    "plain": pair(IMAGES, LABELS),
    "gzip": pair(packed(IMAGES), packed(LABELS)),
    "stored": pair(packed(IMAGES, 0), LABELS),
    "dynamic": pair(packed(LONG), packed(idx(8, [64], range(64)))),
    "two_members": pair(packed(IMAGES[:10]) + packed(IMAGES[10:]), LABELS),
    "floats": pair(FLOATS, idx(0x0C, [3, 1], struct.pack(">3i", 0, 1, 2))),
    "shorts": pair(packed(SHORTS), idx(0x0E, [3], struct.pack(">3d", 0, 1, 2))),
}

# ---- images ----


def images():
    """The small files of tests/golden/images.txt, and one of those that must be rejected."""
    lines = (HERE.parent / "golden/images.txt").read_text(encoding="ascii").splitlines()
    for case, file in zip(lines, lines[1:]):
        if case.startswith("case ") and case.endswith(("_3x5", "_13x9", "bad_index")) or case.startswith("case p") and "png" not in case:
            if len(file) < 1000:
                yield case.split()[1], bytes.fromhex(file.split()[1])


# ---- texts of one thing ----

VALUES = {"int": "2", "float": "0.5", "bool": "true", "pair": "1x2", "shape": "2x2", "list": "0.5,1", "points": "0:0.5,2:0.1", "text": "a",
          "path": "a%20b"}


def value_of(attribute):
    if attribute.type == "choice":
        return attribute.range.split()[-1]
    return VALUES[attribute.type]


def specs():
    """Each kind without attributes that have a default, and with all."""
    for family in sixnet.FAMILIES:
        for kind in sixnet.kinds(family):
            required = [a for a in kind.attributes if a.default == "required"]
            for name, attributes in (("least", required), ("all", kind.attributes)):
                text = " ".join([kind.name] + [f"{a.name}={value_of(a)}" for a in attributes])
                yield f"{family}_{kind.name}_{name}", text.encode()
    yield "several_schedules", b"linear_warmup steps=2 ; step_lr step_size=1 gamma=0.5"


# ---- files ----


def models():
    for name, text in NETS.items():
        file = io.BytesIO()
        sixnet.Model(text).save(file)
        yield name, file.getvalue()


def timeless(file):
    """A checkpoint as if its run had taken a second: its header padded as the library does, its checksum that of the new bytes."""
    end = 8 + int.from_bytes(file[:8], "little")
    header = re.sub(rb"(seconds)=[0-9.e+-]+", rb"\1=1", file[8:end].rstrip(b" "))
    header += b" " * (-len(header) % 8)
    header = re.sub(rb'("sixnet.checksum"):"\w+"', rb'\1:"%b"' % (b"0" * 64), header)
    file = len(header).to_bytes(8, "little") + header + file[end:]
    return file.replace(b"0" * 64, hashlib.sha256(file).hexdigest().encode(), 1)


def checkpoint(folder):
    """A run as fuzz_checkpoint.c has it, after a few steps."""
    context = sixnet.Context("seed=3")
    net = sixnet.Model("input shape=3\nlinear out_features=2 name=fc\ncross_entropy\n", context)
    opt = sixnet.Optimizer(net, "sgd lr=0.1 momentum=0.9", "step_lr step_size=1 gamma=0.5")
    data = [[i % 3 + 1, (i + 1) % 3 + 1, (i + 2) % 3 + 1] for i in range(6)]
    net.zero_grad()
    net.forward(data)
    net.loss([i % 2 for i in range(6)])
    net.backward()
    opt.step()
    path = pathlib.Path(folder) / "run"
    opt.save_checkpoint(path)
    yield "open", timeless(path.read_bytes())
    net.fit(data, [i % 2 for i in range(6)], optimizer=opt, epochs=2, batch_size=2, checkpoint=path)
    yield "fit", timeless(path.read_bytes())
    net.fit(data, [i % 2 for i in range(6)], optimizer=opt, epochs=2, batch_size=2, checkpoint=path, average="ema")
    yield "average", timeless(path.read_bytes())


JSON = {
    "tensor": '{"a":{"dtype":"F32","shape":[4,4],"data_offsets":[0,64]}}',
    "tensors": '{"a":{"dtype":"F16","shape":[2,2,2],"data_offsets":[0,16]},"b":{"dtype":"BF16","shape":[8],"data_offsets":[16,32]},'
               '"c":{"dtype":"F64","shape":[4],"data_offsets":[32,64]},"d":{"dtype":"U8","shape":[0],"data_offsets":[64,64]}}  ',
    "types": '{"a":{"dtype":"F4","shape":[64],"data_offsets":[0,32]},"b":{"dtype":"F6_E2M3","shape":[16],"data_offsets":[32,44]},'
             '"c":{"dtype":"XYZ","shape":[9223372036854775807],"data_offsets":[44,64]}}',
    "pairs": '{"__metadata__":{"format":"pt","sixnet.checksum":"%s"},"a":{"dtype":"I64","shape":[8],"data_offsets":[0,64]}}' % ("0" * 64),
    "escapes": '{ "\\u00e9\\n\\ud83d\\ude00\u00df" : {"dtype":"U8" , "shape" : [ 64 ] , "data_offsets" : [ 0 , 64 ] } }',
    "values": '[{"a":["\\"\\\\\\/\\b\\f\\r\\t",0,9223372036854775807],"b":{}},[],[[1]]]',
}

# A call is the number of its kind and its arguments, each a byte; see fuzz_calls.c. Kinds by name, from the table there.


def call_numbers():
    lines = (HERE / "fuzz_calls.c").read_text().split("} calls[] = {")[1].split("};")[0].split("\n")
    return {line.split('"')[1]: number for number, line in enumerate(line for line in lines if '"' in line)}


def calls():
    number = call_numbers()

    def sequence(context, *parts):
        return bytes([context] + [byte for name, *arguments in parts for byte in [number[name], *arguments]])

    for context in range(3):
        for net in range(6):
            yield f"open_loop_{context}_{net}", sequence(
                context, ("model_parse", 0, net), ("optimizer_new", 0, 0, context, 1), ("forward", 0, 17, 0, 1, 200),
                ("loss", 0, 0, 1, 200), ("backward", 0), ("step", 0), ("zero_grad", 0), ("predict", 0, 5, 0, 1, 200, 1, 200),
                ("tensor_get", 0, 0, 0, 0), ("model_copy", 0, 2), ("predictor", 2, 3, 1, 1, 200, 1, 200), ("cancel", 2, 1),
                ("save_and_load", 0, 1, 1, 0), ("describe", 1, 0, 1, 1, 0, 1))
        yield f"fit_{context}", sequence(
            context, ("model_parse", 0, 0), ("optimizer_new", 0, 0, 1, 2), ("dataset_from_arrays", 0, 0, 20, 1, 200, 1, 1, 200),
            ("dataset_split", 0, 1, 2, 1), ("dataset_transform", 1, 0), ("fit", 0, 0, 1, 2, 1, 12, 0), ("evaluate", 0, 2, 1),
            ("profile", 0, 1, 1, 1), ("batches_new", 2, 0, 1), ("batches_start", 0, 1), ("batches_next", 0, 1))
    yield "build", sequence(
        0, ("model_new", 0), ("add", 0, 0, 0), ("add", 0, 2, 0), ("add", 0, 5, 0), ("add_multi", 0, 7, 2, 3, 0, 3), ("add", 0, 9, 0),
        ("retain", 0, 2), ("memory_needed", 0, 4, 1), ("compile", 0), ("forward", 0, 4, 1, 1, 200), ("loss", 0, 1, 1, 200),
        ("backward", 0), ("node_values", 0, 2, 4, 0, 1, 200), ("node_values", 0, 2, 4, 3, 1, 200), ("gradient_get", 0, 0, 1, 1, 200),
        ("gradient_check", 0, 0, 1, 200, 1, 200))
    yield "failing", sequence(
        1, ("model_parse", 0, 1), ("fail_allocation", 3), ("model_parse", 1, 0), ("fail_allocation", 2), ("forward", 0, 17, 0, 1, 200),
        ("fail_allocation", 1), ("save_and_load", 0, 1, 1, 0), ("forward", 0, 17, 0, 1, 200))


# ---- dictionaries ----


def quoted(token):
    return '"' + "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\x{b:02x}" for b in token.encode()) + '"'


WORDS = ["true", "false", "\n", " ; ", "#", "x", ",", "1e-3", "-1", "0", "2", "16", ":1", ".weight", "weight=", "*"]
FIELDS = ["dtype", "shape", "data_offsets", "__metadata__", "format", "sixnet.format", "sixnet.net", "sixnet.version", "sixnet.checksum",
          "sixnet.run", "sixnet.optimizer", "sixnet.schedule", "sixnet:schedule", "sixnet:history", "sixnet:optimizer.0", "fc.weight",
          "fc.bias", "bn.running_var"]
TYPES = ["F32", "F64", "F16", "BF16", "U8", "I64", "BOOL", "F4", "XYZ"]
MARKS = ["{", "}", "[", "]", ",", ":", '"', "\\", "\\n", "\\u0000", "\\ud800", "\\u002e", "[0,0]", "[]", "{}",
         '"":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},', "9223372036854775807", "18446744073709551616", "4294967296", "\u00e9"]


def words():
    kinds = [kind for family in sixnet.FAMILIES for kind in sixnet.kinds(family)]
    names = {kind.name for kind in kinds}
    attributes = {f"{a.name}=" for kind in kinds for a in kind.attributes}
    choices = {c for kind in kinds for a in kind.attributes if a.type == "choice" for c in a.range.split()}
    return sorted(names) + sorted(attributes) + sorted(choices) + WORDS


def tokens():
    return [f'"{t}"' for t in TYPES] + [f'"{f}":' for f in FIELDS] + MARKS


# ---- writing ----


def write(target, seeds):
    folder = FOLDER / "seeds" / target
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in seeds:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def write_dictionary(name, entries):
    (FOLDER / (name + ".dict")).write_text("# Written by make_seeds.py\n" + "".join(quoted(entry) + "\n" for entry in entries))


def main():
    with tempfile.TemporaryDirectory() as folder:
        write("checkpoint", checkpoint(folder))
    write("calls", calls())
    write("idx", IDX.items())
    write("image", images())
    write("json", JSON.items())
    write("model", models())
    write("net", NETS.items())
    write("round", ((name, text.encode() + b"\0" + bytes([200, 0, 1, 3, 40, 0, 2, 65])) for name, text in NETS.items()))
    write("spec", specs())
    write("weights", models())
    write_dictionary("words", words())
    write_dictionary("tokens", tokens())


main()
