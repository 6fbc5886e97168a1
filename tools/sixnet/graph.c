/* SPDX-License-Identifier: MIT */

#include "tool.h"

#define ABOUT "Writes a net as a graph for Graphviz: sixnet graph NET | dot -Tsvg >net.svg\n" PAIR_HELP

/* Layers that follow each other and give the same shape are drawn as one box. */
typedef struct drawing {
    const sixnet_model *net;
    int32_t *inputs, *takers; /* of each node, how many nodes it takes and how many take it */
    sixnet_node *last_input;  /* of each node that has inputs */
    sixnet_node *box;         /* of each node, the first of its box */
} drawing;

/* ---- edges ---- */

/* What follows "word=" in a node's line of text, and its length; NULL if it is not there. */
static const char *attribute(const char *spec, const char *word, size_t *length)
{
    const size_t n = strlen(word);
    for (const char *c = strchr(spec, ' '); c; c = strchr(c + 1, ' '))
        if (strncmp(c + 1, word, n) == 0 && c[1 + n] == '=') {
            *length = strcspn(c + 2 + n, " ");
            return c + 2 + n;
        }
    return NULL;
}

/* An edge: a node takes another, its first output (name "") or one that its line names. */
typedef struct edge {
    sixnet_node node, input;
    const char *output;
} edge;

/* Calls fn with each input of a node. A line takes the output of the one above unless it names what it takes. */
static void each_input(drawing *d, sixnet_node node, void (*fn)(drawing *, const edge *))
{
    size_t length = 0;
    char name[512];
    const char *from = attribute(sixnet_node_get(d->net, node, "spec"), "from", &length);
    if (!from && node > 0 && strcmp(sixnet_node_get(d->net, node, "kind"), "input") != 0)
        fn(d, &(edge){node, node - 1, ""});
    for (const char *c = from; c && c < from + length; c += strcspn(c, ", ") + 1) {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(c, ", "), c);
        char *output = name + strcspn(name, ":");
        if (*output)
            *output++ = 0;
        fn(d, &(edge){node, sixnet_node_find(d->net, name), output});
    }
}

static void count_input(drawing *d, const edge *e)
{
    d->inputs[e->node]++;
    d->takers[e->input]++;
    d->last_input[e->node] = e->input;
}

static bool same_shape(const sixnet_model *net, sixnet_node a, sixnet_node b)
{
    int64_t dims[2][MAX_RANK];
    int32_t rank[2];
    return sixnet_node_shape(net, a, dims[0], &rank[0]) == SIXNET_OK &&
           sixnet_node_shape(net, b, dims[1], &rank[1]) == SIXNET_OK && rank[0] == rank[1] &&
           memcmp(dims[0], dims[1], (size_t)rank[0] * sizeof **dims) == 0;
}

/* Whether a node has more than one output. */
static bool branches(const sixnet_model *net, sixnet_node node)
{
    return sixnet_node_output(net, node, "1") != SIXNET_NO_NODE;
}

/* Whether a node is drawn below the one before it, in its box: it takes nothing else, and nothing else takes that. */
static bool joins(const drawing *d, sixnet_node node)
{
    return d->inputs[node] == 1 && d->last_input[node] == node - 1 && d->takers[node - 1] == 1 &&
           same_shape(d->net, node - 1, node) && !branches(d->net, node) && !branches(d->net, node - 1);
}

/* ---- drawing ---- */

/* A text as HTML has it. */
static void put_html(const char *text, size_t length)
{
    for (size_t k = 0; k < length; k++)
        if (text[k] == '<' || text[k] == '>' || text[k] == '&' || text[k] == '"')
            printf("&#%d;", text[k]);
        else
            putchar(text[k]);
}

/* The attributes that are the layer's own. */
static void put_attributes(const char *spec)
{
    for (const char *c = strchr(spec, ' '); c; c = strchr(c + 1, ' ')) {
        const size_t length = strcspn(c + 1, " ");
        if (strncmp(c + 1, "name=", 5) == 0 || strncmp(c + 1, "from=", 5) == 0)
            continue;
        putchar(' ');
        put_html(c + 1, length);
    }
}

/* A layer's row: its name, what it is, and how many parameters it has, if it has some. */
static void draw_layer(const sixnet_model *net, sixnet_node node)
{
    static const char cell[] = "<td align=\"left\"%s>", learns[] = " bgcolor=\"#cfe8f7\"";
    const char *name = sixnet_node_get(net, node, "name"), *kind = sixnet_node_get(net, node, "kind");
    const int64_t parameters = node_parameters(net, node);
    const char *const color = parameters > 0 ? learns : "";
    printf("\n    <tr>");
    printf(cell, color);
    put_html(name, strlen(name));
    printf("</td>");
    printf(cell, color);
    printf("<b>");
    put_html(kind, strlen(kind));
    printf("</b>");
    put_attributes(sixnet_node_get(net, node, "spec"));
    printf("</td><td align=\"right\"%s>", color);
    if (parameters > 0)
        printf("%" PRId64, parameters);
    printf("</td></tr>");
}

static int32_t draw_box(const drawing *d, sixnet_node first)
{
    int64_t dims[MAX_RANK];
    int32_t rank;
    char shape[SHAPE_TEXT];
    CHECK_SIXNET(sixnet_node_shape(d->net, first, dims, &rank));
    printf("  n%" PRId32
           " [label=<<table border=\"1\" color=\"#444444\" cellborder=\"0\" cellspacing=\"0\" cellpadding=\"3\">\n"
           "    <tr><td colspan=\"3\" bgcolor=\"#eeeeee\"><b>%s</b></td></tr>",
           first, shape_text(dims, rank, shape));
    for (sixnet_node i = first; i < sixnet_node_count(d->net) && d->box[i] == first; i++)
        draw_layer(d->net, i);
    printf("</table>>];\n");
    return 0;
}

static void draw_edge(drawing *d, const edge *e)
{
    if (d->box[e->node] == d->box[e->input])
        return;
    printf("  n%" PRId32 " -> n%" PRId32, d->box[e->input], d->box[e->node]);
    if (branches(d->net, e->input)) {
        const sixnet_node taken = *e->output ? sixnet_node_output(d->net, e->input, e->output) : e->input;
        int64_t dims[MAX_RANK];
        int32_t rank;
        char shape[SHAPE_TEXT];
        printf(" [fontname=\"sans-serif\", fontsize=9, label=\"%s", *e->output ? e->output : "0");
        if (sixnet_node_shape(d->net, taken, dims, &rank) == SIXNET_OK)
            printf(": %s", shape_text(dims, rank, shape));
        printf("\"]");
    }
    printf(";\n");
}

/* What follows the node's name in one of its attributes that shares tensors: "share=NODE", or "weight=NODE.weight". */
static sixnet_node shared_node(const sixnet_model *net, const char *word, size_t length)
{
    char name[256];
    const char *value = memchr(word, '=', length);
    const size_t key = value ? (size_t)(value - word) : 0;
    if (!value || length - key - 1 >= sizeof name)
        return SIXNET_NO_NODE;
    snprintf(name, sizeof name, "%.*s", (int)(length - key - 1), value + 1);
    if (key == 5 && strncmp(word, "share", key) == 0)
        return sixnet_node_find(net, name);
    char *point = strrchr(name, '.');
    if (!point || strlen(point + 1) != key || strncmp(point + 1, word, key) != 0 ||
        sixnet_tensor_setting(net, name, "parameter") < 0)
        return SIXNET_NO_NODE;
    *point = 0;
    return sixnet_node_find(net, name);
}

/* Dashed lines to the nodes whose tensors a node uses. */
static void draw_shared(const drawing *d, sixnet_node node)
{
    const char *spec = sixnet_node_get(d->net, node, "spec");
    for (const char *c = strchr(spec, ' '); c; c = strchr(c + 1, ' ')) {
        const size_t length = strcspn(c + 1, " ");
        const sixnet_node owner = shared_node(d->net, c + 1, length);
        if (owner != SIXNET_NO_NODE)
            printf("  n%" PRId32 " -> n%" PRId32 " [style=dashed, dir=none, constraint=false];\n", d->box[owner],
                   d->box[node]);
    }
}

static void draw_title(const sixnet_model *net, const char *path)
{
    int64_t parameters = 0;
    for (sixnet_node i = 0; i < sixnet_node_count(net); i++)
        parameters += node_parameters(net, i);
    printf("digraph net {\n  label=<<b>");
    put_html(path, strlen(path));
    printf(
        "</b>: %" PRId64
        " parameters<br/>Boxes: the shape of a sample, then layers that give it, with the parameters of each<br/> >;\n"
        "  labelloc=t; fontname=\"sans-serif\"; ranksep=0.3;\n"
        "  node [shape=plain, fontname=\"sans-serif\", fontsize=11];\n"
        "  edge [color=\"#444444\", arrowsize=0.7];\n",
        parameters);
}

static int32_t draw(drawing *d, const char *path)
{
    const sixnet_node count = sixnet_node_count(d->net);
    for (sixnet_node i = 0; i < count; i++)
        each_input(d, i, count_input);
    for (sixnet_node i = 0; i < count; i++)
        d->box[i] = joins(d, i) ? d->box[i - 1] : i;
    draw_title(d->net, path);
    for (sixnet_node i = 0; i < count; i++)
        if (d->box[i] == i)
            CHECK(draw_box(d, i));
    for (sixnet_node i = 0; i < count; i++)
        each_input(d, i, draw_edge);
    for (sixnet_node i = 0; i < count; i++)
        draw_shared(d, i);
    printf("}\n");
    return 0;
}

static int32_t draw_graph(const sixnet_model *net, const char *path)
{
    const size_t count = (size_t)sixnet_node_count(net);
    int32_t *memory = calloc(4 * count, sizeof *memory);
    drawing d = {.net = net,
                 .inputs = memory,
                 .takers = memory + count,
                 .last_input = memory + 2 * count,
                 .box = memory + 3 * count};
    const int32_t status = memory ? draw(&d, path) : fail("out of memory");
    free(memory);
    return status;
}

int32_t command_graph(int argc, char **argv)
{
    machine m = machine_default;
    net_files n = {.path = NULL};
    work w = {.ctx = NULL};
    option_table t = {.count = 0};
    add_operand(&t, "NET", "a net's text, or a saved model", &n.path);
    int32_t status = command_options(argc, argv, ABOUT, &t);
    if (status >= 0)
        return status;
    status = work_open(&w, &m, &n) == 0 ? draw_graph(w.net, n.path) : -1;
    work_close(&w);
    return exit_status(status);
}
