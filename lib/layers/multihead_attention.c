/* SPDX-License-Identifier: MIT */

/* Multi-head attention (Vaswani et al. 2017). As torch.nn.MultiheadAttention for equal sizes of query, key and value, without the
 * averaged weights as a second output. With q = x_q W_q^T + b_q, k and v likewise and for each head, a slice of columns,
 *
 *     p = softmax(q k^T / sqrt(columns))    z = dropout(p) v    y = z W_o^T + b_o
 *
 * over the keys that a query may see: those within the sample's length, and if causal none after its own place. A query
 * that sees no key gets z = 0. Backward computes p again, so that the weights of only one head of one tile exist at a time:
 *
 *     dp = dropout(dz v^T)    ds = p (dp - the sum over keys of p dp) / sqrt(columns)
 *     dq = ds k    dk = ds^T q    dv = dropout(p)^T dz */

#include <math.h>

#include "base/status.h"
#include "layers/attention_places.h"
#include "simd/lane_math.h"

static const six_attr attrs[] = {
    {"num_heads", SIX_INT, offsetof(six_attention, num_heads), 1, 65536, NULL, NULL,
     "heads, of which each takes an equal share of the features"},
    {"dropout", SIX_FLOAT, offsetof(six_attention, dropout), 0, 1, "0", NULL,
     "in training, the probability with which a weight becomes 0"},
    {"bias", SIX_BOOL, offsetof(six_attention, bias), 0, 1, "true", NULL, "whether the four products have biases"},
    {"causal", SIX_BOOL, offsetof(six_attention, causal), 0, 1, "false", NULL,
     "whether a place sees none of the keys after it"},
    {.name = NULL},
};

static int32_t check_inputs(const six_op *op)
{
    const int32_t sequences = six_attention_sequences(op), lengths = six_lengths_input(op);
    char first[160], other[160];
    six_shape_text(&op->in[0], first);
    if (op->in[0].rank != 2)
        return six_fail(SIXNET_BAD_SHAPE, "%s: the input %s is not a sequence TxF", op->name, first);
    if (sequences > 3 || (lengths >= 0 && lengths != sequences))
        return six_fail(SIXNET_BAD_SHAPE, "%s: takes query, key and value, and at the end lengths of shape 1",
                        op->name);
    for (int32_t i = 1; i < sequences; i++)
        if (op->in[i].rank != 2 || op->in[i].dim[1] != op->in[0].dim[1] || op->in[i].dim[0] != op->in[1].dim[0])
            return six_fail(SIXNET_BAD_SHAPE,
                            "%s: input %s does not fit the query %s: features must be equal, and places of key and "
                            "value too",
                            op->name, six_shape_text(&op->in[i], other), first);
    return SIXNET_OK;
}

static int32_t setup(six_op *op)
{
    const six_attention *a = op->attr;
    int32_t status = six_lengths_setup(op);
    if (!status)
        status = check_inputs(op);
    if (status)
        return status;
    const int64_t features = op->in[0].dim[1];
    const double in_bound = sqrt(6.0 / (double)(4 * features)), out_bound = 1 / sqrt((double)features);
    const six_param params[] = {
        {"in_proj_weight", {2, {3 * features, features}}, true, six_init_uniform(-in_bound, in_bound)},
        {"in_proj_bias", {1, {3 * features}}, true, six_init_constant(0)},
        {"out_proj.weight", {2, {features, features}}, true, six_init_uniform(-out_bound, out_bound)},
        {"out_proj.bias", {1, {features}}, true, six_init_constant(0)},
    };
    const six_param unbiased[] = {params[0], params[2]};
    const six_shape scores = {2, {op->in[0].dim[0], op->in[six_attention_sequences(op) > 1 ? 1 : 0].dim[0]}};
    if (features % a->num_heads)
        return six_fail(SIXNET_BAD_SHAPE, "%s: %lld features are not a multiple of num_heads, %lld", op->name,
                        (long long)features, (long long)a->num_heads);
    if (!six_shape_fits(&scores) || features > 1 << 24 || !six_shape_fits(&params[0].shape))
        return six_fail(SIXNET_TOO_LARGE, "%s: the sequences or their features are too many", op->name);
    op->out[0] = op->in[0];
    return a->bias ? six_op_add_params(op, params, 4) : six_op_add_params(op, unbiased, 2);
}

static int64_t blocks_of(const six_attention_sizes *s)
{
    return (s->features + SIX_ATTENTION_PART - 1) / SIX_ATTENTION_PART;
}
static int64_t packed_size(const six_attention_sizes *s)
{
    return six_matrix_packed_size(s->features, s->features) + SIX_LANES;
}

static void memory_reqs(const six_run *run, six_memory_reqs *n)
{
    const six_attention_sizes s = six_attention_sizes_of(run);
    n->saved = six_attention_places_of(&s).end * (int64_t)sizeof(real);
    n->scratch = six_attention_workspace_of(&s).end * (int64_t)sizeof(real);
    if (six_attention_packs(&s))
        n->shared = SIX_ATTENTION_PROJECTIONS * packed_size(&s) * (int64_t)sizeof(real);
    n->parts = (int32_t)(SIX_ATTENTION_PROJECTIONS * blocks_of(&s));
}

/* ---- products ---- */

static real *weight_of(const six_attention_sizes *s, real *const *tensor, int projection)
{
    real *w = tensor[projection == SIX_ATTENTION_OUTPUT ? (s->attr->bias ? 2 : 1) : 0];
    return w && projection < SIX_ATTENTION_OUTPUT ? w + projection * s->features * s->features : w;
}

static real *bias_of(const six_attention_sizes *s, real *const *tensor, int projection)
{
    real *b = s->attr->bias ? tensor[projection == SIX_ATTENTION_OUTPUT ? 3 : 1] : NULL;
    return b && projection < SIX_ATTENTION_OUTPUT ? b + projection * s->features : b;
}

static six_matmul product_of(const six_attention_sizes *s, int projection)
{
    return (six_matmul){.rows = six_attention_rows(s, projection), .in = s->features, .out = s->features};
}

static __attribute__((noinline)) void project(const six_attention_sizes *s, int projection, const real *x, real *y,
                                              real *scratch)
{
    const six_matmul m = product_of(s, projection);
    const real *b = bias_of(s, s->run->value, projection);
    if (six_attention_packs(s))
        six_matmul_one(six_matrix_of(x, m.rows, m.in),
                       six_matrix_packed((real *)s->run->shared + projection * packed_size(s), m.in, m.out), b, y,
                       scratch + six_attention_workspace_of(s).product);
    else
        six_matmul_y(&m, x, weight_of(s, s->run->value, projection), b, y);
}

static int32_t begin_forward(six_run *run, six_tile *tiles)
{
    const six_attention_sizes s = six_attention_sizes_of(run);
    (void)tiles;
    for (int i = 0; six_attention_packs(&s) && i < SIX_ATTENTION_PROJECTIONS; i++)
        six_matrix_pack(six_matrix_transposed(six_matrix_of(weight_of(&s, run->value, i), s.features, s.features)),
                        (real *)run->shared + i * packed_size(&s));
    return SIXNET_OK;
}

/* A head's columns of [rows][features]. */
static six_matrix head_of(const six_attention_sizes *s, const real *x, int64_t rows, int64_t head)
{
    return (six_matrix){x + head * s->head * s->lanes, rows, s->head, s->features, 1};
}

/* ---- weights ---- */

/* p = softmax(p * scale) over `count` keys of one query, but 0 for those beyond the lengths; [keys][lanes]. */
static void softmax_lanes(real *p, int64_t count, real scale, const real *lengths)
{
    for (int part = 0; part < SIX_LANES; part += SIX_WIDTH) {
        const vec length = six_load(lengths + part);
        vec most = six_set(-SIX_INFINITY), sum = {0};
        for (int64_t k = 0; k < count; k++) {
            const vec s = six_load(p + k * SIX_LANES + part) * scale;
            most = six_select(six_greater(length, six_set((real)k)), six_max(s, most), most);
        }
        for (int64_t k = 0; k < count; k++) {
            const vec e = six_exp(six_load(p + k * SIX_LANES + part) * scale - most);
            const vec seen = six_select(six_greater(length, six_set((real)k)), e, (vec){0});
            six_store(p + k * SIX_LANES + part, seen);
            sum += seen;
        }
        const vec factor = six_select((ivec)(sum == 0), (vec){0}, 1 / sum);
        for (int64_t k = 0; k < count; k++)
            six_store(p + k * SIX_LANES + part, six_load(p + k * SIX_LANES + part) * factor);
    }
}

/* The same of one sample without lanes, bit-identical; the length is in the count. */
static void softmax_one(real *p, int64_t count, real scale)
{
    real most = -SIX_INFINITY, sum = 0;
    for (int64_t k = 0; k < count; k++) {
        const real s = p[k] * scale;
        most = s > most ? s : most;
    }
    for (int64_t k = 0; k < count; k += SIX_WIDTH)
        six_store_first(p + k, six_exp(six_load(p + k) * scale - most), count - k);
    for (int64_t k = 0; k < count; k++)
        sum += p[k];
    const real factor = sum == 0 ? 0 : 1 / sum;
    for (int64_t k = 0; k < count; k++)
        p[k] *= factor;
}

/* p of a head. */
static __attribute__((noinline)) void compute_weights(const six_attention_sizes *s, const real *q, const real *k,
                                                      int64_t head, const real *lengths, real *p, real *scratch)
{
    const six_matrix a = head_of(s, q, s->queries, head), b = six_matrix_transposed(head_of(s, k, s->keys, head));
    const real scale = 1 / (real)sqrt((double)s->head);
    if (s->lanes == 1) {
        six_matmul_one(a, b, NULL, p, scratch + six_attention_workspace_of(s).product);
    } else {
        memset(p, 0, (size_t)(s->queries * s->keys * s->lanes) * sizeof *p);
        six_matmul_values(a, b, p);
    }
    for (int64_t i = 0; i < s->queries; i++, p += s->keys * s->lanes) {
        int64_t count = s->attr->causal && i + 1 < s->keys ? i + 1 : s->keys;
        if (s->lanes == 1)
            count = lengths[0] < (real)count ? (int64_t)lengths[0] : count;
        memset(p + count * s->lanes, 0, (size_t)((s->keys - count) * s->lanes) * sizeof *p);
        if (s->lanes == 1)
            softmax_one(p, count, scale);
        else
            softmax_lanes(p, count, scale, lengths);
    }
}

/* ---- forward ---- */

static void keep(const six_attention_sizes *s, const six_attention_places *at, int projection, const real *x,
                 real *saved)
{
    const six_matmul m = product_of(s, projection);
    const bool again = projection > SIX_ATTENTION_QUERY && projection < SIX_ATTENTION_OUTPUT &&
                       at->x[projection] == at->x[projection - 1];
    if (s->run->trains && !again)
        six_matmul_xt(&m, x, saved + at->x[projection]);
}

/* z of a head, for which values hold zeros with lanes. */
static void weigh(const six_attention_sizes *s, const real *p, const real *v, int64_t head, real *z, real *scratch)
{
    const six_matrix a = six_matrix_of(p, s->queries, s->keys), b = head_of(s, v, s->keys, head);
    real *to = z + head * s->head * s->lanes;
    if (s->lanes > 1) {
        six_matmul_values_to(a, b, to, s->features);
        return;
    }
    const six_attention_workspace w = six_attention_workspace_of(s);
    six_matmul_one(a, b, NULL, scratch + w.gradient, scratch + w.product);
    for (int64_t i = 0; i < s->queries; i++)
        memcpy(to + i * s->features, scratch + w.gradient + i * s->head, (size_t)s->head * sizeof *z);
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_attention_sizes s = six_attention_sizes_of(run);
    const six_attention_places at = six_attention_places_of(&s);
    const six_attention_workspace w = six_attention_workspace_of(&s);
    real *saved = tile->saved, *memory = scratch, *lengths = saved + at.lengths,
         *z = saved + at.value[SIX_ATTENTION_OUTPUT];
    six_lengths_read(run, tile, s.lengths, s.keys, lengths);
    for (int i = 0; i < SIX_ATTENTION_OUTPUT; i++) {
        project(&s, i, tile->x[s.input[i]], saved + at.value[i], memory);
        keep(&s, &at, i, tile->x[s.input[i]], saved);
    }
    memset(z, 0, (size_t)(s.queries * s.features * s.lanes) * sizeof *z);
    for (int64_t h = 0; h < s.attr->num_heads; h++) {
        compute_weights(&s, saved + at.value[SIX_ATTENTION_QUERY], saved + at.value[SIX_ATTENTION_KEY], h, lengths,
                        memory + w.weights, memory);
        if (six_attention_drops(&s))
            six_drop(run, tile, (uint32_t)h, s.attr->dropout, memory + w.weights, memory + w.dropped,
                     s.queries * s.keys, (uint16_t *)(memory + w.bits));
        weigh(&s, memory + w.dropped, saved + at.value[SIX_ATTENTION_VALUE], h, z, memory);
    }
    project(&s, SIX_ATTENTION_OUTPUT, z, tile->y[0], memory);
    keep(&s, &at, SIX_ATTENTION_OUTPUT, z, saved);
}

/* ---- backward ---- */

/* dp = p (dp - the sum over keys of p dp) * scale */
static void softmax_back(const six_attention_sizes *s, const real *p, real *dp)
{
    const vec scale = six_set(1 / (real)sqrt((double)s->head));
    for (int64_t i = 0; i < s->queries * SIX_LANES; i += SIX_WIDTH) {
        const int64_t first = i / SIX_LANES * s->keys * SIX_LANES + i % SIX_LANES;
        vec sum = {0};
        for (int64_t k = first; k < first + s->keys * SIX_LANES; k += SIX_LANES)
            sum = six_fma(six_load(p + k), six_load(dp + k), sum);
        for (int64_t k = first; k < first + s->keys * SIX_LANES; k += SIX_LANES)
            six_store(dp + k, six_load(p + k) * (six_load(dp + k) - sum) * scale);
    }
}

/* Adds a head's part to dq, dk and dv. */
static void head_backward(const six_attention_sizes *s, const six_tile *tile, const six_attention_places *at,
                          int64_t head, real *memory)
{
    const six_attention_workspace w = six_attention_workspace_of(s);
    const int64_t scores = s->queries * s->keys, column = head * s->head * SIX_LANES;
    real *saved = tile->saved, *p = memory + w.weights, *dp = memory + w.gradient, *dropped = memory + w.dropped;
    const six_matrix q = head_of(s, saved + at->value[SIX_ATTENTION_QUERY], s->queries, head),
                     k = head_of(s, saved + at->value[SIX_ATTENTION_KEY], s->keys, head),
                     v = head_of(s, saved + at->value[SIX_ATTENTION_VALUE], s->keys, head),
                     dz = head_of(s, memory + w.dz, s->queries, head), ds = six_matrix_of(dp, s->queries, s->keys);
    compute_weights(s, saved + at->value[SIX_ATTENTION_QUERY], saved + at->value[SIX_ATTENTION_KEY], head,
                    saved + at->lengths, p, memory);
    memset(dp, 0, (size_t)(scores * SIX_LANES) * sizeof *dp);
    six_matmul_values(dz, six_matrix_transposed(v), dp);
    if (six_attention_drops(s)) { /* the same draws as in forward */
        uint16_t *bits = (uint16_t *)(memory + w.bits);
        six_drop(s->run, tile, (uint32_t)head, s->attr->dropout, p, dropped, scores, bits);
        six_drop_back(s->run, s->attr->dropout, dp, dp, scores, bits);
    }
    six_matmul_values_to(six_matrix_transposed(six_matrix_of(dropped, s->queries, s->keys)), dz,
                         saved + at->gradient[SIX_ATTENTION_VALUE] + column, s->features);
    softmax_back(s, p, dp);
    six_matmul_values_to(ds, k, saved + at->gradient[SIX_ATTENTION_QUERY] + column, s->features);
    six_matmul_values_to(six_matrix_transposed(ds), q, saved + at->gradient[SIX_ATTENTION_KEY] + column, s->features);
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_attention_sizes s = six_attention_sizes_of(run);
    const six_attention_places at = six_attention_places_of(&s);
    const six_matmul out = product_of(&s, SIX_ATTENTION_OUTPUT);
    real *saved = tile->saved, *memory = scratch;
    six_matmul_dx(&out, tile->dy[0], weight_of(&s, run->value, SIX_ATTENTION_OUTPUT),
                  memory + six_attention_workspace_of(&s).dz);
    for (int i = 0; i < SIX_ATTENTION_OUTPUT; i++)
        memset(saved + at.gradient[i], 0, (size_t)(six_attention_rows(&s, i) * s.features * SIX_LANES) * sizeof *saved);
    for (int64_t h = 0; h < s.attr->num_heads; h++)
        head_backward(&s, tile, &at, h, memory);
    for (int i = 0; i < SIX_ATTENTION_OUTPUT; i++) {
        six_matmul m = product_of(&s, i);
        m.add = i > SIX_ATTENTION_QUERY && s.input[i] == s.input[i - 1];
        if (tile->dx[s.input[i]])
            six_matmul_dx(&m, saved + at.gradient[i], weight_of(&s, run->value, i), tile->dx[s.input[i]]);
    }
    if (s.lengths >= 0 && tile->dx[s.lengths])
        memset(tile->dx[s.lengths], 0, SIX_LANES * sizeof(real));
}

/* A part is a block of outputs of one projection. */
static void backward_part(const six_run *run, six_tile *tiles, int32_t part, void *scratch)
{
    const six_attention_sizes s = six_attention_sizes_of(run);
    const six_attention_places at = six_attention_places_of(&s);
    const int projection = (int)(part / blocks_of(&s));
    const int64_t first = part % blocks_of(&s) * SIX_ATTENTION_PART, left = s.features - first,
                  count = left < SIX_ATTENTION_PART ? left : SIX_ATTENTION_PART;
    const six_matmul m = product_of(&s, projection);
    const six_tile *next = run->tiles > 1 ? &tiles[1] : &tiles[0];
    const real *saved = tiles[0].saved;
    const int64_t step = (real *)next->saved - saved;
    const six_tiled xt = {saved + at.x[projection], step};
    const six_tiled dy = projection == SIX_ATTENTION_OUTPUT ? (six_tiled){tiles[0].dy[0], next->dy[0] - tiles[0].dy[0]}
                                                            : (six_tiled){saved + at.gradient[projection], step};
    real *dw = weight_of(&s, run->gradient, projection), *db = bias_of(&s, run->gradient, projection);
    if (dw)
        six_matmul_dw(&m, run, xt, dy, first, count, dw, (real *)scratch + six_attention_workspace_of(&s).product);
    if (db)
        six_matmul_db(&m, run, dy, first, count, db);
}

SIX_LAYER(multihead_attention) = {
    .kind = {"multihead_attention",
             "attention of a sequence TxF to itself, or of a query to key and value, or to one sequence that is both; "
             "the last input may be the keys' lengths, of shape 1",
             attrs, sizeof(six_attention)},
    .title = "MultiheadAttention",
    .prefix = "attention",
    .inputs_min = 1,
    .inputs_max = 4,
    .accumulates_gradients = true,
    .setup = setup,
};

SIX_KERNELS(multihead_attention) = {
    .memory_reqs = memory_reqs,
    .begin_forward = begin_forward,
    .forward = forward,
    .forward_one = forward,
    .backward = backward,
    .backward_part = backward_part,
};
