#include <check.h>
#include <fenv.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file_testing.h"
#include "comm/module.h"

static struct mt_err err;
static struct mt_comm *comm;
static char fake[4200], old[4200], none[4200]; /* paths of modules */

/* The modules of this test are in its program's folder. */
static void find_fakes(void)
{
    char program[4096];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);

    ck_assert_int_gt(n, 0);
    program[n] = '\0';
    *strrchr(program, '/') = '\0';
    snprintf(fake, sizeof fake, "%s/comm/fake-good.so", program);
    snprintf(old, sizeof old, "%s/comm/fake-old.so", program);
    snprintf(none, sizeof none, "%s/comm/fake-none.so", program);
}

/* Each test is a separate process, which changes its environment. */
static void enter(void)
{
    static const char *const names[] = {
        "OMPI_COMM_WORLD_SIZE", "PMI_SIZE",
        "MV2_COMM_WORLD_SIZE",  "PMIX_RANK",
        "MTRAIN_FAKE",          "PMIX_NAMESPACE",
        "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS",
        "MTRAIN_MPI",
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
    find_fakes();
    testing_enter();
}

static mt_status open_in(const char *size_variable, const char *size,
                         const char *module, const char *fault)
{
    setenv(size_variable, size, 1);
    if (module)
        setenv("MTRAIN_MPI", module, 1);
    if (fault)
        setenv("MTRAIN_FAKE", fault, 1);
    comm = (struct mt_comm *)&comm;
    return mt_comm_open(&comm, &err);
}

static void refused(mt_status status, mt_status expected, const char *text)
{
    ck_assert_int_eq(status, expected);
    ck_assert_ptr_null(comm);
    ck_assert_str_eq(err.text, text);
}

/* Outside a job of several processes no module is loaded, and MTRAIN_MPI is
 * ignored. */
START_TEST(alone)
{
    static const char *const ways[][2] = {
        { "OMPI_COMM_WORLD_SIZE", "1" },
        { "PMI_SIZE", "1" },
        { "MV2_COMM_WORLD_SIZE", "x" },
        { "PMI_SIZE", "" },
        { "PMI_SIZE", "4 " },
        { "PMI_SIZE", "99999999999999999999" },
        { "SLURM_NTASKS", "4" }, /* in the script of a job */
        { "PMIX_RANK", "0" },    /* without its job */
    };

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        ck_assert_int_eq(open_in(ways[i][0], ways[i][1], "/nowhere", NULL),
                         MT_OK);
        ck_assert_ptr_null(comm);
        unsetenv(ways[i][0]);
    }
    ck_assert_int_eq(open_in("PMI_SIZE", "4", "none", NULL), MT_OK);
    ck_assert_ptr_null(comm);
}
END_TEST

static void joined(const char *variable, const char *size)
{
    ck_assert_int_eq(open_in(variable, size, fake, NULL), MT_OK);
    ck_assert_uint_eq(mt_comm_size(comm), 4);
    ck_assert_uint_eq(mt_comm_rank(comm), 1);
    ck_assert_uint_eq(comm->here, 2);
    /* a library that changes rounding has no lasting effect */
    ck_assert_int_eq(fegetround(), FE_TONEAREST);
    unsetenv(variable);
}

START_TEST(joins)
{
    joined("OMPI_COMM_WORLD_SIZE", "4");
    joined("PMI_SIZE", "4");
    joined("MV2_COMM_WORLD_SIZE", "4");
    setenv("OMPI_COMM_WORLD_SIZE", "1", 1);
    joined("PMI_SIZE", "4"); /* started from a job of one */
    unsetenv("OMPI_COMM_WORLD_SIZE");
    setenv("PMIX_RANK", "1", 1);
    setenv("PMIX_NAMESPACE", "slurm.pmix.1.0", 1);
    joined("SLURM_NTASKS", "4");
    setenv("SLURM_NTASKS", "1", 1);
    joined("SLURM_STEP_NUM_TASKS", "4");
    unsetenv("SLURM_NTASKS");
    joined("PMIX_RANK", "1"); /* and nobody says how many there are */
}
END_TEST

START_TEST(finds_no_module)
{
    char text[8192];

    refused(open_in("PMI_SIZE", "4", "no.so", NULL), MT_IO,
            "MTRAIN_MPI: no module at \"no.so\"");
    testing_put("text.so", "not a library", 13);
    ck_assert_int_eq(open_in("PMI_SIZE", "4", "text.so", NULL), MT_IO);
    testing_says(err, "the MPI module cannot be loaded: /", "/text.so: ");
    snprintf(text, sizeof text, "%s is not a module of mtrain", none);
    refused(open_in("PMI_SIZE", "4", none, NULL), MT_INVALID, text);
    snprintf(text, sizeof text,
             "%s is of another version of mtrain: its number is %d, not %d",
             old, MT_COMM_MODULE_VERSION - 1, MT_COMM_MODULE_VERSION);
    refused(open_in("PMI_SIZE", "4", old, NULL), MT_MISMATCH, text);
}
END_TEST

START_TEST(cannot_join)
{
    refused(open_in("PMI_SIZE", "4", fake, "fails"), MT_IO,
            "MPI does not start: no network");
}
END_TEST

START_TEST(finds_itself_alone)
{
    refused(open_in("OMPI_COMM_WORLD_SIZE", "3", fake, "alone"), MT_INVALID,
            "started as one of 3 processes (OMPI_COMM_WORLD_SIZE), but Fake "
            "MPI 1.0, which the MPI module was built for, finds no other: use "
            "the mpirun that belongs to it, or build the module with the "
            "mpicc that belongs to this mpirun");
    unsetenv("OMPI_COMM_WORLD_SIZE");
    setenv("SLURM_STEP_ID", "0", 1);
    refused(open_in("PMI_SIZE", "3", fake, "alone"), MT_INVALID,
            "started as one of 3 processes (PMI_SIZE), but Fake MPI 1.0, which "
            "the MPI module was built for, finds no other: of srun --mpi=pmix "
            "and srun --mpi=pmi2, try the other one");
    unsetenv("PMI_SIZE");
    setenv("PMIX_NAMESPACE", "job", 1);
    ck_assert_int_eq(open_in("PMIX_RANK", "0", fake, "alone"), MT_OK);
    ck_assert_ptr_null(comm);
}
END_TEST

Suite *load_suite(void);

Suite *load_suite(void)
{
    Suite *s = suite_create("load");
    TCase *tc = tcase_create("load");

    tcase_add_checked_fixture(tc, enter, testing_leave);
    tcase_add_test(tc, alone);
    tcase_add_test(tc, joins);
    tcase_add_test(tc, finds_no_module);
    tcase_add_test(tc, cannot_join);
    tcase_add_test(tc, finds_itself_alone);
    suite_add_tcase(s, tc);
    return s;
}
