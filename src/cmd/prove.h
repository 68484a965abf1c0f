/*
 * resume --prove: are the last steps of a run what they should be, bit for bit?
 */
#ifndef MT_CMD_PROVE_H
#define MT_CMD_PROVE_H

#include "cmd/command.h"

/* Replays, in memory, the steps from the last checkpoint that checkpoint.keep
 * has kept next to path (outputs.h) up to path, under the spec of path, and
 * compares every array of the state with path's. Writes nothing. Returns an
 * exit code: the bits agree, or they do not. */
int mt_prove(const struct mt_call *call, const char *path);

#endif
