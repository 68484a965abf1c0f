/* For tests only: specs and sessions made from text. */
#ifndef MT_TRAIN_TESTING_H
#define MT_TRAIN_TESTING_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "train/bundle.h"
#include "train/session_internal.h"
#include "train/state.h"

/* A small classifier on synthetic data; %s: more members of "train". */
#define MT_TEST_SPEC                                                           \
    "{\"model\":{\"layers\":[{\"name\":\"fc1\",\"type\":\"Linear\","           \
    "\"out_features\":8},{\"type\":\"Tanh\"},{\"type\":\"Dropout\",\"p\":0.2}," \
    "{\"name\":\"fc2\",\"type\":\"Linear\",\"out_features\":3}]},"             \
    "\"loss\":{\"type\":\"CrossEntropyLoss\"},"                                \
    "\"optimizer\":{\"type\":\"Adam\",\"lr\":0.01},"                           \
    "\"data\":{\"type\":\"synthetic\",\"task\":\"classification\","            \
    "\"samples\":100,\"input\":5,\"classes\":3,\"val_split\":0.2,"             \
    "\"batch_size\":16},"                                                      \
    "\"train\":{\"epochs\":3,\"seed\":7,\"metrics\":[\"accuracy\"]}}"

struct mt_test_session {
    struct mt_json *doc;
    struct mt_session *s;
};

/* Opens and initialises; key=value pairs override, ending with NULL. */
static inline struct mt_test_session
mt_test_open(const char *spec, const char *const *overrides)
{
    struct mt_test_session t = { NULL, NULL };
    struct mt_err err = MT_ERR_INIT;
    struct mt_session_request request = { 0 };

    ck_assert_msg(mt_json_parse("test.json", spec, strlen(spec), &t.doc,
                                &err) == MT_OK, "%s", err.text);
    for (; overrides && *overrides; overrides += 2)
        ck_assert_msg(mt_json_set(t.doc, overrides[0], overrides[1], "test",
                                  &err) == MT_OK, "%s", err.text);
    request.doc = t.doc;
    ck_assert_msg(mt_session_open(&request, &t.s, &err) == MT_OK, "%s",
                  err.text);
    ck_assert_msg(mt_session_init(t.s, &err) == MT_OK, "%s", err.text);
    return t;
}

static inline void mt_test_close(struct mt_test_session *t)
{
    mt_session_close(t->s);
    mt_json_free(t->doc);
}

static inline void mt_test_steps(struct mt_session *s, uint64_t n)
{
    struct mt_step_info info;
    struct mt_err err = MT_ERR_INIT;

    for (uint64_t i = 0; i < n; i++)
        ck_assert_msg(mt_session_step(s, false, &info, &err) == MT_OK, "%s",
                      err.text);
}

/* The session's state, to be freed. */
static inline struct mt_bundle mt_test_save(struct mt_session *s)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_bundle out;

    ck_assert_msg(mt_state_save(s, &out, &err) == MT_OK, "%s", err.text);
    return out;
}

static inline void mt_test_restore(struct mt_session *s,
                                   const struct mt_bundle *from)
{
    struct mt_err err = MT_ERR_INIT;

    ck_assert_msg(mt_state_restore(s, from, &err) == MT_OK, "%s", err.text);
}

/* An array that must be there. */
static inline struct mt_array *mt_test_array(const struct mt_bundle *b,
                                             const char *name)
{
    struct mt_array *a = (struct mt_array *)mt_bundle_find(b, name);

    ck_assert_msg(a != NULL, "%s is not there", name);
    return a;
}

/* Are all tensors of the two models equal, bit for bit? */
static inline bool mt_test_same_model(const struct mt_session *a,
                                      const struct mt_session *b)
{
    for (size_t i = 0; i < a->model->store.n; i++) {
        const struct mt_tensor *x = a->model->store.tensors[i];
        const struct mt_tensor *y = b->model->store.tensors[i];

        if (memcmp(x->data, y->data, x->count * sizeof(float)) != 0)
            return false;
    }
    return true;
}

#endif
