#include "train/statename.h"

#include <stdio.h>
#include <string.h>

const char *const mt_section_names[MT_SECTIONS + 1] = {
    [MT_MODEL] = "model", [MT_OPTIMIZER] = "optimizer", [MT_EMA] = "ema",
    [MT_SPEC] = "spec",   [MT_PROGRESS] = "progress",
};

static const char fitted[] = "data.", scheduler[] = "scheduler.",
                  history[] = "history.";

/* The rest of text after start; NULL if text does not begin with it. */
static const char *after(const char *text, const char *start)
{
    size_t n = strlen(start);

    return strncmp(text, start, n) == 0 ? text + n : NULL;
}

/* --- building ----------------------------------------------------------- */

static struct mt_name build(const char *fmt, ...) MT_PRINTF(1, 2);

static struct mt_name build(const char *fmt, ...)
{
    struct mt_name name;
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(name.text, sizeof name.text, fmt, args);

    va_end(args);
    if (n < 0 || (size_t)n >= sizeof name.text)
        *name.text = '\0';
    return name;
}

struct mt_name mt_name_in(enum mt_state_section section, const char *key)
{
    return build("%s/%s", mt_section_names[section], key);
}

struct mt_name mt_name_slot(const char *slot, const char *tensor)
{
    return build("%s/%s.%s", mt_section_names[MT_OPTIMIZER], slot, tensor);
}

struct mt_name mt_name_fitted(const char *array)
{
    return build("%s/%s%s", mt_section_names[MT_SPEC], fitted, array);
}

struct mt_name mt_name_scheduler(const char *name)
{
    return build("%s/%s%s", mt_section_names[MT_PROGRESS], scheduler, name);
}

struct mt_name mt_name_history(const char *part, const char *column)
{
    bool has_part = part && *part;

    return build("%s/%s%s%s%s", mt_section_names[MT_PROGRESS], history,
                 has_part ? part : "", has_part ? "." : "", column);
}

struct mt_name mt_name_kept(const char *name)
{
    return build(MT_NAME_KEPT "%s", name);
}

/* --- taking apart ------------------------------------------------------- */

/* The key of a name of that section, else NULL. */
static const char *key_in(const char *name, enum mt_state_section section)
{
    const char *rest = section < MT_SECTIONS
                           ? after(name, mt_section_names[section])
                           : NULL;

    return rest && *rest == '/' ? rest + 1 : NULL;
}

enum mt_state_section mt_name_section(const char *name)
{
    enum mt_state_section section = 0;

    while (section < MT_SECTIONS && !key_in(name, section))
        section++;
    return section;
}

bool mt_name_is(const char *name, enum mt_state_section section)
{
    return mt_name_section(name) == section;
}

const char *mt_name_key(const char *name)
{
    const char *slash = strchr(name, '/');

    return slash ? slash + 1 : name;
}

const char *mt_name_slot_of(const char *name, size_t *n)
{
    const char *key = key_in(name, MT_OPTIMIZER);

    *n = key ? strcspn(key, ".") : 0;
    return key ? key : name;
}

bool mt_name_is_slot(const char *name, const char *slot)
{
    size_t n;
    const char *there = mt_name_slot_of(name, &n);

    return n && strlen(slot) == n && strncmp(there, slot, n) == 0;
}

const char *mt_name_tensor(const char *name)
{
    const char *tensor = key_in(name, MT_MODEL);
    size_t n;

    if (!tensor)
        tensor = key_in(name, MT_EMA);
    if (tensor)
        return tensor;
    tensor = mt_name_slot_of(name, &n);
    return n && tensor[n] == '.' ? tensor + n + 1 : NULL;
}

bool mt_name_is_buffer(const char *name)
{
    static const char *const buffers[] = { "running_mean", "running_var",
                                           "num_batches_tracked" };
    const char *tensor = key_in(name, MT_MODEL);
    const char *dot = tensor ? strrchr(tensor, '.') : NULL;

    for (size_t i = 0; tensor && i < sizeof buffers / sizeof *buffers; i++) {
        if (strcmp(dot ? dot + 1 : tensor, buffers[i]) == 0)
            return true;
    }
    return false;
}

const char *mt_name_fitted_of(const char *name)
{
    const char *key = key_in(name, MT_SPEC);

    return key ? after(key, fitted) : NULL;
}

const char *mt_name_kept_of(const char *name)
{
    return after(name, MT_NAME_KEPT);
}

const char *mt_name_column(const char *name)
{
    const char *key = key_in(name, MT_PROGRESS);

    return key ? after(key, history) : NULL;
}

const char *mt_column_part(const char *part_and_column, const char **column)
{
    static const char *const parts[] = { "train", "val" };

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *rest = after(part_and_column, parts[i]);

        if (rest && *rest == '.') {
            *column = rest + 1;
            return parts[i];
        }
    }
    *column = part_and_column;
    return "";
}

/* --- in state files, and for people ------------------------------------- */

/* "optimizer.SLOT.TENSOR", "ema.TENSOR" */
static struct mt_name dotted(enum mt_state_section section, const char *key)
{
    return build("%s.%s", mt_section_names[section], key);
}

struct mt_name mt_name_to_file(const char *name)
{
    enum mt_state_section section = mt_name_section(name);

    switch (section) {
    case MT_MODEL: return build("%s", mt_name_key(name));
    case MT_OPTIMIZER:
    case MT_EMA:
        return dotted(section, mt_name_key(name));
    case MT_PROGRESS: return build("%s", name);
    default: return build("%s", "");
    }
}

const char *mt_name_mean_in_file(const char *in_file)
{
    return after(in_file, "ema.");
}

struct mt_name mt_name_from_file(const char *in_file, bool sections)
{
    const char *key = after(in_file, mt_section_names[MT_OPTIMIZER]);

    if (sections || key_in(in_file, MT_PROGRESS))
        return build("%s", in_file);
    if (key && *key == '.')
        return mt_name_in(MT_OPTIMIZER, key + 1);
    return mt_name_in(MT_MODEL, in_file);
}

struct mt_name mt_name_shown(const char *name)
{
    const char *key = mt_name_key(name);
    enum mt_state_section section = mt_name_section(name);

    return section == MT_OPTIMIZER || section == MT_EMA ? dotted(section, key)
                                                        : build("%s", key);
}

bool mt_name_typed(const char *typed, size_t attempt, struct mt_name *out)
{
    if (attempt > 2 * MT_SECTIONS)
        return false;
    if (!attempt) {
        *out = build("%s", typed);
        return true;
    }
    enum mt_state_section section = (enum mt_state_section)((attempt - 1) / 2);
    const char *rest = attempt % 2 ? NULL : after(typed, mt_section_names[section]);
    *out = mt_name_in(section, rest && *rest == '.' ? rest + 1 : typed);
    return true;
}
