/*
 * Specs. What parses must come out of the printer so that it parses again to
 * the same text; then the session is built, as `mtrain check` does.
 */
#include "spec/tree.h"
#include "fuzz.h"
#include "kernels/dispatch.h"
#include "train/session.h"

static void check_round_trip(const struct mt_json *doc)
{
    struct mt_strbuf first = MT_STRBUF_INIT, second = MT_STRBUF_INIT;
    struct mt_json *again = NULL;
    struct mt_err err = MT_ERR_INIT;

    mt_json_print(mt_json_root(doc), &first);
    if (first.failed)
        abort();
    mt_status status =
        mt_json_parse("again", first.text, first.len, &again, &err);

    if (status != MT_OK) /* printing may make a text too long, no more */
        goto out;
    mt_json_print(mt_json_root(again), &second);
    if (first.len != second.len || memcmp(first.text, second.text, first.len))
        abort();
    mt_json_free(again);
out:
    mt_strbuf_free(&first);
    mt_strbuf_free(&second);
}

/* Only data that need no file: paths in a spec are not ours to follow. */
static bool is_synthetic(const struct mt_json *doc)
{
    const struct mt_item *data = mt_json_get(mt_json_root(doc), "data");
    const struct mt_item *type = mt_json_get(data, "type");

    return mt_is_string(type) && !strcmp(type->text, "synthetic");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc = NULL;
    struct mt_session *session = NULL;
    mt_status status =
        mt_json_parse("spec.json", (const char *)bytes, n, &doc, &err);

    fuzz_said(status, &err);
    if (status != MT_OK)
        return 0;
    check_round_trip(doc);
    struct mt_session_request request = { .doc = doc, .purpose = MT_DATA_CHECK };

    if (is_synthetic(doc) && mt_kernels_choose(&err) == MT_OK) {
        status = mt_session_open(&request, &session, &err);
        fuzz_said(status, &err);
        if (status == MT_OK)
            mt_session_close(session);
    }
    mt_json_free(doc);
    return 0;
}
