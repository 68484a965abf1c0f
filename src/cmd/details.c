#include "cmd/details.h"

#include <stdlib.h>
#include <string.h>

#include "spec/tree.h"
#include "cmd/report.h"
#include "kernels/dispatch.h"

/* The file that the spec names for a role: "train", or "train[1]" of a list. */
static const char *file_of(const struct mt_session *s, const char *role)
{
    const char *bracket = strchr(role, '[');
    char key[32];
    size_t n = bracket ? (size_t)(bracket - role) : strlen(role);
    const struct mt_item *item;

    if (n >= sizeof key)
        return role;
    memcpy(key, role, n);
    key[n] = '\0';
    item =
        mt_json_get(mt_json_get(mt_json_root(mt_session_doc(s)), "data"), key);
    if (bracket)
        item = mt_item_at(item,
                                  (int)strtol(bracket + 1, NULL, 10));
    return mt_is_string(item) ? item->text : role;
}

static void report_files(const struct mt_call *call, const struct mt_session *s)
{
    for (size_t i = 0; i < mt_session_data(s)->n_fingerprints; i++) {
        const struct mt_fingerprint *f = &mt_session_data(s)->fingerprints[i];

        mt_report_detail(call, "data.%s: read %s, %llu bytes, SHA-256 %s",
                         f->role, file_of(s, f->role),
                         (unsigned long long)f->bytes, f->sha256);
    }
}

void mt_details_report(const struct mt_call *call, const struct mt_session *s)
{
    size_t all = mt_session_bytes(s, 0);

    if (!call->verbose)
        return;
    report_files(call, s);
    mt_report_detail(call, "kernels: %s on %s", mt_kernels()->isa,
                     mt_count(mt_team_size(mt_session_team(s)), "thread").text);
    mt_report_detail(call,
                     "memory: %.1f MB: %.1f MB for parameters, gradients "
                     "and the optimizer, %.1f MB for activations",
                     (double)all / 1e6,
                     (double)(all - mt_session_workspace_bytes(s)) / 1e6,
                     (double)mt_session_workspace_bytes(s) / 1e6);
}

void mt_details_traffic(const struct mt_call *call, const struct mt_session *s,
                        uint64_t sent)
{
    struct mt_traffic all = mt_session_traffic(s, false);

    mt_report_detail(
        call,
        "process 0 of %zu sent %llu bytes in the last step; by "
        "formula %llu: gradients %llu, parameters %llu, "
        "rest %llu (%s)",
        mt_comm_size(call->comm), (unsigned long long)sent,
        (unsigned long long)(all.gradients + all.parameters + all.rest),
        (unsigned long long)all.gradients, (unsigned long long)all.parameters,
        (unsigned long long)all.rest, call->comm->library);
}
