#include "ckpt/pickle_internal.h"

#include <stdlib.h>
#include <string.h>

mt_status mt_pk_fail(const struct mt_pickler *ps, const char *what)
{
    mt_fail(ps->err, MT_INVALID,
            "%s: byte %zu of the pickle (opcode 0x%02x): %s", ps->source,
            (size_t)(ps->op - ps->begin), *ps->op, what);
    return MT_INVALID;
}

/* --- bytes -------------------------------------------------------------- */

mt_status mt_pk_take(struct mt_pickler *ps, size_t n, const unsigned char **out)
{
    if (n > (size_t)(ps->end - ps->p))
        return mt_pk_fail(ps, "the pickle ends within it");
    *out = ps->p;
    ps->p += n;
    return MT_OK;
}

mt_status mt_pk_number(struct mt_pickler *ps, size_t n, uint64_t *out)
{
    const unsigned char *p;
    mt_status status = mt_pk_take(ps, n, &p);

    *out = 0;
    for (size_t i = 0; status == MT_OK && i < n; i++)
        *out |= (uint64_t)p[i] << 8 * i;
    return status;
}

mt_status mt_pk_line(struct mt_pickler *ps, const char **text, size_t *n)
{
    const unsigned char *end = memchr(ps->p, '\n', (size_t)(ps->end - ps->p));

    if (!end)
        return mt_pk_fail(ps, "the pickle ends within it");
    *text = (const char *)ps->p;
    *n = (size_t)(end - ps->p);
    ps->p = end + 1;
    return MT_OK;
}

/* --- the stack ---------------------------------------------------------- */

/* Makes room for one more element of `size` bytes. */
static bool grow(void **array, size_t n, size_t *room, size_t size)
{
    size_t more = *room ? 2 * *room : 64;
    void *grown;

    if (n < *room)
        return true;
    grown = realloc(*array, more * size);
    if (!grown)
        return false;
    *array = grown;
    *room = more;
    return true;
}

mt_status mt_pk_push(struct mt_pickler *ps, const struct mt_pickle *v)
{
    void *stack = ps->stack;

    if (++ps->pushes > MT_PICKLE_MAX_PUSHES)
        return mt_pk_fail(ps, "more than 8388608 values on the stack in all");
    if (!grow(&stack, ps->n, &ps->size, sizeof *ps->stack))
        return mt_fail_memory(ps->err);
    ps->stack = stack;
    ps->stack[ps->n++] = v;
    return MT_OK;
}

mt_status mt_pk_mark(struct mt_pickler *ps)
{
    void *marks = ps->marks;

    if (!grow(&marks, ps->n_marks, &ps->marks_size, sizeof *ps->marks))
        return mt_fail_memory(ps->err);
    ps->marks = marks;
    ps->marks[ps->n_marks++] = ps->n;
    return MT_OK;
}

size_t mt_pk_above(const struct mt_pickler *ps)
{
    return ps->n - (ps->n_marks ? ps->marks[ps->n_marks - 1] : 0);
}

mt_status mt_pk_need(const struct mt_pickler *ps, size_t n)
{
    return mt_pk_above(ps) >= n ? MT_OK
                                : mt_pk_fail(ps, "too few values on the stack");
}

mt_status mt_pk_pop_mark(struct mt_pickler *ps, const struct mt_pickle ***first,
                         size_t *n)
{
    if (!ps->n_marks)
        return mt_pk_fail(ps, "there is no mark on the stack");
    *n = mt_pk_above(ps);
    ps->n -= *n;
    ps->n_marks--;
    *first = ps->stack + ps->n;
    return MT_OK;
}

/* --- values ------------------------------------------------------------- */

static struct mt_pickle *new_value(struct mt_pickler *ps,
                                   enum mt_pickle_kind kind)
{
    struct mt_pickle *v;

    if (++ps->values > MT_PICKLE_MAX_VALUES) {
        mt_pk_fail(ps, "more than 2097152 values");
        return NULL;
    }
    v = mt_arena_alloc(&ps->doc->arena, sizeof *v);
    if (!v)
        mt_fail_memory(ps->err);
    else
        *v = (struct mt_pickle){ .kind = kind, .number = (unsigned)ps->values };
    return v;
}

mt_status mt_pk_value(struct mt_pickler *ps, struct mt_pickle v)
{
    struct mt_pickle *made = new_value(ps, v.kind);

    if (!made)
        return ps->err->status;
    v.number = made->number;
    *made = v;
    return mt_pk_push(ps, made);
}

mt_status mt_pk_append(struct mt_pickler *ps, struct mt_pickle_list *list,
                       const struct mt_pickle *const *values, size_t n)
{
    if (n > list->size - list->n) {
        size_t size = list->size ? 2 * list->size : 4;
        const struct mt_pickle **at;

        while (size - list->n < n)
            size *= 2;
        at = mt_arena_calloc(&ps->doc->arena, size, sizeof *at);
        if (!at)
            return mt_fail_memory(ps->err);
        if (list->n)
            memcpy(at, list->at, list->n * sizeof *at);
        list->at = at;
        list->size = size;
    }
    if (n)
        memcpy(list->at + list->n, values, n * sizeof *values);
    list->n += n;
    return MT_OK;
}

/* The container's list is allocated when the first value is added. */
mt_status mt_pk_add(struct mt_pickler *ps, const struct mt_pickle *to,
                    const struct mt_pickle *const *values, size_t n)
{
    struct mt_pickle *v = (struct mt_pickle *)(uintptr_t)to;

    if (!n)
        return MT_OK;
    if (!v->list)
        v->list = mt_arena_calloc(&ps->doc->arena, 1, sizeof *v->list);
    return v->list ? mt_pk_append(ps, v->list, values, n)
                   : mt_fail_memory(ps->err);
}

mt_status mt_pk_list(struct mt_pickler *ps, enum mt_pickle_kind kind,
                     const struct mt_pickle *const *values, size_t n)
{
    struct mt_pickle *v = new_value(ps, kind);
    mt_status status = v ? mt_pk_add(ps, v, values, n) : ps->err->status;

    return status == MT_OK ? mt_pk_push(ps, v) : status;
}

mt_status mt_pk_object(struct mt_pickler *ps, enum mt_pickle_kind kind,
                       const struct mt_pickle *callee,
                       const struct mt_pickle *args)
{
    struct mt_pickle *v = new_value(ps, kind);

    if (!v)
        return ps->err->status;
    v->object = mt_arena_calloc(&ps->doc->arena, 1, sizeof *v->object);
    if (!v->object)
        return mt_fail_memory(ps->err);
    v->object->callee = callee;
    v->object->args = args;
    return mt_pk_push(ps, v);
}

static const char *global_name(const void *doc, size_t i)
{
    return ((const struct mt_pickle_doc *)doc)->globals[i];
}

static bool is_plain(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (text[i] <= ' ' || text[i] >= 0x7f)
            return false;
    }
    return n > 0 && n <= 256;
}

mt_status mt_pk_global(struct mt_pickler *ps, const char *module, size_t n,
                       const char *name, size_t m)
{
    struct mt_pickle_doc *d = ps->doc;
    char text[2 * 256 + 2];
    size_t i;

    if (!is_plain(module, n) || !is_plain(name, m))
        return mt_pk_fail(ps, "the name of a global is malformed");
    memcpy(text, module, n);
    text[n] = '.';
    memcpy(text + n + 1, name, m);
    text[n + 1 + m] = '\0';
    i = mt_names_find(&d->names, text, global_name, d);
    if (i >= d->n_globals) {
        if (d->n_globals == MT_PICKLE_MAX_GLOBALS)
            return mt_pk_fail(ps, "more than 4096 different globals");
        i = d->n_globals;
        d->globals[i] = mt_arena_strdup(&d->arena, text);
        if (!d->globals[i] || !mt_names_add(&d->names, global_name, d))
            return mt_fail_memory(ps->err);
        d->n_globals++;
    }
    return mt_pk_value(ps, (struct mt_pickle){ .kind = MT_PK_GLOBAL,
                                               .text = d->globals[i],
                                               .n = n + 1 + m });
}

/* --- the memo ------------------------------------------------------------ */

mt_status mt_pk_memo_put(struct mt_pickler *ps, uint64_t i)
{
    mt_status status = mt_pk_need(ps, 1);

    if (status != MT_OK)
        return status;
    /* Picklers number values upwards, and each PUT takes at least a byte. */
    if (i > (uint64_t)(ps->p - ps->begin))
        return mt_pk_fail(ps, "the number is too large for a memo");
    if (i >= ps->memo_size) {
        size_t size = ps->memo_size ? ps->memo_size : 64;
        const struct mt_pickle **grown;

        while (size <= i)
            size *= 2;
        grown = realloc(ps->memo, size * sizeof *grown);
        if (!grown)
            return mt_fail_memory(ps->err);
        memset(grown + ps->memo_size, 0,
               (size - ps->memo_size) * sizeof *grown);
        ps->memo = grown;
        ps->memo_size = size;
    }
    ps->memo_n += ps->memo[i] == NULL;
    ps->memo[i] = ps->stack[ps->n - 1];
    return MT_OK;
}

mt_status mt_pk_memo_get(struct mt_pickler *ps, uint64_t i)
{
    if (i >= ps->memo_size || !ps->memo[i])
        return mt_pk_fail(ps, "nothing is in the memo under this number");
    return mt_pk_push(ps, ps->memo[i]);
}

/* --- the run ------------------------------------------------------------- */

static mt_status run(struct mt_pickler *ps)
{
    mt_status status = MT_OK;

    while (status == MT_OK && !ps->root) {
        if (ps->p == ps->end)
            return mt_fail(ps->err, MT_INVALID,
                           "%s: the pickle is cut short at byte %zu",
                           ps->source, (size_t)(ps->p - ps->begin));
        ps->op = ps->p++;
        const struct mt_pickle_op *op = &mt_pickle_ops[*ps->op];

        status = op->run ? op->run(ps, op)
                         : mt_pk_fail(ps, "there is no such opcode");
    }
    return status;
}

mt_status mt_pickle_parse(const char *source, const void *bytes, size_t n,
                          struct mt_pickle_doc *doc, struct mt_err *err)
{
    struct mt_pickler ps = { .source = source,
                             .begin = bytes,
                             .p = bytes,
                             .end = (const unsigned char *)bytes + n,
                             .doc = doc,
                             .err = err };
    mt_status status;
    void *stack = NULL;

    memset(doc, 0, sizeof *doc);
    if (n > MT_PICKLE_MAX_BYTES)
        return mt_fail(err, MT_INVALID,
                       "%s: a pickle of %zu bytes; expected at most %d", source,
                       n, MT_PICKLE_MAX_BYTES);
    if (!grow(&stack, 0, &ps.size, sizeof *ps.stack))
        return mt_fail_memory(err);
    ps.stack = stack; /* never NULL, for pointer arithmetic */
    status = run(&ps);
    free(ps.stack);
    free(ps.marks);
    free(ps.memo);
    doc->root = ps.root;
    doc->used = (size_t)(ps.p - ps.begin);
    doc->n_values = ps.values;
    doc->n_pushes = ps.pushes;
    if (status != MT_OK)
        mt_pickle_free(doc);
    return status;
}

void mt_pickle_free(struct mt_pickle_doc *doc)
{
    mt_names_free(&doc->names);
    mt_arena_free(&doc->arena);
    memset(doc, 0, sizeof *doc);
}

bool mt_pickle_is_text(const struct mt_pickle *v, const char *text)
{
    return v && v->kind == MT_PK_TEXT && v->n == strlen(text) &&
           memcmp(v->text, text, v->n) == 0;
}

bool mt_pickle_is_global(const struct mt_pickle *v, const char *name)
{
    return v && v->kind == MT_PK_GLOBAL && strcmp(v->text, name) == 0;
}

size_t mt_pickle_count(const struct mt_pickle *v)
{
    bool holds = v->kind == MT_PK_TUPLE || v->kind == MT_PK_LIST ||
                 v->kind == MT_PK_SET || v->kind == MT_PK_DICT;

    return holds && v->list ? v->list->n : 0;
}

const struct mt_pickle *mt_pickle_at(const struct mt_pickle *v, size_t i)
{
    return v->list->at[i];
}
