/* SPDX-License-Identifier: MIT */

#include "graph/plan.h"

#include <string.h>

#include "base/rng.h"
#include "base/status.h"
#include "base/threads.h"

/* A piece of a group's memory, needed from one moment of a pass to another. The moments: 0 the inputs are there; i + 1 forward of node i; N + 1
 * the loss; N + 2 + N - i backward of node i; 2N + 3 the pass is over. */
typedef struct six_piece {
    int64_t size, offset;
    int32_t first, last;
} six_piece;

/* What is worked out on the way to a plan. */
typedef struct six_layout {
    const sixnet_model *net;
    bool training;
    int32_t lanes;
    int32_t nodes, piece_count;
    six_piece *piece;          /* room for all: values, gradients, saved, edges, targets */
    int32_t *value, *gradient; /* [node] the piece that holds it, -1 without */
    int32_t *saved;
    int32_t target;
    bool *reached, *wanted;    /* [node] the loss depends on it; a gradient by its output is of use */
    int32_t *users;            /* [node] how many inputs it feeds */
    six_edge *edge;
    int32_t *edge_piece;
    int32_t edge_count;
    six_needs *needs;
    int64_t real_size;
    uint64_t bytes; /* of all this, from the allocator */
} six_layout;

static int32_t forward_at(int32_t node) { return node + 1; }
static int32_t loss_at(const six_layout *l) { return l->nodes + 1; }
static int32_t backward_at(const six_layout *l, int32_t node) { return 2 * l->nodes + 2 - node; }
static int32_t end_at(const six_layout *l) { return 2 * l->nodes + 3; }

static const six_node *node_at(const six_layout *l, int32_t i) { return &l->net->node[i]; }

static int64_t node_bytes(const six_layout *l, int32_t i)
{
    int64_t spare = l->lanes == 1 ? 2 * SIX_LANES : 0;
    return (six_shape_size(&node_at(l, i)->op->out) * l->lanes + spare) * l->real_size;
}

static int32_t new_piece(six_layout *l, int64_t size, int32_t first, int32_t last)
{
    l->piece[l->piece_count] = (six_piece){(size + 63) / 64 * 64, 0, first, last};
    return l->piece_count++;
}

static void extend(six_piece *p, int32_t moment)
{
    p->first = moment < p->first ? moment : p->first;
    p->last = moment > p->last ? moment : p->last;
}

/* Whether node i may write its output over its first input: nobody else wants those values later. */
static bool may_overwrite(const six_layout *l, int32_t i)
{
    const six_node *node = node_at(l, i);
    int32_t input = node->input[0], piece = l->value[input];
    if (!node->layer->in_place || (l->training && (node->layer->reads & SIX_READS_X)))
        return false;
    for (int32_t j = 0; j < i; j++) {
        const six_node *other = node_at(l, j);
        if (l->value[j] != piece || j == i)
            continue;
        if (other->retained || l->users[j] != 1 || j == l->net->output || other->layer->inputs_max == 0)
            return false;
        if (l->training && (other->layer->reads & SIX_READS_Y) && !other->layer->reshapes)
            return false;
    }
    return true;
}

static void place_value(six_layout *l, int32_t i)
{
    const six_node *node = node_at(l, i);
    bool shares = node->layer->reshapes && node->op->inputs == 1;
    l->value[i] = shares || (node->op->inputs && may_overwrite(l, i)) ? l->value[node->input[0]]
                                                                      : new_piece(l, node_bytes(l, i), forward_at(i), forward_at(i));
    six_piece *p = &l->piece[l->value[i]];
    extend(p, node->op->inputs ? forward_at(i) : 0);
    if (l->training && (node->layer->reads & SIX_READS_Y))
        extend(p, backward_at(l, i));
    if (node->retained || i == l->net->output)
        extend(p, end_at(l));
    for (int32_t k = 0; k < node->op->inputs; k++) {
        six_piece *in = &l->piece[l->value[node->input[k]]];
        extend(in, forward_at(i));
        if (l->training && (node->layer->reads & SIX_READS_X))
            extend(in, backward_at(l, i));
    }
}

static void place_saved(six_layout *l, int32_t i)
{
    const six_node *node = node_at(l, i);
    six_op op = *node->op; /* which the model's other plans share */
    op.training = l->training;
    op.lanes = l->lanes;
    if (node->kernel->needs)
        node->kernel->needs(&op, &l->needs[i]);
    if (l->needs[i].saved)
        l->saved[i] = new_piece(l, l->needs[i].saved, forward_at(i), l->training ? backward_at(l, i) : forward_at(i));
}

static void place_loss(six_layout *l)
{
    int32_t loss = l->net->loss;
    if (loss < 0)
        return;
    place_saved(l, loss);
    l->target = new_piece(l, l->net->target_size * SIX_LANES * l->real_size, loss_at(l), loss_at(l) + 1);
    if (l->saved[loss] >= 0)
        l->piece[l->saved[loss]] = (six_piece){l->piece[l->saved[loss]].size, 0, loss_at(l), loss_at(l) + 1};
}

static void find_reached(six_layout *l)
{
    const sixnet_model *net = l->net;
    l->reached[net->output] = true;
    for (int32_t i = l->nodes - 1; i >= 0; i--)
        for (int32_t k = 0; l->reached[i] && k < node_at(l, i)->op->inputs; k++)
            l->reached[node_at(l, i)->input[k]] = true;
    for (int32_t i = 0; i < l->nodes; i++) {
        const six_node *node = node_at(l, i);
        l->wanted[i] = node->retained;
        for (int32_t p = 0; p < node->op->params; p++)
            l->wanted[i] |= node->op->param[p].trained;
        for (int32_t k = 0; k < node->op->inputs; k++)
            l->wanted[i] |= l->wanted[node->input[k]];
    }
}

static bool has_backward(const six_layout *l, int32_t i) { return l->reached[i] && l->wanted[i] && i != l->net->loss; }

/* The gradients that a node's consumers give: the first to run writes the node's own piece, the others pieces of their own. */
static void place_gradient(six_layout *l, int32_t i)
{
    const six_node *node = node_at(l, i);
    int32_t first = -1, number = 0, given = 0;
    if (!has_backward(l, i))
        return;
    bool from_outside = i == l->net->output;
    for (int32_t c = l->nodes - 1; c > i; c--)
        for (int32_t k = 0; k < node_at(l, c)->op->inputs; k++) {
            if (node_at(l, c)->input[k] != i || !has_backward(l, c))
                continue;
            if (given++ || from_outside) {
                l->edge[l->edge_count] = (six_edge){i, c, k, 0};
                l->edge_piece[l->edge_count++] = new_piece(l, node_bytes(l, i), backward_at(l, c), backward_at(l, i));
            } else {
                first = c;
                number = k;
            }
        }
    const six_node *consumer = first >= 0 ? node_at(l, first) : NULL;
    bool shares = consumer && given == 1 && number == 0 && !consumer->retained && !node->retained &&
                  (consumer->layer->in_place || consumer->layer->reshapes);
    l->gradient[i] = shares ? l->gradient[first]
                            : new_piece(l, node_bytes(l, i), consumer ? backward_at(l, first) : l->nodes + 2, backward_at(l, i));
    extend(&l->piece[l->gradient[i]], node->retained ? end_at(l) : backward_at(l, i));
}

/* First fit, the largest first; `order` has room for all pieces and ends sorted by offset. */
static int64_t fit_pieces(six_layout *l, int32_t *order)
{
    int64_t total = 0;
    int32_t placed = 0;
    for (int32_t n = 0; n < l->piece_count; n++) {
        int32_t next = -1;
        for (int32_t i = 0; i < l->piece_count; i++)
            if (l->piece[i].offset == -1 && (next < 0 || l->piece[i].size > l->piece[next].size))
                next = i;
        six_piece *p = &l->piece[next];
        int64_t offset = 0;
        for (int32_t k = 0; k < placed; k++) {
            const six_piece *other = &l->piece[order[k]];
            if (other->first > p->last || other->last < p->first)
                continue;
            if (other->offset - offset >= p->size)
                break;
            if (other->offset + other->size > offset)
                offset = other->offset + other->size;
        }
        p->offset = offset;
        int32_t at = placed++;
        for (; at > 0 && l->piece[order[at - 1]].offset > offset; at--)
            order[at] = order[at - 1];
        order[at] = next;
        total = offset + p->size > total ? offset + p->size : total;
    }
    return total;
}

static void lay_out(six_layout *l)
{
    for (int32_t i = 0; i < l->nodes; i++) {
        l->value[i] = l->gradient[i] = l->saved[i] = -1;
        for (int32_t k = 0; k < node_at(l, i)->op->inputs; k++)
            l->users[node_at(l, i)->input[k]]++;
    }
    for (int32_t i = 0; i < l->nodes; i++)
        if (i != l->net->loss) {
            place_value(l, i);
            place_saved(l, i);
        }
    place_loss(l);
    if (l->training) {
        find_reached(l);
        for (int32_t i = l->nodes - 1; i >= 0; i--)
            place_gradient(l, i);
    }
    for (int32_t i = 0; i < l->piece_count; i++)
        l->piece[i].offset = -1;
}

static int64_t count_edges(const sixnet_model *net)
{
    int64_t edges = 0;
    for (int32_t i = 0; i < net->node_count; i++)
        edges += net->node[i].op->inputs;
    return edges;
}

static void layout_free(six_layout *l)
{
    const sixnet_context *ctx = l->net->ctx;
    six_free(ctx, l->piece);
    six_free(ctx, l->value);
    six_free(ctx, l->reached);
    six_free(ctx, l->edge);
    six_free(ctx, l->edge_piece);
    six_free(ctx, l->needs);
}

static void *layout_array(six_layout *l, size_t count, size_t size)
{
    l->bytes += count * size + SIX_ALLOC_EXTRA;
    return six_alloc(l->net->ctx, count, size);
}

static int32_t layout_new(six_layout *l, const sixnet_model *net, bool training, int32_t lanes, int64_t *group_bytes)
{
    size_t nodes = (size_t)net->node_count, edges = (size_t)count_edges(net);
    *l = (six_layout){.net = net, .training = training, .lanes = lanes, .nodes = net->node_count, .target = -1,
                      .real_size = net->variant->real_size};
    l->piece = layout_array(l, 3 * nodes + edges + 1, sizeof *l->piece);
    l->value = layout_array(l, 5 * nodes + 3 * nodes + edges + 1, sizeof *l->value);
    l->reached = layout_array(l, 2 * nodes, sizeof *l->reached);
    l->edge = layout_array(l, edges, sizeof *l->edge);
    l->edge_piece = layout_array(l, edges, sizeof *l->edge_piece);
    l->needs = layout_array(l, nodes, sizeof *l->needs);
    if (!l->piece || !l->value || !l->reached || !l->edge || !l->edge_piece || !l->needs) {
        layout_free(l);
        return SIXNET_OUT_OF_MEMORY;
    }
    l->gradient = l->value + nodes;
    l->saved = l->value + 2 * nodes;
    l->users = l->value + 3 * nodes;
    l->wanted = l->reached + nodes;
    lay_out(l);
    *group_bytes = fit_pieces(l, l->value + 4 * nodes);
    return SIXNET_OK;
}

static int64_t partial_count(const six_layout *l, int32_t i)
{
    const six_node *node = node_at(l, i);
    int64_t count = 0;
    if (node->layer->whole_gradients)
        return 0;
    for (int32_t p = 0; p < node->op->params; p++)
        count += node->op->param[p].trained ? six_shape_size(&node->op->param[p].shape) : 0;
    return count;
}

/* Hands out the plan's memory; with base NULL it only counts. */
typedef struct six_carver {
    char *base;
    uint64_t used;
    bool overflow;
} six_carver;

static void *carve(six_carver *c, uint64_t count, uint64_t size)
{
    uint64_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > UINT64_MAX / 4 || c->used > UINT64_MAX / 4) {
        c->overflow = true;
        return NULL;
    }
    void *at = c->base ? c->base + c->used : NULL;
    c->used += (bytes + 63) / 64 * 64;
    return at;
}

static void carve_node(six_carver *c, const six_layout *l, six_plan *plan, int32_t i)
{
    const six_needs *n = &l->needs[i];
    void *shared = carve(c, (uint64_t)n->shared, 1);
    void *sums = carve(c, (uint64_t)n->sums * (uint64_t)plan->groups, (uint64_t)l->real_size);
    void *back_sums = carve(c, l->training ? (uint64_t)n->back_sums * (uint64_t)plan->groups : 0, (uint64_t)l->real_size);
    if (!c->base)
        return;
    plan->op[i].shared = shared;
    plan->op[i].sums = sums;
    plan->op[i].back_sums = back_sums;
}

static void carve_all(six_carver *c, const six_layout *l, six_plan *plan)
{
    uint64_t nodes = (uint64_t)l->nodes, groups = (uint64_t)plan->groups;
    plan->groups_memory = carve(c, groups, (uint64_t)plan->group_bytes);
    plan->scratch_memory = carve(c, (uint64_t)plan->workers, (uint64_t)plan->scratch_bytes);
    plan->partials = carve(c, groups * (uint64_t)plan->partial_size, (uint64_t)l->real_size);
    plan->op = carve(c, nodes, sizeof *plan->op);
    plan->needs = carve(c, nodes, sizeof *plan->needs);
    plan->group = carve(c, nodes * groups, sizeof *plan->group);
    plan->edge = carve(c, (uint64_t)l->edge_count, sizeof *plan->edge);
    plan->gradient_at = carve(c, nodes, sizeof *plan->gradient_at);
    plan->targets = carve(c, groups, sizeof *plan->targets);
    plan->fault = carve(c, groups, sizeof *plan->fault);
    plan->fault_node = carve(c, groups, sizeof *plan->fault_node);
    plan->forward.action = carve(c, 3 * nodes, sizeof(six_action));
    plan->loss.action = carve(c, 2, sizeof(six_action));
    plan->backward.action = carve(c, 5 * nodes, sizeof(six_action));
    for (int32_t i = 0; i < l->nodes; i++)
        carve_node(c, l, plan, i);
}

static void size_up(six_plan *plan, const six_layout *l)
{
    for (int32_t i = 0; i < l->nodes; i++) {
        plan->scratch_bytes = l->needs[i].scratch > plan->scratch_bytes ? l->needs[i].scratch : plan->scratch_bytes;
        plan->partial_size += l->training ? partial_count(l, i) : 0;
    }
    plan->scratch_bytes = (plan->scratch_bytes + 127) / 64 * 64;
    plan->partial_size = (plan->partial_size + 15) / 16 * 16;
}

static void *group_memory(const six_plan *plan, const six_layout *l, int32_t group, int32_t piece)
{
    return piece < 0 ? NULL : plan->groups_memory + (int64_t)group * plan->group_bytes + l->piece[piece].offset;
}

static void point_group(six_plan *plan, const six_layout *l, int32_t i, int32_t g)
{
    const six_node *node = node_at(l, i);
    six_group *group = &plan->group[(int64_t)i * plan->groups + g];
    group->index = g;
    for (int32_t k = 0; k < node->op->inputs; k++) {
        int32_t input = node->input[k];
        group->x[k] = group_memory(plan, l, g, l->value[input]);
        if (plan->training && (i == l->net->loss ? has_backward(l, input) : has_backward(l, i) && has_backward(l, input)))
            group->dx[k] = group_memory(plan, l, g, l->gradient[input]);
    }
    group->y = group_memory(plan, l, g, l->value[i]);
    group->dy = group_memory(plan, l, g, l->gradient[i]);
    group->saved = group_memory(plan, l, g, l->saved[i]);
    if (i == l->net->loss)
        group->target = plan->targets[g] = group_memory(plan, l, g, l->target);
}

static void point_edges(six_plan *plan, const six_layout *l)
{
    for (int32_t e = 0; e < l->edge_count; e++) {
        plan->edge[e] = l->edge[e];
        plan->edge[e].offset = l->piece[l->edge_piece[e]].offset;
        for (int32_t g = 0; g < plan->groups; g++)
            plan->group[(int64_t)l->edge[e].to * plan->groups + g].dx[l->edge[e].input] = group_memory(plan, l, g, l->edge_piece[e]);
    }
    plan->edge_count = l->edge_count;
}

static void point_all(six_plan *plan, const six_layout *l)
{
    int64_t partial = 0, count;
    for (int32_t i = 0; i < l->nodes; i++) {
        six_op place = plan->op[i];
        plan->op[i] = *node_at(l, i)->op;
        plan->op[i].shared = place.shared;
        plan->op[i].sums = place.sums;
        plan->op[i].back_sums = place.back_sums;
        plan->op[i].training = plan->training;
        plan->op[i].lanes = plan->lanes;
        plan->op[i].real_size = (int32_t)l->real_size;
        plan->op[i].key = six_key_for(l->net->ctx->seed, SIX_KEY_NODES) + (uint64_t)i;
        plan->needs[i] = l->needs[i];
        plan->gradient_at[i] = l->gradient[i] < 0 ? -1 : l->piece[l->gradient[i]].offset;
        count = plan->training ? partial_count(l, i) : 0;
        for (int32_t g = 0; g < plan->groups; g++) {
            point_group(plan, l, i, g);
            if (count)
                plan->group[(int64_t)i * plan->groups + g].partial =
                    (void *)((char *)plan->partials + (g * plan->partial_size + partial) * l->real_size);
        }
        partial += count;
    }
    point_edges(plan, l);
}

static void act(six_program *p, six_action a) { p->action[p->count++] = a; }

static void program_forward(six_plan *plan, const six_layout *l)
{
    six_program *p = &plan->forward;
    for (int32_t i = 0; i < l->nodes; i++) {
        const six_layer *k = node_at(l, i)->kernel;
        if (k->begin_forward && (!plan->training || !k->sum_forward))
            act(p, (six_action){SIX_ONCE_ONLY, i, .once = k->begin_forward});
    }
    for (int32_t i = 0; i < l->nodes; i++) {
        const six_layer *k = node_at(l, i)->kernel;
        if (plan->training && k->sum_forward) {
            act(p, (six_action){SIX_ON_GROUPS, i, .group = k->sum_forward});
            act(p, (six_action){SIX_ONCE_ONLY, i, .once = k->begin_forward});
        }
        if (k->forward && i != l->net->loss)
            act(p, (six_action){SIX_ON_GROUPS, i, .group = plan->lanes == 1 ? k->forward_one : k->forward});
    }
    if (l->net->loss >= 0)
        act(&plan->loss, (six_action){SIX_ON_GROUPS, l->net->loss, .group = node_at(l, l->net->loss)->kernel->forward});
}

static bool gathers(const six_layout *l, int32_t node)
{
    for (int32_t e = 0; e < l->edge_count; e++)
        if (l->edge[e].from == node)
            return true;
    return false;
}

/* A reshape's gradient lies where its output's does, unless the input has other consumers or is retained. */
static void copy_gradient(const six_op *op, six_group *g, void *scratch)
{
    (void)scratch;
    if (g->dx[0] && g->dx[0] != g->dy)
        memcpy(g->dx[0], g->dy, (size_t)six_shape_size(&op->out) * SIX_LANES * (size_t)op->real_size);
}

static void program_backward(six_plan *plan, const six_layout *l)
{
    six_program *p = &plan->backward;
    if (l->net->loss >= 0 && has_backward(l, l->net->output))
        act(p, (six_action){SIX_ON_GROUPS, l->net->loss, .group = node_at(l, l->net->loss)->kernel->backward});
    for (int32_t i = 0; i < l->nodes; i++)
        if (has_backward(l, i) && node_at(l, i)->kernel->begin_backward && !node_at(l, i)->kernel->sum_backward)
            act(p, (six_action){SIX_ONCE_ONLY, i, .once = node_at(l, i)->kernel->begin_backward});
    for (int32_t i = l->nodes - 1; i >= 0; i--) {
        const six_layer *k = node_at(l, i)->kernel;
        if (!has_backward(l, i))
            continue;
        if (gathers(l, i))
            act(p, (six_action){.kind = SIX_GATHER, .node = i});
        if (k->sum_backward) {
            act(p, (six_action){SIX_ON_GROUPS, i, .group = k->sum_backward});
            act(p, (six_action){SIX_ONCE_ONLY, i, .once = k->begin_backward});
        }
        if (k->backward || k->reshapes)
            act(p, (six_action){SIX_ON_GROUPS, i, .group = k->reshapes ? copy_gradient : k->backward});
        if (k->backward_part && l->needs[i].parts)
            act(p, (six_action){SIX_ON_PARTS, i, .part = k->backward_part});
    }
}

/* The plan's sizes, filled in from a layout; the memory is not there yet. */
static void measure(six_plan *plan, const six_layout *l, int32_t groups, six_carver *counter)
{
    plan->net = (sixnet_model *)l->net;
    plan->training = l->training;
    plan->lanes = l->lanes;
    plan->groups = groups;
    plan->workers = !l->training ? groups : l->net->serial ? 1 : six_pool_size(l->net->ctx->pool);
    size_up(plan, l);
    carve_all(counter, l, plan);
}

int32_t six_plan_bytes(sixnet_model *net, int32_t groups, bool training, int32_t lanes, uint64_t *bytes)
{
    six_layout l;
    six_plan plan = {0};
    six_carver counter = {0};
    int32_t status = layout_new(&l, net, training, lanes, &plan.group_bytes);
    if (status)
        return status;
    measure(&plan, &l, groups, &counter);
    layout_free(&l);
    *bytes = l.bytes + counter.used + sizeof plan + 2 * SIX_ALLOC_EXTRA;
    return counter.overflow || *bytes > SIZE_MAX / 2 ? six_fail(SIXNET_TOO_LARGE, "the net would need more memory than there can be")
                                                     : SIXNET_OK;
}

int32_t six_plan_new(six_plan **out, sixnet_model *net, int32_t groups, bool training, int32_t lanes)
{
    six_layout l;
    six_plan plan = {0};
    six_carver carver = {0};
    int32_t status = layout_new(&l, net, training, lanes, &plan.group_bytes);
    if (status)
        return status;
    measure(&plan, &l, groups, &carver);
    six_plan *made = six_alloc(net->ctx, 1, sizeof *made);
    if (carver.overflow || carver.used > SIZE_MAX / 2)
        status = six_fail(SIXNET_TOO_LARGE, "the net would need more memory than there can be");
    else if (made)
        plan.memory = six_alloc(net->ctx, 1, (size_t)carver.used);
    if (!plan.memory) {
        six_free(net->ctx, made);
        layout_free(&l);
        return status ? status : SIXNET_OUT_OF_MEMORY;
    }
    plan.bytes = carver.used;
    carver = (six_carver){.base = plan.memory};
    carve_all(&carver, &l, &plan);
    point_all(&plan, &l);
    program_forward(&plan, &l);
    if (training)
        program_backward(&plan, &l);
    layout_free(&l);
    *made = plan;
    *out = made;
    return SIXNET_OK;
}

void six_plan_free(six_plan *plan)
{
    if (!plan)
        return;
    const sixnet_context *ctx = plan->net->ctx;
    six_free(ctx, plan->memory);
    six_free(ctx, plan);
}
