/* For tests only: JSON from text. */
#ifndef MT_SPEC_TESTING_H
#define MT_SPEC_TESTING_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "spec/tree.h"

/* Parses the text, with ' in place of ", as "spec.json". To be freed. */
static inline struct mt_json *mt_test_json(const char *text)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc = NULL;
    char *json = strdup(text);

    ck_assert_ptr_nonnull(json);
    for (char *c = json; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    ck_assert_msg(mt_json_parse("spec.json", json, strlen(json), &doc, &err) ==
                      MT_OK,
                  "%s: %s", text, err.text);
    free(json);
    return doc;
}

#endif
