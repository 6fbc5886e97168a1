#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/images.txt: PNG, PGM and PPM files and the pixels that Pillow reads from them.

Needs Pillow, and is run by hand; the tests read the file. A case is a line `case NAME`, a line `file` with the bytes in hexadecimal, a line
`image CHANNELS HEIGHT WIDTH BITS`, a line `pixels` with the values, channel by channel and row by row, and `end`. Pillow has colors of 16 bits
as 8; such a file's pixels are the numbers that were put into it. `gray` has Pillow's gray of a color image, `small` and `large` its bilinear
resizing to 5 x 4 and 17 x 20 pixels. A file that must be rejected has a line `fails` with a part of the message.
"""

import io
import pathlib
import random
import struct
import zlib

import PIL
from PIL import Image

OUT = pathlib.Path(__file__).parent / "golden/images.txt"
GRAY, RGB, PALETTE, GRAY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
SAMPLES = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGB_ALPHA: 4}
DEPTHS = {GRAY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GRAY_ALPHA: (8, 16), RGB_ALPHA: (8, 16)}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLORS = 200  # of a palette of 8 bits


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def filtered(row, above, distance, kind):
    out = bytearray([kind])
    for i, value in enumerate(row):
        left, up = row[i - distance] if i >= distance else 0, above[i]
        corner = above[i - distance] if i >= distance else 0
        nearest = min((left, up, corner), key=lambda x: abs(left + up - corner - x))
        out.append((value - (0, left, up, (left + up) // 2, nearest)[kind]) % 256)
    return bytes(out)


def packed(values, depth):
    bits = "".join(f"{value:0{depth}b}" for value in values)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))


def png(rng, pixels, depth, color, interlaced, palette):
    """pixels[y][x] is a list of samples. Each row has a filter at random; the image data are in two chunks."""
    height, width, distance = len(pixels), len(pixels[0]), max(1, SAMPLES[color] * depth // 8)
    data = b""
    for x0, y0, dx, dy in ADAM7 if interlaced else ((0, 0, 1, 1),):
        above = None
        for y in range(y0, height, dy):
            row = packed([value for x in range(x0, width, dx) for value in pixels[y][x]], depth)
            if row:
                data += filtered(row, above or bytes(len(row)), distance, rng.randrange(5))
                above = row
    stream = zlib.compress(data, rng.choice((0, 6, 9)))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced))
    colors = chunk(b"PLTE", bytes(palette)) + chunk(b"tRNS", b"\x00\x80") if color == PALETTE else b""
    half = len(stream) // 2
    return (SIGNATURE + head + chunk(b"gAMA", struct.pack(">I", 45455)) + colors + chunk(b"IDAT", stream[:half]) +
            chunk(b"IDAT", stream[half:]) + chunk(b"tEXt", b"a\x00b") + chunk(b"IEND", b""))


def planes(rows):
    return [value[c] for c in range(len(rows[0][0])) for row in rows for value in row]


def by_pillow(data, channels):
    image = Image.open(io.BytesIO(data))
    if image.mode.startswith("I"):
        return list(image.getdata())
    image = image.convert("RGBA").convert("RGB") if channels == 3 else image.convert("L")
    return planes([[value if isinstance(value, tuple) else (value,)] for value in image.getdata()])


def png_cases():
    for color, depths in DEPTHS.items():
        for depth in depths:
            for interlaced in (0, 1):
                for height, width in ((1, 1), (5, 3), (9, 13)):
                    rng = random.Random(f"{color} {depth} {interlaced} {width}")
                    most = min(1 << depth, COLORS) if color == PALETTE else 1 << depth
                    pixels = [[[rng.randrange(most) for _ in range(SAMPLES[color])] for _ in range(width)] for _ in range(height)]
                    palette = [rng.randrange(256) for _ in range(3 * min(1 << depth, COLORS))]
                    data = png(rng, pixels, depth, color, interlaced, palette)
                    channels = 1 if color in (GRAY, GRAY_ALPHA) else 3
                    own = planes([[value[:channels] for value in row] for row in pixels])
                    values = own if depth == 16 else by_pillow(data, channels)
                    if depth == 16:  # Pillow has the upper bytes
                        assert color == GRAY or [v >> 8 for v in own] == by_pillow(data, channels), (color, interlaced, width)
                    yield f"png_color{color}_depth{depth}_{'adam7' if interlaced else 'plain'}_{width}x{height}", data, (
                        channels, height, width, 16 if depth == 16 else 8), values


def netpbm_cases():
    pixels = [0, 1, 128, 254, 255, 77]
    deep = b"".join(struct.pack(">H", 257 * value) for value in pixels)
    for name, data, shape in (
            ("pgm_raw", b"P5\n# a comment\n3 2\n255\n" + bytes(pixels), (1, 2, 3, 8)),
            ("pgm_plain", b"P2 3 2 255 0 1 128\n# within\n254 255 77 \n", (1, 2, 3, 8)),
            ("pgm_end", b"P2 3 2 255 0 1 128 254 255 77", (1, 2, 3, 8)),
            ("ppm_raw", b"P6 1 2 255 " + bytes(pixels), (3, 2, 1, 8)),
            ("ppm_plain", b"P3 1 2 255\n0 1 128\n254 255 77\n", (3, 2, 1, 8))):
        yield name, data, shape, by_pillow(data, shape[0])
    yield "pgm_deep", b"P5 3 2 65535\n" + deep, (1, 2, 3, 16), [257 * value for value in pixels]
    yield "pgm_few", b"P2 3 2 5 0 1 2 3 4 5", (1, 2, 3, 8), [0, 51, 102, 153, 204, 255]


def more_lines(name, data, shape):
    """What Pillow makes of an image of 8 bits that is large enough to show it."""
    channels, height = shape[:2]
    if height < 9 or "depth8_plain" not in name:
        return
    image = Image.open(io.BytesIO(data)).convert("RGBA").convert("RGB" if channels == 3 else "L")
    versions = {"small": image.resize((5, 4), Image.Resampling.BILINEAR), "large": image.resize((17, 20), Image.Resampling.BILINEAR)}
    if channels == 3:
        versions["gray"] = image.convert("L")
    for name, version in versions.items():
        values = planes([[value if isinstance(value, tuple) else (value,)] for value in version.getdata()])
        yield f"{name} " + " ".join(map(str, values))


def bad_cases():
    def made(width=1, height=1, depth=8, color=GRAY, interlaced=0, data=b"\0\x07", *more, methods=b"\0\0"):
        head = struct.pack(">IIBB", width, height, depth, color) + methods + bytes([interlaced])
        stream = chunk(b"IDAT", zlib.compress(data)) if data is not None else b""
        return SIGNATURE + chunk(b"IHDR", head) + b"".join(more) + stream + chunk(b"IEND", b"")

    plte = chunk(b"PLTE", b"abc")
    yield "depth", made(depth=3), "color type 0 with 3 bits"
    yield "depth_of_color", made(depth=4, color=RGB), "color type 2 with 4 bits"
    yield "color", made(color=5), "color type 5"
    yield "interlacing", made(interlaced=2), "unknown compression, filter or interlacing"
    yield "compression", made(methods=b"\1\0"), "unknown compression, filter or interlacing"
    yield "no_pixels", made(width=0), "has no pixels"
    yield "huge", made(width=2**31 - 1, height=2**31 - 1), "an image may have"
    yield "bomb", made(width=8000, height=8000), "cannot hold"
    yield "few_data", made(width=2), "fewer data than the image has"
    yield "much_data", made(data=b"\0\x07\0"), "more data than the image has"
    yield "filter", made(data=b"\5\x07"), "unknown filter 5"
    yield "index", made(1, 1, 8, PALETTE, 0, b"\0\1", plte), "color 1 of a palette of 1"
    yield "no_palette", made(color=PALETTE), "no PLTE chunk"
    yield "two_palettes", made(1, 1, 8, PALETTE, 0, b"\0\0", plte, plte), "a PLTE chunk must"
    yield "palette_size", made(1, 1, 8, PALETTE, 0, b"\0\0", chunk(b"PLTE", b"abcd")), "a PLTE chunk must"
    yield "no_data", made(data=None), "no IDAT chunk"
    yield "critical", made(1, 1, 8, GRAY, 0, b"\0\7", chunk(b"ABCD", b"")), "unknown chunk ABCD"
    yield "type", made(1, 1, 8, GRAY, 0, b"\0\7", chunk(b"a1cd", b"")), "not four letters"
    yield "apart", made(1, 1, 8, GRAY, 0, b"\0\7", chunk(b"IDAT", b""), chunk(b"tEXt", b"")), "must follow one another"
    yield "stream", made(1, 1, 8, GRAY, 0, None, chunk(b"IDAT", b"\0" * 9)), "no zlib stream"
    yield "short_stream", made(1, 1, 8, GRAY, 0, None, chunk(b"IDAT", b"\x78\x9c")), "no zlib stream"
    yield "adler", made(1, 1, 8, GRAY, 0, None, chunk(b"IDAT", zlib.compress(b"\0\7")[:-1] + b"\0")), "Adler-32"
    yield "no_header", SIGNATURE + chunk(b"IDAT", b""), "the first chunk must be an IHDR"
    yield "only_signature", SIGNATURE, "ends within a chunk"
    yield "pgm_side", b"P5 0 1 255 a", "byte 3: must be a whole number from 1"
    yield "pgm_most", b"P5 1 1 65536 a", "from 1 to 65535"
    yield "pgm_short", b"P5 2 1 255 a", "ends within the image"
    yield "pgm_long", b"P5 1 1 255 ab", "more bytes than the image has"
    yield "pgm_value", b"P5 1 1 9 a", "97 exceeds the greatest value, 9"
    yield "pgm_fraction", b"P2 2 1 9 0.5 1", "must be a whole number"
    yield "pgm_huge", b"P5 70000 70000 255 a", "an image may have"


def main():
    lines = [f"# Written by tests/make_images.py with Pillow {PIL.__version__}."]
    for name, data, shape, values in (*png_cases(), *netpbm_cases()):
        lines += [f"case {name}", f"file {data.hex()}", "image " + " ".join(map(str, shape)), "pixels " + " ".join(map(str, values)),
                  *more_lines(name, data, shape), "end"]
    for name, data, part in bad_cases():
        lines += [f"case bad_{name}", f"file {data.hex()}", f"fails {part}", "end"]
    OUT.write_text("\n".join(lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
