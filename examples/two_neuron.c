/* SPDX-License-Identifier: MIT */

/* The 2-2-2 net: two inputs, two hidden and two output neurons, all sigmoid, without biases. Shows one epoch of its training
 * step by step. Every value comes from the library's own forward and backward pass, in f64, and is compared here with the closed
 * form. */

#include "gnuplot.h"

#define ABOUT "Trains the 2-2-2 sigmoid net and shows every value of the first epoch."

const char *program = "two_neuron";

/* One epoch's values, in the order of the CSV's columns; behind those come the derivatives by the nodes. */
enum {
    H = 0,
    A_H = 2,
    O = 4,
    A_O = 6,
    E = 8,
    E_TOTAL = 10,
    W = 11,
    DE_DW = 19,
    COLUMNS = 27,
    DE_DH = 27,
    DE_DA_H = 29,
    DE_DO = 31,
    DE_DA_O = 33,
    VALUES = 35,
};

static const char *const name[VALUES] = {
    "h1",     "h2",      "a_h1",     "a_h2",     "o1",     "o2",     "a_o1",     "a_o2",     "E1",
    "E2",     "E_total", "w1",       "w2",       "w3",     "w4",     "w5",       "w6",       "w7",
    "w8",     "dE_dw1",  "dE_dw2",   "dE_dw3",   "dE_dw4", "dE_dw5", "dE_dw6",   "dE_dw7",   "dE_dw8",
    "dE_dh1", "dE_dh2",  "dE_da_h1", "dE_da_h2", "dE_do1", "dE_do2", "dE_da_o1", "dE_da_o2",
};

/* The epochs of all nets that are trained. */
typedef struct epoch_count {
    meter bar;
    double done, all;
} epoch_count;

typedef struct settings {
    double lr, inputs[2], targets[2], weights[8];
    int64_t epochs;
    const char *csv, *pictures;
    int sweep;
    epoch_count *epochs_done;
} settings;

static void count_epoch(epoch_count *c) { meter_show(&c->bar, ++c->done, c->all); }

enum { SWEEP_EPOCHS = 1000, MAX_EPOCHS = 1000000, MAX_LR = 100, MAX_NUMBER = 1000 };

/* ---- the net ---- */

typedef struct experiment {
    const settings *set;
    sixnet_context *ctx;
    sixnet_model *net;
    sixnet_optimizer *opt;
    sixnet_node node[4]; /* h, a_h, o, a_o */
    double weights[8];   /* what they must be by the closed form */
    double tolerance;
    double worst; /* the largest difference found */
} experiment;

static void experiment_free(experiment *l)
{
    sixnet_optimizer_free(l->opt);
    sixnet_model_free(l->net);
    sixnet_context_free(l->ctx);
}

/* 1e-12, or more if numbers above 1 are given: by the square of the largest, as sums of two products are compared. */
static double tolerance_for(const settings *s)
{
    double largest = 1;
    for (int k = 0; k < 8; k++)
        largest = fmax(largest, fmax(fabs(s->weights[k]), fmax(fabs(s->inputs[k % 2]), fabs(s->targets[k % 2]))));
    return 1e-12 * largest * largest;
}

static int32_t experiment_build(experiment *l, const settings *set, double lr)
{
    *l = (experiment){.set = set, .tolerance = tolerance_for(set)};
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

/* ---- the closed form ---- */

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

/* The same values from the formulas of the sheet, k being the neuron and 2 * k its first weight. */
static void closed_form(const settings *s, const double *w, double *v)
{
    memcpy(v + W, w, 8 * sizeof *w);
    for (int k = 0; k < 2; k++) {
        v[H + k] = w[2 * k] * s->inputs[0] + w[2 * k + 1] * s->inputs[1];
        v[A_H + k] = sigmoid(v[H + k]);
    }
    for (int k = 0; k < 2; k++) {
        v[O + k] = w[4 + 2 * k] * v[A_H] + w[4 + 2 * k + 1] * v[A_H + 1];
        v[A_O + k] = sigmoid(v[O + k]);
        v[E + k] = 0.5 * pow(s->targets[k] - v[A_O + k], 2);
        v[DE_DA_O + k] = v[A_O + k] - s->targets[k];
        v[DE_DO + k] = v[DE_DA_O + k] * v[A_O + k] * (1 - v[A_O + k]);
    }
    v[E_TOTAL] = v[E] + v[E + 1];
    for (int k = 0; k < 2; k++) {
        v[DE_DA_H + k] = v[DE_DO] * w[4 + k] + v[DE_DO + 1] * w[6 + k];
        v[DE_DH + k] = v[DE_DA_H + k] * v[A_H + k] * (1 - v[A_H + k]);
        for (int j = 0; j < 2; j++) {
            v[DE_DW + 2 * k + j] = v[DE_DH + k] * s->inputs[j];
            v[DE_DW + 4 + 2 * k + j] = v[DE_DO + k] * v[A_H + j];
        }
    }
}

/* Compares an epoch's values with the closed form, and computes what the weights must be after the step. */
static int32_t experiment_check(experiment *l, int64_t epoch, const double *v)
{
    double right[VALUES];
    closed_form(l->set, l->weights, right);
    for (int k = 0; k < VALUES; k++) {
        const double difference = fabs(v[k] - right[k]);
        if (!(difference <= l->tolerance))
            return fail("epoch %" PRId64 ": %s is %.17g, but by the closed form %.17g", epoch, name[k], v[k], right[k]);
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
        fprintf(csv, ",%s", name[k]);
    fputc('\n', csv);
}

static void csv_row(FILE *csv, int64_t epoch, const double *v)
{
    fprintf(csv, "%" PRId64, epoch);
    for (int k = 0; k < COLUMNS; k++)
        fprintf(csv, ",%.17g", v[k]);
    fputc('\n', csv);
}

/* The values at the start, after the first epoch and, if that is later, at the end. */
typedef struct record {
    double start[VALUES], second[VALUES], end[VALUES];
} record;

/* Trains for so many epochs. Fills kept and curve (epochs + 1 errors) and writes csv, unless NULL. */
static int32_t train(experiment *l, int64_t epochs, FILE *csv, record *kept, double *curve)
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

/* ---- one epoch for people to follow ---- */

static void show_list(const char *title, char letter, const double *x, int count)
{
    for (int k = 0; k < count; k++) {
        const int last = k + 1 == count || k % 4 == 3;
        if (k % 4 == 0)
            printf("%-8s", k ? "" : title);
        printf("  %c%d = %-*.12g%s", letter, k + 1, last ? 0 : 14, x[k], last ? "\n" : "");
    }
}

static void show_forward(const double *v)
{
    puts("\nForward");
    for (int k = 0; k < 2; k++)
        printf("  h%d      = w%d * i1 + w%d * i2       = %.12g\n", k + 1, 2 * k + 1, 2 * k + 2, v[H + k]);
    for (int k = 0; k < 2; k++)
        printf("  a_h%d    = sigmoid(h%d)             = %.12g\n", k + 1, k + 1, v[A_H + k]);
    for (int k = 0; k < 2; k++)
        printf("  o%d      = w%d * a_h1 + w%d * a_h2   = %.12g\n", k + 1, 2 * k + 5, 2 * k + 6, v[O + k]);
    for (int k = 0; k < 2; k++)
        printf("  a_o%d    = sigmoid(o%d)             = %.12g\n", k + 1, k + 1, v[A_O + k]);
    for (int k = 0; k < 2; k++)
        printf("  E%d      = (t%d - a_o%d)^2 / 2       = %.12g\n", k + 1, k + 1, k + 1, v[E + k]);
    printf("  E_total = E1 + E2                 = %.12g\n", v[E_TOTAL]);
}

/* The slope of the sigmoid at an activation. */
static double slope(double a) { return a * (1 - a); }

/* dE/dw5 … dE/dw8, of output k and hidden neuron j. */
static void show_output_gradient(const double *v, int k, int j)
{
    const int w = 5 + 2 * k + j;
    printf("  dE/dw%d = dE/da_o%d * da_o%d/do%d * do%d/dw%d\n", w, k + 1, k + 1, k + 1, k + 1, w);
    printf("         = %.12g * %.12g * %.12g\n", v[DE_DA_O + k], slope(v[A_O + k]), v[A_H + j]);
    printf("         = %.12g\n", v[DE_DW + w - 1]);
}

/* dE/dw1 … dE/dw4, of hidden neuron k and input j: the error comes back through both outputs. */
static void show_hidden_gradient(const double *v, const double *inputs, int k, int j)
{
    const int w = 1 + 2 * k + j, h = k + 1;
    printf("  dE/dw%d = (dE/da_o1 * da_o1/do1 * do1/da_h%d + dE/da_o2 * da_o2/do2 * do2/da_h%d)\n", w, h, h);
    printf("           * da_h%d/dh%d * dh%d/dw%d\n", h, h, h, w);
    printf("         = (%.12g * %.12g * %.12g\n", v[DE_DA_O], slope(v[A_O]), v[W + 4 + k]);
    printf("           + %.12g * %.12g * %.12g)\n", v[DE_DA_O + 1], slope(v[A_O + 1]), v[W + 6 + k]);
    printf("           * %.12g * %.12g\n", slope(v[A_H + k]), inputs[j]);
    printf("         = %.12g\n", v[DE_DW + w - 1]);
}

static void show_backward(const settings *s, const double *v)
{
    puts("\nBackward, the output's weights");
    for (int k = 0; k < 4; k++)
        show_output_gradient(v, k / 2, k % 2);
    puts("\nBackward, the hidden neurons' weights");
    for (int k = 0; k < 4; k++)
        show_hidden_gradient(v, s->inputs, k / 2, k % 2);
}

static void show_step(double lr, const double *before, const double *after)
{
    puts("\nStep, w - lr * dE/dw");
    for (int k = 0; k < 8; k++)
        printf("  w%d     = %.12g - %g * %.12g = %.12g\n", k + 1, before[W + k], lr, before[DE_DW + k], after[W + k]);
    printf("\nE_total before %.12g, after %.12g\n", before[E_TOTAL], after[E_TOTAL]);
}

static void show(const settings *s, const record *r, double worst)
{
    printf("One epoch of the 2-2-2 net, learning rate %g\n\n", s->lr);
    show_list("inputs", 'i', s->inputs, 2);
    show_list("targets", 't', s->targets, 2);
    show_list("weights", 'w', r->start + W, 8);
    show_forward(r->start);
    show_backward(s, r->start);
    show_step(s->lr, r->start, r->second);
    if (s->epochs > 1) {
        printf("\nAfter %" PRId64 " epochs: E_total %.12g, a_o1 %.12g, a_o2 %.12g\n\n", s->epochs, r->end[E_TOTAL],
               r->end[A_O], r->end[A_O + 1]);
        show_list("weights", 'w', r->end + W, 8);
    }
    printf("\nEvery value agrees with the closed form; the largest difference is %.2g.\n", worst);
}

static int32_t run_once(const settings *s, FILE *csv)
{
    record kept;
    experiment l;
    if (csv)
        csv_header(csv);
    int32_t status = experiment_build(&l, s, s->lr);
    if (status == 0)
        status = train(&l, s->epochs, csv, &kept, NULL);
    meter_end(&s->epochs_done->bar);
    if (status == 0)
        show(s, &kept, l.worst);
    experiment_free(&l);
    return status;
}

/* ---- the sweep: six learning rates, on this net and on a task with samples kept apart to test on ---- */

enum { RATES = 6, CURVES = 3 * RATES, TRAIN_SAMPLES = 20, TEST_SAMPLES = 500 };

static const double rate[RATES] = {0.1, 0.2, 0.5, 0.8, 1.0, 2.0};

/* epochs + 1 losses for each rate. */
typedef struct sweep {
    int64_t epochs;
    double *two_neuron[RATES], *train[RATES], *test[RATES];
} sweep;

static int32_t sweep_two_neuron(const settings *s, double lr, double *curve)
{
    experiment l;
    int32_t status = experiment_build(&l, s, lr);
    if (status == 0)
        status = train(&l, s->epochs, NULL, NULL, curve);
    experiment_free(&l);
    return status;
}

/* Numbers of our own (splitmix64), so that the samples are the same everywhere. */
static double uniform(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static double normal(uint64_t *state)
{
    double sum = -6;
    for (int k = 0; k < 12; k++)
        sum += uniform(state);
    return sum;
}

/* Two classes of points around (-1, -1) and (1, 1), so wide that they overlap. */
static void make_points(uint64_t seed, int count, double *x, double *t)
{
    for (int k = 0; k < count; k++) {
        t[k] = k % 2;
        x[2 * k] = 2 * t[k] - 1 + 1.5 * normal(&seed);
        x[2 * k + 1] = 2 * t[k] - 1 + 1.5 * normal(&seed);
    }
}

typedef struct points {
    sixnet_context *ctx;
    sixnet_model *net;
    sixnet_optimizer *opt;
    sixnet_dataset *test;
    double x[2 * TRAIN_SAMPLES], t[TRAIN_SAMPLES];
} points;

static void points_free(points *p)
{
    sixnet_dataset_free(p->test);
    sixnet_optimizer_free(p->opt);
    sixnet_model_free(p->net);
    sixnet_context_free(p->ctx);
}

static int32_t points_build(points *p, double lr)
{
    static const char net[] = "input shape=2\n"
                              "linear out_features=16\n"
                              "tanh\n"
                              "linear out_features=1\n"
                              "bce_with_logits\n";
    double x[2 * TEST_SAMPLES], t[TEST_SAMPLES];
    char sgd[64];
    CHECK_SIXNET(sixnet_context_new(&p->ctx, "dtype=f64 seed=1"));
    CHECK_SIXNET(sixnet_model_parse(&p->net, p->ctx, net));
    snprintf(sgd, sizeof sgd, "sgd lr=%.17g", lr);
    CHECK_SIXNET(sixnet_optimizer_new(&p->opt, p->net, sgd, NULL));
    make_points(2, TEST_SAMPLES, x, t);
    CHECK_SIXNET(
        sixnet_dataset_from_arrays(&p->test, p->ctx, "input_dtype=f64 target_dtype=f64 shape=2", x, t, TEST_SAMPLES));
    make_points(1, TRAIN_SAMPLES, p->x, p->t);
    return 0;
}

static int32_t points_train(points *p, const settings *s, double *train_loss, double *test_loss)
{
    for (int64_t epoch = 0; epoch <= s->epochs; epoch++) {
        count_epoch(s->epochs_done);
        CHECK_SIXNET(sixnet_model_evaluate(p->net, p->test, &test_loss[epoch], NULL));
        CHECK_SIXNET(sixnet_model_zero_grad(p->net));
        CHECK_SIXNET(sixnet_model_forward_f64(p->net, p->x, TRAIN_SAMPLES));
        CHECK_SIXNET(sixnet_model_loss_f64(p->net, p->t, &train_loss[epoch]));
        CHECK_SIXNET(sixnet_model_backward(p->net));
        CHECK_SIXNET(sixnet_optimizer_step(p->opt));
    }
    return 0;
}

static int32_t sweep_points(const settings *s, double lr, double *train_loss, double *test_loss)
{
    points p = {0};
    int32_t status = points_build(&p, lr);
    if (status == 0)
        status = points_train(&p, s, train_loss, test_loss);
    points_free(&p);
    return status;
}

static int32_t sweep_run(const settings *s, sweep *w)
{
    for (int r = 0; r < RATES; r++) {
        CHECK(sweep_two_neuron(s, rate[r], w->two_neuron[r]));
        CHECK(sweep_points(s, rate[r], w->train[r], w->test[r]));
    }
    return 0;
}

static int64_t lowest(const double *curve, int64_t epochs)
{
    int64_t best = 0;
    for (int64_t k = 1; k <= epochs; k++)
        best = curve[k] < curve[best] ? k : best;
    return best;
}

/* Six curves in letters, over a logarithmic scale. */
static void show_chart(const char *title, double *const *curve, int64_t epochs)
{
    enum { WIDTH = 64, HEIGHT = 14 };
    char cell[HEIGHT][WIDTH + 1];
    double low = DBL_MAX, high = 1e-15;
    for (int r = 0; r < RATES; r++)
        for (int64_t k = 0; k <= epochs; k++) {
            low = fmin(low, fmax(curve[r][k], 1e-15));
            high = fmax(high, curve[r][k]);
        }
    const double step = fmax(log(high / low), 1e-9) / (HEIGHT - 1);
    for (int y = 0; y < HEIGHT; y++)
        snprintf(cell[y], sizeof cell[y], "%*s", WIDTH, "");
    for (int r = 0; r < RATES; r++)
        for (int x = 0; x < WIDTH; x++) {
            const double loss = fmax(curve[r][epochs * x / (WIDTH - 1)], 1e-15);
            cell[(int)lround(log(high / loss) / step)][x] = (char)('a' + r);
        }
    printf("\n%s\n", title);
    for (int y = 0; y < HEIGHT; y++)
        printf("%10.3g |%s\n", high * exp(-step * y), cell[y]);
    printf("%10s +%.*s\n", "", WIDTH, "----------------------------------------------------------------");
    printf("%10s  0 %*" PRId64 "  epoch\n", "", WIDTH - 2, epochs);
}

static void show_two_neuron_sweep(const sweep *w)
{
    const int64_t n = w->epochs;
    printf("The 2-2-2 net, %" PRId64 " epochs\n\n     rate     E_total at the start, after a tenth, at the end\n", n);
    for (int r = 0; r < RATES; r++)
        printf("  %c  %4.1f     %.12f   %.12f   %.12f\n", 'a' + r, rate[r], w->two_neuron[r][0],
               w->two_neuron[r][n / 10], w->two_neuron[r][n]);
    show_chart("E_total by epoch", w->two_neuron, n);
}

static void show_points_sweep(const sweep *w)
{
    const int64_t n = w->epochs;
    int best_train = 0, best_test = 0;
    printf("\n\nTwo overlapping classes of points, a 2-16-1 net, %d samples to train, %d others to test, %" PRId64
           " epochs\n\n",
           TRAIN_SAMPLES, TEST_SAMPLES, n);
    puts("     rate     train loss   test loss   lowest test loss");
    for (int r = 0; r < RATES; r++) {
        const int64_t best = lowest(w->test[r], n);
        printf("  %c  %4.1f     %10.6f  %10.6f   %8.6f in epoch %" PRId64 "\n", 'a' + r, rate[r], w->train[r][n],
               w->test[r][n], w->test[r][best], best);
        best_train = w->train[r][n] < w->train[best_train][n] ? r : best_train;
        best_test = w->test[r][n] < w->test[best_test][n] ? r : best_test;
    }
    printf("\nThe lowest train loss is that of rate %.1f, the lowest test loss that of rate %.1f%s.\n",
           rate[best_train], rate[best_test],
           best_train == best_test ? "" : ": a low training loss proves nothing by itself");
    show_chart("train loss by epoch", w->train, n);
    show_chart("test loss by epoch", w->test, n);
}

static void sweep_write(const sweep *w, FILE *csv)
{
    static const char *const title[] = {"E_total", "train_loss", "test_loss"};
    double *const *const curve[] = {w->two_neuron, w->train, w->test};
    fputs("epoch", csv);
    for (int c = 0; c < CURVES; c++)
        fprintf(csv, ",%s_%.1f", title[c / RATES], rate[c % RATES]);
    fputc('\n', csv);
    for (int64_t k = 0; k <= w->epochs; k++) {
        fprintf(csv, "%" PRId64, k);
        for (int c = 0; c < CURVES; c++)
            fprintf(csv, ",%.17g", curve[c / RATES][c % RATES][k]);
        fputc('\n', csv);
    }
}

/* Room for the curves, to be freed with sweep_free(), and what is in them. */
static int32_t sweep_make(const settings *s, sweep *w)
{
    const size_t length = (size_t)s->epochs + 1;
    *w = (sweep){.epochs = s->epochs};
    w->two_neuron[0] = calloc(CURVES * length, sizeof **w->two_neuron);
    if (!w->two_neuron[0])
        return fail("out of memory");
    for (size_t r = 0; r < RATES; r++) {
        w->two_neuron[r] = w->two_neuron[0] + r * length;
        w->train[r] = w->two_neuron[r] + RATES * length;
        w->test[r] = w->train[r] + RATES * length;
    }
    return sweep_run(s, w);
}

static void sweep_free(sweep *w) { free(w->two_neuron[0]); }

static int32_t run_sweep(const settings *s, FILE *csv)
{
    sweep w;
    const int32_t status = sweep_make(s, &w);
    meter_end(&s->epochs_done->bar);
    if (status == 0) {
        show_two_neuron_sweep(&w);
        show_points_sweep(&w);
    }
    if (status == 0 && csv)
        sweep_write(&w, csv);
    sweep_free(&w);
    return status;
}

/* ---- pictures: the sweep's curves, and the net with its numbers ---- */

#define DERIVATIVE "<font color=\"#b34000\">∂E/∂%s = %.6g</font>"

/* Where neurons are, in inches: inputs, hidden, outputs and errors from left to right, the first of each above the second. */
static const double across[] = {0, 3.9, 8.3, 11.3}, down[] = {3, 0};

/* A neuron's values, and the derivative of E_total by what goes into it: h or o, whose first value and derivative are given. */
static void draw_neuron(FILE *dot, const char *id, double x, double y, const double *value, double derivative)
{
    fprintf(dot, "  %s [pos=\"%g,%g!\", label=<%s = %.6g<br/><b>a_%s = %.6g</b><br/>" DERIVATIVE ">];\n", id, x, y, id,
            value[0], id, value[2], id, derivative);
}

static void draw_neurons(FILE *dot, const settings *s, const double *v)
{
    for (int k = 0; k < 2; k++) {
        fprintf(dot, "  i%d [pos=\"%g,%g!\", label=<<b>i%d = %g</b>>];\n", k + 1, across[0], down[k], k + 1,
                s->inputs[k]);
        draw_neuron(dot, name[H + k], across[1], down[k], v + H + k, v[DE_DH + k]);
        draw_neuron(dot, name[O + k], across[2], down[k], v + O + k, v[DE_DO + k]);
        fprintf(dot, "  E%d [style=filled, pos=\"%g,%g!\", label=<t%d = %g<br/><b>E%d = %.6g</b>>];\n", k + 1,
                across[3], down[k], k + 1, s->targets[k], k + 1, v[E + k]);
        fprintf(dot, "  o%d -> E%d [color=\"#444444\"];\n", k + 1, k + 1);
    }
}

/* A weight: an edge, and its value and derivative: on an edge that crosses another, else above the upper and below the lower one. */
static void draw_weight(FILE *dot, int w, const double *v)
{
    const int layer = w / 4, from = w % 2, to = w / 2 % 2;
    const double share = from == to ? 0.47 : 0.66, beside = from != to ? 0 : from ? -0.3 : 0.3;
    const double x = across[layer] + (across[layer + 1] - across[layer]) * share,
                 y = down[from] + (down[to] - down[from]) * share;
    fprintf(dot, "  %c%d -> %c%d [penwidth=%.2f, %s];\n", "ih"[layer], from + 1, "ho"[layer], to + 1,
            1 + fmin(fabs(v[W + w]), 5), v[W + w] < 0 ? "color=\"#e69f00\", style=dashed" : "color=\"#0072b2\"");
    fprintf(dot,
            "  w%d [penwidth=0, style=filled, margin=\"0.02,0\", height=0.1, pos=\"%g,%g!\", label=<<b>w%d = "
            "%.6g</b><br/>" DERIVATIVE ">];\n",
            w + 1, x, y + beside, w + 1, v[W + w], name[W + w], v[DE_DW + w]);
}

static void draw_net(FILE *dot, const settings *s, const char *when, const double *v)
{
    fprintf(dot,
            "digraph two_neuron {\n"
            "  graph [layout=neato, outputorder=edgesfirst, splines=line, pad=0.2, fontname=\"sans-serif\", "
            "fontsize=16, labelloc=t,\n"
            "    label=<The two-neuron net %s: E_total = %.6g<br/><font point-size=\"12\">"
            "Orange: derivatives of E_total. A thicker line is a larger weight, a "
            "dashed line a negative one.</font><br/> >];\n"
            "  node [shape=box, style=\"rounded,filled\", fillcolor=white, color=\"#444444\", fontname=\"sans-serif\", "
            "fontsize=12, "
            "margin=\"0.1,0.1\"];\n"
            "  edge [arrowsize=0.8];\n",
            when, v[E_TOTAL]);
    draw_neurons(dot, s, v);
    for (int w = 0; w < 8; w++)
        draw_weight(dot, w, v);
    fputs("}\n", dot);
}

static int32_t picture_net(pictures *p, const settings *s, const char *picture, const char *when, const double *v)
{
    char path[FOLDER_PATH], file[64], shows[128];
    FILE *dot;
    snprintf(file, sizeof file, "%s.dot", picture);
    CHECK(folder_open(&dot, path, p->folder, file));
    draw_net(dot, s, when, v);
    CHECK(output_close(dot, path));
    snprintf(shows, sizeof shows, "the net's values, weights and derivatives %s", when);
    return picture_graph(p, picture, shows);
}

static int32_t picture_nets(pictures *p, const settings *s, const record *r)
{
    char when[64];
    CHECK(picture_net(p, s, "two_neuron_before", "before its training", r->start));
    snprintf(when, sizeof when, "after %" PRId64 " epochs at learning rate %g", s->epochs, s->lr);
    return picture_net(p, s, "two_neuron_after", when, s->epochs > 1 ? r->end : r->second);
}

static int32_t picture_losses(pictures *p, const sweep *w)
{
    char path[FOLDER_PATH], head[256];
    FILE *csv;
    CHECK(folder_open(&csv, path, p->folder, "sweep.csv"));
    sweep_write(w, csv);
    CHECK(output_close(csv, path));
    snprintf(head, sizeof head, "epochs = %" PRId64 "\nrates = '", w->epochs);
    for (int r = 0; r < RATES; r++)
        snprintf(head + strlen(head), sizeof head - strlen(head), "%.1f%c", rate[r], r + 1 < RATES ? ' ' : '\'');
    CHECK(picture_plot(p, "loss_for_different_learning_rates",
                       "the two-neuron net's error by epoch, for six learning rates", head, plot_learning_rates));
    return picture_plot(p, "train_test_by_learning_rate",
                        "training against test loss of a net that learns points, for the same rates", head,
                        plot_train_test);
}

static int32_t run_pictures(const settings *s)
{
    pictures p;
    sweep w = {.epochs = 0};
    record kept;
    experiment l = {.ctx = NULL};
    CHECK(pictures_begin(&p, s->pictures));
    int32_t status = sweep_make(s, &w);
    if (status == 0)
        status = picture_losses(&p, &w);
    if (status == 0)
        status = experiment_build(&l, s, s->lr);
    if (status == 0)
        status = train(&l, s->epochs, NULL, &kept, NULL);
    if (status == 0)
        status = picture_nets(&p, s, &kept);
    meter_end(&s->epochs_done->bar);
    if (status == 0)
        pictures_end(&p);
    experiment_free(&l);
    sweep_free(&w);
    return status;
}

/* ---- main ---- */

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
    const int32_t status = s->pictures ? run_pictures(s) : run_written(s);
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
