/* SPDX-License-Identifier: MIT */

/* What the functions of the API share. */

#include <string.h>

#include "api/api.h"

int32_t six_api_missing(const char *function, const char *argument)
{
    return six_fail(SIXNET_INVALID_ARGUMENT, "%s: %s is NULL", function, argument);
}

int32_t six_api_need(const char *function, const char *argument, const void *object, six_access access)
{
    return object ? six_calls_check(function, &(six_use){object, access, false}, 1)
                  : six_api_missing(function, argument);
}

int32_t six_api_need_compiled(const char *function, const sixnet_model *net, six_access access)
{
    int32_t status = six_api_need(function, "net", net, access);
    if (status)
        return status;
    return six_require_compiled(net);
}

int32_t six_api_begin_model(six_call *call, const char *function, const sixnet_model *net, six_access access)
{
    if (!net)
        return six_api_missing(function, "net");
    return six_call_begin(call, function, SIX_USES({net, access, false}, SIX_KEPT(net->ctx)));
}

bool six_api_may_free(const char *function, const void *object)
{
    return six_calls_check(function, SIX_USES(SIX_FREE(object))) == SIXNET_OK;
}

int32_t six_api_check_node(const sixnet_model *net, sixnet_node node, const char *function)
{
    int32_t status = six_api_need(function, "net", net, SIX_READS);
    if (status)
        return status;
    if (node < 0 || node >= net->node_count)
        return six_fail(SIXNET_INVALID_ARGUMENT, "%s: %d is not a node of this model", function, node);
    return SIXNET_OK;
}

void six_api_give_shape(const six_shape *s, int64_t *dims, int32_t *rank)
{
    *rank = s->rank;
    memcpy(dims, s->dim, (size_t)s->rank * sizeof *dims);
}
