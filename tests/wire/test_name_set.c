// SPDX-License-Identifier: BSD-2-Clause
// Sets of names and of suffixes, against a plain list of names.
#include "dnsproxy/wire/name_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct name
name_of(const char *text)
{
  struct name name;
  struct fault fault = FAULT_INIT;
  assert_true(name_from_text(&name, text, strlen(text), &fault));
  return name;
}

static bool
has(const struct name_set *set, const char *text)
{
  struct name name = name_of(text);
  return name_set_has(set, name.bytes, name.size);
}

// "" when nothing matches, else the member and how many bytes of the name are before it.
static const char *
best(const struct suffix_set *set, const char *text)
{
  static char found[NAME_TEXT_SIZE];
  struct name name = name_of(text), member;
  size_t match = 999;
  bool matched = suffix_set_match(set, name.bytes, name.size, &match);
  assert_int_equal(suffix_set_match(set, name.bytes, name.size, NULL), matched);
  assert_int_equal(suffix_set_best(set, name.bytes, name.size, &member), matched);
  if (!matched) {
    assert_int_equal(match, 999);
    return "";
  }
  assert_true(name_bytes_equal(name.bytes + match, name.size - match, member.bytes, member.size));
  return name_text(&member, found);
}

static void
add_text(struct suffix_set *set, const char *text)
{
  struct name name = name_of(text);
  suffix_set_add(set, &name);
}

static void
exact_names(void **state)
{
  (void)state;
  struct name_set *set = name_set_new();
  struct name a = name_of("A.example"), b = name_of("b.example"), root = name_of(".");
  assert_false(has(set, "a.example"));
  assert_false(name_set_remove(set, &a));
  assert_true(name_set_add(set, &a));
  assert_false(name_set_add(set, &a));
  assert_true(name_set_add(set, &b));
  assert_true(name_set_add(set, &root));
  assert_int_equal(name_set_count(set), 3);
  assert_true(has(set, "a.EXAMPLE"));
  assert_true(has(set, "."));
  assert_false(has(set, "example"));
  assert_false(has(set, "x.a.example"));
  assert_true(name_set_remove(set, &b));
  assert_false(has(set, "b.example"));
  assert_int_equal(name_set_count(set), 2);
  name_set_clear(set);
  assert_int_equal(name_set_count(set), 0);
  assert_false(has(set, "a.example"));
  assert_true(name_set_add(set, &b));
  object_unref(&set);
}

static void
suffixes(void **state)
{
  (void)state;
  struct suffix_set *set = suffix_set_new();
  assert_string_equal(best(set, "a.b"), "");
  add_text(set, "Example.ORG");
  add_text(set, "example.org"); // already there, keeps its casing
  add_text(set, "www.deep.example.org");
  add_text(set, "com");
  assert_int_equal(suffix_set_count(set), 3);
  static const struct {
    const char *name, *member;
  } rows[] = {
    {"example.org", "Example.ORG."},        {"a.b.c.EXAMPLE.org", "Example.ORG."},
    {"deep.example.org", "Example.ORG."},   {"www.deep.example.org", "www.deep.example.org."},
    {"x.www.deep.example.org", "www.deep.example.org."}, {"com", "com."},
    {"xcom", ""},                           {"a.com", "com."},
    {"org", ""},                            {".", ""},
    {"anexample.org", ""},                  {"com.net", ""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    assert_string_equal(best(set, rows[i].name), rows[i].member);
  struct name www = name_of("WWW.deep.example.org");
  assert_true(suffix_set_remove(set, &www));
  assert_false(suffix_set_remove(set, &www));
  assert_string_equal(best(set, "x.www.deep.example.org"), "Example.ORG.");
  add_text(set, ".");
  assert_string_equal(best(set, "net"), ".");
  assert_string_equal(best(set, "."), ".");
  assert_string_equal(best(set, "a.com"), "com.");
  object_unref(&set);
}

static void
canonical_text(void **state)
{
  (void)state;
  struct suffix_set *set = suffix_set_new();
  struct text text;
  text_init(&text);
  suffix_set_text(set, ", ", &text);
  assert_string_equal(text.data, "");
  static const char *const names[] = {"z.example", "example", "a\\.b.Example", "B.org", "a.org", "."};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    add_text(set, names[i]);
  suffix_set_text(set, ", ", &text);
  assert_string_equal(text.data, "., example., a\\.b.Example., z.example., a.org., B.org.");
  text_fini(&text);
  object_unref(&set);
}

static void
shared_sets_do_not_change(void **state)
{
  (void)state;
  struct suffix_set *set = suffix_set_new();
  add_text(set, "a.example");
  struct suffix_set *same = set;
  suffix_set_writable(&set);
  assert_ptr_equal(set, same);
  struct suffix_set *snapshot = object_ref(set);
  suffix_set_writable(&set);
  assert_ptr_not_equal(set, snapshot);
  add_text(set, "b.example");
  assert_string_equal(best(set, "a.example"), "a.example.");
  assert_string_equal(best(set, "x.b.example"), "b.example.");
  assert_string_equal(best(snapshot, "b.example"), "");
  object_unref(&snapshot);
  object_unref(&set);

  struct name_set *names = name_set_new(), *old = object_ref(names);
  struct name a = name_of("a");
  name_set_writable(&names);
  assert_true(name_set_add(names, &a));
  assert_int_equal(name_set_count(old), 0);
  assert_true(has(names, "A"));
  object_unref(&old);
  object_unref(&names);
}

enum { UNIVERSE = 400, STEPS = 20000 };

// Names of up to four labels over few letters: many are suffixes of others.
static struct name
random_name(unsigned *state)
{
  char text[40] = "";
  *state = *state * 1103515245u + 12345u;
  unsigned r = *state >> 8;
  for (unsigned labels = 1 + r % 4; labels > 0; labels--, r /= 5)
    snprintf(text + strlen(text), sizeof text - strlen(text), "%c%s", "abcAB"[r % 5], labels > 1 ? "." : "");
  return name_of(text);
}

static bool
in_list(const struct name *list, size_t count, const struct name *name, size_t *where)
{
  for (*where = 0; *where < count; ++*where)
    if (name_equal(&list[*where], name))
      return true;
  return false;
}

static bool
suffix_in_list(const struct name *list, size_t count, struct name name)
{
  size_t where;
  do {
    if (in_list(list, count, &name, &where))
      return true;
  } while (name_chop(&name));
  return false;
}

static void
count_one(const struct name *name, void *arg)
{
  assert_true(name->size > 0);
  ++*(size_t *)arg;
}

static void
random_changes_agree_with_a_list(void **state)
{
  (void)state;
  static struct name list[UNIVERSE];
  size_t count = 0, where, visited = 0;
  unsigned random = 1;
  struct name_set *names = name_set_new();
  struct suffix_set *tails = suffix_set_new();
  for (unsigned i = 0; i < STEPS; i++) {
    struct name name = random_name(&random), probe = random_name(&random);
    bool there = in_list(list, count, &name, &where);
    if (random >> 20 & 1 && count < UNIVERSE) {
      assert_int_equal(name_set_add(names, &name), !there);
      suffix_set_add(tails, &name);
      if (!there)
        list[count++] = name;
    } else {
      assert_int_equal(name_set_remove(names, &name), there);
      assert_int_equal(suffix_set_remove(tails, &name), there);
      if (there)
        list[where] = list[--count];
    }
    assert_int_equal(name_set_count(names), count);
    assert_int_equal(suffix_set_count(tails), count);
    assert_int_equal(name_set_has(names, probe.bytes, probe.size), in_list(list, count, &probe, &where));
    assert_int_equal(suffix_set_match(tails, probe.bytes, probe.size, NULL), suffix_in_list(list, count, probe));
  }
  name_set_each(names, count_one, &visited);
  assert_int_equal(visited, count);
  object_unref(&names);
  object_unref(&tails);
}

static void
many_names(void **state)
{
  (void)state;
  enum { MANY = 100000 };
  struct suffix_set *set = suffix_set_new();
  char text[60];
  for (unsigned i = 0; i < MANY; i++) {
    snprintf(text, sizeof text, "host-%u.some-domain.example", i * 7919u);
    add_text(set, text);
  }
  assert_int_equal(suffix_set_count(set), MANY);
  for (unsigned i = 0; i < MANY; i++) { // half go, so that the memory is put in order on the way
    snprintf(text, sizeof text, "HOST-%u.some-domain.example", i * 7919u);
    struct name name = name_of(text);
    if (i % 3 != 0)
      assert_true(suffix_set_remove(set, &name));
  }
  for (unsigned i = 0; i < MANY; i++) {
    snprintf(text, sizeof text, "x.y.host-%u.some-domain.example", i * 7919u);
    assert_int_equal(*best(set, text) != '\0', i % 3 == 0);
  }
  object_unref(&set);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(exact_names),
    cmocka_unit_test(suffixes),
    cmocka_unit_test(canonical_text),
    cmocka_unit_test(shared_sets_do_not_change),
    cmocka_unit_test(random_changes_agree_with_a_list),
    cmocka_unit_test(many_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
