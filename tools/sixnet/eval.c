/* SPDX-License-Identifier: MIT */

#include "tool.h"

#define ABOUT "Measures a net on samples with targets."

/* Samples that are counted as they are read. */
typedef struct counted {
    sixnet_dataset *set;
    int64_t size;
    meter bar;
} counted;

static int32_t count_sample(void *user, int64_t index, double *input, double *target)
{
    counted *c = user;
    meter_show(&c->bar, (double)index, (double)c->size);
    return sixnet_dataset_get_sample_f64(c->set, index, input, target);
}

/* As sixnet_model_evaluate(), and with its bits, but with a bar. */
static int32_t evaluate(const work *w, counted *c, double *loss, double *accuracy)
{
    int64_t dims[MAX_RANK], target_dims[MAX_RANK];
    int32_t rank, target_rank;
    char spec[64 + 2 * SHAPE_TEXT], shape[SHAPE_TEXT], target_shape[SHAPE_TEXT];
    sixnet_dataset *set;
    CHECK_SIXNET(sixnet_dataset_shape(c->set, dims, &rank, target_dims, &target_rank));
    snprintf(spec, sizeof spec, "shape=%s target_shape=%s", shape_text(dims, rank, shape),
             shape_text(target_dims, target_rank, target_shape));
    CHECK_SIXNET(sixnet_dataset_from_callback_f64(&set, w->ctx, spec, c->size, count_sample, c));
    const int32_t status = sixnet_model_evaluate(w->net, set, loss, accuracy);
    sixnet_dataset_free(set);
    return status == SIXNET_BAD_DATA ? sixnet_model_evaluate(w->net, c->set, loss, accuracy)
                                     : status; /* which knows the sample */
}

static int32_t show(const work *w, const samples *s, int json)
{
    double loss, accuracy;
    const int64_t n = sixnet_dataset_size(s->set);
    counted c = {s->set, n, meter_begin("measuring", 1)};
    const int32_t status =
        c.bar.wanted ? evaluate(w, &c, &loss, &accuracy) : sixnet_model_evaluate(w->net, s->set, &loss, &accuracy);
    meter_end(&c.bar);
    if (status == SIXNET_BAD_DATA && samples_blamed(s, w))
        return -1;
    CHECK_SIXNET(status);
    if (json) {
        printf("{\"samples\": %" PRId64 ", ", n);
        json_number("loss", loss);
        printf(", ");
        json_number("accuracy", accuracy);
        printf("}\n");
        return 0;
    }
    printf("loss %.6g", loss);
    if (!isnan(accuracy))
        printf(", accuracy %.2f %%", 100 * accuracy);
    printf(", %" PRId64 " samples\n", n);
    return 0;
}

int32_t command_eval(int argc, char **argv)
{
    machine m = machine_default;
    net_files n = {.path = NULL};
    record r = {.settings_text = NULL};
    data_options d = {.scale = NAN};
    work w = {.ctx = NULL};
    samples s = {.set = NULL};
    option_table t = {.count = 0};
    int json = 0;
    add_operand(&t, "MODEL", "a saved model, a record's folder, or a net's text with --weights", &n.path);
    add_weights(&t, &n);
    add_data(&t, &d);
    add_machine(&t, &m);
    add_switch(&t, "--json", "print JSON", &json);
    int32_t status = command_options(argc, argv, ABOUT, &t);
    if (status >= 0)
        return status;
    if (!d.data)
        return fail("--data is missing: the samples to measure on"), EXIT_USAGE;
    status = record_use(&r, &n, &d);
    if (status == 0)
        status = work_open_trained(&w, &m, &n);
    if (status == 0)
        status = samples_open(&s, &w, &d, "t10k", true);
    if (status == 0)
        status = samples_transform(s.set, &d.transforms);
    if (status == 0)
        status = show(&w, &s, json);
    samples_close(&s);
    work_close(&w);
    record_free(&r);
    return exit_status(status);
}
