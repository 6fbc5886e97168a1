/* SPDX-License-Identifier: MIT */

#include "tool.h"

#define ABOUT                                                                                                          \
    "Trains a net, and tells how well it does. The same settings give the same bits, whatever the number of threads."

static int32_t check(const settings *s, const outputs *o)
{
    if (!s->data.data)
        return fail("--data is missing: the samples to train with; sixnet train --help shows more");
    if (o->record && (o->csv || o->checkpoint))
        return fail("--run-dir keeps a table and a checkpoint of its own; leave out %s",
                    o->csv ? "--csv" : "--checkpoint");
    return 0;
}

/* Whether two paths name one file. */
static bool same_file(const char *a, const char *b)
{
    struct stat first, second;
    return a && b && stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

/* A saved file may replace an older model, but not a net's text or samples. */
static int32_t refuse_inputs(const settings *s, const char *save)
{
    const char *const taken[] = {s->data.data, s->data.labels, s->test_data, s->test_labels};
    file_kind kind = FILE_OTHER;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (same_file(save, taken[i]))
            return fail("'%s' holds samples, which the net would replace; save to another file", save);
    if (!same_file(save, s->net.path))
        return 0;
    CHECK(file_kind_of(&kind, save));
    return kind != FILE_TEXT
               ? 0
               : fail("'%s' is the net's text, which the trained net would replace; save to another file", save);
}

int32_t command_train(int argc, char **argv)
{
    settings s = settings_default;
    outputs o = {.checkpoint_seconds = 30};
    outcome out = {.signal = 0};
    option_table t = {.count = 0};
    add_operand(&t, "NET", "a net's text, such as examples/mnist_cnn.net, or a saved model to go on with", &s.net.path);
    add_settings(&t, &s);
    add_weights(&t, &s.net);
    add_switch(&t, "--diagnose", "look for what goes wrong in every step, and name it and the remedy", &o.diagnose);
    add_text(&t, "--save", "FILE", "save the trained net", &o.save);
    add_text(&t, "--checkpoint", "FILE", "keep the run in a file after every epoch, and when Ctrl-C ends it",
             &o.checkpoint);
    add_number(&t, "--checkpoint-seconds", "S", "and so often within epochs; 0 for not (30)", &o.checkpoint_seconds, 0,
               1e9);
    add_text(&t, "--resume", "FILE", "go on from a checkpoint", &o.resume);
    add_text(&t, "--run-dir", "DIR", "write all that it takes to repeat the run; sixnet rerun does", &o.record);
    add_text(&t, "--csv", "FILE", "write a row for each epoch", &o.csv);
    add_switch(&t, "--digest", "print a digest of the trained parameters", &o.digest);
    add_switch(&t, "--quiet", "print the end only", &o.quiet);
    add_switch(&t, "--json", "print the end only, as JSON", &o.json);
    int32_t status = command_options(argc, argv, ABOUT, &t);
    if (status >= 0)
        return status;
    if (check(&s, &o) != 0)
        return EXIT_USAGE;
    status = saving_check(o.save) != 0 || saving_check(o.checkpoint) != 0 || refuse_inputs(&s, o.save) != 0 ||
                     refuse_inputs(&s, o.checkpoint) != 0
                 ? -1
                 : training_run(&s, &o, &out);
    if (status == 0)
        training_show(&out, &o);
    return training_status(status, &out);
}
