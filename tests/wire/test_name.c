// SPDX-License-Identifier: BSD-2-Clause
// Names: text both ways, wire form, comparison, order, hash, joining and cutting.
#include "dnsproxy/wire/name.h"
#include "tests/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct name
name_of(const char *text)
{
  struct name name;
  struct fault fault = FAULT_INIT;
  assert_true(name_from_text(&name, text, strlen(text), &fault));
  return name;
}

static void
text_is_read(void **state)
{
  (void)state;
  static const struct {
    const char *text, *wire, *printed, *no_dot;
  } rows[] = {
    {"", "00", ".", ""},
    {".", "00", ".", ""},
    {"a", "01'a'00", "a.", "a"},
    {"a.", "01'a'00", "a.", "a"},
    {"www.Example.ORG", "03'www'07'Example'03'ORG'00", "www.Example.ORG.", "www.Example.ORG"},
    {"a\\.b.c", "03'a.b'01'c'00", "a\\.b.c.", "a\\.b.c"},
    {"a\\\\b", "03'a\\b'00", "a\\\\b.", "a\\\\b"},
    {"\\065\\000\\255", "03'A'00ff00", "A\\000\\255.", "A\\000\\255"},
    {"a b", "03'a b'00", "a\\032b.", "a\\032b"},
    {"\xc3\xa9", "02c3a900", "\\195\\169.", "\\195\\169"},
    {"a\\.", "02'a.'00", "a\\..", "a\\."},
    {"*._tcp", "01'*'04'_tcp'00", "*._tcp.", "*._tcp"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    size_t size;
    uint8_t *wire = hex_bytes(rows[i].wire, &size);
    struct name name = name_of(rows[i].text), again;
    char text[NAME_TEXT_SIZE];
    assert_int_equal(name.size, size);
    assert_memory_equal(name.bytes, wire, size);
    assert_string_equal(name_text(&name, text), rows[i].printed);
    assert_string_equal(name_bytes_text(wire, text), rows[i].printed);
    assert_string_equal(name_text_no_dot(&name, text), rows[i].no_dot);
    assert_true(name_from_wire(&again, wire, size));
    assert_memory_equal(&again, &name, 1 + size);
    assert_int_equal(name_bytes_size(wire), size);
    free(wire);
  }
}

#define TEN "abcdefghij"
#define SIXTY TEN TEN TEN TEN TEN TEN
#define LABEL_63 SIXTY "abc"

static void
bad_text_is_refused(void **state)
{
  (void)state;
  static const struct {
    const char *text, *error;
  } rows[] = {
    {"a..b", "Found . in wrong position in DNSName: a\\.\\.b"},
    {".a", "Found . in wrong position in DNSName: \\.a"},
    {"..", "Found . in wrong position in DNSName: \\.\\."},
    {"a..", "Found . in wrong position in DNSName: a\\.\\."},
    {LABEL_63 "d", "label too long to append: " LABEL_63 "d"},
    {SIXTY SIXTY, "label too long to append: " SIXTY SIXTY},
    {LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63,
     "name too long to append: " LABEL_63 "\\." LABEL_63 "\\." LABEL_63 "\\." SIXTY "ab..."},
    {"a\\", "Found \\ in wrong position in DNSName: a\\\\"},
    {"a\\256", "Found \\ in wrong position in DNSName: a\\\\256"},
    {"a\\25", "Found \\ in wrong position in DNSName: a\\\\25"},
    {"a\\2x5", "Found \\ in wrong position in DNSName: a\\\\2x5"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct name name = {.size = 77};
    struct fault fault = FAULT_INIT;
    assert_false(name_from_text(&name, rows[i].text, strlen(rows[i].text), &fault));
    assert_int_equal(fault.kind, FAULT_CAUGHT);
    assert_string_equal(fault.text, rows[i].error);
    assert_int_equal(name.size, 77);
  }
}

static void
longest_names_fit(void **state)
{
  (void)state;
  struct name name = name_of(LABEL_63 "." LABEL_63 "." LABEL_63 "." SIXTY "a");
  assert_int_equal(name.size, NAME_MAX_SIZE);
  struct fault fault = FAULT_INIT;
  struct name a = name_of("a"), root = name_of(".");
  assert_false(name_append(&name, &a, &fault));
  assert_string_equal(fault.text, "name too long to append: a");
  assert_true(name_append(&name, &root, &fault));
  assert_int_equal(name.size, NAME_MAX_SIZE);
  struct name bytes = {.size = NAME_MAX_SIZE};
  char text[NAME_TEXT_SIZE];
  for (unsigned i = 0; i < 127; i++) {
    bytes.bytes[2 * i] = 1;
    bytes.bytes[2 * i + 1] = 0xff;
  }
  bytes.bytes[254] = 0;
  assert_int_equal(strlen(name_text(&bytes, text)), 127 * 5);
  assert_int_equal(name_bytes_labels(bytes.bytes), 127);
  struct name again = name_of(text);
  assert_true(name_equal(&bytes, &again));
}

static void
bad_wire_is_refused(void **state)
{
  (void)state;
  static const char *const rows[] = {"", "01", "01'a'", "40'a'00", "c00c", "03'ab'00"};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    size_t size;
    uint8_t *wire = hex_bytes(rows[i], &size);
    struct name name;
    assert_false(name_from_wire(&name, wire, size));
    free(wire);
  }
  uint8_t deep[300];
  memset(deep, 1, sizeof deep);
  struct name name;
  assert_false(name_from_wire(&name, deep, sizeof deep));
  deep[254] = 0;
  assert_true(name_from_wire(&name, deep, sizeof deep));
  assert_int_equal(name.size, 255);
}

static void
casing_does_not_count(void **state)
{
  (void)state;
  char upper[200], lower[200];
  for (size_t size = 1; size <= 130; size++) {
    for (size_t i = 0; i < size; i++) {
      bool dot = i % 20 == 19 && i + 1 < size;
      lower[i] = dot ? '.' : (char)('a' + i * 7 % 26);
      upper[i] = dot ? '.' : (char)('A' + i * 7 % 26);
    }
    lower[size] = upper[size] = '\0';
    struct name a = name_of(lower), b = name_of(upper);
    assert_true(name_equal(&a, &b));
    assert_true(name_bytes_hash(a.bytes, a.size, 1) == name_bytes_hash(b.bytes, b.size, 1));
    assert_false(name_bytes_hash(a.bytes, a.size, 1) == name_bytes_hash(b.bytes, b.size, 2));
    assert_int_equal(name_compare(&a, &b), 0);
    uint8_t copy[NAME_MAX_SIZE];
    name_bytes_lower(copy, b.bytes, b.size);
    assert_memory_equal(copy, a.bytes, a.size);
    for (size_t i = 1; i + 1 < b.size; i++) { // any other letter makes another name
      b.bytes[i] ^= 1;
      assert_false(name_equal(&a, &b));
      assert_false(name_bytes_hash(a.bytes, a.size, 1) == name_bytes_hash(b.bytes, b.size, 1));
      b.bytes[i] ^= 1;
    }
  }
}

// Every byte against the definition: only A to Z changes.
static void
only_letters_are_lowered(void **state)
{
  (void)state;
  uint8_t all[256], out[256];
  for (unsigned i = 0; i < 256; i++)
    all[i] = (uint8_t)i;
  name_bytes_lower(out, all, sizeof all);
  for (unsigned i = 0; i < 256; i++)
    assert_int_equal(out[i], i >= 'A' && i <= 'Z' ? i + 32 : i);
  name_bytes_lower(all, all, 255);
  assert_memory_equal(all, out, 255);
}

static void
part_of(void **state)
{
  (void)state;
  static const struct {
    const char *name, *parent;
    bool part;
  } rows[] = {
    {"a.b.c", "b.C", true}, {"a.b.c", "a.b.c", true}, {"a.b.c", ".", true}, {".", ".", true},       {".", "c", false},
    {"ab.c", "b.c", false}, {"b.c", "a.b.c", false},  {"a.b.d", "b.c", false}, {"x\\001b.c", "b.c", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct name name = name_of(rows[i].name), parent = name_of(rows[i].parent);
    assert_int_equal(name_bytes_is_part_of(name.bytes, name.size, &parent), rows[i].part);
  }
}

static void
canonical_order(void **state)
{
  (void)state;
  // RFC 4034 6.1, with the root in front.
  static const char *const sorted[] = {".",         "example",       "a.example",         "yljkjljk.a.example", "Z.a.example",
                                       "zABC.a.EXAMPLE", "z.example", "\\001.z.example", "*.z.example", "\\200.z.example"};
  enum { COUNT = sizeof sorted / sizeof sorted[0] };
  for (int i = 0; i < COUNT; i++)
    for (int j = 0; j < COUNT; j++) {
      struct name a = name_of(sorted[i]), b = name_of(sorted[j]);
      int order = name_compare(&a, &b);
      assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
    }
}

static void
joined_and_cut(void **state)
{
  (void)state;
  struct fault fault = FAULT_INIT;
  struct name name = name_of("www"), tail = name_of("Example.org"), expected = name_of("www.example.ORG");
  assert_true(name_append(&name, &tail, &fault));
  assert_true(name_equal(&name, &expected));
  assert_int_equal(name_bytes_labels(name.bytes), 3);
  assert_true(name_chop(&name));
  assert_true(name_equal(&name, &tail));
  assert_true(name_append(&name, &name, &fault));
  expected = name_of("example.org.example.org");
  assert_true(name_equal(&name, &expected));
  name = name_of("a");
  assert_true(name_chop(&name));
  assert_int_equal(name.size, 1);
  assert_false(name_chop(&name));
  struct name unset = {.size = 0};
  assert_true(name_append(&unset, &tail, &fault));
  assert_true(name_equal(&unset, &tail));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(text_is_read),          cmocka_unit_test(bad_text_is_refused),      cmocka_unit_test(longest_names_fit),
    cmocka_unit_test(bad_wire_is_refused),   cmocka_unit_test(casing_does_not_count),    cmocka_unit_test(part_of),
    cmocka_unit_test(only_letters_are_lowered), cmocka_unit_test(canonical_order),       cmocka_unit_test(joined_and_cut),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
