// SPDX-License-Identifier: BSD-2-Clause
// What rules and rooms can change about a query, one row each: compared before and after, they say what was done to it.
#include "dnsproxy/base/netmask.h"
#include "dnsproxy/explain/explain_walk.h"
#include "dnsproxy/wire/codes.h"

#include <stdlib.h>
#include <string.h>

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
