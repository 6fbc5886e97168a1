/* SPDX-License-Identifier: MIT */

/* Pictures of two_neuron: the curves of its learning rates, and the net with its numbers before and after training. */

#include "two_neuron.h"

#define DERIVATIVE "<font color=\"#b34000\">∂E/∂%s = %.6g</font>"

/* Where neurons are, in inches: inputs, hidden, outputs and errors from left to right, the first of each above the second. */
static const double across[] = {0, 3.9, 8.3, 11.3}, down[] = {3, 0};

/* A neuron's values, and the derivative of E_total by what goes into it: h or o, whose first value and derivative are given. */
static void draw_neuron(FILE *dot, const char *id, double x, double y, const double *value, double derivative)
{
    fprintf(dot, "  %s [pos=\"%g,%g!\", label=<%s = %.6g<br/><b>a_%s = %.6g</b><br/>" DERIVATIVE ">];\n", id, x, y, id,
            value[0], id, value[2], id, derivative);
}

static void draw_neurons(FILE *dot, const settings *s, const double *v)
{
    for (int k = 0; k < 2; k++) {
        fprintf(dot, "  i%d [pos=\"%g,%g!\", label=<<b>i%d = %g</b>>];\n", k + 1, across[0], down[k], k + 1,
                s->inputs[k]);
        draw_neuron(dot, value_name[H + k], across[1], down[k], v + H + k, v[DE_DH + k]);
        draw_neuron(dot, value_name[O + k], across[2], down[k], v + O + k, v[DE_DO + k]);
        fprintf(dot, "  E%d [style=filled, pos=\"%g,%g!\", label=<t%d = %g<br/><b>E%d = %.6g</b>>];\n", k + 1,
                across[3], down[k], k + 1, s->targets[k], k + 1, v[E + k]);
        fprintf(dot, "  o%d -> E%d [color=\"#444444\"];\n", k + 1, k + 1);
    }
}

/* A weight: an edge, and its value and derivative: on an edge that crosses another, else above the upper and below the lower one. */
static void draw_weight(FILE *dot, int w, const double *v)
{
    const int layer = w / 4, from = w % 2, to = w / 2 % 2;
    const double share = from == to ? 0.47 : 0.66, beside = from != to ? 0 : from ? -0.3 : 0.3;
    const double x = across[layer] + (across[layer + 1] - across[layer]) * share,
                 y = down[from] + (down[to] - down[from]) * share;
    fprintf(dot, "  %c%d -> %c%d [penwidth=%.2f, %s];\n", "ih"[layer], from + 1, "ho"[layer], to + 1,
            1 + fmin(fabs(v[W + w]), 5), v[W + w] < 0 ? "color=\"#e69f00\", style=dashed" : "color=\"#0072b2\"");
    fprintf(dot,
            "  w%d [penwidth=0, style=filled, margin=\"0.02,0\", height=0.1, pos=\"%g,%g!\", label=<<b>w%d = "
            "%.6g</b><br/>" DERIVATIVE ">];\n",
            w + 1, x, y + beside, w + 1, v[W + w], value_name[W + w], v[DE_DW + w]);
}

static void draw_net(FILE *dot, const settings *s, const char *when, const double *v)
{
    fprintf(dot,
            "digraph two_neuron {\n"
            "  graph [layout=neato, outputorder=edgesfirst, splines=line, pad=0.2, fontname=\"sans-serif\", "
            "fontsize=16, labelloc=t,\n"
            "    label=<The two-neuron net %s: E_total = %.6g<br/><font point-size=\"12\">"
            "Orange: derivatives of E_total. A thicker line is a larger weight, a "
            "dashed line a negative one.</font><br/> >];\n"
            "  node [shape=box, style=\"rounded,filled\", fillcolor=white, color=\"#444444\", fontname=\"sans-serif\", "
            "fontsize=12, "
            "margin=\"0.1,0.1\"];\n"
            "  edge [arrowsize=0.8];\n",
            when, v[E_TOTAL]);
    draw_neurons(dot, s, v);
    for (int w = 0; w < 8; w++)
        draw_weight(dot, w, v);
    fputs("}\n", dot);
}

static int32_t picture_net(pictures *p, const settings *s, const char *picture, const char *when, const double *v)
{
    char path[FOLDER_PATH], file[64], shows[128];
    FILE *dot = NULL;
    snprintf(file, sizeof file, "%s.dot", picture);
    CHECK(folder_open(&dot, path, p->folder, file));
    draw_net(dot, s, when, v);
    CHECK(output_close(dot, path));
    snprintf(shows, sizeof shows, "the net's values, weights and derivatives %s", when);
    return picture_graph(p, picture, shows);
}

static int32_t picture_nets(pictures *p, const settings *s, const record *r)
{
    char when[64];
    CHECK(picture_net(p, s, "two_neuron_before", "before its training", r->start));
    snprintf(when, sizeof when, "after %" PRId64 " epochs at learning rate %g", s->epochs, s->lr);
    return picture_net(p, s, "two_neuron_after", when, s->epochs > 1 ? r->end : r->second);
}

static int32_t picture_losses(pictures *p, const sweep *w)
{
    char path[FOLDER_PATH], head[256];
    FILE *csv = NULL;
    CHECK(folder_open(&csv, path, p->folder, "sweep.csv"));
    sweep_write(w, csv);
    CHECK(output_close(csv, path));
    snprintf(head, sizeof head, "epochs = %" PRId64 "\nrates = '", w->epochs);
    for (int r = 0; r < RATES; r++)
        snprintf(head + strlen(head), sizeof head - strlen(head), "%.1f%c", sweep_rate[r], r + 1 < RATES ? ' ' : '\'');
    CHECK(picture_plot(p, "loss_for_different_learning_rates",
                       "the two-neuron net's error by epoch, for six learning rates", head, plot_learning_rates));
    return picture_plot(p, "train_test_by_learning_rate",
                        "training against test loss of a net that learns points, for the same rates", head,
                        plot_train_test);
}

int32_t run_plots(const settings *s)
{
    pictures p;
    sweep w = {.epochs = 0};
    record kept;
    experiment l = {.ctx = NULL};
    CHECK(pictures_begin(&p, s->pictures));
    int32_t status = sweep_run(s, &w);
    if (status == 0)
        status = picture_losses(&p, &w);
    if (status == 0)
        status = experiment_build(&l, s, s->lr);
    if (status == 0)
        status = experiment_train(&l, s->epochs, NULL, &kept, NULL);
    if (status == 0)
        status = picture_nets(&p, s, &kept);
    meter_end(&s->epochs_done->bar);
    if (status == 0)
        pictures_end(&p);
    experiment_free(&l);
    sweep_free(&w);
    return status;
}
