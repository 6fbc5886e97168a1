/* SPDX-License-Identifier: MIT */

#include "tool.h"

#define ABOUT "Tells the library's version, how this program was built, and what the library can use of this machine."

static const char *const known[] = {"baseline", "avx2", "avx512", "neon"};
enum { KNOWN = sizeof known / sizeof *known };

/* Whether this build and this processor have an instruction set. */
static bool is_usable(const char *isa)
{
    char options[64];
    sixnet_context *ctx;
    snprintf(options, sizeof options, "isa=%s", isa);
    const bool usable = sixnet_context_new(&ctx, options) == SIXNET_OK;
    sixnet_context_free(ctx);
    return usable;
}

static void show(const char *best, const char *threads, const char *built)
{
    printf("libsixnet %s (this program was compiled for %d.%d.%d)\ninstruction sets:", sixnet_version(),
           SIXNET_VERSION_MAJOR, SIXNET_VERSION_MINOR, SIXNET_VERSION_PATCH);
    for (int32_t k = 0; k < KNOWN; k++)
        if (is_usable(known[k]))
            printf(" %s%s", known[k], strcmp(known[k], best) == 0 ? " (used)" : "");
    printf("\nprocessors: %s\ncompiler: %s\n", threads, built);
}

static void show_json(const char *best, const char *threads, const char *built)
{
    const char *comma = "";
    printf("{");
    json_text("version", sixnet_version());
    printf(", \"compiled_for\": \"%d.%d.%d\", \"instruction_sets\": [", SIXNET_VERSION_MAJOR, SIXNET_VERSION_MINOR,
           SIXNET_VERSION_PATCH);
    for (int32_t k = 0; k < KNOWN; k++)
        if (is_usable(known[k])) {
            printf("%s", comma);
            json_text(NULL, known[k]);
            comma = ", ";
        }
    printf("], ");
    json_text("instruction_set", best);
    printf(", \"processors\": %s, ", threads);
    json_text("compiler", built);
    printf("}\n");
}

int32_t command_info(int argc, char **argv)
{
#if defined(__clang__)
    const char *built = __VERSION__;
#elif defined(__GNUC__)
    const char *built = "GCC " __VERSION__;
#else
    const char *built = "unknown";
#endif
    sixnet_context *ctx;
    option_table t = {.count = 0};
    int json = 0;
    add_switch(&t, "--json", "print JSON", &json);
    const int32_t status = command_options(argc, argv, ABOUT, &t);
    if (status >= 0)
        return status;
    if (sixnet_context_new(&ctx, "threads=0") != SIXNET_OK)
        return exit_status(fail("%s", sixnet_last_error()));
    (json ? show_json : show)(sixnet_context_get(ctx, "isa"), sixnet_context_get(ctx, "threads"), built);
    sixnet_context_free(ctx);
    return EXIT_SUCCESS;
}
