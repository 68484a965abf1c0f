#include "cmd/save_onnx.h"

#include <string.h>

#include "base/file.h"
#include "train/ema.h"
#include "train/onnx.h"
#include "train/statename.h"

bool mt_is_onnx(const char *path)
{
    return mt_ends_with(path, ".onnx");
}

/* The spec and the model, the means in the place of its parameters. */
static mt_status select_model(const struct mt_call *call,
                              const struct mt_bundle *source,
                              struct mt_bundle *out, size_t *n,
                              struct mt_err *err)
{
    bool ema = mt_option(call, "ema") != NULL, any = false;

    *out = (struct mt_bundle){ .team = call->team };
    *n = 0;
    for (size_t i = 0; i < source->n; i++) {
        const struct mt_array *a = &source->arrays[i];
        bool model = mt_name_is(a->name, MT_MODEL);
        const struct mt_array *mean =
            ema && model ? mt_ema_find(source, a) : NULL;

        any |= mean != NULL;
        *n += model;
        if (model || mt_name_is(a->name, MT_SPEC))
            mt_bundle_add_array(out, a->name, mean ? mean : a);
    }
    if (out->failed)
        return mt_fail_memory(err);
    return any || !ema ? MT_OK
                       : mt_fail(err, MT_INVALID, MT_NO_MEAN, call->args[0]);
}

static mt_status put_bytes(void *file, const void *bytes, size_t n,
                           struct mt_err *err)
{
    return mt_replace_write(file, bytes, n, err);
}

static mt_status write_model(const struct mt_bundle *model, const char *source,
                             const char *digest, const char *out,
                             struct mt_err *err)
{
    struct mt_replace *file;
    mt_status status = mt_replace_open(out, &file, err);

    if (status != MT_OK)
        return status;
    status = mt_onnx_export(model, source, digest, put_bytes, file, err);
    if (status == MT_OK)
        return mt_replace_commit(file, err);
    mt_replace_abort(file);
    return status;
}

mt_status mt_save_onnx(const struct mt_call *call,
                       const struct mt_bundle *source, const char *out,
                       size_t *n, struct mt_err *err)
{
    const struct mt_ckpt *ckpt =
        source->file ? mt_statefile_ckpt(source->file) : NULL;
    struct mt_ckpt_info info = { 0 };
    struct mt_bundle model;
    mt_status status;

    if (!mt_bundle_find(source, MT_NAME_SPEC))
        return mt_fail(err, MT_INVALID,
                       "%s: has no spec, so there is no network to write; "
                       "'mtrain load SPEC %s -o FILE.mtc' puts it into a model",
                       call->args[0], call->args[0]);
    if (ckpt)
        info = mt_ckpt_info(ckpt);
    status = select_model(call, source, &model, n, err);
    if (status == MT_OK)
        status = write_model(&model, call->args[0], ckpt ? info.digest : NULL,
                             out, err);
    mt_bundle_free(&model);
    return status;
}
