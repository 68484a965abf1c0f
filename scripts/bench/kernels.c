/*
 * Speed of matrix products beside OpenBLAS's sgemm, in one run, A B A B.
 *
 *     bench-kernels [THREADS [FORM M N K]...]
 *
 * MTRAIN_ISA and OPENBLAS_CORETYPE count. Without shapes: those of the
 * workloads, and large ones.
 * Prints for each shape both speeds in GFLOP/s (the best of several rounds) and
 * their ratio; then the three passes of convolutions, which OpenBLAS has not.
 * Shapes are the workloads' own: NT is a layer's forward pass
 * (the weight is (n, k)), NN its input's gradient, TN its weight's gradient.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/team.h"
#include "kernels/conv.h"
#include "kernels/gemm.h"

struct shape {
    const char *what, *form; /* "NT": A as it is, B transposed */
    size_t m, n, k;
};

static const struct shape shapes[] = {
    { "square", "NN", 256, 256, 256 },
    { "square", "NT", 512, 512, 512 },
    { "square", "NN", 1024, 1024, 1024 },
    { "mlp 1", "NT", 64, 256, 784 },
    { "mlp 1, weight", "TN", 256, 784, 64 },
    { "mlp 2", "NT", 64, 128, 256 },
    { "mlp-big 1", "NT", 256, 2048, 784 },
    { "mlp-big 2", "NT", 256, 2048, 2048 },
    { "mlp-big 2, input", "NN", 256, 2048, 2048 },
    { "mlp-big 2, weight", "TN", 2048, 2048, 256 },
    { "cnn, dense", "NT", 64, 128, 9216 },
    { "cnn, dense, weight", "TN", 128, 9216, 64 },
    { "gpt attention in", "NT", 2048, 384, 128 },
    { "gpt feed in", "NT", 2048, 512, 128 },
    { "gpt feed out", "NT", 2048, 128, 512 },
    { "gpt feed in, input", "NN", 2048, 128, 512 },
    { "gpt feed in, weight", "TN", 512, 128, 2048 },
    { "gpt feed out, weight", "TN", 128, 512, 2048 },
    { "gpt head", "NT", 2048, 65, 128 },
    { "lstm inputs", "NT", 2048, 1024, 256 },
    { "lstm step", "NT", 32, 1024, 256 },
    { "lstm, weight", "TN", 1024, 256, 2048 },
    { "classes", "NT", 64, 10, 128 },
    { "large", "NT", 2048, 2048, 2048 },
    { "large", "NN", 2048, 2048, 2048 },
    { "large", "TN", 2048, 2048, 2048 },
    { "large", "NN", 2080, 2080, 2080 },
    { "large", "TN", 2080, 2080, 2080 },
    { "large", "NT", 4096, 4096, 4096 },
    { "large", "NN", 4096, 4096, 4096 },
    { "large", "TN", 4096, 4096, 4096 },
    { "gpt2 feed in", "NT", 512, 3072, 768 },
    { "gpt2 feed in, input", "NN", 512, 768, 3072 },
    { "gpt2 feed in, weight", "TN", 3072, 768, 512 },
    { "gpt2 head", "NT", 512, 50257, 768 },
    { "gpt2 head, input", "NN", 512, 768, 50257 },
    { "gpt2 head, weight", "TN", 50257, 768, 512 },
};

typedef void sgemm(int order, int ta, int tb, int m, int n, int k, float alpha,
                   const float *a, int lda, const float *b, int ldb, float beta,
                   float *c, int ldc);

static sgemm *blas;

static void *find(void *library, const char *name)
{
    return library ? dlsym(library, name) : NULL;
}

static void open_blas(int threads)
{
    static const char *const names[] = {
        "/usr/lib/x86_64-linux-gnu/openblas-openmp/libopenblas.so.0",
        "/usr/lib/aarch64-linux-gnu/openblas-openmp/libopenblas.so.0",
        "libopenblas.so.0",
    };
    void *library = NULL, *set_threads;

    for (size_t i = 0; !library && i < sizeof names / sizeof *names; i++)
        library = dlopen(names[i], RTLD_NOW);
    *(void **)&blas = find(library, "cblas_sgemm");
    set_threads = find(library, "openblas_set_num_threads");
    if (set_threads) {
        void (*set)(int);

        *(void **)&set = set_threads;
        set(threads);
    }
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Memory as networks have it. */
static float *numbers(struct mt_arena *arena, size_t n)
{
    float *x = mt_arena_alloc(arena, n * sizeof *x + 4096);

    if (!x)
        exit(2);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(i % 97) / 97 - 0.5f;
    return x;
}

struct product {
    const struct shape *s;
    float *a, *b, *c;
    struct mt_team *team;
    void *scratch;
};

static void run_mine(const struct product *p)
{
    const struct shape *s = p->s;
    bool ta = s->form[0] == 'T', tb = s->form[1] == 'T';
    struct mt_gemm g = { .m = s->m, .n = s->n, .k = s->k, .a = p->a,
                         .a_row = ta ? 1 : s->k, .a_col = ta ? s->m : 1,
                         .b = p->b, .b_row = tb ? 1 : s->n,
                         .b_col = tb ? s->k : 1, .c = p->c, .ldc = s->n };

    mt_gemm(&g, p->team, p->scratch);
}

static void run_blas(const struct product *p)
{
    const struct shape *s = p->s;
    bool ta = s->form[0] == 'T', tb = s->form[1] == 'T';

    blas(101, ta ? 112 : 111, tb ? 112 : 111, (int)s->m, (int)s->n, (int)s->k,
         1, p->a, (int)(ta ? s->m : s->k), p->b, (int)(tb ? s->k : s->n), 0,
         p->c, (int)s->n);
}

/* Seconds for one product, the best of a hundredth of a second. */
static double time_of(const struct product *p,
                      void (*run)(const struct product *p), double best)
{
    double end = now() + 0.01;

    while (now() < end) {
        double start = now();

        run(p);
        start = now() - start;
        best = start < best ? start : best;
    }
    return best;
}

static void measure(const struct shape *s, struct mt_team *team)
{
    struct mt_arena arena = { 0 };
    struct product p = { .s = s, .team = team };
    size_t bytes = mt_gemm_scratch(s->m, s->n, s->k, mt_team_size(team));
    double flops = 2e-9 * (double)s->m * (double)s->n * (double)s->k;
    double mine = 1e9, theirs = 1e9, end = now() + 0.6;

    p.a = numbers(&arena, s->m * s->k);
    p.b = numbers(&arena, s->k * s->n);
    p.c = numbers(&arena, s->m * s->n);
    p.scratch = numbers(&arena, bytes / sizeof(float) + 16);
    for (int round = 0; round < 4 || now() < end; round++) {
        mine = time_of(&p, run_mine, mine);
        if (blas)
            theirs = time_of(&p, run_blas, theirs);
    }
    printf("%-22s %s %5zu %5zu %5zu %8.1f", s->what, s->form, s->m, s->n, s->k,
           flops / mine);
    if (blas)
        printf(" %9.1f %6.2f", flops / theirs, theirs / mine);
    putchar('\n');
    fflush(stdout);
    mt_arena_free(&arena);
}

/* --- convolutions: square images, padding 0 or 1 ------------------------- */

struct conv_shape {
    const char *what;
    size_t n, c, o, size, kernel, stride, padding;
};

static const struct conv_shape convs[] = {
    { "cnn 1", 64, 1, 32, 28, 3, 1, 0 },
    { "cnn 2", 64, 32, 64, 26, 3, 1, 0 },
    { "resnet20, 16 channels", 128, 16, 16, 32, 3, 1, 1 },
    { "resnet20, half", 128, 16, 32, 32, 3, 2, 1 },
    { "resnet20, 32 channels", 128, 32, 32, 16, 3, 1, 1 },
    { "resnet20, 64 channels", 128, 64, 64, 8, 3, 1, 1 },
};

struct conv_run {
    struct mt_conv cv;
    float *x, *w, *y;
    struct mt_team *team;
    void *scratch;
};

static void run_forward(const struct conv_run *r)
{
    mt_conv_forward(&r->cv, &(struct mt_conv_input){ r->x, NULL }, r->w, NULL,
                    r->y, r->team, r->scratch);
}

static void run_input(const struct conv_run *r)
{
    mt_conv_grad_input(&r->cv, r->y, r->w, NULL, r->x, r->team, r->scratch);
}

static void run_weight(const struct conv_run *r)
{
    mt_conv_grad_weight(&r->cv, &(struct mt_conv_input){ r->x, NULL }, r->y,
                        r->w, NULL, r->team, r->scratch);
}

static double conv_time(const struct conv_run *r,
                        void (*run)(const struct conv_run *r))
{
    double end = now() + 0.2, best = 1e9;

    while (now() < end) {
        double start = now();

        run(r);
        start = now() - start;
        best = start < best ? start : best;
    }
    return best;
}

static size_t largest(size_t a, size_t b, size_t c)
{
    a = a > b ? a : b;
    return a > c ? a : c;
}

static void measure_conv(const struct conv_shape *s, struct mt_team *team)
{
    struct mt_arena arena = { 0 };
    size_t out = (s->size + 2 * s->padding - s->kernel) / s->stride + 1;
    struct conv_run r = {
        .cv = { .n = s->n, .groups = 1, .c = s->c, .h = s->size,
                .w = s->size, .o = s->o, .oh = out, .ow = out,
                .kh = s->kernel, .kw = s->kernel, .sh = s->stride,
                .sw = s->stride, .ph = s->padding, .pw = s->padding,
                .dh = 1, .dw = 1 },
        .x = numbers(&arena, s->n * s->c * s->size * s->size),
        .w = numbers(&arena, s->o * s->c * s->kernel * s->kernel),
        .y = numbers(&arena, s->n * s->o * out * out),
        .team = team,
    };
    size_t workers = mt_team_size(team);
    size_t bytes =
        largest(mt_conv_forward_scratch(&r.cv, false, workers),
                mt_conv_grad_input_scratch(&r.cv, workers),
                mt_conv_grad_weight_scratch(&r.cv, false, false, workers));
    double flops = 2e-9 * (double)(s->n * s->o * out * out) *
                   (double)(s->c * s->kernel * s->kernel);

    r.scratch = numbers(&arena, bytes / sizeof(float) + 16);
    printf("%-22s %10.1f %10.1f %10.1f\n", s->what,
           flops / conv_time(&r, run_forward), flops / conv_time(&r, run_input),
           flops / conv_time(&r, run_weight));
    fflush(stdout);
    mt_arena_free(&arena);
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 1;
    struct mt_err err = MT_ERR_INIT;
    struct mt_team *team = NULL;

    if (mt_kernels_choose(&err) || mt_team_new((size_t)threads, &team, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 2;
    }
    open_blas(threads);
    printf("%s, %d thread%s%s\n%-22s %-2s %5s %5s %5s %8s %9s %6s\n",
           mt_kernels()->isa, threads, threads == 1 ? "" : "s",
           blas ? "" : "; OpenBLAS is not installed (Debian: "
                       "libopenblas0-openmp)",
           "product", "", "m", "n", "k", "GFLOP/s", "OpenBLAS", "ratio");
    for (int i = 2; i + 3 < argc; i += 4)
        measure(&(struct shape){ "", argv[i], strtoul(argv[i + 1], NULL, 10),
                                 strtoul(argv[i + 2], NULL, 10),
                                 strtoul(argv[i + 3], NULL, 10) },
                team);
    for (size_t i = 0; argc <= 2 && i < sizeof shapes / sizeof *shapes; i++)
        measure(&shapes[i], team);
    if (argc > 2)
        return 0;
    printf("\n%-22s %10s %10s %10s   GFLOP/s\n", "convolution", "forward",
           "input", "weight");
    for (size_t i = 0; i < sizeof convs / sizeof *convs; i++)
        measure_conv(&convs[i], team);
    mt_team_free(team);
    return 0;
}
