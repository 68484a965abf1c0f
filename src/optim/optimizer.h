/*
 * Optimizers, with the update rules, options and defaults of torch.optim: one
 * file and one table row each.
 *
 * An optimizer is bound to the tensors of one store. It has one flat block per
 * slot ("exp_avg", "momentum_buffer", ...), laid out like the store's trainable
 * block, and a step count per tensor. It moves only the tensors of its own
 * store: a step after backward on a copy of the model does not move the copy,
 * which the audit (train/) reports.
 *
 * A parameter without a gradient is skipped: no decay, no state. If the store
 * has no gradients at all (enum mt_memory), slots take no memory: such an
 * optimizer consists of its settings only.
 */
#ifndef MT_OPTIM_OPTIMIZER_H
#define MT_OPTIM_OPTIMIZER_H

#include <stdatomic.h>

#include "spec/kind.h"
#include "base/team.h"
#include "graph/tensor.h"
#include "optim/scheduler.h"

enum {
    MT_OPTIM_MAX_SLOTS = 3,
    MT_OPTIM_STEP_SIZE = 128, /* bytes of a row's prepared constants */
};

/* One run of consecutive tensors with the same group and step count. */
struct mt_segment {
    size_t offset, n;        /* floats of the flat block */
    size_t group;
    uint64_t step;           /* finished steps */
    float product;           /* of the factors of these steps */
    size_t first, end;       /* tensors of the store */
    bool taken;              /* mt_optimizer_take_from */
    float next;              /* the product after the present step, and what */
    _Alignas(16) char prepared[MT_OPTIM_STEP_SIZE]; /* was prepared for it */
};

/* Of a gradient that was taken. */
struct mt_seen {
    atomic_bool other_than_0, non_finite;
};

/* The blocks that one pass works on. */
struct mt_update {
    float *p;
    const float *g;
    float *slot[MT_OPTIM_MAX_SLOTS]; /* NULL: the settings need none */
    size_t n;
};

/* The values of one step of a segment. */
struct mt_optim_step {
    double lr;
    double momentum; /* as in struct mt_scheduled; NAN: the settings' own */
    uint64_t t;      /* number of this step, from 1 */
    double product;  /* of the factors of steps 1 ... t; 1 without factor */
};

/*
 * A row. Other code relies on these rules, which rules_test.c checks for every
 * row:
 *
 *   - update() with p = g = 0 and slots as they start leaves p at 0, whatever
 *     the settings: tensors are padded with zeros to whole vectors.
 *   - update() is a function of its block and of the result of prepare(), value
 *     by value: how the work is cut into tasks changes nothing.
 *   - prepare() is a function of the settings and of struct mt_optim_step.
 *   - a slot that no setting needs, or that is a product, is NULL in update().
 */
struct mt_optimizer_type {
    MT_TYPE_HEAD; /* keys: of the optimizer and of each group */
    size_t step_size;         /* bytes that prepare() fills, at most
                                 MT_OPTIM_STEP_SIZE */
    const char *const *slots; /* names, as in torch's state dicts;
                                 NULL-terminated, at most MT_OPTIM_MAX_SLOTS */

    bool stepless; /* torch's state has no step: it only matters whether a step
                      is the first */

    /* Checks what single keys cannot; may be NULL. */
    mt_status (*check)(const void *args, const struct mt_json *doc,
                       const struct mt_item *object, struct mt_err *err);

    /* Does the slot exist under these settings? cycled: the schedule sets the
     * momentum at each step. NULL: every slot does. */
    bool (*has_slot)(const void *args, bool cycled, size_t slot);

    /* The value that a slot starts with. NULL: 0. */
    float (*start)(const void *args, size_t slot);

    /* The settings that a schedule starts from; momentum NAN: it has none. */
    struct mt_scheduled (*base)(const void *args);

    /* The factor by which a step multiplies the tensor's product, before
     * prepare(). With it, the last of the slots is that product, a single
     * number for each tensor; it starts as start() says. NULL: there is no
     * product. */
    double (*factor)(const void *args, const struct mt_optim_step *step);

    /* The constants of a step for the kernel. Scalars are computed in double,
     * as in torch. */
    void (*prepare)(const void *args, const struct mt_optim_step *step,
                    void *out);
    /* False if a gradient is not finite. */
    bool (*update)(const struct mt_update *u, const void *prepared);
};

/* Every optimizer has groups; every group has params and, for the parameters
 * that these match, its own values of the optimizer's keys. */
extern const struct mt_kind mt_optimizer_kind, mt_group_kind;

struct mt_group {
    struct mt_strings params; /* globs; none for the default group, which is
                                 the last one */
    void *args;
};

struct mt_optimizer {
    const struct mt_optimizer_type *type;
    struct mt_arena arena;
    struct mt_store *store;
    struct mt_group *groups;
    size_t n_groups;           /* including the default group */
    size_t *group_of;          /* for each tensor of the store */
    uint64_t *step_of;         /* for each tensor: finished steps (between
                                  mt_optimizer_sync and the next step) */
    size_t n_slots;            /* of the type */
    bool cycled;               /* the schedule sets the momentum */
    float *slot[MT_OPTIM_MAX_SLOTS]; /* store->flat floats each; a product has
                                        one for each tensor; NULL: no group
                                        needs it */
    const struct mt_range *own;      /* [n_own] what it steps of the block; */
    size_t n_own;                    /* 0: all of it */
    struct mt_segment *segments;
    size_t n_segments;
    size_t *segment_of; /* of each tensor that has a gradient */
    bool segmented;
    const bool *taken;    /* for each tensor, mt_optimizer_take_from;
                             NULL: none */
    bool taking;          /* in the last step they were taken */
    struct mt_seen *seen; /* for each tensor */
};

/* Reads the spec's "optimizer" object and binds it to the store. A glob of
 * `groups` that matches no parameter is an error. */
mt_status mt_optimizer_new(const struct mt_json *doc, const struct mt_item *object,
                           struct mt_store *store, struct mt_optimizer **out,
                           struct mt_err *err);
void mt_optimizer_free(struct mt_optimizer *optimizer); /* NULL is allowed */

/* Prepares for the schedule: one that cycles the momentum (OneCycleLR) gives
 * SGD a momentum buffer even if its own momentum is 0, as in torch. MT_INVALID:
 * the optimizer has no momentum to cycle. To be called before any step or
 * restoring. */
mt_status mt_optimizer_follow(struct mt_optimizer *optimizer,
                              const struct mt_scheduler *scheduler,
                              struct mt_err *err);

/* Allocates the slots that some group needs and that are not there yet, if the
 * store has memory for training. mt_optimizer_new does so; to be called again
 * only if the store got its memory later. */
mt_status mt_optimizer_allocate(struct mt_optimizer *optimizer,
                                struct mt_err *err);

/* The bytes of the slots if the store has memory for training. */
size_t mt_optimizer_bytes(const struct mt_optimizer *optimizer);

/* The settings that a schedule starts from, for a group. */
struct mt_scheduled mt_optimizer_base(const struct mt_optimizer *optimizer,
                                      size_t group);

/* Limits steps to these ranges of floats of the store's block, which are
 * borrowed: the rest belongs to other processes, and its memory is not touched.
 * Limits are multiples of 16, or the block's end. */
void mt_optimizer_own(struct mt_optimizer *optimizer,
                      const struct mt_range *ranges, size_t n);

/* One step of all tensors that have a gradient; now: [n_groups]. False if a
 * gradient is not finite: the tensors are invalid then. */
bool mt_optimizer_step(struct mt_optimizer *optimizer,
                       const struct mt_scheduled *now, struct mt_team *team);

/*
 * The same step with gradients that come piece by piece, in any order and from
 * any thread, and need not be in memory: of the tensors that
 * mt_optimizer_take_from was given, [tensors of the store], borrowed.
 *
 *     mt_optimizer_begin(o, now);
 *     mt_optimizer_take(o, tensor, at, g, n);    each of their values once
 *     mt_optimizer_end(o, team);                 all other tensors
 *
 * Each value is updated as mt_optimizer_step would. at and n are multiples of
 * 16. A step that was begun may be given up before anything is taken.
 * mt_optimizer_take_from is to be called before all steps.
 */
void mt_optimizer_take_from(struct mt_optimizer *optimizer, const bool *taken);
void mt_optimizer_begin(struct mt_optimizer *optimizer,
                        const struct mt_scheduled *now);
void mt_optimizer_take(struct mt_optimizer *optimizer,
                       const struct mt_tensor *tensor, size_t at,
                       const float *g, size_t n);
bool mt_optimizer_end(struct mt_optimizer *optimizer, struct mt_team *team);

/* Of the last step's gradient of tensor t, which must have one: was all of it
 * finite; was all of it 0? */
bool mt_optimizer_saw_finite(const struct mt_optimizer *optimizer, size_t t);
bool mt_optimizer_saw_zeros(const struct mt_optimizer *optimizer, size_t t);

/* Does this optimizer move the tensor? */
bool mt_optimizer_owns(const struct mt_optimizer *optimizer,
                       const struct mt_tensor *tensor);

/* --- state, by slot and tensor ------------------------------------------ */

/* Brings step_of and products up to date. */
void mt_optimizer_sync(struct mt_optimizer *optimizer);

/* Slot `slot` of a tensor; NULL: it has none, as the tensor is frozen, or its
 * group's settings need no such slot. */
float *mt_optimizer_slot(const struct mt_optimizer *optimizer, size_t slot,
                         size_t tensor);

/* Is slot `slot` the product: one number, whatever the tensor's shape? */
bool mt_optimizer_is_product(const struct mt_optimizer_type *type, size_t slot);

/* The shape of a tensor's slot: the tensor's own, or a scalar. */
struct mt_shape mt_optimizer_slot_shape(const struct mt_optimizer *optimizer,
                                        size_t slot, size_t tensor);

/* Has the tensor any slot? If not, it has no state to save or restore. */
bool mt_optimizer_has_slots(const struct mt_optimizer *optimizer,
                            size_t tensor);

/* To be called after step_of, a product or has_grad of tensors was changed. */
void mt_optimizer_restart(struct mt_optimizer *optimizer);

#endif
