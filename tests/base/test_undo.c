// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/base/undo: order, nesting, and what is recorded when.
#include "dnsproxy/base/undo.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/object.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char told[64];

struct word {
  char text[4];
  bool back;
};

static void
word_back(void *room)
{
  struct word *w = room;
  w->back = true;
  assert_false(undo_open());
  strcat(told, w->text);
}

static void
word_gone(void *room)
{
  struct word *w = room;
  strcat(told, w->back ? "." : "!");
  if (!w->back)
    strcat(told, w->text);
}

static void
edit(const char *text)
{
  struct word *w = undo_record(sizeof *w, word_back, word_gone);
  if (w != NULL)
    snprintf(w->text, sizeof w->text, "%s", text);
}

static void
nothing_is_recorded_outside(void **state)
{
  (void)state;
  int number = 1;
  assert_false(undo_open());
  assert_null(undo_record(8, word_back, NULL));
  undo_bytes(&number, sizeof number);
  number = 2;
  undo_begin();
  undo_back();
  assert_int_equal(number, 2);
}

static void
taken_back_newest_first(void **state)
{
  (void)state;
  int number = 1;
  told[0] = '\0';
  undo_begin();
  assert_true(undo_open());
  edit("a");
  undo_bytes(&number, sizeof number);
  number = 2;
  undo_bytes(&number, sizeof number);
  number = 3;
  edit("b");
  undo_back();
  assert_string_equal(told, "b.a.");
  assert_int_equal(number, 1);
  assert_false(undo_open());
}

static void
kept_oldest_first(void **state)
{
  (void)state;
  told[0] = '\0';
  undo_begin();
  edit("a");
  undo_begin();
  edit("b");
  undo_keep();
  assert_string_equal(told, ""); // part of the outer one
  edit("c");
  undo_keep();
  assert_string_equal(told, "!a!b!c");
}

static void
an_inner_one_is_taken_back_alone(void **state)
{
  (void)state;
  told[0] = '\0';
  undo_begin();
  edit("a");
  undo_begin();
  edit("b");
  undo_back();
  edit("c");
  assert_string_equal(told, "b.");
  undo_back();
  assert_string_equal(told, "b.c.a.");
}

static void
deeper_than_marks(void **state)
{
  (void)state;
  told[0] = '\0';
  enum { DEEP = 70 };
  for (int i = 0; i < DEEP; i++)
    undo_begin();
  edit("a");
  undo_back(); // too deep for a mark of its own: goes with the deepest that has one
  for (int i = 1; i < DEEP; i++)
    undo_back();
  assert_string_equal(told, "a.");
  assert_false(undo_open());
}

static void
thing_free(struct object *o)
{
  strcat(told, "f");
  free(o);
}
static const struct object_class thing_class = {.name = "thing", .free = thing_free};

static struct object *
thing_new(void)
{
  struct object *o = memory_new(sizeof *o);
  object_init(o, &thing_class);
  return o;
}

static void
objects_stay_alive(void **state)
{
  (void)state;
  told[0] = '\0';
  struct object *slot = thing_new(), *first = slot, *empty = NULL;
  undo_begin();
  undo_object(&slot);
  undo_object(&empty);
  empty = thing_new();
  object_unref(&slot);
  slot = thing_new();
  assert_string_equal(told, "");
  undo_back();
  assert_ptr_equal(slot, first);
  assert_null(empty);
  assert_string_equal(told, "ff");
  assert_int_equal(object_refs(slot), 1);
  undo_begin();
  undo_object(&slot);
  object_unref(&slot);
  undo_keep();
  assert_string_equal(told, "fff");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_is_recorded_outside), cmocka_unit_test(taken_back_newest_first),
      cmocka_unit_test(kept_oldest_first),           cmocka_unit_test(an_inner_one_is_taken_back_alone),
      cmocka_unit_test(deeper_than_marks),           cmocka_unit_test(objects_stay_alive),
  };
  static struct undo_stack stack;
  undo_use(&stack);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
