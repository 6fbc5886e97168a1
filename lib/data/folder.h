/* SPDX-License-Identifier: MIT */
#ifndef SIX_DATA_FOLDER_H
#define SIX_DATA_FOLDER_H

#include <stdbool.h>

#include "base/context.h"

/* A file of a folder of images. */
typedef struct six_folder_file {
    char *path;
    size_t folder_length; /* path[folder_length] is the '/' before the name */
    int32_t label;        /* its class, -1 without */
} six_folder_file;

/* The images below a folder by torchvision's rules for ImageFolder: each folder in it is a class, in the order of their names as bytes; the
 * images of a class, at any depth, are in the order of their folders' paths and then their names. Images are known by the ending of their
 * names. Other than there, names that begin with a point are passed over, links to folders lead to classes but not to folders in them, and a
 * folder without folders has images without classes. */
typedef struct six_folder {
    const sixnet_context *ctx;
    six_folder_file *file;
    int64_t count;
    char **class_name;
    int64_t classes;
    size_t capacity, class_capacity;
} six_folder;

/* To be given to six_folder_free() in any case. SIXNET_BAD_FILE for a class without images, or a folder without either. */
int32_t six_folder_list(six_folder *f, const sixnet_context *ctx, const char *path);
void six_folder_free(six_folder *f);

/* Whether a path leads to a folder. */
bool six_is_folder(const char *path);

#endif
