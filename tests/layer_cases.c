/* SPDX-License-Identifier: MIT */

/* The cases of every layer: what test_layers.c runs in f64 and test_variants.c in f32. */

#include <stdio.h>

#include "layer_fixture.h"
#include "oracles.h"

static const fixture_case table[] = {
    {"input", "3", 0},
    {"input", "2x3x4", 0},

    {"linear out_features=1", "1", 0},
    {"linear out_features=4", "5", 0},
    {"linear out_features=8", "3", 0},
    {"linear out_features=9 bias=false", "16", 0},
    {"linear out_features=17", "33", 0},
    {"linear out_features=35", "7", 0},
    {"linear out_features=100", "50", 0},
    {"linear out_features=150", "3", 0}, /* backward goes down 128 rows, and 22 */
    {"linear out_features=3", "4x5", 0},
    {"linear out_features=13 bias=false", "6x7", 0},
    {"linear out_features=5", "1x9", 0},
    {"linear out_features=7", "9x1", 0},
    {"linear out_features=6", "2x3x4", 0},
    {"linear out_features=11", "3x5x2", 0},
    {"linear out_features=20", "1x11x3", 0},
    {"linear out_features=2", "2x2x3x3", 0},

    {"matmul", "1x1 1x1", 0},
    {"matmul", "1x5 5x1", 0},
    {"matmul", "5x1 1x5", 0},
    {"matmul", "3x7 7x4", 0},
    {"matmul", "9x16 16x33", 0}, /* several blocks of rows and columns, and parts of blocks */
    {"matmul", "2x3x4 2x4x5", 0},
    {"matmul", "2x2x3x1 2x2x1x3", 0},
    {"matmul", "3x4 2x4x17", 0}, /* one matrix for all of the other input */
    {"matmul", "2x3x4x5 5x6", 0},
    {"matmul transpose_a=true", "7x3 7x4", 0},
    {"matmul transpose_a=true", "4x3 2x4x5", 0},
    {"matmul transpose_a=true", "2x4x9 4x5", 0},
    {"matmul transpose_b=true", "3x7 4x7", 0},
    {"matmul transpose_b=true", "3x4 2x5x4", 0},
    {"matmul transpose_b=true", "2x3x4 18x4", 0},
    {"matmul transpose_a=true transpose_b=true", "7x3 4x7", 0},
    {"matmul transpose_a=true transpose_b=true", "3x7x8 3x20x7", 0},

    /* no padding, padding, more padding than half of the kernel, only padding */
    {"conv2d out_channels=1 kernel_size=1", "1x1x1", 0},
    {"conv2d out_channels=3 kernel_size=1", "5x4x6", 0},
    {"conv2d out_channels=8 kernel_size=1 bias=false", "14x7x7", 0},
    {"conv2d out_channels=13 kernel_size=1 stride=2", "3x5x6", 0},
    {"conv2d out_channels=3 kernel_size=1 padding=2", "2x3x4", 0},
    {"conv2d out_channels=2 kernel_size=1 padding=1 stride=3", "3x4x5", 0},
    {"conv2d out_channels=4 kernel_size=2", "3x6x5", 0},
    {"conv2d out_channels=5 kernel_size=2 padding=2 stride=2", "3x5x7", 0},
    {"conv2d out_channels=5 kernel_size=3 padding=1", "3x7x8", 0},
    {"conv2d out_channels=13 kernel_size=3", "5x9x9", 0},
    {"conv2d out_channels=3 kernel_size=3 padding=2", "4x5x5", 0},
    {"conv2d out_channels=30 kernel_size=3 padding=2", "13x5x5", 0},
    {"conv2d out_channels=13 kernel_size=3 padding=1 bias=false", "30x6x7", 0},
    {"conv2d out_channels=5 kernel_size=3 padding=1", "13x11x9", 0},
    {"conv2d out_channels=7 kernel_size=3 padding=0x2", "9x7x33", 0},
    {"conv2d out_channels=9 kernel_size=3 padding=3x0", "8x5x7", 0},
    {"conv2d out_channels=16 kernel_size=3 padding=1 groups=2", "24x8x5", 0},
    {"conv2d out_channels=34 kernel_size=3 padding=1", "33x5x9", 1},
    {"conv2d out_channels=3 kernel_size=3 padding=5", "2x2x3", 0},
    {"conv2d out_channels=4 kernel_size=3 padding=5 stride=3", "2x3x2", 0},
    {"conv2d out_channels=2 kernel_size=3 padding=7x0", "3x1x3", 0},
    {"conv2d out_channels=2 kernel_size=3 padding=0x7", "3x3x1", 0},
    {"conv2d out_channels=3 kernel_size=5 padding=6", "1x1x1", 0},
    {"conv2d out_channels=3 kernel_size=7 padding=6", "2x1x2", 0},
    {"conv2d out_channels=3 kernel_size=5 padding=2", "3x9x11", 0},
    {"conv2d out_channels=2 kernel_size=7 padding=3", "3x8x6", 0},
    {"conv2d out_channels=2 kernel_size=7 padding=3 stride=2", "1x15x13", 0},
    /* strides, more than the kernel too, and images that they do not cover */
    {"conv2d out_channels=5 kernel_size=3 stride=2 padding=1", "3x8x9", 0},
    {"conv2d out_channels=3 kernel_size=3 stride=3", "2x11x10", 0},
    {"conv2d out_channels=3 kernel_size=2 stride=3", "3x9x10", 0},
    {"conv2d out_channels=3 kernel_size=1 stride=5 bias=false", "2x7x13", 0},
    {"conv2d out_channels=4 kernel_size=2 stride=5 padding=2", "2x9x12", 0},
    {"conv2d out_channels=2 kernel_size=3 stride=50", "3x4x4", 0},
    {"conv2d out_channels=3 kernel_size=3 stride=1x3 padding=0x1", "2x6x9", 0},
    {"conv2d out_channels=3 kernel_size=3 stride=3x1 padding=1x0", "2x9x6", 0},
    {"conv2d out_channels=3 kernel_size=1 stride=2x1", "2x6x5", 0},
    {"conv2d out_channels=3 kernel_size=2 stride=20 padding=5", "2x4x4", 0},
    {"conv2d out_channels=3 kernel_size=2x3 stride=20x2 padding=5x1", "2x4x4", 0},
    {"conv2d out_channels=3 kernel_size=2x3 stride=1x30 padding=1x9", "2x4x4", 0},
    {"conv2d out_channels=3 kernel_size=1 stride=1x2", "2x6x5", 0},
    /* dilations, with strides of the same factor */
    {"conv2d out_channels=3 kernel_size=3 dilation=2", "2x7x8", 0},
    {"conv2d out_channels=3 kernel_size=3 dilation=2 padding=2", "3x5x6", 0},
    {"conv2d out_channels=3 kernel_size=3 dilation=2 stride=2 padding=1", "2x9x8", 0},
    {"conv2d out_channels=2 kernel_size=3 dilation=3 stride=3 padding=3", "3x10x11", 0},
    {"conv2d out_channels=3 kernel_size=2 dilation=3 stride=2 padding=1", "2x8x9", 0},
    {"conv2d out_channels=2 kernel_size=5 dilation=2 stride=3 padding=4", "2x9x7", 0},
    {"conv2d out_channels=3 kernel_size=3 dilation=4 stride=6 padding=4", "2x9x10", 0},
    {"conv2d out_channels=3 kernel_size=3x2 dilation=1x3 stride=2x1 padding=1x2", "3x6x7", 0},
    {"conv2d out_channels=1 kernel_size=2 dilation=20 padding=10", "2x3x3", 0},
    {"conv2d out_channels=2 kernel_size=3 stride=1048576 padding=1", "2x5x5", 0},
    {"conv2d out_channels=2 kernel_size=2 dilation=1048576 padding=524288", "3x3x2", 0},
    {"conv2d out_channels=2 kernel_size=2x3 dilation=600000x2 stride=900000x1 padding=1048575x2", "2x3x4", 0},
    {"conv2d out_channels=4 kernel_size=3 dilation=300000x299999 padding=300001x299999 groups=2", "4x2x3", 0},
    /* kernels that are not square */
    {"conv2d out_channels=3 kernel_size=1x5 padding=0x2", "3x4x9", 0},
    {"conv2d out_channels=3 kernel_size=5x1 padding=2x0", "3x9x4", 0},
    {"conv2d out_channels=5 kernel_size=2x3", "3x5x17", 0},
    {"conv2d out_channels=4 kernel_size=7x2 padding=3x1 bias=false", "1x8x20", 0},
    {"conv2d out_channels=3 kernel_size=1x33", "2x2x35", 0},
    {"conv2d out_channels=3 kernel_size=35x1", "2x35x2", 0},
    /* the kernel is the image, or nearly */
    {"conv2d out_channels=10 kernel_size=3", "30x3x3", 0},
    {"conv2d out_channels=9 kernel_size=4x3", "5x4x4", 0},
    {"conv2d out_channels=21 kernel_size=2", "13x3x2", 0},
    /* outputs, or inputs of a phase of the stride, of a single column */
    {"conv2d out_channels=21 kernel_size=3x1 padding=1x0", "5x7x1", 0},
    {"conv2d out_channels=9 kernel_size=3 padding=1", "17x6x1", 0},
    {"conv2d out_channels=5 kernel_size=3 padding=1 stride=1x2", "13x5x2", 0},
    {"conv2d out_channels=8 kernel_size=1x2 stride=2x3", "20x4x3", 0},
    /* groups */
    {"conv2d out_channels=6 kernel_size=3 padding=1 groups=2", "4x5x6", 0},
    {"conv2d out_channels=5 kernel_size=3 padding=1 groups=5", "5x6x7", 0},
    {"conv2d out_channels=10 kernel_size=3 padding=1 groups=5", "5x6x7", 0},
    {"conv2d out_channels=30 kernel_size=3 stride=2 padding=1 groups=30", "30x5x5", 0},
    {"conv2d out_channels=39 kernel_size=2 groups=13 bias=false", "26x3x4", 0},
    {"conv2d out_channels=9 kernel_size=1 groups=3", "15x4x5", 0},
    {"conv2d out_channels=6 kernel_size=3 dilation=2 stride=2 padding=2 groups=3", "9x7x6", 0},
    {"conv2d out_channels=13 kernel_size=5 padding=2 groups=13", "13x9x8", 0},
    /* many channels; images of several bands */
    {"conv2d out_channels=30 kernel_size=3 padding=1", "13x5x5", 0},
    {"conv2d out_channels=13 kernel_size=3 padding=1", "30x9x35", 2},
    {"conv2d out_channels=3 kernel_size=3 padding=1", "30x40x30", 1},
    {"conv2d out_channels=5 kernel_size=3 padding=1 stride=2", "13x41x35", 2},
    {"conv2d out_channels=2 kernel_size=5 padding=2 dilation=2", "13x33x35", 2},
    {"conv2d out_channels=4 kernel_size=7 padding=3 stride=3", "5x70x30", 3},
    {"conv2d out_channels=14 kernel_size=3 padding=1 groups=2", "60x20x20", 1},
    {"conv2d out_channels=8 kernel_size=3 padding=1", "1x28x28", 17},
    {"conv2d out_channels=2 kernel_size=3x1 padding=40x0", "13x30x30", 2},

    /* padding=same, behind the last value only or the more of it where it is uneven */
    {"conv2d out_channels=3 kernel_size=3 padding=same", "2x4x5", 0},
    {"conv2d out_channels=7 kernel_size=3 padding=same", "9x8x7", 0},
    {"conv2d out_channels=3 kernel_size=2 padding=same", "2x4x5", 0},
    {"conv2d out_channels=3 kernel_size=1x2 padding=same", "2x4x17", 0},
    {"conv2d out_channels=3 kernel_size=2x1 padding=same", "2x5x3", 0},
    {"conv2d out_channels=4 kernel_size=4x5 dilation=3x1 padding=same groups=2", "4x6x7", 0},
    {"conv2d out_channels=2 kernel_size=2 dilation=30 padding=same", "1x3x4", 0},
    {"conv2d out_channels=3 kernel_size=3 padding=valid", "2x4x5", 0},

    {"conv1d out_channels=1 kernel_size=1", "1x1", 0},
    {"conv1d out_channels=5 kernel_size=3", "3x17", 0},
    {"conv1d out_channels=4 kernel_size=3 stride=2 padding=1 bias=false", "3x10", 0},
    {"conv1d out_channels=6 kernel_size=5 padding=4 dilation=2 groups=2", "4x21", 0},
    {"conv1d out_channels=9 kernel_size=4 padding=same", "13x33", 0},
    {"conv1d out_channels=3 kernel_size=2 padding=same dilation=3", "2x5", 0},
    {"conv1d out_channels=2 kernel_size=7 stride=3 dilation=2 padding=6", "1x40", 0},
    {"conv1d out_channels=20 kernel_size=6", "30x6", 0},

    /* strides of which not all values are reached, output_padding up to dilation, padding of more than the window */
    {"conv_transpose2d out_channels=1 kernel_size=1", "1x1x1", 0},
    {"conv_transpose2d out_channels=3 kernel_size=3", "2x4x5", 0},
    {"conv_transpose2d out_channels=4 kernel_size=2 stride=2", "5x3x4", 0},
    {"conv_transpose2d out_channels=9 kernel_size=3 stride=2 padding=1 output_padding=1", "13x4x5", 0},
    {"conv_transpose2d out_channels=3 kernel_size=4 stride=2 padding=1 bias=false", "6x4x3", 0},
    {"conv_transpose2d out_channels=3 kernel_size=2 stride=3", "2x3x4", 0},
    {"conv_transpose2d out_channels=2 kernel_size=1 stride=4 output_padding=3x0", "3x2x3", 0},
    {"conv_transpose2d out_channels=4 kernel_size=3x2 stride=1x3 padding=2x1 output_padding=0x2 groups=2", "6x5x4", 0},
    {"conv_transpose2d out_channels=3 kernel_size=3 dilation=3 output_padding=2", "2x3x2", 0},
    {"conv_transpose2d out_channels=3 kernel_size=3 stride=2 dilation=4 padding=3 output_padding=3x2", "2x3x4", 0},
    {"conv_transpose2d out_channels=2 kernel_size=1 padding=2", "2x6x5", 0},
    {"conv_transpose2d out_channels=17 kernel_size=3 padding=1", "16x7x9", 0},
    {"conv_transpose2d out_channels=10 kernel_size=3 stride=2 groups=5 bias=false", "5x3x3", 0},
    {"conv_transpose1d out_channels=1 kernel_size=1", "1x1", 0},
    {"conv_transpose1d out_channels=4 kernel_size=4 stride=2 padding=1", "3x9", 0},
    {"conv_transpose1d out_channels=6 kernel_size=5 stride=3 output_padding=2 groups=3", "9x7", 0},
    {"conv_transpose1d out_channels=2 kernel_size=3 stride=2 dilation=3 padding=4 output_padding=2 bias=false", "2x8",
     0},

    {"relu", "1", 0},
    {"relu", "7x5", 0},
    {"leaky_relu", "3x4x5", 0},
    {"leaky_relu negative_slope=0.3", "6", 0},
    {"leaky_relu negative_slope=0", "6", 0},
    {"leaky_relu negative_slope=1.5", "5x2", 0},
    {"sigmoid", "11", 0},
    {"sigmoid", "2x3x4", 0},
    {"tanh", "9", 0},
    {"tanh", "3x4x2", 0},
    {"gelu", "13", 0},
    {"gelu approximate=none", "2x3x4", 0},
    {"gelu approximate=tanh", "13", 0},
    {"gelu approximate=tanh", "2x3x4", 0},
    {"silu", "1", 0},
    {"silu", "3x3x3", 0},

    {"elu", "8", 0},
    {"elu alpha=0.5", "8", 0},
    {"selu", "8", 0},
    {"celu", "8", 0},
    {"celu alpha=0.25", "8", 0},
    {"relu6", "8", 0},
    {"hardtanh", "8", 0},
    {"hardtanh min_val=-0.5 max_val=1.5", "8", 0},
    {"hardsigmoid", "8", 0},
    {"hardswish", "8", 0},
    {"softplus", "8", 0},
    {"softplus beta=3 threshold=8", "8", 0},
    {"softplus beta=0.7", "8", 0},
    {"logsigmoid", "8", 0},
    {"softsign", "8", 0},
    {"mish", "8", 0},
    {"threshold threshold=0.5 value=-3", "8", 0},
    {"tanhshrink", "8", 0},
    {"softshrink", "8", 0},
    {"softshrink lambd=1", "8", 0},
    {"hardshrink", "8", 0},
    {"mish", "2x2x4", 0},
    {"elu", "2x2x4", 0},
    {"prelu", "8", 0},
    {"prelu num_parameters=4", "4x2", 0},
    {"prelu init=-0.5", "2x2x4", 0},
    {"prelu num_parameters=2 init=0.5", "2x3x3", 0},
    {"prelu num_parameters=1", "1", 0},
    {"glu", "8", 0},
    {"glu dim=0", "4x3", 0},
    {"glu dim=1", "3x4x5", 0},
    {"glu dim=-1", "3x4x2", 0},

    {"softmin", "10", 0},
    {"softmin dim=1", "3x4x5", 0},
    {"softmax", "1", 0},
    {"softmax", "10", 0},
    {"softmax", "3x4x5", 0},
    {"softmax dim=0", "3x4x5", 0},
    {"softmax dim=1", "3x4x5", 0},
    {"softmax dim=2", "3x4x5", 0},
    {"softmax dim=-3", "3x4x5", 0},
    {"softmax dim=-1", "33x2", 0},
    {"softmax dim=1", "4x1", 0},
    {"log_softmax", "10", 0},
    {"log_softmax", "1", 0},
    {"log_softmax dim=0", "5x4x3", 0},
    {"log_softmax dim=1", "5x4x3", 0},
    {"log_softmax dim=-1", "5x4x3", 0},
    {"log_softmax dim=-2", "2x33", 0},

    {"batchnorm1d", "1", 0},
    {"batchnorm1d", "7", 0},
    {"batchnorm1d affine=false", "5", 0},
    {"batchnorm1d", "5x9", 0},
    {"batchnorm1d eps=0.01 momentum=0.3", "3x4", 0},
    {"batchnorm1d track_running_stats=false", "3x5", 0},
    {"batchnorm1d affine=false track_running_stats=false", "3x5", 0},
    {"batchnorm1d momentum=1", "1x70", 0},
    {"batchnorm2d", "3x4x5", 0},
    {"batchnorm2d", "1x2x1", 0},
    {"batchnorm2d affine=false", "4x3x3", 0},
    {"batchnorm2d eps=0.5 momentum=0", "2x5x4", 0},
    {"batchnorm2d momentum=1", "13x1x1", 0},
    {"batchnorm2d track_running_stats=false eps=0.001", "2x9x9", 0},

    {"layernorm normalized_shape=6", "6", 0},
    {"layernorm normalized_shape=1", "1", 0},
    {"layernorm normalized_shape=5", "4x5", 0},
    {"layernorm normalized_shape=4x5", "4x5", 0},
    {"layernorm normalized_shape=4x5", "3x4x5", 0},
    {"layernorm normalized_shape=3x4x5", "3x4x5", 0},
    {"layernorm normalized_shape=7 elementwise_affine=false", "3x7", 0},
    {"layernorm normalized_shape=7 bias=false", "3x7", 0},
    {"layernorm normalized_shape=70 eps=0.1", "2x70", 0},
    {"layernorm normalized_shape=131", "131", 0},
    {"groupnorm num_groups=1", "4x3x3", 0},
    {"groupnorm num_groups=2", "4x3x3", 0},
    {"groupnorm num_groups=4", "4x3x3", 0},
    {"groupnorm num_groups=3 affine=false", "6x5", 0},
    {"groupnorm num_groups=2", "10", 0},
    {"groupnorm num_groups=1 eps=0.01", "5x9x3", 0},

    {"dropout p=0", "5x3", 0},
    {"dropout", "7", 0},
    {"dropout p=0.2", "3x4x5", 0},
    {"dropout p=1", "6", 0},

    {"maxpool2d kernel_size=2", "3x6x8", 0},
    {"maxpool2d kernel_size=2", "2x5x7", 0},
    {"maxpool2d kernel_size=2", "1x2x35", 0},
    {"maxpool2d kernel_size=2 ceil_mode=true", "2x5x7", 0},
    {"maxpool2d kernel_size=2 ceil_mode=true", "2x4x6", 0},
    {"maxpool2d kernel_size=2 stride=1", "2x4x5", 0},
    {"maxpool2d kernel_size=2 stride=3", "2x8x9", 0},
    {"maxpool2d kernel_size=2 padding=1", "2x5x4", 0},
    {"maxpool2d kernel_size=2 dilation=2", "2x6x7", 0},
    {"maxpool2d kernel_size=3", "2x9x8", 0},
    {"maxpool2d kernel_size=3 stride=2 padding=1", "3x8x7", 0},
    {"maxpool2d kernel_size=3 stride=2 padding=1 ceil_mode=true", "3x8x7", 0},
    {"maxpool2d kernel_size=3 stride=2 ceil_mode=true", "2x6x8", 0},
    {"maxpool2d kernel_size=3 dilation=2 padding=1 stride=1", "2x5x6", 0},
    {"maxpool2d kernel_size=2x3 stride=1x2 padding=1x0", "2x5x9", 0},
    {"maxpool2d kernel_size=5 stride=1 padding=2", "1x4x4", 0},
    {"maxpool2d kernel_size=4x1", "2x9x3", 0},
    {"maxpool2d kernel_size=1 stride=2 ceil_mode=true", "2x4x5", 0},
    {"maxpool2d kernel_size=4 stride=3 padding=2 ceil_mode=true", "1x7x9", 0},

    {"avgpool2d kernel_size=2", "3x6x8", 0},
    {"avgpool2d kernel_size=2", "2x5x7", 0},
    {"avgpool2d kernel_size=4x2", "2x9x6", 0},
    {"avgpool2d kernel_size=2 stride=1", "2x4x5", 0},
    {"avgpool2d kernel_size=3", "10x3x3", 0},
    {"avgpool2d kernel_size=3 stride=2 padding=1", "2x7x6", 0},
    {"avgpool2d kernel_size=3 stride=2 padding=1 count_include_pad=false", "2x7x6", 0},
    {"avgpool2d kernel_size=3 stride=2 padding=1 ceil_mode=true", "2x6x8", 0},
    {"avgpool2d kernel_size=3 stride=2 padding=1 ceil_mode=true count_include_pad=false", "2x6x8", 0},
    {"avgpool2d kernel_size=4 stride=3 padding=2 ceil_mode=true", "1x7x9", 0},
    {"avgpool2d kernel_size=2 ceil_mode=true", "2x5x7", 0},
    {"avgpool2d kernel_size=2x3 stride=3x1 padding=1x0", "2x7x6", 0},
    {"avgpool2d kernel_size=1 stride=3", "2x7x6", 0},

    {"adaptive_avgpool2d output_size=1", "5x4x3", 0},
    {"adaptive_avgpool2d output_size=3", "2x7x5", 0},
    {"adaptive_avgpool2d output_size=2x4", "2x5x6", 0},
    {"adaptive_avgpool2d output_size=4x3", "2x4x3", 0},
    {"adaptive_avgpool2d output_size=7x5", "2x3x2", 0},

    {"maxpool1d kernel_size=2", "3x8", 0},
    {"maxpool1d kernel_size=3 stride=2 padding=1", "2x10", 0},
    {"maxpool1d kernel_size=3 stride=1 padding=1 dilation=2 ceil_mode=true", "1x7", 0},
    {"avgpool1d kernel_size=2", "3x9", 0},
    {"avgpool1d kernel_size=4 stride=3 padding=2 ceil_mode=true", "2x11", 0},
    {"avgpool1d kernel_size=3 stride=2 padding=1 count_include_pad=false", "1x8", 0},
    {"adaptive_avgpool1d output_size=3", "2x8", 0},
    {"adaptive_avgpool1d output_size=9", "1x4", 0},
    {"adaptive_maxpool2d output_size=1", "5x4x3", 0},
    {"adaptive_maxpool2d output_size=3", "2x7x5", 0},
    {"adaptive_maxpool2d output_size=2x4", "2x4x8", 0},
    {"adaptive_maxpool2d output_size=7x5", "2x3x2", 0},

    {"pad padding=1,2", "5", 0},
    {"pad padding=1,0,2,3 value=-0.5", "2x3x4", 0},
    {"pad padding=-1,2,1,-2", "2x4x3", 0},
    {"pad padding=4,-3", "2x2", 0},
    {"pad padding=2,1 mode=reflect", "2x3", 0},
    {"pad padding=3,2,1,2 mode=reflect", "2x3x4", 0},
    {"pad padding=4,1 mode=replicate", "2x2", 0},
    {"pad padding=1,2,5,0 mode=replicate", "1x2x3", 0},
    {"pixel_shuffle upscale_factor=2", "12x3x2", 0},
    {"pixel_shuffle upscale_factor=3", "9x1x4", 0},
    {"pixel_unshuffle downscale_factor=2", "3x4x6", 0},
    {"pixel_unshuffle downscale_factor=3", "1x3x9", 0},
    {"unfold kernel_size=2", "2x4x3", 0},
    {"unfold kernel_size=2x3 stride=2x1 padding=1 dilation=1x2", "2x5x6", 0},
    {"unfold kernel_size=1 padding=2 stride=3", "1x2x4", 0},
    {"upsample scale_factor=2", "2x3x4", 0},
    {"upsample size=5x3", "2x3x4", 0},
    {"upsample scale_factor=1.5", "2x5", 0},
    {"upsample size=9 mode=linear", "2x4", 0},
    {"upsample scale_factor=2 mode=bilinear", "2x3x4", 0},
    {"upsample size=7x2 mode=bilinear", "1x4x5", 0},
    {"upsample size=7x1 mode=bilinear align_corners=true", "2x4x5", 0},
    {"upsample scale_factor=2.5 mode=bilinear align_corners=true", "1x4x1", 0},

    {"flatten", "2x3x4", 0},
    {"flatten start_dim=1", "2x3x4", 0},
    {"flatten end_dim=1", "2x3x4", 0},
    {"flatten", "5", 0},
    {"reshape shape=4x6", "2x3x4", 0},
    {"reshape shape=24", "2x3x4", 0},
    {"reshape shape=2x3x2x2", "24", 0},

    {"add", "5 5", 0},
    {"add", "2x3x4 2x3x4 2x3x4", 0},
    {"add", "4x3 3", 0},
    {"add", "3 2x4x3", 0},
    {"add", "2x1x3 4x1", 0},
    {"add", "2x3x4 2x1x1 1x3x1 4", 0},
    {"mul", "1 5", 0},
    {"mul", "2x3x4 2x1x1", 0},
    {"mul", "1x3 2x1 2x3", 0},
    {"sub", "7 7", 0},
    {"sub", "2x3x4 3x1", 0},
    {"sub", "4 2x3x1", 0},
    {"div", "5x2 5x2", 0},
    {"div", "2x3x4 2x1x1", 0},
    {"div", "3 2x3", 0},
    {"maximum", "8 8", 0},
    {"maximum", "4x2 2", 0},
    {"minimum", "8 8", 0},
    {"minimum", "1x1 3x5", 0},
    {"permute dims=0", "5", 0},
    {"permute dims=1,0", "3x5", 0},
    {"permute dims=2,0,1", "2x3x4", 0},
    {"permute dims=0,-1,1", "2x3x4", 0},
    {"permute dims=1,0,2", "3x2x4", 0},
    {"permute dims=3,1,2,0", "2x3x1x2", 0},
    {"transpose dim0=0 dim1=1", "3x5", 0},
    {"transpose dim0=-1 dim1=0", "2x3x4", 0},
    {"transpose dim0=1 dim1=1", "2x3", 0},
    {"slice end=2", "5", 0},
    {"slice start=1 step=2", "7x2", 0},
    {"slice dim=1 start=-3 end=-1", "2x5x3", 0},
    {"slice dim=-1 start=1 end=100 step=3", "2x3x8", 0},
    {"slice dim=1", "3x4", 0},
    {"slice dim=2 start=3 step=1000000000000", "2x2x5", 0},
    {"gather index=2,0,2", "3", 0},
    {"gather dim=1 index=4", "2x5x3", 0},
    {"gather dim=-1 index=1,1,0,3", "2x3x4", 0},
    {"gather index=1,0", "2x3", 0},
    {"squeeze", "1x3x1", 0},
    {"squeeze dim=0", "1x3x1", 0},
    {"squeeze dim=-1,0", "1x3x1", 0},
    {"squeeze dim=1", "2x3", 0},
    {"squeeze", "1x1", 0},
    {"unsqueeze dim=0", "3x2", 0},
    {"unsqueeze dim=-1", "3x2", 0},
    {"unsqueeze dim=1", "4", 0},
    {"reduce_sum", "2x3x4", 0},
    {"reduce_sum dim=1", "2x3x4", 0},
    {"reduce_sum dim=0,2 keepdim=true", "2x3x4", 0},
    {"reduce_sum dim=-1", "3x70", 0},
    {"reduce_mean", "9", 0},
    {"reduce_mean dim=1,2", "3x4x5", 0},
    {"reduce_mean dim=0 keepdim=true", "4x3", 0},
    {"reduce_max", "2x3x4", 0},
    {"reduce_max dim=1", "2x3x4", 0},
    {"reduce_max dim=-1,0 keepdim=true", "2x3x4", 0},
    {"reduce_min", "7", 0},
    {"reduce_min dim=0", "4x3x2", 0},
    {"cosine_similarity", "6 6", 0},
    {"cosine_similarity dim=1", "3x4 3x4", 0},
    {"cosine_similarity dim=-2 eps=0.0001", "2x3x2 2x3x2", 0},
    {"exp", "8", 0},
    {"log", "3x3", 0},
    {"sqrt", "8", 0},
    {"abs", "2x4", 0},
    {"neg", "5", 0},
    {"scale a=-2 b=0.5", "8", 0},
    {"scale", "3", 0},
    {"pow exponent=2", "8", 0},
    {"pow exponent=3", "2x4", 0},
    {"pow exponent=-1", "8", 0},
    {"pow exponent=0.5", "8", 0},
    {"pow exponent=-2.25", "8", 0},
    {"pow exponent=1.7", "3x3", 0},
    {"pow exponent=0", "3", 0},
    {"mul", "7 7", 0},
    {"mul", "2x3x4 2x3x4 2x3x4", 0},
    {"mul", "3x2 3x2 3x2 3x2", 0},
    {"concat", "3 5", 0},
    {"concat", "2x3x4 1x3x4 5x3x4", 0},
    {"concat dim=1", "2x3x4 2x1x4 2x2x4", 0},
    {"concat dim=2", "2x3x4 2x3x1", 0},
    {"concat dim=-1", "2x3x4 2x3x7", 0},
    {"concat dim=-2", "2x3 4x3", 0},
    {"concat", "1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", 0},
    {"split sizes=3,5", "8", 0},
    {"split sizes=4", "4", 0},
    {"split sizes=1,1,1 dim=0", "3x2x4", 0},
    {"split sizes=2,1,3 dim=1", "2x6x3", 0},
    {"split sizes=4,1 dim=2", "2x3x5", 0},
    {"split sizes=1,7 dim=-1", "2x3x8", 0},
    {"split sizes=3,2 dim=-2", "5x3", 0},
    {"split sizes=1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", "16", 0},
    {"constant shape=3 value=0.5", "3", 0},
    {"constant shape=2x3x4", "2x3x4", 0},
    {"add", "2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2", 0},

    {"embedding num_embeddings=10 embedding_dim=4", "3", 0},
    {"embedding num_embeddings=5 embedding_dim=1", "1", 0},
    {"embedding num_embeddings=7 embedding_dim=33", "4", 0},
    {"embedding num_embeddings=3 embedding_dim=64", "2x3", 0},
    {"embedding num_embeddings=6 embedding_dim=3 padding_idx=2", "5", 0},
    {"embedding num_embeddings=2 embedding_dim=5 padding_idx=0", "2x2x2", 0},
};

enum { LISTED = sizeof table / sizeof *table, SWEEP = 35, RANDOM = 150 };

int fixture_case_count(void) { return LISTED + 2 * SWEEP + RANDOM; }

bool fixture_skips(int i) { return fixture_quick() && i >= LISTED && i % 12; }

/* Images of every width, with all the remainders of channels that blocks of outputs can leave. */
static fixture_case sweep(int i, bool pointwise, fixture_spec_room *room)
{
    int width = i + 1, in = 1 + i % 7, out = 1 + i * 5 % 9;
    snprintf(room->spec, sizeof room->spec, "conv2d out_channels=%d %s", out,
             pointwise ? "kernel_size=1" : "kernel_size=3 padding=1");
    snprintf(room->shape, sizeof room->shape, "%dx%dx%d", in, pointwise ? 1 + i % 3 : 2, width);
    return (fixture_case){room->spec, room->shape, 0};
}

typedef struct geometry {
    int in[3], out, kernel[2], stride[2], padding[2], dilation[2], groups;
} geometry;

static geometry random_geometry(fixture_random *r)
{
    geometry g = {.groups = FIXTURE_PICK(r, 1, 1, 1, 2, 3, 5)};
    bool depthwise = fixture_below(r, 8) == 0;
    g.in[0] = depthwise ? g.groups : g.groups * FIXTURE_PICK(r, 1, 2, 3, 4, 5, 7);
    g.out = g.groups * FIXTURE_PICK(r, 1, 2, 3, 4, 5, 8, 11);
    for (int axis = 0; axis < 2; axis++) {
        g.in[1 + axis] = 1 + fixture_below(r, 16);
        g.kernel[axis] = FIXTURE_PICK(r, 1, 2, 3, 3, 5, 7);
        g.stride[axis] = FIXTURE_PICK(r, 1, 1, 2, 3, 4);
        g.padding[axis] = FIXTURE_PICK(r, 0, 0, 1, 1, 2, 3, 6);
        g.dilation[axis] = FIXTURE_PICK(r, 1, 1, 2, 3);
    }
    return g;
}

static bool fits(const geometry *g)
{
    double work = (double)g->out * g->in[0] / g->groups * g->kernel[0] * g->kernel[1];
    for (int axis = 0; axis < 2; axis++) {
        int window = g->dilation[axis] * (g->kernel[axis] - 1) + 1;
        if (window > g->in[1 + axis] + 2 * g->padding[axis])
            return false;
        work *=
            oracle_conv_size(g->in[1 + axis], g->kernel[axis], g->stride[axis], g->padding[axis], g->dilation[axis]);
    }
    return work < 30000;
}

static fixture_case random_conv(int i, fixture_spec_room *room)
{
    fixture_random r = {(uint64_t)i * 1000 + 17};
    geometry g = random_geometry(&r);
    while (!fits(&g))
        g = random_geometry(&r);
    snprintf(room->spec, sizeof room->spec,
             "conv2d out_channels=%d kernel_size=%dx%d stride=%dx%d padding=%dx%d dilation=%dx%d groups=%d bias=%s",
             g.out, g.kernel[0], g.kernel[1], g.stride[0], g.stride[1], g.padding[0], g.padding[1], g.dilation[0],
             g.dilation[1], g.groups, fixture_below(&r, 2) ? "true" : "false");
    snprintf(room->shape, sizeof room->shape, "%dx%dx%d", g.in[0], g.in[1], g.in[2]);
    return (fixture_case){room->spec, room->shape, 0};
}

fixture_case fixture_case_at(int i, fixture_spec_room *room)
{
    if (i < LISTED)
        return table[i];
    i -= LISTED;
    return i < 2 * SWEEP ? sweep(i % SWEEP, i >= SWEEP, room) : random_conv(i - 2 * SWEEP, room);
}
