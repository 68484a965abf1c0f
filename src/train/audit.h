/*
 * The audit: did the step move the tensors that it should? Training that
 * changes nothing must never go unnoticed.
 *
 *     mt_audit_before(store, &audit, err);
 *     ... a step ...
 *     mt_audit_after(store, optimizer, now, &audit);
 *     if (audit.moved == 0) ... audit.unmoved says why
 *     mt_audit_free(&audit);
 *
 * If the optimizer is bound to another store (a copy, or the original of one),
 * its step moves nothing here, and every tensor's reason is
 * MT_NOT_IN_OPTIMIZER.
 */
#ifndef MT_TRAIN_AUDIT_H
#define MT_TRAIN_AUDIT_H

#include "optim/optimizer.h"
#include "train/reason.h"

struct mt_unmoved {
    const char *name;
    enum mt_reason reason;
    bool structural; /* no later step will move it either */
    size_t tensor;   /* its place in the store */
};

struct mt_audit {
    struct mt_arena arena;
    uint64_t *before;            /* a hash of each tensor */
    size_t trainable, moved;     /* parameters that require a gradient */
    size_t n_unmoved;
    struct mt_unmoved *unmoved;  /* frozen parameters included */
};

mt_status mt_audit_before(const struct mt_store *store, struct mt_audit *audit,
                          struct mt_err *err);
/* Compares, and keeps the tensors' present hashes for the next call. */
void mt_audit_after(const struct mt_store *store,
                    const struct mt_optimizer *optimizer,
                    const struct mt_scheduled *now, struct mt_audit *audit);
void mt_audit_free(struct mt_audit *audit);

/* Fails with MT_NO_EFFECT and the reasons if no trainable tensor moved; unless
 * `strict`, only if none ever will (a resumed run may start at a step where the
 * gradient or the learning rate happens to be 0). */
mt_status mt_audit_check(const struct mt_audit *audit, bool strict,
                         struct mt_err *err);

#endif
