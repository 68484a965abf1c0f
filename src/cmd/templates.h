/*
 * Templates of `mtrain init`: one row each in templates.c. A row names a spec
 * of configs/, which the build puts into the binary as text, and the data that
 * takes the place of the files it is shown with: data made from the seed, so
 * that the spec trains at once anywhere, or the user's own files.
 */
#ifndef MT_CMD_TEMPLATES_H
#define MT_CMD_TEMPLATES_H

#include "cmd/owndata.h"
#include "spec/tree.h"

struct mt_template;

struct mt_template {
    const char *name, *doc;
    const char *config; /* of configs/: "digits" */
    const char *data;   /* JSON: the made data; NULL: the config has its own */
    const char *input;  /* JSON: "model.input" to that; NULL: it has none */
    const char *own;    /* how --data is given; NULL: it cannot be */
    bool regression;    /* for tables: without classes */
    bool guess;         /* for tables: find out */

    /* Replaces the data by the user's own files; NULL where `own` is NULL. */
    mt_status (*use)(const struct mt_template *t, struct mt_json *doc,
                     const struct mt_own_data *own, struct mt_err *err);
};

extern const struct mt_template mt_templates[]; /* ends with a NULL name */
const struct mt_template *mt_template_find(const char *name);

/* Makes the spec of a template; own: with n == 0 data is made from the seed.
 * mt_json_free *out. */
mt_status mt_template_spec(const struct mt_template *t,
                           const struct mt_own_data *own, struct mt_json **out,
                           struct mt_err *err);

#endif
