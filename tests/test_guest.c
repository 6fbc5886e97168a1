/* SPDX-License-Identifier: MIT */
/* A good guest: what a program sees of the library beside its results. Nothing is printed, no errno, locale, floating-point mode,
 * signal handler, file or thread is left changed, and threads do not meet. */

#include "api.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- a tour: a call of everything that a program does, good and bad ---- */

enum { SAMPLES = 40, SIZE = 36 };

static const char net_text[] =
    "input shape=1x6x6\nconv2d out_channels=4 kernel_size=3 padding=1 bias=false\nrelu\nbatchnorm2d momentum=0.125\n"
    "dropout p=0.25\nmaxpool2d kernel_size=2\nflatten\nlinear out_features=3\ncross_entropy label_smoothing=0.1";

/* Is told after every call what it gave. */
typedef void (*inspector)(const char *call);
static inspector inspect;

#define GOOD(call) (WORKS(call), inspect ? inspect(#call) : (void)0)
#define BAD(call) (assert_true((call) < 0), inspect ? inspect(NULL) : (void)0)
#define SOME(call) (assert_true((call) != 0), inspect ? inspect(#call) : (void)0)

typedef struct traveller {
    float x[SAMPLES * SIZE], t[SAMPLES], y[SAMPLES * 3];
    sixnet_context *ctx;
    sixnet_model *net;
    sixnet_optimizer *opt;
    sixnet_dataset *ds, *first, *second;
    sixnet_batch_iterator *batches;
} traveller;

static int32_t stop_late(void *user, const sixnet_progress *progress)
{
    (void)user;
    return sixnet_progress_get(progress, "epoch") > 2;
}

static void tour_of_models(traveller *v, const char *options)
{
    uint64_t bytes;
    int64_t dims[8];
    int32_t rank;
    char text[65];
    GOOD(sixnet_context_new(&v->ctx, options));
    GOOD(sixnet_model_parse(&v->net, v->ctx, net_text));
    GOOD(sixnet_model_memory_needed(v->net, SAMPLES, 1, &bytes));
    SOME(sixnet_model_summary(v->net));
    SOME(sixnet_model_text(v->net));
    GOOD(sixnet_node_shape(v->net, 1, dims, &rank));
    GOOD(sixnet_tensor_shape(v->net, "conv1.weight", dims, &rank, NULL));
    GOOD(sixnet_tensor_set(v->net, "linear1.bias", v->x, 3));
    GOOD(sixnet_tensor_get(v->net, "linear1.bias", v->y, 3));
    GOOD(sixnet_model_digest(v->net, text));
    BAD(sixnet_model_parse(&(sixnet_model *){NULL}, v->ctx, "input shape=2\nliner out_features=2"));
    BAD(sixnet_tensor_get(v->net, "nothing", v->y, 3));
}

static void tour_of_training(traveller *v)
{
    double loss, accuracy;
    GOOD(sixnet_optimizer_new(&v->opt, v->net, "adam lr=1e-2 clip_norm=1.5",
                              "linear_warmup steps=3 ; cosine_annealing_lr t_max=9"));
    GOOD(sixnet_model_forward(v->net, v->x, SAMPLES));
    GOOD(sixnet_model_loss(v->net, v->t, &loss));
    GOOD(sixnet_model_backward(v->net));
    GOOD(sixnet_optimizer_step(v->opt));
    GOOD(sixnet_model_zero_grad(v->net));
    GOOD(sixnet_optimizer_end_epoch(v->opt, loss));
    GOOD(sixnet_model_predict(v->net, v->x, SAMPLES, v->y));
    GOOD(sixnet_model_predict(v->net, v->x, 1, v->y));
    GOOD(sixnet_dataset_from_arrays(&v->ds, v->ctx, "shape=1x6x6 scale=0.5", v->x, v->t, SAMPLES));
    GOOD(sixnet_dataset_add_transform(v->ds, "random_affine degrees=10 translate=0.2"));
    GOOD(sixnet_dataset_add_transform(v->ds, "elastic sigma=1"));
    GOOD(sixnet_dataset_add_transform(v->ds, "normalize mean=0.25 std=0.5"));
    GOOD(sixnet_dataset_split(&v->first, &v->second, v->ds, "first_size=30"));
    GOOD(sixnet_batch_iterator_new(&v->batches, v->first, "batch_size=7"));
    GOOD(sixnet_model_fit(v->net, v->opt, v->first, v->second, "epochs=2 batch_size=10", stop_late, NULL));
    GOOD(sixnet_model_evaluate(v->net, v->second, &loss, &accuracy));
    assert_int_equal(sixnet_model_fit(v->net, v->opt, v->first, NULL, "epochs=9 batch_size=10", stop_late, NULL),
                     SIXNET_STOPPED);
    BAD(sixnet_model_fit(v->net, v->opt, v->first, NULL, "epochs=many", NULL, NULL));
    BAD(sixnet_model_fit(v->net, v->opt, v->first, NULL, "batch_size=31 drop_last=true", NULL, NULL));
    BAD(sixnet_optimizer_set_learning_rate(v->opt, NAN));
    GOOD(sixnet_optimizer_set_learning_rate(v->opt, 1e30));
    (void)sixnet_model_fit(v->net, v->opt, v->first, NULL, "epochs=3 batch_size=10", NULL, NULL);
    GOOD(sixnet_model_reset(v->net, 3));
}

static void tour_of_files(traveller *v)
{
    sixnet_dataset *ds;
    const float *x, *t;
    int64_t n;
    GOOD(sixnet_batch_iterator_start_epoch(v->batches, 3));
    GOOD(sixnet_batch_iterator_next(v->batches, &x, &t, &n));
    if (!is_quick() && has_digits()) {
        GOOD(sixnet_dataset_from_idx(&ds, v->ctx, SIXNET_TEST_DATA "/t10k-images-idx3-ubyte.gz",
                                     SIXNET_TEST_DATA "/t10k-labels-idx1-ubyte.gz"));
        sixnet_dataset_free(ds);
    }
    BAD(sixnet_dataset_from_idx(&ds, v->ctx, "/nowhere/images", "/nowhere/labels"));
    BAD(sixnet_dataset_from_idx(&ds, v->ctx, SIXNET_TEST_DATA "/t10k-labels-idx1-ubyte.gz",
                                SIXNET_TEST_DATA "/t10k-labels-idx1-ubyte.gz"));
}

static void tour(const char *options)
{
    traveller v = {.ctx = NULL};
    fill_noise(v.x, SAMPLES * SIZE, 9);
    for (int i = 0; i < SAMPLES; i++)
        v.t[i] = (float)(i % 3);
    tour_of_models(&v, options);
    tour_of_training(&v);
    tour_of_files(&v);
    sixnet_batch_iterator_free(v.batches);
    sixnet_dataset_free(v.first);
    sixnet_dataset_free(v.second);
    sixnet_dataset_free(v.ds);
    sixnet_optimizer_free(v.opt);
    sixnet_model_free(v.net);
    sixnet_context_free(v.ctx);
}

static const char *const contexts[] = {"seed=1", "seed=1 threads=3", "seed=1 dtype=f64", "seed=1 isa=baseline"};
enum { CONTEXTS = sizeof contexts / sizeof *contexts };

/* ---- errno ---- */

static void check_errno(const char *call)
{
    if (call && errno != 77) /* of calls that succeed */
        fail_msg("errno became %d in %s", errno, call);
    errno = 77;
}

static void test_errno(void **state)
{
    (void)state;
    errno = 77;
    inspect = check_errno;
    for (int i = 0; i < CONTEXTS; i++)
        tour(contexts[i]);
    inspect = NULL;
}

/* ---- output ---- */

static long long size_of_file(int file)
{
    struct stat s;
    assert_int_equal(fstat(file, &s), 0);
    return (long long)s.st_size;
}

static void test_nothing_is_printed(void **state)
{
    (void)state;
    char path[] = "/tmp/sixnet-output-XXXXXX";
    int file = mkstemp(path), out, err;
    assert_true(file >= 0);
    unlink(path);
    fflush(stdout);
    fflush(stderr);
    out = dup(1);
    err = dup(2);
    dup2(file, 1);
    dup2(file, 2);
    tour("seed=1");
    tour("seed=1 threads=2");
    fflush(stdout);
    fflush(stderr);
    dup2(out, 1);
    dup2(err, 2);
    close(out);
    close(err);
    assert_int_equal(size_of_file(file), 0);
    close(file);
}

/* ---- the state of the floating-point unit ---- */

typedef struct modes {
    int rounding;
    unsigned sse; /* without the flags of exceptions that have happened */
    unsigned short x87;
} modes;

static modes modes_now(void)
{
    modes m = {.rounding = fegetround()};
#if defined(__x86_64__) && defined(__GNUC__)
    unsigned sse;
    __asm__ volatile("stmxcsr %0" : "=m"(sse));
    __asm__ volatile("fnstcw %0" : "=m"(m.x87));
    m.sse = sse & ~0x3Fu;
#endif
    return m;
}

static modes modes_at_first;

static void check_modes(const char *call)
{
    modes m = modes_now();
    (void)call;
    assert_int_equal(m.rounding, modes_at_first.rounding);
    assert_int_equal(m.sse, modes_at_first.sse);
    assert_int_equal(m.x87, modes_at_first.x87);
}

static void test_floating_point_modes(void **state)
{
    (void)state;
    static const int roundings[] = {FE_TONEAREST, FE_UPWARD};
    for (int r = 0; r < 2; r++) {
        fesetround(roundings[r]);
        modes_at_first = modes_now();
        inspect = check_modes;
        for (int i = 0; i < CONTEXTS; i++)
            tour(contexts[i]);
        inspect = NULL;
        fesetround(FE_TONEAREST);
    }
}

/* ---- the locale ---- */

static bool set_comma_locale(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8",  "de_DE",       "fr_FR.UTF-8",
                                        "fr_FR.utf8",  "ru_RU.UTF-8", "es_ES.UTF-8", "de"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (setlocale(LC_ALL, names[i]) && strcmp(localeconv()->decimal_point, ",") == 0)
            return true;
    setlocale(LC_ALL, "C");
    return false;
}

static bool run(const char *format, const char *path)
{
    char command[256];
    snprintf(command, sizeof command, format, path);
    return system(command) == 0;
}

/* A system without such a locale may have what it takes to make one, in a folder of its own. */
static bool make_comma_locale(char folder[static 32])
{
    strcpy(folder, "/tmp/sixnet-locale-XXXXXX");
    if (!mkdtemp(folder))
        return false;
    return run("localedef --no-archive -i de_DE -f UTF-8 %s/de_DE.UTF-8 >/dev/null 2>&1", folder) &&
           setenv("LOCPATH", folder, 1) == 0 && set_comma_locale();
}

static void tell(char *text, size_t size)
{
    sixnet_model *net = parsed(NULL, net_text);
    sixnet_optimizer *opt;
    sixnet_context *ctx;
    WORKS(sixnet_optimizer_new(&opt, net, "sgd lr=0.125", "exponential_lr gamma=0.5"));
    size_t used =
        (size_t)snprintf(text, size, "%s%s%s", sixnet_model_text(net), sixnet_model_summary(net), digest_of(net).text);
    assert_int_equal(sixnet_context_new(&ctx, "threads=0.5"), SIXNET_BAD_SPEC);
    used += (size_t)snprintf(text + used, size - used, "%s", sixnet_last_error());
    assert_int_equal(sixnet_optimizer_new(&(sixnet_optimizer *){NULL}, net, "adam lr=1 beta1=1.5", NULL),
                     SIXNET_BAD_SPEC);
    used += (size_t)snprintf(text + used, size - used, "%s%s", sixnet_last_error(),
                             sixnet_attribute_field("layer", "dropout", 0, "range"));
    assert_true(used < size && sixnet_optimizer_learning_rate(opt) * 8 == 1);
    sixnet_optimizer_free(opt);
    sixnet_model_free(net);
}

static void test_locale(void **state)
{
    (void)state;
    char plain[4096], german[4096] = "", before[256], folder[32] = "";
    tell(plain, sizeof plain);
    bool found = set_comma_locale() || (!is_quick() && make_comma_locale(folder));
    if (found) {
        snprintf(before, sizeof before, "%s", setlocale(LC_ALL, NULL));
        tell(german, sizeof german);
        tour("seed=1");
        assert_string_equal(setlocale(LC_ALL, NULL), before);
        setlocale(LC_ALL, "C");
    }
    if (folder[0])
        assert_true(run("rm -r %s", folder));
    if (!found)
        skip();
    assert_string_equal(plain, german);
}

static void test_locale_is_not_set(void **state)
{
    (void)state;
    char before[256];
    snprintf(before, sizeof before, "%s", setlocale(LC_ALL, NULL));
    tour("seed=1");
    assert_string_equal(setlocale(LC_ALL, NULL), before);
}

/* ---- signals, files, threads, random numbers ---- */

static int open_files(void)
{
    int count = 0;
    for (int file = 0; file < 256; file++)
        count += fcntl(file, F_GETFD) >= 0;
    return count;
}

/* Of this process, as Linux tells; -1 elsewhere. */
static int threads_now(void)
{
    char line[256];
    int threads = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "Threads:", 8) == 0)
            threads = atoi(line + 8);
    if (f)
        fclose(f);
    return threads;
}

/* A thread that has been joined may take a moment to be gone. */
static bool threads_become(int count)
{
    for (int i = 0; i < 1000; i++) {
        if (threads_now() == count)
            return true;
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    return false;
}

static int threads_at_first;

static void check_threads(const char *call)
{
    (void)call;
    assert_int_equal(threads_now(), threads_at_first);
}

static void test_threads_only_if_asked_for(void **state)
{
    (void)state;
    threads_at_first = threads_now();
    inspect = check_threads;
    tour("seed=1");
    inspect = NULL;
    sixnet_context *ctx;
    WORKS(sixnet_context_new(&ctx, "threads=4"));
    assert_true(threads_at_first < 0 || threads_become(threads_at_first + 3));
    sixnet_context_free(ctx);
    assert_true(threads_become(threads_at_first));
    tour("seed=1 threads=3");
    assert_true(threads_become(threads_at_first));
}

enum { SIGNALS = 32 };

static void note_signals(struct sigaction actions[static SIGNALS], sigset_t *mask)
{
    memset(actions, 0, SIGNALS * sizeof *actions);
    for (int s = 1; s < SIGNALS; s++)
        sigaction(s, NULL, &actions[s]);
    sigemptyset(mask);
    pthread_sigmask(SIG_SETMASK, NULL, mask);
}

static void test_signals_and_files(void **state)
{
    (void)state;
    struct sigaction before[SIGNALS], after[SIGNALS];
    sigset_t mask, mask_after;
    int files = open_files();
    note_signals(before, &mask);
    for (int i = 0; i < CONTEXTS; i++)
        tour(contexts[i]);
    note_signals(after, &mask_after);
    for (int s = 1; s < SIGNALS; s++) {
        assert_true(before[s].sa_handler == after[s].sa_handler && before[s].sa_flags == after[s].sa_flags);
        assert_int_equal(sigismember(&mask, s), sigismember(&mask_after, s));
    }
    assert_int_equal(open_files(), files);
}

/* The signals that a thread of this process blocks, as a mask; all if that cannot be told. */
static unsigned long long blocked_by(const char *thread)
{
    char path[300], line[256];
    unsigned long long mask = ~0ull;
    snprintf(path, sizeof path, "/proc/self/task/%s/status", thread);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "SigBlk:", 7) == 0)
            mask = strtoull(line + 7, NULL, 16);
    if (f)
        fclose(f);
    return mask;
}

/* Signals that come while the pool is at work go to the program's own threads. */
static void test_workers_take_no_signals(void **state)
{
    (void)state;
    sixnet_context *ctx;
    int workers = 0;
    WORKS(sixnet_context_new(&ctx, "threads=3"));
    DIR *threads = opendir("/proc/self/task");
    for (struct dirent *d; threads && (d = readdir(threads));)
        if (d->d_name[0] != '.' && atoi(d->d_name) != (int)getpid()) {
            unsigned long long mask = blocked_by(d->d_name);
            assert_true((mask & 1ull << (SIGINT - 1)) && (mask & 1ull << (SIGTERM - 1)) &&
                        (mask & 1ull << (SIGALRM - 1)));
            workers++;
        }
    assert_true(!threads || workers >= 2);
    if (threads)
        closedir(threads);
    sixnet_context_free(ctx);
}

static void test_random_numbers_of_the_program(void **state)
{
    (void)state;
    int numbers[8];
    srand(5);
    for (int i = 0; i < 8; i++)
        numbers[i] = rand();
    srand(5);
    for (int i = 0; i < 8; i++) {
        if (i % 3 == 0)
            tour("seed=1");
        assert_int_equal(rand(), numbers[i]);
    }
}

/* ---- the log ---- */

static void take_line(void *user, int32_t level, const char *line)
{
    int *lines = user;
    assert_true(level >= 0 && level <= 1);
    assert_true(is_one_line(line));
    ++*lines;
}

static void test_log(void **state)
{
    (void)state;
    sixnet_context *ctx;
    int lines = 0, kept;
    WORKS(sixnet_context_new(&ctx, NULL));
    WORKS(sixnet_context_set_log(ctx, take_line, &lines));
    sixnet_model_free(parsed(ctx, net_text));
    kept = lines;
    WORKS(sixnet_context_set_log(ctx, NULL, NULL));
    sixnet_model_free(parsed(ctx, net_text));
    assert_int_equal(lines, kept);
    sixnet_context_free(ctx);
}

/* ---- threads of the program's own ---- */

static void *fail_elsewhere(void *arg)
{
    char *message = arg;
    if (sixnet_last_error()[0])
        strcpy(message, "a new thread has a message");
    else if (sixnet_model_new(NULL, NULL) == SIXNET_INVALID_ARGUMENT)
        snprintf(message, 256, "%s", sixnet_last_error());
    return NULL;
}

static void test_messages_belong_to_threads(void **state)
{
    (void)state;
    pthread_t thread;
    char message[256] = "", own[256];
    assert_int_equal(sixnet_model_forward(NULL, NULL, 0), SIXNET_INVALID_ARGUMENT);
    snprintf(own, sizeof own, "%s", sixnet_last_error());
    assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, message), 0);
    pthread_join(thread, NULL);
    assert_string_equal(sixnet_last_error(), own);
    assert_string_equal(message, "sixnet_model_new: out is NULL");
}

typedef struct job {
    sixnet_context *ctx;
    sixnet_dataset *ds;
    char digest[65];
    int32_t status;
} job;

static void *train(void *arg)
{
    job *j = arg;
    sixnet_model *net = NULL;
    sixnet_optimizer *opt = NULL;
    j->status = sixnet_model_parse(&net, j->ctx, net_text);
    if (!j->status)
        j->status = sixnet_optimizer_new(&opt, net, "adam lr=0.01", NULL);
    if (!j->status)
        j->status = sixnet_model_fit(net, opt, j->ds, j->ds, "epochs=4 batch_size=16", NULL, NULL);
    if (!j->status)
        j->status = sixnet_model_digest(net, j->digest);
    sixnet_optimizer_free(opt);
    sixnet_model_free(net);
    return NULL;
}

/* Models that share a context, its pool and a dataset are trained at the same time, with the results that each has alone. */
static void test_models_of_several_threads(void **state)
{
    (void)state;
    enum { THREADS = 3 };
    static float x[SAMPLES * SIZE], t[SAMPLES];
    for (int c = 0; c < 2; c++) {
        ledger memory = {0};
        sixnet_context *ctx = ledger_context(&memory, contexts[c]);
        sixnet_dataset *ds;
        pthread_t threads[THREADS];
        job jobs[THREADS] = {{0}};
        fill_noise(x, SAMPLES * SIZE, 2);
        WORKS(sixnet_dataset_from_arrays(&ds, ctx, "shape=1x6x6", x, t, SAMPLES));
        job alone = {.ctx = ctx, .ds = ds};
        train(&alone);
        WORKS(alone.status);
        for (int i = 0; i < THREADS; i++) {
            jobs[i] = (job){.ctx = ctx, .ds = ds};
            assert_int_equal(pthread_create(&threads[i], NULL, train, &jobs[i]), 0);
        }
        for (int i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
            assert_int_equal(jobs[i].status, SIXNET_OK);
            assert_string_equal(jobs[i].digest, alone.digest);
        }
        sixnet_dataset_free(ds);
        sixnet_context_free(ctx);
        ledger_close(&memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errno),
        cmocka_unit_test(test_nothing_is_printed),
        cmocka_unit_test(test_floating_point_modes),
        cmocka_unit_test(test_locale),
        cmocka_unit_test(test_locale_is_not_set),
        cmocka_unit_test(test_threads_only_if_asked_for),
        cmocka_unit_test(test_signals_and_files),
        cmocka_unit_test(test_workers_take_no_signals),
        cmocka_unit_test(test_random_numbers_of_the_program),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_messages_belong_to_threads),
        cmocka_unit_test(test_models_of_several_threads),
    };
    return cmocka_run_group_tests_name("guest", tests, NULL, NULL);
}
