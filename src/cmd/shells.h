/*
 * Completion scripts, one file per shell, made from the tables of commands and
 * options. What only files tell (keys, tensors) the scripts ask
 * `mtrain completion --candidates` for while they run.
 */
#ifndef MT_CMD_SHELLS_H
#define MT_CMD_SHELLS_H

void mt_completion_bash(void);
void mt_completion_zsh(void);
void mt_completion_fish(void);

#endif
