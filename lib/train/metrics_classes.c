/* SPDX-License-Identifier: MIT */

/* Metrics of classes. An item is a position of a sample that has one of C classes, or one label that is set or not. Of class c: TP, the
 * items of the class that were predicted as such; P, all that were predicted as such; T, all of the class. As in scikit-learn, with
 * zero_division=0:
 *
 *     precision = TP / P, recall = TP / T, f1 = 2 TP / (P + T), each 0 where the divisor is 0; macro: the mean over all classes
 *     matthews_correlation = (n sum TP - sum P T) / sqrt((n^2 - sum P^2) (n^2 - sum T^2)), or 0 (Gorodkin, 2004)
 *     auc: of the class against all others, the area under the curve of true positive over false positive rate, by trapezoids
 *
 * calibration_error = sum over bins of confidences (lo, hi] of |share that is right - mean confidence| n_bin / n (Guo et al., 2017). */

#include <math.h>
#include <string.h>

#include "base/portable_math.h"
#include "base/sort.h"
#include "base/status.h"
#include "train/metrics.h"

typedef struct scored {
    double score;
    int32_t positive;
} scored;

/* Items with their classes. Labels are set (class 1 of 2) or not, and `labels` counts them; else it is 0. */
typedef struct items {
    int64_t count, classes, labels;
    double *probability;        /* [count][classes] */
    int32_t *truth, *predicted; /* [count] */
    int64_t *tp, *p, *t;        /* [rows] of each class, or of each label */
    scored *order;              /* [count] */
    int64_t within_top;         /* items whose class is among the top_k */
} items;

static bool are_shares(const six_results *r) { return r->loss->targets == SIX_TARGETS_SHARES; }
static int64_t labels_of(const six_results *r) { return are_shares(r) && r->outputs > 1 ? r->outputs : 0; }
static int64_t classes_of(const six_results *r) { return are_shares(r) ? 2 : r->loss->in[0].dim[0]; }
/* The number of labels, or else of classes. */
static int64_t rows_of(const six_results *r) { return labels_of(r) ? labels_of(r) : classes_of(r); }

int64_t six_metrics_of_classes_size(const six_results *r)
{
    const int64_t rows = rows_of(r), confusion = rows <= SIX_CONFUSION_MAX ? rows * (labels_of(r) ? 4 : rows) : 0;
    return rows * (5 + SIX_ROC_POINTS) + confusion + 3 * r->o->bins;
}

/* ---- items ---- */

/* Scores x[c * step] of the classes of one item become probabilities, their softmax; the first largest is predicted. */
static void take_scores(items *it, const double *x, int64_t step, int32_t truth, int64_t top_k)
{
    const int64_t at = it->count++, classes = it->classes;
    double *p = it->probability + at * classes, sum = 0;
    int32_t best = 0;
    int64_t before = 0;
    for (int32_t c = 1; c < classes; c++)
        best = x[c * step] > x[best * step] ? c : best;
    for (int32_t c = 0; c < classes; c++) {
        before += x[c * step] > x[truth * step] || (x[c * step] == x[truth * step] && c < truth);
        p[c] = six_portable_exp(x[c * step] - x[best * step]);
        sum += p[c];
    }
    for (int32_t c = 0; c < classes; c++)
        p[c] /= sum;
    it->truth[at] = truth;
    it->predicted[at] = best;
    it->within_top += before < top_k;
}

static void take_classes(items *it, const six_results *r)
{
    const int64_t positions = r->outputs / it->classes;
    const bool numbers = r->loss->targets == SIX_TARGETS_CLASSES;
    for (int64_t k = 0; k < r->samples * positions; k++) {
        const int64_t sample = k / positions, place = k % positions;
        const double *target = r->target + sample * r->targets + place;
        double truth = numbers ? target[0] : 0;
        for (int64_t c = 1; c < it->classes && !numbers; c++)
            truth = target[c * positions] > target[(int64_t)truth * positions] ? (double)c : truth;
        if (truth >= 0 && truth < (double)it->classes) /* others are ignored by the loss */
            take_scores(it, r->output + sample * r->outputs + place, positions, (int32_t)truth, r->o->top_k);
    }
}

static void take_labels(items *it, const six_results *r)
{
    const bool scores = r->loss->layer->of_scores;
    it->count = r->samples * r->outputs;
    for (int64_t i = 0; i < it->count; i++) {
        const double x = r->output[i], e = six_portable_exp(-fabs(x));
        const double sigmoid = (x < 0 ? e : 1) / (1 + e), p = scores ? sigmoid : x;
        it->probability[2 * i] = 1 - p;
        it->probability[2 * i + 1] = p;
        it->truth[i] = r->target[i] >= 0.5;
        it->predicted[i] = scores ? x > 0 : x > 0.5;
        it->within_top += it->truth[i] == it->predicted[i];
    }
}

static int32_t items_new(items *it, const six_results *r)
{
    const int64_t classes = classes_of(r), rows = rows_of(r);
    const int64_t most = are_shares(r) ? r->samples * r->outputs : r->samples * (r->outputs / classes);
    *it = (items){.classes = classes, .labels = labels_of(r)};
    it->probability = six_data_alloc(r->ctx, most, classes, sizeof *it->probability);
    it->truth = it->probability ? six_data_alloc(r->ctx, most, 2, sizeof *it->truth) : NULL;
    it->tp = it->truth ? six_data_alloc(r->ctx, rows, 3, sizeof *it->tp) : NULL;
    it->order = it->tp ? six_data_alloc(r->ctx, most, 1, sizeof *it->order) : NULL;
    if (!it->order)
        return SIXNET_OUT_OF_MEMORY;
    it->predicted = it->truth + most;
    it->p = it->tp + rows;
    it->t = it->p + rows;
    if (are_shares(r))
        take_labels(it, r);
    else
        take_classes(it, r);
    return SIXNET_OK;
}

static void items_free(items *it, const sixnet_context *ctx)
{
    six_free(ctx, it->probability);
    six_free(ctx, it->truth);
    six_free(ctx, it->tp);
    six_free(ctx, it->order);
}

/* ---- counts ---- */

static void count(items *it, int64_t rows)
{
    memset(it->tp, 0, (size_t)(3 * rows) * sizeof *it->tp);
    for (int64_t i = 0; i < it->count; i++) {
        const int32_t truth = it->truth[i], predicted = it->predicted[i];
        const int64_t label = it->labels ? i % it->labels : 0;
        if (it->labels) {
            it->tp[label] += truth && predicted;
            it->p[label] += predicted;
            it->t[label] += truth;
            continue;
        }
        it->tp[truth] += truth == predicted;
        it->p[predicted]++;
        it->t[truth]++;
    }
}

static double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

static double mean(const double *values, int64_t n)
{
    double sum = 0;
    int64_t known = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += isnan(values[i]) ? 0 : values[i];
        known += !isnan(values[i]);
    }
    return known ? sum / (double)known : (double)NAN;
}

/* The row of numbers, and the one that stands for all: of class 1 of two, else the mean. */
static double *add_rows(six_metrics *m, const items *it, int64_t rows, const char *each, const char *one,
                        const char *macro, const double *values)
{
    const bool binary = !it->labels && rows == 2;
    six_metrics_add_number(m, one, binary ? values[1] : mean(values, rows));
    if (macro)
        six_metrics_add_number(m, macro, mean(values, rows));
    double *row = six_metrics_add(m, each, 1, rows, 1);
    memcpy(row, values, (size_t)rows * sizeof *row);
    return row;
}

static double matthews(const items *it, int64_t rows)
{
    const double n = (double)it->count;
    double right = 0, pt = 0, pp = 0, tt = 0;
    for (int64_t c = 0; c < rows; c++) {
        const double p = (double)it->p[c], t = (double)it->t[c];
        right += (double)it->tp[c];
        pt += p * t;
        pp += p * p;
        tt += t * t;
    }
    const double divisor = (n * n - pp) * (n * n - tt);
    return divisor > 0 ? (n * right - pt) / sqrt(divisor) : 0;
}

static void add_confusion(six_metrics *m, const items *it, int64_t rows)
{
    const int64_t side = it->labels ? 2 : rows;
    if (rows > SIX_CONFUSION_MAX)
        return;
    double *table = six_metrics_add(m, "confusion", 2, it->labels ? rows : side, it->labels ? 4 : side);
    memset(table, 0, (size_t)(it->labels ? 4 * rows : side * side) * sizeof *table);
    for (int64_t i = 0; i < it->count; i++)
        table[(it->labels ? 4 * (i % it->labels) : 0) + it->truth[i] * side + it->predicted[i]]++;
}

/* ---- curves ---- */

static int by_score(const void *a, const void *b)
{
    const double x = ((const scored *)a)->score, y = ((const scored *)b)->score;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* The items that a row is about, from the highest score on. Returns how many. */
static int64_t sort_items(const items *it, int64_t row)
{
    int64_t n = 0;
    const int64_t first = it->labels ? row : 0, step = it->labels ? it->labels : 1, class = it->labels ? 1 : row;
    for (int64_t i = first; i < it->count; i += step)
        it->order[n++] = (scored){it->probability[i * it->classes + class], it->truth[i] == class};
    six_sort(it->order, (size_t)n, sizeof *it->order, by_score);
    return n;
}

/* The true positive rates at false positive rates 0, 0.01, ... 1, and the area below all of the curve; NaN without both kinds of items. */
static double roc(const scored *order, int64_t n, double curve[SIX_ROC_POINTS])
{
    double positives = 0, tp = 0, fp = 0, area = 0;
    int64_t point = 0;
    for (int64_t i = 0; i < n; i++)
        positives += order[i].positive;
    const double negatives = (double)n - positives;
    if (positives == 0 || negatives == 0)
        return NAN;
    for (int64_t i = 0; i < n;) {
        const double tp0 = tp, fp0 = fp, score = order[i].score;
        for (; i < n && order[i].score == score; i++) {
            tp += order[i].positive;
            fp += !order[i].positive;
        }
        area += (fp - fp0) * (tp0 + tp) / 2;
        for (; point < SIX_ROC_POINTS; point++) {
            const double x = (double)point * negatives / (SIX_ROC_POINTS - 1);
            if (x > fp || (x == fp && i < n))
                break;
            curve[point] = (fp > fp0 ? tp0 + (tp - tp0) * (x - fp0) / (fp - fp0) : tp) / positives;
        }
    }
    return area / positives / negatives;
}

static void add_curves(six_metrics *m, const items *it, int64_t rows)
{
    double *area = six_metrics_add(m, "auc_each", 1, rows, 1),
           *curves = six_metrics_add(m, "roc", 2, rows, SIX_ROC_POINTS);
    for (int64_t row = 0; row < rows; row++)
        area[row] = roc(it->order, sort_items(it, row), curves + row * SIX_ROC_POINTS);
    six_metrics_add_number(m, "auc", mean(area, rows));
}

/* Of the bins: their mean confidence, the share that is right, and their number of items. */
static void add_calibration(six_metrics *m, const items *it, int64_t bins)
{
    double *table = six_metrics_add(m, "calibration", 2, bins, 3), error = 0;
    memset(table, 0, (size_t)(3 * bins) * sizeof *table);
    for (int64_t i = 0; i < it->count; i++) {
        const double confidence = it->probability[i * it->classes + it->predicted[i]];
        const double place = ceil(confidence * (double)bins) - 1;
        double *bin = table + 3 * (place < 0 ? 0 : place < (double)bins ? (int64_t)place : bins - 1);
        bin[0] += confidence;
        bin[1] += it->truth[i] == it->predicted[i];
        bin[2]++;
    }
    for (double *bin = table; bin < table + 3 * bins; bin += 3) {
        error += fabs(bin[1] - bin[0]);
        bin[0] /= bin[2]; /* NaN in an empty bin */
        bin[1] /= bin[2];
    }
    six_metrics_add_number(m, "calibration_error", error / (double)it->count);
}

static int64_t samples_all_right(const items *it)
{
    int64_t all = 0;
    for (int64_t i = 0; i < it->count; i += it->labels) {
        int64_t right = 0;
        for (int64_t k = i; k < i + it->labels; k++)
            right += it->truth[k] == it->predicted[k];
        all += right == it->labels;
    }
    return all;
}

static int32_t add_all(six_metrics *m, items *it, const six_results *r)
{
    const int64_t rows = rows_of(r);
    double *values = six_data_alloc(r->ctx, rows, 3, sizeof *values), *recall = values + rows, *f1 = recall + rows;
    if (!values)
        return SIXNET_OUT_OF_MEMORY;
    count(it, rows);
    for (int64_t c = 0; c < rows; c++) {
        values[c] = share((double)it->tp[c], (double)it->p[c]);
        recall[c] = share((double)it->tp[c], (double)it->t[c]);
        f1[c] = share(2 * (double)it->tp[c], (double)(it->p[c] + it->t[c]));
    }
    add_rows(m, it, rows, "precision_each", "precision", "precision_macro", values);
    add_rows(m, it, rows, "recall_each", "recall", "recall_macro", recall);
    add_rows(m, it, rows, "f1_each", "f1", "f1_macro", f1);
    six_free(r->ctx, values);
    double *support = six_metrics_add(m, "support", 1, rows, 1);
    for (int64_t c = 0; c < rows; c++)
        support[c] = (double)it->t[c];
    if (it->labels)
        six_metrics_add_number(m, "subset_accuracy", (double)samples_all_right(it) / (double)r->samples);
    else
        six_metrics_add_number(m, "matthews_correlation", matthews(it, rows));
    if (!are_shares(r))
        six_metrics_add_number(m, "top_k_accuracy", (double)it->within_top / (double)it->count);
    add_confusion(m, it, rows);
    add_curves(m, it, rows);
    add_calibration(m, it, r->o->bins);
    return SIXNET_OK;
}

int32_t six_metrics_of_classes(six_metrics *m, const six_results *r)
{
    items it;
    int32_t status = items_new(&it, r);
    if (!status)
        status = add_all(m, &it, r);
    items_free(&it, r->ctx);
    return status;
}
