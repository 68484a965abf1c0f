/*
 * What the training rows of a table decide: categories, what fills gaps, and
 * statistics.
 */
#include <stdlib.h>
#include <string.h>

#include "data/csv_internal.h"

/* The most bytes of inputs that are held in memory, by default. */
enum { RESIDENT = 256 << 20 };

/* The rows that the inputs of training are in. */
static struct mt_subset training_rows(const struct mt_dataset *data,
                                      const struct mt_window *w)
{
    struct mt_subset set = data->subset[MT_SPLIT_TRAIN];

    if (!w->steps)
        return set;
    set.rows = set.others = NULL; /* the tail is held out */
    set.n_others = 0;
    set.n = mt_window_input_rows(w, set.n);
    return set;
}

/* Counts values of the part that training did not have. */
static mt_status count_unseen(struct mt_plan *plan,
                              const struct mt_cells *cells, struct mt_err *err)
{
    double *row = calloc(plan->n + 1, sizeof *row);

    if (!row)
        return mt_fail_memory(err);
    for (size_t i = 0; i < mt_cells_rows(cells); i++) {
        mt_cells_row(cells, i, plan->n, row);
        mt_plan_count_unseen(plan, row);
    }
    free(row);
    return MT_OK;
}

/* Turns cells into inputs, in memory if they fit. */
static mt_status encode_part(const struct mt_data_request *request,
                             struct mt_csv_state *state,
                             struct mt_table_rows *rows, struct mt_part *part,
                             struct mt_dataset *data, struct mt_err *err)
{
    size_t limit = request->resident ? request->resident : RESIDENT;
    bool look = request->purpose == MT_DATA_CHECK;
    mt_status status = MT_OK;

    if (!part->samples || !rows)
        return MT_OK;
    if (!state->plan.plain)
        status = count_unseen(&state->plan, rows->cells, err);
    mt_table_rows_column(rows, &state->plan, &state->window, &part->x);
    return status == MT_OK ? mt_table_rows_load(rows, limit, look, data,
                                                &state->window, part, err)
                           : status;
}

static mt_status fit_plan(struct mt_csv_state *state, struct mt_dataset *data,
                          struct mt_err *err)
{
    struct mt_plan *plan = &state->plan;
    struct mt_subset set = training_rows(data, &state->window);

    if (plan->plain || plan->fitted)
        return MT_OK;
    if (!set.n)
        return mt_fail(err, MT_INVALID,
                       "no training rows to find categories "
                       "and gaps in");
    return mt_plan_fit(plan, state->rows[0]->cells, &set, &data->arena, err);
}

mt_status mt_csv_fit(const struct mt_data_request *request,
                     const struct mt_data_keys *keys, struct mt_dataset *data,
                     struct mt_err *err)
{
    struct mt_csv_state *state = data->state;
    struct mt_plan *plan = &state->plan;
    mt_status status = fit_plan(state, data, err);
    const char *note;

    (void)keys;
    if (status == MT_OK)
        status = encode_part(request, state, state->rows[0], &data->train, data,
                             err);
    if (status == MT_OK)
        status =
            encode_part(request, state, state->rows[1], &data->val, data, err);
    data->warning = mt_plan_warning(plan, &data->arena);
    note = status == MT_OK ? mt_plan_note(plan, &data->arena) : NULL;
    if (note)
        status = mt_csv_add_note(data, note, err);
    if (status != MT_OK || plan->plain)
        return status;
    data->fitted.facts = mt_plan_save(plan, &data->arena, err);
    return data->fitted.facts ? MT_OK : mt_fail_memory(err);
}

/* Sets mean 0 and std 1 for other columns: only numbers are normalized. */
static void keep_others(const struct mt_plan *plan,
                        struct mt_normalization *norm, double *mean,
                        double *std)
{
    if (plan->plain)
        return;
    for (size_t i = 0; i < plan->n; i++) {
        const struct mt_plan_column *p = &plan->columns[i];

        for (size_t e = p->type == MT_PLAN_CATEGORY ? 0 : 1; e < p->n; e++) {
            mean[p->first + e] = 0;
            std[p->first + e] = 1;
        }
    }
    norm->mean = mean;
    norm->std = std;
}

mt_status mt_csv_finish(const struct mt_data_request *request,
                        const struct mt_data_keys *keys,
                        struct mt_dataset *data, struct mt_err *err)
{
    const struct mt_csv_args *args = keys->args;
    const struct mt_csv_state *state = data->state;
    struct mt_normalization *norm = &data->fitted.norm;
    struct mt_subset set = training_rows(data, &state->window);
    struct mt_column rows = data->train.x;
    struct mt_table_rows one;
    mt_status status;
    double *v;

    if (request->fitted || args->normalize < 0)
        return MT_OK;
    if (!set.n)
        return mt_json_fail(request->doc,
                            mt_json_get(request->spec, "normalize"), err,
                            "no training rows to take statistics of, and none "
                            "are saved");
    rows.shape = mt_shape_of(1, rows.shape.dim[rows.shape.rank - 1]);
    if (rows.reader) {
        one = *state->rows[0];
        one.steps = 1;
        rows.reader = &one.reader;
    }
    status = mt_data_measure(args->normalize == MT_CSV_MINMAX, "feature", &set,
                             &rows, &data->arena, norm, err);
    if (status != MT_OK)
        return status;
    v = mt_arena_calloc(&data->arena, norm->n, 2 * sizeof *v);
    if (!v)
        return mt_fail_memory(err);
    memcpy(v, norm->mean, norm->n * sizeof *v);
    memcpy(v + norm->n, norm->std, norm->n * sizeof *v);
    keep_others(&state->plan, norm, v, v + norm->n);
    return mt_window_norm(&state->window, &data->arena, norm, err);
}
