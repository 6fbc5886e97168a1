/* SPDX-License-Identifier: MIT */

/* A model from the text of a net: a line is a node, or the settings of tensors. */

#include <string.h>

#include "base/status.h"
#include "graph/graph.h"

static int32_t parse_line(sixnet_model *net, const char *line, int32_t number)
{
    six_span word;
    const char *rest;
    int32_t status = six_spec_kind(line, &word, &rest);
    if (status)
        return status;
    if (six_span_equal(word, six_span_of(six_kind_tensors.name)))
        return six_tensors_parse(net, rest);
    const int32_t above = net->node_count - 1;
    return six_node_add(net, line, number, &above, 0);
}

int32_t six_model_add_lines(sixnet_model *net, const char *text)
{
    size_t length = strlen(text);
    char *line = six_alloc(net->ctx, 1, (length < SIX_SPEC_MAX ? length : SIX_SPEC_MAX) + 1);
    int32_t status = line ? SIXNET_OK : SIXNET_OUT_OF_MEMORY;
    for (int32_t number = 1; !status && *text; number++) {
        size_t whole = strcspn(text, "\n"), used = strcspn(text, "\n#");
        if (used > SIX_SPEC_MAX) {
            status = six_fail(SIXNET_TOO_LARGE, "line %d: longer than %d characters", number, SIX_SPEC_MAX);
            break;
        }
        memcpy(line, text, used);
        line[used] = 0;
        if (line[strspn(line, " \t\r")]) {
            status = parse_line(net, line, number);
            if (status)
                six_fail_prefix(status, "line %d: ", number);
        }
        text += whole + (text[whole] == '\n');
    }
    six_free(net->ctx, line);
    return status;
}

int32_t six_model_parse(sixnet_model *net, const char *text)
{
    static const char byte_order_mark[] = "\xEF\xBB\xBF"; /* with which some editors begin UTF-8 */
    bool marked = strncmp(text, byte_order_mark, strlen(byte_order_mark)) == 0;
    int32_t status = six_model_add_lines(net, text + (marked ? strlen(byte_order_mark) : 0));
    if (status)
        return status;
    return six_compile(net);
}
