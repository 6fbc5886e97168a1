/* SPDX-License-Identifier: MIT */

#include "train/evaluate.h"

#include "base/status.h"
#include "data/batches.h"
#include "graph/exec.h"

/* Rows of a dataset, its samples or targets, of another size than the net, or its loss, takes. */
static int32_t fail_size(const char *rows, const six_shape *shape, const char *taker, int64_t wanted)
{
    char text[160];
    if (shape->rank == 1)
        return six_fail(SIXNET_BAD_SHAPE, "the data's %s have %lld values, but the %s takes %lld", rows,
                        (long long)shape->dim[0], taker, (long long)wanted);
    return six_fail(SIXNET_BAD_SHAPE, "the data's %s are %s, which is %lld values, but the %s takes %lld", rows,
                    six_shape_text(shape, text), (long long)six_shape_size(shape), taker, (long long)wanted);
}

/* Says what helps where one side has class numbers, and the other a value for each class. */
static int32_t fail_target_size(const sixnet_model *net, const six_shape *target)
{
    const six_op *loss = net->node[net->loss].op;
    const int64_t size = six_shape_size(target), wanted = net->target_size;
    const int32_t status = fail_size("targets", target, "loss", wanted);
    if (loss->targets == SIX_TARGETS_CLASSES && size == wanted * loss->in[0].dim[0])
        return six_fail(status,
                        "%s; if they are probabilities, the loss 'cross_entropy targets=probabilities' takes them",
                        sixnet_last_error());
    if (wanted > size && wanted % size == 0)
        return six_fail(
            status,
            "%s; if they are class numbers, the transform 'one_hot num_classes=%lld' makes probabilities of them",
            sixnet_last_error(), (long long)(wanted / size));
    return status;
}

int32_t six_check_dataset(const sixnet_model *net, const sixnet_dataset *ds)
{
    int32_t status = six_require_compiled(net);
    if (status)
        return status;
    if (net->loss < 0)
        return six_fail(SIXNET_BAD_STATE, "the net has no loss; add one, such as 'cross_entropy', as its last layer");
    const six_shape *in = six_dataset_input_shape(ds), *target = six_dataset_target_shape(ds);
    if (six_shape_size(in) != net->input_size)
        return fail_size("samples", in, "net", net->input_size);
    if (!six_dataset_has_targets(ds))
        return six_fail(SIXNET_BAD_DATA, "the data have no targets");
    if (six_shape_size(target) != net->target_size)
        return fail_target_size(net, target);
    const six_op *loss = net->node[net->loss].op;
    switch (loss->targets) {
    case SIX_TARGETS_CLASSES:
        return six_dataset_check_classes(ds, loss->in[0].dim[0]);
    case SIX_TARGETS_PROBABILITIES:
        return six_dataset_check_shares(ds, loss->in[0].dim[0]);
    case SIX_TARGETS_SHARES:
        return six_dataset_check_shares(ds, 0);
    case SIX_TARGETS_NUMBERS:
        break;
    }
    return SIXNET_OK;
}

int32_t six_check_loss_weight(const six_op *loss, const six_loss_sums *sums)
{
    if (!loss->mean || sums->weight != 0)
        return SIXNET_OK;
    return six_fail(SIXNET_BAD_DATA,
                    "%s: the classes of all samples have weight 0, which leaves nothing to average; give one a weight",
                    loss->name);
}

/* Evaluates n samples that follow those already done. */
static int32_t evaluate_batch(six_evaluation *e, six_rows inputs, six_rows targets, int64_t n,
                              const six_evaluation_results *results)
{
    const sixnet_model *net = e->net;
    six_rows_out outputs = {NULL, SIX_F64};
    if (results) {
        outputs.data = results->output + e->done * net->output_size;
        six_convert(results->target + e->done * net->target_size, SIX_F64, targets.data, targets.dtype,
                    n * net->target_size);
    }
    return six_evaluation_add(e, inputs, targets, n, outputs);
}

static int32_t evaluate_all(six_evaluation *e, sixnet_dataset *ds, const six_evaluation_results *results)
{
    sixnet_batch_iterator *batches;
    const six_dtype dtype = e->net->ctx->dtype;
    const void *inputs, *targets;
    int64_t n = 1;
    int32_t status = six_batch_iterator_open(&batches, ds, &(six_batch_iterator_options){.batch_size = 512});
    while (!status && n) {
        status = six_batch_iterator_next(batches, dtype, &inputs, &targets, &n);
        if (!status && n)
            status = evaluate_batch(e, (six_rows){inputs, dtype}, (six_rows){targets, dtype}, n, results);
    }
    six_batch_iterator_free(batches);
    return status;
}

int32_t six_evaluate(sixnet_model *net, sixnet_dataset *ds, double *loss, double *accuracy)
{
    int32_t status = six_check_dataset(net, ds);
    return status ? status : six_evaluate_results(net, ds, loss, accuracy, NULL);
}

int32_t six_evaluate_results(sixnet_model *net, sixnet_dataset *ds, double *loss, double *accuracy,
                             const six_evaluation_results *results)
{
    six_evaluation e;
    six_loss_sums sums;
    int32_t status = six_evaluation_begin(&e, net, six_dataset_size(ds));
    if (status)
        return status;
    status = evaluate_all(&e, ds, results);
    six_evaluation_end(&e, status ? NULL : &sums);
    const six_op *op = net->node[net->loss].op;
    if (!status)
        status = six_check_loss_weight(op, &sums);
    if (status)
        return status;
    if (loss)
        *loss = six_loss_value(op, &sums);
    if (accuracy)
        *accuracy = sums.correct / (double)six_dataset_size(ds) / (double)op->classified;
    return SIXNET_OK;
}
