// SPDX-License-Identifier: BSD-2-Clause
// Fields that DNSQuestion and DNSResponse share.
#include "lua/binder/classes.h"
#include "lua/scripts/question_access.h"

#include <string.h>

int
question_get_qname(struct call *c)
{
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  struct name *name = binder_push_value(c->lua, &class_name);
  name->size = q->qname.size;
  memcpy(name->bytes, q->qname.bytes, q->qname.size);
  return 1;
}

static int
question_attributes_push_integer(struct call *c, lua_Integer n)
{
  lua_pushinteger(c->lua, n);
  return 1;
}

int
question_get_qtype(struct call *c)
{
  const struct query *q = question_query(c);
  return q == NULL ? -1 : question_attributes_push_integer(c, q->qtype);
}

int
question_get_qclass(struct call *c)
{
  const struct query *q = question_query(c);
  return q == NULL ? -1 : question_attributes_push_integer(c, q->qclass);
}

int
question_get_rcode(struct call *c)
{
  const struct query *q = question_query(c);
  return q == NULL ? -1 : question_attributes_push_integer(c, message_rcode(q->packet.data));
}

int
question_set_rcode(struct call *c, const struct value *v)
{
  struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  uint8_t *flags = &q->packet.data[3];
  *flags = (uint8_t)((*flags & ~FLAG3_RCODE) | (v->integer & FLAG3_RCODE));
  return 0;
}

int
question_get_dh(struct call *c)
{
  struct scope *scope = ((struct question_handle *)c->self)->scope;
  if (question_query(c) == NULL)
    return -1;
  if (scope->level == SCOPE_OWNED) {
    struct header_handle *h = binder_push_value(c->lua, &class_header);
    h->scope = scope;
    lua_getfenv(c->lua, 1); // what keeps the object that the scope is of
    lua_setfenv(c->lua, -2);
    return 1;
  }
  // Who got here has a dq, and with it all objects of its level.
  return scope_push_header(c->lua, scope) ? 1 : -1;
}

// The bits alone: the id and the counts belong to the packet.
static int
question_attributes_write_header(struct call *c, struct query *q, int stack)
{
  const struct header_handle *h = binder_test(c->lua, stack, &class_header);
  if (h == NULL)
    return call_wrong_type(c, stack, class_header.name);
  if (h->scope != NULL && h->scope->query == NULL)
    return call_fault(c, FAULT_PLAIN, "The query of this header has ended");
  memmove(q->packet.data + 2, (h->scope != NULL ? h->scope->query->packet.data : h->bytes) + 2, 2);
  return 0;
}

int
question_set_dh(struct call *c, const struct value *v)
{
  struct query *q = question_query(c);
  return q == NULL ? -1 : question_attributes_write_header(c, q, v->stack);
}

int
question_set_header(struct call *c)
{
  struct query *q = question_query(c);
  return q == NULL ? -1 : question_attributes_write_header(c, q, c->args[0].stack);
}

int
question_get_header(struct call *c)
{
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  struct header_handle *h = binder_push_value(c->lua, &class_header);
  memcpy(h->bytes, q->packet.data, sizeof h->bytes);
  return 1;
}

int
question_get_len(struct call *c)
{
  const struct query *q = question_query(c);
  return q == NULL ? -1 : question_attributes_push_integer(c, (lua_Integer)q->packet.size);
}

int
question_set_len(struct call *c, const struct value *v)
{
  struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  if (v->integer < 0 || !question_resize(q, (size_t)v->integer))
    return call_fault(c, FAULT_CAUGHT, "A packet cannot have this size: %lld", (long long)v->integer);
  return 0;
}

int
question_get_opcode(struct call *c)
{
  const struct query *q = question_query(c);
  return q == NULL ? -1 : question_attributes_push_integer(c, message_opcode(q->packet.data));
}

static int
question_attributes_push_boolean(struct call *c, bool b)
{
  lua_pushboolean(c->lua, b);
  return 1;
}

int
question_get_tcp(struct call *c)
{
  const struct query *q = question_query(c);
  return q == NULL ? -1 : question_attributes_push_boolean(c, query_is_tcp(q));
}

int
question_get_skip_cache(struct call *c)
{
  const struct query *q = question_query(c);
  return q == NULL ? -1 : question_attributes_push_boolean(c, q->skip_cache);
}

int
question_set_skip_cache(struct call *c, const struct value *v)
{
  struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  q->skip_cache = v->boolean;
  return 0;
}

static int
question_attributes_push_address(struct call *c, const struct address *a)
{
  *(struct address *)binder_push_value(c->lua, &class_address) = *a;
  return 1;
}

int
question_get_remote(struct call *c)
{
  const struct query *q = question_query(c);
  return q == NULL ? -1 : question_attributes_push_address(c, &q->arrival.client);
}

int
question_get_local(struct call *c)
{
  const struct query *q = question_query(c);
  return q == NULL ? -1 : question_attributes_push_address(c, &q->arrival.destination);
}

int
question_get_pool(struct call *c)
{
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  lua_pushstring(c->lua, q->pool_name);
  return 1;
}

int
question_set_pool(struct call *c, const struct value *v)
{
  struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  if (!query_set_pool(q, v->string.data, v->string.size))
    return call_fault(c, FAULT_CAUGHT, "The name of a pool has at most %zu bytes", sizeof q->pool_name - 1);
  return 0;
}
