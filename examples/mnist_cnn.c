/* SPDX-License-Identifier: MIT */

/* A convolutional net of 19,944 parameters that learns to read handwritten digits: MNIST, or any other data in files of the same
 * form. The net, the data and the training are a few calls of the library; the rest is what the program prints. */

#include "plot_model.h"

#include <limits.h>

#define ABOUT "Trains a convolutional net with 19,944 parameters on MNIST."

const char *program = "mnist_cnn";

#ifndef SIXNET_EXAMPLE_DATA
#define SIXNET_EXAMPLE_DATA "data/mnist"
#endif

enum { AUGMENTS = 4 };

/* Settings of a training. */
typedef struct recipe {
    const char *name;
    int64_t epochs, batch_size;
    double lr, momentum, weight_decay, dropout, label_smoothing;
    int one_cycle;                 /* the learning rate rises to lr and falls to 0; else it drops by steps */
    const char *augment[AUGMENTS]; /* transforms of the training images, before all images are normalized */
} recipe;

static const recipe recipes[] = {
    {.name = "plain", .epochs = 20, .batch_size = 128, .lr = 0.1, .momentum = 0.9, .dropout = 0.05},
    {.name = "best",
     .epochs = 20,
     .batch_size = 64,
     .lr = 0.25,
     .momentum = 0.9,
     .weight_decay = 2e-4,
     .one_cycle = 1,
     .augment = {"random_affine degrees=7 translate=0.056 scale=0.93,1.07"}},
    {.name = "fast",
     .epochs = 4,
     .batch_size = 128,
     .lr = 0.25,
     .momentum = 0.9,
     .weight_decay = 2e-4,
     .one_cycle = 1,
     .augment = {"random_affine degrees=4 translate=0.032 scale=0.96,1.04"}},
};

typedef struct settings {
    const char *recipe, *data, *isa, *convolution, *csv, *save, *checkpoint, *resume, *record, *pictures;
    recipe r;
    int64_t step_size, seed, threads, validation;
    double gamma;
    int no_schedule, summary, digest, quiet;
} settings;

typedef struct trainer {
    const settings *set;
    sixnet_context *ctx;
    sixnet_model *net;
    sixnet_optimizer *opt;
    sixnet_dataset *train, *test; /* test: the images held out of the training images, if some are */
    FILE *csv;
    char sgd[128], schedule[128];
    meter bar;
    uint64_t train_hash, test_hash; /* for a record */
    double accuracy, best, seconds; /* of the test images or those held out: the last and the best accuracy */
    int best_epoch;
    int64_t resume_changes; /* settings changed when the run was resumed */
} trainer;

/* ---- the net ---- */

enum { NET_TEXT = 4096 };

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void
append(char *text, const char *format, ...)
{
    const size_t length = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + length, NET_TEXT - length, format, args);
    va_end(args);
}

/* Convolution, ReLU, batch norm, dropout. */
static void append_block(char *text, int channels, double dropout)
{
    append(text, "conv2d out_channels=%d kernel_size=3 padding=1 bias=false\n", channels);
    append(text, "relu\nbatchnorm2d\ndropout p=%.15g\n", dropout);
}

/* Two blocks, then a quarter of the pixels and a convolution of each pixel's channels. */
static void append_stage(char *text, int channels, double dropout)
{
    append_block(text, channels, dropout);
    append_block(text, channels, dropout);
    append(text, "maxpool2d kernel_size=2\n");
    append(text, "conv2d out_channels=%d kernel_size=1 bias=false\n", channels);
}

/* The net, the same as in mnist_cnn.net. */
static void net_text(char *text, double dropout, double label_smoothing)
{
    *text = '\0';
    append(text, "input shape=1x28x28\n");
    append_stage(text, 8, dropout);
    append_stage(text, 14, dropout);
    append_stage(text, 24, dropout);
    append_block(text, 32, dropout);
    append(text, "conv2d out_channels=10 kernel_size=1 bias=false\n");
    append(text, "avgpool2d kernel_size=3\n");
    append(text, "flatten\n");
    append(text, "cross_entropy");
    if (label_smoothing > 0)
        append(text, " label_smoothing=%.15g", label_smoothing);
    append(text, "\n");
}

static int32_t build_net(trainer *t)
{
    char options[256], text[NET_TEXT];
    snprintf(options, sizeof options, "threads=%" PRId64 " isa=%.64s convolution=%.64s seed=%" PRId64, t->set->threads,
             t->set->isa, t->set->convolution, t->set->seed);
    CHECK_SIXNET(sixnet_context_new(&t->ctx, options));
    net_text(text, t->set->r.dropout, t->set->r.label_smoothing);
    CHECK_SIXNET(sixnet_model_parse(&t->net, t->ctx, text));
    return 0;
}

static int32_t build_optimizer(trainer *t)
{
    const settings *s = t->set;
    const recipe *r = &s->r;
    const int64_t steps = (sixnet_dataset_size(t->train) + r->batch_size - 1) / r->batch_size * r->epochs;
    snprintf(t->sgd, sizeof t->sgd, "sgd lr=%.17g momentum=%.17g", r->lr, r->momentum);
    if (r->weight_decay > 0)
        snprintf(t->sgd + strlen(t->sgd), sizeof t->sgd - strlen(t->sgd), " nesterov=true weight_decay=%.17g",
                 r->weight_decay);
    if (r->one_cycle)
        snprintf(t->schedule, sizeof t->schedule,
                 "one_cycle_lr max_lr=%.17g total_steps=%" PRId64 " cycle_momentum=false", r->lr, steps);
    else if (!s->no_schedule)
        snprintf(t->schedule, sizeof t->schedule, "step_lr step_size=%" PRId64 " gamma=%.17g", s->step_size, s->gamma);
    CHECK_SIXNET(sixnet_optimizer_new(&t->opt, t->net, t->sgd, t->schedule));
    return 0;
}

/* ---- the data ---- */

static const char normalize[] = "normalize mean=0.1307 std=0.3081";

static int32_t open_set(const trainer *t, sixnet_dataset **ds, uint64_t *hash, const char *set)
{
    char images[PATH_SIZE], labels[PATH_SIZE];
    CHECK(mnist_path(images, t->set->data, set, "images", "idx3"));
    CHECK(mnist_path(labels, t->set->data, set, "labels", "idx1"));
    meter bar = meter_begin("reading", !t->set->quiet);
    meter_name(&bar, images);
    const int32_t status = sixnet_dataset_from_idx(ds, t->ctx, images, labels);
    meter_end(&bar);
    CHECK_SIXNET(status);
    return t->set->record ? record_hash(hash, *ds) : 0;
}

/* Takes the last of the mixed training images to measure with. */
static int32_t hold_out(trainer *t)
{
    char split[64];
    sixnet_dataset *all = t->train;
    const int64_t first = sixnet_dataset_size(all) - t->set->validation;
    if (first < 1)
        return fail("--validation-size: %" PRId64 " of %" PRId64 " images leaves none to train with",
                    t->set->validation, sixnet_dataset_size(all));
    snprintf(split, sizeof split, "first_size=%" PRId64, first);
    t->train = NULL;
    const int32_t status = sixnet_dataset_split(&t->train, &t->test, all, split);
    sixnet_dataset_free(all);
    CHECK_SIXNET(status);
    return 0;
}

static int32_t open_sets(trainer *t)
{
    const recipe *r = &t->set->r;
    CHECK(open_set(t, &t->train, &t->train_hash, "train"));
    CHECK(t->set->validation > 0 ? hold_out(t) : open_set(t, &t->test, &t->test_hash, "t10k"));
    for (size_t k = 0; k < AUGMENTS && r->augment[k]; k++)
        CHECK_SIXNET(sixnet_dataset_add_transform(t->train, r->augment[k]));
    CHECK_SIXNET(sixnet_dataset_add_transform(t->train, normalize));
    CHECK_SIXNET(sixnet_dataset_add_transform(t->test, normalize));
    return 0;
}

/* The name of the second set. */
static const char *second(const trainer *t) { return t->set->validation > 0 ? "validation" : "test"; }

/* ---- training ---- */

static int32_t end_epoch(trainer *t, const sixnet_progress *p)
{
    t->accuracy = sixnet_progress_get(p, "validation_accuracy");
    t->seconds = sixnet_progress_get(p, "total_seconds");
    t->best = sixnet_progress_get(p, "best_accuracy");
    t->best_epoch = (int)sixnet_progress_get(p, "best_epoch");
    t->resume_changes = (int64_t)sixnet_progress_get(p, "resume_changes");
    meter_end(&t->bar);
    if (!t->set->quiet)
        print_epoch(p, second(t));
    return t->csv ? csv_row(t->csv, p) : 0;
}

/* The library calls this after every batch and every epoch; anything but 0 stops the run. */
static int32_t on_progress(void *user, const sixnet_progress *p)
{
    trainer *t = user;
    if (t->set->csv && !t->csv)
        CHECK(csv_open(&t->csv, t->set->csv, second(t), t->set->resume ? sixnet_progress_get(p, "epoch") : 0));
    if (sixnet_progress_get(p, "epoch_end") == 1)
        return end_epoch(t, p);
    run_show(&t->bar, p, "images");
    return 0;
}

static int32_t train(trainer *t)
{
    char fit[FIT_TEXT];
    if (!t->set->quiet)
        printf("%" PRId64 " images to train, %" PRId64 " to measure; threads: %s, instruction set: %s\n",
               sixnet_dataset_size(t->train), sixnet_dataset_size(t->test), sixnet_context_get(t->ctx, "threads"),
               sixnet_context_get(t->ctx, "isa"));
    fflush(stdout);
    snprintf(fit, sizeof fit, "epochs=%" PRId64 " batch_size=%" PRId64 " checkpoint_seconds=1", t->set->r.epochs,
             t->set->r.batch_size);
    CHECK(append_paths(fit, t->set->checkpoint, t->set->resume));
    catch_signals(t->net);
    const int32_t status = sixnet_model_fit(t->net, t->opt, t->train, t->test, fit, on_progress, t);
    release_signals();
    meter_end(&t->bar);
    CHECK_SIXNET(status);
    if (signal_caught)
        return complain_interrupted(t->set->checkpoint);
    return status == SIXNET_STOPPED ? -1 : 0; /* the CSV could not be written, which closing it reports */
}

static int32_t print_end(trainer *t)
{
    char digest[65];
    CHECK_SIXNET(sixnet_model_digest(t->net, digest));
    if (t->set->digest)
        printf("digest: %s\n", digest);
    if (t->best_epoch == 0) {
        CHECK_SIXNET(sixnet_model_evaluate(t->net, t->test, NULL, &t->accuracy));
        printf("%s accuracy %.2f %%, the run had ended before\n", second(t), 100 * t->accuracy);
        return 0;
    }
    printf("%s accuracy %.2f %% (best %.2f %%, epoch %d), %" PRId64 " epochs in %.1f s\n", second(t), 100 * t->accuracy,
           100 * t->best, t->best_epoch, t->set->r.epochs, t->seconds);
    return 0;
}

/* ---- a record of the run, in the words of `sixnet train` ---- */

static int32_t record_settings_of(const trainer *t)
{
    const settings *s = t->set;
    char path[FOLDER_PATH], data[PATH_MAX];
    FILE *file;
    if (!realpath(s->data, data))
        return fail("cannot find '%s': %s", s->data, strerror(errno));
    CHECK(record_make(s->record, s->resume != NULL));
    CHECK(record_write_net(s->record, t->net));
    CHECK(folder_open(&file, path, s->record, record_settings));
    fprintf(file, "# A training by mnist_cnn, libsixnet %s; `sixnet rerun` with this folder repeats it.\n",
            sixnet_version());
    fprintf(file, "net=%s\ndata=%s\ntransform=%s\noptimizer=%s\nschedule=%s\n", record_net, data, normalize, t->sgd,
            t->schedule);
    for (size_t k = 0; k < AUGMENTS && s->r.augment[k]; k++)
        fprintf(file, "augment=%s\n", s->r.augment[k]);
    fprintf(file, "validation-size=%" PRId64 "\nepochs=%" PRId64 "\nbatch-size=%" PRId64 "\nseed=%" PRId64 "\n",
            s->validation, s->r.epochs, s->r.batch_size, s->seed);
    return output_close(file, path);
}

static int32_t record_result_of(const trainer *t)
{
    const history_picture picture = {.epochs = t->set->r.epochs, .accuracy = 1, .second = second(t)};
    char path[FOLDER_PATH], digest[65];
    FILE *file;
    CHECK_SIXNET(sixnet_model_digest(t->net, digest));
    if (t->best_epoch == 0 && record_ended(t->set->record, digest))
        return 0;
    CHECK(record_finish(t->set->record, t->net, &picture));
    CHECK(folder_open(&file, path, t->set->record, record_result));
    fprintf(file, "digest=%s\nversion=%s\nisa=%s\n", digest, sixnet_version(), sixnet_context_get(t->ctx, "isa"));
    record_write_hashes(file, t->train_hash, t->test_hash);
    if (t->resume_changes)
        fprintf(file, "resume-changes=%" PRId64 "\n", t->resume_changes);
    fprintf(file, "epochs=%" PRId64 "\nseconds=%.3f\n%s-accuracy=%.17g\n", t->set->r.epochs, t->seconds, second(t),
            t->accuracy);
    return output_close(file, path);
}

/* ---- pictures ---- */

static int32_t draw(const trainer *t)
{
    pictures p;
    CHECK(pictures_begin(&p, t->set->pictures));
    CHECK(plot_model(&p, t->net, t->test, second(t)));
    pictures_end(&p);
    return 0;
}

/* ---- main ---- */

static const recipe *recipe_find(const char *name)
{
    for (size_t k = 0; k < sizeof recipes / sizeof *recipes; k++)
        if (strcmp(recipes[k].name, name) == 0)
            return &recipes[k];
    fail("--recipe: '%s' is none; there are plain, best and fast", name);
    return NULL;
}

static int32_t read_settings(settings *s, int argc, char **argv)
{
    const double many = 1e9, seeds = 0x1p53;
    recipe *r = &s->r;
    const option options[] = {
        {"--recipe", "NAME", "plain; best, for the highest accuracy; fast, for 99.4 % soonest (plain)", read_word,
         &s->recipe, 0, 0, 0},
        {"--data", "DIR", "folder of the four IDX files, gzipped or not (" SIXNET_EXAMPLE_DATA ")", read_text, &s->data,
         0, 0, 0},
        {"--validation-size", "N", "hold out N training images and measure those, not the test images (0)",
         read_integer, &s->validation, 0, many, 0},
        {"--epochs", "N", "times through the training images (20; fast: 4)", read_integer, &r->epochs, 1, many, 0},
        {"--batch-size", "N", "images a step (128; best: 64)", read_integer, &r->batch_size, 1, many, 0},
        {"--lr", "R", "learning rate, the highest one (0.1; best, fast: 0.25)", read_number, &r->lr, 0, 1000, 0},
        {"--step-size", "N", "epochs after which the learning rate drops; plain only (10)", read_integer, &s->step_size,
         1, many, 0},
        {"--gamma", "G", "what it is multiplied with then; plain only (0.1)", read_number, &s->gamma, 0, 1000, 0},
        {"--no-schedule", NULL, "keep the learning rate as it is; plain only", NULL, &s->no_schedule, 0, 0, 0},
        {"--momentum", "M", "share of the last step that is kept (0.9)", read_number, &r->momentum, 0, 1, 0},
        {"--dropout", "P", "share of values that dropout drops (0.05; best, fast: 0)", read_number, &r->dropout, 0, 1,
         0},
        {"--seed", "N", "of weights, order of images and all that is random (0)", read_integer, &s->seed, 0, seeds, 0},
        {"--threads", "N", "threads to use; 0 for every core (0); the result is the same", read_integer, &s->threads, 0,
         1024, 0},
        {"--isa", "NAME", "highest instruction set to use: baseline, avx2, avx512, neon (auto)", read_word, &s->isa, 0,
         0, 0},
        {"--convolution", "NAME", "how convolutions are computed: auto or direct (auto)", read_word, &s->convolution, 0,
         0, 0},
        {"--csv", "FILE", "write a row for each epoch", read_text, &s->csv, 0, 0, 0},
        {"--save", "FILE", "save the trained net", read_text, &s->save, 0, 0, 0},
        {"--checkpoint", "FILE", "save the run every second and after every epoch", read_text, &s->checkpoint, 0, 0, 0},
        {"--resume", "FILE", "go on from a checkpoint", read_text, &s->resume, 0, 0, 0},
        {"--run-dir", "DIR", "write all that it takes to repeat the run; sixnet rerun does", read_text, &s->record, 0,
         0, 0},
        {"--plots", "DIR",
         "draw the training, the filters, and what the net makes of the images that it was measured with", read_text,
         &s->pictures, 0, 0, 0},
        {"--digest", NULL, "print a digest of the trained parameters", NULL, &s->digest, 0, 0, 0},
        {"--quiet", NULL, "print the end only", NULL, &s->quiet, 0, 0, 0},
        {"--summary", NULL, "print the net's layers and leave", NULL, &s->summary, 0, 0, 0},
        {NULL, NULL, NULL, NULL, NULL, 0, 0, 0},
    };
    return options_read(argc, argv, ABOUT, options);
}

static int32_t run(trainer *t)
{
    CHECK(build_net(t));
    if (t->set->summary)
        return fputs(sixnet_model_summary(t->net), stdout) < 0 ? -1 : 0;
    CHECK(open_sets(t));
    CHECK(build_optimizer(t));
    if (t->set->pictures)
        CHECK(folder_make(t->set->pictures));
    if (t->set->record)
        CHECK(record_settings_of(t));
    CHECK(train(t));
    if (t->set->save)
        CHECK_SIXNET(sixnet_model_save(t->net, t->set->save, NULL));
    CHECK(print_end(t));
    if (t->set->record)
        CHECK(record_result_of(t));
    return t->set->pictures ? draw(t) : 0;
}

static void free_all(trainer *t)
{
    sixnet_dataset_free(t->test);
    sixnet_dataset_free(t->train);
    sixnet_optimizer_free(t->opt);
    sixnet_model_free(t->net);
    sixnet_context_free(t->ctx);
}

int main(int argc, char **argv)
{
    settings s = {.recipe = "plain",
                  .data = SIXNET_EXAMPLE_DATA,
                  .isa = "auto",
                  .convolution = "auto",
                  .step_size = 10,
                  .gamma = 0.1};
    char csv[FOLDER_PATH], checkpoint[FOLDER_PATH];
    int32_t stop = read_settings(&s, argc, argv);
    const recipe *chosen = stop ? NULL : recipe_find(s.recipe);
    if (chosen) { /* whose numbers the options replace */
        s.r = *chosen;
        stop = read_settings(&s, argc, argv);
    }
    if (stop || !chosen)
        return stop > 0 ? EXIT_SUCCESS : EXIT_USAGE;
    if (s.r.one_cycle && (s.no_schedule || s.step_size != 10 || s.gamma != 0.1))
        return fail("--step-size, --gamma and --no-schedule are for --recipe plain; '%s' has its own schedule",
                    s.recipe),
               EXIT_USAGE;
    if (s.record && (s.csv || s.checkpoint))
        return fail("--run-dir keeps a table and a checkpoint of its own; leave out --csv and --checkpoint"),
               EXIT_USAGE;
    if (saving_check(s.save) != 0 || saving_check(s.checkpoint) != 0)
        return EXIT_FAILURE;
    if (s.record) {
        s.csv = folder_path(csv, s.record, record_history);
        s.checkpoint = folder_path(checkpoint, s.record, record_checkpoint);
    }

    trainer t = {.set = &s, .bar = meter_begin("training", !s.quiet)};
    int32_t status = run(&t);
    if (output_close(t.csv, s.csv) != 0 || (status == 0 && output_end() != 0))
        status = -1;
    free_all(&t);
    return status == 0 ? EXIT_SUCCESS : signal_caught ? STATUS_SIGNAL + signal_caught : EXIT_FAILURE;
}
