/* SPDX-License-Identifier: MIT */
/* Metrics of a net's outputs: those that scikit-learn finds (tests/make_metrics.py), in every context the same. */

#include "api.h"

enum { VALUES = 4096 };

typedef struct case_of {
    char loss[32];
    int samples, outputs, targets;
    float x[VALUES], t[VALUES];
} case_of;

static FILE *open_fixture(void)
{
    FILE *file = fopen(SIXNET_TEST_GOLDEN "/metrics.txt", "r");
    assert_non_null(file);
    return file;
}

static void read_values(FILE *file, const char *name, float *values, int count)
{
    char word[8];
    assert_int_equal(fscanf(file, "%7s", word), 1);
    assert_string_equal(word, name);
    for (int i = 0; i < count; i++)
        assert_int_equal(fscanf(file, "%f", &values[i]), 1);
}

/* False at the end of the file. */
static bool read_case(FILE *file, case_of *c)
{
    if (fscanf(file, " case %31s %d %d %d", c->loss, &c->samples, &c->outputs, &c->targets) != 4)
        return false;
    assert_in_range(c->samples * c->outputs, 1, VALUES);
    read_values(file, "x", c->x, c->samples * c->outputs);
    read_values(file, "t", c->t, c->samples * c->targets);
    return true;
}

/* What goes in comes out. */
static sixnet_model *net_of(const case_of *c, sixnet_context *ctx)
{
    char text[128];
    snprintf(text, sizeof text, "input shape=%d\nreshape shape=%d\n%s", c->outputs, c->outputs, c->loss);
    return parsed(ctx, text);
}

static sixnet_dataset *set_of(const case_of *c, sixnet_context *ctx)
{
    char spec[64];
    sixnet_dataset *ds;
    snprintf(spec, sizeof spec, "shape=%d target_shape=%d", c->outputs, c->targets);
    WORKS(sixnet_dataset_from_arrays(&ds, ctx, spec, c->x, c->t, c->samples));
    return ds;
}

/* The numbers that follow a case, up to "end". */
static int check_numbers(FILE *file, const case_of *c, const sixnet_model *net)
{
    char name[64], text[64];
    int count = 0;
    for (; fscanf(file, "%63s", name) == 1 && strcmp(name, "end") != 0; count++) {
        assert_int_equal(fscanf(file, "%63s", text), 1);
        const double expected = strtod(text, NULL), found = sixnet_model_metric(net, name);
        if (isnan(expected) ? !isnan(found) : !(fabs(found - expected) <= 1e-9 * (1 + fabs(expected))))
            fail_msg("%s of %d x %d: %s is %.17g, not %.17g", c->loss, c->samples, c->outputs, name, found, expected);
    }
    return count;
}

static void test_of_scikit_learn(void **state)
{
    (void)state;
    static const char *const contexts[] = {"", "dtype=f64 threads=2"};
    for (int i = 0; i < 2; i++) {
        FILE *file = open_fixture();
        case_of *c = malloc(sizeof *c);
        int cases = 0;
        for (; read_case(file, c); cases++) {
            sixnet_context *ctx;
            double loss, accuracy;
            WORKS(sixnet_context_new(&ctx, contexts[i]));
            sixnet_model *net = net_of(c, ctx);
            sixnet_dataset *ds = set_of(c, ctx);
            WORKS(sixnet_model_metrics(net, ds, "top_k=2 bins=10", NULL));
            assert_true(check_numbers(file, c, net) >= 3);
            WORKS(sixnet_model_evaluate(net, ds, &loss, &accuracy));
            assert_true(sixnet_model_metric(net, "loss") == loss && sixnet_model_metric(net, "samples") == c->samples);
            assert_true(isnan(accuracy) || sixnet_model_metric(net, "accuracy") == accuracy);
            sixnet_dataset_free(ds);
            sixnet_model_free(net);
            sixnet_context_free(ctx);
        }
        assert_int_equal(cases, 16);
        free(c);
        fclose(file);
    }
}

/* Classes at places, some of them as probabilities, are those of as many samples of one place; threads do not change a bit. */
static void test_places_and_threads(void **state)
{
    (void)state;
    enum { N = 40, C = 3, P = 4 };
    static const struct {
        const char *context, *net;
        int places;
        bool shares;
    } cases[] = {
        {"", "input shape=3\nreshape shape=3\ncross_entropy", 1, false},
        {"threads=3", "input shape=3\nreshape shape=3\ncross_entropy", 1, false},
        {"", "input shape=3x4\nreshape shape=3x4\ncross_entropy", P, false},
        {"threads=2", "input shape=3x4\nreshape shape=3x4\ncross_entropy targets=probabilities", P, true},
    };
    char *expected = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static float x[N * C * P], t[N * C * P];
        const int places = cases[i].places, samples = N * P / places, targets = cases[i].shares ? C * places : places;
        const char *json;
        char spec[64];
        sixnet_context *ctx;
        sixnet_dataset *ds;
        for (int k = 0; k < N * P; k++) {
            const int truth = k * 7 % 5 % C;
            for (int c = 0; c < C; c++) {
                const int at = k / places * C * places + c * places + k % places;
                x[at] = (float)((k * 31 + c * 57) % 97) / 97;
                if (cases[i].shares)
                    t[at] = c == truth ? 0.5f : 0.25f;
            }
            if (!cases[i].shares)
                t[k] = (float)truth;
        }
        WORKS(sixnet_context_new(&ctx, cases[i].context));
        sixnet_model *net = parsed(ctx, cases[i].net);
        snprintf(spec, sizeof spec, "shape=%d target_shape=%d", C * places, targets);
        WORKS(sixnet_dataset_from_arrays(&ds, ctx, spec, x, t, samples));
        WORKS(sixnet_model_metrics(net, ds, NULL, &json));
        json = strstr(json, "\"accuracy\""); /* behind the number of samples and the loss, which differ */
        assert_non_null(json);
        if (!expected)
            expected = strdup(json);
        assert_string_equal(json, expected);
        sixnet_dataset_free(ds);
        sixnet_model_free(net);
        sixnet_context_free(ctx);
    }
    free(expected);
}

static void test_names(void **state)
{
    (void)state;
    static const float x[] = {2, 1, 0, 3, 1, 2}, t[] = {0, 1, 1};
    static const struct {
        const char *name;
        double value;
    } cases[] = {
        {"samples", 3},
        {"accuracy", 1},
        {"confusion[0,0]", 1},
        {"confusion[1,1]", 2},
        {"confusion[1,0]", 0},
        {"support[1]", 2},
        {"f1", 1},
        {"f1_each[0]", 1},
        {"f1[0]", NAN},
        {"f1_each", NAN},
        {"f1_each[2]", NAN},
        {"f1_each[-1]", NAN},
        {"f1_each[0,0]", NAN},
        {"f1_each[0", NAN},
        {"f1_each[]", NAN},
        {"confusion[0]", NAN},
        {"confusion", NAN},
        {"confusion[0,2]", NAN},
        {"confusion[2,0]", NAN},
        {"confusion[,]", NAN},
        {"color", NAN},
        {"", NAN},
        {"[", NAN},
        {"mae", NAN},
        {"subset_accuracy", NAN},
    };
    const char *json;
    sixnet_model *net = parsed(NULL, "input shape=2\nreshape shape=2\ncross_entropy"), *copy;
    sixnet_dataset *ds;
    assert_true(isnan(sixnet_model_metric(net, "loss")));
    WORKS(sixnet_dataset_from_arrays(&ds, NULL, "shape=2", x, t, 3));
    FAILS(SIXNET_BAD_SPEC, sixnet_model_metrics(net, ds, "top_k=0", &json), "top_k=0");
    assert_null(json);
    WORKS(sixnet_model_metrics(net, ds, "bins=2", &json));
    assert_non_null(strstr(json, "\"confusion\": [[1, 0], [0, 2]]"));
    assert_non_null(strstr(json, "\"calibration\": [[null, null, 0], ["));
    assert_true(json[0] == '{' && json[strlen(json) - 1] == '}');
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const double found = sixnet_model_metric(net, cases[i].name);
        if (isnan(cases[i].value) ? !isnan(found) : found != cases[i].value)
            fail_msg("%s: %g", cases[i].name, found);
    }
    FAILS(SIXNET_BAD_SPEC, sixnet_model_metrics(net, ds, "color=0", NULL), "color");
    assert_true(sixnet_model_metric(net, "samples") == 3); /* those of the last call that worked stay */
    WORKS(sixnet_model_copy(&copy, net));
    assert_true(isnan(sixnet_model_metric(copy, "samples")));
    sixnet_model_free(copy);
    sixnet_dataset_free(ds);
    sixnet_model_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_scikit_learn),
        cmocka_unit_test(test_places_and_threads),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
