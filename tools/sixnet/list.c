/* SPDX-License-Identifier: MIT */

#include "tool.h"

#define ABOUT "Lists every word that nets and options can be written with, those of a family, or the attributes of one."

/* Names for sixnet_kind_field(), names in this program, and their use. */
static const struct {
    const char *family, *title, *use;
} families[] = {
    {"layer", "layers", ""},
    {"loss", "losses", ""},
    {"optimizer", "optimizers", ", for --optimizer"},
    {"schedule", "schedules", ", for --schedule"},
    {"transform", "transforms", ", for --transform and --augment"},
    {"options", "options", " of functions"},
};
enum { FAMILIES = sizeof families / sizeof *families };

static const char *const fields[] = {"name", "type", "default", "range", "help"};
enum { FIELDS = sizeof fields / sizeof *fields };

static void json_attributes(const char *family, const char *kind)
{
    printf(", \"attributes\": [");
    for (int32_t i = 0; sixnet_attribute_field(family, kind, i, "name"); i++) {
        printf("%s\n    {", i ? "," : "");
        for (int32_t k = 0; k < FIELDS; k++) {
            printf(k ? ", " : "");
            json_text(fields[k], sixnet_attribute_field(family, kind, i, fields[k]));
        }
        printf("}");
    }
    printf("]");
}

static bool is_family(int32_t f, const char *name)
{
    return strcmp(name, families[f].family) == 0 || strcmp(name, families[f].title) == 0;
}

/* All kinds, those of a family, or those of a name. */
static void show_json(const char *name)
{
    const char *kind, *comma = "";
    printf("[");
    for (int32_t f = 0; f < FAMILIES; f++)
        for (int32_t i = 0; (kind = sixnet_kind_field(families[f].family, i, "name")); i++) {
            if (name && strcmp(kind, name) != 0 && !is_family(f, name))
                continue;
            printf("%s\n  {", comma);
            comma = ",";
            json_text("family", families[f].family);
            printf(", ");
            json_text("name", kind);
            printf(", ");
            json_text("help", sixnet_kind_field(families[f].family, i, "help"));
            json_attributes(families[f].family, kind);
            printf("}");
        }
    printf("\n]\n");
}

static void show_family(int32_t f)
{
    const char *kind;
    printf("%s%s\n", families[f].title, families[f].use);
    for (int32_t i = 0; (kind = sixnet_kind_field(families[f].family, i, "name")); i++)
        printf("  %-19s  %s\n", kind, sixnet_kind_field(families[f].family, i, "help"));
    printf("\n");
}

static void show_all(void)
{
    for (int32_t f = 0; f < FAMILIES; f++)
        show_family(f);
    printf("sixnet list KIND shows one with its attributes, sixnet list losses and the like those of a family.\n");
}

static void show_attribute(const char *family, const char *kind, int32_t index)
{
    printf("  %-18s", sixnet_attribute_field(family, kind, index, "name"));
    const bool pair = strcmp(sixnet_attribute_field(family, kind, index, "type"), "pair") == 0;
    printf("  %-6s", sixnet_attribute_field(family, kind, index, "type"));
    const char *value = sixnet_attribute_field(family, kind, index, "default");
    printf("  %-9s", *value ? value : "-");
    printf("  %s", sixnet_attribute_field(family, kind, index, "help"));
    printf(" (%s%s)\n", sixnet_attribute_field(family, kind, index, "range"), pair ? "; HxW for two" : "");
}

static void show_kind(const char *family, int32_t index)
{
    const char *kind = sixnet_kind_field(family, index, "name");
    printf("%s %s: %s\n", family, kind, sixnet_kind_field(family, index, "help"));
    if (sixnet_attribute_field(family, kind, 0, "name"))
        printf("  %-18s  %-6s  %-9s  %s\n", "attribute", "type", "default", "meaning (range)");
    for (int32_t i = 0; sixnet_attribute_field(family, kind, i, "name"); i++)
        show_attribute(family, kind, i);
}

/* Whether there is a family or a kind of that name; if not, *best is the nearest. */
static bool find(const char *name, const char **best, bool print)
{
    const char *kind;
    bool found = false;
    *best = NULL;
    for (int32_t f = 0; f < FAMILIES; f++) {
        *best = nearer_word(name, *best, families[f].title);
        if (is_family(f, name)) {
            found = true;
            if (print)
                show_family(f);
        }
        for (int32_t i = 0; (kind = sixnet_kind_field(families[f].family, i, "name")); i++) {
            *best = nearer_word(name, *best, kind);
            if (strcmp(kind, name) == 0) {
                found = true;
                if (print)
                    show_kind(families[f].family, i);
            }
        }
    }
    return found;
}

int32_t command_list(int argc, char **argv)
{
    const char *name = NULL, *best;
    int json = 0;
    option_table t = {.count = 0};
    add_operand(&t, "[KIND]", "such as conv2d, adam or fit; or a family, such as losses or optimizers", &name);
    add_switch(&t, "--json", "print JSON, with all attributes", &json);
    const int32_t status = command_options(argc, argv, ABOUT, &t);
    if (status >= 0)
        return status;
    if (name && !find(name, &best, !json)) {
        if (best)
            fail("there is no '%s'; did you mean %s? sixnet list lists all", name, best);
        else
            fail("there is no '%s'; sixnet list lists what there is", name);
        return EXIT_USAGE;
    }
    if (json)
        show_json(name);
    else if (!name)
        show_all();
    return EXIT_SUCCESS;
}
