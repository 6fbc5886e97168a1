/* SPDX-License-Identifier: MIT */
#ifndef SIX_BASE_CPU_H
#define SIX_BASE_CPU_H

#include <stdint.h>

/* Instruction sets that processor and operating system both support (CPUID and XGETBV). Compiled without instruction-set flags. */
enum { SIX_CPU_AVX2 = 1, SIX_CPU_AVX512 = 2, SIX_CPU_NEON = 4 };
uint32_t six_cpu_features(void);

#endif
