// SPDX-License-Identifier: BSD-2-Clause
// Every change and every composed answer on any bytes. A refused change leaves the message as it was; a well-formed
// message stays well formed and has what was asked for.
//
// Input: a byte of room to spare, a byte that chooses the parameters, then the message.
#include "dnsproxy/base/param.h"
#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/compose.h"
#include "dnsproxy/wire/rewrite.h"
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

struct input {
  const uint8_t *message;
  size_t size, spare;
  uint8_t choice;
  bool well_formed;
  size_t question_end; // HEADER_SIZE without a readable question
};

static const struct name target = {.size = 13, .bytes = "\3www\7example"};

static bool
rename_it(struct wire_buffer *b, const struct input *in)
{
  struct name to = target;
  struct question q;
  if (in->choice & 1)
    to = (struct name){.size = 1};
  if (!message_rename(b, &to))
    return false;
  assert(message_question(b->data, b->size, &q) && name_equal(&q.name, &to));
  return true;
}

static bool
remove_types(struct wire_buffer *b, const struct input *in)
{
  const uint16_t types[] = {in->choice, QTYPE_OPT, QTYPE_A};
  struct record_walk walk;
  struct record r;
  if (!message_remove_types(b, types, 3))
    return false;
  assert(record_walk_init(&walk, b->data, b->size));
  while (record_next(&walk, &r))
    assert(r.type != QTYPE_A && (r.type != in->choice || r.type == QTYPE_OPT));
  return true;
}

// Written anew without a change: the same names own the same types.
static bool
rebuild(struct wire_buffer *b, const struct input *in)
{
  struct record_walk before, after;
  struct record r, s;
  if (!rebuild_message(b, &(struct rebuild){.drop_count = 0}))
    return false;
  assert(record_walk_init(&before, in->message, in->size) && record_walk_init(&after, b->data, b->size));
  while (record_next(&before, &r)) {
    struct name owner, written;
    assert(record_next(&after, &s) && r.type == s.type && r.class == s.class && r.ttl == s.ttl && r.section == s.section);
    assert(message_name(in->message, in->size, r.owner, &owner) && message_name(b->data, b->size, s.owner, &written));
    assert(owner.size == written.size && memcmp(owner.bytes, written.bytes, owner.size) == 0);
  }
  assert(!before.malformed && !record_next(&after, &s) && !after.malformed);
  return true;
}

static unsigned
count_options(const struct wire_buffer *b, uint16_t code)
{
  struct edns edns;
  uint16_t cursor, found, data, size;
  unsigned count = 0;
  assert(message_edns(b->data, b->size, 0, &edns));
  for (cursor = edns.options; edns_option_next(b->data, &edns, &cursor, &found, &data, &size);)
    count += found == code;
  return count;
}

static bool
set_option(struct wire_buffer *b, const struct input *in)
{
  bool added;
  if (!message_set_option(b, in->choice & 15, (const uint8_t *)"12345678", in->choice & 7, 512, &added))
    return false;
  assert(count_options(b, in->choice & 15) == 1);
  return true;
}

static bool
remove_option(struct wire_buffer *b, const struct input *in)
{
  if (!message_remove_option(b, in->choice & 15))
    return false;
  assert(count_options(b, in->choice & 15) == 0);
  return true;
}

static bool
append_option(struct wire_buffer *b, const struct input *in)
{
  if (!message_append_option(b, EDNS_EDE, in->message, in->choice < in->size ? in->choice : 0))
    return false;
  assert(count_options(b, EDNS_EDE) > 0);
  return true;
}

static bool
add_opt(struct wire_buffer *b, const struct input *in)
{
  return message_add_opt(b, 1232, in->choice, true, (const uint8_t *)"\0\14\0\1x", in->choice & 1 ? 5 : 0);
}

static bool
remove_opt(struct wire_buffer *b, const struct input *in)
{
  struct edns edns;
  (void)in;
  if (!message_remove_opt(b))
    return false;
  assert(message_edns(b->data, b->size, 0, &edns) && edns.offset == 0);
  return true;
}

static struct answer_form
form_of(const struct input *in)
{
  struct answer_form form = {.question_end = (uint16_t)in->question_end, .class = 1, .ttl = 60};
  form.flags = (struct answer_flags){(signed char)(in->choice % 3 - 1), (signed char)(in->choice / 3 % 3 - 1),
                                     (signed char)(in->choice / 9 % 3 - 1)};
  form.edns.present = in->choice & 1;
  form.edns.payload = 1232;
  return form;
}

static bool
answer_rcode(struct wire_buffer *b, const struct input *in)
{
  struct answer_form form = form_of(in);
  return in->choice & 2 ? compose_rcode(b, &form, in->choice) : compose_truncated(b, &form);
}

static bool
answer_addresses(struct wire_buffer *b, const struct input *in)
{
  struct answer_form form = form_of(in);
  struct address list[2];
  address_from_raw(&list[0], "\300\0\2\1", 4, 0);
  address_from_raw(&list[1], "0123456789abcdef", 16, 0);
  return compose_addresses(b, &form, in->choice & 2 ? QTYPE_ANY : QTYPE_AAAA, list, 2);
}

static bool
answer_cname(struct wire_buffer *b, const struct input *in)
{
  struct answer_form form = form_of(in);
  return compose_cname(b, &form, &target);
}

static bool
answer_raw(struct wire_buffer *b, const struct input *in)
{
  struct answer_form form = form_of(in);
  const struct bytes rdata[2] = {{"", 0}, {"0123456789", in->choice % 10u}};
  return compose_raw(b, &form, QTYPE_TXT, rdata, 2);
}

static bool
answer_negative(struct wire_buffer *b, const struct input *in)
{
  struct answer_form form = form_of(in);
  struct soa soa = {.zone = target, .mname = target, .rname = target, .serial = 1};
  return compose_negative(b, &form, in->choice & 2, &soa, in->choice & 4);
}

static bool
append_record(struct wire_buffer *b, const struct input *in)
{
  struct record_data r = {.owner = in->choice & 8 ? &target : NULL, .type = QTYPE_A, .rdata = (const uint8_t *)"1234", .rdata_size = 4};
  return compose_append(b, in->choice % 6u, &r);
}

static bool
limit_ttls(struct wire_buffer *b, const struct input *in)
{
  return message_limit_ttls(b, in->choice, in->choice * 16u);
}

typedef bool (*change_fn)(struct wire_buffer *, const struct input *);

static struct wire_buffer
copy_of(const struct input *in)
{
  struct wire_buffer b = {.size = in->size, .capacity = in->size + in->spare};
  b.data = malloc(b.capacity > 0 ? b.capacity : 1);
  assert(b.data != NULL);
  memcpy(b.data, in->message, in->size);
  return b;
}

static void
check_change(const struct input *in, change_fn change)
{
  struct wire_buffer b = copy_of(in);
  size_t capacity = b.capacity;
  bool done = change(&b, in);
  assert(b.capacity == capacity && b.size <= capacity);
  if (!done && change != limit_ttls)
    assert(b.size == in->size && memcmp(b.data, in->message, in->size) == 0);
  if (done && in->well_formed)
    assert(message_proper_size(b.data, b.size) == b.size);
  free(b.data);
}

static void
check_cuts(const struct input *in)
{
  struct edns edns;
  message_edns(in->message, in->size, in->question_end, &edns);
  struct wire_buffer b = copy_of(in);
  message_truncate(&b, in->question_end, &edns);
  assert(b.size <= b.capacity && (b.size < HEADER_SIZE || (b.data[2] & FLAG2_TC)));
  assert(!in->well_formed || message_proper_size(b.data, b.size) == b.size);
  message_cut_records(&b, (size_t)in->choice * 16);
  assert(b.size <= b.capacity);
  free(b.data);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const change_fn changes[] = {
    rename_it,    remove_types,     rebuild,      set_option, remove_option,   append_option, add_opt,    remove_opt,
    answer_rcode, answer_addresses, answer_cname, answer_raw, answer_negative, append_record, limit_ttls,
  };
  if (size < 2)
    return 0;
  struct input in = {.message = data + 2, .size = size - 2, .spare = data[0], .choice = data[1], .question_end = HEADER_SIZE};
  struct question q;
  size_t proper = message_proper_size(in.message, in.size);
  in.well_formed = proper != 0 && proper == in.size;
  if (message_question(in.message, in.size, &q))
    in.question_end = q.end;
  for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
    check_change(&in, changes[i]);
  check_cuts(&in);
  return 0;
}
