/* SPDX-License-Identifier: MIT */

#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "base/sha256.h"
#include "base/status.h"
#include "graph/graph.h"

int32_t six_tensors_add(sixnet_model *net, six_node *node)
{
    const int32_t before = net->tensor_count;
    for (int32_t p = 0; p < node->op->params; p++) {
        const six_param *param = &node->op->param[p];
        if (node->tensor[p] >= 0)
            continue;
        if (six_grow(net->ctx, (void **)&net->tensor, sizeof *net->tensor, (size_t)net->tensor_count,
                     &net->tensor_capacity)) {
            net->tensor_count = before;
            return SIXNET_OUT_OF_MEMORY;
        }
        six_tensor *t = &net->tensor[net->tensor_count];
        *t = (six_tensor){.shape = param->shape,
                          .size = six_shape_size(&param->shape),
                          .init = param->init,
                          .node = net->node_count,
                          .param = p,
                          .parameter = param->trained,
                          .trainable = true,
                          .lr_scale = 1,
                          .weight_decay = -1,
                          .gradient_offset = -1};
        snprintf(t->name, sizeof t->name, "%s.%s", node->name, param->name);
        node->tensor[p] = net->tensor_count++;
    }
    return SIXNET_OK;
}

/* ---- where they lie ---- */

/* Parameters first, then buffers. */
static void place(sixnet_model *net)
{
    int64_t offset = 0;
    for (int parameters = 1; parameters >= 0; parameters--) {
        for (int32_t i = 0; i < net->tensor_count; i++)
            if (net->tensor[i].parameter == parameters) {
                net->tensor[i].offset = offset;
                offset += net->tensor[i].size;
            }
        if (parameters)
            net->parameters_size = offset;
    }
    net->values_size = offset;
}

static int64_t count_trained(const sixnet_model *net)
{
    int64_t size = 0;
    for (int32_t i = 0; i < net->tensor_count; i++)
        size += six_trains(&net->tensor[i]) ? net->tensor[i].size : 0;
    return size;
}

/* Gradients lie in the order of the parameters. */
static void place_gradients(sixnet_model *net)
{
    int64_t offset = 0;
    for (int32_t i = 0; i < net->tensor_count; i++) {
        six_tensor *t = &net->tensor[i];
        t->gradient_offset = six_trains(t) ? offset : -1;
        offset += six_trains(t) ? t->size : 0;
    }
    net->trained_size = offset;
}

void six_tensors_segment(sixnet_model *net)
{
    net->segment_count = 0;
    for (int32_t i = 0; i < net->tensor_count; i++) {
        const six_tensor *t = &net->tensor[i];
        six_segment *last = net->segment_count ? &net->segment[net->segment_count - 1] : NULL;
        if (!six_trains(t))
            continue;
        if (last && last->offset + last->size == t->offset && last->lr_scale == t->lr_scale &&
            last->weight_decay == t->weight_decay)
            last->size += t->size;
        else
            net->segment[net->segment_count++] =
                (six_segment){t->offset, t->gradient_offset, t->size, t->lr_scale, t->weight_decay};
    }
}

/* A node is frozen if settings froze all its parameters, or all its buffers where it has no parameters. */
static void find_frozen(sixnet_model *net)
{
    for (int32_t i = 0; i < net->node_count; i++) {
        six_node *node = &net->node[i];
        bool parameters = false;
        for (int32_t p = 0; p < node->op->params; p++)
            parameters |= node->op->param[p].trained;
        node->frozen = node->op->params > 0;
        for (int32_t p = 0; p < node->op->params; p++)
            if (node->op->param[p].trained == parameters)
                node->frozen &= !net->tensor[node->tensor[p]].trainable;
    }
}

/* State saved to undo a pass: the buffers, and the gradients if callbacks may fail. */
static int64_t kept_size(const sixnet_model *net, int64_t trained_size)
{
    return net->values_size - net->parameters_size + (net->serial ? trained_size : 0);
}

int32_t six_tensors_retrain(sixnet_model *net)
{
    const size_t size = (size_t)net->variant->real_size;
    const int64_t trained = count_trained(net);
    void *gradients = six_alloc(net->ctx, (size_t)trained, size),
         *kept = six_alloc(net->ctx, (size_t)kept_size(net, trained), size);
    if (!gradients || !kept) {
        six_free(net->ctx, gradients);
        six_free(net->ctx, kept);
        return SIXNET_OUT_OF_MEMORY;
    }
    six_free(net->ctx, net->gradients);
    six_free(net->ctx, net->kept);
    net->gradients = gradients;
    net->kept = kept;
    place_gradients(net);
    find_frozen(net);
    six_tensors_segment(net);
    six_model_forget_plans(net);
    return SIXNET_OK;
}

int32_t six_tensors_allocate(sixnet_model *net)
{
    place(net);
    net->values = six_alloc(net->ctx, (size_t)net->values_size, (size_t)net->variant->real_size);
    net->segment = six_alloc(net->ctx, (size_t)net->tensor_count, sizeof *net->segment);
    int32_t status = net->values && net->segment ? six_tensors_retrain(net) : SIXNET_OUT_OF_MEMORY;
    if (!status)
        return SIXNET_OK;
    six_free(net->ctx, net->values);
    six_free(net->ctx, net->segment);
    net->values = NULL;
    net->segment = NULL;
    return status;
}

uint64_t six_tensors_bytes(const sixnet_model *net)
{
    uint64_t parameters = 0, buffers = 0, trained = 0;
    for (int32_t i = 0; i < net->tensor_count; i++) {
        const six_tensor *t = &net->tensor[i];
        *(t->parameter ? &parameters : &buffers) += (uint64_t)t->size;
        trained += six_trains(t) ? (uint64_t)t->size : 0;
    }
    const uint64_t kept = buffers + (net->serial ? trained : 0);
    return (parameters + buffers + trained + kept) * (uint64_t)net->variant->real_size +
           (uint64_t)net->tensor_count * sizeof *net->segment + 5 * SIX_ALLOC_EXTRA;
}

/* ---- values ---- */

static double draw(six_stream *s, const six_init *init)
{
    switch (init->kind) {
    case SIX_INIT_UNIFORM:
        return init->a + (init->b - init->a) * six_stream_uniform(s);
    case SIX_INIT_NORMAL:
        return init->a + init->b * six_stream_normal(s);
    default:
        return init->a;
    }
}

/* Each tensor draws from a stream of its own, so that its values do not depend on the rest of the net. */
void six_tensors_reset(sixnet_model *net, uint64_t seed)
{
    six_tensors_changed(net);
    for (int32_t i = 0; i < net->tensor_count; i++) {
        const six_tensor *t = &net->tensor[i];
        const six_init *init = &t->init;
        six_stream s = six_stream_at(six_key_for(seed, SIX_KEY_VALUES), (uint64_t)i);
        for (int64_t k = 0; k < t->size; k++) {
            double value = draw(&s, init);
            if (k >= init->first_zero && k - init->first_zero < init->zeros)
                value = 0;
            if (net->ctx->dtype == SIX_F64)
                ((double *)net->values)[t->offset + k] = value;
            else
                ((float *)net->values)[t->offset + k] = (float)value;
        }
    }
    memset(net->gradients, 0, (size_t)net->trained_size * (size_t)net->variant->real_size);
    net->step = 0;
    net->pass = SIX_PASS_NONE;
}

/* The entry that a parameter of a node stands for, when it is called by the node's own name: "linear2.weight". */
static int32_t find_shared(const sixnet_model *net, const char *name)
{
    for (int32_t i = 0; i < net->node_count; i++) {
        const six_node *node = &net->node[i];
        const size_t length = strlen(node->name);
        if (strncmp(node->name, name, length) != 0 || name[length] != '.')
            continue;
        for (int32_t p = 0; p < node->op->params; p++)
            if (strcmp(node->op->param[p].name, name + length + 1) == 0)
                return node->tensor[p];
    }
    return -1;
}

int32_t six_tensor_index(const sixnet_model *net, const char *name)
{
    for (int32_t i = 0; i < net->tensor_count; i++)
        if (strcmp(net->tensor[i].name, name) == 0)
            return i;
    return find_shared(net, name);
}

const six_tensor *six_tensor_find(const sixnet_model *net, const char *name)
{
    const int32_t index = net->compiled ? six_tensor_index(net, name) : -1;
    if (index >= 0)
        return &net->tensor[index];
    six_fail(SIXNET_NOT_FOUND, "there is no tensor '%.100s'%s", name,
             net->compiled ? "" : "; the model is not compiled yet");
    return NULL;
}

void *six_tensor_at(const sixnet_model *net, void *array, const six_tensor *t)
{
    return (char *)array + (size_t)t->offset * (size_t)net->variant->real_size;
}

void *six_gradient_at(const sixnet_model *net, const six_tensor *t)
{
    return six_trains(t) ? (char *)net->gradients + (size_t)t->gradient_offset * (size_t)net->variant->real_size : NULL;
}

static void put_u64(six_sha256 *hash, uint64_t value)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    six_sha256_add(hash, bytes, sizeof bytes);
}

static void put_values(six_sha256 *hash, const unsigned char *values, int64_t count, size_t size)
{
    static const uint16_t one = 1;
    if (*(const uint8_t *)&one == 1) {
        six_sha256_add(hash, values, (size_t)count * size);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        for (size_t b = size; b-- > 0;)
            six_sha256_add(hash, values + (size_t)i * size + b, 1);
}

int32_t six_digest(const sixnet_model *net, char digest[static 65])
{
    six_sha256 hash;
    size_t size = (size_t)net->variant->real_size;
    six_sha256_begin(&hash);
    for (int32_t i = 0; i < net->tensor_count; i++) {
        const six_tensor *t = &net->tensor[i];
        six_sha256_add(&hash, t->name, strlen(t->name) + 1);
        put_u64(&hash, (uint64_t)t->shape.rank);
        for (int32_t d = 0; d < t->shape.rank; d++)
            put_u64(&hash, (uint64_t)t->shape.dim[d]);
        put_values(&hash, (const unsigned char *)net->values + (size_t)t->offset * size, t->size, size);
    }
    six_sha256_end_text(&hash, digest);
    return SIXNET_OK;
}

void six_convert(void *to, six_dtype to_type, const void *from, six_dtype from_type, int64_t count)
{
    if (to_type == from_type) {
        memcpy(to, from, (size_t)count * (to_type == SIX_F64 ? sizeof(double) : sizeof(float)));
        return;
    }
    for (int64_t i = 0; i < count; i++)
        if (to_type == SIX_F64)
            ((double *)to)[i] = (double)((const float *)from)[i];
        else
            ((float *)to)[i] = (float)((const double *)from)[i];
}
