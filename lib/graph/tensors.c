/* SPDX-License-Identifier: MIT */

#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "base/sha256.h"
#include "base/status.h"
#include "graph/graph.h"

static void describe(const sixnet_model *net, int32_t node, int32_t param, six_tensor *t)
{
    const six_param *p = &net->node[node].op->param[param];
    snprintf(t->name, sizeof t->name, "%s.%.60s", net->node[node].name, p->name);
    t->shape = p->shape;
    t->size = six_shape_size(&p->shape);
    t->trained = p->trained;
    t->node = node;
    t->param = param;
}

static int32_t list(sixnet_model *net)
{
    int64_t count = 0;
    for (int32_t i = 0; i < net->node_count; i++)
        count += net->node[i].op->params;
    net->tensor = six_alloc(net->ctx, (size_t)count, sizeof *net->tensor);
    if (!net->tensor)
        return SIXNET_OUT_OF_MEMORY;
    net->tensor_count = 0;
    for (int32_t i = 0; i < net->node_count; i++) {
        net->node[i].first_tensor = net->tensor_count;
        for (int32_t p = 0; p < net->node[i].op->params; p++)
            describe(net, i, p, &net->tensor[net->tensor_count++]);
    }
    return SIXNET_OK;
}

/* Parameters first, so that gradients and optimizer state are arrays of the same order. */
static void place(sixnet_model *net)
{
    int64_t offset = 0;
    for (int trained = 1; trained >= 0; trained--) {
        for (int32_t i = 0; i < net->tensor_count; i++)
            if (net->tensor[i].trained == trained) {
                net->tensor[i].offset = offset;
                offset += net->tensor[i].size;
            }
        if (trained)
            net->trained_size = offset;
    }
    net->values_size = offset;
}

static void point(sixnet_model *net)
{
    size_t size = (size_t)net->variant->real_size;
    for (int32_t i = 0; i < net->tensor_count; i++) {
        const six_tensor *t = &net->tensor[i];
        six_op *op = net->node[t->node].op;
        op->value[t->param] = (void *)((char *)net->values + (size_t)t->offset * size);
        op->gradient[t->param] = t->trained ? (void *)((char *)net->gradients + (size_t)t->offset * size) : NULL;
    }
}

int32_t six_tensors_lay_out(sixnet_model *net)
{
    int32_t status = list(net);
    if (!status) {
        size_t size = (size_t)net->variant->real_size;
        place(net);
        net->values = six_alloc(net->ctx, (size_t)net->values_size, size);
        net->gradients = six_alloc(net->ctx, (size_t)net->trained_size, size);
        net->kept = six_alloc(net->ctx, (size_t)(net->serial ? net->values_size : net->values_size - net->trained_size), size);
        status = net->values && net->gradients && net->kept ? SIXNET_OK : SIXNET_OUT_OF_MEMORY;
    }
    if (!status) {
        point(net);
        return SIXNET_OK;
    }
    six_free(net->ctx, net->tensor);
    six_free(net->ctx, net->values);
    six_free(net->ctx, net->gradients);
    six_free(net->ctx, net->kept);
    net->tensor = NULL;
    net->values = net->gradients = net->kept = NULL;
    net->tensor_count = 0;
    return status;
}

uint64_t six_tensors_bytes(const sixnet_model *net)
{
    uint64_t values = 0, trained = 0, tensors = 0;
    for (int32_t i = 0; i < net->node_count; i++)
        for (int32_t p = 0; p < net->node[i].op->params; p++) {
            const six_param *param = &net->node[i].op->param[p];
            uint64_t size = (uint64_t)six_shape_size(&param->shape);
            values += size;
            trained += param->trained ? size : 0;
            tensors++;
        }
    uint64_t kept = net->serial ? values : values - trained;
    return (values + trained + kept) * (uint64_t)net->variant->real_size + tensors * sizeof *net->tensor + 4 * SIX_ALLOC_EXTRA;
}

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
        const six_init *init = &net->node[t->node].op->param[t->param].init;
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

const six_tensor *six_tensor_find(const sixnet_model *net, const char *name)
{
    for (int32_t i = 0; i < net->tensor_count; i++)
        if (strcmp(net->tensor[i].name, name) == 0)
            return &net->tensor[i];
    six_fail(SIXNET_NOT_FOUND, "there is no tensor '%.100s'%s", name, net->compiled ? "" : "; the model is not compiled yet");
    return NULL;
}

void *six_tensor_at(const sixnet_model *net, void *array, const six_tensor *t)
{
    return (char *)array + (size_t)t->offset * (size_t)net->variant->real_size;
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
    uint8_t bytes[32];
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
    six_sha256_end(&hash, bytes);
    for (int i = 0; i < 32; i++) {
        digest[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        digest[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    digest[64] = 0;
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
