/* SPDX-License-Identifier: MIT */
#ifndef SIXNET_EXAMPLES_RECORD_H
#define SIXNET_EXAMPLES_RECORD_H

/* A record: a folder that has all that it takes to repeat a training bit by bit, which the program `sixnet rerun` does.
 *     settings.txt            the settings that determine the result: a line per option of `sixnet train`, and net=, a file next to it; a path
 *                             of samples is absolute, or the name of a file next to it; only the latter is read unasked
 *     net.txt                 the net as a text; start.safetensors instead if training began with values from a file
 *     history.csv             a row for each epoch; history.svg and .png, if gnuplot is there, as history.gp draws them
 *     checkpoint.safetensors  the run, to go on with; .best the best epoch's
 *     model.safetensors       the trained net
 *     result.txt              its digest, by which version and instruction set, and how well it does
 * Included before anything else. */

#include "gnuplot.h"
#include "training.h"

static const char record_settings[] = "settings.txt", record_net[] = "net.txt", record_history[] = "history.csv",
                  record_checkpoint[] = "checkpoint.safetensors", record_model[] = "model.safetensors",
                  record_result[] = "result.txt";

/* Creates the folder, which must not contain a record of a started run, unless that run is resumed. */
static inline int32_t record_make(const char *folder, int resumed)
{
    const char *const kept[] = {record_checkpoint, record_result};
    const char *const made[] = {record_settings,   record_net,   record_history,
                                record_checkpoint, record_model, record_result};
    char path[FOLDER_PATH];
    CHECK(folder_make(folder));
    for (size_t k = 0; k < sizeof made / sizeof *made; k++)
        CHECK(saving_check(folder_path(path, folder, made[k])));
    for (size_t k = 0; k < sizeof kept / sizeof *kept && !resumed; k++)
        if (access(folder_path(path, folder, kept[k]), F_OK) == 0)
            return fail("'%s' has a record already; choose another folder, or go on with --resume '%s/%s'", folder,
                        folder, record_checkpoint);
    return 0;
}

static inline int32_t record_write_net(const char *folder, sixnet_model *net)
{
    char path[FOLDER_PATH];
    FILE *file;
    CHECK(folder_open(&file, path, folder, record_net));
    fputs(sixnet_model_text(net), file);
    return output_close(file, path);
}

static inline void record_hash_bits(uint64_t *hash, uint64_t bits) { *hash = (*hash ^ bits) * 1099511628211u; }

/* A value counts by its bits as a float, and by its own if these are not all of it. */
static inline void record_hash_value(uint64_t *hash, double value)
{
    const float near = (float)value;
    uint32_t near_bits;
    uint64_t bits;
    memcpy(&near_bits, &near, sizeof near_bits);
    memcpy(&bits, &value, sizeof bits);
    record_hash_bits(hash, near_bits);
    if (value < (double)near || value > (double)near)
        record_hash_bits(hash, bits);
}

/* A hash of all samples and targets, as the files have them: before transforms. */
static inline int32_t record_hash(uint64_t *hash, const sixnet_dataset *set)
{
    int64_t dims[8], target_dims[8], inputs = 1, targets = 1;
    int32_t rank, target_rank;
    CHECK_SIXNET(sixnet_dataset_shape(set, dims, &rank, target_dims, &target_rank));
    for (int32_t k = 0; k < rank; k++)
        inputs *= dims[k];
    for (int32_t k = 0; k < target_rank; k++)
        targets *= target_dims[k];
    const int64_t all = sixnet_dataset_size(set);
    double *values = calloc((size_t)(inputs + targets), sizeof *values);
    meter bar = meter_begin("looking at samples", 1);
    int32_t status = values ? SIXNET_OK : SIXNET_OUT_OF_MEMORY;
    *hash = 14695981039346656037u;
    for (int64_t i = 0; i < all && !status; i++) {
        meter_show(&bar, (double)i, (double)all);
        status = sixnet_dataset_get_sample_f64(set, i, values, values + inputs);
        for (int64_t k = 0; k < inputs + targets; k++)
            record_hash_value(hash, values[k]);
    }
    meter_end(&bar);
    free(values);
    CHECK_SIXNET(status);
    return 0;
}

/* Writes the hashes of the training and the test samples; 0 for none. */
static inline void record_write_hashes(FILE *file, uint64_t train, uint64_t test)
{
    fprintf(file, "train-samples=%016" PRIx64 "\n", train);
    if (test)
        fprintf(file, "test-samples=%016" PRIx64 "\n", test);
}

/* ---- its picture ---- */

typedef struct history_picture {
    int64_t epochs;
    int accuracy;       /* whether there is one */
    const char *second; /* the name of the samples measured after every epoch, or NULL */
} history_picture;

enum { HISTORY_SETTINGS = 256 };

/* Arguments of the script plots/history.gp for a table of epochs. */
static inline void history_settings(char settings[HISTORY_SETTINGS], const history_picture *h)
{
    snprintf(settings, HISTORY_SETTINGS, "epochs = %" PRId64 "\naccuracy = %d\nsecond = '%s'", h->epochs, h->accuracy,
             h->second ? h->second : "");
}

/* Whether the folder has the result of a run that ended with a digest. A resumed run with no epoch left has nothing to add. */
static inline int record_ended(const char *folder, const char *digest)
{
    char path[FOLDER_PATH], line[128], wanted[128];
    FILE *file = fopen(folder_path(path, folder, record_result), "r");
    snprintf(wanted, sizeof wanted, "digest=%s\n", digest);
    const int ended = file && fgets(line, sizeof line, file) && strcmp(line, wanted) == 0;
    if (file)
        fclose(file);
    return ended;
}

/* The last files, but for the result. */
static inline int32_t record_finish(const char *folder, const sixnet_model *net, const history_picture *h)
{
    char path[FOLDER_PATH], settings[HISTORY_SETTINGS];
    int status;
    CHECK_SIXNET(sixnet_model_save(net, folder_path(path, folder, record_model), NULL));
    history_settings(settings, h);
    return plot_draw(folder, "history", settings, plot_history, &status);
}

#endif
