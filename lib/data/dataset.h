/* SPDX-License-Identifier: MIT */
#ifndef SIX_DATA_DATASET_H
#define SIX_DATA_DATASET_H

#include "element.h"
#include "transforms/transform.h"

/* The inputs or the targets of all samples. */
typedef struct six_column {
    six_shape shape; /* of one sample; rank 0 if there are none */
    int64_t size;    /* of one sample, in values */
    const six_element *element;
    const void *data; /* NULL if a function gives them */
    void *memory;     /* to be freed; NULL if data are borrowed */
    double scale;
} six_column;

/* Where samples come from. Counted; never changed once a dataset refers to it. */
typedef struct six_source {
    atomic_int references;
    sixnet_context *ctx;
    int64_t count;
    six_column input, target;
    const six_values *values[SIX_SIDES]; /* the types that transforms work in */
    sixnet_sample_fn fn;                 /* of samples that a function gives, or fn_f64; else both are NULL */
    sixnet_sample_f64_fn fn_f64;
    void *user;
    char **class_name; /* of folders of images, in the order of their labels; NULL without */
    int64_t classes;
} six_source;

enum { SIX_MAX_STAGES = 32, SIX_MAX_MIXES = 4 };

/* A choice of a source's samples, with transforms. Counted. */
struct sixnet_dataset {
    atomic_int references;
    six_source *source;
    int64_t *order; /* the samples' numbers in the source; NULL for all in their order */
    int64_t size;
    int32_t nsteps;
    six_pipeline_stage *stages[SIX_MAX_STAGES];
    bool out_of_place;         /* a step is */
    int32_t uses_partner;      /* the steps that do */
    int64_t widest[SIX_SIDES]; /* values on the way */
    int64_t workspace_size;    /* bytes that the step with the greatest need takes besides */
};

/* ---- sources.c ---- */

extern const six_kind six_kind_dataset_from_arrays, six_kind_dataset_from_callback;

int32_t six_dataset_from_idx(sixnet_dataset **out, sixnet_context *ctx, const char *images, const char *labels);
int32_t six_dataset_from_arrays(sixnet_dataset **out, sixnet_context *ctx, const char *spec, const void *inputs,
                                const void *targets, int64_t n);
int32_t six_dataset_from_callback(sixnet_dataset **out, sixnet_context *ctx, const char *spec, int64_t n,
                                  sixnet_sample_fn fn, void *user);

int32_t six_dataset_from_callback_f64(sixnet_dataset **out, sixnet_context *ctx, const char *spec, int64_t n,
                                      sixnet_sample_f64_fn fn, void *user);

/* A source without samples, for the makers of datasets; and the end of one: makes the dataset if the source was filled well, and gives up the
 * source in any case. */
int32_t six_source_new(six_source **out, sixnet_context *ctx, int64_t count);
int32_t six_source_finish(sixnet_dataset **out, six_source *source, int32_t status);

/* Reads one sample's sides, either of which may be NULL, as values of the types; a function's as the source's own. */
int32_t six_source_read(const six_source *source, int64_t index, const six_values *const types[SIX_SIDES],
                        void *const sides[SIX_SIDES]);
six_source *six_source_retain(six_source *source);
void six_source_release(six_source *source);

/* ---- open.c ---- */

extern const six_kind six_kind_dataset_open;

int32_t six_dataset_open(sixnet_dataset **out, sixnet_context *ctx, const char *path, const char *spec);

/* ---- dataset.c ---- */

/* Holds the source. */
int32_t six_dataset_new(sixnet_dataset **out, six_source *source);
sixnet_dataset *six_dataset_retain(sixnet_dataset *ds);
void six_dataset_free(sixnet_dataset *ds);

int32_t six_dataset_add_transform(sixnet_dataset *ds, const char *spec);
int32_t six_dataset_add_stage(sixnet_dataset *ds, const six_transform *transform, const char *attrs);

sixnet_context *six_dataset_context(const sixnet_dataset *ds);
int64_t six_dataset_size(const sixnet_dataset *ds);
bool six_dataset_has_targets(const sixnet_dataset *ds);
const six_shape *six_dataset_input_shape(const sixnet_dataset *ds);
const six_shape *six_dataset_target_shape(const sixnet_dataset *ds); /* of rank 0 without targets */
int32_t six_dataset_shape(const sixnet_dataset *ds, int64_t *dims, int32_t *rank, int64_t *target_dims,
                          int32_t *target_rank);

/* The name of a class, NULL if there is none. */
const char *six_dataset_class_name(const sixnet_dataset *ds, int64_t index);

/* Whether a callback produces the samples; it is called in the thread that reads. */
bool six_dataset_calls(const sixnet_dataset *ds);
/* The number that the source has a sample under. */
int64_t six_dataset_number(const sixnet_dataset *ds, int64_t index);
/* Says that a sample will be read soon, so that the processor may fetch it meanwhile. */
void six_dataset_expect(const sixnet_dataset *ds, int64_t index);

/* SIXNET_BAD_DATA, with a message that names sample and label, if a target is not a whole number from 0 to classes - 1, or transforms
 * make something else of the targets. Functions' samples are not asked for. */
int32_t six_dataset_check_classes(const sixnet_dataset *ds, int64_t classes);

/* The same if a target has a value that is not from 0 to 1, or, with classes above 0, if the values of a position, one for each class, do
 * not add up to 1. Targets that a transform has made probabilities are. */
int32_t six_dataset_check_shares(const sixnet_dataset *ds, int64_t classes);

/* The same for n labels of a sample. */
int32_t six_data_check_labels(const six_values *type, const void *labels, int64_t n, int64_t classes, int64_t sample);

/* Random numbers of one purpose in one epoch. */
enum { SIX_DATA_SPLIT = 1, SIX_DATA_ORDER = 2, SIX_DATA_STAGE = 16 /* and up, by the step's place */ };
six_stream six_data_stream(uint64_t seed, uint32_t purpose, uint64_t epoch, uint64_t stream);
/* Fills order with 0 to n - 1, mixed. */
void six_data_shuffle(int64_t *order, int64_t n, six_stream random);
/* Memory for n samples of `size` units of so many bytes; NULL, with the status message set, if there is none. */
void *six_data_alloc(const sixnet_context *ctx, int64_t n, int64_t size, size_t unit);

/* ---- split.c ---- */

extern const six_kind six_kind_dataset_split;
int32_t six_dataset_split(sixnet_dataset **first, sixnet_dataset **second, sixnet_dataset *ds, const char *spec);

/* ---- classes.c ---- */

/* The samples of a dataset by class, which is the whole number that a sample has as its target before transforms. */
typedef struct six_classes {
    int64_t *sample; /* [size] of the dataset, one class after another */
    int64_t *first;  /* [count + 1] the place of each class's first, and the size */
    int64_t count;
} six_classes;

/* Samples of one class are in the order in which `order` has them, or in their own if that is NULL. Asks a callback for all
 * samples. SIXNET_BAD_DATA if a target is no class number; the message names the option that needs one. */
int32_t six_classes_new(six_classes *c, const sixnet_dataset *ds, const int64_t *order, const char *option);
void six_classes_free(six_classes *c, const sixnet_dataset *ds);
/* Fills an order of n samples in which all classes come equally often, within one: each sample of a class comes once before any of it comes
 * again. */
void six_classes_balance(const six_classes *c, int64_t *order, int64_t n, six_stream random);

/* ---- fingerprint.c ---- */

/* A hash of all samples in their order, before transforms; 0 where a function gives them. */
int32_t six_dataset_hash(uint64_t *hash, const sixnet_dataset *ds);
/* Appends the transforms as text. */
void six_dataset_transforms(const sixnet_dataset *ds, six_text *t);

/* ---- pipeline.c ---- */

int32_t six_dataset_get_sample(const sixnet_dataset *ds, int64_t index, six_dtype dtype, void *input, void *target);
/* The bytes of memory, aligned for vectors, that six_dataset_read() needs. */
int64_t six_dataset_workspace(const sixnet_dataset *ds, six_dtype dtype);
/* The one way out for samples, as values of a type. Those of 64 bits, and all in a context of dtype f64, are scaled and transformed in
 * double and rounded at the end, if at all. epoch is for transforms at random. index is in range; input and target may be NULL. Fails only where a
 * function gives the samples. */
int32_t six_dataset_read(const sixnet_dataset *ds, int64_t index, uint64_t epoch, six_dtype dtype, void *input,
                         void *target, void *workspace);

#endif
