// SPDX-License-Identifier: BSD-2-Clause
// ffi.C: queries and answers that scripts suspend, and how any thread lets them go on.
//
//   an action of a worker: dnsdist_ffi_dnsquestion_set_async(dq, id, id2, ms) --> walk/suspended: parked under the two numbers
//   any thread later:      dnsdist_ffi_resume_from_async(), _drop_from_async(), _set_answer_from_async(), ...
//
// Without the Lua lock: whoever comes from another thread finds the query by its two numbers, changes it under the lock of
// the table of suspended queries (suspended_change()), and hands it back to its worker. Each of these ends the suspension: a
// second one finds nothing and says false. What would need memory of the worker's slabs, or random numbers, is not done
// there.
#include "lua/scripts/ffi_frame.h"

#include "dnsproxy/walk/suspended.h"
#include "lua/binder/sense.h"
#include "lua/scripts/question_access.h"
#include "lua/scripts/question_ops.h"

#include <string.h>

static bool
ffi_async_set_async(dnsdist_ffi_dnsquestion_t *dq, enum action_side side, uint16_t async_id, uint16_t query_id,
                    uint32_t timeout_ms)
{
  struct query *q = ffi_query(dq);
  sense_good("dnsdist_ffi_dnsquestion_set_async", "timeout_ms", timeout_ms, 1, UINT32_MAX, "nothing is resumed in no time");
  return q != NULL && dq->suspends && dq->side == side && suspend(q, async_id, query_id, timeout_ms);
}

bool
dnsdist_ffi_dnsquestion_set_async(dnsdist_ffi_dnsquestion_t *dq, uint16_t async_id, uint16_t query_id, uint32_t timeout_ms)
{
  return ffi_async_set_async(dq, SIDE_QUERY, async_id, query_id, timeout_ms);
}

bool
dnsdist_ffi_dnsresponse_set_async(dnsdist_ffi_dnsquestion_t *dq, uint16_t async_id, uint16_t query_id, uint32_t timeout_ms)
{
  return ffi_async_set_async(dq, SIDE_RESPONSE, async_id, query_id, timeout_ms);
}

// ---- changes: false drops the query ----

struct tagging {
  char key[256]; // "": none
  const char *value;
  size_t value_size;
};

struct change {
  bool done;
  struct tagging tag, former; // `former`: the key alone
  bool use_cache;
  const char *raw;
  size_t raw_size;
  uint8_t rcode;
  bool clear;
  struct name name;
};

// False: the key is too long.
static bool
ffi_async_tagging_init(struct tagging *t, const char *key, size_t key_size, const char *value, size_t value_size)
{
  if (key == NULL)
    key_size = 0;
  if (key_size >= sizeof t->key || value_size > UINT32_MAX)
    return false;
  if (key_size > 0)
    memcpy(t->key, key, key_size);
  t->key[key_size] = '\0';
  t->value = value == NULL ? "" : value;
  t->value_size = value == NULL ? 0 : value_size;
  return true;
}

static void
ffi_async_tag(struct query *q, const struct tagging *t)
{
  if (t->key[0] != '\0')
    query_tag_set(q, t->key, t->value, t->value_size);
}

static bool
ffi_async_change_tag(struct query *q, bool response, void *arg)
{
  struct change *c = arg;
  (void)response;
  ffi_async_tag(q, &c->tag);
  q->skip_cache = !c->use_cache;
  return c->done = true;
}

static bool
ffi_async_change_nothing(struct query *q, bool response, void *arg)
{
  (void)q, (void)response;
  ((struct change *)arg)->done = true;
  return false;
}

static bool
ffi_async_change_packet(struct query *q, bool response, void *arg)
{
  struct change *c = arg;
  (void)response;
  q->skip_cache = true;
  return c->done = question_replace(q, c->raw, c->raw_size);
}

static bool
ffi_async_change_rcode(struct query *q, bool response, void *arg)
{
  struct change *c = arg;
  (void)response;
  q->skip_cache = true;
  return c->done = async_set_rcode(q, c->rcode, c->clear);
}

// The query that was kept for a restart gets the name, and is asked again.
static bool
ffi_async_rename_kept(struct query *q, const struct name *to)
{
  if (!query_ask_restart(q))
    return false;
  struct query_extra *extra = q->extra;
  size_t capacity = extra->restart_size + (size_t)NAME_MAX_SIZE;
  struct wire_buffer kept = {.data = query_alloc(q, capacity), .size = extra->restart_size, .capacity = capacity};
  if (kept.data == NULL)
    return false;
  memcpy(kept.data, extra->restart_packet, kept.size);
  if (!message_rename(&kept, to) || kept.size > UINT16_MAX)
    return false;
  extra->restart_packet = kept.data;
  extra->restart_size = (uint16_t)kept.size;
  return true;
}

static bool
ffi_async_change_name(struct query *q, bool response, void *arg)
{
  struct change *c = arg;
  struct name former;
  former.size = q->qname.size;
  memcpy(former.bytes, q->qname.bytes, former.size);
  c->done = response ? ffi_async_rename_kept(q, &c->name) : question_rename(q, &c->name);
  if (!c->done)
    return false;
  ffi_async_tag(q, &c->tag);
  c->former.value = (const char *)former.bytes;
  c->former.value_size = former.size;
  ffi_async_tag(q, &c->former);
  return true;
}

// ---- ends of a suspension: false, it is gone or cannot be changed so ----

static bool
ffi_async_apply(uint16_t async_id, uint16_t query_id, bool (*change)(struct query *, bool, void *), struct change *c)
{
  return suspended_change(async_id, query_id, change, c) && c->done;
}

bool
dnsdist_ffi_resume_from_async(uint16_t async_id, uint16_t query_id, const char *key, size_t key_size, const char *value,
                              size_t value_size, bool use_cache)
{
  struct change c = {.use_cache = use_cache};
  return ffi_async_tagging_init(&c.tag, key, key_size, value, value_size) &&
         ffi_async_apply(async_id, query_id, ffi_async_change_tag, &c);
}

bool
dnsdist_ffi_drop_from_async(uint16_t async_id, uint16_t query_id)
{
  struct change c = {.done = false};
  return ffi_async_apply(async_id, query_id, ffi_async_change_nothing, &c);
}

bool
dnsdist_ffi_set_answer_from_async(uint16_t async_id, uint16_t query_id, const char *raw, size_t size)
{
  struct change c = {.raw = raw, .raw_size = size};
  return raw != NULL && size >= HEADER_SIZE && size <= MESSAGE_MAX_SIZE &&
         ffi_async_apply(async_id, query_id, ffi_async_change_packet, &c);
}

bool
dnsdist_ffi_set_rcode_from_async(uint16_t async_id, uint16_t query_id, uint8_t rcode, bool clear)
{
  struct change c = {.rcode = rcode, .clear = clear};
  return ffi_async_apply(async_id, query_id, ffi_async_change_rcode, &c);
}

bool
dnsdist_ffi_resume_from_async_with_alternate_name(uint16_t async_id, uint16_t query_id, const char *raw, size_t raw_size,
                                                  const char *key, size_t key_size, const char *value, size_t value_size,
                                                  const char *former_key, size_t former_key_size)
{
  struct change c = {.done = false};
  return ffi_name(&c.name, raw, raw_size) && ffi_async_tagging_init(&c.tag, key, key_size, value, value_size) &&
         ffi_async_tagging_init(&c.former, former_key, former_key_size, NULL, 0) &&
         ffi_async_apply(async_id, query_id, ffi_async_change_name, &c);
}
