/* SPDX-License-Identifier: MIT */

#include "tool.h"

#define ABOUT "Shows a net's layers, the shapes of what they give, and how many parameters they learn.\n" PAIR_HELP

static int32_t json_node(const sixnet_model *net, sixnet_node node)
{
    int64_t dims[MAX_RANK];
    int32_t rank;
    CHECK_SIXNET(sixnet_node_shape(net, node, dims, &rank));
    printf("%s\n  {", node ? "," : "");
    json_text("name", sixnet_node_get(net, node, "name"));
    printf(", ");
    json_text("kind", sixnet_node_get(net, node, "kind"));
    printf(", ");
    json_text("spec", sixnet_node_get(net, node, "spec"));
    printf(", ");
    json_shape("shape", dims, rank);
    printf(", \"parameters\": %" PRId64 "}", node_parameters(net, node));
    return 0;
}

static int32_t show_json(const sixnet_model *net, const uint64_t bytes[2], int64_t batch)
{
    int64_t total = 0;
    printf("{\"nodes\": [");
    for (sixnet_node i = 0; i < sixnet_node_count(net); i++) {
        CHECK(json_node(net, i));
        total += node_parameters(net, i);
    }
    printf("\n], \"parameters\": %" PRId64 ", \"batch_size\": %" PRId64 ", \"training_bytes\": %" PRIu64
           ", \"prediction_bytes\": %" PRIu64 "}\n",
           total, batch, bytes[1], bytes[0]);
    return 0;
}

static int32_t show(sixnet_model *net, int64_t batch, int json)
{
    uint64_t bytes[2];
    CHECK_SIXNET(sixnet_model_memory_needed(net, batch, 0, &bytes[0]));
    CHECK_SIXNET(sixnet_model_memory_needed(net, batch, 1, &bytes[1]));
    if (json)
        return show_json(net, bytes, batch);
    printf("%s", sixnet_model_summary(net));
    printf("Memory with batches of %" PRId64 ": %.2f MB to train, %.2f MB to predict\n", batch,
           (double)bytes[1] / (1 << 20), (double)bytes[0] / (1 << 20));
    return 0;
}

int32_t command_summary(int argc, char **argv)
{
    machine m = machine_default;
    net_files n = {.path = NULL};
    work w = {.ctx = NULL};
    option_table t = {.count = 0};
    int64_t batch = 128;
    int json = 0;
    add_operand(&t, "NET", "a net's text, or a saved model", &n.path);
    add_integer(&t, "--batch-size", "samples at once that the memory is told for (128)", &batch, 1, 1 << 24);
    add_switch(&t, "--json", "print JSON", &json);
    int32_t status = command_options(argc, argv, ABOUT, &t);
    if (status >= 0)
        return status;
    status = work_open(&w, &m, &n) == 0 ? show(w.net, batch, json) : -1;
    work_close(&w);
    return exit_status(status);
}
