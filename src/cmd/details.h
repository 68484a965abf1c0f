/*
 * What --verbose prints about a session: the files that were read, the kernels
 * and threads that work on it, the memory it takes.
 */
#ifndef MT_CMD_DETAILS_H
#define MT_CMD_DETAILS_H

#include "cmd/command.h"
#include "train/session.h"

/* The session must be prepared: its memory is planned then. */
void mt_details_report(const struct mt_call *call, const struct mt_session *s);

/* What this process sent in the last step, and of what it consists. */
void mt_details_traffic(const struct mt_call *call, const struct mt_session *s,
                        uint64_t sent);

#endif
