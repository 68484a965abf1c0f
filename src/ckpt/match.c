#include "ckpt/match.h"

#include <string.h>

enum {
    CHAIN = 128,    /* most places that are compared */
    GOOD = 64,      /* bytes of a match that ends the search */
    TOO_FAR = 4096, /* beyond this, a match of three bytes does not pay off */
};

void mt_matcher_start(struct mt_matcher *m, const unsigned char *in, size_t n,
                      enum mt_match_way way)
{
    m->in = in;
    m->n = n;
    m->at = 0;
    m->way = way;
    m->looked_ahead = false;
    if (way == MT_MATCH_TEXT)
        memset(m->head, 0, sizeof m->head); /* `before` is only reached by it */
}

/* How many bytes at `at` repeat those at `from`, at most MT_MATCH_MOST. */
static size_t repeats(const struct mt_matcher *m, size_t from, size_t at)
{
    size_t most = m->n - at, length = 0;
    const unsigned char *a = m->in + from, *b = m->in + at;

    most = most < MT_MATCH_MOST ? most : MT_MATCH_MOST;
    while (length + 8 <= most && memcmp(a + length, b + length, 8) == 0)
        length += 8;
    while (length < most && a[length] == b[length])
        length++;
    return length;
}

static uint32_t *chain_of(struct mt_matcher *m, size_t at)
{
    const unsigned char *p = m->in + at;
    uint32_t h = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];

    return &m->head[h * 2654435761u >> 17]; /* 15 bits */
}

static void remember(struct mt_matcher *m, size_t at)
{
    if (m->n - at < MT_MATCH_LEAST)
        return;
    uint32_t *head = chain_of(m, at);

    m->before[at % MT_MATCH_WINDOW] = *head;
    *head = (uint32_t)at + 1;
}

/* The longest match of the bytes at `at` with earlier ones; 0: none. */
static mt_token longest(struct mt_matcher *m, size_t at)
{
    mt_token found = 0;
    size_t best = MT_MATCH_LEAST - 1, place;

    if (m->n - at < MT_MATCH_LEAST)
        return 0;
    place = *chain_of(m, at);
    for (int i = 0; i < CHAIN && place; i++) {
        size_t from = place - 1, distance = at - from;
        size_t length;

        if (distance > MT_MATCH_WINDOW)
            break;
        length = repeats(m, from, at);
        if (length > best && (length > MT_MATCH_LEAST || distance <= TOO_FAR)) {
            best = length;
            found = (mt_token)(length << 16 | distance);
        }
        if (best >= GOOD)
            break;
        place = m->before[from % MT_MATCH_WINDOW];
    }
    return found;
}

/* Lazy matching: emits a byte instead of a match if the next place has a longer
 * match. */
static mt_token next_of_text(struct mt_matcher *m)
{
    mt_token here = m->looked_ahead ? m->ahead : longest(m, m->at);
    size_t length = mt_token_length(here);

    remember(m, m->at);
    m->looked_ahead = length && length < GOOD;
    if (m->looked_ahead)
        m->ahead = longest(m, m->at + 1);
    if (!length || (m->looked_ahead && mt_token_length(m->ahead) > length))
        return m->in[m->at++];
    m->looked_ahead = false;
    for (size_t i = 1; i < length; i++)
        remember(m, m->at + i);
    m->at += length;
    return here;
}

static mt_token next_of_runs(struct mt_matcher *m)
{
    size_t length = m->at ? repeats(m, m->at - 1, m->at) : 0;

    if (length < MT_MATCH_LEAST)
        return m->in[m->at++];
    m->at += length;
    return (mt_token)(length << 16 | 1);
}

size_t mt_matcher_next(struct mt_matcher *m, mt_token *token, size_t max)
{
    size_t tokens = 0;

    while (tokens < max && m->at < m->n)
        token[tokens++] =
            m->way == MT_MATCH_TEXT ? next_of_text(m) : next_of_runs(m);
    return tokens;
}
