/* SPDX-License-Identifier: MIT */
#include "decimal.h"

#include <stdbool.h>
#include <string.h>

/* ---- whole numbers without a limit that matters: 10^1324, from 1000 digits behind the smallest double, has 4399 bits ---- */

enum { LIMBS = 144, LIMB_BITS = 32, CHUNK_DIGITS = 9 };

typedef struct big {
    int limbs; /* without leading zeros */
    uint32_t limb[LIMBS];
} big;

/* b * factor + more */
static void big_multiply(big *b, uint32_t factor, uint32_t more)
{
    uint64_t carry = more;
    for (int i = 0; i < b->limbs; i++) {
        carry += (uint64_t)b->limb[i] * factor;
        b->limb[i] = (uint32_t)carry;
        carry >>= LIMB_BITS;
    }
    if (carry)
        b->limb[b->limbs++] = (uint32_t)carry;
}

static uint32_t power_of_ten(int exponent)
{
    uint32_t power = 1;
    while (exponent-- > 0)
        power *= 10;
    return power;
}

/* b * 10^exponent */
static void big_scale(big *b, int exponent)
{
    for (; exponent > 0; exponent -= CHUNK_DIGITS)
        big_multiply(b, power_of_ten(exponent < CHUNK_DIGITS ? exponent : CHUNK_DIGITS), 0);
}

static big big_of_digits(const char *digits, int count)
{
    big b = {.limbs = 0};
    for (int begin = 0, length; begin < count; begin += length) {
        uint32_t chunk = 0;
        length = count - begin < CHUNK_DIGITS ? count - begin : CHUNK_DIGITS;
        for (int i = 0; i < length; i++)
            chunk = chunk * 10 + (uint32_t)(digits[begin + i] - '0');
        big_multiply(&b, power_of_ten(length), chunk);
    }
    return b;
}

static big big_of(uint64_t value)
{
    big b = {.limbs = 2, .limb = {(uint32_t)value, (uint32_t)(value >> LIMB_BITS)}};
    while (b.limbs > 0 && b.limb[b.limbs - 1] == 0)
        b.limbs--;
    return b;
}

static int big_bits(const big *b)
{
    int bits = b->limbs * LIMB_BITS;
    for (uint32_t top = b->limb[b->limbs - 1]; !(top >> (LIMB_BITS - 1)); top <<= 1)
        bits--;
    return bits;
}

/* b * 2^bits */
static void big_shift(big *b, int bits)
{
    const int limbs = bits / LIMB_BITS;
    if (b->limbs == 0 || bits == 0)
        return;
    memmove(b->limb + limbs, b->limb, (size_t)b->limbs * sizeof *b->limb);
    memset(b->limb, 0, (size_t)limbs * sizeof *b->limb);
    b->limbs += limbs;
    big_multiply(b, UINT32_C(1) << bits % LIMB_BITS, 0);
}

/* Negative, 0 or positive as a is less than b, equal or greater. */
static int big_compare(const big *a, const big *b)
{
    if (a->limbs != b->limbs)
        return a->limbs - b->limbs;
    for (int i = a->limbs - 1; i >= 0; i--)
        if (a->limb[i] != b->limb[i])
            return a->limb[i] < b->limb[i] ? -1 : 1;
    return 0;
}

/* a - b, if that is not negative. */
static bool big_subtract(big *a, const big *b)
{
    if (big_compare(a, b) < 0)
        return false;
    int64_t difference = 0;
    for (int i = 0; i < a->limbs; i++) {
        difference += (int64_t)a->limb[i] - (i < b->limbs ? b->limb[i] : 0);
        a->limb[i] = (uint32_t)difference;
        difference >>= LIMB_BITS; /* 0 or -1 */
    }
    while (a->limbs > 0 && a->limb[a->limbs - 1] == 0)
        a->limbs--;
    return true;
}

/* ---- doubles as bits ---- */

enum { MANTISSA_BITS = 52, BIAS = 1023, EXPONENT_INFINITE = 2047 };

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double infinite(void) { return double_of((uint64_t)EXPONENT_INFINITE << MANTISSA_BITS); }

/* over / under, neither of which is 0, rounded. */
static double quotient(big *over, big *under)
{
    uint64_t mantissa = 0;
    int exponent = big_bits(over) - big_bits(under); /* of the quotient's first bit, or one more than that */
    big_shift(exponent > 0 ? under : over, exponent > 0 ? exponent : -exponent);
    if (big_compare(over, under) < 0) {
        big_shift(over, 1);
        exponent--;
    }
    const int least = exponent < 1 - BIAS ? 1 - BIAS : exponent; /* that of all denormals */
    const int bits = MANTISSA_BITS + 1 - (least - exponent);     /* of the mantissa */
    if (exponent > BIAS)
        return infinite();
    if (bits < 0)
        return 0;
    for (int i = 0; i < bits; i++) {
        mantissa = mantissa << 1 | big_subtract(over, under);
        big_shift(over, 1);
    }
    const int half = big_compare(over, under); /* how the rest compares with half of the last bit */
    if (half > 0 || (half == 0 && mantissa & 1))
        mantissa++;
    return double_of(((uint64_t)(least + BIAS - 1) << MANTISSA_BITS) +
                     mantissa); /* a carry is the next exponent, up to infinity */
}

double six_decimal_value(const char *digits, int count, int64_t exponent)
{
    enum {
        POINT_LEAST = -323,
        POINT_MOST = 309
    }; /* of numbers that are not rounded to 0 or infinity: below 10^point */
    for (; count > 0 && *digits == '0'; count--)
        digits++;
    for (; count > 0 && digits[count - 1] == '0'; count--)
        exponent++;
    if (count == 0 || count + exponent < POINT_LEAST)
        return 0;
    if (count + exponent > POINT_MOST)
        return infinite();
    big over = big_of_digits(digits, count), under = big_of(1);
    big_scale(exponent > 0 ? &over : &under, (int)(exponent > 0 ? exponent : -exponent));
    return quotient(&over, &under);
}

/* ---- the other way ---- */

enum { EXACT = SIX_DECIMAL_SHORTEST + 1 };

/* The first digits of a number that is not 0, none of them rounded; *rest is whether there are more than those. Returns what
 * six_decimal_shortest() does. */
static int exact_digits(double size, char digits[static EXACT], bool *rest)
{
    const uint64_t bits = bits_of(size), fraction = bits & ((UINT64_C(1) << MANTISSA_BITS) - 1);
    const int field = (int)(bits >> MANTISSA_BITS), exponent = (field ? field : 1) - BIAS - MANTISSA_BITS;
    big over = big_of(fraction | (uint64_t)(field != 0) << MANTISSA_BITS), under = big_of(1);
    int point =
        (exponent + big_bits(&over)) * 30103 / 100000; /* about log10: with log10(2) = 0.30103 one more or less */
    big_shift(exponent > 0 ? &over : &under, exponent > 0 ? exponent : -exponent);
    big_scale(point > 0 ? &under : &over, point > 0 ? point : -point);
    for (; big_compare(&over, &under) >= 0; point++) /* over / under is now to be below 1, and ... */
        big_multiply(&under, 10, 0);
    while (true) { /* ... from 0.1 up */
        big_multiply(&over, 10, 0);
        if (big_compare(&over, &under) >= 0)
            break;
        point--;
    }
    for (int i = 0; i < EXACT; i++) {
        for (digits[i] = '0'; big_subtract(&over, &under);)
            digits[i]++;
        big_multiply(&over, 10, 0);
    }
    *rest = over.limbs > 0;
    return point;
}

/* Rounds to a number of digits; true if that carries to a digit before the first: 99 becomes 10, a hundred. */
static bool round_digits(char *to, const char exact[static EXACT], bool rest, int count)
{
    for (int i = count + 1; i < EXACT; i++)
        rest = rest || exact[i] != '0';
    memcpy(to, exact, (size_t)count);
    to[count] = '\0';
    if (exact[count] < '5' || (exact[count] == '5' && !rest && (exact[count - 1] - '0') % 2 == 0))
        return false;
    int i = count - 1;
    for (; i >= 0 && to[i] == '9'; i--)
        to[i] = '0';
    if (i >= 0)
        to[i]++;
    else
        to[0] = '1';
    return i < 0;
}

int six_decimal_shortest(double size, char digits[static SIX_DECIMAL_SHORTEST + 1])
{
    bool rest, carry;
    char exact[EXACT];
    if (bits_of(size) == 0) {
        strcpy(digits, "0");
        return 1;
    }
    const int point = exact_digits(size, exact, &rest);
    int count = 0;
    do {
        count++;
        carry = round_digits(digits, exact, rest, count);
    } while (count < SIX_DECIMAL_SHORTEST &&
             bits_of(six_decimal_value(digits, count, point + carry - count)) != bits_of(size));
    return point + carry;
}
