/* SPDX-License-Identifier: MIT */

#include "tool.h"

#define ABOUT "Writes a net as a graph for Graphviz: sixnet graph NET | dot -Tsvg >net.svg"

/* A text in quotation marks, as dot wants them. */
static void quote(const char *text, size_t length)
{
    for (size_t k = 0; k < length; k++) {
        if (text[k] == '"' || text[k] == '\\')
            putchar('\\');
        putchar(text[k]);
    }
}

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

/* The attributes that are the layer's own, each on a line. */
static void label_attributes(const char *spec)
{
    for (const char *c = strchr(spec, ' '); c; c = strchr(c + 1, ' ')) {
        const size_t length = strcspn(c + 1, " ");
        if (strncmp(c + 1, "name=", 5) == 0 || strncmp(c + 1, "from=", 5) == 0)
            continue;
        printf("\\n");
        quote(c + 1, length);
    }
}

static int32_t draw_node(const sixnet_model *net, sixnet_node node)
{
    const char *name = sixnet_node_get(net, node, "name"), *kind = sixnet_node_get(net, node, "kind");
    const int64_t parameters = node_parameters(net, node);
    int64_t dims[MAX_RANK];
    int32_t rank;
    char shape[SHAPE_TEXT];
    TRY(sixnet_node_shape(net, node, dims, &rank));
    printf("  n%" PRId32 " [label=\"%s", node, kind);
    if (strncmp(name, kind, strcspn(name, "0123456789")) != 0)
        printf(" %s", name);
    label_attributes(sixnet_node_get(net, node, "spec"));
    printf("\\n%s", shape_text(dims, rank, shape));
    if (parameters > 0)
        printf("\\n%" PRId64 " parameters\", fillcolor=\"#cfe8f7\"];\n", parameters);
    else
        printf("\"];\n");
    return 0;
}

/* A line takes the output of the one above unless it names what it takes. */
static void draw_edges(const sixnet_model *net, sixnet_node node)
{
    size_t length = 0;
    char name[256];
    const char *from = attribute(sixnet_node_get(net, node, "spec"), "from", &length);
    if (!from && node > 0 && strcmp(sixnet_node_get(net, node, "kind"), "input") != 0)
        printf("  n%" PRId32 " -> n%" PRId32 ";\n", node - 1, node);
    for (const char *c = from; c && c < from + length; c += strcspn(c, ", ") + 1) {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(c, ", "), c);
        printf("  n%" PRId32 " -> n%" PRId32 ";\n", sixnet_node_find(net, name), node);
    }
}

static int32_t draw(const sixnet_model *net, const char *title)
{
    printf("digraph net {\n  label=\"");
    quote(title, strlen(title));
    printf("\"; labelloc=t; fontname=\"sans-serif\";\n"
           "  node [shape=box, style=\"rounded,filled\", fillcolor=\"#f4f4f4\", color=\"#444444\", fontname=\"sans-serif\", "
           "fontsize=11];\n"
           "  edge [color=\"#444444\", arrowsize=0.7];\n");
    for (sixnet_node i = 0; i < sixnet_node_count(net); i++)
        PASS(draw_node(net, i));
    for (sixnet_node i = 0; i < sixnet_node_count(net); i++)
        draw_edges(net, i);
    printf("}\n");
    return 0;
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
    status = work_open(&w, &m, &n) == 0 ? draw(w.net, n.path) : -1;
    work_close(&w);
    return exit_status(status);
}
