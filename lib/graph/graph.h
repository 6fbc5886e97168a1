/* SPDX-License-Identifier: MIT */
#ifndef SIX_GRAPH_GRAPH_H
#define SIX_GRAPH_GRAPH_H

/* The graph: what a model is made of. graph.c builds it, tensors.c gives it its parameters, plan.c lays out memory for a batch, exec.c runs
 * it. */

#include <stdatomic.h>

#include "base/context.h"
#include "layers/variant.h"

enum { SIX_NAME_MAX = SIX_TEXT_MAX, SIX_PARAMETER_NAME_MAX = 64, SIX_MAX_NODES = 4096, SIX_NET_TEXT_MAX = 1 << 24 };

typedef struct six_node {
    const six_layer *layer;  /* as described: setup, attributes */
    const six_layer *kernel; /* as the context's variant computes it */
    six_op *op;              /* of its own allocation, as it is large */
    void *attr;
    char *spec; /* its line of text */
    char name[SIX_NAME_MAX];
    int32_t input[SIX_MAX_INPUTS];
    bool retained;
    int32_t first_tensor;
    int32_t line; /* of the net's text; 0 for a node that was added by itself */
} six_node;

typedef struct six_tensor {
    char name[SIX_NAME_MAX + SIX_PARAMETER_NAME_MAX];
    six_shape shape;
    int64_t size;
    bool trained;
    int64_t offset; /* in values, in the model's arena */
    int32_t node, param;
} six_tensor;

/* One who looks at the training passes: called after a layer has gone through a group of samples, in the thread that did it, with
 * the kernel's function that was run. */
typedef struct six_watch {
    void (*see)(struct six_watch *watch, int32_t node, const six_group *g, void (*done)(const six_op *, six_group *, void *));
} six_watch;

/* What was found wrong in a training run. */
typedef struct six_finding {
    const char *name, *remedy; /* static */
    char node[SIX_NAME_MAX], epoch[24], batch[24], text[1024];
} six_finding;

enum { SIX_FINDINGS_MAX = 64 };

/* How many nodes of a model have a layer, and the last number that one of them got for a name. */
typedef struct six_numbering {
    const six_layer *layer;
    int32_t nodes, last;
} six_numbering;

struct six_plan;
struct six_profile;

struct sixnet_model {
    atomic_int references;
    sixnet_context *ctx;
    const six_variant *variant;

    six_node *node;
    int32_t node_count, node_capacity;
    int32_t *by_name; /* [node_count] the nodes in the order of their names */
    six_numbering *numbering; /* [numbering_count] of the layers that it has */
    int32_t numbering_count;
    int32_t loss;  /* the loss node, or -1 */
    int32_t error; /* of the first failed sixnet_add(), and its message */
    char error_message[1024];

    /* From compile on. */
    bool compiled, serial; /* serial: has layers of the caller's, which run in the calling thread */
    int32_t input;         /* the only input node, or -1 if there are several */
    int32_t output;        /* the node whose values predict() gives */
    int64_t input_size, output_size, target_size; /* values for one sample; target 0 without a loss */
    six_tensor *tensor;
    int32_t tensor_count;
    void *values, *gradients;     /* reals: parameters, then buffers; gradients of the parameters */
    int64_t trained_size, values_size;
    void *kept;                   /* the buffers before the last training pass; if serial, then the gradients before a backward pass */

    uint64_t version;             /* of the tensors' values, see six_tensors_changed() */

    struct six_plan *training, *inference, *single; /* memory for passes so far; NULL before the first; single: for one sample */
    atomic_int cancelled; /* what runs is to end, see sixnet_cancel() */
    enum { SIX_PASS_NONE, SIX_PASS_FORWARD, SIX_PASS_LOSS } pass;
    struct six_profile *profile;           /* NULL when off */
    six_watch *watch;                      /* NULL when nobody looks */
    six_finding *finding;                  /* of the last sixnet_fit() that looked for any */
    int32_t findings;
    double *history;                       /* [epoch] of the last sixnet_fit(), see train/run.h */
    int64_t epochs;
    uint64_t step;                         /* training passes since the last reset: random layers draw by it */

    char *summary, *text; /* made when first asked for */
    char *report;         /* of the last six_model_load_weights() */
    char checked[SIX_NAME_MAX + SIX_PARAMETER_NAME_MAX + 24];    /* where the last gradient check found its worst */
};

int32_t six_model_new(sixnet_model **out, sixnet_context *ctx);
sixnet_model *six_model_hold(sixnet_model *net);
/* A compiled model's text, tensors, gradients and counters in a model of its own. */
int32_t six_model_copy(sixnet_model **out, const sixnet_model *net);
void six_model_release(sixnet_model *net);

int32_t six_add(sixnet_model *net, const char *spec, const int32_t *inputs, int32_t count, int32_t *node);
int32_t six_model_parse(sixnet_model *net, const char *text);
/* As six_model_parse(), but does not compile. */
int32_t six_model_add_lines(sixnet_model *net, const char *text);
int32_t six_compile(sixnet_model *net);
/* What compiling checks: the first error of the build, or a graph that makes no sense; finds the graph's ends. */
int32_t six_check(sixnet_model *net);
int32_t six_node_find(const sixnet_model *net, const char *name);

/* How many answers the net gives for a sample that are right or wrong; 0 if its targets are numbers. */
static inline int64_t six_answers(const sixnet_model *net)
{
    const six_op *loss = net->node[net->loss].op;
    const bool classes = loss->targets == SIX_TARGETS_CLASSES || loss->targets == SIX_TARGETS_PROBABILITIES;
    return classes ? six_shape_size(&loss->in[0]) / loss->in[0].dim[0] : 0;
}

/* Called after every change of a tensor's value, as evaluation keeps what it made of them. */
static inline void six_tensors_changed(sixnet_model *net) { net->version++; }

static inline bool six_cancelled(const sixnet_model *net) { return atomic_load_explicit(&net->cancelled, memory_order_relaxed) != 0; }

/* tensors.c */
/* Copies count values from one type to another. */
void six_convert(void *to, six_dtype to_type, const void *from, six_dtype from_type, int64_t count);
int32_t six_tensors_lay_out(sixnet_model *net);
/* The bytes that it asks the allocator for. */
uint64_t six_tensors_bytes(const sixnet_model *net);
void six_tensors_reset(sixnet_model *net, uint64_t seed);
/* Where a tensor lies in one of the model's arrays. */
void *six_tensor_at(const sixnet_model *net, void *array, const six_tensor *t);
const six_tensor *six_tensor_find(const sixnet_model *net, const char *name);
int32_t six_digest(const sixnet_model *net, char digest[static 65]);

/* summary.c: new text of the model's context, NULL when memory is out */
char *six_summary(const sixnet_model *net);
char *six_model_text(const sixnet_model *net);
/* One node's line of that text, when it is the number-th. */
char *six_node_text(const sixnet_model *net, const six_node *node, int32_t number);

/* The attributes that every layer has. */
typedef struct six_common {
    char name[SIX_TEXT_MAX], from[SIX_NAMES_MAX];
} six_common;
extern const six_kind six_kind_common;

/* custom.c: the layer of that name which the caller registered, or NULL. */
const six_layer *six_custom_find(const sixnet_context *ctx, six_span word);
/* The fault of a group whose function, one of the caller's, returned an error. */
extern const char six_fault_callback[];

#endif
