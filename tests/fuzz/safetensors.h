/* SPDX-License-Identifier: MIT */
#ifndef SIXNET_TESTS_FUZZ_SAFETENSORS_H
#define SIXNET_TESTS_FUZZ_SAFETENSORS_H

/* Changing safetensors files so that they stay files: what is only bytes to a fuzzer would seldom get past the header's length
 * and the checksum. */

#include <stddef.h>
#include <stdint.h>

/* Gives a file the checksum that fits it, if it has one. */
void safetensors_seal(uint8_t *file, size_t size);

/* The bytes of the header, as far as they are there. */
size_t safetensors_header(const uint8_t *file, size_t size);
void safetensors_set_header(uint8_t *file, size_t header);

/* What a target's LLVMFuzzerCustomMutator() can do: changes the header, the data or any bytes; keeps the header's length right,
 * and mostly the checksum. */
size_t safetensors_mutate(uint8_t *file, size_t size, size_t room, unsigned int seed);

#endif
