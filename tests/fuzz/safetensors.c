/* SPDX-License-Identifier: MIT */
#include "safetensors.h"

#include <string.h>

#include "files/checksum.h"
#include "fuzz.h"

enum { LENGTH = 8, ROOM = 1 << 16 };

size_t safetensors_header(const uint8_t *file, size_t size)
{
    uint64_t header = 0;
    if (size < LENGTH)
        return 0;
    for (int i = LENGTH; i-- > 0;)
        header = header << 8 | file[i];
    return header < size - LENGTH ? (size_t)header : size - LENGTH;
}

void safetensors_set_header(uint8_t *file, size_t header)
{
    for (int i = 0; i < LENGTH; i++)
        file[i] = (uint8_t)((uint64_t)header >> (8 * i));
}

void safetensors_seal(uint8_t *file, size_t size)
{
    static const char key[] = "\"" SIX_CHECKSUM_KEY "\":\"";
    const size_t length = sizeof key - 1, header = safetensors_header(file, size);
    char digits[SIX_SHA256_DIGITS + 1];
    six_sha256 hash;
    for (size_t at = LENGTH; at + length + SIX_SHA256_DIGITS <= LENGTH + header; at++) {
        if (memcmp(file + at, key, length) != 0)
            continue;
        memcpy(file + at + length, six_no_checksum, SIX_SHA256_DIGITS);
        six_sha256_begin(&hash);
        six_sha256_add(&hash, file, size);
        six_sha256_end_text(&hash, digits);
        memcpy(file + at + length, digits, SIX_SHA256_DIGITS);
        return;
    }
}

static size_t mutate_header(uint8_t *file, size_t size, size_t room)
{
    static uint8_t header[ROOM];
    size_t before = safetensors_header(file, size), most = room - (size - before);
    if (size < LENGTH || before > ROOM || most == 0)
        return LLVMFuzzerMutate(file, size, room);
    memcpy(header, file + LENGTH, before);
    size_t after = LLVMFuzzerMutate(header, before, most < ROOM ? most : ROOM);
    memmove(file + LENGTH + after, file + LENGTH + before, size - LENGTH - before);
    memcpy(file + LENGTH, header, after);
    safetensors_set_header(file, after);
    return size - before + after;
}

static size_t mutate_data(uint8_t *file, size_t size, size_t room)
{
    size_t begin = size < LENGTH ? 0 : LENGTH + safetensors_header(file, size);
    return begin == room ? LLVMFuzzerMutate(file, size, room)
                         : begin + LLVMFuzzerMutate(file + begin, size - begin, room - begin);
}

size_t safetensors_mutate(uint8_t *file, size_t size, size_t room, unsigned int seed)
{
    if (seed % 8 == 0)
        size = LLVMFuzzerMutate(file, size, room);
    else if (seed % 8 == 1)
        size = mutate_data(file, size, room);
    else
        size = mutate_header(file, size, room);
    if (seed / 8 % 4)
        safetensors_seal(file, size);
    return size;
}
