/* SPDX-License-Identifier: MIT */

/* The 2-2-2 net: two inputs, two hidden and two output neurons, all sigmoid, without biases. Shows one epoch of its training
 * step by step. Every value comes from the library's own forward and backward pass, in f64, and is compared with the closed
 * form of two_neuron_formulas.c, which also prints the steps. two_neuron_rates.c compares learning rates, two_neuron_plots.c draws. */

#include "two_neuron.h"

#define ABOUT "Trains the 2-2-2 sigmoid net and shows every value of the first epoch."

const char *program = "two_neuron";

/* ---- the net ---- */

int32_t experiment_build(experiment *l, const settings *set, double lr)
{
    *l = (experiment){.set = set};
    CHECK_SIXNET(sixnet_context_new(&l->ctx, "dtype=f64"));
    CHECK_SIXNET(sixnet_model_new(&l->net, l->ctx));
    const sixnet_node x = sixnet_model_add(l->net, "input shape=2", SIXNET_NO_NODE);
    l->node[0] = sixnet_model_add(l->net, "linear out_features=2 bias=false name=hidden", x);
    l->node[1] = sixnet_model_add(l->net, "sigmoid", l->node[0]);
    l->node[2] = sixnet_model_add(l->net, "linear out_features=2 bias=false name=output", l->node[1]);
    l->node[3] = sixnet_model_add(l->net, "sigmoid", l->node[2]);
    sixnet_model_add(l->net, "mse reduction=half_sum", l->node[3]);
    for (int k = 0; k < 4; k++)
        sixnet_node_retain(l->net, l->node[k]);
    CHECK_SIXNET(sixnet_model_compile(l->net));

    memcpy(l->weights, set->weights, sizeof l->weights);
    CHECK_SIXNET(sixnet_tensor_set_f64(l->net, "hidden.weight", set->weights, 4));
    CHECK_SIXNET(sixnet_tensor_set_f64(l->net, "output.weight", set->weights + 4, 4));
    char sgd[64];
    snprintf(sgd, sizeof sgd, "sgd lr=%.17g", lr);
    CHECK_SIXNET(sixnet_optimizer_new(&l->opt, l->net, sgd, NULL));
    return 0;
}

void experiment_free(experiment *l)
{
    sixnet_optimizer_free(l->opt);
    sixnet_model_free(l->net);
    sixnet_context_free(l->ctx);
}

/* Runs the net forward and backward, and reads everything there is. */
static int32_t experiment_measure(experiment *l, double *v)
{
    CHECK_SIXNET(sixnet_model_zero_grad(l->net));
    CHECK_SIXNET(sixnet_model_forward_f64(l->net, l->set->inputs, 1));
    CHECK_SIXNET(sixnet_model_loss_f64(l->net, l->set->targets, &v[E_TOTAL]));
    CHECK_SIXNET(sixnet_model_backward(l->net));
    for (int k = 0; k < 4; k++) {
        CHECK_SIXNET(sixnet_node_values_f64(l->net, l->node[k], v + H + 2 * k, 2));
        CHECK_SIXNET(sixnet_node_gradient_f64(l->net, l->node[k], v + DE_DH + 2 * k, 2));
    }
    CHECK_SIXNET(sixnet_tensor_get_f64(l->net, "hidden.weight", v + W, 4));
    CHECK_SIXNET(sixnet_tensor_get_f64(l->net, "output.weight", v + W + 4, 4));
    CHECK_SIXNET(sixnet_tensor_gradient_f64(l->net, "hidden.weight", v + DE_DW, 4));
    CHECK_SIXNET(sixnet_tensor_gradient_f64(l->net, "output.weight", v + DE_DW + 4, 4));
    for (int k = 0; k < 2; k++)
        v[E + k] = (l->set->targets[k] - v[A_O + k]) * (l->set->targets[k] - v[A_O + k]) / 2;
    return 0;
}

/* 1e-12, or more if numbers above 1 are given: by the square of the largest, as sums of two products are compared. */
static double tolerance_for(const settings *s)
{
    double largest = 1;
    for (int k = 0; k < 8; k++)
        largest = fmax(largest, fmax(fabs(s->weights[k]), fmax(fabs(s->inputs[k % 2]), fabs(s->targets[k % 2]))));
    return 1e-12 * largest * largest;
}

/* Compares an epoch's values with the closed form, and computes what the weights must be after the step. */
static int32_t experiment_check(experiment *l, int64_t epoch, const double *v)
{
    const double tolerance = tolerance_for(l->set);
    double right[VALUES];
    closed_form(l->set, l->weights, right);
    for (int k = 0; k < VALUES; k++) {
        const double difference = fabs(v[k] - right[k]);
        if (!(difference <= tolerance))
            return fail("epoch %" PRId64 ": %s is %.17g, but by the closed form %.17g", epoch, value_name[k], v[k],
                        right[k]);
        l->worst = fmax(l->worst, difference);
    }
    for (int k = 0; k < 8; k++)
        l->weights[k] = v[W + k] - sixnet_optimizer_learning_rate(l->opt) * v[DE_DW + k];
    return 0;
}

/* ---- training ---- */

static void csv_header(FILE *csv)
{
    fputs("epoch", csv);
    for (int k = 0; k < COLUMNS; k++)
        fprintf(csv, ",%s", value_name[k]);
    fputc('\n', csv);
}

static void csv_row(FILE *csv, int64_t epoch, const double *v)
{
    fprintf(csv, "%" PRId64, epoch);
    for (int k = 0; k < COLUMNS; k++)
        fprintf(csv, ",%.17g", v[k]);
    fputc('\n', csv);
}

void count_epoch(epoch_count *c) { meter_show(&c->bar, ++c->done, c->all); }

int32_t experiment_train(experiment *l, int64_t epochs, FILE *csv, record *kept, double *curve)
{
    double v[VALUES];
    for (int64_t epoch = 0; epoch <= epochs; epoch++) {
        CHECK(experiment_measure(l, v));
        CHECK(experiment_check(l, epoch, v));
        if (csv)
            csv_row(csv, epoch, v);
        if (curve)
            curve[epoch] = v[E_TOTAL];
        if (kept)
            memcpy(epoch == 0 ? kept->start : epoch == 1 ? kept->second : kept->end, v, sizeof v);
        if (epoch < epochs)
            CHECK_SIXNET(sixnet_optimizer_step(l->opt));
        count_epoch(l->set->epochs_done);
    }
    return 0;
}

static int32_t run_once(const settings *s, FILE *csv)
{
    record kept;
    experiment l;
    if (csv)
        csv_header(csv);
    int32_t status = experiment_build(&l, s, s->lr);
    if (status == 0)
        status = experiment_train(&l, s->epochs, csv, &kept, NULL);
    meter_end(&s->epochs_done->bar);
    if (status == 0)
        show_epoch(s, &kept, l.worst);
    experiment_free(&l);
    return status;
}

static int32_t run_sweep(const settings *s, FILE *csv)
{
    sweep w;
    const int32_t status = sweep_run(s, &w);
    meter_end(&s->epochs_done->bar);
    if (status == 0)
        sweep_show(&w);
    if (status == 0 && csv)
        sweep_write(&w, csv);
    sweep_free(&w);
    return status;
}

/* ---- main ---- */

enum { SWEEP_EPOCHS = 1000, MAX_EPOCHS = 1000000, MAX_LR = 100, MAX_NUMBER = 1000 };

static int32_t run_written(const settings *s)
{
    FILE *csv = NULL;
    if (s->csv)
        CHECK(output_open(&csv, s->csv));
    const int32_t status = s->sweep ? run_sweep(s, csv) : run_once(s, csv);
    return output_close(csv, s->csv) == 0 ? status : -1;
}

static int32_t run(settings *s)
{
    if (s->sweep && s->lr >= 0)
        return fail("--lr and --sweep exclude each other: the sweep has its own six rates");
    if (s->pictures && (s->csv || s->sweep))
        return fail("--plots writes tables of its own, those of --sweep included; leave out --csv and --sweep");
    s->lr = s->lr >= 0 ? s->lr : 0.5;
    s->epochs = s->epochs ? s->epochs : s->sweep || s->pictures ? SWEEP_EPOCHS : 1;
    const int64_t nets = (s->sweep || s->pictures ? 2 * RATES : 0) + (s->sweep ? 0 : 1);
    epoch_count epochs = {meter_begin("training", 1), 0, (double)(nets * (s->epochs + 1))};
    s->epochs_done = &epochs;
    const int32_t status = s->pictures ? run_plots(s) : run_written(s);
    return output_end() == 0 ? status : -1;
}

int main(int argc, char **argv)
{
    settings s = {
        .lr = -1,
        .inputs = {0.05, 0.10},
        .targets = {0.01, 0.99},
        .weights = {0.15, 0.20, 0.25, 0.30, 0.40, 0.45, 0.50, 0.55},
    };
    const option options[] = {
        {"--lr", "R", "learning rate (0.5)", read_number, &s.lr, 0, MAX_LR, 0},
        {"--epochs", "N", "how often to train (1; with --sweep or --plots 1000)", read_integer, &s.epochs, 1,
         MAX_EPOCHS, 0},
        {"--csv", "FILE", "write every epoch's values; with --sweep the loss curves", read_text, &s.csv, 0, 0, 0},
        {"--weights", "w1,..,w8", "first weights (0.15,0.2,0.25,0.3,0.4,0.45,0.5,0.55)", read_numbers, s.weights,
         -MAX_NUMBER, MAX_NUMBER, 8},
        {"--inputs", "i1,i2", "inputs (0.05,0.1)", read_numbers, s.inputs, -MAX_NUMBER, MAX_NUMBER, 2},
        {"--targets", "t1,t2", "targets (0.01,0.99)", read_numbers, s.targets, -MAX_NUMBER, MAX_NUMBER, 2},
        {"--sweep", NULL, "compare the rates 0.1 to 2.0, on this net and on a task with test samples", NULL, &s.sweep,
         0, 0, 0},
        {"--plots", "DIR", "draw the curves of --sweep, and the net with its numbers before and after training",
         read_text, &s.pictures, 0, 0, 0},
        {NULL, NULL, NULL, NULL, NULL, 0, 0, 0},
    };
    const int32_t stop = options_read(argc, argv, ABOUT, options);
    if (stop)
        return stop > 0 ? EXIT_SUCCESS : EXIT_USAGE;
    return run(&s) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
