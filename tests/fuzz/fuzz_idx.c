/* SPDX-License-Identifier: MIT */

/* Bytes as a pair of IDX files: the size of the labels' (two bytes, the lower first), the labels' file, the images' file. */

#include <stdlib.h>
#include <string.h>

#include "data/inflate.h"
#include "fuzz.h"

static void read_samples(const sixnet_dataset *ds)
{
    int64_t dims[8], target_dims[8], size = 1, target_size = 1;
    int32_t rank, target_rank;
    MUST(sixnet_dataset_shape(ds, dims, &rank, target_dims, &target_rank) == SIXNET_OK);
    for (int32_t i = 0; i < rank; i++)
        size *= dims[i];
    for (int32_t i = 0; i < target_rank; i++)
        target_size *= target_dims[i];
    float *in = malloc((size_t)size * sizeof *in), *target = malloc((size_t)target_size * sizeof *target);
    MUST(in && target && sixnet_dataset_size(ds) > 0);
    MUST(sixnet_dataset_get_sample(ds, 0, in, target) == SIXNET_OK);
    MUST(sixnet_dataset_get_sample(ds, sixnet_dataset_size(ds) - 1, in, target) == SIXNET_OK);
    free(in);
    free(target);
}

static void open_pair(const char *images, const char *labels, size_t size)
{
    static sixnet_context *ctx;
    sixnet_dataset *ds;
    if (!ctx)
        ctx = fuzz_context(NULL);
    fuzz_enter();
    fuzz_begin(SIX_INFLATE_RATIO * size);
    int32_t status = fuzz_status(sixnet_dataset_from_idx(&ds, ctx, images, labels));
    fuzz_bound((SIX_INFLATE_RATIO + 1) * (uint64_t)size + (1 << 20));
    MUST((!status) == (ds != NULL));
    if (ds) {
        read_samples(ds);
        fuzz_worked();
    }
    sixnet_dataset_free(ds);
    fuzz_leave();
}

static size_t labels_size(const uint8_t *data, size_t size)
{
    size_t labels = data[0] + 256u * data[1];
    return labels < size - 2 ? labels : size - 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static fuzz_file images, labels;
    if (size < 2)
        return 0;
    size_t first = labels_size(data, size);
    const char *labels_path = fuzz_file_put(&labels, data + 2, first);
    open_pair(fuzz_file_put(&images, data + 2 + first, size - 2 - first), labels_path, size);
    return 0;
}

/* ---- gzip files that stay whole ---- */

static uint32_t crc32_of(const uint8_t *data, size_t size)
{
    uint32_t crc = 0xFFFFFFFF;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
    }
    return ~crc;
}

static void put32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

/* Gives a gzip file the CRC-32 and the length of what it unpacks to. */
static void seal(uint8_t *file, size_t size)
{
    enum { HEAD = 10, TAIL = 8, ROOM = 1 << 14 };
    static uint8_t unpacked[ROOM];
    if (size < HEAD + TAIL || file[0] != 0x1F || file[1] != 0x8B || file[3])
        return;
    const uint8_t *in = file + HEAD, *end = file + size;
    six_output out = {.memory = unpacked, .capacity = ROOM};
    if (six_inflate(&in, end, &out) || end - in < TAIL)
        return;
    uint8_t *tail = file + (in - file);
    put32(tail, crc32_of(unpacked, out.next));
    put32(tail + 4, (uint32_t)out.next);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed)
{
    size = LLVMFuzzerMutate(data, size, room);
    if (size < 2 || seed % 4 == 0)
        return size;
    size_t first = labels_size(data, size);
    seal(data + 2, first);
    seal(data + 2 + first, size - 2 - first);
    return size;
}
