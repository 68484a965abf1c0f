/* mtrain copy SRC DST */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"
#include "cmd/report.h"
#include "cmd/specs.h"
#include "train/state.h"
#include "train/statename.h"

static void print_done(const struct mt_call *call, const char *what)
{
    if (call->json) {
        printf("{\"event\":\"copy\",\"from\":");
        mt_print_json_string(call->args[0]);
        printf(",\"to\":");
        mt_print_json_string(call->args[1]);
        printf(",\"kept\":\"%s\"}\n", what);
    } else if (!call->quiet) {
        printf("%s: %s\n", call->args[1], what);
    }
}

/* --- an alias ----------------------------------------------------------- */

/* The link's target: the bare name within one folder, else the full path. */
static char *link_target(const char *src, const char *dst)
{
    const char *s = strrchr(src, '/'), *d = strrchr(dst, '/');
    size_t ns = s ? (size_t)(s - src) : 0, nd = d ? (size_t)(d - dst) : 0;

    if (ns == nd && strncmp(src, dst, ns) == 0)
        return strdup(s ? s + 1 : src);
    return realpath(src, NULL);
}

/* The temporary name of a link before it is renamed: always the same for one
 * dst, so that the next call replaces one that a killed process left. */
static char *temporary_link(const char *dst)
{
    const char *slash = strrchr(dst, '/'), *name = slash ? slash + 1 : dst;
    size_t size = strlen(dst) + 32;
    char *tmp = malloc(size);
    uLong sum = crc32(0, (const Bytef *)name, (uInt)strlen(name));

    if (tmp && strlen(name) <= 200)
        snprintf(tmp, size, "%.*s.%s.mtrain-link", (int)(name - dst), dst, name);
    else if (tmp)
        snprintf(tmp, size, "%.*s.mtrain-link-%08lx", (int)(name - dst), dst,
                 sum);
    return tmp;
}

/* Makes the link under a temporary name and renames it over dst. */
static mt_status replace_link(const char *target, const char *dst,
                              struct mt_err *err)
{
    char *tmp = temporary_link(dst);
    mt_status status = MT_OK;

    if (!tmp)
        return mt_fail_memory(err);
    unlink(tmp);
    if (symlink(target, tmp) != 0 || rename(tmp, dst) != 0) {
        status = mt_fail_errno(err, errno, dst, "cannot make the link");
        unlink(tmp);
    }
    free(tmp);
    return status;
}

static mt_status make_link(const char *src, const char *dst,
                           struct mt_err *err)
{
    char *target = link_target(src, dst);
    mt_status status;

    if (!target)
        return mt_fail_errno(err, errno, src, "cannot resolve");
    status = replace_link(target, dst, err);
    free(target);
    return status;
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;

    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

static int alias(const struct mt_call *call)
{
    const char *src = call->args[0], *dst = call->args[1];
    struct mt_err err = MT_ERR_INIT;
    struct mt_ckpt *ckpt;
    struct stat st;

    if (mt_ckpt_open(src, &ckpt, &err) != MT_OK)
        return mt_report_error(&err);
    mt_ckpt_close(ckpt);
    if (mt_replace_probe(dst, true, &err) != MT_OK)
        return mt_report_error(&err);
    if (lstat(dst, &st) == 0 && !call->force) {
        mt_fail(&err, MT_INVALID,
                "%s: already exists (use -f to overwrite)", dst);
        return mt_report_error(&err);
    }
    struct mt_lock *lock = NULL;
    mt_status status = MT_OK;

    /* a run that writes to dst must not lose it */
    if (stat(dst, &st) == 0 && S_ISREG(st.st_mode))
        status = mt_lock_take(dst, &lock, &err);
    if (status == MT_OK)
        status = make_link(src, dst, &err);
    mt_lock_release(lock);
    if (status != MT_OK)
        return mt_report_error(&err);
    print_done(call, "another name of the source: a change through either is "
                     "seen through both");
    return MT_EXIT_DONE;
}

/* --- a copy ------------------------------------------------------------- */

/* Copies the spec and the model only; the optimizer starts fresh, at step 0. */
static void weights_only(const struct mt_bundle *from, struct mt_bundle *out)
{
    *out = (struct mt_bundle)MT_BUNDLE_INIT;
    for (size_t i = 0; i < from->n; i++) {
        const struct mt_array *a = &from->arrays[i];

        if (mt_name_is(a->name, MT_SPEC) || mt_name_is(a->name, MT_MODEL))
            mt_bundle_add_array(out, a->name, a);
    }
    mt_state_add_start(out);
}

static mt_status copy(const struct mt_call *call, bool with_optimizer,
                      struct mt_err *err)
{
    struct mt_bundle source, bare;
    mt_status status;

    if (mt_bundle_open(call->args[0], call->team, &source, err) != MT_OK)
        return mt_hint_not_checkpoint(call->args[0], err);
    if (!mt_bundle_find(&source, MT_NAME_SPEC))
        status = mt_fail(err, MT_INVALID, "%s: has no spec", call->args[0]);
    else if (with_optimizer) {
        status = mt_bundle_write(&source, call->args[1], call->team, NULL, err);
    } else {
        weights_only(&source, &bare);
        status = mt_bundle_write(&bare, call->args[1], call->team, NULL, err);
        mt_bundle_free(&bare);
    }
    mt_bundle_free(&source);
    return status;
}

/* Is DST another name of SRC already? -f makes it anew. */
static bool is_alias(const struct mt_call *call)
{
    struct stat st;

    return mt_option(call, "alias") && lstat(call->args[1], &st) == 0 &&
           S_ISLNK(st.st_mode);
}

static int copy_run(struct mt_call *call)
{
    bool with_optimizer = mt_option(call, "with-optimizer") != NULL;
    struct mt_err err = MT_ERR_INIT;

    if (same_file(call->args[0], call->args[1]) && !is_alias(call))
        return mt_report_usage(call, "%s and %s are the same file",
                               call->args[0], call->args[1]);
    if (mt_option(call, "alias")) {
        if (with_optimizer)
            return mt_report_usage(call, "an alias shares everything: "
                                         "--with-optimizer cannot be combined "
                                         "with --alias");
        return alias(call);
    }
    struct mt_lock *lock;
    mt_status status =
        mt_replace_claim(call->args[1], call->force, &lock, &err);

    if (status == MT_OK)
        status = copy(call, with_optimizer, &err);
    mt_lock_release(lock);
    if (status != MT_OK)
        return mt_report_error(&err);
    print_done(call, with_optimizer
                         ? "everything: resuming it is resuming the source"
                         : "weights and spec; its optimizer is fresh, at "
                           "step 0");
    return MT_EXIT_DONE;
}

static const struct mt_option copy_options[] = {
    { "with-optimizer", 0, NULL,
      "copy all training state too: resuming the copy gives the same bits" },
    { "alias", 0, NULL, "make DST another name of SRC (a symbolic link)" },
    { NULL, 0, NULL, NULL },
};

extern const struct mt_command mt_cmd_copy;

const struct mt_command mt_cmd_copy = {
    .name = "copy",
    .operands = "SRC DST",
    .summary = "make an independent copy of a checkpoint",
    .options = copy_options,
    .min_args = 2,
    .max_args = 2,
    .details =
        "Without options the copy has the spec, the weights and the buffers; "
        "its optimizer is\nfresh and bound to the copy's own tensors, at step "
        "0: training the copy moves the\ncopy, training the source moves the "
        "source.",
    .examples =
        "mtrain copy digits.mtc fresh.mtc\n"
        "mtrain copy --with-optimizer digits.mtc twin.mtc",
    .run = copy_run,
};
