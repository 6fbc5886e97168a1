/* SPDX-License-Identifier: MIT */

/* A net inside a C++ program: learns exclusive or, then predicts. */

#include <cstdio>

#include <sixnet/sixnet.h>

static const char text[] = "input shape=2\n"
                           "linear out_features=8\n"
                           "tanh\n"
                           "linear out_features=1\n"
                           "bce_with_logits\n";

static int failed()
{
    std::fprintf(stderr, "embed: %s\n", sixnet_last_error());
    return 1;
}

int main()
{
    const float inputs[] = {0, 0, 0, 1, 1, 0, 1, 1}, targets[] = {0, 1, 1, 0};
    float outputs[4];
    sixnet_model *net = nullptr;
    sixnet_optimizer *opt = nullptr;
    sixnet_dataset *data = nullptr;
    const bool ok = sixnet_model_parse(&net, nullptr, text) == SIXNET_OK &&
                    sixnet_optimizer_new(&opt, net, "adam lr=0.05", nullptr) == SIXNET_OK &&
                    sixnet_dataset_from_arrays(&data, nullptr, "shape=2", inputs, targets, 4) == SIXNET_OK &&
                    sixnet_fit(net, opt, data, "epochs=200 batch_size=4", nullptr, nullptr) == SIXNET_OK &&
                    sixnet_predict(net, inputs, 4, outputs) == SIXNET_OK;
    for (int k = 0; ok && k < 4; k++)
        std::printf("%g xor %g is %d\n", double(inputs[2 * k]), double(inputs[2 * k + 1]), outputs[k] > 0);
    sixnet_dataset_free(data);
    sixnet_optimizer_free(opt);
    sixnet_model_free(net);
    return ok ? 0 : failed();
}
