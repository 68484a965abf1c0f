#include "ckpt/torchchoice.h"

#include <string.h>

enum { MOST_NAMES = 50 };

/* "a", "b" and "c" */
static void list_paths(const struct mt_torch_list *list, struct mt_strbuf *out)
{
    size_t n = list->n, i = 0, shown = n > MOST_NAMES ? MOST_NAMES : n;

    for (const struct mt_torch_found *e = list->first; i < shown; e = e->next) {
        const char *before = !i ? "" : i + 1 == n ? " and " : ", ";

        mt_strbuf_printf(out, "%s\"%s\"", before,
                         mt_torch_path_text(e->path).text);
        i++;
    }
    if (shown < n)
        mt_strbuf_printf(out, ", and %zu more", n - shown);
}

static mt_status fail_entry(const struct mt_torch_file *file,
                            const struct mt_torch_scan *found, const char *what,
                            const char *then, struct mt_err *err)
{
    struct mt_strbuf names = MT_STRBUF_INIT;
    mt_status status;

    list_paths(&found->entries, &names);
    status = names.failed ? mt_fail_memory(err)
                          : mt_fail(err, MT_INVALID, "%s: %s %s%s", file->path,
                                    what, names.text ? names.text : "", then);
    mt_strbuf_free(&names);
    return status;
}

/* Entries without floats (indices, states of random generators) count only if
 * there are no others. */
mt_status mt_torch_choose(const struct mt_torch_file *file,
                          const struct mt_torch_scan *found,
                          struct mt_state_opening *opening,
                          const struct mt_torch_found **out, struct mt_err *err)
{
    const char *wanted = opening->options.entry;
    size_t floats = 0, fitting = 0;

    *out = NULL;
    for (const struct mt_torch_found *e = found->entries.first; e; e = e->next)
        floats += e->floats;
    for (const struct mt_torch_found *e = found->entries.first; e;
         e = e->next) {
        if (wanted ? strcmp(mt_torch_path_text(e->path).text, wanted) != 0
                   : floats && !e->floats)
            continue;
        *out = e;
        fitting++;
    }
    if (fitting == 1) {
        if ((*out)->path->up)
            mt_state_note(opening, false, "%s: takes the entry \"%s\"",
                          file->path, mt_torch_path_text((*out)->path).text);
        return MT_OK;
    }
    if (!found->entries.n)
        return mt_fail(err, MT_INVALID,
                       "%s: holds no dictionary from names to tensors",
                       file->path);
    if (wanted && !fitting)
        return fail_entry(file, found, "has no entry of that name; there is",
                          "", err);
    return fail_entry(file, found,
                      "has several entries:", "; choose one with --entry NAME",
                      err);
}

static mt_status fail_object(const struct mt_torch_file *file, const char *path,
                             const char *needs, struct mt_err *err)
{
    return mt_fail(
        err, MT_INVALID,
        "%s: %s%s%sneeds `%s`: refused, as nothing in a file is ever "
        "called%s",
        file->path, path && *path ? "\"" : "", path ? path : "",
        path && *path ? "\" " : "", needs,
        path && !*path
            ? "; the file holds an object, not tensors: save its state_dict() "
              "in Python"
            : "; --skip-objects skips such objects");
}

/* Every name in the pickle counts, even of values that are discarded. */
mt_status mt_torch_check_objects(const struct mt_torch_file *file,
                                 const struct mt_torch_scan *found,
                                 struct mt_state_opening *opening,
                                 struct mt_err *err)
{
    const struct mt_pickle_doc *doc = &file->doc;
    const struct mt_torch_found *first = found->objects.first, *o = first;
    size_t shown = 0;

    if (!opening->options.skip_objects) {
        if (first)
            return fail_object(file, mt_torch_path_text(first->path).text,
                               first->needs, err);
        for (size_t i = 0; i < doc->n_globals; i++) {
            if (!mt_torch_knows(doc->globals[i]))
                return fail_object(file, NULL, doc->globals[i], err);
        }
        return MT_OK;
    }
    for (; o; o = o->next, shown++) {
        struct mt_torch_path_text path = mt_torch_path_text(o->path);
        bool all = !*path.text;

        mt_state_note(opening, false, "%s: skips %s%s%s, which needs `%s`",
                      file->path, all ? "all of it" : "\"", path.text,
                      all ? "" : "\"", o->needs);
    }
    if (found->objects.n > shown)
        mt_state_note(opening, false, "%s: skips %zu more objects", file->path,
                      found->objects.n - shown);
    return MT_OK;
}

static void note_optimizers(const struct mt_torch_file *file,
                            const struct mt_torch_scan *found,
                            struct mt_state_opening *opening)
{
    struct mt_strbuf names = MT_STRBUF_INIT;

    list_paths(&found->optimizers, &names);
    if (!names.failed)
        mt_state_note(opening, false,
                      "%s: has the state of several optimizers, %s: none is "
                      "taken",
                      file->path, names.text);
    mt_strbuf_free(&names);
}

/* How many keys both paths begin with. */
static int common_keys(const struct mt_torch_path *a,
                       const struct mt_torch_path *b)
{
    while (a != b) {
        if (a->depth >= b->depth)
            a = a->up;
        else
            b = b->up;
    }
    return a->depth;
}

const struct mt_torch_found *mt_torch_optimizer(
    const struct mt_torch_file *file, const struct mt_torch_scan *found,
    const struct mt_torch_found *entry, struct mt_state_opening *opening)
{
    const struct mt_torch_found *best = NULL;
    size_t times = 0;
    int most = 0;

    for (const struct mt_torch_found *o = found->optimizers.first; o;
         o = o->next) {
        int n = common_keys(o->path, entry->path);

        if (n > most || !best) {
            best = o;
            most = n;
            times = 0;
        }
        times += n == most;
    }
    if (times < 2)
        return best;
    note_optimizers(file, found, opening);
    return NULL;
}
