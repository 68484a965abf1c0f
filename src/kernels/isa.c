/* The choice among the tables of kernels. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/dispatch.h"

extern const struct mt_kernels mt_kernels_generic;
#if defined __x86_64__
extern const struct mt_kernels mt_kernels_avx512, mt_kernels_avx2;
#elif defined __aarch64__
extern const struct mt_kernels mt_kernels_neon;
#endif

#if defined __x86_64__
static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl");
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

static bool has_always(void)
{
    return true;
}

static const struct {
    const struct mt_kernels *kernels;
    bool (*supported)(void);
} tables[] = {
#if defined __x86_64__
    { &mt_kernels_avx512, has_avx512 },
    { &mt_kernels_avx2, has_avx2 },
#elif defined __aarch64__
    { &mt_kernels_neon, has_always },
#endif
    { &mt_kernels_generic, has_always },
};

enum { TABLES = sizeof tables / sizeof *tables };

static const struct mt_kernels *chosen = &mt_kernels_generic;

size_t mt_kernels_available(const struct mt_kernels *out[4])
{
    size_t n = 0;

    for (size_t i = 0; i < TABLES; i++) {
        if (tables[i].supported())
            out[n++] = tables[i].kernels;
    }
    return n;
}

void mt_kernels_use(const struct mt_kernels *kernels)
{
    chosen = kernels;
}

const struct mt_kernels *mt_kernels(void)
{
    return chosen;
}

static mt_status unknown_isa(const char *name, struct mt_err *err)
{
    const struct mt_kernels *found[4];
    size_t n = mt_kernels_available(found);
    char list[128] = "";

    for (size_t i = 0; i < n; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s",
                 i ? ", " : "", found[i]->isa);
    return mt_fail(err, MT_INVALID,
                   "MTRAIN_ISA=%s: this machine and build know %s", name,
                   list);
}

mt_status mt_kernels_choose(struct mt_err *err)
{
    const struct mt_kernels *found[4];
    size_t n = mt_kernels_available(found);
    const char *name = getenv("MTRAIN_ISA");

    if (!name || !*name) {
        chosen = found[0];
        return MT_OK;
    }
    for (size_t i = 0; i < n; i++) {
        if (strcmp(found[i]->isa, name) == 0) {
            chosen = found[i];
            return MT_OK;
        }
    }
    return unknown_isa(name, err);
}
