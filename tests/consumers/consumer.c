/* SPDX-License-Identifier: MIT */
/* A program of someone else's, in C and in C++, that uses the installed library. */
#include <math.h>
#include <stdio.h>

#include <sixnet/layer.h>

static int say(const char *what)
{
    printf("%s: %s\n", what, sixnet_last_error());
    return 1;
}

static int learn(sixnet_model *net, sixnet_optimizer *opt)
{
    const float inputs[] = {0, 0, 0, 1, 1, 0, 1, 1}, sums[] = {0, 1, 1, 2};
    double loss = 0;
    for (int i = 0; i < 200; i++) {
        if (sixnet_model_zero_grad(net) || sixnet_model_forward(net, inputs, 4) ||
            sixnet_model_loss(net, sums, &loss) || sixnet_model_backward(net) || sixnet_optimizer_step(opt))
            return say("step");
    }
    if (!(loss < 1e-3))
        return say("the loss stays high");
    return 0;
}

int main(void)
{
    const int32_t header = SIXNET_VERSION_MAJOR * 1000000 + SIXNET_VERSION_MINOR * 1000 + SIXNET_VERSION_PATCH;
    sixnet_model *net = NULL;
    sixnet_optimizer *opt = NULL;
    if (sixnet_version_number() != header)
        return say("another version than the header's");
    if (sixnet_model_parse(&net, NULL, "input shape=2\nlinear out_features=1\nmse\n"))
        return say("parse");
    if (sixnet_optimizer_new(&opt, net, "sgd lr=0.1 momentum=0.9", NULL))
        return say("optimizer");
    const int failed = learn(net, opt);
    sixnet_optimizer_free(opt);
    sixnet_model_free(net);
    if (!failed)
        printf("libsixnet %s\n", sixnet_version());
    return failed;
}
