/* Gradient cases of the losses over pairs, with weights, and of classes;
 * gradient_test.c runs them. */
#ifndef MT_GRAPH_CASES_LOSS_H
#define MT_GRAPH_CASES_LOSS_H

/* Moves x so that its distance to t is at least 0.1, and at least 0.1 away from
 * the kink at 0.6. */
static void keep_off_kinks(struct mt_value *x, const struct mt_value *t)
{
    const float *to = t->data;
    float *at = x->data;

    for (size_t i = 0; i < mt_shape_elements(&x->shape); i++) {
        float d = at[i] - to[i];

        if (fabsf(d) < 0.1f)
            d += copysignf(0.2f, d);
        if (fabsf(fabsf(d) - 0.6f) < 0.1f)
            d += copysignf(0.25f, d);
        at[i] = to[i] + d;
    }
}

static struct mt_value *kinked(struct bench *b, const char *name, float p0,
                               double divisor)
{
    const struct mt_pair_loss_type *type = mt_pair_loss_find(name);
    struct mt_value *x = param(b, SHAPE(2, 9, 5)), *t = input(b, SHAPE(1, 45));
    const float p[3] = { p0 };

    ck_assert_msg(type != NULL, "no loss %s", name);
    keep_off_kinks(x, t);
    return mt_pair_loss_over(b->graph, x, t, type, divisor, p);
}

static struct mt_value *smooth_l1(struct bench *b)
{
    return kinked(b, "smooth_l1", 0.6f, 45);
}

static struct mt_value *smooth_l1_sum(struct bench *b)
{
    return kinked(b, "smooth_l1", 0.6f, 1);
}

static struct mt_value *smooth_l1_sharp(struct bench *b)
{
    return kinked(b, "smooth_l1", 0, 45);
}

static struct mt_value *huber(struct bench *b)
{
    return kinked(b, "huber", 0.6f, 45);
}

static struct mt_value *huber_sum(struct bench *b)
{
    return kinked(b, "huber", 0.6f, 1);
}

/* Draws values from low to high, for probabilities. */
static void range(struct bench *b, struct mt_value *v, double low, double high)
{
    float *x = v->data;

    for (size_t i = 0; i < mt_shape_elements(&v->shape); i++)
        x[i] = (float)draw(b, low, high);
}

static struct mt_value *of_probabilities(struct bench *b, const char *name,
                                         double divisor)
{
    const struct mt_pair_loss_type *type = mt_pair_loss_find(name);
    struct mt_value *x = param(b, SHAPE(2, 8, 5));
    struct mt_value *t = input(b, SHAPE(2, 8, 5));

    ck_assert_msg(type != NULL, "no loss %s", name);
    range(b, x, 0.1, 0.9);
    range(b, t, 0, 1);
    return mt_pair_loss_over(b->graph, x, t, type, divisor, NULL);
}

static struct mt_value *bce_of_probabilities(struct bench *b)
{
    return of_probabilities(b, "bce", 40);
}

static struct mt_value *bce_of_probabilities_sum(struct bench *b)
{
    return of_probabilities(b, "bce", 1);
}

static struct mt_value *kl_div(struct bench *b)
{
    return of_probabilities(b, "kl_div", 40);
}

static struct mt_value *kl_div_batchmean(struct bench *b)
{
    return of_probabilities(b, "kl_div", 8);
}

static struct mt_value *kl_div_log(struct bench *b)
{
    return of_probabilities(b, "kl_div_log", 1);
}

enum { COLUMNS = 7 };

static const float hit_weights[COLUMNS] = { 3, 0.5f, 1, 0, 2, 7, 0.1f };
static const float all_weights[COLUMNS] = { 1, 2, 0.3f, 1.5f, 0, 1, 0.7f };

static struct mt_value *binary(struct bench *b, bool logits, const float *hit,
                               const float *all, bool mean, size_t rows)
{
    struct mt_binary_loss options = { hit, all, logits, mean };
    struct mt_value *x = param(b, SHAPE(2, rows, COLUMNS));
    struct mt_value *t = input(b, SHAPE(2, rows, COLUMNS));

    if (!logits)
        range(b, x, 0.1, 0.9);
    range(b, t, 0, 1);
    return mt_binary_loss(b->graph, x, t, &options);
}

static struct mt_value *binary_hit(struct bench *b)
{
    return binary(b, true, hit_weights, NULL, true, 5);
}

static struct mt_value *binary_all_sum(struct bench *b)
{
    return binary(b, true, NULL, all_weights, false, 5);
}

/* more rows than there are copies of the weights, and than a task has */
static struct mt_value *binary_long(struct bench *b)
{
    return binary(b, true, hit_weights, all_weights, true, 2500);
}

static struct mt_value *binary_of_probabilities(struct bench *b)
{
    return binary(b, false, NULL, all_weights, true, 6);
}

static struct mt_value *nll(struct bench *b, const float *weight, bool mean,
                            bool ignore)
{
    static const int32_t classes[ROWS] = { 3, 0, 18, 7, 7, 2 };
    struct mt_nll options = { weight, ignore ? 7 : -100, mean };
    struct mt_value *x = param(b, SHAPE(2, ROWS, CLASSES));
    struct mt_value *t = mt_graph_input(b->graph, "t", MT_I32, SHAPE(1, ROWS));

    t->data = mt_arena_alloc(&b->arena, sizeof classes);
    ck_assert_ptr_nonnull(t->data);
    memcpy(t->data, classes, sizeof classes);
    return mt_nll(b->graph, mt_log_softmax(b->graph, x), t, &options);
}

static struct mt_value *nll_mean(struct bench *b)
{
    return nll(b, NULL, true, false);
}

static struct mt_value *nll_sum(struct bench *b)
{
    return nll(b, NULL, false, true);
}

static struct mt_value *nll_weights(struct bench *b)
{
    return nll(b, class_weights, true, false);
}

static struct mt_value *nll_weights_ignore(struct bench *b)
{
    return nll(b, class_weights, true, true);
}

static struct mt_value *nll_weights_sum(struct bench *b)
{
    return nll(b, class_weights, false, false);
}

/* As for layers and losses along another dimension than the last. */
static struct mt_value *softmax_middle(struct bench *b)
{
    static const int order[MT_MAX_RANK] = { 0, 2, 1 };
    struct mt_value *x = param(b, SHAPE(3, 3, 4, 5));

    x = mt_softmax(b->graph, mt_permute(b->graph, x, order));
    return mt_permute(b->graph, x, order);
}

#define LOSS_CASES(X)                                                          \
    X(smooth_l1)                                                               \
    X(smooth_l1_sum) X(smooth_l1_sharp) X(huber) X(huber_sum)                  \
        X(bce_of_probabilities) X(bce_of_probabilities_sum) X(kl_div)          \
            X(kl_div_batchmean) X(kl_div_log) X(binary_hit) X(binary_all_sum)  \
                X(binary_long) X(binary_of_probabilities) X(nll_mean)          \
                    X(nll_sum) X(nll_weights) X(nll_weights_ignore)            \
                        X(nll_weights_sum) X(softmax_middle)

#endif
