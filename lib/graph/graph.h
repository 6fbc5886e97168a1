/* SPDX-License-Identifier: MIT */
#ifndef SIX_GRAPH_GRAPH_H
#define SIX_GRAPH_GRAPH_H

/* The graph of a model. graph.c has the model, net_text.c reads its text, node.c adds nodes, tensors.c has its tensors, layout.c and plan.c lay out
 * memory for a batch, exec.c and infer.c run it. */

#include <stdatomic.h>

#include "base/context.h"
#include "layers/variant.h"

enum { SIX_NAME_MAX = SIX_TEXT_MAX, SIX_MAX_NODES = 4096, SIX_NET_TEXT_MAX = 1 << 24 };

typedef struct six_node {
    const six_layer *layer;     /* its description */
    const six_kernels *kernels; /* the context's variant of them */
    six_op *op;
    void *attr;
    char *spec; /* its line of text */
    char name[SIX_NAME_MAX];
    int32_t input[SIX_MAX_INPUTS]; /* the values it takes */
    int32_t first_value;           /* its outputs are the values from here on */
    int32_t *tensor;               /* [op->params] entries of the model's tensor table */
    bool retained;
    bool frozen;  /* has tensors, none of which may change */
    int32_t line; /* of the net's text; 0 for a node that was added by itself */
} six_node;

/* How many nodes of a model have a layer, and the last number that one of them got for a name. */
typedef struct six_numbering {
    const six_layer *layer;
    int32_t nodes, last;
} six_numbering;

/* What flows between nodes: one output of a node. */
typedef struct six_value {
    int32_t node, output;
} six_value;

/* A parameter or buffer. Several nodes may use one; it belongs to the first. */
typedef struct six_tensor {
    char name[SIX_NAME_MAX + SIX_PARAM_NAME_MAX]; /* of the node it belongs to, a point, and the parameter's */
    six_shape shape;
    int64_t size;
    six_init init;
    int32_t node, param;             /* whose it is */
    bool parameter;                  /* learns unless it is frozen; false: a buffer */
    bool trainable;                  /* settings, see tensor_settings.c: false freezes it */
    double lr_scale, weight_decay;   /* weight_decay below 0: the optimizer's */
    int64_t offset, gradient_offset; /* in the model's values and gradients; gradient_offset -1 unless it trains */
} six_tensor;

static inline bool six_trains(const six_tensor *t) { return t->parameter && t->trainable; }

/* Adjacent trained tensors with equal settings, which an optimizer updates together. */
typedef struct six_segment {
    int64_t offset, gradient_offset, size;
    double lr_scale, weight_decay;
} six_segment;

/* Observer of training passes. Called in the worker thread after a layer has processed a tile; `done` is the kernel function that ran. */
typedef struct six_observer {
    void (*after_layer)(struct six_observer *observer, int32_t node, const six_tile *tile,
                        void (*done)(const six_run *, six_tile *, void *));
} six_observer;

/* What calls leave with a model for the caller to read: each a block of memory, or NULL. The code that makes one knows its type. */
typedef enum six_report {
    SIX_REPORT_SUMMARY,        /* char *, see six_summary() */
    SIX_REPORT_TEXT,           /* char *, see six_model_text() */
    SIX_REPORT_WEIGHTS,        /* char *, see files/model.c */
    SIX_REPORT_GRADIENT_CHECK, /* char *, see train/gradient_check.c */
    SIX_REPORT_HISTORY,        /* six_history *, see train/history.h */
    SIX_REPORT_METRICS,        /* six_metrics *, see train/metrics.h */
    SIX_REPORT_METRICS_JSON,   /* char *, the same as text */
    SIX_REPORT_DIAGNOSTICS,    /* six_diagnostic_list *, see train/diagnostics.h */
    SIX_REPORTS
} six_report;

struct six_plan;
struct six_profile;

struct sixnet_model {
    atomic_int references;
    sixnet_context *ctx;
    const six_variant *variant;

    six_node *node;
    six_value *value;
    six_tensor *tensor;
    struct six_setting *setting; /* see tensor_settings.c */
    six_segment *segment;
    int32_t node_count, value_count, tensor_count, setting_count, segment_count;
    size_t node_capacity, value_capacity, tensor_capacity, setting_capacity;
    int32_t *by_name;         /* [node_capacity] the nodes in the order of their names */
    six_numbering *numbering; /* [numbering_count] of the layers that it has */
    int32_t numbering_count;
    size_t by_name_capacity, numbering_capacity;
    int32_t loss;  /* the loss node, or -1 */
    int32_t error; /* of the first failed sixnet_model_add(), and its message */
    char error_message[1024];

    /* From compile on. */
    bool compiled, serial;                        /* serial: has custom layers, which run in the calling thread */
    int32_t input;                                /* the only input node, or -1 if there are several */
    int32_t output;                               /* the value that predict() returns */
    int64_t input_size, output_size, target_size; /* values for one sample; target 0 without a loss */
    void *values, *gradients; /* reals: parameters, then buffers; gradients of the parameters that train */
    int64_t parameters_size, values_size, trained_size; /* parameters; all; those that train */
    void *kept; /* the buffers before the last training pass; if serial, then the gradients before a backward pass */
    atomic_int optimizers; /* that exist: their state is laid out as the gradients, so that what trains cannot change */

    uint64_t version; /* of the tensors' values, see six_tensors_changed() */

    struct six_plan *training, *inference,
        *single;          /* memory for passes so far; NULL before the first; single: for one sample */
    atomic_int cancelled; /* running calls are to stop, see sixnet_model_cancel() */
    enum { SIX_PASS_NONE, SIX_PASS_FORWARD, SIX_PASS_LOSS } pass;
    struct six_profile *profile; /* NULL when off */
    uint64_t step;               /* training passes since the last reset: random layers draw by it */
    void *report[SIX_REPORTS];
};

int32_t six_model_new(sixnet_model **out, sixnet_context *ctx);
sixnet_model *six_model_retain(sixnet_model *net);
/* A compiled model's text, tensors, gradients and counters in a model of its own. */
int32_t six_model_copy(sixnet_model **out, const sixnet_model *net);
void six_model_release(sixnet_model *net);

int32_t six_compile(sixnet_model *net);
/* SIXNET_BAD_STATE unless the model is compiled. */
int32_t six_require_compiled(const sixnet_model *net);
/* Frees the memory of passes after a change that makes it wrong. */
void six_model_forget_plans(sixnet_model *net);
/* Replaces a report by a new one, or by none: NULL. */
void six_model_set_report(sixnet_model *net, six_report which, void *report);
/* What compiling checks: the first error of the build, or a graph that makes no sense; finds the graph's ends. */
int32_t six_check(sixnet_model *net);

/* net_text.c */
int32_t six_model_parse(sixnet_model *net, const char *text);
/* As six_model_parse(), but does not compile. */
int32_t six_model_add_lines(sixnet_model *net, const char *text);

/* node.c: inputs are values as the public API counts them. */
int32_t six_add(sixnet_model *net, const char *spec, const int32_t *inputs, int32_t count, int32_t *node);
/* The same for a line of a net's text: `line` is its number and inputs[0] the node above, which it takes if its layer takes any and it does
 * not say from=. */
int32_t six_node_add(sixnet_model *net, const char *spec, int32_t line, const int32_t *inputs, int32_t count);
/* Frees what the node owns. */
void six_node_free(const sixnet_context *ctx, const six_node *node);

/* names.c */
/* -1 if there is no node of that name. */
int32_t six_node_find(const sixnet_model *net, const char *name);
/* Values in the public API: a node stands for its first output, and output k of it is node + k * SIX_OUTPUT. */
enum { SIX_OUTPUT = 1 << 16 };
/* The value that a public number stands for; -1 if there is none. */
int32_t six_value_find(const sixnet_model *net, int32_t handle);
static inline int32_t six_value_handle(const sixnet_model *net, int32_t value)
{
    return net->value[value].node + net->value[value].output * SIX_OUTPUT;
}
/* The public number of a node's output, by its name or its number in decimal; -1 if it has none of that name. */
int32_t six_output_find(const sixnet_model *net, int32_t node, const char *output);
/* The name of an output: the layer's, or its number. `text` has space for it. Returns text. */
char *six_output_name(const sixnet_model *net, int32_t value, char text[static SIX_PARAM_NAME_MAX]);

static inline const six_shape *six_value_shape(const sixnet_model *net, int32_t value)
{
    return &net->node[net->value[value].node].op->out[net->value[value].output];
}

/* Call after modifying a tensor: invalidates what evaluation computed from it. */
static inline void six_tensors_changed(sixnet_model *net) { net->version++; }

/* The buffers, behind the parameters, and their number. */
static inline void *six_buffers(const sixnet_model *net)
{
    return (char *)net->values + (size_t)net->parameters_size * (size_t)net->variant->real_size;
}

static inline int64_t six_buffers_size(const sixnet_model *net) { return net->values_size - net->parameters_size; }

static inline bool six_cancelled(const sixnet_model *net)
{
    return atomic_load_explicit(&net->cancelled, memory_order_relaxed) != 0;
}

/* tensors.c */
/* Copies count values from one type to another. */
void six_convert(void *to, six_dtype to_type, const void *from, six_dtype from_type, int64_t count);
/* Puts those tensors of a new node into the table for which node->tensor has no entry yet (-1). */
int32_t six_tensors_add(sixnet_model *net, six_node *node);
/* Allocates the values of all tensors and the gradients of those that train. */
int32_t six_tensors_allocate(sixnet_model *net);
/* After `trainable` of a compiled model's tensors changed: new gradients, zero; the plans are freed. */
int32_t six_tensors_retrain(sixnet_model *net);
/* Collects the segments anew after a change of settings. */
void six_tensors_segment(sixnet_model *net);
/* The bytes that they ask the allocator for. */
uint64_t six_tensors_bytes(const sixnet_model *net);
void six_tensors_reset(sixnet_model *net, uint64_t seed);
/* Where a tensor lies in an array that is laid out as the model's values. */
void *six_tensor_at(const sixnet_model *net, void *array, const six_tensor *t);
/* Where its gradient lies; NULL unless it trains. */
void *six_gradient_at(const sixnet_model *net, const six_tensor *t);
/* By its name, or by that of a parameter that shares it. */
const six_tensor *six_tensor_find(const sixnet_model *net, const char *name);
/* Likewise its place in the table, before compiling too; -1 if there is none. */
int32_t six_tensor_index(const sixnet_model *net, const char *name);
int32_t six_digest(const sixnet_model *net, char digest[static 65]);

/* tensor_settings.c */
extern const six_kind six_kind_tensors;
/* Sets trainable, lr_scale and weight_decay of the tensors that a pattern names. SIXNET_NOT_FOUND if it names none; SIXNET_BAD_STATE if
 * `trainable` would change while the model has an optimizer. */
int32_t six_tensors_set(sixnet_model *net, const char *pattern, const char *settings);
/* The same as the attributes of a line of a net's text: match=PATTERN trainable=false */
int32_t six_tensors_parse(sixnet_model *net, const char *attributes);
/* Appends the lines of what was set when the model had that many nodes: a line is about the nodes above it. */
void six_tensors_write(const sixnet_model *net, int32_t nodes, six_text *t);

/* summary.c: new text of the model's context, NULL when memory is out */
char *six_summary(const sixnet_model *net);
char *six_model_text(const sixnet_model *net);
/* One node's line of that text, when it is the number-th. */
char *six_node_text(const sixnet_model *net, const six_node *node, int32_t number);

/* The attributes that every layer has. */
typedef struct six_common {
    char name[SIX_TEXT_MAX], from[SIX_NAMES_MAX], share[SIX_TEXT_MAX];
} six_common;
extern const six_kind six_kind_common;

/* The fault of a tile whose callback returned an error. */
extern const char six_error_callback[];

#endif
