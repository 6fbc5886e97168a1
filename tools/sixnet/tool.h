/* SPDX-License-Identifier: MIT */
#ifndef SIXNET_TOOL_H
#define SIXNET_TOOL_H

/* What the commands of the program sixnet share. A command is a file, COMMAND.c, with a function command_COMMAND(), and a row of the
 * table in main.c. */

#include "../../examples/record.h"

#include <stdbool.h>

/* A command gets its own arguments, and gives the program's exit status: EXIT_SUCCESS, EXIT_FAILURE, EXIT_USAGE,
 * or of a run that a signal ended STATUS_SIGNAL and its number. */

int32_t command_bench(int argc, char **argv);
int32_t command_eval(int argc, char **argv);
int32_t command_graph(int argc, char **argv);
int32_t command_info(int argc, char **argv);
int32_t command_inspect(int argc, char **argv);
int32_t command_list(int argc, char **argv);
int32_t command_predict(int argc, char **argv);
int32_t command_rerun(int argc, char **argv);
int32_t command_summary(int argc, char **argv);
int32_t command_train(int argc, char **argv);

/* What the help of commands that show nets says of attributes with two numbers. */
#define PAIR_HELP "A pair of height and width is written with an x, kernel_size=1x9, or as one number for both."

/* ---- options.c: tables of options that several commands have ---- */

enum { MAX_TEXTS = 256, MAX_OPTIONS = 48 };

/* An option that may be given again and again. */
typedef struct texts {
    const char *item[MAX_TEXTS];
    int32_t count;
} texts;

/* A table that ends with a row without a name, as the functions of common.h take it. */
typedef struct option_table {
    option row[MAX_OPTIONS];
    int32_t count;
} option_table;

/* How the library computes. */
typedef struct machine {
    int64_t threads, seed;
    const char *isa, *dtype, *convolution;
} machine;

/* A net, and where its values come from if not from the net's own file. */
typedef struct net_files {
    const char *path, *weights;
    const char *load; /* options of sixnet_model_load() */
} net_files;

/* Where samples are, and what is done to them. */
typedef struct data_options {
    const char *data, *labels;
    double scale;       /* NaN if it was not given */
    const char *resize; /* "28x28"; NULL if not given */
    int targets_first;
    const char *header, *missing; /* words of choices; NULL if not given */
    const struct table *like;     /* the training inputs, whose names and means these take; NULL without */
    texts transforms;
} data_options;

/* Each adds a row. An operand's name is NET, FILE... or [KIND], as common.h has it; `value` is what the help calls an option's value. */
void add_operand(option_table *t, const char *name, const char *help, const char **to);
void add_operands(option_table *t, const char *name, const char *help, texts *to);
void add_switch(option_table *t, const char *name, const char *help, int *to);
void add_text(option_table *t, const char *name, const char *value, const char *help, const char **to);
void add_word(option_table *t, const char *name, const char *value, const char *help, const char **to);
/* `words`, such as "drop|mean|zero", are all that it can be. */
void add_choice(option_table *t, const char *name, const char *words, const char *help, const char **to);
int32_t choice_index(const char *words, const char *word);
void add_list(option_table *t, const char *name, const char *value, const char *help, texts *to);
void add_integer(option_table *t, const char *name, const char *help, int64_t *to, double low, double high);
void add_number(option_table *t, const char *name, const char *value, const char *help, double *to, double low,
                double high);

void add_machine(option_table *t, machine *m);
void add_weights(option_table *t, net_files *n);
void add_data(option_table *t, data_options *d);
void add_table_options(option_table *t, data_options *d); /* of these all but the files */

extern const machine machine_default;

/* Reads a command's arguments; returns -1 to go on, otherwise the status to end with. */
int32_t command_options(int argc, char **argv, const char *about, const option_table *t);
/* A status of the functions below, 0 or -1, as one to exit with. */
int32_t exit_status(int32_t status);

/* Writes every option that has a value as a line "name=value", and reads such a file, whose *text, to be freed, stays in use. */
int32_t options_write(FILE *file, const option_table *t);
int32_t options_load(const char *path, const option_table *t, char **text);

/* ---- readers.c and a file per format: tables of numbers in files, which are trusted in nothing ---- */

enum { MAX_RANK = 8 };

/* Whether the first row of a CSV has names, and what becomes of values that are missing: words of options. */
#define HEADER_WORDS "auto|yes|no"
#define MISSING_WORDS "error|drop|mean|zero"
typedef enum header_policy { HEADER_AUTO, HEADER_YES, HEADER_NO } header_policy;
typedef enum missing_policy { MISSING_ERROR, MISSING_DROP, MISSING_MEAN, MISSING_ZERO } missing_policy;

typedef struct table_options {
    header_policy header;
    missing_policy missing; /* an error, or they become NaN and table_settle_missing() does the rest */
    double most;            /* the largest size of a number */
} table_options;

/* Rows of values of one type, as sixnet_dataset_from_arrays() names it. Starts as zeros. */
typedef struct table {
    const char *type;
    void *values; /* to be freed */
    int64_t rows, columns;
    int64_t dims[MAX_RANK]; /* of a row, if the file has them */
    int32_t rank;
    int64_t *lines;      /* of a CSV: the line of each row */
    int64_t header_line; /* 0 without a header */
    bool index_column;   /* the file's first column was an index, and is not here */
    char *names;         /* of the file's columns, each with a NUL behind it; NULL without */
    int64_t names_size;
} table;

/* The format according to the first bytes of a file; a non-regular file can be any of them. */
typedef enum file_kind { FILE_TEXT, FILE_NPY, FILE_IMAGE, FILE_IDX, FILE_GZIP, FILE_OTHER } file_kind;
int32_t file_kind_of(file_kind *kind, const char *path);
/* Whether a path leads to a file, rather than to a folder, a pipe or nowhere. */
bool is_regular(const char *path);

/* Reads a CSV or NPY; "-" is standard input. */
int32_t table_read(table *t, const char *path, const table_options *o);

/* Reads a whole text of at most `most` bytes, to be freed, without the byte order mark that it may begin with. */
int32_t text_read(char **text, const char *path, size_t most);

/* ---- table.c ---- */

enum { TABLE_PLACE = PATH_SIZE + 32 };

void table_free(table *t);
/* The k-th value of all. */
double table_value(const table *t, int64_t k);
/* The name that the file's header has for a column, counted from 0; NULL if it has none. */
const char *table_name(const table *t, int64_t column);
/* "data.csv:17" or "data.npy: row 16". */
const char *table_place(const table *t, const char *path, int64_t row, char text[TABLE_PLACE]);
/* Moves the first or the last columns into a table of their own. */
int32_t table_split(table *t, table *targets, int64_t count, bool targets_first, const char *path);
/* Drops rows with missing values or fills them, of inputs only; `targets` may be empty. A mean is that of the column of `like`, or of the
 * table itself if that is NULL. *settled is how many rows or values they were. */
int32_t table_settle_missing(table *inputs, table *targets, missing_policy policy, const table *like, const char *path,
                             const char *target_path, int64_t *settled);

/* ---- session.c: nets and samples, opened ---- */

/* What a command works with. Starts as zeros; work_close() frees it at any time. */
typedef struct work {
    sixnet_context *ctx;
    sixnet_model *net;
    bool saved; /* the net's values come from a file */
    int quiet;  /* notes on how files are read are left out */
} work;

typedef struct samples {
    sixnet_dataset *set;
    table inputs, targets; /* what the set refers to */
    const char *labels;    /* the file that the targets come from */
} samples;

int32_t work_open(work *w, const machine *m, const net_files *n);
/* The same, but a net whose values nobody has trained is refused. */
int32_t work_open_trained(work *w, const machine *m, const net_files *n);
void work_close(work *w);

/* The number of values of the net's "input", "output" or "target" for one sample; 0 if it has none. */
int64_t net_size(const sixnet_model *net, const char *end);

int64_t shape_size(const int64_t *dims, int32_t rank);
/* Whether a tensor is a parameter, frozen or not, rather than a buffer. */
bool is_parameter(const sixnet_model *net, const char *tensor);
/* The number of values of the parameters that belong to a node. */
int64_t node_parameters(const sixnet_model *net, sixnet_node node);

/* Opens samples for a net. `set` is what is wanted of a folder with MNIST's four files, "train" or "t10k"; `labelled` says whether there
 * must be targets. No transform is added. */
int32_t samples_open(samples *s, const work *w, const data_options *d, const char *set, bool labelled);
int32_t samples_transform(sixnet_dataset *set, const texts *transforms);
void samples_close(samples *s);
/* After SIXNET_BAD_DATA: whether a label of the samples was to blame, and it and its place were told. */
bool samples_blamed(const samples *s, const work *w);

/* ---- json.c ---- */

/* A string, a number (null if there is none), with its key before it if that is not NULL. */
void json_text(const char *key, const char *text);
void json_number(const char *key, double value);
void json_shape(const char *key, const int64_t *dims, int32_t rank);

/* "1x28x28" */
enum { SHAPE_TEXT = 8 * 21 };
const char *shape_text(const int64_t *dims, int32_t rank, char text[SHAPE_TEXT]);

/* ---- training.c: a run, as train and rerun make it ---- */

/* What decides the result. */
typedef struct settings {
    machine machine;
    net_files net;
    data_options data;
    const char *test_data, *test_labels;
    texts augment, tensors;
    int64_t validation, epochs, batch_size;
    const char *optimizer, *schedule, *on_nan, *fit;
} settings;

/* Output. */
typedef struct outputs {
    const char *csv, *save, *checkpoint, *resume, *record;
    double checkpoint_seconds;
    int diagnose, digest, quiet, json;
} outputs;

/* Loss and accuracy on a set; NaN if missing. */
typedef struct score {
    double loss, accuracy;
} score;

typedef struct outcome {
    char digest[65], isa[16];
    score train, validation, test;
    double seconds;
    int64_t epochs, best_epoch, resume_changes; /* resume_changes: settings changed when the run was resumed */
    uint64_t train_samples,
        test_samples; /* a hash of each set, before transforms; in a rerun at first what it must be */
    bool timed_out;   /* max_seconds ended the run */
    int signal;       /* that ended the run early, or 0 */
} outcome;

extern const settings settings_default;
void add_settings(option_table *t, settings *s);
int32_t training_run(const settings *s, const outputs *o, outcome *out);
/* The exit status of a run that ended with a status and an outcome. */
int32_t training_status(int32_t status, const outcome *out);
/* The last lines of a run. */
void training_show(const outcome *out, const outputs *o);

/* ---- record.c: what examples/record.h has no words for ---- */

int32_t record_begin(const settings *s, const outputs *o, const work *w);
int32_t record_end(const outputs *o, const sixnet_model *net, const outcome *out);
/* Reads what record_begin() and record_end() wrote; the texts stay in use. */
typedef struct record {
    char *settings_text, *outcome_text, net[FOLDER_PATH], data[4][FOLDER_PATH];
    settings settings;
    const char *digest, *version, *isa;
    const char *train_samples, *test_samples, *resume_changes; /* NULL without */
} record;
/* The samples' files as the caller names them; NULL: as the record does. */
typedef struct sample_files {
    const char *data, *labels, *test_data, *test_labels;
} sample_files;
int32_t record_load(record *r, const char *folder);
/* Where the samples are: what the caller names, or regular files of the record's folder. */
int32_t record_find_samples(record *r, const char *folder, const sample_files *given);
/* Where a net is a record's folder: its trained net; how its samples were read, unless that is said; and its transforms, unless any are
 * given. */
int32_t record_use(record *r, net_files *n, data_options *d);
void record_free(record *r);

#endif
