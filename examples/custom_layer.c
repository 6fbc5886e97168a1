/* SPDX-License-Identifier: MIT */

/* A custom layer: swish, y = x sigmoid(b x), with a trained number b for each channel. It is registered by name,
 * checked against numeric derivatives, and trained in a small net. */

#include "common.h"

#include <sixnet/layer.h>

const char *program = "custom_layer";

/* Set by setup, used by forward and backward: a sample is channels times pixels. */
typedef struct swish {
    int64_t channels, pixels;
} swish;

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

/* The first dimension are the channels. The output has the shape of the input, as nothing else is said. */
static int32_t swish_setup(void *user, sixnet_layer_setup *setup)
{
    swish *s = user;
    int64_t dims[8];
    int32_t rank;
    const double beta = sixnet_layer_setup_attribute(setup, "beta");
    if (sixnet_layer_setup_input_count(setup) != 1)
        return sixnet_layer_setup_fail(setup, "swish takes one input");
    sixnet_layer_setup_input_shape(setup, 0, dims, &rank);
    s->channels = dims[0];
    s->pixels = 1;
    for (int32_t k = 1; k < rank; k++)
        s->pixels *= dims[k];
    return sixnet_layer_setup_add_parameter(setup, "beta", dims, 1, beta, beta);
}

static int32_t swish_forward(void *user, sixnet_layer_call *call)
{
    const swish *s = user;
    const double *x = sixnet_layer_call_input(call, 0), *beta = sixnet_layer_call_parameter(call, 0);
    double *y = sixnet_layer_call_output(call, 0);
    const int64_t count = sixnet_layer_call_sample_count(call) * s->channels * s->pixels;
    for (int64_t i = 0; i < count; i++)
        y[i] = x[i] * sigmoid(beta[i / s->pixels % s->channels] * x[i]);
    return 0;
}

/* With g = sigmoid(b x): dy/dx = g + b x g (1 - g), dy/db = x^2 g (1 - g). */
static int32_t swish_backward(void *user, sixnet_layer_call *call)
{
    const swish *s = user;
    const double *x = sixnet_layer_call_input(call, 0), *beta = sixnet_layer_call_parameter(call, 0);
    const double *dy = sixnet_layer_call_output_gradient(call, 0);
    double *dx = sixnet_layer_call_input_gradient(call, 0), *dbeta = sixnet_layer_call_parameter_gradient(call, 0);
    const int64_t count = sixnet_layer_call_sample_count(call) * s->channels * s->pixels;
    for (int64_t i = 0; i < count; i++) {
        const int64_t c = i / s->pixels % s->channels;
        const double g = sigmoid(beta[c] * x[i]), slope = x[i] * g * (1 - g);
        dx[i] = dy[i] * (g + beta[c] * slope);
        dbeta[c] += dy[i] * x[i] * slope;
    }
    return 0;
}

/* ---- a net with it, which learns a curve ---- */

enum { SAMPLES = 40, STEPS = 2000, CHANNELS = 8 };

static const char net_text[] = "input shape=1\n"
                               "linear out_features=8\n"
                               "swish beta=0.5 name=swish\n"
                               "linear out_features=1\n"
                               "mse\n";

typedef struct experiment {
    swish layer;
    sixnet_context *ctx;
    sixnet_model *net;
    sixnet_optimizer *opt;
    double x[SAMPLES], t[SAMPLES];
} experiment;

static int32_t build(experiment *l)
{
    CHECK_SIXNET(sixnet_context_new(&l->ctx, "dtype=f64 seed=1"));
    CHECK_SIXNET(sixnet_context_register_layer(l->ctx, "swish", "beta=1", "f64", swish_setup, swish_forward,
                                               swish_backward, &l->layer));
    CHECK_SIXNET(sixnet_model_parse(&l->net, l->ctx, net_text));
    CHECK_SIXNET(sixnet_optimizer_new(&l->opt, l->net, "adam lr=0.01", NULL));
    for (int k = 0; k < SAMPLES; k++) {
        l->x[k] = 6.0 * k / (SAMPLES - 1) - 3;
        l->t[k] = sin(2 * l->x[k]);
    }
    return 0;
}

static int32_t check(const experiment *l)
{
    double worst;
    const char *where;
    CHECK_SIXNET(sixnet_model_gradient_check(l->net, l->x, l->t, SAMPLES, &worst, &where));
    printf("gradients: worst deviation %.2g, at %s\n", worst, where);
    return worst <= 1e-8 ? 0 : fail("the gradients of swish are wrong: %.2g at %s", worst, where);
}

static int32_t train(const experiment *l)
{
    double loss;
    for (int step = 0; step <= STEPS; step++) {
        CHECK_SIXNET(sixnet_model_zero_grad(l->net));
        CHECK_SIXNET(sixnet_model_forward_f64(l->net, l->x, SAMPLES));
        CHECK_SIXNET(sixnet_model_loss_f64(l->net, l->t, &loss));
        CHECK_SIXNET(sixnet_model_backward(l->net));
        CHECK_SIXNET(sixnet_optimizer_step(l->opt));
        if (step % 500 == 0)
            printf("step %4d: loss %.6f\n", step, loss);
    }
    return 0;
}

static int32_t show_betas(const experiment *l)
{
    double beta[CHANNELS];
    CHECK_SIXNET(sixnet_tensor_get_f64(l->net, "swish.beta", beta, CHANNELS));
    printf("beta was 0.5 for each channel and is now");
    for (int k = 0; k < CHANNELS; k++)
        printf(" %.3f", beta[k]);
    puts("");
    return 0;
}

static int32_t run(experiment *l)
{
    CHECK(build(l));
    CHECK(check(l));
    CHECK(train(l));
    CHECK(show_betas(l));
    return output_end();
}

int main(void)
{
    experiment l = {.ctx = NULL};
    const int32_t status = run(&l);
    sixnet_optimizer_free(l.opt);
    sixnet_model_free(l.net);
    sixnet_context_free(l.ctx);
    return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
