/* SPDX-License-Identifier: MIT */
/* Schedules and the optimizers' update functions, against PyTorch's numbers and their own promises. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>

#include "base/cpu.h"
#include "base/status.h"
#include "golden.h"
#include "layers/variant.h"
#include "train/schedule.h"

static const sixnet_context plain = {.references = 1};

/* ---- schedules ---- */

static six_schedule *schedule_of(const char *text, double base)
{
    six_schedule *s;
    if (six_schedule_new(&s, &plain, text, base))
        fail_msg("'%s': %s", text ? text : "", sixnet_last_error());
    return s;
}

static double metric(int t) { return 1.0 / (1.0 + 0.2 * (t < 40 ? t : 40)) + (t * 7 % 13) / 64.0; }

static void tick(six_schedule *s, int t)
{
    six_schedule_step(s);
    six_schedule_end_epoch(s, metric(t));
}

static void check_values(const char *text, double base, double (*value)(const six_schedule *), const double *expected)
{
    six_schedule *s = schedule_of(text, base);
    for (int t = 0; t < 100; t++, tick(s, t - 1)) {
        double now = value(s);
        if (!(fabs(now - expected[t]) <= 1e-12 * expected[t]))
            fail_msg("'%s' at %d: %.17g instead of %.17g", text, t, now, expected[t]);
    }
    six_schedule_free(&plain, s);
}

static double *hundred_numbers(char *text)
{
    int64_t count;
    double *numbers = golden_numbers(text, &count);
    assert_int_equal(count, 100);
    return numbers;
}

static void test_schedules_agree_with_pytorch(void **state)
{
    (void)state;
    golden g = golden_open("schedules.txt");
    int cases = 0, moved = 0;
    for (char *head; (head = golden_after(golden_line(&g), "case")); cases++) {
        double base = strtod(golden_cut(&head, " | "), NULL);
        double *rates = hundred_numbers(golden_after(golden_line(&g), "lr"));
        check_values(head, base, six_schedule_lr, rates);
        free(rates);
        char *line = golden_line(&g), *numbers = golden_after(line, "momentum");
        if (numbers) {
            double *momenta = hundred_numbers(numbers);
            check_values(head, base, six_schedule_momentum, momenta);
            free(momenta);
            line = golden_line(&g);
            moved++;
        }
        assert_string_equal(line, "end");
    }
    assert_true(cases >= 34 && moved >= 5);
    golden_close(&g);
}

static double rate_after(const char *text, double base, int ticks)
{
    six_schedule *s = schedule_of(text, base);
    for (int t = 0; t < ticks; t++)
        tick(s, t);
    double lr = six_schedule_lr(s);
    six_schedule_free(&plain, s);
    return lr;
}

static void test_schedules_at_their_ends(void **state)
{
    (void)state;
    static const char cycle[] = "one_cycle_lr max_lr=1 total_steps=10 div_factor=4 final_div_factor=8";
    assert_true(rate_after(cycle, 0.3, 0) == 0.25);
    assert_true(rate_after(cycle, 0.3, 9) == 1.0 / 32);
    assert_true(rate_after(cycle, 0.3, 10) == 1.0 / 32);
    assert_true(rate_after(cycle, 0.3, 1000) == 1.0 / 32);
    assert_true(rate_after(cycle, 0, 1000) == 1.0 / 32);
    assert_true(rate_after("one_cycle_lr max_lr=1 total_steps=2 pct_start=0.5", 1, 0) == 1);
    assert_true(isfinite(rate_after("one_cycle_lr max_lr=1 total_steps=1", 1, 0)));
    assert_true(isfinite(rate_after("one_cycle_lr max_lr=1 total_steps=5 pct_start=1 three_phase=true", 1, 4)));
    assert_true(rate_after("linear_warmup steps=3 start_factor=0.5", 0.2, 0) == 0.1);
    assert_true(rate_after("linear_warmup steps=3", 0.2, 3) == 0.2);
    assert_true(rate_after("linear_warmup steps=3", 0.2, 50) == 0.2);
    assert_true(rate_after("cosine_annealing_lr t_max=5 eta_min=0.125", 1, 5) == 0.125);
    assert_true(rate_after("cosine_annealing_lr t_max=5 eta_min=0.125", 1, 10) == 1);
    assert_true(rate_after("step_lr step_size=1 ; reduce_on_plateau ; linear_warmup steps=7", 0, 30) == 0);
    assert_true(rate_after("reduce_on_plateau patience=0 factor=0 threshold=1", 0.5, 3) == 0);
    assert_true(rate_after(NULL, 0.7, 5) == 0.7);
    assert_true(rate_after("polynomial_lr total_iters=4 power=0", 1, 3) == 1);
    assert_true(rate_after("polynomial_lr total_iters=4", 1, 5) == 0);
    assert_true(rate_after("constant_lr total_iters=0", 1, 0) == 1);
    assert_true(rate_after("cosine_annealing_warm_restarts t_0=1 t_mult=9007199254740992", 1, 3) > 0.99);
    assert_true(rate_after("cosine_annealing_warm_restarts t_0=3", 1, 99) == 1);
    assert_true(rate_after("cyclic_lr base_lr=0.25 max_lr=1 step_size_up=4503599627370496", 1, 2) > 0.25);
}

static void test_piecewise(void **state)
{
    (void)state;
    static const char steps[] = "piecewise points=2:0.5,4.5:0.125",
                      lines[] = "piecewise points=2:0.5,4:0.25 interpolate=true";
    static const double by_steps[] = {1, 1, 0.5, 0.5, 0.5, 0.125, 0.125},
                        by_lines[] = {1, 0.75, 0.5, 0.375, 0.25, 0.25, 0.25};
    for (int t = 0; t < 7; t++) {
        assert_true(rate_after(steps, 1, t) == by_steps[t]);
        assert_true(rate_after(lines, 1, t) == by_lines[t]);
    }
    assert_true(rate_after("piecewise points=0:0.75", 1, 0) == 0.75);
    assert_true(rate_after("piecewise points=0:0.75,4:0.25 interpolate=true", 1, 2) == 0.5);
}

static void test_schedules_count_steps_and_epochs_apart(void **state)
{
    (void)state;
    six_schedule *s = schedule_of("linear_warmup steps=2 start_factor=0.5 ; step_lr step_size=1 gamma=0.25", 1);
    six_schedule_step(s);
    assert_true(six_schedule_lr(s) == 0.75);
    six_schedule_end_epoch(s, NAN);
    assert_true(six_schedule_lr(s) == 0.75 * 0.25);
    six_schedule_set_base(s, 2);
    assert_true(six_schedule_lr(s) == 2 * 0.75 * 0.25);
    six_schedule_free(&plain, s);
}

static const char *const everything =
    "linear_warmup steps=20 ; cosine_annealing_lr t_max=70 eta_min=0.001 ; multistep_lr milestones=10,60 gamma=0.5 ; "
    "reduce_on_plateau factor=0.5 patience=1 cooldown=2 ; reduce_on_plateau mode=max factor=0.75 patience=3 ; "
    "one_cycle_lr max_lr=0.5 total_steps=90 ; exponential_lr gamma=0.99 ; piecewise points=1:0.5,20:0.25 "
    "interpolate=true";

static void test_schedule_resumes_with_the_same_bits(void **state)
{
    (void)state;
    six_schedule *whole = schedule_of(everything, 0.1), *resumed = schedule_of(everything, 0.1);
    for (int t = 0; t < 100; t++) {
        double kept[SIX_SCHEDULE_STATE];
        int32_t count = six_schedule_state(resumed, kept);
        assert_in_range(count, 10, SIX_SCHEDULE_STATE);
        six_schedule_free(&plain, resumed);
        resumed = schedule_of(everything, 0.1);
        assert_int_equal(six_schedule_restore(resumed, kept, count), SIXNET_OK);
        assert_true(six_schedule_lr(resumed) == six_schedule_lr(whole));
        tick(whole, t);
        tick(resumed, t);
    }
    six_schedule_free(&plain, whole);
    six_schedule_free(&plain, resumed);
}

static void test_schedule_refuses_a_bad_state(void **state)
{
    (void)state;
    six_schedule *s = schedule_of("reduce_on_plateau", 0.1);
    for (int t = 0; t < 30; t++)
        tick(s, t);
    double good[SIX_SCHEDULE_STATE], kept[SIX_SCHEDULE_STATE], lr = six_schedule_lr(s);
    int32_t count = six_schedule_state(s, good);
    assert_int_equal(count, 6);
    static const double bad[] = {-1, 0.5, NAN, INFINITY, 1e300};
    static const int places[] = {0, 1, 4, 5};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (size_t j = 0; j < sizeof places / sizeof *places; j++) {
            memcpy(kept, good, sizeof kept);
            kept[places[j]] = bad[i];
            assert_int_equal(six_schedule_restore(s, kept, count), SIXNET_BAD_FILE);
        }
    memcpy(kept, good, sizeof kept);
    kept[2] = 1.5;
    assert_int_equal(six_schedule_restore(s, kept, count), SIXNET_BAD_FILE);
    for (int32_t n = 0; n < 9; n++) {
        double *some = malloc((size_t)n * sizeof *some + 1); /* no more, so that reading more is noticed */
        assert_non_null(some);
        memcpy(some, good, (size_t)n * sizeof *some);
        assert_int_equal(six_schedule_restore(s, some, n), n == count ? SIXNET_OK : SIXNET_BAD_FILE);
        free(some);
    }
    assert_int_equal(six_schedule_restore(s, good, -1), SIXNET_BAD_FILE);
    assert_true(six_schedule_lr(s) == lr);
    six_schedule_free(&plain, s);
}

static void test_schedule_text_reads_back(void **state)
{
    (void)state;
    six_schedule *s = schedule_of(everything, 0.1);
    six_text text = {.ctx = &plain}, again = {.ctx = &plain};
    six_schedule_text(s, &text);
    assert_string_equal(text.data, everything);
    six_schedule_free(&plain, s);
    s = schedule_of("  step_lr gamma=0.100\tstep_size=3;linear_warmup unit=epoch  steps=5 ", 0.1);
    six_schedule_text(s, &again);
    assert_string_equal(again.data, "step_lr step_size=3 ; linear_warmup steps=5 unit=epoch");
    six_schedule_free(&plain, s);
    six_text_free(&text);
    six_text_free(&again);
}

static void test_schedule_refuses_hostile_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {
        " ",
        ";",
        "step_lr step_size=1;",
        "; step_lr step_size=1",
        "step_lr step_size=1 ;; step_lr step_size=1",
        "step_lr",
        "stp_lr step_size=1",
        "step_lr step_size=0",
        "step_lr step_size=-3",
        "step_lr step_size=1.5",
        "step_lr step_size=1e300",
        "step_lr step_size=9223372036854775808",
        "step_lr step_size=1 gamma=nan",
        "step_lr step_size=1 gamma=-1",
        "step_lr step_size=1 gamma=inf",
        "step_lr step_size=1 lr=3",
        "step_lr step_size=1 step_size",
        "step_lr step_size=",
        "multistep_lr",
        "multistep_lr milestones=-1",
        "multistep_lr milestones=1,,2",
        "multistep_lr milestones=1,x",
        "exponential_lr",
        "cosine_annealing_lr t_max=0",
        "cosine_annealing_lr t_max=5 eta_min=-1",
        "one_cycle_lr max_lr=1",
        "one_cycle_lr total_steps=5",
        "one_cycle_lr max_lr=1 total_steps=5 pct_start=1.1",
        "linear_warmup steps=3 unit=hour",
        "one_cycle_lr max_lr=1 total_steps=5 div_factor=0",
        "one_cycle_lr max_lr=1 total_steps=5 anneal_strategy=cosine",
        "linear_warmup steps=0",
        "linear_warmup steps=3 start_factor=2",
        "reduce_on_plateau mode=middle",
        "reduce_on_plateau factor=1.5",
        "reduce_on_plateau patience=-1",
        "linear_lr start_factor=0",
        "linear_lr total_iters=0",
        "polynomial_lr power=-1",
        "cosine_annealing_warm_restarts",
        "cosine_annealing_warm_restarts t_0=0",
        "cosine_annealing_warm_restarts t_0=1 T_0=1",
        "cosine_annealing_warm_restarts t_0=1 t_mult=0",
        "cyclic_lr base_lr=1",
        "cyclic_lr base_lr=1 max_lr=2 base_momentum=1",
        "cyclic_lr base_lr=1 max_lr=2 step_size_up=9007199254740992",
        "cyclic_lr base_lr=1 max_lr=2 mode=round",
        "piecewise",
        "piecewise points=",
        "piecewise points=1",
        "piecewise points=1:2,3",
        "piecewise points=1,2",
        "piecewise points=1:2:3",
        "piecewise points=1:2,1:3",
        "piecewise points=2:2,1:3",
        "piecewise points=-1:2",
        "piecewise points=1:-2",
        "piecewise points=1:nan",
        "step_lr step_size=1\x01",
        "\xff\xfe",
        "=",
        "step_lr=1",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        six_schedule *s = (six_schedule *)&plain;
        assert_int_equal(six_schedule_new(&s, &plain, texts[i], 0.1), SIXNET_BAD_SPEC);
        assert_null(s);
        assert_true(strlen(sixnet_last_error()) > 10);
    }
}

static void test_schedule_limits(void **state)
{
    (void)state;
    enum { SIZE = 70000 };
    static const char part[] = "reduce_on_plateau;";
    const size_t length = sizeof part - 1;
    char *text = calloc(SIZE, 1);
    six_schedule *s;
    assert_non_null(text);
    for (size_t i = 0; i < 16; i++)
        memcpy(text + i * length, part, length);
    text[16 * length - 1] = '\0';
    assert_int_equal(six_schedule_new(&s, &plain, text, 0.1), SIXNET_BAD_SPEC);
    text[15 * length - 1] = '\0';
    s = schedule_of(text, 0.1);
    double kept[SIX_SCHEDULE_STATE];
    assert_int_equal(six_schedule_state(s, kept), 62);
    six_schedule_free(&plain, s);
    memset(text, ' ', SIZE - 1);
    assert_int_equal(six_schedule_new(&s, &plain, text, 0.1), SIXNET_BAD_SPEC);
    six_schedule_free(&plain, NULL);
    free(text);
}

/* ---- memory ---- */

typedef struct heap {
    int live, left;
} heap;

static void *heap_allocate(void *user, size_t size)
{
    heap *h = user;
    if (h->left-- <= 0)
        return NULL;
    h->live++;
    return malloc(size);
}

static void heap_release(void *user, void *memory)
{
    ((heap *)user)->live--;
    free(memory);
}

static void test_schedule_without_memory(void **state)
{
    (void)state;
    int32_t status = SIXNET_OUT_OF_MEMORY;
    for (int allocations = 0; status; allocations++) {
        heap h = {.left = allocations};
        sixnet_context ctx = {
            .references = 1, .malloc_fn = heap_allocate, .free_fn = heap_release, .allocator_user = &h};
        six_schedule *s;
        status = six_schedule_new(&s, &ctx, everything, 0.1);
        assert_int_equal(status, allocations < 10 ? SIXNET_OUT_OF_MEMORY : SIXNET_OK);
        six_schedule_free(&ctx, s);
        assert_int_equal(h.live, 0);
    }
}

/* ---- optimizers ---- */

enum { ATTR_SIZE = 256, VARIANTS_MAX = 8, VALUES_MAX = 128 };

/* An optimizer of one variant with its attributes. */
typedef struct optimizer {
    const six_variant *variant;
    const six_optimizer_kind *kind;
    const six_optimizer_kernels *kernels;
    union {
        six_optimizer_common common;
        unsigned char bytes[ATTR_SIZE];
    } attr;
} optimizer;

static int32_t optimizer_parse(optimizer *o, const six_variant *v, const char *text)
{
    six_span word;
    const char *rest;
    int32_t status = six_spec_kind(text, &word, &rest);
    if (status)
        return status;
    const six_kind *kinds[32] = {0};
    for (int i = 0; six_optimizers[i] && i < 31; i++)
        kinds[i] = &six_optimizers[i]->kind;
    const six_kind *kind = six_kind_find(kinds, word, "optimizer");
    if (!kind)
        return SIXNET_BAD_SPEC;
    int index = 0;
    while (kinds[index] != kind)
        index++;
    *o = (optimizer){.variant = v, .kind = six_optimizers[index], .kernels = v->optimizers[index]};
    assert_in_range(kind->size, sizeof(six_optimizer_common), ATTR_SIZE);
    status = six_spec_parse(kind, rest, &o->attr, NULL, NULL);
    return !status && o->kind->check ? o->kind->check(&o->attr) : status;
}

static optimizer optimizer_of(const six_variant *v, const char *text)
{
    optimizer o;
    if (optimizer_parse(&o, v, text))
        fail_msg("'%s': %s", text, sixnet_last_error());
    return o;
}

/* Parameters, gradients and state in a variant's dtype. */
typedef union numbers {
    float f32[VALUES_MAX];
    double f64[VALUES_MAX];
} numbers;

typedef struct arrays {
    numbers w, g, slot[SIX_MAX_SLOTS];
} arrays;

static bool is_f32(const optimizer *o) { return o->variant->real_size == sizeof(float); }

static double get(const optimizer *o, const numbers *n, int i) { return is_f32(o) ? (double)n->f32[i] : n->f64[i]; }

static void set(const optimizer *o, numbers *n, int i, double value)
{
    if (is_f32(o))
        n->f32[i] = (float)value;
    else
        n->f64[i] = value;
}

/* Updates the values from begin to end. */
static void update(const optimizer *o, const six_update *u, arrays *a, int begin, int end)
{
    size_t offset = (size_t)(begin * o->variant->real_size);
    real *state[SIX_MAX_SLOTS] = {0};
    for (int i = 0; i < o->kind->slots(&o->attr); i++)
        state[i] = (real *)((char *)&a->slot[i] + offset);
    o->kernels->update(&o->attr, u, (real *)((char *)&a->w + offset), (real *)((char *)&a->g + offset), state,
                       end - begin);
}

static six_update update_of(const optimizer *o, int64_t step)
{
    const six_optimizer_common *common = &o->attr.common;
    double limit = common->clip_value > 0 ? common->clip_value : INFINITY;
    return (six_update){.lr = common->lr,
                        .weight_decay = -1,
                        .step = step,
                        .gradient_scale = common->maximize ? -1 : 1,
                        .gradient_limit = limit,
                        .trust = 1};
}

/* As torch.nn.utils.clip_grad_norm_. */
static double scale_of(const optimizer *o, const six_update *u, const numbers *g, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        double cut = fmax(-u->gradient_limit, fmin(u->gradient_limit, get(o, g, i)));
        sum += cut * cut;
    }
    double clip = o->attr.common.clip_norm;
    return clip > 0 ? fmin(1, clip / (sqrt(sum) + 1e-6)) : 1;
}

/* The variants that this machine can run, f64 last. */
static int variants(const six_variant *found[static VARIANTS_MAX])
{
    int count = 0;
    for (int i = 0; six_variants_f32[i] && count < VARIANTS_MAX - 1; i++)
        if ((six_variants_f32[i]->cpu_features & ~six_cpu_features()) == 0)
            found[count++] = six_variants_f32[i];
    found[count++] = &six_variant_f64;
    return count;
}

/* Makes step t of the problem in optimizers.txt. */
static void golden_step(const optimizer *o, arrays *a, int t)
{
    for (int i = 0; i < 7; i++)
        set(o, &a->g, i, ((i * 7 + t * 13) % 11 - 5) / 7.0 + 0.1 * get(o, &a->w, i));
    six_update u = update_of(o, t);
    u.gradient_scale *= scale_of(o, &u, &a->g, 7);
    update(o, &u, a, 0, 7);
}

/* In f32 a value of about 1 is rounded in each of 100 steps, by up to 6e-8. */
static double tolerance(const optimizer *o) { return is_f32(o) ? 6e-6 : 1e-12; }

static void check_run(const optimizer *o, const char *text, double w[][7], const int *steps, int rows)
{
    arrays a = {0};
    for (int i = 0; i < 7; i++)
        set(o, &a.w, i, (i - 3) / 4.0);
    int t = 0;
    for (int row = 0; row < rows; row++) {
        while (t < steps[row])
            golden_step(o, &a, ++t);
        for (int i = 0; i < 7; i++) {
            double got = get(o, &a.w, i), expected = w[row][i];
            if (!(fabs(got - expected) <= tolerance(o) * fmax(1, fabs(expected))))
                fail_msg("%s, '%s', step %d, value %d: %.17g instead of %.17g", o->variant->name, text, t, i, got,
                         expected);
        }
    }
}

static int read_rows(golden *g, double w[][7], int *steps)
{
    int rows = 0;
    for (char *line; (line = golden_after(golden_line(g), "w")); rows++) {
        int64_t count;
        double *values = golden_numbers(line, &count);
        assert_int_equal(count, 8);
        assert_in_range(rows, 0, 10);
        steps[rows] = (int)values[0];
        memcpy(w[rows], values + 1, sizeof w[rows]);
        free(values);
    }
    assert_int_equal(steps[rows - 1], 100);
    return rows;
}

static void test_optimizers_agree_with_pytorch(void **state)
{
    (void)state;
    const six_variant *found[VARIANTS_MAX];
    int variant_count = variants(found), cases = 0;
    golden g = golden_open("optimizers.txt");
    for (char *text; (text = golden_after(golden_line(&g), "case")); cases++) {
        double w[11][7];
        int steps[11], rows = read_rows(&g, w, steps);
        for (int v = 0; v < variant_count; v++) {
            optimizer o = optimizer_of(found[v], text);
            check_run(&o, text, w, steps, rows);
        }
    }
    assert_true(cases >= 20);
    golden_close(&g);
}

static const char *const specs[] = {
    "sgd lr=0.1",
    "sgd lr=0.1 momentum=0.9 weight_decay=0.01",
    "sgd lr=0.1 momentum=0.9 nesterov=true clip_value=0.5",
    "adam weight_decay=0.01",
    "adam amsgrad=true beta2=0.9",
    "adamw lr=0.01",
    "rmsprop",
    "rmsprop centered=true",
    "rmsprop momentum=0.5 centered=true weight_decay=0.1",
    "adagrad lr_decay=0.1 initial_accumulator_value=0.5",
    "adadelta weight_decay=0.01",
    "adamax weight_decay=0.01",
    "nadam maximize=true",
    "nadam weight_decay=0.1 decoupled_weight_decay=true",
    "radam weight_decay=0.1",
    "radam beta2=0.9 decoupled_weight_decay=true",
    "rprop lr=0.1",
    "lion weight_decay=0.1 lr=0.01",
    "lamb",
};

/* The last has no bound. */
enum { SPECS = sizeof specs / sizeof *specs, BOUNDED_SPECS = SPECS - 1, CUT_VALUES = 101 };

static void fill(const optimizer *o, arrays *a)
{
    memset(a, 0, sizeof *a);
    for (int i = 0; i < CUT_VALUES; i++)
        set(o, &a->w, i, sin(i + 1.0));
}

static void gradients(const optimizer *o, arrays *a, int t)
{
    for (int i = 0; i < CUT_VALUES; i++)
        set(o, &a->g, i, cos(3.0 * i + 7.0 * t) + 0.1 * get(o, &a->w, i));
}

static void test_any_cut_gives_the_same_bits(void **state)
{
    (void)state;
    const six_variant *found[VARIANTS_MAX];
    int variant_count = variants(found);
    for (int v = 0; v < variant_count; v++)
        for (int s = 0; s < SPECS; s++) {
            optimizer o = optimizer_of(found[v], specs[s]);
            arrays whole, cut;
            fill(&o, &whole);
            fill(&o, &cut);
            for (int t = 1; t <= 6; t++) {
                six_update u = update_of(&o, t);
                gradients(&o, &whole, t);
                gradients(&o, &cut, t);
                update(&o, &u, &whole, 0, CUT_VALUES);
                for (int begin = 0, end; begin < CUT_VALUES; begin = end) {
                    end = begin + 1 + (begin * 5 + t * 3) % 23;
                    end = end < CUT_VALUES ? end : CUT_VALUES;
                    update(&o, &u, &cut, begin, begin);
                    update(&o, &u, &cut, begin, end);
                }
            }
            assert_memory_equal(&whole, &cut, sizeof whole);
        }
}

/* ---- what a step can come to ---- */

/* Every number of a step is below the bound, for the worst signs and sizes up to the magnitudes, with any sizes among them. */
static void check_bound(const optimizer *o, const six_update *u, const six_magnitudes *most, int *safe)
{
    static const double shares[] = {1, -1, 0, 1e-3, -1e-30, 0.5};
    enum { SHARES = sizeof shares / sizeof *shares };
    const double bound = o->kind->bound(&o->attr, u, most), limit = is_f32(o) ? (double)FLT_MAX / 4 : DBL_MAX / 4;
    const int slots = o->kind->slots(&o->attr);
    arrays a;
    if (!(bound < limit))
        return;
    ++*safe;
    for (int from = 0; from < SHARES * SHARES * SHARES; from += VALUES_MAX) {
        for (int i = 0; i < VALUES_MAX; i++) {
            set(o, &a.w, i, most->values * shares[(from + i) % SHARES]);
            set(o, &a.g, i, most->gradients * shares[(from + i) / SHARES % SHARES]);
            for (int slot = 0; slot < slots; slot++) {
                const double share = shares[((from + i) / SHARES / SHARES + slot) % SHARES];
                set(o, &a.slot[slot], i, most->state * (o->kind->squares >> slot & 1 ? fabs(share) : share));
            }
        }
        update(o, u, &a, 0, VALUES_MAX);
        for (int i = 0; i < VALUES_MAX; i++) {
            bool below = fabs(get(o, &a.w, i)) <= 1.001 * bound;
            for (int slot = 0; slot < slots; slot++)
                below = below && fabs(get(o, &a.slot[slot], i)) <= 1.001 * bound;
            if (!below)
                fail_msg("%s, %s: beyond the bound %g of magnitudes %g, %g, %g", o->variant->name, o->kind->kind.name,
                         bound, most->values, most->gradients, most->state);
        }
    }
}

static void test_steps_stay_within_their_bounds(void **state)
{
    (void)state;
    static const char *const extremes[] = {
        "sgd lr=1e30 momentum=9 weight_decay=1e3",
        "sgd lr=1e-30 dampening=-1e20 momentum=1",
        "sgd lr=1e38",
        "sgd lr=1 clip_value=1e-3",
        "adam lr=1e30",
        "adam eps=0",
        "adam eps=1e-29 lr=1",
        "adamw lr=1e10 weight_decay=1e10",
        "adam beta2=0.9999999 beta1=0",
        "rmsprop eps=0",
        "rmsprop eps=1e-29 momentum=1e10",
        "rmsprop alpha=0 centered=true lr=1e20",
        "adagrad lr=1e30 eps=0",
        "adagrad lr=1e30 initial_accumulator_value=1e20",
        "adadelta lr=1e30 rho=0",
        "adadelta eps=1e-29",
        "adamax lr=1e20 eps=1e-29",
        "nadam lr=1e30 momentum_decay=1e6",
        "nadam beta1=0.999999 beta2=0 eps=1e-20",
        "radam lr=1e30",
        "radam lr=1e30 beta2=0.5 eps=1e-29 weight_decay=1e10 decoupled_weight_decay=true",
        "rprop lr=1e30 step_size_max=1e38",
        "rprop etaplus=1e30",
        "lion lr=1e30 weight_decay=1e10",
    };
    enum { EXTREMES = sizeof extremes / sizeof *extremes };
    static const double sizes[] = {0, 1e-44, 1e-20, 1, 1e4, 1e15, 1e19, 1e30, 3e38, 1e100, 1e308};
    enum { SIZES = sizeof sizes / sizeof *sizes };
    const six_variant *found[VARIANTS_MAX];
    const int variant_count = variants(found);
    for (int v = 0; v < variant_count; v++)
        for (int s = 0; s < SPECS + EXTREMES; s++) {
            optimizer o = optimizer_of(found[v], s < SPECS ? specs[s] : extremes[s - SPECS]);
            const int sizes_used = is_f32(&o) ? 9 : SIZES;
            int safe = 0;
            for (int i = 0; i < sizes_used * sizes_used * sizes_used; i++)
                for (int64_t step = 1; step <= 1000000; step = 1000 * step) {
                    const six_magnitudes most = {sizes[i % sizes_used], sizes[i / sizes_used % sizes_used],
                                                 sizes[i / sizes_used / sizes_used]};
                    const six_update u = update_of(&o, step);
                    check_bound(&o, &u, &most, &safe);
                }
            if (s < BOUNDED_SPECS && safe < 100)
                fail_msg("%s: only %d steps are known to be safe", specs[s], safe);
        }
}

static void test_ordinary_steps_are_safe(void **state)
{
    (void)state;
    const six_magnitudes ordinary = {1e3, 1e3, 1e6};
    for (int s = 0; s < BOUNDED_SPECS; s++) {
        optimizer o = optimizer_of(&six_variant_baseline, specs[s]);
        const six_update u = update_of(&o, 1);
        assert_true(o.kind->bound(&o.attr, &u, &ordinary) < (double)FLT_MAX / 4);
    }
}

static void test_largest(void **state)
{
    (void)state;
    static const double bad[] = {NAN, -NAN, INFINITY, -INFINITY};
    const six_variant *found[VARIANTS_MAX];
    const int variant_count = variants(found);
    for (int v = 0; v < variant_count; v++) {
        const optimizer o = optimizer_of(found[v], "adam");
        double (*largest)(const real *, int64_t) = found[v]->arrays.largest;
        assert_true(largest(NULL, 0) == 0);
        for (int count = 1; count <= VALUES_MAX; count++) {
            numbers n = {{0}};
            for (int i = 0; i < VALUES_MAX; i++)
                set(&o, &n, i, i < count ? sin(i + 1.0) : 5); /* those behind do not count */
            for (int i = 0; i < count; i++) {
                const double before = get(&o, &n, i);
                for (int sign = -1; sign <= 1; sign += 2) {
                    set(&o, &n, i, sign * 2.5);
                    assert_true(largest((const real *)&n, count) == 2.5);
                }
                set(&o, &n, i, bad[(i + count) % 4]);
                assert_true(largest((const real *)&n, count) == INFINITY);
                set(&o, &n, i, before);
            }
        }
    }
}

static void test_instruction_sets_with_fma_give_the_same_bits(void **state)
{
    (void)state;
    const six_variant *found[VARIANTS_MAX];
    int f32_count = variants(found) - 1;
    for (int s = 0; s < SPECS; s++) {
        arrays first = {0};
        for (int v = 1; v < f32_count; v++) {
            optimizer o = optimizer_of(found[v], specs[s]);
            arrays a;
            fill(&o, &a);
            for (int t = 1; t <= 6; t++) {
                six_update u = update_of(&o, t);
                gradients(&o, &a, t);
                update(&o, &u, &a, 0, CUT_VALUES);
            }
            if (v == 1)
                first = a;
            else
                assert_memory_equal(&first, &a, sizeof a);
        }
    }
}

/* Nothing is fused in averaging, so that it has the same bits everywhere; and it ends within the type's range. */
static void test_averages_have_the_same_bits(void **state)
{
    (void)state;
    const six_variant *found[VARIANTS_MAX];
    float first[CUT_VALUES], mean[CUT_VALUES], values[CUT_VALUES];
    for (int v = 0; v < variants(found) - 1; v++) {
        for (int i = 0; i < CUT_VALUES; i++)
            mean[i] = (float)sin(i + 1.0);
        for (int t = 1; t <= 6; t++) {
            for (int i = 0; i < CUT_VALUES; i++)
                values[i] = (float)cos(3.0 * i + 7.0 * t);
            values[50] = FLT_MAX;
            values[51] = t % 2 ? FLT_MAX : -FLT_MAX;
            found[v]->arrays.mix((real *)mean, 1 - 1.0 / t, (const real *)values, 1.0 / t, CUT_VALUES);
        }
        assert_true(mean[50] == FLT_MAX && fabsf(mean[51]) < FLT_MAX / 10);
        if (v == 0)
            memcpy(first, mean, sizeof first);
        assert_memory_equal(first, mean, sizeof first);
    }
}

static void test_a_gradient_that_is_not_finite_stays_so(void **state)
{
    (void)state;
    const six_variant *found[VARIANTS_MAX];
    int variant_count = variants(found);
    for (int v = 0; v < variant_count; v++)
        for (int s = 0; s < SPECS; s++) {
            optimizer o = optimizer_of(found[v], specs[s]);
            arrays a;
            fill(&o, &a);
            gradients(&o, &a, 1);
            set(&o, &a.g, 50, NAN);
            six_update u = update_of(&o, 1);
            update(&o, &u, &a, 0, CUT_VALUES);
            for (int i = 0; i < CUT_VALUES; i++)
                assert_int_equal(!isnan(get(&o, &a.w, i)), i != 50);
        }
}

/* Lion and LAMB have no PyTorch: their papers' formulas, for one tensor. */
static void lion_step(double *w, double *m, double g, double lr, double decay)
{
    const double c = 0.9 * *m + 0.1 * g;
    *w -= lr * ((c > 0) - (c < 0) + decay * *w);
    *m = 0.99 * *m + 0.01 * g;
}

static void lamb_step(double *w, double *m, double *v, const double *g, int n, int t)
{
    double values = 0, steps = 0, r[8];
    for (int i = 0; i < n; i++) {
        m[i] = 0.9 * m[i] + 0.1 * g[i];
        v[i] = 0.99 * v[i] + 0.01 * g[i] * g[i];
        r[i] = m[i] / (1 - pow(0.9, t)) / (sqrt(v[i] / (1 - pow(0.99, t))) + 1e-6) + 0.02 * w[i];
        values += w[i] * w[i];
        steps += r[i] * r[i];
    }
    for (int i = 0; i < n; i++)
        w[i] -= 0.05 * (values > 0 && steps > 0 ? sqrt(values / steps) : 1) * r[i];
}

static void test_lion_and_lamb(void **state)
{
    (void)state;
    enum { N = 7 };
    const six_variant *found[VARIANTS_MAX];
    const int variant_count = variants(found);
    for (int v = 0; v < variant_count; v++) {
        optimizer lion = optimizer_of(found[v], "lion lr=0.01 weight_decay=0.1"),
                  lamb = optimizer_of(found[v], "lamb lr=0.05 beta2=0.99 weight_decay=0.02");
        arrays a = {0}, b = {0};
        double w[2][N], m[2][N] = {{0}}, square[N] = {0}, g[N];
        for (int i = 0; i < N; i++) {
            w[0][i] = w[1][i] = (i - 3) / 4.0;
            set(&lion, &a.w, i, w[0][i]);
            set(&lamb, &b.w, i, w[1][i]);
        }
        for (int t = 1; t <= 100; t++) {
            six_update u = update_of(&lion, t);
            for (int i = 0; i < N; i++) {
                g[i] = ((i * 7 + t * 13) % 11 - 5) / 7.0;
                set(&lion, &a.g, i, g[i]);
                set(&lamb, &b.g, i, g[i]);
                lion_step(&w[0][i], &m[0][i], g[i], 0.01, 0.1);
            }
            update(&lion, &u, &a, 0, N);
            u = update_of(&lamb, t);
            real *slot[] = {(real *)&b.slot[0], (real *)&b.slot[1], NULL};
            u.trust = lamb.kernels->trust(&lamb.attr, &u, (real *)&b.w, (real *)&b.g, slot, N);
            update(&lamb, &u, &b, 0, N);
            lamb_step(w[1], m[1], square, g, N, t);
            for (int i = 0; i < N; i++) {
                assert_true(fabs(get(&lion, &a.w, i) - w[0][i]) < tolerance(&lion));
                assert_true(fabs(get(&lamb, &b.w, i) - w[1][i]) < tolerance(&lamb));
            }
        }
    }
}

/* A tensor that is zero, and one without a gradient, take a step that is not scaled. */
static void test_trust_of_nothing_is_one(void **state)
{
    (void)state;
    const optimizer o = optimizer_of(&six_variant_f64, "lamb");
    const six_update u = update_of(&o, 1);
    static const double zero[4], some[4] = {1, 2, 3, 4};
    double m[4] = {0}, v[4] = {0};
    real *slot[] = {(real *)m, (real *)v, NULL};
    assert_true(o.kernels->trust(&o.attr, &u, (const real *)zero, (const real *)some, slot, 4) == 1);
    const optimizer bare = optimizer_of(&six_variant_f64, "lamb weight_decay=0");
    assert_true(bare.kernels->trust(&bare.attr, &u, (const real *)some, (const real *)zero, slot, 4) == 1);
    assert_true(o.kernels->trust(&o.attr, &u, (const real *)some, (const real *)some, slot, 4) > 1);
}

/* Other libraries' spellings set the same attributes. */
static void test_spellings_of_pytorch(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"adam betas=0.5,0.75 lr=0.1", "adam beta1=0.5 beta2=0.75 lr=0.1"},
        {"nadam betas=0.9,0.999", "nadam"},
        {"rprop etas=0.25,2 step_sizes=0.5,2", "rprop etaminus=0.25 etaplus=2 step_size_min=0.5 step_size_max=2"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const optimizer a = optimizer_of(&six_variant_f64, pairs[i][0]),
                        b = optimizer_of(&six_variant_f64, pairs[i][1]);
        assert_memory_equal(&a.attr, &b.attr, a.kind->kind.size);
    }
    assert_true(rate_after("cosine_annealing_lr T_max=4", 1, 2) == rate_after("cosine_annealing_lr t_max=4", 1, 2));
}

static void test_optimizers_refuse_hostile_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        " ",
        "sgd",
        "sgdd lr=1",
        "sgd lr=-1",
        "sgd lr=nan",
        "sgd lr=inf",
        "sgd lr=1e999",
        "sgd lr=0.1 lr",
        "sgd lr=",
        "sgd lr=0.1 momentum=-0.5",
        "sgd lr=0.1 nesterov=true",
        "sgd lr=0.1 nesterov=true momentum=0.9 dampening=0.1",
        "sgd lr=0.1 nesterov=yes",
        "sgd lr=0.1 weight_decay=-1",
        "sgd lr=0.1 clip_norm=-1",
        "sgd lr=0.1 clip_value=-1",
        "sgd lr=0.1 beta1=0.5",
        "adam beta1=1",
        "adam beta2=-0.1",
        "adam eps=-1",
        "adam amsgrad=1",
        "adam momentum=0.9",
        "adamw weight_decay=x",
        "rmsprop alpha=1",
        "rmsprop centered=2",
        "rmsprop momentum=-1",
        "rmsprop \x02",
        "adagrad lr_decay=-1",
        "adam betas=0.9",
        "adam betas=0.9,0.99,0.999",
        "adam betas=0.9,",
        "adam betas=0.9,1",
        "adam betas=0.9,0.99 beta1=0.5",
        "adam beta2=0.5 betas=0.9,0.99",
        "adam betas=0.9,0.99 betas=0.9,0.99",
        "adam etas=0.5,1.2",
        "sgd lr=1 betas=0.9,0.99",
        "rprop etaplus=1",
        "rprop etaminus=1",
        "rprop step_sizes=2,1",
        "rprop weight_decay=0.1",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        optimizer o;
        if (optimizer_parse(&o, &six_variant_baseline, texts[i]) != SIXNET_BAD_SPEC)
            fail_msg("'%s' was taken", texts[i]);
        assert_true(strlen(sixnet_last_error()) > 10);
    }
    optimizer_of(&six_variant_baseline, "sgd lr=0");
    optimizer_of(&six_variant_baseline, "sgd lr=0.1 nesterov=true momentum=0.9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schedules_agree_with_pytorch),
        cmocka_unit_test(test_schedules_at_their_ends),
        cmocka_unit_test(test_piecewise),
        cmocka_unit_test(test_schedules_count_steps_and_epochs_apart),
        cmocka_unit_test(test_schedule_resumes_with_the_same_bits),
        cmocka_unit_test(test_schedule_refuses_a_bad_state),
        cmocka_unit_test(test_schedule_text_reads_back),
        cmocka_unit_test(test_schedule_refuses_hostile_texts),
        cmocka_unit_test(test_schedule_limits),
        cmocka_unit_test(test_schedule_without_memory),
        cmocka_unit_test(test_optimizers_agree_with_pytorch),
        cmocka_unit_test(test_lion_and_lamb),
        cmocka_unit_test(test_trust_of_nothing_is_one),
        cmocka_unit_test(test_spellings_of_pytorch),
        cmocka_unit_test(test_any_cut_gives_the_same_bits),
        cmocka_unit_test(test_steps_stay_within_their_bounds),
        cmocka_unit_test(test_ordinary_steps_are_safe),
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_instruction_sets_with_fma_give_the_same_bits),
        cmocka_unit_test(test_averages_have_the_same_bits),
        cmocka_unit_test(test_a_gradient_that_is_not_finite_stays_so),
        cmocka_unit_test(test_optimizers_refuse_hostile_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
