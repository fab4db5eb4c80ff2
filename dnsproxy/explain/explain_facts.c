// SPDX-License-Identifier: BSD-2-Clause
// What rules and rooms can change about a query, one row each: compared before and after, they say what was done to it.
#include "dnsproxy/explain/explain_facts.h"

#include "dnsproxy/base/netmask.h"
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
explain_facts_add_data(const struct query *q, const struct record *r, struct text *out)
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
explain_facts_record_text(const struct query *q, const struct record *r)
{
  static const char *const sections[] = {"question", "answer", "authority", "additional"};
  struct name owner;
  char name[NAME_TEXT_SIZE], type[QTYPE_TEXT_SIZE];
  struct text text;
  text_init(&text);
  if (message_name(q->packet.data, q->packet.size, r->owner, &owner) > 0)
    text_puts(&text, name_text(&owner, name));
  text_printf(&text, " %u %s ", r->ttl, qtype_text(r->type, type));
  explain_facts_add_data(q, r, &text);
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
      json_array_append_new(list, explain_facts_record_text(q, &records[i]));
  free(records);
  unsigned rcode = message_rcode(q->packet.data);
  const char *mnemonic = rcode_mnemonic(rcode);
  json_t *o = json_pack("{s:s*, s:i, s:I, s:o}", "rcode", mnemonic, "rcode_number", (int)rcode, "size",
                        (json_int_t)q->packet.size, "records", list);
  return o;
}

// ---- facts: what rules and rooms can change about a query, one row each ----

static void
explain_facts_say_pool(const struct query *q, struct text *out)
{
  text_printf(out, "'%s'", q->pool_name);
}

static void
explain_facts_say_name(const struct query *q, struct text *out)
{
  char text[NAME_TEXT_SIZE];
  text_puts(out, name_text(&q->qname, text));
}

static void
explain_facts_say_type(const struct query *q, struct text *out)
{
  char text[QTYPE_TEXT_SIZE];
  text_puts(out, qtype_text(q->qtype, text));
}

static void
explain_facts_say_client(const struct query *q, struct text *out)
{
  char text[ADDRESS_TEXT_SIZE];
  text_puts(out, address_text_with_port(&q->arrival.client, text));
}

static void
explain_facts_say_flags(const struct query *q, struct text *out)
{
  static const struct {
    const char *name;
    unsigned byte, bit;
  } flags[] = {{"qr", 2, FLAG2_QR}, {"aa", 2, FLAG2_AA}, {"tc", 2, FLAG2_TC}, {"rd", 2, FLAG2_RD},
               {"ra", 3, FLAG3_RA}, {"ad", 3, FLAG3_AD}, {"cd", 3, FLAG3_CD}};
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
    if ((q->packet.data[flags[i].byte] & flags[i].bit) != 0)
      text_printf(out, "%s%s", out->size > 0 ? " " : "", flags[i].name);
}

static void
explain_facts_say_opcode(const struct query *q, struct text *out)
{
  text_puts(out, opcode_text(message_opcode(q->packet.data)));
}

static void
explain_facts_say_rcode(const struct query *q, struct text *out)
{
  unsigned rcode = message_rcode(q->packet.data);
  const char *mnemonic = rcode_mnemonic(rcode);
  if (mnemonic != NULL)
    text_puts(out, mnemonic);
  else
    text_printf(out, "%u", rcode);
}

static void
explain_facts_say_records(const struct query *q, struct text *out)
{
  const uint8_t *m = q->packet.data;
  text_printf(out, "%u answer, %u authority, %u additional", message_count(m, 1), message_count(m, 2), message_count(m, 3));
}

static void
explain_facts_say_size(const struct query *q, struct text *out)
{
  text_printf(out, "%zu bytes", q->packet.size);
}

static void
explain_facts_say_options(const struct query *q, struct text *out)
{
  struct edns edns;
  struct question question;
  uint16_t cursor, code, data, size;
  if (!message_question(q->packet.data, q->packet.size, &question) ||
      !message_edns(q->packet.data, q->packet.size, question.end, &edns) || edns.offset == 0)
    return;
  text_printf(out, "EDNS, %u bytes%s", edns.payload, edns.dnssec_ok ? ", DO" : "");
  for (cursor = edns.options; edns_option_next(q->packet.data, &edns, &cursor, &code, &data, &size);) {
    text_printf(out, ", %u=", code);
    for (uint16_t i = 0; i < size; i++)
      text_printf(out, "%02x", q->packet.data[data + i]);
  }
}

static void
explain_facts_say_tags(const struct query *q, struct text *out)
{
  for (const struct tag *t = query_tags(q); t != NULL; t = t->next)
    text_printf(out, "%s%s=%s", out->size > 0 ? " " : "", t->key, t->value);
}

static void
explain_facts_say_cache(const struct query *q, struct text *out)
{
  text_puts(out, q->skip_cache ? "skipped" : "used");
}

static void
explain_facts_say_ecs(const struct query *q, struct text *out)
{
  text_printf(out, "/%u, /%u", q->subnet.prefix_v4, q->subnet.prefix_v6);
  text_puts(out, q->subnet.override ? ", replaces" : "");
  if (q->subnet.network != NULL) {
    text_puts(out, ", ");
    netmask_text(q->subnet.network, out);
  }
}

static void
explain_facts_say_delay(const struct query *q, struct text *out)
{
  text_printf(out, "%u ms", q->limits.delay_ms);
}

static void
explain_facts_say_ttls(const struct query *q, struct text *out)
{
  if (q->limits.max_ttl != UINT32_MAX)
    text_printf(out, "at most %u s", q->limits.max_ttl);
  if (q->limits.failure_ttl >= 0)
    text_printf(out, "%sfailures %d s", out->size > 0 ? ", " : "", (int)q->limits.failure_ttl);
}

static void
explain_facts_say_errors(const struct query *q, struct text *out)
{
  for (const struct extended_error *e = q->extra == NULL ? NULL : q->extra->errors; e != NULL; e = e->next)
    text_printf(out, "%s%u %.*s", out->size > 0 ? ", " : "", e->code, (int)e->size, e->text);
}

static void
explain_facts_say_proxy(const struct query *q, struct text *out)
{
  for (const struct proxy_value *v = query_proxy_values(q); v != NULL; v = v->next)
    text_printf(out, "%s%u=%.*s", out->size > 0 ? " " : "", v->type, (int)v->size, (const char *)v->data);
}

static void
explain_facts_say_ids(const struct query *q, struct text *out)
{
  const struct query_extra *e = q->extra;
  if (e != NULL && (e->requestor_id != NULL || e->device_id != NULL || e->device_name != NULL))
    text_printf(out, "requestor '%s', device '%s' '%s'", e->requestor_id == NULL ? "" : e->requestor_id,
                e->device_id == NULL ? "" : e->device_id, e->device_name == NULL ? "" : e->device_name);
}

static const struct {
  const char *name;
  void (*say)(const struct query *, struct text *);
} rows[FACTS] = {
    {"pool", explain_facts_say_pool},
    {"name", explain_facts_say_name},
    {"type", explain_facts_say_type},
    {"client", explain_facts_say_client},
    {"flags", explain_facts_say_flags},
    {"opcode", explain_facts_say_opcode},
    {"rcode", explain_facts_say_rcode},
    {"records", explain_facts_say_records},
    {"EDNS", explain_facts_say_options},
    {"tags", explain_facts_say_tags},
    {"cache", explain_facts_say_cache},
    {"client subnet", explain_facts_say_ecs},
    {"delay", explain_facts_say_delay},
    {"TTLs", explain_facts_say_ttls},
    {"extended errors", explain_facts_say_errors},
    {"PROXY values", explain_facts_say_proxy},
    {"identifiers", explain_facts_say_ids},
    {"size", explain_facts_say_size},
};

static char *
explain_facts_said(size_t row, const struct query *q)
{
  struct text text;
  text_init(&text);
  rows[row].say(q, &text);
  char *words = text_steal(&text);
  text_fini(&text);
  return words;
}

void
facts_take(struct facts *f, const struct query *q)
{
  for (size_t i = 0; i < FACTS; i++)
    f->said[i] = explain_facts_said(i, q);
}

void
facts_fini(struct facts *f)
{
  for (size_t i = 0; i < FACTS; i++)
    free(f->said[i]);
}

json_t *
facts_changes(struct facts *before, const struct query *q)
{
  json_t *changes = NULL;
  for (size_t i = 0; i < FACTS; i++) {
    char *now = explain_facts_said(i, q);
    if (strcmp(now, before->said[i]) != 0) {
      if (changes == NULL)
        changes = json_object();
      json_object_set_new(changes, rows[i].name, explain_pair(before->said[i], now));
    }
    free(before->said[i]);
    before->said[i] = now;
  }
  return changes;
}
