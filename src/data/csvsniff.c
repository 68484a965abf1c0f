#include "data/csvsniff.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/utf8.h"
#include "data/csvscan.h"
#include "data/gaps.h"
#include "data/gzstream.h"
#include "data/number_short.h"

enum { HEAD = 1 << 16, LINES = 100 };

/* ---- the delimiter ---- */

enum { COMMA, SEMICOLON, TAB, BAR, SPACES, KINDS };
static const char kinds[KINDS] = { ',', ';', '\t', '|', ' ' };

struct line {
    size_t count[KINDS]; /* of each delimiter; SPACES: fields less one */
    size_t decimal;      /* commas between two digits */
    bool comment;        /* begins with # */
    bool numbers;        /* only numbers and spaces before the first tab */
};

struct lines {
    struct line line[LINES];
    size_t n;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Counts up to the end of the line; returns the next line, or NULL if the text
 * ends before. */
static const char *count_line(const char *p, const char *end, struct line *out)
{
    bool quoted = false, in_field = false, tab = false, other = false;
    char before = ','; /* a quote opens a field only at its start */
    size_t fields = 0;

    *out = (struct line){ .comment = p < end && *p == '#' };
    for (; p < end && (quoted || (*p != '\n' && *p != '\r')); before = *p++) {
        const char *kind = memchr(kinds, *p, SPACES);

        if (*p == '"' && quoted && p + 1 < end && p[1] == '"')
            p++;
        else if (*p == '"')
            quoted = !quoted && memchr(kinds, before, KINDS);
        tab |= *p == '\t';
        other |= !tab && !is_blank(*p) && !is_digit(*p) && !strchr("+-.eE", *p);
        if (!quoted && is_blank(*p)) {
            in_field = false;
        } else if (!in_field) {
            in_field = true;
            fields++;
        }
        if (quoted || !kind)
            continue;
        out->count[kind - kinds]++;
        out->decimal +=
            *p == ',' && p + 1 < end && is_digit(p[1]) && is_digit(before);
    }
    out->count[SPACES] = fields ? fields - 1 : 0;
    out->numbers = tab && !other;
    if (p == end)
        return NULL;
    return p + 1 + (*p == '\r' && p + 1 < end && p[1] == '\n');
}

/* whole: the text is the whole file. */
static void count_lines(const char *text, size_t n, bool whole,
                        struct lines *out)
{
    const char *p = text, *end = text + n;

    out->n = 0;
    while (p && p < end && out->n < LINES) {
        struct line *line = &out->line[out->n];

        p = count_line(p, end, line);
        if (!p && !whole && out->n)
            break;
        out->n += line->count[SPACES] || line->count[COMMA] ||
                  line->count[SEMICOLON] || line->count[BAR];
    }
}

/* The count of the kind that four lines in five have, or 0. */
static size_t usual(const struct lines *lines, size_t kind, bool decimal)
{
    size_t first = lines->n > 2; /* skip a header, which may have one more */

    for (size_t i = first; i < lines->n; i++) {
        const struct line *a = &lines->line[i];
        size_t count = a->count[kind] - (decimal ? a->decimal : 0);
        size_t same = 0, all = 0;

        for (size_t k = first; k < lines->n; k++) {
            const struct line *b = &lines->line[k];

            if (b->comment)
                continue;
            all++;
            same += b->count[kind] - (decimal ? b->decimal : 0) == count;
        }
        if (!a->comment && 5 * same >= 4 * all)
            return count;
    }
    return 0;
}

static char find_delimiter(const struct lines *lines)
{
    const struct line *last = &lines->line[lines->n ? lines->n - 1 : 0];
    size_t best = KINDS, most = 0, count[KINDS];

    for (size_t k = 0; k < KINDS; k++)
        count[k] = usual(lines, k, false);
    /* With another delimiter, commas between digits are decimal ones. */
    if (count[SEMICOLON] || count[TAB] || count[BAR])
        count[COMMA] = usual(lines, COMMA, true);
    for (size_t k = 0; k < SPACES; k++) {
        if (count[k] > most) {
            most = count[k];
            best = k;
        }
    }
    /* "1.5   2  3\t\"name\"" */
    if (best == TAB && count[SPACES] > most && last->numbers)
        best = SPACES;
    if (best < KINDS)
        return kinds[best];
    for (size_t k = 0; k < SPACES && lines->n; k++) {
        if (lines->line[0].count[k] > most) {
            most = lines->line[0].count[k];
            best = k;
        }
    }
    if (count[SPACES] && (best == KINDS || !last->count[best]))
        return ' ';
    return best < KINDS ? kinds[best] : ',';
}

/* Does a line that begins with # have another number of fields than most lines?
 * Otherwise it may be a header. */
static bool has_comments(const struct lines *lines, char delimiter)
{
    size_t kind =
        (size_t)((const char *)memchr(kinds, delimiter, KINDS) - kinds);
    size_t count = usual(lines, kind, false);

    for (size_t i = 0; i < lines->n; i++)
        if (lines->line[i].comment && lines->line[i].count[kind] != count)
            return true;
    return false;
}

struct sniff {
    const char *path;
    struct mt_csv_dialect given;
    struct mt_csv *csv;
    struct column *columns;
    size_t width;
};

/* Finds delimiter and comments from the first bytes. */
static mt_status read_head(const struct sniff *s, struct mt_csv_dialect *out,
                           struct mt_err *err)
{
    struct mt_gzstream *stream;
    struct lines lines;
    char *head = malloc(HEAD), *text = head, sep;
    uint64_t size;
    size_t n = 0;
    int fd;
    mt_status status =
        head ? mt_file_open(s->path, &fd, &size, err) : mt_fail_memory(err);

    if (status == MT_OK)
        status = mt_gzstream_open(s->path, fd, size, &stream, err);
    if (status == MT_OK) {
        status = mt_gzstream_read(stream, head, HEAD, &n, err);
        mt_gzstream_close(stream);
    }
    if (status == MT_OK)
        status = mt_csv_check_text(s->path, head, n, err);
    if (status == MT_OK) {
        bool whole = n < HEAD;

        if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
            text += 3, n -= 3;
        sep = mt_csv_sep(text, n);
        count_lines(text + (sep ? 6 : 0), n - (sep ? 6 : 0), whole, &lines);
        out->delimiter = s->given.delimiter ? s->given.delimiter
                         : sep              ? sep
                                            : find_delimiter(&lines);
        if (!out->comment && has_comments(&lines, out->delimiter))
            out->comment = '#';
    }
    free(head);
    return status;
}

/* ---- numbers ---- */

/* How many fields of a column can be read in each form. */
struct column {
    size_t values, forms[MT_CSV_FORMS];
    uint64_t line;    /* of the first field not in the plain form, */
    char example[48]; /* and its text */
};

/* mt_csv_forms_of(), faster for most fields: digits are a number in all forms,
 * and with a decimal point and other than three digits after it in all forms
 * that have decimal points. */
static unsigned forms_of(const struct mt_csv_field *f)
{
    unsigned points = 0;
    struct mt_short s;

    if (f->n - 1 >= 8 || !mt_short_parse(mt_short_load(f->text), f->n, &s) ||
        s.places == 3)
        return mt_csv_forms_of(f->text, f->n);
    if (!memchr(f->text, '.', f->n))
        return (1u << MT_CSV_FORMS) - 1;
    for (unsigned i = 0; i < MT_CSV_FORMS; i++)
        points |= (unsigned)(mt_csv_forms[i].decimal == '.') << i;
    return points;
}

static void add_field(const struct sniff *s, struct column *c,
                      const struct mt_csv_field *field)
{
    struct mt_csv_field f = mt_csv_trim(*field);
    unsigned forms;

    if (mt_is_gap(NULL, field))
        return;
    forms = forms_of(&f);
    c->values++;
    for (unsigned i = 0; i < MT_CSV_FORMS; i++)
        c->forms[i] += forms >> i & 1;
    if (forms && !(forms & 1) && !c->line) {
        c->line = mt_csv_line(s->csv);
        memcpy(c->example, mt_excerpt(f.text, f.n).text, sizeof c->example);
    }
}

/* The forms in which most fields of a column of numbers can be read; a few that
 * no form reads count as mistakes. 0: not a column of numbers. */
static unsigned forms_of_column(const struct column *c)
{
    size_t most = 0;
    unsigned forms = 0;

    for (unsigned i = 0; i < MT_CSV_FORMS; i++)
        most = c->forms[i] > most ? c->forms[i] : most;
    for (unsigned i = 0; i < MT_CSV_FORMS; i++)
        forms |= (unsigned)(c->forms[i] == most) << i;
    return c->values && 20 * most >= 19 * c->values ? forms : 0;
}

/* *comments: lines that begin with # are not records of the table. */
static mt_status read_fields(struct sniff *s, bool *comments,
                             struct mt_err *err)
{
    const struct mt_csv_field *fields;
    size_t n;
    mt_status status = mt_csv_next(s->csv, &fields, &n, err);

    if (status != MT_OK || n == 0)
        return status;
    s->width = n; /* skip the first record, which may be a header */
    s->columns = calloc(n, sizeof *s->columns);
    if (!s->columns)
        return mt_fail_memory(err);
    for (;;) {
        status = mt_csv_next(s->csv, &fields, &n, err);
        if (status != MT_OK || n == 0)
            return status;
        if (n + 1 < s->width && fields[0].n && fields[0].text[0] == '#')
            *comments = true;
        for (size_t i = 0; i < n && i < s->width; i++)
            add_field(s, &s->columns[i], &fields[i]);
    }
}

/* "387,333" may be either. */
static mt_status fail_ambiguous(const struct sniff *s, struct mt_err *err)
{
    const struct column *c = s->columns;

    while (!c->line)
        c++;
    return mt_fail(err, MT_INVALID,
                   "%s:%llu: \"%s\" may have a decimal comma or a group of "
                   "thousands, and no other field says which; expected "
                   "--decimal , or --thousands ,",
                   s->path, (unsigned long long)c->line, c->example);
}

static mt_status find_form(const struct sniff *s, struct mt_csv_dialect *out,
                           struct mt_err *err)
{
    unsigned forms = (1u << MT_CSV_FORMS) - 1, i = 0;

    for (size_t k = 0; k < s->width; k++) {
        unsigned some = forms_of_column(&s->columns[k]);

        forms &= some ? some : forms;
    }
    if (!forms || forms & 1)
        return MT_OK;
    if (forms & 2 && forms & 4)
        return fail_ambiguous(s, err);
    while (!(forms >> i & 1))
        i++;
    out->decimal = mt_csv_forms[i].decimal;
    out->thousands = mt_csv_forms[i].thousands;
    return MT_OK;
}

/* ---- the text for the user ---- */

static void say(struct mt_strbuf *out, const char *fmt, ...) MT_PRINTF(2, 3);

static void say(struct mt_strbuf *out, const char *fmt, ...)
{
    va_list args;

    mt_strbuf_puts(out, out->len ? "; " : "");
    va_start(args, fmt);
    mt_strbuf_vprintf(out, fmt, args);
    va_end(args);
}

static void say_lines(struct mt_strbuf *out, const char *what, size_t n,
                      uint64_t first)
{
    if (n)
        say(out, "%zu %s%s skipped (%sline %llu)", n, what, n == 1 ? "" : "s",
            n == 1 ? "" : "the first is ", (unsigned long long)first);
}

static void say_example(const struct sniff *s, struct mt_strbuf *out)
{
    for (size_t i = 0; i < s->width; i++) {
        const struct column *c = &s->columns[i];

        if (c->line && forms_of_column(c)) {
            mt_strbuf_printf(out, ", as in \"%s\" (line %llu)", c->example,
                             (unsigned long long)c->line);
            return;
        }
    }
}

static const char *describe(const struct sniff *s,
                            const struct mt_csv_dialect *d,
                            struct mt_arena *arena)
{
    struct mt_csv_passed p = mt_csv_passed(s->csv);
    struct mt_strbuf out = MT_STRBUF_INIT;
    const char *text = NULL;

    if (mt_csv_is_gzip(s->csv))
        say(&out, "gzipped");
    if (d->delimiter == ' ')
        say(&out, "fields are separated by spaces");
    else if (d->delimiter == '\t')
        say(&out, "fields are separated by tabs");
    else if (d->delimiter != ',')
        say(&out, "fields are separated by \"%c\"", d->delimiter);
    if (d->decimal != '.')
        say(&out, "numbers have decimal commas");
    if (d->thousands)
        say(&out, "numbers have groups of thousands separated by \"%c\"",
            d->thousands);
    if (d->decimal != '.' || d->thousands)
        say_example(s, &out);
    say_lines(&out, "comment line", p.comments, p.first_comment);
    say_lines(&out, "empty line", p.blanks, p.first_blank);
    if (p.tall)
        say(&out, "%zu record%s over several lines (%sline %llu)", p.tall,
            p.tall == 1 ? " goes" : "s go", p.tall == 1 ? "" : "the first is ",
            (unsigned long long)p.first_tall);
    if (out.len && !out.failed)
        text = mt_arena_strdup(arena, out.text);
    mt_strbuf_free(&out);
    return text;
}

/* ---- all ---- */

static mt_status open_csv(struct sniff *s, const struct mt_csv_dialect *dialect,
                          struct mt_err *err)
{
    uint64_t size;
    int fd;
    mt_status status = mt_file_open(s->path, &fd, &size, err);

    mt_csv_free(s->csv);
    s->csv = NULL;
    free(s->columns);
    s->columns = NULL;
    s->width = 0;
    return status == MT_OK
               ? mt_csv_open(s->path, fd, size, dialect, &s->csv, err)
               : status;
}

mt_status mt_csv_sniff(const char *path, const struct mt_csv_dialect *given,
                       struct mt_arena *arena, struct mt_csv_sniffed *out,
                       struct mt_err *err)
{
    struct sniff s = { .path = path, .given = *given };
    struct mt_csv_dialect *d = &out->dialect;
    bool comments = false;
    mt_status status;

    *out = (struct mt_csv_sniffed){ { 0, '.', 0, given->comment }, NULL };
    status = read_head(&s, d, err);
    if (status == MT_OK)
        status = open_csv(&s, d, err);
    if (status == MT_OK)
        status = read_fields(&s, &comments, err);
    if (status == MT_OK && comments && !d->comment) {
        d->comment = '#';
        status = open_csv(&s, d, err);
        if (status == MT_OK)
            status = read_fields(&s, &comments, err);
    }
    d->decimal = given->decimal ? given->decimal : '.';
    d->thousands = given->thousands;
    if (status == MT_OK && !given->decimal && !given->thousands)
        status = find_form(&s, d, err);
    if (status == MT_OK)
        out->said = describe(&s, d, arena);
    mt_csv_free(s.csv);
    free(s.columns);
    return status;
}
