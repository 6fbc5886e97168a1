#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/hostile: files made to harm a program that loads them, and list.txt, which says what each is and how it
must be answered: make_hostile.py [FOLDER]

The classes C1 to C42 are those that files have harmed other libraries by. A line of the list is

    file | class | how it is loaded: model, weights | status | what the message must have

Classes of the file system (C38 to C41), of datasets (C33, C36) and of time (C35) are in test_files.c and test_data.c, which make
theirs when they run.
"""

import hashlib
import json
import pathlib
import struct
import sys

NET = "input shape=3\nlinear out_features=2 name=fc\nmse\n"
WEIGHT, BIAS = struct.pack("<6f", 1, 2, 3, 4, 5, 6), struct.pack("<2f", 7, 8)
ZEROS = "0" * 64


def tensor(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def tensors(**changed):
    """The tensors of NET; with keywords such as fc_weight, changed ones."""
    right = {"fc.weight": tensor("F32", [2, 3], 0, 24), "fc.bias": tensor("F32", [2], 24, 32)}
    right.update({name.replace("_", ".", 1): value for name, value in changed.items()})
    return {name: value for name, value in right.items() if value is not None}


def pairs(**changed):
    right = {"format": "pt", "sixnet.format": "1", "sixnet.version": "1.0.0", "sixnet.net": NET}
    right.update({"sixnet." + name: value for name, value in changed.items()})
    return {name: value for name, value in right.items() if value is not None}


def pack(header, data, length=None):
    header = header if isinstance(header, bytes) else header.encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def padded(text):
    return text + " " * (-len(text.encode()) % 8)


def model(members=None, metadata=None, data=WEIGHT + BIAS, pad=padded, checksum=ZEROS):
    """A model's file with its checksum."""
    metadata = {"sixnet.checksum": checksum, **(pairs() if metadata is None else metadata)}
    header = json.dumps({"__metadata__": metadata, **(tensors() if members is None else members)}, separators=(",", ":"))
    file = pack(pad(header), data)
    return file.replace(ZEROS.encode(), hashlib.sha256(file).hexdigest().encode(), 1)


def net(text, shapes=()):
    """A model's file with another net and tensors of those names and shapes."""
    members, at = {}, 0
    for name, *shape in shapes:
        size = 4
        for dim in shape:
            size *= dim
        members[name] = tensor("F32", shape, at, at + size)
        at += size
    return model(members, pairs(net=text), bytes(at))


def raw(text, data=WEIGHT + BIAS):
    """A file whose header is given as text."""
    return pack(text, data)


def raw_tensor(text, data=WEIGHT + BIAS):
    """A file of NET's tensors, with the first one's description given as text."""
    return raw('{"fc.weight":' + text + ',"fc.bias":{"dtype":"F32","shape":[2],"data_offsets":[24,32]}}', data)


def weight(shape="[2,3]", offsets="[0,24]", dtype='"F32"', more=""):
    return raw_tensor('{"dtype":%s,"shape":%s,"data_offsets":%s%s}' % (dtype, shape, offsets, more))


def floats(*values):
    return struct.pack("<8f", *values)


GOOD = model()
TWO_BIASES = json.dumps(tensor("F32", [2], 0, 8)), json.dumps(tensor("F32", [2], 8, 16))
BAD, NEW = "SIXNET_BAD_FILE", "SIXNET_UNSUPPORTED"
NAN, INF = float("nan"), float("inf")
BATCHNORM = {"bn." + name: tensor("F32", [2], 8 * i, 8 * i + 8)
             for i, name in enumerate(["weight", "bias", "running_mean", "running_var"])}

CASES = [
    # name, class, loaded as, status, part of the message, bytes
    ("good", "-", "model", "SIXNET_OK", "", GOOD),
    ("good_weights", "-", "weights", "SIXNET_OK", "", weight()),
    ("good_misaligned", "C22", "weights", "SIXNET_OK", "", raw(padded(json.dumps(tensors())) + " ")),
    ("good_blanks", "-", "weights", "SIXNET_OK", "", raw(json.dumps(tensors(), indent=3))),
    ("good_escapes", "-", "weights", "SIXNET_OK", "", raw(json.dumps(tensors()).replace("fc.b", "\\u0066c\\u002eb"))),

    ("magic_gguf", "C1", "model", BAD, "byte 0: header length", b"GGUF" + GOOD[4:]),
    ("magic_zip", "C1", "model", BAD, "byte 0: header length", b"PK\x03\x04" + GOOD[4:]),
    ("magic_pickle", "C1", "model", BAD, "byte 0: header length", b"\x80\x02}q\x00." + GOOD[6:]),
    ("magic_no_brace", "C1", "weights", BAD, "byte 8: byte 0x5b", raw('["fc.weight"]')),
    ("version_none", "C2", "model", BAD, "sixnet.format", model(metadata=pairs(format=None))),
    ("version_zero", "C2", "model", NEW, "sixnet.format is '0'", model(metadata=pairs(format="0"))),
    ("version_future", "C2", "model", NEW, "sixnet.format is '2'", model(metadata=pairs(format="2"))),
    ("length_big_endian", "C3", "model", BAD, "byte 0: header length", struct.pack(">Q", len(GOOD) - 40) + GOOD[8:]),
    ("empty", "C4", "model", BAD, "byte 0", b""),
    ("seven_bytes", "C4", "model", BAD, "byte 7", GOOD[:7]),
    ("length_0", "C4", "model", BAD, "byte 0: header length 0", pack("", b"")),
    ("length_1", "C4", "model", BAD, "byte 0: header length 1", pack("{", b"")),
    ("length_past_end", "C4", "model", BAD, "byte 0: header length 9", pack("{}", b"", 9)),
    ("length_2_63", "C4", "model", BAD, "byte 0: header length 9223372036854775808", pack("{}", b"", 2**63)),
    ("length_2_64", "C4", "model", BAD, "byte 0: header length 18446744073709551615", pack("{}", b"", 2**64 - 1)),
    ("padding_nul", "C5", "weights", BAD, "byte 0x00, expected nothing", raw(json.dumps(tensors()) + "\0\0")),
    ("padding_text", "C5", "weights", BAD, "byte 0x78, expected nothing", raw(json.dumps(tensors()) + "  x")),
    ("unknown_key", "C6", "weights", BAD, "unknown key 'strides'", weight(more=',"strides":[3,1]')),
    ("unknown_dtype", "C6", "weights", BAD, "mismatch: fc.weight is 2x3 of Q4_0 in the file", weight(dtype='"Q4_0"')),
    ("unknown_dtype_control", "C6 C9", "weights", BAD, "mismatch: fc.weight is 2x3 of Q?4 in the file", weight(dtype='"Q\\n4"')),
    ("unknown_dtype_overlap", "C6 C20", "weights", BAD, "begins at byte 24", weight(dtype='"Q4_0"', offsets="[0,28]")),
    ("unknown_dtype_past_end", "C6 C18", "weights", BAD, "ends at byte 32 of the data, which has 28", weight(dtype='"Q4_0"')[:-4]),
    ("dtype_half_bytes", "C6 C13", "weights", BAD, "24 bytes; [2x3] values of type F4 have 3", weight(dtype='"F4"')),
    ("dtype_three_quarter_bytes", "C6 C13", "weights", BAD, "24 bytes; [2x4] values of type F6_E3M2 have 6", weight("[2,4]", dtype='"F6_E3M2"')),
    ("dtype_ends_in_byte", "C6 C13", "weights", BAD, "shape: [47] values of type F4 end within a byte", weight("[47]", dtype='"F4"')),
    ("dtype_number", "C6", "weights", BAD, "dtype: byte 0x34, expected a string", weight(dtype="4")),
    ("dtype_integer", "C6", "weights", BAD, "fc.weight is 2x3 of I32", weight(dtype='"I32"')),
    ("pair_number", "C6", "weights", BAD, "'__metadata__' step", raw('{"__metadata__":{"step":1}}', b"")),
    ("pair_object", "C6", "weights", BAD, "'__metadata__' step", raw('{"__metadata__":{"step":{}}}', b"")),
    ("no_dtype", "C6", "weights", BAD, "dtype is missing", raw_tensor('{"shape":[2,3],"data_offsets":[0,24]}')),
    ("no_shape", "C6", "weights", BAD, "shape is missing", raw_tensor('{"dtype":"F32","data_offsets":[0,24]}')),
    ("no_offsets", "C6", "weights", BAD, "data_offsets is missing", raw_tensor('{"dtype":"F32","shape":[2,3]}')),
    ("no_members", "C6", "weights", BAD, "dtype is missing", raw_tensor("{}")),
    ("count_negative", "C7", "weights", BAD, "shape: byte 0x2d", weight("[-2,-3]")),
    ("count_2_31", "C7", "weights", BAD, "data_offsets: 24 bytes", weight("[2147483648,3]")),
    ("count_2_63", "C7", "weights", BAD, "shape: a number above 2^63 - 1", weight("[9223372036854775808]")),
    ("count_2_64", "C7", "weights", BAD, "shape: a number above 2^63 - 1", weight("[18446744073709551622]")),
    ("count_huge", "C7", "weights", BAD, "shape: a number above 2^63 - 1", weight("[" + "9" * 400 + "]")),
    ("count_float", "C7", "weights", BAD, "a point or an exponent", weight("[2.0,3]")),
    ("count_exponent", "C7", "weights", BAD, "a point or an exponent", weight("[2e0,3]")),
    ("count_leading_zero", "C7", "weights", BAD, "leading zeros", weight("[02,3]")),
    ("count_plus", "C7", "weights", BAD, "shape: byte 0x2b", weight("[+2,3]")),
    ("count_text", "C7", "weights", BAD, "shape: byte 0x22", weight('["2",3]')),
    ("no_tensors", "C7", "weights", BAD, "missing: fc.weight, fc.bias", raw("{}", b"")),
    ("rank_0", "C8", "weights", BAD, "data_offsets: 24 bytes", weight("[]")),
    ("rank_9", "C8", "weights", BAD, "shape: more than 8 dimensions", weight("[1,1,1,1,1,1,1,2,3]")),
    ("rank_many", "C8", "weights", BAD, "shape: more than 8 dimensions", weight("[" + "1," * 500 + "6]")),
    ("rank_other", "C8", "weights", BAD, "fc.weight is 1x2x3 of F32", weight("[1,2,3]")),
    ("name_empty", "C9", "weights", BAD, "unexpected: ",
     raw(json.dumps({**tensors(fc_weight=None), "": tensor("F32", [2, 3], 0, 24)}))),
    ("name_nul", "C9", "weights", BAD, "byte 12: invalid escape",
     raw(json.dumps(tensors()).replace("fc.weight", "fc\\u0000ght"))),
    ("name_raw_nul", "C9", "weights", BAD, "control character 0x00",
     raw(json.dumps(tensors()).replace("fc.weight", "fc.weight\0"))),
    ("name_line_break", "C9", "weights", BAD, "control character 0x0a",
     raw(json.dumps(tensors()).replace("fc.weight", "fc\nweight"))),
    ("name_bad_utf8", "C9", "weights", BAD, "byte 0xff: not UTF-8",
     raw(json.dumps(tensors()).encode().replace(b"fc.w", b"fc\xffw"))),
    ("name_overlong", "C9", "weights", BAD, "byte 0xc0: not UTF-8",
     raw(json.dumps(tensors()).encode().replace(b"fc.w", b"f\xc0\xae"))),
    ("name_utf8_surrogate", "C9", "weights", BAD, "byte 0xed: not UTF-8",
     raw(json.dumps(tensors()).encode().replace(b"fc.w", b"f\xed\xa0\x80"))),
    ("name_lone_surrogate", "C9", "weights", BAD, "invalid escape", raw(json.dumps(tensors()).replace("fc.w", "\\ud800w"))),
    ("name_low_surrogate", "C9", "weights", BAD, "invalid escape", raw(json.dumps(tensors()).replace("fc.w", "\\udc00w"))),
    ("name_bad_escape", "C9", "weights", BAD, "invalid escape", raw(json.dumps(tensors()).replace("fc.w", "\\xfc"))),
    ("name_half_pair", "C9", "weights", BAD, "invalid escape", raw(json.dumps(tensors()).replace("fc.w", "\\ud83dx"))),
    ("name_half_escape", "C9", "weights", BAD, "invalid escape", raw(json.dumps(tensors()).replace("fc.w", "\\ud83d\\n"))),
    ("name_two_highs", "C9", "weights", BAD, "invalid escape", raw(json.dumps(tensors()).replace("fc.w", "\\ud83d\\ud83d"))),
    ("name_high_and_letter", "C9", "weights", BAD, "invalid escape", raw(json.dumps(tensors()).replace("fc.w", "\\ud83d\\u0041"))),
    ("name_high_and_private", "C9", "weights", BAD, "invalid escape", raw(json.dumps(tensors()).replace("fc.w", "\\ud83d\\ue000"))),
    ("name_high_and_nothing", "C9", "weights", BAD, "invalid escape", raw(json.dumps(tensors()).replace("fc.w", "\\ud83d\\uZ"))),
    ("name_cut_pair", "C9", "weights", BAD, "invalid escape", raw('{"\\ud83d', b"")),
    ("name_cut_backslash", "C9", "weights", BAD, "invalid escape", raw('{"fc\\', b"")),
    ("name_nul_escape", "C9", "weights", BAD, "invalid escape", raw('{"fc\\\0"', b"")),
    ("name_overlong_3", "C9", "weights", BAD, "byte 0xe0: not UTF-8",
     raw(json.dumps(tensors()).encode().replace(b"fc.w", b"f\xe0\x9f\xbf"))),
    ("name_overlong_4", "C9", "weights", BAD, "byte 0xf0: not UTF-8",
     raw(json.dumps(tensors()).encode().replace(b"fc.w", b"f\xf0\x8f\xbf\xbf"))),
    ("name_above_unicode", "C9", "weights", BAD, "byte 0xf4: not UTF-8",
     raw(json.dumps(tensors()).encode().replace(b"fc.w", b"f\xf4\x90\x80\x80"))),
    ("name_all_planes", "C9", "weights", BAD, "unexpected: \u00e9\u0800\u20ac\ud7ff\U0001f600\U00100000\u00e9\U0001f600\uffff",
     raw('{"\u00e9\u0800\u20ac\ud7ff\U0001f600\U00100000\\u00e9\\ud83d\\ude00\\uffff":{"dtype":"U8","shape":[32],'
         '"data_offsets":[0,32]}}')),
    ("name_long_at_fault", "C9", "weights", BAD, "'" + "n" * 87 + "...' shape: byte 0x22",
     raw('{"%s":{"shape":"x"}}' % ("n" * 100))),
    ("name_foreign_at_fault", "C9", "weights", BAD, "'a??' shape: byte 0x22", raw('{"a\u00e9":{"shape":"x"}}')),
    ("header_one_blank_ends", "C5", "weights", BAD, "the header ends", raw("{\t\r\n ", b"")),
    ("name_open", "C9", "weights", BAD, "ends within a string", raw('{"fc.weight', b"")),
    ("name_cut_utf8", "C9", "weights", BAD, "not UTF-8", raw(b'{"fc\xe2\x82', b"")),
    ("name_cut_escape", "C9", "weights", BAD, "invalid escape", raw('{"fc\\u00', b"")),
    ("name_long", "C9", "weights", BAD, "unexpected: ", raw(json.dumps({"n" * 5000: tensor("F32", [8], 0, 32)}))),
    ("name_control", "C9", "weights", BAD, "unexpected: a?b", raw(json.dumps({"a\x1bb": tensor("F32", [8], 0, 32)}))),
    ("nested_shape", "C10 C37", "weights", BAD, "shape: byte 0x5b", weight("[" * 4000)),
    ("nested_header", "C10 C37", "weights", BAD, "unknown key 'a'", raw('{"a":' * 1000, b"")),
    ("nested_pairs", "C10 C37", "weights", BAD, "byte 0x7b", raw('{"__metadata__":' + '{"a":' * 1000, b"")),
    ("product_64", "C11", "weights", BAD, "shape: more than 2^63 - 1 values", weight("[4294967296,4294967296]")),
    ("product_32", "C11", "weights", BAD, "data_offsets: 24 bytes", weight("[65536,65536]")),
    ("product_zero", "C11 C17", "weights", BAD, "shape: more than 2^63 - 1 values", weight("[4294967296,0,4294967296]")),
    ("product_wraps_to_fit", "C12 C13", "weights", BAD, "shape: more than 2^63 - 1 bytes", weight("[4611686018427387910]")),
    ("product_wraps_to_0", "C12", "weights", BAD, "shape: more than 2^63 - 1 values", weight("[8589934592,2147483648]", "[0,0]")),
    ("element_size", "C13", "weights", BAD, "shape: more than 2^63 - 1 bytes",
     weight("[1152921504606846976]", "[0,24]", '"F64"')),
    ("sum_of_sizes", "C14", "weights", BAD, "data_offsets",
     raw(json.dumps({"a": tensor("U8", [2**63 - 1], 0, 2**63 - 1), "b": tensor("U8", [2**63 - 1], 1, 2**63 - 1)}))),
    ("truncates_to_fit", "C16", "weights", BAD, "data_offsets: 24 bytes", weight("[4294967298,3]")),
    ("offset_truncates", "C16", "weights", BAD, "data_offsets", weight(offsets="[4294967296,4294967320]")),
    ("dim_0", "C17", "weights", BAD, "fc.weight is 0x3 of F32",
     raw(json.dumps({"fc.weight": tensor("F32", [0, 3], 0, 0), "fc.bias": tensor("F32", [2], 0, 8)}), BIAS)),
    ("past_end", "C18", "weights", BAD, "ends at byte 32 of the data, which has 28", weight()[:-4]),
    ("past_end_2_63", "C18", "weights", BAD, "data_offsets", weight("[2305843009213693951]", "[0,9223372036854775804]")),
    ("end_before_begin", "C19", "weights", BAD, "the end 0 is before the begin 24", weight(offsets="[24,0]")),
    ("alias", "C20", "weights", BAD, "'twin' data_offsets: begins at byte 0",
     raw(json.dumps({**tensors(), "twin": tensor("F32", [6], 0, 24)}))),
    ("overlap", "C20", "weights", BAD, "begins at byte 20", raw(json.dumps(tensors(fc_bias=tensor("F32", [3], 20, 32))))),
    ("alias_of_size_0", "C20 C17", "weights", BAD, "begins at byte 4",
     raw(json.dumps({**tensors(), "none": tensor("F32", [0], 4, 4)}))),
    ("hole_at_begin", "C21", "weights", BAD, "begins at byte 4",
     raw(json.dumps({"fc.weight": tensor("F32", [2, 3], 4, 28), "fc.bias": tensor("F32", [2], 28, 36)}), bytes(36))),
    ("hole", "C21", "weights", BAD, "begins at byte 28", raw(json.dumps(tensors(fc_bias=tensor("F32", [2], 28, 36))), bytes(36))),
    ("trailing", "C21", "weights", BAD, "3 bytes that belong to no tensor", weight() + b"abc"),
    ("shape_against_bytes", "C23", "weights", BAD, "data_offsets: 24 bytes; [2x4] values of type F32 have 32", weight("[2,4]")),
    ("dtype_against_bytes", "C23", "weights", BAD, "data_offsets: 24 bytes", weight(dtype='"F64"')),

    ("graph_self", "C24", "model", BAD, "sixnet.net: line 2: from=fc",
     net("input shape=3\nlinear out_features=2 name=fc from=fc\n")),
    ("graph_forward", "C24", "model", BAD, "sixnet.net: line 2: from=b",
     net("input shape=3\nrelu name=a from=b\nrelu name=b from=a\n")),
    ("graph_dangling", "C25", "model", BAD, "line 2: from=nowhere", net("input shape=3\nrelu from=nowhere\n")),
    ("graph_negative", "C25", "model", BAD, "line 2: from=-1", net("input shape=3\nrelu from=-1\n")),
    ("graph_no_input", "C25", "model", BAD, "line 1", net("relu\n")),
    ("graph_unknown", "C26", "model", BAD, "unknown layer 'linaer'; did you mean 'linear'",
     net("input shape=3\nlinaer out_features=2\n")),
    ("graph_unknown_attribute", "C26", "model", BAD, "unknown attribute 'command'", net("input shape=3\nrelu command=rm\n")),
    ("graph_control", "C26", "model", BAD, "control character", net("input shape=3\nrelu\x01\n")),
    ("duplicate_tensor", "C27", "weights", BAD, "byte 74: 'fc.bias' given twice",
     raw('{"fc.bias":%s,"fc.bias":%s}' % TWO_BIASES, bytes(16))),
    ("duplicate_escaped", "C27", "weights", BAD, "given twice",
     raw('{"fc.bias":%s,"fc\\u002ebias":%s}' % TWO_BIASES, bytes(16))),
    ("duplicate_field", "C27", "weights", BAD, "shape: given twice", weight(more=',"shape":[1,2,3]')),
    ("duplicate_pair", "C27", "weights", BAD, "byte 36: 'step' given twice", raw('{"__metadata__":{"step":"1","step":"2"}}', b"")),
    ("duplicate_pairs", "C27", "weights", BAD, "given twice", raw('{"__metadata__":{},"__metadata__":{}}', b"")),
    ("duplicate_node", "C27", "model", BAD, "name=a is the name of another node",
     net("input shape=3\nrelu name=a\nrelu name=a\n")),
    ("missing_tensor", "C28", "model", BAD, "missing: fc.bias",
     model(tensors(fc_bias=None), pairs(net="input shape=1\nlinear out_features=3 name=fc\n"), WEIGHT)),
    ("unexpected_tensor", "C28", "model", BAD, "unexpected: extra",
     model({**tensors(), "extra": tensor("F32", [1], 32, 36)}, data=bytes(36))),
    ("graph_none", "C28", "model", BAD, "has no sixnet.net", model(metadata=pairs(net=None))),
    ("graph_empty", "C28", "model", BAD, "no nodes", net("")),
    ("graph_unreachable", "C28", "model", BAD, "output is unused", net("input shape=3\nrelu\nrelu from=input1\n")),
    ("graph_two_losses", "C28", "model", BAD, "has a loss already", net("input shape=3\nmse\nmse from=input1\n")),
    ("conv_stride_0", "C29", "model", BAD, "stride=0", net("input shape=1x4x4\nconv2d out_channels=1 kernel_size=1 stride=0\n")),
    ("conv_dilation_0", "C29", "model", BAD, "dilation=0",
     net("input shape=1x4x4\nconv2d out_channels=1 kernel_size=1 dilation=0\n")),
    ("conv_kernel_0", "C29", "model", BAD, "kernel_size=0", net("input shape=1x4x4\nconv2d out_channels=1 kernel_size=0\n")),
    ("conv_kernel_large", "C29", "model", BAD, "line 2", net("input shape=1x4x4\nconv2d out_channels=1 kernel_size=9\n")),
    ("conv_padding_negative", "C29", "model", BAD, "padding=-1",
     net("input shape=1x4x4\nconv2d out_channels=1 kernel_size=1 padding=-1\n")),
    ("conv_groups_0", "C29", "model", BAD, "groups=0", net("input shape=2x4x4\nconv2d out_channels=2 kernel_size=1 groups=0\n")),
    ("conv_groups_odd", "C29", "model", BAD, "line 2", net("input shape=4x4x4\nconv2d out_channels=4 kernel_size=1 groups=3\n")),
    ("pool_padding", "C29", "model", BAD, "line 2", net("input shape=1x4x4\nmaxpool2d kernel_size=2 padding=3\n")),
    ("concat_axis", "C29", "model", BAD, "line 3", net("input shape=2\nrelu\nconcat from=input1,relu1 dim=9\n")),
    ("weights_other", "C30", "model", BAD, "mismatch: fc.weight is 3x2", model(tensors(fc_weight=tensor("F32", [3, 2], 0, 24)))),
    ("explosion_linear", "C31 C34", "model", BAD, "the net has", net("input shape=3\nlinear out_features=16777216 name=fc\n")),
    ("explosion_embedding", "C31 C34", "model", BAD, "",
     net("input shape=3\nembedding num_embeddings=1000000000 embedding_dim=900\n")),
    ("explosion_shape", "C31 C34", "model", BAD, "line 1", net("input shape=4294967296x4294967296\n")),
    ("explosion_padding", "C31 C34", "model", BAD, "line 2",
     net("input shape=1x1048576x1048576\nconv2d out_channels=1 kernel_size=1 padding=1048576\n")),
    ("explosion_nodes", "C31 C34", "model", BAD, "at most 4096 nodes", net("input shape=3\n" + "relu\n" * 4100)),
    ("weight_nan", "C32", "weights", BAD, "'fc.weight': value 3 is not a number",
     raw(json.dumps(tensors()), floats(1, 2, 3, NAN, 5, 6, 7, 8))),
    ("weight_infinite", "C32", "weights", BAD, "'fc.bias': value 1 is infinite",
     raw(json.dumps(tensors()), floats(1, 2, 3, 4, 5, 6, 7, -INF))),
    ("weight_half_infinite", "C32", "weights", BAD, "'fc.bias': value 1 is infinite",
     raw(json.dumps(tensors(fc_bias=tensor("F16", [2], 24, 28))), WEIGHT + struct.pack("<2H", 0, 0xFC00))),
    ("weight_half_nan", "C32", "weights", BAD, "'fc.bias': value 0 is not a number",
     raw(json.dumps(tensors(fc_bias=tensor("F16", [2], 24, 28))), WEIGHT + struct.pack("<2H", 0x7C01, 0))),
    ("weight_too_large", "C32", "weights", BAD, "'fc.bias': value 0 is infinite",
     raw(json.dumps(tensors(fc_bias=tensor("F64", [2], 24, 40))), WEIGHT + struct.pack("<2d", 1e300, 1))),
    ("variance_negative", "C32", "model", BAD, "'bn.running_var': value 0 is negative",
     model(BATCHNORM, pairs(net="input shape=2\nbatchnorm1d name=bn\n"), floats(1, 1, 0, 0, 0, 0, -1, 1))),
    ("eps_0", "C32", "model", BAD, "eps=0", net("input shape=2\nbatchnorm1d eps=0\n")),
    ("eps_negative", "C32", "model", BAD, "eps=-1", net("input shape=2\nbatchnorm1d eps=-1\n")),
    ("dropout_p", "C32", "model", BAD, "p=1.5", net("input shape=2\ndropout p=1.5\n")),
    ("dropout_nan", "C32", "model", BAD, "p=nan", net("input shape=2\ndropout p=nan\n")),

    ("checksum_none", "C42", "model", BAD, "has no sixnet.checksum", raw(json.dumps({"__metadata__": pairs(), **tensors()}))),
    ("checksum_wrong", "C42", "model", BAD, "sixnet.checksum does not fit", model(checksum="1" * 64)),
    ("checksum_short", "C42", "model", BAD, "64 hexadecimal digits", model(checksum="12")),
    ("checksum_escaped", "C42", "model", BAD, "64 hexadecimal digits",
     raw(json.dumps({"__metadata__": {"sixnet.checksum": "1" * 64, **pairs()}, **tensors()}).replace('"1111', '"\\u0031111'))),
]


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "golden/hostile")
    folder.mkdir(parents=True, exist_ok=True)
    listed = folder / "list.txt"
    for line in listed.read_text().splitlines()[1:] if listed.exists() else []:
        (folder / line.split(" | ")[0]).unlink(missing_ok=True)
    lines = []
    for name, kind, how, status, text, content in CASES:
        (folder / (name + ".safetensors")).write_bytes(content)
        lines.append(f"{name}.safetensors | {kind} | {how} | {status} | {text}\n")
    head = "# Written by make_hostile.py: file | class | loaded as | status | part of the message\n"
    listed.write_text(head + "".join(lines))


main()
