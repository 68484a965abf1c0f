/*
 * type text: windows of seq_len + 1 tokens at stride seq_len. The first seq_len
 * tokens of a window are its input and the last seq_len its target, so that
 * each token except the first is a target once.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/size.h"
#include "base/utf8.h"
#include "data/format.h"
#include "data/stream.h"

struct text_args {
    int tokenizer, unknown;
    size_t seq_len;
};

enum { CHAR, BYTE };
enum { UNKNOWN_FAILS, UNKNOWN_TOKEN };

static const char *const tokenizers[] = { "char", "byte", NULL };
static const char *const unknowns[] = { "error", MT_UNKNOWN_TOKEN, NULL };

static const struct mt_key text_keys[] = {
    { "tokenizer", MT_KEY_ENUM, offsetof(struct text_args, tokenizer),
      .def = "\"char\"", .choices = tokenizers,
      .doc = "what a token is: char (a Unicode code point of those in the "
             "training text) or byte (256 of them)" },
    { "unknown", MT_KEY_ENUM, offsetof(struct text_args, unknown),
      .def = "\"error\"", .choices = unknowns,
      .doc = "what a character is that the training text does not have: an "
             "error, or <unk>, one more token for all of them" },
    { "seq_len", MT_KEY_SIZE, offsetof(struct text_args, seq_len), .def = "64",
      .min = 1, .max = 1 << 24, .doc = "tokens of one sample" },
    { NULL },
};

/* Longer texts should not be held in memory at once. */
#define MAX_BYTES ((size_t)1 << 36)

/* Numbers of code points are stored in pages, of which a text uses few. */
enum { PAGE = 256, PAGES = MT_UTF8_CODES / PAGE, ASCII = 0x80 };

/* The tokens of "char": numbers 0 ... n-1 in order of code points. */
struct vocab {
    size_t n;
    bool unknown;             /* the last one is for unknown characters */
    const char *const *names; /* [n], in the data set's arena */
    const char *source;       /* where it comes from, for messages */
    int32_t **pages;          /* [PAGES], or NULL; see number_of */
};

struct tokens {
    const void *data; /* uint8 or int32, owned by the data set; NULL: the bytes
                         of fd, which are not read */
    enum mt_dtype dtype;
    size_t n;
    int fd; /* -1: none */
};

struct text {
    const struct mt_data_request *request;
    struct text_args args;
    bool bytes; /* tokenizer "byte" */
    struct vocab vocab;
    struct mt_dataset *data;
};

/* ---- numbers of code points ---- */

/* The number of a code point: its token + 1; 0: none. */
static int32_t number_of(const struct vocab *v, uint32_t code)
{
    const int32_t *page = v->pages[code / PAGE];

    return page ? page[code % PAGE] : 0;
}

static bool set_number(struct vocab *v, uint32_t code, int32_t number)
{
    int32_t **page = &v->pages[code / PAGE];

    if (!*page)
        *page = calloc(PAGE, sizeof **page);
    if (*page)
        (*page)[code % PAGE] = number;
    return *page != NULL;
}

static void free_numbers(struct vocab *v)
{
    for (size_t i = 0; v->pages && i < PAGES; i++)
        free(v->pages[i]);
    free(v->pages);
}

/* ---- characters ---- */

/* "train.txt: byte 41 (line 2): what is wrong" */
static mt_status fail_at(const char *path, size_t at, size_t line,
                         const char *what, struct mt_err *err)
{
    return mt_fail(err, MT_INVALID, "%s: byte %zu (line %zu): %s", path, at,
                   line, what);
}

/* Decodes the character at *at and moves past it; or returns what is wrong. */
static const char *next_char(const struct mt_bytes *bytes, size_t *at,
                             uint32_t *code)
{
    size_t len =
        mt_utf8_decode((const char *)bytes->data + *at, bytes->n - *at, code);

    if (!len)
        return "not UTF-8; tokenizer \"byte\" takes any file";
    if (!*code)
        return "a NUL byte; tokenizer \"byte\" takes any file";
    *at += len;
    return NULL;
}

/* Numbers and names the code points of a page that occur in the text. */
static mt_status name_page(struct text *t, size_t page, const char **names,
                           size_t *n, struct mt_err *err)
{
    int32_t *numbers = t->vocab.pages[page];

    for (size_t i = 0; numbers && i < PAGE; i++) {
        char text[5];

        if (!numbers[i])
            continue;
        mt_utf8_encode((uint32_t)(page * PAGE + i), text);
        names[*n] = mt_arena_strdup(&t->data->arena, text);
        if (!names[*n])
            return mt_fail_memory(err);
        numbers[i] = (int32_t)++*n;
    }
    return MT_OK;
}

static mt_status name_tokens(struct text *t, struct mt_err *err)
{
    const char **names =
        mt_arena_calloc(&t->data->arena, t->vocab.n + 1, sizeof *names);
    mt_status status = names ? MT_OK : mt_fail_memory(err);
    size_t n = 0;

    for (size_t page = 0; page < PAGES && status == MT_OK; page++)
        status = name_page(t, page, names, &n, err);
    t->vocab.unknown = t->args.unknown == UNKNOWN_TOKEN;
    if (status == MT_OK && t->vocab.unknown)
        names[t->vocab.n++] = MT_UNKNOWN_TOKEN;
    t->vocab.names = names;
    return status;
}

static bool add_code(struct vocab *v, uint32_t code)
{
    if (number_of(v, code))
        return true;
    v->n++;
    return set_number(v, code, 1);
}

/* Notes the ASCII characters from byte `at` on, up to the first other byte, and
 * returns that. NUL counts as another: next_char refuses it. */
static size_t see_ascii(const struct mt_bytes *bytes, size_t at,
                        bool seen[ASCII], size_t *lines)
{
    const unsigned char *p = bytes->data;
    size_t newlines = 0;

    for (; at < bytes->n && p[at] && p[at] < ASCII; at++) {
        seen[p[at]] = true;
        newlines += p[at] == '\n';
    }
    *lines += newlines;
    return at;
}

/* The vocabulary of a text: its code points, sorted. */
static mt_status make_vocab(struct text *t, const char *path,
                            const struct mt_bytes *bytes, struct mt_err *err)
{
    bool seen[ASCII] = { false };
    size_t line = 1, at = 0;

    t->vocab.source = path;
    while ((at = see_ascii(bytes, at, seen, &line)) < bytes->n) {
        uint32_t code = 0;
        const char *wrong = next_char(bytes, &at, &code);

        if (wrong)
            return fail_at(path, at, line, wrong, err);
        if (!add_code(&t->vocab, code))
            return mt_fail_memory(err);
    }
    for (uint32_t code = 0; code < ASCII; code++) {
        if (seen[code] && !add_code(&t->vocab, code))
            return mt_fail_memory(err);
    }
    return name_tokens(t, err);
}

/* The vocabulary of a checkpoint: tokens must be one character each, all
 * different. */
static mt_status take_vocab(struct text *t, struct mt_err *err)
{
    const struct mt_fitted *fitted = &t->data->fitted;
    bool unknown = mt_fitted_has_unknown(fitted);

    if (t->args.unknown == UNKNOWN_TOKEN && !unknown)
        return mt_json_fail(
            t->request->doc, mt_json_get(t->request->spec, "unknown"), err,
            "the checkpoint was trained without " MT_UNKNOWN_TOKEN
            ", and has no such token");
    for (size_t i = 0; i < fitted->vocab - unknown; i++) {
        const char *name = fitted->vocab_names[i];
        size_t n = strlen(name);
        uint32_t code = 0;

        if (!n || mt_utf8_decode(name, n, &code) != n ||
            number_of(&t->vocab, code))
            return mt_fail(err, MT_INVALID,
                           "token %zu of the saved vocabulary: expected one "
                           "character that no other token is, got \"%s\"",
                           i, mt_excerpt(name, n).text);
        if (!set_number(&t->vocab, code, (int32_t)i + 1))
            return mt_fail_memory(err);
    }
    t->vocab.n = fitted->vocab;
    t->vocab.unknown = unknown && t->args.unknown == UNKNOWN_TOKEN;
    t->vocab.names = fitted->vocab_names;
    t->vocab.source = "the checkpoint";
    return MT_OK;
}

static mt_status init_vocab(struct text *t, struct mt_err *err)
{
    if (t->bytes)
        return MT_OK;
    t->vocab.pages = calloc(PAGES, sizeof *t->vocab.pages);
    if (!t->vocab.pages)
        return mt_fail_memory(err);
    return t->data->fitted.vocab_names ? take_vocab(t, err) : MT_OK;
}

static mt_status fail_unknown(const struct text *t, const char *path, size_t at,
                              size_t line, uint32_t code, struct mt_err *err)
{
    char what[512], text[5];
    size_t n = mt_utf8_encode(code, text);

    snprintf(what, sizeof what,
             "the character \"%s\" (U+%04X) is not in the vocabulary of "
             "%.300s; data.unknown=" MT_UNKNOWN_TOKEN " in training makes one "
             "token of all such characters",
             mt_excerpt(text, n).text, (unsigned)code, t->vocab.source);
    return fail_at(path, at, line, what, err);
}

static mt_status warn_unknown(const struct text *t, const char *path,
                              size_t unknown, size_t n, struct mt_err *err)
{
    t->data->warning = mt_arena_printf(
        &t->data->arena,
        "%s: %zu of %zu characters are not in the vocabulary of %s: each is "
        "the token " MT_UNKNOWN_TOKEN,
        path, unknown, n, t->vocab.source);
    return t->data->warning ? MT_OK : mt_fail_memory(err);
}

/* Where tokens go: uint8 or int32. */
struct sink {
    void *out;
    bool narrow;
    size_t n;
};

static void put(struct sink *s, int32_t token)
{
    if (s->narrow)
        ((uint8_t *)s->out)[s->n++] = (uint8_t)token;
    else
        ((int32_t *)s->out)[s->n++] = token;
}

/* The numbers of known ASCII characters; 0 for other bytes. */
static void ascii_numbers(const struct vocab *v, int32_t out[256])
{
    for (uint32_t i = 0; i < 256; i++)
        out[i] = i && i < ASCII ? number_of(v, i) : 0;
}

/* Encodes the known ASCII characters from byte `at` on, up to the first other
 * byte, and returns that. */
static size_t put_ascii(const struct mt_bytes *bytes, size_t at,
                        const int32_t numbers[256], struct sink *to,
                        size_t *lines)
{
    const unsigned char *p = bytes->data;
    struct sink s = *to; /* a copy, as `out` might alias *to */
    size_t newlines = 0;

    for (; at < bytes->n && numbers[p[at]]; at++) {
        newlines += p[at] == '\n';
        put(&s, numbers[p[at]] - 1);
    }
    *lines += newlines;
    *to = s;
    return at;
}

/* Encodes a text. uint8 tokens may overwrite the bytes: no token is longer than
 * its character. */
static mt_status encode(const struct text *t, const char *path,
                        const struct mt_bytes *bytes, struct sink *to,
                        struct mt_err *err)
{
    size_t unknown = 0, line = 1, at = 0;
    int32_t numbers[256];
    uint32_t code = 0;

    ascii_numbers(&t->vocab, numbers);
    while ((at = put_ascii(bytes, at, numbers, to, &line)) < bytes->n) {
        size_t start = at;
        const char *wrong = next_char(bytes, &at, &code);
        int32_t token;

        if (wrong)
            return fail_at(path, start, line, wrong, err);
        token = number_of(&t->vocab, code) - 1;
        if (token < 0 && !t->vocab.unknown)
            return fail_unknown(t, path, start, line, code, err);
        unknown += token < 0;
        put(to, token < 0 ? (int32_t)t->vocab.n - 1 : token);
        line += code == '\n';
    }
    return unknown ? warn_unknown(t, path, unknown, to->n, err) : MT_OK;
}

/* Frees memory that the tokens do not need. */
static void shrink(struct mt_owned *own, size_t bytes)
{
    void *less = realloc(own->memory, bytes + 1);

    own->memory = less ? less : own->memory;
}

/* If the vocabulary is small, tokens are uint8 and replace the bytes. */
static mt_status take_chars(struct text *t, const char *path,
                            struct mt_bytes *bytes, struct tokens *out,
                            struct mt_err *err)
{
    struct mt_owned *own = mt_data_own(t->data);
    bool narrow = t->vocab.n <= 256;
    size_t size = narrow ? 1 : sizeof(int32_t), taken;
    struct sink to = { .narrow = narrow };
    mt_status status;

    if (!own || !mt_size_mul(bytes->n + 1, size, &taken))
        return mt_fail_memory(err);
    own->memory = narrow ? bytes->data : malloc(taken);
    if (!own->memory)
        return mt_fail_memory(err);
    to.out = own->memory;
    status = encode(t, path, bytes, &to, err);
    out->n = to.n;
    if (narrow)
        bytes->data = NULL;
    if (status != MT_OK)
        return status;
    shrink(own, out->n * size);
    out->data = own->memory;
    out->dtype = narrow ? MT_U8 : MT_I32;
    mt_data_takes(t->data, out->n * size, bytes->n - (narrow ? out->n : 0));
    return MT_OK;
}

/* ---- files ---- */

static mt_status read_tokens(struct text *t, const char *path,
                             struct mt_bytes *bytes, struct tokens *out,
                             struct mt_err *err)
{
    struct mt_owned *own;
    mt_status status = MT_OK;

    if (!t->bytes) {
        if (!t->vocab.names)
            status = make_vocab(t, path, bytes, err);
        return status == MT_OK ? take_chars(t, path, bytes, out, err) : status;
    }
    own = mt_data_own(t->data);
    if (!own)
        return mt_fail_memory(err);
    own->memory = bytes->data;
    out->data = bytes->data;
    out->dtype = MT_U8;
    out->n = bytes->n;
    bytes->data = NULL;
    mt_data_takes(t->data, bytes->n, 0);
    return MT_OK;
}

static mt_status read_whole(struct text *t, const struct mt_data_file *file,
                            struct tokens *out, struct mt_err *err)
{
    struct mt_bytes bytes = { NULL, 0 };
    struct sha256_ctx sha;
    mt_status status =
        mt_data_read_file(t->request, file, MAX_BYTES, &bytes, err);

    if (status == MT_OK && t->request->purpose != MT_DATA_CHECK) {
        sha256_init(&sha);
        sha256_update(&sha, bytes.n, bytes.data);
        status =
            mt_data_add_fingerprint(t->data, file->role, bytes.n, &sha, err);
    }
    if (status == MT_OK)
        status = read_tokens(t, file->path, &bytes, out, err);
    free(bytes.data);
    return status;
}

/* For MT_DATA_CHECK the number of bytes is enough: each is a token. */
static mt_status count_bytes(struct text *t, const struct mt_data_file *file,
                             struct tokens *out, struct mt_err *err)
{
    uint64_t size;
    mt_status status =
        mt_data_open_file(t->request, file, &out->fd, &size, err);

    if (status != MT_OK)
        return status;
    out->n = (size_t)size;
    out->dtype = MT_U8;
    mt_data_takes(t->data, out->n, 0);
    return MT_OK;
}

static mt_status read_file(struct text *t, const char *key, const char **path,
                           struct tokens *out, struct mt_err *err)
{
    bool look = t->bytes && t->request->purpose == MT_DATA_CHECK;
    struct mt_data_file file;
    mt_status status =
        mt_data_files(t->request, t->data, key, 1, "one text file", &file, err);

    *out = (struct tokens){ .fd = -1 };
    if (status == MT_OK)
        status = (look ? count_bytes : read_whole)(t, &file, out, err);
    if (status == MT_OK && out->n < t->args.seq_len + 1)
        status =
            mt_fail(err, MT_INVALID,
                    "%s: %zu tokens; expected at least %zu, for one "
                    "sample of seq_len %zu and the token after it",
                    file.path, out->n, t->args.seq_len + 1, t->args.seq_len);
    *path = file.path;
    return status;
}

/* ---- windows ---- */

/* Windows over the bytes of a file, from byte `first` on. */
static mt_status stream_bytes(const struct text *t, const char *path,
                              const struct tokens *tokens, size_t first,
                              struct mt_column *column, struct mt_err *err)
{
    struct mt_owned *own = mt_data_own(t->data);
    int fd = own ? fcntl(tokens->fd, F_DUPFD_CLOEXEC, 0) : -1;
    struct mt_stream *stream;

    if (!own)
        return mt_fail_memory(err);
    if (fd < 0)
        return mt_fail_errno(err, errno, path, "cannot open");
    stream = mt_stream_new(fd, path, first, column, &t->data->arena);
    if (!stream) {
        close(fd);
        return mt_fail_memory(err);
    }
    own->reader = &stream->reader;
    stream->reader.max = UINT8_MAX;
    stream->reader.look = true;
    return MT_OK;
}

static mt_status set_part(const struct text *t, const char *path,
                          const struct tokens *tokens, size_t first, size_t n,
                          struct mt_part *part, struct mt_err *err)
{
    size_t len = t->args.seq_len, size = mt_dtype_size(tokens->dtype);
    const char *data = tokens->data;
    mt_status status;

    part->samples = (n - 1) / len;
    part->source = part->y_source = path;
    part->x = part->y = (struct mt_column){ .dtype = tokens->dtype,
                                            .stride = len * size,
                                            .shape = mt_shape_of(1, len) };
    if (data) {
        part->x.data = data + first * size;
        part->y.data = data + (first + 1) * size;
        return MT_OK;
    }
    status = stream_bytes(t, path, tokens, first, &part->x, err);
    return status == MT_OK
               ? stream_bytes(t, path, tokens, first + 1, &part->y, err)
               : status;
}

static mt_status check_length(const struct text *t, const char *key,
                              double part, size_t all, size_t n,
                              const char *use, struct mt_err *err)
{
    size_t least = t->args.seq_len + 1;

    if (n >= least)
        return MT_OK;
    return mt_json_fail(t->request->doc, mt_json_get(t->request->spec, key),
                        err,
                        "%g of %zu tokens leaves %zu for %s; expected at least "
                        "seq_len + 1 = %zu",
                        part, all, n, use, least);
}

/* Holds out the tail, in the order training, validation, test. No window
 * crosses from one part into the next. */
static mt_status split_tail(struct text *t, const char *path,
                            const struct tokens *tokens,
                            const struct mt_data_keys *keys, struct mt_err *err)
{
    size_t n = tokens->n;
    double part[] = { keys->val_split, keys->test_split };
    const char *key = part[0] > 0 ? "val_split" : "test_split";
    size_t val = (size_t)floor((double)n * part[0] + 0.5);
    size_t test = (size_t)floor((double)n * part[1] + 0.5);
    size_t kept = val + test < n ? n - val - test : 0;
    mt_status status = check_length(t, key, part[0] > 0 ? part[0] : part[1], n,
                                    kept, "training", err);

    if (status == MT_OK && part[0] > 0)
        status =
            check_length(t, "val_split", part[0], n, val, "validation", err);
    if (status == MT_OK && part[1] > 0)
        status = check_length(t, "test_split", part[1], n, test, "test", err);
    if (status != MT_OK)
        return status;
    status = set_part(t, path, tokens, 0, kept, &t->data->train, err);
    if (status == MT_OK && val)
        status = set_part(t, path, tokens, kept, val, &t->data->val, err);
    if (status == MT_OK && test)
        status =
            set_part(t, path, tokens, kept + val, test, &t->data->test, err);
    return status;
}

static mt_status open_part(struct text *t, const struct mt_data_keys *keys,
                           const char *key, struct mt_part *part,
                           struct mt_err *err)
{
    bool tail =
        part == &t->data->train && keys->val_split + keys->test_split > 0;
    struct tokens tokens;
    const char *path;
    mt_status status = read_file(t, key, &path, &tokens, err);

    if (status == MT_OK && tail)
        status = split_tail(t, path, &tokens, keys, err);
    else if (status == MT_OK)
        status = set_part(t, path, &tokens, 0, tokens.n, part, err);
    if (tokens.fd >= 0)
        close(tokens.fd);
    return status;
}

static mt_status open_parts(struct text *t, const struct mt_data_keys *keys,
                            struct mt_err *err)
{
    mt_status status = MT_OK;

    if (mt_data_wants_train(t->request, keys))
        status = open_part(t, keys, "train", &t->data->train, err);
    if (status == MT_OK && keys->val.n)
        status = open_part(t, keys, "val", &t->data->val, err);
    return status;
}

static mt_status text_open(const struct mt_data_request *request,
                           const struct mt_data_keys *keys,
                           struct mt_dataset *data, struct mt_err *err)
{
    static const char *const useless[] = { "scale", "mean", "std" };
    struct text t = { .request = request, .args = *(const struct text_args *)
                      keys->args, .data = data };
    mt_status status = MT_OK;

    for (size_t i = 0; i < 3 && status == MT_OK; i++)
        status = mt_data_refuse(request, useless[i],
                                "not for text: its inputs are tokens", err);
    if (status != MT_OK)
        return status;
    data->series = true;
    t.bytes = t.args.tokenizer == BYTE;
    if (t.bytes && t.args.unknown == UNKNOWN_TOKEN)
        return mt_json_fail(request->doc, mt_json_get(request->spec, "unknown"),
                            err,
                            "tokenizer \"byte\" knows every text: its "
                            "tokens are the 256 bytes");
    status = init_vocab(&t, err);
    if (status == MT_OK)
        status = open_parts(&t, keys, err);
    free_numbers(&t.vocab);
    data->fitted.vocab = t.bytes ? 256 : t.vocab.n;
    data->fitted.vocab_names = t.vocab.names;
    if (request->classification)
        data->fitted.classes = data->fitted.vocab;
    return status;
}

extern const struct mt_format mt_format_text;

const struct mt_format mt_format_text = {
    .name = "text",
    .doc = "a text file as sequences of tokens, each to be predicted from "
           "those before it",
    .keys = text_keys,
    .args_size = sizeof(struct text_args),
    .flags = MT_FORMAT_GENERATES | MT_FORMAT_SPLITS | MT_FORMAT_TOKENS,
    .files = 1,
    .open = text_open,
};
