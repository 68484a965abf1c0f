#include "train/traps.h"

#include "train/session_internal.h"

/* --- the loss ----------------------------------------------------------- */

static const struct {
    enum mt_wants wants;
    enum mt_gives gives;
    const char *what, *remedy;
} traps[] = {
    { MT_WANTS_SCORES, MT_GIVES_PROBABILITIES,
      "applies softmax itself and expects scores, not probabilities",
      "remove this layer" },
    { MT_WANTS_SCORES, MT_GIVES_FRACTIONS,
      "applies softmax itself and expects scores, which may be any numbers",
      "remove this layer" },
    { MT_WANTS_SCORES, MT_GIVES_NO_NEGATIVES,
      "expects scores, of which this layer cuts off all that are negative",
      "remove this layer" },
    { MT_WANTS_LOGITS, MT_GIVES_FRACTIONS,
      "applies the sigmoid itself and expects logits, not probabilities",
      "remove this layer, or use BCELoss" },
    { MT_WANTS_LOGITS, MT_GIVES_PROBABILITIES,
      "applies the sigmoid itself and expects logits, not probabilities",
      "remove this layer, or use BCELoss" },
    { MT_WANTS_LOGITS, MT_GIVES_NO_NEGATIVES,
      "expects logits, of which this layer cuts off all that are negative: no "
      "probability is below 0.5",
      "remove this layer" },
};

enum { N_TRAPS = sizeof traps / sizeof *traps };

static void warn(const struct mt_session *s, const struct mt_layer *by,
                 const char *what, const char *remedy, struct mt_warnings *out)
{
    const struct mt_loss *loss = &s->model->loss;
    struct mt_err text = MT_ERR_INIT; /* to format a message with a place */

    if (by)
        mt_json_fail(s->doc, loss->object, &text,
                     "the model ends with %s \"%s\", but %s %s; %s",
                     by->type->name, by->path, loss->type->name, what, remedy);
    else
        mt_json_fail(s->doc, loss->object, &text,
                     "the model's outputs are its inputs, but %s %s; %s",
                     loss->type->name, what, remedy);
    mt_warnings_add(out, "loss", "%s", text.text);
}

/* Does the LogSoftmax work along a dimension other than that of the classes? If
 * a later layer changes the shape it is unknown, and assumed not to. */
static bool along_another(const struct mt_session *s, const struct mt_layer *by)
{
    const struct mt_item *item = mt_json_get(by->object, "dim");
    int rank = s->model->output.rank;
    int dim = mt_is_number(item) ? (int)item->number : -1;

    if (!s->model->loss.type->classification ||
        !mt_shape_equal(&by->out_shape, &s->model->output))
        return false;
    dim = dim < 0 ? dim + rank + 1 : dim;
    return dim != mt_loss_class_dim(&s->model->loss, rank + 1);
}

static void check_log_probabilities(const struct mt_session *s,
                                    const struct mt_layer *by, bool are,
                                    struct mt_warnings *out)
{
    bool classes = s->model->loss.type->classification;

    if (!are)
        warn(s, by, "expects log-probabilities",
             classes ? "add a LogSoftmax layer, or use CrossEntropyLoss"
                     : "add a LogSoftmax layer",
             out);
    else if (along_another(s, by))
        warn(s, by,
             "expects log-probabilities along the dimension of the "
             "classes",
             "set the layer's \"dim\"", out);
}

static void find_loss(const struct mt_session *s, struct mt_warnings *out)
{
    const struct mt_layer *by;
    enum mt_gives gives = mt_layer_gives(&s->model->root, &by);
    enum mt_wants wants = s->model->loss.type->wants;

    if (wants == MT_WANTS_LOG_PROBABILITIES)
        check_log_probabilities(s, by, gives == MT_GIVES_LOG_PROBABILITIES,
                                out);
    for (size_t i = 0; i < N_TRAPS; i++) {
        if (traps[i].wants == wants && traps[i].gives == gives)
            warn(s, by, traps[i].what, traps[i].remedy, out);
    }
}

/* --- the schedule ------------------------------------------------------- */

static uint64_t epochs_of(const struct mt_run_length *run)
{
    uint64_t each = run->steps_per_epoch;

    return each ? (run->steps + each - 1) / each : 0;
}

static uint64_t times_stepped(const struct mt_scheduler *schedule,
                              const struct mt_run_length *run)
{
    return schedule->per_step ? run->steps : epochs_of(run);
}

/* The length of the run by the spec before the change, on as many samples;
 * *end: where its schedule ended. 0: not known. */
static uint64_t length_before(const struct mt_session *s,
                              const struct mt_json *before,
                              struct mt_sched_end *end)
{
    const struct mt_item *root = mt_json_root(before);
    struct mt_arena arena = MT_ARENA_INIT;
    struct mt_err unused = MT_ERR_INIT;
    struct mt_scheduler *schedule;
    struct mt_batching batching;
    struct mt_settings t;
    uint64_t length = 0;

    if (mt_settings_read(before, &arena, &t, &unused) == MT_OK &&
        mt_batching_read(before, mt_json_get(root, "data"), &batching,
                         &unused) == MT_OK &&
        mt_scheduler_new(before, mt_json_get(root, "scheduler"), &arena,
                         &schedule, &unused) == MT_OK &&
        schedule->per_step == s->scheduler->per_step) {
        struct mt_run_length run =
            mt_run_length(&t, &batching, mt_session_samples(s, MT_SPLIT_TRAIN));

        *end = mt_scheduler_end(schedule);
        length = times_stepped(schedule, &run);
    }
    mt_arena_free(&arena);
    return length;
}

/* A schedule may end with the last step of a run, or one before or after. */
static bool fits(const struct mt_sched_end *end, uint64_t length)
{
    uint64_t off =
        end->after > length ? end->after - length : length - end->after;

    return end->whole ? off <= length / 100 : off <= 1;
}

/* "; scheduler.T_max=10 would fit" */
static void add_remedy(const struct mt_session *s,
                       const struct mt_sched_end *end,
                       const struct mt_run_length *run, struct mt_strbuf *text)
{
    bool per_step = s->scheduler->per_step;
    uint64_t length = times_stepped(s->scheduler, run);

    mt_strbuf_puts(text, "; ");
    if (end->whole && fits(end, per_step ? epochs_of(run) : run->steps)) {
        mt_strbuf_printf(text, "scheduler.interval=%s would fit",
                         per_step ? "epoch" : "step");
        return;
    }
    if (length <= end->start) {
        mt_strbuf_puts(text, "change scheduler.milestones");
        return;
    }
    mt_strbuf_puts(text, "scheduler.");
    if (end->stage >= 0)
        mt_strbuf_printf(text, "schedulers.%d.", end->stage);
    mt_strbuf_printf(text, "%s=%llu would fit", end->key,
                     (unsigned long long)(length - end->start));
}

static void warn_schedule(const struct mt_session *s,
                          const struct mt_sched_end *end,
                          const struct mt_run_length *run,
                          struct mt_warnings *out)
{
    uint64_t length = times_stepped(s->scheduler, run);
    const struct mt_item *item = mt_json_get(mt_json_root(s->doc), "scheduler");
    struct mt_scheduled base =
        mt_optimizer_base(s->optimizer, s->optimizer->n_groups - 1);
    double last = mt_scheduler_at(s->scheduler, length - 1, base).lr;
    struct mt_strbuf text = MT_STRBUF_INIT;
    struct mt_err place = MT_ERR_INIT;

    mt_strbuf_printf(&text,
                     "%s is made for %llu %s, but the run has %llu: the "
                     "learning rate ends at %.3g",
                     s->scheduler->type->name, (unsigned long long)end->after,
                     s->scheduler->per_step ? "steps" : "epochs",
                     (unsigned long long)length, last);
    add_remedy(s, end, run, &text);
    mt_json_fail(s->doc, item, &place, "%s", text.text ? text.text : "");
    out->failed |= text.failed;
    mt_strbuf_free(&text);
    mt_warnings_add(out, "scheduler", "%s", place.text);
}

static void find_schedule(const struct mt_session *s,
                          const struct mt_json *before, struct mt_warnings *out)
{
    struct mt_run_length run =
        mt_run_length(&s->settings, &s->batching, mt_session_samples(s, MT_SPLIT_TRAIN));
    struct mt_sched_end end = mt_scheduler_end(s->scheduler), was;
    uint64_t length = times_stepped(s->scheduler, &run), length_was;

    if (!end.after || !length || fits(&end, length))
        return;
    if (!end.whole) {
        length_was = before ? length_before(s, before, &was) : 0;
        if (!length_was || was.after != end.after || !fits(&was, length_was))
            return;
    }
    warn_schedule(s, &end, &run, out);
}

void mt_traps_find(const struct mt_session *s, const struct mt_json *before,
                   struct mt_warnings *out)
{
    find_loss(s, out);
    if (s->batches)
        find_schedule(s, before, out);
}
