/* SPDX-License-Identifier: MIT */
#include "content.h"

#include <stdbool.h>
#include <string.h>

#include "status.h"

#define IMAGE "; convert it to PNG, as by: mogrify -format png FILE"
#define READ_IMAGE "; sixnet_dataset_open() reads it"
#define UNPACK "; unpack it"
#define ARRAYS "; save its arrays as NPY, one a file"
#define PAGE "an HTML page, such as a server sends in the place of a file"

static const struct {
    const char *magic;
    size_t offset, size;
    six_content content;
} contents[] = {
    {"\x89PNG\r\n\x1a\n", 0, 8, {"a PNG image", READ_IMAGE}},
    {"\xff\xd8\xff", 0, 3, {"a JPEG image", IMAGE}},
    {"GIF8", 0, 4, {"a GIF image", IMAGE}},
    {"WEBP", 8, 4, {"a WebP image", IMAGE}},
    {"II*\0", 0, 4, {"a TIFF image", IMAGE}},
    {"MM\0*", 0, 4, {"a TIFF image", IMAGE}},
    {"%PDF", 0, 4, {"a PDF document", ""}},
    {"<!DOCTYPE", 0, 9, {PAGE, ""}},
    {"<!doctype", 0, 9, {PAGE, ""}},
    {"<html", 0, 5, {PAGE, ""}},
    {"<HTML", 0, 5, {PAGE, ""}},
    {"<?xml", 0, 5, {"an XML document", ""}},
    {"\x93NUMPY", 0, 6, {"a NumPy array (NPY)", ""}},
    {"PK\3\4", 0, 4, {"a ZIP archive, such as NumPy's .npz or PyTorch's .pt", ARRAYS}},
    {"PK\5\6", 0, 4, {"an empty ZIP archive", ""}},
    {"\x1f\x8b", 0, 2, {"gzip data", UNPACK}},
    {"BZh", 0, 3, {"bzip2 data", UNPACK}},
    {"\xfd"
     "7zXZ\0",
     0,
     6,
     {"xz data", UNPACK}},
    {"\x28\xb5\x2f\xfd", 0, 4, {"Zstandard data", UNPACK}},
    {"\x89HDF\r\n\x1a\n", 0, 8, {"an HDF5 file", ARRAYS}},
    {"PAR1", 0, 4, {"a Parquet file", "; save it as CSV"}},
    {"\x80\2", 0, 2, {"a Python pickle", ARRAYS}},
    {"\x80\4", 0, 2, {"a Python pickle", ARRAYS}},
    {"\x80\5", 0, 2, {"a Python pickle", ARRAYS}},
    {"\0\0\0\0{", 4, 5, {"a safetensors file", ""}},
    {"\xff\xfe", 0, 2, {"a UTF-16 text", "; save it as UTF-8"}},
    {"\xfe\xff", 0, 2, {"a UTF-16 text", "; save it as UTF-8"}},
};

static bool is_text(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] == 0x7f || (bytes[i] < ' ' && !(bytes[i] >= '\t' && bytes[i] <= '\r')))
            return false;
    return size > 0;
}

/* P1 to P7, a blank, and the width or what may stand before it. */
static bool is_netpbm(const uint8_t *bytes, size_t size)
{
    return size > 3 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '7' && memchr(" \t\r\n", bytes[2], 4) &&
           memchr("0123456789 \t\r\n#W", bytes[3], 16);
}

const six_content *six_content_of(const uint8_t *bytes, size_t size)
{
    static const six_content text = {"a text, such as CSV", ""}, netpbm = {"a netpbm image (PBM, PGM, PPM or PAM)",
                                                                           "; sixnet_dataset_open() reads PGM and PPM"};
    if (is_netpbm(bytes, size))
        return &netpbm;
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++)
        if (size >= contents[i].offset + contents[i].size &&
            memcmp(bytes + contents[i].offset, contents[i].magic, contents[i].size) == 0)
            return &contents[i].content;
    return is_text(bytes, size) ? &text : NULL;
}

int32_t six_fail_content(const char *path, const char *expected, const uint8_t *bytes, size_t size)
{
    const six_content *content = six_content_of(bytes, size);
    return six_fail(SIXNET_BAD_FILE, "%s: byte 0: no %s but %s%s", path, expected,
                    content ? content->name : "something unknown", content ? content->remedy : "");
}
