/* SPDX-License-Identifier: MIT */

/* Bytes as an image file, opened as it is and resized. */

#include <stdlib.h>
#include <string.h>

#include "data/crc32.h"
#include "data/inflate.h"
#include "fuzz.h"

/* Of a pixel: three values of 16 bits, as they are decoded and as the dataset has them; each takes an eighth of a byte before that. */
enum { PIXELS = 8 * SIX_INFLATE_RATIO, PIXEL = 2 * 3 * (int)sizeof(uint16_t), SMALL = 3 * 4 };

static void open_image(const char *path, size_t size, const char *options, int64_t values)
{
    static sixnet_context *ctx;
    sixnet_dataset *ds;
    int64_t dims[8], target_dims[8];
    int32_t rank, target_rank;
    if (!ctx)
        ctx = fuzz_context(NULL);
    fuzz_enter();
    fuzz_begin(SIX_INFLATE_RATIO * size);
    const int32_t status = fuzz_status(sixnet_dataset_open(&ds, ctx, path, options));
    fuzz_bound((SIX_INFLATE_RATIO + (uint64_t)PIXELS * (PIXEL + (values ? 2 * sizeof(double) : 0))) * size + (1 << 20));
    MUST((!status) == (ds != NULL));
    if (ds) {
        MUST(sixnet_dataset_shape(ds, dims, &rank, target_dims, &target_rank) == SIXNET_OK);
        MUST(rank == 3 && target_rank == 0 && sixnet_dataset_size(ds) == 1);
        const int64_t count = dims[0] * dims[1] * dims[2];
        MUST(!values || count == values);
        float *sample = malloc((size_t)count * sizeof *sample);
        MUST(sample && sixnet_dataset_get_sample(ds, 0, sample, NULL) == SIXNET_OK);
        for (int64_t i = 0; i < count; i++)
            MUST(sample[i] >= 0 && sample[i] <= 1);
        free(sample);
        fuzz_worked();
    }
    sixnet_dataset_free(ds);
    fuzz_leave();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static fuzz_file file;
    const char *path = fuzz_file_put(&file, data, size);
    open_image(path, size, NULL, 0);
    open_image(path, size, "channels=1 bits=16 resize=3x4", SMALL);
    return 0;
}

/* ---- PNG files that stay whole ---- */

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* The Adler-32 that RFC 1950 defines, a byte at a time. */
static uint32_t adler32_of(const uint8_t *data, size_t size)
{
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < size; i++) {
        a = (a + data[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

/* Gives an IDAT chunk with all of the image the Adler-32 of what it unpacks to. */
static void seal_image(uint8_t *at, size_t size)
{
    enum { ROOM = 1 << 14 };
    static uint8_t unpacked[ROOM];
    const uint8_t *in = at + 2, *end = at + size;
    six_output out = {.memory = unpacked, .capacity = ROOM};
    if (size > 6 && !six_inflate(&in, end - 4, &out))
        put32(at + (in - at), adler32_of(unpacked, out.next));
}

static void seal(uint8_t *file, size_t size)
{
    six_crc32 crc;
    six_crc32_init(&crc);
    for (size_t at = 8; at + 12 <= size && get32(file + at) <= size - at - 12; at += 12 + get32(file + at)) {
        const uint32_t length = get32(file + at);
        if (memcmp(file + at + 4, "IDAT", 4) == 0)
            seal_image(file + at + 8, length);
        put32(file + at + 8 + length, six_crc32_of(&crc, file + at + 4, file + at + 8 + length));
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed)
{
    size = LLVMFuzzerMutate(data, size, room);
    if (size > 8 && data[0] == 0x89 && seed % 4)
        seal(data, size);
    return size;
}
