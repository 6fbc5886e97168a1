/* SPDX-License-Identifier: MIT */

/* Lifetimes of buffers, in steps of a pass over N nodes: 0 the inputs are there; i + 1 forward of node i; N + 1 the loss; 2N + 2 - i backward of
 * node i; 2N + 3 the pass is over. */

#include "graph/layout.h"

#include <string.h>

#include "base/status.h"

typedef struct six_user {
    int32_t node, input; /* the node takes the value as that input */
} six_user;

static int32_t nodes(const six_layout *l) { return l->net->node_count; }
static int32_t forward_at(int32_t node) { return node + 1; }
static int32_t loss_at(const six_layout *l) { return nodes(l) + 1; }
static int32_t backward_at(const six_layout *l, int32_t node) { return 2 * nodes(l) + 2 - node; }
static int32_t end_at(const six_layout *l) { return 2 * nodes(l) + 3; }

static const six_node *node_at(const six_layout *l, int32_t i) { return &l->net->node[i]; }

static int64_t value_bytes(const six_layout *l, int32_t value)
{
    int64_t spare = l->lanes == 1 ? 2 * SIX_LANES : 0;
    return (six_shape_size(six_value_shape(l->net, value)) * l->lanes + spare) * l->real_size;
}

static int32_t new_buffer(six_layout *l, int64_t size, int32_t first, int32_t last)
{
    l->buffer[l->buffer_count] = (six_buffer){(size + 63) / 64 * 64, 0, first, last};
    return l->buffer_count++;
}

static void extend(six_buffer *b, int32_t step)
{
    b->first = step < b->first ? step : b->first;
    b->last = step > b->last ? step : b->last;
}

static bool takes_training_step(const six_layout *l, int32_t node) { return l->training && l->has_backward[node]; }

static bool backward_reads(const six_layout *l, int32_t node, six_reads what)
{
    bool is_loss = node == l->net->loss;
    return (is_loss ? l->training : takes_training_step(l, node)) && (node_at(l, node)->layer->reads & what);
}

/* ---- who uses what ---- */

static void find_users(six_layout *l)
{
    const sixnet_model *net = l->net;
    for (int32_t i = 0; i < nodes(l); i++)
        for (int32_t k = 0; k < node_at(l, i)->op->inputs; k++)
            l->first_user[node_at(l, i)->input[k] + 1]++;
    for (int32_t v = 0; v < net->value_count; v++)
        l->first_user[v + 1] += l->first_user[v];
    /* filled from the last node to the first; first_user[v] moves up and is put back afterwards */
    for (int32_t i = nodes(l) - 1; i >= 0; i--)
        for (int32_t k = 0; k < node_at(l, i)->op->inputs; k++)
            l->user[l->first_user[node_at(l, i)->input[k]]++] = (six_user){i, k};
    for (int32_t v = net->value_count; v > 0; v--)
        l->first_user[v] = l->first_user[v - 1];
    l->first_user[0] = 0;
}

static int32_t user_count(const six_layout *l, int32_t value)
{
    return l->first_user[value + 1] - l->first_user[value];
}

static bool is_reached(const six_layout *l, int32_t node)
{
    const six_node *n = node_at(l, node);
    bool reached = false;
    for (int32_t o = 0; o < n->op->outputs; o++)
        reached |= l->reached[n->first_value + o];
    return reached;
}

static bool trains(const six_layout *l, int32_t node)
{
    const six_node *n = node_at(l, node);
    for (int32_t p = 0; p < n->op->params; p++)
        if (six_trains(&l->net->tensor[n->tensor[p]]))
            return true;
    return false;
}

/* A node has a backward step if the loss depends on it and it, or something before it, learns or is retained. */
static void find_backward(six_layout *l)
{
    l->reached[l->net->output] = true;
    for (int32_t i = nodes(l) - 1; i >= 0; i--)
        for (int32_t k = 0; i != l->net->loss && is_reached(l, i) && k < node_at(l, i)->op->inputs; k++)
            l->reached[node_at(l, i)->input[k]] = true;
    bool *wanted = l->has_backward; /* until what is not reached is taken out */
    for (int32_t i = 0; i < nodes(l); i++) {
        const six_node *node = node_at(l, i);
        wanted[i] = node->retained || trains(l, i);
        for (int32_t k = 0; k < node->op->inputs; k++)
            wanted[i] |= wanted[l->net->value[node->input[k]].node];
    }
    for (int32_t i = 0; i < nodes(l); i++)
        l->has_backward[i] = wanted[i] && is_reached(l, i) && i != l->net->loss;
}

/* ---- values ---- */

/* Whether something other than the one node that takes a value may read it later. */
static bool is_kept(const six_layout *l, int32_t value)
{
    int32_t i = l->net->value[value].node;
    const six_node *node = node_at(l, i);
    return node->retained || user_count(l, value) != 1 || value == l->net->output ||
           node->layer->role == SIX_ROLE_INPUT || (backward_reads(l, i, SIX_READS_Y) && !node->layer->is_view);
}

/* Whether a node's kernels may put its output and the gradient by it where its first input and the gradient by that are. */
static bool works_in_place(const six_node *node)
{
    return node->layer->in_place && six_shape_size(&node->op->out[0]) == six_shape_size(&node->op->in[0]);
}

/* The buffer of a node's first input, if the output may lie there. */
static int32_t shared_buffer(const six_layout *l, int32_t i)
{
    const six_node *node = node_at(l, i);
    if (!node->op->inputs || node->op->outputs != 1)
        return -1;
    int32_t buffer = l->value_buffer[node->input[0]];
    if (node->layer->is_view && node->op->inputs == 1)
        return buffer;
    bool overwrites = works_in_place(node) && !backward_reads(l, i, SIX_READS_X) && !l->kept[buffer];
    return overwrites ? buffer : -1;
}

static void place_values(six_layout *l, int32_t i)
{
    const six_node *node = node_at(l, i);
    int32_t shared = shared_buffer(l, i);
    for (int32_t o = 0; o < node->op->outputs; o++) {
        int32_t value = node->first_value + o;
        int32_t buffer = shared >= 0 ? shared : new_buffer(l, value_bytes(l, value), forward_at(i), forward_at(i));
        six_buffer *b = &l->buffer[buffer];
        l->value_buffer[value] = buffer;
        l->kept[buffer] |= is_kept(l, value);
        extend(b, node->layer->role == SIX_ROLE_INPUT ? 0 : forward_at(i));
        if (backward_reads(l, i, SIX_READS_Y))
            extend(b, backward_at(l, i));
        if (node->retained || value == l->net->output)
            extend(b, end_at(l));
    }
    for (int32_t k = 0; k < node->op->inputs; k++) {
        six_buffer *in = &l->buffer[l->value_buffer[node->input[k]]];
        extend(in, forward_at(i));
        if (backward_reads(l, i, SIX_READS_X))
            extend(in, backward_at(l, i));
    }
}

six_run six_run_of(const sixnet_model *net, int32_t node, bool training, int32_t lanes)
{
    const six_node *n = &net->node[node];
    six_run run = {.op = n->op,
                   .kernels = n->kernels,
                   .training = training,
                   .frozen = n->frozen,
                   .lanes = node == net->loss ? SIX_LANES : lanes,
                   .real_size = net->variant->real_size};
    for (int32_t p = 0; p < n->op->params; p++)
        run.trains |= training && six_trains(&net->tensor[n->tensor[p]]);
    return run;
}

static void place_saved(six_layout *l, int32_t i)
{
    const six_run run = six_run_of(l->net, i, l->training, l->lanes);
    if (node_at(l, i)->kernels->memory_reqs)
        node_at(l, i)->kernels->memory_reqs(&run, &l->memory_reqs[i]);
    if (l->memory_reqs[i].saved)
        l->saved_buffer[i] = new_buffer(l, l->memory_reqs[i].saved, forward_at(i),
                                        takes_training_step(l, i) ? backward_at(l, i) : forward_at(i));
}

static void place_loss(six_layout *l)
{
    int32_t loss = l->net->loss;
    if (loss < 0)
        return;
    place_saved(l, loss);
    l->target_buffer = new_buffer(l, l->net->target_size * SIX_LANES * l->real_size, loss_at(l), loss_at(l) + 1);
    if (l->saved_buffer[loss] >= 0)
        l->buffer[l->saved_buffer[loss]] =
            (six_buffer){l->buffer[l->saved_buffer[loss]].size, 0, loss_at(l), loss_at(l) + 1};
    if (l->training && l->lanes == 1) {
        const int64_t size = six_shape_size(&node_at(l, loss)->op->in[0]) * SIX_LANES * l->real_size;
        l->loss_input_buffer = new_buffer(l, size, loss_at(l), loss_at(l) + 1);
        l->loss_gradient_buffer = new_buffer(l, size, loss_at(l) + 1, loss_at(l) + 1);
    }
}

/* ---- gradients ---- */

/* The gradients that a value's users give: the first to run writes the value's own buffer, the others buffers of their own. */
static void place_gradient(six_layout *l, int32_t value)
{
    int32_t i = l->net->value[value].node, given = 0;
    const six_node *node = node_at(l, i);
    six_user first = {-1, 0};
    bool from_outside = value == l->net->output;
    if (!l->has_backward[i])
        return;
    for (int32_t u = l->first_user[value]; u < l->first_user[value + 1]; u++) {
        six_user user = l->user[u];
        if (!l->has_backward[user.node])
            continue;
        if (given++ || from_outside)
            l->extra[l->extra_count++] = (six_extra_gradient){
                value, user.node, user.input,
                new_buffer(l, value_bytes(l, value), backward_at(l, user.node), backward_at(l, i))};
        else
            first = user;
    }
    if (!given && !from_outside)
        return;
    const six_node *user = first.node >= 0 ? node_at(l, first.node) : NULL;
    bool shares = user && given == 1 && first.input == 0 && !user->retained && !node->retained &&
                  user->op->outputs == 1 && (user->layer->is_view || works_in_place(user));
    l->gradient_buffer[value] =
        shares
            ? l->gradient_buffer[user->first_value]
            : new_buffer(l, value_bytes(l, value), user ? backward_at(l, first.node) : nodes(l) + 2, backward_at(l, i));
    extend(&l->buffer[l->gradient_buffer[value]], node->retained ? end_at(l) : backward_at(l, i));
}

/* From the last value to the first, so that a view's gradient is placed before that of its input. */
static void place_gradients(six_layout *l)
{
    for (int32_t v = l->net->value_count - 1; v >= 0; v--) {
        int32_t first = l->extra_count;
        place_gradient(l, v);
        l->first_extra[v] = l->extra_count > first ? first : -1;
    }
}

/* ---- all of it ---- */

static void place(six_layout *l)
{
    for (int32_t v = 0; v < l->net->value_count; v++)
        l->value_buffer[v] = l->gradient_buffer[v] = l->first_extra[v] = -1;
    for (int32_t i = 0; i < nodes(l); i++)
        l->saved_buffer[i] = -1;
    l->target_buffer = l->loss_input_buffer = l->loss_gradient_buffer = -1;
    find_users(l);
    if (l->training)
        find_backward(l);
    for (int32_t i = 0; i < nodes(l); i++)
        if (i != l->net->loss) {
            place_values(l, i);
            place_saved(l, i);
        }
    place_loss(l);
    if (l->training)
        place_gradients(l);
    l->tile_bytes = six_place_buffers(&l->placement, l->buffer, l->buffer_count);
}

static uint64_t edge_count(const sixnet_model *net)
{
    uint64_t edges = 0;
    for (int32_t i = 0; i < net->node_count; i++)
        edges += (uint64_t)net->node[i].op->inputs;
    return edges;
}

/* A value has a buffer and one for its gradient, an input edge perhaps another gradient, a node what it saves, the loss its targets and
 * perhaps its input and gradient with lanes. */
static void alloc_arrays(six_layout *l, six_arena *a)
{
    const uint64_t n = (uint64_t)nodes(l), values = (uint64_t)l->net->value_count, edges = edge_count(l->net);
    const uint64_t buffers = 2 * values + edges + n + 3;
    l->buffer = six_arena_alloc(a, buffers, sizeof *l->buffer);
    l->kept = six_arena_alloc(a, buffers, sizeof *l->kept);
    l->value_buffer = six_arena_alloc(a, values, sizeof *l->value_buffer);
    l->gradient_buffer = six_arena_alloc(a, values, sizeof *l->gradient_buffer);
    l->saved_buffer = six_arena_alloc(a, n, sizeof *l->saved_buffer);
    l->first_user = six_arena_alloc(a, values + 1, sizeof *l->first_user);
    l->user = six_arena_alloc(a, edges, sizeof *l->user);
    l->reached = six_arena_alloc(a, values, sizeof *l->reached);
    l->has_backward = six_arena_alloc(a, n, sizeof *l->has_backward);
    l->extra = six_arena_alloc(a, edges, sizeof *l->extra);
    l->first_extra = six_arena_alloc(a, values, sizeof *l->first_extra);
    l->memory_reqs = six_arena_alloc(a, n, sizeof *l->memory_reqs);
    six_placement_alloc(&l->placement, a, (int32_t)buffers, end_at(l) + 1);
}

int32_t six_layout_new(six_layout *l, const sixnet_model *net, bool training, int32_t lanes)
{
    six_arena arena = {0};
    *l = (six_layout){.net = net, .training = training, .lanes = lanes, .real_size = net->variant->real_size};
    alloc_arrays(l, &arena);
    l->memory = six_alloc(net->ctx, 1, (size_t)arena.used);
    if (!l->memory)
        return SIXNET_OUT_OF_MEMORY;
    l->bytes = arena.used + SIX_ALLOC_EXTRA;
    arena = (six_arena){.base = l->memory};
    alloc_arrays(l, &arena);
    place(l);
    return SIXNET_OK;
}

void six_layout_free(six_layout *l) { six_free(l->net->ctx, l->memory); }

int64_t six_partial_size(const sixnet_model *net, int32_t node)
{
    const six_node *n = &net->node[node];
    int64_t size = 0;
    bool trained = false;
    for (int32_t p = 0; p < n->op->params; p++) {
        size += n->op->param[p].trained ? six_shape_size(&n->op->param[p].shape) : 0;
        trained |= six_trains(&net->tensor[n->tensor[p]]);
    }
    return trained && !n->layer->accumulates_gradients ? size : 0;
}
