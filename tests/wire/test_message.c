// SPDX-License-Identifier: BSD-2-Clause
// Reading messages: question, EDNS, records and names, well formed and hostile.
#include "dnsproxy/wire/message.h"
#include "tests/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

// id, flags and the four counts
#define QUERY "1234 0100 0001 0000 0000 0000 "
#define QUERY_EDNS "1234 0100 0001 0000 0000 0001 "
#define A_B "01'a'01'b'00 0001 0001 "
#define OPT_PLAIN "00 0029 04d0 00 00 8000 0000 "

static void
question_is_read(void **state)
{
  (void)state;
  size_t size;
  uint8_t *m = hex_bytes(QUERY "03'wWw'07'example'00 001c 0003", &size);
  struct question q;
  char text[NAME_TEXT_SIZE];
  assert_true(message_question(m, size, &q));
  assert_string_equal(name_text(&q.name, text), "wWw.example.");
  assert_int_equal(q.type, 28);
  assert_int_equal(q.class, 3);
  assert_int_equal(q.end, size);
  for (size_t cut = 0; cut < size; cut++) {
    uint8_t *shorter = malloc(cut + 1);
    memcpy(shorter, m, cut);
    uint8_t *exact = realloc(shorter, cut > 0 ? cut : 1);
    assert_false(message_question(exact, cut, &q));
    free(exact);
  }
  free(m);
}

static void
bad_questions(void **state)
{
  (void)state;
  static const char *const rows[] = {
    "",
    "1234 0100 0000 0000 0000 0000 00 0001 0001", // no question counted
    QUERY,
    QUERY "c00c 0001 0001",     // a pointer, to itself
    QUERY "01'a' c00c 0001 0001",
    QUERY "40'a'00 0001 0001",  // reserved label types
    QUERY "80'a'00 0001 0001",
    QUERY "05'a'00 0001 0001",
    QUERY "01'a'01 0001 0001",
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    size_t size;
    uint8_t *m = hex_bytes(rows[i], &size);
    struct question q;
    assert_false(message_question(m, size, &q));
    free(m);
  }
}

static void
question_names_end_at_255_bytes(void **state)
{
  (void)state;
  uint8_t m[400] = {0, 0, 1, 0, 0, 1};
  struct question q;
  memset(m + HEADER_SIZE, 1, sizeof m - HEADER_SIZE);
  assert_false(message_question(m, sizeof m, &q));
  m[HEADER_SIZE + 254] = 0;
  assert_true(message_question(m, sizeof m, &q));
  assert_int_equal(q.name.size, 255);
  assert_true(message_question(m, HEADER_SIZE + 255 + 4, &q));
  assert_false(message_question(m, HEADER_SIZE + 255 + 3, &q));
  m[HEADER_SIZE + 254] = 1;
  m[HEADER_SIZE + 256] = 0;
  assert_false(message_question(m, sizeof m, &q));
}

static void
edns_is_found(void **state)
{
  (void)state;
  static const struct {
    const char *bytes;
    bool valid;
    unsigned offset, size, payload, options_size;
  } rows[] = {
    {QUERY A_B, true, 0, 0, 0, 0},
    {QUERY_EDNS A_B OPT_PLAIN, true, 21, 11, 1232, 0},
    {QUERY_EDNS A_B "00 0029 1000 00 00 0000 0006 000a 0002 'xy'", true, 21, 17, 4096, 6},
    {QUERY_EDNS A_B OPT_PLAIN "'trailing'", true, 21, 11, 1232, 0},
    // an additional record that is not OPT, then OPT; OPT then TSIG-like
    {"1234 0100 0001 0000 0000 0002" A_B "c00c 0010 0001 00000000 0001 00" OPT_PLAIN, true, 34, 11, 1232, 0},
    {"1234 0100 0001 0000 0000 0002" A_B OPT_PLAIN "c00c 00fa 00ff 00000000 0000", true, 21, 11, 1232, 0},
    // an answer before it
    {"1234 8180 0001 0001 0000 0001" A_B "c00c 0001 0001 0000003c 0004 7f000001" OPT_PLAIN, true, 37, 11, 1232, 0},
    // OPT in the wrong section, or with an owner: no EDNS
    {"1234 8180 0001 0001 0000 0000" A_B OPT_PLAIN, true, 0, 0, 0, 0},
    {QUERY_EDNS A_B "01'x' 00 0029 04d0 00000000 0000", true, 0, 0, 0, 0},
    // two questions
    {"1234 0100 0002 0000 0000 0001" A_B "c00c 0001 0001" OPT_PLAIN, true, 27, 11, 1232, 0},
    // no question at all, as in some error answers
    {"1234 8101 0000 0000 0000 0001" OPT_PLAIN, true, 12, 11, 1232, 0},
    // the first OPT counts
    {"1234 0100 0001 0000 0000 0002" A_B OPT_PLAIN "00 0029 0200 00 00 0000 0000", true, 21, 11, 1232, 0},
    // malformed
    {QUERY_EDNS A_B, false, 0, 0, 0, 0},
    {QUERY_EDNS A_B "00 0029 04d0 00000000 00", false, 0, 0, 0, 0},
    {QUERY_EDNS A_B "00 0029 04d0 00000000 0001", false, 0, 0, 0, 0},
    {"1234 8180 0001 0001 0000 0001" A_B "c00c 0001 0001 0000003c ffff 7f000001" OPT_PLAIN, false, 0, 0, 0, 0},
    {"1234 8180 0001 0001 0000 0001" A_B "c020 0001 0001 0000003c 0004 7f000001" OPT_PLAIN, false, 0, 0, 0, 0},
    {"1234", false, 0, 0, 0, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    size_t size;
    uint8_t *m = hex_bytes(rows[i].bytes, &size);
    struct question q = {.end = HEADER_SIZE};
    struct edns edns;
    message_question(m, size, &q);
    assert_int_equal(message_edns(m, size, q.end, &edns), rows[i].valid);
    assert_int_equal(edns.offset, rows[i].offset);
    assert_int_equal(edns.size, rows[i].size);
    assert_int_equal(edns.payload, rows[i].payload);
    assert_int_equal(edns.options_size, rows[i].options_size);
    free(m);
  }
}

static void
edns_fields_and_options(void **state)
{
  (void)state;
  size_t size;
  uint8_t *m = hex_bytes(QUERY_EDNS A_B "00 0029 0200 12 01 8000 000f 0008 0003 'ecs' 000c 0000 000a 0008 'x'", &size);
  struct edns edns;
  uint16_t code, data, data_size;
  assert_true(message_edns(m, size, 21, &edns));
  assert_int_equal(edns.extended_rcode, 0x12);
  assert_int_equal(edns.version, 1);
  assert_true(edns.dnssec_ok);
  uint16_t cursor = edns.options;
  assert_true(edns_option_next(m, &edns, &cursor, &code, &data, &data_size));
  assert_int_equal(code, 8);
  assert_int_equal(data_size, 3);
  assert_memory_equal(m + data, "ecs", 3);
  assert_true(edns_option_next(m, &edns, &cursor, &code, &data, &data_size));
  assert_int_equal(code, 12);
  assert_int_equal(data_size, 0);
  assert_false(edns_option_next(m, &edns, &cursor, &code, &data, &data_size)); // says 8 bytes, has one
  struct edns none = {0};
  cursor = 0;
  assert_false(edns_option_next(m, &none, &cursor, &code, &data, &data_size));
  free(m);
}

static void
records_are_walked(void **state)
{
  (void)state;
  size_t size;
  uint8_t *m = hex_bytes("1234 8180 0001 0002 0000 0001" A_B "c00c 0005 0001 0000003c 0004 01'c' c00e"
                         "c021 0001 0001 00000e10 0004 01020304" OPT_PLAIN "ffff",
                         &size);
  static const struct record expected[] = {
    {.section = 1, .owner = 21, .fixed = 23, .type = 5, .class = 1, .ttl = 60, .rdata = 33, .rdata_size = 4, .end = 37},
    {.section = 1, .owner = 37, .fixed = 39, .type = 1, .class = 1, .ttl = 3600, .rdata = 49, .rdata_size = 4, .end = 53},
    {.section = 3, .owner = 53, .fixed = 54, .type = 41, .class = 1232, .ttl = 0x8000, .rdata = 64, .rdata_size = 0, .end = 64},
  };
  struct record_walk walk;
  struct record r;
  assert_true(record_walk_init(&walk, m, size));
  for (unsigned i = 0; i < 3; i++) {
    assert_true(record_next(&walk, &r));
    assert_int_equal(r.section, expected[i].section);
    assert_int_equal(r.owner, expected[i].owner);
    assert_int_equal(r.fixed, expected[i].fixed);
    assert_int_equal(r.type, expected[i].type);
    assert_int_equal(r.class, expected[i].class);
    assert_int_equal(r.ttl, expected[i].ttl);
    assert_int_equal(r.rdata, expected[i].rdata);
    assert_int_equal(r.rdata_size, expected[i].rdata_size);
    assert_int_equal(r.end, expected[i].end);
  }
  assert_false(record_next(&walk, &r));
  assert_false(walk.malformed);
  assert_int_equal(message_proper_size(m, size), size - 2);
  for (size_t cut = 0; cut < size - 2; cut++)
    assert_int_equal(message_proper_size(m, cut), 0);
  struct name name;
  char text[NAME_TEXT_SIZE];
  assert_int_equal(message_name(m, size, 33, &name), 37);
  assert_string_equal(name_text(&name, text), "c.b.");
  assert_int_equal(message_name(m, size, 37, &name), 39);
  assert_string_equal(name_text(&name, text), "c.b.");
  free(m);
}

static void
hostile_names(void **state)
{
  (void)state;
  static const struct {
    const char *tail; // at offset 12
    size_t offset;
  } rows[] = {
    {"c00c", 12},                  // itself
    {"01'a' c00c", 12},            // its own start
    {"01'a' c00e 00", 12},         // the pointer itself
    {"c00e 00", 12},               // forwards
    {"c000", 12},                  // into the header
    {"01'a' c0", 12},              // half a pointer
    {"05'abcd'", 12},              // label over the end
    {"01'a'", 12},                 // no root
    {"40 00", 12},                 // reserved label types
    {"80 00", 12},
    {"01'a' c010 01'b' c00c", 16}, // two that point at each other
    {"", 12},
    {"00", 40},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char text[200];
    size_t size;
    struct name name;
    snprintf(text, sizeof text, "%s%s", QUERY, rows[i].tail);
    uint8_t *m = hex_bytes(text, &size);
    assert_int_equal(message_name(m, size, rows[i].offset, &name), 0);
    free(m);
  }
}

// A chain in which each label points to the one before: as long as the name stays below 255 bytes it is one.
static void
long_chains(void **state)
{
  (void)state;
  uint8_t m[1000] = {0};
  struct name name;
  size_t at = 12;
  m[at++] = 0;
  for (size_t before = 12, i = 0; i < 130; i++) {
    size_t start = at;
    m[at++] = 1;
    m[at++] = 'x';
    m[at++] = (uint8_t)(0xc0 | before >> 8);
    m[at++] = (uint8_t)before;
    before = start;
    assert_int_equal(message_name(m, at, start, &name), i < 127 ? at : 0);
  }
}

static void
pointers_to_pointers_are_bounded(void **state)
{
  (void)state;
  uint8_t m[4000] = {0};
  struct name name;
  size_t at = 13;
  for (unsigned i = 0; i < 1000; i++, at += 2)
    message_put_u16(m + at, (uint16_t)(0xc000 | (i == 0 ? 12 : at - 2)));
  assert_int_equal(message_name(m, at, 13 + 2 * 127, &name), 13 + 2 * 128);
  assert_int_equal(message_name(m, at, 13 + 2 * 128, &name), 0);
}

static void
counts_that_lie(void **state)
{
  (void)state;
  size_t size;
  uint8_t *m = hex_bytes("1234 0100 ffff ffff ffff ffff" A_B, &size);
  struct record_walk walk;
  struct record r;
  assert_false(record_walk_init(&walk, m, size));
  assert_true(walk.malformed);
  assert_false(record_next(&walk, &r));
  message_set_count(m, 0, 1);
  assert_true(record_walk_init(&walk, m, size));
  assert_false(record_next(&walk, &r));
  assert_true(walk.malformed);
  free(m);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(question_is_read),   cmocka_unit_test(bad_questions),
    cmocka_unit_test(edns_is_found),      cmocka_unit_test(question_names_end_at_255_bytes),
    cmocka_unit_test(records_are_walked), cmocka_unit_test(edns_fields_and_options),
    cmocka_unit_test(hostile_names),      cmocka_unit_test(long_chains),
    cmocka_unit_test(counts_that_lie),    cmocka_unit_test(pointers_to_pointers_are_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
