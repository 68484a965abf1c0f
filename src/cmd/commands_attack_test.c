/*
 * Whole commands while memory runs out or system calls fail: each allocation
 * and each call, once and from then on. The command does without, or says why
 * not and exits with 2; the files that it reads are as they were, the one that
 * it writes is whole, and nothing that it took is left.
 */
#include "base/inject_testing.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/file_testing.h"
#include "ckpt/container.h"
#include "cmd/command.h"

enum { MOST_ARGS = 16, MOST_FILE = 1 << 16 };

static const char spec[] =
    "{\"model\": {\"layers\": [\n"
    "  {\"type\": \"Linear\", \"name\": \"fc1\", \"out_features\": 4},\n"
    "  {\"type\": \"BatchNorm1d\"}, {\"type\": \"Dropout\", \"p\": 0.1},\n"
    "  {\"type\": \"Linear\", \"name\": \"fc2\",\n"
    "   \"out_features\": \"auto\"}]},\n"
    " \"loss\": {\"type\": \"CrossEntropyLoss\"},\n"
    " \"optimizer\": {\"type\": \"Adam\", \"lr\": 0.01},\n"
    " \"data\": {\"type\": \"csv\", \"train\": \"x.csv\", \"val_split\": "
    "0.25,\n"
    "  \"batch_size\": 4},\n"
    " \"train\": {\"epochs\": 2, \"seed\": 1, \"metrics\": [\"accuracy\"],\n"
    "  \"checkpoint\": {\"keep\": 1, \"best\": \"val_loss\"},\n"
    "  \"early_stopping\": {\"monitor\": \"val_loss\", \"patience\": 9,\n"
    "   \"restore_best\": true}, \"ema\": {\"decay\": 0.9}}}\n";

static const char csv[] = "a,b,y\n1,2,0\n3,4,1\n5,6,2\n1,1,0\n2,4,1\n5,5,2\n"
                          "1,3,0\n3,3,1\n";

/* What the commands print goes nowhere, and what they say here. */
static int said;

/* ---- running a command line ---- */

static int call(const char *line)
{
    static char text[512];
    char *argv[MOST_ARGS + 1], *rest = text;
    int argc = 0;

    snprintf(text, sizeof text, "mtrain %s", line);
    while (argc < MOST_ARGS && (argv[argc] = strsep(&rest, " ")))
        argc++;
    argv[argc] = NULL;
    return mt_command_main(argc, argv);
}

/* Its messages, as far as they fit. */
static void listen(char *out, size_t room)
{
    ssize_t n;

    fflush(stderr);
    n = syscall(SYS_pread64, said, out, room - 1, (off_t)0);
    out[n > 0 ? n : 0] = '\0';
    if (syscall(SYS_ftruncate, said, (off_t)0) || lseek(said, 0, SEEK_SET))
        abort();
}

/* ---- files, by stdio, which nothing disturbs ---- */

struct contents {
    unsigned char bytes[MOST_FILE];
    size_t n;
};

static bool get(const char *path, struct contents *out)
{
    FILE *f = fopen(path, "rb");

    if (!f)
        return false;
    out->n = fread(out->bytes, 1, sizeof out->bytes, f);
    fclose(f);
    return true;
}

static void put(const char *path, const struct contents *from)
{
    FILE *f = fopen(path, "wb");

    if (!f || fwrite(from->bytes, 1, from->n, f) != from->n || fclose(f))
        abort();
}

static bool same(const char *path, const struct contents *other)
{
    static struct contents now;

    return get(path, &now) && now.n == other->n &&
           !memcmp(now.bytes, other->bytes, now.n);
}

/* ---- trials ---- */

struct command {
    const char *line;
    const char *reads;  /* a file that stays as it is */
    const char *writes; /* a file that it replaces, or NULL */
    bool keeps;         /* it writes other states on the way */
    struct contents read, before, after;
};

/* The file that it writes is the old or the new one, or one of a run's. */
static const char *look(const struct command *c, int code)
{
    struct mt_err err = MT_ERR_INIT;

    if (!same(c->reads, &c->read))
        return "a file that it only reads is another now";
    if (!c->writes || !c->after.n || same(c->writes, &c->after))
        return NULL;
    if (code == MT_EXIT_DONE)
        return "it ended well, but the file is not the new one";
    if (same(c->writes, &c->before))
        return NULL;
    if (!c->keeps)
        return "the file is neither old nor new";
    inject_pause();
    mt_status status = mt_ckpt_verify(c->writes, NULL, NULL, NULL, &err);

    inject_go_on();
    return status == MT_OK ? NULL : "the file is not whole";
}

static const char *trial(void *ctx, mt_status *status, struct mt_err *err)
{
    struct command *c = ctx;
    char text[sizeof err->text];

    if (c->writes)
        put(c->writes, &c->before);
    int code = call(c->line);

    listen(text, sizeof text);
    *status = MT_OK;
    if (code == MT_EXIT_NO)
        *status = mt_fail(err, MT_MISMATCH, "the answer is no");
    else if (code == MT_EXIT_TROUBLE)
        *status = mt_fail(err, MT_IO, "%s", text);
    else if (code != MT_EXIT_DONE)
        return "an exit code that it should not have";
    return look(c, code);
}

static void attack(struct command *c)
{
    struct mt_err err = MT_ERR_INIT;
    mt_status status;

    ck_assert(get(c->reads, &c->read));
    if (c->writes) {
        ck_assert_msg(get(c->writes, &c->before), "%s", c->writes);
        ck_assert_ptr_null(trial(c, &status, &err));
        ck_assert_msg(status == MT_OK, "%s: %s", c->line, err.text);
        ck_assert(get(c->writes, &c->after));
    }
    inject_everywhere(c->line, trial, c);
}

static void enter(void)
{
    testing_enter_memory();
    testing_put("spec.json", spec, sizeof spec - 1);
    testing_put("x.csv", csv, sizeof csv - 1);
    said = memfd_create("said", 0);
    int nowhere = open("/dev/null", O_WRONLY);

    ck_assert(said >= 0 && nowhere >= 0);
    fflush(NULL);
    ck_assert_int_ge(dup2(nowhere, STDOUT_FILENO), 0);
    ck_assert_int_ge(dup2(said, STDERR_FILENO), 0);
    close(nowhere);
    ck_assert_int_eq(call("train spec.json -q -o a.mtc"), 0);
    ck_assert_int_eq(call("train spec.json -q -o b.mtc train.seed=2"), 0);
    ck_assert_int_eq(call("save b.mtc -q -o b.safetensors"), 0);
    ck_assert_int_eq(call("save b.mtc -q -o b.npz"), 0);
    ck_assert_int_eq(lseek(said, 0, SEEK_END), 0);
}

/* The team is under attack in one of them; it makes the others slow. */
static struct command commands[] = {
    { "train spec.json -f -q -o b.mtc --threads 1", "spec.json", "b.mtc",
      .keeps = true },
    { "train spec.json -f -q -o b.mtc --init a.mtc --threads 1", "a.mtc",
      "b.mtc", .keeps = true },
    { "resume b.mtc -q --epochs 4 --threads 1", "spec.json", "b.mtc",
      .keeps = true },
    { "resume a.mtc --prove --threads 1", "a.mtc", NULL },
    { "copy -f -q --with-optimizer a.mtc b.mtc --threads 2", "a.mtc", "b.mtc" },
    { "copy -f -q a.mtc b.mtc --threads 1", "a.mtc", "b.mtc" },
    { "save -f -q a.mtc -o b.safetensors --threads 1", "a.mtc",
      "b.safetensors" },
    { "save -f -q a.mtc -o b.npz --threads 1", "a.mtc", "b.npz" },
    { "save -f -q spec.json -o b.mtc --threads 1", "spec.json", "b.mtc" },
    { "load -f -q spec.json b.safetensors -o b.mtc --with-optimizer "
      "--threads 1",
      "b.safetensors", "b.mtc" },
    { "load -f -q spec.json b.npz -o b.mtc --threads 1", "b.npz", "b.mtc" },
    { "diff a.mtc b.mtc --json --threads 1", "a.mtc", NULL },
    { "diff a.mtc b.npz --threads 1", "a.mtc", NULL },
    { "show a.mtc --threads 1", "a.mtc", NULL },
    { "show a.mtc fc1.weight --threads 1", "a.mtc", NULL },
    { "show spec.json --threads 1", "spec.json", NULL },
    { "show spec.json fc1.weight --threads 1", "spec.json", NULL },
    { "verify a.mtc --threads 1", "a.mtc", NULL },
    { "eval a.mtc --threads 1", "a.mtc", NULL },
    { "eval a.mtc --ema --threads 1", "a.mtc", NULL },
    { "predict a.mtc x.csv --threads 1", "a.mtc", NULL },
    { "check spec.json --threads 1", "spec.json", NULL },
    { "plot a.mtc --threads 1", "a.mtc", NULL },
    { "init csv -f --data x.csv --threads 1", "x.csv", NULL },
};

START_TEST(fails_everywhere)
{
    attack(&commands[_i]);
}
END_TEST

Suite *commands_attack_suite(void);

Suite *commands_attack_suite(void)
{
    Suite *suite = suite_create("commands_attack");
    TCase *tc = tcase_create("commands");

    tcase_add_checked_fixture(tc, enter, testing_leave);
    tcase_add_loop_test(tc, fails_everywhere, 0,
                        sizeof commands / sizeof *commands);
    suite_add_tcase(suite, tc);
    return suite;
}
