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
query_of(const struct handle *h)
{
  if (h == NULL || (h->class != &class_question && h->class != &class_response))
    return NULL;
  return ((const struct question_handle *)(const void *)&h->value)->scope->query;
}

static int
get_qtype(const struct handle *h)
{
  const struct query *q = query_of(h);
  return q == NULL ? -1 : q->qtype;
}

static int
get_qclass(const struct handle *h)
{
  const struct query *q = query_of(h);
  return q == NULL ? -1 : q->qclass;
}

static int
get_rcode(const struct handle *h)
{
  const struct query *q = query_of(h);
  return q == NULL ? -1 : (int)message_rcode(q->packet.data);
}

static bool
set_rcode(const struct handle *h, double rcode)
{
  struct query *q = query_of(h);
  if (q == NULL || !(rcode >= 0 && rcode < FLAG3_RCODE + 1))
    return false;
  uint8_t *flags = &q->packet.data[3];
  *flags = (uint8_t)((*flags & ~FLAG3_RCODE) | ((unsigned)rcode & FLAG3_RCODE));
  return true;
}

static int
get_opcode(const struct handle *h)
{
  const struct query *q = query_of(h);
  return q == NULL ? -1 : (int)message_opcode(q->packet.data);
}

static int
get_len(const struct handle *h)
{
  const struct query *q = query_of(h);
  return q == NULL ? -1 : (int)q->packet.size;
}

static int
get_tcp(const struct handle *h)
{
  const struct query *q = query_of(h);
  return q == NULL ? -1 : query_is_tcp(q);
}

static int
get_skip_cache(const struct handle *h)
{
  const struct query *q = query_of(h);
  return q == NULL ? -1 : q->skip_cache;
}

static bool
set_skip_cache(const struct handle *h, bool on)
{
  struct query *q = query_of(h);
  if (q == NULL)
    return false;
  q->skip_cache = on;
  return true;
}

static int
get_dnssec_ok(const struct handle *h)
{
  const struct query *q = query_of(h);
  return q == NULL ? -1 : question_edns(q).dnssec_ok;
}

// From 1; 0: it has no dh of its own.
static int
get_level(const struct handle *h)
{
  if (query_of(h) == NULL)
    return 0;
  const struct scope *s = ((const struct question_handle *)(const void *)&h->value)->scope;
  return s->level < SCOPE_LEVELS ? s->level + 1 : 0;
}

static const char *
get_pool(const struct handle *h)
{
  const struct query *q = query_of(h);
  return q == NULL ? NULL : q->pool_name;
}

static bool
set_pool(const struct handle *h, const char *name, size_t size)
{
  struct query *q = query_of(h);
  return q != NULL && query_set_pool(q, name, size);
}

static const char *
get_tag(const struct handle *h, const char *key, uint32_t *size)
{
  const struct query *q = query_of(h);
  if (q == NULL)
    return NULL;
  const struct tag *t = query_tag_get(q, key);
  *size = t == NULL ? 0 : t->value_size;
  return t == NULL ? "" : t->value;
}

static bool
set_tag(const struct handle *h, const char *key, const char *value, size_t size)
{
  struct query *q = query_of(h);
  return q != NULL && q->worker != NULL && size <= UINT32_MAX && query_tag_set(q, key, value, size);
}

// out: a new value of the class, zeroed.
static bool
get_qname(const struct handle *h, struct handle *out)
{
  const struct query *q = query_of(h);
  if (q == NULL)
    return false;
  struct name *name = (void *)&out->value;
  out->class = &class_name;
  name->size = q->qname.size;
  memcpy(name->bytes, q->qname.bytes, q->qname.size);
  return true;
}

static bool
put_address(struct handle *out, const struct address *a)
{
  out->class = &class_address;
  memcpy(&out->value, a, sizeof *a);
  return true;
}

static bool
get_remote(const struct handle *h, struct handle *out)
{
  const struct query *q = query_of(h);
  return q != NULL && put_address(out, &q->arrival.client);
}

static bool
get_local(const struct handle *h, struct handle *out)
{
  const struct query *q = query_of(h);
  return q != NULL && put_address(out, &q->arrival.destination);
}

// ---- dh ----

static uint8_t *
header_bytes(const struct handle *h)
{
  return h == NULL || h->class != &class_header ? NULL : header_of(h);
}

static int
get_bit(const struct handle *h, unsigned number)
{
  const uint8_t *m = header_bytes(h);
  return m == NULL ? -1 : header_bit_get(m, number);
}

static bool
set_bit(const struct handle *h, unsigned number, bool on)
{
  uint8_t *m = header_bytes(h);
  if (m == NULL)
    return false;
  header_bit_set(m, number, on);
  return true;
}

static int
get_id(const struct handle *h)
{
  const uint8_t *m = header_bytes(h);
  return m == NULL ? -1 : message_id(m);
}

// ---- names: -1 when it is none, or unset ----

static const struct name *
name_of(const struct handle *h)
{
  const struct name *name = h == NULL || h->class != &class_name ? NULL : (const void *)&h->value;
  binder_effects.pure = true;
  return name != NULL && name->size > 0 ? name : NULL;
}

static int
write_name(const struct handle *h, char *out)
{
  const struct name *name = name_of(h);
  return name == NULL ? -1 : (int)strlen(name_text(name, out));
}

static int
write_name_no_dot(const struct handle *h, char *out)
{
  const struct name *name = name_of(h);
  return name == NULL ? -1 : (int)strlen(name_text_no_dot(name, out));
}

static int
write_name_wire(const struct handle *h, char *out)
{
  const struct name *name = name_of(h);
  if (name == NULL)
    return -1;
  memcpy(out, name->bytes, name->size);
  return name->size;
}

static int
count_labels(const struct handle *h)
{
  const struct name *name = name_of(h);
  return name == NULL ? -1 : (int)name_bytes_labels(name->bytes);
}

static int
wire_length(const struct handle *h)
{
  const struct name *name = name_of(h);
  return name == NULL ? -1 : name->size;
}

static double
hash(const struct handle *h)
{
  const struct name *name = name_of(h);
  return name == NULL ? -1.0 : (double)(uint32_t)name_bytes_hash(name->bytes, name->size, 0);
}

static int
is_part_of(const struct handle *h, const struct handle *parent)
{
  const struct name *name = name_of(h), *above = name_of(parent);
  return name == NULL || above == NULL ? -1 : name_bytes_is_part_of(name->bytes, name->size, above);
}

// ---- addresses ----

static const struct address *
address_of(const struct handle *h)
{
  binder_effects.pure = true;
  return h == NULL || h->class != &class_address ? NULL : (const void *)&h->value;
}

static int
write_address(const struct handle *h, char *out)
{
  const struct address *a = address_of(h);
  return a == NULL ? -1 : (int)strlen(address_text(a, out));
}

static int
write_address_with_port(const struct handle *h, char *out)
{
  const struct address *a = address_of(h);
  return a == NULL ? -1 : (int)strlen(address_text_with_port(a, out));
}

static int
write_address_raw(const struct handle *h, char *out)
{
  const struct address *a = address_of(h);
  if (a == NULL)
    return -1;
  size_t count;
  const uint8_t *bytes = address_raw(a, &count);
  memcpy(out, bytes, count);
  return (int)count;
}

static int
get_port(const struct handle *h)
{
  const struct address *a = address_of(h);
  return a == NULL ? -1 : address_port(a);
}

static int
is_v4(const struct handle *h)
{
  const struct address *a = address_of(h);
  return a == NULL ? -1 : a->sa.sa_family == AF_INET;
}

static int
is_v6(const struct handle *h)
{
  const struct address *a = address_of(h);
  return a == NULL ? -1 : address_is_v6(a);
}

static int
is_mapped(const struct handle *h)
{
  const struct address *a = address_of(h);
  return a == NULL ? -1 : address_is_mapped(a);
}

#define CALL(name, type) {#name, type, (void (*)(void))name}
#define NUMBER "int (*)(const void *)"
#define WRITER "int (*)(const void *, char *)"
#define MAKER "bool (*)(const void *, void *)"

const struct member_call member_calls[] = {
    CALL(get_qtype, NUMBER),
    CALL(get_qclass, NUMBER),
    CALL(get_rcode, NUMBER),
    CALL(set_rcode, "bool (*)(const void *, double)"),
    CALL(get_opcode, NUMBER),
    CALL(get_len, NUMBER),
    CALL(get_tcp, NUMBER),
    CALL(get_skip_cache, NUMBER),
    CALL(set_skip_cache, "bool (*)(const void *, bool)"),
    CALL(get_dnssec_ok, NUMBER),
    CALL(get_level, NUMBER),
    CALL(get_pool, "const char *(*)(const void *)"),
    CALL(set_pool, "bool (*)(const void *, const char *, size_t)"),
    CALL(get_tag, "const char *(*)(const void *, const char *, uint32_t *)"),
    CALL(set_tag, "bool (*)(const void *, const char *, const char *, size_t)"),
    CALL(get_qname, MAKER),
    CALL(get_remote, MAKER),
    CALL(get_local, MAKER),
    CALL(get_bit, "int (*)(const void *, unsigned)"),
    CALL(set_bit, "bool (*)(const void *, unsigned, bool)"),
    CALL(get_id, NUMBER),
    CALL(write_name, WRITER),
    CALL(write_name_no_dot, WRITER),
    CALL(write_name_wire, WRITER),
    CALL(count_labels, NUMBER),
    CALL(wire_length, NUMBER),
    CALL(hash, "double (*)(const void *)"),
    CALL(is_part_of, "int (*)(const void *, const void *)"),
    CALL(write_address, WRITER),
    CALL(write_address_with_port, WRITER),
    CALL(write_address_raw, WRITER),
    CALL(get_port, NUMBER),
    CALL(is_v4, NUMBER),
    CALL(is_v6, NUMBER),
    CALL(is_mapped, NUMBER),
    {.name = NULL}};
