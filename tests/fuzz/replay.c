/* SPDX-License-Identifier: MIT */

/* Runs a fuzz target on files, and on all files of folders: replay PATH... */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room)
{
    (void)data;
    (void)room;
    return size;
}

static long run_file(const char *path)
{
    struct stat s;
    FILE *file = fopen(path, "rb");
    fprintf(stderr, "%s\n", path); /* the last one is at fault, whatever ends the program */
    MUST(file && !fstat(fileno(file), &s));
    uint8_t *data = malloc((size_t)s.st_size + 1);
    MUST(data && fread(data, 1, (size_t)s.st_size + 1, file) == (size_t)s.st_size);
    fclose(file);
    uint8_t *exact = fuzz_copy(data, (size_t)s.st_size);
    free(data);
    LLVMFuzzerTestOneInput(exact, (size_t)s.st_size);
    free(exact);
    return 1;
}

static long run(const char *path);

static long run_folder(const char *path)
{
    char inner[4096];
    long count = 0;
    DIR *folder = opendir(path);
    MUST(folder);
    for (const struct dirent *entry; (entry = readdir(folder));) {
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.')
            count += run(inner);
    }
    closedir(folder);
    return count;
}

static long run(const char *path)
{
    struct stat s;
    if (stat(path, &s) != 0) {
        fprintf(stderr, "%s: no such file\n", path);
        exit(1);
    }
    return S_ISDIR(s.st_mode) ? run_folder(path) : run_file(path);
}

int main(int count, char **arguments)
{
    long files = 0;
    for (int i = 1; i < count; i++)
        files += run(arguments[i]);
    printf("%ld inputs, of which %ld went all the way\n", files, fuzz_worked_count());
    return fuzz_worked_count() > 0 ? 0 : 1;
}
