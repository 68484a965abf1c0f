/*
 * Opening what commands work on: specs with overrides, checkpoints, sessions.
 */
#ifndef MT_CMD_SPECS_H
#define MT_CMD_SPECS_H

#include "ckpt/statefile.h"
#include "cmd/command.h"
#include "train/bundle.h"
#include "train/session.h"

struct mt_events; /* events.h */

/* Is path a spec, by its ending or, where that says nothing, its content? */
bool mt_is_spec(const char *path);

/* After reading path as a checkpoint failed: what to do with it if it is a
 * spec. Returns the status in err. */
mt_status mt_hint_not_checkpoint(const char *path, struct mt_err *err);

/* A checkpoint opened for work: its arrays, its spec, and the session restored
 * from both. Once it is restored, the bundle has the small arrays only (see
 * mt_bundle_detach). */
struct mt_opened {
    struct mt_bundle bundle;
    struct mt_json *doc;
    struct mt_json *before; /* the spec without the overrides; NULL: there were
                               none */
    struct mt_session *session;
};

struct mt_open_request {
    const char *path;
    const char *data_dir;
    const char *const *overrides;
    size_t n_overrides;
    enum mt_data_purpose purpose; /* train, eval or check */
    enum mt_split split;          /* of eval */
    bool mean;                    /* eval: of the parameters, in their place */
    enum mt_memory memory;        /* less than for training: no steps */
    bool norms;                   /* as in mt_session_request */
    bool undrawn; /* a spec's values all come from elsewhere: they are 0 */
    struct mt_team *team;
    struct mt_comm *comm; /* or NULL */
    size_t ranks;         /* as in mt_session_request */
};

/* Opens path, applies the overrides to its spec, builds the session and
 * restores it; checks that the data files are the same, except those that an
 * override names. To evaluate, only the model is restored (by request->memory
 * without more), whatever the files. */
mt_status mt_open_checkpoint(const struct mt_open_request *request,
                             struct mt_opened *out, struct mt_err *err);

/* A spec opened for work: freshly initialised, except to be checked, without
 * memory, or undrawn. */
mt_status mt_open_spec(const struct mt_open_request *request,
                       struct mt_opened *out, struct mt_err *err);

/* What state is put into: a spec, freshly initialised, or a checkpoint, whose
 * large arrays stay in the file. Arrays of the bundle may be the session's. */
mt_status mt_open_model(const struct mt_open_request *request,
                        struct mt_opened *out, struct mt_err *err);

/* Builds the session of a checkpoint that mt_open_model opened; tensors have no
 * memory, the position is the start. */
mt_status mt_open_session(const struct mt_open_request *request,
                          struct mt_opened *opened, struct mt_err *err);

/* Reports what is suspicious about the data, the loss and, unless it is only
 * evaluated, the schedule (train/traps.h). With --strict that is an error. */
mt_status mt_opened_warn(const struct mt_call *call,
                         const struct mt_opened *opened, struct mt_events *e,
                         struct mt_err *err);

void mt_opened_close(struct mt_opened *opened);

/* "80 training and 20 validation", "60 training, 20 validation and 20 test" */
struct mt_samples_text {
    char text[128];
};
struct mt_samples_text mt_samples_text(const struct mt_session *s);

/* The options of all commands that take files of torch.save. */
#define MT_STATE_OPTIONS                                                       \
    { "entry", 0, "NAME", "which state dict of a file of torch.save" },        \
    { "skip-objects", 0, NULL,                                                 \
      "pass over objects in it whose classes are unknown" }

/* Reads these options; remarks on the file are reported. */
struct mt_state_options mt_state_options(const struct mt_call *call);

/* Opens anything that holds a state as a bundle: a checkpoint or a bare state
 * dict, whose large arrays stay in the file (mt_bundle_open_state), or a spec
 * (freshly initialised), for which the options (may be NULL) are ignored. */
mt_status mt_open_state(const char *path, const char *data_dir,
                        const struct mt_state_options *options,
                        struct mt_team *team, struct mt_bundle *out,
                        struct mt_err *err);

/* The same to be listed only: tensors of a spec have no values. */
mt_status mt_list_state(const char *path, const char *data_dir,
                        const struct mt_state_options *options,
                        struct mt_team *team, struct mt_bundle *out,
                        struct mt_err *err);

#endif
