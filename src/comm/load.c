#include <dlfcn.h>
#include <fenv.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "comm/module.h"

/* ---- the environment ---- */

/* Variables in which a launcher says how many ranks it started. */
static const char *const size_variables[] = {
    "OMPI_COMM_WORLD_SIZE", /* Open MPI */
    "PMI_SIZE",             /* MPICH, Intel MPI, srun --mpi=pmi2 */
    "MV2_COMM_WORLD_SIZE",  /* MVAPICH */
};

/* PMIx only numbers the ranks; Slurm says how many there are. */
static const char *const pmix_variables[] = {
    "SLURM_STEP_NUM_TASKS",
    "SLURM_NTASKS",
};

struct claim {
    bool job;             /* this process belongs to a job, */
    size_t size;          /* of so many; 0: unknown */
    const char *variable; /* that says so */
};

static void look(struct claim *claim, const char *const *variables, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *text = getenv(variables[i]);
        char *end;
        unsigned long size = text ? strtoul(text, &end, 10) : 0;

        if (!text || *end || size <= claim->size || size > INT_MAX)
            continue;
        *claim = (struct claim){ true, size, variables[i] };
    }
}

static struct claim claimed(void)
{
    struct claim claim = { false, 0, "PMIX_RANK" };

    look(&claim, size_variables, sizeof size_variables / sizeof(char *));
    if (claim.job || !getenv("PMIX_RANK") || !getenv("PMIX_NAMESPACE"))
        return claim;
    claim.job = true;
    look(&claim, pmix_variables, sizeof pmix_variables / sizeof(char *));
    return claim;
}

/* A way out for many runs that srun starts at once. */
static bool apart(void)
{
    const char *module = getenv("MTRAIN_MPI");

    return module && strcmp(module, "none") == 0;
}

static mt_status refuse(const struct claim *claim, struct mt_err *err,
                        const char *why)
{
    if (!claim->size)
        return mt_fail(err, MT_INVALID,
                       "started as one process of a job (%s is set), but %s",
                       claim->variable, why);
    return mt_fail(err, MT_INVALID,
                   "started as one of %zu processes (%s), but %s", claim->size,
                   claim->variable, why);
}

/* ---- the module ---- */

static const char file_name[] = "mtrain-mpi.so";

/* Relative to the program: in the folder that it was built in, or where it is
 * installed. */
static const char *const places[] = { "", "../lib/mtrain/" };

static mt_status find(const struct claim *claim, char *path, struct mt_err *err)
{
    char program[PATH_MAX];
    const char *given = getenv("MTRAIN_MPI");
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    char *name = NULL;

    if (given) {
        if (realpath(given, path))
            return MT_OK;
        return mt_fail(err, MT_IO, "MTRAIN_MPI: no module at \"%s\"", given);
    }
    if (n > 0) {
        program[n] = '\0';
        name = strrchr(program, '/');
    }
    for (size_t i = 0; name && i < sizeof places / sizeof *places; i++) {
        char at[PATH_MAX + 64];

        snprintf(at, sizeof at, "%.*s/%s%s", (int)(name - program), program,
                 places[i], file_name);
        if (realpath(at, path))
            return MT_OK;
    }
    return refuse(claim, err,
                  "the MPI module is not installed: install mtrain-mpi, or "
                  "build mtrain where there is mpicc");
}

static mt_status load(const char *path, const struct mt_comm_module **out,
                      struct mt_err *err)
{
    /* RTLD_GLOBAL: MPI loads its own plugins, which need its symbols */
    void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);

    if (!library)
        return mt_fail(err, MT_IO, "the MPI module cannot be loaded: %s",
                       dlerror());
    *out = dlsym(library, "mt_comm_module");
    if (!*out)
        return mt_fail(err, MT_INVALID, "%s is not a module of mtrain", path);
    if ((*out)->version != MT_COMM_MODULE_VERSION)
        return mt_fail(err, MT_MISMATCH,
                       "%s is of another version of mtrain: its number is %d, "
                       "not %d",
                       path, (*out)->version, MT_COMM_MODULE_VERSION);
    return MT_OK;
}

static mt_status join_job(const struct claim *claim,
                          const struct mt_comm_module *module,
                          struct mt_comm **out, struct mt_err *err)
{
    const char *why = module->open(out);
    char library[128];

    if (why)
        return mt_fail(err, MT_IO, "MPI does not start: %s", why);
    if ((*out)->size > 1)
        return MT_OK;
    snprintf(library, sizeof library, "%s", (*out)->library);
    mt_comm_close(*out);
    *out = NULL;
    if (!claim->size)
        return MT_OK;
    char text[512];

    snprintf(text, sizeof text,
             "%s, which the MPI module was built for, finds no other: %s",
             library,
             getenv("SLURM_STEP_ID")
                 ? "of srun --mpi=pmix and srun --mpi=pmi2, try the other one"
                 : "use the mpirun that belongs to it, or build the module "
                   "with the mpicc that belongs to this mpirun");
    return refuse(claim, err, text);
}

mt_status mt_comm_open(struct mt_comm **out, struct mt_err *err)
{
    struct claim claim = claimed();
    const struct mt_comm_module *module = NULL;
    char path[PATH_MAX];
    fenv_t floating;

    *out = NULL;
    if (!claim.job || claim.size == 1 || apart())
        return MT_OK;
    mt_status status = find(&claim, path, err);

    if (status != MT_OK)
        return status;
    /* A library that was linked with -ffast-math turns denormals off when it is
     * loaded. */
    fegetenv(&floating);
    status = load(path, &module, err);
    if (status == MT_OK)
        status = join_job(&claim, module, out, err);
    fesetenv(&floating);
    return status;
}
