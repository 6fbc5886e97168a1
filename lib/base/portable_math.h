/* SPDX-License-Identifier: MIT */
#ifndef SIX_BASE_PORTABLE_MATH_H
#define SIX_BASE_PORTABLE_MATH_H

/* Functions without libm, made of operations that are rounded the same way everywhere: bit-identical on all machines, and close to all that
 * a double holds. For what is drawn at random. */

double six_portable_log(double x); /* of a positive normal number */
double six_portable_exp(double x); /* 0 and infinity beyond what normal numbers hold */
/* Of a number of turns, 2 pi each; exact at quarters of a turn. */
double six_portable_cosine(double turns);
double six_portable_sine(double turns);

#endif
