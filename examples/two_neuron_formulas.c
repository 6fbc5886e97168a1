/* SPDX-License-Identifier: MIT */

/* The 2-2-2 net without the library: its values by formulas, and an epoch's steps printed for people to follow. */

#include "two_neuron.h"

const char *const value_name[VALUES] = {
    "h1",     "h2",      "a_h1",     "a_h2",     "o1",     "o2",     "a_o1",     "a_o2",     "E1",
    "E2",     "E_total", "w1",       "w2",       "w3",     "w4",     "w5",       "w6",       "w7",
    "w8",     "dE_dw1",  "dE_dw2",   "dE_dw3",   "dE_dw4", "dE_dw5", "dE_dw6",   "dE_dw7",   "dE_dw8",
    "dE_dh1", "dE_dh2",  "dE_da_h1", "dE_da_h2", "dE_do1", "dE_do2", "dE_da_o1", "dE_da_o2",
};

/* ---- the closed form ---- */

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

/* k: a neuron, whose first weight is 2 * k. */
void closed_form(const settings *s, const double *w, double *v)
{
    memcpy(v + W, w, 8 * sizeof *w);
    for (int k = 0; k < 2; k++) {
        v[H + k] = w[2 * k] * s->inputs[0] + w[2 * k + 1] * s->inputs[1];
        v[A_H + k] = sigmoid(v[H + k]);
    }
    for (int k = 0; k < 2; k++) {
        v[O + k] = w[4 + 2 * k] * v[A_H] + w[4 + 2 * k + 1] * v[A_H + 1];
        v[A_O + k] = sigmoid(v[O + k]);
        v[E + k] = 0.5 * pow(s->targets[k] - v[A_O + k], 2);
        v[DE_DA_O + k] = v[A_O + k] - s->targets[k];
        v[DE_DO + k] = v[DE_DA_O + k] * v[A_O + k] * (1 - v[A_O + k]);
    }
    v[E_TOTAL] = v[E] + v[E + 1];
    for (int k = 0; k < 2; k++) {
        v[DE_DA_H + k] = v[DE_DO] * w[4 + k] + v[DE_DO + 1] * w[6 + k];
        v[DE_DH + k] = v[DE_DA_H + k] * v[A_H + k] * (1 - v[A_H + k]);
        for (int j = 0; j < 2; j++) {
            v[DE_DW + 2 * k + j] = v[DE_DH + k] * s->inputs[j];
            v[DE_DW + 4 + 2 * k + j] = v[DE_DO + k] * v[A_H + j];
        }
    }
}

/* ---- one epoch for people to follow ---- */

static void show_list(const char *title, char letter, const double *x, int count)
{
    for (int k = 0; k < count; k++) {
        const int last = k + 1 == count || k % 4 == 3;
        if (k % 4 == 0)
            printf("%-8s", k ? "" : title);
        printf("  %c%d = %-*.12g%s", letter, k + 1, last ? 0 : 14, x[k], last ? "\n" : "");
    }
}

static void show_forward(const double *v)
{
    puts("\nForward");
    for (int k = 0; k < 2; k++)
        printf("  h%d      = w%d * i1 + w%d * i2       = %.12g\n", k + 1, 2 * k + 1, 2 * k + 2, v[H + k]);
    for (int k = 0; k < 2; k++)
        printf("  a_h%d    = sigmoid(h%d)             = %.12g\n", k + 1, k + 1, v[A_H + k]);
    for (int k = 0; k < 2; k++)
        printf("  o%d      = w%d * a_h1 + w%d * a_h2   = %.12g\n", k + 1, 2 * k + 5, 2 * k + 6, v[O + k]);
    for (int k = 0; k < 2; k++)
        printf("  a_o%d    = sigmoid(o%d)             = %.12g\n", k + 1, k + 1, v[A_O + k]);
    for (int k = 0; k < 2; k++)
        printf("  E%d      = (t%d - a_o%d)^2 / 2       = %.12g\n", k + 1, k + 1, k + 1, v[E + k]);
    printf("  E_total = E1 + E2                 = %.12g\n", v[E_TOTAL]);
}

/* The slope of the sigmoid at an activation. */
static double slope(double a) { return a * (1 - a); }

/* dE/dw5 … dE/dw8, of output k and hidden neuron j. */
static void show_output_gradient(const double *v, int k, int j)
{
    const int w = 5 + 2 * k + j;
    printf("  dE/dw%d = dE/da_o%d * da_o%d/do%d * do%d/dw%d\n", w, k + 1, k + 1, k + 1, k + 1, w);
    printf("         = %.12g * %.12g * %.12g\n", v[DE_DA_O + k], slope(v[A_O + k]), v[A_H + j]);
    printf("         = %.12g\n", v[DE_DW + w - 1]);
}

/* dE/dw1 … dE/dw4, of hidden neuron k and input j: the error comes back through both outputs. */
static void show_hidden_gradient(const double *v, const double *inputs, int k, int j)
{
    const int w = 1 + 2 * k + j, h = k + 1;
    printf("  dE/dw%d = (dE/da_o1 * da_o1/do1 * do1/da_h%d + dE/da_o2 * da_o2/do2 * do2/da_h%d)\n", w, h, h);
    printf("           * da_h%d/dh%d * dh%d/dw%d\n", h, h, h, w);
    printf("         = (%.12g * %.12g * %.12g\n", v[DE_DA_O], slope(v[A_O]), v[W + 4 + k]);
    printf("           + %.12g * %.12g * %.12g)\n", v[DE_DA_O + 1], slope(v[A_O + 1]), v[W + 6 + k]);
    printf("           * %.12g * %.12g\n", slope(v[A_H + k]), inputs[j]);
    printf("         = %.12g\n", v[DE_DW + w - 1]);
}

static void show_backward(const settings *s, const double *v)
{
    puts("\nBackward, the output's weights");
    for (int k = 0; k < 4; k++)
        show_output_gradient(v, k / 2, k % 2);
    puts("\nBackward, the hidden neurons' weights");
    for (int k = 0; k < 4; k++)
        show_hidden_gradient(v, s->inputs, k / 2, k % 2);
}

static void show_step(double lr, const double *before, const double *after)
{
    puts("\nStep, w - lr * dE/dw");
    for (int k = 0; k < 8; k++)
        printf("  w%d     = %.12g - %g * %.12g = %.12g\n", k + 1, before[W + k], lr, before[DE_DW + k], after[W + k]);
    printf("\nE_total before %.12g, after %.12g\n", before[E_TOTAL], after[E_TOTAL]);
}

void show_epoch(const settings *s, const record *r, double worst)
{
    printf("One epoch of the 2-2-2 net, learning rate %g\n\n", s->lr);
    show_list("inputs", 'i', s->inputs, 2);
    show_list("targets", 't', s->targets, 2);
    show_list("weights", 'w', r->start + W, 8);
    show_forward(r->start);
    show_backward(s, r->start);
    show_step(s->lr, r->start, r->second);
    if (s->epochs > 1) {
        printf("\nAfter %" PRId64 " epochs: E_total %.12g, a_o1 %.12g, a_o2 %.12g\n\n", s->epochs, r->end[E_TOTAL],
               r->end[A_O], r->end[A_O + 1]);
        show_list("weights", 'w', r->end + W, 8);
    }
    printf("\nEvery value agrees with the closed form; the largest difference is %.2g.\n", worst);
}
