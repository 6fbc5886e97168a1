/* SPDX-License-Identifier: MIT */

#include "oracles.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double logistic(double x) { return 1 / (1 + exp(-x)); }

/* sum[o] = bias[o] + the sum over i of weight[o][i] * x[i] */
static void product(const double *weight, const double *bias, const double *x, int out, int in, double *sum)
{
    for (int o = 0; o < out; o++) {
        sum[o] = bias ? bias[o] : 0;
        for (int i = 0; i < in; i++)
            sum[o] += weight[o * in + i] * x[i];
    }
}

static double cell(oracle_cell kind, const double *x, const double *h, int j, int size, double old, double *c)
{
    const double a = x[j] + h[j];
    if (kind == ORACLE_RNN_TANH)
        return tanh(a);
    if (kind == ORACLE_RNN_RELU)
        return a > 0 ? a : 0;
    const double b = x[size + j] + h[size + j];
    if (kind == ORACLE_GRU) {
        const double n = tanh(x[2 * size + j] + logistic(a) * h[2 * size + j]), z = logistic(b);
        return (1 - z) * n + z * old;
    }
    *c = logistic(b) * *c + logistic(a) * tanh(x[2 * size + j] + h[2 * size + j]);
    return logistic(x[3 * size + j] + h[3 * size + j]) * tanh(*c);
}

/* One direction of one layer over one sample: x[length][in], y[length][stride], h and c begin and end with the state. */
static void direction(const oracle_recurrent *r, const double *const *tensor, const double *x, int in, int length,
                      int reverse, double *y, int stride, double *h, double *c)
{
    const int size = r->hidden, gates = r->cell == ORACLE_LSTM ? 4 : r->cell == ORACLE_GRU ? 3 : 1;
    double *from_x = malloc(2 * (size_t)(gates * size) * sizeof *from_x), *from_h = from_x + gates * size;
    for (int k = 0; k < length; k++) {
        const int t = reverse ? length - 1 - k : k;
        product(tensor[0], tensor[2], x + t * in, gates * size, in, from_x);
        product(tensor[1], tensor[3], h, gates * size, size, from_h);
        for (int j = 0; j < size; j++)
            h[j] = y[t * stride + j] = cell(r->cell, from_x, from_h, j, size, h[j], &c[j]);
    }
    free(from_x);
}

void oracle_recurrent_sample(const oracle_recurrent *r, const double *const *tensor, const double *x, int length,
                             const double *h_0, const double *c_0, double *y)
{
    const int directions = r->bidirectional ? 2 : 1, stride = directions * r->hidden, states = r->layers * stride;
    double *in = calloc((size_t)(r->steps * (r->features + stride)), sizeof *in), *h = y + r->steps * stride;
    double *c = calloc((size_t)states, sizeof *c);
    memcpy(in, x, (size_t)(r->steps * r->features) * sizeof *in);
    for (int i = 0; i < states; i++) {
        h[i] = h_0 ? h_0[i] : 0;
        c[i] = c_0 ? c_0[i] : 0;
    }
    for (int layer = 0; layer < r->layers; layer++) {
        memset(y, 0, (size_t)(r->steps * stride) * sizeof *y);
        for (int d = 0; d < directions; d++) {
            const int pass = layer * directions + d;
            direction(r, tensor + 4 * pass, in, layer ? stride : r->features, length, d, y + d * r->hidden, stride,
                      h + pass * r->hidden, c + pass * r->hidden);
        }
        memcpy(in, y, (size_t)(r->steps * stride) * sizeof *in);
    }
    if (r->cell == ORACLE_LSTM)
        memcpy(h + states, c, (size_t)states * sizeof *c);
    free(in);
    free(c);
}

/* Weights of one query, whose head's features begin at q; those of keys lie `stride` apart. */
static void attend(const double *q, const double *k, int stride, int size, int count, double *weight)
{
    double most = -INFINITY, sum = 0;
    for (int i = 0; i < count; i++) {
        weight[i] = 0;
        for (int j = 0; j < size; j++)
            weight[i] += q[j] * k[i * stride + j] / sqrt(size);
        most = fmax(most, weight[i]);
    }
    for (int i = 0; i < count; i++)
        sum += weight[i] = exp(weight[i] - most);
    for (int i = 0; i < count; i++)
        weight[i] /= sum;
}

void oracle_attention_sample(const oracle_attention *a, const double *const *tensor, const double *query,
                             const double *key, const double *value, int length, double *y)
{
    const int f = a->features, size = f / a->heads;
    const double *const w = tensor[0], *const b = tensor[1];
    double *q = calloc((size_t)(2 * a->queries + 2 * a->keys) * (size_t)f, sizeof *q), *z = q + a->queries * f;
    double *k = z + a->queries * f, *v = k + a->keys * f, *weight = calloc((size_t)a->keys, sizeof *weight);
    for (int t = 0; t < a->queries; t++)
        product(w, b, query + t * f, f, f, q + t * f);
    for (int t = 0; t < a->keys; t++) {
        product(w + f * f, b ? b + f : NULL, key + t * f, f, f, k + t * f);
        product(w + 2 * f * f, b ? b + 2 * f : NULL, value + t * f, f, f, v + t * f);
    }
    for (int h = 0; h < a->heads; h++)
        for (int t = 0; t < a->queries; t++) {
            const int count = a->causal && t + 1 < length ? t + 1 : length;
            attend(q + t * f + h * size, k + h * size, f, size, count, weight);
            for (int i = 0; i < count; i++)
                for (int j = 0; j < size; j++)
                    z[t * f + h * size + j] += weight[i] * v[i * f + h * size + j];
        }
    for (int t = 0; t < a->queries; t++)
        product(tensor[2], tensor[3], z + t * f, f, f, y + t * f);
    free(q);
    free(weight);
}

void oracle_positional_encoding(const double *x, const double *weight, double *y, int n, int steps, int features)
{
    for (int s = 0; s < n; s++)
        for (int t = 0; t < steps; t++)
            for (int f = 0; f < features; f++) {
                const int i = (s * steps + t) * features + f;
                const double angle = t / pow(10000, (double)(f - f % 2) / features);
                y[i] = x[i] + (weight ? weight[t * features + f] : f % 2 ? cos(angle) : sin(angle));
            }
}

void oracle_rmsnorm(const double *x, const double *weight, double *y, int rows, int size, double eps)
{
    for (int r = 0; r < rows; r++) {
        double squares = 0;
        for (int i = 0; i < size; i++)
            squares += x[r * size + i] * x[r * size + i];
        for (int i = 0; i < size; i++)
            y[r * size + i] = x[r * size + i] / sqrt(squares / size + eps) * (weight ? weight[i] : 1);
    }
}
