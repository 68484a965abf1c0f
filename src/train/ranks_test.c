/* Training by several ranks, as threads: the same bytes as with one. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/team.h"
#include "comm/threads.h"
#include "train/history.h"
#include "train/monitor.h"
#include "train/state.h"
#include "train/testing.h"

/* Layers; loss; optimizer; data; more of train. 6 spans of parameters. */
#define SPEC(LAYERS, LOSS, OPTIMIZER, DATA, TRAIN)                             \
    "{\"model\":{\"layers\":[" LAYERS "]},\"loss\":{" LOSS                     \
    "},\"optimizer\":{" OPTIMIZER "},\"data\":{\"type\":\"synthetic\"," DATA   \
    ",\"val_split\":0.2,\"batch_size\":24},"                                   \
    "\"train\":{\"epochs\":2,\"seed\":7," TRAIN "}}"

#define HIDDEN                                                                 \
    "{\"type\":\"Linear\",\"out_features\":300},{\"type\":\"Tanh\"},"          \
    "{\"type\":\"Dropout\",\"p\":0.2},"                                        \
    "{\"type\":\"Linear\",\"out_features\":300},{\"type\":\"BatchNorm1d\"},"   \
    "{\"type\":\"ReLU\"},"
#define CLASSES                                                                \
    "\"task\":\"classification\",\"samples\":142,\"input\":5,\"classes\":3"
#define NUMBERS                                                                \
    "\"task\":\"regression\",\"samples\":142,\"input\":5,\"output\":2"

static const char *const specs[] = {
    SPEC(HIDDEN "{\"type\":\"Linear\",\"out_features\":3}",
         "\"type\":\"CrossEntropyLoss\"", "\"type\":\"Adam\",\"lr\":0.001",
         CLASSES,
         "\"metrics\":[\"accuracy\",\"f1\",\"auc\"],"
         "\"clip_grad_norm\":0.1,\"ema\":{\"decay\":0.9}"),
    SPEC(HIDDEN "{\"type\":\"Linear\",\"out_features\":3}",
         "\"type\":\"CrossEntropyLoss\",\"weight\":[1,0.5,0]",
         "\"type\":\"SGD\",\"lr\":0.01,\"momentum\":0.9", CLASSES,
         "\"accumulate\":2,\"clip_grad_value\":0.01,"
         "\"metrics\":[\"perplexity\"]"),
    SPEC(HIDDEN "{\"type\":\"Linear\",\"out_features\":3}",
         "\"type\":\"CrossEntropyLoss\",\"ignore_index\":1",
         "\"type\":\"NAdam\",\"groups\":[{\"params\":[\"*.bias\"],\"lr\":0.1}]",
         CLASSES,
         "\"early_stopping\":{\"monitor\":\"train_loss\","
         "\"restore_best\":true}"),
    SPEC(HIDDEN "{\"type\":\"Linear\",\"out_features\":2}",
         "\"type\":\"MSELoss\",\"reduction\":\"sum\"",
         "\"type\":\"Adagrad\",\"initial_accumulator_value\":0.1", NUMBERS,
         "\"metrics\":[\"r2\",\"mae\",\"rmse\"]"),
};

enum { SPECS = sizeof specs / sizeof *specs, MOST = 1 << 22 };

static char folder[] = "/tmp/mtrain-ranks-XXXXXX";

static void enter(void)
{
    strcpy(folder, "/tmp/mtrain-ranks-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void leave(void)
{
    char command[200];

    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static char *read_all(const char *name, size_t *n)
{
    char path[200], *bytes = malloc(MOST);
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_ptr_nonnull(f = fopen(path, "rb"));
    *n = fread(bytes, 1, MOST, f);
    ck_assert(*n > 0 && *n < MOST);
    fclose(f);
    return bytes;
}

static void same(const char *a, const char *b)
{
    size_t n_a, n_b;
    char *of_a = read_all(a, &n_a), *of_b = read_all(b, &n_b);

    ck_assert_uint_eq(n_a, n_b);
    ck_assert_mem_eq(of_a, of_b, n_a);
    free(of_a);
    free(of_b);
}

/* --- a run ------------------------------------------------------------ */

struct job {
    const char *spec, *shards, *from, *out;
    uint64_t steps; /* the most; 0: to the end */
    size_t threads;
    bool apart; /* each rank is on a machine of its own */
};

static struct mt_session *open_rank(const struct job *job, struct mt_comm *comm,
                                    struct mt_json **doc, struct mt_team *team)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_session *s;
    struct mt_session_request request = { .comm = comm, .team = team };

    ck_assert(mt_json_parse("test.json", job->spec, strlen(job->spec), doc,
                            &err) == MT_OK);
    ck_assert(mt_json_set(*doc, "train.shards", job->shards, "test", &err) ==
              MT_OK);
    request.doc = *doc;
    ck_assert_msg(mt_session_open(&request, &s, &err) == MT_OK, "%s", err.text);
    ck_assert(mt_session_init(s, &err) == MT_OK);
    return s;
}

static void close_rank(struct mt_session *s, struct mt_json *doc)
{
    mt_session_close(s);
    mt_json_free(doc);
}

static void restore(struct mt_session *s, const char *name)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_bundle bundle;
    char path[200];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    ck_assert(mt_bundle_open(path, NULL, &bundle, &err) == MT_OK);
    ck_assert_msg(mt_state_restore(s, &bundle, &err) == MT_OK, "%s", err.text);
    mt_bundle_free(&bundle);
}

static void run_rank(struct mt_comm *comm, void *ctx)
{
    const struct job *job = ctx;
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc;
    struct mt_team *team;
    struct mt_step_info info;
    char path[200];

    ck_assert(mt_team_new(job->threads, &team, &err) == MT_OK);
    if (comm && job->apart)
        comm->here = 1;
    struct mt_session *s = open_rank(job, comm, &doc, team);

    if (job->from)
        restore(s, job->from);
    for (uint64_t i = 0; !mt_session_finished(s); i++) {
        if (job->steps && i == job->steps)
            break;
        ck_assert_msg(mt_session_step(s, false, &info, &err) == MT_OK, "%s",
                      err.text);
    }
    if (mt_session_finished(s))
        mt_session_restore_best(s);
    snprintf(path, sizeof path, "%s/%s", folder, job->out);
    ck_assert_msg(mt_session_save(s, path, NULL, &err) == MT_OK, "%s",
                  err.text);
    close_rank(s, doc);
    mt_team_free(team);
}

static void run(size_t ranks, struct job job)
{
    if (!job.threads)
        job.threads = 1;
    if (ranks == 1)
        run_rank(NULL, &job);
    else
        ck_assert_int_eq(mt_comm_threads(ranks, run_rank, &job), 0);
}

/* The exit code of the job if each rank trains the first spec. */
static int run_first(size_t ranks, void (*rank)(struct mt_comm *, void *))
{
    struct job job = { .spec = specs[0], .shards = "8" };

    return mt_comm_threads(ranks, rank, &job);
}

/* --- tests ------------------------------------------------------------ */

START_TEST(any_number_of_ranks)
{
    static const char *const shards[] = { "8", "7" };
    static const size_t ranks[] = { 2, 3, 4, 5, 7, 8 };

    for (size_t k = 0; k < 2; k++) {
        struct job job = { .spec = specs[_i], .shards = shards[k] };

        job.out = "one";
        run(1, job);
        for (size_t i = 0; i < sizeof ranks / sizeof *ranks - k; i++) {
            job.out = "many";
            job.threads = 1 + i % 2;
            job.apart = i / 2 % 2 == k;
            run(ranks[i], job);
            same("one", "many");
        }
    }
}
END_TEST

/* The end of the block is exchanged before its beginning is computed. */
static void count_early(struct mt_comm *comm, void *ctx)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc;

    comm->here = 1;
    struct mt_session *s = open_rank(ctx, comm, &doc, NULL);
    struct mt_step_info info;

    ck_assert(mt_session_step(s, false, &info, &err) == MT_OK);
    ck_assert_uint_eq(s->stripes, 3);
    for (size_t i = 0; i < s->train.n; i++) {
        const size_t *writers = s->writers + i * s->stripes;
        size_t nodes = mt_graph_node_count(s->train.of[i].graph);

        ck_assert_uint_gt(writers[0],
                          mt_graph_forward_count(s->train.of[i].graph));
        ck_assert_uint_lt(writers[0], writers[2]);
        ck_assert_uint_le(writers[0], writers[1]);
        ck_assert_uint_eq(writers[2], nodes);
    }
    close_rank(s, doc);
}

START_TEST(exchange_begins_during_backward)
{
    ck_assert_int_eq(run_first(2, count_early), 0);
}
END_TEST

/* Stopped in mid-epoch, and resumed by others. */
START_TEST(the_number_may_change)
{
    static const size_t ranks[] = { 3, 1, 8, 2, 5 };
    struct job job = { .spec = specs[_i], .shards = "8", .out = "one" };

    run(1, job);
    for (size_t i = 0; i < 5; i++) {
        job.from = i ? "part" : NULL;
        job.out = "part";
        job.steps = i < 4 ? 2 : 0;
        run(ranks[i], job);
    }
    same("one", "part");
}
END_TEST

/* A rank that reads something else is found before training begins. */
static void open_other(struct mt_comm *comm, void *ctx)
{
    struct job job = *(const struct job *)ctx;
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc;

    if (comm->rank == 2)
        job.spec = specs[1];
    struct mt_session *s = open_rank(&job, comm, &doc, NULL);

    ck_assert_int_eq(mt_session_prepare(s, &err), MT_MISMATCH);
    ck_assert_str_eq(err.text, "process 2 (localhost) has another spec than "
                               "process 0 (localhost): all of them need the "
                               "same files and arguments");
    close_rank(s, doc);
}

START_TEST(a_rank_with_another_spec)
{
    ck_assert_int_eq(run_first(3, open_other), 0);
}
END_TEST

/* A rank that resumes with the same weights, but other moments. */
static void resume_other(struct mt_comm *comm, void *ctx)
{
    const struct job *job = ctx;
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc;
    struct mt_session *s = open_rank(job, comm, &doc, NULL);

    restore(s, job->from);
    if (comm->rank == 1)
        s->optimizer->slot[1][0] += 1;
    ck_assert_int_eq(mt_session_prepare(s, &err), MT_MISMATCH);
    ck_assert_ptr_nonnull(
        strstr(err.text, "process 1 (localhost) has another state to start"));
    close_rank(s, doc);
}

START_TEST(a_rank_with_other_moments)
{
    struct job job = { .spec = specs[0], .shards = "8", .out = "part" };

    job.steps = 1;
    run(1, job);
    job.from = "part";
    ck_assert_int_eq(mt_comm_threads(2, resume_other, &job), 0);
}
END_TEST

/* All ranks learn of one rank's wish at the same step. */
static void wish(struct mt_comm *comm, void *ctx)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc;
    struct mt_session *s = open_rank(ctx, comm, &doc, NULL);
    struct mt_step_info info;
    bool yes = comm->rank == 0;

    for (unsigned i = 1; i <= 4; i++) {
        if (i == 2 && comm->rank == 1)
            mt_session_wish(s, 1);
        if (i == 3)
            mt_session_wish(s, comm->rank ? 4 : 2);
        ck_assert(mt_session_step(s, false, &info, &err) == MT_OK);
        ck_assert_uint_eq(info.wishes, i == 2 ? 1 : i == 3 ? 6 : 0);
    }
    ck_assert(mt_session_lead(s, &yes, sizeof yes, &err) == MT_OK && yes);
    close_rank(s, doc);
}

START_TEST(wishes_reach_all)
{
    ck_assert_int_eq(run_first(3, wish), 0);
}
END_TEST

/* If one rank ends the job, the others do not wait. */
static void give_up(struct mt_comm *comm, void *ctx)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc;
    struct mt_session *s = open_rank(ctx, comm, &doc, NULL);
    struct mt_step_info info;
    mt_status status = MT_OK;

    for (int i = 0; i < 3 && status == MT_OK; i++) {
        if (i == 1 && comm->rank == 2) {
            mt_comm_abort(comm, 3);
            break;
        }
        status = mt_session_step(s, false, &info, &err);
    }
    ck_assert_int_eq(status, comm->rank == 2 ? MT_OK : MT_IO);
    close_rank(s, doc);
}

START_TEST(an_end_is_for_all)
{
    ck_assert_int_eq(run_first(4, give_up), 3);
}
END_TEST

Suite *ranks_suite(void);

Suite *ranks_suite(void)
{
    Suite *s = suite_create("ranks");
    TCase *t = tcase_create("ranks");

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, enter, leave);
    tcase_add_loop_test(t, any_number_of_ranks, 0, SPECS);
    tcase_add_test(t, exchange_begins_during_backward);
    tcase_add_loop_test(t, the_number_may_change, 0, SPECS);
    tcase_add_test(t, a_rank_with_another_spec);
    tcase_add_test(t, a_rank_with_other_moments);
    tcase_add_test(t, wishes_reach_all);
    tcase_add_test(t, an_end_is_for_all);
    suite_add_tcase(s, t);
    return s;
}
