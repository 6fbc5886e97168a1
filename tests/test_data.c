/* SPDX-License-Identifier: MIT */
/* lib/data: inflate, IDX files, datasets, transforms, batches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sha256.h"
#include "base/status.h"
#include "data/batches.h"
#include "data/dataset.h"
#include "data/gzip.h"
#include "data/idx.h"
#include "data/inflate.h"

/* ---- a context whose allocator counts, and can fail or meddle ---- */

static struct {
    sixnet_context ctx;
    int live, left;
    size_t largest;
    int waits; /* meddle() is called with the allocation that brings it to 0 */
    void (*meddle)(void);
} t;

static void *allocate(void *user, size_t size)
{
    (void)user;
    if (t.waits > 0 && --t.waits == 0)
        t.meddle();
    if (t.left-- <= 0)
        return NULL;
    t.largest = size > t.largest ? size : t.largest;
    t.live++;
    return malloc(size);
}

static void release(void *user, void *memory)
{
    (void)user;
    t.live--;
    free(memory);
}

static int setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    t.ctx = (sixnet_context){.references = 1, .malloc_fn = allocate, .free_fn = release, .seed = 7, .threads = 1};
    t.left = 1 << 30;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return t.live != 0 || t.ctx.references != 1;
}

static void assert_error(int32_t status, int32_t expected, const char *part)
{
    if (status != expected || !strstr(sixnet_last_error(), part))
        fail_msg("status %d, \"%s\"; %d with \"%s\" is expected", status, sixnet_last_error(), expected, part);
}

#define assert_ok(call) assert_int_equal(call, SIXNET_OK)

/* ---- files ---- */

static char folder[] = "/tmp/test_data.XXXXXX", path[64];

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    const char *const names[] = {"images", "labels", "fifo"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static char *in_folder(const char *name, char text[64])
{
    snprintf(text, 64, "%s/%s", folder, name);
    return text;
}

static void write_file(const char *name, const void *bytes, size_t size)
{
    FILE *f = fopen(in_folder(name, path), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static uint8_t *read_whole(const char *name, size_t *size)
{
    FILE *f = fopen(name, "rb");
    if (!f)
        return NULL;
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    uint8_t *bytes = malloc(*size);
    assert_int_equal(fread(bytes, 1, *size, f), *size);
    fclose(f);
    return bytes;
}

/* Bytes of a file in the making. */
typedef struct bytes {
    uint8_t at[4096];
    size_t size;
} bytes;

static void put(bytes *b, const void *from, size_t size)
{
    assert_true(b->size + size <= sizeof b->at);
    memcpy(b->at + b->size, from, size);
    b->size += size;
}

static void put32(bytes *b, uint32_t value)
{
    const uint8_t big[] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
    put(b, big, 4);
}

/* dims end with 0. */
static bytes idx_header(uint32_t type, const uint32_t *dims)
{
    bytes b = {.size = 0};
    uint32_t rank = 0;
    while (dims[rank])
        rank++;
    put32(&b, type << 8 | rank);
    for (uint32_t i = 0; i < rank; i++)
        put32(&b, dims[i]);
    return b;
}

#define DIMS(...) ((const uint32_t[]){__VA_ARGS__, 0})

/* n images of 2 x 3 bytes that count up, or n labels 0 1 2 0 1 2 and so on. */
static bytes small_images(uint32_t n)
{
    bytes b = idx_header(8, DIMS(n, 2, 3));
    for (uint32_t i = 0; i < 6 * n; i++)
        put(&b, &(uint8_t){(uint8_t)(i * 5)}, 1);
    return b;
}

static bytes small_labels(uint32_t n)
{
    bytes b = idx_header(8, DIMS(n));
    for (uint32_t i = 0; i < n; i++)
        put(&b, &(uint8_t){(uint8_t)(i % 3)}, 1);
    return b;
}

static uint32_t crc32_by_bits(const uint8_t *p, size_t size)
{
    uint32_t c = 0xffffffffu;
    for (size_t i = 0; i < 8 * size; i++) {
        c ^= (uint32_t)(p[i / 8] >> i % 8 & 1);
        c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
    }
    return ~c;
}

static void put_little(bytes *b, uint32_t value, int size)
{
    for (int i = 0; i < size; i++)
        put(b, &(uint8_t){(uint8_t)(value >> 8 * i)}, 1);
}

/* Gzip of one stored block. */
static bytes gzipped(const bytes *data)
{
    bytes b = {.size = 0};
    put(&b, "\x1f\x8b\x08\0\0\0\0\0\0\xff\x01", 11);
    put_little(&b, (uint32_t)data->size, 2);
    put_little(&b, ~(uint32_t)data->size & 0xffff, 2);
    put(&b, data->at, data->size);
    put_little(&b, crc32_by_bits(data->at, data->size), 4);
    put_little(&b, (uint32_t)data->size, 4);
    return b;
}

/* ---- inflate ---- */

#define SHORT "Six nets sit: six nets sit still, six nets sit, still six nets sit."
#define SKEWED NULL        /* 13 letters as often as Fibonacci's numbers say: codes of up to 12 bits */
#define ZEROS ((char *)-1) /* 100000 zeros */

/* Made with zlib's deflate() of each kind; the last two by hand. zlib unpacks all. */
static const struct {
    const char *name;
    size_t size;
    const char *packed, *plain;
} good[] = {
    {"stored", 90,
     "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x01\x43\x00\xbc\xff\x53\x69\x78\x20\x6e\x65\x74\x73\x20\x73\x69\x74"
     "\x3a\x20\x73\x69\x78\x20\x6e\x65\x74\x73\x20\x73\x69\x74\x20\x73\x74\x69\x6c\x6c\x2c\x20\x73\x69\x78\x20\x6e"
     "\x65\x74\x73\x20\x73\x69\x74\x2c\x20\x73\x74\x69\x6c\x6c\x20\x73\x69\x78\x20\x6e\x65\x74\x73\x20\x73\x69\x74"
     "\x2e\xb0\x32\xec\x53\x43\x00\x00\x00",
     SHORT},
    {"fixed", 51,
     "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x0b\xce\xac\x50\xc8\x4b\x2d\x29\x56\x28\xce\x2c\xb1\x02\x12\x08\x9e"
     "\x42\x71\x49\x66\x4e\x8e\x0e\x8a\x98\x0e\x44\x10\x45\x4c\x0f\x00\xb0\x32\xec\x53\x43\x00\x00\x00",
     SHORT},
    {"dynamic", 236,
     "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x05\xc1\x41\x02\xc3\x30\x0c\xc3\xb0\xb7\x6e\x6b\x13\x5b\x22\xff\x7f"
     "\x1d\xf0\xf9\xfe\x7e\xcf\xf3\xbc\xef\xfb\xbe\xe7\x9c\x73\xce\x39\xf7\xde\x7b\xef\xbd\xf7\xde\x7b\x67\x66\x66"
     "\x66\x66\x66\x66\x66\x66\x66\x66\x77\x77\x77\x77\x77\x77\x77\x77\x77\x77\x77\x77\x77\x77\x77\x77\x37\x49\x92"
     "\x24\x49\x92\x24\x49\x92\x24\x49\x92\x24\x49\x92\x24\x49\x92\x24\x49\x92\xb4\x6d\xdb\xb6\x6d\xdb\xb6\x6d\xdb"
     "\xb6\x6d\xdb\xb6\x6d\xdb\xb6\x6d\xdb\xb6\x6d\xdb\xb6\x6d\xdb\xb6\x6d\xdb\xb6\x6d\xdb\xb6\x6d\xdb\x16\x00\x00"
     "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
     "\x00\x00\x00\x00\x00\x00\x40\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55"
     "\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55"
     "\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\xd5\x3f\x9f\xbe\x6c\x7c\x61\x02\x00\x00",
     SKEWED},
    {"flags", 75,
     "\x1f\x8b\x08\x1f\x01\x02\x03\x04\x02\x03\x05\x00\x65\x78\x74\x72\x61\x6e\x61\x6d\x65\x00\x61\x20\x63\x6f\x6d"
     "\x6d\x65\x6e\x74\x00\x0b\xa9\x0b\xce\xac\x50\xc8\x4b\x2d\x29\x56\x28\xce\x2c\xb1\x02\x12\x08\x9e\x42\x71\x49"
     "\x66\x4e\x8e\x0e\x8a\x98\x0e\x44\x10\x45\x4c\x0f\x00\xb0\x32\xec\x53\x43\x00\x00\x00",
     SHORT},
    {"members", 126,
     "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x0b\xce\xac\x50\xc8\x4b\x2d\x29\x56\x28\xce\x2c\xb1\x02\x12\x20\x1e"
     "\x00\x05\x2d\x98\xc1\x14\x00\x00\x00\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00"
     "\x00\x00\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x01\x2f\x00\xd0\xff\x74\x73\x20\x73\x69\x74\x20\x73\x74\x69"
     "\x6c\x6c\x2c\x20\x73\x69\x78\x20\x6e\x65\x74\x73\x20\x73\x69\x74\x2c\x20\x73\x74\x69\x6c\x6c\x20\x73\x69\x78"
     "\x20\x6e\x65\x74\x73\x20\x73\x69\x74\x2e\x44\xe6\x7d\xf0\x2f\x00\x00\x00",
     SHORT},
    {"zeros", 132,
     "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xed\xc1\x31\x01\x00\x00\x00\xc2\xa0\xf5\x4f\x6d\x0d\x0f\xa0\x00\x00"
     "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
     "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
     "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
     "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x57\x03\x7d\x95\x11\xd4\xa0\x86\x01\x00",
     ZEROS},
    {"one distance code of one bit", 34,
     "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x0d\xe0\x5b\x6a\x00\x00\x00\xc3\x20\x9c\xd5\xfb\x5f\x22\xd1\x02\x45"
     "\xe5\x98\xad\x04\x00\x00\x00",
     "aaaa"},
    {"no distance code", 33,
     "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x0d\xe0\x5b\x6a\x00\x00\x00\xc3\x20\x9c\xd5\xfb\x5f\x42\x10\x43\xbe"
     "\xb7\xe8\x01\x00\x00\x00",
     "a"},
};

/* Deflate streams made by hand that zlib refuses too. */
static const struct {
    const char *name, *problem;
    size_t size;
    const char *packed;
} bad[] = {
    {"a block of type 3", "unknown type", 9, "\x07\x00\x00\x00\x00\x00\x00\x00\x00"},
    {"more literal codes than room", "no prefix code", 15,
     "\x0d\xe0\x5b\x6a\x00\x00\x00\xc3\x20\x9c\x55\xef\x7f\x08\x01"},
    {"fewer literal codes than room", "no prefix code", 16,
     "\x0d\xe0\x5b\x6a\x00\x00\x00\xc3\x20\x9c\x35\xf7\xbf\x44\x00\x01"},
    {"fewer distance codes than room", "no prefix code", 16,
     "\x0d\xe1\x5b\x6a\x00\x00\x00\xc3\x20\x9c\xd5\xfb\x5f\x22\x49\x4c"},
    {"one distance code of two bits", "no prefix code", 16,
     "\x0d\xe0\x5b\x6a\x00\x00\x00\xc3\x20\x9c\xd5\xfb\x5f\x22\x89\x09"},
    {"more distance codes than room", "no prefix code", 16,
     "\x0d\xe2\x5b\x6a\x00\x00\x00\xc3\x20\x9c\xd5\xfb\x5f\x22\x51\x05"},
    {"the unused distance code", "invalid Huffman code", 16,
     "\x0d\xe0\x5b\x6a\x00\x00\x00\xc3\x20\x9c\xd5\xfb\x5f\x22\xd1\x03"},
    {"a distance without distance codes", "invalid Huffman code", 16,
     "\x0d\xe0\x5b\x6a\x00\x00\x00\xc3\x20\x9c\xd5\xfb\x5f\x22\xc1\x02"},
    {"no end of block", "without an end", 14, "\x0d\xe0\x5b\x6a\x00\x00\x00\xc3\x20\x9c\x55\xef\x7f\x0b"},
    {"a distance too far", "before the beginning", 16,
     "\x0d\xe1\x5b\x6a\x00\x00\x00\xc3\x20\x9c\xd5\xfb\x5f\x22\x51\x0f"},
    {"287 literal codes", "more codes", 17, "\xf5\xe0\x5b\x6a\x00\x00\x00\xc3\x20\x9c\xd5\xfb\x5f\x22\xb9\x89\x00"},
    {"31 distance codes", "more codes", 17, "\x0d\xfe\x5b\x6a\x00\x00\x00\xc3\x20\x9c\xd5\xfb\x5f\x22\xf1\x26\x02"},
    {"a repeat of nothing", "repeat", 16, "\x0d\xe0\x5b\x6a\x00\x00\x00\xc3\x20\x3c\xce\xea\xfd\x2f\x91\x28"},
    {"a repeat past the end", "repeat", 17, "\x0d\xe0\x5b\x6a\x00\x00\x00\xc3\x20\x9c\xd5\xfb\x5f\x22\x39\x8a\x00"},
    {"more code length codes than room", "no prefix code", 16,
     "\x0d\xe0\x5b\x66\x00\x00\x00\xc3\x10\x34\xeb\xf6\x6f\x89\x88\x02"},
    {"fewer code length codes than room", "no prefix code", 15,
     "\x0d\xe0\x5b\x6e\x00\x00\x00\xc3\x20\x8c\x95\xf9\x4f\xc2\x46"},
    {"length code 286", "invalid Huffman code", 4, "\x4b\x1c\x03\x00"},
    {"distance code 30", "invalid Huffman code", 4, "\x4b\x04\x3e\x00"},
    {"a repeat one past the end", "repeat", 16, "\x0d\xe1\x5b\x6a\x00\x00\x00\xc3\x20\x9c\xd5\xfb\x5f\x42\x3e\x04"},
    {"stored length and complement differ", "complement", 6, "\x01\x01\x00\xfe\xfe\x61"},
};

static const char into_member_before[] =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x04\x00\x43\xbe\xb7\xe8\x01\x00\x00\x00\x1f\x8b\x08\x00\x00\x00"
    "\x00\x00\x00\x03\x03\x02\x00\x2d\x73\x07\xf0\x03\x00\x00\x00";

static uint8_t plain[100000];

static size_t expected_plain(const char *text)
{
    size_t size = 0;
    memset(plain, 0, sizeof plain);
    if (text == ZEROS)
        return sizeof plain;
    if (text) {
        memcpy(plain, text, strlen(text));
        return strlen(text);
    }
    for (size_t a = 1, b = 1, letter = 'a'; letter < 'a' + 13; b += a, a = b - a, letter++) {
        memset(plain + size, (int)letter, a);
        size += a;
    }
    return size;
}

/* Input and output end where their memory does, so that the sanitizer sees a step beyond. */
static int32_t gunzip(const void *packed, size_t packed_size, uint8_t *out, size_t room, six_gzip *z)
{
    uint8_t *copy = malloc(packed_size ? packed_size : 1), *to = malloc(room ? room : 1);
    memcpy(copy, packed, packed_size);
    *z = (six_gzip){.packed = copy, .packed_size = packed_size, .output = {.memory = to, .capacity = room}};
    int32_t status = six_gunzip(z);
    assert_true(z->output.next <= room && z->at <= packed_size && (!status) == !z->problem);
    memcpy(out, to, z->output.next);
    free(copy);
    free(to);
    return status;
}

static void test_gunzip(void **state)
{
    (void)state;
    static uint8_t out[sizeof plain];
    six_gzip z;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        size_t size = expected_plain(good[i].plain);
        if (gunzip(good[i].packed, good[i].size, out, size, &z) != SIXNET_OK)
            fail_msg("%s: %s", good[i].name, z.problem);
        assert_int_equal(z.output.next, size);
        assert_int_equal(z.at, good[i].size);
        assert_memory_equal(out, plain, size);
        for (size_t room = size > 1000 ? size - 300 : 0; room < size; room++) {
            assert_int_equal(gunzip(good[i].packed, good[i].size, out, room, &z), SIXNET_TOO_LARGE);
            assert_int_equal(z.output.next, room);
            assert_memory_equal(out, plain, room);
        }
    }
}

/* Only between members may the data end. */
static void test_gunzip_truncated(void **state)
{
    (void)state;
    static uint8_t out[sizeof plain];
    six_gzip z;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int between = 0;
        expected_plain(good[i].plain);
        for (size_t size = 0; size < good[i].size; size++) {
            if (gunzip(good[i].packed, size, out, sizeof out, &z) == SIXNET_BAD_FILE)
                continue;
            assert_memory_equal(out, plain, z.output.next);
            between++;
        }
        assert_int_equal(between, strcmp(good[i].name, "members") == 0 ? 2 : 0);
    }
}

static void test_gunzip_trailing(void **state)
{
    (void)state;
    uint8_t packed[128], out[128];
    six_gzip z;
    for (int c = 0; c < 256; c++) {
        memcpy(packed, good[0].packed, good[0].size);
        packed[good[0].size] = (uint8_t)c;
        assert_int_equal(gunzip(packed, good[0].size + 1, out, sizeof out, &z), SIXNET_BAD_FILE);
    }
}

static void test_gunzip_bit_flips(void **state)
{
    (void)state;
    static uint8_t out[sizeof plain];
    uint8_t packed[256];
    six_gzip z;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        size_t size = expected_plain(good[i].plain);
        for (size_t bit = 0; bit < 8 * good[i].size; bit++) {
            memcpy(packed, good[i].packed, good[i].size);
            packed[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (gunzip(packed, good[i].size, out, sizeof out, &z) == SIXNET_OK &&
                (z.output.next != size || memcmp(out, plain, size) != 0))
                fail_msg("%s with bit %zu flipped gives other data", good[i].name, bit);
        }
    }
}

static void test_gunzip_checks(void **state)
{
    (void)state;
    uint8_t packed[128], out[128];
    six_gzip z;
    memcpy(packed, good[0].packed, good[0].size);
    packed[good[0].size - 8] ^= 1;
    gunzip(packed, good[0].size, out, sizeof out, &z);
    assert_string_equal(z.problem, "the CRC-32 of the unpacked data is wrong");
    packed[good[0].size - 8] ^= 1;
    packed[good[0].size - 1] ^= 1;
    gunzip(packed, good[0].size, out, sizeof out, &z);
    assert_string_equal(z.problem, "the length of the unpacked data is wrong");
    memcpy(packed, good[3].packed, good[3].size);
    packed[4] ^= 1; /* the time, which only the header's checksum covers */
    gunzip(packed, good[3].size, out, sizeof out, &z);
    assert_string_equal(z.problem, "the gzip header's checksum is wrong");
    for (int bit = 0; bit < 8; bit++) {
        memcpy(packed, good[0].packed, good[0].size);
        packed[3] = (uint8_t)(1u << bit);
        if (bit > 0) /* 1 says that the data are text */
            assert_int_equal(gunzip(packed, good[0].size, out, sizeof out, &z), SIXNET_BAD_FILE);
    }
    gunzip(into_member_before, sizeof into_member_before - 1, out, sizeof out, &z);
    assert_string_equal(z.problem, "a match from before the beginning of the data");
}

static void test_inflate_malformed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t out[64], *packed = malloc(bad[i].size);
        six_output output = {.memory = out, .capacity = sizeof out};
        memcpy(packed, bad[i].packed, bad[i].size);
        const uint8_t *in = packed;
        const char *problem = six_inflate(&in, in + bad[i].size, &output);
        if (!problem || !strstr(problem, bad[i].problem))
            fail_msg("%s: %s", bad[i].name, problem ? problem : "unpacked");
        assert_true(in >= packed && in <= packed + bad[i].size);
        free(packed);
    }
}

/* ---- IDX files ---- */

static int32_t read_idx(six_idx *idx, const bytes *b)
{
    write_file("images", b->at, b->size);
    int32_t status = six_idx_read(idx, &t.ctx, path, "images", 2, 4);
    if (status) {
        assert_null(idx->memory);
        assert_int_equal(strncmp(sixnet_last_error(), path, strlen(path)), 0);
    }
    return status;
}

static void assert_refused(const bytes *b, int32_t expected, const char *part)
{
    six_idx idx;
    assert_error(read_idx(&idx, b), expected, part);
}

static void test_idx_types(void **state)
{
    (void)state;
    static const struct {
        uint32_t type;
        int element;
        const char *value; /* -2.5 or what comes near it */
        float expected;
    } types[] = {{0x08, SIX_ELEMENT_U8, "\xfe", 254},
                 {0x09, SIX_ELEMENT_I8, "\xfe", -2},
                 {0x0b, SIX_ELEMENT_I16, "\xff\xfe", -2},
                 {0x0c, SIX_ELEMENT_I32, "\xff\xff\xff\xfe", -2},
                 {0x0d, SIX_ELEMENT_F32, "\xc0\x20\0\0", -2.5f},
                 {0x0e, SIX_ELEMENT_F64, "\xc0\x04\0\0\0\0\0\0", -2.5f}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        six_idx idx;
        float value = 0;
        bytes b = idx_header(types[i].type, DIMS(3, 1));
        for (int k = 0; k < 3; k++)
            put(&b, types[i].value, six_elements[types[i].element].size);
        assert_ok(read_idx(&idx, &b));
        assert_ptr_equal(idx.element, &six_elements[types[i].element]);
        assert_int_equal(idx.shape.rank, 2);
        assert_int_equal(idx.shape.dim[0], 3);
        idx.element->read[SIX_F32]((const char *)idx.data + 2 * idx.element->size, 1, 1.0, &value);
        assert_true(value == types[i].expected);
        six_free(&t.ctx, idx.memory);

        bytes packed = gzipped(&b);
        assert_ok(read_idx(&idx, &packed));
        idx.element->read[SIX_F32](idx.data, 1, 1.0, &value);
        assert_true(value == types[i].expected);
        six_free(&t.ctx, idx.memory);
    }
}

static void test_idx_header(void **state)
{
    (void)state;
    bytes b = small_labels(3);
    assert_refused(&b, SIXNET_BAD_FILE,
                   "images: byte 0: magic 0x00000801 is of labels (rank 1), expected images of rank 2 to 4; are the "
                   "image and label files swapped?");
    b = idx_header(8, DIMS(1, 1, 1, 1, 1));
    assert_refused(&b, SIXNET_BAD_FILE, "byte 0: magic 0x00000805 is of data (rank 5), expected images of rank 2 to 4");
    b = small_images(3);
    b.at[3] = 0;
    assert_refused(&b, SIXNET_BAD_FILE, "byte 0: magic 0x00000800 is of data (rank 0)");
    b.at[3] = 255;
    assert_refused(&b, SIXNET_BAD_FILE, "(rank 255)");
    b = small_images(3);
    b.at[0] = 'P';
    assert_refused(&b, SIXNET_BAD_FILE,
                   "byte 0: not an IDX file (starts with 0x50000803, expected 0x0000, type and rank)");
    b = small_images(3);
    b.at[1] = 1;
    assert_refused(&b, SIXNET_BAD_FILE, "byte 0: not an IDX file (starts with 0x00010803");
    b = small_images(3);
    for (int type = 0; type < 256; type++) {
        b.at[2] = (uint8_t)type;
        if (type < 8 || type == 10 || type > 14)
            assert_refused(&b, SIXNET_BAD_FILE, "byte 2: unknown type 0x");
    }
    for (int dimension = 0; dimension < 3; dimension++) {
        b = small_images(3);
        memset(b.at + 4 + 4 * dimension, 0, 4);
        char message[64];
        snprintf(message, sizeof message, "byte %d: dimension %d is 0", 4 + 4 * dimension, dimension);
        assert_refused(&b, SIXNET_BAD_FILE, message);
    }
}

static void test_idx_sizes(void **state)
{
    (void)state;
    bytes b = small_images(3), packed;
    for (size_t size = 0; size < b.size; size++) {
        bytes cut = b;
        cut.size = size;
        char message[96];
        snprintf(message, sizeof message,
                 size < 16 ? "byte %zu: the data end within the header"
                           : "byte %zu: truncated; the header declares 3x2x3 values of type u8",
                 size);
        assert_refused(&cut, SIXNET_BAD_FILE, message);
        if (size > 0) {
            packed = gzipped(&cut);
            assert_refused(&packed, SIXNET_BAD_FILE, message);
        }
    }
    put(&b, "x", 1);
    assert_refused(&b, SIXNET_BAD_FILE, "byte 34: more data follow; the header declares 3x2x3 values of type u8");
    packed = gzipped(&b);
    assert_refused(&packed, SIXNET_BAD_FILE, "byte 34: more data follow");
}

/* What a header promises is not allocated before the file can hold it. */
static void test_idx_promises(void **state)
{
    (void)state;
    const bytes headers[] = {
        idx_header(8, DIMS(0xffffffff, 0xffffffff)),
        idx_header(8, DIMS(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff)),
        idx_header(14, DIMS(0x80000000, 0x80000000, 8)), /* 2^68 bytes: 16 in 64 bits */
        idx_header(14, DIMS(0x80000000, 0x40000000)),    /* 2^64 bytes: 0 */
        idx_header(8, DIMS(1000, 1000)),
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        assert_refused(&headers[i], SIXNET_BAD_FILE, ": truncated; the header declares");
        bytes padded = headers[i];
        put(&padded, "0123456789abcdef", 16);
        assert_refused(&padded, SIXNET_BAD_FILE, ": truncated; the header declares");
        bytes packed = gzipped(&padded);
        assert_refused(&packed, SIXNET_BAD_FILE, "bytes of gzip cannot hold them");
        assert_true(t.largest < 10000);
    }
}

/* A byte of deflate makes at most 1032; the file has one byte too few, or just enough. */
static void test_idx_gzip_ratio(void **state)
{
    (void)state;
    bytes header = idx_header(8, DIMS(1, 1));
    const size_t most = 1032 * (gzipped(&header).size + 1) - header.size;
    for (uint32_t more = 0; more < 2; more++) {
        header = idx_header(8, DIMS(1, (uint32_t)most - 1 + more));
        bytes packed = gzipped(&header);
        assert_refused(&packed, SIXNET_BAD_FILE, more ? "bytes of gzip cannot hold them" : "truncated");
    }
}

static void test_idx_gzip_damage(void **state)
{
    (void)state;
    bytes b = small_images(3), packed = gzipped(&b);
    six_idx idx;
    for (size_t bit = 0; bit < 8 * packed.size; bit++) {
        bytes flipped = packed;
        flipped.at[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (read_idx(&idx, &flipped) != SIXNET_OK)
            continue;
        assert_memory_equal(idx.data, b.at + 16, 18);
        six_free(&t.ctx, idx.memory);
    }
    for (size_t size = 2; size < packed.size; size++) {
        bytes cut = packed;
        cut.size = size;
        assert_refused(&cut, SIXNET_BAD_FILE, "of the gzip data: the packed data end too early");
    }
}

static void test_idx_no_file(void **state)
{
    (void)state;
    six_idx idx;
    char name[64];
    errno = 1234;
    assert_error(six_idx_read(&idx, &t.ctx, in_folder("missing", name), "images", 2, 4), SIXNET_IO_ERROR,
                 "missing: cannot be opened: No such file");
    assert_error(six_idx_read(&idx, &t.ctx, folder, "images", 2, 4), SIXNET_IO_ERROR,
                 "is a directory, expected a regular file");
    assert_int_equal(mkfifo(in_folder("fifo", name), 0600), 0);
    assert_error(six_idx_read(&idx, &t.ctx, name, "images", 2, 4), SIXNET_IO_ERROR,
                 "fifo: is a pipe, socket or device");
    assert_error(six_idx_read(&idx, &t.ctx, "/dev/zero", "images", 2, 4), SIXNET_IO_ERROR,
                 "is a pipe, socket or device");
    assert_int_equal(errno, 1234);
    write_file("images", "", 0);
    assert_error(six_idx_read(&idx, &t.ctx, path, "images", 2, 4), SIXNET_BAD_FILE,
                 "byte 0: the data end within the header");
}

static void shrink(void) { assert_int_equal(truncate(path, 20), 0); }

static void grow(void)
{
    FILE *f = fopen(path, "ab");
    fputc(0, f);
    fclose(f);
}

/* The first allocation comes between asking for the file's size and reading all of it. */
static void test_idx_file_changes(void **state)
{
    (void)state;
    bytes b = small_images(3), packed = gzipped(&b);
    const bytes *files[] = {&b, &packed};
    for (int i = 0; i < 4; i++) {
        t.waits = 1;
        t.meddle = i < 2 ? shrink : grow;
        assert_refused(files[i % 2], SIXNET_IO_ERROR,
                       i < 2 ? "byte 20: the file shrank while it was read" : "the file grew while it was read");
    }
}

/* ---- datasets of files ---- */

static int32_t open_small(sixnet_dataset **ds, const bytes *images, const bytes *labels)
{
    char image_path[64];
    write_file("images", images->at, images->size);
    memcpy(image_path, path, sizeof path);
    write_file("labels", labels->at, labels->size);
    return six_dataset_from_idx(ds, &t.ctx, image_path, path);
}

static void assert_shapes(const sixnet_dataset *ds, const char *input, const char *target)
{
    char text[160];
    six_shape in = {0}, out = {0};
    assert_ok(six_dataset_shape(ds, in.dim, &in.rank, out.dim, &out.rank));
    assert_string_equal(six_shape_text(&in, text), input);
    assert_string_equal(six_shape_text(&out, text), target);
}

static void test_open_idx(void **state)
{
    (void)state;
    sixnet_dataset *ds;
    bytes images = small_images(4), labels = small_labels(4);
    float image[6], label;
    assert_ok(open_small(&ds, &images, &labels));
    assert_int_equal(six_dataset_size(ds), 4);
    assert_true(six_dataset_has_targets(ds));
    assert_shapes(ds, "1x2x3", "1");
    for (int i = 0; i < 4; i++) {
        assert_ok(sixnet_dataset_get_sample(ds, i, image, &label));
        for (int k = 0; k < 6; k++)
            assert_true(image[k] == (float)images.at[16 + 6 * i + k] / 255.0f);
        assert_true(label == (float)(i % 3));
    }
    assert_error(sixnet_dataset_get_sample(ds, 4, image, &label), SIXNET_INVALID_ARGUMENT,
                 "index=4 is out of range 0 to 3");
    assert_error(sixnet_dataset_get_sample(ds, -1, image, &label), SIXNET_INVALID_ARGUMENT,
                 "index=-1 is out of range 0 to 3");
    six_dataset_free(ds);
    six_dataset_free(NULL);
}

static void test_open_idx_without_labels(void **state)
{
    (void)state;
    sixnet_dataset *ds;
    bytes images = small_images(4);
    float image[6];
    write_file("images", images.at, images.size);
    assert_ok(six_dataset_from_idx(&ds, &t.ctx, path, NULL));
    assert_int_equal(six_dataset_size(ds), 4);
    assert_false(six_dataset_has_targets(ds));
    assert_ok(sixnet_dataset_get_sample(ds, 3, image, NULL));
    assert_true(image[5] == (float)images.at[16 + 6 * 3 + 5] / 255.0f);
    six_dataset_free(ds);
}

static void test_every_byte(void **state)
{
    (void)state;
    for (int i = 0; i < 256; i++) {
        float value;
        six_elements[SIX_ELEMENT_U8].read[SIX_F32](&(uint8_t){(uint8_t)i}, 1, 1.0 / 255.0, &value);
        assert_true(value == (float)i / 255.0f);
    }
}

static void test_open_idx_shapes(void **state)
{
    (void)state;
    static const struct {
        uint32_t images[6], labels[6];
        const char *input, *target;
    } cases[] = {{{2, 3}, {2}, "3", "1"},
                 {{2, 3, 4, 5}, {2, 7}, "3x4x5", "7"},
                 {{2, 1, 1}, {2, 1, 2, 3, 1}, "1x1x1", "1x2x3x1"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sixnet_dataset *ds;
        bytes images = idx_header(8, cases[i].images), labels = idx_header(12, cases[i].labels);
        images.size += i == 0 ? 6 : i == 1 ? 120 : 2;
        labels.size += i == 0 ? 8 : i == 1 ? 56 : 48;
        assert_ok(open_small(&ds, &images, &labels));
        assert_shapes(ds, cases[i].input, cases[i].target);
        six_dataset_free(ds);
    }
}

static void test_open_idx_mismatch(void **state)
{
    (void)state;
    sixnet_dataset *ds = (sixnet_dataset *)&t;
    bytes images = small_images(4), labels = small_labels(3);
    assert_error(open_small(&ds, &images, &labels), SIXNET_BAD_FILE, "images has 4 images, but ");
    assert_non_null(strstr(sixnet_last_error(), "labels has 3 labels"));
    assert_null(ds);
    labels = small_images(4);
    assert_ok(open_small(&ds, &images, &labels));
    six_dataset_free(ds);
    assert_error(open_small(&ds, &labels, &(bytes){.size = 0}), SIXNET_BAD_FILE, "labels: byte 0: the data end");
    assert_null(ds);
}

static const char *mnist_folder(void)
{
    const char *name = getenv("SIXNET_DATA_DIR");
#ifdef SIXNET_TEST_DATA
    name = name ? name : SIXNET_TEST_DATA;
#endif
    return name ? name : "examples/data/mnist";
}

static void test_mnist(void **state)
{
    (void)state;
    static const struct {
        const char *name, *sha256;
    } files[] = {
        {"train-images-idx3-ubyte.gz", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
        {"train-labels-idx1-ubyte.gz", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
        {"t10k-images-idx3-ubyte.gz", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
        {"t10k-labels-idx1-ubyte.gz", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"},
    };
    char names[4][512];
    size_t room = 48000000;
    uint8_t *out = malloc(room);
    for (int i = 0; i < 4; i++) {
        size_t size = 0;
        uint8_t digest[32], *packed;
        char text[65];
        six_sha256 sha;
        snprintf(names[i], sizeof names[i], "%s/%s", mnist_folder(), files[i].name);
        packed = read_whole(names[i], &size);
        if (!packed) {
            free(out);
            skip();
        }
        six_gzip z = {.packed = packed, .packed_size = size, .output = {.memory = out, .capacity = room}};
        assert_ok(six_gunzip(&z));
        six_sha256_begin(&sha);
        six_sha256_add(&sha, out, z.output.next);
        six_sha256_end(&sha, digest);
        for (int k = 0; k < 32; k++)
            snprintf(text + 2 * k, 3, "%02x", digest[k]);
        assert_string_equal(text, files[i].sha256);
        free(packed);
    }
    free(out);

    sixnet_dataset *ds;
    float image[784], label, sum = 0;
    assert_ok(six_dataset_from_idx(&ds, &t.ctx, names[0], names[1]));
    assert_int_equal(six_dataset_size(ds), 60000);
    assert_shapes(ds, "1x28x28", "1");
    assert_ok(sixnet_dataset_get_sample(ds, 0, image, &label));
    assert_true(label == 5);
    for (int k = 0; k < 784; k++)
        sum += image[k];
    assert_float_equal(sum, 27525 / 255.0, 1e-3); /* the first five */
    assert_ok(six_dataset_check_classes(ds, 10));
    assert_error(six_dataset_check_classes(ds, 9), SIXNET_BAD_DATA,
                 "sample 4: label 9 is out of range; expected a class from 0 to 8");
    six_dataset_free(ds);
    assert_error(six_dataset_from_idx(&ds, &t.ctx, names[0], names[3]), SIXNET_BAD_FILE, "60000 images");
    assert_non_null(strstr(sixnet_last_error(), "10000 labels"));
}

/* ---- datasets of arrays ---- */

static void test_arrays_types(void **state)
{
    (void)state;
    static const float f32[] = {1, 2.5f, -3, 4, 5, 6};
    static const double f64[] = {1, 2.5, -3, 4, 5, 6};
    static const uint8_t u8[] = {1, 2, 253, 4, 5, 6};
    static const int32_t i32[] = {1, 2, -3, 4, 5, 1 << 24};
    static const int64_t i64[] = {1, 2, -3, 4, 5, INT64_C(1) << 40};
    const struct {
        const char *name;
        const void *data;
        float third, last;
    } types[] = {{"f32", f32, -3, 6},
                 {"f64", f64, -3, 6},
                 {"u8", u8, 253, 6},
                 {"i32", i32, -3, 0x1p24f},
                 {"i64", i64, -3, 0x1p40f}};
    for (int i = 0; i < 10; i++) {
        sixnet_dataset *ds;
        char spec[96];
        float input[3], target;
        const char *name = types[i % 5].name;
        snprintf(spec, sizeof spec, "input_dtype=%s shape=3 target_dtype=%s target_shape=3 scale=0.5 copy=%s", name,
                 name, i < 5 ? "true" : "false");
        assert_ok(six_dataset_from_arrays(&ds, &t.ctx, spec, types[i % 5].data, types[i % 5].data, 2));
        float targets[3];
        assert_ok(sixnet_dataset_get_sample(ds, 0, input, targets));
        assert_true(input[2] == types[i % 5].third * 0.5f && targets[2] == types[i % 5].third);
        assert_ok(sixnet_dataset_get_sample(ds, 1, input, targets));
        assert_true(input[2] == types[i % 5].last * 0.5f && targets[2] == types[i % 5].last);
        six_dataset_free(ds);
        snprintf(spec, sizeof spec, "shape=2 target_dtype=%s", name);
        assert_ok(six_dataset_from_arrays(&ds, &t.ctx, spec, f32, types[i % 5].data, 3));
        assert_ok(sixnet_dataset_get_sample(ds, 2, NULL, &target));
        assert_true(target == types[i % 5].third);
        six_dataset_free(ds);
    }
}

/* Lengths around the blocks of the conversion, from odd addresses. */
static void test_arrays_lengths(void **state)
{
    (void)state;
    for (int length = 1; length < 70; length++) {
        char spec[48], memory[8 * 70 + 1];
        float got[70];
        sixnet_dataset *ds;
        for (int k = 0; k < length; k++)
            memcpy(memory + 1 + 8 * k, &(double){k + 0.25}, 8);
        snprintf(spec, sizeof spec, "input_dtype=f64 shape=%d copy=false", length);
        assert_ok(six_dataset_from_arrays(&ds, &t.ctx, spec, memory + 1, NULL, 1));
        assert_ok(sixnet_dataset_get_sample(ds, 0, got, NULL));
        for (int k = 0; k < length; k++)
            assert_true(got[k] == (float)k + 0.25f);
        six_dataset_free(ds);
    }
}

static void test_arrays_copied_or_borrowed(void **state)
{
    (void)state;
    float inputs[] = {1, 2, 3, 4}, targets[] = {0, 1}, value[2], label;
    sixnet_dataset *copied, *borrowed;
    assert_ok(six_dataset_from_arrays(&copied, &t.ctx, "shape=2", inputs, targets, 2));
    assert_ok(six_dataset_from_arrays(&borrowed, &t.ctx, "shape=2 copy=false", inputs, targets, 2));
    inputs[3] = 40;
    targets[1] = 10;
    assert_ok(sixnet_dataset_get_sample(copied, 1, value, &label));
    assert_true(value[0] == 3 && value[1] == 4 && label == 1);
    assert_ok(sixnet_dataset_get_sample(borrowed, 1, value, &label));
    assert_true(value[0] == 3 && value[1] == 40 && label == 10);
    six_dataset_free(copied);
    six_dataset_free(borrowed);
}

static void test_arrays_without_targets(void **state)
{
    (void)state;
    sixnet_dataset *ds;
    float value, label = 77;
    assert_ok(six_dataset_from_arrays(&ds, &t.ctx, "shape=1", &(float){3}, NULL, 1));
    assert_false(six_dataset_has_targets(ds));
    assert_shapes(ds, "1", "");
    assert_ok(sixnet_dataset_get_sample(ds, 0, &value, &label));
    assert_true(value == 3 && label == 77);
    assert_ok(six_dataset_check_classes(ds, 1));
    six_dataset_free(ds);
}

static void test_arrays_refused(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        int64_t n;
        int32_t status;
        const char *message;
    } cases[] = {
        {"input_dtype=f32", 1, SIXNET_BAD_SPEC, "dataset_from_arrays: shape is missing"},
        {"shape=2 input_dtype=f16", 1, SIXNET_BAD_SPEC, "input_dtype=f16"},
        {"shape=2 input=f32", 1, SIXNET_BAD_SPEC, "did you mean 'input_dtype'?"},
        {"shape=0", 1, SIXNET_BAD_SPEC, "shape=0"},
        {"shape=2 scale=nan", 1, SIXNET_BAD_SPEC, "scale=nan"},
        {"shape=2", 0, SIXNET_INVALID_ARGUMENT, "n must be 1 or greater, got 0"},
        {"shape=2", -5, SIXNET_INVALID_ARGUMENT, "n must be 1 or greater, got -5"},
        {"shape=2", INT64_MAX, SIXNET_TOO_LARGE, "9223372036854775807 samples of shape 2 exceed"},
        {"shape=1099511627776", 1 << 24, SIXNET_TOO_LARGE, "exceed the address space"},
        {"shape=1099511627776 input_dtype=f64 copy=false", 1 << 20, SIXNET_TOO_LARGE, "exceed the address space"},
        {"shape=1 target_shape=1099511627776 target_dtype=i64", 1 << 20, SIXNET_TOO_LARGE, "exceed the address space"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sixnet_dataset *ds = (sixnet_dataset *)&t;
        static const float zero[1 << 20];
        int32_t status = six_dataset_from_arrays(&ds, &t.ctx, cases[i].spec, zero, zero, cases[i].n);
        assert_error(status, cases[i].status, cases[i].message);
        assert_null(ds);
    }
}

/* ---- datasets of a function ---- */

static int32_t give_sample(void *user, int64_t index, float *input, float *target)
{
    int64_t *fails_at = user;
    if (index == *fails_at)
        return 42;
    input[0] = (float)index;
    input[1] = (float)index * 2;
    target[0] = (float)(index % 2);
    return 0;
}

/* With h = 0 at first, for each double of the inputs and targets: h = (h ^ its bits) * 0x9E3779B97F4A7C15, h ^= h >> 29. Checkpoints hold it,
 * so it must stay. */
static void test_hash_of_samples(void **state)
{
    (void)state;
    static const float inputs[] = {1, 2, 3, 4}, targets[] = {0, 1};
    int fails_at = -1;
    uint64_t hash;
    sixnet_dataset *ds;
    assert_ok(six_dataset_from_arrays(&ds, &t.ctx, "shape=2", inputs, targets, 2));
    assert_ok(six_dataset_hash(&hash, ds));
    assert_true(hash == UINT64_C(0x15ff17235272f08));
    six_dataset_free(ds);
    assert_ok(six_dataset_from_callback(&ds, &t.ctx, "shape=2", 2, give_sample, &fails_at));
    assert_ok(six_dataset_hash(&hash, ds));
    assert_true(hash == 0);
    six_dataset_free(ds);
}

static void test_callback(void **state)
{
    (void)state;
    sixnet_dataset *ds, *first, *second;
    int64_t fails_at = 5;
    float input[2], label;
    assert_ok(six_dataset_from_callback(&ds, &t.ctx, "shape=2", 8, give_sample, &fails_at));
    assert_shapes(ds, "2", "1");
    assert_ok(sixnet_dataset_get_sample(ds, 3, input, &label));
    assert_true(input[0] == 3 && input[1] == 6 && label == 1);
    assert_ok(sixnet_dataset_get_sample(ds, 4, input, NULL));
    assert_true(input[1] == 8);
    assert_ok(sixnet_dataset_get_sample(ds, 7, NULL, &label));
    assert_true(label == 1);
    assert_ok(sixnet_dataset_get_sample(ds, 5, NULL, NULL));
    assert_error(sixnet_dataset_get_sample(ds, 5, input, &label), SIXNET_CALLBACK_FAILED, "returned 42 for sample 5");
    assert_ok(six_dataset_check_classes(ds, 1)); /* not asked */
    assert_ok(six_dataset_split(&first, &second, ds, "first_size=6 shuffle=false"));
    assert_error(sixnet_dataset_get_sample(first, 5, NULL, &label), SIXNET_CALLBACK_FAILED, "sample 5");
    assert_ok(sixnet_dataset_get_sample(second, 1, input, NULL));
    assert_true(input[0] == 7);
    six_dataset_free(ds);
    six_dataset_free(first);
    six_dataset_free(second);
    assert_error(six_dataset_from_callback(&ds, &t.ctx, "", 8, give_sample, NULL), SIXNET_BAD_SPEC, "shape is missing");
    assert_error(six_dataset_from_callback(&ds, &t.ctx, "shape=1", 0, give_sample, NULL), SIXNET_INVALID_ARGUMENT,
                 "n must be 1 or greater, got 0");
    assert_null(ds);
}

static int32_t give_large_sample(void *user, int64_t index, float *input, float *target)
{
    (void)user;
    for (int i = 0; i < 1000; i++) {
        input[i] = (float)index;
        target[i] = (float)index + 1;
    }
    return 0;
}

static void test_callback_of_one_half(void **state)
{
    (void)state;
    sixnet_dataset *ds;
    float values[1000];
    assert_ok(six_dataset_from_callback(&ds, &t.ctx, "shape=1000 target_shape=1000", 3, give_large_sample, NULL));
    assert_ok(sixnet_dataset_get_sample(ds, 2, values, NULL));
    assert_true(values[999] == 2);
    assert_ok(sixnet_dataset_get_sample(ds, 2, NULL, values));
    assert_true(values[999] == 3);
    six_dataset_free(ds);
}

/* A batch that no machine has the addresses for. */
static void test_batch_beyond_addresses(void **state)
{
    (void)state;
    sixnet_dataset *ds;
    sixnet_batch_iterator *batches;
    assert_ok(six_dataset_from_callback(&ds, &t.ctx, "shape=1048576x1048576", 1 << 24, give_large_sample, NULL));
    assert_error(six_batch_iterator_new(&batches, ds, "batch_size=16777216"), SIXNET_OUT_OF_MEMORY,
                 "exceed the address space");
    six_dataset_free(ds);
}

/* ---- labels ---- */

static void test_check_classes(void **state)
{
    (void)state;
    static const struct {
        double label;
        const char *message; /* NULL: fine */
    } cases[] = {{0, NULL},
                 {9, NULL},
                 {10, "sample 2: label 10 is out of range; expected a class from 0 to 9"},
                 {-1, "sample 2: label -1 is out of range"},
                 {0.5, "sample 2: label 0.5 is out of range"},
                 {(double)NAN, "sample 2: label nan is out of range"},
                 {(double)INFINITY, "sample 2: label inf is out of range"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sixnet_dataset *ds;
        double labels[] = {3, 9, cases[i].label, 1};
        assert_ok(six_dataset_from_arrays(&ds, &t.ctx, "shape=1 target_dtype=f64", labels, labels, 4));
        if (cases[i].message)
            assert_error(six_dataset_check_classes(ds, 10), SIXNET_BAD_DATA, cases[i].message);
        else
            assert_ok(six_dataset_check_classes(ds, 10));
        six_dataset_free(ds);
        assert_ok(six_dataset_from_arrays(&ds, &t.ctx, "shape=1 target_dtype=f64 target_shape=2x2", labels, labels, 1));
        assert_int_equal(six_dataset_check_classes(ds, 10), cases[i].message ? SIXNET_BAD_DATA : SIXNET_OK);
        six_dataset_free(ds);
    }
}

/* A part counts its own samples. */
static void test_check_classes_of_parts(void **state)
{
    (void)state;
    static const uint8_t labels[] = {0, 1, 2, 3, 0, 1};
    sixnet_dataset *ds, *first, *second;
    assert_ok(six_dataset_from_arrays(&ds, &t.ctx, "shape=1 input_dtype=u8 target_dtype=u8", labels, labels, 6));
    assert_ok(six_dataset_split(&first, &second, ds, "first_size=2 shuffle=false"));
    assert_ok(six_dataset_check_classes(first, 2));
    assert_error(six_dataset_check_classes(second, 3), SIXNET_BAD_DATA,
                 "sample 1: label 3 is out of range; expected a class from 0 to 2");
    six_dataset_free(ds);
    six_dataset_free(first);
    six_dataset_free(second);
}

/* ---- split ---- */

enum { MANY = 1000 };

/* Sample i has the value i. */
static sixnet_dataset *numbered(int64_t n)
{
    int32_t numbers[MANY];
    sixnet_dataset *ds;
    for (int i = 0; i < MANY; i++)
        numbers[i] = i;
    assert_ok(six_dataset_from_arrays(&ds, &t.ctx, "input_dtype=i32 shape=1 target_dtype=i32", numbers, numbers, n));
    return ds;
}

static int value_at(const sixnet_dataset *ds, int64_t index)
{
    float input, target;
    assert_ok(sixnet_dataset_get_sample(ds, index, &input, &target));
    assert_true(input == target);
    return (int)input;
}

static void note_samples(const sixnet_dataset *ds, int seen[MANY])
{
    for (int64_t i = 0; i < six_dataset_size(ds); i++)
        seen[value_at(ds, i)]++;
}

static void assert_all_once(const int seen[MANY], int n)
{
    for (int i = 0; i < MANY; i++)
        assert_int_equal(seen[i], i < n);
}

static void test_split(void **state)
{
    (void)state;
    sixnet_dataset *ds = numbered(MANY), *a, *b, *c, *d, *parts[4];
    int seen[MANY] = {0}, moved = 0, differ = 0;
    assert_ok(six_dataset_split(&a, &b, ds, "first_size=800 seed=1"));
    assert_ok(six_dataset_split(&c, &d, ds, "first_size=800 seed=1"));
    assert_int_equal(six_dataset_size(a), 800);
    assert_int_equal(six_dataset_size(b), 200);
    for (int i = 0; i < 800; i++) {
        assert_int_equal(value_at(a, i), value_at(c, i));
        moved += value_at(a, i) != i;
    }
    assert_true(moved > 700);
    note_samples(a, seen);
    note_samples(b, seen);
    assert_all_once(seen, MANY);
    six_dataset_free(c);
    six_dataset_free(d);

    assert_ok(six_dataset_split(&c, &d, ds, "first_size=800 seed=2"));
    for (int i = 0; i < 800; i++)
        differ += value_at(a, i) != value_at(c, i);
    assert_true(differ > 700);
    six_dataset_free(c);
    six_dataset_free(d);
    assert_ok(six_dataset_split(&c, &d, ds, "first_size=800"));
    six_dataset_free(ds);
    assert_ok(six_dataset_split(&parts[0], &parts[1], a, "first_size=100 seed=1"));
    assert_ok(six_dataset_split(&parts[2], &parts[3], b, "first_size=199 shuffle=false"));
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < 4; i++)
        note_samples(parts[i], seen);
    assert_all_once(seen, MANY);
    for (int i = 0; i < 199; i++)
        assert_int_equal(value_at(parts[2], i), value_at(b, i));
    for (int i = 0; i < 4; i++)
        six_dataset_free(parts[i]);
    six_dataset_free(a);
    six_dataset_free(b);
    six_dataset_free(c);
    six_dataset_free(d);
}

static void test_split_seed_of_context(void **state)
{
    (void)state;
    sixnet_dataset *ds = numbered(MANY), *a, *b, *c, *d;
    assert_ok(six_dataset_split(&a, &b, ds, "first_size=500"));
    assert_ok(six_dataset_split(&c, &d, ds, "first_size=500 seed=7"));
    for (int i = 0; i < 500; i++)
        assert_int_equal(value_at(a, i), value_at(c, i));
    six_dataset_free(a);
    six_dataset_free(b);
    six_dataset_free(c);
    six_dataset_free(d);
    six_dataset_free(ds);
}

static void test_split_refused(void **state)
{
    (void)state;
    sixnet_dataset *ds = numbered(10), *a = ds, *b = ds;
    assert_error(six_dataset_split(&a, &b, ds, "first_size=10"), SIXNET_INVALID_ARGUMENT,
                 "first_size=10 must be less than the number of samples (10)");
    assert_null(a);
    assert_null(b);
    assert_error(six_dataset_split(&a, &b, ds, "first_size=0"), SIXNET_BAD_SPEC, "first_size=0");
    assert_error(six_dataset_split(&a, &b, ds, "seed=1"), SIXNET_BAD_SPEC, "first_size=0 folds=0");
    assert_error(six_dataset_split(&a, &b, ds, "first_size=3 folds=3"), SIXNET_BAD_SPEC, "set exactly one of them");
    assert_error(six_dataset_split(&a, &b, ds, "folds=1"), SIXNET_INVALID_ARGUMENT, "folds=1 of 10");
    assert_error(six_dataset_split(&a, &b, ds, "folds=11"), SIXNET_INVALID_ARGUMENT, "folds=11 of 10");
    assert_error(six_dataset_split(&a, &b, ds, "folds=3 fold=3"), SIXNET_INVALID_ARGUMENT, "fold=3 is not below");
    assert_error(six_dataset_split(&a, &b, ds, "first_size=3 fold=1"), SIXNET_INVALID_ARGUMENT, "fold=1 is not below");
    six_dataset_free(ds);
}

/* Of sample i; two classes are rare. */
static int class_of(int64_t i)
{
    static const int classes[] = {0, 1, 1, 7, 0, 1, 1, 0, 1, 1};
    return i == 17 || i == 40 || i == 41 ? -3 : classes[i * 3 % 10];
}

static int32_t give_class(void *user, int64_t index, float *input, float *target)
{
    *input = (float)index;
    *target = (float)class_of(index);
    return *(const int64_t *)user == index;
}

enum { LABELLED = 103, LOWEST_CLASS = -3, CLASS_NUMBERS = 11 };

/* Sample i has the value i and that class, from an array or a function. */
static sixnet_dataset *labelled(bool called, const int64_t *failing)
{
    float inputs[LABELLED];
    int32_t classes[LABELLED];
    sixnet_dataset *ds;
    for (int i = 0; i < LABELLED; i++) {
        inputs[i] = (float)i;
        classes[i] = class_of(i);
    }
    if (called)
        assert_ok(six_dataset_from_callback(&ds, &t.ctx, "shape=1 target_shape=1", LABELLED, give_class,
                                            (void *)(uintptr_t)failing));
    else
        assert_ok(six_dataset_from_arrays(&ds, &t.ctx, "shape=1 target_dtype=i32", inputs, classes, LABELLED));
    return ds;
}

typedef struct tally {
    int64_t of_class[CLASS_NUMBERS], seen[LABELLED];
} tally;

static tally tally_of(const sixnet_dataset *ds)
{
    tally p = {{0}, {0}};
    for (int64_t i = 0; i < six_dataset_size(ds); i++) {
        float input, target;
        assert_ok(sixnet_dataset_get_sample(ds, i, &input, &target));
        assert_true((int)target == class_of((int64_t)input));
        p.of_class[(int)target - LOWEST_CLASS]++;
        p.seen[(int)input]++;
    }
    return p;
}

/* Both parts have each sample once, and their share of each class within one sample, if that is asked for. */
static void check_parts(const sixnet_dataset *first, const sixnet_dataset *second, bool stratified)
{
    const tally a = tally_of(first), b = tally_of(second);
    const double share = (double)six_dataset_size(second) / LABELLED;
    for (int i = 0; i < LABELLED; i++)
        assert_int_equal(a.seen[i] + b.seen[i], 1);
    for (int c = 0; c < CLASS_NUMBERS && stratified; c++)
        assert_true(fabs((double)b.of_class[c] - share * (double)(a.of_class[c] + b.of_class[c])) < 1);
}

static void test_stratified_split(void **state)
{
    (void)state;
    const int64_t none = -1;
    static const int sizes[] = {1, 10, 52, 80, 102};
    static const char *const options[] = {"stratify=true", "stratify=true seed=3", "stratify=true shuffle=false"};
    for (int called = 0; called < 2; called++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (int k = 0; k < 3; k++) {
                char spec[64];
                sixnet_dataset *ds = labelled(called, &none), *a, *b, *c, *d;
                snprintf(spec, sizeof spec, "first_size=%d %s", sizes[i], options[k]);
                assert_ok(six_dataset_split(&a, &b, ds, spec));
                assert_ok(six_dataset_split(&c, &d, ds, spec));
                assert_int_equal(six_dataset_size(a), sizes[i]);
                check_parts(a, b, true);
                int64_t rises = 0, same = 0, n = six_dataset_size(a);
                for (int64_t j = 0; j < n; j++) {
                    assert_int_equal(six_dataset_number(a, j), six_dataset_number(c, j));
                    rises += j > 0 && six_dataset_number(a, j) > six_dataset_number(a, j - 1);
                    same += six_dataset_number(a, j) == j;
                }
                assert_true((rises == n - 1) == (k == 2 || n == 1));
                assert_true(k == 2 || n < 50 || same < 20);
                six_dataset_free(a);
                six_dataset_free(b);
                six_dataset_free(c);
                six_dataset_free(d);
                six_dataset_free(ds);
            }
}

/* Each sample is in the second part of one fold, whose sizes differ by one at most. */
static void test_folds(void **state)
{
    (void)state;
    const int64_t none = -1;
    static const struct {
        int folds;
        const char *options;
    } cases[] = {{2, ""},
                 {5, "seed=1"},
                 {5, "stratify=true"},
                 {7, "shuffle=false"},
                 {10, "stratify=true shuffle=false seed=9"},
                 {LABELLED, "stratify=true"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int folds = cases[i].folds;
        int64_t held[LABELLED] = {0};
        sixnet_dataset *ds = labelled(false, &none), *first, *second;
        for (int fold = 0; fold < folds; fold++) {
            char spec[80];
            snprintf(spec, sizeof spec, "folds=%d fold=%d %s", folds, fold, cases[i].options);
            assert_ok(six_dataset_split(&first, &second, ds, spec));
            assert_in_range(six_dataset_size(second), LABELLED / folds, (LABELLED + folds - 1) / folds);
            check_parts(first, second, strstr(spec, "stratify"));
            const tally p = tally_of(second);
            for (int k = 0; k < LABELLED; k++)
                held[k] += p.seen[k];
            six_dataset_free(first);
            six_dataset_free(second);
        }
        for (int k = 0; k < LABELLED; k++)
            assert_int_equal(held[k], 1);
        six_dataset_free(ds);
    }
}

static void test_classes_refused(void **state)
{
    (void)state;
    static const float fractions[] = {0, 1, 1.5f, 2}, infinite[] = {0, INFINITY, 0, 1};
    const int64_t failing = 5;
    sixnet_dataset *ds, *a, *b;
    sixnet_batch_iterator *batches;
    static const struct {
        const char *spec;
        const float *targets;
        const char *message;
    } cases[] = {
        {"shape=1", NULL, "one class number for each sample, but a target has 0 values"},
        {"shape=1 target_shape=2", infinite, "a target has 2 values"},
        {"shape=1", fractions, "sample 2: label 1.5 is not a whole number"},
        {"shape=1", infinite, "sample 1: label inf"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(six_dataset_from_arrays(&ds, &t.ctx, cases[i].spec, fractions, cases[i].targets, i == 1 ? 2 : 4));
        assert_error(six_dataset_split(&a, &b, ds, "first_size=1 stratify=true shuffle=false"), SIXNET_BAD_DATA,
                     cases[i].message);
        assert_error(six_batch_iterator_new(&batches, ds, "batch_size=1 balance=true"), SIXNET_BAD_DATA,
                     cases[i].message);
        six_dataset_free(ds);
    }
    ds = labelled(true, &failing);
    assert_error(six_dataset_split(&a, &b, ds, "first_size=1 stratify=true"), SIXNET_CALLBACK_FAILED, "sample 5");
    assert_error(six_batch_iterator_new(&batches, ds, "batch_size=1 balance=true shuffle=false"), SIXNET_BAD_SPEC,
                 "shuffle=false");
    six_dataset_free(ds);
}

/* The samples of an epoch from a position on. */
static void read_epoch(sixnet_dataset *ds, int64_t seed, int64_t epoch, int64_t begin, int64_t samples[LABELLED])
{
    char spec[80];
    const void *inputs, *targets;
    int64_t n, at = 0;
    sixnet_batch_iterator *b;
    snprintf(spec, sizeof spec, "batch_size=10 balance=true seed=%d", (int)seed);
    assert_ok(six_batch_iterator_new(&b, ds, spec));
    assert_ok(six_batch_iterator_seek(b, epoch, begin));
    do {
        assert_ok(six_batch_iterator_next(b, SIX_F32, &inputs, &targets, &n));
        for (int64_t i = 0; i < n; i++)
            samples[at++] = (int64_t)((const float *)inputs)[i];
    } while (n > 0);
    assert_int_equal(at, LABELLED - begin);
    six_batch_iterator_free(b);
}

/* All classes come equally often, the samples of one too, and which ones come once more differs between epochs. */
static void test_balance(void **state)
{
    (void)state;
    enum { CLASSES = 4, EPOCHS = 20 };
    const int64_t none = -1;
    int64_t ever[LABELLED] = {0}, first[LABELLED], again[LABELLED];
    sixnet_dataset *ds = labelled(false, &none), *called = labelled(true, &none);
    for (int64_t epoch = 0; epoch < EPOCHS; epoch++) {
        tally p = {{0}, {0}};
        read_epoch(ds, 5, epoch, 0, first);
        read_epoch(called, 5, epoch, 30, again);
        assert_memory_equal(first + 30, again, (LABELLED - 30) * sizeof *first);
        for (int i = 0; i < LABELLED; i++) {
            p.of_class[class_of(first[i]) - LOWEST_CLASS]++;
            p.seen[first[i]]++;
            ever[first[i]]++;
        }
        int64_t least[CLASS_NUMBERS], most[CLASS_NUMBERS] = {0};
        for (int c = 0; c < CLASS_NUMBERS; c++) {
            least[c] = LABELLED;
            if (c == 0 || c == 3 || c == 4 || c == 10)
                assert_in_range(p.of_class[c], LABELLED / CLASSES, LABELLED / CLASSES + 1);
        }
        for (int i = 0; i < LABELLED; i++) {
            const int c = class_of(i) - LOWEST_CLASS;
            least[c] = p.seen[i] < least[c] ? p.seen[i] : least[c];
            most[c] = p.seen[i] > most[c] ? p.seen[i] : most[c];
        }
        for (int c = 0; c < CLASS_NUMBERS; c++)
            assert_true(most[c] == 0 || most[c] - least[c] <= 1);
    }
    for (int i = 0; i < LABELLED; i++)
        assert_true(ever[i] > 0);
    read_epoch(ds, 6, EPOCHS - 1, 0, again);
    assert_true(memcmp(first, again, sizeof first) != 0);
    six_dataset_free(ds);
    six_dataset_free(called);
}

/* ---- transforms ---- */

static void test_normalize(void **state)
{
    (void)state;
    float data[2 * 18], got[36];
    sixnet_dataset *ds;
    for (int i = 0; i < 36; i++)
        data[i] = (float)i;
    assert_ok(six_dataset_from_arrays(&ds, &t.ctx, "shape=2x18", data, NULL, 1));
    assert_ok(six_dataset_add_transform(ds, "normalize mean=1 std=0.5"));
    assert_ok(sixnet_dataset_get_sample(ds, 0, got, NULL));
    for (int i = 0; i < 36; i++)
        assert_true(got[i] == ((float)i - 1) * 2);
    assert_ok(six_dataset_add_transform(ds, "normalize mean=2,34 std=0.25"));
    assert_ok(sixnet_dataset_get_sample(ds, 0, got, NULL));
    for (int i = 0; i < 36; i++)
        assert_true(got[i] == (((float)i - 1) * 2 - (i < 18 ? 2 : 34)) * 4);
    six_dataset_free(ds);

    assert_ok(six_dataset_from_arrays(&ds, &t.ctx, "shape=2", data + 1, NULL, 1));
    assert_ok(six_dataset_add_transform(ds, "normalize mean=1 std=1,2"));
    assert_ok(sixnet_dataset_get_sample(ds, 0, got, NULL));
    assert_true(got[0] == 0 && got[1] == 0.5f);
    six_dataset_free(ds);
}

static void test_transform_refused(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        int32_t status;
        const char *message;
    } cases[] = {
        {"", SIXNET_BAD_SPEC, "the text is empty"},
        {"normalise mean=0 std=1", SIXNET_BAD_SPEC, "unknown transform 'normalise'; did you mean 'normalize'?"},
        {"normalize mean=0", SIXNET_BAD_SPEC, "normalize: std is missing"},
        {"normalize mean=0 std=0", SIXNET_BAD_SPEC, "std=0"},
        {"normalize mean=0 std=-1", SIXNET_BAD_SPEC, "std=-1"},
        {"normalize mean=0 std=inf", SIXNET_BAD_SPEC, "std=inf"},
        {"normalize mean= std=1", SIXNET_BAD_SHAPE, "mean has 0 numbers"},
        {"normalize mean=0 std=1,2,3", SIXNET_BAD_SHAPE,
         "normalize: std has 3 numbers; samples of shape 2x3 need 1 or 2"},
        {"normalize mean=1,2,3 std=1", SIXNET_BAD_SHAPE,
         "normalize: mean has 3 numbers; samples of shape 2x3 need 1 or 2"},
    };
    static const float data[] = {1, 2, 3, 4, 5, 6};
    sixnet_dataset *ds;
    float got[6];
    assert_ok(six_dataset_from_arrays(&ds, &t.ctx, "shape=2x3", data, NULL, 1));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_error(six_dataset_add_transform(ds, cases[i].spec), cases[i].status, cases[i].message);
        assert_ok(sixnet_dataset_get_sample(ds, 0, got, NULL));
        assert_memory_equal(got, data, sizeof data);
    }
    for (int i = 0; i < SIX_MAX_STAGES; i++)
        assert_ok(six_dataset_add_transform(ds, "normalize mean=0 std=1"));
    assert_error(six_dataset_add_transform(ds, "normalize mean=0 std=1"), SIXNET_TOO_LARGE,
                 "normalize: the dataset has 32 transforms");
    six_dataset_free(ds);
}

/* The parts have the transforms of their time; each goes on by itself. */
static void test_transform_of_parts(void **state)
{
    (void)state;
    sixnet_dataset *ds = numbered(10), *a, *b;
    float value;
    assert_ok(six_dataset_add_transform(ds, "normalize mean=1 std=1"));
    assert_ok(six_dataset_split(&a, &b, ds, "first_size=5 shuffle=false"));
    assert_ok(six_dataset_add_transform(ds, "normalize mean=10 std=1"));
    assert_ok(six_dataset_add_transform(b, "normalize mean=100 std=1"));
    assert_ok(sixnet_dataset_get_sample(ds, 7, &value, NULL));
    assert_true(value == 7 - 11);
    assert_ok(sixnet_dataset_get_sample(a, 4, &value, NULL));
    assert_true(value == 4 - 1);
    six_dataset_free(ds);
    assert_ok(sixnet_dataset_get_sample(b, 2, &value, NULL));
    assert_true(value == 7 - 101);
    six_dataset_free(a);
    six_dataset_free(b);
}

/* A transform for the test: keeps the first half, or 100 values, backwards, and adds what may be a random number. */
static int32_t halve(six_pipeline_stage *step)
{
    const int64_t count = step->in.shape[SIX_INPUT].dim[0];
    if (count < 2)
        return six_fail(SIXNET_BAD_SHAPE, "half: nothing to halve");
    step->out.shape[SIX_INPUT].dim[0] = count > 200 ? 100 : count / 2;
    return SIXNET_OK;
}

static void take_half(const six_transform_call *call)
{
    six_stream random = call->random;
    const float *from = call->from;
    float *to = call->to;
    float offset = random.key ? (float)six_stream_uniform(&random) : 0.0f;
    assert_true(call->from != call->to);
    for (int64_t i = 0; i < call->out->dim[0]; i++)
        to[i] = from[call->out->dim[0] - 1 - i] + offset;
}

static const six_transform half = {
    .kind = {.name = "half"}, .out_of_place = true, .setup = halve, .apply = {take_half}};
static const six_transform random_half = {
    .kind = {.name = "half"}, .out_of_place = true, .random = true, .setup = halve, .apply = {take_half}};

static void test_transform_changes_shape(void **state)
{
    (void)state;
    static const float data[] = {1, 2, 3, 4, 5, 6, 7, 8};
    sixnet_dataset *ds;
    float *got = malloc(2 * sizeof *got), label;
    assert_ok(six_dataset_from_arrays(&ds, &t.ctx, "shape=8", data, data, 1));
    assert_ok(six_dataset_add_transform(ds, "normalize mean=1 std=1"));
    assert_ok(six_dataset_add_stage(ds, &half, ""));
    assert_shapes(ds, "4", "1");
    assert_ok(six_dataset_add_transform(ds, "normalize mean=1 std=0.5"));
    assert_ok(six_dataset_add_stage(ds, &half, ""));
    assert_shapes(ds, "2", "1");
    assert_ok(sixnet_dataset_get_sample(ds, 0, got, &label));
    assert_true(got[0] == 2 && got[1] == 4 && label == 1); /* 3 2 1 0, 4 2 0 -2, 2 4 */
    assert_ok(six_dataset_add_stage(ds, &half, ""));
    assert_error(six_dataset_add_stage(ds, &half, ""), SIXNET_BAD_SHAPE, "half: nothing to halve");
    assert_shapes(ds, "1", "1");
    t.left = 0;
    assert_int_equal(sixnet_dataset_get_sample(ds, 0, got, &label), SIXNET_OUT_OF_MEMORY);
    free(got);
    six_dataset_free(ds);
}

/* The first value of a sample in an epoch. */
static float random_value(const sixnet_dataset *ds, int64_t index, uint64_t epoch)
{
    _Alignas(64) float workspace[128];
    float values[2];
    assert_true(six_dataset_workspace(ds, SIX_F32) <= (int64_t)sizeof workspace);
    assert_ok(six_dataset_read(ds, index, epoch, SIX_F32, values, NULL, workspace));
    return values[0];
}

static void test_transform_shrinks_much(void **state)
{
    (void)state;
    static float data[10000], got[100];
    sixnet_dataset *ds;
    data[99] = 1;
    assert_ok(six_dataset_from_arrays(&ds, &t.ctx, "shape=10000", data, NULL, 1));
    assert_ok(six_dataset_add_stage(ds, &half, ""));
    assert_ok(sixnet_dataset_get_sample(ds, 0, got, NULL));
    assert_true(got[0] == 1);
    six_dataset_free(ds);
}

static void test_transform_random(void **state)
{
    (void)state;
    static const float data[12] = {0};
    sixnet_dataset *ds, *again, *a, *b;
    assert_ok(six_dataset_from_arrays(&ds, &t.ctx, "shape=4", data, NULL, 3));
    assert_ok(six_dataset_add_stage(ds, &random_half, ""));
    float once = random_value(ds, 1, 5);
    assert_ok(six_dataset_add_stage(ds, &random_half, ""));
    float value = random_value(ds, 1, 5);
    assert_true(value != 2 * once); /* each transform has numbers of its own */
    assert_true(value == random_value(ds, 1, 5));
    assert_true(value != random_value(ds, 1, 6));
    assert_true(value != random_value(ds, 2, 5));
    assert_ok(six_dataset_split(&a, &b, ds, "first_size=1 shuffle=false"));
    assert_true(value == random_value(b, 0, 5)); /* by the sample, whatever the part */
    t.ctx.seed = 8;
    assert_true(value != random_value(ds, 1, 5));
    t.ctx.seed = 7;
    assert_ok(six_dataset_from_arrays(&again, &t.ctx, "shape=4", data, NULL, 3));
    assert_ok(six_dataset_add_stage(again, &random_half, ""));
    assert_ok(six_dataset_add_stage(again, &random_half, ""));
    assert_true(value == random_value(again, 1, 5));
    six_dataset_free(ds);
    six_dataset_free(again);
    six_dataset_free(a);
    six_dataset_free(b);
}

static void test_kinds(void **state)
{
    (void)state;
    const six_kind *const *kinds = six_transform_kinds;
    for (; *kinds; kinds++) {
        const char *rest;
        assert_ptr_equal(&six_transform_find((*kinds)->name, &rest)->kind, *kinds);
        assert_true((*kinds)->help[0] != '\0');
    }
    assert_string_equal(six_kind_dataset_from_arrays.name, "dataset_from_arrays");
    assert_string_equal(six_kind_dataset_from_callback.name, "dataset_from_callback");
    assert_string_equal(six_kind_dataset_split.name, "dataset_split");
    assert_string_equal(six_kind_batch_iterator.name, "batch_iterator");
}

/* ---- batches ---- */

static int32_t next_batch(sixnet_batch_iterator *b, const float **inputs, int64_t *n)
{
    const float *targets;
    int32_t status = sixnet_batch_iterator_next(b, inputs, &targets, n);
    for (int64_t i = 0; i < *n; i++)
        assert_true((*inputs)[i] == targets[i]);
    return status;
}

/* Goes through the rest of an epoch. */
static int visit_all(sixnet_batch_iterator *b, int order[MANY])
{
    const float *inputs;
    int count = 0;
    int64_t n;
    for (;;) {
        assert_ok(next_batch(b, &inputs, &n));
        if (n == 0)
            return count;
        for (int64_t i = 0; i < n; i++)
            order[count++] = (int)inputs[i];
    }
}

static int differences(const int *a, const int *b, int n)
{
    int count = 0;
    for (int i = 0; i < n; i++)
        count += a[i] != b[i];
    return count;
}

static void test_batches(void **state)
{
    (void)state;
    sixnet_dataset *ds = numbered(MANY);
    sixnet_batch_iterator *b, *other;
    int first[MANY], second[MANY], again[MANY], seen[MANY] = {0};
    const float *inputs, *targets;
    int64_t n;
    assert_ok(six_batch_iterator_new(&b, ds, "batch_size=128 seed=3"));
    assert_int_equal(six_batch_iterator_count(b), 8);
    for (int i = 0; i < 8; i++) {
        assert_ok(next_batch(b, &inputs, &n));
        assert_int_equal(n, i < 7 ? 128 : 104);
        for (int64_t k = 0; k < n; k++)
            first[i * 128 + k] = (int)inputs[k];
    }
    for (int i = 0; i < 2; i++) {
        assert_ok(sixnet_batch_iterator_next(b, &inputs, &targets, &n));
        assert_int_equal(n, 0);
    }
    for (int i = 0; i < MANY; i++)
        seen[first[i]]++;
    assert_all_once(seen, MANY);

    assert_ok(six_batch_iterator_start_epoch(b, 1));
    assert_int_equal(visit_all(b, second), MANY);
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < MANY; i++)
        seen[second[i]]++;
    assert_all_once(seen, MANY);
    assert_true(differences(first, second, MANY) > 900);
    assert_ok(six_batch_iterator_start_epoch(b, 0));
    visit_all(b, again);
    assert_int_equal(differences(first, again, MANY), 0);

    assert_ok(six_batch_iterator_new(&other, ds, "batch_size=1 seed=3"));
    assert_ok(six_batch_iterator_start_epoch(other, 1)); /* without epoch 0 */
    visit_all(other, again);
    assert_int_equal(differences(second, again, MANY), 0);
    six_batch_iterator_free(other);
    assert_ok(six_batch_iterator_new(&other, ds, "batch_size=1000 seed=4"));
    visit_all(other, again);
    assert_true(differences(first, again, MANY) > 900);
    six_batch_iterator_free(other);
    six_dataset_free(ds);
    assert_ok(six_batch_iterator_start_epoch(b, 1));
    visit_all(b, again);
    assert_int_equal(differences(second, again, MANY), 0);
    six_batch_iterator_free(b);
    six_batch_iterator_free(NULL);
}

/* The order is part of what the same seed promises, in every release. */
static void test_batches_order_stays(void **state)
{
    (void)state;
    static const int expected[] = {177, 976, 877, 118, 555, 507, 557, 417},
                     expected_split[] = {816, 229, 293, 270, 625, 442, 488, 500};
    sixnet_dataset *ds = numbered(MANY), *a, *c;
    sixnet_batch_iterator *b;
    int order[MANY];
    assert_ok(six_batch_iterator_new(&b, ds, "batch_size=8 seed=7"));
    assert_ok(six_batch_iterator_start_epoch(b, 3));
    visit_all(b, order);
    assert_ok(six_dataset_split(&a, &c, ds, "first_size=8 seed=7"));
    for (int i = 0; i < 8; i++) {
        assert_int_equal(order[i], expected[i]);
        assert_int_equal(value_at(a, i), expected_split[i]);
    }
    six_batch_iterator_free(b);
    six_dataset_free(a);
    six_dataset_free(c);
    six_dataset_free(ds);
}

static void test_batches_options(void **state)
{
    (void)state;
    sixnet_dataset *ds = numbered(100);
    sixnet_batch_iterator *b;
    int order[MANY], other[MANY];
    assert_ok(six_batch_iterator_new(&b, ds, "batch_size=30 shuffle=false"));
    assert_int_equal(visit_all(b, order), 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(order[i], i);
    six_batch_iterator_free(b);
    assert_ok(six_batch_iterator_new(&b, ds, "batch_size=30 drop_last=true"));
    assert_int_equal(six_batch_iterator_count(b), 3);
    assert_int_equal(visit_all(b, order), 90);
    six_batch_iterator_free(b);
    assert_ok(six_batch_iterator_new(&b, ds, "batch_size=100 seed=7")); /* the context's */
    assert_int_equal(visit_all(b, other), 100);
    assert_int_equal(differences(order, other, 90), 0);
    six_batch_iterator_free(b);
    assert_ok(six_batch_iterator_new(
        &b, ds, "batch_size=1000000000 seed=7")); /* one smaller batch, in no more memory than it takes */
    assert_int_equal(six_batch_iterator_count(b), 1);
    assert_int_equal(visit_all(b, order), 100);
    assert_int_equal(differences(order, other, 100), 0);
    six_batch_iterator_free(b);
    assert_error(six_batch_iterator_new(&b, ds, "batch_size=256 drop_last=true"), SIXNET_INVALID_ARGUMENT,
                 "batch_size=256 with drop_last=true yields no batches from 100 samples");
    assert_null(b);
    assert_error(six_batch_iterator_new(&b, ds, "batch_size=0"), SIXNET_BAD_SPEC, "batch_size=0");
    assert_error(six_batch_iterator_new(&b, ds, "batch_size=1000000001"), SIXNET_BAD_SPEC, "batch_size=1000000001");
    assert_error(six_batch_iterator_new(&b, ds, "shuffle=true"), SIXNET_BAD_SPEC, "batch_size is missing");
    six_dataset_free(ds);
}

static void test_batches_without_targets(void **state)
{
    (void)state;
    static const float data[] = {1, 2, 3};
    sixnet_dataset *ds;
    sixnet_batch_iterator *b;
    const float *inputs, *targets = data;
    int64_t n;
    assert_ok(six_dataset_from_arrays(&ds, &t.ctx, "shape=1", data, NULL, 3));
    assert_ok(six_batch_iterator_new(&b, ds, "batch_size=3 shuffle=false"));
    assert_ok(sixnet_batch_iterator_next(b, &inputs, &targets, &n));
    assert_null(targets);
    assert_memory_equal(inputs, data, sizeof data);
    six_batch_iterator_free(b);
    six_dataset_free(ds);
}

static void test_batches_cursor(void **state)
{
    (void)state;
    sixnet_dataset *ds = numbered(100);
    sixnet_batch_iterator *b, *other;
    const float *inputs;
    int rest[MANY], again[MANY];
    int64_t n, epoch, position;
    assert_ok(six_batch_iterator_new(&b, ds, "batch_size=30"));
    six_batch_iterator_position(b, &epoch, &position);
    assert_true(epoch == 0 && position == 0);
    assert_ok(six_batch_iterator_start_epoch(b, 2));
    assert_ok(next_batch(b, &inputs, &n));
    assert_ok(next_batch(b, &inputs, &n));
    six_batch_iterator_position(b, &epoch, &position);
    assert_true(epoch == 2 && position == 60);
    assert_ok(six_batch_iterator_new(&other, ds, "batch_size=30"));
    assert_ok(six_batch_iterator_seek(other, epoch, position));
    assert_int_equal(visit_all(b, rest), 40);
    assert_int_equal(visit_all(other, again), 40);
    assert_int_equal(differences(rest, again, 40), 0);
    assert_error(six_batch_iterator_seek(b, 0, 101), SIXNET_INVALID_ARGUMENT, "position=101 is out of range 0 to 100");
    assert_error(six_batch_iterator_seek(b, 0, -1), SIXNET_INVALID_ARGUMENT, "position=-1");
    assert_error(six_batch_iterator_start_epoch(b, -1), SIXNET_INVALID_ARGUMENT, "epoch must be 0 or greater, got -1");
    six_batch_iterator_position(b, &epoch, &position);
    assert_true(epoch == 2 && position == 100);
    six_batch_iterator_free(b);
    six_batch_iterator_free(other);
    six_dataset_free(ds);
}

/* A failing batch can be asked for again. */
static void test_batches_callback_fails(void **state)
{
    (void)state;
    sixnet_dataset *ds;
    sixnet_batch_iterator *b;
    const float *inputs, *targets;
    int64_t fails_at = 5, n;
    assert_ok(six_dataset_from_callback(&ds, &t.ctx, "shape=2", 8, give_sample, &fails_at));
    assert_ok(six_batch_iterator_new(&b, ds, "batch_size=4 shuffle=false"));
    assert_ok(sixnet_batch_iterator_next(b, &inputs, &targets, &n));
    assert_int_equal(sixnet_batch_iterator_next(b, &inputs, &targets, &n), SIXNET_CALLBACK_FAILED);
    assert_int_equal(n, 0);
    fails_at = -1;
    assert_ok(sixnet_batch_iterator_next(b, &inputs, &targets, &n));
    assert_int_equal(n, 4);
    assert_true(inputs[0] == 4 && inputs[7] == 14 && targets[3] == 1);
    six_batch_iterator_free(b);
    six_dataset_free(ds);
}

static void test_batches_shape_changes(void **state)
{
    (void)state;
    static const float data[8] = {0};
    sixnet_dataset *ds;
    sixnet_batch_iterator *b;
    const float *inputs, *targets;
    int64_t n;
    assert_ok(six_dataset_from_arrays(&ds, &t.ctx, "shape=4", data, NULL, 2));
    assert_ok(six_batch_iterator_new(&b, ds, "batch_size=2"));
    assert_ok(six_dataset_add_stage(ds, &half, ""));
    assert_error(sixnet_batch_iterator_next(b, &inputs, &targets, &n), SIXNET_BAD_STATE, "changed the sample shape");
    six_batch_iterator_free(b);
    six_dataset_free(ds);
}

/* Random transforms see the epoch. */
static void test_batches_epochs(void **state)
{
    (void)state;
    static const float data[2] = {0};
    sixnet_dataset *ds;
    sixnet_batch_iterator *b;
    const float *inputs, *targets;
    int64_t n;
    assert_ok(six_dataset_from_arrays(&ds, &t.ctx, "shape=2", data, NULL, 1));
    assert_ok(six_dataset_add_stage(ds, &random_half, ""));
    assert_ok(six_batch_iterator_new(&b, ds, "batch_size=1"));
    for (int64_t epoch = 0; epoch < 3; epoch++) {
        assert_ok(six_batch_iterator_start_epoch(b, epoch));
        assert_ok(sixnet_batch_iterator_next(b, &inputs, &targets, &n));
        assert_true(inputs[0] == random_value(ds, 0, (uint64_t)epoch));
    }
    six_batch_iterator_free(b);
    six_dataset_free(ds);
}

/* ---- several threads ---- */

static void *read_all(void *arg)
{
    const sixnet_dataset *ds = arg;
    _Alignas(64) char workspace[1024];
    intptr_t wrong = six_dataset_workspace(ds, SIX_F32) > (int64_t)sizeof workspace;
    for (int round = 0; round < 20 && !wrong; round++)
        for (int64_t i = 0; i < MANY; i++) {
            float value;
            wrong +=
                six_dataset_read(ds, i, 0, SIX_F32, &value, NULL, workspace) != SIXNET_OK || value != (float)(i - 1);
        }
    return (void *)wrong;
}

static void test_threads(void **state)
{
    (void)state;
    sixnet_dataset *ds = numbered(MANY);
    pthread_t threads[3];
    assert_ok(six_dataset_add_transform(ds, "normalize mean=1 std=1"));
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_all, ds), 0);
    for (int i = 0; i < 3; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    six_dataset_free(ds);
}

/* ---- memory that runs out ---- */

static sixnet_dataset *made, *part, *rest_of_it;
static sixnet_batch_iterator *walking;
static char image_file[64], label_file[64];

static int32_t try_open(void) { return six_dataset_from_idx(&made, &t.ctx, image_file, label_file); }

static int32_t try_arrays(void)
{
    static const float data[] = {1, 2};
    return six_dataset_from_arrays(&made, &t.ctx, "shape=1", data, data, 2);
}

static int32_t try_callback(void) { return six_dataset_from_callback(&made, &t.ctx, "shape=1", 2, give_sample, NULL); }

static int32_t try_transform(void) { return six_dataset_add_transform(made, "normalize mean=1 std=1"); }

static int32_t try_split(void) { return six_dataset_split(&part, &rest_of_it, made, "first_size=4"); }

static int32_t try_stratified(void) { return six_dataset_split(&part, &rest_of_it, made, "folds=2 stratify=true"); }

static int32_t try_balanced(void) { return six_batch_iterator_new(&walking, made, "batch_size=2 balance=true"); }

static int32_t try_batches(void) { return six_batch_iterator_new(&walking, made, "batch_size=2"); }

static int32_t try_check(void) { return six_dataset_check_classes(made, 10); }

/* Lets the first allocation fail, then the second and so on, until the call succeeds. */
static void sweep(int32_t (*attempt)(void), int least)
{
    int live = t.live, n = 0;
    for (;; n++) {
        t.left = n;
        int32_t status = attempt();
        t.left = 1 << 30;
        if (!status)
            break;
        assert_error(status, SIXNET_OUT_OF_MEMORY, "out of memory");
        assert_int_equal(t.live, live);
        assert_null(part);
        assert_null(rest_of_it);
        assert_null(walking);
    }
    assert_in_range(n, least, 20);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    bytes images = small_images(6), labels = small_labels(6), packed = gzipped(&images);
    int32_t (*const makers[])(void) = {try_open, try_arrays, try_callback};
    float input[6], label;
    int64_t fails_at = -1;
    write_file("images", packed.at, packed.size);
    memcpy(image_file, path, sizeof path);
    write_file("labels", labels.at, labels.size);
    memcpy(label_file, path, sizeof path);
    for (int i = 0; i < 3; i++) {
        sweep(makers[i], 2);
        six_dataset_free(made);
        made = NULL;
    }
    sweep(try_open, 5);
    sweep(try_transform, 1);
    assert_int_equal(made->nsteps, 1);
    assert_ok(sixnet_dataset_get_sample(made, 1, input, &label));
    assert_true(input[0] == 30 / 255.0f - 1);
    sweep(try_split, 5);
    six_dataset_free(part);
    six_dataset_free(rest_of_it);
    part = rest_of_it = NULL;
    sweep(try_stratified, 8);
    six_dataset_free(part);
    six_dataset_free(rest_of_it);
    part = rest_of_it = NULL;
    sweep(try_batches, 4);
    six_batch_iterator_free(walking);
    walking = NULL;
    sweep(try_balanced, 7);
    six_batch_iterator_free(walking);
    walking = NULL;
    sweep(try_check, 1);
    six_dataset_free(made);

    assert_ok(six_dataset_from_callback(&made, &t.ctx, "shape=2", 2, give_sample, &fails_at));
    t.left = 0;
    assert_int_equal(sixnet_dataset_get_sample(made, 0, input, NULL), SIXNET_OUT_OF_MEMORY);
    assert_ok(sixnet_dataset_get_sample(made, 0, input, &label));
    t.left = 1 << 30;
    six_dataset_free(made);
    made = NULL;
}

static void test_own_context(void **state)
{
    (void)state;
    sixnet_dataset *ds;
    sixnet_batch_iterator *b;
    assert_ok(six_dataset_from_arrays(&ds, NULL, "shape=1", &(float){1}, NULL, 1));
    assert_ok(six_batch_iterator_new(&b, ds, "batch_size=1"));
    six_dataset_free(ds);
    six_batch_iterator_free(b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_gunzip),
        TEST(test_gunzip_truncated),
        TEST(test_gunzip_trailing),
        TEST(test_gunzip_bit_flips),
        TEST(test_gunzip_checks),
        TEST(test_inflate_malformed),
        TEST(test_idx_types),
        TEST(test_idx_header),
        TEST(test_idx_sizes),
        TEST(test_idx_promises),
        TEST(test_idx_gzip_ratio),
        TEST(test_idx_gzip_damage),
        TEST(test_idx_no_file),
        TEST(test_idx_file_changes),
        TEST(test_open_idx),
        TEST(test_open_idx_without_labels),
        TEST(test_every_byte),
        TEST(test_open_idx_shapes),
        TEST(test_open_idx_mismatch),
        TEST(test_mnist),
        TEST(test_arrays_types),
        TEST(test_arrays_lengths),
        TEST(test_hash_of_samples),
        TEST(test_arrays_copied_or_borrowed),
        TEST(test_arrays_without_targets),
        TEST(test_arrays_refused),
        TEST(test_callback),
        TEST(test_callback_of_one_half),
        TEST(test_batch_beyond_addresses),
        TEST(test_check_classes),
        TEST(test_check_classes_of_parts),
        TEST(test_split),
        TEST(test_split_seed_of_context),
        TEST(test_split_refused),
        TEST(test_stratified_split),
        TEST(test_folds),
        TEST(test_classes_refused),
        TEST(test_balance),
        TEST(test_normalize),
        TEST(test_transform_refused),
        TEST(test_transform_of_parts),
        TEST(test_transform_changes_shape),
        TEST(test_transform_shrinks_much),
        TEST(test_transform_random),
        TEST(test_kinds),
        TEST(test_batches),
        TEST(test_batches_order_stays),
        TEST(test_batches_options),
        TEST(test_batches_without_targets),
        TEST(test_batches_cursor),
        TEST(test_batches_callback_fails),
        TEST(test_batches_shape_changes),
        TEST(test_batches_epochs),
        TEST(test_threads),
        TEST(test_out_of_memory),
        TEST(test_own_context),
    };
    return cmocka_run_group_tests_name("data", tests, make_folder, remove_folder);
}
