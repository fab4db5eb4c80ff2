// SPDX-License-Identifier: BSD-2-Clause
// The answer that a dry walk made, record by record.
#include "dnsproxy/explain/explain_walk.h"
#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/message.h"

#include <stdlib.h>
#include <string.h>

json_t *
explain_string(const char *bytes, size_t size)
{
  json_t *s = json_stringn(bytes, size);
  if (s != NULL)
    return s;
  struct text clean; // JSON has no bytes that are no UTF-8
  text_init(&clean);
  for (size_t i = 0; i < size; i++) {
    unsigned char c = (unsigned char)bytes[i];
    if (c < 0x80 && c != '\0')
      text_add(&clean, bytes + i, 1);
    else
      text_printf(&clean, "\\%03u", c);
  }
  s = json_stringn(clean.data, clean.size);
  text_fini(&clean);
  return s;
}

json_t *
explain_pair(const char *before, const char *now)
{
  json_t *pair = json_array();
  json_array_append_new(pair, explain_string(before, strlen(before)));
  json_array_append_new(pair, explain_string(now, strlen(now)));
  return pair;
}

// Data that is no address and no name: RFC 3597.
static void
explain_answer_add_data(const struct query *q, const struct record *r, struct text *out)
{
  struct address address;
  struct name name;
  char text[NAME_TEXT_SIZE], address_as_text[ADDRESS_TEXT_SIZE];
  bool is_name = r->type == QTYPE_CNAME || r->type == QTYPE_NS || r->type == QTYPE_PTR;
  if (rdata_address(q->packet.data, q->packet.size, r, &address)) {
    text_puts(out, address_text(&address, address_as_text));
  } else if (is_name && rdata_name(q->packet.data, q->packet.size, r, &name)) {
    text_puts(out, name_text(&name, text));
  } else {
    text_printf(out, "\\# %u ", r->rdata_size);
    for (uint16_t i = 0; i < r->rdata_size; i++)
      text_printf(out, "%02x", q->packet.data[r->rdata + i]);
  }
}

static json_t *
explain_answer_record_text(const struct query *q, const struct record *r)
{
  static const char *const sections[] = {"question", "answer", "authority", "additional"};
  struct name owner;
  char name[NAME_TEXT_SIZE], type[QTYPE_TEXT_SIZE];
  struct text text;
  text_init(&text);
  if (message_name(q->packet.data, q->packet.size, r->owner, &owner) > 0)
    text_puts(&text, name_text(&owner, name));
  text_printf(&text, " %u %s ", r->ttl, qtype_text(r->type, type));
  explain_answer_add_data(q, r, &text);
  json_t *o = json_pack("{s:s, s:o}", "section", sections[r->section], "text", explain_string(text.data, text.size));
  text_fini(&text);
  return o;
}

json_t *
explain_answer(const struct query *q)
{
  bool malformed;
  size_t count;
  struct record *records = records_read(q->packet.data, q->packet.size, &count, &malformed);
  json_t *list = json_array();
  for (size_t i = 0; i < count; i++)
    if (records[i].type != QTYPE_OPT)
      json_array_append_new(list, explain_answer_record_text(q, &records[i]));
  free(records);
  unsigned rcode = message_rcode(q->packet.data);
  const char *mnemonic = rcode_mnemonic(rcode);
  json_t *o = json_pack("{s:s*, s:i, s:I, s:o}", "rcode", mnemonic, "rcode_number", (int)rcode, "size",
                        (json_int_t)q->packet.size, "records", list);
  return o;
}
