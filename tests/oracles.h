/* SPDX-License-Identifier: MIT */
#ifndef SIX_TESTS_ORACLES_H
#define SIX_TESTS_ORACLES_H

/* What layers should compute, in plain double and without anything of the library: arrays are row-major, one sample after another. */

#include <stdbool.h>
#include <stdint.h>

/* --- Activations and losses: oracles_activation.c --- */

/* Value by value. */
void oracle_relu(const double *x, int64_t count, double *y);
void oracle_leaky_relu(const double *x, int64_t count, double negative_slope, double *y);
void oracle_sigmoid(const double *x, int64_t count, double *y);
void oracle_tanh(const double *x, int64_t count, double *y);
void oracle_gelu(const double *x, int64_t count, double *y);
void oracle_gelu_tanh(const double *x, int64_t count, double *y); /* approximate=tanh */
void oracle_silu(const double *x, int64_t count, double *y);
/* An activation by its name at x; a and b are its attributes, in the order of PyTorch's arguments. NAN if there is none of that name. */
double oracle_activation(const char *name, double x, double a, double b);
/* x[n][channels][space], weight[weights] with weights = 1 or channels. */
void oracle_prelu(const double *x, const double *weight, int64_t weights, int64_t n, int64_t channels, int64_t space,
                  double *y);
/* y[outer][half][inner] of x[outer][2][half][inner]. */
void oracle_glu(const double *x, int64_t outer, int64_t half, int64_t inner, double *y);

/* Over the middle index of [outer][classes][inner]; y may be x. For dim d of a sample, outer is n times the dimensions before d. */
void oracle_softmax(const double *x, int64_t outer, int64_t classes, int64_t inner, double *y);
void oracle_log_softmax(const double *x, int64_t outer, int64_t classes, int64_t inner, double *y);

/* Losses give their value. ORACLE_HALF_SUM is the sum over samples and features, halved. */
typedef enum oracle_reduction { ORACLE_MEAN, ORACLE_SUM, ORACLE_HALF_SUM } oracle_reduction;

/* x and log_p are [n][classes][positions], targets [n][positions] hold classes; positions is 1 unless every place of an image or sequence
 * has a class. weight has one number for each class, or is NULL; the mean is over the targets' weights. room is as large as x. */
double oracle_nll(const double *log_p, const double *target, int64_t n, int64_t classes, int64_t positions,
                  const double *weight, double label_smoothing, oracle_reduction reduction);
double oracle_cross_entropy(const double *x, const double *target, int64_t n, int64_t classes, int64_t positions,
                            const double *weight, double label_smoothing, oracle_reduction reduction, double *room);
/* As oracle_cross_entropy(), with a probability for each class in targets [n][classes][positions]; the mean is over samples and positions. */
double oracle_cross_entropy_of_shares(const double *x, const double *target, int64_t n, int64_t classes,
                                      int64_t positions, const double *weight, double label_smoothing,
                                      oracle_reduction reduction, double *room);

/* count is the number of all values, of all samples. */
double oracle_mse(const double *x, const double *target, int64_t count, oracle_reduction reduction);
double oracle_l1(const double *x, const double *target, int64_t count, oracle_reduction reduction);
double oracle_smooth_l1(const double *x, const double *target, int64_t count, double beta, oracle_reduction reduction);
double oracle_huber(const double *x, const double *target, int64_t count, double delta, oracle_reduction reduction);
double oracle_bce(const double *x, const double *target, int64_t count, oracle_reduction reduction);
double oracle_kl_div(const double *x, const double *target, int64_t count, bool log_target, oracle_reduction reduction);
double oracle_poisson_nll(const double *x, const double *target, int64_t count, bool log_input, bool full, double eps,
                          oracle_reduction reduction);
/* pos_weights is 0, 1, or the length of the last dimension. */
double oracle_bce_with_logits(const double *x, const double *target, int64_t count, const double *pos_weight,
                              int64_t pos_weights, oracle_reduction reduction);

/* --- end of activations and losses --- */

/* ---- tests/oracles_norm.c: linear, matrix product, convolution, pooling, normalization, embedding, arithmetic, functions, concat, split ---- */

/* y[n][cout][oh][ow] of x[n][cin][h][w] and weight[cout][cin / groups][kh][kw]; pad_h and pad_w are before the first row and column, and
 * with as much behind the last oh is oracle_conv_size(h, kh, stride_h, pad_h, dilation_h), ow likewise; bias[cout] may be NULL. */
int oracle_conv_size(int in, int kernel, int stride, int pad, int dilation);
void oracle_conv2d(const double *x, const double *weight, const double *bias, double *y, int n, int cin, int h, int w,
                   int cout, int oh, int ow, int kh, int kw, int stride_h, int stride_w, int pad_h, int pad_w,
                   int dilation_h, int dilation_w, int groups);
/* y[n][cout][oh][ow] of x[n][cin][h][w] and weight[cin][cout / groups][kh][kw]: each value of x times a window of weights, added to y from
 * row r * stride_h - pad_h and the column likewise. */
void oracle_conv_transpose2d(const double *x, const double *weight, const double *bias, double *y, int n, int cin,
                             int h, int w, int cout, int oh, int ow, int kh, int kw, int stride_h, int stride_w,
                             int pad_h, int pad_w, int dilation_h, int dilation_w, int groups);

/* y[rows][out] of x[rows][in] and weight[out][in]; rows are all but the last dimension of all samples; bias[out] may be NULL. */
void oracle_linear(const double *x, const double *weight, const double *bias, double *y, int rows, int in, int out);

/* y[m][n] of a[m][k] and b[k][n]; a[k][m] with transpose_a, b[n][k] with transpose_b. */
void oracle_matmul(const double *a, const double *b, double *y, int m, int n, int k, int transpose_a, int transpose_b);

/* y[n][c][oh][ow] of x[n][c][h][w], where oh = oracle_pool_size(h, kh, stride_h, pad_h, dilation_h, ceil_mode) and ow likewise; average
 * pooling has dilation 1. */
int oracle_pool_size(int in, int kernel, int stride, int pad, int dilation, int ceil_mode);
void oracle_maxpool2d(const double *x, double *y, int n, int c, int h, int w, int kh, int kw, int stride_h,
                      int stride_w, int pad_h, int pad_w, int dilation_h, int dilation_w, int ceil_mode);
void oracle_avgpool2d(const double *x, double *y, int n, int c, int h, int w, int kh, int kw, int stride_h,
                      int stride_w, int pad_h, int pad_w, int ceil_mode, int count_include_pad);
void oracle_adaptive_avgpool2d(const double *x, double *y, int n, int c, int h, int w, int oh, int ow);
void oracle_adaptive_maxpool2d(const double *x, double *y, int n, int c, int h, int w, int oh, int ow);

/* x and y are [n][c][space]: space is 1 for batchnorm1d of rank 1, h * w for batchnorm2d. In training the batch's statistics are used and
 * the running ones moved towards them by momentum (towards the unbiased variance); else the running ones are used. weight and bias may
 * be NULL; so may the running ones in training. */
void oracle_batchnorm(const double *x, const double *weight, const double *bias, double *running_mean,
                      double *running_var, double *y, int n, int c, int space, int training, double momentum,
                      double eps);
/* Each of `rows` runs of `size` values by itself; weight[size] and bias[size] may be NULL. */
void oracle_layernorm(const double *x, const double *weight, const double *bias, double *y, int rows, int size,
                      double eps);
/* x and y are [n][c][space]; weight[c] and bias[c] may be NULL. */
void oracle_groupnorm(const double *x, const double *weight, const double *bias, double *y, int n, int c, int space,
                      int groups, double eps);

/* x and y are [n][c][space]. */
void oracle_local_response_norm(const double *x, double *y, int n, int c, int space, int size, double alpha,
                                double beta, double k);

/* y[count][dim], where y[i] is row index[i] of weight[...][dim]. */
void oracle_embedding(const double *index, const double *weight, double *y, int count, int dim);

/* Of one sample: operation (add, sub, mul, div, maximum, minimum) over inputs x[i] of shape dim[i], whose rank dimensions are those of the
 * output or 1; missing ones are 1 too. */
void oracle_arithmetic(const char *operation, const double *const *x, int64_t (*dim)[8], int inputs, double *y,
                       const int64_t *out, int rank);
/* A function by its name at x; a and b are its attributes. NAN if there is none of that name. */
double oracle_function(const char *name, double x, double a, double b);
/* y[outer][dim[0] + dim[1] + ...][inner] of x[i][outer][dim[i]][inner]; outer includes the samples. */
void oracle_concat(const double *const *x, const int *dim, int inputs, double *y, int outer, int inner);
/* Of x[n][outer][dim[0] + dim[1] + ...][inner], for each of n samples its pieces one after another: y[n] = [outer][dim[0]][inner], ... */
void oracle_split(const double *x, const int *dim, int outputs, double *y, int n, int outer, int inner);

/* ---- end of tests/oracles_norm.c ---- */

/* ---- tests/oracles_image.c ---- */

/* y[planes][side[2] + h + side[3]][side[0] + w + side[1]] of x[planes][h][w]; mode is "constant", "reflect" or "replicate". */
void oracle_pad(const double *x, double *y, int planes, int h, int w, const int side[4], const char *mode,
                double value);
/* large[n][c][h * factor][w * factor] of small[n][c][factor][factor][h][w]; with `back` small of large. */
void oracle_pixel_shuffle(const double *small, double *large, int n, int c, int h, int w, int factor, int back);
/* y[n][c][kernel[0]][kernel[1]][windows] of x[n][c][h][w]. */
void oracle_unfold(const double *x, double *y, int n, int c, int h, int w, const int kernel[2], const int stride[2],
                   const int pad[2], const int dilation[2]);
/* y[planes][oh][ow] of x[planes][h][w]; mode is "nearest" or anything else; scale_factor 0 is the quotient of the extents. */
void oracle_upsample(const double *x, double *y, int planes, int h, int w, int oh, int ow, double scale_factor,
                     const char *mode, int align_corners);
/* ---- tests/oracles_shape.c ---- */

/* Where index i of an output's dimension is in dimension `from` of the input: index[i], or start + i step if index is NULL. */
typedef struct oracle_axis {
    int from;
    int64_t start, step;
    const double *index;
} oracle_axis;

/* Of one sample x of shape in[rank]: y of shape out[rank]. */
void oracle_rearrange(const double *x, const int64_t *in, int rank, const oracle_axis *axis, const int64_t *out,
                      double *y);
/* Of one sample; kind is reduce_sum, reduce_mean, reduce_max or reduce_min, reduced[rank] says along which dimensions. */
void oracle_reduce(const char *kind, const double *x, const int64_t *in, int rank, const int *reduced, double *y);
/* y[outer][inner] of a, b[outer][size][inner]. */
void oracle_cosine_similarity(const double *a, const double *b, int64_t outer, int64_t size, int64_t inner, double eps,
                              double *y);

/* ---- end of tests/oracles_shape.c ---- */

/* ---- tests/oracles_sequence.c: recurrent layers, attention, positions ---- */

typedef enum oracle_cell { ORACLE_RNN_TANH, ORACLE_RNN_RELU, ORACLE_LSTM, ORACLE_GRU } oracle_cell;

typedef struct oracle_recurrent {
    oracle_cell cell;
    int steps, features, hidden, layers, bidirectional;
} oracle_recurrent;

/* Of one sample x[steps][features], of which the first `length` count: outputs y[steps][directions * hidden], then
 * h_n[layers * directions][hidden], and of an LSTM c_n likewise, one after another. tensor has four of each layer and
 * direction: weight_ih, weight_hh, bias_ih, bias_hh, which may be NULL. So may the initial states. */
void oracle_recurrent_sample(const oracle_recurrent *r, const double *const *tensor, const double *x, int length,
                             const double *h_0, const double *c_0, double *y);

typedef struct oracle_attention {
    int queries, keys, features, heads, causal;
} oracle_attention;

/* Of one sample: y[queries][features] of query[queries][features], and key and value [keys][features], of which the first
 * `length` count. tensor: in_proj_weight, in_proj_bias, out_proj.weight, out_proj.bias; biases may be NULL. */
void oracle_attention_sample(const oracle_attention *a, const double *const *tensor, const double *query,
                             const double *key, const double *value, int length, double *y);

/* y[n][steps][features] = x + weight, or + sines and cosines if that is NULL. */
void oracle_positional_encoding(const double *x, const double *weight, double *y, int n, int steps, int features);
/* Each of `rows` runs of `size` values by itself; weight[size] may be NULL. */
void oracle_rmsnorm(const double *x, const double *weight, double *y, int rows, int size, double eps);

#endif
