/* SPDX-License-Identifier: MIT */
#ifndef SIXNET_EXAMPLES_COMMON_H
#define SIXNET_EXAMPLES_COMMON_H

/* Helpers of the example programs that are independent of nets: errors, output files, options, a progress bar.
 * Included before anything else. */

#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* isatty, ioctl */
#endif

#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sixnet/sixnet.h>

/* ---- errors: one line on standard error, then the way back to main, which frees everything ---- */

static inline int bar_wanted(void);
static inline void bar_clear(void);

enum { EXIT_USAGE = 2 }; /* a program's status when its options make no sense */

extern const char *program; /* what messages begin with; every program defines it */

/* The length of the UTF-8 character that a text begins with; 0 if it is none: cut off, overlong, a surrogate, above U+10FFFF. */
static inline size_t utf8_length(const char *text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *c = (const unsigned char *)text;
    const size_t length = *c < 0x80 ? 1 : *c < 0xC0 ? 0 : *c < 0xE0 ? 2 : *c < 0xF0 ? 3 : *c < 0xF8 ? 4 : 0;
    uint32_t code = length > 1 ? *c & (0x7Fu >> length) : *c;
    for (size_t k = 1; k < length; k++) {
        if ((c[k] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (c[k] & 0x3F);
    }
    return length == 0 || code < least[length] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000) ? 0 : length;
}

/* Whether a text begins with a control character of ASCII or of ISO 8859 (C1: U+0080 to U+009F, or a byte of that value). */
static inline int is_control(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    const size_t length = utf8_length(text);
    return *c < ' ' || *c == 0x7F || (length == 0 && *c < 0xA0) || (length == 2 && *c == 0xC2 && c[1] < 0xA0);
}

/* Replaces every control character of a line by '?'. */
static inline void hide_controls(char *line)
{
    char *to = line;
    for (size_t length; *line; line += length) {
        length = utf8_length(line);
        const int control = is_control(line);
        length = length ? length : 1;
        memmove(to, control ? "?" : line, control ? 1 : length);
        to += control ? 1 : length;
    }
    *to = '\0';
}

#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
static inline int32_t
fail(const char *format, ...)
{
    char line[4 * 4096]; /* may name two paths */
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    hide_controls(line); /* of a file's text or name, which may not command a terminal */
    fflush(stdout);
    if (bar_wanted())
        bar_clear();
    fprintf(stderr, "%s: %s\n", program, line);
    return -1;
}

/* A call of the library: a negative status is reported in the library's own words. */
#define CHECK_SIXNET(call)                                                                                             \
    do {                                                                                                               \
        if ((call) < SIXNET_OK)                                                                                        \
            return fail("%s", sixnet_last_error());                                                                    \
    } while (0)

/* A call of one of our functions, which has said what was wrong. */
#define CHECK(call)                                                                                                    \
    do {                                                                                                               \
        if ((call) != 0)                                                                                               \
            return -1;                                                                                                 \
    } while (0)

/* ---- output files ---- */

enum { PATH_SIZE = 4096 };

/* Opens a new file that takes the path's place, so that no link which others may have planted there is followed. A pipe or a device, such
 * as /dev/stdout, is written as it is. */
static inline int32_t output_open(FILE **file, const char *path)
{
    enum { ATTEMPTS = 100 };
    char made[PATH_SIZE + 128];
    const char *slash = strrchr(path, '/');
    const int folder = slash ? (int)(slash - path) + 1 : 0;
    struct stat about;
    int descriptor = -1;
    *file = NULL;
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode)) {
        *file = fopen(path, "w");
        return *file ? 0 : fail("cannot write '%s': %s", path, strerror(errno));
    }
    if (lstat(path, &about) == 0 && S_ISLNK(about.st_mode))
        return fail("cannot write '%s': it is a symbolic link, which is not followed", path);
    for (int k = 0; k < ATTEMPTS && descriptor < 0 && (k == 0 || errno == EEXIST); k++) {
        if (snprintf(made, sizeof made, "%.*s.sixnet-%08lx-%02d", folder, path, (unsigned long)getpid(), k) >=
            (int)sizeof made)
            return fail("cannot write '%.40s...': the path is too long", path);
        descriptor = open(made, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    }
    if (descriptor >= 0 && rename(made, path) == 0 && (*file = fdopen(descriptor, "w")))
        return 0;
    fail("cannot write '%s': %s", path, strerror(errno));
    if (descriptor >= 0) {
        unlink(made);
        close(descriptor);
    }
    return -1;
}

/* Closes a file, which may be NULL, and says so if not everything could be written. */
static inline int32_t output_close(FILE *file, const char *path)
{
    const int bad = file && ferror(file);
    errno = EIO; /* if it is only known that an earlier write failed */
    return (file && fclose(file) != 0) || bad ? fail("cannot write '%s': %s", path, strerror(errno)) : 0;
}

static inline int32_t output_end(void)
{
    return fflush(stdout) != 0 || ferror(stdout) ? fail("cannot write standard output: %s", strerror(errno)) : 0;
}

/* ---- options: --name VALUE or --name=VALUE, from a table that ends with a name of NULL ---- */

typedef struct option option;
struct option {
    const char *name, *value, *help;                    /* "--lr", "R" (NULL for a switch), "learning rate (0.5)" */
    int32_t (*read)(const option *o, const char *text); /* read_… below; NULL for a switch */
    void *to;         /* int for a switch, int64_t, double, double[count], const char * */
    double low, high; /* of numbers, both allowed */
    int32_t count;    /* of read_numbers */
};

static inline int32_t bad_number(const option *o, const char *text, size_t length, const char *what)
{
    return fail("%s: '%.*s' is not %s from %.16g to %.16g", o->name, (int)length, text, what, o->low, o->high);
}

static inline int32_t read_text(const option *o, const char *text)
{
    const char *value = o->value ? o->value : "a name";
    if (!*text && strcmp(value, "TEXT") != 0)
        return fail("%s: is empty, expected %s", o->name, value);
    *(const char **)o->to = text;
    return 0;
}

/* A word that becomes part of a text for the library, where a blank would begin the next one. */
static inline int32_t read_word(const option *o, const char *text)
{
    return *text && !strpbrk(text, " \t\r\n") ? read_text(o, text) : fail("%s: '%s' is not a word", o->name, text);
}

static inline int32_t read_integer(const option *o, const char *text)
{
    char *end;
    errno = 0;
    const long long x = strtoll(text, &end, 10);
    if (end == text || *end || errno || !((double)x >= o->low && (double)x <= o->high))
        return bad_number(o, text, strlen(text), "a whole number");
    *(int64_t *)o->to = x;
    return 0;
}

/* Numbers with commas between them. A decimal point is a point: a C program starts in the "C" locale, and these stay there. */
static inline int32_t read_numbers(const option *o, const char *text)
{
    double *to = o->to;
    for (int32_t k = 0; k < o->count; k++) {
        const size_t length = strcspn(text, ",");
        char *end;
        const double x = strtod(text, &end);
        if (length == 0 || end != text + length || !(x >= o->low && x <= o->high))
            return bad_number(o, text, length, "a number");
        if ((*end == ',') != (k + 1 < o->count))
            return fail("%s needs %" PRId32 " numbers with commas between them", o->name, o->count);
        to[k] = x;
        text = end + 1;
    }
    return 0;
}

static inline int32_t read_number(const option *o, const char *text)
{
    option one = *o;
    one.count = 1;
    return strchr(text, ',') ? bad_number(o, text, strlen(text), "a number") : read_numbers(&one, text);
}

/* Edit distance of two words: letters to change, insert, delete or swap with a neighbor; words of up to 63 letters. */
static inline int32_t word_distance(const char *a, const char *b)
{
    int32_t row[3][64]; /* row[i % 3]: of the first i letters of a */
    const int32_t rows = (int32_t)strnlen(a, 63), columns = (int32_t)strnlen(b, 63);
    for (int32_t k = 0; k <= columns; k++)
        row[0][k] = k;
    for (int32_t i = 1; i <= rows; i++) {
        int32_t *now = row[i % 3];
        const int32_t *above = row[(i - 1) % 3], *before = row[(i + 1) % 3];
        now[0] = i;
        for (int32_t k = 1; k <= columns; k++) {
            const int32_t changed = above[k - 1] + (a[i - 1] != b[k - 1]);
            const int32_t moved = 1 + (above[k] < now[k - 1] ? above[k] : now[k - 1]);
            now[k] = changed < moved ? changed : moved;
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] && before[k - 2] + 1 < now[k])
                now[k] = before[k - 2] + 1;
        }
    }
    return row[rows % 3][columns];
}

/* Of two words, which may be NULL, the one that is nearer to what was written, if it is near enough to be meant. */
static inline const char *nearer_word(const char *written, const char *best, const char *other)
{
    const size_t length = strlen(written);
    const int32_t limit = length < 6 ? 1 : length < 9 ? 2 : 3, distance = word_distance(written, other);
    return distance <= limit && (!best || distance < word_distance(written, best)) ? other : best;
}

/* Rows whose name has no dash are operands, taken in their order: NET, FILE... for one or more, [KIND] for one that may be missing. */
static inline int is_operand(const option *o) { return o->name && o->name[0] != '-'; }

static inline const option *next_operand(const option *o)
{
    while (o->name && !is_operand(o))
        o++;
    return o;
}

static inline void options_help(const char *about, const option *options)
{
    char left[64];
    int width = 0;
    printf("usage: %s", program);
    for (const option *o = next_operand(options); o->name; o = next_operand(o + 1))
        printf(" %s", o->name);
    printf(" [options]\n%s\n\n", about);
    for (const option *o = options; o->name; o++) {
        const int length = (int)(strlen(o->name) + (o->value ? 1 + strlen(o->value) : 0));
        width = length > width ? length : width;
    }
    for (const option *o = options; o->name; o++) {
        snprintf(left, sizeof left, "%s %s", o->name, o->value ? o->value : "");
        printf("  %-*s  %s\n", width, left, o->help);
    }
    printf("  %-*s  %s\n", width, "--help", "this text");
}

/* The option that an argument names; *value is what follows a '=', or NULL. */
static inline const option *options_find(const option *o, const char *argument, const char **value)
{
    const size_t length = strcspn(argument, "=");
    *value = argument[length] ? argument + length + 1 : NULL;
    while (o->name && (strlen(o->name) != length || strncmp(o->name, argument, length) != 0))
        o++;
    return o->name ? o : NULL;
}

static inline int32_t unknown_option(const option *options, const char *argument)
{
    const char *best = NULL;
    for (const option *o = options; o->name; o++)
        if (!is_operand(o))
            best = nearer_word(argument, best, o->name);
    if (best)
        return fail("unknown option '%s'; did you mean %s? %s --help lists all", argument, best, program);
    return fail("unknown option '%s'; %s --help lists them", argument, program);
}

/* The options of one row: an argument, and where it needs one its value, which may be the next argument. */
static inline int32_t option_take(const option *o, const char *value, char ***next)
{
    if (!o->value && value)
        return fail("%s takes no value", o->name);
    if (o->value && !value && !(value = *(*next)++))
        return fail("%s needs a value: %s %s", o->name, o->name, o->value);
    if (o->value)
        return o->read(o, value);
    *(int *)o->to = 1;
    return 0;
}

/* Returns 0 to go on, 1 after --help, -1 after an error. */
static inline int32_t options_read(int argc, char **argv, const char *about, const option *options)
{
    const char *slash = strrchr(argv[0], '/');
    const option *operand = next_operand(options);
    int several = 0; /* whether the operand has been given once and may be again */
    program = slash ? slash + 1 : argv[0];
    for (char **next = argv + 1; next < argv + argc;) {
        const char *value, *argument = *next++;
        const option *o = options_find(options, argument, &value);
        if (strcmp(argument, "--help") == 0)
            return options_help(about, options), 1;
        if (o && !is_operand(o)) {
            CHECK(option_take(o, value, &next));
        } else if (operand->name && (argument[0] != '-' || !argument[1])) {
            CHECK(operand->read(operand, argument));
            several = strstr(operand->name, "...") != NULL;
            if (!several)
                operand = next_operand(operand + 1);
        } else
            return unknown_option(options, argument);
    }
    if (operand->name && operand->name[0] != '[' && !several)
        return fail("%s is missing; %s --help shows what goes where", operand->name, program);
    return 0;
}

/* ---- a progress bar: on a terminal only, without color, on standard error, as standard output may be redirected ---- */

static inline int bar_wanted(void)
{
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

static inline int terminal_width(void)
{
    const char *columns = getenv("COLUMNS");
    const int wish = columns ? atoi(columns) : 0;
    struct winsize window;
    if (wish > 0)
        return wish;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 ? window.ws_col : 80;
}

/* A line in the place of the one before, cut where it does not fit. */
static inline void bar_line(const char *line)
{
    fprintf(stderr, "\r%.*s\033[K", terminal_width() - 1, line);
    fflush(stderr);
}

/* Draws "left [=====>     ] right" over the whole line; the bar gives way, then the text, when the line is short. */
static inline void bar_draw(const char *left, double share, const char *right)
{
    char line[512], bar[100] = "";
    const int width = terminal_width() < (int)sizeof line ? terminal_width() - 1 : (int)sizeof line - 1;
    int room = width - (int)(strlen(left) + strlen(right)) - 4;
    room = room < 60 ? room : 60;
    if (room >= 5) {
        const int done = (int)(share * room);
        memset(bar, ' ', (size_t)room);
        memset(bar, '=', (size_t)done);
        if (done < room)
            bar[done] = '>';
        snprintf(line, sizeof line, "%s [%.*s] %s", left, room, bar, right);
    } else
        snprintf(line, sizeof line, "%s %s", left, right);
    bar_line(line);
}

static inline void bar_clear(void) { bar_line(""); }

static inline double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Work that can be watched. */
typedef struct meter {
    const char *what;      /* is done: "reading" */
    double started, drawn; /* when it began, and was drawn last; at first long ago */
    int wanted, shown;
} meter;

/* wanted: whether there may be a bar, if there is a terminal for it. */
static inline meter meter_begin(const char *what, int wanted)
{
    return (meter){.what = what, .started = seconds_now(), .drawn = -1, .wanted = wanted && bar_wanted()};
}

/* Whether it is time to draw, which is ten times a second. */
static inline int meter_due(meter *m)
{
    const double now = m->wanted ? seconds_now() : 0;
    if (!m->wanted || now - m->drawn < 0.1)
        return 0;
    m->drawn = now;
    return m->shown = 1;
}

/* So much of all is done. */
static inline void meter_show(meter *m, double done, double all)
{
    char right[64];
    if (!(done > 0) || !meter_due(m))
        return;
    const double share = done < all ? done / all : 1, left = (m->drawn - m->started) * (1 - share) / share;
    snprintf(right, sizeof right, "%3.0f %%  %.0f:%02.0f left", 100 * share, floor(left / 60), fmod(floor(left), 60));
    bar_draw(m->what, share, right);
}

/* "reading images.gz", for work that does not tell how far it is. */
static inline void meter_name(meter *m, const char *path)
{
    const char *slash = strrchr(path, '/');
    char line[512];
    if (!m->wanted)
        return;
    m->shown = 1;
    snprintf(line, sizeof line, "%s %.256s", m->what, slash ? slash + 1 : path);
    bar_line(line);
}

static inline void meter_end(meter *m)
{
    if (m->shown)
        bar_clear();
    m->shown = 0;
}

#endif
