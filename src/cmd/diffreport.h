/*
 * What diff found, reported as lines, as one JSON object, and as a sentence
 * that says what it means.
 */
#ifndef MT_CMD_DIFFREPORT_H
#define MT_CMD_DIFFREPORT_H

#include "base/strbuf.h"
#include "train/compare.h"
#include "train/statename.h"

struct mt_diff_part {
    bool wanted, in_a, in_b, compared;
    size_t same, differ, only_a, only_b;
    size_t within; /* of same: within the tolerance, but not bit for bit */
    size_t kind;   /* of differ: of another type or shape */
};

enum mt_diff_status {
    MT_DIFF_DIFFER, /* values */
    MT_DIFF_KIND,   /* types or shapes */
    MT_DIFF_ONLY_A,
    MT_DIFF_ONLY_B,
};

enum { MT_DIFF_SLOTS = 16 };

struct mt_diff_report {
    const char *paths[2];
    bool quiet, json;
    bool differs;
    struct mt_diff_part parts[MT_SECTIONS];

    /* for the sentence */
    struct {
        char name[64];
        size_t n;
    } slots[MT_DIFF_SLOTS]; /* of the optimizer: how many tensors differ */
    size_t n_slots;
    bool position;     /* the position differs, not only the history */
    char most[256];    /* the model's tensor that differs most */
    double most_ratio; /* rms of the difference over that of its values */

    struct mt_strbuf tensors, spec; /* the lists of the JSON answer */
};

/* Whole numbers, one on each side: lines give the values themselves. */
struct mt_diff_count {
    int64_t a, b;
    size_t tensors; /* that one line is for: of some optimizer state with these
                       steps, the first one has it, and the others have 0 */
};

/* Reports one array of both sides (of one where the status says so). c is given
 * for MT_DIFF_DIFFER only, count for whole numbers that differ; else they are
 * NULL. */
void mt_diff_report_array(struct mt_diff_report *r,
                          enum mt_state_section section,
                          enum mt_diff_status status, const struct mt_array *a,
                          const struct mt_array *b, const struct mt_compared *c,
                          const struct mt_diff_count *count);

/* A change of the spec: path is dotted, or with r->json a pointer. */
void mt_diff_report_spec(struct mt_diff_report *r, const char *path,
                         const char *a, const char *b);

/* A section that only one has. */
void mt_diff_report_lacking(const struct mt_diff_report *r,
                            enum mt_state_section section, bool asked);

/* Prints the sums and the sentence, or the JSON object. */
void mt_diff_end(const struct mt_diff_report *r);

void mt_diff_report_free(struct mt_diff_report *r);

#endif
