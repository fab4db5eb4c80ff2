// SPDX-License-Identifier: BSD-2-Clause
// ffi.C: changing an answer.
#include "lua/scripts/ffi_frame.h"

#include "lua/scripts/question_ops.h"

// A question is no response.
static struct query *
ffi_response_answer_of(const dnsdist_ffi_dnsresponse_t *dr)
{
  return dr == NULL || dr->side != SIDE_RESPONSE ? NULL : dr->query;
}

void
dnsdist_ffi_dnsresponse_limit_ttl(dnsdist_ffi_dnsresponse_t *dr, uint32_t min, uint32_t max)
{
  struct query *q = ffi_response_answer_of(dr);
  if (q != NULL)
    message_limit_ttls(&q->packet, min, max);
}

void
dnsdist_ffi_dnsresponse_set_min_ttl(dnsdist_ffi_dnsresponse_t *dr, uint32_t min)
{
  dnsdist_ffi_dnsresponse_limit_ttl(dr, min, UINT32_MAX);
}

void
dnsdist_ffi_dnsresponse_set_max_ttl(dnsdist_ffi_dnsresponse_t *dr, uint32_t max)
{
  dnsdist_ffi_dnsresponse_limit_ttl(dr, 0, max);
}

void
dnsdist_ffi_dnsresponse_set_max_returned_ttl(dnsdist_ffi_dnsresponse_t *dr, uint32_t max)
{
  struct query *q = ffi_response_answer_of(dr);
  if (q != NULL)
    q->limits.max_ttl = max;
}

void
dnsdist_ffi_dnsresponse_clear_records_type(dnsdist_ffi_dnsresponse_t *dr, uint16_t qtype)
{
  struct query *q = ffi_response_answer_of(dr);
  if (q != NULL)
    message_remove_types(&q->packet, &qtype, 1);
}

bool
dnsdist_ffi_dnsresponse_rebase(dnsdist_ffi_dnsresponse_t *dr, const char *raw, size_t size)
{
  struct query *q = ffi_response_answer_of(dr);
  struct name name;
  if (q == NULL || !ffi_name(&name, raw, size))
    return false;
  return question_rename(q, &name);
}

bool
dnsdist_ffi_dnsresponse_get_stale_cache_hit(const dnsdist_ffi_dnsresponse_t *dr)
{
  const struct query *q = ffi_response_answer_of(dr);
  return q != NULL && q->stale;
}

uint8_t
dnsdist_ffi_dnsresponse_get_restart_count(const dnsdist_ffi_dnsresponse_t *dr)
{
  const struct query *q = ffi_response_answer_of(dr);
  return q == NULL ? 0 : q->restarts;
}
