// SPDX-License-Identifier: BSD-2-Clause
// Changing messages: what comes out byte by byte, and that a refused change leaves the message as it was.
#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/rewrite.h"
#include "tests/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define A_B "01'a'01'b'00 0001 0001 "
#define RECORD_A "c00c 0001 0001 0000003c 0004 7f000001 "
#define OPT "00 0029 04d0 00000000 0000 "
#define OPT_DO "00 0029 1000 00 00 8000 0000 "
#define COOKIE "000a 0002 'xy' "
#define OPT_COOKIE "00 0029 04d0 00000000 0006 " COOKIE
#define TSIG "03'key'00 00fa 00ff 00000000 0003 'sig' "

static struct wire_buffer
buffer_of(const char *text, size_t capacity)
{
  struct wire_buffer b;
  uint8_t *bytes = hex_bytes(text, &b.size);
  b.capacity = capacity > b.size ? capacity : b.size;
  b.data = calloc(1, b.capacity);
  assert_non_null(b.data);
  memcpy(b.data, bytes, b.size);
  free(bytes);
  return b;
}

static void
expect(const struct wire_buffer *b, const char *text)
{
  size_t size;
  uint8_t *bytes = hex_bytes(text, &size);
  assert_int_equal(b->size, size);
  assert_memory_equal(b->data, bytes, size);
  free(bytes);
}

// One change of one message: `after` NULL means that it is refused.
struct change {
  const char *before, *after;
};

// With room to spare, then with exactly the room that is needed, then with one byte less.
static void
check_changes(const struct change *rows, size_t count, bool (*apply)(struct wire_buffer *))
{
  for (size_t i = 0; i < count; i++) {
    size_t need = 0;
    if (rows[i].after != NULL)
      free(hex_bytes(rows[i].after, &need));
    for (size_t spare = 0; spare <= 100; spare += 100) {
      struct wire_buffer b = buffer_of(rows[i].before, need + spare);
      assert_int_equal(apply(&b), rows[i].after != NULL);
      expect(&b, rows[i].after != NULL ? rows[i].after : rows[i].before);
      free(b.data);
    }
    struct wire_buffer b = buffer_of(rows[i].before, need - (need > 0));
    if (b.capacity < need) {
      assert_false(apply(&b));
      expect(&b, rows[i].before);
    }
    free(b.data);
  }
}
#define CHECK_CHANGES(rows, apply) check_changes(rows, sizeof(rows) / sizeof((rows)[0]), apply)

static void
ttls_are_listed(void **state)
{
  (void)state;
  struct wire_buffer b = buffer_of("1234 8180 0001 0001 0001 0001" A_B RECORD_A
                                   "c00e 0006 0001 0000001e 0017 00 00 0102030405060708090a0b0c0d0e0f1011121314 00" OPT,
                                   0);
  uint16_t offsets[3];
  struct ttl_list list = {.offsets = offsets, .capacity = 3};
  assert_true(message_ttls(b.data, b.size, &list));
  assert_int_equal(list.count, 2);
  assert_int_equal(offsets[0], 27);
  assert_int_equal(offsets[1], 43);
  assert_int_equal(list.minimum, 30);
  assert_true(list.soa_in_authority);
  list.capacity = 1;
  assert_false(message_ttls(b.data, b.size, &list));
  list.capacity = 3;
  assert_false(message_ttls(b.data, b.size - 1, &list));
  free(b.data);
  b = buffer_of("1234 8180 0001 0000 0000 0001" A_B OPT, 0);
  assert_true(message_ttls(b.data, b.size, &list));
  assert_int_equal(list.count, 0);
  assert_true(list.minimum == UINT32_MAX);
  assert_false(list.soa_in_authority);
  free(b.data);
}

static void
ttls_are_limited(void **state)
{
  (void)state;
  static const struct {
    uint32_t ttl, min, max, expected;
  } rows[] = {
    {60, 0, UINT32_MAX, 60}, {60, 100, 200, 100}, {60, 10, 20, 20}, {60, 60, 60, 60}, {60, 100, 50, 50}, {0, 1, UINT32_MAX, 1},
    {UINT32_MAX, 0, 0, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct wire_buffer b = buffer_of("1234 8180 0001 0001 0000 0001" A_B RECORD_A OPT_DO, 0);
    message_put_u32(b.data + 27, rows[i].ttl);
    assert_true(message_limit_ttls(&b, rows[i].min, rows[i].max));
    assert_int_equal(message_u32(b.data + 27), rows[i].expected);
    assert_int_equal(message_u32(b.data + 42), 0x8000); // the OPT's flags are no TTL
    free(b.data);
  }
}

static void
records_are_cut(void **state)
{
  (void)state;
  static const struct {
    const char *before, *cut, *truncated;
  } rows[] = {
    {"1234 8180 0001 0001 0000 0001" A_B RECORD_A OPT_DO, "1234 8180 0001 0000 0000 0000" A_B,
     "1234 8380 0001 0000 0000 0001" A_B OPT_DO},
    {"1234 8180 0001 0001 0000 0000" A_B RECORD_A, "1234 8180 0001 0000 0000 0000" A_B,
     "1234 8380 0001 0000 0000 0000" A_B},
    {"1234 0100 0002 0000 0000 0000" A_B "c00c 0001 0001", "1234 0100 0001 0000 0000 0000" A_B,
     "1234 0300 0001 0000 0000 0000" A_B},
    {"1234 8181 0000 0000 0000 0000", "1234 8181 0000 0000 0000 0000", "1234 8381 0000 0000 0000 0000"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct wire_buffer b = buffer_of(rows[i].before, 100);
    struct edns edns;
    message_cut_records(&b, 21);
    expect(&b, rows[i].cut);
    free(b.data);
    b = buffer_of(rows[i].before, 100);
    assert_true(message_edns(b.data, b.size, 21, &edns));
    message_truncate(&b, 21, &edns);
    expect(&b, rows[i].truncated);
    free(b.data);
  }
}

static bool
add_opt(struct wire_buffer *b)
{
  return message_add_opt(b, 4096, 0, true, NULL, 0);
}

static bool
add_opt_with_option(struct wire_buffer *b)
{
  return message_add_opt(b, 1232, 1, false, (const uint8_t *)"\0\12\0\2xy", 6);
}

static bool
set_cookie(struct wire_buffer *b)
{
  bool added = true;
  unsigned count = message_count(b->data, 3);
  bool done = message_set_option(b, 10, (const uint8_t *)"new", 3, 512, &added);
  assert_int_equal(added, message_count(b->data, 3) > count);
  return done;
}

static bool
append_ede(struct wire_buffer *b)
{
  return message_append_option(b, 15, (const uint8_t *)"\0\1", 2);
}

static bool
remove_cookie(struct wire_buffer *b)
{
  return message_remove_option(b, 10);
}

static void
opt_is_added_and_removed(void **state)
{
  (void)state;
  static const struct change add[] = {
    {"1234 0100 0001 0000 0000 0000" A_B, "1234 0100 0001 0000 0000 0001" A_B OPT_DO},
    {"1234 0100 0001 0000 0000 0000" A_B "'trail'", "1234 0100 0001 0000 0000 0001" A_B OPT_DO},
    {"1234 0100 0001 0001 0000 0000" A_B, NULL},
    {"1234 01", NULL},
  };
  static const struct change with_option[] = {
    {"1234 0100 0001 0000 0000 0000" A_B, "1234 0100 0001 0000 0000 0001" A_B "00 0029 04d0 01 00 0000 0006" COOKIE},
  };
  static const struct change removed[] = {
    {"1234 0100 0001 0000 0000 0001" A_B OPT_COOKIE, "1234 0100 0001 0000 0000 0000" A_B},
    {"1234 0100 0001 0000 0000 0000" A_B, "1234 0100 0001 0000 0000 0000" A_B},
    {"1234 8180 0001 0001 0000 0001" A_B RECORD_A OPT, "1234 8180 0001 0001 0000 0000" A_B RECORD_A},
    {"1234 0100 0001 0000 0000 0002" A_B OPT_COOKIE TSIG, "1234 0100 0001 0000 0000 0001" A_B TSIG},
    {"1234 0100 0001 0000 0000 0003" A_B OPT OPT TSIG, "1234 0100 0001 0000 0000 0001" A_B TSIG},
    // what follows the OPT points behind it: the pointer moves along
    {"1234 0100 0001 0000 0000 0003" A_B OPT TSIG "01'x' c020 0001 0001 00000000 0000",
     "1234 0100 0001 0000 0000 0002" A_B TSIG "01'x' c015 0001 0001 00000000 0000"},
    {"1234 0100 0001 0000 0000 0002" A_B OPT, NULL},
  };
  CHECK_CHANGES(add, add_opt);
  CHECK_CHANGES(with_option, add_opt_with_option);
  CHECK_CHANGES(removed, message_remove_opt);
}

static void
options_are_edited(void **state)
{
  (void)state;
#define NEW "000a 0003 'new' "
  static const struct change set[] = {
    {"1234 0100 0001 0000 0000 0000" A_B "'t'", "1234 0100 0001 0000 0000 0001" A_B "00 0029 0200 00000000 0007" NEW},
    {"1234 0100 0001 0000 0000 0001" A_B OPT, "1234 0100 0001 0000 0000 0001" A_B "00 0029 04d0 00000000 0007" NEW},
    {"1234 0100 0001 0000 0000 0001" A_B OPT_COOKIE "'t'", "1234 0100 0001 0000 0000 0001" A_B "00 0029 04d0 00000000 0007" NEW},
    {"1234 0100 0001 0000 0000 0001" A_B "00 0029 04d0 00000000 0010" COOKIE "000c 0000" COOKIE,
     "1234 0100 0001 0000 0000 0001" A_B "00 0029 04d0 00000000 000b 000c 0000" NEW},
    {"1234 0100 0001 0000 0000 0002" A_B OPT_COOKIE TSIG,
     "1234 0100 0001 0000 0000 0002" A_B "00 0029 04d0 00000000 0007" NEW TSIG},
    // the question's bytes look like an OPT record
    {"1234 0100 0001 0000 0000 0001" "00 0029 0001 05'aaa'000000 0029 0200 00000000 0000",
     "1234 0100 0001 0000 0000 0002" "00 0029 0001 05'aaa'000000 0029 0200 00000000 0000 00 0029 0200 00000000 0007" NEW},
    {"1234 0100 0001 0000 0000 0001" A_B "00 0029 04d0 00000000 0005 000a 0002 'x'", NULL}, // options that do not add up
    {"1234 0100 0001 0000 0001 0001" A_B OPT, NULL},
  };
  static const struct change append[] = {
    {"1234 8180 0001 0000 0000 0001" A_B OPT_COOKIE,
     "1234 8180 0001 0000 0000 0001" A_B "00 0029 04d0 00000000 000c" COOKIE "000f 0002 0001"},
    {"1234 8180 0001 0000 0000 0000" A_B, NULL},
  };
  static const struct change removed[] = {
    {"1234 0100 0001 0000 0000 0001" A_B OPT_COOKIE, "1234 0100 0001 0000 0000 0001" A_B OPT},
    {"1234 0100 0001 0000 0000 0001" A_B "00 0029 04d0 00000000 0014" COOKIE "0008 0004 'ecs!'" COOKIE,
     "1234 0100 0001 0000 0000 0001" A_B "00 0029 04d0 00000000 0008 0008 0004 'ecs!'"},
    {"1234 0100 0001 0000 0000 0002" A_B OPT_COOKIE TSIG, "1234 0100 0001 0000 0000 0002" A_B OPT TSIG},
    {"1234 0100 0001 0000 0000 0001" A_B OPT, "1234 0100 0001 0000 0000 0001" A_B OPT},
    {"1234 0100 0001 0000 0000 0000" A_B, "1234 0100 0001 0000 0000 0000" A_B},
    {"1234 0100 0001 0000 0000 0001" A_B "00 0029 04d0 00000000 0003 000a 00", NULL},
  };
  CHECK_CHANGES(set, set_cookie);
  CHECK_CHANGES(append, append_ede);
  CHECK_CHANGES(removed, remove_cookie);
}

static bool
rename_to_xyz(struct wire_buffer *b)
{
  static const struct name xyz = {.size = 6, .bytes = "\3xyz\0"};
  struct name to = xyz;
  to.size = 5;
  return message_rename(b, &to);
}

static void
questions_are_renamed(void **state)
{
  (void)state;
#define XYZ "03'xyz'00 0001 0001 "
  static const struct change rows[] = {
    {"1234 0100 0001 0000 0000 0000 00 0001 0001", "1234 0100 0001 0000 0000 0000" XYZ},
    {"1234 0100 0001 0000 0000 0001 00 0001 0001" OPT_COOKIE, "1234 0100 0001 0000 0000 0001" XYZ OPT_COOKIE},
    {"1234 0100 0001 0000 0000 0001" A_B OPT_COOKIE, "1234 0100 0001 0000 0000 0001" XYZ OPT_COOKIE},
    // owners equal to the question follow, in whatever casing
    {"1234 8180 0001 0002 0000 0001" A_B RECORD_A "01'A'01'b'00 0001 0001 00000000 0000" OPT,
     "1234 8180 0001 0002 0000 0001" XYZ RECORD_A "c00c 0001 0001 00000000 0000" OPT},
    // names that pointed into the question are written out, then pointed to
    {"1234 8180 0001 0002 0000 0000" A_B "c00c 0005 0001 0000003c 0004 01'c' c00e c021 0001 0001 0000003c 0004 7f000001",
     "1234 8180 0001 0002 0000 0000" XYZ "c00c 0005 0001 0000003c 0005 01'c'01'b'00 c021 0001 0001 0000003c 0004 7f000001"},
    // MX compresses, SRV does not, unknown types are copied
    {"1234 8180 0001 0003 0000 0000" A_B "c00c 000f 0001 00000000 0004 000a c00e"
     "c00c 0021 0001 00000000 0008 000000000035 c00e c00c fff0 0001 00000000 0002 c00c",
     "1234 8180 0001 0003 0000 0000" XYZ "c00c 000f 0001 00000000 0005 000a 01'b'00"
     "c00c 0021 0001 00000000 0009 000000000035 01'b'00 c00c fff0 0001 00000000 0002 c00c"},
    // SOA: two names and the numbers; NAPTR: three strings
    {"1234 8180 0001 0000 0001 0000" A_B "c00e 0006 0001 00000000 001a c00c 01'h' c00e 0000000100000002000000030000000400000005",
     "1234 8180 0001 0000 0001 0000" XYZ
     "01'b'00 0006 0001 00000000 001c 01'a' c015 01'h' c015 0000000100000002000000030000000400000005"},
    {"1234 8180 0001 0001 0000 0000" A_B "c00c 0023 0001 00000000 000b 00010002 00 0101 01'x' c00e",
     "1234 8180 0001 0001 0000 0000" XYZ "c00c 0023 0001 00000000 000c 00010002 00 0101 01'x' 01'b'00"},
    // RDATA that ends inside its name, or strings over its end
    {"1234 8180 0001 0001 0000 0000" A_B "c00c 0005 0001 00000000 0001 c0 0c", NULL},
    {"1234 8180 0001 0001 0000 0000" A_B "c00c 000f 0001 00000000 0001 00", NULL},
    {"1234 8180 0001 0001 0000 0000" A_B "c00c 0023 0001 00000000 0006 00010002 ff 00", NULL},
    {"1234 8180 0001 0001 0000 0000" A_B "c00c 0005 0001 00000000 0002 c021", NULL},
    {"1234 8180 0000 0000 0000 0000", NULL},
    {"1234 8180 0001 0000 0000 0000 c00c 0001 0001", NULL},
  };
  CHECK_CHANGES(rows, rename_to_xyz);
}

static bool
remove_a_and_opt(struct wire_buffer *b)
{
  static const uint16_t types[] = {QTYPE_A, QTYPE_OPT};
  return message_remove_types(b, types, 2);
}

static void
types_are_removed(void **state)
{
  (void)state;
  static const struct change rows[] = {
    {"1234 8180 0001 0001 0000 0001" A_B RECORD_A OPT, "1234 8180 0001 0000 0000 0001" A_B OPT},
    {"1234 8180 0001 0000 0000 0001" A_B OPT "'trail'", "1234 8180 0001 0000 0000 0001" A_B OPT "'trail'"},
    // a name that was only in a removed record is written out where it was pointed to
    {"1234 8180 0001 0002 0001 0000" A_B "03'www' c00e 0001 0001 00000000 0004 01020304 c015 0010 0001 00000000 0002 01'x'"
     "c00e 0002 0001 00000000 0002 c015",
     "1234 8180 0001 0001 0001 0000" A_B "03'www' c00e 0010 0001 00000000 0002 01'x' c00e 0002 0001 00000000 0002 c015"},
    {"1234 8180 0001 0001 0000 0002" A_B RECORD_A OPT, NULL},
    {"1234 8180 0001 0001 0000 0000" A_B, NULL},
  };
  CHECK_CHANGES(rows, remove_a_and_opt);
}

// Many names, more than the compressor remembers: what is written is what was read.
static void
large_messages_keep_their_names(void **state)
{
  (void)state;
  enum { COUNT = 1500 };
  struct wire_buffer b = {.data = calloc(1, MESSAGE_MAX_SIZE), .size = 21, .capacity = MESSAGE_MAX_SIZE};
  assert_non_null(b.data);
  memcpy(b.data, "\x12\x34\x81\x80\0\1\0\0\0\0\0\0\1a\1b\0\0\1\0\1", 21);
  for (unsigned i = 0; i < COUNT; i++) {
    uint8_t *at = b.data + b.size;
    at[0] = 5;
    snprintf((char *)at + 1, 6, "n%04u", i / 2);
    memcpy(at + 6, "\xc0\x0e\0\1\0\1\0\0\0\0\0\0", 12);
    at[9] = i % 10 == 0 ? 1 : 16;
    b.size += 18;
  }
  message_set_count(b.data, 1, COUNT);
  assert_int_equal(message_proper_size(b.data, b.size), b.size);
  assert_true(remove_a_and_opt(&b));
  assert_int_equal(message_count(b.data, 1), COUNT - COUNT / 10);
  struct record_walk walk;
  struct record r;
  unsigned i = 0;
  assert_true(record_walk_init(&walk, b.data, b.size));
  for (; record_next(&walk, &r); i++) {
    char text[NAME_TEXT_SIZE], expected[40];
    struct name name;
    i += i % 10 == 0;
    assert_true(message_name(b.data, b.size, r.owner, &name) > 0);
    snprintf(expected, sizeof expected, "n%04u.b.", i / 2);
    assert_string_equal(name_text(&name, text), expected);
  }
  assert_int_equal(i, COUNT);
  assert_false(walk.malformed);
  free(b.data);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(ttls_are_listed),          cmocka_unit_test(ttls_are_limited),   cmocka_unit_test(records_are_cut),
    cmocka_unit_test(opt_is_added_and_removed), cmocka_unit_test(options_are_edited), cmocka_unit_test(questions_are_renamed),
    cmocka_unit_test(types_are_removed),        cmocka_unit_test(large_messages_keep_their_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
