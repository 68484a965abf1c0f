#include "base/background.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct mt_background {
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    void (*run)(void *ctx); /* NULL: there is no job */
    void *ctx;
    bool stop;
};

static void *background_main(void *arg)
{
    struct mt_background *a = arg;

    pthread_mutex_lock(&a->lock);
    for (;;) {
        while (!a->run && !a->stop)
            pthread_cond_wait(&a->changed, &a->lock);
        if (!a->run)
            break;
        pthread_mutex_unlock(&a->lock);
        a->run(a->ctx);
        pthread_mutex_lock(&a->lock);
        a->run = NULL;
        pthread_cond_signal(&a->changed);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

mt_status mt_background_new(struct mt_background **out, struct mt_err *err)
{
    struct mt_background *a = calloc(1, sizeof *a);

    if (!a)
        return mt_fail_memory(err);
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    if (pthread_create(&a->thread, NULL, background_main, a) != 0) {
        pthread_cond_destroy(&a->changed);
        pthread_mutex_destroy(&a->lock);
        free(a);
        return mt_fail(err, MT_NO_MEMORY,
                       "cannot start the thread that reads ahead");
    }
    *out = a;
    return MT_OK;
}

/* The lock is held, and no job runs, when it returns. */
static void lock_idle(struct mt_background *a)
{
    pthread_mutex_lock(&a->lock);
    while (a->run)
        pthread_cond_wait(&a->changed, &a->lock);
}

void mt_background_free(struct mt_background *a)
{
    if (!a)
        return;
    lock_idle(a);
    a->stop = true;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

void mt_background_start(struct mt_background *a, void (*run)(void *ctx), void *ctx)
{
    lock_idle(a);
    a->run = run;
    a->ctx = ctx;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

void mt_background_wait(struct mt_background *a)
{
    lock_idle(a);
    pthread_mutex_unlock(&a->lock);
}
