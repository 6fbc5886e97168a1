/* SPDX-License-Identifier: MIT */

#include "tool.h"

const machine machine_default = {.isa = "auto", .dtype = "f32", .convolution = "auto"};

static int32_t read_list(const option *o, const char *text)
{
    texts *list = o->to;
    if (list->count == MAX_TEXTS)
        return fail("%s was given more than %d times", o->name, MAX_TEXTS);
    option item = *o;
    item.to = &list->item[list->count];
    CHECK(read_text(&item, text));
    list->count++;
    return 0;
}

/* All rows are made here, so that write_option() knows the functions that read them. */
static void add(option_table *t, option o)
{
    if (t->count < MAX_OPTIONS - 1)
        t->row[t->count++] = o;
}

void add_operand(option_table *t, const char *name, const char *help, const char **to)
{
    add(t, (option){name, NULL, help, read_text, to, 0, 0, 0});
}

void add_operands(option_table *t, const char *name, const char *help, texts *to)
{
    add(t, (option){name, NULL, help, read_list, to, 0, 0, 0});
}

void add_switch(option_table *t, const char *name, const char *help, int *to)
{
    add(t, (option){name, NULL, help, NULL, to, 0, 0, 0});
}

void add_text(option_table *t, const char *name, const char *value, const char *help, const char **to)
{
    add(t, (option){name, value, help, read_text, to, 0, 0, 0});
}

void add_word(option_table *t, const char *name, const char *value, const char *help, const char **to)
{
    add(t, (option){name, value, help, read_word, to, 0, 0, 0});
}

/* Where a word is among "drop|mean|zero"; -1 if it is not. */
int32_t choice_index(const char *words, const char *word)
{
    const size_t length = strlen(word);
    int32_t index = 0;
    for (const char *c = words; *c; c += c[strcspn(c, "|")] == '|' ? strcspn(c, "|") + 1 : strcspn(c, "|"), index++)
        if (length == strcspn(c, "|") && strncmp(c, word, length) == 0)
            return index;
    return -1;
}

static int32_t read_choice(const option *o, const char *text)
{
    if (choice_index(o->value, text) < 0)
        return fail("%s: '%s' is none of %s", o->name, text, o->value);
    return read_text(o, text);
}

void add_choice(option_table *t, const char *name, const char *words, const char *help, const char **to)
{
    add(t, (option){name, words, help, read_choice, to, 0, 0, 0});
}

void add_list(option_table *t, const char *name, const char *value, const char *help, texts *to)
{
    add(t, (option){name, value, help, read_list, to, 0, 0, 0});
}

void add_integer(option_table *t, const char *name, const char *help, int64_t *to, double low, double high)
{
    add(t, (option){name, "N", help, read_integer, to, low, high, 0});
}

void add_number(option_table *t, const char *name, const char *value, const char *help, double *to, double low,
                double high)
{
    add(t, (option){name, value, help, read_number, to, low, high, 0});
}

void add_machine(option_table *t, machine *m)
{
    add_integer(t, "--threads", "threads to use; 0 for every core (0); the result is the same", &m->threads, 0, 1024);
    add_word(t, "--isa", "NAME", "highest instruction set to use: baseline, avx2, avx512, neon (auto)", &m->isa);
    add_word(t, "--dtype", "TYPE", "what is computed with: f32 or f64 (f32)", &m->dtype);
    add_word(t, "--convolution", "NAME", "how convolutions are computed: auto or direct (auto)", &m->convolution);
}

void add_weights(option_table *t, net_files *n)
{
    add_text(t, "--weights", "FILE", "a safetensors file, of PyTorch for one, whose tensors go into the net by name",
             &n->weights);
}

void add_table_options(option_table *t, data_options *d)
{
    add_switch(t, "--targets-first", "a CSV's rows begin with the targets; without it they end with them",
               &d->targets_first);
    add_choice(t, "--header", HEADER_WORDS, "whether a CSV's first row has the columns' names (auto: if all are names)",
               &d->header);
    add_choice(
        t, "--missing", MISSING_WORDS,
        "what becomes of a CSV's missing values and NaN: an error, the row is dropped, the column's mean, 0 (error)",
        &d->missing);
    add_number(t, "--scale", "R", "what the values of a CSV or NPY are multiplied with (1; bytes: 1/255)", &d->scale,
               -1e30, 1e30);
    add_word(t, "--resize", "HxW", "height and width to which images are resized (none: all must have the same)",
             &d->resize);
    add_list(t, "--transform", "TEXT", "of all samples, such as \"normalize mean=0.13 std=0.31\"; again for more",
             &d->transforms);
}

void add_data(option_table *t, data_options *d)
{
    add_text(t, "--data", "FILE",
             "samples: IDX, CSV, NPY, an image, a folder of images with one for each class, or MNIST's", &d->data);
    add_text(t, "--targets", "FILE", "their targets, if they are in a file of their own", &d->labels);
    add_table_options(t, d);
}

int32_t command_options(int argc, char **argv, const char *about, const option_table *t)
{
    const int32_t stop = options_read(argc, argv, about, t->row);
    return stop == 0 ? -1 : stop > 0 ? EXIT_SUCCESS : EXIT_USAGE;
}

int32_t exit_status(int32_t status) { return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE; }

/* ---- options in a file ---- */

static int32_t write_text(FILE *file, const char *name, const char *text)
{
    if (text && strchr(text, '\n'))
        return fail("%s: a line break cannot be recorded: '%s'", name, text);
    if (text)
        fprintf(file, "%s=%s\n", name, text);
    return 0;
}

static int32_t write_list(FILE *file, const char *name, const texts *list)
{
    for (int32_t k = 0; k < list->count; k++)
        CHECK(write_text(file, name, list->item[k]));
    return 0;
}

static int32_t write_option(FILE *file, const option *o)
{
    const char *name = o->name + strspn(o->name, "-");
    if (!o->read && *(int *)o->to)
        fprintf(file, "%s\n", name);
    else if (o->read == read_integer)
        fprintf(file, "%s=%" PRId64 "\n", name, *(int64_t *)o->to);
    else if (o->read == read_number && isnan(*(double *)o->to))
        return 0; /* not given */
    else if (o->read == read_number)
        fprintf(file, "%s=%.17g\n", name, *(double *)o->to);
    else if (o->read == read_list)
        return write_list(file, name, o->to);
    else if (o->read)
        return write_text(file, name, *(const char **)o->to);
    return 0;
}

int32_t options_write(FILE *file, const option_table *t)
{
    for (const option *o = t->row; o->name; o++)
        CHECK(write_option(file, o));
    return 0;
}

/* A line is "name=value", "name", blank, or a comment after '#'. */
static int32_t load_line(char *line, const option_table *t)
{
    char argument[64];
    const char *value;
    char *none = NULL, **next = &none;
    if (*line == '\0' || *line == '#')
        return 0;
    snprintf(argument, sizeof argument, "--%.*s", (int)strcspn(line, "="), line);
    const option *o = options_find(t->row, argument, &value);
    value = strchr(line, '=');
    if (!o)
        return fail("'%.40s' is not a setting that this version knows", line);
    return option_take(o, value ? value + 1 : NULL, &next);
}

/* Messages name the line as they name the program. */
static int32_t load_numbered(char *line, const char *path, int64_t number, const option_table *t)
{
    char where[PATH_SIZE + 64];
    const char *name = program;
    snprintf(where, sizeof where, "%s: %s:%" PRId64, name, path, number);
    program = where;
    const int32_t status = load_line(line, t);
    program = name;
    return status;
}

int32_t options_load(const char *path, const option_table *t, char **text)
{
    int64_t number = 0;
    CHECK(text_read(text, path, 1 << 20));
    for (char *line = *text, *end; line; line = end) {
        end = strchr(line, '\n');
        if (end)
            *end++ = '\0';
        CHECK(load_numbered(line, path, ++number, t));
    }
    return 0;
}
