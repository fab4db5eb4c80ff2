// SPDX-License-Identifier: BSD-2-Clause
// What compiled members call: plain C functions that look at the handle that they get, never raise and never call Lua.
#include "lua/binder/members.h"

#include "dnsproxy/base/address.h"
#include "dnsproxy/wire/name.h"
#include "lua/binder/arguments.h"
#include "lua/binder/classes.h"
#include "lua/binder/handles.h"
#include "lua/scripts/question_access.h"

#include <string.h>

// ---- dq and dr: -1, false or NULL when the call that they were given to is over ----

static struct query *
members_calls_query_of(const struct handle *h)
{
  if (h == NULL || (h->class != &class_question && h->class != &class_response))
    return NULL;
  return ((const struct question_handle *)(const void *)&h->value)->scope->query;
}

static int
members_calls_get_qtype(const struct handle *h)
{
  const struct query *q = members_calls_query_of(h);
  return q == NULL ? -1 : q->qtype;
}

static int
members_calls_get_qclass(const struct handle *h)
{
  const struct query *q = members_calls_query_of(h);
  return q == NULL ? -1 : q->qclass;
}

static int
members_calls_get_rcode(const struct handle *h)
{
  const struct query *q = members_calls_query_of(h);
  return q == NULL ? -1 : (int)message_rcode(q->packet.data);
}

static bool
members_calls_set_rcode(const struct handle *h, double rcode)
{
  struct query *q = members_calls_query_of(h);
  if (q == NULL)
    return false;
  uint8_t *flags = &q->packet.data[3];
  *flags = (uint8_t)((*flags & ~FLAG3_RCODE) | (argument_whole(rcode) & FLAG3_RCODE));
  return true;
}

static int
members_calls_get_opcode(const struct handle *h)
{
  const struct query *q = members_calls_query_of(h);
  return q == NULL ? -1 : (int)message_opcode(q->packet.data);
}

static int
members_calls_get_len(const struct handle *h)
{
  const struct query *q = members_calls_query_of(h);
  return q == NULL ? -1 : (int)q->packet.size;
}

static int
members_calls_get_tcp(const struct handle *h)
{
  const struct query *q = members_calls_query_of(h);
  return q == NULL ? -1 : query_is_tcp(q);
}

static int
members_calls_get_skip_cache(const struct handle *h)
{
  const struct query *q = members_calls_query_of(h);
  return q == NULL ? -1 : q->skip_cache;
}

static bool
members_calls_set_skip_cache(const struct handle *h, bool on)
{
  struct query *q = members_calls_query_of(h);
  if (q == NULL)
    return false;
  q->skip_cache = on;
  return true;
}

static int
members_calls_get_dnssec_ok(const struct handle *h)
{
  const struct query *q = members_calls_query_of(h);
  return q == NULL ? -1 : question_edns(q).dnssec_ok;
}

// From 1; 0: it has no dh of its own.
static int
members_calls_get_level(const struct handle *h)
{
  if (members_calls_query_of(h) == NULL)
    return 0;
  const struct scope *s = ((const struct question_handle *)(const void *)&h->value)->scope;
  return s->level < SCOPE_LEVELS ? s->level + 1 : 0;
}

static const char *
members_calls_get_pool(const struct handle *h)
{
  const struct query *q = members_calls_query_of(h);
  return q == NULL ? NULL : q->pool_name;
}

static bool
members_calls_set_pool(const struct handle *h, const char *name, size_t size)
{
  struct query *q = members_calls_query_of(h);
  return q != NULL && query_set_pool(q, name, size);
}

static const char *
members_calls_get_tag(const struct handle *h, const char *key, uint32_t *size)
{
  const struct query *q = members_calls_query_of(h);
  if (q == NULL)
    return NULL;
  const struct tag *t = query_tag_get(q, key);
  *size = t == NULL ? 0 : t->value_size;
  return t == NULL ? "" : t->value;
}

static bool
members_calls_set_tag(const struct handle *h, const char *key, const char *value, size_t size)
{
  struct query *q = members_calls_query_of(h);
  return q != NULL && q->worker != NULL && size <= UINT32_MAX && query_tag_set(q, key, value, size);
}

// out: a new value of the class, zeroed.
static bool
members_calls_get_qname(const struct handle *h, struct handle *out)
{
  const struct query *q = members_calls_query_of(h);
  if (q == NULL)
    return false;
  struct name *name = (void *)&out->value;
  out->class = &class_name;
  name->size = q->qname.size;
  memcpy(name->bytes, q->qname.bytes, q->qname.size);
  return true;
}

static bool
members_calls_put_address(struct handle *out, const struct address *a)
{
  out->class = &class_address;
  memcpy(&out->value, a, sizeof *a);
  return true;
}

static bool
members_calls_get_remote(const struct handle *h, struct handle *out)
{
  const struct query *q = members_calls_query_of(h);
  return q != NULL && members_calls_put_address(out, &q->arrival.client);
}

static bool
members_calls_get_local(const struct handle *h, struct handle *out)
{
  const struct query *q = members_calls_query_of(h);
  return q != NULL && members_calls_put_address(out, &q->arrival.destination);
}

// ---- dh ----

static uint8_t *
members_calls_header_bytes(const struct handle *h)
{
  return h == NULL || h->class != &class_header ? NULL : header_of(h);
}

static int
members_calls_get_bit(const struct handle *h, unsigned number)
{
  const uint8_t *m = members_calls_header_bytes(h);
  return m == NULL ? -1 : header_bit_get(m, number);
}

static bool
members_calls_set_bit(const struct handle *h, unsigned number, bool on)
{
  uint8_t *m = members_calls_header_bytes(h);
  if (m == NULL)
    return false;
  header_bit_set(m, number, on);
  return true;
}

static int
members_calls_get_id(const struct handle *h)
{
  const uint8_t *m = members_calls_header_bytes(h);
  return m == NULL ? -1 : message_id(m);
}

// ---- names: -1 when it is none, or unset ----

static const struct name *
members_calls_name_of(const struct handle *h)
{
  const struct name *name = h == NULL || h->class != &class_name ? NULL : (const void *)&h->value;
  binder_effects.pure = true;
  return name != NULL && name->size > 0 ? name : NULL;
}

static int
members_calls_write_name(const struct handle *h, char *out)
{
  const struct name *name = members_calls_name_of(h);
  return name == NULL ? -1 : (int)strlen(name_text(name, out));
}

static int
members_calls_write_name_no_dot(const struct handle *h, char *out)
{
  const struct name *name = members_calls_name_of(h);
  return name == NULL ? -1 : (int)strlen(name_text_no_dot(name, out));
}

static int
members_calls_write_name_wire(const struct handle *h, char *out)
{
  const struct name *name = members_calls_name_of(h);
  if (name == NULL)
    return -1;
  memcpy(out, name->bytes, name->size);
  return name->size;
}

static int
members_calls_count_labels(const struct handle *h)
{
  const struct name *name = members_calls_name_of(h);
  return name == NULL ? -1 : (int)name_bytes_labels(name->bytes);
}

static int
members_calls_wire_length(const struct handle *h)
{
  const struct name *name = members_calls_name_of(h);
  return name == NULL ? -1 : name->size;
}

static double
members_calls_hash(const struct handle *h)
{
  const struct name *name = members_calls_name_of(h);
  return name == NULL ? -1.0 : (double)(uint32_t)name_bytes_hash(name->bytes, name->size, 0);
}

static int
members_calls_is_part_of(const struct handle *h, const struct handle *parent)
{
  const struct name *name = members_calls_name_of(h), *above = members_calls_name_of(parent);
  return name == NULL || above == NULL ? -1 : name_bytes_is_part_of(name->bytes, name->size, above);
}

// ---- addresses ----

static const struct address *
members_calls_address_of(const struct handle *h)
{
  binder_effects.pure = true;
  return h == NULL || h->class != &class_address ? NULL : (const void *)&h->value;
}

static int
members_calls_write_address(const struct handle *h, char *out)
{
  const struct address *a = members_calls_address_of(h);
  return a == NULL ? -1 : (int)strlen(address_text(a, out));
}

static int
members_calls_write_address_with_port(const struct handle *h, char *out)
{
  const struct address *a = members_calls_address_of(h);
  return a == NULL ? -1 : (int)strlen(address_text_with_port(a, out));
}

static int
members_calls_write_address_raw(const struct handle *h, char *out)
{
  const struct address *a = members_calls_address_of(h);
  if (a == NULL)
    return -1;
  size_t count;
  const uint8_t *bytes = address_raw(a, &count);
  memcpy(out, bytes, count);
  return (int)count;
}

static int
members_calls_get_port(const struct handle *h)
{
  const struct address *a = members_calls_address_of(h);
  return a == NULL ? -1 : address_port(a);
}

static int
members_calls_is_v4(const struct handle *h)
{
  const struct address *a = members_calls_address_of(h);
  return a == NULL ? -1 : a->sa.sa_family == AF_INET;
}

static int
members_calls_is_v6(const struct handle *h)
{
  const struct address *a = members_calls_address_of(h);
  return a == NULL ? -1 : address_is_v6(a);
}

static int
members_calls_is_mapped(const struct handle *h)
{
  const struct address *a = members_calls_address_of(h);
  return a == NULL ? -1 : address_is_mapped(a);
}

#define CALL(name, type) {#name, type, (void (*)(void))name}
#define NUMBER "int (*)(const void *)"
#define WRITER "int (*)(const void *, char *)"
#define MAKER "bool (*)(const void *, void *)"

const struct member_call member_calls[] = {
    CALL(members_calls_get_qtype, NUMBER),
    CALL(members_calls_get_qclass, NUMBER),
    CALL(members_calls_get_rcode, NUMBER),
    CALL(members_calls_set_rcode, "bool (*)(const void *, double)"),
    CALL(members_calls_get_opcode, NUMBER),
    CALL(members_calls_get_len, NUMBER),
    CALL(members_calls_get_tcp, NUMBER),
    CALL(members_calls_get_skip_cache, NUMBER),
    CALL(members_calls_set_skip_cache, "bool (*)(const void *, bool)"),
    CALL(members_calls_get_dnssec_ok, NUMBER),
    CALL(members_calls_get_level, NUMBER),
    CALL(members_calls_get_pool, "const char *(*)(const void *)"),
    CALL(members_calls_set_pool, "bool (*)(const void *, const char *, size_t)"),
    CALL(members_calls_get_tag, "const char *(*)(const void *, const char *, uint32_t *)"),
    CALL(members_calls_set_tag, "bool (*)(const void *, const char *, const char *, size_t)"),
    CALL(members_calls_get_qname, MAKER),
    CALL(members_calls_get_remote, MAKER),
    CALL(members_calls_get_local, MAKER),
    CALL(members_calls_get_bit, "int (*)(const void *, unsigned)"),
    CALL(members_calls_set_bit, "bool (*)(const void *, unsigned, bool)"),
    CALL(members_calls_get_id, NUMBER),
    CALL(members_calls_write_name, WRITER),
    CALL(members_calls_write_name_no_dot, WRITER),
    CALL(members_calls_write_name_wire, WRITER),
    CALL(members_calls_count_labels, NUMBER),
    CALL(members_calls_wire_length, NUMBER),
    CALL(members_calls_hash, "double (*)(const void *)"),
    CALL(members_calls_is_part_of, "int (*)(const void *, const void *)"),
    CALL(members_calls_write_address, WRITER),
    CALL(members_calls_write_address_with_port, WRITER),
    CALL(members_calls_write_address_raw, WRITER),
    CALL(members_calls_get_port, NUMBER),
    CALL(members_calls_is_v4, NUMBER),
    CALL(members_calls_is_v6, NUMBER),
    CALL(members_calls_is_mapped, NUMBER),
    {.name = NULL}};
