/* The tables of all kinds and sections have what readers and manuals need. */
#include "train/grammar.h"

#include <check.h>
#include <string.h>

static void check_keys(const char *of, const struct mt_key *keys)
{
    for (const struct mt_key *k = keys; k && k->name; k++) {
        ck_assert_msg(k->doc && *k->doc, "%s: %s has no doc", of, k->name);
        ck_assert_msg(k->type != MT_KEY_ENUM || k->choices,
                      "%s: %s has no choices", of, k->name);
        for (const struct mt_key *other = keys; other < k; other++)
            ck_assert_msg(strcmp(k->name, other->name), "%s: %s twice", of,
                          k->name);
    }
}

START_TEST(every_type_and_key_is_documented)
{
    for (size_t i = 0; mt_spec_grammar.kinds[i]; i++) {
        const struct mt_kind *kind = mt_spec_grammar.kinds[i];

        ck_assert_ptr_nonnull(kind->at(0));
        check_keys(kind->name, kind->common);
        for (size_t t = 0; kind->at(t); t++) {
            const struct mt_type *type = kind->at(t);

            ck_assert_ptr_eq(mt_kind_find(kind, type->name), type);
            ck_assert_msg(type->doc && *type->doc, "%s", type->name);
            check_keys(type->name, type->keys);
        }
    }
    for (const struct mt_section *s = mt_spec_grammar.sections; s->name; s++)
        check_keys(s->name, s->keys);
}
END_TEST

/* No key of a type hides a common one. */
START_TEST(tables_of_a_type_do_not_overlap)
{
    for (size_t i = 0; mt_spec_grammar.kinds[i]; i++) {
        const struct mt_kind *kind = mt_spec_grammar.kinds[i];

        for (size_t t = 0; kind->at(t); t++) {
            struct mt_kind_tables all;

            mt_kind_tables(kind, kind->at(t), &all);
            for (size_t a = 0; a < all.n; a++)
                for (size_t b = 0; b < a; b++)
                    for (const struct mt_key *k = all.table[a]; k->name; k++)
                        for (const struct mt_key *o = all.table[b]; o->name;
                             o++)
                            ck_assert_msg(strcmp(k->name, o->name), "%s.%s",
                                          kind->at(t)->name, k->name);
        }
    }
}
END_TEST

Suite *grammar_suite(void);

Suite *grammar_suite(void)
{
    Suite *suite = suite_create("grammar");
    TCase *tcase = tcase_create("core");

    tcase_add_test(tcase, every_type_and_key_is_documented);
    tcase_add_test(tcase, tables_of_a_type_do_not_overlap);
    suite_add_tcase(suite, tcase);
    return suite;
}
