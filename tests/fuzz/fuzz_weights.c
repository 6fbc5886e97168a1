/* SPDX-License-Identifier: MIT */

/* Bytes as a file of tensors for a net that exists. */

#include <math.h>
#include <string.h>

#include "fuzz.h"
#include "safetensors.h"

/* The names, and some of the shapes, of the files in golden/hostile. */
static const char net_text[] = "input shape=3\nlinear out_features=2 name=fc\nbatchnorm1d name=bn\nmse\n";

static void check_report(const char *report)
{
    static const char *const titles[] = {"missing: ", "unexpected: ", "mismatch: "};
    while (*report) {
        size_t title = 0;
        while (title < 3 && strncmp(report, titles[title], strlen(titles[title])) != 0)
            title++;
        MUST(title < 3 && strchr(report, '\n'));
        report = strchr(report, '\n') + 1;
    }
}

static void check_finite(const sixnet_model *net)
{
    for (int32_t t = 0; t < sixnet_tensor_count(net); t++) {
        int64_t count;
        const float *values = sixnet_tensor_data(net, sixnet_tensor_name(net, t), &count);
        for (int64_t i = 0; i < count; i++)
            MUST(isfinite(values[i]));
    }
}

/* Whether it was loaded. */
static bool load(sixnet_model *net, const uint8_t *data, size_t size, const char *options)
{
    char before[65], after[65];
    const char *report;
    MUST(sixnet_model_digest(net, before) == SIXNET_OK);
    fuzz_begin(size);
    int32_t status = fuzz_status(sixnet_model_load_weights_from_buffer(net, data, size, options, &report));
    fuzz_bound(fuzz_file_memory(size));
    check_report(report);
    MUST(sixnet_model_digest(net, after) == SIXNET_OK);
    MUST(!status || strcmp(before, after) == 0);
    if (!status && !options)
        check_finite(net);
    return !status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sixnet_model *net;
    float in[3] = {1, 2, 3}, out[2];
    if (!net)
        MUST(sixnet_model_parse(&net, fuzz_context(NULL), net_text) == SIXNET_OK);
    if (load(net, data, size, NULL) || load(net, data, size, "strict=false checksum=false check_values=false")) {
        MUST(sixnet_model_predict(net, in, 1, out) == SIXNET_OK);
        MUST(sixnet_model_reset(net, 0) == SIXNET_OK);
        fuzz_worked();
    }
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed)
{
    return safetensors_mutate(data, size, room, seed);
}
