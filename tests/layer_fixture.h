/* SPDX-License-Identifier: MIT */
#ifndef SIX_TESTS_LAYER_FIXTURE_H
#define SIX_TESTS_LAYER_FIXTURE_H

/* What the tests of layers share: nets of one layer on the public API, data for them, and what they should give by oracles.h. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sixnet/sixnet.h"

/* ---- failing with a title that says what was tried ---- */

void fixture_title(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fixture_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void fixture_succeed(const char *call, int32_t status);
#define CHECK_SIXNET(call) fixture_succeed(#call, call)

/* The environment asks for less of what is random, for slow machines: valgrind. */
bool fixture_quick(void);

/* ---- random data ---- */

typedef struct fixture_random {
    uint64_t state;
} fixture_random;

uint64_t fixture_bits(fixture_random *r);
int fixture_below(fixture_random *r, int bound);
/* A multiple of 2^-12, so that f32 holds it exactly too. */
double fixture_uniform(fixture_random *r, double low, double high);
int fixture_pick(fixture_random *r, const int *from, int count);
#define FIXTURE_PICK(r, ...)                                                                                           \
    fixture_pick(r, (const int[]){__VA_ARGS__}, (int)(sizeof(int[]){__VA_ARGS__} / sizeof(int)))

/* FIXTURE_ANY: even in -2 to 2. FIXTURE_APART: no two values of a sample, in all inputs together, are close, and none is close to 0.
 * FIXTURE_WHOLE: small whole numbers. */
typedef enum fixture_filling { FIXTURE_ANY, FIXTURE_APART, FIXTURE_WHOLE } fixture_filling;

void fixture_fill(fixture_random *r, fixture_filling how, double *values, int64_t count);
double *fixture_room(int64_t count);

/* ---- words of a spec ---- */

bool fixture_is(const char *spec, const char *kind);
/* Attributes as text has them; axis 1 is what follows the x of a pair. */
int fixture_int(const char *spec, const char *attribute, int axis, int otherwise);
double fixture_real(const char *spec, const char *attribute, double otherwise);
bool fixture_has(const char *spec, const char *text);
/* How many indices there are for a layer that takes indices; else 0. */
int fixture_rows(const char *spec);
/* How many values an input has that holds indices or lengths, from 0 on; 0 for one that holds numbers. */
int fixture_choices(const char *spec, const char *shapes, int input);
/* Numbers with commas between them: how many. */
int fixture_list(const char *spec, const char *attribute, double *values);

/* ---- a net of inputs and one layer ---- */

enum { FIXTURE_INPUTS = 16 };

typedef struct fixture_case {
    const char *spec, *shapes; /* the shapes of the inputs, with blanks between them */
    int n;                     /* samples; 0 for several numbers of them */
} fixture_case;

typedef struct fixture_shape {
    int32_t rank;
    int64_t dim[8];
} fixture_shape;

int64_t fixture_size(const fixture_shape *s);

typedef struct layer_fixture {
    const char *spec, *shapes, *name;
    sixnet_context *ctx;
    sixnet_model *net;
    int inputs;
    sixnet_node input[FIXTURE_INPUTS], layer;
    sixnet_node
        result; /* the layer; or what joins its outputs one after another, or multiplies a layer without inputs by the input */
    fixture_shape in[FIXTURE_INPUTS], out;               /* out: of the result */
    int64_t in_size[FIXTURE_INPUTS], in_total, out_size; /* of one sample */
} layer_fixture;

/* All nodes are retained, the layer's name is "layer". `loss` follows it, unless NULL. */
layer_fixture fixture_open(const char *options, const fixture_case *c, const char *loss);
/* The same, with one output of the layer as its result, or all. */
enum { FIXTURE_ALL = -1 };
layer_fixture fixture_open_output(const char *options, const fixture_case *c, int output, const char *loss);
int fixture_output_count(const layer_fixture *l);
void fixture_close(layer_fixture *l);

/* How the values of a layer's inputs must be chosen if all that is asked of it is to be well defined. */
fixture_filling fixture_smooth(const char *spec);
/* Whether its training needs more than one value a channel, and a batch of n samples has but one. */
bool fixture_starves(const layer_fixture *l, int n);
/* Whether it changes its input at random in every training pass. */
bool fixture_draws(const char *spec);
bool fixture_cannot_evaluate(const char *spec);
/* Whether the layer is not differentiable at places that no choice of its inputs keeps away from. */
bool fixture_has_kinks(const char *spec);

/* Samples for it, and the gradient by its output. */
typedef struct fixture_data {
    int n;
    double *x[FIXTURE_INPUTS]; /* each input by itself: [n][in_size] */
    double *feed;              /* all of a sample together, as the net takes them */
    double *upstream;          /* [n][out_size] */
} fixture_data;

fixture_data fixture_draw(const layer_fixture *l, fixture_random *r, int n, fixture_filling how);
void fixture_drop(const layer_fixture *l, fixture_data *d);
void fixture_feed(const layer_fixture *l, fixture_data *d);

/* The layer's tensors; NULL where it has none. */
typedef struct fixture_tensors {
    double *weight, *bias, *mean, *variance, *value;
    int64_t weights, biases;
} fixture_tensors;

void fixture_fill_tensors(const layer_fixture *l, fixture_random *r, fixture_filling how);
fixture_tensors fixture_take_tensors(const layer_fixture *l);
void fixture_drop_tensors(fixture_tensors *t);

/* What the layer should give; running statistics in t are moved when training. false: dropout has no oracle in training. */
bool fixture_expect(const layer_fixture *l, const fixture_data *d, fixture_tensors *t, bool training, double *y);
/* How far f32's (unit 2^-24) or f64's (2^-53) result may be from that: from the number of terms and their magnitudes. */
void fixture_bounds(const layer_fixture *l, const fixture_data *d, const fixture_tensors *t, bool training,
                    const double *y, double unit, double *bound);
/* Whether whole numbers give exact results and gradients in f32. */
bool fixture_exact(const char *spec);

/* ---- passes ---- */

void fixture_forward(const layer_fixture *l, const fixture_data *d, double *y);

typedef struct fixture_gradients {
    double *x[FIXTURE_INPUTS], *weight, *bias;
    int64_t weights, biases;
} fixture_gradients;

/* Forward, and backward from d->upstream. */
fixture_gradients fixture_backward(const layer_fixture *l, const fixture_data *d);
void fixture_drop_gradients(fixture_gradients *g);

/* ---- all cases: layer_cases.c ---- */

typedef struct fixture_spec_room {
    char spec[200], shape[40];
} fixture_spec_room;

int fixture_case_count(void);
/* The i-th; some are made up on the spot, in room. */
fixture_case fixture_case_at(int i, fixture_spec_room *room);
/* Whether i is left out for lack of time. */
bool fixture_skips(int i);

/* The instruction sets of f32 that this processor and build have, NULL at the end; and their options. */
const char *const *fixture_isas(void);

#endif
