/* SPDX-License-Identifier: MIT */
#ifndef SIX_BASE_EXACT_H
#define SIX_BASE_EXACT_H

/* Functions without libm, made of operations that are rounded the same way everywhere: the same bits on all machines, and near to all that
 * a double holds. For what is drawn at random. */

double six_exact_log(double x); /* of a positive normal number */
double six_exact_exp(double x); /* 0 and infinity beyond what normal numbers hold */
/* Of a number of turns, 2 pi each; exact at quarters of a turn. */
double six_exact_cosine(double turns);
double six_exact_sine(double turns);

#endif
