/* SPDX-License-Identifier: MIT */

/* Prints results, profiles and the list of workloads, as text or as JSON. */

#include "bench.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- results ---- */

void print_result(const bench *b, const result *r)
{
    printf("%-20s %5d %3ld  %-9s", b->work->name, (int)b->batch, b->set->threads, sixnet_context_get(b->ctx, "isa"));
    if (b->work->kind == WORK_FIT) {
        printf("%.1f s for %ld epochs, accuracy %.2f %%, ", r->median, b->set->epochs, 100 * r->accuracy);
        printf("peak memory %.0f MB\n", r->megabytes);
        return;
    }
    if (b->batch == 1)
        printf("%9.2f us        %9.2f to %9.2f", 1e6 * r->median, 1e6 * r->low, 1e6 * r->high);
    else
        printf("%9.0f samples/s %9.0f to %9.0f", b->batch / r->median, b->batch / r->high, b->batch / r->low);
    printf(" %9.3f MFLOP %8.2f GFLOP/s", 1e-6 * r->flop, 1e-9 * r->flop / r->median);
    if (r->peak > 0)
        printf(" %6.1f %% of peak", 1e-7 * r->flop / r->median / r->peak);
    printf(" %7.2f GB/s %5.0f %% cpu\n", 1e-9 * r->bytes / r->median,
           100 * r->cpu / r->median / (double)b->set->threads);
    fflush(stdout);
}

/* ---- profiles ---- */

static void add(cost *sum, cost c)
{
    sum->seconds += c.seconds;
    sum->flop += c.flop;
    sum->bytes += c.bytes;
}

/* Seconds, share of the whole, GFLOP/s, share of one thread's peak, GB/s; nothing where nothing was done. */
static void print_cost(cost c, double whole, double peak)
{
    char gflops[32] = "", share[32] = "", gbs[32] = "";
    if (c.seconds > 0 && c.flop > 0) {
        snprintf(gflops, sizeof gflops, "%.1f", 1e-9 * c.flop / c.seconds);
        snprintf(share, sizeof share, "%.1f %%", peak > 0 ? 1e-7 * c.flop / c.seconds / peak : 0);
    }
    if (c.seconds > 0 && c.bytes > 0)
        snprintf(gbs, sizeof gbs, "%.1f", 1e-9 * c.bytes / c.seconds);
    if (c.seconds > 0)
        printf(" |%9.1f %5.1f %% %7s %7s %6s", 1e6 * c.seconds, 100 * c.seconds / whole, gflops, share, gbs);
    else
        printf(" |%9s %7s %7s %7s %6s", "", "", "", "", "");
}

static void print_row(const char *name, const char *kind, const cost c[2], double whole, double peak)
{
    cost both = c[0];
    add(&both, c[1]);
    printf("  %-20.20s %-18.18s", name, kind);
    print_cost(c[0], whole, peak);
    print_cost(c[1], whole, peak);
    printf(" |%5.1f %%\n", 100 * both.seconds / whole);
}

static const char *kind_at(const bench *b, sixnet_node i) { return sixnet_node_get(b->net, i, "kind"); }

/* A row for each kind of layer, at its first node; the sum of all. */
static cost print_kinds(const bench *b, double whole, double peak)
{
    cost all = {0};
    const sixnet_node count = sixnet_node_count(b->net);
    for (sixnet_node i = 0; i < count; i++) {
        cost sum[2] = {{0, 0, 0}, {0, 0, 0}};
        bool seen = false;
        for (sixnet_node j = 0; j < i && !seen; j++)
            seen = strcmp(kind_at(b, j), kind_at(b, i)) == 0;
        for (sixnet_node j = i; j < count && !seen; j++)
            for (int k = 0; k < 2 && strcmp(kind_at(b, j), kind_at(b, i)) == 0; k++)
                add(&sum[k], bench_cost(b, j, k));
        for (int k = 0; k < 2; k++)
            add(&all, sum[k]);
        if (sum[0].seconds + sum[1].seconds > 0)
            print_row("", kind_at(b, i), sum, whole, peak);
    }
    return all;
}

/* Times are those of all threads together, shares of the threads' whole time. */
void print_profile(const bench *b, double peak)
{
    const double whole = b->wall * (double)b->set->threads;
    const cost none[2] = {bench_cost(b, SIXNET_NO_NODE, false), bench_cost(b, SIXNET_NO_NODE, true)};
    printf("\n  profile of %s: us a pass, share of the time, GFLOP/s, share of one thread's peak, GB/s\n",
           b->work->name);
    printf("  %-20s %-18s | %-39s | %-39s | both\n", "node", "kind", "forward", "backward");
    for (sixnet_node i = 0; i < sixnet_node_count(b->net); i++) {
        const cost c[2] = {bench_cost(b, i, false), bench_cost(b, i, true)};
        if (c[0].seconds + c[1].seconds > 0)
            print_row(sixnet_node_get(b->net, i, "name"), kind_at(b, i), c, whole, peak);
    }
    printf("  by kind:\n");
    const cost all = print_kinds(b, whole, peak);
    print_row("", "(no node's alone)", none, whole, peak);
    const double rest = whole - all.seconds - none[0].seconds - none[1].seconds;
    const cost outside[2] = {{rest > 0 ? rest : 0, 0, 0}, {0, 0, 0}};
    print_row("", "(outside, waiting)", outside, whole, peak);
    printf("\n");
}

/* ---- JSON ---- */

static void json_text(const char *key, const char *text)
{
    printf("\"%s\": \"", key);
    for (; *text; text++) {
        if (*text == '\n')
            printf("\\n");
        else if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else if ((unsigned char)*text >= ' ')
            putchar(*text);
    }
    putchar('"');
}

static void json_cost(const char *key, cost c)
{
    printf("\"%s\": {\"seconds\": %.9g, \"flop\": %.9g, \"bytes\": %.9g}", key, c.seconds, c.flop, c.bytes);
}

void json_profile(const bench *b)
{
    printf(", \"profile\": [");
    for (sixnet_node i = SIXNET_NO_NODE; i < sixnet_node_count(b->net); i++) {
        printf("%s{", i < 0 ? "" : ", ");
        json_text("node", i < 0 ? "" : sixnet_node_get(b->net, i, "name"));
        printf(", ");
        json_text("kind", i < 0 ? "" : kind_at(b, i));
        printf(", ");
        json_cost("forward", bench_cost(b, i, false));
        printf(", ");
        json_cost("backward", bench_cost(b, i, true));
        printf("}");
    }
    printf("], \"profile_seconds\": %.9g", b->wall);
}

void json_result(const bench *b, const result *r)
{
    printf("{");
    json_text("workload", b->work->name);
    printf(", ");
    json_text("isa", sixnet_context_get(b->ctx, "isa"));
    printf(", \"threads\": %ld, \"batch\": %d, \"seconds\": %.9g, \"seconds_low\": %.9g, \"seconds_high\": %.9g",
           b->set->threads, (int)b->batch, r->median, r->low, r->high);
    printf(", \"cpu_seconds\": %.9g, \"flop\": %.9g, \"bytes\": %.9g, \"peak_gflops\": %.6g", r->cpu, r->flop, r->bytes,
           r->peak);
    if (b->work->kind == WORK_FIT)
        printf(", \"epochs\": %ld, \"accuracy\": %.6g, \"peak_mb\": %.6g", b->set->epochs, r->accuracy, r->megabytes);
}

/* ---- the head, and the list ---- */

static const char *processor(void)
{
    static char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");
    const char *model = "unknown processor";
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "model name", 10) == 0) {
            line[strcspn(line, "\n")] = 0;
            model = line + strcspn(line, ":") + 2;
            break;
        }
    if (file)
        fclose(file);
    return model;
}

void print_head(const settings *set)
{
    const double near_by = set->no_peak ? 0 : copy_gbs(256 << 10), far_away = set->no_peak ? 0 : copy_gbs(64 << 20);
    char date[64];
    const time_t now = time(NULL);
    strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", gmtime(&now));
    if (set->json) {
        printf("{");
        json_text("processor", processor());
        printf(", ");
        json_text("compiler", __VERSION__);
        printf(", ");
        json_text("version", sixnet_version());
        printf(", ");
        json_text("date", date);
        printf(", \"copy_gbs\": {\"256KB\": %.5g, \"64MB\": %.5g}, \"results\": [\n", near_by, far_away);
        return;
    }
    printf("# libsixnet %s, bench compiled by %s, %s, %s\n", sixnet_version(), __VERSION__, processor(), date);
    if (!set->no_peak)
        printf("# one thread copies 256 KB at %.1f GB/s, 64 MB at %.1f GB/s (read and written)\n", near_by, far_away);
}

void print_workload(const settings *set, const workload *w)
{
    bench b;
    if (!set->json) {
        printf("%-20s %-8s batch %3d, %s, %s\n", w->name, work_kind_name[w->kind], (int)w->batch, w->dtype, w->data);
        return;
    }
    bench_open(&b, set, w);
    printf("{");
    json_text("workload", w->name);
    printf(", ");
    json_text("kind", work_kind_name[w->kind]);
    printf(", ");
    json_text("data", w->data);
    printf(", ");
    json_text("dtype", w->dtype);
    printf(", ");
    json_text("optimizer", w->optimizer ? w->optimizer : "");
    printf(", ");
    json_text("net", sixnet_model_text(b.net));
    printf(", \"batch\": %d}", (int)b.batch);
    bench_close(&b);
}
