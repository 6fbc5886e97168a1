/* SPDX-License-Identifier: MIT */
#include "inflate.h"

#include <stdbool.h>
#include <string.h>

enum { MAX_BITS = 15, FAST_BITS = 10, LITERALS = 286, DISTANCES = 30, MAX_SYMBOLS = 288, END_OF_BLOCK = 256 };

const char six_inflate_ends[] = "the packed data end too early";
const char six_inflate_full[] = "the packed data are longer than expected";
static const char BAD_CODE[] = "invalid Huffman code";
static const char NO_PREFIX_CODE[] = "code lengths that are no prefix code";

/* Bits read ahead, the next one lowest; those above count are true too, but not yet counted. */
typedef struct stream {
    const uint8_t *in, *in_end;
    uint8_t *out, *out_end;
    const uint8_t *window;
    six_output *output; /* what out, out_end and window point into */
    uint64_t bits;
    uint32_t count;
} stream;

/* A canonical code. An entry is symbol << 4 | length; 0 for none. The table is as large as the longest code needs, so that a block costs
 * no more than its bytes are worth. */
typedef struct huffman {
    uint16_t fast[1 << FAST_BITS]; /* by the next bits, for codes of up to FAST_BITS */
    uint32_t mask;                 /* of the bits that are looked up */
    uint16_t count[MAX_BITS + 1];  /* codes of each length */
    uint16_t symbol[MAX_SYMBOLS];  /* in the order of their codes */
} huffman;

/* Bits, lowest first. */

static uint64_t little_endian(const uint8_t *p, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint64_t)p[i] << (8 * i);
    return value;
}

static inline void refill(stream *s)
{
    if (s->in_end - s->in >= 8) {
        s->bits |= little_endian(s->in, 8) << s->count;
        s->in += (63 - s->count) >> 3;
        s->count |= 56;
    } else {
        for (; s->count <= 56 && s->in < s->in_end; s->count += 8)
            s->bits |= (uint64_t)*s->in++ << s->count;
    }
}

static inline bool skip(stream *s, uint32_t n)
{
    if (n > s->count)
        return false;
    s->bits >>= n;
    s->count -= n;
    return true;
}

/* n up to 16 bits; refills. */
static bool take(stream *s, uint32_t n, uint32_t *value)
{
    refill(s);
    *value = (uint32_t)s->bits & ((1u << n) - 1);
    return skip(s, n);
}

/* Goes to the next whole byte and gives back what was read ahead. */
static void align(stream *s)
{
    s->in -= s->count / 8;
    s->bits = s->count = 0;
}

/* Huffman codes. */

static uint32_t reversed(uint32_t code, uint32_t length)
{
    uint32_t result = 0;
    for (; length > 0; --length, code >>= 1)
        result = result << 1 | (code & 1);
    return result;
}

/* False if the lengths are no prefix code: more codes than there is room for, or fewer. As RFC 1951 has it, a code without
 * symbols and, where `single` allows it, one of a single symbol of one bit pass. */
static bool build(huffman *h, const uint8_t *lengths, uint32_t n, bool single)
{
    uint32_t used = 0, fast_bits = 1, code[MAX_BITS + 1], place[MAX_BITS + 1];
    int32_t left = 1;
    memset(h->count, 0, sizeof h->count);
    for (uint32_t i = 0; i < n; i++)
        ++h->count[lengths[i]];
    h->count[0] = 0;
    code[0] = place[0] = 0;
    for (uint32_t length = 1; length <= MAX_BITS; length++) {
        code[length] = (code[length - 1] + h->count[length - 1]) << 1;
        place[length] = used;
        used += h->count[length];
        if (h->count[length])
            fast_bits = length < FAST_BITS ? length : FAST_BITS;
        left = left * 2 - h->count[length];
        if (left < 0)
            return false;
    }
    if (left > 0 && used > 0 && !(single && used == 1 && h->count[1] == 1))
        return false;
    h->mask = (1u << fast_bits) - 1;
    memset(h->fast, 0, ((size_t)h->mask + 1) * sizeof *h->fast);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t length = lengths[i];
        if (length == 0)
            continue;
        h->symbol[place[length]++] = (uint16_t)i;
        uint32_t first = reversed(code[length]++, length);
        if (length > FAST_BITS)
            continue;
        for (uint32_t k = first; k <= h->mask; k += 1u << length)
            h->fast[k] = (uint16_t)(i << 4 | length);
    }
    return true;
}

static uint32_t look_up_long(const huffman *h, uint64_t bits)
{
    uint32_t code = 0, first = 0, place = 0;
    for (uint32_t length = 1; length <= MAX_BITS; ++length, bits >>= 1) {
        code = code << 1 | (bits & 1);
        first <<= 1;
        if (code - first < h->count[length])
            return (uint32_t)h->symbol[place + code - first] << 4 | length;
        place += h->count[length];
        first += h->count[length];
    }
    return 0;
}

static inline uint32_t look_up(const huffman *h, uint64_t bits)
{
    uint32_t entry = h->fast[bits & h->mask];
    return entry ? entry : look_up_long(h, bits);
}

/* Output. */

static inline void point_into(stream *s, six_output *output)
{
    s->output = output;
    s->out = output->memory + output->next;
    s->out_end = output->memory + output->capacity;
    s->window = output->memory + output->begin;
}

/* Whether there is memory for more bytes than fill it now. */
static inline bool extend(stream *s)
{
    six_output *output = s->output;
    output->next = (size_t)(s->out - output->memory);
    if (!output->extend || !output->extend(output))
        return false;
    point_into(s, output);
    return true;
}

/* Blocks. These functions return what is wrong, or NULL. */

static inline void copy(uint8_t *to, uint32_t distance, uint32_t length)
{
    if (distance == 1)
        memset(to, to[-1], length);
    else if (distance >= length)
        memcpy(to, to - distance, length);
    else
        for (uint32_t i = 0; i < length; i++)
            to[i] = (to - distance)[i];
}

/* At least 33 bits have been read ahead, if the input has them. */
static inline const char *match(stream *s, const huffman *distances, uint32_t symbol)
{
    static const uint16_t length_base[] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                           31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const uint8_t length_extra[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                           2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    static const uint16_t distance_base[] = {1,    2,    3,    4,    5,    7,    9,    13,    17,    25,
                                             33,   49,   65,   97,   129,  193,  257,  385,   513,   769,
                                             1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
    uint32_t k = symbol - END_OF_BLOCK - 1;
    if (symbol >= LITERALS)
        return BAD_CODE;
    uint32_t length = length_base[k] + ((uint32_t)s->bits & ((1u << length_extra[k]) - 1));
    if (!skip(s, length_extra[k]))
        return six_inflate_ends;

    uint32_t entry = look_up(distances, s->bits);
    if (!entry || entry >> 4 >= DISTANCES)
        return BAD_CODE;
    if (!skip(s, entry & 15))
        return six_inflate_ends;
    uint32_t d = entry >> 4, extra = d < 2 ? 0 : d / 2 - 1;
    uint32_t distance = distance_base[d] + ((uint32_t)s->bits & ((1u << extra) - 1));
    if (!skip(s, extra))
        return six_inflate_ends;

    if (distance > (size_t)(s->out - s->window))
        return "a match from before the beginning of the data";
    for (size_t capacity; length > (capacity = (size_t)(s->out_end - s->out)); length -= (uint32_t)capacity) {
        copy(s->out, distance, (uint32_t)capacity);
        s->out = s->out_end;
        if (!extend(s))
            return six_inflate_full;
    }
    copy(s->out, distance, length);
    s->out += length;
    return NULL;
}

static inline const char *symbols(stream *s, const huffman *literals, const huffman *distances)
{
    for (;;) {
        if (s->count < 48)
            refill(s);
        uint32_t entry = look_up(literals, s->bits), symbol = entry >> 4;
        if (!entry)
            return BAD_CODE;
        if (!skip(s, entry & 15))
            return six_inflate_ends;
        if (symbol < END_OF_BLOCK) {
            if (s->out == s->out_end && !extend(s))
                return six_inflate_full;
            *s->out++ = (uint8_t)symbol;
        } else if (symbol == END_OF_BLOCK) {
            return NULL;
        } else {
            const char *problem = match(s, distances, symbol);
            if (problem)
                return problem;
        }
    }
}

/* The stream is copied, so that the compiler knows that output does not overwrite it. */
static const char *compressed(stream *shared, const huffman *literals, const huffman *distances)
{
    stream s = *shared;
    const char *problem = symbols(&s, literals, distances);
    *shared = s;
    return problem;
}

static const char *stored(stream *s)
{
    align(s);
    if (s->in_end - s->in < 4)
        return six_inflate_ends;
    size_t length = little_endian(s->in, 2);
    if ((length ^ 0xffff) != little_endian(s->in + 2, 2))
        return "a stored block whose length and its complement differ";
    s->in += 4;
    if ((size_t)(s->in_end - s->in) < length)
        return six_inflate_ends;
    for (size_t n; length > 0; length -= n) {
        if (s->out == s->out_end && !extend(s))
            return six_inflate_full;
        const size_t capacity = (size_t)(s->out_end - s->out);
        n = length < capacity ? length : capacity;
        memcpy(s->out, s->in, n);
        s->in += n;
        s->out += n;
    }
    return NULL;
}

/* The fixed code of RFC 1951, 3.2.6, by the next nine bits n: codes of seven bits for 256 to 279, of eight for 0 to 143 and 280 to 287, of nine
 * for 144 to 255. Distances are codes of five bits. */

#define CODE5(n) ((n & 1) << 4 | (n & 2) << 2 | (n & 4) | (n & 8) >> 2 | (n & 16) >> 4)
#define CODE9(n) (CODE5(n) << 4 | (n & 32) >> 2 | (n & 64) >> 4 | (n & 128) >> 6 | (n & 256) >> 8)
#define LITERAL(n)                                                                                                     \
    (CODE9(n) < 96    ? (256 + (CODE9(n) >> 2)) * 16 + 7                                                               \
     : CODE9(n) < 384 ? ((CODE9(n) >> 1) - 48) * 16 + 8                                                                \
     : CODE9(n) < 400 ? (280 - 192 + (CODE9(n) >> 1)) * 16 + 8                                                         \
                      : (144 - 400 + CODE9(n)) * 16 + 9)
#define DISTANCE(n) (CODE5(n) << 4 | 5)
#define TWO(entry, n) entry((n)), entry((n + 1))
#define EIGHT(entry, n) TWO(entry, n), TWO(entry, n + 2), TWO(entry, n + 4), TWO(entry, n + 6)
#define ALL_32(entry, n) EIGHT(entry, n), EIGHT(entry, n + 8), EIGHT(entry, n + 16), EIGHT(entry, n + 24)
#define ALL_128(entry, n) ALL_32(entry, n), ALL_32(entry, n + 32), ALL_32(entry, n + 64), ALL_32(entry, n + 96)

static const huffman fixed_literals = {
    .fast = {ALL_128(LITERAL, 0), ALL_128(LITERAL, 128), ALL_128(LITERAL, 256), ALL_128(LITERAL, 384)}, .mask = 511};
static const huffman fixed_distances = {.fast = {ALL_32(DISTANCE, 0)}, .mask = 31};

/* Reads n code lengths, which are themselves coded by h. */
static const char *read_lengths(stream *s, const huffman *h, uint8_t *lengths, uint32_t n)
{
    static const uint8_t base[] = {3, 3, 11}, bits[] = {2, 3, 7};
    for (uint32_t i = 0; i < n;) {
        refill(s);
        uint32_t entry = look_up(h, s->bits), symbol = entry >> 4, extra;
        if (!entry)
            return BAD_CODE;
        if (!skip(s, entry & 15))
            return six_inflate_ends;
        if (symbol < 16) {
            lengths[i++] = (uint8_t)symbol;
            continue;
        }
        if (!take(s, bits[symbol - 16], &extra))
            return six_inflate_ends;
        uint32_t repeats = base[symbol - 16] + extra;
        if (repeats > n - i || (symbol == 16 && i == 0))
            return "code lengths that repeat too often";
        memset(lengths + i, symbol == 16 ? lengths[i - 1] : 0, repeats);
        i += repeats;
    }
    return NULL;
}

static const char *dynamic(stream *s, huffman *literals, huffman *distances)
{
    static const uint8_t order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    uint8_t lengths[LITERALS + DISTANCES] = {0};
    uint32_t nliterals, ndistances, ncodes, length;
    if (!take(s, 5, &nliterals) || !take(s, 5, &ndistances) || !take(s, 4, &ncodes))
        return six_inflate_ends;
    nliterals += 257;
    ndistances += 1;
    if (nliterals > LITERALS || ndistances > DISTANCES)
        return "more codes than deflate has";
    for (uint32_t i = 0; i < ncodes + 4; i++) {
        if (!take(s, 3, &length))
            return six_inflate_ends;
        lengths[order[i]] = (uint8_t)length;
    }
    if (!build(literals, lengths, 19, false))
        return NO_PREFIX_CODE;
    const char *problem = read_lengths(s, literals, lengths, nliterals + ndistances);
    if (problem)
        return problem;
    if (lengths[END_OF_BLOCK] == 0)
        return "a block without an end";
    if (!build(literals, lengths, nliterals, true) || !build(distances, lengths + nliterals, ndistances, true))
        return NO_PREFIX_CODE;
    return compressed(s, literals, distances);
}

static const char *blocks(stream *s)
{
    huffman literals, distances;
    uint32_t last, type;
    const char *problem;
    do {
        if (!take(s, 1, &last) || !take(s, 2, &type))
            return six_inflate_ends;
        switch (type) {
        case 0:
            problem = stored(s);
            break;
        case 1:
            problem = compressed(s, &fixed_literals, &fixed_distances);
            break;
        case 2:
            problem = dynamic(s, &literals, &distances);
            break;
        default:
            problem = "a block of an unknown type";
        }
    } while (!problem && !last);
    return problem;
}

const char *six_inflate(const uint8_t **in, const uint8_t *in_end, six_output *out)
{
    stream s = {.in = *in, .in_end = in_end};
    out->begin = out->next;
    point_into(&s, out);
    const char *problem = blocks(&s);
    align(&s);
    *in = s.in;
    out->next = (size_t)(s.out - out->memory);
    return problem;
}
