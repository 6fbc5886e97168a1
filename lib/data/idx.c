/* SPDX-License-Identifier: MIT */
#include "idx.h"

#include "base/content.h"
#include "base/status.h"

#ifdef SIXNET_NO_FILES

int32_t six_idx_read(six_idx *idx, const sixnet_context *ctx, const char *path, const char *what, int32_t lowest,
                     int32_t highest)
{
    (void)ctx, (void)what, (void)lowest, (void)highest;
    *idx = (six_idx){0};
    return six_fail_no_files(path);
}

#else

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "gzip.h"

/* The format: two zero bytes, the elements' type, the rank, the dimensions and then the elements, all big-endian. */
enum { MAX_RANK = 5, MAX_HEADER = 4 + 4 * MAX_RANK };

typedef struct reader {
    const sixnet_context *ctx;
    const char *path, *what;
    int32_t lowest, highest; /* the ranks expected */
    six_file file;
    bool packed; /* it is gzipped */
    const six_element *element;
    six_shape shape;
    uint64_t header_size, total_size; /* of the unpacked data; total_size is UINT64_MAX where it is larger */
    void *memory;                     /* total_size bytes; NULL before the header is known */
    int32_t status;                   /* of unpack_header(), while the data are unpacked */
} reader;

/* ---- the header ---- */

static uint64_t big_endian(const uint8_t *p, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | p[i];
    return value;
}

static const six_element *element_of(uint8_t type)
{
    static const struct {
        uint8_t type, element;
    } types[] = {{0x08, SIX_ELEMENT_U8},  {0x09, SIX_ELEMENT_I8},  {0x0B, SIX_ELEMENT_I16},
                 {0x0C, SIX_ELEMENT_I32}, {0x0D, SIX_ELEMENT_F32}, {0x0E, SIX_ELEMENT_F64}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].type == type)
            return &six_elements[types[i].element];
    return NULL;
}

static int32_t fail_short(const reader *r, size_t at)
{
    return six_fail(SIXNET_BAD_FILE, "%s: byte %zu: the data end within the header", r->path, at);
}

/* Reports the actual format of data that are not IDX. */
static int32_t fail_content(const reader *r, const uint8_t *bytes, size_t size)
{
    const six_content *content = six_content_of(bytes, size);
    if (content && r->packed)
        return six_fail(SIXNET_BAD_FILE,
                        "%s: byte 0 of the unpacked data: no IDX file but %s; unpack it, as only IDX is read packed",
                        r->path, content->name);
    if (content)
        return six_fail_content(r->path, "IDX file", bytes, size);
    return six_fail(SIXNET_BAD_FILE,
                    "%s: byte 0: not an IDX file (starts with 0x%08" PRIx32 ", expected 0x0000, type and rank)",
                    r->path, (uint32_t)big_endian(bytes, 4));
}

static int32_t parse_magic(reader *r, const uint8_t *bytes, size_t size)
{
    uint32_t magic = (uint32_t)big_endian(bytes, 4);
    int32_t rank = bytes[3];
    r->element = element_of(bytes[2]);
    if (magic >> 16 != 0)
        return fail_content(r, bytes, size);
    if (!r->element)
        return six_fail(SIXNET_BAD_FILE,
                        "%s: byte 2: unknown type 0x%02x, expected 0x08, 0x09, 0x0b, 0x0c, 0x0d or 0x0e", r->path,
                        bytes[2]);
    if (rank < r->lowest || rank > r->highest)
        return six_fail(SIXNET_BAD_FILE,
                        "%s: byte 0: magic 0x%08" PRIx32
                        " is of %s (rank %d), expected %s of rank %d to %d; are the image and label files swapped?",
                        r->path, magic, rank == 1 ? "labels" : "data", rank, r->what, r->lowest, r->highest);
    r->shape.rank = rank;
    r->header_size = 4 + 4 * (uint64_t)rank;
    return SIXNET_OK;
}

static int32_t parse_header(reader *r, const uint8_t *bytes, size_t size)
{
    if (size < 4)
        return fail_short(r, size);
    int32_t status = parse_magic(r, bytes, size);
    if (status)
        return status;
    if (size < r->header_size)
        return fail_short(r, size);
    uint64_t limit = UINT64_MAX - r->header_size, data_size = r->element->size;
    for (int32_t i = 0; i < r->shape.rank; i++) {
        r->shape.dim[i] = (int64_t)big_endian(bytes + 4 + 4 * i, 4);
        if (r->shape.dim[i] == 0)
            return six_fail(SIXNET_BAD_FILE, "%s: byte %d: dimension %d is 0, expected 1 or greater", r->path,
                            4 + 4 * i, i);
        data_size = data_size <= limit / (uint64_t)r->shape.dim[i] ? data_size * (uint64_t)r->shape.dim[i] : limit;
    }
    r->total_size = r->header_size + data_size;
    return SIXNET_OK;
}

static int32_t check_size(const reader *r, uint64_t size)
{
    char shape[160];
    if (size == r->total_size)
        return SIXNET_OK;
    return six_fail(SIXNET_BAD_FILE, "%s: byte %" PRIu64 ": %s; the header declares %s values of type %s", r->path,
                    size < r->total_size ? size : r->total_size,
                    size < r->total_size ? "truncated" : "more data follow", six_shape_text(&r->shape, shape),
                    r->element->name);
}

/* ---- the data ---- */

static int32_t allocate(reader *r)
{
    if (r->total_size > PTRDIFF_MAX)
        return six_fail(SIXNET_TOO_LARGE, "%s: %" PRIu64 " bytes exceed the address space", r->path, r->total_size);
    r->memory = six_alloc(r->ctx, 1, (size_t)r->total_size);
    return r->memory ? SIXNET_OK : SIXNET_OUT_OF_MEMORY;
}

static int32_t read_plain(reader *r)
{
    int32_t status = check_size(r, r->file.size);
    if (status)
        return status;
    status = allocate(r);
    if (status)
        return status;
    return six_file_read(&r->file, r->memory);
}

static int32_t fail_gzip(const reader *r, const six_gzip *z)
{
    return six_fail(SIXNET_BAD_FILE, "%s: byte %zu of the gzip data: %s", r->path, z->at, z->problem);
}

/* Takes the header from the beginning of the unpacked data, and memory for all of them. */
static int32_t unpack_header(reader *r, const six_output *output)
{
    char shape[160];
    int32_t status = parse_header(r, output->memory, output->next);
    if (status)
        return status;
    if (r->total_size / SIX_INFLATE_RATIO > r->file.size)
        return six_fail(SIXNET_BAD_FILE, "%s: byte 4: %s values of type %s; %" PRIu64 " bytes of gzip cannot hold them",
                        r->path, six_shape_text(&r->shape, shape), r->element->name, r->file.size);
    status = allocate(r);
    if (!status)
        memcpy(r->memory, output->memory, output->next < r->total_size ? output->next : (size_t)r->total_size);
    return status;
}

/* The data turn out to be more than a header can be: they go on in the memory that this one asks for. */
static bool extend(six_output *output)
{
    reader *r = output->user;
    if (r->memory)
        return false;
    r->status = unpack_header(r, output);
    if (r->status || r->total_size <= output->next)
        return false;
    output->memory = r->memory;
    output->capacity = (size_t)r->total_size;
    return true;
}

static int32_t unpack(reader *r, const uint8_t *packed)
{
    uint8_t begin[MAX_HEADER];
    six_output output = {.memory = begin, .capacity = sizeof begin, .extend = extend, .user = r};
    six_gzip z = {.packed = packed, .packed_size = (size_t)r->file.size, .output = output};
    const int32_t status = six_gunzip(&z);
    if (r->status)
        return r->status;
    if (status == SIXNET_BAD_FILE)
        return fail_gzip(r, &z);
    if (!r->memory)
        r->status = unpack_header(r, &z.output);
    return r->status ? r->status : check_size(r, status == SIXNET_TOO_LARGE ? r->total_size + 1 : z.output.next);
}

/* Moves values of several bytes to the front of the memory, in the machine's byte order; returns where the values begin. */
static const void *convert(const reader *r)
{
    const uint8_t *from = (const uint8_t *)r->memory + r->header_size;
    uint8_t *to = r->memory;
    size_t size = r->element->size;
    if (size == 1)
        return from;
    for (uint64_t left = r->total_size - r->header_size; left > 0; left -= size, from += size, to += size) {
        uint64_t value = big_endian(from, size);
        uint32_t value32 = (uint32_t)value;
        uint16_t value16 = (uint16_t)value;
        memcpy(to, size == 8 ? (void *)&value : size == 4 ? (void *)&value32 : (void *)&value16, size);
    }
    return r->memory;
}

static int32_t read_gzip(reader *r)
{
    uint8_t *packed = six_alloc(r->ctx, 1, (size_t)r->file.size);
    if (!packed)
        return SIXNET_OUT_OF_MEMORY;
    int32_t status = six_file_read(&r->file, packed);
    if (!status)
        status = unpack(r, packed);
    six_free(r->ctx, packed);
    return status;
}

static int32_t read_file(reader *r)
{
    uint8_t begin[MAX_HEADER];
    size_t size;
    int32_t status = six_file_open(&r->file, r->path);
    if (status)
        return status;
    status = six_file_read_at(&r->file, begin, 0, sizeof begin, &size);
    if (status)
        return status;
    r->packed = size >= 2 && begin[0] == 0x1f && begin[1] == 0x8b;
    if (r->packed)
        return read_gzip(r);
    status = parse_header(r, begin, size);
    if (status)
        return status;
    return read_plain(r);
}

int32_t six_idx_read(six_idx *idx, const sixnet_context *ctx, const char *path, const char *what, int32_t lowest,
                     int32_t highest)
{
    int saved = errno;
    reader r = {.ctx = ctx, .path = path, .what = what, .lowest = lowest, .highest = highest};
    int32_t status = read_file(&r);
    *idx = (six_idx){0};
    if (!status)
        *idx = (six_idx){.element = r.element, .shape = r.shape, .data = convert(&r), .memory = r.memory};
    else
        six_free(ctx, r.memory);
    six_file_close(&r.file);
    errno = saved;
    return status;
}

#endif
