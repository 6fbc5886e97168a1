/* SPDX-License-Identifier: MIT */

/* Activations and losses in plain double, straight from their formulas; see oracles.h. */

#include "oracles.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

void oracle_relu(const double *x, int64_t count, double *y)
{
    for (int64_t i = 0; i < count; i++)
        y[i] = x[i] < 0 ? 0 : x[i];
}

void oracle_leaky_relu(const double *x, int64_t count, double negative_slope, double *y)
{
    for (int64_t i = 0; i < count; i++)
        y[i] = x[i] < 0 ? negative_slope * x[i] : x[i];
}

void oracle_sigmoid(const double *x, int64_t count, double *y)
{
    for (int64_t i = 0; i < count; i++)
        y[i] = 1 / (1 + exp(-x[i]));
}

void oracle_tanh(const double *x, int64_t count, double *y)
{
    for (int64_t i = 0; i < count; i++)
        y[i] = tanh(x[i]);
}

void oracle_gelu(const double *x, int64_t count, double *y)
{
    for (int64_t i = 0; i < count; i++)
        y[i] = 0.5 * x[i] * erfc(-x[i] / sqrt(2));
}

void oracle_gelu_tanh(const double *x, int64_t count, double *y)
{
    const double pi = 3.14159265358979323846;
    for (int64_t i = 0; i < count; i++)
        y[i] = 0.5 * x[i] * (1 + tanh(sqrt(2 / pi) * (x[i] + 0.044715 * x[i] * x[i] * x[i])));
}

void oracle_silu(const double *x, int64_t count, double *y)
{
    for (int64_t i = 0; i < count; i++)
        y[i] = x[i] / (1 + exp(-x[i]));
}

static double elu(double x, double alpha, double b)
{
    (void)b;
    return x > 0 ? x : alpha * expm1(x);
}

static double selu(double x, double a, double b)
{
    (void)a;
    return 1.0507009873554804934193349852946 * elu(x, 1.6732632423543772848170429916717, b);
}

static double celu(double x, double alpha, double b)
{
    (void)b;
    return x > 0 ? x : alpha * expm1(x / alpha);
}

static double hardtanh(double x, double low, double high) { return fmin(fmax(x, low), high); }

static double relu6(double x, double a, double b)
{
    (void)a;
    (void)b;
    return hardtanh(x, 0, 6);
}

static double hardsigmoid(double x, double a, double b) { return relu6(x + 3, a, b) / 6; }
static double hardswish(double x, double a, double b) { return x * hardsigmoid(x, a, b); }

static double softplus(double x, double beta, double threshold)
{
    return beta * x > threshold ? x : (fmax(beta * x, 0) + log1p(exp(-fabs(beta * x)))) / beta;
}

static double logsigmoid(double x, double a, double b)
{
    (void)a;
    (void)b;
    return -softplus(-x, 1, HUGE_VAL);
}

static double softsign(double x, double a, double b)
{
    (void)a;
    (void)b;
    return x / (1 + fabs(x));
}

/* tanh(log(w)) = (w^2 - 1) / (w^2 + 1) with w = 1 + exp(x). */
static double mish(double x, double a, double b)
{
    const double e = exp(fmin(x, 40)), square = e * (e + 2);
    (void)a;
    (void)b;
    return x * (square / (square + 2));
}

static double threshold(double x, double limit, double value) { return x > limit ? x : value; }

/* (x cosh(x) - sinh(x)) / cosh(x), whose numerator is the sum of 2 k x^(2 k + 1) / (2 k + 1)!. */
static double tanhshrink(double x, double a, double b)
{
    double sum = 0, term = x;
    (void)a;
    (void)b;
    if (fabs(x) > 3)
        return x - tanh(x);
    for (int k = 1; k < 25; k++) {
        term *= x * x / (2 * k * (2 * k + 1));
        sum += 2 * k * term;
    }
    return sum / cosh(x);
}

static double softshrink(double x, double lambd, double b)
{
    (void)b;
    return x > lambd ? x - lambd : x < -lambd ? x + lambd : 0;
}

static double hardshrink(double x, double lambd, double b)
{
    (void)b;
    return x > lambd || x < -lambd ? x : 0;
}

double oracle_activation(const char *name, double x, double a, double b)
{
    static const struct {
        const char *name;
        double (*at)(double x, double a, double b);
    } all[] = {{"elu", elu},
               {"selu", selu},
               {"celu", celu},
               {"relu6", relu6},
               {"hardtanh", hardtanh},
               {"hardsigmoid", hardsigmoid},
               {"hardswish", hardswish},
               {"softplus", softplus},
               {"logsigmoid", logsigmoid},
               {"softsign", softsign},
               {"mish", mish},
               {"threshold", threshold},
               {"tanhshrink", tanhshrink},
               {"softshrink", softshrink},
               {"hardshrink", hardshrink}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i].name, name) == 0)
            return all[i].at(x, a, b);
    return NAN;
}

void oracle_prelu(const double *x, const double *weight, int64_t weights, int64_t n, int64_t channels, int64_t space,
                  double *y)
{
    for (int64_t i = 0; i < n * channels * space; i++)
        y[i] = x[i] > 0 ? x[i] : weight[weights == 1 ? 0 : i / space % channels] * x[i];
}

void oracle_glu(const double *x, int64_t outer, int64_t half, int64_t inner, double *y)
{
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < half * inner; i++) {
            const double *a = x + 2 * o * half * inner + i;
            y[o * half * inner + i] = a[0] / (1 + exp(-a[half * inner]));
        }
}

void oracle_log_softmax(const double *x, int64_t outer, int64_t classes, int64_t inner, double *y)
{
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            const double *from = x + o * classes * inner + i;
            double *to = y + o * classes * inner + i, largest = from[0], sum = 0;
            for (int64_t c = 1; c < classes; c++)
                largest = fmax(largest, from[c * inner]);
            for (int64_t c = 0; c < classes; c++)
                sum += exp(from[c * inner] - largest);
            for (int64_t c = 0; c < classes; c++)
                to[c * inner] = from[c * inner] - largest - log(sum);
        }
}

void oracle_softmax(const double *x, int64_t outer, int64_t classes, int64_t inner, double *y)
{
    oracle_log_softmax(x, outer, classes, inner, y);
    for (int64_t i = 0; i < outer * classes * inner; i++)
        y[i] = exp(y[i]);
}

double oracle_nll(const double *log_p, const double *target, int64_t n, int64_t classes, int64_t positions,
                  const double *weight, double label_smoothing, oracle_reduction reduction)
{
    double loss = 0, weights = 0;
    for (int64_t s = 0; s < n; s++)
        for (int64_t p = 0; p < positions; p++) {
            int64_t label = (int64_t)target[s * positions + p];
            weights += weight ? weight[label] : 1;
            for (int64_t c = 0; c < classes; c++) {
                double share = (c == label ? 1 - label_smoothing : 0) + label_smoothing / (double)classes;
                if (share != 0)
                    loss -= share * (weight ? weight[c] : 1) * log_p[(s * classes + c) * positions + p];
            }
        }
    return reduction == ORACLE_MEAN ? loss / weights : loss;
}

double oracle_cross_entropy(const double *x, const double *target, int64_t n, int64_t classes, int64_t positions,
                            const double *weight, double label_smoothing, oracle_reduction reduction, double *room)
{
    oracle_log_softmax(x, n, classes, positions, room);
    return oracle_nll(room, target, n, classes, positions, weight, label_smoothing, reduction);
}

double oracle_cross_entropy_of_shares(const double *x, const double *target, int64_t n, int64_t classes,
                                      int64_t positions, const double *weight, double label_smoothing,
                                      oracle_reduction reduction, double *room)
{
    double loss = 0;
    oracle_log_softmax(x, n, classes, positions, room);
    for (int64_t i = 0; i < n * classes * positions; i++) {
        double share = target[i] * (1 - label_smoothing) + label_smoothing / (double)classes;
        loss -= room[i] * share * (weight ? weight[i / positions % classes] : 1);
    }
    return reduction == ORACLE_MEAN ? loss / (double)(n * positions) : loss;
}

static double reduced(double sum, int64_t count, oracle_reduction reduction)
{
    return reduction == ORACLE_MEAN ? sum / (double)count : reduction == ORACLE_HALF_SUM ? sum / 2 : sum;
}

double oracle_mse(const double *x, const double *target, int64_t count, oracle_reduction reduction)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += (x[i] - target[i]) * (x[i] - target[i]);
    return reduced(sum, count, reduction);
}

double oracle_l1(const double *x, const double *target, int64_t count, oracle_reduction reduction)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += fabs(x[i] - target[i]);
    return reduced(sum, count, reduction);
}

double oracle_huber(const double *x, const double *target, int64_t count, double delta, oracle_reduction reduction)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        double d = fabs(x[i] - target[i]);
        sum += d < delta ? 0.5 * d * d : delta * (d - 0.5 * delta);
    }
    return reduced(sum, count, reduction);
}

double oracle_bce(const double *x, const double *target, int64_t count, oracle_reduction reduction)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum -= target[i] * fmax(log(x[i]), -100) + (1 - target[i]) * fmax(log1p(-x[i]), -100);
    return reduced(sum, count, reduction);
}

double oracle_kl_div(const double *x, const double *target, int64_t count, bool log_target, oracle_reduction reduction)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        const double p = log_target ? exp(target[i]) : target[i];
        if (p > 0)
            sum += p * ((log_target ? target[i] : log(p)) - x[i]);
    }
    return reduced(sum, count, reduction);
}

double oracle_poisson_nll(const double *x, const double *target, int64_t count, bool log_input, bool full, double eps,
                          oracle_reduction reduction)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        const double t = target[i];
        sum += log_input ? exp(x[i]) - t * x[i] : x[i] - t * log(x[i] + eps);
        if (full && t > 1)
            sum += t * log(t) - t + 0.5 * log(2 * acos(-1) * t);
    }
    return reduced(sum, count, reduction);
}

double oracle_smooth_l1(const double *x, const double *target, int64_t count, double beta, oracle_reduction reduction)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        double d = fabs(x[i] - target[i]);
        sum += d < beta ? 0.5 * d * d / beta : d - 0.5 * beta;
    }
    return reduced(sum, count, reduction);
}

/* -log(sigmoid(x)), for any x */
static double minus_log_sigmoid(double x) { return fmax(-x, 0) + log1p(exp(-fabs(x))); }

double oracle_bce_with_logits(const double *x, const double *target, int64_t count, const double *pos_weight,
                              int64_t pos_weights, oracle_reduction reduction)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        double weight = pos_weights > 0 ? pos_weight[i % pos_weights] : 1;
        sum += weight * target[i] * minus_log_sigmoid(x[i]) + (1 - target[i]) * minus_log_sigmoid(-x[i]);
    }
    return reduced(sum, count, reduction);
}
