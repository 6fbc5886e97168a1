/* SPDX-License-Identifier: MIT */

/* The program sixnet: the library from the command line. */

#include "tool.h"

const char *program = "sixnet";

typedef struct command {
    const char *name, *help;
    int32_t (*run)(int argc, char **argv);
} command;

static const command commands[] = {
    {"train", "train a net", command_train},
    {"eval", "measure a net on samples with targets", command_eval},
    {"predict", "ask a net about samples", command_predict},
    {"summary", "a net's layers, shapes and parameters", command_summary},
    {"graph", "a net as a picture, for Graphviz", command_graph},
    {"inspect", "a saved model's tensors, their statistics and what else it carries", command_inspect},
    {"list", "all layers, losses, optimizers, schedules and transforms, with their attributes", command_list},
    {"bench", "how fast a net is here", command_bench},
    {"rerun", "repeat a recorded training, and compare the result bit by bit", command_rerun},
    {"info", "the library's version, and what it can use of this machine", command_info},
    {NULL, NULL, NULL},
};

static void help(void)
{
    printf("usage: sixnet COMMAND [options]\nTrains, measures and asks neural nets.\n\n");
    for (const command *c = commands; c->name; c++)
        printf("  %-8s  %s\n", c->name, c->help);
    printf("\nsixnet COMMAND --help tells more. The exit status is 0 if all went well, 1 if something failed, 2 if the "
           "command "
           "line is\n"
           "wrong, and 128 and its number if a signal ended a training.\n");
}

static int32_t unknown_command(const char *name)
{
    const char *best = NULL;
    for (const command *c = commands; c->name; c++)
        best = nearer_word(name, best, c->name);
    if (best)
        fail("there is no command '%s'; did you mean %s? sixnet --help lists all", name, best);
    else
        fail("there is no command '%s'; sixnet --help lists them", name);
    return EXIT_USAGE;
}

static int32_t run(const command *c, int argc, char **argv)
{
    char name[32];
    snprintf(name, sizeof name, "sixnet %s", c->name);
    argv[0] = name;
    const int32_t status = c->run(argc, argv);
    return output_end() == 0 ? status : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "--help";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        help();
        return argc > 1 ? exit_status(output_end()) : EXIT_USAGE;
    }
    if (strcmp(name, "--version") == 0) {
        printf("sixnet %s\n", sixnet_version());
        return exit_status(output_end());
    }
    for (const command *c = commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return run(c, argc - 1, argv + 1);
    return unknown_command(name);
}
