/* Gradient cases of embeddings, attention and bilinear maps; part of
 * gradient_test.c. */
#ifndef MT_GRAPH_CASES_ATTENTION_H
#define MT_GRAPH_CASES_ATTENTION_H

/* Tokens 0 ... vocab-1, some of them twice. */
static struct mt_value *tokens(struct bench *b, size_t n, size_t t, int vocab)
{
    struct mt_value *v =
        mt_graph_input(b->graph, "tokens", MT_I32, SHAPE(2, n, t));
    int32_t *token = mt_arena_calloc(&b->arena, n * t, sizeof *token);

    ck_assert_ptr_nonnull(token);
    for (size_t i = 0; i < n * t; i++)
        token[i] = (int32_t)draw(b, 0, vocab);
    v->data = token;
    return v;
}

static struct mt_value *embed(struct bench *b)
{
    return mt_embedding(b->graph, tokens(b, 3, 7, 5), param(b, SHAPE(2, 5, 6)),
                        -1);
}

static struct mt_value *embed_wide(struct bench *b)
{
    return mt_embedding(b->graph, tokens(b, 2, 9, 4),
                        param(b, SHAPE(2, 4, 150)), -1);
}

static struct mt_value *positions(struct bench *b)
{
    return mt_add_rows(b->graph, param(b, SHAPE(3, 3, 4, 5)),
                       param(b, SHAPE(2, 6, 5)));
}

static struct mt_value *attend(struct bench *b, size_t n, size_t t,
                               size_t heads, size_t d, bool causal,
                               double dropout)
{
    struct mt_philox_key key = mt_philox_key(1, "dropout", b->name);

    return mt_attention(b->graph, param(b, SHAPE(3, n, t, 3 * d)), heads,
                        causal, dropout, key);
}

static struct mt_value *attention_full(struct bench *b)
{
    return attend(b, 2, 6, 2, 8, false, 0);
}

static struct mt_value *attention_causal(struct bench *b)
{
    return attend(b, 2, 7, 3, 9, true, 0);
}

static struct mt_value *attention_blocks(struct bench *b)
{
    return attend(b, 1, 70, 1, 4, true, 0);
}

static struct mt_value *attention_dropout(struct bench *b)
{
    return attend(b, 2, 9, 2, 6, false, 0.3);
}

static struct mt_value *attention_one_step(struct bench *b)
{
    return attend(b, 3, 1, 1, 5, true, 0);
}

static struct mt_value *bilinear(struct bench *b)
{
    return mt_row_dot(b->graph, param(b, SHAPE(3, 4, 3, 5)),
                      param(b, SHAPE(2, 4, 5)));
}

static struct mt_value *bias_over_rows(struct bench *b)
{
    return mt_add_bias(b->graph, param(b, SHAPE(3, 2, 3, 5)),
                       param(b, SHAPE(1, 5)));
}

#define ATTENTION_CASES(X)                                                     \
    X(embed) X(embed_wide) X(positions) X(attention_full)                      \
    X(attention_causal) X(attention_blocks) X(attention_dropout)               \
    X(attention_one_step) X(bilinear) X(bias_over_rows)

#endif
