/* SPDX-License-Identifier: MIT */
/* A sample's way from its source through the transforms, and that of those it is mixed with. */
#include <inttypes.h>
#include <string.h>

#include "base/status.h"
#include "dataset.h"

/* Where the sides of a sample are, NULL for one that is not wanted, and where steps that are apart put them by turns. */
typedef struct passage {
    float *at[SIX_SIDES], *other[SIX_SIDES];
} passage;

typedef struct reading {
    const sixnet_dataset *ds;
    uint64_t epoch;
    float *room; /* of one step after the other */
} reading;

/* ---- the workspace: the room of the steps; then passages, of the sample, of the one that it is mixed with, and so on ---- */

/* So that all begin where vectors do. */
static int64_t whole_lines(int64_t floats)
{
    const int64_t line = SIX_ALIGNMENT / sizeof(float);
    return (floats + line - 1) / line * line;
}

static int64_t passage_room(const sixnet_dataset *ds)
{
    return 2 * (whole_lines(ds->widest[SIX_INPUT]) + whole_lines(ds->widest[SIX_TARGET]));
}

/* Whether samples can be worked on where they are wanted. */
static bool in_place(const sixnet_dataset *ds)
{
    return !ds->apart && ds->mixes == 0;
}

int64_t six_dataset_workspace(const sixnet_dataset *ds)
{
    return whole_lines(ds->room) + (in_place(ds) ? 0 : (ds->mixes + 1) * passage_room(ds));
}

/* A passage in the workspace, of the sides that are wanted. */
static passage lay_out(const sixnet_dataset *ds, float *const wanted[SIX_SIDES], float *workspace)
{
    passage p = {{NULL}, {NULL}};
    for (int32_t side = 0; side < SIX_SIDES; side++) {
        const int64_t room = whole_lines(ds->widest[side]);
        if (wanted[side]) {
            p.at[side] = workspace;
            p.other[side] = workspace + room;
        }
        workspace += 2 * room;
    }
    return p;
}

/* ---- steps ---- */

static void take_side(const six_step *step, six_transform_call *call, int32_t side, passage *p, const passage *partner)
{
    float *from = p->at[side];
    if (step->transform->apart) {
        p->at[side] = p->other[side];
        p->other[side] = from;
    }
    call->in = &step->in.shape[side];
    call->out = &step->out.shape[side];
    call->from = from;
    call->to = p->at[side];
    call->partner = partner->at[side];
    step->transform->apply[side](call);
}

static int32_t pass(const reading *r, int64_t number, int32_t steps, passage *p, float *workspace);

static int32_t take_step(const reading *r, int64_t number, int32_t k, passage *p, float *workspace)
{
    const sixnet_dataset *ds = r->ds;
    const six_step *step = ds->steps[k];
    six_transform_call call = {.attrs = step->attrs, .room = r->room};
    passage partner = {{NULL}, {NULL}};
    int32_t status = SIXNET_OK;
    if (step->transform->random)
        call.random = six_data_stream(ds->source->ctx->seed, SIX_DATA_STEP + (uint32_t)k, r->epoch, (uint64_t)number);
    if (step->transform->mixes) {
        const int64_t other = six_dataset_number(ds, (int64_t)six_stream_below(&call.random, (uint64_t)ds->size));
        partner = lay_out(ds, p->at, workspace);
        status = pass(r, other, k, &partner, workspace + passage_room(ds));
    }
    if (status == SIXNET_OK && step->classes > 0 && six_dataset_calls(ds) && p->at[SIX_TARGET])
        status = six_data_check_labels(p->at[SIX_TARGET], six_shape_size(&step->in.shape[SIX_TARGET]), step->classes, number);
    for (int32_t side = 0; side < SIX_SIDES && status == SIXNET_OK; side++)
        if (p->at[side] && step->transform->apply[side])
            take_side(step, &call, side, p, &partner);
    return status;
}

/* Reads a sample and takes the first steps with it. */
static int32_t pass(const reading *r, int64_t number, int32_t steps, passage *p, float *workspace)
{
    int32_t status = six_source_read(r->ds->source, number, p->at[SIX_INPUT], p->at[SIX_TARGET]);
    for (int32_t k = 0; k < steps && status == SIXNET_OK; k++)
        status = take_step(r, number, k, p, workspace);
    return status;
}

/* ---- samples ---- */

int32_t six_dataset_read(const sixnet_dataset *ds, int64_t index, uint64_t epoch, float *input, float *target, float *workspace)
{
    const reading r = {ds, epoch, workspace};
    const six_shape *shapes[SIX_SIDES] = {six_dataset_input_shape(ds), six_dataset_target_shape(ds)};
    float *const wanted[SIX_SIDES] = {input, six_dataset_has_targets(ds) ? target : NULL};
    passage p = {{wanted[SIX_INPUT], wanted[SIX_TARGET]}, {NULL}};
    workspace += whole_lines(ds->room);
    if (!in_place(ds)) {
        p = lay_out(ds, wanted, workspace);
        workspace += passage_room(ds);
    }
    int32_t status = pass(&r, six_dataset_number(ds, index), ds->nsteps, &p, workspace);
    for (int32_t side = 0; side < SIX_SIDES && status == SIXNET_OK; side++)
        if (p.at[side] != wanted[side])
            memcpy(wanted[side], p.at[side], (size_t)six_shape_size(shapes[side]) * sizeof *wanted[side]);
    return status;
}

int32_t six_dataset_get(const sixnet_dataset *ds, int64_t index, float *input, float *target)
{
    if (index < 0 || index >= ds->size)
        return six_fail(SIXNET_INVALID_ARGUMENT, "index=%" PRId64 " is not from 0 to %" PRId64, index, ds->size - 1);
    const int64_t room = six_dataset_workspace(ds);
    float none[1], *workspace = room > 0 ? six_data_floats(ds->source->ctx, 1, room) : none;
    if (!workspace)
        return SIXNET_OUT_OF_MEMORY;
    int32_t status = six_dataset_read(ds, index, 0, input, target, workspace);
    if (workspace != none)
        six_free(ds->source->ctx, workspace);
    return status;
}
