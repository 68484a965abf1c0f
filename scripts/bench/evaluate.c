/*
 * What `mtrain eval` does with a checkpoint's training data, over and over.
 *
 *     bench-eval FILE.mtc THREADS
 *
 * Prints a line after each evaluation of all samples, until it is killed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/team.h"
#include "cmd/specs.h"
#include "kernels/dispatch.h"

static void must(mt_status status, const struct mt_err *err)
{
    if (status == MT_OK)
        return;
    fprintf(stderr, "bench-eval: %s\n", err->text);
    exit(2);
}

int main(int argc, char **argv)
{
    long threads = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
    struct mt_err err = MT_ERR_INIT;
    struct mt_team *team = NULL;
    struct mt_opened opened;
    struct mt_scores scores;

    if (threads < 1) {
        fprintf(stderr, "usage: bench-eval FILE.mtc THREADS\n");
        return 2;
    }
    must(mt_kernels_choose(&err), &err);
    must(mt_team_new((size_t)threads, &team, &err), &err);
    must(mt_open_checkpoint(
             &(struct mt_open_request){
                 .path = argv[1],
                 .purpose = MT_DATA_EVAL,
                 .split = MT_SPLIT_TRAIN,
                 .memory = MT_MEMORY_VALUES,
                 .team = team,
             },
             &opened, &err),
         &err);
    do
        must(mt_session_evaluate(opened.session, &scores, &err), &err);
    while (printf("%zu samples, loss %g\n", scores.samples, scores.loss) > 0 &&
           fflush(stdout) == 0);
    mt_opened_close(&opened);
    mt_team_free(team);
    return 0;
}
