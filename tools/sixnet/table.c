/* SPDX-License-Identifier: MIT */

#include "tool.h"

void table_free(table *t)
{
    free(t->values);
    free(t->lines);
    free(t->names);
    *t = (table){.type = NULL};
}

static size_t element_size(const table *t) { return strcmp(t->type, "u8") == 0 ? 1 : strchr(t->type, '6') ? 8 : 4; }

double table_value(const table *t, int64_t k)
{
    const bool wide = t->type[1] == '6'; /* f64, i64 */
    switch (t->type[0]) {
    case 'f':
        return wide ? ((const double *)t->values)[k] : (double)((const float *)t->values)[k];
    case 'i':
        return wide ? (double)((const int64_t *)t->values)[k] : (double)((const int32_t *)t->values)[k];
    default:
        return ((const uint8_t *)t->values)[k];
    }
}

const char *table_name(const table *t, int64_t column)
{
    const char *name = t->names, *end = t->names ? t->names + t->names_size : NULL;
    for (column += t->index_column; column > 0 && name < end; column--)
        name += strlen(name) + 1;
    return name < end ? name : NULL;
}

const char *table_place(const table *t, const char *path, int64_t row, char text[TABLE_PLACE])
{
    if (t->lines)
        snprintf(text, TABLE_PLACE, "%s:%" PRId64, path, t->lines[row]);
    else
        snprintf(text, TABLE_PLACE, "%s: row %" PRId64, path, row);
    return text;
}

int32_t table_split(table *t, table *targets, int64_t count, bool targets_first, const char *path)
{
    const size_t element = element_size(t), row = (size_t)t->columns * element, target = (size_t)count * element,
                 input = row - target;
    const size_t lines_size = t->lines ? (size_t)t->rows * sizeof *t->lines : 0;
    char *values = t->values, *taken = malloc((size_t)t->rows * target);
    *targets = (table){.type = t->type,
                       .values = taken,
                       .lines = t->lines ? malloc(lines_size) : NULL,
                       .rows = t->rows,
                       .columns = count};
    if (!taken || (t->lines && !targets->lines))
        return fail("%s: there is not enough memory for it", path);
    if (t->lines)
        memcpy(targets->lines, t->lines, lines_size);
    for (int64_t r = 0; r < t->rows; r++) {
        const char *from = values + (size_t)r * row;
        memcpy(taken + (size_t)r * target, from + (targets_first ? 0 : input), target);
        memmove(values + (size_t)r * input, from + (targets_first ? target : 0), input);
    }
    t->columns -= count;
    return 0;
}

/* ---- missing values, which are NaN ---- */

static bool may_miss(const table *t) { return t->values && t->type[0] == 'f'; }

/* The first value of a row that is missing; -1 if it has all. */
static int64_t first_missing(const table *t, int64_t row)
{
    for (int64_t k = 0; k < t->columns && may_miss(t); k++)
        if (isnan(table_value(t, row * t->columns + k)))
            return k;
    return -1;
}

static void move_row(table *t, int64_t to, int64_t from)
{
    const size_t row = (size_t)t->columns * element_size(t);
    memmove((char *)t->values + (size_t)to * row, (char *)t->values + (size_t)from * row, row);
    if (t->lines)
        t->lines[to] = t->lines[from];
}

static int32_t drop_rows(table *inputs, table *targets, const char *path, int64_t *dropped)
{
    const int64_t all = inputs->rows;
    int64_t kept = 0;
    for (int64_t r = 0; r < all; r++) {
        if (first_missing(inputs, r) >= 0 || first_missing(targets, r) >= 0)
            continue;
        move_row(inputs, kept, r);
        if (targets->values)
            move_row(targets, kept, r);
        kept++;
    }
    inputs->rows = kept;
    if (targets->values)
        targets->rows = kept;
    *dropped = all - kept;
    return kept > 0
               ? 0
               : fail("%s: --missing drop leaves no row, as each of the %" PRId64 " has a missing value", path, all);
}

/* The mean of the values that a column has; NaN if it has none. */
static double column_mean(const table *t, int64_t column)
{
    double sum = 0;
    int64_t count = 0;
    for (int64_t r = 0; r < t->rows; r++) {
        const double value = table_value(t, r * t->columns + column);
        if (isnan(value))
            continue;
        sum += value;
        count++;
    }
    return sum / (double)count;
}

static void set_value(table *t, int64_t k, double value)
{
    if (strcmp(t->type, "f64") == 0)
        ((double *)t->values)[k] = value;
    else
        ((float *)t->values)[k] = (float)value;
}

/* Fills a column with its mean in another table, or with 0 without one, and counts the values filled. */
static int32_t fill_column(table *t, int64_t column, const table *means, const char *path, int64_t *filled)
{
    double value = 0;
    bool known = !means;
    for (int64_t r = 0; r < t->rows; r++) {
        if (!isnan(table_value(t, r * t->columns + column)))
            continue;
        if (!known)
            value = column_mean(means, column);
        known = true;
        if (isnan(value))
            return fail("%s: --missing mean: column %" PRId64 " has no value at all", path,
                        column + 1 + t->index_column);
        set_value(t, r * t->columns + column, value);
        ++*filled;
    }
    return 0;
}

static int32_t fill_inputs(table *inputs, const table *targets, const table *means, const char *path,
                           const char *target_path, int64_t *filled)
{
    char place[TABLE_PLACE];
    for (int64_t r = 0; r < targets->rows; r++)
        if (first_missing(targets, r) >= 0)
            return fail("%s: the target is missing, which only --missing drop allows",
                        table_place(targets, target_path, r, place));
    for (int64_t k = 0; k < inputs->columns && may_miss(inputs); k++)
        CHECK(fill_column(inputs, k, means, path, filled));
    return 0;
}

int32_t table_settle_missing(table *inputs, table *targets, missing_policy policy, const table *like, const char *path,
                             const char *target_path, int64_t *settled)
{
    *settled = 0;
    if (policy == MISSING_ERROR || (!may_miss(inputs) && !may_miss(targets)))
        return 0;
    if (policy == MISSING_DROP)
        return drop_rows(inputs, targets, path, settled);
    const table *means = policy == MISSING_ZERO ? NULL : like ? like : inputs;
    return fill_inputs(inputs, targets, means, path, target_path, settled);
}
