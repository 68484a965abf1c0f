/*
 * Files of the source that the build puts into the binary as text; the Makefile
 * lists them (TEXTS).
 */
#ifndef MT_CMD_TEXTS_H
#define MT_CMD_TEXTS_H

struct mt_named_text {
    const char *path; /* in the source: "configs/digits.json" */
    const char *text;
};

extern const struct mt_named_text mt_texts[]; /* ends with a NULL path */

/* The text of a path that is in the list. */
const char *mt_text(const char *path);

#endif
