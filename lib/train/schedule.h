/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRAIN_SCHEDULE_H
#define SIX_TRAIN_SCHEDULE_H

#include "base/spec.h"

/* A learning-rate schedule: one or several kinds, whose factors multiply. */
typedef struct six_schedule six_schedule;

/* From text such as "linear_warmup steps=500 ; step_lr step_size=10 gamma=0.1"; NULL or "" for a constant rate. base_lr is the optimizer's. */
int32_t six_schedule_new(six_schedule **out, const sixnet_context *ctx, const char *text, double base_lr);
void six_schedule_free(const sixnet_context *ctx, six_schedule *s);

/* The rate now. */
double six_schedule_lr(const six_schedule *s);
/* The momentum now, NaN if no part moves it; the last part that does decides. */
double six_schedule_momentum(const six_schedule *s);
void six_schedule_set_base(six_schedule *s, double base_lr);
void six_schedule_step(six_schedule *s);                     /* a training step is done */
void six_schedule_end_epoch(six_schedule *s, double metric); /* an epoch is done */

/* What must be kept to go on later: the counters and the memory of its kinds, as plain numbers. */
enum { SIX_SCHEDULE_STATE = 64 };
int32_t six_schedule_state(const six_schedule *s, double state[static SIX_SCHEDULE_STATE]); /* how many */
int32_t six_schedule_restore(six_schedule *s, const double *state, int32_t count);

/* The text it was made from, in canonical form. */
void six_schedule_text(const six_schedule *s, six_text *t);

/* All kinds, ended by NULL. */
extern const six_kind *const six_schedule_kinds[];

#endif
