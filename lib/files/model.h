/* SPDX-License-Identifier: MIT */
#ifndef SIX_FILES_MODEL_H
#define SIX_FILES_MODEL_H

/* A model as a safetensors file: its tensors under their names and, as pairs of strings, "sixnet.net" (its text),
 * "sixnet.format", "sixnet.version" and "sixnet.checksum". */

#include "base/spec.h"
#include "files/safetensors.h"
#include "files/safetensors_write.h"
#include "graph/graph.h"

typedef struct six_save_options {
    int32_t sync;
} six_save_options;

typedef struct six_load_options {
    int64_t max_bytes;
    int32_t checksum, check_values, strict;
} six_load_options;

extern const six_kind six_kind_model_save, six_kind_model_load, six_kind_model_load_weights;

/* ---- writing ---- */

enum {
    SIX_RECORD_NOTES = 8
}; /* format, sixnet.format, .version, .net; of a run .run, .optimizer, .schedule, .settings */

/* The contents of a file: a model and, for a checkpoint, more. */
typedef struct six_record {
    six_st_content content;
    six_st_item *item;
    six_st_note note[SIX_RECORD_NOTES];
    char *text;
} six_record;

/* The model, with these values instead of its own, after `extras` items of another's; none may change while the record lives. */
int32_t six_record_begin(six_record *r, const sixnet_model *net, const void *values, const six_st_item *extra,
                         size_t extras);
void six_record_note(six_record *r, const char *key, const char *value);
void six_record_end(six_record *r);

/* ---- reading ---- */

/* Whether the file is one that this version reads and, if asked, undamaged. */
int32_t six_model_verify(const six_safetensors *s, bool checksum);

/* A new model. */
int32_t six_model_load(sixnet_model **out, sixnet_context *ctx, six_safetensors *s, const six_load_options *o);
/* Tensors for a model that exists; its report is set whether it succeeds or not. */
int32_t six_model_load_weights(sixnet_model *net, six_safetensors *s, const six_load_options *o);

#endif
