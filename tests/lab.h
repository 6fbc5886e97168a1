/* SPDX-License-Identifier: MIT */
#ifndef SIX_TESTS_LAB_H
#define SIX_TESTS_LAB_H

/* What the tests of layers share: nets of one layer on the public API, data for them, and what they should give by oracles.h. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sixnet/sixnet.h"

/* ---- failing with a title that says what was tried ---- */

void lab_title(const char *format, ...) __attribute__((format(printf, 1, 2)));
void lab_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void lab_succeed(const char *call, int32_t status);
#define TRY(call) lab_succeed(#call, call)

/* The environment asks for less of what is random, for slow machines: valgrind. */
bool lab_quick(void);

/* ---- random data ---- */

typedef struct lab_random {
    uint64_t state;
} lab_random;

uint64_t lab_bits(lab_random *r);
int lab_below(lab_random *r, int bound);
/* A multiple of 2^-12, so that f32 holds it exactly too. */
double lab_uniform(lab_random *r, double low, double high);
int lab_pick(lab_random *r, const int *from, int count);
#define LAB_PICK(r, ...) lab_pick(r, (const int[]){__VA_ARGS__}, (int)(sizeof(int[]){__VA_ARGS__} / sizeof(int)))

/* LAB_ANY: even in -2 to 2. LAB_APART: in each sample no two values are close, and none is close to 0. LAB_WHOLE: small whole
 * numbers. */
typedef enum lab_filling { LAB_ANY, LAB_APART, LAB_WHOLE } lab_filling;

void lab_fill(lab_random *r, lab_filling how, double *values, int64_t count);
double *lab_room(int64_t count);

/* ---- words of a spec ---- */

bool lab_is(const char *spec, const char *kind);
/* Attributes as text has them; axis 1 is what follows the x of a pair. */
int lab_int(const char *spec, const char *attribute, int axis, int otherwise);
double lab_real(const char *spec, const char *attribute, double otherwise);
bool lab_has(const char *spec, const char *text);
/* Numbers with commas between them: how many. */
int lab_list(const char *spec, const char *attribute, double *values);

/* ---- a net of inputs and one layer ---- */

enum { LAB_INPUTS = 16 };

typedef struct lab_case {
    const char *spec, *shapes; /* the shapes of the inputs, with blanks between them */
    int n;                     /* samples; 0 for several numbers of them */
} lab_case;

typedef struct lab_shape {
    int32_t rank;
    int64_t dim[8];
} lab_shape;

int64_t lab_size(const lab_shape *s);

typedef struct lab {
    const char *spec, *name;
    sixnet_context *ctx;
    sixnet_model *net;
    int inputs;
    sixnet_node input[LAB_INPUTS], layer;
    sixnet_node result; /* the layer; or what joins its outputs one after another, or multiplies a layer without inputs by the input */
    lab_shape in[LAB_INPUTS], out; /* out: of the result */
    int64_t in_size[LAB_INPUTS], in_total, out_size; /* of one sample */
} lab;

/* All nodes are retained, the layer's name is "layer". `loss` follows it, unless NULL. */
lab lab_open(const char *options, const lab_case *c, const char *loss);
void lab_close(lab *l);

/* How the values of a layer's inputs must be chosen if all that is asked of it is to be well defined. */
lab_filling lab_smooth(const char *spec);
/* Whether its training needs more than one value a channel, and a batch of n samples has but one. */
bool lab_starves(const lab *l, int n);
bool lab_cannot_evaluate(const char *spec);

/* Samples for it, and the gradient by its output. */
typedef struct lab_data {
    int n;
    double *x[LAB_INPUTS]; /* each input by itself: [n][in_size] */
    double *feed;          /* all of a sample together, as the net takes them */
    double *upstream;      /* [n][out_size] */
} lab_data;

lab_data lab_draw(const lab *l, lab_random *r, int n, lab_filling how);
void lab_drop(const lab *l, lab_data *d);
void lab_feed(const lab *l, lab_data *d);

/* The layer's tensors; NULL where it has none. */
typedef struct lab_tensors {
    double *weight, *bias, *mean, *variance, *value;
    int64_t weights, biases;
} lab_tensors;

void lab_fill_tensors(const lab *l, lab_random *r, lab_filling how);
lab_tensors lab_take_tensors(const lab *l);
void lab_drop_tensors(lab_tensors *t);

/* What the layer should give; running statistics in t are moved when training. false: dropout has no oracle in training. */
bool lab_expect(const lab *l, const lab_data *d, lab_tensors *t, bool training, double *y);
/* How far f32's (unit 2^-24) or f64's (2^-53) result may be from that: from the number of terms and their magnitudes. */
void lab_bounds(const lab *l, const lab_data *d, const lab_tensors *t, bool training, const double *y, double unit,
                double *bound);
/* Whether whole numbers give exact results and gradients in f32. */
bool lab_exact(const char *spec);

/* ---- passes ---- */

void lab_forward(const lab *l, const lab_data *d, double *y);

typedef struct lab_gradients {
    double *x[LAB_INPUTS], *weight, *bias;
    int64_t weights, biases;
} lab_gradients;

/* Forward, and backward from d->upstream. */
lab_gradients lab_backward(const lab *l, const lab_data *d);
void lab_drop_gradients(lab_gradients *g);

/* ---- all cases: layer_cases.c ---- */

typedef struct lab_spec_room {
    char spec[200], shape[40];
} lab_spec_room;

int lab_case_count(void);
/* The i-th; some are made up on the spot, in room. */
lab_case lab_case_at(int i, lab_spec_room *room);
/* Whether i is left out for lack of time. */
bool lab_skips(int i);

/* The instruction sets of f32 that this processor and build have, NULL at the end; and their options. */
const char *const *lab_isas(void);

#endif
