/* SPDX-License-Identifier: MIT */
/* A sample's way from its source through the transforms, and that of those it is mixed with. */
#include <inttypes.h>
#include <string.h>

#include "base/status.h"
#include "dataset.h"

/* Where the sides of a sample are, NULL for one that is not wanted, and where steps that are apart put them by turns. */
typedef struct sample_buffers {
    void *at[SIX_SIDES], *other[SIX_SIDES];
} sample_buffers;

typedef struct reading {
    const sixnet_dataset *ds;
    uint64_t epoch;
    const six_values *types[SIX_SIDES]; /* of the sides on their way */
    void *workspace_size;               /* of one step after the other */
} reading;

/* ---- the types ---- */

/* Samples from memory that no step changes come as they are wanted. */
static bool unchanged(const sixnet_dataset *ds) { return ds->nsteps == 0 && !six_dataset_calls(ds); }

/* The type in which a side is on its way. */
static const six_values *type_of(const sixnet_dataset *ds, int32_t side, six_dtype wanted)
{
    return unchanged(ds) ? &six_values_of[wanted] : ds->source->values[side];
}

/* Whether samples can be worked on where they are wanted. */
static bool in_place(const sixnet_dataset *ds, six_dtype wanted)
{
    for (int32_t side = 0; side < SIX_SIDES; side++)
        if (type_of(ds, side, wanted)->dtype != wanted)
            return false;
    return !ds->out_of_place && ds->uses_partner == 0;
}

/* ---- the workspace: that of the stages; then the buffers of the sample, of its partner, and so on ---- */

/* So that all begin where vectors do. */
static int64_t whole_lines(int64_t bytes) { return (bytes + SIX_ALIGNMENT - 1) / SIX_ALIGNMENT * SIX_ALIGNMENT; }

static int64_t side_room(const sixnet_dataset *ds, int32_t side)
{
    return whole_lines(ds->widest[side] * (int64_t)ds->source->values[side]->size);
}

static int64_t buffers_size(const sixnet_dataset *ds)
{
    return 2 * (side_room(ds, SIX_INPUT) + side_room(ds, SIX_TARGET));
}

int64_t six_dataset_workspace(const sixnet_dataset *ds, six_dtype dtype)
{
    return whole_lines(ds->workspace_size) + (in_place(ds, dtype) ? 0 : (ds->uses_partner + 1) * buffers_size(ds));
}

/* Buffers in the workspace for the sides that are requested. */
static sample_buffers lay_out(const sixnet_dataset *ds, void *const wanted[SIX_SIDES], char *workspace)
{
    sample_buffers p = {{NULL}, {NULL}};
    for (int32_t side = 0; side < SIX_SIDES; side++) {
        const int64_t workspace_size = side_room(ds, side);
        if (wanted[side]) {
            p.at[side] = workspace;
            p.other[side] = workspace + workspace_size;
        }
        workspace += 2 * workspace_size;
    }
    return p;
}

/* ---- steps ---- */

static void take_side(const six_pipeline_stage *stage, six_transform_call *call, int32_t side, sample_buffers *p,
                      const sample_buffers *partner)
{
    void *from = p->at[side];
    if (stage->transform->out_of_place) {
        p->at[side] = p->other[side];
        p->other[side] = from;
    }
    call->in = &stage->in.shape[side];
    call->out = &stage->out.shape[side];
    call->values = stage->in.values[side];
    call->from = from;
    call->to = p->at[side];
    call->partner = partner->at[side];
    stage->transform->apply[side](call);
}

static int32_t pass(const reading *r, int64_t number, int32_t stages, sample_buffers *p, char *workspace);

static int32_t take_stage(const reading *r, int64_t number, int32_t k, sample_buffers *p, char *workspace)
{
    const sixnet_dataset *ds = r->ds;
    const six_pipeline_stage *stage = ds->stages[k];
    six_transform_call call = {.attrs = stage->attrs, .workspace_size = r->workspace_size};
    sample_buffers partner = {{NULL}, {NULL}};
    int32_t status = SIXNET_OK;
    if (stage->transform->random)
        call.random = six_data_stream(ds->source->ctx->seed, SIX_DATA_STAGE + (uint32_t)k, r->epoch, (uint64_t)number);
    if (stage->transform->uses_partner) {
        const int64_t other = six_dataset_number(ds, (int64_t)six_stream_below(&call.random, (uint64_t)ds->size));
        partner = lay_out(ds, p->at, workspace);
        status = pass(r, other, k, &partner, workspace + buffers_size(ds));
    }
    if (!status && stage->classes > 0 && six_dataset_calls(ds) && p->at[SIX_TARGET])
        status = six_data_check_labels(stage->in.values[SIX_TARGET], p->at[SIX_TARGET],
                                       six_shape_size(&stage->in.shape[SIX_TARGET]), stage->classes, number);
    for (int32_t side = 0; side < SIX_SIDES && !status; side++)
        if (p->at[side] && stage->transform->apply[side])
            take_side(stage, &call, side, p, &partner);
    return status;
}

/* Reads a sample and takes the first steps with it. */
static int32_t pass(const reading *r, int64_t number, int32_t stages, sample_buffers *p, char *workspace)
{
    int32_t status = six_source_read(r->ds->source, number, r->types, p->at);
    for (int32_t k = 0; k < stages && !status; k++)
        status = take_stage(r, number, k, p, workspace);
    return status;
}

/* ---- samples ---- */

/* Copies n values, of the other type if they are of one. */
static void hand_over(const six_values *type, const void *from, six_dtype wanted, void *to, int64_t n)
{
    if (type->dtype == wanted)
        memcpy(to, from, (size_t)n * type->size);
    else
        six_elements[type->dtype == SIX_F64 ? SIX_ELEMENT_F64 : SIX_ELEMENT_F32].read[wanted](from, n, 1.0, to);
}

int32_t six_dataset_read(const sixnet_dataset *ds, int64_t index, uint64_t epoch, six_dtype dtype, void *input,
                         void *target, void *workspace)
{
    const reading r = {ds, epoch, {type_of(ds, SIX_INPUT, dtype), type_of(ds, SIX_TARGET, dtype)}, workspace};
    void *const wanted[SIX_SIDES] = {input, six_dataset_has_targets(ds) ? target : NULL};
    if (unchanged(ds))
        return six_source_read(ds->source, six_dataset_number(ds, index), r.types, wanted);
    const six_shape *shapes[SIX_SIDES] = {six_dataset_input_shape(ds), six_dataset_target_shape(ds)};
    sample_buffers p = {{wanted[SIX_INPUT], wanted[SIX_TARGET]}, {NULL}};
    char *at = (char *)workspace + whole_lines(ds->workspace_size);
    if (!in_place(ds, dtype)) {
        p = lay_out(ds, wanted, at);
        at += buffers_size(ds);
    }
    int32_t status = pass(&r, six_dataset_number(ds, index), ds->nsteps, &p, at);
    for (int32_t side = 0; side < SIX_SIDES && !status; side++)
        if (p.at[side] != wanted[side])
            hand_over(r.types[side], p.at[side], dtype, wanted[side], six_shape_size(shapes[side]));
    return status;
}

int32_t six_dataset_get_sample(const sixnet_dataset *ds, int64_t index, six_dtype dtype, void *input, void *target)
{
    if (index < 0 || index >= ds->size)
        return six_fail(SIXNET_INVALID_ARGUMENT, "index=%" PRId64 " is out of range 0 to %" PRId64, index,
                        ds->size - 1);
    const int64_t workspace_size = six_dataset_workspace(ds, dtype);
    char none[1], *workspace = workspace_size > 0 ? six_data_alloc(ds->source->ctx, 1, workspace_size, 1) : none;
    if (!workspace)
        return SIXNET_OUT_OF_MEMORY;
    int32_t status = six_dataset_read(ds, index, 0, dtype, input, target, workspace);
    if (workspace != none)
        six_free(ds->source->ctx, workspace);
    return status;
}
