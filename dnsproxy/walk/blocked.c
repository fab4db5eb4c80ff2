// SPDX-License-Identifier: BSD-2-Clause
// Blocks by address and by suffix, in this order (semantics.md section 3).
#include "dnsproxy/walk/blocked.h"

#include "dnsproxy/config/snapshot.h"

#include <string.h>

static enum verdict
blocked_act(struct query *q, struct dynblock *b, int action)
{
  if (b->warning || action == DNS_ACTION_NO_OP)
    return VERDICT_NEXT;
  // Streams are not truncated: they go on, and are not affected.
  if (action == DNS_ACTION_TRUNCATE && query_is_tcp(q))
    return VERDICT_NEXT;
  count(q->worker, COUNTER_DYN_BLOCKED);
  if (!q->rehearsal.dry)
    atomic_fetch_add_explicit(&b->hits->count, 1, memory_order_relaxed);
  switch (action) {
  case DNS_ACTION_NXDOMAIN:
  case DNS_ACTION_REFUSED:
  case DNS_ACTION_TRUNCATE:
  case DNS_ACTION_NO_RECURSE:
    return dialect_query_verdict(q, action, NULL);
  case DNS_ACTION_SET_TAG:
    if (b->tag_name != NULL)
      query_tag_set(q, b->tag_name, b->tag_value == NULL ? "" : b->tag_value, b->tag_value == NULL ? 0 : strlen(b->tag_value));
    return VERDICT_NEXT;
  default:
    return verdict_drop(q, DROP_DYNBLOCK);
  }
}

enum verdict
blocked_run(struct query *q)
{
  const struct dynblock_set *set = q->lease->snapshot->dynblocks;
  enum verdict verdict = VERDICT_NEXT;
  struct dynblock *b = dynblock_find_client(set, &q->arrival.client, q->worker->now_us);
  if (b != NULL)
    verdict = blocked_act(q, b, b->action == DYNBLOCK_NO_ACTION ? set->default_action : b->action);
  if (verdict != VERDICT_NEXT)
    return verdict;
  b = dynblock_find_name(set, &q->qname, q->worker->now_us);
  return b == NULL ? VERDICT_NEXT : blocked_act(q, b, b->action == DYNBLOCK_NO_ACTION ? set->default_action : b->action);
}
