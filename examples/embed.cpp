/* SPDX-License-Identifier: MIT */

/* A net inside a C++ program: learns exclusive or, then predicts. */

#include <cstdio>

#include <sixnet/sixnet.hpp>

static void learn_and_predict()
{
    const float inputs[] = {0, 0, 0, 1, 1, 0, 1, 1}, targets[] = {0, 1, 1, 0};
    sixnet::model net("input shape=2\n"
                      "linear out_features=8\n"
                      "tanh\n"
                      "linear out_features=1\n"
                      "bce_with_logits\n");
    sixnet::optimizer opt(net, "adam lr=0.05");
    auto data = sixnet::dataset::from_arrays({2}, inputs, {1}, targets);
    net.fit(opt, data, "epochs=200 batch_size=4");

    const auto outputs = net.predict(inputs);
    for (std::size_t k = 0; k < outputs.size(); k++)
        std::printf("%g xor %g is %d\n", double(inputs[2 * k]), double(inputs[2 * k + 1]), outputs[k] > 0);
}

int main()
{
    try {
        learn_and_predict();
    } catch (const std::exception &e) {
        std::fprintf(stderr, "embed: %s\n", e.what());
        return 1;
    }
}
