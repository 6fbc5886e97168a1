/* SPDX-License-Identifier: MIT */

/* Layers straight from their formulas: no lanes, no blocking, no tricks, and nothing from lib/. */

#include "oracles.h"

#include <math.h>
#include <string.h>
#include <stddef.h>

int oracle_conv_size(int in, int kernel, int stride, int pad, int dilation)
{
    return (in + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1;
}

void oracle_conv2d(const double *x, const double *weight, const double *bias, double *y, int n, int cin, int h, int w,
                   int cout, int oh, int ow, int kh, int kw, int stride_h, int stride_w, int pad_h, int pad_w,
                   int dilation_h, int dilation_w, int groups)
{
    const int in_per_group = cin / groups, out_per_group = cout / groups;
    for (int s = 0; s < n; s++)
        for (int o = 0; o < cout; o++)
            for (int r = 0; r < oh; r++)
                for (int c = 0; c < ow; c++) {
                    double sum = bias ? bias[o] : 0;
                    for (int i = 0; i < in_per_group; i++)
                        for (int u = 0; u < kh; u++)
                            for (int v = 0; v < kw; v++) {
                                const int channel = o / out_per_group * in_per_group + i;
                                const int row = r * stride_h - pad_h + u * dilation_h,
                                          column = c * stride_w - pad_w + v * dilation_w;
                                if (row >= 0 && row < h && column >= 0 && column < w)
                                    sum += x[((s * cin + channel) * h + row) * w + column] *
                                           weight[((o * in_per_group + i) * kh + u) * kw + v];
                            }
                    y[((s * cout + o) * oh + r) * ow + c] = sum;
                }
}

void oracle_conv_transpose2d(const double *x, const double *weight, const double *bias, double *y, int n, int cin,
                             int h, int w, int cout, int oh, int ow, int kh, int kw, int stride_h, int stride_w,
                             int pad_h, int pad_w, int dilation_h, int dilation_w, int groups)
{
    const int in_per_group = cin / groups, out_per_group = cout / groups;
    for (int k = 0; k < n * cout * oh * ow; k++)
        y[k] = bias ? bias[k / (oh * ow) % cout] : 0;
    for (int k = 0; k < n * cin * h * w; k++) {
        const int s = k / (cin * h * w), i = k / (h * w) % cin, r = k / w % h, c = k % w;
        for (int o = 0; o < out_per_group; o++)
            for (int u = 0; u < kh; u++)
                for (int v = 0; v < kw; v++) {
                    const int channel = i / in_per_group * out_per_group + o;
                    const int row = r * stride_h - pad_h + u * dilation_h,
                              column = c * stride_w - pad_w + v * dilation_w;
                    if (row >= 0 && row < oh && column >= 0 && column < ow)
                        y[((s * cout + channel) * oh + row) * ow + column] +=
                            x[k] * weight[((i * out_per_group + o) * kh + u) * kw + v];
                }
    }
}

void oracle_linear(const double *x, const double *weight, const double *bias, double *y, int rows, int in, int out)
{
    for (int r = 0; r < rows; r++)
        for (int o = 0; o < out; o++) {
            double sum = bias ? bias[o] : 0;
            for (int i = 0; i < in; i++)
                sum += x[r * in + i] * weight[o * in + i];
            y[r * out + o] = sum;
        }
}

void oracle_matmul(const double *a, const double *b, double *y, int m, int n, int k, int transpose_a, int transpose_b)
{
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            y[i * n + j] = 0;
            for (int l = 0; l < k; l++)
                y[i * n + j] += a[transpose_a ? l * m + i : i * k + l] * b[transpose_b ? j * k + l : l * n + j];
        }
}

int oracle_pool_size(int in, int kernel, int stride, int pad, int dilation, int ceil_mode)
{
    const double steps = (double)(in + 2 * pad - dilation * (kernel - 1) - 1) / stride;
    int size = (int)(ceil_mode ? ceil(steps) : floor(steps)) + 1;
    /* with ceil_mode, a window that would begin in the padding behind the input is left out */
    if (ceil_mode && (size - 1) * stride >= in + pad)
        size--;
    return size;
}

void oracle_maxpool2d(const double *x, double *y, int n, int c, int h, int w, int kh, int kw, int stride_h,
                      int stride_w, int pad_h, int pad_w, int dilation_h, int dilation_w, int ceil_mode)
{
    const int oh = oracle_pool_size(h, kh, stride_h, pad_h, dilation_h, ceil_mode);
    const int ow = oracle_pool_size(w, kw, stride_w, pad_w, dilation_w, ceil_mode);
    for (int plane = 0; plane < n * c; plane++)
        for (int r = 0; r < oh; r++)
            for (int q = 0; q < ow; q++) {
                double largest = -INFINITY;
                for (int u = 0; u < kh; u++)
                    for (int v = 0; v < kw; v++) {
                        const int row = r * stride_h - pad_h + u * dilation_h,
                                  column = q * stride_w - pad_w + v * dilation_w;
                        if (row >= 0 && row < h && column >= 0 && column < w)
                            largest = fmax(largest, x[(plane * h + row) * w + column]);
                    }
                y[(plane * oh + r) * ow + q] = largest;
            }
}

void oracle_avgpool2d(const double *x, double *y, int n, int c, int h, int w, int kh, int kw, int stride_h,
                      int stride_w, int pad_h, int pad_w, int ceil_mode, int count_include_pad)
{
    const int oh = oracle_pool_size(h, kh, stride_h, pad_h, 1, ceil_mode),
              ow = oracle_pool_size(w, kw, stride_w, pad_w, 1, ceil_mode);
    for (int plane = 0; plane < n * c; plane++)
        for (int r = 0; r < oh; r++)
            for (int q = 0; q < ow; q++) {
                double sum = 0;
                int inside = 0, padded = 0;
                for (int row = r * stride_h - pad_h; row < r * stride_h - pad_h + kh; row++)
                    for (int column = q * stride_w - pad_w; column < q * stride_w - pad_w + kw; column++) {
                        if (row >= h + pad_h || column >= w + pad_w) /* where ceil_mode reaches beyond the padding */
                            continue;
                        padded++;
                        if (row >= 0 && row < h && column >= 0 && column < w) {
                            sum += x[(plane * h + row) * w + column];
                            inside++;
                        }
                    }
                y[(plane * oh + r) * ow + q] = sum / (count_include_pad ? padded : inside);
            }
}

void oracle_adaptive_avgpool2d(const double *x, double *y, int n, int c, int h, int w, int oh, int ow)
{
    for (int plane = 0; plane < n * c; plane++)
        for (int r = 0; r < oh; r++)
            for (int q = 0; q < ow; q++) {
                const int top = (int)floor((double)r * h / oh), bottom = (int)ceil((double)(r + 1) * h / oh);
                const int left = (int)floor((double)q * w / ow), right = (int)ceil((double)(q + 1) * w / ow);
                double sum = 0;
                for (int row = top; row < bottom; row++)
                    for (int column = left; column < right; column++)
                        sum += x[(plane * h + row) * w + column];
                y[(plane * oh + r) * ow + q] = sum / ((bottom - top) * (right - left));
            }
}

void oracle_adaptive_maxpool2d(const double *x, double *y, int n, int c, int h, int w, int oh, int ow)
{
    for (int k = 0; k < n * c * oh * ow; k++) {
        const int plane = k / (oh * ow), r = k / ow % oh, q = k % ow;
        y[k] = -INFINITY;
        for (int row = (int)floor((double)r * h / oh); row < (int)ceil((double)(r + 1) * h / oh); row++)
            for (int column = (int)floor((double)q * w / ow); column < (int)ceil((double)(q + 1) * w / ow); column++)
                y[k] = fmax(y[k], x[(plane * h + row) * w + column]);
    }
}

void oracle_batchnorm(const double *x, const double *weight, const double *bias, double *running_mean,
                      double *running_var, double *y, int n, int c, int space, int training, double momentum,
                      double eps)
{
    const int count = n * space;
    for (int k = 0; k < c; k++) {
        double mean = 0, variance = 0;
        if (training) {
            for (int s = 0; s < n; s++)
                for (int i = 0; i < space; i++)
                    mean += x[(s * c + k) * space + i] / count;
            for (int s = 0; s < n; s++)
                for (int i = 0; i < space; i++)
                    variance += pow(x[(s * c + k) * space + i] - mean, 2) / count;
            if (running_mean)
                running_mean[k] = (1 - momentum) * running_mean[k] + momentum * mean;
            if (running_var)
                running_var[k] = (1 - momentum) * running_var[k] + momentum * variance * count / (count - 1);
        } else {
            mean = running_mean[k];
            variance = running_var[k];
        }
        for (int s = 0; s < n; s++)
            for (int i = 0; i < space; i++) {
                const int at = (s * c + k) * space + i;
                y[at] = (x[at] - mean) / sqrt(variance + eps) * (weight ? weight[k] : 1) + (bias ? bias[k] : 0);
            }
    }
}

void oracle_layernorm(const double *x, const double *weight, const double *bias, double *y, int rows, int size,
                      double eps)
{
    for (int r = 0; r < rows; r++) {
        double mean = 0, variance = 0;
        for (int i = 0; i < size; i++)
            mean += x[r * size + i] / size;
        for (int i = 0; i < size; i++)
            variance += pow(x[r * size + i] - mean, 2) / size;
        for (int i = 0; i < size; i++)
            y[r * size + i] =
                (x[r * size + i] - mean) / sqrt(variance + eps) * (weight ? weight[i] : 1) + (bias ? bias[i] : 0);
    }
}

void oracle_groupnorm(const double *x, const double *weight, const double *bias, double *y, int n, int c, int space,
                      int groups, double eps)
{
    const int size = c / groups * space;
    for (int s = 0; s < n; s++)
        for (int g = 0; g < groups; g++) {
            const int begin = (s * groups + g) * size;
            double mean = 0, variance = 0;
            for (int i = 0; i < size; i++)
                mean += x[begin + i] / size;
            for (int i = 0; i < size; i++)
                variance += pow(x[begin + i] - mean, 2) / size;
            for (int i = 0; i < size; i++) {
                const int channel = g * (c / groups) + i / space;
                y[begin + i] = (x[begin + i] - mean) / sqrt(variance + eps) * (weight ? weight[channel] : 1) +
                               (bias ? bias[channel] : 0);
            }
        }
}

void oracle_local_response_norm(const double *x, double *y, int n, int c, int space, int size, double alpha,
                                double beta, double k)
{
    for (int at = 0; at < n * c * space; at++) {
        const int channel = at / space % c;
        double sum = 0;
        for (int step = -(size / 2); step < size - size / 2; step++)
            if (channel + step >= 0 && channel + step < c)
                sum += x[at + step * space] * x[at + step * space];
        y[at] = x[at] / pow(k + alpha * sum / size, beta);
    }
}

void oracle_embedding(const double *index, const double *weight, double *y, int count, int dim)
{
    for (int i = 0; i < count; i++)
        for (int d = 0; d < dim; d++)
            y[i * dim + d] = weight[(int)index[i] * dim + d];
}

static double combined(const char *operation, double a, double b)
{
    if (strcmp(operation, "add") == 0)
        return a + b;
    if (strcmp(operation, "sub") == 0)
        return a - b;
    if (strcmp(operation, "mul") == 0)
        return a * b;
    if (strcmp(operation, "div") == 0)
        return a / b;
    return strcmp(operation, "maximum") == 0 ? fmax(a, b) : fmin(a, b);
}

void oracle_arithmetic(const char *operation, const double *const *x, int64_t (*dim)[8], int inputs, double *y,
                       const int64_t *out, int rank)
{
    int64_t size = 1;
    for (int d = 0; d < rank; d++)
        size *= out[d];
    for (int64_t at = 0; at < size; at++)
        for (int i = 0; i < inputs; i++) {
            int64_t offset = 0, stride = 1, rest = at;
            for (int d = rank - 1; d >= 0; rest /= out[d], stride *= dim[i][d], d--)
                offset += rest % out[d] % dim[i][d] * stride;
            y[at] = i == 0 ? x[i][offset] : combined(operation, y[at], x[i][offset]);
        }
}

double oracle_function(const char *name, double x, double a, double b)
{
    if (strcmp(name, "exp") == 0)
        return exp(x);
    if (strcmp(name, "log") == 0)
        return log(x);
    if (strcmp(name, "sqrt") == 0)
        return sqrt(x);
    if (strcmp(name, "abs") == 0)
        return fabs(x);
    if (strcmp(name, "neg") == 0)
        return -x;
    if (strcmp(name, "scale") == 0)
        return a * x + b;
    return strcmp(name, "pow") == 0 ? pow(x, a) : NAN;
}

void oracle_concat(const double *const *x, const int *dim, int inputs, double *y, int outer, int inner)
{
    for (int o = 0; o < outer; o++)
        for (int k = 0; k < inputs; k++)
            for (int d = 0; d < dim[k]; d++)
                for (int i = 0; i < inner; i++)
                    *y++ = x[k][(o * dim[k] + d) * inner + i];
}

void oracle_split(const double *x, const int *dim, int outputs, double *y, int n, int outer, int inner)
{
    int whole = 0;
    for (int k = 0; k < outputs; k++)
        whole += dim[k];
    for (int s = 0; s < n; s++)
        for (int k = 0, first = 0; k < outputs; first += dim[k], k++)
            for (int o = 0; o < outer; o++)
                for (int d = first; d < first + dim[k]; d++)
                    for (int i = 0; i < inner; i++)
                        *y++ = x[((s * outer + o) * whole + d) * inner + i];
}
