/* SPDX-License-Identifier: MIT */

/* Six learning rates compared: on the 2-2-2 net, and on a task with samples kept apart to test on. */

#include "two_neuron.h"

enum { CURVES = 3 * RATES, TRAIN_SAMPLES = 20, TEST_SAMPLES = 500 };

const double sweep_rate[RATES] = {0.1, 0.2, 0.5, 0.8, 1.0, 2.0};

/* ---- the 2-2-2 net ---- */

static int32_t sweep_two_neuron(const settings *s, double lr, double *curve)
{
    experiment l;
    int32_t status = experiment_build(&l, s, lr);
    if (status == 0)
        status = experiment_train(&l, s->epochs, NULL, NULL, curve);
    experiment_free(&l);
    return status;
}

/* ---- points: a net with a hidden layer, and samples to test it on ---- */

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

/* ---- all rates ---- */

static int32_t train_all(const settings *s, sweep *w)
{
    for (int r = 0; r < RATES; r++) {
        CHECK(sweep_two_neuron(s, sweep_rate[r], w->two_neuron[r]));
        CHECK(sweep_points(s, sweep_rate[r], w->train[r], w->test[r]));
    }
    return 0;
}

int32_t sweep_run(const settings *s, sweep *w)
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
    return train_all(s, w);
}

void sweep_free(sweep *w) { free(w->two_neuron[0]); }

/* ---- tables and charts ---- */

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
        printf("  %c  %4.1f     %.12f   %.12f   %.12f\n", 'a' + r, sweep_rate[r], w->two_neuron[r][0],
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
        printf("  %c  %4.1f     %10.6f  %10.6f   %8.6f in epoch %" PRId64 "\n", 'a' + r, sweep_rate[r], w->train[r][n],
               w->test[r][n], w->test[r][best], best);
        best_train = w->train[r][n] < w->train[best_train][n] ? r : best_train;
        best_test = w->test[r][n] < w->test[best_test][n] ? r : best_test;
    }
    printf("\nThe lowest train loss is that of rate %.1f, the lowest test loss that of rate %.1f%s.\n",
           sweep_rate[best_train], sweep_rate[best_test],
           best_train == best_test ? "" : ": a low training loss proves nothing by itself");
    show_chart("train loss by epoch", w->train, n);
    show_chart("test loss by epoch", w->test, n);
}

void sweep_show(const sweep *w)
{
    show_two_neuron_sweep(w);
    show_points_sweep(w);
}

void sweep_write(const sweep *w, FILE *csv)
{
    static const char *const title[] = {"E_total", "train_loss", "test_loss"};
    double *const *const curve[] = {w->two_neuron, w->train, w->test};
    fputs("epoch", csv);
    for (int c = 0; c < CURVES; c++)
        fprintf(csv, ",%s_%.1f", title[c / RATES], sweep_rate[c % RATES]);
    fputc('\n', csv);
    for (int64_t k = 0; k <= w->epochs; k++) {
        fprintf(csv, "%" PRId64, k);
        for (int c = 0; c < CURVES; c++)
            fprintf(csv, ",%.17g", curve[c / RATES][c % RATES][k]);
        fputc('\n', csv);
    }
}
