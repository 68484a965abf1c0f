/*
 * Text from a model of text: for each token, the model reads the last tokens
 * (at most seq_len, as in training), and the next one is drawn from
 * softmax(logits / temperature).
 *
 * As long as there are fewer than seq_len tokens, the model runs on just those,
 * so that nothing has to be padded. A model that takes only seq_len tokens
 * needs a prompt of that length.
 *
 * As long as the text is no longer than seq_len, a model in which no position
 * sees later ones runs on the last token only, and keeps what it needs of the
 * others (incremental.h). From then on the window moves with each token, which
 * changes every position and its context: the model runs on all positions,
 * except that its last layers run on the last one only. Other models always run
 * on all. The text is the same either way.
 *
 * Token number i is drawn with the uniform number i of the seed's stream, by
 * mt_dexp: the text is a function of checkpoint, prompt, options and seed.
 */
#ifndef MT_TRAIN_GENERATE_H
#define MT_TRAIN_GENERATE_H

#include "train/infer.h"

struct mt_sampling {
    double temperature; /* 0: the most likely token */
    size_t top_k;       /* draw from the top_k most likely; 0: from all */
    uint64_t seed;
};

/* Draws token number i from its n logits; p is scratch for 2 n. Of equal logits
 * top_k prefers the first. */
size_t mt_sample(const float *logits, size_t n, const struct mt_sampling *s,
                 uint64_t i, double *p);

struct mt_generation {
    const char *prompt; /* not empty */
    size_t length;      /* tokens to draw */
    struct mt_sampling sampling;

    /* Called with each token and its text, n bytes. */
    mt_status (*emit)(void *ctx, size_t token, const char *text, size_t n,
                      struct mt_err *err);
    void *ctx;

    size_t unknown; /* set: characters of the prompt without a token of their
                       own */
};

/* Is it a model of text? */
bool mt_generates(const struct mt_infer *m);

/* The token of unknown characters is read, but never drawn. */
mt_status mt_generate(struct mt_infer *m, struct mt_generation *g,
                      struct mt_err *err);

#endif
